"""A certificate: whether a scenario meets its objectives, judged by as many replications as it takes and no more.

Replications grow by doubling, and after each step every objective is looked at. The error allowed, one minus the
confidence, is spent over the looks as α(t) = α·√t, t the share of the greatest number of replications (the power
family of Kim and DeMets, 1987): something for an early word on what is clear, most of it for the last. The looks
together err at most as often as the sum of what they spend (Bonferroni; nothing is assumed of their dependence). Each
look draws one-sided bounds, since a true state of things can be misjudged in one direction alone:

- *met* is claimed if every objective's bound is on the good side. Were any of them missed in truth, it would have to
  err itself, so each may spend the whole error (the intersection-union test; Berger, 1982);
- *missed* is claimed if any is on the bad side. Were all met in truth, any could err, so they share the error.

What is still open at the end an exact model may settle, where one has the figure and the run measures its steady
state. Theory never overrules a simulation: a figure outside the simulated bounds is noted, and settles nothing. Nor
does a simulation overrule exact theory of a steady state: where they say the opposite, it is left open.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, cast

from sim.errors import UsageError
from sim.measure.intervals import CONFIDENCE
from sim.measure.results import Results
from sim.scenario.objectives import Objective
from sim.scenario.scenario import Scenario
from sim.study.planning.caution import cautions
from sim.study.planning.judged import DecidedBy, Judged, Verdict, decided_by, verdict_of
from sim.study.planning.settling import doubted, settled
from sim.study.replicate import extended, run

LEAST_REPLICATIONS: Final = 5
"""Fewer say little about their own spread."""

MOST_GROWTH: Final = 16
"""How many times the scenario's own replications may grow before it is left undecided."""

HOPELESS: Final = 16.0
"""An objective that would need so many times the replications allowed is given up early."""

MOST_LOPSIDED: Final = 2.0
"""How many times as far as the other end a bound is taken to be, where more replications are thought of."""

LOOKS_BEFORE_GIVING_UP: Final = 2

Further = Callable[[Results, float, float], Judged]
"""(results, error that a *met* may have, error that a *missed* may have) -> a row."""


@dataclass(frozen=True, repr=False)
class Certificate:
    """Whether a scenario meets all its objectives together, and how sure that is.

    verdict: of all together; right with at least `confidence` if it is not inconclusive. objectives: one row each.
    results: of all replications made. notes: what a reader must know, in sentences. looks: how often it was judged.
    """

    scenario: Scenario
    confidence: float
    verdict: Verdict
    objectives: tuple[Judged, ...]
    results: Results
    looks: int
    notes: tuple[str, ...] = ()

    @property
    def replications(self) -> int:
        """How many were made."""
        return self.results.replications

    @property
    def decided_by(self) -> DecidedBy | None:
        """What the verdict rests on: simulation, or exact theory; None if it is undecided."""
        return decided_by(self.verdict, ((one.verdict, one.decided_by) for one in self.objectives))

    @property
    def binding(self) -> Judged:
        """The objective that fails, or the one with the least room left."""
        return min(self.objectives, key=lambda one: (one.verdict != "missed", one.room))

    @property
    def needed(self) -> float | None:
        """About how many replications would decide what is undecided; None if nothing is."""
        open_ones = [one.needed for one in self.objectives if one.needed is not None]
        return max(open_ones) if self.verdict == "inconclusive" and open_ones else None

    def __repr__(self) -> str:
        return f"<Certificate of {self.scenario.name}: {self.verdict}, {self.replications} replications>"

    def to_json(self) -> dict[str, Any]:
        """The certificate as plain values for JSON."""
        needed = self.needed
        return {
            "verdict": self.verdict,
            "decided_by": self.decided_by,
            "confidence": self.confidence,
            "replications": self.replications,
            "needed": None if needed is None or math.isinf(needed) else math.ceil(needed),
            "objectives": [one.to_json() for one in self.objectives],
            "notes": list(self.notes),
        }


