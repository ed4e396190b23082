"""Services and gaps as exponential phases: which distributions are made of them, and how."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sim.scenario.closed_distributions import Erlang, Exponential, Gamma, Weibull
from sim.scenario.distribution_rule import DistributionRule
from sim.scenario.distributions import Mixture
from sim.scenario.phase_distributions import Hyperexponential, PhaseType
from sim.theory.mg1 import Moments

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
            row = k * solve(-self.generator.T, row)
            found.append(float(row.sum()))
        return found[0], found[1], found[2]


def is_exponential(law: DistributionRule) -> bool:
    """Whether a distribution is exponential, by whatever name."""
    if isinstance(law, Exponential):
        return True
    if isinstance(law, Erlang | Weibull):
        return law.shape == 1
    if isinstance(law, Gamma):
        return law.cv == 1.0
    if isinstance(law, Hyperexponential):
        return len({rate for _, rate in law.phases()}) == 1
    return False


def phases_of(law: DistributionRule) -> Phases | None:
    """A distribution as at most `MOST_PHASES` exponential phases; None if it is not made of such."""
    if is_exponential(law):
        return Phases(np.array([1.0]), np.array([[-1.0 / law.moments()[0]]]))
    if isinstance(law, Erlang | Gamma):
        shape = 1.0 / law.scv()
        n = round(shape)
        if abs(shape - n) > 1e-12 * n or n > MOST_PHASES:
            return None
        initial = np.zeros(n)
        initial[0] = 1.0
        return Phases(initial, n / law.mean * (np.eye(n, k=1) - np.eye(n)))
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


def solve(matrix: Floats, right: Floats) -> Floats:
    """The solution x of matrix·x = right."""
    return np.asarray(np.linalg.solve(matrix, right), dtype=np.float64)
