"""A comparison in words and tables: what differs, who fares better, and how sure that is."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sim.report.blocks import Table
from sim.report.figures import NOTHING, difference, figure, metric_words, subject_words, unit_shown
from sim.report.phrases import bound
from sim.scenario.metrics import unit_of
from sim.study.comparison.compare import NOT_SHOWN, SAME
from sim.units import format_duration, format_ratio

if TYPE_CHECKING:
    from sim.study.comparison.compare import Comparison, Pairing
    from sim.study.comparison.parting import Parting

FIGURES = ("of", "metric", "baseline", "variant", "difference", "ratio", "variance ratio", "verdict")
VARIANCE_RATIO = (
    "Variance ratio: the variance of the paired difference over the sum of both variances. Independent runs have 1; "
    "0.2 means that the pairing needs a fifth of their replications for the same interval."
)


def headline(comparison: Comparison) -> list[str]:
    """A sentence for each variant: in which headline figures it is better, in which worse, and in which unknown."""
    return [f"{name}: {gist(comparison, name)}." for name in comparison.variants]


def gist(comparison: Comparison, name: str) -> str:
    """In which headline figures a variant is better than the baseline, in which worse, and in which unknown."""
    own = [
        (each, verdict)
        for each, verdict in zip(comparison.pairings, comparison.verdicts, strict=True)
        if each.variant == name and each.headline
    ]
    parts = []
    for word in ("better", "worse"):
        found = [
            f"{_named(each)} ({difference(each.paired.mean, math.nan, math.nan, _unit(each), like=_larger(each))})"
            for each, verdict in own
            if verdict == word
        ]
        if found:
            parts.append(f"{word} in {', '.join(found)}")
    for word in (NOT_SHOWN, SAME):
        rest = [_named(each) for each, verdict in own if verdict == word]
        if rest:
            parts.append(f"{word} in {', '.join(rest)}")
    return "; ".join(parts) or "no headline figure in common"


def overall(comparison: Comparison) -> str:
    """One word for all headline figures of all variants: better, worse, mixed, or same where none differs.

    Where another share of the requests succeeds, what is told of those that do is no merit and no fault.
    """
    told = [
        (each, verdict)
        for each, verdict in zip(comparison.pairings, comparison.verdicts, strict=True)
        if each.headline and verdict in ("better", "worse")
    ]
    other_share = {each.variant for each, _ in told if each.metric == "success_ratio"}
    found = {
        verdict for each, verdict in told if each.variant not in other_share or not _of_the_lucky(each.metric)
    }
    return "mixed" if len(found) == 2 else found.pop() if found else "same"


def differences_table(comparison: Comparison) -> Table:
    """Each key path whose value is not the baseline's."""
    rows = [
        (name, one.path, written(one.baseline), written(one.variant))
        for name, found in comparison.differences.items()
        for one in found
    ]
    same = [
        (name, "nothing differs", NOTHING, NOTHING)
        for name, found in comparison.differences.items()
        if not found
    ]
    return Table("What differs", ("variant", "path", comparison.baseline, "in the variant"), [*rows, *same])


def partings_table(comparison: Comparison) -> Table:
    """The first attempt of replication 0 that is not the same, for each variant."""
    columns = ("variant", "same until", "first attempt that differs", comparison.baseline, "in the variant")
    rows = []
    for name, parting in comparison.partings.items():
        until = format_duration(parting.same_until)
        if parting.found:
            which = f"{parting.traffic}, request {parting.request}, attempt {parting.attempt}"
            rows.append((name, until, which, _fate(parting.baseline), _fate(parting.variant)))
        else:
            rows.append((name, until, _no_parting(comparison, parting), NOTHING, NOTHING))
    return Table("Where they part, in replication 0", columns, rows, frozenset({1}))


def figures_table(comparison: Comparison, variant: str, *, everything: bool = False) -> Table:
    """The headline figures of a variant beside the baseline's, or every figure; intervals may break into lines."""
    rows = [
        (
            subject_words(each.subject),
            metric_words(each.metric),
            figure(*each.baseline, _unit(each), like=_larger(each)),
            figure(*each.value, _unit(each), like=_larger(each)),
            _shown(each),
            f"×{each.ratio:.3g}" if math.isfinite(each.ratio) else NOTHING,
            f"{each.paired.variance_ratio:.2g}" if math.isfinite(each.paired.variance_ratio) else NOTHING,
            verdict,
        )
        for each, verdict in zip(comparison.pairings, comparison.verdicts, strict=True)
        if each.variant == variant and (each.headline or everything)
    ]
    count = comparison.results[comparison.baseline].replications
    words = f"{variant} against the baseline {comparison.baseline}: {count} paired replications, "
    words += f"{100.0 * comparison.confidence:g} % intervals"
    return Table(words, FIGURES, rows, frozenset({5}))


