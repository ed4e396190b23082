"""The plan: the fewest workers that meet every objective with confidence, found by theory and certified by simulation.

Theory says where to begin; bisection along the number of workers asks the simulation, with common random numbers, so
that neighbours differ by their workers alone. A candidate whose interval straddles an objective gets more
replications; if it still straddles then, the plan says so.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from sim.errors import UsageError
from sim.measure.results import Results
from sim.scenario.metrics import SCHEMA_VERSION
from sim.scenario.plan import parse_range
from sim.scenario.scenario import Scenario
from sim.study.load import bottleneck
from sim.study.replicate import extended, run
from sim.theory.staffing import first_guess

if TYPE_CHECKING:
    import pandas as pd

LEAST_REPLICATIONS: Final = 5
MOST_GROWTH: Final = 16
"""How many times a candidate's replications may grow before it is left undecided."""

LOOKS: Final = 1 + int(math.log2(MOST_GROWTH))
"""How often a candidate is judged at the most."""

NEIGHBOURS: Final = 2
GALLOP: Final = (1, 4, 16)
"""Steps away from the first guess before the rest of the range is halved."""

MOST_COMBINATIONS: Final = 1000

Values = Mapping[str, Any]


@dataclass(frozen=True)
class Candidate:
    """One choice of values, simulated.

    values: key path -> value. verdict: met, missed or inconclusive, of all objectives together.
    objectives: one mapping each of subject, metric, at_most, at_least, value, low, high, verdict.
    """

    values: Values
    verdict: str
    replications: int
    objectives: tuple[dict[str, Any], ...]


@dataclass(frozen=True, repr=False)
class Planned:
    """What a plan came to.

    verdict: `met` (best is certified), `missed` (nothing in the range meets the objectives) or `inconclusive`.
    best: key path -> value, None unless met; cost: its workers, over all services.
    minimal: whether one worker fewer is certain to miss an objective, or the range ends there.
    candidates: all that were simulated, by their values; binding: the objective that stands in the way of less.
    """

    scenario: Scenario
    confidence: float
    verdict: str
    best: Values | None
    cost: float | None
    minimal: bool
    candidates: tuple[Candidate, ...]
    binding: dict[str, Any] | None
    first_guess: int | None = None
    paths: tuple[str, ...] = field(default=())

    @property
    def feasible(self) -> bool:
        """Whether some candidate is certain to meet every objective."""
        return self.verdict == "met"

    @property
    def evaluations(self) -> int:
        """How many candidates were simulated."""
        return len(self.candidates)

    @property
    def table(self) -> pd.DataFrame:
        """The candidates: a column for each key, verdict, replications, then value, low and high of each objective."""
        import pandas as pd

        return pd.DataFrame(self._rows())

    def __repr__(self) -> str:
        return f"<Plan of {self.scenario.name}: {self._headline()}>"

    def _repr_html_(self) -> str:
        from html import escape

        return f"<p>{escape(self._headline())}</p>{self.table.to_html(index=False)}"

    def _headline(self) -> str:
        if self.best is None:
            return f"{self.verdict}, {self.evaluations} candidates simulated"
        best = ", ".join(f"{path} = {value}" for path, value in self.best.items())
        return f"{best} ({self.confidence:.3g} sure, {self.evaluations} candidates simulated)"

    def _rows(self) -> list[dict[str, Any]]:
        rows = []
        for candidate in self.candidates:
            row = {**candidate.values, "verdict": candidate.verdict, "replications": candidate.replications}
            for one in candidate.objectives:
                name = f"{one['subject']} {one['metric']}"
                row |= {name: one["value"], f"{name} low": one["low"], f"{name} high": one["high"]}
            rows.append(row)
        return rows

    def to_json(self) -> dict[str, Any]:
        """The plan as plain values for JSON."""
        return {
            "schema_version": SCHEMA_VERSION,
            "scenario": self.scenario.name,
            "hash": self.scenario.hash,
            "seed": self.scenario.run.seed,
            "feasible": self.feasible,
            "verdict": self.verdict,
            "best": None if self.best is None else dict(self.best),
            "cost": self.cost,
            "minimal": self.minimal,
            "first_guess": self.first_guess,
            "table": [
                {
                    "values": dict(candidate.values),
                    "verdict": candidate.verdict,
                    "replications": candidate.replications,
                    "objectives": [_plain(one) for one in candidate.objectives],
                }
                for candidate in self.candidates
            ],
            "binding": None if self.binding is None else _plain(self.binding),
            "evaluations": self.evaluations,
            "confidence": self.confidence,
        }


