"""The margin: the smallest trigger that tips a service, and the load above which one does, by stochastic bisection.

At each factor tried, runs are made until the probability of collapse is certainly on one side of the one asked for, or
the runs allowed are spent. So the two ends of the interval are factors that were decided, and the answer lies between.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Final

from sim.measure.intervals import CONFIDENCE
from sim.measure.plain import plain
from sim.scenario.scenario import Scenario
from sim.study.comparison.differences import settings_of
from sim.study.load import bottleneck, scaled
from sim.study.metastability.fates import Fates, Judge, default_horizon
from sim.study.metastability.trigger import (
    has_height,
    has_length,
    heightened,
    highest,
    lengthened,
    trigger_of,
    without_trigger,
)

LOOKS: Final = 6
POINTS: Final = 16
"""The error allowed is shared among so many looks at so many factors."""

FIRST: Final = 16
MOST: Final = FIRST << LOOKS - 1
"""Runs at one factor: at first, doubled at each look, and at the most."""

ENOUGH_TO_SEE: Final = 64
"""Runs after which a factor is left undecided if its share of collapses is as good as the chance asked for."""

NARROW: Final = 0.04
"""Where the ends of the interval are this near, relative to each other, the search is over."""

SMALLEST, LARGEST = 1.0 / 64.0, 16.0
"""The range of factors looked at."""


@dataclass(frozen=True)
class Margin:
    """The factor on one thing at which the probability of collapse passes `chance`.

    of: `height` or `duration` of the trigger, or `load`. factor: the estimate; low and high: it lies between them, with
    the confidence. 0 and inf: not within the range looked at, or nothing tips it. shares: factor -> share of runs that
    collapsed, as far as tried. limited: whether the thing cannot be made any larger than the last factor tried.
    settings: key path -> value, what the scenario says at the factor; at the end that is known where it is beyond that.
    by_itself: whether at `high` runs without the trigger go down too.
    """

    of: str
    chance: float
    factor: float
    low: float
    high: float
    confidence: float
    runs: int
    shares: dict[float, float] = field(repr=False)
    limited: bool = False
    settings: Mapping[str, Any] = field(repr=False, default_factory=dict)
    by_itself: bool = False

    def to_json(self) -> dict[str, Any]:
        """The margin as plain values for JSON."""
        return {
            "of": self.of,
            "chance": self.chance,
            "factor": plain(self.factor),
            "low": plain(self.low),
            "high": plain(self.high),
            "confidence": self.confidence,
            "runs": self.runs,
            "limited": self.limited,
            "settings": dict(self.settings),
            "by_itself": self.by_itself,
            "tried": [{"factor": factor, "collapsed": share} for factor, share in self.shares.items()],
        }


def margins(
    judge: Judge, scenario: Scenario, *, chance: float = 0.5, confidence: float = CONFIDENCE
) -> list[Margin]:
    """How much higher, and how much longer, the trigger must be to tip the service: factors on it as written."""
    found = []
    if has_height(scenario):
        found.append(
            margin(
                judge,
                scenario,
                "height",
                heightened,
                chance=chance,
                confidence=confidence,
                most=min(LARGEST, highest(scenario)),
                limited=highest(scenario) <= LARGEST,
            )
        )
    if has_length(scenario):
        found.append(margin(judge, scenario, "duration", lengthened, chance=chance, confidence=confidence))
    return found


def vulnerable_load(
    judge: Judge, scenario: Scenario, *, chance: float, confidence: float = CONFIDENCE
) -> Margin:
    """The load, as a multiple of the load as written, above which this trigger tips the service.

    Loads above capacity are not looked at: there the service is overloaded without any trigger.
    """
    ratio = bottleneck(without_trigger(scenario))[1].ratio
    most = max(1.0, 1.0 / ratio) if ratio > 0.0 else LARGEST
    capped = min(LARGEST, most) if math.isfinite(most) else LARGEST
    return margin(
        judge,
        scenario,
        "load",
        scaled,
        chance=chance,
        confidence=confidence,
        most=capped,
        limited=capped == most,
    )


def margin(
    judge: Judge,
    scenario: Scenario,
    of: str,
    make: Callable[[Scenario, float], Scenario],
    *,
    chance: float = 0.5,
    confidence: float = CONFIDENCE,
    most: float = LARGEST,
    limited: bool = False,
) -> Margin:
    """The factor at which the probability of collapse passes `chance`; more of it is taken to be no better.

    Args:
        judge: runs the scenarios.
        scenario: the scenario at factor 1.
        of: what is multiplied.
        make: scenario, factor -> the scenario at that factor.
        chance: the probability of collapse asked for.
        confidence: that the factor lies in the interval.
        most: the greatest factor to try.
        limited: whether nothing can be greater.
    """
    search = _Search(judge, scenario, make, chance, confidence)
    low, high = search.bracket(min(1.0, most), most)
    while low > 0.0 and high < math.inf and high / low > 1.0 + NARROW and len(search.seen) < POINTS:
        middle = math.sqrt(low * high)
        side = search.side(middle)
        if side == 0:
            low, high = search.flanks(low, middle, high)
            break
        low, high = (middle, high) if side < 0 else (low, middle)
    factor = search.crossing(low, high)
    shown = low if high == math.inf else high if low == 0.0 else factor
    return Margin(
        of,
        chance,
        factor,
        low,
        high,
        confidence,
        sum(fates.runs for fates in search.seen.values()),
        {factor: search.share(factor) for factor in sorted(search.seen)},
        limited and high == math.inf,
        settings_of(make(scenario, shown), scenario),
        high < math.inf and search.seen[high].case.goes_down,
    )


class _Search:
    """The factors tried so far, and on which side of the chance asked for each of them is."""

    def __init__(
        self,
        judge: Judge,
        scenario: Scenario,
        make: Callable[[Scenario, float], Scenario],
        chance: float,
        confidence: float,
    ) -> None:
        self.judge, self.scenario, self.make, self.chance = judge, scenario, make, chance
        self.each = 1.0 - (1.0 - confidence) / (LOOKS * POINTS)
        self.horizon = judge.judging.horizon or default_horizon(scenario, trigger_of(scenario))
        self.seen: dict[float, Fates] = {}

    def side(self, factor: float) -> int:
        """-1: it surely collapses more seldom than asked; 1: surely more often; 0: not certain."""
        if factor not in self.seen:
            case = self.judge.case(self.make(self.scenario, factor), horizon=self.horizon)
            self.seen[factor] = self.judge.fates(case, FIRST)
        while (side := self._side(factor)) == 0 and self._may_tell(factor):
            self.seen[factor] = self.judge.more([self.seen[factor]], [self.seen[factor].runs])[0]
        return side

    def _side(self, factor: float) -> int:
        low, high = self.seen[factor].interval(self.each)
        return -1 if 1.0 - low < self.chance else 1 if 1.0 - high > self.chance else 0

    def _may_tell(self, factor: float) -> bool:
        """Whether more runs are allowed and may decide: not where the share seen is about the chance asked for."""
        fates = self.seen[factor]
        low, high = fates.interval(self.each)
        last = (
            (high - low) / 2.0 * math.sqrt(fates.runs / MOST)
        )  # about the half-width after all runs allowed
        near = abs(self.share(factor) - self.chance) < 0.5 * last
        return fates.runs < MOST and not (near and fates.runs >= ENOUGH_TO_SEE)

    def share(self, factor: float) -> float:
        """The share of runs that did not recover at a factor."""
        fates = self.seen[factor]
        return 1.0 - fates.recovered / fates.runs

    def bracket(self, begin: float, most: float) -> tuple[float, float]:
        """Two factors, each surely on its side; 0 or inf where there is none in the range."""
        low, high, factor = 0.0, math.inf, begin
        while factor >= SMALLEST and low == 0.0:
            side = self.side(factor)
            low, high = (factor, high) if side < 0 else (low, factor) if side > 0 else (low, high)
            factor /= 2.0
        while high == math.inf and (factor := min(most, 2.0 * max(self.seen))) not in self.seen:
            side = self.side(factor)
            low, high = (factor, high) if side < 0 else (low, factor) if side > 0 else (low, high)
        return low, high

    def flanks(self, low: float, middle: float, high: float) -> tuple[float, float]:
        """The interval drawn in from both sides towards a factor that could not be decided."""
        below = above = middle
        for _ in range(3):
            if below / low > 1.0 + NARROW / 2.0:
                factor = math.sqrt(low * below)
                low, below = (factor, below) if self.side(factor) < 0 else (low, factor)
            if high / above > 1.0 + NARROW / 2.0:
                factor = math.sqrt(above * high)
                high, above = (factor, above) if self.side(factor) > 0 else (high, factor)
        return low, high

    def crossing(self, low: float, high: float) -> float:
        """Where the share of collapses, drawn as a line between the factors tried, passes the chance asked for."""
        if low == 0.0 or high == math.inf:
            return low if low == 0.0 else high
        factors = sorted(factor for factor in self.seen if low <= factor <= high)
        for a, b in pairwise(factors):
            below, above = self.share(a), self.share(b)
            if below <= self.chance <= above and above > below:
                return a * math.pow(b / a, (self.chance - below) / (above - below))
        return math.sqrt(low * high)
