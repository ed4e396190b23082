"""Client-side throttles and the circuit breaker: attempts that are denied before they are sent."""

from __future__ import annotations

import math
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from sim.scenario.guard import GuardRule
from sim.scenario.outcomes import CANCELLED, DENIED, ERROR, SERVED
from sim.scenario.quantities import (
    NumberFromOne,
    PositiveDuration,
    PositiveNumber,
    PositiveRatio,
    PositiveWhole,
    Rate,
    Ratio,
)
from sim.scenario.rule import Row, State, written_bare
from sim.scenario.windows import add, clear, roll, slice_width, total, window_size


class AdaptiveThrottle(GuardRule):
    """Denies with probability max(0, (requests - k·accepts)/(requests + 1)) over a window, the request in hand
    counted (Beyer et al., Site Reliability Engineering, 2016, ch. 21): the service sees about k times what it accepts.
    A client's first request is denied as often as not, and so are others until answers come back: give it a warm-up.
    """

    kind: Literal["adaptive"] = "adaptive"
    k: PositiveNumber = 2.0
    window: PositiveDuration = 120.0
    STATE: ClassVar[int] = window_size(2)
    CHANCE: ClassVar[bool] = True

    def parameters(self, p: list[float]) -> list[float]:
        """K and the slice of the window."""
        return [self.k, slice_width(self.window)]

    @staticmethod
    def admits(
        p: Row, at: int, s: State, i: int, t: float, u: float, case: float, ahead: float, patience: float
    ) -> bool:
        """Not u < (requests - k·accepts)/(requests + 1). State: requests, accepts."""
        roll(s, i, 2, p[at + 1], t)
        add(s, i, 2, 0, 1.0)
        requests, accepts = total(s, i, 0), total(s, i, 1)
        return not u * (requests + 1.0) < requests - p[at] * accepts

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
        """What the service has worked on counts as accepted, well or not."""
        if outcome in (SERVED, ERROR):
            roll(s, i, 2, p[at + 1], t)
            add(s, i, 2, 1, 1.0)


class AdmissionControl(GuardRule):
    """Denies with probability ((n - s/threshold)/(n + 1))^(1/aggression), at most `cap`, where s of n attempts in
    the window succeeded; not below `rps_threshold` (Envoy's admission control filter).
    """

    kind: Literal["admission_control"] = "admission_control"
    threshold: PositiveRatio = 0.95
    aggression: NumberFromOne = 1.0
    window: PositiveDuration = 30.0
    cap: Ratio = 0.8
    rps_threshold: Rate = 0.0
    STATE: ClassVar[int] = window_size(2)
    CHANCE: ClassVar[bool] = True

    def parameters(self, p: list[float]) -> list[float]:
        """Threshold, 1/aggression, slice, cap, and the least number in the window."""
        least = self.rps_threshold * self.window
        return [self.threshold, 1.0 / self.aggression, slice_width(self.window), self.cap, least]

    @staticmethod
    def admits(
        p: Row, at: int, s: State, i: int, t: float, u: float, case: float, ahead: float, patience: float
    ) -> bool:
        """Not u < min(cap, p). State: attempts that ended, successes."""
        roll(s, i, 2, p[at + 2], t)
        ended = total(s, i, 0)
        too_many = ended - total(s, i, 1) / p[at]
        if too_many <= 0.0 or ended < p[at + 4]:
            return True
        return not u < min(p[at + 3], math.pow(too_many / (ended + 1.0), p[at + 1]))

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
        """Counts it."""
        if outcome not in (DENIED, CANCELLED):
            roll(s, i, 2, p[at + 2], t)
            add(s, i, 2, 0, 1.0)
            if outcome == SERVED:
                add(s, i, 2, 1, 1.0)


CLOSED, OPENED, HALF_OPEN = 0.0, 1.0, 2.0
WINDOW_AT = 4
"""Where the window stands in a breaker's state."""


class Circuit(GuardRule):
    """Opens when `failure_ratio` of at least `minimum` attempts in the window have failed; after `open_for` lets
    `probes` through at once, closes after so many `successes` of them, opens again at a failure (Nygard, 2007; the
    defaults are Hystrix's).
    """

    kind: Literal["circuit"] = "circuit"
    failure_ratio: PositiveRatio = 0.5
    window: PositiveDuration = 10.0
    minimum: PositiveWhole = 20
    open_for: PositiveDuration = 5.0
    probes: PositiveWhole = 1
    successes: PositiveWhole = 1
    STATE: ClassVar[int] = WINDOW_AT + window_size(2)

    def parameters(self, p: list[float]) -> list[float]:
        """Failure ratio, slice, minimum, time open, probes, successes."""
        width = slice_width(self.window)
        return [
            self.failure_ratio,
            width,
            float(self.minimum),
            self.open_for,
            float(self.probes),
            float(self.successes),
        ]

    @staticmethod
    def admits(
        p: Row, at: int, s: State, i: int, t: float, u: float, case: float, ahead: float, patience: float
    ) -> bool:
        """State: mode, open until, probes under way, successes; the window's calls and failures."""
        if s[i] == OPENED and t >= s[i + 1]:
            s[i], s[i + 2], s[i + 3] = HALF_OPEN, 0.0, 0.0
        if s[i] == CLOSED:
            return True
        if s[i] == OPENED or s[i + 2] >= p[at + 4]:
            return False
        s[i + 2] += 1.0
        return True

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
        """Closed, it counts; half-open, each end decides, also that of an attempt sent before it opened."""
        if s[i] == OPENED:
            return
        if s[i] == HALF_OPEN:
            s[i + 2] = max(0.0, s[i + 2] - 1.0)
        if outcome in (DENIED, CANCELLED):
            return
        window = i + WINDOW_AT
        if s[i] == HALF_OPEN:
            if outcome != SERVED:
                s[i], s[i + 1] = OPENED, t + p[at + 3]
                return
            s[i + 3] += 1.0
            if s[i + 3] >= p[at + 5]:
                s[i] = CLOSED
                clear(s, window, 2)
            return
        roll(s, window, 2, p[at + 1], t)
        add(s, window, 2, 0, 1.0)
        if outcome != SERVED:
            add(s, window, 2, 1, 1.0)
        calls = total(s, window, 0)
        if calls >= p[at + 2] and total(s, window, 1) >= p[at] * calls:
            s[i], s[i + 1] = OPENED, t + p[at + 3]


AnyThrottle = AdaptiveThrottle | AdmissionControl
Throttle = Annotated[AnyThrottle, Field(discriminator="kind"), written_bare()]
"""A throttle as a field of a client."""

Breaker = Annotated[Circuit, written_bare()]
"""A breaker as a field of a client."""
