"""M/PH/1: Poisson arrivals, one worker, service made of exponential phases: the law of the wait. Exact.

The wait is a geometric sum of what is left of a service, so it is itself made of those phases: it begins with
chance ρ in the phase that a random instant finds, and begins again with chance ρ whenever it ends.
Source: M. F. Neuts, Matrix-Geometric Solutions in Stochastic Models (1981), 5.2.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from sim.scenario.closed_distributions import Erlang, Exponential
from sim.scenario.distribution_rule import DistributionRule
from sim.scenario.distributions import Mixture
from sim.scenario.phase_distributions import Hyperexponential, PhaseType
from sim.theory.mg1 import Moments, mg1
from sim.theory.service_law import PhaseLaw
from sim.theory.steady import Steady

Floats = NDArray[np.float64]

#: Distributions of more phases than this are not written as phases.
MOST_PHASES = 100


@dataclass(frozen=True, eq=False)
class Phases:
    """A service as phases: `initial` chances, shape (n,), `generator` rates between them, 1/s, (n, n)."""

    initial: Floats
    generator: Floats

    @property
    def exits(self) -> Floats:
        """The rate at which the service ends from each phase, 1/s, shape (n,)."""
        rates: Floats = np.maximum(-self.generator.sum(axis=1), 0.0)
        return rates

    @property
    def moments(self) -> Moments:
        """E S, E S², E S³ in s, s², s³."""
        row: Floats = self.initial
        found = []
        for k in (1, 2, 3):
            row = k * _solve(-self.generator.T, row)
            found.append(float(row.sum()))
        return found[0], found[1], found[2]


def phases_of(law: DistributionRule) -> Phases | None:
    """A distribution as at most `MOST_PHASES` exponential phases; None if it is not made of such."""
    if isinstance(law, Exponential):
        return Phases(np.array([1.0]), np.array([[-1.0 / law.mean]]))
    if isinstance(law, Erlang) and law.shape <= MOST_PHASES:
        rate = law.shape / law.mean
        initial = np.zeros(law.shape)
        initial[0] = 1.0
        return Phases(initial, rate * (np.eye(law.shape, k=1) - np.eye(law.shape)))
    if isinstance(law, Hyperexponential) and len(law.phases()) <= MOST_PHASES:
        weights, rates = np.array(law.phases()).T
        return Phases(weights, -np.diag(rates))
    if isinstance(law, PhaseType) and len(law.initial) <= MOST_PHASES:
        return Phases(np.asarray(law.initial), np.asarray(law.generator))
    if isinstance(law, Mixture):
        parts = [(part.weight, phases_of(part.of)) for part in law.parts]
        return (
            mixed_phases([(weight, part) for weight, part in parts if part is not None])
            if all(part is not None for _, part in parts)
            else None
        )
    return None


def mixed_phases(parts: list[tuple[float, Phases]]) -> Phases | None:
    """One of several services by relative weight; None past `MOST_PHASES`."""
    from scipy.linalg import block_diag

    total = sum(weight for weight, _ in parts)
    initial = np.concatenate([weight / total * part.initial for weight, part in parts])
    if len(initial) > MOST_PHASES:
        return None
    return Phases(initial, block_diag(*[part.generator for _, part in parts]))


def mph1(arrival_rate: float, service: Phases) -> Steady:
    """M/PH/1 with an unbounded queue, first come first served.

    Args:
        arrival_rate: 1/s.
        service: the phases of a service.

    Raises:
        QuantityError: for a value out of range or a load with no steady state.
    """
    figures = mg1(arrival_rate, service.moments)
    load = figures.busy_workers
    left_over = _solve(-service.generator.T, service.initial) / service.moments[0]
    again = service.generator + load * np.outer(service.exits, left_over)
    wait = PhaseLaw(load * left_over, again)
    n = len(left_over)
    both = np.zeros((2 * n, 2 * n))
    both[:n, :n], both[n:, n:] = again, service.generator
    both[:n, n:] = (1.0 - load) * np.outer(service.exits, service.initial)
    sojourn = PhaseLaw(np.concatenate([load * left_over, (1.0 - load) * service.initial]), both)
    return replace(figures, wait=wait, sojourn=sojourn)


def _solve(matrix: Floats, right: Floats) -> Floats:
    return np.asarray(np.linalg.solve(matrix, right), dtype=np.float64)
