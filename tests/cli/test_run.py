"""`forebay run`: figures in every format, tables in a folder, the verdict as the exit status."""

import csv
import io
import json
from pathlib import Path

import pytest

from sim.cli import status
from tests.cli.conftest import Forebay

SUMMARY = ["subject", "metric", "mean", "low", "high", "n", "unit", "method"]


def test_text_shows_figures_audits_books_and_verdict(small: Path, forebay: Forebay) -> None:
    code, out, err = forebay("run", str(small))
    assert code == status.OK
    assert all(title in out for title in ("Measured", "Little's law", "Conservation", "Objectives"))
    assert "traffic:web" in out
    assert "latency_p99" in out
    assert "met" in out
    assert "broken" not in out
    assert "seed 3" in err


def test_json_is_what_the_design_says(small: Path, forebay: Forebay) -> None:
    code, out, _ = forebay("run", str(small), "--format", "json", "--seed", "7", "--replications", "2")
    assert code == status.OK
    document = json.loads(out)
    assert document["schema_version"] == 1
    assert (document["scenario"], document["seed"], document["replications"]) == ("small", 7, 2)
    assert document["engine"] == "compiled"
    assert len(document["hash"]) == 16
    assert document["conservation"]["passed"] is True
    assert {"forebay", "python"} <= set(document["versions"])
    assert set(SUMMARY) <= set(document["summary"][0])
    assert document["objectives"][0]["verdict"] == "met"
    assert all(audit["passed"] for audit in document["audits"])


def test_the_same_seed_gives_the_same_bytes(small: Path, forebay: Forebay) -> None:
    one = forebay("run", str(small), "-f", "json", "--jobs", "1")
    two = forebay("run", str(small), "-f", "json", "--jobs", "2")
    assert one[1] == two[1]


def test_both_engines_give_the_same_figures(small: Path, forebay: Forebay) -> None:
    short = ("run", str(small), "-f", "json", "-n", "2", "-s", "run.duration=20s")
    one = json.loads(forebay(*short, "--engine", "compiled")[1])
    two = json.loads(forebay(*short, "--engine", "reference")[1])
    assert one.pop("engine") == "compiled"
    assert two.pop("engine") == "reference"
    assert one == two


def test_one_replication_has_no_interval(small: Path, forebay: Forebay) -> None:
    _, out, _ = forebay("run", str(small), "-n", "1", "-f", "json")
    rows = json.loads(out)["summary"]
    assert all(row["low"] is None and row["high"] is None for row in rows)


def test_csv_is_the_summary(small: Path, forebay: Forebay) -> None:
    _, out, _ = forebay("run", str(small), "-f", "csv")
    rows = list(csv.reader(io.StringIO(out)))
    assert rows[0] == SUMMARY
    assert len(rows) > 20


def test_markdown_has_a_table_a_part(small: Path, forebay: Forebay) -> None:
    _, out, _ = forebay("run", str(small), "-f", "md")
    assert out.startswith("# small\n")
    assert "## Little's law" in out


def test_out_writes_every_table(small: Path, tmp_path: Path, forebay: Forebay) -> None:
    code, _, err = forebay("run", str(small), "--out", "made/here", "--log")
    assert code == status.OK
    folder = tmp_path / "made" / "here"
    names = {
        "results.json",
        "summary.csv",
        "objectives.csv",
        "audits.csv",
        "series.csv",
        "latency.csv",
        "attempts.csv",
    }
    assert {path.name for path in folder.iterdir()} == names
    assert "attempts.csv" in err
    header = (folder / "attempts.csv").read_text(encoding="utf-8").splitlines()[0]
    assert header.startswith("replication,traffic,request,attempt,sent")


def test_a_place_that_cannot_be_written_is_said_before_the_run(small: Path, forebay: Forebay) -> None:
    code, out, err = forebay("run", str(small), "--out", str(small))
    assert (code, out) == (status.USAGE, "")
    assert str(small) in err


@pytest.mark.parametrize(
    "words", [("--seed", str(2**64)), ("--replications", "9" * 20), ("--replications", "100001")]
)
def test_a_number_past_the_scenario_s_own_bound_is_wrong_usage(
    words: tuple[str, str], small: Path, forebay: Forebay
) -> None:
    code, out, err = forebay("run", str(small), *words)
    assert (code, out) == (status.USAGE, "")
    assert "for example" in err


