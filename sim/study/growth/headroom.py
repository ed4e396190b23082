"""Headroom: the greatest load that still meets every objective.

The load is found by stochastic bisection: its interval reaches from the greatest load certified to meet the objectives
to the least certified to miss them, so what lies between is what could not be told. More load is taken to be no
better. What a plan must survive must be survived at the load, too.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

from sim.measure.intervals import CONFIDENCE
from sim.measure.plain import plain
from sim.measure.results import Results
from sim.scenario.metrics import SCHEMA_VERSION, UNITS
from sim.scenario.scenario import Scenario, refuse_no_scenario
from sim.study.cautions import FEW_ENOUGH
from sim.study.load import bottleneck, offered_load, scaled
from sim.study.planning.cases import Cases
from sim.study.planning.certify import LEAST_REPLICATIONS, MOST_GROWTH, refuse_unjudged
from sim.study.planning.judged import Judged, verdict_of
from sim.theory.match import analyze
from sim.theory.staffing import met

POINTS: Final = 14
"""The error allowed is shared among the certificates of so many loads; the last is kept for the load as written."""

NARROW: Final = 0.03
"""Where the ends of the interval are this near, relative to each other, the search is over."""

SMALLEST, LARGEST = 1.0 / 64.0, 64.0
"""The range of loads looked at, as multiples of the load as written."""

GROWTH: Final = 4
"""How many times the scenario's own replications may grow at one load: what stays open there is the interval's.

