"""Levels found by a pilot: heights at which to split, each about as far above the last as chance allows.

Every stage runs with the levels of the stage before, and so sees farther: from the shares of time at or above each
height come the next levels, until the event is met and the levels reach as high as it is rare (adaptive multilevel
splitting). Splits follow the rule of M. and J. Villén-Altamirano: of the paths that pass a level so many are made that
each region is visited about as much as the lowest, so the product of the splits is one over the share of time above.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sim.engines.splitting import Levels, Paths
from sim.errors import UsageError
from sim.study.rare_events.rare_event import RareEvent, times

STEP: Final = 3.0
"""How many times rarer each level is than the one below, if heights allow: near the optimum, and flat around it."""

RUNS: Final = 16
"""Replications of a stage, at first."""

MOST_STAGES: Final = 60
STALLS: Final = 4
"""Stages without a higher level, each with twice the replications, before the pilot gives up."""

NOT_RARE: Final = 1e-3
"""A share from which on ordinary runs meet the event often enough."""


@dataclass(frozen=True)
class Window:
    """From when on paths are split, and from when to when is counted, in s."""

    split_from: float
    begin: float
    end: float

    @property
    def length(self) -> float:
        """Seconds in which is counted."""
        return self.end - self.begin


Runner = Callable[[int, int, Levels, Window], list[Paths]]
"""(first replication, how many, levels, window) -> their paths."""

FIRST_OF_PILOT: Final = 1 << 40
"""Replications from here on are the pilot's: the estimate shares no draw with what chose its levels."""


@dataclass(frozen=True)
class Pilot:
    """What the pilot has found: levels, a window for each replication, and how much replications scatter.

    spread: standard deviation of a replication's share, relative to it; events_a_second: of a window, on all paths;
    spent: events in all stages.
    """

    levels: Levels
    window: Window
    spread: float
    events_a_second: float
    spent: int


def find_levels(
    event: RareEvent, run: Runner, window: Window, fit: Callable[[Window, float, float], Window]
) -> Pilot:
    """Levels for an event.

    Args:
        event: what is rare.
        run: makes replications.
        window: of a replication of the first stage.
        fit: (window, events a second, seconds of a climb to the highest level) -> the window of the next stage.

    Raises:
        UsageError: the event was not met, and no state from which it may be met more often was found.
    """
    levels, runs, stalls, number, spent = Levels(), RUNS, 0, FIRST_OF_PILOT, 0
    for _ in range(MOST_STAGES):
        found = run(number, runs, levels, window)
        number += runs
        events = sum(int(one.events.sum()) for one in found)
        spent += events
        events_a_second = events / runs / (window.end - window.split_from)
        share, spread = _share(event, found, levels, window)
        shares = shares_of(found, levels, window)
        met = sum(event.was_seen(one) for one in found)
        if not levels.at and share >= NOT_RARE and met == runs:
            return Pilot(levels, window, spread, events_a_second, spent)
        seen_often = met >= 0.75 * runs
        reach = int(np.median([len(one.occupied) - 1 for one in found]))
        following = spaced(shares, reach, share if seen_often else 0.0)
        higher = bool(following.at) and (not levels.at or following.at[-1] > levels.at[-1])
        used = window
        window = fit(window, events_a_second, _climb(found))
        spread *= math.sqrt(used.length / window.length)
        if seen_often and not higher and levels.at:
            return Pilot(levels, window, spread, events_a_second, spent)
        if higher:
            levels, stalls, runs = following, 0, RUNS
            continue
        stalls, runs = stalls + 1, 2 * runs
        if stalls > STALLS:
            if met:
                return Pilot(levels, window, spread, events_a_second, spent)
            raise UsageError(
                f"{event.subject} {event.words}: not met in {number - FIRST_OF_PILOT} runs, and there is nothing "
                f"to split on: no path came above a height of {reach}, from where more would have been sent; "
                "it may be impossible"
            )
    raise UsageError(
        f"{event.subject} {event.words}: not met with {len(levels.at)} levels; it may be impossible"
    )


def shares_of(found: Sequence[Paths], levels: Levels, window: Window) -> NDArray[np.float64]:
    """The share of time at or above each height, from 0 up."""
    highest = max(len(one.occupied) for one in found)
    total = np.zeros(highest)
    for one in found:
        total[: len(one.occupied)] += times(one, levels)
    return np.asarray(np.cumsum(total[::-1])[::-1] / (len(found) * window.length))


def spaced(shares: NDArray[np.float64], reach: int, rarest: float) -> Levels:
    """Levels at which time is `STEP` times rarer each, up to a height that is reached and no rarer than `rarest`."""
    at, splits, product = [], [], 1.0
    for height in range(1, min(reach + 1, len(shares))):
        share = float(shares[height])
        if share <= 0.0 or share < 0.5 * rarest:
            break
        if share * product * STEP <= 1.0:
            at.append(height)
            splits.append(max(2, round(1.0 / (share * product))))
            product *= splits[-1]
    return Levels(tuple(at), tuple(splits))


def _share(event: RareEvent, found: Sequence[Paths], levels: Levels, window: Window) -> tuple[float, float]:
    """The event's share, and the standard deviation of a replication's, relative to it."""
    counted = np.array([event.counted(one, levels, window.length) for one in found])
    hits, tries = counted.sum(axis=0)
    if not hits or not tries:
        return 0.0, math.inf
    share = hits / tries
    off = counted[:, 0] - share * counted[:, 1]
    return float(share), float(np.sqrt(np.mean(off**2)) / (counted[:, 1].mean() * share))


def _climb(found: Sequence[Paths]) -> float:
    """Seconds that an ascent to the highest level that was reached takes, on average."""
    highest = [float(np.nanmax(one.climb)) for one in found if not np.isnan(one.climb).all()]
    return sum(highest) / len(highest) if highest else 0.0
