"""A random number of exponential stages: the waiting and sojourn time of every exponential queue in one law.

An arrival that finds all c workers busy and j waiting starts after j + 1 completions, each exponential with
rate c·μ; and a service of rate μ is a geometric number of such stages (uniformization). So both times are
N stages of one rate, and P(T > t) = Σ_i Poisson(i; rate·t)·P(N > i): a sum of positive terms.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from sim.theory.law import Law

Floats = NDArray[np.float64]

#: Terms that are e^-42 below the largest change no digit of a double.
NEGLIGIBLE = 42.0


@dataclass(frozen=True, eq=False)
class ErlangMixture(Law):
    """N stages, each exponential with `rate` (1/s).

    `weights[n]` = P(N = n) for n < len(weights); past the end each weight is `ratio` times the one before it.
    """

    rate: float
    weights: Floats
    ratio: float = 0.0
    _survival: Floats = field(init=False, repr=False)
    _below: Floats = field(init=False, repr=False)

    def __post_init__(self) -> None:
        past = self.weights[-1] * self.ratio / (1.0 - self.ratio)
        upward = np.cumsum(self.weights[::-1])[::-1]
        object.__setattr__(self, "_survival", np.append(upward[1:], 0.0) + past)
        object.__setattr__(self, "_below", np.cumsum(self.weights))

    def _mean(self) -> float:
        n = len(self.weights) - 1
        inside = float(np.dot(np.arange(n + 1), self.weights))
        # Σ_{k≥1} (n + k)·w·r^k = w·r·(n/(1 − r) + 1/(1 − r)²)
        stay = 1.0 - self.ratio
        past = float(self.weights[-1]) * self.ratio * (n / stay + 1.0 / (stay * stay))
        return (inside + past) / self.rate

    def survival(self, i: NDArray[np.int64]) -> Floats:
        """P(N > i) for whole numbers i ≥ 0."""
        last = len(self.weights) - 1
        inside = self._survival[np.minimum(i, last)]
        if self.ratio == 0.0:
            return np.where(i > last, 0.0, inside)
        return inside * np.exp(np.maximum(i - last, 0) * math.log(self.ratio))

    def _tail(self, t: float) -> float:
        x = self.rate * t
        if x <= 0.0:
            return float(self._survival[0])
        last = len(self.weights) - 1
        anchor = int(x) if self.ratio > 0.0 else min(int(x), last)
        held = float(self.survival(np.array([anchor]))[0])
        if held <= 0.0 and self.ratio == 0.0:
            anchor = int(np.flatnonzero(self._survival).max(initial=0))
            held = float(self._survival[anchor])
        lost = NEGLIGIBLE - (math.log(held) if held > 0.0 else -745.0)
        low, high = window(x, min(anchor, int(x)), lost, NEGLIGIBLE)
        if self.ratio == 0.0:
            high = min(high, last)
        i = np.arange(low, high + 1)
        return float(min(1.0, np.dot(np.exp(log_poisson(i, x)), self.survival(i))))

    def _cdf(self, t: float) -> float:
        if t < 0.0:
            return 0.0
        x = self.rate * t
        if x == 0.0:
            return float(self._below[0])
        # P(N ≤ i) grows with i, so that the largest terms may lie far above x: reach as far as they can.
        positive = self._below > 0.0
        if not positive.any():
            return 1.0 - self.tail(t)
        anchor = max(int(x), int(np.argmax(positive)))
        last = len(self.weights) - 1
        held = float(self._below[min(anchor, last)])
        low, high = window(x, anchor, NEGLIGIBLE - math.log(held), NEGLIGIBLE - math.log(held))
        i = np.arange(low, high + 1)
        below = self._below[np.minimum(i, last)]
        if self.ratio > 0.0:
            below = np.where(i > last, 1.0 - self.survival(i), below)
        return float(min(1.0, np.dot(np.exp(log_poisson(i, x)), below)))


def window(x: float, anchor: int, lost_below: float, lost_above: float) -> tuple[int, int]:
    """The whole numbers i outside of which Poisson(i; x) is below that of `anchor` by e^-lost (Chernoff)."""
    low = anchor - math.sqrt(2.0 * max(anchor, 1) * lost_below) - 1.0
    top = max(x, float(anchor))
    high = top + lost_above / 1.5 + math.sqrt(lost_above * lost_above / 2.25 + 2.0 * top * lost_above) + 8.0
    return max(0, int(low)), int(high) + 1


def log_poisson(i: NDArray[np.int64], x: float) -> Floats:
    """Log of e^-x·x^i/i! for x > 0, by C. Loader's saddle-point expansion (2000): accurate for i to 10^9."""
    whole = np.maximum(i, 1).astype(np.float64)
    off = (x - whole) / whole
    # i·(v − log(1 + v)) is the deviance; near the mode the two terms almost cancel, so a series takes over.
    small = np.abs(off) < 1e-3
    v = np.where(small, off, 0.0)
    series = v * v * (0.5 - v * (1.0 / 3.0 - v * (0.25 - v * (0.2 - v / 6.0))))
    deviance = whole * np.where(small, series, off - np.log(x / whole))
    value = -deviance - stirling_error(whole) - 0.5 * np.log(2.0 * math.pi * whole)
    return np.where(i == 0, -x, value)


def stirling_error(n: Floats) -> Floats:
    """log(n!) − log(√(2πn)·(n/e)^n) for whole numbers n ≥ 1."""
    square = n * n
    series = (1 / 12 - (1 / 360 - (1 / 1260 - (1 / 1680 - 1 / 1188 / square) / square) / square) / square) / n
    return np.where(n < len(_FEW), _FEW[np.minimum(n, len(_FEW) - 1).astype(np.int64)], series)


#: The same for n = 1..15, where the series is too short; n = 0 is not asked for.
_FEW = np.array(
    [0.0]
    + [
        math.lgamma(n + 1.0) - (n + 0.5) * math.log(n) + n - 0.5 * math.log(2.0 * math.pi)
        for n in range(1, 16)
    ]
)
