"""Candidates of a plan: one choice of values each, judged as written and in everything that it must survive.

All candidates share their random numbers, so that neighbours differ by their values alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sim.draws import mix
from sim.measure.intervals import CONFIDENCE, interval
from sim.measure.plain import plain, plain_row
from sim.measure.results import Results
from sim.scenario.quantities import MOST_SEED
from sim.scenario.scenario import Scenario
from sim.study.planning.cases import Cases
from sim.study.planning.certify import LEAST_REPLICATIONS, Certificate
from sim.study.planning.cost import Pricing
from sim.study.planning.judged import DecidedBy, Verdict, decided_by, room_of, verdict_of
from sim.study.planning.overload import overload

Values = Mapping[str, Any]
Key = tuple[tuple[str, Any], ...]


IDENTITY: Final = ("case", "subject", "metric", "at_most", "at_least")
"""What tells one thing that must hold from the others."""


@dataclass(frozen=True)
class Candidate:
    """One choice of values, simulated.

    values: key path -> value. verdict: met, missed or inconclusive, of all that must hold together, in all cases.
    replications: of the case that took most. objectives: one mapping each of case (None as written, else what had to
    be survived), subject, metric, at_most, at_least, value, low, high, verdict, decided_by, needed; of a candidate that
    was missed, only the cases looked at before that was clear. cost, cost_low, cost_high: with a 95 % interval where
    the cost is measured. needed: about how many replications would decide it; None if it is decided. notes: sentences.
    """

    values: Values
    verdict: Verdict
    replications: int
    objectives: tuple[dict[str, Any], ...]
    cost: float = math.nan
    cost_low: float = math.nan
    cost_high: float = math.nan
    needed: float | None = None
    notes: tuple[str, ...] = ()

    @property
    def binding(self) -> dict[str, Any] | None:
        """What fails, or has the least room left; None where nothing must hold."""
        return min(self.objectives, key=lambda one: (_ORDER[one["verdict"]], room(one)), default=None)

    @property
    def decided_by(self) -> DecidedBy | None:
        """What the verdict rests on: simulation, or exact theory; None if it is undecided."""
        return decided_by(self.verdict, ((one["verdict"], one["decided_by"]) for one in self.objectives))

    def row_like(self, asked: Mapping[str, Any]) -> dict[str, Any] | None:
        """Its own row of what must hold in another candidate's row; None if that was not looked at."""
        alike = (row for row in self.objectives if all(row[name] == asked[name] for name in IDENTITY))
        return next(alike, None)

    @property
    def least_room(self) -> float:
        """The room of the row that has least; inf where nothing must hold."""
        return min((room(one) for one in self.objectives), default=math.inf)

    def to_json(self) -> dict[str, Any]:
        """The candidate as plain values for JSON."""
        return {
            "values": dict(self.values),
            "verdict": self.verdict,
            "cost": plain(self.cost),
            "cost_low": plain(self.cost_low),
            "cost_high": plain(self.cost_high),
            "replications": self.replications,
            "objectives": [plain_row(one) for one in self.objectives],
            "needed": plain(self.needed),
            "notes": list(self.notes),
        }


_ORDER: Final = {"missed": 0, "inconclusive": 1, "met": 2}


MOST_NAMED: Final = 5
"""Of candidates that are as good as the answer."""


