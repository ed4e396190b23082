"""Maps of cells, a value of a key for each row and column: their borders, and the values in their own spelling."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.ticker import FixedLocator, FuncFormatter

from sim.scenario.quantities import show
from sim.units import format_duration, format_ratio

from .marks import short

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from sim.study.axes import Axis

_TICKS = 8


def cell_edges(count: int) -> NDArray[np.float64]:
    """The borders of so many cells whose middles are at 0, 1, 2 …"""
    return np.arange(count + 1, dtype=np.float64) - 0.5


def value_ticks(axes: Axes, axis: Axis, which: str) -> None:
    """Every so many of the values, in their own spelling."""
    step = max(1, math.ceil(len(axis.values) / _TICKS))
    places = list(range(0, len(axis.values), step))
    shown = axes.xaxis if which == "x" else axes.yaxis
    shown.set_major_locator(FixedLocator(places))
    shown.set_major_formatter(FuncFormatter(lambda place, _: label(axis, round(place))))


def label(axis: Axis, place: int) -> str:
    """A value as it stands beside a map: durations with their unit, factors with their sign."""
    value = axis.values[place]
    if not axis.numeric:
        return show(value).strip('"')
    if isinstance(value, str) and value.startswith("x"):
        return f"×{short(axis.numbers[place])}"
    if isinstance(value, str) and value.endswith("%"):
        return format_ratio(round(axis.numbers[place], 4))
    if isinstance(value, str) and "/" in value:
        return f"{short(axis.numbers[place])}/s"
    if isinstance(value, str):
        return format_duration(axis.numbers[place])
    return short(axis.numbers[place])
