"""Counts over a sliding window, kept in ten slices of it: what is longer ago than a window is forgotten by the slice.

State from address `i` on: the number of the slice in hand, the totals of each column, then the columns of each slice.
The window reaches back between nine tenths of its width and all of it, as in Finagle's WindowedAdder.
"""

from __future__ import annotations

import math
from typing import Final

from sim.scenario.rule import State

SLICES: Final = 10


def window_size(columns: int) -> int:
    """How many numbers of state a window of so many columns takes."""
    return 1 + columns * (1 + SLICES)


def slice_width(window: float) -> float:
    """Seconds of one slice of a window."""
    return window / SLICES


def total(s: State, i: int, column: int) -> float:
    """A column's sum over the window, as far as it has been rolled."""
    return s[i + 1 + column]


def add(s: State, i: int, columns: int, column: int, by: float) -> None:
    """Adds to a column, in the slice in hand."""
    place = int(s[i]) % SLICES
    s[i + 1 + column] += by
    s[i + 1 + columns * (1 + place) + column] += by


def roll(s: State, i: int, columns: int, width: float, t: float) -> None:
    """Moves on to the slice of the time `t` and forgets what the window has left behind; `width` is a slice's."""
    # The bound keeps the number exact, however small a slice is.
    now = float(math.floor(min(t / width, 4503599627370496.0)))
    behind = now - s[i]
    if behind <= 0.0:
        return
    for _ in range(int(min(behind, float(SLICES)))):
        s[i] += 1.0
        forget(s, i, columns)
    s[i] = max(s[i], now)


def forget(s: State, i: int, columns: int) -> None:
    """Empties the slice in hand and sums the others anew: a difference would gather rounding."""
    place = int(s[i]) % SLICES
    for column in range(columns):
        s[i + 1 + columns * (1 + place) + column] = 0.0
        left = 0.0
        for each in range(SLICES):
            left += s[i + 1 + columns * (1 + each) + column]
        s[i + 1 + column] = left


def clear(s: State, i: int, columns: int) -> None:
    """Forgets everything."""
    for place in range(columns * (1 + SLICES)):
        s[i + 1 + place] = 0.0
