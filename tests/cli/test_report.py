"""`forebay report`: where the page goes, and what its verdict makes of the exit status."""

from pathlib import Path

import pytest

from sim.cli import status
from sim.cli.files import page_path
from tests.cli.conftest import Forebay

FAST = ("--no-curves", "--replications", "2", "--set", "run.duration=20s")


def test_a_page_in_the_current_folder(small: Path, tmp_path: Path, forebay: Forebay) -> None:
    code, out, err = forebay("report", str(small), *FAST)
    assert code == status.OK
    assert out == "small-report.html\n"
    assert "verdict: met" in err
    text = (tmp_path / "small-report.html").read_text(encoding="utf-8")
    assert text.lower().startswith("<!doctype html>")
    assert "<svg" in text


def test_markdown_with_pictures(small: Path, tmp_path: Path, forebay: Forebay) -> None:
    code, out, _ = forebay("report", str(small), *FAST, "--format", "md", "--out", "pages")
    assert code == status.OK
    assert out == "pages/small-report.md\n"
    assert list((tmp_path / "pages").rglob("*.png"))


def test_a_missed_objective_is_the_exit_status_and_the_page_is_there(
    small: Path, tmp_path: Path, forebay: Forebay
) -> None:
    change = 'objectives=[{subject: "traffic:web", metric: latency_mean, at_most: 1ms}]'
    code, _, _ = forebay("report", str(small), *FAST, "--set", change, "--out", "here.html")
    assert code == status.MISSED
    assert (tmp_path / "here.html").exists()


@pytest.mark.parametrize(
    ("out", "page"),
    [
        (None, "a-b-report.html"),
        ("x.html", "x.html"),
        ("folder", "folder/a-b-report.html"),
        ("folder/x.htm", "folder/x.htm"),
    ],
)
def test_where_the_page_goes(out: str | None, page: str) -> None:
    assert page_path(None if out is None else Path(out), "a/b", "html", "report") == Path(page)
