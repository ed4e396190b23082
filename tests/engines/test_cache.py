"""The compiled code's cache: keyed by the sources, and no need of a home or of a folder that can be written.

To compile the engine takes half a minute, so most of these tests let a kernel of one line go the same way.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import sim
from sim.engines import cache, machine
from sim.engines.compiled import prepare
from sim.engines.kinds import PLAIN
from tests.engines import small_kernel

ROOT = Path(__file__).resolve().parents[2]

SMALL = (str(Path(small_kernel.__file__)),)
"""A program that prepares and calls the kernel of one line."""

PROGRAM = """
import sim
scenario = sim.loads('''
traffic: {web: {arrivals: {kind: poisson, rate: 50/s}, call: api}}
services: {api: {workers: 1, service_time: {kind: exponential, mean: 10ms}}}
run: {duration: 10s, replications: 2}
''')
print(sim.run(scenario).conservation["born"])
"""


def run(*program: str, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {
        name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH", "SYSTEMROOT") if name in os.environ
    }
    return subprocess.run(
        [sys.executable, *program],
        env={**kept, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )


def test_the_digest_changes_with_a_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = cache.digest()
    assert before == cache.digest()
    (tmp_path / "extra.py").write_text("rule = 1\n")
    sources = {*cache.jit.sources(), tmp_path / "extra.py"}
    monkeypatch.setattr(cache.jit, "sources", lambda: sources)
    added = cache.digest()
    assert added != before
    (tmp_path / "extra.py").write_text("rule = 2\n")
    assert cache.digest() not in (before, added)


def test_every_family_of_rules_is_among_the_sources() -> None:
    from sim.engines import kernel  # noqa: F401  # importing it gathers the rules

    names = {path.name for path in cache.jit.sources()}
    assert {"draws.py", "backoff.py", "arrivals.py", "disciplines.py", "closed_distributions.py"} <= names


def test_the_first_compile_is_announced_and_happens_once(tmp_path: Path) -> None:
    first = run(*SMALL, FOREBAY_CACHE=str(tmp_path))
    assert "compiling the engine" in first.stderr
    second = run(*SMALL, FOREBAY_CACHE=str(tmp_path))
    assert second.stderr == ""
    assert second.stdout == first.stdout == "-3\n"


def test_the_kept_engine_is_loaded_without_numba(tmp_path: Path) -> None:
    prepare(sim.loads(PROGRAM.split("'''")[1]))
    place = cache.folder()
    assert place is not None
    shutil.copytree(place, tmp_path / place.name)
    program = f"{PROGRAM}\nimport sys\nassert 'numba' not in sys.modules"
    loaded = run("-c", program, FOREBAY_CACHE=str(tmp_path))
    assert loaded.stderr == ""


def test_a_damaged_file_is_made_anew(tmp_path: Path) -> None:
    first = run(*SMALL, FOREBAY_CACHE=str(tmp_path))
    for file in tmp_path.rglob("*.b*"):
        file.write_bytes(file.read_bytes()[:-10])
    mended = run(*SMALL, FOREBAY_CACHE=str(tmp_path))
    assert "cannot be read" in mended.stderr
    assert mended.stdout == first.stdout
    assert run(*SMALL, FOREBAY_CACHE=str(tmp_path)).stderr == ""


def test_another_kind_is_made_of_what_is_kept(tmp_path: Path) -> None:
    small = f"from tests.engines.small_kernel import add; print(add(2, -5, {PLAIN}))"
    run(*SMALL, FOREBAY_CACHE=str(tmp_path))
    other = run("-c", small, FOREBAY_CACHE=str(tmp_path))
    assert other.stdout == "-3\n"
    assert "for plain scenarios" in other.stderr
    assert run("-c", small, FOREBAY_CACHE=str(tmp_path)).stderr == ""


def test_first_runs_at_the_same_time_do_not_disturb_each_other(tmp_path: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(lambda _: run(*SMALL, FOREBAY_CACHE=str(tmp_path)), range(4)))
    assert {each.stdout for each in done} == {"-3\n"}
    assert run(*SMALL, FOREBAY_CACHE=str(tmp_path)).stderr == ""


def test_an_interrupt_while_it_compiles_is_told_afterwards() -> None:
    finished = []
    before = signal.getsignal(signal.SIGINT)

    def compile_meanwhile() -> None:
        with cache.interrupted_afterwards():
            signal.raise_signal(signal.SIGINT)
            finished.append(True)

    with pytest.raises(KeyboardInterrupt):
        compile_meanwhile()
    assert finished
    assert signal.getsignal(signal.SIGINT) is before


def test_folders_that_cannot_be_used_are_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # A plain file where a folder should be: no one can write below it, not even root.
    blocked = tmp_path / "file"
    blocked.write_text("")
    for name in ("FOREBAY_CACHE", "XDG_CACHE_HOME", "HOME"):
        monkeypatch.setenv(name, str(blocked))
    monkeypatch.setattr(cache.tempfile, "gettempdir", lambda: str(tmp_path / "temporary"))
    place = cache.folder()
    assert place is not None
    assert place.is_relative_to(tmp_path / "temporary")
    monkeypatch.setattr(cache.tempfile, "gettempdir", lambda: str(blocked))
    assert cache.folder() is None


def test_without_any_cache_a_function_is_compiled_all_the_same(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(cache, "folder", lambda: None)
    assert machine.Entry(small_kernel.add.function)(2, -5) == -3
    assert "compiled in" in capsys.readouterr().err


def test_no_home_at_all_works(tmp_path: Path) -> None:
    done = run("-c", PROGRAM, TMPDIR=str(tmp_path))
    assert int(done.stdout) > 0
