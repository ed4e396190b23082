"""Pictures over load: goodput of each way to retry, and the hockey stick of latency."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.ticker import FuncFormatter, MaxNLocator

from sim.study.curves import is_as_written
from sim.units import format_duration, format_ratio

from . import style as look
from .marks import EndLabel, label_ends, log_axis, number_axis, short, trimmed, upper_ends

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

FEW = 0.5
"""The success ratio below which a latency says little of what most requests meet."""

_WIDTH = 7.2
_COLOURS = {
    "no retry": look.BLACK,
    "naive retry": look.VERMILLION,
    "backoff with jitter": look.BLUE,
    "jitter and budget": look.ORANGE,
    "as written": look.GREEN,
}
_STATISTICS = {"mean": look.GREEN, "p50": look.SKY, "p95": look.BLUE, "p99": look.BLACK}


def goodput_against_load(curve: pd.DataFrame, colours: Mapping[str, str] | None = None) -> look.Picture:
    """Goodput of all traffic against the load offered, a line for each variant, with capacity and the ideal.

    Args:
        curve: of `sim.study.curves.load_curve`; its rows of the subject `system` are drawn.
        colours: of the variants; by default those of the ways to retry. Capacity and the ideal are the first's.
    """
    rows = curve[(curve["metric"] == "goodput") & (curve["subject"] == "system")]
    names = list(dict.fromkeys(str(name) for name in rows["variant"]))
    lines = {name: rows[rows["variant"] == name].sort_values("offered_rate") for name in names}
    one = lines[names[0]]
    offered, ideal = one["offered_rate"].to_numpy(dtype=float), one["ideal"].to_numpy(dtype=float)
    with look.style():
        picture = look.Picture("goodput", _WIDTH, 4.1)
        axes = picture.add_axes((0.095, 0.13, 0.7, 0.7))
        axes.set_title("Requests answered in time, per second", pad=30)
        axes.set_xlim(0.0, float(rows["offered_rate"].max()))
        axes.set_ylim(0.0, float(np.nanmax([rows["mean"].max(), ideal.max()])) * 1.12)
        axes.plot([0.0, *offered], [0.0, *ideal], color=look.GREY, linewidth=1.2, linestyle=(0, (1, 2)))
        labels = []
        for name, line in lines.items():
            colour = colours[name] if colours is not None else _colour(name)
            # The scenario itself is drawn broad and first, so that a variant that does as well lies on it.
            broad = is_as_written(name) and len(names) > 1
            _line(axes, line, colour, 4.5 if broad else 1.5, 0.45 if broad else 1.0)
            labels.append(EndLabel(float(line["mean"].iloc[-1]), _wrapped(trimmed(name, 32)), colour, "bold"))
        if (one["capacity_ratio"] >= 1.0).any():
            best = float(ideal.max())
            axes.axhline(best, color=look.GREY, linewidth=1.1, linestyle=(0, (4, 2)), zorder=1.5)
            labels.append(EndLabel(best, f"capacity {short(best)}", look.GREY))
        number_axis(axes, "y", 5)
        _load_axes(axes, one)
        label_ends(axes, labels)
    ends = "; ".join(f"{name} {short(float(line['mean'].iloc[-1]))}" for name, line in lines.items())
    picture.alt = (
        f"Goodput against offered load. At the greatest load, {short(float(offered.max()))} requests per "
        f"second, perfect services would answer {short(float(ideal[-1]))} per second; {ends}."
    )
    return picture


def hockey_stick(
    curve: pd.DataFrame,
    subject: str,
    theory: pd.DataFrame | None = None,
    objectives: Sequence[tuple[str, float]] = (),
    knee: float | None = None,
    theory_name: str = "theory",
) -> look.Picture:
    """Median, 95th and 99th percentile of latency against load, theory over it, objectives and the knee.

    Args:
        curve: of one variant, from `sim.study.curves.load_curve`.
        subject: whose latency, such as `traffic:web`.
        theory: columns offered_rate (1/s), metric, mean (s); a metric ends in `_mean`, `_p50`, `_p95` or
            `_p99`. The mean is drawn only where theory has no quantiles.
        objectives: names and limits (s).
        knee: an offered rate (1/s).
        theory_name: what to call the theory.
    """
    rows = curve[curve["subject"] == subject]
    dashed = (
        {} if theory is None else {name: part for name, part in _by_statistic(theory).items() if len(part)}
    )
    shown = [
        name
        for name in _STATISTICS
        if rows.loc[rows["metric"] == f"latency_{name}", "mean"].notna().any()
        and (name != "mean" or set(dashed) == {"mean"})
    ]
    lines = {name: rows[rows["metric"] == f"latency_{name}"].sort_values("offered_rate") for name in shown}
    one = lines[shown[-1]]
    greatest = float(one["offered_rate"].max())
    values = [float(value) for line in lines.values() for value in line["mean"] if value > 0.0]
    with look.style():
        picture = look.Picture("hockey-stick", _WIDTH, 4.1)
        axes = picture.add_axes((0.105, 0.13, 0.705, 0.7))
        axes.set_title(f"Latency of {trimmed(subject.partition(':')[2], 40)}", pad=30)
        axes.set_xlim(0.0, greatest)
        axes.set_ylim(min(values) / 2.5, max([*values, *(limit for _, limit in objectives)]) * 1.6)
        log_axis(axes, "y", duration=True)
        few = _grey_where_few_succeed(axes, rows)
        labels = []
        for name, line in lines.items():
            # On this axis an interval that reaches zero would fall out of the picture.
            shown_line = line.assign(low=line["low"].clip(lower=line["mean"] / 10.0))
            _line(axes, shown_line, _STATISTICS[name])
            labels.append(EndLabel(_last(line["mean"]), name, _STATISTICS[name], "bold"))
        for name, part in dashed.items():
            if name in lines:
                axes.plot(
                    part["offered_rate"],
                    part["mean"],
                    color=_STATISTICS[name],
                    linewidth=1.1,
                    linestyle=(0, (3, 2)),
                )
        if set(dashed) & set(lines):
            labels.append(EndLabel(min(values), f"dashed:\n{_wrapped(theory_name)}", look.GREY))
        for name, limit in objectives:
            axes.axhline(limit, color=look.VERMILLION, linewidth=1.1, linestyle=(0, (6, 2)))
            text = f"objective: {name} at most {format_duration(limit)}"
            _write(axes, 0.0, limit, text, look.VERMILLION, 5, 3, "bottom")
        if knee is not None:
            axes.axvline(knee, color=look.PURPLE, linewidth=1.1, zorder=1.5)
            _write(axes, knee, axes.get_ylim()[1], f"knee {short(knee)}/s", look.PURPLE, 4, -4, "top")
        _load_axes(axes, one)
        label_ends(axes, labels)
    ends = ", ".join(f"{name} {format_duration(_last(line['mean']))}" for name, line in lines.items())
    bend = f" The knee is at {short(knee)} per second." if knee is not None else ""
    picture.alt = (
        f"Latency of {subject} against offered load, on a logarithmic axis. At the greatest load, "
        f"{short(greatest)} requests per second: {ends}.{bend}{few}"
    )
    return picture


def _grey_where_few_succeed(axes: Axes, rows: pd.DataFrame) -> str:
    """Grey the loads from which on fewer than half succeed, as latency there is of the lucky; says so in words."""
    success = rows[rows["metric"] == "success_ratio"].sort_values("offered_rate")
    loads, shares = success["offered_rate"].to_numpy(dtype=float), success["mean"].to_numpy(dtype=float)
    if not len(shares) or not shares[-1] < FEW:
        return ""
    enough = np.flatnonzero(shares >= FEW)
    last = int(enough[-1]) if len(enough) else -1
    begin = float((loads[last] + loads[last + 1]) / 2.0) if last >= 0 else 0.0
    axes.axvspan(begin, float(loads[-1]), color="#EDEDED", linewidth=0, zorder=0)
    axes.text(
        float(loads[-1]),
        0.015,
        f"fewer than {format_ratio(FEW)} succeed, \nand only theirs is shown ",
        transform=axes.get_xaxis_transform(),
        fontsize=8,
        color=look.ink(look.GREY),
        ha="right",
        va="bottom",
        zorder=4,
    )
    return f" From {short(begin)} per second on, fewer than {format_ratio(FEW)} of the requests succeed."


def _by_statistic(theory: pd.DataFrame) -> dict[str, pd.DataFrame]:
    ordered = theory.sort_values("offered_rate")
    return {name: ordered[ordered["metric"].str.endswith(f"_{name}")] for name in _STATISTICS}


def _colour(name: str) -> str:
    return next((colour for key, colour in _COLOURS.items() if name.startswith(key)), look.PURPLE)


def _wrapped(name: str) -> str:
    return name.replace(" with ", "\nwith ").replace(" (", "\n(")


def _last(values: pd.Series[float]) -> float:
    known = [float(value) for value in values if math.isfinite(value)]
    return known[-1] if known else math.nan


def _line(axes: Axes, line: pd.DataFrame, colour: str, width: float = 1.5, alpha: float = 1.0) -> None:
    """A curve with a dot at each load that was run, and its intervals as a band."""
    mean, low, high = (line[name].to_numpy(dtype=float) for name in ("mean", "low", "high"))
    if np.isfinite(low).any():
        axes.fill_between(
            line["offered_rate"], low, upper_ends(high, mean), color=colour, alpha=0.18, linewidth=0
        )
    dot = 3.2 if alpha == 1.0 else 0.0
    axes.plot(
        line["offered_rate"],
        line["mean"],
        color=colour,
        linewidth=width,
        alpha=alpha,
        marker="o",
        markersize=dot,
    )


def _write(axes: Axes, x: float, y: float, text: str, colour: str, right: int, up: int, va: str) -> None:
    """Words beside a point, on white so that lines behind do not cross them."""
    axes.annotate(
        text,
        (x, y),
        xytext=(right, up),
        textcoords="offset points",
        color=look.ink(colour),
        fontsize=8,
        va=va,
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.0, "alpha": 0.8},
    )


def _load_axes(axes: Axes, one: pd.DataFrame) -> None:
    """Requests per second below, the ratio to capacity above, and a mark at the load as written."""
    axes.set_xlabel("load offered, requests per second")
    axes.xaxis.set_major_locator(MaxNLocator(8, steps=[1, 2, 2.5, 5, 10]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: short(value)))
    point = one.iloc[-1]
    scale = float(point["capacity_ratio"] / point["offered_rate"])
    if math.isfinite(scale) and scale > 0.0:
        above = axes.secondary_xaxis(
            "top", functions=(lambda x: np.multiply(x, scale), lambda x: np.divide(x, scale))
        )
        above.set_xlabel("as a ratio of capacity", color=look.GREY, fontsize=8)
        above.xaxis.set_major_locator(MaxNLocator(8, steps=[1, 2, 2.5, 5, 10]))
        above.xaxis.set_major_formatter(FuncFormatter(lambda value, _: format_ratio(value)))
        above.spines["top"].set_visible(True)
    now = float(point["offered_rate"] / point["factor"])
    floor = axes.get_ylim()[0]
    axes.plot([now], [floor], marker="^", markersize=7, color=look.ORANGE, clip_on=False, zorder=5)
    side = -5 if now > 0.6 * axes.get_xlim()[1] else 5
    axes.annotate(
        "load as written",
        (now, floor),
        xytext=(side, 4),
        textcoords="offset points",
        color=look.ink(look.ORANGE),
        fontsize=8,
        va="bottom",
        ha="right" if side < 0 else "left",
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.0, "alpha": 0.8},
    )
