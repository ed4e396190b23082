"""Stability: whether a scenario recovers from its trigger, by what margin, and how to get out where it does not."""

from __future__ import annotations

import math
import platform
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from statistics import median
from typing import TYPE_CHECKING, Any, Final

from sim.errors import ScenarioError, UsageError
from sim.measure.intervals import CONFIDENCE
from sim.measure.plain import plain_row
from sim.scenario.metrics import SCHEMA_VERSION
from sim.scenario.scenario import Scenario, refuse_no_scenario
from sim.study.metastability.basin import PRECISION, Basin, basin_map, trigger_map
from sim.study.metastability.fates import Fates, Judge, Judging, Progress
from sim.study.metastability.margin import Margin, margins, vulnerable_load
from sim.study.metastability.remedies import WayOut, ways_out
from sim.study.metastability.semantics import Variant, counted, refusals, semantics
from sim.study.metastability.trigger import trigger_of

if TYPE_CHECKING:
    import pandas as pd


WANTED: Final = 0.95
"""The probability of recovery that the verdict asks for, unless told otherwise."""

RUNS: Final = 200
GLANCE: Final = 100
"""Runs of the scenario as written, by default and in a report."""

TIPPED: Final = 0.5
"""The probability of collapse at which a trigger is said to tip a service."""

VULNERABLE: Final = 0.05
"""The probability of collapse from which a load is said to be vulnerable."""


@dataclass(frozen=True, repr=False)
class Stability:
    """What was found of a scenario and its trigger.

    fates: of the runs as written. verdict: `recovers` (the probability of recovery is surely above `wanted`),
    `collapses` (surely below it) or `undecided`. margins: of the trigger's height and duration; loads: where the
    probability of collapse passes 5 % and 50 %. variants: the verdict under changed meanings. ways_out: of a collapse,
    the cheapest first. basin: the map over two keys, if one was asked for. refusal: what a 503 does next, in words.
    simulated: runs made in all.
    """

    scenario: Scenario
    fates: Fates
    verdict: str
    wanted: float
    confidence: float
    refusal: str
    margins: tuple[Margin, ...] = ()
    loads: tuple[Margin, ...] = ()
    variants: tuple[Variant, ...] = ()
    ways_out: tuple[WayOut, ...] = ()
    basin: Basin | None = None
    simulated: int = field(default=0, compare=False)

    @property
    def horizon(self) -> float:
        """Seconds after the trigger's end by when a run must be back: a part of the verdict."""
        return self.fates.case.watch.horizon

    @property
    def flipping(self) -> tuple[Variant, ...]:
        """The changed meanings that flip the verdict."""
        return tuple(variant for variant in self.variants if variant.flips)

    @property
    def table(self) -> pd.DataFrame:
        """One row a run: replication, fate, time in s from the trigger's end to recovery or where it was censored."""
        import pandas as pd

        rows = [(number, seen.fate, seen.time) for number, seen in enumerate(self.fates.seen)]
        return pd.DataFrame(rows, columns=["replication", "fate", "time"])

    def mean_time(self) -> tuple[float, float, float] | None:
        """(mean, low, high) of the time to recover in s, where every run recovered; a mean over two fates is none."""
        if self.fates.recovered < self.fates.runs:
            return None
        return self.fates.survival(self.confidence).restricted_mean()

    def times_of_recovered(self) -> tuple[float, float, float] | None:
        """(median, shortest, longest) in s of the runs that recovered; None if none did."""
        times = [seen.time for seen in self.fates.seen if seen.fate == "recovered"]
        return (median(times), min(times), max(times)) if times else None

    def __repr__(self) -> str:
        low, high = self.fates.interval(self.confidence)
        return (
            f"<Stability of {self.scenario.name}: {self.verdict}, recovery {self.fates.probability:.3g} "
            f"[{low:.3g}, {high:.3g}] within {self.horizon:g} s>"
        )

    def to_json(self) -> dict[str, Any]:
        """What was found as plain values for JSON: the same seed gives the same bytes."""
        low, high = self.fates.interval(self.confidence)
        case, survival = self.fates.case, self.fates.survival(self.confidence)
        classes = zip(self.scenario.traffic.items(), case.watch.answered, strict=True)
        middle, mean, recovered = survival.quantile(), self.mean_time(), self.times_of_recovered()
        return {
            "schema_version": SCHEMA_VERSION,
            "scenario": self.scenario.name,
            "hash": self.scenario.hash,
            "seed": self.fates.case.seed,
            "engine": "compiled",
            "versions": {
                "forebay": version("forebay"),
                "python": platform.python_version(),
                **{library: version(library) for library in ("numpy", "numba")},
            },
            "verdict": self.verdict,
            "wanted": self.wanted,
            "confidence": self.confidence,
            "horizon": self.horizon,
            "trigger": {"begin": case.trigger.begin, "end": case.trigger.end},
            "judged_by": {
                "services": {
                    name: {"level": calm.level, "hold": calm.hold} for name, calm in case.judged.items()
                },
                "answered": {
                    name: least for (name, traffic), least in classes if traffic.call in case.judged
                },
            },
            "down_without_trigger": list(case.down),
            "faltering_without_trigger": dict(case.faltering),
            "stayed_down": self.fates.stayed_down(),
            "recovery": {**counted(self.fates), "low": low, "high": high},
            "time_to_recover": {
                "median": _interval(middle),
                "mean": None if mean is None else _interval(mean),
                "of_those_that_recovered": None
                if recovered is None
                else dict(zip(("median", "shortest", "longest"), recovered, strict=True)),
                "curve": [
                    {"time": step.time, "share": step.share, "low": step.low, "high": step.high}
                    for step in survival.steps
                ],
            },
            "after_a_refusal": self.refusal,
            "margins": [margin.to_json() for margin in self.margins],
            "vulnerable_loads": [margin.to_json() for margin in self.loads],
            "semantics": [variant.to_json(self.confidence) for variant in self.variants],
            "flipping": [variant.name for variant in self.flipping],
            "ways_out": [way.to_json(self.confidence) for way in self.ways_out],
            "map": None if self.basin is None else self.basin.to_json(),
        }


