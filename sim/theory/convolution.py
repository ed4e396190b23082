"""A time and an independent exponential service after it, for a wait whose law has no closed sum."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar

import numpy as np

from sim.theory.law import Law


@dataclass(frozen=True, eq=False)
class WithExponential(Law):
    """T = W + S with S exponential of `rate` (1/s).

    P(T > t) = e^(−rate·t) + ∫_0^t rate·e^(−rate·u)·P(W > t − u) du, by Gauss–Legendre in panels: about 1e-9.
    `kinks` are the times, s, at which the tail of W breaks.
    """

    TOLERANCE: ClassVar[float] = 1e-8

    wait: Law
    rate: float
    kinks: tuple[float, ...] = ()

    def _mean(self) -> float:
        return self.wait.mean + 1.0 / self.rate

    def _tail(self, t: float) -> float:
        if t <= 0.0:
            return 1.0
        nodes, weights = np.polynomial.legendre.leggauss(12)
        # Panels of the service's scale, and of the wait's where little of it is left: at u near t.
        reach = min(t, 45.0 / self.rate)
        near = t - self.wait.mean * np.array([0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0])
        inside = np.concatenate([near, t - np.asarray(self.kinks)])
        edges = np.union1d(np.linspace(0.0, reach, 9), inside[(inside > 0.0) & (inside < reach)])
        total = math.exp(-self.rate * t)
        for low, high in pairwise(edges):
            half = 0.5 * (high - low)
            for x, w in zip(nodes, weights, strict=True):
                u = low + half * (1.0 + x)
                total += half * w * self.rate * math.exp(-self.rate * u) * self.wait.tail(t - u)
        return min(1.0, float(total))
