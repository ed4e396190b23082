"""Splitting: a kept state goes on as if nothing had happened, splits change no mean, and no memory changes anything."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

import sim
from sim.engines import compiled, kernel, stages
from sim.engines import observations as see
from sim.engines.by_splitting import SplittingWorld
from sim.engines.invariants import between_events, violations
from sim.engines.lowering import lower
from sim.engines.splitting import Asked, Levels, Paths
from sim.measure.intervals import interval
from sim.scenario.scenario import Scenario
from tests.engines.generated import may_stand_still, scenarios

BUSY = """
traffic:
  web: {arrivals: {kind: poisson, rate: 30/s}, call: api, client: hasty}
  bots: {arrivals: {kind: mmpp, states: [{rate: 2/s, stay: 1s}, {rate: 20/s, stay: 500ms}]}, call: api, client: slow}
  users: {arrivals: {kind: closed, users: 3, think: 300ms}, call: api}
clients:
  hasty:
    timeout: 400ms
    cancel: queued
    network: {kind: exponential, mean: 5ms}
    retry:
      attempts: 4
      budget: {kind: token_bucket, size: 20}
      backoff: {kind: exponential, base: 100ms, jitter: full}
  slow: {timeout: 2s, deadline: 3s, hedge: {kind: constant, delay: 300ms}}
services:
  api:
    workers: 4
    service_time: {kind: lognormal, mean: 80ms, cv: 1.5}
    queue: {capacity: 12, max_wait: 1s}
    admission: [{kind: codel, target: 100ms, interval: 500ms}]
    error_ratio: 2%
