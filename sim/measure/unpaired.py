"""Unpaired differences: two runs with random numbers of their own, known by their means and intervals."""

from __future__ import annotations

import math
from typing import NamedTuple

from sim.measure.intervals import CONFIDENCE, student


class Summary(NamedTuple):
    """A figure as a table has it: mean and 95 % interval over n replications."""

    mean: float
    low: float
    high: float
    n: int

    @property
    def error(self) -> float:
        """The standard error that the interval tells of; an end cut off at what is possible tells less."""
        if self.n < 2:
            return math.nan
        return max(self.high - self.mean, self.mean - self.low) / student(self.n - 1, CONFIDENCE)


def unpaired(a: Summary, b: Summary, confidence: float = CONFIDENCE) -> tuple[float, float, float]:
    """(b - a, low, high) by Welch's t (1947), which does not take the spreads to be equal; NaN without intervals."""
    mean = b.mean - a.mean
    first, second = a.error**2, b.error**2
    if not math.isfinite(first + second):
        return mean, math.nan, math.nan
    if first + second == 0.0:
        return mean, mean, mean
    freedom = (first + second) ** 2 / (first**2 / (a.n - 1) + second**2 / (b.n - 1))
    half = student(max(1, math.floor(freedom)), confidence) * math.sqrt(first + second)
    return mean, mean - half, mean + half
