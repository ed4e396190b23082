"""The command as a whole: exit statuses, messages without tracebacks, what was probably meant."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import sim
from sim.cli import app, status
from sim.cli.app import main
from sim.engines.compiled import prepare
from sim.errors import AuditError, Problem, ScenarioError

VERBS = ("init", "validate", "schema", "explain", "run", "theory", "report", "plan")
Captured = pytest.CaptureFixture[str]


def test_help_names_every_verb(capsys: Captured) -> None:
    assert main(["--help"]) == status.OK
    out = capsys.readouterr().out
    assert all(f"  {verb} " in out for verb in VERBS)
    assert "..." not in out.partition("Commands:")[2], "a verb's summary is cut"


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_explains_itself(verb: str, capsys: Captured) -> None:
    assert main([verb, "--help"]) == status.OK
    out = capsys.readouterr().out
    assert f"forebay {verb}" in out
    assert {"--quiet", "--no-color", "--help"} <= set(out.replace(",", " ").split())


def test_version(capsys: Captured) -> None:
    assert main(["--version"]) == status.OK
    assert capsys.readouterr().out.startswith("forebay ")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["rnu"], "did you mean run?"),
        (["reprot", "mm1"], "did you mean report?"),
        (["run", "mm1", "--sead", "4"], "did you mean --seed?"),
        (["run", "mm1", "--engine", "compild"], "did you mean compiled?"),
        (["run", "mm1", "--format", "jsno"], "did you mean json?"),
        (["run"], "missing argument 'FILE'"),
        (["run", "mm1", "--seed", "x"], "--seed"),
        (["run", "mm1", "--replications", "0"], "--replications"),
        (["run", "mm1", "--log"], "--out DIR"),
        (["run", "nosuchfile"], "no such scenario file: nosuchfile"),
        (["run", "mm2"], "did you mean"),
        (["init", "startr"], "did you mean starter?"),
        (["--nonsense"], "no such option: --nonsense"),
        ([], "Usage: forebay"),
    ],
)
def test_wrong_usage_exits_2_and_says_what_was_meant(words: list[str], said: str, capsys: Captured) -> None:
    assert main(words) == status.USAGE
    out, err = capsys.readouterr()
    assert out == ""
    assert said in err
    assert "Traceback" not in err


@pytest.mark.parametrize("flags", [["--quiet"], ["-q", "--no-color"]])
def test_flags_of_every_verb_may_stand_before_it(flags: list[str], capsys: Captured) -> None:
    assert main([*flags, "init", "--list"]) == status.OK
    assert "starter" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (KeyboardInterrupt(), 130, "interrupted"),
        (AuditError("the books do not balance"), 1, "error: the books do not balance"),
        (
            ScenarioError([Problem("a.yaml", 3, 5, "x.y", "is wrong", "2s")]),
            3,
            "a.yaml:3:5: x.y: is wrong; write 2s",
        ),
        (PermissionError(13, "Permission denied", "out/x"), 2, "cannot open out/x: Permission denied"),
        (OSError(28, "No space left on device"), 2, "cannot write: No space left on device"),
        (ZeroDivisionError("float division by zero"), 1, "internal error: ZeroDivisionError"),
        (RecursionError("too deep"), 1, "internal error: RecursionError"),
        (TypeError("first line\nsecond line"), 1, "internal error: TypeError: first line\nThis is a fault"),
        (ValueError(), 1, "internal error: ValueError"),
    ],
)
def test_an_error_becomes_a_message_and_a_status(
    error: BaseException, code: int, said: str, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    def fail(words: list[str]) -> int:
        assert words == ["run"]
        raise error

    monkeypatch.delenv("FOREBAY_DEBUG", raising=False)
    monkeypatch.setattr(app, "_carry_out", fail)
    assert main(["run"]) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert said in err
    assert "Traceback" not in err


def test_debugging_shows_the_traceback(monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> None:
    def fail(words: list[str]) -> int:
        raise ZeroDivisionError(*words)

    monkeypatch.setenv("FOREBAY_DEBUG", "1")
    monkeypatch.setattr(app, "_carry_out", fail)
    assert main(["boom"]) == status.INTERNAL
    assert "Traceback" in capsys.readouterr().err


def interrupted(folder: Path, *options: str, after: float = 4.0) -> tuple[int, str, str]:
    """The status, output and errors of a run that Ctrl-C stops after so many seconds."""
    prepare(sim.load("mm1"))  # so that it is running, not compiling, when it is interrupted
    command = [sys.executable, "-m", "sim", "run", "mm1", "--jobs", "1", *options]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])}
    with subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as running:
        try:
            time.sleep(after)  # wherever it is by then
            running.send_signal(signal.SIGINT)
            out, err = running.communicate(timeout=60)
        finally:
            running.kill()
    return running.returncode, out, err


def test_interrupting_a_run_exits_130(tmp_path: Path) -> None:
    exit_status, out, err = interrupted(tmp_path, "--set", "run.duration=30000h")
    assert exit_status == status.INTERRUPTED, err
    assert out == ""
    assert "interrupted" in err
    assert "Traceback" not in err


def test_interrupting_a_run_keeps_the_replications_that_are_finished(tmp_path: Path) -> None:
    exit_status, out, err = interrupted(tmp_path, "--replications", "100000", "--format", "json", after=10.0)
    assert exit_status == status.INTERRUPTED, err
    told = re.search(r"of the first (\d+) of 100000 replications", err)
    assert told is not None, err
    assert json.loads(out)["replications"] == int(told[1])


def test_verdicts_have_their_statuses() -> None:
    verdicts = ("met", "none", "missed", "inconclusive")
    assert [status.of_verdict(verdict) for verdict in verdicts] == [0, 0, 4, 5]