def test_quiet_says_nothing_beside_the_data(small: Path, forebay: Forebay) -> None:
    _, out, err = forebay("run", str(small), "--quiet")
    assert out
    assert err == ""


@pytest.mark.parametrize(
    ("bound", "code", "verdict"),
    [("at_most: 10s", status.OK, "met"), ("at_most: 1ms", status.MISSED, "missed")],
)
def test_the_verdict_is_the_exit_status(
    bound: str, code: int, verdict: str, small: Path, forebay: Forebay
) -> None:
    change = f'objectives=[{{subject: "traffic:web", metric: latency_mean, {bound}}}]'
    found, out, _ = forebay("run", str(small), "--set", change, "-f", "json")
    assert (found, json.loads(out)["verdict"]) == (code, verdict)


def test_an_interval_across_the_bound_is_inconclusive(small: Path, forebay: Forebay) -> None:
    rows = json.loads(forebay("run", str(small), "-f", "json")[1])["summary"]
    mean = next(row["mean"] for row in rows if row["metric"] == "latency_mean")
    change = f'objectives=[{{subject: "traffic:web", metric: latency_mean, at_most: {mean:.9f}s}}]'
    assert forebay("run", str(small), "--set", change)[0] == status.INCONCLUSIVE


@pytest.mark.parametrize("verb", ["run", "theory", "explain", "report", "plan"])
def test_an_invalid_scenario_exits_3_with_its_place(verb: str, small: Path, forebay: Forebay) -> None:
    text = small.read_text(encoding="utf-8").replace("timeout: 1s", "timeuot: 1s")
    small.write_text(text.replace("mean: 80ms", "mean: 80"), encoding="utf-8")
    code, out, err = forebay(verb, str(small))
    assert code == status.INVALID
    assert out == ""
    assert "small.yaml:10:5: clients.patient.timeuot:" in err
    assert "did you mean timeout?" in err
    assert "services.api.service_time.mean" in err, "every error at once"
    assert "Traceback" not in err


def test_the_command_finds_how_many_it_takes(small: Path, forebay: Forebay) -> None:
    code, out, _ = forebay("run", str(small), "--precision", "traffic:web latency_mean 10%", "-f", "json")
    document = json.loads(out)
    assert code == status.OK
    assert document["precision"]["metric"] == "latency_mean"
    assert document["precision"]["replications"] == document["replications"] >= 40
    code, out, _ = forebay("run", str(small), "-s", NARROW)
    assert code == status.INCONCLUSIVE
    assert "not reached: about" in out


NARROW = "run.precision={subject: service:api, metric: wait_mean, relative: 0.1%, most: 50}"


@pytest.mark.parametrize("given_too", ["traffic:web 2%", "2%"])
def test_what_is_no_precision_shows_one(given_too: str, small: Path, forebay: Forebay) -> None:
    code, _, err = forebay("run", str(small), "--precision", given_too)
    assert code == status.USAGE
    assert "traffic:web latency_p99 2%" in err
    code, _, err = forebay("run", str(small), "-n", "5", "--precision", "traffic:web latency_p99 2%")
    assert code == status.USAGE
    assert "run.replications" in err


def test_batch_means_and_controls_are_shown_when_asked_for(small: Path, forebay: Forebay) -> None:
    code, out, _ = forebay("run", str(small), "-n", "1", "--batch-means", "-s", "run.duration=600s")
    assert code == status.INCONCLUSIVE  # one replication leaves the objective open
    assert "Batch means of this run" in out
    assert "it never varied" in out
    _, out, _ = forebay("run", str(small), "-n", "12", "--controls", "-f", "json")
    rows = json.loads(out)["controlled"]
    assert {"variance_ratio", "plain", "method"} <= set(rows[0])
    assert "Controlled" in forebay("run", str(small), "-n", "12", "--controls")[1]


def test_batch_means_of_several_replications_are_refused_before_the_run(
    small: Path, forebay: Forebay
) -> None:
    code, out, err = forebay("run", str(small), "--batch-means")
    assert (code, out) == (status.USAGE, "")
    assert "--replications 1" in err


def test_a_warm_up_that_was_found_is_told(small: Path, forebay: Forebay) -> None:
    _, out, err = forebay("run", str(small), "-s", "run.warmup=auto", "-f", "json")
    assert json.loads(out)["warmup_found"]["method"] == "MSER-5"
    assert "found by MSER-5" in forebay("run", str(small), "-s", "run.warmup=auto")[2]
    assert "warm-up" in err
