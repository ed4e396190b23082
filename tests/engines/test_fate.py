"""A fate told by the compiled engine as it goes is the one that the reference engine's attempt log tells afterwards."""

from __future__ import annotations

import math

import numpy as np
import pytest

import sim
from sim.engines import compiled
from sim.engines.fate import Calm, Watch

STORM = """
traffic:
  web: {arrivals: {kind: poisson, rate: 30/s}, call: api, client: app}
  batch: {arrivals: {kind: poisson, rate: 3/s}, call: api}
clients:
  app: {timeout: 1s, retry: {attempts: 3, backoff: {kind: exponential, base: 100ms, cap: 2s, jitter: full}}}
services:
  api: {workers: 5, service_time: {kind: exponential, mean: 100ms}, queue: {capacity: 100}}
faults: [{at: 10s, for: 4s, service: api, workers: x0.6}]
run: {duration: 60s, drain: false}
"""
BEGIN, END = 14.0, 60.0


def watch_of(horizon: float, level: float, hold: float, answered: float, classes: int = 2) -> Watch:
    """Of the one service, and as much of each class."""
    return Watch(BEGIN, horizon, END, (Calm(level, hold),), (answered,) * classes, (0.0,) * classes)


def backlog(log: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Instants, and what is unfinished from each to the next: at the service, or waiting out a backoff."""
    here = log[~np.isnan(log["arrived"])]
    refused = here["outcome"] == 2  # an attempt that never waited: it comes and goes at one instant
    here = here[~(refused & np.isnan(here["started"]))]
    changes = [(here["arrived"], 1.0), (here["finished"], -1.0)]
    order = np.lexsort((log["attempt"], log["request"], log["traffic"]))
    rows = log[order]
    again = (rows["request"][1:] == rows["request"][:-1]) & (rows["traffic"][1:] == rows["traffic"][:-1])
    changes += [(rows["answered"][:-1][again], 1.0), (rows["sent"][1:][again], -1.0)]
    times = np.concatenate([times for times, _ in changes])
    steps = np.concatenate([np.full(len(times), by) for times, by in changes])
    known = ~np.isnan(times)
    instants, places = np.unique(times[known], return_inverse=True)
    return instants, np.cumsum(np.bincount(places, weights=steps[known]))


def told(log: np.ndarray, watch: Watch) -> tuple[str, float]:
    """The fate by its definition, without the share answered: from the whole path of the backlog."""
    instants, levels = backlog(log)
    (asked,) = watch.calm
    assert asked is not None
    calm = levels <= asked.level
    since = math.inf
    for place, at in enumerate(instants):
        until = instants[place + 1] if place + 1 < len(instants) else END
        if until <= watch.begin:
            continue
        if not calm[place]:
            since = math.inf
            if until > watch.begin + watch.horizon:
                return "collapsed", watch.horizon
            continue
        since = min(since, max(at, watch.begin))
        if since > watch.begin + watch.horizon:
            return "collapsed", watch.horizon
        if until >= since + asked.hold:
            return "recovered", since - watch.begin
    return "open", END - watch.begin


@pytest.fixture(scope="module")
def logs() -> list[np.ndarray]:
    """The attempt logs of twenty replications by the reference engine."""
    runs = sim.run(sim.loads(STORM), engine="reference", replications=20, log=True, jobs=1).runs
    return [run.log for run in runs if run.log is not None]


@pytest.mark.parametrize(
    ("level", "hold", "horizon"), [(6.0, 0.0, 40.0), (12.0, 1.0, 40.0), (12.0, 3.0, 2.0)]
)
def test_the_fate_is_the_one_that_the_log_tells(
    logs: list[np.ndarray], level: float, hold: float, horizon: float
) -> None:
    scenario = sim.loads(STORM)
    watch = watch_of(horizon, level, hold, 0.0)
    found = []
    for replication, log in enumerate(logs):
        fate, time = told(log, watch)
        seen = compiled.fate_of(scenario, replication, seed=scenario.run.seed, watch=watch)
        assert (seen.fate, seen.time) == (fate, pytest.approx(time, abs=1e-9))
        found.append(fate)
    assert len(set(found)) > 1, "a test of one fate alone"


def test_nothing_is_run_after_the_fate_is_known() -> None:
    scenario = sim.loads(STORM).set("faults[0].workers", "x0.9")
    seen = compiled.fate_of(scenario, 0, seed=1, watch=watch_of(40.0, 50.0, 1.0, 0.5))
    assert seen.fate == "recovered"
    assert seen.now < BEGIN + seen.time + 1.5


def test_a_backlog_that_is_down_because_nobody_is_answered_is_no_recovery() -> None:
    # Every request is refused at once and gives up: nothing is left unfinished, and nothing is done.
    scenario = sim.loads(STORM).set(
        {"clients.app.retry": None, "services.api.error_ratio": 1, "traffic.batch": None}
    )
    watch = watch_of(30.0, 50.0, 1.0, 0.5, classes=1)
    assert compiled.fate_of(scenario, 0, seed=1, watch=watch).fate != "recovered"
    kind = watch_of(30.0, 50.0, 1.0, 0.0, classes=1)
    assert compiled.fate_of(scenario, 0, seed=1, watch=kind).fate == "recovered"


def test_a_run_that_ends_too_soon_is_open() -> None:
    watch = watch_of(1000.0, 0.0, 30.0, 0.0)
    seen = compiled.fate_of(sim.loads(STORM), 0, seed=1, watch=watch)
    assert (seen.fate, seen.time) == ("open", END - BEGIN)
