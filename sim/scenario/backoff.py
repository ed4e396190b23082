"""Backoff: how long a client waits before its next attempt. Retry n = 1, 2, … comes before attempt n + 1."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Discriminator, Field, Tag, WithJsonSchema

from sim.scenario.distributions import Distribution, quantile
from sim.scenario.part import Part
from sim.scenario.quantities import (
    Duration,
    Flag,
    PositiveDuration,
    PositiveNumber,
    PositiveWhole,
    Ratio,
    or_infinite,
    refuse,
    show,
)
from sim.scenario.rule import Filled, Row, Rule, family, written_bare
from sim.units import parse_duration

NO_JITTER, FULL_JITTER, EQUAL_JITTER, SPREAD_JITTER = 0.0, 1.0, 2.0, 3.0


class BackoffRule(Rule):
    """A backoff; its rule gives seconds, zero or more."""

    @staticmethod
    def rule(p: Row, at: int, retry: float, previous: float, u: float) -> float:
        """The wait before attempt `retry` + 1; `previous` is the last wait of the request, at first 0."""
        raise NotImplementedError


class Spread(Part):
    """Jitter evenly about the delay: d·(1 ± spread·U)."""

    spread: Ratio


def _known_jitter(value: Any) -> Any:
    if isinstance(value, dict | Spread) or value in ("none", "full", "equal"):
        return value
    raise refuse(f"{show(value)} is not a jitter", "none, full, equal or {spread: 0.2}")


def _word_or_mapping(value: Any) -> str:
    return "<word>" if isinstance(value, str) else "<mapping>"


Jitter = Annotated[
    Annotated[Literal["none", "full", "equal"], Tag("<word>")] | Annotated[Spread, Tag("<mapping>")],
    Discriminator(_word_or_mapping),
    BeforeValidator(_known_jitter),
]


def grown(base: float, factor: float, retry: float, most_growth: float) -> float:
    """base·factor^(retry - 1); the exponent stops at `most_growth`, past which the power would overflow."""
    return base * math.pow(factor, min(retry - 1.0, most_growth))


def growth_limit(factor: float) -> float:
    """The exponent at which factor^exponent is about 1e280; infinite for a factor of 1 or less."""
    return 280.0 * math.log(10.0) / math.log(factor) if factor > 1.0 else math.inf


class NoBackoff(BackoffRule):
    """No wait: the next attempt is sent at once."""

    kind: Literal["none"] = "none"

    @staticmethod
    def rule(p: Row, at: int, retry: float, previous: float, u: float) -> float:
        """Zero."""
        return 0.0


class ConstantBackoff(BackoffRule):
    """Always `delay`. A bare duration means this one."""

    kind: Literal["constant"] = "constant"
    delay: Duration

    def parameters(self, p: list[float]) -> list[float]:
        """The delay."""
        return [self.delay]

    @staticmethod
    def rule(p: Row, at: int, retry: float, previous: float, u: float) -> float:
        """The delay."""
        return p[at]


class LinearBackoff(BackoffRule):
    """min(cap, step·n)."""

    kind: Literal["linear"] = "linear"
    step: Duration
    cap: Duration | None = None

    def parameters(self, p: list[float]) -> list[float]:
        """Step and cap."""
        return [self.step, or_infinite(self.cap)]

    @staticmethod
    def rule(p: Row, at: int, retry: float, previous: float, u: float) -> float:
        """min(cap, step·n)."""
        return min(p[at + 1], p[at] * retry)


class ExponentialBackoff(BackoffRule):
    """d = min(cap, base·factor^(n-1)), then `jitter`.

    `none`: d · `full`: U·d · `equal`: d/2 + U·d/2 (Brooker, "Exponential backoff and jitter", 2015) ·
    `{spread: s}`: d·(1 ± s·U), evenly between d·(1 - s) and d·(1 + s), which may pass the cap (gRPC, s =
    0.2).
    """

    kind: Literal["exponential"] = "exponential"
    base: Duration
    factor: PositiveNumber = 2.0
    cap: Duration | None = None
    jitter: Jitter = Field("none", description="how the delay is spread out", examples=["full"])

    def parameters(self, p: list[float]) -> list[float]:
        """Base, factor, cap, limit of growth, jitter, spread."""
        words = {"none": NO_JITTER, "full": FULL_JITTER, "equal": EQUAL_JITTER}
        jitter, spread = (
            (SPREAD_JITTER, self.jitter.spread)
            if isinstance(self.jitter, Spread)
            else (words[self.jitter], 0.0)
        )
        return [self.base, self.factor, or_infinite(self.cap), growth_limit(self.factor), jitter, spread]

    @staticmethod
    def rule(p: Row, at: int, retry: float, previous: float, u: float) -> float:
        """min(cap, base·factor^(n-1)), jittered."""
        delay = min(p[at + 2], grown(p[at], p[at + 1], retry, p[at + 3]))
        jitter = p[at + 4]
        if jitter == FULL_JITTER:
            return u * delay
        if jitter == EQUAL_JITTER:
            return 0.5 * delay + u * 0.5 * delay
        if jitter == SPREAD_JITTER:
            return delay * (1.0 + p[at + 5] * (2.0 * u - 1.0))
        return delay


class DecorrelatedBackoff(BackoffRule):
    """min(cap, U(base, 3·previous)); previous starts at base (Brooker, 2015)."""

    kind: Literal["decorrelated"] = "decorrelated"
    base: PositiveDuration
    cap: Duration | None = None

    def parameters(self, p: list[float]) -> list[float]:
        """Base and cap."""
        return [self.base, or_infinite(self.cap)]

    @staticmethod
    def rule(p: Row, at: int, retry: float, previous: float, u: float) -> float:
        """min(cap, base + u·(3·previous - base))."""
        base = p[at]
        before = previous if retry > 1.0 else base
        # A cap far below the base would turn the interval round; it is then empty.
        return min(p[at + 1], base + u * max(0.0, 3.0 * before - base))


class ScheduleBackoff(BackoffRule):
    """The delay at place n of a list; the last one repeats."""

    kind: Literal["schedule"] = "schedule"
    delays: Annotated[tuple[Duration, ...], Filled("[1s, 5s, 30s]")] = Field(
        description="the waits in turn", examples=[["1s", "5s", "30s"]]
    )

    def parameters(self, p: list[float]) -> list[float]:
        """How many delays, then the delays."""
        return [float(len(self.delays)), *self.delays]

    @staticmethod
    def rule(p: Row, at: int, retry: float, previous: float, u: float) -> float:
        """delays[min(n, how many)]."""
        return p[at + int(min(retry, p[at]))]


class RandomBackoff(BackoffRule):
    """A draw of the distribution `delay`, times factor^(n-1)."""

    kind: Literal["random"] = "random"
    delay: Distribution
    factor: PositiveNumber = 1.0

    def parameters(self, p: list[float]) -> list[float]:
        """The distribution's address, the factor and the limit of its growth."""
        return [float(self.delay.lower(p)), self.factor, growth_limit(self.factor)]

    @staticmethod
    def rule(p: Row, at: int, retry: float, previous: float, u: float) -> float:
        """quantile(u)·factor^(n-1)."""
        return grown(quantile(p, int(p[at]), u), p[at + 1], retry, p[at + 2])


