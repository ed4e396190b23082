"""A service with retries as a Markov chain, from first principles: what a map of recovery must agree with.

State: n requests in the service (c workers, K places to wait) and j waiting out a backoff. Arrivals come at rate λ(t),
each worker ends at rate μ, each backoff at rate θ; who finds the service full begins a backoff. All laws are
exponential, so the probabilities follow from one linear differential equation.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.linalg import expm_multiply, spsolve

MOST_IN_ORBIT = 150


@dataclass(frozen=True)
class Chain:
    """The chain; rates per second. A run is back once n + j is at most `level`."""

    arrival: float
    workers: int
    service: float
    places: int
    backoff: float
    level: int

    @property
    def room(self) -> int:
        """Requests that the service holds."""
        return self.workers + self.places

    def generator(self, factor: float = 1.0) -> sparse.csr_array:
        """Q with Q[a, b] the rate from state a to state b, at `factor` times the arrivals."""
        size = (self.room + 1) * (MOST_IN_ORBIT + 1)
        rates = sparse.lil_array((size, size))
        for n in range(self.room + 1):
            for j in range(MOST_IN_ORBIT + 1):
                here = self.state(n, j)
                moves = [(n - 1, j, min(n, self.workers) * self.service)]
                if n < self.room:
                    moves += [(n + 1, j, factor * self.arrival), (n + 1, j - 1, j * self.backoff)]
                else:
                    moves += [(n, j + 1, factor * self.arrival)]
                for to_n, to_j, rate in moves:
                    if to_n >= 0 and 0 <= to_j <= MOST_IN_ORBIT and rate > 0.0:
                        rates[here, self.state(to_n, to_j)] += rate
                        rates[here, here] -= rate
        return rates.tocsr()

    def state(self, n: int, j: int) -> int:
        """The place of a state."""
        return n * (MOST_IN_ORBIT + 1) + j

    def down(self) -> NDArray[np.bool_]:
        """Which states are not back."""
        n, j = np.divmod(np.arange((self.room + 1) * (MOST_IN_ORBIT + 1)), MOST_IN_ORBIT + 1)
        return n + j > self.level

    def _nearly_full(self) -> NDArray[np.bool_]:
        """The states in which the orbit is about as large as the chain can tell."""
        return np.arange((self.room + 1) * (MOST_IN_ORBIT + 1)) % (MOST_IN_ORBIT + 1) > MOST_IN_ORBIT - 5

    def after_the_spike(self, calm: float, factor: float, lasting: float) -> NDArray[np.float64]:
        """Probabilities of the states after `calm` s from empty and `lasting` s at `factor` times the arrivals."""
        start = np.zeros((self.room + 1) * (MOST_IN_ORBIT + 1))
        start[0] = 1.0
        before = expm_multiply(self.generator().T * calm, start)
        after: NDArray[np.float64] = expm_multiply(self.generator(factor).T * lasting, before)
        assert after[self._nearly_full()].sum() < 1e-9, "the chain is cut off where it still goes"
        return after

    def recovered_by(self, after: NDArray[np.float64], horizon: float) -> float:
        """The probability of having been back at some time in the horizon."""
        down = self.down()
        inside = self.generator()[down][:, down]  # it stops where it is back
        return 1.0 - float(expm_multiply(inside.T * horizon, after[down]).sum())

    def mean_time(self, after: NDArray[np.float64]) -> float:
        """The mean time (s) until it is back, however long it takes."""
        down = self.down()
        inside = self.generator()[down][:, down]
        means = spsolve(inside.tocsc(), -np.ones(int(down.sum())))
        return float(after[down] @ means)
