"""What was found of a scenario's stability, in sentences."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sim.units import format_duration, format_ratio

if TYPE_CHECKING:
    from sim.study.metastability.basin import Basin
    from sim.study.metastability.margin import Margin
    from sim.study.metastability.stability import Stability


MOST_RUNS = 100_000
"""Worth proposing."""

LIMITS = {"height": "the most there can be", "load": "its capacity", "duration": ""}
"""What is said where nothing within the range tips it: the range ends there by itself."""


def sentences(found: Stability) -> list[str]:
    """The verdict, then margins, meanings that flip it, and the cheapest way out: a sentence or two each."""
    parts = [verdict(found), judged_by(found)]
    parts += [f"After a refusal (503): {found.refusal}."] if found.refusal else []
    parts += [
        said for said in (margin_words(found), load_words(found), flips(found), way_words(found)) if said
    ]
    if found.basin is not None:
        parts.append(map_words(found.basin))
    return parts


def verdict(found: Stability) -> str:
    """What became of the runs, with the horizon that is a part of it."""
    fates = found.fates
    if fates.case.down:
        who = "it" if len(found.scenario.services) == 1 else " and ".join(fates.case.down)
        return f"Collapsed: {who} {'is' if len(fates.case.down) == 1 else 'are'} down without any trigger already."
    low, high = (format_ratio(round(end, 3)) for end in fates.interval(found.confidence))
    within = f"within {format_duration(found.horizon)} of the trigger's end"
    counts = f"{fates.recovered} of {fates.runs} runs recovered {within}"
    sure = f"{format_ratio(found.confidence)} confidence"
    chance = f"a probability of recovery between {low} and {high} with {sure}"
    asked = f"{format_ratio(found.wanted)} asked for"
    if found.verdict == "recovers":
        return f"It recovers: {counts}, {chance}; {asked}."
    if found.verdict == "undecided":
        needed = fates.needed(found.confidence, found.wanted)
        many = f"About {math.ceil(needed):,} runs" if needed < MOST_RUNS else "Hardly any number of runs"
        return f"Undecided: {counts}, {chance}; {asked}. {many} may tell."
    two = 0 < fates.recovered < fates.runs
    slowest = max((seen.time for seen in fates.seen if seen.fate == "recovered"), default=0.0)
    fate = ""
    if two and slowest <= 0.5 * found.horizon:
        fate = " It has two fates, and no mean describes either."
    elif two and slowest > 0.9 * found.horizon:
        fate = " Some came back only just in time: of a longer --horizon more may."
    return f"It does not recover: {counts}, {chance}; {asked}.{fate}"


def judged_by(found: Stability) -> str:
    """What recovered and collapsed mean here, and what of it is not the trigger's doing."""
    case = found.fates.case
    several = len(found.scenario.services) > 1
    each = [
        f"{f'at {name} ' if several else ''}no more than {calm.level:g} requests waiting, in service or in backoff"
        + (f", for {format_duration(calm.hold)}, with requests answered" if calm.hold > 0.0 else "")
        for name, calm in case.judged.items()
    ]
    asked = f"Recovered, as without the trigger: {'; '.join(each)}."
    parts = [
        asked,
        f"Collapsed: not so within {format_duration(found.horizon)}.",
        _stayed_down(found),
        _falters(found),
    ]
    return " ".join(filter(None, parts))


def _falters(found: Stability) -> str:
    """That the trigger is not all there is, where a service goes down without it now and then."""
    from sim.study.metastability.fates import CALM_RUNS, FALTERING

    of = found.fates.case.faltering
    if not of:
        return ""
    said = " and ".join(f"in {count} of {CALM_RUNS} at {name}" for name, count in of.items())
    return (
        f"Runs without the trigger answer less than {format_ratio(FALTERING)} of what they could {said}: it goes down "
        "by itself, which is not the trigger's doing."
    )


def _stayed_down(found: Stability) -> str:
    """Which services did not come back, where there are several that could."""
    each = found.fates.stayed_down()
    if len(each) < 2 or not found.fates.collapsed or found.fates.case.down:
        return ""
    said = ", ".join(f"{name} in {count}" for name, count in each.items())
    return f"Of {found.fates.collapsed} collapsed runs, still down then: {said}."


def factor(margin: Margin) -> str:
    """A margin with its interval, as factors."""
    if margin.high == math.inf:
        return f"more than ×{margin.low:.3g}, {LIMITS[margin.of] if margin.limited else 'the most looked at'}"
    if margin.low == 0.0:
        return f"less than ×{margin.high:.3g}"
    return f"×{margin.factor:.3g} [{margin.low:.3g}, {margin.high:.3g}]"


def short_value(value: Any) -> str:
    """A value as it may head a column: numbers in four digits, with their unit."""
    return re.sub(r"[0-9]*\.[0-9]+", lambda number: f"{float(number[0]):.4g}", str(value))


