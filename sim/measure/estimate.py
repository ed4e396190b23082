"""A metric over replications: its mean, and an interval within the bounds of what it can be."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from sim.measure.figures import Figure
from sim.measure.intervals import binomial, clipped, interval, upper_end
from sim.scenario.metrics import is_share

NEVER: Final = "binomial over independent requests"
"""The method where every replication had the figure that it has where nothing happens, or always does."""


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
    ratio = is_share(metric)
    counted = any(figure.trials > 0.0 for figure in found)
    if counted and low == high and mean in ((0.0, 1.0) if ratio else (floor_of(metric),)):
        # Nothing ever happened, or always did: the spread says nothing, and the number of trials bounds the chance.
        unseen = _unseen(found, confidence)
        return (
            (mean, 1.0 - unseen, 1.0, NEVER) if ratio and mean == 1.0 else (mean, mean, mean + unseen, NEVER)
        )
    return mean, *clipped(mean, low, high, 1.0 if ratio else math.inf), method


def _unseen(found: Sequence[Figure], confidence: float) -> float:
    """How much of it there may be beyond the floor, though none was seen in so many trials; 0 without trials."""
    trials = math.fsum(figure.trials for figure in found if not math.isnan(figure.trials))
    size = math.fsum(figure.size for figure in found) / len(found)
    return size * binomial(0.0, trials, confidence)[1] if trials > 0.0 else 0.0


def floor_of(metric: str) -> float:
    """What a metric is where nothing happens that it tells of: each request is sent once, all else is 0."""
    return 1.0 if metric == "amplification" else 0.0


def cautious(
    found: Sequence[Figure], metric: str, confidence: float, *, twins: bool = False
) -> tuple[float, float, float]:
    """(mean, low, high) as `estimate` gives them, with those ends kept true that a promise rests on.

    What should be small and comes in bursts is seldom seen in few replications: so the upper end is `upper_end` of what
    is beyond the floor, and of a ratio the lower end as well, as what it lacks of 1 should be small. Where a run saw
    nothing of it, no end is nearer than if none had.
    """
    mean, low, high, method = estimate(found, metric, confidence, twins=twins)
    if math.isnan(low) or method == NEVER:
        return mean, low, high
    values, floor = [figure.value for figure in found], floor_of(metric)
    unseen = _unseen(found, confidence)
    beyond = floor if all(value >= floor or math.isnan(value) for value in values) else 0.0
    high = max(high, beyond + upper_end([value - beyond for value in values], confidence))
    if floor in values:
        high = max(high, floor + unseen)
    if is_share(metric) and not any(value > 1.0 for value in values):
        low = max(0.0, min(low, 1.0 - upper_end([1.0 - value for value in values], confidence)))
        if 1.0 in values:
            low = min(low, 1.0 - unseen)
        high = min(high, 1.0)
    return mean, low, high
