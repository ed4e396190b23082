"""Admission at a service: who is let in, and who is shed when a worker is about to take him. Asked in turn."""

from __future__ import annotations

import math
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from sim.scenario.guard import GuardRule
from sim.scenario.limits import AnyLimit
from sim.scenario.outcomes import ERROR, SERVED
from sim.scenario.quantities import PositiveDuration, PositiveRate, PositiveWhole, Ratio
from sim.scenario.rule import Row, State, written_bare

FIRST_ABOVE, DROP_NEXT, DROPS, LAST_DROPS, DROPPING, PENDING = range(6)
"""CoDel's state; PENDING: 1 right after the drop that begins a dropping state, 2 right after one within it."""


def control_law(t: float, interval: float, drops: float) -> float:
    """When to drop next: after interval/√count."""
    return t + interval / math.sqrt(drops)


class Codel(GuardRule):
    """Sheds at the worker's door once waits have stayed above `target` for an `interval`, then again after
    interval/√count, until one is below (RFC 8289, 2018).
    """

    kind: Literal["codel"] = "codel"
    target: PositiveDuration = 0.005
    interval: PositiveDuration = 0.1
    STATE: ClassVar[int] = 6

    def parameters(self, p: list[float]) -> list[float]:
        """Target and interval."""
        return [self.target, self.interval]

    @staticmethod
    def keeps(
        p: Row, at: int, s: State, i: int, t: float, waited: float, left: float, patience: float
    ) -> bool:
        """The RFC's `deque`, told for one job at a time; a queue of at most one job is never too long."""
        above = False
        if waited < p[at] or left <= 1.0:
            s[i + FIRST_ABOVE] = 0.0
        elif s[i + FIRST_ABOVE] == 0.0:
            s[i + FIRST_ABOVE] = t + p[at + 1]
        else:
            above = t >= s[i + FIRST_ABOVE]
        after = s[i + PENDING]
        s[i + PENDING] = 0.0
        if after == 1.0:  # the one behind the first drop goes, whatever its wait
            return True
        if s[i + DROPPING] != 0.0:
            if not above:
                s[i + DROPPING] = 0.0
                return True
            if after == 2.0:
                s[i + DROP_NEXT] = control_law(s[i + DROP_NEXT], p[at + 1], s[i + DROPS])
            if t < s[i + DROP_NEXT]:
                return True
            s[i + DROPS] += 1.0
            s[i + PENDING] = 2.0
            return False
        if not above:
            return True
        s[i + DROPPING] = 1.0
        since = s[i + DROPS] - s[i + LAST_DROPS]
        s[i + DROPS] = since if since > 1.0 and t - s[i + DROP_NEXT] < 16.0 * p[at + 1] else 1.0
        s[i + DROP_NEXT] = control_law(t, p[at + 1], s[i + DROPS])
        s[i + LAST_DROPS] = s[i + DROPS]
        s[i + PENDING] = 1.0
        return False


class CodelFolly(GuardRule):
    """Overloaded while the least wait of the last `interval` was above `target`; then sheds what has waited longer
    than 2·target (Facebook's folly; Maurer, Fail at Scale, 2015).
    """

    kind: Literal["codel_folly"] = "codel_folly"
    target: PositiveDuration = 0.005
    interval: PositiveDuration = 0.1
    STATE: ClassVar[int] = 4

    def parameters(self, p: list[float]) -> list[float]:
        """Target and interval."""
        return [self.target, self.interval]

    @staticmethod
    def keeps(
        p: Row, at: int, s: State, i: int, t: float, waited: float, left: float, patience: float
    ) -> bool:
        """State: end of the interval, least wait in it, whether overloaded, whether the least wait is to begin anew."""
        if t > s[i]:
            s[i + 2] = 1.0 if s[i + 1] > p[at] else 0.0
            s[i] = t + p[at + 1]
            s[i + 3] = 1.0
        if s[i + 3] != 0.0 or waited < s[i + 1]:
            s[i + 1] = waited
            s[i + 3] = 0.0
        return not (s[i + 2] != 0.0 and waited > 2.0 * p[at])


class RateLimit(GuardRule):
    """A token bucket: `rate` tokens a second, at most `burst` of them, one for each attempt that is let in."""

    kind: Literal["rate_limit"] = "rate_limit"
    rate: PositiveRate
    burst: PositiveWhole = 1
    STATE: ClassVar[int] = 2

    def parameters(self, p: list[float]) -> list[float]:
        """Rate and burst."""
        return [self.rate, float(self.burst)]

    def initial(self, u: float) -> list[float]:
        """Full, at time 0."""
        return [float(self.burst), 0.0]

    @staticmethod
    def admits(
        p: Row, at: int, s: State, i: int, t: float, u: float, case: float, ahead: float, patience: float
    ) -> bool:
        """Tokens ≥ 1, then tokens - 1. State: tokens, when they were counted."""
        s[i] = min(p[at + 1], s[i] + (t - s[i + 1]) * p[at])
        s[i + 1] = t
        if s[i] < 1.0:
            return False
        s[i] -= 1.0
        return True


