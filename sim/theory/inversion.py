"""Laws from their Laplace transforms, inverted numerically: the waiting time of M/G/1 for any smooth service.

Source: J. Abate and W. Whitt, Numerical inversion of Laplace transforms of probability distributions
(1995), the Euler algorithm; its error here is about 1e-8 in probability.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from sim.scenario.distribution_rule import DistributionRule
from sim.theory.law import Law
from sim.theory.transforms import quantile_nodes

Complex = NDArray[np.complex128]

#: Terms summed directly, terms averaged by Euler's binomial weights, and the discretization e^-A.
DIRECT, AVERAGED, A = 64, 14, 20.0
#: Nodes of the transform per unit of the double exponential substitution.
FINE = 256


@dataclass(frozen=True, eq=False)
class Inverted(Law):
    """A law by the transform of its tail, s ↦ ∫ e^(−s·t)·P(T > t) dt, s complex; `average` is its mean, s."""

    TOLERANCE: ClassVar[float] = 1e-6

    transform: Callable[[Complex], Complex]
    average: float
    at_zero: float

    def _mean(self) -> float:
        return self.average

    def _tail(self, t: float) -> float:
        if t <= 0.0:
            return self.at_zero
        k = np.arange(DIRECT + AVERAGED + 1)
        points: Complex = np.asarray((A + 2j * math.pi * k) / (2.0 * t), dtype=np.complex128)
        values = self.transform(points).real * np.where(k % 2 == 0, 1.0, -1.0)
        values[0] *= 0.5
        sums = np.cumsum(values)[DIRECT:]
        weights = np.array([math.comb(AVERAGED, j) for j in range(AVERAGED + 1)]) / 2.0**AVERAGED
        return float(min(self.at_zero, max(0.0, math.exp(0.5 * A) / t * np.dot(weights, sums))))


def mg1_wait(arrival_rate: float, law: DistributionRule, wait_mean: float) -> tuple[Law, Law]:
    """The laws of wait and sojourn of a stable M/G/1, first come first served, of mean wait `wait_mean`, s.

    W*(s) = (1 − ρ)/(1 − ρ·R*(s)) with R* the transform of what is left of a service.
    """
    times, weights = quantile_nodes(law, FINE)
    mean = law.moments()[0]
    load = arrival_rate * mean

    def deficit(s: Complex) -> Complex:
        # The points are evenly spaced: each row of exponentials is the one before it times one factor.
        row, factor = weights * np.exp(-s[0] * times), np.exp(-(s[1] - s[0]) * times)
        values = np.empty(len(s), dtype=np.complex128)
        for k in range(len(s)):
            values[k] = row.sum()
            row *= factor
        return 1.0 - values

    def wait_tail(s: Complex) -> Complex:
        # (1 − W*)/s, with 1 − W* written without the difference.
        part = arrival_rate * deficit(s) / s
        return (load - part) / (1.0 - part) / s

    def sojourn_tail(s: Complex) -> Complex:
        short = deficit(s)
        part = arrival_rate * short / s
        return ((load - part) + (1.0 - load) * short) / (1.0 - part) / s

    return Inverted(wait_tail, wait_mean, load), Inverted(sojourn_tail, wait_mean + mean, 1.0)