def certify(
    scenario: Scenario,
    *,
    confidence: float = CONFIDENCE,
    first: int | None = None,
    most: int | None = None,
    seed: int | None = None,
    jobs: int | None = None,
    theory: bool = True,
    progress: Callable[[float], None] | None = None,
) -> Certificate:
    """Runs a scenario until it is certain whether it meets all its objectives, or the replications allowed are spent.

    Args:
        scenario: with at least one objective.
        confidence: that the verdict, if there is one, is right; 0.5 up to 1.
        first: replications before the first look; the scenario's own, and at least 5, if None.
        most: replications at the most; 16 times the scenario's own, if None.
        seed: in place of the scenario's own: for a second opinion on other random numbers.
        jobs: threads.
        theory: whether an exact model may settle what simulation leaves open.
        progress: told the share of the replications allowed that are done.

    Raises:
        UsageError: there are no objectives, or a number is out of its range.
    """
    refuse_unjudged(scenario, confidence)
    judging = Judging(
        scenario, confidence=confidence, first=first, most=most, seed=seed, jobs=jobs, theory=theory
    )
    while not judging.over:
        judging.look()
        if progress is not None:
            progress(judging.share)
    return judging.certificate()


class Judging:
    """A certificate in the making, one look after the other: for those who judge many scenarios in turn.

    The arguments are those of `certify`, and three more. `alternatives` is the number of such judgements of which any
    that says *missed* decides for all: they share the error of that. A `patient` one makes all the replications that
    are allowed where few of them look as if that were in vain. `further` gives rows for what must hold beside the
    objectives. Without anything that must hold, all is met at the first look.
    """

    def __init__(
        self,
        scenario: Scenario,
        *,
        confidence: float = CONFIDENCE,
        first: int | None = None,
        most: int | None = None,
        seed: int | None = None,
        jobs: int | None = None,
        theory: bool = True,
        alternatives: int = 1,
        patient: bool = False,
        further: Further | None = None,
    ) -> None:
        own = max(LEAST_REPLICATIONS, scenario.run.replications)
        begin = scenario.run.whole(own if first is None else first)
        self.scenario, self.confidence = scenario, confidence
        self.steps = steps_of(
            begin, max(begin, scenario.run.whole(MOST_GROWTH * own if most is None else most))
        )
        self.results: Results | None = None
        self.looks = 0
        self.rows: tuple[Judged, ...] = ()
        self._seed, self._jobs, self._theory = seed, jobs, theory
        self._alternatives, self._patient, self._further = alternatives, patient, further

    @property
    def verdict(self) -> Verdict:
        """As far as it is known."""
        return verdict_of(self.rows) if self.looks else "inconclusive"

    @property
    def over(self) -> bool:
        """Whether it is decided, or the replications are spent, or more of them can hardly decide it."""
        if self.verdict != "inconclusive" or self.looks == len(self.steps):
            return True
        if self._patient or self.looks < LOOKS_BEFORE_GIVING_UP:
            return False
        return _hopeless(self.rows, self.steps[-1])

    @property
    def share(self) -> float:
        """The share of the replications allowed that are made."""
        return self.results.replications / self.steps[-1] if self.results is not None else 0.0

    def look(self) -> None:
        """Makes the next replications and looks at all of them."""
        number = self.steps[self.looks]
        if self.results is None:
            self.results = run(self.scenario, seed=self._seed, replications=number, jobs=self._jobs)
        else:
            self.results = extended(self.results, number, jobs=self._jobs)
        error = (1.0 - self.confidence) * spending(self.steps)[self.looks]
        self.rows = judged(self.results, error, self._alternatives, self._further)
        self.looks += 1

    def certificate(self) -> Certificate:
        """What it came to, after one look at least; theory settles what it can if all looks left it open."""
        assert self.results is not None  # there was a look
        rows = self.rows
        notes: tuple[str, ...] = ()
        if self._theory and self.over and self.verdict == "inconclusive":
            rows, notes = settled(self.scenario, rows, self.results.warmup)
        elif self._theory and self.verdict != "inconclusive":
            rows, notes = doubted(self.scenario, rows, self.results.warmup)
        notes = (*notes, *cautions(self.scenario, rows))
        return Certificate(
            self.scenario, self.confidence, verdict_of(rows), rows, self.results, self.looks, notes
        )


