"""Quantiles of the engines' logarithmic histograms; at most 1/128 of their value wide, so within 0.8 %."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sim.engines.observations import bucket_edges

EDGES = bucket_edges()
"""Bounds of the buckets, in seconds."""


def quantile(histogram: NDArray[np.int64], share: float, longest: float) -> float:
    """The duration (s) that a share of the observed ones does not exceed; NaN if there are none.

    Within a bucket the observed ones are taken to lie evenly; none is longer than `longest`.
    """
    return quantiles(histogram, [share], longest)[0]


def quantiles(histogram: NDArray[np.int64], shares: Sequence[float], longest: float) -> list[float]:
    """The same for several shares."""
    cumulative = np.cumsum(histogram)
    if cumulative[-1] == 0:
        return [math.nan] * len(shares)
    return [_at(histogram, cumulative, share, longest) for share in shares]


def _at(histogram: NDArray[np.int64], cumulative: NDArray[np.int64], share: float, longest: float) -> float:
    wanted = share * int(cumulative[-1])
    place = int(np.searchsorted(cumulative, wanted))
    if place == 0:
        return 0.0
    before = int(cumulative[place - 1])
    inside = (wanted - before) / int(histogram[place])
    low, high = float(EDGES[place]), min(float(EDGES[place + 1]), longest)
    return min(longest, low + inside * max(0.0, high - low))
