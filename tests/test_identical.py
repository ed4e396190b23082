"""The same seed gives the same bytes: over engines, threads and processes, and over any number of them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import sim

ROOT = Path(__file__).resolve().parent.parent

SCENARIOS = {
    "plain": """
        name: plain
        traffic:
          web: {arrivals: {kind: poisson, rate: 80/s}, call: api}
        services:
          api: {workers: 1, service_time: {kind: exponential, mean: 10ms}}
        run: {duration: 20s, warmup: 2s, replications: 4, seed: 11}
        """,
    "storm": """
        name: storm
        traffic:
          web:
            arrivals: {kind: poisson, rate: 30/s, batch: {kind: geometric, mean: 2}}
            call: api
            client: hasty
          day:
            arrivals: {kind: sinusoid, mean: 20/s, amplitude: 15/s, period: 3s}
            call: api
            client: patient
            priority: 1
          desk:
            arrivals: {kind: closed, users: 9, think: {kind: weibull, mean: 800ms, shape: 0.7}}
            call: store
            client: hasty
        clients:
          hasty:
            timeout: 300ms
            cancel: queued
            network: {kind: gamma, mean: 5ms, cv: 2}
            retry:
              attempts: 5
              backoff: {kind: exponential, base: 20ms, factor: 2, cap: 2s, jitter: full}
          patient:
            deadline: 5s
            late_reply: accept
            timeout: 1s
            retry: {attempts: inf, probability: 0.8, backoff: {kind: decorrelated, base: 50ms, cap: 1s}}
        services:
          api:
            workers: 6
            service_time: {kind: lognormal, mean: 80ms, cv: 1.5}
            error_ratio: 2%
            retry_after: 50ms
            queue:
              capacity: 20
              discipline: priority
              max_wait: {kind: uniform, low: 200ms, high: 2s}
          store:
            workers: 2
            service_time: {kind: erlang, mean: 100ms, shape: 3}
            queue: {capacity: 3, overflow: drop_oldest}
        faults:
          - {at: 3s, for: 2s, traffic: web, rate: x2.5}
          - {at: 5s, for: 1s, service: api, workers: x0.5}
          - {at: 6s, for: 1s, service: store, pause: true}
          - {at: 7s, for: 1s, client: hasty, lost: 20%}
        objectives:
          - {subject: "traffic:web", metric: success_ratio, at_least: 99%}
        run: {duration: 10s, warmup: 1s, replications: 3, seed: 3}
        """,
}

PROGRAM = """
import json, sys
import sim
text, options = json.load(sys.stdin)
sys.stdout.write(json.dumps(sim.run(sim.loads(text), **options).to_json()))
"""


def written(name: str, **options: object) -> str:
    """The JSON of a run; the engine's name is the one word in it that may differ."""
    results = sim.run(sim.loads(SCENARIOS[name]), **options)  # type: ignore[arg-type]  # what each test varies
    return json.dumps(results.to_json()).replace('"engine": "reference"', '"engine": "compiled"')


def printed(name: str, **options: object) -> str:
    """The same from a process of its own, with its own hash seed."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", PROGRAM],
        input=json.dumps([SCENARIOS[name], options]),
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
        cwd=ROOT,
        env=os.environ | {"PYTHONHASHSEED": "random"},
    )
    return done.stdout


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every plain value of a JSON document, by its path."""
    if isinstance(value, dict):
        for key, part in value.items():
            yield from leaves(part, f"{path}.{key}")
    elif isinstance(value, list):
        for place, part in enumerate(value):
            yield from leaves(part, f"{path}[{place}]")
    else:
        yield path, value


def test_engines_write_the_same_bytes() -> None:
    assert written("storm", engine="compiled") == written("storm", engine="reference")


def test_where_the_compiled_engine_recurs_only_the_rounding_of_sums_differs() -> None:
    ours, theirs = (
        dict(leaves(json.loads(written("plain", engine=engine)))) for engine in ("compiled", "reference")
    )
    assert ours.keys() == theirs.keys()
    for path, value in ours.items():
        expected = theirs[path]
        if isinstance(value, float):
            expected = pytest.approx(expected, rel=1e-11, abs=1e-11)
        assert value == expected or path == ".engine", path


@pytest.mark.parametrize("name", SCENARIOS)
@pytest.mark.parametrize("engine", ["compiled", "reference"])
def test_threads_write_the_same_bytes(name: str, engine: str) -> None:
    alone = written(name, engine=engine, jobs=1)
    assert written(name, engine=engine, jobs=2) == alone
    assert written(name, engine=engine, jobs=4) == alone


def test_processes_write_the_same_bytes() -> None:
    here = written("storm", jobs=1)
    assert printed("storm", jobs=2) == here
    assert printed("storm", jobs=1) == here


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_log_and_the_order_of_asking_change_nothing(name: str) -> None:
    results = sim.run(sim.loads(SCENARIOS[name]), log=True)
    assert results.series is not None
    assert results.latency is not None
    assert json.dumps(results.to_json()) == written(name)


def test_another_seed_writes_other_figures() -> None:
    assert json.loads(written("storm"))["summary"] != json.loads(written("storm", seed=4))["summary"]


def test_the_first_replications_do_not_depend_on_how_many_follow() -> None:
    scenario = sim.loads(SCENARIOS["storm"])
    few = sim.run(scenario, replications=2).values("traffic:web", "latency_p99")
    assert sim.run(scenario).values("traffic:web", "latency_p99")[:2] == few
