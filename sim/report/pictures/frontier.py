"""What better costs: every candidate's cost against the objective that binds, the frontier, and the plan chosen."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from matplotlib.ticker import FuncFormatter, MaxNLocator

from sim.report.figures import figure, metric_words, subject_words
from sim.report.plan_words import asked_words, bound_words, cost_name, unit_of_row, values_words

from . import style as look
from .forest import COLOURS
from .marks import EndLabel, label_ends, log_axis, short, trimmed

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from sim.study.planning.planned import Planned

_FAR = 30.0
"""Values so many times the least are drawn on a logarithmic axis."""

VERDICTS = {"met": COLOURS["better"], "missed": COLOURS["worse"], "inconclusive": look.GREY}
MARKERS = {"met": "o", "missed": "D", "inconclusive": "s"}
SIGNS = {"met": "● met", "missed": "◆ missed", "inconclusive": "■ not certain"}


def frontier(planned: Planned) -> look.Picture:
    """Cost to the right, the figure of the binding objective upwards, with its bound and 95 % intervals."""
    binding = planned.binding
    points = [] if binding is None else _points(planned, binding)
    if binding is None or not points:
        return look.only_words("frontier", "No candidate has the figure of the objective that binds.")
    unit, limit = (
        unit_of_row(binding),
        binding["at_most"] if binding["at_most"] is not None else binding["at_least"],
    )
    with look.style():
        picture = look.Picture("frontier", 7.2, 3.7)
        axes = picture.add_axes((0.115, 0.14, 0.685, 0.72))
        words = f"{metric_words(binding['metric'])} of {subject_words(binding['subject'])}"
        axes.set_title(trimmed(f"{words[0].upper()}{words[1:]}", 70), pad=20)
        if binding["case"] is not None:
            case = trimmed(binding["case"], 48)
            axes.text(
                1.0, 1.025, case, transform=axes.transAxes, fontsize=8, ha="right", color=look.ink(look.GREY)
            )
        axes.set_xlabel(cost_name(planned))
        for verdict, colour in VERDICTS.items():
            _dots(axes, [one for one in points if one["verdict"] == verdict], colour, MARKERS[verdict])
        best = planned.frontier
        axes.plot(
            [one["cost"] for one in best],
            [one["value"] for one in best],
            color=look.BLUE,
            linewidth=1.3,
            zorder=2,
        )
        _scale(axes, [one["value"] for one in points], float(limit), unit)
        axes.axhline(limit, color=look.VERMILLION, linewidth=1.1, linestyle=(0, (6, 2)), zorder=1.8)
        axes.xaxis.set_major_locator(
            MaxNLocator(7, integer=planned.cost_unit == "workers", steps=[1, 2, 5, 10])
        )
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: short(value)))
        _mark(axes, planned, points)
        shown = {one["verdict"] for one in points}
        labels = [EndLabel(float(limit), f"objective\n{bound_words(binding)}", look.VERMILLION)]
        if best:
            labels.append(EndLabel(best[-1]["value"], "frontier", look.BLUE, "bold"))
        label_ends(axes, labels)
        at = 0.0
        for verdict in (one for one in VERDICTS if one in shown):
            axes.text(
                at, 1.025, SIGNS[verdict], transform=axes.transAxes, fontsize=8, fontweight="bold",
                color=look.ink(VERDICTS[verdict]),
            )  # fmt: skip
            at += 0.025 + 0.0155 * len(SIGNS[verdict])
    picture.alt = _words(planned, binding, unit)
    return picture


def _points(planned: Planned, binding: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Cost and the figure that binds, of each candidate that has both."""
    named = tuple(binding[name] for name in ("case", "subject", "metric"))
    found = []
    for one in planned.candidates:
        for row in one.objectives:
            same = tuple(row[name] for name in ("case", "subject", "metric")) == named
            if same and math.isfinite(row["value"]) and math.isfinite(one.cost):
                found.append({**row, "cost": one.cost, "values": one.values, "verdict": one.verdict})
    return found


def _dots(axes: Axes, points: list[dict[str, Any]], colour: str, marker: str) -> None:
    for one in points:
        if math.isfinite(one["low"]) and math.isfinite(one["high"]):
            axes.plot([one["cost"]] * 2, [one["low"], one["high"]], color=colour, linewidth=2.2, alpha=0.4)
    axes.plot(
        [one["cost"] for one in points],
        [one["value"] for one in points],
        marker=marker,
        linestyle="none",
        markersize=5,
        color=colour,
        zorder=3,
    )


def _scale(axes: Axes, values: list[float], limit: float, unit: str) -> None:
    """A logarithmic axis where the values differ by far, else one that holds the bound too."""
    low, high = min(*values, limit), max(*values, limit)
    if low > 0.0 and high > _FAR * low:
        axes.set_ylim(low / 1.5, high * 1.5)
        log_axis(axes, "y", duration=unit == "s")
    else:
        room = 0.08 * (high - low) or 0.1 * abs(high) or 1.0
        axes.set_ylim(low - room, high + room)
        axes.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: figure(value, unit=unit)))


def _mark(axes: Axes, planned: Planned, points: list[dict[str, Any]]) -> None:
    """A ring and words at the plan that was chosen."""
    chosen = next((one for one in points if one["values"] == planned.best), None)
    if chosen is None:
        return
    at = (chosen["cost"], chosen["value"])
    axes.plot(*at, marker="o", markersize=12, markerfacecolor="none", markeredgecolor=look.BLACK, zorder=4)
    # Below the ring, on the side to which the frontier does not go.
    left = chosen["at_most"] is not None
    axes.annotate(
        "the plan",
        at,
        xytext=(-8 if left else 8, -15),
        textcoords="offset points",
        ha="right" if left else "left",
        fontsize=8,
        fontweight="bold",
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.0, "alpha": 0.8},
    )


def _words(planned: Planned, binding: Mapping[str, Any], unit: str) -> str:
    steps = "; ".join(
        f"{values_words(one['values'])} costs {one['cost']:.6g}: {figure(one['value'], unit=unit)}, {one['verdict']}"
        for one in planned.frontier
    )
    best = f" The plan: {values_words(planned.best)}." if planned.best is not None else ""
    return f"Cost against {asked_words(binding)}. Frontier: {steps}.{best}"
