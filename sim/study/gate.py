"""The gate: whether a scenario may pass, by its objectives, its audits, and what it was before.

A figure has *regressed* if it is certain to be worse than the baseline's by more than the margin allowed: a share of
the baseline's figure or, of a ratio of which more is better, of its distance from 1: of what fails, not of what works.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from sim.errors import UsageError
from sim.measure.direction import Direction, better
from sim.measure.intervals import CONFIDENCE
from sim.measure.paired import ROUNDING, paired_figures
from sim.measure.plain import plain_row
from sim.measure.results import Results
from sim.measure.unpaired import Summary, unpaired
from sim.measure.versions import versions
from sim.scenario.idle import without_effect
from sim.scenario.metrics import is_share, unit_of
from sim.scenario.mishaps import must_survive
from sim.scenario.scenario import Scenario
from sim.study.baseline import Baseline
from sim.study.comparison.compare import HEADLINE
from sim.study.comparison.differences import differences
from sim.study.planning.cases import Cases, named
from sim.study.planning.judged import Judged
from sim.study.replicate import run

MARGIN: Final = 0.05
"""The share by which a figure may be worse than the baseline's, if nothing else is said."""

MOST_NAMED: Final = 5
"""Differences between the scenarios that are named."""

Metric = tuple[str, str]
"""Subject and metric."""

REGRESSED: Final = "regressed"


@dataclass(frozen=True)
class Change:
    """One figure beside the baseline's.

    difference: the figure less the baseline's, with its interval. allowed: how much worse it may be, in its own unit.
    paired: whether it comes from replications under the same random numbers. verdict: `regressed`, `worse` (certain,
    and within the margin), `improved`, `the same`, `no difference shown`, or `inconclusive`: it seems worse by more
    than is allowed, and is not certain.
    """

    subject: str
    metric: str
    baseline: Summary
    value: Summary
    difference: tuple[float, float, float]
    allowed: float
    paired: bool
    verdict: str


@dataclass(frozen=True, repr=False)
class Gated:
    """What the gate says of one scenario.

    changes: against the baseline; empty without one. notes: what a reader must know. survived: what must hold in each
    mishap that the plan must survive, if that was asked.
    """

    results: Results
    changes: tuple[Change, ...] = ()
    notes: tuple[str, ...] = ()
    survived: tuple[Judged, ...] = ()

    @property
    def verdict(self) -> str:
        """Of all: missed, regressed, inconclusive, met; none where nothing was asked and nothing compared."""
        said = {self.results.verdict, *(one.verdict for one in self.survived)}
        said |= {change.verdict for change in self.changes}
        for word in ("missed", REGRESSED, "inconclusive"):
            if word in said:
                return word
        return "met" if self.changes else self.results.verdict

    def to_json(self) -> dict[str, Any]:
        """The verdict and what it rests on as plain values for JSON."""
        results = self.results.to_json()
        kept = ("scenario", "hash", "seed", "engine", "replications", "versions", "objectives")
        return {
            "verdict": self.verdict,
            **{name: results[name] for name in kept},
            "audits": "hold",
            "survived": [one.to_json() for one in self.survived],
            "changes": [_plain(change) for change in self.changes],
            "notes": list(self.notes),
        }

    def __repr__(self) -> str:
        return f"<Gated {self.results.scenario.name}: {self.verdict}>"


def gate(
    scenario: Scenario | Results,
    *,
    baseline: Baseline | None = None,
    margin: float | Mapping[str, float] = MARGIN,
    confidence: float = CONFIDENCE,
    survive: bool = False,
    engine: str | None = None,
    seed: int | None = None,
    replications: int | None = None,
    jobs: int | None = None,
    progress: Callable[[float], None] | None = None,
) -> Gated:
    """Runs a scenario, judges every objective, and holds its figures against a baseline.

    The figures compared are those of the objectives; without any, success ratio, goodput, p99 latency, amplification
    and wasted work. All together are wrong with at most 1 - `confidence` (Bonferroni).

    Args:
        scenario: what to run; or results that are there.
        baseline: what it was before.
        margin: the share by which a figure may be worse; or by metric, with that of all others under `""`.
        confidence: of the comparison; and of the verdict on all that must be survived together.
        survive: whether to judge what the plan says must be survived, too.
        engine: in place of the scenario's own, as are seed and replications.
        seed: with the baseline's own the runs are pairs.
        replications: the first ones that both have are pairs.
        jobs: threads.
        progress: told the share that is done, 0 to 1.

    Raises:
        UsageError: a margin that is negative.
        AuditError: a run broke Little's law or lost a request.
    """
    margins = {"": margin} if isinstance(margin, int | float) else {"": MARGIN, **margin}
    for metric, share in margins.items():
        if not share >= 0.0:
            raise UsageError(
                f"margin {share:g}{f' of {metric}' if metric else ''} is negative; for example 0.05"
            )
    results = (
        scenario
        if isinstance(scenario, Results)
        else run(scenario, engine=engine, seed=seed, replications=replications, jobs=jobs, progress=progress)
    )
    survived, notes = _survived(results, survive, confidence, jobs)
    if baseline is None:
        return Gated(results, (), notes, survived)
    compared = [each for each in _compared(results) if each in baseline.figures]
    each_sure = 1.0 - (1.0 - confidence) / max(1, len(compared))
    changes = [
        _change(results, baseline, metric, way, margins.get(metric[1], margins[""]), each_sure)
        for metric in compared
        if (way := _way(results, metric)) != "neither"
    ]
    idle = tuple(without_effect(results.scenario))
    if survived:
        notes = (*notes, "what must be survived is judged, and not compared with the baseline")
    return Gated(results, tuple(changes), (*idle, *notes, *_notes(results, baseline)), survived)