def settings_words(settings: Mapping[str, Any]) -> str:
    """Key paths with single values: `faults[0].rate = x1.32`; "" where there is none, as of a profile's points."""
    single = {path: value for path, value in settings.items() if not isinstance(value, list | dict)}
    return ", ".join(f"{path} = {short_value(value)}" for path, value in single.items())


def margin_words(found: Stability) -> str:
    """The margin as one number: how much more trigger it takes."""
    from sim.study.metastability.trigger import helping

    if not found.margins:
        return ""
    known = [margin for margin in found.margins if margin.low > 0.0 and margin.high < math.inf]
    said = "; ".join(f"{margin.of} {factor(margin)}{_which_is(margin)}" for margin in found.margins)
    least = min(known, key=lambda margin: margin.factor, default=None)
    text = f"What tips it in half of the runs, as multiples of the trigger as written: {said}."
    if kept := helping(found.scenario):
        text += f" Left as written, as it helps: {', '.join(kept)}."
    if least is None:
        return text
    return f"{text} The margin is ×{least.factor:.3g}" + (
        ": beyond the edge already." if least.factor < 1.0 else "."
    )


def _which_is(margin: Margin) -> str:
    words = settings_words(margin.settings)
    return f" ({words})" if words else ""


def load_words(found: Stability) -> str:
    """The load above which this trigger is dangerous."""
    if not found.loads:
        return ""
    said = " and ".join(
        f"{factor(margin)}{_which_is(margin)} at {format_ratio(margin.chance)} of the runs"
        for margin in found.loads
    )
    text = f"Load at which this trigger collapses it, as a multiple of the load as written: {said}."
    alone = [format_ratio(margin.chance) for margin in found.loads if margin.by_itself]
    if alone:
        text += f" Around the load of {' and that of '.join(alone)} it goes down without the trigger too."
    return text


def flips(found: Stability) -> str:
    """Which assumptions the verdict hangs on."""
    if not found.variants:
        return ""
    if found.verdict == "undecided":
        return "As the verdict is undecided, no other way to behave can be said to flip it."
    open_ones = sum(variant.verdict == "undecided" for variant in found.variants)
    rest = f" ({open_ones} of them undecided with this many runs)" if open_ones else ""
    if not found.flipping:
        return f"None of {len(found.variants)} other ways to behave is shown to flip the verdict{rest}."
    flipping = "; ".join(variant.name for variant in found.flipping)
    return f"Of {len(found.variants)} other ways to behave{rest}, the verdict is flipped by: {flipping}."


def way_words(found: Stability) -> str:
    """The cheapest way out."""
    if not found.ways_out:
        return ""
    best = found.ways_out[0]
    if not best.enough:
        return (
            f"No way out that was tried is enough; {best.name} brought back {best.recovered} of {best.runs}."
        )
    return (
        f"Once collapsed, the cheapest way out tried: {best.name} ({best.lost:,.0f} requests lost from then on; "
        f"{best.recovered} of {best.runs} collapsed runs recovered)."
    )


SURVIVED = 0.95
"""The share of runs that must recover for a spike to be called survived."""


def survived(found: Stability) -> str:
    """The highest trigger on the map, as long as the one as written, that nearly all runs recover from."""
    basin = found.basin
    written = basin.axes[1].written if basin is not None else None
    if basin is None or written is None:
        return ""
    from sim.report.pictures.cells import label
    from sim.study.metastability.trigger import trigger_settings

    heights, durations = basin.axes
    column = min(range(len(durations.values)), key=lambda place: abs(durations.numbers[place] - written))
    borne = [
        cell in basin.cells and basin.cells[cell].probability >= SURVIVED
        for cell in ((row, column) for row in range(len(heights.values)))
    ]

    def named(row: int) -> str:
        by = (heights.numbers[row], durations.numbers[column])
        words = settings_words(trigger_settings(found.scenario, *by))
        times = f"{heights.path} {label(heights, row)}, {durations.path} {label(durations, column)}"
        return f"{words} ({times})" if words else times

    if not borne[0]:
        return f"less than {named(0)}, the least on the map of section 7"
    last = next((row for row, fine in enumerate(borne) if not fine), len(borne)) - 1
    more = "or more, the most" if last == len(borne) - 1 else "of those"
    return (
        f"{named(last)}, {more} on the map of section 7 (at least "
        f"{format_ratio(SURVIVED)} of the runs recover)"
    )


def map_words(basin: Basin) -> str:
    """How a map was made and how sure it is."""
    widest = max((basin.half_width(cell) for cell in basin.near), default=math.nan)
    cells = f"{len(basin.axes[0].values)} × {len(basin.axes[1].values)} cells, {basin.runs:,} runs"
    if not basin.near:
        return f"Map: {cells}; one fate all over."
    near = "one cell" if len(basin.near) == 1 else f"{len(basin.near)} cells"
    return (
        f"Map: {cells}; {near} near the boundary, {format_ratio(basin.confidence)} intervals there within "
        f"±{100.0 * widest:.1f} points."
    )
