"""Markov chains that move one level at a time: block-tridiagonal balance, solved level by level.

x(k+1) = x(k)·R(k+1), and each R follows from the one above it; where all levels above some N are alike,
their common R is the matrix-geometric one. Sources: M. F. Neuts (1981); G. Latouche and V. Ramaswami,
logarithmic reduction (1993).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sim.errors import QuantityError

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Level:
    """The rates out of the n states of one level, 1/s: to the level above, within it, to the level below.

    `up` has shape (n, states above), `here` (n, n) with any diagonal, `down` (n, states below).
    """

    up: Floats
    here: Floats
    down: Floats

    def generator(self) -> Floats:
        """`here` with the diagonal that makes every row of the whole sum to 0."""
        rates = self.here.copy()
        np.fill_diagonal(rates, 0.0)
        out = rates.sum(axis=1) + self.up.sum(axis=1) + self.down.sum(axis=1)
        np.fill_diagonal(rates, -out)
        return rates


@dataclass(frozen=True, eq=False)
class Levels:
    """The long-run probabilities: `rows[k]` of the states of level k.

    Past the last row each level is the one before it times `ratio`; None where there is no such level.
    """

    rows: list[Floats]
    ratio: Floats | None

    def past(self) -> Floats:
        """The probabilities of all levels past the last row, summed, by state; zeros where there are none."""
        last = self.rows[-1]
        if self.ratio is None:
            return np.zeros_like(last)
        return _right(last @ self.ratio, np.eye(len(last)) - self.ratio)

    def past_mean(self) -> Floats:
        """Σ_j j·x(N + j) over the levels past the last row, by state."""
        last = self.rows[-1]
        if self.ratio is None:
            return np.zeros_like(last)
        return _right(self.past(), np.eye(len(last)) - self.ratio)


def solve(levels: Sequence[Level], repeats: bool) -> Levels:
    """The long-run probabilities of a chain of levels.

    Args:
        levels: from level 0 up. `down` of the first and, without repeats, `up` of the last have no columns.
        repeats: whether all levels above the last are like it.

    Raises:
        QuantityError: for a repeated level that drifts upward, which has no steady state.
    """
    top = levels[-1]
    ratio: Floats | None = None
    balance = top.generator()
    if repeats:
        ratio = _geometric(top.up, balance, top.down)
        balance = balance + ratio @ top.down
    steps: list[Floats] = []
    for k in range(len(levels) - 1, 0, -1):
        step = _right(levels[k - 1].up, -balance)
        steps.append(step)
        balance = levels[k - 1].generator() + step @ levels[k].down
    row = _null(balance)
    rows = [row]
    for step in reversed(steps):
        row = row @ step
        rows.append(row)
        largest = float(row.max(initial=0.0))
        if largest > 1e200:
            rows = [each / largest for each in rows]
            row = rows[-1]
    found = Levels(rows, ratio)
    total = sum(float(each.sum()) for each in rows) + float(found.past().sum())
    return Levels([each / total for each in rows], ratio)


def _geometric(up: Floats, here: Floats, down: Floats) -> Floats:
    """The least solution R of up + R·here + R²·down = 0, by logarithmic reduction."""
    n = len(here)
    one = np.eye(n)
    drift = _null(here + up + down)
    if not float((drift @ up).sum()) < float((drift @ down).sum()):
        raise QuantityError("the levels drift upward: there is no steady state", "a load below 1")
    rise, fall = np.linalg.solve(-here, up), np.linalg.solve(-here, down)
    first_passage, weight = fall.copy(), rise.copy()
    for _ in range(200):
        both = rise @ fall + fall @ rise
        rise, fall = np.linalg.solve(one - both, rise @ rise), np.linalg.solve(one - both, fall @ fall)
        first_passage += weight @ fall
        weight = weight @ rise
        if float(weight.max()) < 1e-17 or float(np.abs(1.0 - first_passage.sum(axis=1)).max()) < 1e-16:
            break
    return _right(up, -(here + up @ first_passage))


def _null(generator: Floats) -> Floats:
    """The row x with x·generator = 0 and sum 1, eliminated without subtraction (Grassmann et al., 1985)."""
    rates = generator.copy()
    n = len(rates)
    np.fill_diagonal(rates, 0.0)
    rates = np.maximum(rates, 0.0)
    for k in range(n - 1, 0, -1):
        out = float(rates[k, :k].sum())
        if out > 0.0:
            rates[:k, k] /= out
            rates[:k, :k] += np.outer(rates[:k, k], rates[k, :k])
    row = np.zeros(n)
    row[0] = 1.0
    for k in range(1, n):
        row[k] = float(row[:k] @ rates[:k, k])
    total: Floats = row / row.sum()
    return total


def _right(left: Floats, matrix: Floats) -> Floats:
    """The solution X of X·matrix = left."""
    return np.asarray(np.linalg.solve(matrix.T, left.T), dtype=np.float64).T
