"""Pictures over load: goodput of each way to retry, and the hockey stick of latency."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.ticker import FuncFormatter, MaxNLocator

from sim.units import format_duration, format_ratio

from . import style as look
from .marks import EndLabel, label_ends, log_axis, number_axis, short, trimmed

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

_WIDTH = 7.2
_COLOURS = {
    "no retry": look.BLACK,
    "naive retry": look.VERMILLION,
    "backoff with jitter": look.BLUE,
    "as written": look.GREEN,
}
_QUANTILES = (("p50", look.SKY), ("p95", look.BLUE), ("p99", look.BLACK))


def goodput_against_load(curve: pd.DataFrame) -> look.Picture:
    """Goodput of all traffic against the load offered, a line for each variant, with capacity and the ideal.

    `curve` has the columns variant, factor, offered_rate, capacity_ratio, ideal, subject, metric, mean, low, high.
    """
    rows = curve[(curve["metric"] == "goodput") & (curve["subject"] == "system")]
    order = [name for name in _variants(rows)]
    with look.style():
        picture = look.Picture("goodput", _WIDTH, 4.1)
        axes = picture.add_axes((0.095, 0.13, 0.69, 0.7))
        axes.set_title("Requests answered in time, per second", pad=30)
        labels: list[EndLabel] = []
        one = rows[rows["variant"] == order[0]].sort_values("offered_rate")
        offered, ideal = one["offered_rate"].to_numpy(), one["ideal"].to_numpy()
        axes.plot(offered, ideal, color=look.GREY, linewidth=1.1, linestyle=(0, (1, 2)))
        for name in order:
            line = rows[rows["variant"] == name].sort_values("offered_rate")
            colour = _colour(name)
            _band(axes, line, colour)
            axes.plot(line["offered_rate"], line["mean"], color=colour, marker="o", markersize=3.2)
            labels.append(EndLabel(float(line["mean"].iloc[-1]), _wrapped(name), colour, "bold"))
        axes.set_xlim(0.0, float(offered.max()))
        top = float(np.nanmax([rows["mean"].max(), ideal.max()]))
        axes.set_ylim(0.0, top * 1.12)
        _capacity(axes, one, labels, ideal)
        number_axis(axes, "y", 5)
        _load_axes(axes, one)
        label_ends(axes, labels)
    last = {name: rows[rows["variant"] == name].sort_values("offered_rate").iloc[-1] for name in order}
    words = "; ".join(
        f"{name} ends at {short(float(line['mean']))} per second" for name, line in last.items()
    )
    picture.alt = (
        f"Goodput against offered load up to {short(float(offered.max()))} requests per second; the ideal ends at "
        f"{short(float(ideal[-1]))}. At the greatest load {words}."
    )
    return picture


def hockey_stick(
    curve: pd.DataFrame,
    subject: str,
    theory: pd.DataFrame | None = None,
    objectives: Sequence[tuple[str, float]] = (),
    knee: float | None = None,
    metric: str = "latency",
    theory_name: str = "theory",
) -> look.Picture:
    """Median, 95th and 99th percentile of latency against load, theory over it, objectives and the knee.

    `theory` has the columns offered_rate, metric, mean; `objectives` are (metric, seconds); `knee` is an offered rate.
    """
    rows = curve[(curve["variant"] == curve["variant"].iloc[0]) & (curve["subject"] == subject)]
    found = [(p, colour) for p, colour in _QUANTILES if (rows["metric"] == f"{metric}_{p}").any()]
    with look.style():
        picture = look.Picture("hockey-stick", _WIDTH, 4.1)
        axes = picture.add_axes((0.105, 0.13, 0.72, 0.7))
        axes.set_title(f"{metric.capitalize()} of {trimmed(subject.split(':', 1)[1], 30)}", pad=30)
        labels: list[EndLabel] = []
        values: list[float] = []
        one = rows[rows["metric"] == f"{metric}_{found[0][0]}"].sort_values("offered_rate")
        for p, colour in found:
            line = rows[rows["metric"] == f"{metric}_{p}"].sort_values("offered_rate")
            _band(axes, line, colour)
            axes.plot(line["offered_rate"], line["mean"], color=colour, marker="o", markersize=3.2)
            labels.append(EndLabel(_last(line["mean"]), p, colour, "bold"))
            values.extend(float(value) for value in line["mean"] if value > 0.0)
            if theory is not None:
                over = theory[theory["metric"].str.endswith(f"_{p}")].sort_values("offered_rate")
                axes.plot(
                    over["offered_rate"], over["mean"], color=colour, linewidth=1.0, linestyle=(0, (3, 2))
                )
        low, high = min(values), max([*values, *(limit for _, limit in objectives)])
        axes.set_ylim(low / 1.5, high * 1.5)
        axes.set_xlim(0.0, float(one["offered_rate"].max()))
        log_axis(axes, "y", duration=True)
        axes.set_ylim(low / 1.5, high * 1.5)
        for name, limit in objectives:
            axes.axhline(limit, color=look.VERMILLION, linewidth=1.1, linestyle=(0, (6, 2)))
            axes.text(
                0.012,
                limit * 1.04,
                f"objective: {name.replace('_', ' ')} at most {format_duration(limit)}",
                transform=axes.get_yaxis_transform(),
                color=look.ink(look.VERMILLION),
                fontsize=8,
                va="bottom",
            )
        if theory is not None and len(theory):
            labels.append(EndLabel(low, f"dashed:\n{theory_name}", look.GREY))
        if knee is not None:
            _mark(axes, knee, f"knee {short(knee)}/s", look.PURPLE)
        _load_axes(axes, one)
        label_ends(axes, labels)
    ends = ", ".join(
        f"{label.text} {format_duration(label.height)}" for label in labels if "\n" not in label.text
    )
    picture.alt = (
        f"Latency of {subject} against offered load on a logarithmic axis. At the greatest load, "
        f"{short(float(one['offered_rate'].max()))} per second: {ends}."
        + (f" The knee is at {short(knee)} per second." if knee is not None else "")
    )
    return picture


def _variants(rows: pd.DataFrame) -> list[str]:
    return [str(name) for name in dict.fromkeys(rows["variant"])]


def _colour(name: str) -> str:
    return next((colour for key, colour in _COLOURS.items() if name.startswith(key)), look.PURPLE)


def _wrapped(name: str) -> str:
    return name.replace(" with ", "\nwith ").replace(" (", "\n(").replace("naive retry", "naive\nretry")


def _last(values: pd.Series[float]) -> float:
    known = [float(value) for value in values if math.isfinite(value)]
    return known[-1] if known else math.nan


def _band(axes: Axes, line: pd.DataFrame, colour: str) -> None:
    low, high = line["low"].to_numpy(dtype=float), line["high"].to_numpy(dtype=float)
    if np.isfinite(low).any():
        axes.fill_between(line["offered_rate"], low, high, color=colour, alpha=0.2, linewidth=0)


def _capacity(axes: Axes, one: pd.DataFrame, labels: list[EndLabel], ideal: object) -> None:
    del ideal
    best = float(one["ideal"].max())
    reached = one[one["capacity_ratio"] >= 1.0]
    if len(reached):
        axes.axhline(best, color=look.GREY, linewidth=1.1, linestyle=(0, (4, 2)), zorder=1.5)
        labels.append(EndLabel(best, f"capacity {short(best)}", look.GREY))


def _mark(axes: Axes, at: float, text: str, colour: str) -> None:
    axes.axvline(at, color=colour, linewidth=1.1, zorder=1.5)
    axes.text(
        at,
        0.985,
        f" {text}",
        transform=axes.get_xaxis_transform(),
        color=look.ink(colour),
        fontsize=8,
        va="top",
    )


def _load_axes(axes: Axes, one: pd.DataFrame) -> None:
    """Requests per second below, the ratio to capacity above, and a mark at the load as written."""
    axes.set_xlabel("load offered, requests per second")
    axes.xaxis.set_major_locator(MaxNLocator(8, steps=[1, 2, 2.5, 5, 10]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: short(value)))
    point = one.iloc[-1]
    scale = float(point["capacity_ratio"] / point["offered_rate"])
    if math.isfinite(scale) and scale > 0.0:
        above = axes.secondary_xaxis("top", functions=(lambda x: x * scale, lambda x: x / scale))
        above.set_xlabel("as a ratio of capacity", color=look.GREY, fontsize=8)
        above.xaxis.set_major_locator(MaxNLocator(8, steps=[1, 2, 2.5, 5, 10]))
        above.xaxis.set_major_formatter(FuncFormatter(lambda value, _: format_ratio(value)))
        above.spines["top"].set_visible(True)
    now = float((one["offered_rate"] / one["factor"]).iloc[-1])
    axes.plot(
        [now],
        [0.0],
        marker="^",
        markersize=7,
        color=look.ORANGE,
        transform=axes.get_xaxis_transform(),
        clip_on=False,
        zorder=5,
    )
    axes.text(
        now,
        0.03,
        " as written",
        transform=axes.get_xaxis_transform(),
        color=look.ink(look.ORANGE),
        fontsize=8,
        va="bottom",
    )
