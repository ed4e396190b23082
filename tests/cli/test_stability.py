"""`forebay stability`: a verdict with its exit status, a map, and one error where there is no trigger."""

import csv
import io
import json
from pathlib import Path

import pytest

from sim.cli import status
from tests.cli.conftest import Forebay
from tests.study.metastability.test_basin import TIPPING

MAP = ("--vary", "faults[0].rate=x2..x8:3", "--vary", "faults[0].for=[500ms, 1s]", "--precision", "20%")


@pytest.fixture
def tipping(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A scenario that a spike may tip, in the current folder."""
    monkeypatch.chdir(tmp_path)
    Path("tipping.yaml").write_text(TIPPING, encoding="utf-8")
    return "tipping.yaml"


@pytest.mark.parametrize(
    ("rate", "share", "code", "verdict"),
    [
        ("x1.5", "90%", status.OK, "recovers"),
        ("x9", "90%", status.MISSED, "collapses"),
        ("x1.5", "99.9%", status.INCONCLUSIVE, "undecided"),
    ],
)
def test_the_exit_status_is_the_verdict(
    tipping: str, forebay: Forebay, rate: str, share: str, code: int, verdict: str
) -> None:
    words = (
        "--set",
        f"faults[0].rate={rate}",
        "--probability",
        share,
        "-n",
        "60",
        "-f",
        "json",
        "--no-searches",
    )
    found, out, _ = forebay("stability", tipping, *words)
    document = json.loads(out)
    assert (found, document["verdict"]) == (code, verdict)
    assert (document["schema_version"], document["scenario"], document["engine"]) == (
        1,
        "tipping",
        "compiled",
    )
    assert document["recovery"]["runs"] == 60
    assert document["horizon"] == 16.0


def test_a_scenario_without_a_trigger_is_invalid_and_one_error_shows_a_valid_one(
    tipping: str, forebay: Forebay
) -> None:
    code, out, err = forebay("stability", tipping, "--set", "faults=[]")
    assert (code, out) == (status.INVALID, "")
    assert err.startswith("tipping.yaml: faults: there is no trigger")
    assert "for: 10s" in err
    assert len(err.strip().splitlines()) == 1


def test_everything_in_words(tipping: str, forebay: Forebay) -> None:
    code, out, err = forebay(
        "stability", tipping, "--set", "faults[0].rate=x9", "-n", "40", "--horizon", "5s", "--seed", "2"
    )
    assert code == status.MISSED
    for said in (
        "Margins",
        "Ways out",
        "behaved otherwise",
        "After a refusal (503)",
        "It does not recover",
        "within 5 s",
    ):
        assert said in out
    assert "seed 2" in err
    assert "Traceback" not in err


def test_a_map_as_csv_has_a_row_a_cell(tipping: str, forebay: Forebay) -> None:
    _, out, _ = forebay("stability", tipping, *MAP, "-n", "5", "-f", "csv", "--quiet")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert len(rows) == 6
    assert list(rows[0])[:6] == ["faults[0].rate", "faults[0].for", "runs", "recovered", "collapsed", "open"]


def test_a_map_as_text_and_as_markdown(tipping: str, forebay: Forebay) -> None:
    _, out, _ = forebay("stability", tipping, *MAP, "-n", "5")
    assert "Runs that recover" in out
    assert "3 × 2 cells" in out
    _, out, _ = forebay("stability", tipping, *MAP, "-n", "5", "-f", "md")
    assert out.startswith("# tipping")
    assert "| x2 |" in out


def test_out_has_the_figures_and_the_picture(tipping: str, forebay: Forebay, tmp_path: Path) -> None:
    code, _, err = forebay("stability", tipping, *MAP, "-n", "5", "--out", "found")
    assert code in (status.OK, status.MISSED, status.INCONCLUSIVE)
    names = {path.name for path in (tmp_path / "found").iterdir()}
    assert names == {"stability.json", "fates.csv", "map.csv", "map.png", "map.svg"}
    assert "wrote found/stability.json" in err
    assert (tmp_path / "found" / "map.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--vary", "faults[0].rate=x2..x8:3"), "a map has two"),
        (("--vary", "x2..x8"), "is not path=values"),
        (("--vary", "faults[0].rate=x2..8", "--vary", "faults[0].for=[1s]"), "factor at one end"),
        (("--vary", "faults[0].rat=x2..x8", "--vary", "faults[0].for=[1s]"), "did you mean"),
        (("--horizon", "60"), "no unit"),
        (("--horizon", "0s"), "write --horizon 60s"),
        (("--horizon", "5"), "--horizon: 5 has no unit"),
        (("--probability", "most"), "--probability"),
        (("--confidence", "100%"), "write --confidence 95%"),
        (("--precision", "0%"), "write --precision 5%"),
        (("--vary", "faults[0].rate=x8..x2", "--vary", "faults[0].for=[1s]"), "faults[0].rate=x2..x12:20"),
        (("--vary", "faults[0].rate=[x2]", "--vary", "faults[0].for=8s..2s"), "faults[0].for=10ms..50ms:5"),
    ],
)
def test_wrong_options_are_said(tipping: str, forebay: Forebay, words: tuple[str, ...], said: str) -> None:
    code, out, err = forebay("stability", tipping, *words, "-n", "1")
    assert (code, out) == (status.USAGE, "")
    assert said in err
    assert "Traceback" not in err
