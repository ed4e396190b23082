"""What one replication leaves behind: counts, areas, stays, histograms; both engines fill the same arrays.

A *meter* integrates a level over time; a *stay* sums how long each request or attempt was inside a boundary, clipped
to the measured window. Little's law ties the two together, which is how every run audits itself.

Rows of the arrays: traffic classes first, then services, each in the order in which the scenario writes them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sim.scenario.outcomes import (
    CANCELLED,
    DENIED,
    ERROR,
    LOST,
    OPEN,
    OUTCOMES,
    REJECTED,
    SERVED,
    TIMEOUT,
)

__all__ = ["CANCELLED", "DENIED", "ERROR", "LOST", "OPEN", "OUTCOMES", "REJECTED", "SERVED", "TIMEOUT"]

TRAFFIC_COUNTS: Final = ("born", *OUTCOMES[1:], "success", "gave_up", "sent", "backoffs", "over_budget")
BORN = 0
SUCCESS, GAVE_UP, SENT, BACKOFFS, OVER_BUDGET = range(len(OUTCOMES), len(OUTCOMES) + 5)
"""Counts of a traffic class from the start of the run; an attempt outcome is counted at its own number (1 to 7)."""

ARRIVED, ENTERED, STARTED, COMPLETED, REFUSED, WORK, WASTED, BLOCKED, LONG_WAITS = range(9)
"""Counts of a service from the start of the run; `work` and `wasted_work` are seconds of worker time given. Waits are
long only where it is asked how many are (`sim.engines.splitting`)."""

COUNTS: Final = len(TRAFFIC_COUNTS)
"""Columns of the counts: those of a traffic class, which has the more of them."""

CLIENT, ORBIT = range(2)
QUEUE, BUSY, WORKERS, POWER, DOOR = range(5)
METERS: Final = 5
"""Columns of the areas: the integral of each level from edge to edge. Where jobs share the workers, BUSY is the number
of jobs in service and POWER that of workers at work; DOOR is the number of producers that a full queue blocks."""

IN_QUEUE, IN_WORKERS, IN_SERVICE, AT_DOOR = range(4)
BOUNDARIES: Final = 4
HELD, STAYED, STAYS = range(3)
"""Of a boundary: seconds inside, clipped to the window; whole stays that began in the window, in s; their number."""

COHORT_COUNTS: Final = ("success", "gave_up", "sent", *OUTCOMES[1:])
COHORT_SUCCESS, COHORT_GAVE_UP, COHORT_SENT = 0, 1, 2
COHORT_OUTCOME: Final = 2
"""Counts over the requests born in the window; an attempt outcome is counted at 2 + its number."""

LATENCY: Final = 0
WAIT, SOJOURN = 0, 1
"""Histogram columns: a traffic class has one of latency, a service one of waits and one of sojourns."""
HISTOGRAMS: Final = 2
TOTAL, LONGEST, ZEROS = range(3)
"""Beside each histogram: the sum and the maximum in seconds, and how many values were exactly zero."""

STATES: Final = 4096
"""Numbers in a service (0 to 4094, then all that are larger) whose shares of time are kept, if they are asked for."""

SUBBUCKETS: Final = 128
SMALLEST_EXPONENT: Final = -30
BUCKETS: Final = 54 * SUBBUCKETS + 1
"""Histograms hold 2**-31 s to 2**23 s in buckets at most 1/128 of their value wide: a relative error under 0.8 %."""


def bucket(value: float) -> int:
    """The histogram bucket of a duration in seconds; bucket 0 holds what is below 2**-31 s."""
    mantissa, exponent = math.frexp(value)
    place = (exponent - SMALLEST_EXPONENT) * SUBBUCKETS + int((mantissa - 0.5) * (2 * SUBBUCKETS)) + 1
    if value <= 0.0 or place < 1:
        return 0
    if place >= BUCKETS:
        return BUCKETS - 1
    return place


def bucket_edges() -> NDArray[np.float64]:
    """The lower bounds of all buckets and the upper bound of the last, in seconds: shape (BUCKETS + 1,)."""
    place = np.arange(BUCKETS)
    exponent = place // SUBBUCKETS + SMALLEST_EXPONENT
    mantissa = 0.5 + (place % SUBBUCKETS) / (2 * SUBBUCKETS)
    return np.concatenate([[0.0], np.ldexp(mantissa, exponent)])


LOG: Final = np.dtype(
    [
        ("traffic", np.int64),
        ("request", np.int64),
        ("attempt", np.int64),
        ("sent", np.float64),
        ("arrived", np.float64),
        ("started", np.float64),
        ("finished", np.float64),
        ("answered", np.float64),
        ("outcome", np.int64),
    ]
)
"""One attempt: times in seconds, NaN for what never happened. `finished` is the worker's, `answered` the client's; of
one that was denied, and so never sent, there is `answered` alone."""


@dataclass(frozen=True)
class Observations:
    """One replication, as an engine leaves it. R = traffic classes + services, E = instants looked at.

    edges: (E,) the instants at which counts and areas were read: bins of the series, the warm-up and the end.
    warmup, duration: the measured window, in seconds; both are among the edges.
    counts: (E, R, COUNTS); areas: (E, R, METERS), level x seconds since the edge before.
    stays: (R, BOUNDARIES, 3) boundary x (HELD, STAYED, STAYS).
    cohort: (traffic, len(COHORT_COUNTS)), the fate of requests born in the window.
    histogram: (R, HISTOGRAMS, BUCKETS) and moments: (R, HISTOGRAMS, 3), see TOTAL, LONGEST, ZEROS.
    final: (R, COUNTS), the counts when the run, draining included, was over.
    levels: (R, METERS), what was still inside at that time.
    awaited: (traffic,), attempts whose clients still waited then.
    occupancy: (services, STATES), seconds of the window with so many in the service, or None.
    log: the attempts in canonical order, or None.
    """

    edges: NDArray[np.float64]
    warmup: float
    duration: float
    counts: NDArray[np.float64]
    areas: NDArray[np.float64]
    stays: NDArray[np.float64]
    cohort: NDArray[np.float64]
    histogram: NDArray[np.int64]
    moments: NDArray[np.float64]
    final: NDArray[np.float64]
    levels: NDArray[np.float64]
    awaited: NDArray[np.float64]
    occupancy: NDArray[np.float64] | None
    log: NDArray[np.void] | None

    @cached_property
    def window_counts(self) -> NDArray[np.float64]:
        """What the counts grew by over the measured window: (R, COUNTS)."""
        added: NDArray[np.float64] = self.counts[-1] - self.counts[self._begin]
        return added

    @cached_property
    def window_areas(self) -> NDArray[np.float64]:
        """The integral of each level over the measured window: (R, METERS), level x seconds."""
        total: NDArray[np.float64] = self.areas[self._begin + 1 :].sum(axis=0)
        return total

    @property
    def _begin(self) -> int:
        """The place of the warm-up among the edges."""
        return int(np.searchsorted(self.edges, self.warmup))


def edges_of(duration: float, warmup: float, bin_width: float) -> NDArray[np.float64]:
    """The instants at which counts and areas are read, in order: every bin's edge, the warm-up, the end."""
    bins = (
        np.arange(max(1, math.ceil(duration / bin_width - 1e-9))) * bin_width
    )  # no sliver of a bin by rounding
    return np.unique(np.concatenate([bins[bins < duration], [warmup, duration]]))


def canonical(log: NDArray[np.void]) -> NDArray[np.void]:
    """The attempt log ordered by traffic class, request and attempt, whatever order an engine wrote it in."""
    return log[np.lexsort((log["attempt"], log["request"], log["traffic"]))]
