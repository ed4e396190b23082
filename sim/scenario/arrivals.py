"""The family of arrival processes: when requests are born."""

from __future__ import annotations

import math
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from sim.scenario.arrival_rule import ArrivalRule
from sim.scenario.closed_distributions import Exponential
from sim.scenario.distributions import Distribution, quantile
from sim.scenario.quantities import PositiveRate, PositiveWhole, refuse
from sim.scenario.rule import Row, State, family
from sim.scenario.trace import Trace
from sim.scenario.varying_arrivals import Mmpp, Profile, Sinusoid


class Poisson(ArrivalRule):
    """Independent arrivals of constant `rate`: its integral from epoch to epoch is -log(1 - u)."""

    kind: Literal["poisson"] = "poisson"
    rate: PositiveRate
    STATE: ClassVar[int] = 1

    def parameters(self, p: list[float]) -> list[float]:
        """The rate."""
        return [self.rate]

    @staticmethod
    def draw(p: Row, at: int, u: float) -> float:
        """The integral of the rate to the next epoch."""
        return -math.log(1.0 - u)

    @staticmethod
    def rule(
        p: Row,
        at: int,
        s: State,
        i: int,
        n: int,
        u: float,
        gap: float,
        t: float,
        speed: float,
        until: float,
        fresh: bool,
    ) -> float:
        """State: what is left of the integral still to come."""
        left = gap if fresh else s[i]
        rate = p[at] * speed
        if rate > 0.0:
            x = t + left / rate
            if x <= until:
                return x
            left = max(0.0, left - (until - t) * rate)
        s[i] = left
        return math.inf

    def _epoch_rate(self) -> float:
        return self.rate

    def _epoch_gap_scv(self) -> float | None:
        return 1.0

    def _poisson_epochs(self) -> bool:
        return True


class ConstantArrivals(ArrivalRule):
    """One arrival every 1/`rate`, the first after one gap: epoch n, from 0, at start + (n + 1)/rate exactly.

    A factor on the rate shortens what is left of the gap in hand and those that follow.
    """

    kind: Literal["constant"] = "constant"
    rate: PositiveRate
    STATE: ClassVar[int] = 3

    def parameters(self, p: list[float]) -> list[float]:
        """The rate."""
        return [self.rate]

    @staticmethod
    def rule(
        p: Row,
        at: int,
        s: State,
        i: int,
        n: int,
        u: float,
        gap: float,
        t: float,
        speed: float,
        until: float,
        fresh: bool,
    ) -> float:
        """State: when the speed changed last, how many gaps had passed by then, and the speed since."""
        if speed != s[i + 2]:
            s[i + 1] += (t - s[i]) * p[at] * s[i + 2]
            s[i] = t
            s[i + 2] = speed
        rate = p[at] * speed
        if rate == 0.0:
            return math.inf
        x = max(t, s[i] + (float(n + 1) - s[i + 1]) / rate)
        return x if x <= until else math.inf

    def _epoch_rate(self) -> float:
        return self.rate

    def _epoch_gap_scv(self) -> float | None:
        return 0.0


class Renewal(ArrivalRule):
    """Independent draws of `gap`, the first from the start on; a factor of 2 on the rate halves them."""

    kind: Literal["renewal"] = "renewal"
    gap: Distribution
    STATE: ClassVar[int] = 1

    @model_validator(mode="after")
    def _time_moves_on(self) -> Self:
        if self.gap.moments()[0] <= 0.0:
            raise refuse(
                "the gaps of a renewal process are all zero", "{kind: gamma, mean: 10ms, cv: 2}", at="gap"
            )
        return self

    def parameters(self, p: list[float]) -> list[float]:
        """The address of the distribution."""
        return [float(self.gap.lower(p))]

    @staticmethod
    def draw(p: Row, at: int, u: float) -> float:
        """The gap at speed 1."""
        return quantile(p, int(p[at]), u)

    @staticmethod
    def rule(
        p: Row,
        at: int,
        s: State,
        i: int,
        n: int,
        u: float,
        gap: float,
        t: float,
        speed: float,
        until: float,
        fresh: bool,
    ) -> float:
        """State: what is left of the gap at speed 1."""
        left = gap if fresh else s[i]
        if speed > 0.0:
            x = t + left / speed
            if x <= until:
                return x
            left = max(0.0, left - (until - t) * speed)
        s[i] = left
        return math.inf

    def _epoch_rate(self) -> float:
        return 1.0 / self.gap.moments()[0]

    def _epoch_gap_scv(self) -> float | None:
        return self.gap.scv()

    def _poisson_epochs(self) -> bool:
        return isinstance(self.gap, Exponential)


class Closed(ArrivalRule):
    """A fixed number of `users`: each thinks for a draw of `think`, has one request, and thinks again.

    No rule: an engine moves the users. Each begins by thinking, at `start`.
    """

    kind: Literal["closed"] = "closed"
    users: PositiveWhole
    think: Distribution
    opens: ClassVar[bool] = False
    accepts_rate_factor: ClassVar[bool] = False

    @model_validator(mode="after")
    def _one_at_a_time(self) -> Self:
        if self.batch is not None:
            raise refuse(
                "a closed source takes no batch: each user has one request at a time", "users: 50", at="batch"
            )
        return self

    def parameters(self, p: list[float]) -> list[float]:
        """How many users, and the address of the think time."""
        return [float(self.users), float(self.think.lower(p))]


AnyArrivals = Poisson | ConstantArrivals | Renewal | Profile | Sinusoid | Mmpp | Trace | Closed
Arrivals = Annotated[AnyArrivals, Field(discriminator="kind")]
"""An arrival process as a field of a model."""

MEMBERS = family(AnyArrivals, base=ArrivalRule)
"""Every class, at the place of its opcode; `Closed`, the last one, has no rule."""
