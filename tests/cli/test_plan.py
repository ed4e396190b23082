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
