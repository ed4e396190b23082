"""Rows of dots with whiskers: a row for each figure, its name on the left, its words on the right."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from . import style as look
from .marks import trimmed

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_ROW = 0.3
_FRAME = 1.0
"""Inches: a row, and what stands above and below the rows."""

_WORDS = 0.7
"""Where the words of a row begin, as a share of the width."""


def rows_of_figures(
    picture_name: str, subjects: Sequence[str], names: Sequence[str], left: float = 0.24
) -> tuple[look.Picture, Axes]:
    """A picture with a row for each name, the first on top; its subject stands where it changes.

    `left` is the share of the width that subjects and names have; the axes end where the words begin.
    """
    height = _ROW * len(names) + 0.1
    total = height + _FRAME
    picture = look.Picture(picture_name, 7.2, total)
    wide = _WORDS - left
    axes = picture.add_axes((left, 0.5 / total, wide, height / total))
    begin, end = (0.005 - left) / wide, (0.985 - left) / wide
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.grid(visible=False, axis="y")
    axes.set_yticks(range(len(names)), names)
    axes.tick_params(axis="y", length=0)
    previous = ""
    for place, subject in enumerate(subjects):
        if subject != previous:
            axes.text(
                begin,
                place,
                trimmed(subject, 17 if left < 0.3 else 24),
                transform=axes.get_yaxis_transform(),
                fontsize=8,
                fontweight="bold",
                va="center",
            )
            if place:
                axes.axhline(place - 0.5, color=look.PALE, linewidth=0.8, xmin=begin, xmax=end, clip_on=False)
        previous = subject
    return picture, axes


def write_beside(axes: Axes, place: int, text: str) -> None:
    """The figures of a row in words, right of it."""
    transform = axes.get_yaxis_transform()
    axes.text(1.02, place, text, transform=transform, fontsize=8, va="center", color="#333333")


def write_above(axes: Axes, count: int, at: float, text: str, colour: str, weight: str = "normal") -> None:
    """A word above the rows, at a share of their width."""
    lift = 1.0 + 0.07 / (_ROW * count + 0.1)
    axes.text(at, lift, text, transform=axes.transAxes, color=look.ink(colour), fontsize=8, fontweight=weight)


def draw_dot(
    axes: Axes, value: float, low: float, high: float, height: float, colour: str, marker: str
) -> None:
    """A mark at a value with a whisker from low to high, at the height of its row."""
    if math.isfinite(low) and math.isfinite(high):
        axes.plot(
            [low, high], [height, height], color=colour, linewidth=2.4, alpha=0.45, solid_capstyle="butt"
        )
    axes.plot([value], [height], marker=marker, color=colour, markersize=5, linestyle="none")
