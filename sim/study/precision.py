"""Replications until an interval is narrow enough: a sequential rule whose interval still holds the truth as often.

To stop at the first narrow interval stops too often at one that is narrow by chance. Three things keep the share of
intervals that hold the truth (benchmarks/precision.py measures it; Chow and Robbins, 1965, show that it tends to the
nominal one as the interval narrows): there is no look before 40 independent values, nor an end before there are as
many as their skewness asks for; after a look the run goes straight to the number that spread and skewness ask for, so
looks are few, between 10 % more and twice as many; and the last look, like every other, is at all the values there
are. Which replications a run makes depends on their figures alone, never on threads.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from sim.measure.precision import Reached
from sim.measure.results import Results
from sim.scenario.precision import LEAST, Precision
from sim.scenario.run import Run

LEAST_STEP = 1.1
MOST_STEP = 2.0
"""From one look to the next the number of replications grows by a factor between these."""

Extend = Callable[[Results, int], Results]
"""Results, and how many replications they are to have: the results with so many."""


def first_look(run: Run) -> int:
    """How many replications there are before the first look."""
    least = 2 * LEAST if run.antithetic else LEAST
    return max(run.replications, least)


def precise(results: Results, extend: Extend) -> Results:
    """The results, extended until the precision that their scenario wants is reached or its replications are spent."""
    run = results.scenario.run
    assert run.precision is not None  # a caller's fault
    most = _most(run, run.precision)
    while (found := results.precision) and not found.reached and results.replications < most:
        if math.isinf(found.needed):
            break
        results = extend(results, _next_look(run, found, most))
    return results


def _next_look(run: Run, found: Reached, most: int) -> int:
    n = found.replications
    least, greatest = math.ceil(n * LEAST_STEP), int(n * MOST_STEP)
    needed = greatest if math.isnan(found.needed) else int(min(found.needed, greatest))
    return min(run.whole(max(least, needed)), most)


def _most(run: Run, wanted: Precision) -> int:
    """How many replications there are at the most; the first look has its number in any case."""
    return max(run.whole(wanted.most), first_look(run))
