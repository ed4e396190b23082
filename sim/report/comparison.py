"""The comparison page: what differs, who fares better and how sure that is, over time and over load."""

from __future__ import annotations

import math
import shlex
from collections.abc import Callable, Sequence
from importlib import metadata
from typing import TYPE_CHECKING

from sim.measure.direction import better
from sim.report.blocks import Block, Bullets, Facts, Figure, Listing, Paragraph, Section, Verdict
from sim.report.figures import difference, metric_words, subject_words, unit_shown
from sim.report.page import Report, version
from sim.report.sections import comparison as words
from sim.report.sections.closing import GLOSSARY, INPUTS
from sim.report.sections.inputs import scenario_text
from sim.report.sections.timeline import recovery_words
from sim.scenario.metrics import unit_of
from sim.study.load import callers

if TYPE_CHECKING:
    from sim.report.pictures.forest import Whisker
    from sim.study.comparison.compare import Comparison

TERMS = frozenset(
    {"request", "attempt", "goodput", "offered load", "amplification", "orbit", "wasted work", "p99"}
)
"""Of the glossary, what this page speaks of."""

SHARED = (
    "Every scenario has the same random numbers: request n is born at the same instant and needs the same work in "
    "each, as far as their arrivals and services are the same. So a difference is due to what differs, and its "
    "interval is that of the differences within each replication."
)
OWN_SCALE = (
    "Each row is a paired difference, turned so that the right side is the better one; each metric has a scale of its "
    "own. Where the whisker crosses the line, this interval by itself does not tell the two apart; verdicts are "
    "stricter, as they hold together."
)


def build(
    comparison: Comparison,
    *,
    command: Sequence[str] = (),
    curves: bool = True,
    jobs: int | None = None,
    progress: Callable[[float], None] | None = None,
) -> Report:
    """The page of a comparison.

    Args:
        comparison: of `sim.compare`.
        command: the words of the command that makes the page again, its seed and replications aside.
        curves: whether to load every scenario for goodput against offered load; without, that section is left out.
        jobs: threads.
        progress: told the share that is done, 0 to 1.
    """
    parts = [
        _verdict(comparison),
        _differs(comparison),
        _figures(comparison),
        _fates(comparison),
        _timeline(comparison),
        _goodput(comparison, jobs, progress) if curves else None,
        _everything(comparison),
        _inputs(comparison),
        _closing(comparison, command),
    ]
    sections = tuple(
        Section(place, key, title, blocks)
        for place, (key, title, blocks) in enumerate((part for part in parts if part is not None), 1)
    )
    base = comparison.results[comparison.baseline]
    count = "1 replication" if base.replications == 1 else f"{base.replications} paired replications"
    subtitle = f"Forebay {version()} · seed {base.seed} · {count} · engine {base.engine}"
    name = f"{', '.join(comparison.variants)} against {comparison.baseline}"
    return Report(name, words.overall(comparison), subtitle, sections, "Comparison")


Part = tuple[str, str, list[Block]]
"""A section before it has its number: its key, title and blocks."""


def _verdict(comparison: Comparison) -> Part:
    count = len(comparison.variants)
    what = "the variant" if count == 1 else f"{count} variants"
    box = Verdict(
        words.overall(comparison),
        f"The headline figures of {what} against {comparison.baseline}.",
        [(name, f"{words.gist(comparison, name)}.") for name in comparison.variants],
    )
    blocks: list[Block] = [box]
    objectives = words.objectives_table(comparison)
    if objectives is not None:
        blocks.append(objectives)
    if comparison.notes:
        blocks.append(Bullets(comparison.notes))
    return "verdict", "Verdict", blocks


def _differs(comparison: Comparison) -> Part:
    blocks: list[Block] = [
        words.differences_table(comparison),
        words.partings_table(comparison),
        Paragraph(SHARED),
    ]
    return "differs", "What differs, and where the runs part", blocks


def _figures(comparison: Comparison) -> Part:
    from sim.report.pictures.forest import forest

    blocks: list[Block] = [Figure(forest(whiskers(comparison), comparison.baseline), OWN_SCALE)]
    blocks += [words.figures_table(comparison, name) for name in comparison.variants]
    sentences = (comparison.together, words.VARIANCE_RATIO, words.reduction(comparison))
    blocks += [Paragraph(sentence, quiet=True) for sentence in sentences if sentence]
    return "figures", "Paired differences", blocks


