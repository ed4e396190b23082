"""A Markov chain from its transitions: the long-run probabilities of all that is said state by state.

For models without a closed form, and to check those that have one. The states are found by walking from the
first.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from sim.errors import QuantityError

State = TypeVar("State", bound=Hashable)


@dataclass(frozen=True, eq=False)
class Chain(Generic[State]):
    """The states in the order found, and the long-run share of time in each, shape (states,)."""

    states: tuple[State, ...]
    chance: NDArray[np.float64]

    def mean(self, value: Callable[[State], float]) -> float:
        """The long-run mean of a function of the state."""
        return float(np.dot(self.chance, [value(state) for state in self.states]))


def stationary_chain(
    first: State, moves: Callable[[State], Iterable[tuple[State, float]]], most: int = 1_000_000
) -> Chain[State]:
    """The long-run probabilities of the chain that `moves` describes.

    Args:
        first: any state that is visited again and again.
        moves: a state -> the states that follow it and the rates of going there, 1/s. An infinite chain is
            cut by leaving moves out to states that are next to never reached.
        most: the most states that are walked.

    Raises:
        QuantityError: for more states than `most`, a negative rate, a chain that does not come back.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.linalg import splu

    places: dict[State, int] = {first: 0}
    order = [first]
    rows, columns, rates = [], [], []
    for state in order:  # grows while it is walked
        for there, rate in moves(state):
            if not rate >= 0.0:
                raise QuantityError(f"the rate from {state} to {there} must be at least 0, not {rate}", "1.5")
            if rate == 0.0 or there == state:
                continue
            if there not in places:
                if len(order) >= most:
                    raise QuantityError(f"more than {most} states", f"most={2 * most}")
                places[there] = len(order)
                order.append(there)
            rows.append(places[state])
            columns.append(places[there])
            rates.append(rate)
    size = len(order)
    if size == 1:
        return Chain((first,), np.ones(1))
    flow = coo_array((rates, (columns, rows)), shape=(size, size)).tocsc()
    out = np.asarray(flow.sum(axis=0)).ravel()
    if (out == 0.0).any():
        raise QuantityError(f"state {order[int(np.argmin(out))]} is never left", "a chain that comes back")
    # The first state's probability is 1, its own balance is left out: the rest is regular and sparse.
    balance = (flow - coo_array((out, (np.arange(size), np.arange(size))), shape=(size, size))).tocsc()
    inside = balance[1:, 1:].tocsc()
    rest = splu(inside).solve(-balance[1:, [0]].toarray().ravel())
    chance = np.concatenate([[1.0], rest])
    if not np.isfinite(chance).all() or (chance < -1e-9 * chance.max()).any():
        raise QuantityError(f"the chain does not come back to {first} from every state", "a connected chain")
    chance = np.maximum(chance, 0.0)
    return Chain(tuple(order), chance / chance.sum())