def _survived(
    results: Results, survive: bool, confidence: float, jobs: int | None
) -> tuple[tuple[Judged, ...], tuple[str, ...]]:
    """What must hold in each mishap, judged; and that it was not, where there is such a plan and nobody asked."""
    scenario = results.scenario
    if not must_survive(scenario):
        return (), ()
    if not survive:
        return (), ("what plan.survive says was not judged; --survive does",)
    as_run = scenario.set({"run.seed": results.seed, "run.replications": results.replications})
    cases = Cases(as_run, jobs=jobs)
    most = max(results.replications, cases.least_to_decide(confidence))
    rows: list[Judged] = []
    for case in cases.all[1:]:  # the first is as written
        judging = case.judging(
            case.scenario, confidence=confidence, most=most, jobs=jobs, alternatives=len(cases.all) - 1
        )
        while not judging.over:
            judging.look()
        rows += named(judging.certificate(), case.title).objectives
    return tuple(rows), ()


def _compared(results: Results) -> list[Metric]:
    wanted = [(each.subject, each.metric) for each in results.scenario.objectives]
    if not wanted:
        wanted = [
            (subject, metric)
            for subject in results.scenario.metrics()
            for metric in HEADLINE.get(subject.partition(":")[0], ())
        ]
    return [each for each in dict.fromkeys(wanted) if results.has(*each)]


def _way(results: Results, metric: Metric) -> Direction:
    """Which way a metric is better: as its objective is bounded, else as it is by itself."""
    for each in results.scenario.objectives:
        if (each.subject, each.metric) == metric:
            return "less" if each.at_most is not None else "more"
    return better(metric[1])


def _change(
    results: Results, baseline: Baseline, metric: Metric, way: Direction, share: float, confidence: float
) -> Change:
    before = baseline.figures[metric]
    mean, low, high, _ = results.estimate(*metric)
    after = Summary(mean, low, high, sum(not math.isnan(value) for value in results.values(*metric)))
    known, now = baseline.values.get(metric, ()), results.figures(*metric)
    pairs = min(len(known), len(now))
    # Antithetic pairs have one figure for two replications: no partner for the figure of a single one.
    alike = len(known) * results.replications == len(now) * baseline.replications
    paired = baseline.seed == results.seed and alike and pairs > 1
    if paired:
        found = paired_figures(known[:pairs], now[:pairs], metric[1], confidence)
        difference = (found.mean, found.low, found.high)
    else:
        difference = unpaired(before, after, confidence)
    allowed = share * _scale(before.mean, metric[1], way)
    if allowed == 0.0 and share > 0.0:
        # A share of nothing is nothing: allowed is what the baseline could not rule out itself.
        end = before.high - before.mean if way == "less" else before.mean - before.low
        allowed = 0.0 if math.isnan(end) else end
    same = math.isclose(before.mean, after.mean, rel_tol=ROUNDING) and (
        difference[0] == 0.0 or (baseline.hash, baseline.seed) == (results.scenario.hash, results.seed)
    )
    verdict = "the same" if same else change_verdict(difference, allowed, way)
    return Change(*metric, before, after, difference, allowed, paired, verdict)


def _scale(mean: float, metric: str, way: Direction) -> float:
    """What a margin is a share of."""
    if way == "more" and is_share(metric):
        return 1.0 - mean
    return abs(mean)


def change_verdict(difference: tuple[float, float, float], allowed: float, way: Direction) -> str:
    """What a difference and its interval say, if a figure may be worse by so much and `way` of it is better."""
    mean, low, high = difference if way == "less" else (-difference[0], -difference[2], -difference[1])
    if math.isnan(mean):
        return "inconclusive"
    if low > allowed:
        return REGRESSED
    if mean > allowed:
        return "inconclusive"
    if low > 0.0:
        return "worse"
    return "improved" if high < 0.0 else "no difference shown"


def _notes(results: Results, baseline: Baseline) -> tuple[str, ...]:
    """How the two runs differ otherwise."""
    said = []
    if results.scenario.hash != baseline.hash:
        said.append(_what_differs(results, baseline))
    now = versions()
    moved = [
        f"{name} {was} → {now.get(name, 'none')}"
        for name, was in baseline.versions.items()
        if now.get(name) != was
    ]
    if moved:
        said.append(f"versions differ from the baseline's: {', '.join(moved)}")
    if baseline.seed != results.seed:
        said.append(
            f"seed {results.seed} is not the baseline's, {baseline.seed}: compared without pairs, which takes more "
            "replications to show the same"
        )
    elif not baseline.values:
        said.append(
            "the baseline has no single replications: compared without pairs; `--write-baseline` writes them"
        )
    return tuple(said)


def _what_differs(results: Results, baseline: Baseline) -> str:
    said = f"the scenario is not the baseline's ({baseline.hash} → {results.scenario.hash})"
    was = baseline.was(results.scenario.directory)
    found = differences(was, results.scenario) if was is not None else ()
    if not found:
        return said
    named = [f"{each.path} {each.baseline} → {each.variant}" for each in found[:MOST_NAMED]]
    more = f" and {len(found) - MOST_NAMED} more" if len(found) > MOST_NAMED else ""
    return f"{said}: {', '.join(named)}{more}"


def _plain(change: Change) -> dict[str, Any]:
    rows: dict[str, Any] = {
        "subject": change.subject,
        "metric": change.metric,
        "unit": unit_of(change.metric),
    }
    for name, values in (
        ("baseline", change.baseline[:3]),
        ("value", change.value[:3]),
        ("difference", change.difference),
    ):
        for end, value in zip(("", "_low", "_high"), values, strict=True):
            rows[f"{name}{end}"] = value
    rows |= {"allowed": change.allowed, "paired": change.paired, "verdict": change.verdict}
    return plain_row(rows)
