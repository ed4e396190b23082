"""M/M/c/K: a bounded queue that refuses what finds it full; with K = c it is Erlang's loss system.

K counts everyone in the system, in service too: K = workers + queue capacity. Any load has a steady state.
Source: Gross and Harris, chapter 2; the waiting time by conditioning on what an accepted arrival finds.
Exact.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from sim.theory.birth_death import stationary
from sim.theory.erlang_mixture import ErlangMixture
from sim.theory.inputs import positive, whole
from sim.theory.law import DelayedExponential, Law, Never
from sim.theory.steady import Steady

Floats = NDArray[np.float64]


def mmck(arrival_rate: float, service_rate: float, workers: int, places: int) -> Steady:
    """M/M/c/K.

    Args:
        arrival_rate: 1/s, above 0, any load.
        service_rate: 1/s, one over the mean service time.
        workers: c, a whole number of at least 1.
        places: K, workers and waiting places together, at least c.

    Raises:
        QuantityError: for a value out of range.
    """
    rate = positive("arrival_rate", arrival_rate, "50.0")
    speed = positive("service_rate", service_rate, "10.0")
    servers = whole("workers", workers)
    most = whole("places", places, servers, str(servers + 10))
    busy = np.minimum(np.arange(1, most + 1, dtype=np.float64), servers)
    chance = stationary(np.full(most, rate), speed * busy)
    refused = float(chance[-1])
    # Σ over the states below K, not 1 − p(K): both shares keep their digits at any load.
    accepted = float(chance[:-1].sum())
    throughput = rate * accepted
    n = np.arange(most + 1, dtype=np.float64)
    queue_length = float(np.dot(np.maximum(n - servers, 0.0), chance))
    seen = chance[:-1] / accepted
    wait, sojourn = waits(seen, servers, speed)
    return Steady(
        arrival_rate=rate,
        throughput=throughput,
        workers=servers,
        busy_workers=float(np.dot(np.minimum(n, servers), chance)),
        queue_length=queue_length,
        wait_mean=queue_length / throughput,
        sojourn_mean=queue_length / throughput + 1.0 / speed,
        rejected_ratio=refused,
        wait_probability=float(seen[servers:].sum()),
        wait_variance=_variance(seen, servers, speed),
        wait=wait,
        sojourn=sojourn,
        probabilities=chance,
    )


def waits(seen: Floats, workers: int, service_rate: float) -> tuple[Law, Law]:
    """The laws of wait and sojourn of arrivals that are let in and find n in the system with chance seen[n].

    They hold for every first-come exponential queue with `workers` alike, whatever makes up `seen`.
    """
    at_once = float(seen[:workers].sum())
    queued = seen[workers:]
    if not queued.any():
        return Never(), DelayedExponential(1.0, service_rate)
    stages = np.concatenate([[at_once], queued])
    speed = workers * service_rate
    return ErlangMixture(speed, stages), ErlangMixture(speed, *with_service(stages, workers))


def with_service(stages: Floats, workers: int) -> tuple[Floats, float]:
    """Adds one service, a geometric number of stages of rate c·μ: the new weights and their last ratio."""
    stay = 1.0 - 1.0 / workers
    return decaying_sums(np.concatenate([[0.0], stages / workers]), stay), stay


def decaying_sums(values: Floats, ratio: float) -> Floats:
    """y(i) = ratio·y(i−1) + values(i), for values of at least 0 and a ratio from 0 to 1."""
    if ratio == 0.0:
        return values
    # Within a block y(i)/ratio^i is a running sum; a block ends before ratio^-i overflows.
    size = max(1, min(len(values), int(500.0 / -math.log(ratio))))
    fall = np.exp(math.log(ratio) * np.arange(1, size + 1))
    sums, before = np.empty_like(values), 0.0
    for begin in range(0, len(values), size):
        block = values[begin : begin + size]
        down = fall[: len(block)]
        sums[begin : begin + size] = down * (before + np.cumsum(block / down))
        before = float(sums[begin + len(block) - 1])
    return sums


def _variance(seen: Floats, workers: int, service_rate: float) -> float:
    """Variance of the wait: a random sum of exponential stages, E[N]/r² + Var(N)/r²."""
    queued = seen[workers:]
    stage = np.arange(1, len(queued) + 1, dtype=np.float64)
    mean = float(np.dot(stage, queued))
    spread = float(np.dot((stage - mean) ** 2, queued)) + mean * mean * float(seen[:workers].sum())
    return (mean + spread) / math.pow(workers * service_rate, 2.0)