The load as written, if it lies within that, gets as many as a plan gives a size: it is what is asked first. So does any
load where they are cheap.
"""

CHEAP: Final = 2e6
"""Requests in all replications of one load, up to which there may be as many as a plan makes."""

EASIER: Final = 0.9
"""The share of the replications needed at one load that must be enough at a smaller one, lest the search end there."""

WIDE: Final = 1.1
"""The ratio of the ends from which it is said what would bring them nearer."""

BUSY: Final = 0.85
"""The utilization at which to begin where theory has nothing to say."""


@dataclass(frozen=True)
class Tried:
    """One load: the verdict in all cases together, and the objective that binds there.

    rooms: (place of the case, number of the objective) -> how far it is on the good side. successes: traffic class ->
    the share of its requests that succeed there, as written. open: what was not decided, of a load that was not.
    growth: how many times the scenario's own replications were allowed.
    """

    factor: float
    verdict: str
    binding: Judged
    replications: int
    rooms: Mapping[tuple[int, int], float] = field(repr=False)
    successes: Mapping[str, float] = field(repr=False, default_factory=dict)
    open: tuple[Judged, ...] = field(repr=False, default=())
    growth: float = GROWTH

    @property
    def needed(self) -> float | None:
        """About how many replications would decide it; None if it is decided."""
        return max((row.needed or 0.0 for row in self.open), default=None)

    @property
    def powerless(self) -> bool:
        """Whether it stayed open though nothing that is open could be better."""
        return bool(self.open) and all(_at_best(row) for row in self.open)


@dataclass(frozen=True, repr=False)
class Headroom:
    """How much load meets every objective, as a multiple of the load as written.

    low, high: the greatest certified to meet, and the least certified to miss; 0 and inf where there is none in the
    range looked at. factor: the estimate between them; without a `high` it is `low`, and without a `low` it is 0 if all
    of the range is missed, else nan: it is not known. binding: the objective that breaks first; None if none does.
    """

    scenario: Scenario
    confidence: float
    factor: float
    low: float
    high: float
    binding: Judged | None
    tried: tuple[Tried, ...] = field(repr=False)

    @property
    def offered_rate(self) -> float:
        """The load as written, in requests per second of all traffic; nan if unknown."""
        return offered_load(self.scenario)

    @property
    def failing(self) -> tuple[str, float] | None:
        """The traffic class of which most requests fail at the greatest load certified, and the share that succeeds.

        None if most of every class succeed: else the objectives ask for latency, say, of the few that do.
        """
        successes = next((one.successes for one in self.tried if one.factor == self.low), {})
        name = min(successes, key=lambda each: successes[each], default="")
        return (name, successes[name]) if name and successes[name] < FEW_ENOUGH else None

    @property
    def worth_telling(self) -> Tried | None:
        """Of the loads that stayed open between the ends, the hardest to tell but for the one at the limit itself.

        None where the interval is narrow, or nothing else lies in it: at the limit no number of replications tells.
        """
        still_open = [
            one
            for one in self.tried
            if one.verdict == "inconclusive" and self.low < one.factor < self.high and one.needed is not None
        ]
        still_open.sort(key=lambda one: one.needed or math.inf)
        narrow = self.high <= self.low * WIDE
        return None if narrow or len(still_open) < 2 else still_open[-2]

    @property
    def undecided(self) -> Tried | None:
        """The load that could be told with the fewest replications, if none is certain to meet the objectives and not
        all of the range is missed.
        """
        if not math.isnan(self.factor):
            return None
        still_open = [one for one in self.tried if one.verdict == "inconclusive"]
        return min(still_open, key=lambda one: math.inf if one.needed is None else one.needed)

    @property
    def verdict(self) -> str:
        """Whether the load as written meets the objectives: met, missed or inconclusive."""
        return "met" if self.low >= 1.0 else "missed" if self.high <= 1.0 else "inconclusive"

    def __repr__(self) -> str:
        return f"<Headroom of {self.scenario.name}: {self.factor:.3g} times the load [{self.low:.3g}, {self.high:.3g}]>"

    def to_json(self) -> dict[str, Any]:
        """The headroom as plain values for JSON: the same seed gives the same bytes."""
        return {
            "schema_version": SCHEMA_VERSION,
            "scenario": self.scenario.name,
            "hash": self.scenario.hash,
            "seed": self.scenario.run.seed,
            "verdict": self.verdict,
            "factor": plain(self.factor),
            "low": plain(self.low),
            "high": plain(self.high),
            "confidence": self.confidence,
            "offered_rate": plain(self.offered_rate),
            "binding": None if self.binding is None else self.binding.to_json(),
            "tried": [
                {
                    "factor": one.factor,
                    "verdict": one.verdict,
                    "replications": one.replications,
                    "binding": f"{one.binding.subject} {one.binding.metric}",
                    "case": one.binding.case,
                    "needed": plain(one.needed),
                }
                for one in self.tried
            ],
        }


def headroom(
    scenario: Scenario,
    *,
    confidence: float = CONFIDENCE,
    narrow: float = NARROW,
    guess: float | None = None,
    theory: bool = True,
    jobs: int | None = None,
    progress: Callable[[str], None] | None = None,
) -> Headroom:
    """The greatest multiple of the load that meets every objective, by stochastic bisection.

    Args:
        scenario: with objectives; its plan's `survive` must be survived.
        confidence: that the limit lies in the interval.
        narrow: the relative width at which the search ends.
        guess: where to begin if theory does not know; a utilization of 85 % if None.
        theory: whether exact models may settle what simulation leaves open.
        jobs: threads.
        progress: told which load is being simulated.

    Raises:
        UsageError: there are no objectives.
    """
    refuse_no_scenario(scenario)
    search = _Search(scenario, confidence, theory, jobs, progress)
    first, sure = first_load(scenario)
    if guess is not None and not sure:
        first, sure = guess, True
    search.carry_out(min(LARGEST, max(SMALLEST, first)), narrow, 1.0 + narrow if sure else 1.2)
    search.as_written()
    low, high = search.ends
    tried = tuple(search.tried[factor] for factor in sorted(search.tried))
    above = next((one for one in tried if one.factor >= high), None)
    return Headroom(
        scenario,
        confidence,
        _crossing(tried, low, high),
        low,
        high,
        above.binding if above else None,
        tried,
    )


class _Search:
    """The loads tried so far."""

    def __init__(
        self,
        scenario: Scenario,
        confidence: float,
        theory: bool,
        jobs: int | None,
        progress: Callable[[str], None] | None,
    ) -> None:
        refuse_unjudged(scenario, confidence)
        self.scenario, self.progress = scenario, progress
        self.cases = Cases(scenario, jobs=jobs, theory=theory)
        self.each = 1.0 - (1.0 - confidence) / POINTS
        self.tried: dict[float, Tried] = {}

    @property
    def ends(self) -> tuple[float, float]:
        """The greatest load that is certain to meet the objectives, and the least that is certain to miss them."""
        met = [one.factor for one in self.tried.values() if one.verdict == "met"]
        missed = [one.factor for one in self.tried.values() if one.verdict == "missed"]
        return max(met, default=0.0), min(missed, default=math.inf)

    def carry_out(self, factor: float, narrow: float, stride: float) -> None:
        """Tries loads, from one on, until the ends are near each other or nothing more can be told."""
        following: float | None = factor
        while following is not None and len(self.tried) < POINTS - 1:
            self.at(following)
            low, high = self.ends
            if low == 0.0 and self.in_vain:
                return
            if low == 0.0 or high == math.inf:
                following = self.beyond(low == 0.0, stride)
                stride = min(2.0, stride * stride)
            else:
                following = self.between(low, high, narrow)

    @cached_property
    def growth(self) -> float:
        """How many times the scenario's own replications may grow at one load."""
        own = max(LEAST_REPLICATIONS, self.scenario.run.replications)
        requests = own * self.scenario.run.duration * offered_load(self.scenario)
        # An unknown load is not called cheap.
        return min(MOST_GROWTH, max(GROWTH, CHEAP / requests)) if requests > 0.0 else GROWTH

    def as_written(self) -> None:
        """Certifies the load as written with all that a plan would spend on it, if it lies between the ends."""
        low, high = self.ends
        if low < 1.0 < high and low > 0.0:
            self.at(1.0, MOST_GROWTH)

    @property
    def in_vain(self) -> bool:
        """Whether the least load tried seems no easier to tell than the next, where neither could be better."""
        least = sorted(self.tried)[:2]
        if len(least) < 2 or not all(self.tried[factor].powerless for factor in least):
            return False
        now, before = (self.tried[factor].needed or 0.0 for factor in least)
        return now >= EASIER * before

    def at(self, factor: float, growth: float | None = None) -> None:
        """Certifies one load; the scenario's own replications may grow so many times."""
        growth = self.growth if growth is None else growth
        if self.progress is not None:
            self.progress(f"{factor:.3g} times the load")
        replications = max(LEAST_REPLICATIONS, self.scenario.run.replications)
        found = self.cases.certified(
            lambda scenario: scaled(scenario, factor) if factor != 1.0 else scenario,
            confidence=self.each,
            most=max(math.floor(growth * replications), self.cases.least_to_decide(self.each)),
        )
        rows = {
            (place, number): row
            for place, certificate in found.items()
            for number, row in enumerate(certificate.objectives)
        }
        verdict = verdict_of(list(rows.values()))
        binding = min(rows.values(), key=lambda row: (row.verdict != verdict, row.room))
        still_open = tuple(row for row in rows.values() if row.verdict == "inconclusive")
        self.tried[factor] = Tried(
            factor,
            verdict,
            binding,
            max(one.replications for one in found.values()),
            {where: row.room for where, row in rows.items()},
            _successes(found[0].results) if 0 in found else {},
            still_open if verdict == "inconclusive" else (),
            growth,
        )

    def beyond(self, down: bool, stride: float) -> float | None:
        """A load outside of those tried; None where the range ends."""
        factor = min(self.tried) / stride if down else max(self.tried) * stride
        return factor if SMALLEST <= factor <= LARGEST else None

    def between(self, low: float, high: float, narrow: float) -> float | None:
        """The middle of the wider gap beside what could not be told; None if both are narrow."""
        if high <= low * (1.0 + narrow):
            return None
        open_ones = sorted(factor for factor in self.tried if low < factor < high)
        if not open_ones:
            return math.sqrt(low * high)
        gaps = [(open_ones[0] / low, math.sqrt(low * open_ones[0]))]
        gaps.append((high / open_ones[-1], math.sqrt(open_ones[-1] * high)))
        widest, middle = max(gaps)
        return middle if widest > 1.0 + narrow / 2.0 else None


