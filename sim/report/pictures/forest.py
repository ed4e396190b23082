"""A forest plot: paired differences with their intervals, a row for each, the better side on the right."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from . import style as look
from .marks import trimmed
from .rows import draw_dot, rows_of_figures, write_above, write_beside

COLOURS = {"better": look.GREEN, "worse": look.VERMILLION}
MARKERS = {"better": "o", "worse": "D"}
"""By the verdict; grey squares for no difference shown, so that no one needs the colours."""


@dataclass(frozen=True)
class Whisker:
    """A row: what it belongs to, its name, the difference with its interval, its verdict, and the figures in words.

    The difference is turned so that more is better.
    """

    group: str
    name: str
    mean: float
    low: float
    high: float
    verdict: str
    words: str


def forest(whiskers: Sequence[Whisker], baseline: str) -> look.Picture:
    """The differences from the baseline; each metric is drawn on a scale of its own, as their units differ.

    Args:
        whiskers: the rows, those of one group together.
        baseline: what zero stands for.
    """
    drawn = [row for row in whiskers if math.isfinite(row.mean)]
    if not drawn:
        return look.only_words("forest", "There is no difference to draw: no figure is there in both.")
    with look.style():
        names = [trimmed(row.name, 18) for row in drawn]
        # Where variants are the rows, both names of a row are long.
        several = len(set(names)) < len(names)
        left = 0.4 if several else 0.24
        picture, axes = rows_of_figures("forest", [row.group for row in drawn], names, left)
        axes.set_title(f"Difference from {trimmed(baseline, 40)}, paired", pad=22)
        axes.axvline(0.0, color=look.BLACK, linewidth=1.1, zorder=1.5)
        for place, row in enumerate(drawn):
            scale = _reach([one for one in drawn if one.group == row.group] if several else [row])
            colour, marker = COLOURS.get(row.verdict, look.GREY), MARKERS.get(row.verdict, "s")
            draw_dot(axes, row.mean / scale, row.low / scale, row.high / scale, place, colour, marker)
            write_beside(axes, place, row.words)
        axes.set_xlim(-1.12, 1.12)
        axes.set_xticks([-0.56, 0.56], ["← worse", "better →"])
        axes.tick_params(axis="x", length=0)
        axes.grid(visible=False)
        write_above(axes, len(drawn), 0.0, "◆ worse", look.VERMILLION, "bold")
        write_above(axes, len(drawn), 0.32, "■ not shown", look.GREY, "bold")
        write_above(axes, len(drawn), 0.74, "● better", look.GREEN, "bold")
        write_above(axes, len(drawn), 1.02, "difference [95 % interval]", look.GREY)
    said = "; ".join(f"{row.group} {row.name}: {row.words}, {row.verdict}" for row in drawn)
    picture.alt = f"Paired differences from {baseline} with their intervals, {len(drawn)} rows. {said}."
    return picture


def _reach(rows: Sequence[Whisker]) -> float:
    """The greatest distance from zero that any of the rows, which are of one unit, reaches."""
    ends = [abs(end) for row in rows for end in (row.mean, row.low, row.high) if math.isfinite(end)]
    return max(ends) or 1.0
