"""M/M/c/K/N: N users, each with one request at a time; machine repair, and with K = c Engset's loss system.

A user thinks, sends, waits for the end of the request (or is refused) and thinks again. An arrival sees the
system as N − 1 users would leave it. Exact. Source: T. Engset (1918); Gross and Harris, chapter 2.
"""

from __future__ import annotations

import math

import numpy as np

from sim.theory.birth_death import stationary
from sim.theory.inputs import positive, whole
from sim.theory.mmck import waits
from sim.theory.steady import Steady


def finite_source(
    users: int, think_mean: float, service_rate: float, workers: float, places: float = math.inf
) -> Steady:
    """M/M/c/K/N.

    Args:
        users: N, at least 1.
        think_mean: mean time from the end of one request to the next, s. With K ≥ N only the mean matters.
        service_rate: 1/s, one over the mean service time.
        workers: c, at least 1; may be infinite.
        places: K, workers and waiting places together, at least c; may be infinite.

    Returns:
        The figures; `arrival_rate` counts the refused attempts too, `rejected_ratio` is the call congestion
        and `probabilities[-1]` with K = c the time congestion.

    Raises:
        QuantityError: for a value out of range.
    """
    population = whole("users", users, 1, "100")
    think, speed = positive("think_mean", think_mean, "5.0"), positive("service_rate", service_rate, "10.0")
    servers = population if math.isinf(workers) else whole("workers", workers)
    most = population if math.isinf(places) else min(population, whole("places", places, servers))
    n = np.arange(most + 1, dtype=np.float64)
    births = (population - n) / think
    deaths = speed * np.minimum(n, servers)
    chance = stationary(births[:most], deaths[1:])
    sent, accepted = births * chance, (births * chance)[:population]
    refused = 0.0
    if most < population:
        accepted, refused = sent[:-1], float(sent[-1])
    throughput = float(accepted.sum())
    queue_length = float(np.dot(np.maximum(n - servers, 0.0), chance))
    seen = accepted / throughput
    wait, sojourn = waits(seen, servers, speed)
    return Steady(
        arrival_rate=throughput + refused,
        throughput=throughput,
        workers=workers,
        busy_workers=float(np.dot(np.minimum(n, servers), chance)),
        queue_length=queue_length,
        wait_mean=queue_length / throughput,
        sojourn_mean=queue_length / throughput + 1.0 / speed,
        rejected_ratio=refused / (throughput + refused),
        wait_probability=float(seen[servers:].sum()),
        wait=wait,
        sojourn=sojourn,
        probabilities=chance,
    )
