"""A sweep: lines with their intervals over one key, a map over two."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from matplotlib import colormaps
from matplotlib.colors import LogNorm, Normalize
from matplotlib.ticker import FuncFormatter, MaxNLocator

from sim.report.figures import figure, metric_words, subject_words, unit_shown
from sim.scenario.metrics import unit_of
from sim.study.axes import Axis

from . import style as look
from .cells import cell_edges, label, value_ticks
from .marks import EndLabel, label_ends, trimmed, upper_ends

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from sim.study.sweeps.swept import Sweep

_WIDTH = 7.2
_PANEL = 2.1
"""Inches: a picture, and one panel of lines."""

_MOST_PANELS = 6
_MOST_WRITTEN = 120
"""Cells whose figures are written in them."""

_FACTORS = 20.0
"""From the least to the greatest positive value: beyond that, an axis goes by factors."""

_LEAST = 0.01
"""What an axis spans at the least, of its end."""

COLOURS = colormaps["cividis"]
"""Safe with every common colour blindness, and in grey."""


@dataclass(frozen=True)
class _Figures:
    """One metric of one subject at each point: mean, low and high, NaN where there is none."""

    subject: str
    metric: str
    mean: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]

    @property
    def unit(self) -> str:
        return unit_shown(self.metric, unit_of(self.metric))


def sweep(found: Sweep) -> look.Picture:
    """The headline figures of a sweep over one key, or the first of them over two.

    Args:
        found: of `sim.study.sweeps.sweep.sweep`, over one key or two.
    """
    shown = [_figures(found, subject, metric) for subject, metric in found.headline]
    if not shown:
        return look.only_words("sweep", "No point has a figure.")
    if len(found.axes) == 1:
        return _lines(found.axes[0], shown)
    return _map(found.axes, shown[0])


def _figures(found: Sweep, subject: str, metric: str) -> _Figures:
    rows = [
        next(
            (row[2:5] for row in found.records[name]["rows"] if row[:2] == [subject, metric]), [math.nan] * 3
        )
        for name in found.hashes
    ]
    mean, low, high = np.array(rows, dtype=np.float64).T
    return _Figures(subject, metric, mean, low, high)


def _lines(axis: Axis, shown: Sequence[_Figures]) -> look.Picture:
    """A panel for each metric, a line in it for each subject."""
    metrics = list(dict.fromkeys(each.metric for each in shown))[:_MOST_PANELS]
    height = _PANEL * len(metrics) + 0.55
    order = np.argsort(np.array(axis.numbers), kind="stable")
    across = np.array(axis.numbers)[order]
    with look.style():
        picture = look.Picture("sweep", _WIDTH, height)
        for place, metric in enumerate(metrics):
            bottom = (0.5 + _PANEL * (len(metrics) - 1 - place)) / height
            axes = picture.add_axes((0.115, bottom, 0.69, (_PANEL - 0.42) / height))
            _panel(axes, axis, across, [each for each in shown if each.metric == metric], order)
            if place < len(metrics) - 1:
                axes.tick_params(labelbottom=False)
            else:
                axes.set_xlabel(axis.path)
    picture.alt = _words_of_lines(axis, [each for each in shown if each.metric in metrics], order)
    return picture


def _panel(
    axes: Axes,
    axis: Axis,
    across: NDArray[np.float64],
    lines: Sequence[_Figures],
    order: NDArray[np.int64],
) -> None:
    axes.set_title(metric_words(lines[0].metric))
    if axis.numeric and across[0] > 0.0 and across[-1] / across[0] > _FACTORS:
        axes.set_xscale("log")
    values = np.concatenate([each.mean for each in lines])
    known = values[np.isfinite(values)]
    if lines[0].unit != "ratio" and len(known) and known.min() > 0.0 and known.max() / known.min() > _FACTORS:
        axes.set_yscale("log")
    labels = []
    for each, colour in zip(lines, look.SERIES * (1 + len(lines) // len(look.SERIES)), strict=False):
        mean, low = each.mean[order], each.low[order]
        high = upper_ends(each.high[order], mean)
        if axes.get_yscale() == "log":
            low = np.maximum(low, mean / 10.0)  # an interval that reaches zero would fall out of the picture
        if axis.numeric:
            axes.fill_between(across, low, high, color=colour, alpha=0.18, linewidth=0)
            dot = 3.2 if len(across) <= 60 else 0.0
            axes.plot(across, mean, color=colour, linewidth=1.5, marker="o", markersize=dot)
        else:
            reach = np.nan_to_num([mean - low, high - mean])
            axes.errorbar(
                across, mean, reach, color=colour, linestyle="", marker="o", markersize=4.0, capsize=3.0
            )
        last = mean[np.isfinite(mean)]
        labels.append(
            EndLabel(
                float(last[-1]) if len(last) else math.nan,
                trimmed(subject_words(each.subject), 20),
                colour,
                "bold",
            )
        )
    _numbers(axes, lines[0].unit)
    _keys(axes, axis)
    label_ends(axes, labels)


def _numbers(axes: Axes, unit: str) -> None:
    """Heights in the unit of the metric."""
    if axes.get_yscale() == "linear":
        low, high = axes.get_ylim()
        if high - low < _LEAST * abs(high):  # else every tick would read the same
            axes.set_ylim(high - _LEAST * abs(high), high)
        axes.yaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 2.5, 5, 10]))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: figure(value, unit=unit)))
    axes.yaxis.set_minor_formatter(FuncFormatter(lambda *_: ""))


def _keys(axes: Axes, axis: Axis) -> None:
    """The values of the key below, in their own spelling."""
    if not axis.numeric:
        value_ticks(axes, axis, "x")
        axes.set_xlim(-0.5, len(axis.values) - 0.5)
        return
    if axes.get_xscale() == "linear":
        axes.xaxis.set_major_locator(MaxNLocator(8, steps=[1, 2, 2.5, 5, 10], integer=_whole(axis)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: label(_at(axis, value), 0)))
    axes.xaxis.set_minor_formatter(FuncFormatter(lambda *_: ""))


def _at(axis: Axis, number: float) -> Axis:
    """A key with one value, a number on its axis, to be spelled as its values are."""
    return Axis(axis.path, (axis.values[0],), (number,), True)


def _whole(axis: Axis) -> bool:
    return all(isinstance(value, int) for value in axis.values)


def _map(axes_of: Sequence[Axis], shown: _Figures) -> look.Picture:
    """The first key upwards, the second to the right: cells of a grid, dots of a sample."""
    first, second = axes_of
    rows, columns = _sides(first), _sides(second)
    places = {
        (rows.values.index(a), columns.values.index(b)): number
        for number, (a, b) in enumerate(zip(first.values, second.values, strict=True))
    }
    with look.style():
        picture = look.Picture("sweep", _WIDTH, 4.6)
        axes = picture.add_axes((0.13, 0.12, 0.69, 0.79))
        axes.set_title(f"{metric_words(shown.metric)} of {trimmed(subject_words(shown.subject), 40)}")
        axes.grid(visible=False)
        scale = _scale_of(shown.mean)
        if len(places) == len(rows.values) * len(columns.values):
            _cells(axes, rows, columns, places, shown, scale)
        else:
            axes.scatter(
                second.numbers,
                first.numbers,
                c=COLOURS(scale(shown.mean)),
                s=22,
                linewidth=0.4,
                edgecolors=look.GREY,
            )
            _keys(axes, second)
            axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: label(_at(first, value), 0)))
        axes.set_xlabel(second.path)
        axes.set_ylabel(first.path)
        _bar(picture.add_axes((0.855, 0.12, 0.022, 0.79)), scale, shown.unit)
    picture.alt = _words_of_map(first, second, shown)
    return picture


def _sides(axis: Axis) -> Axis:
    """Each value of a key once, smallest first where they are numbers."""
    once = dict(zip(axis.values, axis.numbers, strict=True))
    pairs = sorted(once.items(), key=lambda pair: pair[1]) if axis.numeric else list(once.items())
    return Axis(axis.path, tuple(a for a, _ in pairs), tuple(b for _, b in pairs), axis.numeric)


def _cells(
    axes: Axes,
    rows: Axis,
    columns: Axis,
    places: dict[tuple[int, int], int],
    shown: _Figures,
    scale: Normalize,
) -> None:
    values = np.full((len(rows.values), len(columns.values)), math.nan)
    for cell, number in places.items():
        values[cell] = shown.mean[number]
    axes.pcolormesh(
        cell_edges(values.shape[1]),
        cell_edges(values.shape[0]),
        values,
        cmap=COLOURS,
        norm=scale,
        edgecolors="white",
        linewidth=0.4,
    )
    if values.size <= _MOST_WRITTEN and values.shape[1] <= 10:
        for (row, column), number in places.items():
            dark = float(scale(shown.mean[number])) < 0.5
            axes.text(
                column,
                row,
                figure(float(shown.mean[number]), unit=shown.unit),
                ha="center",
                va="center",
                fontsize=7,
                color="white" if dark else look.BLACK,
            )
    value_ticks(axes, columns, "x")
    value_ticks(axes, rows, "y")


def _scale_of(values: NDArray[np.float64]) -> Normalize:
    """Values to 0 … 1, by factors where they span many."""
    known = values[np.isfinite(values)]
    low, high = (float(known.min()), float(known.max())) if len(known) else (0.0, 1.0)
    if low > 0.0 and high / low > _FACTORS:
        return LogNorm(low, high)
    return Normalize(low, high if high > low else low + 1.0)


def _bar(axes: Axes, scale: Normalize, unit: str) -> None:
    """What the colours mean. Drawn as shapes: a colour bar of matplotlib's own would be an embedded bitmap."""
    assert scale.vmin is not None
    assert scale.vmax is not None
    logarithmic = isinstance(scale, LogNorm)
    between = np.geomspace if logarithmic else np.linspace
    steps = between(scale.vmin, scale.vmax, 41)
    axes.grid(visible=False)
    axes.pcolormesh([0.0, 1.0], steps, ((steps[1:] + steps[:-1]) / 2.0)[:, None], cmap=COLOURS, norm=scale)
    axes.xaxis.set_visible(False)
    axes.yaxis.tick_right()
    if logarithmic:
        axes.set_yscale("log")
    _numbers(axes, unit)
    axes.set_ylim(scale.vmin, scale.vmax)
    for spine in axes.spines.values():
        spine.set_visible(False)


def _words_of_lines(axis: Axis, shown: Sequence[_Figures], order: NDArray[np.int64]) -> str:
    ends = [axis.values[order[0]], axis.values[order[-1]]]
    said = "; ".join(
        f"{metric_words(each.metric)} of {subject_words(each.subject)} from "
        f"{figure(float(each.mean[order[0]]), unit=each.unit)} to {figure(float(each.mean[order[-1]]), unit=each.unit)}"
        for each in shown
    )
    return f"Over {axis.path} from {ends[0]} to {ends[1]}: {said}."


def _words_of_map(first: Axis, second: Axis, shown: _Figures) -> str:
    named = (
        f"{metric_words(shown.metric)} of {subject_words(shown.subject)} over {first.path} and {second.path}"
    )
    if not np.isfinite(shown.mean).any():
        return f"Map of the {named}: no point has it."
    ends = []
    for number in (int(np.nanargmin(shown.mean)), int(np.nanargmax(shown.mean))):
        value = figure(float(shown.mean[number]), unit=shown.unit)
        ends.append(f"{value} at {first.values[number]} and {second.values[number]}")
    return f"Map of the {named}: least {ends[0]}, greatest {ends[1]}."
