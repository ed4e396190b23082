"""The first attempt that differs: as the whole logs say, found in a beginning of them, or said not to be there."""

import math
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import sim
from sim.scenario.scenario import Scenario
from sim.study.comparison import parting
from sim.study.comparison.parting import TIMES, first_parting

BASE = """
traffic:
  web: {arrivals: {kind: poisson, rate: 60/s}, call: api, client: patient}
  batch: {arrivals: {kind: poisson, rate: 5/s}, call: api}
clients:
  patient: {timeout: 300ms, retry: {attempts: 3, backoff: {kind: exponential, base: 100ms, jitter: full}}}
services: {api: {workers: 7, service_time: {kind: exponential, mean: 100ms}, queue: {capacity: 20}}}
run: {duration: 60s, replications: 2, seed: 5}
"""


@pytest.fixture(scope="module")
def base() -> Scenario:
    return sim.loads(BASE, "base.yaml", Path())


def rows(scenario: Scenario) -> dict[tuple[str, int, int], Any]:
    log = sim.run(scenario, replications=1, log=True).attempts
    assert log is not None
    return {(row.traffic, row.request, row.attempt): row for row in log.itertuples(index=False)}


def slowly(one: Scenario, other: Scenario) -> tuple[float, str, int, int]:
    """The same from the whole logs, event by event: the moment, and the attempt it befell."""
    a, b = rows(one), rows(other)
    found = []
    for key in a.keys() | b.keys():
        for name in TIMES:
            x, y = (getattr(log[key], name) if key in log else math.nan for log in (a, b))
            if x != y and not (math.isnan(x) and math.isnan(y)):
                found.append((min(value for value in (x, y) if not math.isnan(value)), *key))
    return min(found)


@pytest.mark.parametrize(
    "change",
    [
        {"services.api.queue.capacity": 21},
        {"services.api.workers": 8},
        {"clients.patient.retry.backoff.base": "150ms"},
        {"clients.patient.timeout": "301ms"},
        {"faults": "[{at: 50s, for: 1s, traffic: batch, rate: x3}]"},
    ],
)
def test_it_is_the_first_of_the_whole_logs(
    base: Scenario, change: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parting, "_FIRST_REQUESTS", 100)  # begin with 1.5 s, and grow to the whole
    other = base.set(change)
    found = first_parting(base, other, engine="compiled", seed=5)
    assert (found.same_until, found.traffic, found.request, found.attempt) == slowly(base, other)
    assert found.looked_at >= found.same_until
    assert found.baseline != found.variant


def test_both_engines_tell_the_same(base: Scenario) -> None:
    other = base.set("services.api.queue.capacity", 19)
    one, two = (first_parting(base, other, engine=engine, seed=5) for engine in ("compiled", "reference"))
    assert one == two


def test_an_attempt_that_one_of_them_never_sends(base: Scenario) -> None:
    found = first_parting(base, base.set("clients.patient.retry.attempts", 1), engine="compiled", seed=5)
    assert (found.attempt, found.variant) == (2, None)
    assert found.baseline is not None
    assert found.baseline["sent"] == found.same_until


def test_where_nothing_differs(base: Scenario) -> None:
    found = first_parting(base, base.set("services.api.queue.capacity", 20), engine="compiled", seed=5)
    assert not found.found
    assert (found.same_until, found.looked_at) == (60.0, 60.0)


def test_the_search_ends_before_it_fills_the_memory(base: Scenario, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parting, "MOST_ATTEMPTS", 500)
    monkeypatch.setattr(parting, "_FIRST_REQUESTS", 100)
    found = first_parting(base, base, engine="compiled", seed=5)
    assert not found.found
    assert found.same_until == found.looked_at < 60.0


def test_what_is_under_way_when_a_beginning_ends_is_left_to_a_longer_one() -> None:
    start = {
        "traffic": ["web"],
        "request": [0],
        "attempt": [1],
        "sent": [1.0],
        "arrived": [1.0],
        "started": [2.0],
    }
    one, other = (
        pd.DataFrame({**start, "finished": [end], "answered": [end], "outcome": ["served"]})
        for end in (5.0, 6.0)
    )
    assert not parting._first(one, other, 3.0).found
    assert parting._first(one, other, 10.0).same_until == 5.0
