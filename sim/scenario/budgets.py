"""Retry budgets: how many retries a client may afford. Asked once it is clear that a retry would be sent."""

from __future__ import annotations

import math
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from sim.scenario.guard import GuardRule
from sim.scenario.outcomes import CANCELLED, DENIED, FIRST, SERVED, TIMEOUT
from sim.scenario.quantities import (
    Amount,
    Duration,
    PositiveDuration,
    PositiveNumber,
    Rate,
    Ratio,
    or_infinite,
)
from sim.scenario.rule import Row, State, written_bare
from sim.scenario.windows import add, roll, slice_width, total, window_size


class BudgetRule(GuardRule):
    """Which retries may go; a first try always does."""

    def most_retries(self, first_tries: float) -> float:
        """Retries a second that one client is allowed in the long run if every attempt fails; nan if that depends.

        Args:
            first_tries: requests a second of that client.
        """
        return 0.0


class RatioBucket(BudgetRule):
    """Each request deposits, each retry withdraws 1/ratio of a deposit, over the last `ttl`; a reserve of
    min_per_second·ttl retries (Finagle's RetryBudget): at most ratio·requests + min_per_second·ttl retries per ttl.
    """

    kind: Literal["ratio_bucket"] = "ratio_bucket"
    ttl: PositiveDuration = 10.0
    min_per_second: Rate = 10.0
    ratio: Ratio = 0.2
    STATE: ClassVar[int] = window_size(1)

    def parameters(self, p: list[float]) -> list[float]:
        """Slice of the window, deposit, withdrawal, reserve."""
        deposit, withdrawal = (1.0, 1.0 / self.ratio) if self.ratio > 0.0 else (0.0, 1.0)
        return [slice_width(self.ttl), deposit, withdrawal, self.min_per_second * self.ttl * withdrawal]

    def most_retries(self, first_tries: float) -> float:
        """What requests and the reserve pay for."""
        return self.ratio * first_tries + self.min_per_second

    @staticmethod
    def admits(
        p: Row, at: int, s: State, i: int, t: float, u: float, case: float, ahead: float, patience: float
    ) -> bool:
        """A first try deposits; a retry needs balance + reserve of a withdrawal."""
        roll(s, i, 1, p[at], t)
        if case == FIRST:
            add(s, i, 1, 0, p[at + 1])
            return True
        if total(s, i, 0) + p[at + 3] < p[at + 2]:
            return False
        add(s, i, 1, 0, -p[at + 2])
        return True


class TokenBucket(BudgetRule):
    """A bucket that starts full; a retry needs more than one token and takes one; `fill` is put in at each first try
    or at each success (Brooker, 2022).
    """

    kind: Literal["token_bucket"] = "token_bucket"
    size: PositiveNumber = 5.0
    fill: Amount = 0.1
    deposit_on: Literal["first_try", "success"] = "first_try"
    STATE: ClassVar[int] = 1

    def parameters(self, p: list[float]) -> list[float]:
        """Size, fill, and whether success fills it."""
        return [self.size, self.fill, float(self.deposit_on == "success")]

    def initial(self, u: float) -> list[float]:
        """Full."""
        return [self.size]

    def most_retries(self, first_tries: float) -> float:
        """What first tries fill; nothing where successes would have to."""
        return self.fill * first_tries if self.deposit_on == "first_try" else 0.0

    @staticmethod
    def admits(
        p: Row, at: int, s: State, i: int, t: float, u: float, case: float, ahead: float, patience: float
    ) -> bool:
        """Tokens > 1, then tokens - 1; a first try always goes."""
        if case == FIRST:
            if p[at + 2] == 0.0:
                s[i] = min(p[at], s[i] + p[at + 1])
            return True
        if s[i] > 1.0:
            s[i] -= 1.0
            return True
        return False

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
        """A success fills, if so chosen."""
        if p[at + 2] != 0.0 and outcome == SERVED:
            s[i] = min(p[at], s[i] + p[at + 1])


class ThrottleTokens(BudgetRule):
    """-1 for each failed attempt, +ratio for each success; no retry while tokens ≤ max/2 (gRPC, proposal A6): retries
    stop where more than ratio/(1 + ratio) of the attempts fail.
    """

    kind: Literal["throttle_tokens"] = "throttle_tokens"
    max: PositiveNumber = 10.0
    ratio: Amount = 0.1
    STATE: ClassVar[int] = 1

    def parameters(self, p: list[float]) -> list[float]:
        """Max and ratio."""
        return [self.max, self.ratio]

    def initial(self, u: float) -> list[float]:
        """Full."""
        return [self.max]

    @staticmethod
    def admits(
        p: Row, at: int, s: State, i: int, t: float, u: float, case: float, ahead: float, patience: float
    ) -> bool:
        """Tokens > max/2; a first try always goes."""
        return case == FIRST or s[i] > 0.5 * p[at]

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
        """+ratio or -1, between 0 and max."""
        if outcome == SERVED:
            s[i] = min(p[at], s[i] + p[at + 1])
        elif outcome not in (DENIED, CANCELLED):
            s[i] = max(0.0, s[i] - 1.0)


