"""The fate of a run after a trigger, told by the engine as soon as it is decided; see `sim.study.metastability`.

A run is *down* while its backlog is above a level that it keeps to by itself. It has recovered once the backlog has
stayed at or below that level for a stated time, in which enough of the requests that ended were answered; it has
collapsed when it is still down after a stated horizon. The record `w` holds what is asked and what is found; times
are in seconds.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final

from sim.engines import observations as see
from sim.engines.jit import inlined, machine_code
from sim.engines.memory import counts
from sim.engines.tally import level

OPEN, RECOVERED, COLLAPSED = range(3)
FATES: Final = ("open", "recovered", "collapsed")
"""`open`: the run ended before its fate could be told."""


@dataclass(frozen=True)
class Watch:
    """What is asked of a run.

    begin: s, when the trigger ends; horizon: s after it, by when a run must be back; end: s, when requests cease to be
    born and the run ends, whatever the scenario says; level: the greatest backlog that is no sign of trouble; hold: s
    that it must stay there; answered: the least share of the requests ended in that time that must be successes.
    """

    begin: float
    horizon: float
    end: float
    level: float
    hold: float
    answered: float


@dataclass(frozen=True)
class Seen:
    """What became of a run.

    fate: of `FATES`; time: s from the trigger's end until it was back, or until it was no longer watched; peak: the
    greatest backlog in that time; born, success, ended: requests since the run began; now: s, where it was stopped.
    """

    fate: str
    time: float
    peak: float
    born: float
    success: float
    ended: float
    now: float


@inlined
def backlog(w: Any) -> float:
    """Attempts at the doors, in the queues and with the workers, and requests that wait out a backoff."""
    total = 0.0
    for row in range(w.traffic_count):
        total += level(w, row, see.ORBIT)
    for row in range(w.traffic_count, w.traffic_count + w.service_count):
        total += level(w, row, see.QUEUE) + level(w, row, see.BUSY) + level(w, row, see.DOOR)
    return total


@inlined
def answered(w: Any) -> float:
    """Requests of all classes that ended in success."""
    total = 0.0
    for row in range(w.traffic_count):
        total += counts(w)[row * see.COUNTS + see.SUCCESS]
    return total


@inlined
def ended(w: Any) -> float:
    """Requests of all classes that ended, in success or not."""
    total = 0.0
    for row in range(w.traffic_count):
        total += counts(w)[row * see.COUNTS + see.SUCCESS] + counts(w)[row * see.COUNTS + see.GAVE_UP]
    return total


@machine_code
def is_decided(w: Any, until: float) -> bool:
    """Whether the fate is known, as nothing changes before `until`, when the next event is."""
    if not until > w.now:  # what lasts no time is no state
        return False
    inside = backlog(w)
    w.peak = max(w.peak, inside)
    if inside > w.calm_level:
        w.calm_since = math.inf
    elif w.calm_since == math.inf:
        _calm_from(w, max(w.now, w.judged_from))
    if until >= w.calm_since + w.hold:
        done = ended(w) - w.ended_then
        if answered(w) - w.answered_then >= w.least_answered * done:
            w.fate = RECOVERED
            return True
        _calm_from(w, until)
    if until >= w.judged_to and not w.calm_since <= w.judged_to:
        w.fate = COLLAPSED
        return True
    return False


@inlined
def _calm_from(w: Any, t: float) -> None:
    """The backlog is down, from `t` on."""
    w.calm_since = t
    w.answered_then = answered(w)
    w.ended_then = ended(w)
