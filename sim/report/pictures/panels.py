"""What the timeline shows of one service, panel by panel, and how a panel is drawn."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sim.scenario.faults import ServicePiece, service_timeline
from sim.study.load import callers, mean_service_time
from sim.study.metastability.recovery import recovery

from . import style as look
from .bands import Track, paths, track
from .marks import EndLabel, label_ends, number_axis, short, upper_ends
from .windows import touching

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from sim.measure.results import Results
    from sim.scenario.scenario import Scenario


_USUAL = 0.97
_FAR = {"load": 2.0, "refused": 5.0}
"""How far above its 97th percentile, or its limit, the lines of a panel may rise before they are cut off."""


@dataclass(frozen=True)
class Line:
    """A mean over replications with its name and colour; `paths`, one column each, where they part ways."""

    label: str
    colour: str
    track: Track
    filled: bool = False
    paths: NDArray[np.float64] | None = None


@dataclass(frozen=True)
class Limit:
    """A level that may change at given times (seconds): workers, places in the queue, the rate of service."""

    label: str
    times: NDArray[np.float64]
    levels: NDArray[np.float64]


@dataclass(frozen=True)
class Panel:
    """One row of the picture: a key, the title with the unit, lines, and at most one limit."""

    key: str
    title: str
    lines: tuple[Line, ...]
    limit: Limit | None = None

    @property
    def top(self) -> float:
        """The height that shows every line, and the limit unless it is far above them.

        A burst that is brief and far above all else is cut off, so that the rest can be seen; the picture says so.
        """
        peak = max(
            (float(np.nanmax(upper_ends(line.track.high, line.track.mean))) for line in self.lines),
            default=0.0,
        )
        usual = max((float(np.quantile(line.track.mean, _USUAL)) for line in self.lines), default=0.0)
        if self.limit is not None:
            levels = self.limit.levels[np.isfinite(self.limit.levels)]
            limit = float(levels.max()) if len(levels) else 0.0
            if limit <= 4.0 * peak or peak == 0.0:
                peak, usual = max(peak, limit), max(usual, limit)
        if 0.0 < _FAR.get(self.key, math.inf) * usual < peak:
            return 1.25 * usual
        return peak if peak > 0.0 else 1.0


def panels(results: Results, service: str) -> list[Panel]:
    """The panels of one service that have something to show; load, queue and workers always, if measured."""
    scenario = results.scenario
    node = f"service:{service}"
    traffic = [f"traffic:{name}" for name in callers(scenario, service)]

    def line(
        subjects: Sequence[str], metric: str, label: str, colour: str, filled: bool = False
    ) -> list[Line]:
        found = track(results.series, subjects, metric, twins=results.twins)
        return [Line(label, colour, found, filled)] if found is not None else []

    split = _parting(results, service)
    retries = [name for name in callers(scenario, service) if scenario.client_of(name).retry.attempts > 1]
    refused = line([node], "rejected", "503s", look.VERMILLION, True)
    most = max((found.track.peak for found in refused), default=0.0)
    timeouts = [
        found
        for found in line(traffic, "timeouts", "timeouts", look.PURPLE)
        if found.track.peak > 0.01 * most
    ]
    attempts = line(traffic, "attempts", "attempts", look.ORANGE) if retries else []
    offered = line(traffic, "offered", "offered", look.BLACK)
    goodput = line(traffic, "goodput", "goodput", look.GREEN)
    rows = [
        Panel(
            "load",
            "Requests offered and answered in time, per second",
            (*offered, *goodput),
            _capacity(scenario, service),
        ),
        Panel(
            "queue",
            "Queue: attempts waiting for a worker",
            tuple(replace(found, paths=split) for found in line([node], "queue", "waiting", look.BLUE, True)),
            _places(scenario, service),
        ),
        Panel(
            "busy",
            "Workers busy",
            tuple(line([node], "busy", "busy", look.SKY, True)),
            _workers(results, service),
        ),
    ]
    blocked = line([node], "blocked", "blocked", look.ORANGE, True)
    if any(found.track.peak > 0.0 for found in blocked):
        rows.append(Panel("blocked", "Producers blocked by a full queue", tuple(blocked)))
    if attempts or any(found.track.peak > 0.0 for found in refused) or timeouts:
        lines = (*attempts, *refused, *timeouts)
        names = [found.label for found in lines]
        title = " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))
        rows.append(Panel("refused", f"{title[0].upper()}{title[1:]}, per second", lines))
    orbit = line(traffic, "orbit", "in backoff", look.PURPLE, True)
    if retries and any(found.track.peak > 0.0 for found in orbit):
        rows.append(Panel("orbit", "Retries waiting out their backoff", tuple(orbit)))
    return [row for row in rows if row.lines]


def _parting(results: Results, service: str) -> NDArray[np.float64] | None:
    """The queue in each replication, by column, if some recovered from the faults and others did not."""
    found = recovery(results, service, touching(results.scenario, service))
    if found is None or found.recovered in (0, len(found.times)):
        return None
    return paths(results.series, [f"service:{service}"], "queue").to_numpy(dtype=float)


def busiest(results: Results) -> str:
    """The service that refused most, else the one with the longest queue, else the first."""
    found: list[tuple[float, float, str]] = []
    for name in results.scenario.services:
        rejected = track(results.series, [f"service:{name}"], "rejected")
        queue = track(results.series, [f"service:{name}"], "queue")
        found.append((rejected.peak if rejected else 0.0, queue.peak if queue else 0.0, name))
    return max(found, key=lambda entry: entry[:2])[2]


def draw_panel(axes: Axes, panel: Panel, unit: float, top: float, labels: str = "peaks") -> None:
    """One panel.

    Args:
        axes: where to draw it.
        panel: what to draw.
        unit: the time axis's unit, in seconds.
        top: the greatest value to make room for.
        labels: what stands at the lines' ends: `peaks` (names and peaks), `names`, or `` for nothing.
    """
    last = panel.lines[0].track
    end = (float(last.time[-1]) + last.width) / unit
    axes.set_xlim(float(last.time[0]) / unit, end)
    axes.set_ylim(0.0, top * 1.08)
    number_axis(axes, "y", 3)
    for line in panel.lines:
        _draw_line(axes, line, line.track.middle / unit)
    if panel.key == "load" and len(panel.lines) == 2:
        _draw_gap(axes, panel.lines[0].track, panel.lines[1].track, unit)
    _say_cut_off(axes, panel, unit)
    marks = [_label(line, labels == "peaks" and panel.key not in ("load", "busy")) for line in panel.lines]
    if panel.limit is not None:
        marks.extend(_draw_limit(axes, panel.limit, unit, end, top))
    if labels:
        label_ends(axes, marks)


def _draw_line(axes: Axes, line: Line, at: NDArray[np.float64]) -> None:
    if line.filled:
        axes.fill_between(at, 0.0, line.track.mean, color=line.colour, alpha=0.16, linewidth=0)
    if np.isfinite(line.track.low).all():
        axes.fill_between(at, line.track.low, line.track.high, color=line.colour, alpha=0.28, linewidth=0)
    if line.paths is not None:
        axes.plot(at, line.paths, color=line.colour, linewidth=0.5, alpha=0.45)
    axes.plot(at, line.track.mean, color=line.colour, linewidth=1.4)


def _draw_gap(axes: Axes, offered: Track, goodput: Track, unit: float) -> None:
    """Shade what is offered and not answered."""
    axes.fill_between(
        offered.middle / unit,
        goodput.mean,
        offered.mean,
        where=(offered.mean > goodput.mean).tolist(),
        interpolate=True,
        color=look.VERMILLION,
        alpha=0.16,
        linewidth=0,
    )


def _say_cut_off(axes: Axes, panel: Panel, unit: float) -> None:
    """Name the highest line that leaves the picture, with its peak, where it does."""
    line = max(panel.lines, key=lambda line: line.track.peak)
    low, high = axes.get_xlim()
    if line.track.peak <= axes.get_ylim()[1]:
        return
    at = float(line.track.middle[int(np.nanargmax(line.track.mean))]) / unit
    right = at > low + 0.75 * (high - low)
    axes.annotate(
        f"↑ {line.label} {short(line.track.peak)}",
        (at, axes.get_ylim()[1]),
        xytext=(-5 if right else 5, -1),
        textcoords="offset points",
        ha="right" if right else "left",
        va="top",
        fontsize=8.0,
        color=look.ink(line.colour),
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.8, "alpha": 0.8},
    )


def _label(line: Line, peak: bool) -> EndLabel:
    text = f"{line.label}\npeak {short(line.track.peak)}" if peak else line.label
    return EndLabel(line.track.end, text, line.colour)


def _draw_limit(axes: Axes, limit: Limit, unit: float, end: float, top: float) -> list[EndLabel]:
    level = float(limit.levels[-1])
    text = f"{limit.label} {short(level)}"
    if not math.isfinite(level) or level > top * 1.08:
        return []
    times = np.append(limit.times / unit, end)
    levels = np.append(limit.levels, level)
    axes.step(times, levels, where="post", color=look.GREY, linewidth=1.1, linestyle=(0, (4, 2)), zorder=1.5)
    return [EndLabel(level, text, look.GREY)]


def _capacity(scenario: Scenario, service: str) -> Limit | None:
    mean = mean_service_time(scenario, service)
    if not mean > 0.0 or scenario.services[service].slowdown is not None:
        return None

    def rate(piece: ServicePiece) -> float:
        return 0.0 if piece.paused else piece.workers / (mean * max(piece.time_factor, 1e-300))

    return _over_instances("capacity", scenario, service, rate)


def _workers(results: Results, service: str) -> Limit | None:
    """The workers there are: through the faults, or, where an autoscaler moves them, as they were on average."""
    scenario = results.scenario
    if scenario.services[service].autoscale is None:
        return _over_instances("workers", scenario, service, lambda piece: float(piece.workers))
    there = track(results.series, [f"service:{service}"], "workers")
    return None if there is None else Limit("workers", there.time, there.mean)


def _over_instances(
    label: str, scenario: Scenario, service: str, level: Callable[[ServicePiece], float]
) -> Limit | None:
    """A level summed over a service's instances, through their faults; none where an autoscaler moves it."""
    if scenario.services[service].autoscale is not None:
        return None
    lives = [
        service_timeline(scenario, service, number) for number in range(scenario.services[service].instances)
    ]
    times = sorted({piece.at for life in lives for piece in life})
    levels = [
        math.fsum(level([piece for piece in life if piece.at <= time][-1]) for life in lives)
        for time in times
    ]
    return Limit(label, np.array(times), np.array(levels))


def _places(scenario: Scenario, service: str) -> Limit | None:
    places = float(scenario.services[service].queue.capacity) * scenario.services[service].instances
    return Limit("places", np.array([0.0]), np.array([places])) if math.isfinite(places) else None
