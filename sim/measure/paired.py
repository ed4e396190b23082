"""Paired differences: two scenarios under the same random numbers, replication by replication."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from sim.measure.figures import Figure
from sim.measure.intervals import CONFIDENCE, binomial, interval
from sim.scenario.metrics import is_share

ROUNDING = 1e-10
"""Figures nearer than this to each other, relative to their size, are the same: engines add sums in their own order."""


@dataclass(frozen=True)
class Paired:
    """The difference b - a of one metric over replications, in the metric's own unit.

    mean, low, high: the difference and its interval. n: pairs in which both have the figure.
    spread: the variance of the difference between replications, in the unit squared; NaN without two pairs.
    p: two-sided, of the hypothesis that there is no difference; 1 where nothing can be said.
    variance_ratio: Var(b - a) / (Var a + Var b): what the pairing leaves of the variance that independent runs
    would have, and so the share of their replications that it needs; NaN where neither varies.
    method: where the interval comes from.
    """

    mean: float
    low: float
    high: float
    n: int
    spread: float
    p: float
    variance_ratio: float
    method: str

    @property
    def identical(self) -> bool:
        """Whether both had the very same figure in every replication."""
        return self.n > 1 and self.spread == 0.0 and self.mean == 0.0


def paired(a: Sequence[float], b: Sequence[float], confidence: float = CONFIDENCE) -> Paired:
    """Student's t on the differences of each replication (Law, 2015, section 10.2.1).

    A pair in which one figure is NaN is left out; without two pairs there is no interval.
    """
    pairs = [
        (one, other) for one, other in zip(a, b, strict=True) if not (math.isnan(one) or math.isnan(other))
    ]
    differences = [_difference(one, other) for one, other in pairs]
    mean, low, high = interval(differences, confidence)
    n = len(pairs)
    if n < 2 or not math.isfinite(mean):
        return Paired(mean, math.nan, math.nan, n, math.nan, 1.0, math.nan, "no interval")
    spread = _variance(differences)
    apart = _variance([one for one, _ in pairs]) + _variance([other for _, other in pairs])
    if spread > 0.0:
        p = _two_sided(mean / math.sqrt(spread / n), n - 1)
    else:
        p = 1.0 if mean == 0.0 else 0.0
    ratio = spread / apart if apart > 0.0 else math.nan
    return Paired(mean, low, high, n, spread, p, ratio, "t over paired replications")


def paired_figures(
    a: Sequence[Figure], b: Sequence[Figure], metric: str, confidence: float = CONFIDENCE
) -> Paired:
    """As `paired`; for a ratio that was always 0, or always 1, on both sides, from the trials instead.

    There the replications' spread says nothing, and the interval spans what the exact binomial intervals of
    both sides allow, each at half the error (Bonferroni): conservative, and never of no width.
    """
    found = paired([figure.value for figure in a], [figure.value for figure in b], confidence)
    if not is_share(metric) or found.n < 2:
        return found
    each = 1.0 - (1.0 - confidence) / 2.0
    of_a, of_b = _never_varies(a, each), _never_varies(b, each)
    if of_a is None or of_b is None:
        return found
    (a_low, a_high), (b_low, b_high) = of_a, of_b
    method = "two binomials: never varies"
    return replace(found, low=b_low - a_high, high=b_high - a_low, method=method)


def holm(p: Sequence[float], error: float = 1.0 - CONFIDENCE) -> list[bool]:
    """Which hypotheses fall, so that the chance of any wrong one among them is at most `error` (Holm, 1979)."""
    fallen = [False] * len(p)
    for passed, place in enumerate(sorted(range(len(p)), key=lambda place: p[place])):
        if p[place] > error / (len(p) - passed):
            break
        fallen[place] = True
    return fallen


def _never_varies(side: Sequence[Figure], confidence: float) -> tuple[float, float] | None:
    """The binomial interval of a ratio that was 0 in every replication, or 1 in every one; else None."""
    values = {figure.value for figure in side}
    trials = math.fsum(figure.trials for figure in side)
    if values not in ({0.0}, {1.0}) or not trials > 0.0:
        return None
    return binomial(values.pop() * trials, trials, confidence)


def _difference(one: float, other: float) -> float:
    return 0.0 if math.isclose(one, other, rel_tol=ROUNDING) else other - one


def _variance(values: Sequence[float]) -> float:
    return float(np.var(np.asarray(values, dtype=np.float64), ddof=1))


def _two_sided(statistic: float, freedom: int) -> float:
    from scipy.special import stdtr  # scipy.stats takes a second to import

    return float(2.0 * stdtr(freedom, -abs(statistic)))
