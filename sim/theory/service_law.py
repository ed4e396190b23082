"""The law of a service time, from the distribution that a scenario names."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sim.scenario.closed_distributions import Constant, Erlang, Exponential, Gamma
from sim.scenario.distribution_rule import DistributionRule
from sim.scenario.distributions import Mixture, quantile
from sim.scenario.empirical import Empirical
from sim.scenario.phase_distributions import Hyperexponential, PhaseType
from sim.theory.law import DelayedExponential, Law, Never, Shifted


def service_law(distribution: DistributionRule) -> Law:
    """The law of one draw of a distribution of durations."""
    if isinstance(distribution, Constant):
        return Shifted(Never(), distribution.value)
    if isinstance(distribution, Exponential):
        return DelayedExponential(1.0, 1.0 / distribution.mean)
    if isinstance(distribution, Erlang | Gamma):
        shape = 1.0 / distribution.scv()
        return GammaLaw(shape, distribution.moments()[0] / shape)
    if isinstance(distribution, Hyperexponential):
        return Mixed(tuple((weight, DelayedExponential(1.0, rate)) for weight, rate in distribution.phases()))
    if isinstance(distribution, PhaseType):
        return PhaseLaw(np.asarray(distribution.initial), np.asarray(distribution.generator))
    if isinstance(distribution, Mixture):
        total = math.fsum(part.weight for part in distribution.parts)
        return Mixed(tuple((part.weight / total, service_law(part.of)) for part in distribution.parts))
    if isinstance(distribution, Empirical):
        return Sample(np.asarray(distribution.values()))
    return ByQuantile(distribution)


@dataclass(frozen=True)
class GammaLaw(Law):
    """Gamma with `shape` and `scale` (s)."""

    shape: float
    scale: float

    def _mean(self) -> float:
        return self.shape * self.scale

    def _tail(self, t: float) -> float:
        from scipy.special import gammaincc

        return float(gammaincc(self.shape, t / self.scale))

    def _cdf(self, t: float) -> float:
        from scipy.special import gammainc

        return float(gammainc(self.shape, t / self.scale))


@dataclass(frozen=True, eq=False)
class PhaseLaw(Law):
    """The time to leave the phases of a Markov chain: P(T > t) = initial·e^(generator·t)·1.

    `initial` has shape (n,) and may sum to less than 1, T being 0 with the rest; `generator`, 1/s, (n, n).
    """

    initial: NDArray[np.float64]
    generator: NDArray[np.float64]

    def _mean(self) -> float:
        return float(self.initial @ np.linalg.solve(-self.generator, np.ones(len(self.initial))))

    def _tail(self, t: float) -> float:
        from scipy.linalg import expm

        return float(min(1.0, max(0.0, (self.initial @ expm(self.generator * t)).sum())))


@dataclass(frozen=True)
class Mixed(Law):
    """One of several laws, each with its weight; the weights sum to 1."""

    parts: tuple[tuple[float, Law], ...]

    def _mean(self) -> float:
        return math.fsum(weight * law.mean for weight, law in self.parts)

    def _tail(self, t: float) -> float:
        return math.fsum(weight * law.tail(t) for weight, law in self.parts)

    def _cdf(self, t: float) -> float:
        return math.fsum(weight * law.cdf(t) for weight, law in self.parts)

    def _mean_within(self, limit: float) -> float:
        return math.fsum(weight * law.mean_within(limit) for weight, law in self.parts)


@dataclass(frozen=True, eq=False)
class Sample(Law):
    """One of equally likely `values`, s, sorted."""

    values: NDArray[np.float64]

    def _mean(self) -> float:
        return float(np.mean(self.values))

    def _tail(self, t: float) -> float:
        return 1.0 - self._cdf(t)

    def _cdf(self, t: float) -> float:
        return float(np.searchsorted(self.values, t, side="right")) / len(self.values)

    def _quantile(self, p: float) -> float:
        n = len(self.values)
        return float(self.values[min(n - 1, max(0, math.ceil(p * n - 1e-9) - 1))])

    def _mean_within(self, limit: float) -> float:
        return float(np.mean(np.minimum(self.values, limit)))


@dataclass(frozen=True, eq=False)
class ByQuantile(Law):
    """A law whose quantile function rises continuously: its tails by bisection of that function."""

    distribution: DistributionRule

    def _mean(self) -> float:
        return self.distribution.moments()[0]

    def _tail(self, t: float) -> float:
        return 1.0 - self._cdf(t)

    def _cdf(self, t: float) -> float:
        row, at = self._row()
        low, high = 0.0, 1.0
        for _ in range(80):
            middle = 0.5 * (low + high)
            if not low < middle < high:
                break
            low, high = (middle, high) if quantile(row, at, middle) <= t else (low, middle)
        return 0.5 * (low + high)

    def _quantile(self, p: float) -> float:
        row, at = self._row()
        return quantile(row, at, p)

    def _row(self) -> tuple[list[float], int]:
        row: list[float] = []
        at = self.distribution.lower(row)
        return row, at
