"""The design effect (Kish, 1965): how many requests of a run tell as much as one independent observation.

Who is refused, or too late, came when much was in the house, and so did those beside it: failures come in clumps. Of a
failure that was never seen the clump was not seen either; but the waits have seen how long a full house lasts. Their
design effect, the variance of a replication's mean wait over that of as many independent waits, is greater than the
clumps of refusals and timeouts are in M/M/1 and M/M/c at any load, with retries, bursts and spikes (docs/model.md).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from sim.engines import observations as see
from sim.engines.observations import Observations
from sim.measure.figures import Figure
from sim.measure.histograms import EDGES
from sim.scenario.scenario import Scenario

ROUNDING = 1e-9
"""A variance smaller than this, relative to the squared mean, is none: all waited alike."""

LIKE_MM1 = 10.0
"""How many times what was found the design effect of M/M/1 may be to be taken in its place."""

_MIDDLES = np.concatenate([[0.0], (EDGES[1:-1] + EDGES[2:]) / 2.0])
"""Of the histograms' buckets, in seconds; the first holds those who did not wait."""


def design_effect(runs: Sequence[Observations], row: int, busy: float, batch: float = 1.0) -> float:
    """Requests of a service to one independent one, by its waits: 1 or more.

    Few replications tell it badly, so it is at least that of M/M/1, 1/(1 - utilization)², if that is no more than ten
    times what was found. Where no waits differ, as where nobody waits, it is that of a loss system that batches come
    to: the mean number refused before the house is empty again, once one was.

    Args:
        runs: the replications.
        row: of the service in the observations.
        busy: its mean utilization; nan where workers are not limited.
        batch: how many come at once with a request, itself counted, on average.
    """
    idle = 1.0 - busy if 0.0 <= busy < 1.0 else math.nan
    together = np.sum([seen.histogram[row, see.WAIT] for seen in runs], axis=0)
    waits = float(together.sum())
    if len(runs) > 1 and waits > 0.0:
        number = np.array([float(seen.histogram[row, see.WAIT].sum()) for seen in runs])
        total = np.array([seen.moments[row, see.WAIT, see.TOTAL] for seen in runs])
        mean = total.sum() / waits
        variance = together @ (_MIDDLES - mean) ** 2 / waits
        if variance > ROUNDING * mean * mean:
            between = np.square(total - mean * number).sum() / (len(runs) - 1) / number.mean()
            found = max(1.0, batch, float(between / variance))
            return found if math.isnan(idle) else max(found, min(LIKE_MM1 * found, idle**-2))
    return batch if math.isnan(idle) else batch / idle


def batch_at(scenario: Scenario, service: str) -> float:
    """How many requests come to a service at once with one of them, itself counted: E[B²]/E[B], of the worst class."""
    laws = [traffic.arrivals.batch for traffic in scenario.traffic.values() if traffic.call == service]
    moments = [law.moments() for law in laws if law is not None]
    return max((second / mean for mean, second, _ in moments if math.isfinite(second)), default=1.0)


def thinned(found: Sequence[Figure], effect: float) -> list[Figure]:
    """Figures with as many trials as are independent, one at least in each replication, but where there are none."""
    # A NaN stays: max keeps its first argument if nothing is greater.
    return [
        replace(figure, trials=max(figure.trials / effect, 1.0)) if figure.trials else figure
        for figure in found
    ]
