"""The share of requests slower than a given latency, down to one in a million."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.ticker import FixedLocator, FuncFormatter
from numpy.typing import NDArray

from sim.units import format_duration, format_ratio

from . import style as look
from .marks import EndLabel, label_ends, log_axis, trimmed

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from sim.measure.results import Results

Times = NDArray[np.float64]

_DECADES = 1e5
"""How far below the longest time the axis begins, at the most: who need not wait has waited for no time."""

_GUIDES = ((0.5, "p50"), (0.05, "p95"), (0.01, "p99"), (0.001, "p99.9"))


@dataclass(frozen=True)
class _Curve:
    """Of one subject: bucket bounds (s), and the share of its requests above each."""

    name: str
    colour: str
    time: Times
    slower: Times
    total: int

    def at(self, share: float) -> float:
        return quantile(self.time, self.slower, share)


def latency(results: Results, metric: str = "latency") -> look.Picture:
    """For each traffic class, the share of its successes that took longer than the time on the axis.

    `metric` may also be `wait` or `sojourn`, of services. Pooled over the replications.
    """
    curves = _curves(results, metric)
    if not curves:
        return look.only_words(metric, f"No request has a {metric}: none was answered in time.")
    floor = max(1e-6, min([1e-3, *(1.0 / curve.total for curve in curves)])) / 1.5
    with look.style():
        picture = look.Picture(metric, 7.2, 3.7)
        axes = picture.add_axes((0.1, 0.14, 0.72, 0.74))
        axes.set_title(f"Share of requests with a longer {metric}")
        axes.set_yscale("log")
        axes.set_ylim(floor, 1.3)
        for curve in curves:
            axes.step(curve.time, curve.slower, where="post", color=curve.colour)
        bounds = [bound for curve in curves for bound in (curve.time[0], curve.time[-1])]
        axes.set_xlim(max(min(bounds) / 1.3, max(bounds) / _DECADES), max(bounds) * 1.6)
        log_axis(axes, "x", duration=True)
        axes.set_xlabel(metric)
        levels = [level for level in (1.0, 0.1, 0.01, 1e-3, 1e-4, 1e-5, 1e-6) if level >= floor]
        axes.yaxis.set_major_locator(FixedLocator(levels))
        axes.yaxis.set_minor_locator(FixedLocator([]))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: format_ratio(value)))
        for share, name in _GUIDES:
            if share >= floor:
                _guide(axes, curves, share, name)
        if len(curves) > 1:
            # The lines end at the bottom, close together: their names stand where there is room.
            heights = [0.9 / 1.9**place for place in range(len(curves))]
            names = zip(heights, curves, strict=True)
            label_ends(
                axes,
                [EndLabel(height, trimmed(each.name, 15), each.colour, "bold") for height, each in names],
            )
    words = "; ".join(
        f"{curve.name}: " + ", ".join(f"{name} {format_duration(curve.at(share))}" for share, name in _GUIDES)
        for curve in curves
    )
    picture.alt = (
        f"Share of requests with a {metric} longer than the time on the axis, both axes logarithmic. {words}."
    )
    return picture


def _curves(results: Results, metric: str) -> list[_Curve]:
    rows = results.latency[results.latency["metric"] == metric]
    subjects = [str(subject) for subject in dict.fromkeys(rows["subject"])]
    curves = []
    for subject, colour in zip(subjects, look.SERIES, strict=False):
        time, slower, total = exceedance(rows[rows["subject"] == subject])
        if total:
            curves.append(_Curve(subject.partition(":")[2], colour, time, slower, total))
    return curves


def _guide(axes: Axes, curves: Sequence[_Curve], share: float, name: str) -> None:
    """A dot on each line where a percentile lies, and its name; its value too where there is one line."""
    at = [curve.at(share) for curve in curves]
    if max(at) < axes.get_xlim()[0]:
        return
    for value, curve in zip(at, curves, strict=True):
        axes.plot([value], [share], marker="o", markersize=4.5, color=curve.colour)
    text = f"{name} {format_duration(at[0])}" if len(at) == 1 else name
    axes.annotate(
        text,
        (max(at), share),
        xytext=(7, 2),
        textcoords="offset points",
        fontsize=8,
        color="#333333",
        va="bottom",
    )


def exceedance(rows: pd.DataFrame) -> tuple[Times, Times, int]:
    """By bucket, the upper bound (s) and the share of all that lies above it; and how many there are."""
    ordered = rows.sort_values("high")
    count = ordered["count"].to_numpy(dtype=float)
    total = int(count.sum())
    if total == 0:
        return np.empty(0), np.empty(0), 0
    above = (total - np.cumsum(count)) / total
    high = ordered["high"].to_numpy(dtype=float)
    return high, above, total


def quantile(time: Times, slower: Times, share: float) -> float:
    """The least time (s) that at most this share of requests exceeds."""
    return float(time[min(int(np.searchsorted(-slower, -share)), len(time) - 1)])
