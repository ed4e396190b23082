"""Elasticities and gradients by common random numbers: what a figure does when a parameter moves a little.

Both are central differences of runs that share their draws, so that most of what chance does cancels (Glasserman and
Yao, 1992).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from sim.measure.figures import Figure
from sim.measure.intervals import CONFIDENCE, student
from sim.measure.paired import ROUNDING, paired_figures


class Estimate(NamedTuple):
    """A figure and its interval; NaN where there is none."""

    mean: float
    low: float
    high: float


NONE = Estimate(math.nan, math.nan, math.nan)


def gradient(
    below: Sequence[Figure],
    above: Sequence[Figure],
    metric: str,
    span: float,
    confidence: float = CONFIDENCE,
) -> Estimate:
    """(E[above] - E[below]) / span, in the metric's unit per the parameter's, from paired replications."""
    found = paired_figures(below, above, metric, confidence)
    return Estimate(*(value / span for value in (found.mean, found.low, found.high)))


def elasticity(
    below: Sequence[Figure],
    above: Sequence[Figure],
    metric: str,
    factor: float,
    confidence: float = CONFIDENCE,
) -> Estimate:
    """log(E[above] / E[below]) / log(factor): by how many per cent a figure changes where a parameter does by one.

    The interval is by the delta method on the pairs: the variance of above/E[above] - below/E[below]. NaN where a
    mean is not positive, as a logarithm has nothing to say there.

    Args:
        below: the figure in each replication at the lower value.
        above: the same at the higher value, under the same random numbers.
        metric: whose figure it is.
        factor: the higher value over the lower.
        confidence: of the interval.
    """
    pairs = [
        (one.value, other.value)
        for one, other in zip(below, above, strict=True)
        if not (math.isnan(one.value) or math.isnan(other.value))
    ]
    if not pairs or not (math.isfinite(factor) and factor > 0.0 and factor != 1.0):
        return NONE
    low, high = (math.fsum(side) / len(pairs) for side in zip(*pairs, strict=True))
    if not (low > 0.0 and high > 0.0 and math.isfinite(low) and math.isfinite(high)):
        return NONE
    scale = math.log(factor)
    mean = 0.0 if math.isclose(low, high, rel_tol=ROUNDING) else math.log(high / low) / scale
    if len(pairs) < 2:
        return Estimate(mean, math.nan, math.nan)
    terms = np.array([other / high - one / low for one, other in pairs])
    half = student(len(pairs) - 1, confidence) * float(np.std(terms, ddof=1)) / math.sqrt(len(pairs))
    found = paired_figures(below, above, metric, confidence)
    if found.spread == 0.0:
        # A ratio that was always 1 does not vary, and yet is not known exactly: as in a paired difference.
        half = max(abs(found.low - found.mean), abs(found.high - found.mean)) / low
    return Estimate(mean, mean - half / abs(scale), mean + half / abs(scale))