class Candidates:
    """Those simulated so far, and how the next ones are.

    Args:
        scenario: its objectives must hold, and what its plan says must be survived.
        pricing: what they cost.
        confidence: of each verdict.
        jobs: threads.
        progress: told which candidate is being simulated.
        theory: whether exact models may settle what simulation leaves open.
    """

    def __init__(
        self,
        scenario: Scenario,
        pricing: Pricing,
        confidence: float,
        jobs: int | None = None,
        progress: Callable[[str], None] | None = None,
        *,
        theory: bool = True,
    ) -> None:
        self.cases = Cases(scenario, jobs=jobs, theory=theory)
        self.pricing, self.confidence = pricing, confidence
        self.paths = tuple(scenario.plan.vary) if scenario.plan is not None else ()
        self.found: dict[Key, Candidate] = {}
        self.results: dict[Key, Results] = {}
        self.replications = 0
        """Made so far."""
        self._ruled_out: dict[Key, str | None] = {}
        self._progress = progress

    def at(self, values: Values) -> Candidate:
        """The candidate with these values, simulated until it is decided or has had its replications."""
        key = key_of(values)
        if key not in self.found:
            self.found[key] = self._judged(values)
        return self.found[key]

    def aside(self, values: Values) -> Candidate:
        """One with values that are not the plan's to choose: judged, and not counted among the candidates."""
        return self._judged(values)

    def ruled_out(self, values: Values) -> str | None:
        """Why a candidate must be missed by the flow alone; None if it has to be simulated."""
        key = key_of(values)
        if key in self.found:
            return None
        if key not in self._ruled_out:
            self._ruled_out[key] = overload(self.cases.written.set(values))
        return self._ruled_out[key]

    @property
    def overloaded(self) -> int:
        """How many the flow alone ruled out, so that they were not simulated."""
        return sum(why is not None and key not in self.found for key, why in self._ruled_out.items())

    def verdict(self, values: Values) -> Verdict:
        """Met, missed or inconclusive; by the flow alone where that tells."""
        return "missed" if self.ruled_out(values) is not None else self.at(values).verdict

    def confirmed(self, candidate: Candidate, confidence: float) -> Candidate:
        """The candidate judged anew, on random numbers that the search has not seen."""
        fresh = mix(self.cases.written.run.seed) & MOST_SEED
        return self._judged(candidate.values, seed=fresh, confidence=confidence, patient=True)

    def replace(self, candidate: Candidate) -> None:
        """Lets a later judgement of the same values stand in place of the first."""
        self.found[key_of(candidate.values)] = candidate

    def _judged(
        self,
        values: Values,
        seed: int | None = None,
        confidence: float | None = None,
        *,
        patient: bool = False,
    ) -> Candidate:
        self._say(values)
        looked = self.cases.certified(
            lambda scenario: scenario.set(values),
            confidence=self.confidence if confidence is None else confidence,
            first=LEAST_REPLICATIONS * (2 if self.cases.written.run.antithetic else 1),
            seed=seed,
            patient=patient,
        )
        self.replications += sum(one.replications for one in looked.values())
        if 0 in looked and seed is None and self.pricing.measured:
            self.results[key_of(values)] = looked[0].results
        return self._candidate(values, looked)

    def _candidate(self, values: Values, looked: Mapping[int, Certificate]) -> Candidate:
        rows = [row for one in looked.values() for row in one.objectives]
        verdict = verdict_of(rows)
        cost, low, high = self._cost(values, looked.get(0))
        needed = [one.needed for one in looked.values() if one.needed is not None]
        return Candidate(
            # As the plan names them, whichever of them the search goes through first.
            values={path: values[path] for path in dict.fromkeys((*self.paths, *values))},
            verdict=verdict,
            replications=max(one.replications for one in looked.values()),
            objectives=tuple(dict(vars(row)) for row in rows),
            cost=cost,
            cost_low=low,
            cost_high=high,
            needed=max(needed) if verdict == "inconclusive" and needed else None,
            notes=tuple(note for one in looked.values() for note in one.notes),
        )

    def _cost(self, values: Values, written: Certificate | None) -> tuple[float, float, float]:
        certain = self.pricing.certain(values)
        if not self.pricing.measured:
            return certain, certain, certain
        if written is None:
            return math.nan, math.nan, math.nan
        return self.cost_of(values, self.pricing.each(written.results))

    def cost_of(self, values: Values, costs: Sequence[float]) -> tuple[float, float, float]:
        """Mean, low and high of a measured cost; it is no less than what is there for certain."""
        mean, low, high = interval(costs, CONFIDENCE)
        return mean, max(low, self.pricing.certain(values)), high

    def _say(self, values: Values) -> None:
        if self._progress is not None:
            self._progress(said(values))


def key_of(values: Values) -> Key:
    """A choice of values, whatever their order."""
    return tuple(sorted(values.items(), key=lambda item: item[0]))


def said(values: Values) -> str:
    """A choice of values in words: `services.api.workers = 30`."""
    return ", ".join(f"{path} = {value}" for path, value in values.items())


def few_of(said_of: Sequence[str]) -> str:
    """The first of some candidates, each in words, and how many more there are."""
    more = len(said_of) - MOST_NAMED
    return "; ".join(said_of[:MOST_NAMED]) + (f"; and {more} more" if more > 0 else "")


def room(objective: Mapping[str, Any]) -> float:
    """How far the value is on the good side of the bound; see `room_of`."""
    return room_of(*(objective[name] for name in ("metric", "value", "at_most", "at_least")))
