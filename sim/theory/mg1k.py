"""M/G/1/K: one worker and a bounded queue, service of any law. Exact.

The number left behind by departures is a Markov chain; across each cut between j and j + 1 as many steps go
up as down, which gives its probabilities by sums of positive terms. Source: J. Keilson (1966); Gross and
Harris, 5.1.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sim.errors import QuantityError
from sim.theory.erlang_mixture import log_poisson
from sim.theory.inputs import positive, whole
from sim.theory.steady import Steady

Floats = NDArray[np.float64]

#: The work grows with the square of the places.
MOST_PLACES = 20_000


def mg1k(arrival_rate: float, service_mean: float, came: ArrayLike, places: int) -> Steady:
    """M/G/1/K, K = 1 + queue capacity.

    Args:
        arrival_rate: 1/s, any load.
        service_mean: s.
        came: the chance of n arrivals during a service, for n = 0, 1, …, down to where nothing is left.
        places: K, at least 1.

    Raises:
        QuantityError: for a value out of range.
    """
    rate, mean = positive("arrival_rate", arrival_rate, "0.9"), positive("service_mean", service_mean, "1.0")
    most = whole("places", places, 1, "5")
    if most > MOST_PLACES:
        raise QuantityError(f"places must be at most {MOST_PLACES}, not {places}", "places=100")
    chance = np.asarray(came, dtype=np.float64)
    more = np.append(np.cumsum(chance[::-1])[::-1][1:], 0.0)
    left = _left_behind(chance[0], more, most)
    left /= left.sum()
    idle = float(left[0])
    # A departure that leaves 0 is followed by an idle time, mean 1/λ, and by a service that starts with 1.
    start = np.concatenate([[0.0], left[1:]])
    if most > 1:
        start[1] += left[0]
    else:
        start = np.array([left[0]])
    room = most - np.arange(most) if most > 1 else np.array([0])
    lost = float(np.dot(start, [_excess(more, int(free)) for free in room]))
    cycle = mean + idle / rate
    throughput = 1.0 / cycle
    rejected = lost / (1.0 + lost)
    in_system = float(np.dot(np.arange(most), left)) * (1.0 - rejected) + most * rejected
    busy = mean / cycle
    return Steady(
        arrival_rate=rate,
        throughput=throughput,
        workers=1,
        busy_workers=busy,
        queue_length=max(0.0, in_system - busy),
        wait_mean=max(0.0, in_system - busy) / throughput,
        sojourn_mean=in_system / throughput,
        rejected_ratio=rejected,
        wait_probability=1.0 - idle,
        probabilities=np.append(left * (1.0 - rejected), rejected),
    )


def md1k(arrival_rate: float, service_time: float, places: int) -> Steady:
    """M/D/1/K; `service_time` in s, other arguments as in `mg1k`."""
    load = positive("arrival_rate", arrival_rate, "0.9") * positive("service_time", service_time, "1.0")
    most = int(load + 12.0 * np.sqrt(load) + 50.0)
    return mg1k(arrival_rate, service_time, np.exp(log_poisson(np.arange(most), load)), places)


def _left_behind(none: float, more: Floats, places: int) -> Floats:
    """The chain's probabilities up to a factor: π(j+1)·P(A=0) = π(0)·P(A>j) + Σ_i π(i)·P(A > j−i+1)."""
    beyond = np.zeros(places + 1)
    beyond[: min(len(more), places + 1)] = more[: places + 1]
    left = np.zeros(places)
    left[0] = 1.0
    for j in range(places - 1):
        upward = left[0] * beyond[j] + float(np.dot(left[1 : j + 1], beyond[j:0:-1]))
        left[j + 1] = upward / none
        if left[j + 1] > 1e250:
            left[: j + 2] /= left[j + 1]
    return left


def _excess(more: Floats, free: int) -> float:
    """E[(A − free)+] of the arrivals A during a service: Σ_{n≥free} P(A > n)."""
    return float(more[free:].sum())
