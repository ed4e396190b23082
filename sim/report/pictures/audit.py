"""Little's law at every boundary, and theory beside simulation: dots with whiskers, a row for each figure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.ticker import FuncFormatter, MaxNLocator

from sim.report.figures import figure, records, unit_shown
from sim.units import format_duration, format_ratio

from . import style as look
from .marks import log_axis, short, trimmed
from .rows import draw_dot, rows_of_figures, write_above, write_beside

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from sim.measure.results import Results


def littles_law(results: Results) -> look.Picture:
    """L beside λW, measured apart, each with its interval: a row for each boundary that was entered."""
    audits = results.audits
    known = np.isfinite(audits["L"].to_numpy(dtype=float)) & (audits["L"].to_numpy(dtype=float) > 0.0)
    rows = records(audits[known])
    if not rows:
        return look.only_words("littles-law", "Nothing ever arrived: no boundary was entered.")
    with look.style():
        picture, axes = rows_of_figures(
            "littles-law", [row.subject for row in rows], [row.boundary for row in rows]
        )
        axes.set_title("Little's law: number inside, L, beside arrival rate × time inside, λW", pad=22)
        for place, row in enumerate(rows):
            draw_dot(axes, row.L, row.L_low, row.L_high, place - 0.13, look.BLUE, "o")
            draw_dot(
                axes, row.lambda_W, row.lambda_W_low, row.lambda_W_high, place + 0.13, look.VERMILLION, "D"
            )
            product = f"{short(row.arrival_rate, 4)}/s × {format_duration(row.W)}"
            write_beside(axes, place, f"{short(row.L, 4)}  =  {product}")
        _spaced(axes, [value for row in rows for value in (row.L, row.lambda_W)])
        axes.set_xlabel("mean number inside")
        write_above(axes, len(rows), 0.0, "● L, counted", look.BLUE, "bold")
        write_above(axes, len(rows), 0.3, "◆ λW, timed", look.VERMILLION, "bold")
        write_above(axes, len(rows), 1.02, "L  =  λ × W", look.GREY)
    worst = max(abs(row.lambda_W / row.L - 1.0) for row in rows)
    words = "; ".join(
        f"{row.subject} {row.boundary}: L {short(row.L, 4)}, λW {short(row.lambda_W, 4)}" for row in rows
    )
    picture.alt = (
        f"Little's law at {len(rows)} boundaries; the two sides differ by at most "
        f"{format_ratio(float(f'{worst:.2g}'))}. {words}."
    )
    return picture


def theory_beside_simulation(beside: pd.DataFrame) -> look.Picture:
    """Simulation divided by theory, a row for each figure that both give; on the line they agree.

    `beside` has the columns subject, metric, unit, model, method, theory, mean, low, high.
    """
    theory = beside["theory"].to_numpy(dtype=float)
    rows = records(beside[(theory > 0.0) & np.isfinite(theory)])
    if not rows:
        return look.only_words("theory", "No model of queueing theory applies to the scenario as it stands.")
    words = []
    with look.style():
        names = [str(row.metric).replace("_", " ") for row in rows]
        picture, axes = rows_of_figures("theory", [row.subject for row in rows], names)
        axes.set_title("Simulation as a ratio of theory", pad=22)
        axes.axvline(1.0, color=look.BLACK, linewidth=1.1, zorder=1.5)
        reach = 0.02
        for place, row in enumerate(rows):
            ratios = [row.mean / row.theory, row.low / row.theory, row.high / row.theory]
            value, low, high = ratios
            draw_dot(axes, value, low, high, place, look.BLUE if row.method == "exact" else look.ORANGE, "o")
            reach = max([reach, *(abs(ratio - 1.0) for ratio in ratios if math.isfinite(ratio))])
            unit = unit_shown(row.metric, row.unit)
            measured, said = figure(row.mean, unit=unit), figure(row.theory, unit=unit)
            write_beside(axes, place, f"{measured}  :  {said}  {trimmed(row.model, 16)}")
            words.append(f"{row.subject} {row.metric}: simulation {measured}, {row.model} {said}")
        axes.set_xlim(1.0 - reach * 1.1, 1.0 + reach * 1.1)
        axes.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: format_ratio(value)))
        axes.set_xlabel("simulation ÷ theory")
        write_above(axes, len(rows), 1.02, "simulation  :  theory", look.GREY)
    picture.alt = (
        f"Simulation divided by theory with 95 % intervals, {len(rows)} figures. {'; '.join(words)}."
    )
    return picture


def _spaced(axes: Axes, values: Sequence[float]) -> None:
    """A logarithmic axis when the values span more than a factor of 20, else a plain one from zero."""
    positive = [value for value in values if value > 0.0]
    low, high = min(positive, default=1.0), max(positive, default=1.0)
    if high / low > 20.0:
        axes.set_xlim(low / 2.0, high * 2.0)
        log_axis(axes, "x")
        return
    axes.set_xlim(0.0, high * 1.15)
    axes.xaxis.set_major_locator(MaxNLocator(4))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: short(value)))
