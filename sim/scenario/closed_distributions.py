"""Distributions whose quantile function is a formula, or the inverse of one special function."""

from __future__ import annotations

import math
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, model_validator

from sim.scenario.distribution_rule import DistributionRule, Moments
from sim.scenario.quantities import (
    Duration,
    NumberAboveOne,
    PositiveDuration,
    PositiveNumber,
    PositiveWhole,
    refuse,
)
from sim.scenario.rule import Row
from sim.scenario.special_functions import gamma_peak, gamma_quantile, normal_quantile


class Constant(DistributionRule):
    """Always `value`, in seconds. A bare duration means this one."""

    kind: Literal["constant"] = "constant"
    value: Duration

    def parameters(self, p: list[float]) -> list[float]:
        """The value."""
        return [self.value]

    @staticmethod
    def rule(p: Row, at: int, u: float) -> float:
        """The value, whatever the uniform."""
        return p[at]

    def moments(self) -> Moments:
        """Powers of the value."""
        return self.value, self.value**2, self.value**3


class Exponential(DistributionRule):
    """Without memory, of the given `mean`: -mean·log(1 - u)."""

    kind: Literal["exponential"] = "exponential"
    mean: PositiveDuration

    def parameters(self, p: list[float]) -> list[float]:
        """The mean."""
        return [self.mean]

    @staticmethod
    def rule(p: Row, at: int, u: float) -> float:
        """-mean·log(1 - u)."""
        return -p[at] * math.log(1.0 - u)

    def moments(self) -> Moments:
        """k!·mean^k."""
        return self.mean, 2.0 * self.mean**2, 6.0 * self.mean**3

    def scv(self) -> float:
        """One, exactly."""
        return 1.0


class Uniform(DistributionRule):
    """Evenly between `low` and `high`: low + u·(high - low)."""

    kind: Literal["uniform"] = "uniform"
    low: Duration
    high: PositiveDuration

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.low > self.high:
            raise refuse(
                f"low {self.low:g}s is more than high {self.high:g}s", "{low: 50ms, high: 150ms}", at="high"
            )
        return self

    def parameters(self, p: list[float]) -> list[float]:
        """The low end and the width."""
        return [self.low, self.high - self.low]

    @staticmethod
    def rule(p: Row, at: int, u: float) -> float:
        """The low end, and a share of the width."""
        return p[at] + u * p[at + 1]

    def moments(self) -> Moments:
        """The sum of low^i·high^(k-i), divided by k + 1."""
        a, b = self.low, self.high
        return (a + b) / 2.0, (a * a + a * b + b * b) / 3.0, (a + b) * (a * a + b * b) / 4.0


class Weibull(DistributionRule):
    """Weibull of the given `mean` and `shape` k: scale·(-log(1 - u))^(1/k), scale = mean / Γ(1 + 1/k)."""

    kind: Literal["weibull"] = "weibull"
    mean: PositiveDuration
    shape: PositiveNumber

    @model_validator(mode="after")
    def _shape_in_reach(self) -> Self:
        # Below, the third moment may overflow; above, the variable is constant to the last digits.
        if not 0.05 <= self.shape <= 1e6:
            raise refuse(
                f"a weibull's shape lies between 0.05 and 1e6, not {self.shape:g}",
                "0.7",
                at="shape",
            )
        return self

    def _scale(self) -> float:
        return self.mean / math.gamma(1.0 + 1.0 / self.shape)

    def parameters(self, p: list[float]) -> list[float]:
        """The scale and 1/shape."""
        return [self._scale(), 1.0 / self.shape]

    @staticmethod
    def rule(p: Row, at: int, u: float) -> float:
        """scale·(-log(1 - u))^(1/shape)."""
        return p[at] * math.pow(-math.log(1.0 - u), p[at + 1])

    def moments(self) -> Moments:
        """scale^k·Γ(1 + k/shape)."""
        scale = self._scale()
        second, third = (scale**k * math.gamma(1.0 + k / self.shape) for k in (2, 3))
        return self.mean, second, third


class Pareto(DistributionRule):
    """Pareto of the given `mean` and tail index a = `tail` > 1: m·(1 - u)^(-1/a), m = mean·(a - 1)/a."""

    kind: Literal["pareto"] = "pareto"
    mean: PositiveDuration
    tail: NumberAboveOne

    def _least(self) -> float:
        return self.mean * (self.tail - 1.0) / self.tail

    def parameters(self, p: list[float]) -> list[float]:
        """The least value and -1/tail."""
        return [self._least(), -1.0 / self.tail]

    @staticmethod
    def rule(p: Row, at: int, u: float) -> float:
        """least·(1 - u)^(-1/tail)."""
        return p[at] * math.pow(1.0 - u, p[at + 1])

    def moments(self) -> Moments:
        """a·least^k/(a - k), infinite from k = a on."""
        a, least = self.tail, self._least()
        second, third = (a * least**k / (a - k) if a > k else math.inf for k in (2, 3))
        return self.mean, second, third


