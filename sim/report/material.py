"""What a report is written from: a scenario, its results, theory's word, and the studies around it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

from sim.report.figures import records
from sim.scenario.mishaps import must_survive

if TYPE_CHECKING:
    import pandas as pd

    from sim.measure.results import Results
    from sim.scenario.scenario import Scenario
    from sim.study.growth.forecast import Forecast
    from sim.study.growth.headroom import Headroom
    from sim.study.metastability.stability import Stability
    from sim.study.planning.judged import Judged
    from sim.study.planning.planned import Planned
    from sim.study.sensitivities.sensitivity import Sensitivity
    from sim.study.sizing import Sizing
    from sim.theory.match import Theory


class Studies(TypedDict, total=False):
    """What may be given to a report instead of new runs; None leaves its sections out.

    curve: of `sim.study.curves.load_curve` (sections 3 and 6, headroom). mechanisms: of `sim.study.mechanisms.tried`
    (section 6). stability: of `sim.stability` (section 7). plan: of `sim.plan` (sections 4 and 10, the recommended
    sizes). sizing: of `sim.study.sizing.sizing` (section 4, where there is no plan). forecast: of `sim.forecast`, and
    headroom: of `sim.study.growth.headroom.headroom`, where there is no forecast (section 8); recommended: the headroom
    of the plan's answer, where that is not what is written. sensitivity: of `sim.sensitivity` (section 9).
    """

    curve: pd.DataFrame | None
    mechanisms: pd.DataFrame | None
    stability: Stability | None
    plan: Planned | None
    sizing: Sizing | None
    forecast: Forecast | None
    headroom: Headroom | None
    recommended: Headroom | None
    sensitivity: Sensitivity | None


@dataclass(frozen=True)
class Material:
    """Everything that the sections read; what is None leaves its sections out.

    `source` is the name of the scenario's file, as the command that reproduces the report will name it; `curves` is
    whether studies were made that were not given; the studies are those of `Studies`.
    """

    scenario: Scenario
    results: Results
    theory: Theory | None = None
    source: str = ""
    curves: bool = True
    curve: pd.DataFrame | None = None
    mechanisms: pd.DataFrame | None = None
    stability: Stability | None = None
    plan: Planned | None = None
    sizing: Sizing | None = None
    forecast: Forecast | None = None
    headroom: Headroom | None = None
    recommended: Headroom | None = None
    sensitivity: Sensitivity | None = None

    @cached_property
    def records(self) -> dict[tuple[str, str], Any]:
        """The summary by subject and metric."""
        return {(str(row.subject), str(row.metric)): row for row in records(self.results.summary)}

    def value(self, subject: str, metric: str) -> float | None:
        """A mean of the summary; None if it is not there, or not a number."""
        row = self.records.get((subject, metric))
        return None if row is None or math.isnan(row.mean) else float(row.mean)

    @property
    def certified(self) -> Headroom | None:
        """The certified headroom: the forecast's, or its own."""
        return self.headroom if self.forecast is None else self.forecast.headroom

    @property
    def not_survived(self) -> Judged | None:
        """What breaks in a mishap of the plan with the load and sizes as written, as far as headroom was certified."""
        found = self.certified
        if found is None or found.verdict != "missed" or found.binding is None or found.binding.case is None:
            return None
        return found.binding

    @property
    def survival_unjudged(self) -> bool:
        """Whether the plan says what must be survived, and nothing here looked at it."""
        return must_survive(self.scenario) and self.certified is None and self.plan is None

    @property
    def verdict(self) -> str:
        """Of the run's objectives, and of what the plan says must be survived."""
        return "missed" if self.not_survived is not None else self.results.verdict

    @cached_property
    def own_curve(self) -> pd.DataFrame | None:
        """The curve of the scenario as written, without its variants."""
        from sim.study.curves import is_as_written

        if self.curve is None:
            return None
        own = self.curve[[is_as_written(str(name)) for name in self.curve["variant"]]]
        return own if len(own) else None


Progress = Callable[[float], None]
"""Told the share that is done, 0 to 1."""

Make = Callable[["Results", int | None, Progress | None], Any]
"""A study of a scenario whose results there are already: results, threads, progress."""


def gather(
    scenario: Scenario,
    results: Results | None = None,
    *,
    curves: bool = True,
    source: str = "scenario.yaml",
    jobs: int | None = None,
    progress: Progress | None = None,
    **given: Unpack[Studies],
) -> Material:
    """Run, solve and study the scenario as far as not given; `curves=False` makes no study that is not given."""
    from sim.study.replicate import run
    from sim.theory.match import analyze

    share = _Shares(progress, {"run": RUN} | {name: weight for name, (_, weight) in STUDIES.items()})
    found = results
    if found is None:
        found = run(scenario, jobs=jobs, progress=share.of("run"))
    studies: dict[str, Any] = dict(given)
    for name, (make, _) in STUDIES.items():
        if name not in given and curves:
            studies[name] = make(found, jobs, share.of(name))
        share.done(name)
    if curves and "recommended" not in given:
        studies["recommended"] = _recommended(found, studies["plan"], studies["forecast"], jobs)
    return Material(found.scenario, found, analyze(found.scenario), source, curves, **studies)


