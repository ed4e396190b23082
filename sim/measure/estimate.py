"""A metric over replications: its mean, and an interval within the bounds of what it can be."""

from __future__ import annotations

import math
from collections.abc import Sequence

from sim.measure.figures import Figure
from sim.measure.intervals import binomial, clipped, interval, upper_end
from sim.scenario.metrics import UNBOUNDED_RATIOS, unit_of


def estimate(
    found: Sequence[Figure], metric: str, confidence: float, *, twins: bool = False
) -> tuple[float, float, float, str]:
    """(mean, low, high, method) of one metric over replications, within the bounds of what it can be.

    `twins`: whether each figure is of an antithetic pair of replications.
    """
    mean, low, high = interval([figure.value for figure in found], confidence)
    of_one, method = (
        ("one pair", "t over antithetic pairs") if twins else ("one replication", "t over replications")
    )
    if math.isnan(low):
        return mean, low, high, f"no interval: {of_one}" if len(found) == 1 else "no interval"
    ratio = unit_of(metric) == "ratio" and metric not in UNBOUNDED_RATIOS
    trials = math.fsum(figure.trials for figure in found if not math.isnan(figure.trials))
    if ratio and low == high and mean in (0.0, 1.0) and trials > 0.0:
        low, high = binomial(mean * trials, trials, confidence)
        return mean, low, high, "binomial over independent requests"
    return mean, *clipped(mean, low, high, 1.0 if ratio else math.inf), method


def cautious(
    found: Sequence[Figure], metric: str, confidence: float, *, twins: bool = False
) -> tuple[float, float, float]:
    """(mean, low, high) as `estimate` gives them, with those ends kept true that a promise rests on.

    What should be small and comes in bursts is seldom seen in few replications: so the upper end is `upper_end`, and of
    a ratio the lower end as well, as what it lacks of 1 should be small.
    """
    mean, low, high, _ = estimate(found, metric, confidence, twins=twins)
    if math.isnan(low):
        return mean, low, high
    values = [figure.value for figure in found]
    high = max(high, upper_end(values, confidence))
    if (
        unit_of(metric) == "ratio"
        and metric not in UNBOUNDED_RATIOS
        and not any(value > 1.0 for value in values)
    ):
        low = max(0.0, min(low, 1.0 - upper_end([1.0 - value for value in values], confidence)))
        high = min(high, 1.0)
    return mean, low, high
