"""`forebay plan`: the fewest workers, the table around them, and what is said when there are none."""

import json
from pathlib import Path

from sim.cli import status
from tests.cli.conftest import Forebay

WANTED = 'objectives=[{subject: "traffic:web", metric: latency_mean, at_most: 150ms}]'
HOPELESS = 'objectives=[{subject: "traffic:web", metric: latency_mean, at_most: 1ms}]'


def test_the_fewest_workers_are_found(small: Path, forebay: Forebay) -> None:
    code, out, _ = forebay("plan", str(small), "--set", WANTED, "-f", "json")
    found = json.loads(out)
    assert code == status.OK
    assert found["schema_version"] == 1
    assert found["feasible"] is True
    ((path, workers),) = found["best"].items()
    assert path == "services.api.workers"
    verdicts = {row["values"][path]: row["verdict"] for row in found["table"]}
    assert verdicts[workers] == "met"
    assert all(verdict != "met" for size, verdict in verdicts.items() if size < workers)
    assert found["evaluations"] == len(found["table"])
    assert found["confidence"] == 0.95


def test_the_answer_in_words(small: Path, forebay: Forebay) -> None:
    code, out, err = forebay("plan", str(small), "--set", WANTED, "--replications", "5", "--seed", "2")
    assert code == status.OK
    assert "Candidates" in out
    assert "traffic:web latency_mean ≤ 150 ms" in out
    assert "meets every objective" in out
    assert "Traceback" not in err


def test_a_range_without_an_answer_is_missed(small: Path, forebay: Forebay) -> None:
    code, out, _ = forebay("plan", str(small), "--set", HOPELESS, "-f", "json")
    found = json.loads(out)
    assert code == status.MISSED
    assert (found["feasible"], found["best"]) == (False, None)
    code, out, _ = forebay("plan", str(small), "--set", HOPELESS, "-f", "md")
    assert "Nothing in the range meets every objective" in out


def test_csv_has_a_row_a_candidate(small: Path, forebay: Forebay) -> None:
    _, out, _ = forebay("plan", str(small), "--set", WANTED, "-f", "csv")
    assert out.splitlines()[0].startswith("services.api.workers,verdict,replications,")
    assert len(out.splitlines()) > 3


def test_a_plan_without_objectives_is_a_usage_error(small: Path, forebay: Forebay) -> None:
    code, out, err = forebay("plan", str(small), "--set", "objectives=[]")
    assert (code, out) == (status.USAGE, "")
    assert "a plan needs an objective" in err


def test_keys_prices_and_confidence_may_be_given_on_the_command_line(small: Path, forebay: Forebay) -> None:
    code, out, _ = forebay(
        "plan",
        str(small),
        *(
            "--set",
            WANTED,
            "--vary",
            "services.api.workers=2..12",
            "--vary",
            "services.api.queue.capacity=5,50",
        ),
        *(
            "--minimize",
            "{worker_hour: 0.5, place_hour: 0.001}",
            "--confidence",
            "90%",
            "--regret",
            "-f",
            "json",
        ),
    )
    found = json.loads(out)
    assert code == status.OK
    assert set(found["best"]) == {"services.api.workers", "services.api.queue.capacity"}
    assert found["cost_unit"] == "an hour"
    assert found["confidence"] == 0.9
    assert [one["factor"] for one in found["regret"]] == [0.8, 0.9, 1.1, 1.2]
    assert {one["path"]: one["monotone"] for one in found["levers"]} == {
        "services.api.workers": True,
        "services.api.queue.capacity": False,
    }


def test_what_must_be_survived_is_named_in_the_answer(small: Path, forebay: Forebay) -> None:
    code, out, _ = forebay(
        "plan",
        str(small),
        *("--set", WANTED, "--set", "plan.vary={services.api.workers: '1..12'}"),
        *("--set", "plan.survive=[{at: 1s, service: api, workers: x0.5}]"),
    )
    assert code == status.OK
    assert "(api workers x0.5 at 1 s)" in out.replace("\n", " ")
    assert "One worker fewer than the answer" in out


def test_a_path_that_leads_nowhere_is_an_invalid_scenario(small: Path, forebay: Forebay) -> None:
    code, _, err = forebay("plan", str(small), "--set", WANTED, "--vary", "services.ap.workers=1..3")
    assert code == status.INVALID
    assert "did you mean services.api.workers" in err
