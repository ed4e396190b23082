"""What a plan came to: the answer, the candidates around it, and what stands in the way of less."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sim.measure.plain import plain, plain_row
from sim.scenario.metrics import SCHEMA_VERSION
from sim.scenario.scenario import Scenario
from sim.study.planning.candidates import IDENTITY, Candidate, Values, said
from sim.study.planning.levers import Lever

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Lost:
    """The plan with one worker of a service fewer, whatever the plan varies."""

    service: str
    candidate: Candidate

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return {"service": self.service, **self.candidate.to_json()}


@dataclass(frozen=True)
class Regret:
    """What the plan is worth if the load is another than was thought.

    factor: on the load as written. verdict: whether the plan still holds there. right: the plan that would have been
    right, None if there is none in the range. cost: what it costs; extra: what was paid above that, negative if the
    plan is too small.
    """

    factor: float
    verdict: str
    right: Values | None
    cost: float | None
    extra: float | None
    binding: Mapping[str, Any] | None

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return {
            **vars(self),
            "right": None if self.right is None else dict(self.right),
            "binding": None if self.binding is None else plain_row(self.binding),
        }


@dataclass(frozen=True, repr=False)
class Planned:
    """What a plan came to.

    verdict: `met` (best is certified), `missed` (nothing in the range meets everything) or `inconclusive`.
    best: key path -> value, None unless met; cost: of best, in `cost_unit`: `workers`, `an hour` (of the prices) or the
    key path minimized; cost_low, cost_high: its 95 % interval, both the cost itself where that is certain.
    minimal: whether all that is cheaper is certain to miss something (of a random cost: whether one alone was left).
    candidates: all that were simulated, by their values; `table` is the same as a DataFrame, `answer` the best one,
    `feasible_set` those that are met, cheapest first, `frontier` those that nothing cheaper matches.
    binding: what stands in the way of less, one of a candidate's `objectives` with its case (None as written, else the
    mishap to be survived). undecided: cheaper candidates that stayed open, and `needed` about how many replications
    would tell. lost: one worker fewer, of each service. regret: the plan under other loads, if asked for.
    levers: the keys that vary and whether more is taken to be no worse; breaches: where what was simulated spoke
    against that. combinations: how many candidates there are in all; overloaded: how many the flow alone ruled out.
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
    paths: tuple[str, ...] = ()
    levers: tuple[Lever, ...] = ()
    cost_unit: str = "workers"
    cost_low: float | None = None
    cost_high: float | None = None
    undecided: tuple[Candidate, ...] = ()
    lost: tuple[Lost, ...] = ()
    regret: tuple[Regret, ...] = ()
    breaches: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    combinations: int = 0
    overloaded: int = 0
    replications: int = 0

    @property
    def feasible(self) -> bool:
        """Whether some candidate is certain to meet everything."""
        return self.verdict == "met"

    @property
    def evaluations(self) -> int:
        """How many candidates were simulated."""
        return len(self.candidates)

    @property
    def answer(self) -> Candidate | None:
        """The best candidate."""
        return next((one for one in self.candidates if one.values == self.best), None)

    @property
    def nearest(self) -> Candidate | None:
        """The candidate with the most room where it has least: without an answer, the nearest to being one."""
        return max(self.candidates, key=lambda one: one.least_room, default=None)

    @property
    def in_the_way(self) -> tuple[dict[str, Any], ...]:
        """What is not met a step below the answer, along each key that makes it cheaper; each thing once."""
        best = self.answer
        found: dict[tuple[Any, ...], dict[str, Any]] = {}
        for path in self.paths if best is not None else ():
            assert best is not None  # else there is no path
            below = [
                one
                for one in self.candidates
                if one.cost < best.cost and {**one.values, path: best.values[path]} == best.values
            ]
            nearest = max(below, key=lambda one: one.cost, default=None)
            if nearest is not None and nearest.verdict != "met" and nearest.binding is not None:
                found.setdefault(tuple(nearest.binding[name] for name in IDENTITY), nearest.binding)
        return tuple(found.values())

    @property
    def feasible_set(self) -> tuple[Candidate, ...]:
        """Those certain to meet everything, the cheapest first; what is no less along a monotone lever is too."""
        met = [one for one in self.candidates if one.verdict == "met"]
        return tuple(sorted(met, key=lambda one: one.cost))

    @property
    def frontier(self) -> tuple[dict[str, Any], ...]:
        """Cost against the binding objective: candidates that no cheaper one matches in it.

        One mapping each of values, cost, value, low, high, verdict (of the candidate), the cheapest first.
        """
        if self.binding is None:
            return ()
        named = tuple(self.binding[name] for name in ("case", "subject", "metric"))
        found: list[dict[str, Any]] = []
        for one in self.candidates:
            row = next((row for row in one.objectives if _named(row) == named), None)
            if row is not None and not math.isnan(row["value"]) and not math.isnan(one.cost):
                point = {name: row[name] for name in ("value", "low", "high")}
                found.append({"values": dict(one.values), "cost": one.cost, **point, "verdict": one.verdict})
        sign = 1.0 if self.binding["at_most"] is not None else -1.0
        found.sort(key=lambda point: (point["cost"], sign * point["value"]))
        least = list(itertools.accumulate((sign * point["value"] for point in found), min, initial=math.inf))
        return tuple(
            point for point, before in zip(found, least, strict=False) if sign * point["value"] < before
        )

    @property
    def needed(self) -> float | None:
        """About how many replications would decide what is undecided; None if nothing is."""
        return max((one.needed for one in self.undecided if one.needed is not None), default=None)

    @property
    def needed_duration(self) -> float | None:
        """About how long each run would have to be for that instead, s; None if nothing is undecided."""
        open_ones = [one for one in self.undecided if one.needed is not None]
        times = max((one.needed / one.replications for one in open_ones if one.needed), default=None)
        run = self.scenario.run
        warmup = run.warmup if isinstance(run.warmup, float) else 0.0
        return None if times is None else warmup + times * (run.duration - warmup)

    @property
    def table(self) -> pd.DataFrame:
        """The candidates: each key, verdict, replications, cost, then value, low and high of each objective."""
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
        return f"{said(self.best)} ({self.confidence:.3g} sure, {self.evaluations} candidates simulated)"

    def _rows(self) -> list[dict[str, Any]]:
        rows = []
        for candidate in self.candidates:
            row = {
                **candidate.values,
                "verdict": candidate.verdict,
                "replications": candidate.replications,
                "cost": candidate.cost,
            }
            for one in candidate.objectives:
                name = " ".join(
                    filter(None, (one["subject"], one["metric"], one["case"] and f"({one['case']})"))
                )
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
            "cost": plain(self.cost),
            "cost_low": plain(self.cost_low),
            "cost_high": plain(self.cost_high),
            "cost_unit": self.cost_unit,
            "minimal": self.minimal,
            "first_guess": self.first_guess,
            "table": [candidate.to_json() for candidate in self.candidates],
            "binding": None if self.binding is None else plain_row(self.binding),
            "undecided": [dict(one.values) for one in self.undecided],
            "needed": {"replications": plain(self.needed), "duration": plain(self.needed_duration)},
            "lost": [one.to_json() for one in self.lost],
            "frontier": [plain_row(point) for point in self.frontier],
            "regret": [one.to_json() for one in self.regret],
            "levers": [{"path": one.path, "monotone": one.monotone, "why": one.why} for one in self.levers],
            "breaches": list(self.breaches),
            "notes": list(self.notes),
            "combinations": self.combinations,
            "overloaded": self.overloaded,
            "evaluations": self.evaluations,
            "replications": self.replications,
            "confidence": self.confidence,
        }


def _named(row: Mapping[str, Any]) -> tuple[Any, ...]:
    return row["case"], row["subject"], row["metric"]
