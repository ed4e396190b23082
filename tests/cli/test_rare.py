"""`forebay rare`: the answer in every format, its verdict as exit status, and bad questions."""

import csv
import io
import json
from pathlib import Path

from sim.cli import status
from tests.cli.conftest import Forebay

QUICK = (
    "--set",
    "clients.patient.retry.attempts=1",
    "--set",
    "services.api.queue.capacity=25",
    "--relative",
    "60%",
)


def test_the_answer_with_its_levels(small: Path, forebay: Forebay) -> None:
    code, out, err = forebay("rare", str(small), *QUICK)
    assert code == status.OK
    assert out.index("Levels") < out.index("How rare")
    assert "rejected_ratio" in out
    assert "Ordinary runs would need" in out
    assert "replications" in err
    code, out, _ = forebay("rare", str(small), *QUICK, "-f", "md", "--quiet")
    assert out.startswith("# small\n")
    assert "| service:api | rejected_ratio |" in out


def test_json_and_csv_say_the_same(small: Path, forebay: Forebay) -> None:
    _, out, _ = forebay("rare", str(small), *QUICK, "-f", "json")
    found = json.loads(out)
    assert found["schema_version"] == 1
    assert (found["subject"], found["metric"], found["method"]) == (
        "service:api",
        "rejected_ratio",
        "splitting",
    )
    assert 0.0 < found["low"] < found["estimate"] < found["high"] < 1e-2
    assert found["precise"]
    assert len(found["levels"]) > 2
    _, out, _ = forebay("rare", str(small), *QUICK, "-f", "csv")
    (line,) = csv.DictReader(io.StringIO(out))
    assert float(line["estimate"]) == found["estimate"]


def test_an_objective_is_judged(small: Path, forebay: Forebay) -> None:
    wanted = 'objectives=[{subject: "service:api", metric: rejected_ratio, at_most: %s}]'
    assert forebay("rare", str(small), *QUICK, "--set", wanted % "1e-2")[0] == status.OK
    assert forebay("rare", str(small), *QUICK, "--set", wanted % "1e-5")[0] == status.MISSED


def test_too_few_events_are_inconclusive(small: Path, forebay: Forebay) -> None:
    code, out, _ = forebay("rare", str(small), *QUICK[:4], "--relative", "0.1%", "--events", "1000")
    assert code == status.INCONCLUSIVE
    assert "Wider than asked" in out


def test_bad_questions_are_usage_errors(small: Path, forebay: Forebay) -> None:
    for words, message in (
        (("--relative", "0%"), "--relative 0% is not more than 0 and less than 100%; write --relative 10%"),
        (("--confidence", "high"), "--confidence: "),
        (("--subject", "service:ap"), "did you mean service:api?"),
        (("--metric", "wait_exceeds"), "for example 500ms"),
    ):
        code, out, err = forebay("rare", str(small), *words)
        assert (code, out) == (status.USAGE, "")
        assert message in err