class ConcurrentRetries(BudgetRule):
    """Retries at once ≤ max(floor, ratio·(active + pending)): attempts in flight, and retries waiting out a backoff
    (Envoy's retry_budget; a retry counts from the decision to its end).
    """

    kind: Literal["concurrent"] = "concurrent"
    ratio: Ratio = 0.2
    floor: Amount = 3.0
    STATE: ClassVar[int] = 2

    def parameters(self, p: list[float]) -> list[float]:
        """Ratio and floor."""
        return [self.ratio, self.floor]

    def most_retries(self, first_tries: float) -> float:
        """So many at once: how many a second depends on how long they take."""
        return math.nan

    @staticmethod
    def admits(
        p: Row, at: int, s: State, i: int, t: float, u: float, case: float, ahead: float, patience: float
    ) -> bool:
        """Retries < max(floor, ratio·active). State: active and pending, retries among them."""
        if case != FIRST:
            if s[i + 1] >= max(p[at + 1], p[at] * s[i]):
                return False
            s[i + 1] += 1.0
        s[i] += 1.0
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
        """One less."""
        s[i] -= 1.0
        if case != FIRST:
            s[i + 1] -= 1.0


class AwsStandard(BudgetRule):
    """500 tokens; a retry costs 5, or 10 after a timeout; a first try that succeeds gives 1 back, a retry that
    succeeds what it cost (AWS SDKs, retry mode `standard`, which also means 3 attempts and a cap of 20 s).
    """

    kind: Literal["aws_standard"] = "aws_standard"
    tokens: PositiveNumber = 500.0
    cost: PositiveNumber = 5.0
    timeout_cost: PositiveNumber = 10.0
    refund: Amount = 1.0
    STATE: ClassVar[int] = 1

    def parameters(self, p: list[float]) -> list[float]:
        """Tokens, cost, cost after a timeout, refund of a first try."""
        return [self.tokens, self.cost, self.timeout_cost, self.refund]

    def initial(self, u: float) -> list[float]:
        """All of them."""
        return [self.tokens]

    @staticmethod
    def admits(
        p: Row, at: int, s: State, i: int, t: float, u: float, case: float, ahead: float, patience: float
    ) -> bool:
        """Tokens ≥ cost, then tokens - cost; a first try always goes."""
        if case == FIRST:
            return True
        cost = p[at + 2] if case == TIMEOUT else p[at + 1]
        if s[i] < cost:
            return False
        s[i] -= cost
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
        """A success gives back."""
        if outcome == SERVED:
            back = p[at + 3] if case == FIRST else p[at + 2] if case == TIMEOUT else p[at + 1]
            s[i] = min(p[at], s[i] + back)


class FailureRatio(BudgetRule):
    """No retry while failed attempts / first tries > at_most, over a window or, without one, since the start (the
    `circuit breaker` of Brooker's retry study, 2022: it stops retries, never a first try).
    """

    kind: Literal["failure_ratio"] = "failure_ratio"
    at_most: Ratio = 0.1
    window: Duration | None = Field(default=None, description="none: since the start", examples=["10s"])
    STATE: ClassVar[int] = window_size(2)

    def most_retries(self, first_tries: float) -> float:
        """None, unless as many failures as calls are allowed."""
        return math.nan if self.at_most >= 1.0 else 0.0

    def parameters(self, p: list[float]) -> list[float]:
        """The ratio and the slice of the window."""
        return [self.at_most, slice_width(or_infinite(self.window or None))]

    @staticmethod
    def admits(
        p: Row, at: int, s: State, i: int, t: float, u: float, case: float, ahead: float, patience: float
    ) -> bool:
        """Failures ≤ at_most·calls. State: calls, failures."""
        roll(s, i, 2, p[at + 1], t)
        if case == FIRST:
            add(s, i, 2, 0, 1.0)
            return True
        return total(s, i, 1) <= p[at] * total(s, i, 0)

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
        """Counts a failure."""
        if outcome not in (SERVED, DENIED, CANCELLED):
            roll(s, i, 2, p[at + 1], t)
            add(s, i, 2, 1, 1.0)


AnyBudget = RatioBucket | TokenBucket | ThrottleTokens | ConcurrentRetries | AwsStandard | FailureRatio
Budget = Annotated[AnyBudget, Field(discriminator="kind"), written_bare()]
"""A retry budget as a field of a model; a bare word has all its defaults."""
