"""A metric over replications: its mean, and an interval within the bounds of what it can be."""

from __future__ import annotations

import math
from collections.abc import Sequence

from sim.measure.figures import Figure
from sim.measure.intervals import binomial, clipped, interval
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
        return mean, low, high, "binomial over all replications"
    return mean, *clipped(mean, low, high, 1.0 if ratio else math.inf), method
