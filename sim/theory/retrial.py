"""Refused attempts that come back: M/M/c/K with an orbit of exponential backoffs. Exact, but for a far cut.

Each refused attempt goes on with a fixed chance, waits an exponential time and is sent again, for as long
as it takes. Levels are the number in orbit, states the number in the system. Sources: G. I. Falin and J. G.
C. Templeton, Retrial Queues (1997); J. R. Artalejo and A. Gomez-Corral (2008).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sim.errors import QuantityError
from sim.theory.inputs import positive, whole
from sim.theory.mmck import mmck, waits
from sim.theory.steady import Steady

Floats = NDArray[np.float64]

#: Requests in orbit × places that are solved at most.
MOST_STATES = 400_000


@dataclass(frozen=True, eq=False)
class Retrial:
    """The service's figures, whose arrivals are all attempts, and those of its requests.

    `orbit` is the mean number in backoff, `full` the share of time without a free place.
    """

    steady: Steady
    orbit: float
    full: float
    success_ratio: float
    amplification: float


def retrial(
    arrival_rate: float,
    service_rate: float,
    workers: int,
    places: int,
    backoff_mean: float,
    persistence: float = 1.0,
) -> Retrial:
    """M/M/c/K with retries.

    Args:
        arrival_rate: new requests, 1/s.
        service_rate: 1/s.
        workers: c.
        places: K, workers and waiting places together.
        backoff_mean: mean of the exponential backoff, s.
        persistence: chance that a refused attempt is tried again, above 0 and at most 1.

    Raises:
        QuantityError: for a value out of range, endless retries of too much work, too many states.
    """
    rate, speed = (
        positive("arrival_rate", arrival_rate, "12.0"),
        positive("service_rate", service_rate, "1.0"),
    )
    servers, most = whole("workers", workers), whole("places", places, workers, str(workers + 10))
    back = 1.0 / positive("backoff_mean", backoff_mean, "5.0")
    if not 0.0 < persistence <= 1.0:
        raise QuantityError(
            f"persistence must be above 0 and at most 1, not {persistence}", "persistence=0.8"
        )
    if persistence == 1.0 and not rate < servers * speed:
        raise QuantityError(
            f"arrival_rate {rate:g}/s is not below the {servers * speed:g}/s that the workers can serve, and "
            "no request gives up: the orbit has no steady state",
            f"arrival_rate={0.9 * servers * speed:g}",
        )
    alone = mmck(rate, speed, servers, most)
    if alone.rejected_ratio < 1e-200:  # nobody is ever refused: past what doubles hold
        return Retrial(alone, 0.0, alone.rejected_ratio, 1.0, 1.0)
    orbit = 64
    while True:
        chance = _chances(rate, speed, servers, most, back, persistence, orbit)
        if float(chance[-1].sum()) < 1e-13 * float(chance.max()):
            break
        orbit *= 2
        if orbit * most > MOST_STATES:
            raise QuantityError(
                f"more than {orbit // 2} requests in orbit: too many to be solved", "a lighter load"
            )
    return _figures(chance, rate, speed, servers, back, persistence)


def _chances(
    rate: float, speed: float, workers: int, places: int, back: float, persistence: float, most: int
) -> Floats:
    """Long-run probabilities, shape (most + 1, places + 1): in orbit × in the system.

    From the fullest orbit down, each level is solved by striking out its states one by one, the rates through a
    state going on to its neighbours: sums of positive terms, so that the rarest state keeps its digits (Grassmann).
    The orbit grows from the full system alone: what comes back from above is a jump from there.
    """
    leave = [speed * min(n, workers) for n in range(places + 1)]
    grow = rate * persistence
    # For each level, per visit to the full state of the level below it; `jumps` are returns per unit of that state.
    rows = np.empty((most + 1, places + 1))
    jumps = [0.0] * (places + 1)
    for m in range(most, -1, -1):
        out = [0.0] * places
        onward, leaving, gone = 0.0, 0.0, m * back * (1.0 - persistence)
        for n in range(places):
            # `leaving`: the rate from n out of the level, itself or by way of the states below.
            leaving = m * back + (leave[n] * leaving / out[n - 1] if n else 0.0)
            out[n] = rate + leaving
            onward = jumps[n] + (onward * rate / out[n - 1] if n else 0.0)
            jumps[n] = onward
            gone += onward * leaving / out[n]
        gone += leave[places] * leaving / out[-1]
        row = [0.0] * (places + 1)
        row[places] = grow / gone if m else 1.0
        for n in range(places - 1, -1, -1):
            row[n] = (row[n + 1] * leave[n + 1] + row[places] * jumps[n]) / out[n]
        rows[m] = row
        jumps = [0.0, *(m * back * value for value in row[:-1])]
    # Multiply through in logarithms: each level is per unit of the full state below it.
    reach = np.concatenate([[0.0], np.cumsum(np.log(rows[:-1, -1]))])
    reach -= (reach + np.log(rows.max(axis=1))).max()
    chance: Floats = rows * np.exp(reach)[:, None]
    total: Floats = chance / chance.sum()
    return total


def _figures(
    chance: Floats, rate: float, speed: float, workers: int, back: float, persistence: float
) -> Retrial:
    n, m = np.arange(chance.shape[1]), np.arange(chance.shape[0])
    inside = chance.sum(axis=0)
    orbit = float(m @ chance.sum(axis=1))
    attempts = rate + back * orbit
    refused = rate * float(inside[-1]) + back * float(m @ chance[:, -1])
    busy = float(np.minimum(n, workers) @ inside)
    queue = float(np.maximum(n - workers, 0) @ inside)
    throughput = busy * speed
    accepted = rate * inside[:-1] + back * (m @ chance)[:-1]
    wait, sojourn = waits(accepted / accepted.sum(), workers, speed)
    steady = Steady(
        arrival_rate=attempts,
        throughput=throughput,
        workers=workers,
        busy_workers=busy,
        queue_length=queue,
        wait_mean=queue / throughput,
        sojourn_mean=queue / throughput + 1.0 / speed,
        rejected_ratio=refused / attempts,
        wait_probability=float(accepted[workers:].sum() / accepted.sum()),
        wait=wait,
        sojourn=sojourn,
        probabilities=inside,
    )
    return Retrial(
        steady, orbit, float(inside[-1]), 1.0 - (1.0 - persistence) * refused / rate, attempts / rate
    )
