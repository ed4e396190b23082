"""The spike timeline: load, queue, workers, 503s and waiting retries, stacked over one time axis."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import cycle
from typing import TYPE_CHECKING

from matplotlib.ticker import FuncFormatter, MaxNLocator

from . import style as look
from .marks import TimeUnit, short, time_unit, trimmed
from .panels import Panel, busiest, draw_panel, panels
from .windows import ROW, Window, draw_windows, windows

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from sim.measure.results import Results
    from sim.scenario.scenario import Scenario

_PANEL, _GAP = 1.0, 0.37
_LEFT, _RIGHT, _BOTTOM = 0.58, 1.12, 0.5
_TITLE, _HEADING = 0.26, 0.34
"""Inches."""


def timeline(results: Results, service: str | None = None) -> look.Picture:
    """Load, goodput, queue, busy workers, 503s and waiting retries at one service, over one time axis.

    Means over the replications, with a band for the 95 % interval of the mean. Without `service`, the one that
    refused or queued the most.
    """
    name = service or busiest(results)
    rows = panels(results, name)
    named = windows(results.scenario, name)
    with look.style():
        picture = _grid({"": rows}, results.scenario, named, 7.2)
    picture.alt = (
        f"Timeline of service {name} over {_span(results.scenario)}. {_words(rows)} {_faults(named)}".strip()
    )
    return picture


def compare(many: Mapping[str, Results], service: str | None = None) -> look.Picture:
    """The timelines of several results side by side, on the same axes; the keys are the columns' headings."""
    first = next(iter(many.values()))
    name = service or busiest(first)
    columns = {heading: panels(results, name) for heading, results in many.items()}
    named = windows(first.scenario, name, 2.6)
    with look.style():
        picture = _grid(columns, first.scenario, named, 3.2 * len(columns) + 0.6)
    picture.name = "compare"
    parts = " ".join(f"{heading}: {_words(rows)}" for heading, rows in columns.items())
    picture.alt = (
        f"Timelines of service {name}, side by side on the same axes. {parts} {_faults(named)}".strip()
    )
    return picture


OVERLAID = {
    "offered": "Offered, requests per second",
    "goodput": "Answered in time (goodput), requests per second",
    "waiting": "Queue: attempts waiting for a worker",
    "503s": "503s, per second",
    "in backoff": "Retries waiting out their backoff",
}
"""Lines of the panels -> the titles of their own axes, in the order of an overlay."""

_CROWD = 3
"""Lines with a label of two rows that one axis has room for."""


def overlay(many: Mapping[str, Results], service: str | None = None) -> look.Picture:
    """Several results on one axis for each of load, goodput, queue, 503s and waiting retries, a colour for each.

    Means over the replications, with bands for their 95 % intervals; windows of faults are those of the first.
    """
    first = next(iter(many.values()))
    name = service or busiest(first)
    found = {
        heading: {line.label: line for panel in panels(results, name) for line in panel.lines}
        for heading, results in many.items()
    }
    hues = colours(many)
    rows = [
        Panel(
            label,
            title,
            tuple(
                replace(
                    lines[label], label=trimmed(heading, 14), colour=hues[heading], filled=False, paths=None
                )
                for heading, lines in found.items()
                if label in lines
            ),
        )
        for label, title in OVERLAID.items()
        if any(label in lines for lines in found.values())
    ]
    named = windows(first.scenario, name)
    labels = "peaks" if len(many) <= _CROWD else "names"
    with look.style():
        picture = _grid({"": rows}, first.scenario, named, 7.5, labels)
    picture.name = "overlay"
    parts = " ".join(f"{panel.title}: {_words([panel])}" for panel in rows)
    picture.alt = (
        f"Service {name} over {_span(first.scenario)}, {len(many)} scenarios on the same axes. {parts} "
        f"{_faults(named)}"
    ).strip()
    return picture


def colours(names: Iterable[str]) -> dict[str, str]:
    """A colour for each name, the same in every picture of a comparison."""
    return dict(zip(names, cycle(look.SERIES), strict=False))


def _grid(
    columns: Mapping[str, Sequence[Panel]],
    scenario: Scenario,
    named: Sequence[Window],
    width: float,
    labels: str | None = None,
) -> look.Picture:
    keys = list(dict.fromkeys(panel.key for rows in columns.values() for panel in rows))
    titles = {
        key: max((panel.title for rows in columns.values() for panel in rows if panel.key == key), key=len)
        for key in keys
    }
    tops = {
        key: max(panel.top for rows in columns.values() for panel in rows if panel.key == key) for key in keys
    }
    head = _TITLE + ROW * (1 + max((window.row for window in named), default=-1)) + 0.06
    heading = _HEADING if any(columns) else 0.0
    height = heading + head + len(keys) * _PANEL + (len(keys) - 1) * _GAP + _BOTTOM
    picture = look.Picture("timeline", width, height)
    grid = picture.add_gridspec(
        len(keys),
        len(columns),
        left=_LEFT / width,
        right=1.0 - _RIGHT / width,
        top=1.0 - (heading + head) / height,
        bottom=_BOTTOM / height,
        hspace=_GAP / _PANEL,
        wspace=0.09,
    )
    unit = time_unit(scenario.run.duration)
    end = scenario.run.duration / unit.seconds
    for column, (text, rows) in enumerate(columns.items()):
        found = {panel.key: panel for panel in rows}
        for row, key in enumerate(keys):
            axes = picture.add_subplot(grid[row, column])
            draw_windows(axes, named, unit.seconds, _TITLE if row == 0 else None)
            if key in found:
                shown = _labels(column, len(columns)) if labels is None else labels
                draw_panel(axes, found[key], unit.seconds, tops[key], labels=shown)
            else:
                axes.set_ylim(0.0, tops[key] * 1.08)
                axes.text(0.5, 0.4, "none", transform=axes.transAxes, ha="center", color=look.GREY)
            axes.set_xlim(0.0, end)
            if column == 0:
                axes.set_title(titles[key])
            _time_axis(axes, unit, last=row == len(keys) - 1)
            axes.tick_params(labelleft=column == 0)
            if row == 0 and text:
                lift = 1.0 + (head + 0.04) / _PANEL
                axes.text(
                    0.0, lift, trimmed(text, 34), transform=axes.transAxes, fontsize=11, fontweight="bold"
                )
    return picture


def _labels(column: int, columns: int) -> str:
    """Peaks differ from column to column, so beside several of them stand the names alone."""
    if columns == 1:
        return "peaks"
    return "names" if column == columns - 1 else ""


def _time_axis(axes: Axes, unit: TimeUnit, last: bool) -> None:
    axes.xaxis.set_major_locator(MaxNLocator(8, steps=[1, 2, 3, 5, 6, 10]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: short(value)))
    axes.tick_params(labelbottom=last)
    if last:
        axes.set_xlabel(f"time, {unit.name}")


def _span(scenario: Scenario) -> str:
    unit = time_unit(scenario.run.duration)
    return f"{short(scenario.run.duration / unit.seconds)} {unit.name}"


def _words(rows: Sequence[Panel]) -> str:
    """The panels' peaks in words, for a reader who cannot see them."""
    peaks = [
        f"{line.label.replace(chr(10), ' ')} peaks at {short(line.track.peak)} and ends at "
        f"{short(line.track.end)}"
        for panel in rows
        for line in panel.lines
    ]
    return "; ".join(peaks) + "."


def _faults(named: Sequence[Window]) -> str:
    return f"Shaded: {'; '.join(window.text for window in named)}." if named else ""