class Lognormal(DistributionRule):
    """The exponential of a normal variable, of the given `mean` and `cv` = standard deviation / mean.

    exp(m + s·z), with s² = log(1 + cv²), m = log(mean) - s²/2 and z the normal quantile of u.
    """

    kind: Literal["lognormal"] = "lognormal"
    mean: PositiveDuration
    cv: PositiveNumber

    @model_validator(mode="after")
    def _cv_in_reach(self) -> Self:
        if self.cv > 1e6:
            raise refuse(f"a lognormal's cv is at most 1e6, not {self.cv:g}", "1.5", at="cv")
        return self

    def parameters(self, p: list[float]) -> list[float]:
        """The logarithm's mean and standard deviation."""
        variance = math.log1p(self.cv * self.cv)
        return [math.log(self.mean) - variance / 2.0, math.sqrt(variance)]

    @staticmethod
    def rule(p: Row, at: int, u: float) -> float:
        """exp(m + s·z)."""
        return math.exp(p[at] + p[at + 1] * normal_quantile(u))

    def moments(self) -> Moments:
        """mean^k·(1 + cv²)^(k(k-1)/2)."""
        spread = 1.0 + self.cv * self.cv
        return self.mean, self.mean**2 * spread, self.mean**3 * spread**3

    def scv(self) -> float:
        """cv², exactly."""
        return self.cv * self.cv


class Normal(DistributionRule):
    """Normal with `mean` and `cv` before it is truncated at 0, so that no draw is negative.

    With u mapped onto [F(0), 1], mean + cv·mean·z. The truncation raises the mean: by 0.3 % at cv 0.5, by 29
    % at cv 1.
    """

    kind: Literal["normal"] = "normal"
    mean: PositiveDuration
    cv: PositiveNumber

    @model_validator(mode="after")
    def _cv_in_reach(self) -> Self:
        if self.cv > 1e3:
            raise refuse(f"a normal's cv is at most 1000, not {self.cv:g}", "0.2", at="cv")
        return self

    def parameters(self, p: list[float]) -> list[float]:
        """Mean, standard deviation, and the chance of a negative value and of another."""
        edge = 1.0 / (self.cv * math.sqrt(2.0))
        return [self.mean, self.mean * self.cv, 0.5 * math.erfc(edge), 0.5 * math.erfc(-edge)]

    @staticmethod
    def rule(p: Row, at: int, u: float) -> float:
        """The mean and z deviations, counted from the nearer end so that neither end rounds to 0 or 1."""
        if u <= 0.5:
            return max(0.0, p[at] + p[at + 1] * normal_quantile(p[at + 2] + u * p[at + 3]))
        return max(0.0, p[at] - p[at + 1] * normal_quantile((1.0 - u) * p[at + 3]))

    def moments(self) -> Moments:
        """E X = m + s·h, E X² = m·E X + s², E X³ = m·E X² + 2s²·E X, h the density over the chance at 0."""
        m, s, _, kept = self.parameters([])
        hazard = math.exp(-0.5 / self.cv**2) / math.sqrt(2.0 * math.pi) / kept
        first = m + s * hazard
        second = m * first + s * s
        return first, second, m * second + 2.0 * s * s * first


class Gamma(DistributionRule):
    """Gamma of the given `mean` and `cv`, so of shape 1/cv²; the incomplete gamma is inverted to 1e-12."""

    kind: Literal["gamma"] = "gamma"
    mean: PositiveDuration
    cv: PositiveNumber

    @model_validator(mode="after")
    def _cv_in_reach(self) -> Self:
        if not 0.01 <= self.cv <= 100.0:
            raise refuse(f"a gamma's cv lies between 0.01 and 100, not {self.cv:g}", "0.5", at="cv")
        return self

    def parameters(self, p: list[float]) -> list[float]:
        """Scale, shape, and the constant of the density."""
        shape = 1.0 / (self.cv * self.cv)
        return [self.mean / shape, shape, gamma_peak(shape)]

    @staticmethod
    def rule(p: Row, at: int, u: float) -> float:
        """scale·(the quantile at u for scale 1)."""
        return p[at] * gamma_quantile(p[at + 1], p[at + 2], u)

    def moments(self) -> Moments:
        """mean^k·(1 + cv²)(1 + 2cv²)…."""
        square = self.cv * self.cv
        second = self.mean**2 * (1.0 + square)
        return self.mean, second, second * self.mean * (1.0 + 2.0 * square)

    def scv(self) -> float:
        """cv², exactly."""
        return self.cv * self.cv


def _at_most_ten_thousand(shape: int) -> int:
    if shape > 10_000:
        raise refuse(f"an erlang's shape is at most 10000, not {shape}", "4")
    return shape


class Erlang(DistributionRule):
    """The sum of `shape` like exponentials, with the given `mean`: a gamma of whole shape."""

    kind: Literal["erlang"] = "erlang"
    mean: PositiveDuration
    shape: Annotated[PositiveWhole, AfterValidator(_at_most_ten_thousand)]

    def parameters(self, p: list[float]) -> list[float]:
        """Scale, shape, and the constant of the density."""
        shape = float(self.shape)
        return [self.mean / shape, shape, gamma_peak(shape)]

    @staticmethod
    def rule(p: Row, at: int, u: float) -> float:
        """scale·(the quantile at u for scale 1)."""
        return p[at] * gamma_quantile(p[at + 1], p[at + 2], u)

    def moments(self) -> Moments:
        """scale^k·shape(shape + 1)…."""
        n, scale = float(self.shape), self.mean / self.shape
        return self.mean, n * (n + 1.0) * scale**2, n * (n + 1.0) * (n + 2.0) * scale**3

    def scv(self) -> float:
        """1/shape, exactly."""
        return 1.0 / self.shape
