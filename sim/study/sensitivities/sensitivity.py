"""Sensitivity: which parameter moves the figures that matter, by how much, and how fast.

Each parameter is turned down and up while the others stay, under the same random numbers: a tornado. Beside it stand
the elasticity and the gradient at the scenario as written, from a smaller step.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from sim.errors import UsageError
from sim.measure.direction import better
from sim.measure.elasticity import NONE, Estimate, elasticity, gradient
from sim.measure.estimate import estimate
from sim.measure.figures import Figure
from sim.measure.intervals import CONFIDENCE
from sim.measure.judge import judge
from sim.measure.paired import Paired, paired_figures
from sim.measure.plain import plain_row
from sim.measure.results import Results
from sim.measure.versions import versions
from sim.scenario.metrics import SCHEMA_VERSION, UNITS, unit_of
from sim.scenario.objectives import Objective
from sim.scenario.scenario import Scenario, refuse_no_scenario
from sim.study.replicate import run
from sim.study.sensitivities.parameters import Parameter
from sim.study.sensitivities.turns import Turn, turns
from sim.study.threads import part

if TYPE_CHECKING:
    import pandas as pd

CHANGE: Final = 0.10
"""The share by which a parameter is turned down and up, if nothing else is said."""

STEP: Final = 0.02
"""The share of a parameter over which the elasticity and the gradient are taken."""

HEADLINE: Final = ("latency_p99", "success_ratio")
"""The metrics of each traffic class that are looked at where there are no objectives."""

METRIC_EXAMPLE: Final = '"traffic:web latency_p99"'

Metric = tuple[str, str]
"""Subject and metric."""

_Seen = Mapping[Metric, Sequence[Figure]]


@dataclass(frozen=True)
class Turned:
    """One parameter turned down and up, and what one metric did.

    low, high: the parameter's values, in base units; `base` among them where the other side is not allowed.
    at_low, at_base, at_high: the metric there. swing: the metric at the high value less that at the low one, paired.
    elasticity, gradient: at the scenario as written. step: the two values they were taken between.
    verdict_low, verdict_high: of the objective on this metric there; empty where there is none.
    """

    subject: str
    metric: str
    parameter: Parameter
    low: float
    high: float
    at_low: Estimate
    at_base: Estimate
    at_high: Estimate
    swing: Paired
    elasticity: Estimate
    gradient: Estimate
    step: tuple[float, float]
    verdict_low: str = ""
    verdict_high: str = ""

    @property
    def unit(self) -> str:
        """The unit of the metric."""
        return unit_of(self.metric)


@dataclass(frozen=True, repr=False)
class Sensitivity:
    """What turning each parameter does to each metric.

    turned: one for each metric and parameter, by metric, the widest swing first. left_out: path -> why it was not
    turned. runs: scenarios simulated.
    """

    scenario: Scenario
    engine: str
    seed: int
    replications: int
    confidence: float
    change: float
    turned: tuple[Turned, ...]
    left_out: Mapping[str, str] = field(default_factory=dict)
    runs: int = 0

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """The metrics looked at, as (subject, metric), in order."""
        return tuple(dict.fromkeys((each.subject, each.metric) for each in self.turned))

    def of(self, subject: str, metric: str) -> tuple[Turned, ...]:
        """The parameters by their swing of one metric, the widest first."""
        return tuple(each for each in self.turned if (each.subject, each.metric) == (subject, metric))

    @cached_property
    def table(self) -> pd.DataFrame:
        """A row for each metric and parameter, the widest swing first.

        Columns: subject, metric, unit; path, parameter_unit, low_value, base_value, high_value (base units); at_low,
        at_base, at_high (the metric), swing (at_high - at_low, paired), elasticity and gradient, each with `_low`
        and `_high`; n (pairs), variance_ratio, better, verdict_low, verdict_high.
        """
        import pandas as pd

        return pd.DataFrame([_row(each) for each in self.turned], columns=list(_COLUMNS))

    def to_json(self) -> dict[str, Any]:
        """The study as plain values for JSON: the same seed gives the same bytes."""
        return {
            "schema_version": SCHEMA_VERSION,
            "scenario": self.scenario.name,
            "hash": self.scenario.hash,
            "seed": self.seed,
            "engine": self.engine,
            "replications": self.replications,
            "versions": versions(),
            "confidence": self.confidence,
            "change": self.change,
            "runs": self.runs,
            "sensitivity": [plain_row(_row(each)) for each in self.turned],
            "left_out": [{"path": path, "why": why} for path, why in self.left_out.items()],
        }

    def __repr__(self) -> str:
        turned = len({each.parameter.path for each in self.turned})
        return f"<Sensitivity of {self.scenario.name}: {len(self.metrics)} metrics, {turned} parameters>"

    def _repr_html_(self) -> str:
        html: str = self.table.to_html(index=False)
        return html


def sensitivity(
    scenario: Scenario,
    *,
    vary: Sequence[str] | Mapping[str, str] | None = None,
    change: float = CHANGE,
    step: float = STEP,
    metrics: Sequence[str | Metric] | None = None,
    confidence: float = CONFIDENCE,
    engine: str | None = None,
    seed: int | None = None,
    replications: int | None = None,
    jobs: int | None = None,
    progress: Callable[[float], None] | None = None,
) -> Sensitivity:
    """Turns each parameter down and up, the others as they are, and says what the metrics do.

    Args:
        scenario: as written, in the middle of it all.
        vary: the paths to turn, in place of all that are written; a path may have its own share (`20%`) or its own
            range (`8..24`, `10ms..50ms`) behind `=`, or as its value in a mapping.
        change: the share by which a parameter is turned down and up; a count by at least one.
        step: the share over which elasticity and gradient are taken. With `step=change` they cost no further runs.
        metrics: `"traffic:web latency_p99"`, a bare metric for every subject that has it, or (subject, metric);
            those of the objectives if None, or p99 latency and success ratio where there are none.
        confidence: of each interval.
        engine: in place of the scenario's own, as are seed and replications.
        seed: of all runs, which share their random numbers.
        replications: of each run.
        jobs: threads.
        progress: told the share that is done, 0 to 1.

    Raises:
        UsageError: a share that is not between 0 and 1, a metric or path that is not there.
        EngineError: a scenario's time does not advance.
    """
    refuse_no_scenario(scenario)
    for name, share in (("change", change), ("step", step)):
        if not 0.0 < share < 1.0:
            raise UsageError(f"{name} {share:g} is not between 0 and 1; for example {name}=0.1")
    if not 0.5 <= confidence < 1.0:
        raise UsageError(f"confidence {confidence:g} is not at least 0.5 and less than 1; for example 0.95")
    wanted = _metrics(scenario, metrics)
    turned, left_out = turns(scenario, vary, change, step)
    runs = _Runs(scenario, wanted, engine, seed, replications, jobs)
    runs.carry_out([scenario, *(one for turn in turned for one in turn.scenarios)], progress)
    found = [_turned(runs, turn, metric, confidence, scenario) for metric in wanted for turn in turned]
    order = {metric: place for place, metric in enumerate(wanted)}
    found.sort(key=lambda each: (order[each.subject, each.metric], -_size(each.swing)))
    base = runs.base
    return Sensitivity(
        scenario,
        base.engine,
        base.seed,
        base.replications,
        confidence,
        change,
        tuple(found),
        left_out,
        len(runs.seen),
    )


class _Runs:
    """The figures of each scenario, run once."""

    def __init__(
        self,
        scenario: Scenario,
        wanted: Sequence[Metric],
        engine: str | None,
        seed: int | None,
        replications: int | None,
        jobs: int | None,
    ) -> None:
        self.wanted, self.jobs = wanted, jobs
        self.engine = scenario.run.engine if engine is None else engine
        self.seed = scenario.run.seed if seed is None else seed
        self.replications = scenario.run.replications if replications is None else replications
        self.seen: dict[str, _Seen] = {}
        self.base: Results

    def carry_out(self, scenarios: Sequence[Scenario], progress: Callable[[float], None] | None) -> None:
        """Runs them, the same one once; of all but the first only the figures are kept."""
        different = list({each.hash: each for each in scenarios}.values())
        for place, scenario in enumerate(different):
            results = run(
                scenario,
                engine=self.engine,
                seed=self.seed,
                replications=self.replications,
                jobs=self.jobs,
                progress=part(progress, place, len(different)),
            )
            if place == 0:
                self.base = results
            self.seen[scenario.hash] = {metric: results.figures(*metric) for metric in self.wanted}

    def of(self, scenario: Scenario, metric: Metric) -> Sequence[Figure]:
        """A metric's figures in each replication of a scenario that was run."""
        return self.seen[scenario.hash][metric]


