"""Small pictures for the page of mechanisms: a strip of panels as a plain SVG of some kilobytes.

Drawn by hand and not by matplotlib, so that a strip is small, and the same to the byte on every machine.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from html import escape
from typing import NamedTuple

from sim.report.pictures.style import BLUE, GREY, ink

WIDTH, HEIGHT = 720, 124
LEFT, RIGHT, TOP, BOTTOM = 34, 14, 22, 18
WITHOUT = "#9a9a9a"
Placed = Callable[[float], float]
"""Where a value stands, in pixels."""


class Line(NamedTuple):
    """Points of a line in the panel's units, and where it is drawn: without the mechanism, or with it."""

    x: Sequence[float]
    y: Sequence[float]
    with_it: bool


class Band(NamedTuple):
    """From the least to the greatest of the replications."""

    x: Sequence[float]
    low: Sequence[float]
    high: Sequence[float]


class Panel(NamedTuple):
    """One panel of a strip: what it shows, how far its axes go, and its lines."""

    title: str
    x: tuple[float, float]
    y: tuple[float, float]
    x_ticks: tuple[tuple[float, str], ...]
    y_ticks: tuple[tuple[float, str], ...]
    lines: tuple[Line | Band, ...]
    log_x: bool = False
    log_y: bool = False
    shade: tuple[tuple[float, float], ...] = ()


def strip(title: str, description: str, panels: Sequence[Panel]) -> str:
    """The SVG file's text."""
    width = WIDTH / len(panels)
    font = 'font-family="DejaVu Sans, Verdana, sans-serif" font-size="10"'
    size = f'width="{WIDTH}" height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-labelledby="t d" {font}>',
        f'<title id="t">{escape(title)}</title><desc id="d">{escape(description)}</desc>',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
    ]
    for place, panel in enumerate(panels):
        parts += drawn(panel, width * place, width)
    return "\n".join([*parts, "</svg>", ""])


def drawn(panel: Panel, left: float, width: float) -> list[str]:
    """The elements of one panel."""
    x0, x1 = left + LEFT, left + width - RIGHT
    y0, y1 = HEIGHT - BOTTOM, TOP

    def across(x: float) -> float:
        return x0 + share(x, panel.x, panel.log_x) * (x1 - x0)

    def up(y: float) -> float:
        return y0 + share(y, panel.y, panel.log_y) * (y1 - y0)

    text = ink(GREY)
    parts = [f'<text x="{x0:.0f}" y="13" font-weight="bold" fill="#333">{escape(panel.title)}</text>']
    for start, end in panel.shade:
        begin, finish = across(start), across(end)
        parts.append(
            f'<rect x="{begin:.1f}" y="{y1}" width="{max(1.5, finish - begin):.1f}" height="{y0 - y1}" fill="#f6e3cf"/>'
        )
    for value, word in panel.y_ticks:
        at = up(value)
        parts.append(f'<path d="M{x0:.0f} {at:.1f}H{x1:.0f}" stroke="#e6e6e6"/>')
        parts.append(
            f'<text x="{x0 - 4:.0f}" y="{at + 3.5:.1f}" text-anchor="end" fill="{text}">{word}</text>'
        )
    for value, word in panel.x_ticks:
        parts.append(
            f'<text x="{across(value):.1f}" y="{HEIGHT - 5}" text-anchor="middle" fill="{text}">{word}</text>'
        )
    for line in panel.lines:
        if isinstance(line, Band):
            forth = points(line.x, line.high, across, up)
            back = points(line.x[::-1], line.low[::-1], across, up)
            parts.append(f'<path d="M{forth}L{back}Z" fill="{BLUE}" fill-opacity=".22"/>')
        else:
            colour, thick = (BLUE, 1.8) if line.with_it else (WITHOUT, 1.4)
            path = points(line.x, line.y, across, up)
            parts.append(f'<path d="M{path}" fill="none" stroke="{colour}" stroke-width="{thick}"/>')
    return parts


def share(value: float, ends: tuple[float, float], log: bool) -> float:
    """Where a value stands between the ends of an axis, 0 to 1; what is past an end stands at it."""
    low, high = ends
    value = min(max(value, low), high)
    if log:
        return math.log(value / low) / math.log(high / low)
    return (value - low) / (high - low)


def points(x: Sequence[float], y: Sequence[float], across: Placed, up: Placed) -> str:
    """The points of a path, to a tenth of a pixel; those on a straight level are left out."""
    places = [(f"{across(one):.0f}", f"{up(other):.1f}") for one, other in zip(x, y, strict=True)]
    kept = [
        place
        for number, place in enumerate(places)
        if number in (0, len(places) - 1) or not places[number - 1][1] == place[1] == places[number + 1][1]
    ]
    return "L".join(f"{one} {other}" for one, other in kept)
