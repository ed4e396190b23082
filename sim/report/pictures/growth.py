"""The load of the future against capacity: growth with its band, the staircase of purchases, and when it runs out."""

from __future__ import annotations

import datetime as dt
import math
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.ticker import FixedLocator, FuncFormatter

from sim.study.load import offered_load
from sim.units import YEAR, format_span

from . import style as look
from .marks import EndLabel, label_ends, number_axis, short

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from sim.study.growth.forecast import Forecast

_MONTH = YEAR / 12.0
_STEPS = (1, 2, 3, 6, 12, 24, 60, 120)
"""Months from tick to tick."""

_TICKS = 8


def growth(found: Forecast) -> look.Picture:
    """Requests per second over time: expected with its band, certified capacity with every purchase, the run-out."""
    levels, rate = found.levels, offered_load(found.scenario)
    times = levels["time"].to_numpy(dtype=float)
    end = float(times[-1])
    with look.style():
        picture = look.Picture("growth", 7.2, 3.9)
        axes = picture.add_axes((0.085, 0.15, 0.725, 0.73))
        axes.set_title("Load and certified capacity, requests per second", pad=18)
        axes.set_xlim(0.0, end)
        axes.fill_between(
            times,
            rate * levels["level_low"],
            rate * levels["level_high"],
            color=look.BLUE,
            alpha=0.18,
            linewidth=0,
        )
        axes.plot(times, rate * levels["level"], color=look.BLUE, linewidth=1.8)
        top = rate * float(levels["level_high"].max())
        labels = [EndLabel(rate * float(levels["level"].iloc[-1]), "load\nexpected", look.BLUE, "bold")]
        labels += _staircase(axes, found, rate, end)
        stairs = [rate * found.sizes[0].low, *(rate * step.after.low for step in found.steps)]
        axes.set_ylim(0.0, 1.12 * max(top, *stairs))
        _run_out(axes, found, end)
        _time_axis(axes, found, end)
        number_axis(axes, "y", 5)
        label_ends(axes, labels)
    picture.alt = _words(found, rate)
    return picture


def _staircase(axes: Axes, found: Forecast, rate: float, end: float) -> list[EndLabel]:
    """Capacity, each purchase there when it may first be needed, or as soon as it can; dashed: without any."""
    first = found.sizes[0]
    times, levels = [0.0], [rate * first.low]
    for step in found.steps:
        if step.arrives < end:
            times.append(max(0.0, step.arrives))
            levels.append(rate * step.after.low)
    labels = [EndLabel(levels[0], f"as it is\n{short(levels[0])}", look.GREY)]
    axes.axhline(levels[0], color=look.GREY, linewidth=1.1, linestyle=(0, (4, 2)), zorder=1.5)
    if len(times) > 1:
        axes.step([*times, end], [*levels, levels[-1]], where="post", color=look.GREEN, linewidth=1.6)
        labels.append(EndLabel(levels[-1], f"with purchases\n{short(levels[-1])}", look.GREEN, "bold"))
        for step, time, level in zip(found.steps, times[1:], levels[1:], strict=False):
            axes.annotate(
                f"+{step.bought}", (time, level), xytext=(-3, 3), textcoords="offset points", ha="right",
                fontsize=8, color=look.ink(look.GREEN),
            )  # fmt: skip
    for step in found.steps:
        if step.order <= end:
            axes.plot(
                [max(0.0, step.order)],
                [0.0],
                marker="^",
                markersize=7,
                color=look.ORANGE,
                clip_on=False,
                zorder=5,
            )
    return labels


def _run_out(axes: Axes, found: Forecast, end: float) -> None:
    """When what is there now runs out: shaded from the earliest to the latest, a line at the expected time."""
    when = found.run_out
    if when.earliest >= end:
        return
    axes.axvspan(
        when.earliest, min(end, when.latest), color=look.VERMILLION, alpha=0.10, linewidth=0, zorder=0
    )
    at = when.time if when.time < end else when.earliest
    axes.axvline(at, color=look.VERMILLION, linewidth=1.1, zorder=1.5)
    right = at > 0.6 * end
    said = "runs out" if when.time < end else "may run out"
    axes.annotate(
        f"{said} {_when(found, at)}",
        (at, axes.get_ylim()[1]),
        xytext=(-4 if right else 4, -3),
        textcoords="offset points",
        ha="right" if right else "left",
        va="top",
        fontsize=8,
        fontweight="bold",
        color=look.ink(look.VERMILLION),
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.0, "alpha": 0.8},
    )
    if any(step.order <= end for step in found.steps):
        axes.text(
            0.0, 1.02, "▲ order by", transform=axes.transAxes, fontsize=8, color=look.ink(look.ORANGE),
            fontweight="bold",
        )  # fmt: skip


def _when(found: Forecast, time: float) -> str:
    """A time as a date where the start has one, else as a span from the start."""
    date = found.date(time)
    return date.isoformat() if date is not None else f"in {format_span(time)}"


def _time_axis(axes: Axes, found: Forecast, end: float) -> None:
    """Months, as dates where they are known."""
    months = end / _MONTH
    step = next((each for each in _STEPS if months / each <= _TICKS), _STEPS[-1])
    start = found.demand.start
    if start is None:
        places = np.arange(0.0, months + 1e-9, step if months >= 1.0 else months / 4.0) * _MONTH
        axes.xaxis.set_major_locator(FixedLocator(places.tolist()))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: short(value / _MONTH)))
        axes.set_xlabel("months from now")
        return
    firsts = [_month_after(start, number) for number in range(math.ceil(months) + 2)]
    dates = [date for date in firsts if date >= start and (date.month - 1) % min(step, 12) == 0]
    known = {(date - start).days * 86400.0: date for date in dates}
    axes.xaxis.set_major_locator(FixedLocator([time for time in known if time <= end]))
    axes.xaxis.set_major_formatter(
        FuncFormatter(lambda value, _: known[value].strftime("%Y-%m") if value in known else "")
    )


def _month_after(date: dt.date, number: int) -> dt.date:
    """The first of the month, so many months later."""
    years, month = divmod(date.month - 1 + number, 12)
    return dt.date(date.year + years, month + 1, 1)


def _words(found: Forecast, rate: float) -> str:
    last = found.levels.iloc[-1]
    when = found.run_out
    end = float(last["time"])
    out = (
        f"Capacity as it is runs out {_when(found, when.time)}, at the earliest {_when(found, when.earliest)}."
        if when.time < end
        else "Capacity as it is does not run out within that."
    )
    bought = "; ".join(
        f"+{step.bought}, needed {_when(found, step.needed.time)}"
        for step in found.steps
        if step.needed.time < math.inf
    )
    return (
        f"Load over {format_span(end)}, from {short(rate)} to {short(float(last['offered_rate']))} per second "
        f"expected. {out}{f' Purchases: {bought}.' if bought else ''}"
    )
