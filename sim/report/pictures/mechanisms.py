"""Goodput in overload with each mechanism beside the scenario as written: a row for each, an axis for each load."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from matplotlib.ticker import FixedLocator, FuncFormatter

from sim.study.mechanisms import WRITTEN, Named
from sim.units import format_ratio

from . import style as look
from .forest import COLOURS, MARKERS
from .marks import short
from .rows import draw_dot

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_ROW, _HEAD, _FOOT = 0.185, 0.75, 0.35
"""Inches: a row, and what stands above and below the rows."""

_LEFT, _RIGHT, _GAP = 0.385, 0.98, 0.02
"""Shares of the width: where the axes begin and end, and what lies between two of them."""

_LEAST_SHOWN, _MOST_SHOWN = 1.26, 3.0
"""Of capacity: where the axes end, by how far the furthest is; what is further still stands at the end."""


def beside_as_written(low: float, high: float, base_low: float, base_high: float) -> str:
    """`better` or `worse` where the intervals lie apart, else `same`."""
    if low > base_high:
        return "better"
    return "worse" if high < base_low else "same"


def mechanisms(loads: Mapping[float, Named]) -> look.Picture:
    """Goodput as a share of what perfect services would answer, at each load.

    Args:
        loads: of `sim.study.mechanisms.by_load`.
    """
    names = [name for name in next(iter(loads.values())) if name != WRITTEN]
    height = _ROW * len(names) + _HEAD + _FOOT
    furthest = max(float(row.high) / row.ideal for at in loads.values() for row in at.values())
    end = min(max(_LEAST_SHOWN, 1.02 * furthest), _MOST_SHOWN)
    with look.style():
        picture = look.Picture("mechanisms", 7.2, height)
        wide = (_RIGHT - _LEFT - _GAP * (len(loads) - 1)) / len(loads)
        for column, (ratio, at) in enumerate(loads.items()):
            box = (_LEFT + column * (wide + _GAP), _FOOT / height, wide, _ROW * len(names) / height)
            axes = picture.add_axes(box)
            _draw(axes, at, names, end)
            axes.set_title(f"{short(ratio)} × capacity", fontsize=8.5, pad=4)
            if column == 0:
                _name(axes, names)
        picture.text(
            0.01, 1.0 - 0.2 / height, "Requests answered in time, as a share of capacity", fontweight="bold"
        )
        # What the marks mean, above the axes' own titles.
        for place, (kind, word) in enumerate(
            (("better", "● better"), ("same", "■ not shown to differ"), ("worse", "◆ worse"))
        ):
            colour = look.ink(COLOURS.get(kind, look.GREY))
            at_x = _LEFT + (0.0, 0.105, 0.315)[place]
            picture.text(at_x, 1.0 - 0.42 / height, word, fontsize=8, color=colour, fontweight="bold")
        picture.text(0.805, 1.0 - 0.42 / height, "line: as written", fontsize=8)
    picture.alt = _words(loads)
    return picture


def _draw(axes: Axes, at: Named, names: list[tuple[str, str]], end: float) -> None:
    base = at[WRITTEN]
    axes.set_xlim(-0.03, end + 0.02)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.axvspan(
        base.low / base.ideal, base.high / base.ideal, color=look.PALE, linewidth=0, alpha=0.7, zorder=0
    )
    axes.axvline(base.mean / base.ideal, color=look.BLACK, linewidth=1.0, zorder=1.2)
    axes.xaxis.set_major_locator(FixedLocator([0.0, 0.5, 1.0]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: format_ratio(value)))
    axes.set_yticks([])
    for place, name in enumerate(names):
        row = at[name]
        kind = beside_as_written(row.low, row.high, base.low, base.high)
        mean, low, high = (min(value / base.ideal, end) for value in (row.mean, row.low, row.high))
        draw_dot(axes, mean, low, high, place, COLOURS.get(kind, look.GREY), MARKERS.get(kind, "s"))
        if place and names[place - 1][0] != name[0]:
            axes.axhline(place - 0.5, color=look.PALE, linewidth=0.8)


def _name(axes: Axes, names: list[tuple[str, str]]) -> None:
    """The family where it changes, and each name, left of the first axes."""
    box = axes.get_position()
    at_family, at_name = (0.01 - box.x0) / box.width, -0.03
    for place, (family, name) in enumerate(names):
        text = axes.get_yaxis_transform()
        axes.text(at_name, place, name, transform=text, fontsize=8, va="center", ha="right")
        if not place or names[place - 1][0] != family:
            axes.text(at_family, place, family, transform=text, fontsize=8, va="center", fontweight="bold")


def _words(loads: Mapping[float, Named]) -> str:
    """The best and the worst at each load, for a reader who cannot see them."""
    parts = []
    for ratio, at in loads.items():
        others = sorted((row for name, row in at.items() if name != WRITTEN), key=lambda row: float(row.mean))
        worst, best = others[0], others[-1]
        parts.append(
            f"At {short(ratio)} times capacity, as written {short(at[WRITTEN].mean)} per second; most with "
            f"{best.family} {best.variant}, {short(best.mean)}; least with {worst.family} {worst.variant}, "
            f"{short(worst.mean)}."
        )
    count = len(next(iter(loads.values()))) - 1
    return f"Goodput in overload with each of {count} mechanisms. {' '.join(parts)}"
