"""Recovery after a fault: in how many replications the backlog came back down, and how long it took."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sim.engines import observations as see
from sim.measure.intervals import wilson
from sim.measure.series import areas_between, bins
from sim.study.load import callers

if TYPE_CHECKING:
    from sim.measure.results import Results
    from sim.scenario.faults import Fault

_BINS = 3
"""Bins in a row at the old level that count as recovered."""


@dataclass(frozen=True)
class Recovery:
    """Seconds from the last fault's end until each replication was as before; infinite if never by the end."""

    end: float
    times: tuple[float, ...]
    watched: float
    """Seconds from the fault's end to the end of the run."""

    @property
    def recovered(self) -> int:
        """In how many replications the backlog came back down."""
        return sum(math.isfinite(time) for time in self.times)

    @property
    def middle(self) -> float:
        """The median time, s; infinite if more than half did not recover."""
        return median(self.times)

    def interval(self) -> tuple[float, float]:
        """The 95 % interval of the probability of recovery (Wilson, 1927)."""
        return wilson(self.recovered, len(self.times))


def recovery(results: Results, service: str, faults: list[Fault]) -> Recovery | None:
    """When each replication had its backlog, queue and orbit together, back at the level before the first fault.

    That level is the greatest of any bin before it, in any replication. None where there was no time before the
    first fault, where a fault does not end, or where there is no time after it.
    """
    run = results.scenario.run
    ends = [fault.end for fault in faults if fault.end < run.duration]
    if not ends or len(ends) < len(faults):
        return None
    begin, end = min(fault.at for fault in faults), max(ends)
    times, values = _backlog(results, service)
    before, after = times + run.bin_width <= begin, times >= end
    if before.sum() < _BINS or after.sum() < _BINS:
        return None
    level = max(1.0, float(values[:, before].max()))
    found = []
    for path in values[:, after]:
        calm = np.convolve(path <= level, np.ones(_BINS), mode="valid") >= _BINS
        found.append(float(times[after][calm.argmax()] - end) if calm.any() else math.inf)
    return Recovery(end, tuple(found), run.duration - end)


def _backlog(results: Results, service: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Where each time bin begins, s; attempts in the queue plus requests in backoff, a row for each replication."""
    scenario = results.scenario
    names = list(scenario.traffic)
    row = len(names) + list(scenario.services).index(service)
    orbits = [names.index(name) for name in callers(scenario, service)]
    places = bins(scenario, results.runs[0])
    edges = results.runs[0].edges[places]
    found = []
    for seen in results.runs:
        areas = areas_between(seen, places)
        found.append((areas[:, row, see.QUEUE] + areas[:, orbits, see.ORBIT].sum(axis=1)) / np.diff(edges))
    return edges[:-1], np.array(found)