def refuse_unjudged(scenario: Scenario, confidence: float) -> None:
    """Raises UsageError where there is nothing to judge, or by a confidence that is none."""
    if not scenario.objectives:
        raise UsageError(
            "there is no objective to meet; for example "
            'objectives: [{subject: "traffic:web", metric: latency_p99, at_most: 1s}]'
        )
    if not 0.5 <= confidence < 1.0:
        raise UsageError(f"confidence {confidence:g} is not at least 0.5 and less than 1; for example 0.95")


def steps_of(first: int, most: int) -> tuple[int, ...]:
    """The numbers of replications after which there is a look: doubling, the last one exactly the most."""
    steps = [first]
    while steps[-1] * 2 <= most:
        steps.append(steps[-1] * 2)
    if steps[-1] < most:
        # A last step that adds little is joined with the one before it.
        steps = [*steps[:-1], most] if len(steps) > 1 and most < 1.5 * steps[-1] else [*steps, most]
    return tuple(steps)


def spending(steps: Sequence[int]) -> tuple[float, ...]:
    """The share of the error that each look may spend: the increments of √t. They add up to 1."""
    reached = [math.sqrt(step / steps[-1]) for step in steps]
    return tuple(now - before for before, now in zip([0.0, *reached], reached, strict=False))


def judged(
    results: Results, error: float, alternatives: int = 1, further: Further | None = None
) -> tuple[Judged, ...]:
    """Everything that must hold, at one look that may spend so much error; see the head of this file."""
    objectives = results.scenario.objectives
    sharing = max(1, len(objectives) + (further is not None)) * alternatives
    rows = tuple(_judged(results, wanted, error, error / sharing) for wanted in objectives)
    return rows if further is None else (*rows, further(results, error, error / sharing))


def _judged(results: Results, wanted: Objective, met_error: float, missed_error: float) -> Judged:
    # A two-sided interval at 1 - 2α has one-sided bounds at 1 - α.
    good = results.cautious(wanted.subject, wanted.metric, 1.0 - 2.0 * met_error)
    bad = results.cautious(wanted.subject, wanted.metric, 1.0 - 2.0 * missed_error)
    low, high = (bad[1], good[2]) if wanted.at_most is not None else (good[1], bad[2])
    verdict = cast("Verdict", results.judged(wanted, low, high))
    bound = wanted.at_most if wanted.at_most is not None else wanted.at_least
    assert bound is not None  # an objective has one of the two
    row = Judged(
        wanted.subject,
        wanted.metric,
        wanted.at_most,
        wanted.at_least,
        good[0],
        low,
        high,
        verdict,
        None if verdict == "inconclusive" else "simulation",
        results.replications,
    )
    if verdict != "inconclusive":
        return row
    known = results.values(wanted.subject, wanted.metric)
    power = 1 if max(known) == min(known) else 2
    return replace(row, needed=_needed(good[0], low, high, bound, results.replications, power))


def _needed(value: float, low: float, high: float, bound: float, replications: int, power: int) -> float:
    """Replications after which a bound that nears the value would lie at the objective; inf at the bound.

    It nears it with their root (`power` 2), or with their number where no replication has said otherwise (1). An end
    that is far out, or not known yet, as a burst was in so few, nears it faster.
    """
    if math.isnan(value) or math.isnan(low):
        return math.inf
    distance = abs(value - bound)
    half, other = (value - low, high - value) if value > bound else (high - value, value - low)
    if power > 1 and other > 0.0:
        half = min(half, MOST_LOPSIDED * other)
    if distance == 0.0 or half <= 0.0:
        return math.inf
    return max(replications + 1.0, replications * (half / distance) ** power)


def _hopeless(rows: Sequence[Judged], most: int) -> bool:
    """Whether so many replications would be needed that those allowed can hardly decide it.

    A mean that happens to lie near its bound says little while it may still move.
    """
    return any(
        one.needed is not None and one.needed > HOPELESS * most and not one.low < one.value < one.high
        for one in rows
    )
