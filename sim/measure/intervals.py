"""Intervals: what the spread between replications says about a mean."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

CONFIDENCE = 0.95


def interval(
    values: Sequence[float] | np.ndarray[tuple[int, ...], np.dtype[np.float64]],
    confidence: float = CONFIDENCE,
) -> tuple[float, float, float]:
    """Mean and Student-t interval of independent values, NaN left out; without two of them the interval is NaN.

    Returns:
        (mean, low, high), in the values' own unit.
    """
    known, mean, variance = _moments(values)
    if math.isnan(variance):
        return mean, math.nan, math.nan
    half = student(len(known) - 1, confidence) * math.sqrt(variance / len(known))
    return mean, mean - half, mean + half


def _moments(
    values: Sequence[float] | np.ndarray[tuple[int, ...], np.dtype[np.float64]],
) -> tuple[np.ndarray[tuple[int, ...], np.dtype[np.float64]], float, float]:
    """The values but for NaN, their mean, and their variance, NaN without two of them."""
    known = np.asarray(values, dtype=np.float64)
    known = known[~np.isnan(known)]
    n = len(known)
    if n == 0:
        return known, math.nan, math.nan
    # fsum is exact, so the mean does not depend on how an array library adds.
    mean = math.fsum(known) / n
    if n == 1 or not math.isfinite(mean):
        return known, mean, math.nan
    return known, mean, math.fsum((value - mean) ** 2 for value in known) / (n - 1)


CLUSTERED = 1.5
"""Skewness over the coefficient of variation of a sum of clusters with an exponential number in each: 3/√2²."""


def upper_end(
    values: Sequence[float] | np.ndarray[tuple[int, ...], np.dtype[np.float64]], confidence: float
) -> float:
    """The upper end of a two-sided interval for the mean of figures that are never negative, such as a run's mean wait.

    A run's mean wait is large where a few long queues fall into the run. Replications that miss these show a mean that
    is too low *and* vary too little, so Student's t falls short of the truth more often than it says: at a coefficient
    of variation of 1, three times. So with x as the true mean the variance is taken to be greater by x over the mean
    seen, as that of counts is; and t is widened by the skewness (Johnson, 1978: t + G·(2t² + 1)/(6·√n)), that of the
    figures or that of clusters, whichever is greater. NaN without two figures.
    """
    known, mean, variance = _moments(values)
    n = len(known)
    if not variance > 0.0 or mean <= 0.0:
        return interval(values, confidence)[2]
    t, spread = student(n - 1, confidence), math.sqrt(variance)
    step, widened = spread / math.sqrt(n), johnson(t, n)
    skewness = 0.0
    if n > 2:
        skewness = math.fsum((value - mean) ** 3 for value in known) / spread**3 * n / ((n - 1) * (n - 2))
    # x = u²·mean solves x - mean = u·step·(t + G·widened); the clusters' own G is CLUSTERED·spread/(u·mean).
    own = step * (t + max(skewness, 0.0) * widened)
    clusters = CLUSTERED * step * spread * widened / mean
    roots = (
        (own + math.sqrt(own * own + 4.0 * mean * mean)) / (2.0 * mean),
        (step * t + math.sqrt((step * t) ** 2 + 4.0 * mean * (mean + clusters))) / (2.0 * mean),
    )
    return mean * max(roots) ** 2


def johnson(t: float, number: int) -> float:
    """By how much a skewness of 1 widens t towards the long tail (Johnson, 1978), of so many values."""
    return (2.0 * t * t + 1.0) / (6.0 * math.sqrt(number))


def independent(
    values: Sequence[float] | np.ndarray[tuple[int, ...], np.dtype[np.float64]], twins: bool
) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """What is independent along the last axis, replications: each value, or the mean of each antithetic pair."""
    known = np.asarray(values, dtype=np.float64)
    return (known[..., 0::2] + known[..., 1::2]) / 2.0 if twins else known


def clipped(mean: float, low: float, high: float, most: float = math.inf) -> tuple[float, float]:
    """An interval's ends within what the figure can be, 0 to `most`; NaN is kept.

    A ratio that is cut by the window's edges can exceed 1, as can a utilization when workers are taken away: then
    there is no such bound.
    """
    if math.isnan(low):
        return low, high
    return max(low, 0.0), high if mean > most else min(high, most)


def student(freedom: float, confidence: float = CONFIDENCE) -> float:
    """Half-width of a two-sided Student-t interval, in standard errors."""
    from scipy.special import stdtrit  # scipy.stats takes a second to import

    return float(stdtrit(freedom, 0.5 + confidence / 2.0))


def wilson(successes: float, trials: float, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """The interval of Wilson (1927) for the probability of what was seen so often: never of no width.

    It is good for few trials too. Without a trial it is everything, 0 to 1.
    """
    from scipy.special import ndtri

    if trials <= 0:
        return 0.0, 1.0
    z = float(ndtri(0.5 + confidence / 2.0))
    share, weight = successes / trials, z * z / trials
    centre = (share + weight / 2.0) / (1.0 + weight)
    half = z / (1.0 + weight) * math.sqrt(share * (1.0 - share) / trials + weight / (4.0 * trials))
    low = 0.0 if successes <= 0 else centre - half
    return max(0.0, low), 1.0 if successes >= trials else min(1.0, centre + half)


def binomial(successes: float, trials: float, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """The interval of Clopper and Pearson (1934) for a ratio: exact for independent trials, never of no width.

    It serves where every replication gave the same 0 or 1, and their spread says nothing.
    """
    from scipy.special import betaincinv

    tail = (1.0 - confidence) / 2.0
    low = 0.0 if successes <= 0 else float(betaincinv(successes, trials - successes + 1.0, tail))
    high = 1.0 if successes >= trials else float(betaincinv(successes + 1.0, trials - successes, 1.0 - tail))
    return low, high