def _metrics(scenario: Scenario, asked: Sequence[str | Metric] | None) -> list[Metric]:
    """The metrics to look at. Raises UsageError for one that no subject has."""
    if asked is None:
        found = [(each.subject, each.metric) for each in scenario.objectives]
        found = found or [(f"traffic:{name}", metric) for name in scenario.traffic for metric in HEADLINE]
        return list(dict.fromkeys(found))
    known = scenario.metrics()
    wanted: list[Metric] = []
    for one in [asked] if isinstance(asked, str) else asked:
        subject, metric = one if isinstance(one, tuple) else _subject_and_metric(one)
        having = [name for name, metrics in known.items() if metric in metrics and subject in ("", name)]
        if not having:
            raise UsageError(_no_metric(subject, metric, known))
        wanted += [(name, metric) for name in having]
    return list(dict.fromkeys(wanted))


def _subject_and_metric(text: str) -> Metric:
    subject, _, metric = text.strip().rpartition(" ")
    return subject.strip(), metric


def _no_metric(subject: str, metric: str, known: Mapping[str, Sequence[str]]) -> str:
    from sim.scenario.suggestions import nearest

    if subject and subject not in known:
        meant = nearest(subject, known)
        return f"there is no {subject}; " + (f"did you mean {meant}?" if meant else f"write {METRIC_EXAMPLE}")
    meant = nearest(metric, known.get(subject, UNITS))
    whose = f" of {subject}" if subject else ""
    return f"{metric} is not a metric{whose}; " + (
        f"did you mean {meant}?" if meant else f"write {METRIC_EXAMPLE}"
    )


