"""The share of requests slower than a given latency, down to one in a million."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.ticker import FixedLocator, FuncFormatter

from sim.units import format_duration, format_ratio

from . import style as look
from .marks import EndLabel, label_ends, log_axis, trimmed

if TYPE_CHECKING:
    import pandas as pd

    from sim.measure.results import Results

_GUIDES = ((0.5, "p50"), (0.05, "p95"), (0.01, "p99"), (0.001, "p99.9"))


def latency(results: Results, metric: str = "latency") -> look.Picture:
    """For each traffic class, the share of its successes that took longer than the time on the axis.

    `metric` may also be `wait` or `sojourn`, of services. Pooled over the replications.
    """
    rows = results.latency[results.latency["metric"] == metric]
    subjects = [str(subject) for subject in dict.fromkeys(rows["subject"])][: len(look.SERIES)]
    with look.style():
        picture = look.Picture(metric, 7.2, 3.7)
        axes = picture.add_axes((0.1, 0.14, 0.72, 0.74))
        axes.set_title(f"Share of requests with a longer {metric}")
        labels, lowest, ends = [], 1.0, []
        for subject, colour in zip(subjects, look.SERIES, strict=False):
            time, slower, total = exceedance(rows[rows["subject"] == subject])
            if not total:
                continue
            axes.step(time, slower, where="post", color=colour)
            lowest = min(lowest, max(1.0 / total, 1e-6))
            labels.append((EndLabel(0.0, trimmed(subject.split(":", 1)[1], 15), colour), float(time[-1])))
            ends.append((subject, time, slower))
        axes.set_yscale("log")
        axes.set_ylim(max(1e-6, min(lowest, 1e-3)) / 1.5, 1.3)
        log_axis(axes, "x", duration=True)
        axes.set_xlabel(metric)
        levels = [level for level in (1.0, 0.1, 0.01, 1e-3, 1e-4, 1e-5, 1e-6) if level >= axes.get_ylim()[0]]
        axes.yaxis.set_major_locator(FixedLocator(levels))
        axes.yaxis.set_minor_locator(FixedLocator([]))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: format_ratio(value)))
        for share, name in _GUIDES:
            if share < axes.get_ylim()[0] or not ends:
                continue
            at = [quantile(time, slower, share) for _, time, slower in ends]
            for value, (label, _) in zip(at, labels, strict=True):
                axes.plot([value], [share], marker="o", markersize=4.5, color=label.colour)
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
        if len(labels) > 1:
            label_ends(
                axes,
                [
                    EndLabel(0.9 / 1.9**index, label.text, label.colour, "bold")
                    for index, (label, _) in enumerate(labels)
                ],
            )
    words = "; ".join(
        f"{subject} "
        + ", ".join(f"{name} {format_duration(quantile(time, slower, share))}" for share, name in _GUIDES)
        for subject, time, slower in ends
    )
    picture.alt = (
        f"Share of requests with a {metric} longer than the time on the axis, both axes logarithmic. {words}."
    )
    return picture


def exceedance(rows: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, int]:
    """By bucket, the upper bound (s) and the share of all that lies above it; and how many there are."""
    ordered = rows.sort_values("high")
    count = ordered["count"].to_numpy(dtype=float)
    total = int(count.sum())
    if total == 0:
        return np.empty(0), np.empty(0), 0
    above = (total - np.cumsum(count)) / total
    high = ordered["high"].to_numpy(dtype=float)
    return high, above, total


def quantile(time: np.ndarray, slower: np.ndarray, share: float) -> float:
    """The least time (s) that at most this share of requests exceeds."""
    return float(time[min(int(np.searchsorted(-slower, -share)), len(time) - 1)])