def _whole_seconds(value: Any) -> Any:
    if isinstance(value, str):
        value = parse_duration(value) if value.strip()[-1:].isalpha() else value
    if (
        isinstance(value, bool)
        or not isinstance(value, int | float)
        or value != math.floor(value)
        or value < 0.0
    ):
        raise refuse(f"{show(value)} is not a whole number of seconds", "600 or 10min")
    return float(value)


WholeSeconds = Annotated[
    float,
    BeforeValidator(_whole_seconds),
    WithJsonSchema(
        {"type": ["integer", "string"], "description": "whole seconds", "examples": [600, "10min"]}
    ),
]
"""Whole seconds, as Celery counts them: the one duration that may stand without a unit."""


class CeleryBackoff(BackoffRule):
    """Celery's retry_backoff: d = min(maximum, factor·2^(n-1)) seconds; with `jitter` a whole number 0..d.

    `factor`, `maximum` and `jitter` are its retry_backoff, retry_backoff_max and retry_jitter, with their
    defaults; each number from 0 to d, both included, is equally likely: floor(U·(d + 1)).
    """

    kind: Literal["celery"] = "celery"
    factor: PositiveWhole = 1
    maximum: WholeSeconds = 600.0
    jitter: Flag = True

    def parameters(self, p: list[float]) -> list[float]:
        """Factor, maximum, and whether there is jitter."""
        return [float(self.factor), self.maximum, float(self.jitter)]

    @staticmethod
    def rule(p: Row, at: int, retry: float, previous: float, u: float) -> float:
        """floor(u·(min(maximum, factor·2^(n-1)) + 1)), or without jitter the minimum itself."""
        delay = min(p[at + 1], p[at] * math.pow(2.0, min(retry - 1.0, 900.0)))
        if p[at + 2] == 0.0:
            return delay
        return min(delay, float(math.floor(u * (delay + 1.0))))