def _turned(runs: _Runs, turn: Turn, metric: Metric, confidence: float, scenario: Scenario) -> Turned:
    """What one metric did as one parameter was turned."""
    subject, name = metric
    low, high = (runs.of(turn.at[value], metric) for value in turn.wide)
    below, above = (runs.of(turn.at[value], metric) for value in turn.near)
    first, last = turn.near
    objective = next((one for one in scenario.objectives if (one.subject, one.metric) == metric), None)
    return Turned(
        subject,
        name,
        turn.parameter,
        *turn.wide,
        at_low=_estimate(low, name, confidence),
        at_base=_estimate(runs.of(scenario, metric), name, confidence),
        at_high=_estimate(high, name, confidence),
        swing=paired_figures(low, high, name, confidence),
        elasticity=elasticity(below, above, name, last / first, confidence) if first > 0.0 else NONE,
        gradient=gradient(below, above, name, last - first, confidence) if last > first else NONE,
        step=turn.near,
        verdict_low=_verdict(objective, low),
        verdict_high=_verdict(objective, high),
    )


def _estimate(figures: Sequence[Figure], metric: str, confidence: float) -> Estimate:
    return Estimate(*estimate(figures, metric, confidence)[:3])


def _verdict(objective: Objective | None, figures: Sequence[Figure]) -> str:
    if objective is None:
        return ""
    if any(math.isnan(figure.value) for figure in figures):
        return "inconclusive"
    _, low, high, _ = estimate(figures, objective.metric, CONFIDENCE)
    return judge(low, high, objective.at_most, objective.at_least)


def _size(swing: Paired) -> float:
    return abs(swing.mean) if math.isfinite(swing.mean) else -1.0


_ESTIMATES: Final = ("at_low", "at_base", "at_high", "swing", "elasticity", "gradient")

_COLUMNS: Final = (
    "subject",
    "metric",
    "unit",
    "path",
    "parameter_unit",
    "low_value",
    "base_value",
    "high_value",
    *(f"{name}{end}" for name in _ESTIMATES for end in ("", "_low", "_high")),
    "n",
    "variance_ratio",
    "better",
    "verdict_low",
    "verdict_high",
)


def _row(each: Turned) -> dict[str, Any]:
    row: dict[str, Any] = {
        "subject": each.subject,
        "metric": each.metric,
        "unit": each.unit,
        "path": each.parameter.path,
        "parameter_unit": each.parameter.unit,
        "low_value": each.low,
        "base_value": each.parameter.value,
        "high_value": each.high,
    }
    for name in _ESTIMATES:
        value = getattr(each, name)
        row |= {name: value.mean, f"{name}_low": value.low, f"{name}_high": value.high}
    return row | {
        "n": each.swing.n,
        "variance_ratio": each.swing.variance_ratio,
        "better": better(each.metric),
        "verdict_low": each.verdict_low,
        "verdict_high": each.verdict_high,
    }
