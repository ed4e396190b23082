"""The fate of a run after a trigger, told by the engine as soon as it is decided; see `sim.study.metastability`.

A service is *down* while its backlog is above a level that it keeps to by itself. It is back once the backlog has
stayed at or below that level for a stated time, in which of each class that calls it enough of the requests that ended
were answered. The run has recovered when every service that is judged has been back; it has collapsed when one is still
down after a stated horizon. The record `w` holds what is asked and what is found; times are in seconds.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final

from sim.engines import observations as see
from sim.engines.jit import inlined, machine_code
from sim.engines.memory import calms, counts, marks, services, shares, sources
from sim.engines.tally import level

OPEN, RECOVERED, COLLAPSED = range(3)
FATES: Final = ("open", "recovered", "collapsed")
"""`open`: the run ended before its fate could be told."""


PARTS: Final = 8
"""A hold may begin at any of so many parts of one: no finer than that is seen from when on clients are answered."""

MARKS: Final = PARTS + 1
"""Instants at which each class's counts are kept: the ends of the parts of a hold."""


@dataclass(frozen=True)
class Calm:
    """What makes a service back: no greater backlog than `level`, for `hold` s."""

    level: float
    hold: float


@dataclass(frozen=True)
class Watch:
    """What is asked of a run.

    begin: s, when the trigger ends; horizon: s after it, by when a run must be back; end: s, when requests cease to be
    born and the run ends, whatever the scenario says; calm: of each service, in the order written, what makes it back,
    None if that is not asked; answered: of each class, the least share of its requests ended in its service's hold that
    must be successes; some: of each, the least number of them.
    """

    begin: float
    horizon: float
    end: float
    calm: tuple[Calm | None, ...]
    answered: tuple[float, ...]
    some: tuple[float, ...]

    @property
    def hold(self) -> float:
        """The longest of the services', s."""
        return max((calm.hold for calm in self.calm if calm is not None), default=0.0)


@dataclass(frozen=True)
class Seen:
    """What became of a run.

    fate: of `FATES`; time: s from the trigger's end until it was back, or until it was no longer watched; back: of each
    service, in the order written, the same, inf if it was not, nan if not asked; peaks: of each, the greatest backlog
    in that time; born, success, ended: of each class, requests since the run began; now: s, where it was stopped.
    """

    fate: str
    time: float
    back: tuple[float, ...]
    peaks: tuple[float, ...]
    born: tuple[float, ...]
    success: tuple[float, ...]
    ended: tuple[float, ...]
    now: float


@inlined
def backlog(w: Any, place: int) -> float:
    """Of a service: attempts at its doors, in queues and with workers, and requests that wait out a backoff."""
    total = 0.0
    for row in range(w.traffic_count):
        if sources(w)[row].service == place:
            total += level(w, row, see.ORBIT)
    for row in range(w.traffic_count + place, w.traffic_count + place + services(w)[place].instances):
        total += level(w, row, see.QUEUE) + level(w, row, see.BUSY) + level(w, row, see.DOOR)
    return total


@inlined
def successes(w: Any, row: int) -> float:
    """Requests of a class that were answered."""
    return float(counts(w)[row * see.COUNTS + see.SUCCESS])


@inlined
def ends(w: Any, row: int) -> float:
    """Requests of a class that ended, in success or not."""
    return successes(w, row) + float(counts(w)[row * see.COUNTS + see.GAVE_UP])


@machine_code
def is_decided(w: Any, until: float) -> bool:
    """Whether the fate is known, as nothing changes before `until`, when the next event is."""
    if not until > w.now:  # what lasts no time is no state
        return False
    waited_for = 0
    for place in range(w.service_count):
        calm = calms(w)[place]
        if calm.asked == 0 or calm.back or is_back(w, place, until):
            continue
        waited_for += 1
        if until >= w.judged_to and not calm.earliest <= w.judged_to:
            w.fate = COLLAPSED
            return True
    if waited_for == 0:
        w.fate = RECOVERED
    return waited_for == 0


@inlined
def is_back(w: Any, place: int, until: float) -> bool:
    """Whether a service's backlog has been down for as long as is asked, its clients being answered.

    They are looked at in each hold that begins a part of one after the one before.
    """
    calm = calms(w)[place]
    inside = backlog(w, place)
    calm.peak = max(calm.peak, inside)
    if inside > calm.level:
        calm.since = calm.earliest = math.inf
        return False
    if calm.since == math.inf:
        calm.since = calm.earliest = max(w.now, w.judged_from)
        calm.marks = 0
        calm.due = calm.since + calm.hold / PARTS
        mark(w, place, 0)
    return bool(until >= calm.due and holds(w, place, until))


@machine_code
def holds(w: Any, place: int, until: float) -> bool:
    """Keeps the counts at each part of a hold that is over by then; whether clients were answered in one hold."""
    calm = calms(w)[place]
    while until >= calm.due and calm.earliest <= w.judged_to:
        calm.marks += 1
        mark(w, place, calm.marks % MARKS)
        calm.due = calm.since + calm.hold * (calm.marks + 1) / PARTS
        if calm.marks >= PARTS:
            if are_answered(w, place, (calm.marks - PARTS) % MARKS):
                calm.back = 1
                return True
            calm.earliest = calm.since + calm.hold * (calm.marks - PARTS + 1) / PARTS
    return False


@machine_code
def mark(w: Any, place: int, which: int) -> None:
    """Keeps what each class that calls a service has had of successes and of ends."""
    for row in range(w.traffic_count):
        if sources(w)[row].service == place:
            at = 2 * (row * MARKS + which)
            marks(w)[at] = successes(w, row)
            marks(w)[at + 1] = ends(w, row)


@machine_code
def are_answered(w: Any, place: int, which: int) -> bool:
    """Whether of each class that calls a service enough of what ended since a mark was answered, and some at all."""
    for row in range(w.traffic_count):
        if sources(w)[row].service == place:
            at, share = 2 * (row * MARKS + which), shares(w)[row]
            answered = successes(w, row) - marks(w)[at]
            if answered < share.some or answered < share.least * (ends(w, row) - marks(w)[at + 1]):
                return False
    return True
