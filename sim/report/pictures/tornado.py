"""The tornado: how far each parameter moves a metric as it is turned down and up, the widest first."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from matplotlib.ticker import FuncFormatter, MaxNLocator

from sim.report.figures import difference, figure, metric_words, subject_words, unit_shown

from . import style as look
from .rows import rows_of_figures, write_above, write_beside

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from sim.scenario.objectives import Objective
    from sim.study.sensitivities.sensitivity import Turned

MOST_ROWS = 10
"""Parameters that are drawn: those with the widest swing."""

DOWN, UP = look.SKY, look.ORANGE
_HALF = 0.32
_PATH = 29
"""Of a row: half the thickness of a bar; and the letters of a parameter's path that there is room for."""


def tornado(turned: Sequence[Turned], objective: Objective | None = None) -> look.Picture:
    """Bars from the metric as written to its value at each parameter's lower and higher end.

    A line at the end of the higher value is the interval of the swing, which is paired: chance that moves both ends
    alike is not in it.

    Args:
        turned: of one metric, the widest swing first.
        objective: on this metric, to be drawn as a line.
    """
    rows = [each for each in turned if math.isfinite(each.swing.mean)][:MOST_ROWS]
    if not rows:
        return look.only_words("tornado", "No run has this metric, so there is nothing to turn.")
    first = rows[0]
    unit = unit_shown(first.metric, first.unit)
    title = f"{metric_words(first.metric)} of {subject_words(first.subject)}"
    with look.style():
        names = [_tail(each.parameter.path) for each in rows]
        picture, axes = rows_of_figures("tornado", [""] * len(rows), names, 0.31)
        axes.set_title(f"{title[0].upper()}{title[1:]}", pad=22)
        for place, each in enumerate(rows):
            for end, colour in ((each.at_low.mean, DOWN), (each.at_high.mean, UP)):
                base = each.at_base.mean
                axes.barh(place, end - base, left=base, height=2.0 * _HALF, color=colour, zorder=2)
            swing = each.swing
            _interval(axes, place, each, most=1.0 if unit == "ratio" else math.inf)
            words = difference(swing.mean, swing.low, swing.high, unit, like=each.at_base.mean)
            write_beside(axes, place, words)
        axes.axvline(first.at_base.mean, color=look.BLACK, linewidth=1.1, zorder=3)
        _objective(axes, objective)
        axes.xaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 2.5, 5, 10]))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: figure(value, unit=unit)))
        write_above(axes, len(rows), 0.0, "▌at its lower value", DOWN, "bold")
        write_above(axes, len(rows), 0.47, "▌at its higher value", UP, "bold")
        write_above(axes, len(rows), 1.02, "swing [95 % interval]", look.GREY)
    said = "; ".join(
        f"{each.parameter.path}: {figure(each.at_low.mean, unit=unit)} at the lower value, "
        f"{figure(each.at_high.mean, unit=unit)} at the higher"
        for each in rows
    )
    picture.alt = f"Tornado of {title}, {figure(first.at_base.mean, unit=unit)} as written. {said}."
    return picture


def _interval(axes: Axes, place: int, each: Turned, most: float) -> None:
    low, high = (min(most, each.at_low.mean + end) for end in (each.swing.low, each.swing.high))
    if math.isfinite(low) and math.isfinite(high):
        axes.plot([low, high], [place, place], color="#333333", linewidth=1.3, zorder=2.5)


def _objective(axes: Axes, objective: Objective | None) -> None:
    """A line at the bound, where it lies within the picture or near it."""
    if objective is None:
        return
    limit = objective.at_most if objective.at_most is not None else objective.at_least
    low, high = axes.get_xlim()
    reach = high - low
    if limit is None or not low - reach / 2.0 <= limit <= high + reach / 2.0:
        return
    axes.set_xlim(min(low, limit - 0.03 * reach), max(high, limit + 0.03 * reach))
    axes.axvline(limit, color=look.VERMILLION, linewidth=1.1, linestyle=(0, (6, 2)), zorder=3)


def _tail(path: str) -> str:
    """A path without its first word, which the second tells: `api.workers`; cut at the front where it is long."""
    words = path.partition(".")[2] or path
    words = words if not path.startswith("faults") else path
    return words if len(words) <= _PATH else f"…{words[1 - _PATH :]}"