class _Shares:
    """One bar for several works, each with its weight."""

    def __init__(self, progress: Progress | None, weights: dict[str, float]) -> None:
        self.progress, self.weights, self.before = progress, weights, 0.0
        self.total = math.fsum(weights.values())

    def of(self, name: str) -> Progress | None:
        """What a work tells its own share to."""
        if self.progress is None:
            return None
        progress, before, weight = self.progress, self.before, self.weights[name]
        return lambda share: progress((before + weight * share) / self.total)

    def done(self, name: str) -> None:
        """This work is over, or was not needed."""
        self.before += self.weights[name]
        if self.progress is not None:
            self.progress(self.before / self.total)


def _curve(results: Results, jobs: int | None, progress: Progress | None) -> pd.DataFrame:
    from sim.study.curves import load_curve

    return load_curve(results.scenario, jobs=jobs, progress=progress)


def _mechanisms(results: Results, jobs: int | None, progress: Progress | None) -> pd.DataFrame | None:
    from sim.study.mechanisms import tried

    return tried(results.scenario, jobs=jobs, progress=progress)


def _stability(results: Results, jobs: int | None, _: Progress | None) -> Stability | None:
    """Where there is a trigger, with a coarse map over its height and duration."""
    from sim.study.metastability.stability import at_a_glance

    return at_a_glance(results.scenario, seed=results.seed, jobs=jobs)


def _plan(results: Results, jobs: int | None, _: Progress | None) -> Planned | None:
    """Where the scenario says what may vary, and what must hold."""
    from sim.study.planning.plan import plan

    scenario = results.scenario
    return plan(scenario, jobs=jobs) if scenario.plan is not None and scenario.objectives else None


def _sizing(results: Results, jobs: int | None, progress: Progress | None) -> Sizing | None:
    """Where there are objectives, and no plan that looks for a size itself."""
    from sim.study.sizing import sizing

    if results.scenario.plan is not None:
        return None
    return sizing(results.scenario, most=_affordable(results, SIZES), jobs=jobs, progress=progress)


def _forecast(results: Results, jobs: int | None, _: Progress | None) -> Forecast | None:
    """Where the scenario says how its load grows, and what must hold."""
    from sim.study.growth.forecast import forecast

    scenario = results.scenario
    if scenario.plan is None or scenario.plan.growth is None or not scenario.objectives:
        return None
    return forecast(scenario, jobs=jobs)


def _headroom(results: Results, jobs: int | None, _: Progress | None) -> Headroom | None:
    """Where something must hold, and no forecast has it already; with as few replications as can be afforded."""
    from sim.study.growth.headroom import headroom

    scenario = results.scenario
    if not scenario.objectives or (scenario.plan is not None and scenario.plan.growth is not None):
        return None
    return headroom(scenario.set("run.replications", _affordable(results, LOADS)), jobs=jobs)


def _recommended(
    results: Results, plan: Planned | None, forecast: Forecast | None, jobs: int | None
) -> Headroom | None:
    """Where a plan came to other values than those written: the load that these take, as sure as a forecast's."""
    from sim.measure.intervals import CONFIDENCE
    from sim.study.growth.headroom import headroom

    if plan is None or plan.best is None or not results.scenario.objectives:
        return None
    chosen = results.scenario.set(plan.best)
    if chosen.hash == results.scenario.hash:
        return None
    if forecast is not None:
        return headroom(chosen, confidence=(1.0 + forecast.confidence) / 2.0, jobs=jobs)
    return headroom(
        chosen.set("run.replications", _affordable(results, LOADS)), confidence=CONFIDENCE, jobs=jobs
    )


def _sensitivity(results: Results, jobs: int | None, progress: Progress | None) -> Sensitivity | None:
    """What the widest turns do, without a smaller step for the elasticities."""
    from sim.study.sensitivities.sensitivity import CHANGE, sensitivity
    from sim.study.sensitivities.turns import turns

    scenario = results.scenario
    runs = 1 + sum(len(turn.scenarios) - 1 for turn in turns(scenario, None, CHANGE, CHANGE)[0])
    return sensitivity(
        scenario,
        step=CHANGE,
        replications=_affordable(results, runs),
        engine="compiled",
        seed=results.seed,
        jobs=jobs,
        progress=progress,
    )


def _affordable(results: Results, runs: int) -> int:
    """Replications of each of so many runs that keep to a bounded number of attempts; not more than there were."""
    sent = results.conservation["sent"] / results.replications
    return min(results.replications, max(LEAST_REPLICATIONS, int(MOST_ATTEMPTS / max(runs * sent, 1.0))))


MOST_ATTEMPTS = 8e6
"""Attempts in all runs of one study together, as far as `LEAST_REPLICATIONS` allow."""

LEAST_REPLICATIONS = 4

SIZES = 6
"""Sizes that are judged where there is no plan."""

LOADS = 40
"""Runs of the search for the headroom, each load with some replications more than the first."""

RUN = 3.0
STUDIES: dict[str, tuple[Make, float]] = {
    "curve": (_curve, 4.0),
    "mechanisms": (_mechanisms, 2.0),
    "stability": (_stability, 3.0),
    "plan": (_plan, 2.0),
    "sizing": (_sizing, 2.0),
    "forecast": (_forecast, 3.0),
    "headroom": (_headroom, 3.0),
    "sensitivity": (_sensitivity, 2.0),
}
"""The studies of `Studies`: how each is made, and its share of the time, as a weight beside that of the run itself."""