class GrpcBackoff(BackoffRule):
    """gRPC's retryPolicy: min(initial·multiplier^(n-1), max)·U(0.8, 1.2); `jitter: full` is its older text, U·d.

    gRPC allows `attempts` up to 5.
    """

    kind: Literal["grpc"] = "grpc"
    initial: Duration
    max: Duration
    multiplier: PositiveNumber = 2.0
    jitter: Literal["spread", "full"] = "spread"

    def parameters(self, p: list[float]) -> list[float]:
        """Initial, max, multiplier, whether full, and the limit of the growth."""
        return [
            self.initial,
            self.max,
            self.multiplier,
            float(self.jitter == "full"),
            growth_limit(self.multiplier),
        ]

    @staticmethod
    def rule(p: Row, at: int, retry: float, previous: float, u: float) -> float:
        """d·(0.8 + 0.4·u), or d·u."""
        delay = min(p[at + 1], grown(p[at], p[at + 2], retry, p[at + 4]))
        return delay * u if p[at + 3] != 0.0 else delay * (0.8 + 0.4 * u)


class TenacityBackoff(BackoffRule):
    """tenacity's wait_exponential: max(min, min(max, multiplier·exp_base^(n-1))); with `random` its
    wait_random_exponential, evenly between min and that.
    """

    kind: Literal["tenacity"] = "tenacity"
    multiplier: Duration = 1.0
    exp_base: PositiveNumber = 2.0
    min: Duration = 0.0
    max: Duration | None = None
    random: Flag = False

    def parameters(self, p: list[float]) -> list[float]:
        """Multiplier, base of the power, min, max, whether random, and the limit of the growth."""
        return [
            self.multiplier,
            self.exp_base,
            self.min,
            or_infinite(self.max),
            float(self.random),
            growth_limit(self.exp_base),
        ]

    @staticmethod
    def rule(p: Row, at: int, retry: float, previous: float, u: float) -> float:
        """The capped power, or min + u·(that - min)."""
        delay = max(p[at + 2], min(p[at + 3], grown(p[at], p[at + 1], retry, p[at + 5])))
        return p[at + 2] + u * (delay - p[at + 2]) if p[at + 4] != 0.0 else delay


AnyBackoff = (
    NoBackoff
    | ConstantBackoff
    | LinearBackoff
    | ExponentialBackoff
    | DecorrelatedBackoff
    | ScheduleBackoff
    | RandomBackoff
    | CeleryBackoff
    | GrpcBackoff
    | TenacityBackoff
)
Backoff = Annotated[AnyBackoff, Field(discriminator="kind"), written_bare("delay")]
"""A backoff as a field of a model; a bare duration stands for `kind: constant`."""

MEMBERS = family(AnyBackoff, base=BackoffRule)
"""Every class, at the place of its opcode."""
