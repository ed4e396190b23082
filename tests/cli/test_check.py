"""`forebay check`: one gate over many files, in text, JSON, JUnit XML and annotations."""

import json
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from sim.cli import status
from tests.cli.conftest import SMALL, Forebay

OBJECTIVE = SMALL.splitlines().index('  - {subject: "traffic:web", metric: success_ratio, at_least: 1%}') + 1


def missing(path: Path) -> Path:
    """A copy that misses its objective."""
    other = path.with_name("missing.yaml")
    other.write_text(
        SMALL.replace("success_ratio, at_least: 1%", "latency_mean, at_most: 1ms"), encoding="utf-8"
    )
    return other


def invalid(path: Path) -> Path:
    other = path.with_name("invalid.yaml")
    other.write_text(SMALL.replace("timeout: 1s", "timeout: 1"), encoding="utf-8")
    return other


def test_a_line_a_file_and_the_worst_status(small: Path, forebay: Forebay) -> None:
    code, out, _ = forebay("check", small.name)
    assert (code, out) == (status.OK, "small.yaml: met · 1 of 1 objective met · audits hold\n")
    missing(small)
    code, out, _ = forebay("check", small.name, "missing.yaml")
    assert code == status.MISSED
    assert "missing.yaml: missed · 0 of 1 objective met" in out
    assert f"  missing.yaml:{OBJECTIVE}:5: missed: traffic:web latency_mean is" in out
    invalid(small)
    code, out, _ = forebay("check", "missing.yaml", "invalid.yaml", "small.yaml")
    assert code == status.INVALID
    assert "invalid.yaml: invalid · 1 problem\n  invalid.yaml:10:" in out
    assert "invalid: clients." in out  # the key is named
    assert "small.yaml: met" in out


def test_undecided_exits_5(small: Path, forebay: Forebay) -> None:
    code, out, _ = forebay("check", small.name, "-n", "1")
    assert code == status.INCONCLUSIVE
    assert "inconclusive" in out


def test_json(small: Path, forebay: Forebay) -> None:
    invalid(small)
    code, out, _ = forebay("check", small.name, "invalid.yaml", "-f", "json")
    found = json.loads(out)
    assert (code, found["passed"]) == (status.INVALID, False)
    good, bad = found["files"]
    assert (good["verdict"], good["run"]["objectives"][0]["verdict"]) == ("met", "met")
    assert good["findings"][0]["line"] == OBJECTIVE
    assert (bad["verdict"], bad["run"]) == ("invalid", None)


def test_junit_is_what_readers_read(small: Path, tmp_path: Path, forebay: Forebay) -> None:
    missing(small), invalid(small)
    code, out, err = forebay(
        "check", "small.yaml", "missing.yaml", "invalid.yaml", "-f", "junit", "--junit", "xml/report.xml"
    )
    assert code == status.INVALID
    assert "small.yaml: met" in err
    root = ET.fromstring(out)  # noqa: S314  # it is our own
    written = ET.parse(tmp_path / "xml" / "report.xml").getroot()  # noqa: S314  # as above
    assert [one.get("name") for one in written.iter("testcase")] == [
        one.get("name") for one in root.iter("testcase")
    ]
    assert root.tag == "testsuites"
    suites = root.findall("testsuite")
    assert [suite.get("name") for suite in suites] == ["small.yaml", "missing.yaml", "invalid.yaml"]
    for whole in (root, *suites):
        cases = list(whole.iter("testcase"))
        assert int(whole.get("tests", "")) == len(cases)
        assert int(whole.get("failures", "")) == sum(case.find("failure") is not None for case in cases)
        assert int(whole.get("errors", "")) == sum(case.find("error") is not None for case in cases)
        assert float(whole.get("time", "")) >= 0.0
    failure = suites[1].find("testcase/failure")
    assert failure is not None
    assert failure.get("type") == "missed"
    assert f"missing.yaml:{OBJECTIVE}" in (failure.text or "")


def test_annotations_stand_at_the_objective(small: Path, forebay: Forebay) -> None:
    missing(small)
    code, out, _ = forebay("check", small.name, "missing.yaml", "-f", "github")
    assert code == status.MISSED
    assert out.startswith(f"::error file=missing.yaml,line={OBJECTIVE},col=5,title=small%3A missed::traffic")
    assert len(out.splitlines()) == 1
    # What --set changes stands in no line of the file.
    anew = 'objectives=[{subject: "traffic:web", metric: latency_mean, at_most: 1ms}]'
    _, out, _ = forebay("check", small.name, "-f", "github", "--set", anew)
    assert out.startswith("::error file=small.yaml,title=")


def test_against_a_baseline(small: Path, forebay: Forebay) -> None:
    small.write_text(
        SMALL.replace("success_ratio, at_least: 1%", "latency_mean, at_most: 5s"), encoding="utf-8"
    )
    code, _, err = forebay("check", small.name, "--write-baseline", "kept/b.json")
    assert (code, "wrote kept/b.json" in err) == (status.OK, True)
    code, out, _ = forebay("check", small.name, "-b", "kept/b.json")
    assert code == status.OK
    assert "0 of 1 figure regressed" in out
    slower = ("--set", "services.api.service_time.mean=120ms")
    code, out, _ = forebay("check", small.name, "-b", "kept/b.json", *slower)
    assert code == status.MISSED
    assert "small.yaml: regressed" in out
    assert "note: the scenario is not the baseline's" in out
    code, out, _ = forebay("check", small.name, "-b", "kept/b.json", *slower, "-f", "github")
    assert "::error file=small.yaml,title=small%3A regressed::" in out
    wide = ("--margin", "5%", "--margin", "latency_mean=1000%")
    assert forebay("check", small.name, "-b", "kept/b.json", *slower, *wide)[0] == status.OK


