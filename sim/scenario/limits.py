"""Concurrency limits: how many attempts may be under way at once, fixed or learnt from how long they take.

At a client they bound what it has in flight (else `denied`), at a service what waits and is served (else `rejected`).
The adaptive ones are those of Netflix's concurrency-limits library, with its defaults.
"""

from __future__ import annotations

import math
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from sim.draws import further
from sim.scenario.guard import GuardRule
from sim.scenario.outcomes import CANCELLED, DENIED, ERROR, LOST, REJECTED, TIMEOUT
from sim.scenario.quantities import (
    Amount,
    PositiveDuration,
    PositiveNumber,
    PositiveRatio,
    PositiveWhole,
    refuse,
)
from sim.scenario.rule import Row, State, written_bare

LIMIT, IN_FLIGHT = 0, 1
"""The first two numbers of a limit's state."""


def was_dropped(outcome: int) -> bool:
    """Whether an end says that there were too many: refused, too late, or lost."""
    return outcome in (REJECTED, TIMEOUT, LOST)


def says_nothing(outcome: int) -> bool:
    """Whether an end is no measurement: never sent, called off, or failed for a reason of its own."""
    return outcome in (DENIED, CANCELLED, ERROR)


class LimitRule(GuardRule):
    """A limit on what is under way at once."""

    STATE: ClassVar[int] = 2

    @staticmethod
    def admits(
        p: Row, at: int, s: State, i: int, t: float, u: float, case: float, ahead: float, patience: float
    ) -> bool:
        """In flight < limit, rounded down."""
        if s[i + IN_FLIGHT] + 1.0 > s[i + LIMIT]:
            return False
        s[i + IN_FLIGHT] += 1.0
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
        """One less in flight."""
        s[i + IN_FLIGHT] -= 1.0


class ConcurrencyLimit(LimitRule):
    """No more than `limit` at once: a bulkhead."""

    kind: Literal["concurrency_limit"] = "concurrency_limit"
    limit: PositiveWhole = Field(description="how many at once", examples=[100])

    def initial(self, u: float) -> list[float]:
        """The limit, none in flight."""
        return [float(self.limit), 0.0]


class AdaptiveLimit(LimitRule):
    """A limit that is learnt, between `min` and `max`."""

    initial_limit: PositiveWhole = Field(default=20, alias="initial", description="the limit to begin with")
    min: PositiveWhole = Field(default=20, description="the least limit")
    max: PositiveWhole = Field(default=200, description="the largest limit")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if not self.min <= self.initial_limit <= self.max:
            raise refuse(
                f"min {self.min}, initial {self.initial_limit} and max {self.max} are not in this order",
                "{min: 20, initial: 20, max: 200}",
            )
        return self

    def initial(self, u: float) -> list[float]:
        """The first limit, none in flight, nothing measured."""
        return [float(self.initial_limit), *[0.0] * (self.STATE - 1)]


class Aimd(AdaptiveLimit):
    """Additive increase, multiplicative decrease: limit·ratio after a drop or an answer later than `timeout`, +1 if
    2·in flight ≥ limit.
    """

    kind: Literal["aimd"] = "aimd"
    ratio: PositiveRatio = 0.9
    timeout: PositiveDuration = 5.0

    def parameters(self, p: list[float]) -> list[float]:
        """Min, max, ratio, timeout."""
        return [float(self.min), float(self.max), self.ratio, self.timeout]

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
        """A whole number, between min and max."""
        in_flight = s[i + IN_FLIGHT]
        s[i + IN_FLIGHT] = in_flight - 1.0
        if says_nothing(outcome):
            return
        limit = s[i + LIMIT]
        if was_dropped(outcome) or lasted > p[at + 3]:
            limit = float(math.floor(limit * p[at + 2]))
        elif 2.0 * in_flight >= limit:
            limit += 1.0
        s[i + LIMIT] = min(p[at + 1], max(p[at], limit))


def whole_log10(limit: float) -> float:
    """The common logarithm rounded down, at least 1, as the library's table has it."""
    log, power = 1.0, 100.0
    while limit >= power:
        log += 1.0
        power *= 10.0
    return log


