"""M/PH/1: Poisson arrivals, one worker, service made of exponential phases: the law of the wait. Exact.

The wait is a geometric sum of what is left of a service, so it is itself made of those phases: it begins with
chance ρ in the phase that a random instant finds, and begins again with chance ρ whenever it ends.
Source: M. F. Neuts, Matrix-Geometric Solutions in Stochastic Models (1981), 5.2.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from sim.theory.mg1 import mg1
from sim.theory.phases import Phases, solve
from sim.theory.service_law import PhaseLaw
from sim.theory.steady import Steady


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
    left_over = solve(-service.generator.T, service.initial) / service.moments[0]
    again = service.generator + load * np.outer(service.exits, left_over)
    wait = PhaseLaw(load * left_over, again)
    n = len(left_over)
    both = np.zeros((2 * n, 2 * n))
    both[:n, :n], both[n:, n:] = again, service.generator
    both[:n, n:] = (1.0 - load) * np.outer(service.exits, service.initial)
    sojourn = PhaseLaw(np.concatenate([load * left_over, (1.0 - load) * service.initial]), both)
    return replace(figures, wait=wait, sojourn=sojourn)
