"""The design effect (Kish, 1965): how many requests of a run tell as much as one independent observation.

Who is refused, or too late, came when much was in the house, and so did those beside it: failures come in clumps. Of a
failure that was never seen the clump was not seen either; but the waits have seen how long a full house lasts. Their
design effect, the variance of a replication's mean wait over that of as many independent waits, is greater than the
clumps of refusals and timeouts are in M/M/1 and M/M/c at any load, with retries, bursts and spikes (docs/model.md).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sim.engines import observations as see
from sim.engines.observations import Observations
from sim.measure.figures import Figure, service_side
from sim.measure.histograms import EDGES

ROUNDING = 1e-9
"""A variance smaller than this, relative to the squared mean, is none: all waited alike."""

_MIDDLES = np.concatenate([[0.0], (EDGES[1:-1] + EDGES[2:]) / 2.0])
"""Of the histograms' buckets, in seconds; the first holds those who did not wait."""


def design_effect(runs: Sequence[Observations], row: int) -> float:
    """Requests of a service (its row in the observations) to one independent one, by its waits: 1 or more.

    Where no waits differ, as where nobody waits, it is that of a loss system: 1/(1 - utilization), the mean number
    refused before the house is empty again, where one was.
    """
    counts = np.array([seen.histogram[row, see.WAIT] for seen in runs], dtype=np.float64)
    number = counts.sum(axis=1)
    if len(runs) > 1 and number.sum() > 0.0:
        total = np.array([seen.moments[row, see.WAIT, see.TOTAL] for seen in runs])
        mean = total.sum() / number.sum()
        variance = counts.sum(axis=0) @ (_MIDDLES - mean) ** 2 / number.sum()
        if variance > ROUNDING * mean * mean:
            between = np.square(total - mean * number).sum() / (len(runs) - 1) / number.mean()
            return max(1.0, float(between / variance))
    busy = float(np.mean([service_side(seen, row)["utilization"].value for seen in runs]))
    return 1.0 / (1.0 - busy) if 0.0 <= busy < 1.0 else 1.0


def thinned(found: Sequence[Figure], effect: float) -> list[Figure]:
    """Figures with as many trials as are independent, one at least in each replication."""
    # A NaN stays: max keeps its first argument if nothing is greater.
    return [Figure(figure.value, max(figure.trials / effect, 1.0)) for figure in found]
