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
    from sim.study.growth.staircase import Step


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
    certain = f"{_down(found.low)} times what is written, {figure(rate * found.low, unit='1/s')}, {sure}"
    limit = f"the limit is expected at {_down(found.factor)}, at most {_up(found.high)} times{breaks}"
    if found.low >= 1.0:
        return f"certified: the load may grow to {certain}; {limit}"
    if found.high <= 1.0:
        return f"none: the load must shrink to {certain}; {limit}"
    between = figure(found.factor, found.low, found.high)
    more = "" if found.wide is None else f"; {needed_words(found.wide)}"
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


def run_out_words(found: Forecast) -> str:
    """When capacity runs out, with its interval, and the next order."""
    when = found.run_out
    horizon = format_span(found.demand.horizon)
    if found.headroom.undecided is not None:
        return "When capacity runs out is not known, as the headroom is not"
    if not math.isfinite(when.earliest):
        return f"Capacity does not run out within {horizon}"
    if when.latest == 0.0:
        words = "Capacity has run out already: the load at the start does not meet the objectives"
    elif when.time == 0.0:
        words = "Capacity may have run out already: whether the load at the start meets the objectives is not certain"
    elif math.isfinite(when.time):
        latest = _on(found, when.latest) if math.isfinite(when.latest) else f"not within {horizon}"
        date = f", on {at_words(found, when.time)}" if found.date(when.time) is not None else ""
        words = (
            f"Capacity runs out in {format_span(when.time)}{date}, at the earliest {_on(found, when.earliest)}, "
            f"at the latest {latest} ({format_ratio(found.confidence)} confidence)"
        )
    else:
        words = f"Capacity is not expected to run out within {horizon}, but may {_on(found, when.earliest)}"
    first = next(iter(found.steps), None)
    if first is None:
        return words
    if when.earliest == 0.0 < when.latest:
        return f"{words}; find that out before ordering: {needed_words(found.headroom.wide or found.headroom.tried[0])}"
    return f"{words}; order {found.due or first.bought} more {_order(found, first)}"


def _order(found: Forecast, step: Step) -> str:
    if step.order < 0.0:
        return f"now, which to be safe was due {format_span(-step.order)} before the start"
    return f"{'by' if found.date(step.order) is not None else 'within'} {at_words(found, step.order)}"


def at_words(found: Forecast, time: float) -> str:
    """A time as a date; as a span from the start where that has no date."""
    if not math.isfinite(time):
        return NOTHING
    date = found.date(time)
    return date.isoformat() if date is not None else format_span(time)


def _on(found: Forecast, time: float) -> str:
    return f"{'on' if found.date(time) is not None else 'in'} {at_words(found, time)}"
