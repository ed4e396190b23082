"""Little's law at every boundary, and theory beside simulation: dots with whiskers."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.ticker import FuncFormatter, MaxNLocator

from sim.report.figures import figure, unit_shown
from sim.units import format_duration, format_ratio

from . import style as look
from .marks import log_axis, short, trimmed

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from sim.measure.results import Results

_ROW = 0.3
"""Inches."""


def littles_law(results: Results) -> look.Picture:
    """L beside λW, measured apart, with the interval of each: one row for each boundary that was ever entered."""
    rows = results.audits[(results.audits["L"] > 0.0) & np.isfinite(results.audits["L"])]
    rows = rows.drop_duplicates(["subject", "boundary"]).reset_index(drop=True)
    with look.style():
        picture, axes = _rows(rows["subject"].tolist(), rows["boundary"].tolist(), "littles-law", 0.56)
        axes.set_title("Little's law: number inside, L, beside arrival rate × time inside, λW", pad=22)
        for place, row in enumerate(rows.itertuples(index=False)):
            _dot(axes, float(row.L), float(row.L_low), float(row.L_high), place - 0.13, look.BLUE, "o")
            _dot(
                axes,
                float(row.lambda_W),
                float(row.lambda_W_low),
                float(row.lambda_W_high),
                place + 0.13,
                look.VERMILLION,
                "D",
            )
            text = f"{short(float(row.L), 4)}  =  {short(float(row.arrival_rate), 4)}/s × {format_duration(float(row.W))}"
            axes.text(
                1.02,
                place,
                text,
                transform=axes.get_yaxis_transform(),
                fontsize=8,
                va="center",
                color="#333333",
            )
        _spaced(axes, [*rows["L"], *rows["lambda_W"]])
        axes.set_xlabel("mean number inside")
        lift = 1.0 + 0.07 / (_ROW * len(rows) + 0.1)
        axes.text(
            0.0,
            lift,
            "● L, counted",
            transform=axes.transAxes,
            color=look.ink(look.BLUE),
            fontsize=8,
            fontweight="bold",
        )
        axes.text(
            0.3,
            lift,
            "◆ λW, timed",
            transform=axes.transAxes,
            color=look.ink(look.VERMILLION),
            fontsize=8,
            fontweight="bold",
        )
        axes.text(1.02, lift, "L  =  λ × W", transform=axes.transAxes, color=look.GREY, fontsize=8)
    worst = float((rows["lambda_W"] / rows["L"] - 1.0).abs().max()) if len(rows) else 0.0
    words = "; ".join(
        f"{row.subject} {row.boundary}: L {short(float(row.L), 4)}, λW {short(float(row.lambda_W), 4)}"
        for row in rows.itertuples()
    )
    picture.alt = f"Little's law at {len(rows)} boundaries; the two sides differ by at most {format_ratio(worst)}. {words}."
    return picture


def theory_beside_simulation(beside: pd.DataFrame) -> look.Picture:
    """Simulation divided by theory, a row for each figure that both give; on the line they agree.

    `beside` has the columns subject, metric, unit, model, theory, mean, low, high.
    """
    theory = beside["theory"].astype(float)
    rows = beside[(theory > 0.0) & np.isfinite(theory)].reset_index(drop=True)
    if rows.empty:
        return _nothing()
    with look.style():
        metrics = [str(metric).replace("_", " ") for metric in rows["metric"]]
        picture, axes = _rows(rows["subject"].tolist(), metrics, "theory", 0.56)
        axes.set_title("Simulation as a ratio of theory", pad=22)
        axes.axvline(1.0, color=look.BLACK, linewidth=1.1, zorder=1.5)
        reach = 0.02
        for place, row in enumerate(rows.itertuples(index=False)):
            theory = float(row.theory)
            value, low, high = float(row.mean) / theory, float(row.low) / theory, float(row.high) / theory
            exact = not str(row.method).startswith("approx")
            _dot(axes, value, low, high, place, look.BLUE if exact else look.ORANGE, "o")
            reach = max([reach, *(abs(edge - 1.0) for edge in (value, low, high) if math.isfinite(edge))])
            text = f"{figure(float(row.mean), unit=unit_shown(row.metric, row.unit))}  :  {figure(theory, unit=unit_shown(row.metric, row.unit))}  {row.model}"
            axes.text(
                1.02,
                place,
                text,
                transform=axes.get_yaxis_transform(),
                fontsize=8,
                va="center",
                color="#333333",
            )
        axes.set_xlim(1.0 - reach * 1.1, 1.0 + reach * 1.1)
        axes.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: format_ratio(value)))
        axes.set_xlabel("simulation ÷ theory")
        lift = 1.0 + 0.07 / (_ROW * len(rows) + 0.1)
        axes.text(1.02, lift, "simulation  :  theory", transform=axes.transAxes, color=look.GREY, fontsize=8)
    words = "; ".join(
        f"{row.subject} {row.metric}: simulation {figure(float(row.mean), unit=unit_shown(row.metric, row.unit))}, {row.model} {figure(float(row.theory), unit=unit_shown(row.metric, row.unit))}"
        for row in rows.itertuples()
    )
    picture.alt = f"Simulation divided by theory with 95 % intervals, {len(rows)} figures. {words}."
    return picture


def _nothing() -> look.Picture:
    with look.style():
        picture = look.Picture("theory", 7.2, 1.0)
        picture.alt = "No model of queueing theory applies to the scenario as it stands."
        picture.text(0.02, 0.5, picture.alt, va="center", color=look.GREY)
    return picture


def _rows(
    subjects: list[str], names: list[str], picture_name: str, share: float
) -> tuple[look.Picture, Axes]:
    """A picture with a row for each name, the first on top, its subject where it changes."""
    height = _ROW * len(names) + 0.1
    total = height + 1.0
    picture = look.Picture(picture_name, 7.2, total)
    axes = picture.add_axes((0.24, 0.5 / total, share - 0.1, height / total))
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.grid(visible=False, axis="y")
    axes.set_yticks(range(len(names)), names)
    axes.tick_params(axis="y", length=0)
    previous = ""
    for place, subject in enumerate(subjects):
        if subject != previous:
            axes.text(
                -0.51,
                place,
                trimmed(subject, 17),
                transform=axes.get_yaxis_transform(),
                fontsize=8,
                fontweight="bold",
                va="center",
            )
            if place:
                axes.axhline(place - 0.5, color=look.PALE, linewidth=0.8, xmin=-0.51, xmax=2.2, clip_on=False)
        previous = subject
    return picture, axes


def _dot(axes: Axes, value: float, low: float, high: float, height: float, colour: str, marker: str) -> None:
    if math.isfinite(low) and math.isfinite(high):
        axes.plot(
            [low, high], [height, height], color=colour, linewidth=2.4, alpha=0.45, solid_capstyle="butt"
        )
    axes.plot([value], [height], marker=marker, color=colour, markersize=5, linestyle="none")


def _spaced(axes: Axes, values: list[float]) -> None:
    """A logarithmic axis when the values span more than a factor of 20, else a plain one from zero."""
    positive = [value for value in values if value > 0.0]
    low, high = min(positive, default=1.0), max(positive, default=1.0)
    if high / low > 20.0:
        axes.set_xlim(low / 2.0, high * 2.0)
        log_axis(axes, "x")
        axes.set_xlim(low / 2.0, high * 2.0)
    else:
        axes.set_xlim(0.0, high * 1.15)
        axes.xaxis.set_major_locator(MaxNLocator(4))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: short(value)))
