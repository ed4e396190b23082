"""What must hold in the compiled engine's memory between any two events: its assertion mode, for tests and doubt.

Each rule is told from the arrays alone, in numpy and apart from the kernel, so that a fault there cannot hide here.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.engines import observations as see
from sim.engines import stages
from sim.engines.by_events import EventWorld, source_of
from sim.engines.events import CLASS_SHIFT, COMPLETION, NAME, REQUEST_SHIFT
from sim.engines.kinds import ASSUMED, KINDS
from sim.engines.memory import EVENT
from sim.engines.queues import BY_RANK

RARELY = 1e-9
"""Meters are sums of ones: what they may be off by."""


def between_events(world: EventWorld) -> bool:
    """Whether nothing is left to do of the last event, so that the rules hold."""
    w = world.record[0]
    return bool(w["begun"] and not w["broken"] and w["step"] == stages.NOTHING and w["ready"] < 0)


def violations(world: EventWorld) -> Iterator[str]:
    """Every rule that does not hold, in words; call it between events."""
    yield from _events(world)
    yield from _lanes(world)
    yield from _pools(world)
    yield from _services(world)
    yield from _books(world)
    yield from _kind(world)


def _alive(pool: NDArray[Any]) -> NDArray[Any]:
    alive: NDArray[Any] = pool[pool["name"] != stages.NO_NAME]
    return alive


def _events(world: EventWorld) -> Iterator[str]:
    """The heap is in order, nothing in it is past, and each attempt in service has one end to come."""
    w = world.record[0]
    size = int(w["heap_size"])
    heap = world.arrays["heap"][:size]
    first = 1 if w["first_taken"] else 0  # the top is the event in hand: it has happened
    places = np.arange(first + 1 if first == 0 else 5, size)
    above = heap[(places - 1) // 4]
    below = heap[places]
    late = (above["time"] > below["time"]) | (
        (above["time"] == below["time"]) & (above["key"] > below["key"])
    )
    if late.any():
        yield f"the heap is out of order at place {places[late][0]} of {size}"
    aside = [world.arrays["far"][slot] for slot in _set_aside(world)]
    if len(aside) != w["far_count"]:
        yield f"{w['far_count']} events are set aside, and the bins hold {len(aside)}"
    pending = np.concatenate(
        [heap[first:], np.array([(e["key"], e["time"], e["item"]) for e in aside], EVENT)]
    )
    if len(pending) and pending["time"].min() < w["now"]:
        yield f"an event at {pending['time'].min()} is in the past of {w['now']}"
    attempts = world.arrays["attempts"]
    ends = pending[(pending["key"] >> np.uint64(CLASS_SHIFT)) == COMPLETION]
    subjects = attempts[ends["item"]]
    valid = (subjects["name"] == (ends["key"] & np.uint64(NAME))) & (subjects["state"] == stages.SERVING)
    alive = _alive(attempts)
    # Of those who share their workers, only the next end is planned.
    apart = world.arrays["services"]["shares"] == 0
    serving = (alive["state"] == stages.SERVING) & apart[alive["service"]]
    planned = (valid & apart[subjects["service"]]).sum()
    if planned != serving.sum():
        yield f"{serving.sum()} attempts are in service, and {planned} ends are to come"


def _set_aside(world: EventWorld) -> list[int]:
    """The slots of the events in all bins."""
    events = world.arrays["far"]
    found: list[int] = []
    for first in world.arrays["bins"].tolist():
        slot = first
        while slot >= 0 and len(found) <= len(events):
            found.append(slot)
            slot = int(events["next"][slot])
    return found


def _lanes(world: EventWorld) -> Iterator[str]:
    """Each lane's timers are in order, and one that is not empty has a call in the heap for its first."""
    for which, (lane, ring) in enumerate(zip(world.arrays["lanes"], world.rings, strict=False)):
        places = (int(lane["head"]) + np.arange(int(lane["length"]))) % len(ring)
        timers = ring[places]
        pairs = list(zip(timers["time"], timers["key"], strict=True))
        if pairs != sorted(pairs):
            yield f"lane {which} is out of order"
        if pairs and not (lane["wakes"] and (lane["wake_time"], lane["wake_key"]) <= pairs[0]):
            yield f"lane {which} has {len(pairs)} timers and no call in the heap for the first"


def _pools(world: EventWorld) -> Iterator[str]:
    """What is free and what is in use make up each pool, and nobody is in both."""
    w = world.record[0]
    for pool, one in (("requests", "request"), ("attempts", "attempt")):
        array = world.arrays[pool]
        free: list[int] = []
        slot = int(w[f"free_{one}"])
        while slot >= 0 and len(free) <= len(array):
            free.append(slot)
            slot = int(array["next_free"][slot])
        if len(free) + len(_alive(array)) != len(array) or (array["name"][free] != stages.NO_NAME).any():
            yield f"of {len(array)} {pool} {len(free)} are free and {len(_alive(array))} in use"


