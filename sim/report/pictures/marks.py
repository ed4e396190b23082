"""Marks that pictures share: labels at line ends, time axes, short numbers, shaded fault windows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter, NullLocator

from sim.units import format_duration

from .style import ink

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

_PREFIXES = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))


def upper_ends(high: NDArray[np.float64], mean: NDArray[np.float64]) -> NDArray[np.float64]:
    """The upper ends of intervals as they can be drawn: the mean where there is none."""
    return np.where(np.isfinite(high), high, mean)


def short(value: float, digits: int = 3) -> str:
    """A number in few signs, with an engineering prefix from 10,000 on: 0.25, 120, 9800, 12k, 3.4M."""
    if not math.isfinite(value):
        return "–" if math.isnan(value) else ("∞" if value > 0 else "−∞")
    size, sign = abs(value), "−" if value < 0 else ""
    if size >= 9999.5:
        for scale, prefix in _PREFIXES:
            if float(f"{size:.{digits}g}") >= scale:
                return f"{sign}{_plain(size / scale, digits)}{prefix}"
    if size != 0 and size < 1e-4:
        mantissa, exponent = f"{size:.{digits - 1}e}".split("e")
        return f"{sign}{_trim(mantissa)}e−{abs(int(exponent))}"
    return sign + _plain(size, digits)


def _plain(size: float, digits: int) -> str:
    if size == 0:
        return "0"
    places = max(0, digits - 1 - math.floor(math.log10(float(f"{size:.{digits}g}"))))
    return _trim(f"{size:.{places}f}")


def _trim(text: str) -> str:
    return text.rstrip("0").rstrip(".") if "." in text else text


def trimmed(name: str, width: int = 22) -> str:
    """A name cut to what fits in a picture."""
    return name if len(name) <= width else name[: width - 1] + "…"


class TimeUnit(NamedTuple):
    """The unit in which a time axis counts."""

    name: str
    seconds: float


def time_unit(span: float) -> TimeUnit:
    """The unit that suits an axis of `span` seconds."""
    for limit, unit in (
        (0.01, TimeUnit("µs", 1e-6)),
        (1.0, TimeUnit("ms", 1e-3)),
        (600.0, TimeUnit("s", 1.0)),
        (3 * 3600.0, TimeUnit("min", 60.0)),
        (72 * 3600.0, TimeUnit("h", 3600.0)),
    ):
        if span <= limit:
            return unit
    return TimeUnit("days", 86400.0)


def number_axis(axes: Axes, which: str = "y", ticks: int = 4) -> None:
    """Few round ticks in short numbers, from zero upwards."""
    axis = axes.yaxis if which == "y" else axes.xaxis
    axis.set_major_locator(MaxNLocator(ticks, steps=[1, 2, 2.5, 5, 10]))
    axis.set_major_formatter(FuncFormatter(lambda value, _: short(value)))


def log_axis(axes: Axes, which: str, duration: bool = False) -> None:
    """A logarithmic axis labelled in plain numbers or durations; 1-2-5 steps when it spans little."""
    set_scale = axes.set_yscale if which == "y" else axes.set_xscale
    set_scale("log")
    axis = axes.yaxis if which == "y" else axes.xaxis
    low, high = sorted(axis.get_view_interval())
    decades = math.log10(high / low) if low > 0 else 3.0
    steps = (1.0, 2.0, 5.0) if decades < 2.2 else (1.0, 3.0) if decades < 3.2 else (1.0,)
    axis.set_major_locator(LogLocator(base=10.0, subs=steps, numticks=14))
    axis.set_minor_locator(NullLocator())
    axis.set_minor_formatter(NullFormatter())
    name = format_duration if duration else short
    axis.set_major_formatter(FuncFormatter(lambda value, _: name(value)))


class EndLabel(NamedTuple):
    """A word at the height of a line's end, in the line's colour."""

    height: float
    text: str
    colour: str
    weight: str = "normal"


def label_ends(axes: Axes, labels: Sequence[EndLabel], size: float = 8.0, at: float = 1.012) -> None:
    """Write labels beside the right edge, at their lines' heights, moved apart where they would touch."""
    figure = axes.figure
    if not labels:
        return
    box = axes.get_window_extent()
    pitch = size * 1.25 * figure.dpi / 72.0 / box.height
    to_axes = axes.transScale + axes.transLimits
    wanted = [float(to_axes.transform((axes.get_xlim()[1], label.height))[1]) for label in labels]
    wanted = [min(1.0, max(0.0, height)) if math.isfinite(height) else 0.0 for height in wanted]
    extra = [pitch * label.text.count("\n") for label in labels]
    for index, height in spread(wanted, pitch, extra).items():
        label = labels[index]
        axes.text(
            at,
            height,
            label.text,
            transform=axes.transAxes,
            va="center",
            ha="left",
            fontsize=size,
            color=ink(label.colour),
            fontweight=label.weight,
            linespacing=1.1,
            clip_on=False,
        )


def spread(wanted: Sequence[float], pitch: float, extra: Sequence[float] | None = None) -> dict[int, float]:
    """Heights nearest to those wanted that lie at least `pitch`, plus half of each one's extra, apart.

    Their order stays. Neighbours that touch are joined into a block that sits at its members' mean (pool adjacent
    violators), and the lowest stays clear of the axis below.
    """
    more = extra or [0.0] * len(wanted)
    order = sorted(range(len(wanted)), key=lambda index: (wanted[index], -index))
    offsets: list[float] = []
    for place, index in enumerate(order):
        step = 0.0 if place == 0 else pitch + (more[index] + more[order[place - 1]]) / 2.0
        offsets.append((offsets[-1] if offsets else 0.0) + step)
    blocks: list[tuple[float, int]] = []
    for index, offset in zip(order, offsets, strict=True):
        mean, count = wanted[index] - offset, 1
        while blocks and blocks[-1][0] > mean:
            before, size = blocks.pop()
            mean, count = (mean * count + before * size) / (count + size), count + size
        blocks.append((mean, count))
    floor = more[order[0]] / 2.0 if order else 0.0
    bases = [max(floor, mean) for mean, count in blocks for _ in range(count)]
    return {index: base + offset for index, base, offset in zip(order, bases, offsets, strict=True)}
