"""Headroom and forecast in words: how much more load there is room for, when that runs out, what to order by when."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from sim.report.figures import NOTHING, figure
from sim.report.plan_words import asked_words, figure_words, nearness_words
from sim.units import format_ratio, format_span

if TYPE_CHECKING:
    from sim.study.growth.forecast import Forecast
    from sim.study.growth.headroom import Headroom, Tried
    from sim.study.growth.staircase import RunOut, Step


def headroom_words(found: Headroom) -> str:
    """The certified headroom in words."""
    rate = found.offered_rate
    broken = None if found.binding is None else f"{asked_words(vars(found.binding))} breaks"
    breaks = "" if broken is None else f"; then {broken}"
    if found.undecided is not None:
        return f"not known: {undecided_words(found.undecided)}"
    if not found.low > 0.0:
        least = "" if broken is None else f": even at the least {broken}"
        return f"none: no load that was tried meets every objective{least}"
    if found.failing is not None:
        name, share = found.failing
        few = f"only {figure(share, unit='ratio')} of traffic {name} succeeds at that load"
        breaks = f"; {few}, as no objective asks for more{breaks}"
    sure = f"with {format_ratio(found.confidence)} confidence"
    if not math.isfinite(found.high):
        return f"certified: at least {_down(found.low)} times the load as written meets every objective, {sure}{breaks}"
    certain = f"{_down(found.low)} times what is written, {figure(rate * found.low, unit='1/s')}"
    expected = f"{found.factor:.4g}"
    more = f"; {closer_words(found)}" if found.worth_telling is not None else ""
    if found.low >= 1.0:
        grown = f"the load may grow to {certain}, {sure}"
        borne = grown if found.low > 1.0 else f"the load as written, {sure}, and no growth"
        limit = f"the limit is expected at {expected}, at most {_up(found.high)} times"
        return f"certified: {borne}; {limit}{breaks}{more}"
    if found.high <= 1.0:
        limit = f"it holds for certain up to {certain}, and breaks for certain at {_up(found.high)} times"
        return f"none: the load must shrink to about {expected} times what is written; {limit}, {sure}{breaks}{more}"
    between = figure(found.factor, found.low, found.high)
    return f"not certain: the limit is expected at {between} times the load as written, {sure}{breaks}{more}"


def _down(factor: float) -> str:
    """Four digits of a factor, no more than it is: what is certified to be met is no more."""
    scale = 10.0 ** (3 - math.floor(math.log10(factor)))
    return f"{math.floor(factor * scale * (1.0 + 1e-12)) / scale:g}"


def _up(factor: float) -> str:
    """Four digits of a factor, no less than it is."""
    scale = 10.0 ** (3 - math.floor(math.log10(factor)))
    return f"{math.ceil(factor * scale * (1.0 - 1e-12)) / scale:g}"


def undecided_words(one: Tried) -> str:
    """Why no load is certain to meet the objectives, though it may well be, and what would tell."""
    row = vars(one.binding)
    return (
        f"at {one.factor:.3g} times the load as written {asked_words(row)} is not certain after "
        f"{one.replications} replications ({figure_words(row)}); {needed_words(one)}"
    )


def needed_words(one: Tried) -> str:
    """What it would take to decide a load that stayed open."""
    if one.needed is None or not math.isfinite(one.needed):
        return nearness_words(vars(one.binding))
    own = math.ceil(one.needed / one.growth)
    return f"about {math.ceil(one.needed):,} replications may tell, which run.replications: {own} allows"


def closer_words(found: Headroom) -> str:
    """What would bring the ends of a headroom nearer to each other."""
    own, hardest = found.scenario.run.replications, found.worth_telling
    needed = math.inf if hardest is None or hardest.needed is None else hardest.needed / hardest.growth
    wanted = max(2 * own, math.ceil(needed)) if math.isfinite(needed) else 4 * own
    return f"run.replications: {wanted} would tell more closely"


def run_out_words(found: Forecast) -> str:
    """When capacity runs out, with its interval, and the next order."""
    words, first = when_words(found, found.run_out), next(iter(found.steps), None)
    if found.headroom.undecided is not None or first is None:
        return words
    if found.run_out.earliest == 0.0 < found.sharper.earliest:
        return f"{words}; find that out before ordering: {closer_words(found.headroom)}"
    return f"{words}; order {more_words(found, found.due or first.bought)} {_order(found, first)}"


def when_words(found: Forecast, when: RunOut) -> str:
    """When a capacity runs out, with its interval."""
    horizon = format_span(found.demand.horizon)
    if math.isnan(when.time):
        return "When capacity runs out is not known, as the headroom is not"
    if not math.isfinite(when.earliest):
        return f"Capacity does not run out within {horizon}"
    if when.latest == 0.0:
        return "Capacity has run out already: the load at the start does not meet the objectives"
    if when.time == 0.0:
        return "Capacity may have run out already: whether the load at the start meets the objectives is not certain"
    if not math.isfinite(when.time):
        return f"Capacity is not expected to run out within {horizon}, but may {_on(found, when.earliest)}"
    latest = _on(found, when.latest) if math.isfinite(when.latest) else f"not within {horizon}"
    date = f", on {at_words(found, when.time)}" if found.date(when.time) is not None else ""
    return (
        f"Capacity runs out in {format_span(when.time)}{date}, at the earliest {_on(found, when.earliest)}, "
        f"at the latest {latest} ({format_ratio(found.confidence)} confidence)"
    )


def more_words(found: Forecast, number: int) -> str:
    """So many more of what is bought: `2 more workers for each of 3 instances`."""
    section, name, *_ = found.key.split(".")
    instances = (
        found.scenario.services[name].instances if (section, found.what) == ("services", "workers") else 1
    )
    each = f" for each of {instances:,} instances" if instances > 1 else ""
    return f"{number} more {found.what.removesuffix('s') if number == 1 else found.what}{each}"


def lasting_words(found: Forecast, when: RunOut) -> str:
    """When the capacity of other sizes runs out, and by when to order what comes after them, to be safe."""
    words = when_words(found, when)
    if not 0.0 < when.earliest < math.inf:
        return words
    order = when.earliest - found.lead_time
    if order <= 0.0:
        return f"{words}; more takes {format_span(found.lead_time)} to be there: order it together with these"
    return f"{words}; order what comes after these {_by(found, order)}"


def _order(found: Forecast, step: Step) -> str:
    if step.order < 0.0:
        now = "now" if found.date(0.0) is None else "at the start"
        late = f"{now}, which to be safe was due {format_span(-step.order)} before the start"
        surely = step.arrives > step.needed.time
        much, since = ("is expected to be", step.needed.time) if surely else ("may be", step.needed.earliest)
        there = f"there {_on(found, step.arrives)}, and until then the load {much} too much"
        return f"{late}: {there} {_from(found, since)}"
    return _by(found, step.order)


def _by(found: Forecast, time: float) -> str:
    if time <= 0.0 and found.date(time) is None:
        return "now"
    return f"{'by' if found.date(time) is not None else 'within'} {at_words(found, time)}"


def _from(found: Forecast, time: float) -> str:
    return "already" if time <= 0.0 else f"from {at_words(found, time)} on"


def at_words(found: Forecast, time: float) -> str:
    """A time as a date; as a span from the start where that has no date, before the start as so late."""
    if not math.isfinite(time):
        return NOTHING
    date = found.date(time)
    if time < 0.0:
        return f"now, {format_span(-time)} late" if date is None else f"at the start, due {date.isoformat()}"
    return format_span(time) if date is None else date.isoformat()


def _on(found: Forecast, time: float) -> str:
    return f"{'on' if found.date(time) is not None else 'in'} {at_words(found, time)}"
