"""Fault windows: the shaded spans of a timeline, with their names above it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sim.study.load import callers
from sim.units import format_ratio

from .marks import short, trimmed

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from sim.scenario.faults import Fault
    from sim.scenario.scenario import Scenario

ROW = 0.19
"""Inches that a row of names takes."""


@dataclass(frozen=True)
class Window:
    """A fault from `start` to `end`, its name, the middle of the name (all in seconds), and its row, 0 the lowest."""

    start: float
    end: float
    text: str
    middle: float
    row: int


def windows(scenario: Scenario, service: str, inches: float = 5.4) -> list[Window]:
    """The faults that touch a service, its traffic or its clients, in the order written.

    `inches` is the length of the time axis: names that would touch go to rows above each other.
    """
    span = scenario.run.duration
    sign = 0.062 * span / inches
    found: list[Window] = []
    free: list[float] = []
    for fault in sorted(touching(scenario, service), key=lambda fault: (fault.at, fault.end)):
        start, end = min(span, fault.at), min(span, fault.end)
        text = f"{trimmed(target(fault), 22)} {effect(fault)}"
        half = sign * len(text) / 2.0
        middle = max(half, min(span - half, (start + end) / 2.0))
        row = next((index for index, edge in enumerate(free) if edge <= middle - half), len(free))
        free[row : row + 1] = [middle + half + 2.0 * sign]
        found.append(Window(start, end, text, middle, row))
    return found


def touching(scenario: Scenario, service: str) -> list[Fault]:
    """The faults of a service, of the traffic that calls it and of that traffic's clients."""
    traffic = callers(scenario, service)
    clients = {scenario.client_name(name) for name in traffic}
    return [
        fault
        for fault in scenario.faults
        if fault.service == service
        or (fault.traffic is not None and fault.traffic in traffic)
        or (fault.client is not None and fault.client in clients)
    ]


def target(fault: Fault) -> str:
    """The name of what a fault befalls, and which of its instances if only one."""
    if fault.instance is not None:
        return f"{trimmed(str(fault.service), 10)} instance {fault.instance:.0f}"
    return fault.traffic or fault.service or fault.client or ""


def effect(fault: Fault) -> str:
    """What a fault does, in few words: `×3`, `paused`, `errors 50%`."""
    if fault.rate is not None:
        return f"rate ×{short(fault.rate)}"
    if fault.workers is not None:
        return f"workers {'×' if fault.workers.relative else ''}{short(fault.workers.value)}"
    if fault.service_time is not None:
        return f"service time ×{short(fault.service_time)}"
    if fault.error_ratio is not None:
        return f"errors {format_ratio(fault.error_ratio)}"
    if fault.lost is not None:
        return f"lost {format_ratio(fault.lost)}"
    if fault.discipline is not None:
        return f"serves {fault.discipline}"
    if fault.drop_queue is not None:
        return "queue dropped"
    return "retries off" if fault.retries is not None else "paused"


def draw_windows(axes: Axes, named: Sequence[Window], unit: float, lift: float | None) -> None:
    """Shade the windows; with `lift`, write their names that many inches above the axes."""
    height = axes.get_window_extent().height / axes.figure.dpi
    for window in named:
        start, end = window.start / unit, window.end / unit
        axes.axvspan(start, end, color="#EFEBDD", linewidth=0, zorder=0)
        for edge in {start, end}:
            axes.axvline(edge, color="#B8AE8C", linewidth=0.7, zorder=0.5)
        if lift is not None:
            axes.text(
                window.middle / unit,
                1.0 + (lift + ROW * window.row) / height,
                window.text,
                transform=axes.get_xaxis_transform(),
                ha="center",
                fontsize=8.0,
                color="#6B5F33",
            )