def whiskers(comparison: Comparison) -> list[Whisker]:
    """The headline figures that have a better side, those of one metric together where there are several variants."""
    from sim.report.pictures.forest import Whisker

    several = len(comparison.variants) > 1
    found = []
    for each, verdict in zip(comparison.pairings, comparison.verdicts, strict=True):
        way = better(each.metric)
        if not each.headline or way == "neither":
            continue
        sign = 1.0 if way == "more" else -1.0
        ends = [sign * each.paired.low, sign * each.paired.high]
        low, high = ends if any(math.isnan(end) for end in ends) else sorted(ends)
        unit = unit_shown(each.metric, unit_of(each.metric))
        subject = subject_words(each.subject)
        group = f"{each.subject.partition(':')[2]} {metric_words(each.metric)}" if several else subject
        name = each.variant if several else metric_words(each.metric)
        text = difference(each.paired.mean, each.paired.low, each.paired.high, unit, like=each.baseline[0])
        found.append(Whisker(group, name, sign * each.paired.mean, low, high, verdict, text))
    order = list(dict.fromkeys(row.group for row in found))
    return sorted(found, key=lambda row: order.index(row.group))


def _fates(comparison: Comparison) -> Part | None:
    table = words.fates_table(comparison)
    if table is None:
        return None
    blocks: list[Block] = [table]
    blocks += [Paragraph(sentence, quiet=True) for sentence in words.senses(comparison)]
    return "fates", "Fates of the replications", blocks


def _timeline(comparison: Comparison) -> Part | None:
    results = comparison.results
    base = results[comparison.baseline]
    if any(each.series.empty for each in results.values()):
        return None
    from sim.report.pictures.panels import busiest
    from sim.report.pictures.timeline import overlay

    service = busiest(base)
    if any(service not in each.scenario.services for each in results.values()):
        return None
    caption = (
        f"Service {service}, all scenarios on the same axes: means of {base.replications} replications"
        f"{', with the 95 % interval of the mean as a band' if base.replications > 1 else ''}"
        f"{'; faults are shaded' if base.scenario.faults else ''}."
    )
    blocks: list[Block] = [Figure(overlay(results, service), caption)]
    recovered = [
        f"{name}: {sentence}" for name, each in results.items() if (sentence := recovery_words(each, service))
    ]
    if recovered:
        blocks.append(Bullets(recovered))
    return "timeline", "What happens over time", blocks


def _goodput(
    comparison: Comparison, jobs: int | None, progress: Callable[[float], None] | None
) -> Part | None:
    from sim.report.pictures.load import goodput_against_load
    from sim.report.pictures.timeline import colours
    from sim.study.curves import load_curve

    scenarios = {name: each.scenario for name, each in comparison.results.items()}
    if not all(any(callers(each, service) for service in each.services) for each in scenarios.values()):
        return None
    curve = load_curve(scenarios[comparison.baseline], variants=scenarios, jobs=jobs, progress=progress)
    caption = (
        "Goodput of all traffic together, with 95 % intervals, each scenario at loads that stay, without its faults. "
        f"Dotted: what perfect services would answer; capacity and the dotted line are those of {comparison.baseline}."
    )
    picture = goodput_against_load(curve, colours(comparison.results))
    return "goodput", "Goodput against offered load", [Figure(picture, caption)]


def _everything(comparison: Comparison) -> Part:
    tables = [words.figures_table(comparison, name, everything=True) for name in comparison.variants]
    return "everything", "Every figure", list(tables)


def _inputs(comparison: Comparison) -> Part:
    from sim.measure.versions import versions

    base = comparison.results[comparison.baseline]
    known = {**versions(), "matplotlib": metadata.version("matplotlib")}
    facts = [(name, f"scenario {each.scenario.hash}") for name, each in comparison.results.items()]
    facts += [
        ("Seed", str(base.seed)),
        ("Replications", f"{base.replications:,} of each scenario"),
        ("Engine", base.engine),
        ("Versions", ", ".join(f"{name} {number}" for name, number in known.items())),
    ]
    text = scenario_text(base.scenario)
    return (
        "inputs",
        "Inputs and provenance",
        [
            Facts(facts),
            Listing(text, "yaml", f"The baseline in full: {comparison.baseline}"),
        ],
    )


def _closing(comparison: Comparison, command: Sequence[str]) -> Part:
    base = comparison.results[comparison.baseline]
    blocks: list[Block] = [Bullets([INPUTS])]
    if command:
        line = [*command, f"--seed={base.seed}", f"--replications={base.replications}", "--format=html"]
        blocks += [Paragraph("To make this page again:"), Listing(shlex.join(line), "sh")]
    blocks.append(Facts([(term, text) for term, text in GLOSSARY if term in TERMS or "interval" in term]))
    return "closing", "Caveats, how to reproduce, glossary", blocks
