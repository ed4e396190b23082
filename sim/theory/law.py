"""The law of a waiting or sojourn time: its two tails, its quantiles, its mean up to a limit."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from sim.theory.inputs import ratio
from sim.theory.roots import root


class Law(ABC):
    """The distribution of a time of at least 0 s, in seconds, often with an atom at 0.

    A law says `_mean` and `_tail`; the rest follows from them unless it has something closer.
    """

    TOLERANCE: ClassVar[float] = 1e-10
    """The relative error to which its tail may be integrated."""

    @property
    def mean(self) -> float:
        """The mean, s."""
        return self._mean()

    def tail(self, t: float) -> float:
        """P(T > t)."""
        return 1.0 if t < 0.0 else self._tail(t)

    def cdf(self, t: float) -> float:
        """P(T ≤ t), with its own digits where it is small, if the law has them."""
        return 0.0 if t < 0.0 else self._cdf(t)

    def quantile(self, p: float) -> float:
        """The least t with P(T ≤ t) ≥ p, s.

        Raises:
            QuantityError: unless 0 < p < 1.
        """
        return self._quantile(ratio("p", p))

    def mean_within(self, limit: float) -> float:
        """E[min(T, limit)], the integral of the tail up to `limit`, s."""
        if limit <= 0.0:
            return 0.0
        return self.mean if math.isinf(limit) else self._mean_within(limit)

    @abstractmethod
    def _mean(self) -> float: ...

    @abstractmethod
    def _tail(self, t: float) -> float: ...

    def _cdf(self, t: float) -> float:
        return 1.0 - self._tail(t)

    def _quantile(self, p: float) -> float:
        level = 1.0 - p
        return 0.0 if self._tail(0.0) <= level else falling_root(self._tail, level, self._mean())

    def _mean_within(self, limit: float) -> float:
        from scipy.integrate import quad

        # A law may be far shorter than the limit: cut where nothing is left, so that no bulk is missed.
        end = limit
        if self.tail(limit) < 1e-15:
            low, high = 0.0, limit
            for _ in range(60):
                middle = 0.5 * (low + high)
                low, high = (low, middle) if self.tail(middle) < 1e-15 else (middle, high)
            end = high
        # With `full_output` a tail of fewer digits than asked for gives its best, and no warning.
        value: float = quad(
            self.tail, 0.0, end, epsabs=0.0, epsrel=self.TOLERANCE, limit=100, full_output=True
        )[0]
        return value


def falling_root(tail: Callable[[float], float], level: float, guess: float) -> float:
    """The t > 0 at which a falling `tail(t)` reaches `level`; `guess` sets the scale of the search.

    Found on the logarithm of the tail, which is almost a line, to 1e-14 relative.
    """
    high = guess if math.isfinite(guess) and guess > 0.0 else 1.0
    low = 0.0
    while tail(high) > level:
        low, high = high, 2.0 * high
        if high > 1e300:
            return math.inf

    target = math.log(level)

    def gap(t: float) -> float:
        value = tail(t)
        return (math.log(value) if value > 0.0 else -800.0) - target

    return root(gap, low, high)


@dataclass(frozen=True, slots=True)
class Never(Law):
    """No wait at all: T = 0."""

    def _mean(self) -> float:
        return 0.0

    def _tail(self, t: float) -> float:
        return 0.0 * t

    def _cdf(self, t: float) -> float:
        return 1.0 + 0.0 * t

    def _mean_within(self, limit: float) -> float:
        return 0.0 * limit


@dataclass(frozen=True, slots=True)
class DelayedExponential(Law):
    """0 with chance 1 − `chance`, else exponential with `rate` (1/s): P(T > t) = chance·e^(−rate·t)."""

    chance: float
    rate: float

    def _mean(self) -> float:
        return self.chance / self.rate

    def _tail(self, t: float) -> float:
        return self.chance * math.exp(-self.rate * t)

    def _cdf(self, t: float) -> float:
        return (1.0 - self.chance) - self.chance * math.expm1(-self.rate * t)

    def _quantile(self, p: float) -> float:
        level = 1.0 - p
        return math.log(self.chance / level) / self.rate if self.chance > level else 0.0

    def _mean_within(self, limit: float) -> float:
        return -self.chance * math.expm1(-self.rate * limit) / self.rate


@dataclass(frozen=True, slots=True)
class DelayedService(Law):
    """The sum of a `DelayedExponential(chance, rate)` wait and an exponential service of `service_rate`."""

    chance: float
    rate: float
    service_rate: float

    def _mean(self) -> float:
        return self.chance / self.rate + 1.0 / self.service_rate

    def _tail(self, t: float) -> float:
        slow, fast = min(self.rate, self.service_rate), max(self.rate, self.service_rate)
        # Both stages: e^(−slow·t)·(1 + slow·(1 − e^(−(fast − slow)·t))/(fast − slow)), free of cancellation.
        between = (fast - slow) * t
        grown = t if between == 0.0 else t * (-math.expm1(-between) / between)
        both = math.exp(-slow * t) * (1.0 + slow * grown)
        return (1.0 - self.chance) * math.exp(-self.service_rate * t) + self.chance * both

    def _mean_within(self, limit: float) -> float:
        rates = (self.rate, self.service_rate)
        if abs(rates[0] - rates[1]) < 1e-3 * max(rates):
            return Law._mean_within(self, limit)
        served = -math.expm1(-self.service_rate * limit) / self.service_rate
        waited = -math.expm1(-self.rate * limit) / self.rate
        both = (self.rate * served - self.service_rate * waited) / (self.rate - self.service_rate)
        return (1.0 - self.chance) * served + self.chance * both


@dataclass(frozen=True, slots=True)
class Shifted(Law):
    """A time and a constant after it (a network delay): T + `by` seconds."""

    law: Law
    by: float

    def _mean(self) -> float:
        return self.law.mean + self.by

    def _tail(self, t: float) -> float:
        return 1.0 if t < self.by else self.law.tail(t - self.by)

    def _cdf(self, t: float) -> float:
        return 0.0 if t < self.by else self.law.cdf(t - self.by)

    def _quantile(self, p: float) -> float:
        return self.by + self.law.quantile(p)

    def _mean_within(self, limit: float) -> float:
        return min(limit, self.by) + self.law.mean_within(max(0.0, limit - self.by))


@dataclass(frozen=True, slots=True)
class Within(Law):
    """The times that end by `limit` (a timeout) alone: T given T ≤ limit."""

    law: Law
    limit: float

    def _mean(self) -> float:
        # E[T; T ≤ limit] = E[min(T, limit)] − limit·P(T > limit)
        inside = self.law.mean_within(self.limit) - self.limit * self.law.tail(self.limit)
        return inside / self.law.cdf(self.limit)

    def _tail(self, t: float) -> float:
        if t >= self.limit:
            return 0.0
        return (self.law.tail(t) - self.law.tail(self.limit)) / self.law.cdf(self.limit)

    def _cdf(self, t: float) -> float:
        return 1.0 if t >= self.limit else self.law.cdf(t) / self.law.cdf(self.limit)

    def _quantile(self, p: float) -> float:
        below = p * self.law.cdf(self.limit)
        return self.law.quantile(below) if below > 0.0 else 0.0
