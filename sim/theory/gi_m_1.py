"""GI/M/1: independent gaps of any law, one exponential worker. Exact.

An arrival finds n in the system with chance (1 − σ)·σ^n, where σ is the root in (0, 1) of σ = A*(μ(1 − σ))
and A* the Laplace transform of a gap. Source: D. G. Kendall (1953); Gross and Harris, 5.3.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from sim.errors import QuantityError
from sim.theory.inputs import positive, stable
from sim.theory.law import DelayedExponential
from sim.theory.roots import root
from sim.theory.steady import Steady


def gi_m_1(arrival_rate: float, service_rate: float, deficit: Callable[[float], float]) -> Steady:
    """GI/M/1 with an unbounded queue, first come first served.

    Args:
        arrival_rate: 1/s, one over the mean gap.
        service_rate: 1/s, above the arrival rate.
        deficit: s ↦ 1 − A*(s) = E[1 − e^(−s·gap)], accurate for small s too (`sim.theory.transforms`).

    Raises:
        QuantityError: for a value out of range or a load with no steady state.
    """
    rate, speed = positive("arrival_rate", arrival_rate, "0.8"), positive("service_rate", service_rate, "1.0")
    stable(rate, speed, "one worker")
    spare = _spare(speed, deficit)
    sigma = 1.0 - spare
    wait_mean = sigma / (speed * spare)
    return Steady(
        arrival_rate=rate,
        throughput=rate,
        workers=1,
        busy_workers=rate / speed,
        queue_length=rate * wait_mean,
        wait_mean=wait_mean,
        sojourn_mean=1.0 / (speed * spare),
        wait_probability=sigma,
        wait_variance=sigma * (2.0 - sigma) / math.pow(speed * spare, 2.0),
        wait=DelayedExponential(sigma, speed * spare),
        sojourn=DelayedExponential(1.0, speed * spare),
    )


def dm1(arrival_rate: float, service_rate: float) -> Steady:
    """D/M/1: arrivals at equal gaps."""
    gap = 1.0 / positive("arrival_rate", arrival_rate, "0.8")
    return gi_m_1(arrival_rate, service_rate, lambda s: -math.expm1(-s * gap))


def _spare(speed: float, deficit: Callable[[float], float]) -> float:
    """1 − σ, the root of deficit(μ·x) = x: not by a difference, as it vanishes when the load nears 1."""

    def excess(x: float) -> float:
        return deficit(speed * x) / x - 1.0

    low = 0.5
    while excess(low) <= 0.0:
        low *= 0.5
        if low < 1e-300:
            raise QuantityError(
                "deficit is not that of a gap with a mean above the service time", "dm1(0.8, 1.0)"
            )
    return root(excess, low, 1.0) if excess(1.0) < 0.0 else 1.0
