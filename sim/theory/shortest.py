"""Shortest job first, not preemptive, on one worker: the mean wait of M/G/1. Exact.

A job of size x waits λ·E S²/2 / (1 − ρ(x))², with ρ(x) the load of the jobs up to that size. Source: T. E.
Phipps (1956); L. E. Schrage and L. W. Miller (1966).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from sim.theory.inputs import positive
from sim.theory.mg1 import Moments, mg1
from sim.theory.steady import Steady

NODES = 12


def shortest_first(
    arrival_rate: float, service_moments: Moments, quantile: Callable[[float], float]
) -> Steady:
    """M/G/1 that always starts the shortest job waiting; ties by any rule.

    Args:
        arrival_rate: 1/s.
        service_moments: E S, E S², E S³ in s, s², s³.
        quantile: the service time below which a share u in (0, 1) of the jobs lies, s, rising in u.

    Raises:
        QuantityError: for a value out of range or a load with no steady state.
    """
    rate = positive("arrival_rate", arrival_rate, "0.8")
    first_come = mg1(rate, service_moments)
    share, loads = _loads_below(rate, quantile, rate * service_moments[0])
    ahead = float(np.dot(share, 1.0 / np.square(1.0 - loads)))
    wait_mean = 0.5 * rate * service_moments[1] * ahead
    return Steady(
        arrival_rate=rate,
        throughput=rate,
        workers=1,
        busy_workers=first_come.busy_workers,
        queue_length=rate * wait_mean,
        wait_mean=wait_mean,
        sojourn_mean=wait_mean + service_moments[0],
        wait_probability=first_come.wait_probability,
    )


def mm1_shortest_first(arrival_rate: float, service_rate: float) -> Steady:
    """M/M/1 that always starts the shortest job waiting."""
    mean = 1.0 / positive("service_rate", service_rate, "1.0")
    moments = (mean, 2.0 * mean**2, 6.0 * mean**3)
    return shortest_first(arrival_rate, moments, lambda u: -mean * math.log1p(-u))


def _loads_below(
    rate: float, quantile: Callable[[float], float], load: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Weights over the rank u of a job's size, and the load below each: Gauss in panels of −log(1 − u)."""
    x, w = np.polynomial.legendre.leggauss(NODES)
    # Integrals from the panel's start to each node, exact for polynomials of the same degree.
    powers = np.arange(NODES)
    antiderivative = (x[:, None] ** (powers + 1) - (-1.0) ** (powers + 1)) / (powers + 1)
    upto = antiderivative @ np.linalg.inv(x[:, None] ** powers)
    edges = np.concatenate([[0.0], np.geomspace(1e-9, 0.5, 24), np.linspace(1.0, 36.0, 71)])
    shares, loads, below = [], [], 0.0
    for low, high in pairwise(edges):
        half = 0.5 * (high - low)
        depth = low + half * (1.0 + x)
        sizes = np.array([quantile(-math.expm1(-y)) for y in depth])
        density = half * np.exp(-depth)
        loads.append(below + rate * (upto @ (density * sizes)))
        below += rate * float(np.dot(w, density * sizes))
        shares.append(w * density)
    # What the last panel leaves out is load of the very largest jobs.
    share = np.concatenate(shares)
    return share / share.sum(), np.minimum(np.concatenate(loads), load)