def stability(
    scenario: Scenario,
    *,
    vary: Mapping[str, Any] | None = None,
    runs: int = RUNS,
    wanted: float = WANTED,
    confidence: float = CONFIDENCE,
    precision: float = PRECISION,
    searches: bool | None = None,
    judging: Judging | None = None,
    horizon: float | None = None,
    seed: int | None = None,
    jobs: int | None = None,
    source: str = "",
    progress: Progress | None = None,
) -> Stability:
    """Judges a scenario with a trigger; recovered, collapsed and open are told in `sim.study.metastability.fates`.

    Args:
        scenario: it must have a trigger: a fault that ends, or a profile of arrivals that comes to rest.
        vary: two key paths -> values, for a map over them; see `sim.study.metastability.basin.basin_map`.
        runs: of the scenario as written, and of each changed meaning.
        wanted: the probability of recovery that the verdict asks for.
        confidence: of every interval, each for itself.
        precision: half-width of the intervals wanted near the boundary of a map.
        searches: whether to look for margins, loads, changed meanings and ways out; by default, unless a map is made.
        judging: horizon, level, hold and seed of the judgement.
        horizon: s after the trigger's end, if no `judging` is given.
        seed: in place of the scenario's own, if no `judging` is given.
        jobs: threads; the machine's cores if None. The figures do not depend on it.
        source: the file's name, for the error.
        progress: told the share that is done, 0 to 1; a guess.

    Raises:
        ScenarioError: the scenario has no trigger, or one that never ends.
        UsageError: a number that makes no sense, or nothing is left of the run after the trigger.
    """
    refuse_no_scenario(scenario)
    for name, value in (("wanted", wanted), ("confidence", confidence)):
        if not 0.0 < value < 1.0:
            raise UsageError(f"{name} {value:g} is not more than 0 and less than 1; for example 0.95")
    if runs < 1:
        raise UsageError(f"{runs} runs: a whole number from 1 is wanted; for example runs=200")
    if horizon is not None and not (math.isfinite(horizon) and horizon > 0.0):
        raise UsageError(f"a horizon of {horizon:g} s is not more than 0; for example horizon=60.0")
    judging = judging or Judging(horizon=horizon, seed=seed)

    def tell(share: float) -> None:
        if progress is not None:
            progress(share)

    judge = Judge(judging, jobs)
    case = judge.case(scenario, source=source)
    alone = vary is None if searches is None else searches
    first = 0.2 if alone or vary else 1.0
    found = judge.fates(case, runs, lambda share: tell(first * share))
    verdict = found.verdict(confidence, wanted)
    parts: dict[str, Any] = {}
    if alone:
        parts["margins"] = tuple(margins(judge, scenario, chance=TIPPED, confidence=confidence))
        tell(0.4)
        parts["loads"] = tuple(
            vulnerable_load(judge, scenario, chance=chance, confidence=confidence)
            for chance in (VULNERABLE, TIPPED)
        )
        tell(0.6)
        parts["variants"] = tuple(semantics(judge, scenario, found, wanted=wanted, confidence=confidence))
        tell(0.8)
        parts["ways_out"] = tuple(ways_out(judge, found))
    if vary is not None:
        begun = 0.9 if alone else first
        parts["basin"] = basin_map(
            scenario,
            vary,
            precision=precision,
            confidence=confidence,
            judge=judge,
            progress=lambda share: tell(begun + (1.0 - begun) * share),
        )
    return Stability(
        scenario,
        found,
        verdict,
        wanted,
        confidence,
        refusals(scenario),
        simulated=judge.simulated,
        **parts,
    )


def at_a_glance(
    scenario: Scenario, *, seed: int | None = None, jobs: int | None = None, progress: Progress | None = None
) -> Stability | None:
    """The fates as written and a coarse map over the trigger's height and duration; None where there is no trigger.

    Made for a report: some seconds, with intervals of about ±15 points near the boundary.
    """
    try:
        trigger = trigger_of(scenario)
    except ScenarioError:
        return None
    if trigger.end >= scenario.run.duration:
        return None
    judge = Judge(Judging(seed=seed), jobs)
    found = judge.fates(judge.case(scenario), GLANCE)
    basin = trigger_map(scenario, judge, precision=0.15, progress=progress)
    return Stability(
        scenario,
        found,
        found.verdict(CONFIDENCE, WANTED),
        WANTED,
        CONFIDENCE,
        refusals(scenario),
        basin=basin,
        simulated=judge.simulated,
    )


def _interval(ends: tuple[float, float, float]) -> dict[str, float | None]:
    """A value with its interval; None where it is not reached."""
    return plain_row(dict(zip(("value", "low", "high"), ends, strict=True)))