def plan(
    scenario: Scenario,
    *,
    vary: Mapping[str, Sequence[Any]] | None = None,
    confidence: float | None = None,
    jobs: int | None = None,
    progress: Callable[[str], None] | None = None,
) -> Planned:
    """The fewest workers that meet every objective with confidence.

    More workers are taken to be no worse: the search along them is a bisection. Other keys that vary are gone through
    one combination after the other, in the order written; of equal numbers of workers the first is kept.

    Args:
        scenario: its objectives must hold; its plan says what may vary. Without a plan, the workers of the service
            whose load is nearest to its capacity do, from 1 up.
        vary: key path -> values, in place of the scenario's own.
        confidence: that each certified candidate meets all objectives together (Bonferroni over the objectives and
            over the looks at a growing number of replications).
        jobs: threads.
        progress: told which candidate is being simulated.

    Raises:
        UsageError: there are no objectives, or too many combinations.
    """
    if not scenario.objectives:
        raise UsageError(
            "a plan needs an objective to meet; for example "
            'objectives: [{subject: "traffic:web", metric: latency_p99, at_most: 1s}]'
        )
    own = scenario.plan
    confidence = confidence if confidence is not None else own.confidence if own is not None else 0.95
    if not 0.5 <= confidence < 1.0:
        raise UsageError(f"confidence {confidence:g} is not at least 0.5 and less than 1; for example 0.95")
    chosen: dict[str, Sequence[Any]] = {
        path: _values(values)
        for path, values in (vary or (own.vary if own is not None else _default_range(scenario))).items()
    }
    sized = [path for path in chosen if path.startswith("services.") and path.endswith(".workers")]
    if len(sized) > 1:
        raise UsageError(f"a plan varies the workers of one service at a time, not {' and '.join(sized)}")
    others = {path: values for path, values in chosen.items() if path not in sized}
    combinations = math.prod(len(values) for values in others.values())
    if combinations > MOST_COMBINATIONS:
        raise UsageError(
            f"{combinations:,} combinations beside the workers; the most are {MOST_COMBINATIONS:,}"
        )
    all_sizes = _sizes(sized[0], chosen[sized[0]]) if sized else []
    search = _Search(scenario, confidence, jobs, progress)
    guess = None
    best: Candidate | None = None
    for rest in (dict(zip(others, values, strict=True)) for values in itertools.product(*others.values())):
        if not sized:
            candidate = search.at(rest)
            if best is None and candidate.verdict == "met":
                best = candidate
            continue
        # After a first answer, only fewer workers are of interest.
        sizes = [size for size in all_sizes if best is None or size < best.values[sized[0]]]
        if not sizes:
            break
        begin = len(sizes) - 1
        if best is None:
            service = sized[0].split(".")[1]
            with_rest = scenario.set(rest) if rest else scenario
            guess = first_guess(with_rest, service, sizes[0], sizes[-1])
            begin = min(range(len(sizes)), key=lambda place: abs(sizes[place] - guess))
        best = search.fewest(sized[0], sizes, rest, begin) or best
    if best is not None and sized:
        search.look_around(sized[0], all_sizes, best)
    return search.planned(best, sized[0] if sized else None, guess, tuple(chosen))