def _larger(each: Pairing) -> float:
    return max(each.baseline[0], each.value[0], key=lambda mean: -1.0 if math.isnan(mean) else abs(mean))


def objectives_table(comparison: Comparison) -> Table | None:
    """Each objective with its figure and verdict in every scenario, side by side; None if there are none."""
    frame = comparison.objectives
    if not len(frame):
        return None
    names = list(comparison.results)
    wanted = dict.fromkeys(
        objective for results in comparison.results.values() for objective in results.scenario.objectives
    )
    rows = []
    for objective in wanted:
        cells = []
        for name in names:
            results = comparison.results[name]
            if not results.has(objective.subject, objective.metric):
                cells.append(NOTHING)
                continue
            value, low, high, verdict = results.judgement(objective)
            cells.append(f"{verdict}: {figure(value, low, high, objective.unit)}")
        named = f"{metric_words(objective.metric)} of {subject_words(objective.subject)}"
        rows.append((named, bound(objective), *cells))
    return Table("Objectives", ("objective", "asked", *names), rows)


def fates_table(comparison: Comparison) -> Table | None:
    """How many pairs of replications collapsed on which side; None where none did."""
    if not any(each.any for each in comparison.fates.values()):
        return None
    rows = [
        (name, *(str(count) for count in (each.neither, each.baseline_only, each.variant_only, each.both)))
        for name, each in comparison.fates.items()
    ]
    columns = ("variant", "neither", f"{comparison.baseline} alone", "variant alone", "both")
    return Table("Replications that collapsed, by pair", columns, rows, frozenset({1, 2, 3, 4}))


def senses(comparison: Comparison) -> list[str]:
    """What collapsed means, once for each sense that is used."""
    return list(dict.fromkeys(f"{each.sense}." for each in comparison.fates.values() if each.any))


def written(value: Any) -> str:
    """A value of a scenario as it could be typed, on one line; a dash for none."""
    if value is None:
        return NOTHING
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {written(one)}" for key, one in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(written(one) for one in value) + "]"
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:g}" if isinstance(value, float) else _short(str(value))


def _short(text: str) -> str:
    """A quantity as a dump writes it, `6.0s`, without the zero that says nothing."""
    import re

    return re.sub(r"(?<=\d)\.0(?=\D|$)", "", text)


def _fate(side: Mapping[str, Any] | None) -> str:
    if side is None:
        return "never sent"
    words = []
    # Who is sent at another time has everything else at another time too.
    for name, value in side.items() if "sent" not in side else [("sent", side["sent"])]:
        shown = value if isinstance(value, str) else "never" if value is None else f"{value:.6f} s"
        words.append(f"{name} {shown}")
    return ", ".join(words)


def _no_parting(comparison: Comparison, parting: Parting) -> str:
    duration = comparison.results[comparison.baseline].scenario.run.duration
    if parting.looked_at < duration:
        return f"none in the first {format_duration(parting.looked_at)}; no more was looked at"
    return "none: every attempt is the same"


def _of_the_lucky(metric: str) -> bool:
    """Whether a metric is of the requests that succeed, or falls where fewer are sent."""
    return metric.startswith("latency_") or metric in ("amplification", "wasted_ratio")


def _named(each: Pairing) -> str:
    return f"{metric_words(each.metric)} of {subject_words(each.subject)}"


def _interval(each: Pairing) -> tuple[float, float, float]:
    return each.paired.mean, each.paired.low, each.paired.high


def _unit(each: Pairing) -> str:
    return unit_shown(each.metric, unit_of(each.metric))


def _shown(each: Pairing) -> str:
    words = difference(*_interval(each), _unit(each), like=_larger(each))
    return words if each.complete else f"{words} of {each.paired.n} pairs"


def reduction(comparison: Comparison) -> str:
    """What the shared random numbers saved, over the headline figures that vary; "" where none does."""
    known = sorted(
        each.paired.variance_ratio
        for each in comparison.pairings
        if each.headline and math.isfinite(each.paired.variance_ratio) and not each.paired.identical
    )
    if not known:
        return ""
    span = " to ".join(dict.fromkeys(format_ratio(float(f"{ratio:.2g}")) for ratio in (known[0], known[-1])))
    return (
        f"The shared random numbers leave {span} of the variance that independent runs would have in the headline "
        "differences that vary: that share of their replications gives the same intervals."
    )