def _at_best(row: Judged) -> bool:
    """Whether a ratio is 0 or 1, whichever is better; the share of runs that recover is one, and no metric."""
    best = 0.0 if row.at_most is not None else 1.0
    return UNITS.get(row.metric, "ratio") == "ratio" and row.value == best


def _successes(results: Results) -> dict[str, float]:
    return {
        name: results.estimate(f"traffic:{name}", "success_ratio")[0] for name in results.scenario.traffic
    }


def first_load(scenario: Scenario) -> tuple[float, bool]:
    """Where to begin, and whether theory says so: the greatest load with which its figures meet the objectives."""
    least = analyze(scaled(scenario, SMALLEST))
    asked = [each for each in scenario.objectives if least.figure(each.subject, each.metric) is not None]
    if asked:
        low, high = SMALLEST, LARGEST
        while high > low * 1.005:
            middle = math.sqrt(low * high)
            theory = analyze(scaled(scenario, middle))
            if all(met(each, theory.figure(each.subject, each.metric)) for each in asked):
                low = middle
            else:
                high = middle
        return low, True
    ratio = bottleneck(scenario)[1].ratio
    return (BUSY / ratio if math.isfinite(ratio) and ratio > 0.0 else 1.0), False


def _crossing(tried: tuple[Tried, ...], low: float, high: float) -> float:
    """Where the objective that breaks first has no room left: on the line between the two ends, if there are two."""
    if low == 0.0:
        return 0.0 if tried[0].verdict == "missed" else math.nan
    if high == math.inf:
        return low
    # What is open between the ends, and keeps every bound as far as it was measured, is below the limit, not at it.
    kept = [
        one.factor for one in tried if one.factor < high and all(room >= 0.0 for room in one.rooms.values())
    ]
    low = max(low, *kept)
    (below,) = (one for one in tried if one.factor == low)
    (above,) = (one for one in tried if one.factor == high)
    shares = [
        before / (before - after)
        for where, after in above.rooms.items()
        if math.isfinite(before := below.rooms[where]) and math.isfinite(after) and before > 0.0 > after
    ]
    return low * math.pow(high / low, min(shares, default=0.5))
