"""Quantiles of all replications' observations together, with an interval that their dependence does not break.

Requests of one run are not independent: who comes while a queue is long waits long, like those before. So the binomial
interval of an order statistic, which takes each for a trial of its own, is far too narrow. Replications are
independent: x may be the quantile at p if the number of observations below it, less p times all, is zero on average,
and Student's t over the replications says for which x that can be so (a test inverted, as for the binomial interval,
with whole replications for trials). Pooled, the quantile is also less biased than the mean of each replication's own.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from sim.engines import observations as see
from sim.errors import UsageError
from sim.measure.histograms import EDGES, quantile
from sim.measure.intervals import CONFIDENCE, student
from sim.scenario.scenario import Scenario

METHOD = "pooled, t over replications inverted"


def pooled_quantile(
    histograms: NDArray[np.int64], share: float, longest: float, confidence: float = CONFIDENCE
) -> tuple[float, float, float]:
    """(value, low, high) in seconds of the quantile at a share.

    Args:
        histograms: one row of buckets for each independent replication.
        share: which quantile, such as 0.99.
        longest: the greatest of all observations, s.
        confidence: of the interval.

    Returns:
        NaN for the value without observations, and for the interval without two replications.
    """
    value = quantile(histograms.sum(axis=0), share, longest)
    if len(histograms) < 2 or math.isnan(value):
        return value, math.nan, math.nan
    seen = np.flatnonzero(histograms.any(axis=0))
    first, last = int(seen[0]), int(seen[-1])
    edges = np.minimum(EDGES[first : last + 2], longest)
    below = np.cumsum(histograms[:, first : last + 1], axis=1)
    excess = np.concatenate([np.zeros((len(below), 1)), below], axis=1) - share * below[:, -1:]
    spread = excess.std(axis=0, ddof=1)
    wide = student(len(histograms) - 1, confidence) / math.sqrt(len(histograms)) * spread
    mean = excess.mean(axis=0)
    # Below the low end the mean excess is certainly negative, above the high end certainly positive.
    low, high = _crossing(edges, mean + wide, last=True), _crossing(edges, mean - wide, last=False)
    # Within one bucket the value is placed by another rule than the ends.
    return value, min(low, value), max(high, value)


def beyond(histograms: NDArray[np.int64], value: float) -> NDArray[np.float64]:
    """How many observations of each replication lie beyond a value, to a bucket's width."""
    if math.isnan(value):
        return np.full(len(histograms), math.nan)
    place = int(np.searchsorted(EDGES, value, side="right"))
    found: NDArray[np.float64] = histograms[:, place:].sum(axis=1).astype(np.float64)
    return found


def observed(scenario: Scenario, subject: str, kind: str) -> tuple[list[int], int]:
    """The rows and the column of the histograms of one kind of duration.

    Raises:
        UsageError: nothing of the kind is observed of such a subject.
    """
    names, services = list(scenario.traffic), list(scenario.services)
    sort, _, name = subject.partition(":")
    of_service = {"wait": see.WAIT, "sojourn": see.SOJOURN}
    columns = {"latency": see.LATENCY} if sort in ("traffic", "client") else of_service
    rows = {
        "traffic": [row for row, one in enumerate(names) if one == name],
        "client": [row for row, one in enumerate(names) if scenario.client_name(one) == name],
        "service": [row for row, one in enumerate(services, len(names)) if one == name],
    }.get(sort)
    if not rows or kind not in columns:
        raise UsageError(
            f'there is no {kind} of {subject}; for example "latency" of "traffic:{names[0]}", '
            f'or "wait" of "service:{services[0]}"'
        )
    return rows, columns[kind]


def _crossing(edges: NDArray[np.float64], height: NDArray[np.float64], *, last: bool) -> float:
    """Where the height passes zero on its way up: after the last place below it, or at the first place above it."""
    if last:
        places = np.flatnonzero(height < 0.0)
        at = int(places[-1]) if len(places) else -1
    else:
        places = np.flatnonzero(height > 0.0)
        at = int(places[0]) - 1 if len(places) else len(height) - 1
    if at < 0:
        return float(edges[0])
    if at >= len(height) - 1:
        return float(edges[-1])
    rise = float(height[at + 1] - height[at])
    inside = -float(height[at]) / rise if rise > 0.0 else 0.0
    return float(edges[at] + inside * (edges[at + 1] - edges[at]))