class _Search:
    """The candidates simulated so far, and how the next ones are."""

    def __init__(
        self, scenario: Scenario, confidence: float, jobs: int | None, progress: Callable[[str], None] | None
    ) -> None:
        self.scenario, self.confidence, self.jobs, self.progress = scenario, confidence, jobs, progress
        self.found: dict[tuple[tuple[str, Any], ...], Candidate] = {}

    def at(self, values: Values) -> Candidate:
        """The candidate with these values, simulated until it is decided or has had its replications."""
        key = tuple(values.items())
        if key not in self.found:
            if self.progress is not None:
                self.progress(", ".join(f"{path} = {value}" for path, value in values.items()))
            scenario = self.scenario.set(values) if values else self.scenario
            first = scenario.run.whole(max(LEAST_REPLICATIONS, scenario.run.replications))
            results = run(scenario, replications=first, jobs=self.jobs)
            candidate = self._judged(values, results)
            while candidate.verdict == "inconclusive" and results.replications < MOST_GROWTH * first:
                results = extended(results, 2 * results.replications, jobs=self.jobs)
                candidate = self._judged(values, results)
            self.found[key] = candidate
        return self.found[key]

    def _judged(self, values: Values, results: Results) -> Candidate:
        objectives = results.scenario.objectives
        # Each look at a growing number of replications could err: the error allowed is shared among the looks too.
        each = 1.0 - (1.0 - self.confidence) / (len(objectives) * LOOKS)
        rows = []
        for wanted in objectives:
            value, low, high, _ = results.estimate(wanted.subject, wanted.metric, each)
            rows.append(
                {
                    "subject": wanted.subject,
                    "metric": wanted.metric,
                    "at_most": wanted.at_most,
                    "at_least": wanted.at_least,
                    "value": value,
                    "low": low,
                    "high": high,
                    "verdict": results.judged(wanted, low, high),
                }
            )
        verdicts = {row["verdict"] for row in rows}
        verdict = next(word for word in ("missed", "inconclusive", "met") if word in verdicts)
        return Candidate(values, verdict, results.replications, tuple(rows))

    def fewest(self, path: str, sizes: Sequence[int], rest: Values, begin: int) -> Candidate | None:
        """The candidate with the fewest workers that is certain to meet the objectives, or None.

        From the place `begin` in a few growing steps, as theory is seldom far off; then by halves.
        """

        def met(place: int) -> bool:
            return self.at({path: sizes[place], **rest}).verdict == "met"

        short, enough = -1, len(sizes)
        place = begin
        for step in GALLOP:
            if met(place):
                enough = place
                place = max(short + 1, place - step)
            else:
                short = place
                place = min(enough - 1, place + step)
            if short >= 0 and enough < len(sizes):
                break  # the answer lies between two places that are known
            if place in (short, enough):
                break  # the range ends here
        while enough - short > 1:
            middle = (short + enough) // 2
            if met(middle):
                enough = middle
            else:
                short = middle
        return self.at({path: sizes[enough], **rest}) if enough < len(sizes) else None

    def look_around(self, path: str, sizes: Sequence[int], best: Candidate) -> None:
        """Simulates the neighbours of the answer, for the table around it."""
        place = sizes.index(best.values[path])
        for near in range(max(0, place - NEIGHBOURS), min(len(sizes), place + NEIGHBOURS + 1)):
            self.at({**best.values, path: sizes[near]})

    def planned(
        self, best: Candidate | None, path: str | None, guess: int | None, paths: tuple[str, ...]
    ) -> Planned:
        """The outcome."""
        candidates = sorted(
            self.found.values(), key=lambda one: [str(one.values[key]).rjust(30) for key in paths]
        )
        below = None
        if best is not None and path is not None:
            fewer = [
                one
                for one in candidates
                if one.values[path] < best.values[path] and _same(one.values, best.values, path)
            ]
            below = max(fewer, key=lambda one: int(one.values[path]), default=None)
        undecided = any(one.verdict == "inconclusive" for one in candidates)
        return Planned(
            scenario=self.scenario,
            confidence=self.confidence,
            verdict="met" if best is not None else "inconclusive" if undecided else "missed",
            best=None if best is None else best.values,
            cost=None if best is None else self._workers(best),
            minimal=best is not None
            and path is not None
            and all(one.verdict == "missed" for one in candidates if one.values[path] < best.values[path]),
            candidates=tuple(candidates),
            binding=_binding(best, below, candidates),
            first_guess=guess,
            paths=paths,
        )

    def _workers(self, best: Candidate) -> float:
        scenario = self.scenario.set(best.values) if best.values else self.scenario
        # Services without a limit have no number of workers to pay for.
        return math.fsum(
            service.workers for service in scenario.services.values() if service.workers < math.inf
        )


def _default_range(scenario: Scenario) -> dict[str, Sequence[Any]]:
    service, load = bottleneck(scenario)
    workers = scenario.services[service].workers
    present = int(workers) if math.isfinite(workers) else 1
    needed = math.ceil(present * load.ratio) if math.isfinite(load.ratio) else present
    return {f"services.{service}.workers": range(1, max(16, 4 * present, 4 * needed) + 1)}


def _values(values: Sequence[Any]) -> Sequence[Any]:
    """The values to try; a text is a range as in the file."""
    if not isinstance(values, str):
        return values
    try:
        return parse_range(values)
    except ValueError as error:
        raise UsageError(f"{error}; for example '101..140'") from None


def _sizes(path: str, values: Sequence[Any]) -> list[int]:
    """Numbers of workers in order."""
    for value in values:
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise UsageError(f"{path} = {value}: a plan counts workers, from 1; for example [16, 24, 32]")
    return sorted(values)


def _same(one: Values, other: Values, but: str) -> bool:
    return all(one[path] == other[path] for path in one if path != but)


def _binding(
    best: Candidate | None, below: Candidate | None, candidates: Sequence[Candidate]
) -> dict[str, Any] | None:
    """The objective that fails first with less; without such a candidate, the one with the least room left."""
    if below is not None:
        failing = [one for one in below.objectives if one["verdict"] != "met"]
        if failing:
            return min(failing, key=_room)
    of = best or (candidates[-1] if candidates else None)
    return None if of is None else min(of.objectives, key=_room)


def _room(objective: Mapping[str, Any]) -> float:
    """How far the value is on the good side of the bound, relative to the bound."""
    most, least, value = objective["at_most"], objective["at_least"], objective["value"]
    if math.isnan(value):
        return -math.inf
    bound = most if most is not None else least
    distance = bound - value if most is not None else value - bound
    return float(distance / abs(bound)) if bound else float(distance)


def _plain(objective: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: None if isinstance(value, float) and not math.isfinite(value) else value
        for name, value in objective.items()
    }