run: {duration: 30s, warmup: 2s, drain: false}
"""
"""Lanes, guards, retries, hedges, closed users, a network, errors, heavy tails."""


def asked_of(scenario: Scenario) -> Asked:
    """The height is the number in the services, rare events their refusals, out of those who arrive."""
    traffic, services = len(scenario.traffic), len(scenario.instances)
    rows = range(traffic, traffic + services)
    warmup = float(scenario.run.warmup) if scenario.run.warmup != "auto" else 0.0
    return Asked(
        warmup / 2.0,
        warmup,
        scenario.run.duration,
        tuple(row * see.METERS + meter for row in rows for meter in (see.QUEUE, see.BUSY, see.DOOR)),
        tuple(row * see.COUNTS + see.REFUSED for row in rows),
        tuple(row * see.COUNTS + see.ARRIVED for row in rows),
    )


def world_of(scenario: Scenario, levels: Levels, room: int = 1024) -> SplittingWorld:
    return SplittingWorld(lower(scenario, 7, 0), asked_of(scenario), levels, room)


def to_the_end(world: SplittingWorld) -> None:
    status = stages.PAUSED
    while status == stages.PAUSED:
        status = kernel.advance(world.address, 1 << 16)
    assert status == stages.DONE


def paths(scenario: Scenario, levels: Levels, replication: int = 0, room: int = 32) -> Paths:
    return compiled.paths_of(
        scenario, replication, seed=7, asked=asked_of(scenario), levels=levels, room=room
    )


@pytest.mark.parametrize("turns", [1, 40, 3_001, 4_002, 5_003])
def test_a_kept_state_goes_on_to_the_same_end(turns: int) -> None:
    scenario = sim.loads(BUSY)
    world = world_of(scenario, Levels())
    assert kernel.advance(world.address, turns) == stages.PAUSED
    kept = world.block.copy()
    to_the_end(world)
    end = world.block.copy()
    assert (end != kept).any()
    world.block[:] = kept
    to_the_end(world)
    assert (world.block == end).all()


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(scenarios(), st.integers(0, 2_000))
def test_a_kept_state_of_any_scenario_goes_on_to_the_same_end(document: dict[str, Any], turns: int) -> None:
    document["run"] |= {"duration": "2s", "warmup": "100ms", "drain": False}
    scenario = sim.loads(json.dumps(document))
    world = world_of(scenario, Levels(), room=4096)
    assume(kernel.advance(world.address, turns) == stages.PAUSED)
    kept = world.block.copy()
    status = kernel.advance(world.address, 200_000)
    end = world.block.copy()
    world.block[:] = kept
    assert kernel.advance(world.address, 200_000) == status
    assert (world.block == end).all()


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(scenarios())
def test_the_main_path_is_the_ordinary_run(document: dict[str, Any]) -> None:
    assume(not may_stand_still(document))
    document["run"] |= {"duration": "2s", "warmup": "100ms", "drain": False}
    scenario = sim.loads(json.dumps(document))
    plain = compiled.replicate(scenario, 0, seed=7, warmup=0.1, by_events=True)
    world = world_of(scenario, Levels((1, 3, 4), (2, 1, 3)), room=4096)
    status = kernel.advance(world.address, 2_000_000)
    assume(status == stages.DONE)
    # The last path to end is the main one: thousands of states were put in its place, and taken away again.
    assert (world.arrays["counts"].reshape(plain.final.shape) == plain.final).all()
    assert (world.arrays["meters"]["level"].reshape(plain.levels.shape) == plain.levels).all()


def test_every_rule_of_the_memory_holds_on_every_path() -> None:
    scenario = sim.loads(BUSY).set("run.duration", "4s")
    world = world_of(scenario, Levels((2, 4, 8), (2, 2, 2)), room=128)
    status, seen = stages.PAUSED, 0
    while status == stages.PAUSED:
        status = kernel.advance(world.address, 7)
        if between_events(world):
            assert list(violations(world)) == []
            seen += 1
    assert status == stages.DONE
    assert seen > 100


def test_what_is_found_does_not_depend_on_the_room() -> None:
    scenario = sim.loads(BUSY)
    levels = Levels((4, 8, 12), (2, 3, 2))
    small, large = paths(scenario, levels, room=1), paths(scenario, levels, room=1024)
    assert small.room < large.room == 1024
    assert small.branches == large.branches > 100
    for one, other in ((small.hits, large.hits), (small.tries, large.tries), (small.events, large.events)):
        assert (one == other).all()
    assert (small.occupied == large.occupied).all()


def test_one_path_at_each_level_is_an_ordinary_run() -> None:
    scenario = sim.loads(BUSY)
    plain = compiled.replicate(scenario, 0, seed=7, warmup=2.0)
    found = paths(scenario, Levels((2, 5, 9), (1, 1, 1)))
    service = plain.window_counts[3]
    assert found.branches == 0
    assert (found.hits.sum(), found.tries.sum()) == (service[see.REFUSED], service[see.ARRIVED])
    assert math.isclose(found.occupied.sum(), 28.0, rel_tol=1e-9)


STATIONS = {
    "everything": BUSY,
    "spread": BUSY.replace("max_wait: 1s", "discipline: random"),
    "shared": BUSY.replace("error_ratio: 2%", "sharing: {kind: processor_sharing, limit: 4}"),
    "blocked": BUSY.replace("max_wait: 1s", "overflow: block"),
    "faults": BUSY
    + "faults: [{at: 5s, for: 3s, service: api, workers: x0.5}, {at: 6s, for: 300ms, service: api, pause: true}]",
    "many": BUSY.replace("workers: 4", "workers: 2\n    instances: 2\n    balance: power_of_two"),
}


@pytest.mark.parametrize("name", STATIONS)
def test_splits_change_no_mean(name: str) -> None:
    """Weighted counts and times against those of ordinary runs, at 99.99 %."""
    scenario = sim.loads(STATIONS[name]).set("run.duration", "12s")
    levels = Levels((3, 6, 10, 14), (2, 2, 2, 2))
    many = 40
    split = [paths(scenario, levels, number) for number in range(many)]
    crude = [paths(scenario, Levels(), number) for number in range(many, 4 * many)]
    assert sum(one.branches for one in split) > 10 * many

    def figures(found: Paths, by: Levels) -> list[float]:
        region = np.searchsorted(by.at, np.arange(len(found.occupied)), "right")
        times = found.occupied * by.weights[region]
        return [found.hits @ by.weights, found.tries @ by.weights, times[8:].sum(), times[:4].sum()]

    ours = np.array([figures(one, levels) for one in split])
    theirs = np.array([figures(one, Levels()) for one in crude])
    for figure in range(ours.shape[1]):
        (one, low, high), (other, below, above) = (
            interval(runs[:, figure], 0.9999) for runs in (ours, theirs)
        )
        assert abs(one - other) <= math.hypot(high - one, above - other), figure
        assert low > 0.0 < below, figure


def test_long_waits_are_counted_where_it_is_asked() -> None:
    scenario = sim.loads(BUSY)
    log = compiled.replicate(scenario, 0, seed=7, warmup=2.0, log=True).log
    assert log is not None
    row = 3 * see.COUNTS
    asked = Asked(0.0, 2.0, 30.0, (3 * see.METERS,), (row + see.LONG_WAITS,), (row + see.STARTED,), 0.1)
    found = compiled.paths_of(scenario, 0, seed=7, asked=asked, levels=Levels())
    begun = log[(log["started"] > 2.0) & (log["started"] <= 30.0)]
    waits = begun["started"] - begun["arrived"]
    assert found.tries.sum() == len(begun)
    assert found.hits.sum() == (waits > 0.1).sum() > 50