def test_several_files_find_their_own_baseline(small: Path, forebay: Forebay) -> None:
    small.with_name("other.yaml").write_text(SMALL.replace("name: small", "name: other"), encoding="utf-8")
    forebay("check", small.name, "--write-baseline", "b.json")
    code, out, _ = forebay("check", small.name, "other.yaml", "-b", "b.json")
    assert code == status.OK
    assert "note: the baseline has no scenario other" in out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--margin", "latency_98=5%"), "is not a metric"),
        (("--margin", "much"), "--margin much"),
        (("--baseline", "absent.json"), "--baseline absent.json"),
    ],
)
def test_usage_errors(words: tuple[str, ...], said: str, small: Path, forebay: Forebay) -> None:
    code, out, err = forebay("check", small.name, *words)
    assert (code, out) == (status.USAGE, "")
    assert said in err


def test_nothing_is_written_over_what_is_read_nor_over_a_baseline_by_less(
    small: Path, forebay: Forebay
) -> None:
    for option in ("--write-baseline", "--junit"):
        code, _, err = forebay("check", small.name, option, small.name)
        assert code == status.USAGE
        assert f"{option} small.yaml is a file that is read here" in err
    assert small.read_text(encoding="utf-8") == SMALL
    code, _, _ = forebay("check", small.name, "--write-baseline", "before.json")
    assert code == status.OK
    before = Path("before.json").read_bytes()
    invalid(small)
    code, _, err = forebay("check", small.name, "invalid.yaml", "--write-baseline", "before.json")
    assert code == status.INVALID
    assert "before.json is not written" in err
    assert Path("before.json").read_bytes() == before


@pytest.mark.parametrize("text", ['{"scenarios": {}}', "[]", '{"schema_version": 1, "scenarios": [{}]}', "{"])
def test_what_is_no_baseline_is_refused_in_a_sentence(text: str, small: Path, forebay: Forebay) -> None:
    Path("broken.json").write_text(text, encoding="utf-8")
    code, _, err = forebay("check", small.name, "--baseline", "broken.json")
    assert code == status.USAGE
    assert err.startswith("error: --baseline broken.json is not ")
    assert "Error:" not in err


def test_a_file_that_is_not_there_keeps_no_other_from_its_turn(
    small: Path, forebay: Forebay, tmp_path: Path
) -> None:
    report = tmp_path / "report.xml"
    code, out, _ = forebay("check", "absent.yaml", str(small.parent), small.name, "--junit", str(report))
    assert code == status.INVALID
    assert "absent.yaml: invalid" in out
    assert "is a folder" in out
    assert "small.yaml: met" in out
    assert len(ET.parse(report).getroot().findall("testsuite")) == 3  # noqa: S314  # our own file


def test_namesakes_are_told_apart_by_what_they_are_and_never_mixed_up(small: Path, forebay: Forebay) -> None:
    twin = small.with_name("twin.yaml")
    twin.write_text(SMALL.replace("rate: ", "rate: 2"), encoding="utf-8")
    code, _, err = forebay("check", small.name, twin.name, "--write-baseline", "both.json")
    assert (code, "both named small" in err) == (status.USAGE, True)
    kept = small.with_name("kept.json")
    entries = []
    for name in (small.name, twin.name):
        assert forebay("check", name, "--write-baseline", kept.name)[0] in (status.OK, status.MISSED)
        entries.append(json.loads(kept.read_text(encoding="utf-8"))["scenarios"][0])
    both = {"schema_version": 1, "kind": "baseline", "scenarios": entries}
    kept.write_text(json.dumps(both), encoding="utf-8")
    for name in (small.name, twin.name):  # each finds the very same scenario
        _, out, _ = forebay("check", name, "--baseline", kept.name)
        assert "0 of 1 figure regressed" in out
        assert "nothing to compare" not in out
    _, out, _ = forebay("check", small.name, "--baseline", kept.name, "--set", "run.duration=7s")
    assert "the baseline has 2 scenarios named small: nothing to compare" in out


@pytest.mark.parametrize("margin", ["5", "latency_mean=10"])
def test_a_margin_without_its_sign_is_asked_about(small: Path, forebay: Forebay, margin: str) -> None:
    code, _, err = forebay("check", small.name, "--margin", margin)
    assert (code, f"did you mean {margin}%?" in err) == (status.USAGE, True)


def test_what_must_be_survived_is_judged_if_asked(small: Path, forebay: Forebay) -> None:
    mishap = (
        "{name: nobody there, faults: [{at: 1s, for: 3s, service: api, workers: x0}], recover_within: 10ms}"
    )
    vary = 'vary: {services.api.workers: "2..8"}'
    small.write_text(SMALL.replace(vary, f"{vary}, survive: [{mishap}]"), encoding="utf-8")
    code, out, _ = forebay("check", small.name)
    assert (code, "what plan.survive says was not judged; --survive does" in out) == (status.OK, True)
    code, out, _ = forebay("check", small.name, "--survive")
    assert code == status.MISSED
    assert "missed: recovered in time in ≥ 90% of the runs (nobody there)" in out
    forebay("check", small.name, "--write-baseline", "b.json")
    _, out, _ = forebay("check", small.name, "--survive", "--baseline", "b.json")
    assert "what must be survived is judged, and not compared with the baseline" in out
    code, out, _ = forebay("check", small.name, "--survive", "--format", "github")
    lines = small.read_text(encoding="utf-8").splitlines()
    (line,) = [number for number, text in enumerate(lines, start=1) if "nobody there" in text]
    assert f"::error file={small.name},line={line},col=" in out
