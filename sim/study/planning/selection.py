"""Which of several random costs is the least, with a guaranteed probability: the procedure KN of Kim and Nelson.

S.-H. Kim and B. L. Nelson, "A fully sequential procedure for indifference-zone selection in simulation", ACM TOMACS
11(3), 2001. Costs are compared two by two under common random numbers; whoever is surely no cheaper than another is
left out, and what is left goes on. If the cheapest is cheaper than every other by the indifference zone δ or more, it
is chosen with at least the probability asked for (their theorem 1, for normal costs). If several are nearer to it than
δ, one of them is chosen. Looking after batches and not after every replication only delays a decision.

KN is slow to leave out what is dearer by far and varies much. So half the error is its own, and the other half is spent
on Student's t of every difference at every look (Bonferroni), which leaves that out.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sim.measure.intervals import student

FIRST: Final = 10
"""Replications from which the variances of the differences are found."""

Draw = Callable[[int, int], Sequence[float]]
"""(which, how many in all) -> its costs in the first so many replications."""


@dataclass(frozen=True)
class Selection:
    """What was chosen.

    best: its place. left: the places of those not left out, best included. replications: of each of those.
    means: place -> the mean cost, of all, as far as each was simulated. sure: whether one alone was left.
    """

    best: int
    left: tuple[int, ...]
    replications: int
    means: tuple[float, ...]
    drawn: tuple[int, ...]

    @property
    def sure(self) -> bool:
        """Whether the guarantee holds: one alone was left."""
        return len(self.left) == 1


def cheapest(
    draw: Draw, number: int, *, indifference: float, error: float, most: int, first: int = FIRST
) -> Selection:
    """Chooses the least of `number` mean costs.

    Args:
        draw: gives the costs; the same replication of each shares its random numbers.
        number: how many there are to choose from.
        indifference: δ, in the unit of the costs: a smaller difference does not matter.
        error: the chance of a wrong choice that is allowed.
        most: replications of each at the most; those still left then are not told apart.
        first: replications before the first look.
    """
    costs = [np.array(draw(place, first), dtype=np.float64) for place in range(number)]
    left = list(range(number))
    squares = _variances(costs)
    reach = first
    looks = 1 + math.ceil(math.log2(max(1.0, most / first)))
    factor = _factor(number, error / 2.0, first)
    sure = 1.0 - error / (max(1, number - 1) * looks)  # of a two-sided interval: half the error, at one end
    while True:
        left = _without_the_dear(costs, left, squares, factor, indifference, reach)
        left = _without_the_dearer(costs, left, sure)
        if len(left) == 1 or reach >= most:
            break
        reach = min(most, 2 * reach)
        for place in left:
            costs[place] = np.array(draw(place, reach), dtype=np.float64)
    # Those that never differed are one and the same: the first of them will do.
    left = [
        place for at, place in enumerate(left) if not _seen(costs[place], (costs[one] for one in left[:at]))
    ]
    means = tuple(float(each.mean()) for each in costs)
    best = min(left, key=lambda place: (means[place], place))
    return Selection(best, tuple(left), reach, means, tuple(len(each) for each in costs))


def _without_the_dearer(costs: Sequence[NDArray[np.float64]], left: Sequence[int], sure: float) -> list[int]:
    """Those of `left` that no other one is certain to be less than, by Student's t on their differences."""
    table = np.array([costs[place] for place in left])
    number = table.shape[1]
    dearer = table.mean(axis=1)[:, None] - table.mean(axis=1)[None, :]
    half = student(number - 1, sure) * np.sqrt(_variances(table) / number)
    return [place for place, row in zip(left, dearer > half, strict=True) if not row.any()]


def _seen(costs: NDArray[np.float64], before: Iterable[NDArray[np.float64]]) -> bool:
    return any(np.array_equal(costs, one) for one in before)


def _factor(number: int, error: float, first: int) -> float:
    """h² of KN with c = 1."""
    freedom = first - 1
    eta = 0.5 * ((2.0 * error / max(1, number - 1)) ** (-2.0 / freedom) - 1.0)
    return float(2.0 * eta * freedom)


def _variances(costs: Sequence[NDArray[np.float64]] | NDArray[np.float64]) -> NDArray[np.float64]:
    """Of the differences of each pair."""
    table = np.array(costs)
    centred = table - table.mean(axis=1, keepdims=True)
    covariance = centred @ centred.T / (table.shape[1] - 1)
    own = np.diag(covariance)
    squares: NDArray[np.float64] = np.maximum(0.0, own[:, None] + own[None, :] - 2.0 * covariance)
    return squares


def _without_the_dear(
    costs: Sequence[NDArray[np.float64]],
    left: Sequence[int],
    squares: NDArray[np.float64],
    factor: float,
    indifference: float,
    reach: int,
) -> list[int]:
    """Those of `left` that are not surely dearer than another one."""
    means = np.array([costs[place].mean() for place in left])
    among = squares[np.ix_(left, left)]
    slack = indifference / (2.0 * reach) * (factor * among / indifference**2 - reach)
    allowed = means[None, :] + np.maximum(0.0, slack)
    keeps = means[:, None] <= allowed
    # The least mean is never left out: no other can be less than it by anything.
    return [place for place, row in zip(left, keeps, strict=True) if bool(row.all())]