WEIGHT = 0.05
"""Of the latest job in the moving average of the work."""


class DeadlineAdmission(GuardRule):
    """Refuses what cannot start before its client stops waiting: at the door by those ahead x the mean work of late,
    and again when a worker is about to take it.
    """

    kind: Literal["deadline"] = "deadline"
    STATE: ClassVar[int] = 1

    @staticmethod
    def admits(
        p: Row, at: int, s: State, i: int, t: float, u: float, case: float, ahead: float, patience: float
    ) -> bool:
        """ahead·work < patience. State: the mean work; 0 before the first job is done."""
        return ahead == 0.0 or s[i] == 0.0 or patience == math.inf or ahead * s[i] < patience

    @staticmethod
    def keeps(
        p: Row, at: int, s: State, i: int, t: float, waited: float, left: float, patience: float
    ) -> bool:
        """Somebody still waits for it."""
        return patience > 0.0

    @staticmethod
    def ends(
        p: Row,
        at: int,
        s: State,
        i: int,
        t: float,
        outcome: int,
        case: float,
        lasted: float,
        worked: float,
    ) -> None:
        """The work of a finished job enters the mean."""
        if outcome in (SERVED, ERROR):
            s[i] = worked if s[i] == 0.0 else s[i] + WEIGHT * (worked - s[i])


LEVELS = 16
WINDOW_END, SEEN, DELAYS, DELAYED, THRESHOLD, ADMITTED, ARRIVALS = range(7)
"""The state of priority shedding; ARRIVALS is the first of LEVELS counts."""


class PriorityShed(GuardRule):
    """Admits by a threshold on the priority: each window the number admitted goes down by `down` if jobs waited longer
    than `target` on average, else up by `up` (DAGOR: Zhou et al., Overload Control for Scaling WeChat Microservices,
    2018). Among attempts of one priority a uniform of each decides: one kept over a request's retries, as DAGOR keeps a
    user's, would let the refused, who come back, fill the counts by which the threshold is set.
    """

    kind: Literal["priority_shed"] = "priority_shed"
    target: PositiveDuration = 0.02
    window: PositiveDuration = 1.0
    requests: PositiveWhole = 2000
    down: Ratio = 0.05
    up: Ratio = 0.01
    STATE: ClassVar[int] = ARRIVALS + LEVELS
    CHANCE: ClassVar[bool] = True

    def parameters(self, p: list[float]) -> list[float]:
        """Target, window, requests, down, up."""
        return [self.target, self.window, float(self.requests), self.down, self.up]

    def initial(self, u: float) -> list[float]:
        """The threshold admits everybody, and the first window begins at 0."""
        state = [0.0] * self.STATE
        state[WINDOW_END], state[THRESHOLD] = self.window, float(LEVELS)
        return state

    @staticmethod
    def admits(
        p: Row, at: int, s: State, i: int, t: float, u: float, case: float, ahead: float, patience: float
    ) -> bool:
        """Priority + u < threshold."""
        if t >= s[i + WINDOW_END] or s[i + SEEN] >= p[at + 2]:
            move_threshold(p, at, s, i)
            begin_window(s, i, t + p[at + 1])
        level = min(case, LEVELS - 1.0)
        s[i + SEEN] += 1.0
        s[i + ARRIVALS + int(level)] += 1.0
        if level + u < s[i + THRESHOLD]:
            s[i + ADMITTED] += 1.0
            return True
        return False

    @staticmethod
    def keeps(
        p: Row, at: int, s: State, i: int, t: float, waited: float, left: float, patience: float
    ) -> bool:
        """Nobody is shed here, but the waits are seen."""
        s[i + DELAYS] += waited
        s[i + DELAYED] += 1.0
        return True


def begin_window(s: State, i: int, end: float) -> None:
    """Nothing is seen yet of the window that ends then; the threshold stays."""
    s[i + WINDOW_END] = end
    for place in range(SEEN, ARRIVALS + LEVELS):
        if place != THRESHOLD:
            s[i + place] = 0.0


def move_threshold(p: Row, at: int, s: State, i: int) -> None:
    """The threshold at which so many of the last window's arrivals, fewer or more, would have been admitted."""
    overloaded = s[i + DELAYS] > p[at] * s[i + DELAYED]
    wanted = s[i + ADMITTED] * (1.0 - p[at + 3])
    if not overloaded:
        wanted = max(1.0, s[i + ADMITTED] * (1.0 + p[at + 4]))
    for level in range(LEVELS):
        arrived = s[i + ARRIVALS + level]
        if wanted < arrived:
            s[i + THRESHOLD] = level + wanted / arrived
            return
        wanted -= arrived
    s[i + THRESHOLD] = float(LEVELS)


AnyAdmission = Codel | CodelFolly | RateLimit | DeadlineAdmission | PriorityShed | AnyLimit
Admission = Annotated[AnyAdmission, Field(discriminator="kind"), written_bare()]
"""One controller of a service's admission."""
