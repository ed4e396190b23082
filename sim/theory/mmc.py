"""M/M/1, M/M/c and M/M/∞: Poisson arrivals, exponential service, an unbounded queue, first come first served.

Source: Erlang (1917); Gross and Harris, Fundamentals of Queueing Theory, chapter 2. All figures are exact.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from sim.theory.erlang import erlang_b, wait_chance
from sim.theory.inputs import positive, stable, whole
from sim.theory.law import DelayedExponential, DelayedService, Law, Never
from sim.theory.steady import Steady


def mm1(arrival_rate: float, service_rate: float) -> Steady:
    """M/M/1: one worker.

    Args:
        arrival_rate: 1/s, above 0, below `service_rate`.
        service_rate: 1/s, one over the mean service time.

    Raises:
        QuantityError: for a value out of range or a load with no steady state.
    """
    return mmc(arrival_rate, service_rate, 1)


def mmc(arrival_rate: float, service_rate: float, workers: int) -> Steady:
    """M/M/c: `workers` alike, with one queue; arguments as in `mm1`."""
    rate, speed = positive("arrival_rate", arrival_rate, "9.0"), positive("service_rate", service_rate, "5.0")
    servers = whole("workers", workers)
    stable(rate, servers * speed, f"{servers} x {speed:g}/s")
    load = rate / speed
    chance = load if servers == 1 else wait_chance(servers, load, erlang_b(servers, load))
    spare = servers * speed - rate
    wait_mean = chance / spare
    sojourn: Law = DelayedExponential(1.0, spare) if servers == 1 else DelayedService(chance, spare, speed)
    return Steady(
        arrival_rate=rate,
        throughput=rate,
        workers=servers,
        busy_workers=load,
        queue_length=rate * wait_mean,
        wait_mean=wait_mean,
        sojourn_mean=wait_mean + 1.0 / speed,
        wait_probability=chance,
        wait_variance=chance * (2.0 - chance) / (spare * spare),
        wait=DelayedExponential(chance, spare),
        sojourn=sojourn,
    )


def mm_inf(arrival_rate: float, service_rate: float) -> Steady:
    """M/M/∞: a worker for everyone; nobody waits and the number in service is Poisson."""
    rate, speed = positive("arrival_rate", arrival_rate, "9.0"), positive("service_rate", service_rate, "5.0")
    return Steady(
        arrival_rate=rate,
        throughput=rate,
        workers=math.inf,
        busy_workers=rate / speed,
        queue_length=0.0,
        wait_mean=0.0,
        sojourn_mean=1.0 / speed,
        wait_probability=0.0,
        wait_variance=0.0,
        wait=Never(),
        sojourn=DelayedExponential(1.0, speed),
    )


def mmc_probabilities(
    arrival_rate: float, service_rate: float, workers: int, states: int
) -> NDArray[np.float64]:
    """The first `states` long-run probabilities of the number in an M/M/c system."""
    from scipy.special import gammaln

    figures = mmc(arrival_rate, service_rate, workers)
    # p(c) is wait chance × (1 − ρ); from there p(n) falls by ρ upward and by (n + 1)/a downward.
    log_full = math.log(figures.wait_probability) + math.log1p(-figures.utilization)
    n = np.arange(states, dtype=np.float64)
    queued = np.maximum(n - workers, 0.0)
    ways = gammaln(workers + 1.0) - gammaln(np.minimum(n, workers) + 1.0)
    log_load = math.log(arrival_rate / service_rate)
    chance: NDArray[np.float64] = np.exp(
        log_full + ways + (n - workers) * log_load - queued * math.log(workers)
    )
    return chance