class Vegas(AdaptiveLimit):
    """The queue is q = ⌈limit·(1 - rtt0/rtt)⌉, rtt0 the least seen: +6·log10 at q ≤ log10, +log10 below 3·log10,
    -log10 past 6·log10 or after a drop; rtt0 is measured anew each 30·limit answers or sooner, by a jitter.

    Against the least time seen, service times that vary look like a queue: where they are exponential, it denies much
    of a load that the service bears with ease.
    """

    kind: Literal["vegas"] = "vegas"
    min: PositiveWhole = Field(default=1, description="the least limit")
    max: PositiveWhole = Field(default=1000, description="the largest limit")
    probe_multiplier: PositiveNumber = 30.0
    STATE: ClassVar[int] = 5

    def parameters(self, p: list[float]) -> list[float]:
        """Min, max, probe multiplier."""
        return [float(self.min), float(self.max), self.probe_multiplier]

    def initial(self, u: float) -> list[float]:
        """The first limit, none in flight, no rtt0, no answer since the probe, and where the jitter begins."""
        return [float(self.initial_limit), 0.0, 0.0, 0.0, u]

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
        """By the length of the queue that the answer's time betrays."""
        in_flight = s[i + IN_FLIGHT]
        s[i + IN_FLIGHT] = in_flight - 1.0
        if says_nothing(outcome) or lasted <= 0.0:
            return
        limit = s[i + LIMIT]
        s[i + 3] += 1.0
        if (0.5 + 0.5 * s[i + 4]) * p[at + 2] * limit <= s[i + 3]:
            s[i + 4] = further(s[i + 4], 1)
            s[i + 3] = 0.0
            s[i + 2] = lasted
            return
        if s[i + 2] == 0.0 or lasted < s[i + 2]:
            s[i + 2] = lasted
            return
        log = whole_log10(limit)
        if was_dropped(outcome):
            limit -= log
        elif 2.0 * in_flight < limit:
            return
        else:
            queue = math.ceil(limit * (1.0 - s[i + 2] / lasted))
            if queue <= log:
                limit += 6.0 * log
            elif queue < 3.0 * log:
                limit += log
            elif queue > 6.0 * log:
                limit -= log
        s[i + LIMIT] = min(p[at + 1], max(p[at], limit))


WARM_UP = 10.0
"""Answers whose plain mean the long average begins with."""


class Gradient2(AdaptiveLimit):
    """limit' = 0.8·limit + 0.2·(g·limit + queue), g = clamp(tolerance·long/short, 0.5, 1), long a moving average over
    about `long_window` answers; no change while in flight < limit/2.
    """

    kind: Literal["gradient2"] = "gradient2"
    smoothing: PositiveRatio = 0.2
    queue: Amount = 4.0
    tolerance: PositiveNumber = 1.5
    long_window: PositiveWhole = 600
    STATE: ClassVar[int] = 4

    def parameters(self, p: list[float]) -> list[float]:
        """Min, max, smoothing, queue, tolerance, weight of an answer in the long average."""
        weight = 2.0 / (self.long_window + 1.0)
        return [float(self.min), float(self.max), self.smoothing, self.queue, self.tolerance, weight]

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
        """By the gradient of the answers' times. State: …, long average, answers in it up to the warm-up."""
        in_flight = s[i + IN_FLIGHT]
        s[i + IN_FLIGHT] = in_flight - 1.0
        if says_nothing(outcome) or lasted <= 0.0:
            return
        if s[i + 3] < WARM_UP:
            s[i + 2] = (s[i + 2] * s[i + 3] + lasted) / (s[i + 3] + 1.0)
            s[i + 3] += 1.0
        else:
            s[i + 2] = s[i + 2] * (1.0 - p[at + 5]) + lasted * p[at + 5]
        average = s[i + 2]
        if average > 2.0 * lasted:  # after a long overload: come down sooner
            s[i + 2] = average * 0.95
        limit = s[i + LIMIT]
        if in_flight < 0.5 * limit:
            return
        gradient = max(0.5, min(1.0, p[at + 4] * average / lasted))
        target = limit * gradient + p[at + 3]
        s[i + LIMIT] = min(p[at + 1], max(p[at], limit * (1.0 - p[at + 2]) + p[at + 2] * target))


AnyLimit = ConcurrencyLimit | Aimd | Vegas | Gradient2


def _not_a_number(value: Any) -> Any:
    if isinstance(value, int) and not isinstance(value, bool):
        raise refuse(
            f"{value} does not say what kind of limit", f"{{kind: concurrency_limit, limit: {value}}}"
        )
    return value


Limit = Annotated[AnyLimit, Field(discriminator="kind"), written_bare(), BeforeValidator(_not_a_number)]
"""A concurrency limit as a field of a client."""
