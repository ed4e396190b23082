"""Section 1: the verdict, the recommended sizes, the headroom, what binds, and when capacity runs out."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from sim.report.blocks import Block, Section, Table, Verdict
from sim.report.figures import figure, metric_words, records, subject_words, unit_shown
from sim.report.growth_words import headroom_words, lasting_words, run_out_words
from sim.report.headroom import Headroom, headroom
from sim.report.phrases import bound
from sim.report.plan_words import (
    answer_words,
    asked_words,
    cheaper_words,
    cost_words,
    figure_words,
    is_certain,
    values_words,
)
from sim.report.precision_words import precision_words
from sim.report.sections.outcomes import outcomes, uncovered
from sim.report.sections.timeline import recovery_words
from sim.report.stability_words import survived
from sim.study.load import bottleneck, offered_load, peak_load
from sim.units import format_rate, format_ratio

if TYPE_CHECKING:
    from sim.report.material import Material
    from sim.scenario.scenario import Scenario


WITH_PLAN = " with the recommended sizes"
"""Ends the name of a fact that is not of the scenario as written."""


def verdict(material: Material) -> Section:
    """Met, missed, inconclusive, or no objectives; each objective beside what was measured.

    Without a timeline, what each class gets stands here.
    """
    rows = records(material.results.objectives)
    facts = [
        *_uncovered(material),
        *_sizes(material),
        *_headroom(material),
        *_spike(material),
        *_binding(material),
        *_run_out(material),
        *_recovery(material),
        *_precision(material),
    ]
    if not rows:
        facts = [*_figures(material), *facts]
    blocks: list[Block] = [Verdict(material.verdict, _headline(material, rows), facts)]
    if rows:
        cells = [
            (
                subject_words(row.subject),
                metric_words(row.metric),
                bound(objective),
                figure(row.value, row.low, row.high, objective.unit),
                str(row.verdict),
            )
            for row, objective in zip(rows, material.scenario.objectives, strict=True)
        ]
        caption = "Objectives, with 95 % intervals over the replications"
        blocks.append(Table(caption, ("subject", "metric", "asked", "measured", "verdict"), cells))
    if material.results.series.empty:
        blocks.extend(outcomes(material))
    return Section(1, "verdict", "Verdict", blocks)


def _headline(material: Material, rows: list[Any]) -> str:
    own, broken = _own_headline(material, rows), material.not_survived
    if material.survival_unjudged:
        own = f"{own} What the plan must survive was not judged."
    if broken is None or material.results.verdict == "missed":
        return own
    # What is missed comes first, whatever the run as written says.
    return f"What must be survived is not: {asked_words(vars(broken))} breaks. As written: {own[:1].lower()}{own[1:]}"


def _own_headline(material: Material, rows: list[Any]) -> str:
    """Of the run as written."""
    if not rows:
        return "The scenario sets no objective; these are its figures."
    count = len(rows)
    for kind, words in (
        ("missed", "does not hold"),
        ("inconclusive", "cannot be told from this many replications"),
    ):
        found = [row for row in rows if row.verdict == kind]
        if found:
            first = found[0]
            objective = material.scenario.objectives[rows.index(first)]
            more = f" ({len(found)} of {count})" if count > 1 else ""
            measured = figure(first.value, first.low, first.high, objective.unit)
            return (
                f"{metric_words(first.metric)} of {subject_words(first.subject)}, {bound(objective)}, "
                f"{words}: {measured}{more}."
            )
    return "The objective holds." if count == 1 else f"All {count} objectives hold."


def _figures(material: Material) -> list[tuple[str, str]]:
    """The figures that a reader asks for first, where there is no objective."""
    wanted = ("goodput", "success_ratio", "latency_p50", "latency_p99", "amplification")
    facts = []
    for name in material.scenario.traffic:
        subject = f"traffic:{name}"
        rows = [
            material.records[subject, metric] for metric in wanted if (subject, metric) in material.records
        ]
        words = [
            f"{metric_words(row.metric)} "
            f"{figure(row.mean, row.low, row.high, unit_shown(row.metric, row.unit))}"
            for row in rows
            if row.mean == row.mean
        ]
        facts.append((subject_words(subject), "; ".join(words)))
    return facts


def _precision(material: Material) -> list[tuple[str, str]]:
    found = material.results.precision
    return [] if found is None else [("Precision", precision_words(found))]


def _sizes(material: Material) -> list[tuple[str, str]]:
    planned = material.plan
    if planned is None:
        return []
    sure = format_ratio(planned.confidence)
    if planned.best is None:
        return [("Recommended sizes", answer_words(planned, asked_words, f"{sure} confidence"))]
    least = "nothing cheaper does" if planned.minimal else "whether something cheaper does is not certain"
    if not is_certain(planned.answer):
        least = cheaper_words(planned, "")
    words = f"{values_words(planned.best)}, at {cost_words(planned)}: meets every objective with {sure} confidence"
    survived = {row["case"] for row in planned.answer.objectives if row["case"]} if planned.answer else set()
    spite = f", in spite of {' and of '.join(sorted(survived))} too" if survived else ""
    return [("Recommended sizes", f"{words}{spite}; {least}")]


def _headroom(material: Material) -> list[tuple[str, str]]:
    """The certified headroom; without one, what the lines between the loads of section 3 say."""
    if material.certified is not None:
        own = headroom_words(material.certified)
        if material.recommended is None:
            return [("Headroom", own)]
        return [("Headroom as written", own), (f"Headroom{WITH_PLAN}", headroom_words(material.recommended))]
    curve = material.own_curve
    if curve is None:
        return []
    found = headroom(curve, material.scenario.objectives)
    if not found:
        return []
    first, peak = found[0], _peak(material.scenario)
    missed = _missed(material)
    plain = bool(missed or material.scenario.faults)
    words = _words(first, len(found), peak, plain=plain)
    # Where not even the steady load is borne, it is no news that more than that is not.
    borne = peak > 0.0 or round(first.factor - 1.0, 2) >= 0.0
    if not material.scenario.faults:
        return [("Headroom", f"{words}; as written, {missed}" if missed and borne else words)]
    more = f"; with them {missed} already" if missed and borne else ""
    return [("Steady headroom, without the faults", words + more)]


def _missed(material: Material) -> str:
    """How many objectives are missed, in words; "" if none is."""
    verdicts = list(material.results.objectives["verdict"])
    missed = verdicts.count("missed")
    if not missed:
        return ""
    if missed == len(verdicts):
        return "the objective is missed" if missed == 1 else "the objectives are missed"
    return f"{missed} of {len(verdicts)} objectives {'is' if missed == 1 else 'are'} missed"


def _peak(scenario: Scenario) -> float:
    """The peak of arrivals that vary over the run, 1/s; 0 if they do not."""
    peak, mean = peak_load(scenario), offered_load(scenario)
    return peak if peak > 1.01 * mean else 0.0


def _words(first: Headroom, count: int, peak: float, *, plain: bool) -> str:
    """The headroom in words; `plain` says how much, and not that the load may grow: faults or a miss forbid it."""
    name = f"{metric_words(first.objective.metric)} of {subject_words(first.objective.subject)}"
    rate = format_rate(first.offered_rate)
    breaks = f"then {name} breaks first" if count > 1 else f"then {name} breaks"
    if first.factor == 0.0:
        return f"none: {name} is missed at every load looked at"
    if peak > 0.0:
        more = "every objective holds" if count > 1 else f"{name} holds"
        end = "the most looked at" if first.open_ended else breaks
        return f"{more} at a steady {rate} ({end}); arrivals as written peak at {format_rate(peak)}"
    if first.open_ended:
        more = "every objective" if count > 1 else name
        return f"{more} still holds at {first.factor:.2g} times the load as written, the most looked at"
    change = round(first.factor - 1.0, 2)
    if change > 0.0:
        if plain:
            return f"+{format_ratio(change)}, to {rate}; {breaks}"
        return f"the load may grow by {format_ratio(change)}, to {rate}; {breaks}"
    if change == 0.0:
        return f"none: {name} is at its limit with the load as written"
    return f"none: the load must shrink by {format_ratio(-change)}, to {rate}, for {name} to hold"


def _spike(material: Material) -> list[tuple[str, str]]:
    words = survived(material.stability) if material.stability is not None else ""
    return [("Largest spike", words)] if words else []


def _run_out(material: Material) -> list[tuple[str, str]]:
    found, chosen = material.forecast, material.recommended
    if found is None:
        return []
    if chosen is None:
        return [("Runs out", run_out_words(found))]
    return [
        ("Runs out as written", run_out_words(found)),
        (f"Runs out{WITH_PLAN}", lasting_words(found, found.run_out_of(chosen))),
    ]


def _binding(material: Material) -> list[tuple[str, str]]:
    """What stands in the way of less in the plan; then the service nearest to its capacity."""
    found = []
    planned = material.plan
    if planned is not None and planned.binding is not None:
        row = planned.binding
        where = "with less than the plan" if planned.best is not None else "of the nearest that was tried"
        less = next((one for one in planned.candidates if one.binding == row), None)
        if planned.best is not None and less is not None:
            other = {path: value for path, value in less.values.items() if value != planned.best[path]}
            where = f"with {values_words(other)}"
        if planned.answer is not None and row == planned.answer.binding:
            where = "with the plan, the nearest to its bound"
        found.append(f"{asked_words(row)}: {figure_words(row)} {where}")
    name, load = bottleneck(material.scenario)
    if not (math.isfinite(load.ratio) and math.isfinite(load.capacity)):
        return [("What binds", "; ".join(found))] if found else []
    service = material.scenario.services[name]
    each = f"{service.instances:,} × " if service.instances > 1 else ""
    own = "as written, " if found else ""
    workers = f"{own}{each}{service.workers:,.0f} workers of {name}"
    most = f"{format_rate(load.offered)} offered of {format_rate(load.capacity)} that they can serve"
    words = [*found, f"{workers}: {most}, {format_ratio(round(load.ratio, 3))}"]
    busy = material.value(f"service:{name}", "utilization")
    if busy is not None:
        words.append(f"{format_ratio(round(busy, 3))} busy over the run")
    refused = material.value(f"service:{name}", "rejected_ratio")
    if refused:
        words.append(f"{format_ratio(float(f'{refused:.2g}'))} of its attempts refused")
    return [("What binds", "; ".join(words))]


def _uncovered(material: Material) -> list[tuple[str, str]]:
    """Classes that fare badly, though no objective says so."""
    words = uncovered(material)
    return [("Not covered", " ".join(words))] if words else []


def _recovery(material: Material) -> list[tuple[str, str]]:
    words = [recovery_words(material.results, name) for name in material.scenario.services]
    return [("Recovery", " ".join(filter(None, words)))] if any(words) else []
