"""The basin map: where a service recovers and where it collapses, with the 50 % contour and the uncertain cells."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.colors import LinearSegmentedColormap, Normalize
from matplotlib.ticker import FixedLocator, FuncFormatter

from sim.units import format_duration, format_ratio

from . import style as look
from .cells import cell_edges, label, value_ticks

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from sim.study.metastability.basin import Basin

COLOURS = LinearSegmentedColormap.from_list("fates", [look.VERMILLION, "#F7F7F7", look.BLUE])
"""Collapse to recovery: safe with every common colour blindness, and lightest where neither is sure."""

_WIDTH, _HEIGHT = 7.2, 4.6


def basin(found: Basin) -> look.Picture:
    """The map: the first key upwards, the second to the right.

    Args:
        found: of `sim.study.metastability.basin.basin_map`.
    """
    first, second = found.axes
    shape = (len(first.values), len(second.values))
    share = np.full(shape, math.nan)
    for cell, fates in found.cells.items():
        share[cell] = fates.probability
    with look.style():
        picture = look.Picture("basin", _WIDTH, _HEIGHT)
        axes = picture.add_axes((0.11, 0.12, 0.71, 0.77))
        axes.set_title("Probability of recovery")
        axes.grid(visible=False)
        edges = [cell_edges(shape[1]), cell_edges(shape[0])]
        axes.pcolormesh(
            *edges, share, cmap=COLOURS, norm=Normalize(0.0, 1.0), edgecolors="white", linewidth=0.4
        )
        if min(shape) > 1 and np.nanmin(share) < 0.5 < np.nanmax(share):
            axes.contour(share, levels=[0.5], colors=look.BLACK, linewidths=1.6)
        unsure = [cell for cell in found.near if found.half_width(cell) > found.precision]
        if unsure:
            axes.scatter(
                [column for _, column in unsure],
                [row for row, _ in unsure],
                s=7,
                color=look.BLACK,
                marker="x",
            )
        value_ticks(axes, second, "x")
        value_ticks(axes, first, "y")
        axes.set_xlabel(second.path)
        axes.set_ylabel(first.path)
        _mark_as_written(axes, found)
        _scale(picture.add_axes((0.85, 0.12, 0.022, 0.77)))
    picture.alt = _words(found, share)
    return picture


def _scale(axes: Axes) -> None:
    """What the colours mean. Drawn as shapes: a colour bar of matplotlib's own would be an embedded bitmap."""
    steps = np.linspace(0.0, 1.0, 41)
    axes.grid(visible=False)
    axes.pcolormesh(
        [0.0, 1.0], steps, (steps[1:, None] + steps[:-1, None]) / 2.0, cmap=COLOURS, norm=Normalize(0, 1)
    )
    axes.xaxis.set_visible(False)
    axes.yaxis.tick_right()
    axes.yaxis.set_major_locator(FixedLocator([0.0, 0.25, 0.5, 0.75, 1.0]))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: format_ratio(value)))
    for spine in axes.spines.values():
        spine.set_visible(False)
    ends = (("recovers", 1.025, look.BLUE), ("collapses", -0.06, look.VERMILLION))
    for word, height, colour in ends:
        axes.text(0.0, height, word, transform=axes.transAxes, fontsize=8, color=look.ink(colour))


def _mark_as_written(axes: Axes, found: Basin) -> None:
    """A ring at the scenario as written, where it lies on the map."""
    places = []
    for axis in found.axes:
        numbers = axis.numbers
        if axis.written is None or not min(numbers) <= axis.written <= max(numbers):
            return
        places.append(float(np.interp(axis.written, numbers, range(len(numbers)))))
    axes.plot(
        [places[1]], [places[0]], marker="o", markersize=9, markerfacecolor="none", markeredgecolor=look.BLACK,
        markeredgewidth=1.6,
    )  # fmt: skip
    axes.annotate(
        "as written",
        (places[1], places[0]),
        xytext=(-8 if places[1] > len(found.axes[1].values) / 2 else 8, 0),
        textcoords="offset points",
        ha="right" if places[1] > len(found.axes[1].values) / 2 else "left",
        va="center",
        fontsize=8,
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.0, "alpha": 0.8},
    )


def _words(found: Basin, share: NDArray[np.float64]) -> str:
    """The map in words, for a reader who cannot see it."""
    first, second = found.axes
    known = share[~np.isnan(share)]
    sure = (known >= 0.95).mean(), (known <= 0.05).mean()
    return (
        f"Map of the probability of recovery within {format_duration(found.horizon)}: {first.path} from "
        f"{label(first, 0)} to {label(first, len(first.values) - 1)} upwards, {second.path} from {label(second, 0)} to "
        f"{label(second, len(second.values) - 1)} to the right. At least 95 % recover in "
        f"{format_ratio(round(sure[0], 2))} of the cells, at most 5 % in {format_ratio(round(sure[1], 2))}."
    )
