"""Streams: data to stdout, notes to stderr, colour and a bar only where they are wanted and seen."""

import io
import subprocess
import sys
import time

import pytest

from sim.cli import terminal
from sim.cli.printing import Table
from sim.cli.terminal import Terminal, wants_colour

TABLE = Table(
    "Title", ("of", "verdict", "value"), [("a", "met", "1"), ("a", "missed", "2|3")], frozenset({"value"})
)


class Screen(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def test_data_and_notes_go_their_own_ways(capsys: pytest.CaptureFixture[str]) -> None:
    Terminal().write("data")
    Terminal().note("note")
    Terminal(quiet=True).note("unheard")
    Terminal(quiet=True).complain("wrong")
    out, err = capsys.readouterr()
    assert out == "data\n"
    assert err == "note\nwrong\n"


def test_colour_is_for_terminals_that_want_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    assert wants_colour(Screen())
    assert not wants_colour(io.StringIO())
    monkeypatch.setenv("TERM", "dumb")
    assert not wants_colour(Screen())
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("NO_COLOR", "1")
    assert not wants_colour(Screen())


@pytest.mark.parametrize("no_color", [True, False])
def test_a_table_on_a_terminal(no_color: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    screen = Screen()
    monkeypatch.setattr(sys, "stdout", screen)
    Terminal(no_color=no_color).show(TABLE)
    assert ("\x1b[" in screen.getvalue()) is not no_color
    assert "missed" in screen.getvalue()


def test_a_table_in_a_pipe_is_plain_and_whole(capsys: pytest.CaptureFixture[str]) -> None:
    Terminal().show(TABLE)
    out = capsys.readouterr().out
    assert "\x1b[" not in out
    assert all(line == line.rstrip() for line in out.splitlines())
    assert "2|3" in out


@pytest.mark.parametrize(("columns", "whole"), [(60, True), (30, False)])
def test_a_key_path_breaks_at_its_dots_and_only_where_it_must(
    columns: int, whole: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    screen = Screen()
    monkeypatch.setattr(sys, "stdout", screen)
    monkeypatch.setenv("COLUMNS", str(columns))
    path = "services.api.queue.capacity"
    Terminal().show(Table("", ("parameter", "figure"), [(path, "some twenty words " * 2)]))
    shown = screen.getvalue()
    assert (path in shown) is whole
    assert whole or [line.split()[0] for line in shown.splitlines() if "." in line] == [
        "services.",
        "api.",
        "queue.",
    ]


def test_a_table_as_markdown() -> None:
    assert TABLE.markdown().splitlines() == [
        "## Title",
        "",
        "| of | verdict | value |",
        "| :-- | :-- | --: |",
        "| a | met | 1 |",
        "| a | missed | 2\\|3 |",
    ]


def test_quick_work_shows_no_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Screen()
    monkeypatch.setattr(sys, "stderr", screen)
    with Terminal().progress("work") as report:
        report(0.5)
    assert screen.getvalue() == ""


def test_long_work_shows_a_bar_and_takes_it_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(terminal, "PATIENCE", 0.05)
    monkeypatch.setenv("TERM", "xterm-256color")
    screen = Screen()
    monkeypatch.setattr(sys, "stderr", screen)
    with Terminal().progress("counting") as report:
        for step in range(20):
            report(step / 20)
            time.sleep(0.05)
    assert "counting" in screen.getvalue()


@pytest.mark.parametrize("quiet", [True, False])
def test_nobody_watching_means_no_bar(
    quiet: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(terminal, "PATIENCE", 0.01)
    with Terminal(quiet=quiet).progress("counting") as report:
        time.sleep(0.1)
        sys.stderr.write("compiling\n")
        report(1.0)
    assert capsys.readouterr() == ("", "" if quiet else "compiling\n")


def test_a_log_shows_life_now_and_then(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(terminal, "EVERY", 0.02)
    with Terminal().progress("planning shop") as report:
        report.say("trying 9 workers")
        report(0.25)
        time.sleep(0.3)
    out, err = capsys.readouterr()
    assert out == ""
    assert "planning shop: trying 9 workers, 25% done …" in err.splitlines()


def test_a_reader_that_has_gone_is_no_error() -> None:
    code = "from sim.cli.terminal import Terminal\nfor n in range(100000): Terminal().write('line')"
    command = f'"{sys.executable}" -c "{code}" | head -n 1'
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command}"], capture_output=True, text=True, check=False
    )
    assert done.stdout == "line\n"
    assert done.stderr == ""
    assert done.returncode == 0
