"""Candidates of a plan: one choice of values each, judged as written and in everything that it must survive.

All candidates share their random numbers, so that neighbours differ by their values alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

from sim.draws import mix
from sim.measure.intervals import CONFIDENCE, binomial, interval
from sim.measure.results import Results, judge
from sim.scenario.mishaps import Mishap, mishaps
from sim.scenario.quantities import MOST_SEED
from sim.scenario.scenario import Scenario
from sim.study.metastability.recovery import recovery
from sim.study.planning.certify import LEAST_REPLICATIONS, Certificate, Judged, Judging, Verdict
from sim.study.planning.cost import Pricing
from sim.study.planning.overload import overload

RECOVERED: Final = 0.9
"""The share of runs that must recover in time."""

RECOVERY_METRIC: Final = "recovered"

Values = Mapping[str, Any]
Key = tuple[tuple[str, Any], ...]


@dataclass(frozen=True)
class Case:
    """A scenario to be judged in: as written (no mishap), or with one mishap."""

    scenario: Scenario
    mishap: Mishap | None = None

    @property
    def title(self) -> str | None:
        """What the mishap is called; None as written."""
        return None if self.mishap is None else self.mishap.title


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

    def to_json(self) -> dict[str, Any]:
        """The candidate as plain values for JSON."""
        return {
            "values": dict(self.values),
            "verdict": self.verdict,
            "cost": finite(self.cost),
            "cost_low": finite(self.cost_low),
            "cost_high": finite(self.cost_high),
            "replications": self.replications,
            "objectives": [plain(one) for one in self.objectives],
            "needed": finite(self.needed),
            "notes": list(self.notes),
        }


_ORDER: Final = {"missed": 0, "inconclusive": 1, "met": 2}


@dataclass
class Work:
    """What a search has cost: replications made, and the candidates that flow alone ruled out."""

    replications: int = 0
    overloaded: int = 0


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
        self.cases = cases_of(scenario)
        self.pricing, self.confidence = pricing, confidence
        self.found: dict[Key, Candidate] = {}
        self.results: dict[Key, Results] = {}
        self.work = Work()
        self._ruled_out: dict[Key, str | None] = {}
        self._jobs, self._progress, self._theory = jobs, progress, theory
        self._first = list(range(len(self.cases)))
        """The cases in the order in which they are tried: the one that failed last comes first."""

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
            self._ruled_out[key] = overload(self._with(self.cases[0], values))
            self.work.overloaded += self._ruled_out[key] is not None
        return self._ruled_out[key]

    def verdict(self, values: Values) -> Verdict:
        """Met, missed or inconclusive; by the flow alone where that tells."""
        return "missed" if self.ruled_out(values) is not None else self.at(values).verdict

    def confirmed(self, candidate: Candidate, confidence: float) -> Candidate:
        """The candidate judged anew, on random numbers that the search has not seen."""
        fresh = mix(self.cases[0].scenario.run.seed) & MOST_SEED
        return self._judged(candidate.values, seed=fresh, confidence=confidence)

    def replace(self, candidate: Candidate) -> None:
        """Lets a later judgement of the same values stand in place of the first."""
        self.found[key_of(candidate.values)] = candidate

    def _judged(self, values: Values, seed: int | None = None, confidence: float | None = None) -> Candidate:
        self._say(values)
        judgings = {
            place: self._judging(self.cases[place], values, seed, confidence) for place in self._first
        }
        open_ones = list(self._first)
        missed = None
        # A look at each case in turn: what fails badly anywhere is dropped after a few replications.
        while open_ones and missed is None:
            for place in open_ones:
                judgings[place].look()
                if judgings[place].verdict == "missed":
                    missed = place
                    break
            open_ones = [place for place in open_ones if not judgings[place].over]
        if missed is not None:
            self._first.sort(key=lambda place: place != missed)
        looked = {
            place: judging.certificate() for place, judging in sorted(judgings.items()) if judging.looks
        }
        self.work.replications += sum(one.replications for one in looked.values())
        if 0 in looked and seed is None and self.pricing.measured:
            self.results[key_of(values)] = looked[0].results
        return self._candidate(values, looked)

    def _judging(self, case: Case, values: Values, seed: int | None, confidence: float | None) -> Judging:
        within = None if case.mishap is None else case.mishap.recover_within
        return Judging(
            self._with(case, values),
            confidence=self.confidence if confidence is None else confidence,
            first=LEAST_REPLICATIONS * (2 if case.scenario.run.antithetic else 1),
            seed=seed,
            jobs=self._jobs,
            theory=self._theory,
            alternatives=len(self.cases),
            further=None if within is None or case.mishap is None else _recovers(case.mishap, within),
        )

    def _candidate(self, values: Values, looked: Mapping[int, Certificate]) -> Candidate:
        verdicts = {one.verdict for one in looked.values()}
        verdict = min(verdicts, key=lambda word: _ORDER[word])
        rows = [
            {"case": self.cases[place].title, **vars(row)}
            for place, one in looked.items()
            for row in one.objectives
        ]
        cost, low, high = self._cost(values, looked.get(0))
        needed = [one.needed for one in looked.values() if one.needed is not None]
        return Candidate(
            values=dict(values),
            verdict=verdict,
            replications=max(one.replications for one in looked.values()),
            objectives=tuple(rows),
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

    def _with(self, case: Case, values: Values) -> Scenario:
        return case.scenario.set(values) if values else case.scenario

    def _say(self, values: Values) -> None:
        if self._progress is not None:
            self._progress(said(values))


def cases_of(scenario: Scenario) -> tuple[Case, ...]:
    """The scenario as written, then with each mishap of its plan beside its own faults."""
    written = scenario.document
    faults = written.get("faults") or []
    survive = scenario.plan.survive if scenario.plan is not None else ()
    # A plan within would be checked again at each change.
    plain_one = scenario.set("plan", None) if scenario.plan is not None else scenario
    found = [Case(plain_one)]
    for mishap in mishaps(survive):
        changes: dict[str, object] = {
            "faults": [
                *faults,
                *(one.model_dump(mode="json", by_alias=True, exclude_unset=True) for one in mishap.faults),
            ]
        }
        if mishap.objectives is not None:
            changes["objectives"] = [
                one.model_dump(mode="json", by_alias=True, exclude_unset=True) for one in mishap.objectives
            ]
        found.append(Case(plain_one.set(changes), mishap))
    return tuple(found)


def _recovers(mishap: Mishap, within: float) -> Callable[[Results, float, float], Judged]:
    """Judges whether nine of ten runs have their backlog down again in time (Clopper and Pearson's bounds)."""

    def row(results: Results, met_error: float, missed_error: float) -> Judged:
        times = recovery_times(results, mishap)
        number = results.replications
        if times is None:
            share, low, high = math.nan, math.nan, math.nan
        else:
            recovered = sum(time <= within for time in times)
            share = recovered / number
            low = binomial(recovered, number, 1.0 - 2.0 * met_error)[0]
            high = binomial(recovered, number, 1.0 - 2.0 * missed_error)[1]
        verdict = cast("Verdict", judge(low, high, None, RECOVERED))
        open_still = verdict == "inconclusive"
        return Judged(
            subject="system",
            metric=RECOVERY_METRIC,
            at_most=None,
            at_least=RECOVERED,
            value=share,
            low=low,
            high=high,
            verdict=verdict,
            decided_by=None if open_still else "simulation",
            needed=2.0 * number if open_still else None,
        )

    return row


def recovery_times(results: Results, mishap: Mishap) -> list[float] | None:
    """Seconds from the last fault's end until all services of a replication had their backlog down, of each."""
    scenario = results.scenario
    called = dict.fromkeys(traffic.call for traffic in scenario.traffic.values())
    each = [recovery(results, service, list(mishap.faults)) for service in called]
    known = [one.times for one in each if one is not None]
    return [max(times) for times in zip(*known, strict=True)] if known else None


def key_of(values: Values) -> Key:
    """A choice of values, whatever their order."""
    return tuple(sorted(values.items(), key=lambda item: item[0]))


def said(values: Values) -> str:
    """A choice of values in words: `services.api.workers = 30`."""
    return ", ".join(f"{path} = {value}" for path, value in values.items())


def room(objective: Mapping[str, Any]) -> float:
    """How far the value is on the good side of the bound, relative to the bound."""
    most, least, value = objective["at_most"], objective["at_least"], objective["value"]
    if math.isnan(value):
        return -math.inf
    bound = most if most is not None else least
    distance = bound - value if most is not None else value - bound
    return float(distance / abs(bound)) if bound else float(distance)


def plain(objective: Mapping[str, Any]) -> dict[str, Any]:
    """An objective's row with what is not finite as None."""
    return {name: finite(value) if isinstance(value, float) else value for name, value in objective.items()}


def finite(value: float | None) -> float | None:
    """A number for JSON: what is not finite is None."""
    return value if value is not None and math.isfinite(value) else None
