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
from sim.measure.intervals import CLUSTERED, CONFIDENCE, johnson, student
from sim.scenario.scenario import Scenario

NONE = float(EDGES[1])
"""Seconds, the histograms' first bound: what is shorter is nothing at all."""

METHOD = "pooled, t over replications inverted"


class Pool:
    """The observations of one kind in all replications, laid out so that one quantile after the other is quick.

    Args:
        histograms: one row of buckets for each independent replication.
        longest: the greatest of all observations, s.
    """

    def __init__(self, histograms: NDArray[np.int64], longest: float) -> None:
        self._histograms, self._longest = histograms, longest
        self._together = histograms.sum(axis=0)
        seen = np.flatnonzero(self._together)
        first, last = (int(seen[0]), int(seen[-1])) if len(seen) else (0, -1)
        self._edges = np.minimum(EDGES[first : last + 2], longest)
        self._below = np.zeros((len(histograms), last - first + 2))
        np.cumsum(histograms[:, first : last + 1], axis=1, out=self._below[:, 1:])

    def quantile(self, share: float, confidence: float = CONFIDENCE) -> tuple[float, float, float]:
        """(value, low, high) in seconds of the quantile at a share.

        NaN for the value without observations, and for the interval without two replications.
        """
        value, number = quantile(self._together, share, self._longest), len(self._below)
        if number < 2 or math.isnan(value):
            return value, math.nan, math.nan
        every = self._below[:, -1:]
        excess = self._below - share * every
        mean, variance = excess.mean(axis=0), excess.var(axis=0, ddof=1)
        sure = student(number - 1, confidence)
        # Below the low end the mean excess is certainly negative, above the high end certainly positive.
        low = _crossing(self._edges, mean + sure * np.sqrt(variance / number), last=True)
        beyond = (every - self._below).mean(axis=0)
        at_value = float(variance[min(int(np.searchsorted(self._edges, value)), len(variance) - 1)])
        expected = (1.0 - share) * float(every.mean())
        few = _fewer(beyond, variance, at_value, expected, number, sure)
        high = _crossing(self._edges, mean - few, last=False)
        # Beyond the longest there is nothing: of so many clumps as there should be, by chance none (Poisson).
        if math.isinf(high) and _none(number * expected, at_value / expected, confidence):
            high = self._longest
        if high <= NONE:
            low = high = value
        # Within one bucket the value is placed by another rule than the ends.
        return value, min(low, value), max(high, value)

    def beyond(self, value: float) -> NDArray[np.float64]:
        """How many observations of each replication lie beyond a value, to a bucket's width."""
        if math.isnan(value):
            return np.full(len(self._histograms), math.nan)
        place = int(np.searchsorted(EDGES, value, side="right"))
        found: NDArray[np.float64] = self._histograms[:, place:].sum(axis=1).astype(np.float64)
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


def _fewer(
    beyond: NDArray[np.float64],
    variance: NDArray[np.float64],
    at_value: float,
    expected: float,
    number: int,
    sure: float,
) -> NDArray[np.float64]:
    """How far the mean number of observations beyond x may be under the one expected, were x the quantile.

    Few are few by chance together with varying little. So their variance is taken to be greater by as much as there
    should be more of them, as that of counts is, and no less than at the value, beyond which there are as many as
    expected. And observations beyond a high quantile come in clusters (who comes while a queue is long): for clusters
    with an exponential number in each, the skewness of their sum is 3/√2² = 1.5 times its coefficient of variation, and
    Student's t is widened by what that skews it (Johnson, 1978: t + G·(2t² + 1)/(6·√n)).
    """
    fewer = beyond < expected
    were = np.maximum(variance * expected / np.maximum(beyond, 0.5 / number), max(at_value, expected))
    were = np.where(fewer, were, variance)
    skewed = CLUSTERED * np.sqrt(were) / max(expected, 0.5 / number)
    wider = np.where(fewer, skewed * johnson(sure, number), 0.0)
    found: NDArray[np.float64] = (sure + wider) * np.sqrt(were / number)
    return found


def _none(expected: float, dispersion: float, confidence: float) -> bool:
    """Whether it is by no chance that none was seen, where so many were to come, in clumps of their dispersion."""
    return expected / max(1.0, dispersion) >= -math.log((1.0 - confidence) / 2.0)


def _crossing(edges: NDArray[np.float64], height: NDArray[np.float64], *, last: bool) -> float:
    """Where the height passes zero on its way up: after the last place below it, or at the first place above it.

    Without a place above it nothing is excluded, and the interval has no end.
    """
    if last:
        places = np.flatnonzero(height < 0.0)
        at = int(places[-1]) if len(places) else -1
    else:
        places = np.flatnonzero(height > 0.0)
        if not len(places):
            return math.inf
        at = int(places[0]) - 1
    if at < 0:
        return float(edges[0])
    if at >= len(height) - 1:
        return float(edges[-1])
    rise = float(height[at + 1] - height[at])
    inside = -float(height[at]) / rise if rise > 0.0 else 0.0
    return float(edges[at] + inside * (edges[at + 1] - edges[at]))
