"""What the tests of the command share: small scenarios in a folder of their own, and a way to run a line."""

from collections.abc import Callable
from pathlib import Path

import pytest

from sim.cli.app import main

SMALL = """\
# Is a small run enough to test with?
name: small
traffic:
  web:
    arrivals: {kind: poisson, rate: 40/s}
    call: api
    client: patient
clients:
  patient:
    timeout: 1s
    retry: {attempts: 3, backoff: {kind: exponential, base: 50ms, cap: 1s, jitter: full}}
services:
  api:
    workers: 4
    service_time: {kind: exponential, mean: 80ms}
    queue: {capacity: 40}
objectives:
  - {subject: "traffic:web", metric: success_ratio, at_least: 1%}
plan: {vary: {services.api.workers: "2..8"}}
run: {duration: 60s, warmup: 5s, replications: 4, seed: 3}
"""

Forebay = Callable[..., tuple[int, str, str]]


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A scenario that runs in an instant, in the current folder."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "small.yaml"
    path.write_text(SMALL, encoding="utf-8")
    return path


@pytest.fixture
def forebay(capsys: pytest.CaptureFixture[str]) -> Forebay:
    """Carries out one command line: its exit status, what it wrote to stdout, and to stderr."""

    def carry_out(*words: str) -> tuple[int, str, str]:
        status = main(words)
        out, err = capsys.readouterr()
        return status, out, err

    return carry_out
