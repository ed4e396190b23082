"""The assertion mode: generated scenarios keep every rule at every event, and each kind of damage is noticed."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

import sim
from sim.engines import by_events, compiled, kernel, machine, stages
from sim.engines import observations as see
from sim.engines.by_events import EventWorld
from sim.engines.invariants import between_events, violations
from sim.engines.kinds import PLAIN
from sim.errors import EngineError
from tests.engines.generated import scenarios

BUSY = sim.loads(
    """
    traffic: {web: {arrivals: {kind: poisson, rate: 60/s}, call: api, client: hasty}}
    clients:
      hasty: {timeout: 400ms, retry: {attempts: 5, backoff: {kind: exponential, base: 100ms, jitter: full}}}
    services:
      api:
        workers: 4
        service_time: {kind: exponential, mean: 100ms}
        queue: {capacity: 8, discipline: shortest}
    run: {duration: 20s}
    """
)


@pytest.mark.parametrize("near", [by_events.NEAR, 3])
@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(scenarios())
def test_every_rule_holds_at_every_event(near: int, document: dict[str, Any]) -> None:
    document["run"] |= {"duration": "1s", "warmup": "100ms", "series": "500ms"}
    scenario = sim.loads(json.dumps(document))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(by_events, "NEAR", near)  # so that events are set aside where there are few
        compiled.replicate(scenario, 0, seed=scenario.run.seed, warmup=0.1, checked=True)


HEDGED = """
traffic: {web: {arrivals: {kind: constant, rate: 2/s}, call: api, client: c}}
clients: {c: {timeout: 500s, hedge: {kind: constant, delay: 1ms, attempts: 100}}}
services:
  api: {workers: 3, service_time: {kind: exponential, mean: 2s}, sharing: processor_sharing, queue: {capacity: 500}}
run: {duration: 20s, replications: 1}
"""


def test_there_is_always_room_for_what_a_turn_adds() -> None:
    """A success calls off ninety-nine hedges, and each that leaves gives the shared workers another end to plan."""
    world = compiled.world_of(sim.loads(HEDGED), 0, 1, 0.0, by_events=True)
    w, most, least, status = world.record[0], 0, math.inf, stages.PAUSED
    while status != stages.CLOSE:
        before = int(w["heap_size"])
        status = kernel.advance(world.address, 1)
        if status == stages.GROW:
            world.grow()
        most = max(most, int(w["heap_size"]) - before)
        if not w["short"]:
            least = min(least, int(w["heap_length"] - w["heap_size"]))
    assert 90 < most <= least


def in_the_middle() -> EventWorld:
    """A run stopped between two events while some wait, some are served and some are in orbit."""
    world = compiled.world_of(BUSY, 0, 1, 0.0, by_events=True)
    assert isinstance(world, EventWorld)
    while True:
        if kernel.advance(world.address, 1) == stages.GROW:
            world.grow()
        attempts, requests = world.arrays["attempts"], world.arrays["requests"]
        waiting = (attempts["state"] == stages.WAITING) & (attempts["name"] != stages.NO_NAME)
        if between_events(world) and waiting.sum() > 3 and (requests["in_orbit"] == 1).any():
            return world


def swap_events(world: EventWorld) -> None:
    heap = world.arrays["heap"]
    heap[[1, 5]] = heap[[5, 1]]
    heap["time"][1] = 1e9


def forget_an_end(world: EventWorld) -> None:
    attempts = world.arrays["attempts"]
    world.arrays["heap"]["item"][:] = int((attempts["state"] != stages.SERVING).argmax())


def swap_timers(world: EventWorld) -> None:
    ring, head = world.rings[0], int(world.arrays["lanes"][0]["head"])
    ring["time"][(head + 1) % len(ring)] = 0.0


def leak_a_request(world: EventWorld) -> None:
    world.record[0]["free_request"] = world.arrays["requests"]["next_free"][world.record[0]["free_request"]]


def miscount_a_level(world: EventWorld) -> None:
    world.arrays["meters"]["level"].reshape(world.rows, see.METERS)[1, see.QUEUE] += 1.0


def break_a_line(world: EventWorld) -> None:
    world.arrays["services"][0]["newest"] = world.arrays["services"][0]["oldest"]


def lose_a_rank(world: EventWorld) -> None:
    world.arrays["attempts"]["child"][world.arrays["services"][0]["root"]] = -1


def free_a_worker(world: EventWorld) -> None:
    world.arrays["services"][0]["room"] += 1.0


def shrink_the_queue(world: EventWorld) -> None:
    world.arrays["services"][0]["capacity"] = 1.0


def miscount_a_birth(world: EventWorld) -> None:
    world.arrays["counts"][see.BORN] += 1.0


def miscount_a_sending(world: EventWorld) -> None:
    world.arrays["counts"][see.SENT] += 1.0


def call_it_special(world: EventWorld) -> None:
    assert world.kind == PLAIN
    world.arrays["sources"][0]["special"] = 1


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (swap_events, "the heap is out of order"),
        (forget_an_end, "ends are to come"),
        (swap_timers, "lane 0 is out of order"),
        (leak_a_request, "requests"),
        (miscount_a_level, "the meters say"),
        (break_a_line, "the line links"),
        (lose_a_rank, "the heap of ranks"),
        (free_a_worker, "workers are busy"),
        (shrink_the_queue, "wait in 1 places"),
        (miscount_a_birth, "born"),
        (miscount_a_sending, "attempts sent"),
        (call_it_special, "special is no longer 0, as it is in a plain scenario"),
    ],
)
def test_damage_is_noticed(damage: Callable[[EventWorld], None], told: str) -> None:
    world = in_the_middle()
    assert list(violations(world)) == []
    damage(world)
    assert told in "; ".join(violations(world))


def test_a_run_that_breaks_a_rule_stops_there(monkeypatch: pytest.MonkeyPatch) -> None:
    advance, turns = machine.Entry.__call__, iter(range(10**9))

    def faulty(entry: machine.Entry, address: int, budget: int, kind: int) -> int:
        status = advance(entry, address, budget, kind)
        if next(turns) == 500:
            miscount_a_birth(worlds[-1])
        return status

    worlds: list[EventWorld] = []
    made = compiled.world_of

    def watched(*arguments: Any, **options: Any) -> Any:
        worlds.append(made(*arguments, **options))  # type: ignore[arg-type]  # an EventWorld, as `checked` asks for
        return worlds[-1]

    monkeypatch.setattr(machine.Entry, "__call__", faulty)
    monkeypatch.setattr(compiled, "world_of", watched)
    with pytest.raises(EngineError, match=r"at .* s: traffic 0: .* born"):
        compiled.replicate(BUSY, 0, seed=1, warmup=0.0, checked=True)