def _line(world: EventWorld, line: Any) -> list[int]:
    """The slots of the attempts that wait, from the oldest; stops where the links lead astray."""
    attempts = world.arrays["attempts"]
    found: list[int] = []
    slot, older = int(line["oldest"]), -1
    while slot >= 0 and len(found) <= len(attempts) and attempts["older"][slot] == older:
        found.append(slot)
        slot, older = int(attempts["newer"][slot]), slot
    return found


def _heap_of_line(world: EventWorld, line: Any) -> list[int]:
    """The slots in the pairing heap of a line, parents before children."""
    attempts = world.arrays["attempts"]
    found: list[int] = []
    todo = [int(line["root"])]
    while todo and len(found) <= len(attempts):
        slot = todo.pop()
        if slot >= 0:
            found.append(slot)
            todo += [int(attempts["child"][slot]), int(attempts["sibling"][slot])]
    return found


def _services(world: EventWorld) -> Iterator[str]:
    """Who waits and who is served is who the meters say, within the bounds, and no worker idles beside a line."""
    attempts = _alive(world.arrays["attempts"])
    levels = world.arrays["meters"]["level"].reshape(world.rows, see.METERS)
    for number, line in enumerate(world.arrays["services"]):
        row = world.traffic + number
        here = attempts[attempts["service"] == number]
        waiting, serving = ((here["state"] == state).sum() for state in (stages.WAITING, stages.SERVING))
        if abs(levels[row, see.QUEUE] - waiting) > RARELY or abs(levels[row, see.BUSY] - serving) > RARELY:
            yield (
                f"service {number}: {waiting} wait and {serving} are served, "
                f"the meters say {levels[row, see.QUEUE]:g} and {levels[row, see.BUSY]:g}"
            )
        if waiting > line["capacity"]:
            yield f"service {number}: {waiting} wait in {line['capacity']:g} places"
        if waiting and serving < line["room"] and not line["paused"]:
            yield f"service {number}: {waiting} wait while {serving} of {line['room']:g} workers are busy"
        in_line = _line(world, line)
        if len(in_line) != waiting or (in_line and line["newest"] != in_line[-1]):
            yield f"service {number}: {waiting} wait, and the line links {len(in_line)}"
        if line["order"] == BY_RANK and sorted(_heap_of_line(world, line)) != sorted(in_line):
            yield f"service {number}: the heap of ranks does not hold those who wait"


def _books(world: EventWorld) -> Iterator[str]:
    """Every request and every attempt is accounted for: what was counted is over, or still there."""
    requests, attempts = _alive(world.arrays["requests"]), _alive(world.arrays["attempts"])
    if len(requests) != world.record[0]["open_requests"]:
        yield f"{len(requests)} requests are open, {world.record[0]['open_requests']} counted"
    counts = world.arrays["counts"].reshape(world.rows, see.COUNTS)
    levels = world.arrays["meters"]["level"].reshape(world.rows, see.METERS)
    for traffic in range(world.traffic):
        ours = requests[source_of(requests) == traffic]
        sent = attempts[source_of(attempts) == traffic]
        row = counts[traffic]
        orbit = (ours["in_orbit"] == 1).sum()
        if row[see.BORN] != row[see.SUCCESS] + row[see.GAVE_UP] + len(ours):
            yield f"traffic {traffic}: {row[see.BORN]:g} born, {len(ours)} open, and the others do not add up"
        ended = row[[see.SERVED, see.REJECTED, see.TIMEOUT, see.ERROR, see.LOST, see.CANCELLED]].sum()
        if row[see.SENT] != ended + (sent["awaited"] == 1).sum():
            yield f"traffic {traffic}: {row[see.SENT]:g} attempts sent, and their outcomes do not add up"
        if (
            abs(levels[traffic, see.CLIENT] - len(ours)) > RARELY
            or abs(levels[traffic, see.ORBIT] - orbit) > RARELY
        ):
            yield f"traffic {traffic}: {len(ours)} open and {orbit} in orbit, and the meters differ"
        numbers = (ours["name"] >> np.uint64(REQUEST_SHIFT)).tolist()
        if len(set(numbers)) != len(numbers) or not all(map(math.isfinite, ours["born"])):
            yield f"traffic {traffic}: two requests have one name, or one was never born"


def _kind(world: EventWorld) -> Iterator[str]:
    """A scenario stays as simple as its kernel takes it for."""
    arrays = {"world": world.record, **world.arrays}
    for kind, records in ASSUMED.items():
        for name, fields in records.items() if kind <= world.kind else ():
            for field, value in fields.items():
                if (arrays[name][field] != value).any():
                    yield f"{name}: {field} is no longer {value:g}, as it is in a {KINDS[kind]} scenario"
