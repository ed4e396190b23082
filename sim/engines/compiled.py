"""The compiled engine: one replication of a scenario by the machine-code kernel, for work at full speed."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

import numpy as np

from sim.engines import events, kernel, stages
from sim.engines import observations as see
from sim.engines.by_events import EventWorld
from sim.engines.by_recursion import RecursionWorld, without_feedback
from sim.engines.by_splitting import SplittingWorld
from sim.engines.fate import FATES, MARKS, Seen, Watch
from sim.engines.lowering import lower
from sim.engines.memory import CALM, SHARE
from sim.engines.splitting import Asked, Levels, Paths
from sim.errors import EngineError
from sim.scenario.scenario import Scenario

BUDGET: Final = 1 << 20
"""Turns of the loop between two looks at the progress and at Ctrl-C: about a tenth of a second."""

CROWD: Final = 1024
"""Room for this many requests and attempts after a trigger, when many wait: growing takes a tenth of a short run."""

BROKEN: Final = {
    stages.NO_TIME: "a rule gave a time that is not one",
    stages.TOO_MANY_ATTEMPTS: (
        f"a request made {events.MOST_ATTEMPTS:,} attempts; give the retries a backoff above zero, or fewer attempts"
    ),
    stages.TOO_MANY_REQUESTS: f"a traffic class had {events.MOST_REQUESTS:,} requests, more than can be numbered",
}


def world_of(
    scenario: Scenario,
    replication: int,
    seed: int,
    warmup: float,
    *,
    log: bool = False,
    states: bool = False,
    by_events: bool = False,
) -> EventWorld | RecursionWorld:
    """The arrays of a replication that has not begun; see `replicate`."""
    flat = lower(scenario, seed, replication)
    run = scenario.run
    edges = see.edges_of(run.duration, warmup, run.bin_width)
    end = run.duration * (2.0 if run.drain else 1.0)
    if by_events or states or not without_feedback(scenario):
        return EventWorld(flat, edges, warmup, end, logged=log, watched=states)
    return RecursionWorld(flat, edges, warmup, end, logged=log)


def prepare(scenario: Scenario, *, states: bool = False) -> None:
    """Compiles the kernel that a scenario needs, or loads it from the cache, unless it is there already.

    Any other one is prepared when it is needed; but Ctrl-C reaches the main thread alone, so studies call this there,
    before their threads begin.
    """
    flat = lower(scenario, scenario.run.seed, 0)
    kernel.advance.prepare(flat.kinds[states])


def replicate(
    scenario: Scenario,
    replication: int,
    *,
    seed: int,
    warmup: float,
    log: bool = False,
    states: bool = False,
    by_events: bool = False,
    checked: bool = False,
    progress: Callable[[float], None] | None = None,
) -> see.Observations:
    """One replication.

    Args:
        scenario: what is run.
        replication: its number, from 0; a part of every draw's name.
        seed: the run's seed.
        warmup: where the measured window begins, in seconds.
        log: whether to keep the attempt log.
        states: whether to keep the time spent with each number in a service.
        by_events: whether to run event by event even where nothing returns to a service, gives up or overtakes, so
            that a recursion over the arrivals gives the same attempts sooner.
        checked: whether to look, event by event, at what must hold in the engine's memory: thousands of times slower.
        progress: called now and then with the simulated share of the run, 0 to 1; what it raises stops the run.

    Raises:
        EngineError: time does not advance, or a rule gave a time that is not one.
    """
    world = world_of(
        scenario, replication, seed, warmup, log=log, states=states, by_events=by_events or checked
    )
    status = stages.PAUSED
    while status != stages.DONE:
        status = _advance(world, 1 if checked else BUDGET, progress)
        if checked and isinstance(world, EventWorld):
            _refuse_violations(world)
        if status == stages.CLOSE:
            world.close_window()
    return world.observations()


def fate_of(
    scenario: Scenario,
    replication: int,
    *,
    seed: int,
    watch: Watch,
    progress: Callable[[float], None] | None = None,
) -> Seen:
    """The fate of one replication: the same run as `replicate` makes, stopped as soon as it is decided.

    Args:
        scenario: what is run.
        replication: its number, from 0.
        seed: the run's seed.
        watch: when to begin to judge, and by what.
        progress: as for `replicate`.

    Raises:
        EngineError: as for `replicate`.
    """
    flat = lower(scenario, seed, replication)
    # Nothing is read of the series, so its bins are left out.
    edges = see.edges_of(watch.end, 0.0, watch.end)
    world = EventWorld(flat, edges, 0.0, watch.end, logged=False, watched=False, room=CROWD)
    w = world.record[0]
    w["stop_from"] = w["judged_from"] = watch.begin
    w["judged_to"] = watch.begin + watch.horizon
    calms, shares = np.zeros(len(flat.services), CALM), np.zeros(len(flat.sources), SHARE)
    calms["since"] = calms["earliest"] = math.inf
    firsts = [place for place, (_, number) in enumerate(scenario.instances) if number == 0]
    for place, calm in zip(firsts, watch.calm, strict=True):
        if calm is not None:
            calms[place]["asked"], calms[place]["level"], calms[place]["hold"] = 1, calm.level, calm.hold
    shares["least"], shares["some"] = watch.answered, watch.some
    world.place("calms", calms)
    world.place("shares", shares)
    world.place("marks", np.zeros(2 * MARKS * len(shares)))
    status = stages.PAUSED
    while status not in (stages.DONE, stages.CLOSE, stages.DECIDED):
        status = _advance(world, BUDGET, progress)
    found = FATES[int(w["fate"])]
    back = np.where(calms["back"], calms["earliest"], np.where(calms["asked"], math.inf, math.nan))[firsts]
    until = {"recovered": np.nanmax(back), "collapsed": w["judged_to"], "open": watch.end}[found]
    traffic = world.arrays["counts"].reshape(-1, see.COUNTS)[: world.traffic]
    return Seen(
        fate=found,
        time=float(until) - watch.begin,
        back=tuple((back - watch.begin).tolist()),
        peaks=tuple(calms["peak"][firsts].tolist()),
        born=tuple(traffic[:, see.BORN].tolist()),
        success=tuple(traffic[:, see.SUCCESS].tolist()),
        ended=tuple((traffic[:, see.SUCCESS] + traffic[:, see.GAVE_UP]).tolist()),
        now=float(w["now"]),
    )


def paths_of(
    scenario: Scenario,
    replication: int,
    *,
    seed: int,
    asked: Asked,
    levels: Levels,
    room: int = 32,
    progress: Callable[[float], None] | None = None,
) -> Paths:
    """The paths of one replication by multilevel splitting; see `sim.engines.splitting`.

    Args:
        scenario: what is run.
        replication: its number, from 0.
        seed: the run's seed.
        asked: what is counted, and when.
        levels: where paths are split.
        room: a power of two, how many requests and attempts to have room for. A replication that outgrows it begins
            anew with twice as much; what it finds does not depend on it.
        progress: as for `replicate`.

    Raises:
        EngineError: as for `replicate`; and where the state grows too large to be kept so often.
    """
    while True:
        world = SplittingWorld(lower(scenario, seed, replication), asked, levels, room)
        status = stages.PAUSED
        while status not in (stages.DONE, stages.GROW):
            status = _advance(world, BUDGET, progress)
        if status == stages.DONE:
            return world.seen()
        room *= 2


def _advance(
    world: EventWorld | RecursionWorld, budget: int, progress: Callable[[float], None] | None
) -> int:
    """Lets the kernel go on, sees to what can be seen to at once, and gives back why it returned."""
    w = world.record[0]
    status = kernel.advance(world.address, budget, world.kind)
    if status == stages.GROW:
        world.grow()
    elif status == stages.PAUSED:
        if progress is not None:
            progress(min(1.0, float(w["now"]) / world.duration))
    elif status == stages.STUCK:
        raise EngineError(
            f"time stands still at {w['now']:g} s: over {stages.MOST_AT_ONE_INSTANT:,} events at one instant; "
            "give the retries a backoff, or the users a think time, above zero"
        )
    elif status == stages.BROKEN:
        raise EngineError(f"at {w['now']:g} s {BROKEN[int(w['broken'])]}")
    return status


def _refuse_violations(world: EventWorld) -> None:
    from sim.engines.invariants import between_events, violations

    if between_events(world):
        found = list(violations(world))
        if found:
            raise EngineError(f"at {world.record[0]['now']:g} s: {'; '.join(found)}")
