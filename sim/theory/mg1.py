"""M/G/1 by Pollaczek–Khinchine, one by one or in batches: exact means from the moments of the service.

Source: F. Pollaczek (1930), A. Khinchine (1932); wait variance from the third moment (Gross and Harris, 5.1).
"""

from __future__ import annotations

import math

from sim.errors import QuantityError
from sim.theory.inputs import positive, stable
from sim.theory.steady import Steady

Moments = tuple[float, float, float]


def mg1(arrival_rate: float, service_moments: Moments) -> Steady:
    """M/G/1 with an unbounded queue; the means hold for any order that ignores the size of the jobs.

    Args:
        arrival_rate: 1/s, above 0.
        service_moments: E S, E S², E S³ in s, s², s³; an infinite second moment gives an infinite mean wait.

    Raises:
        QuantityError: for a value out of range or a load with no steady state.
    """
    rate = positive("arrival_rate", arrival_rate, "0.8")
    first, second, third = _moments(service_moments)
    stable(rate, 1.0 / first, "one worker")
    spare = 1.0 - rate * first
    wait_mean = rate * second / (2.0 * spare)
    variance = wait_mean * wait_mean + rate * third / (3.0 * spare)
    return Steady(
        arrival_rate=rate,
        throughput=rate,
        workers=1,
        busy_workers=rate * first,
        queue_length=rate * wait_mean,
        wait_mean=wait_mean,
        sojourn_mean=wait_mean + first,
        wait_probability=rate * first,
        wait_variance=variance,
    )


def batch_mg1(batch_rate: float, batch_moments: tuple[float, float], service_moments: Moments) -> Steady:
    """M^X/G/1: Poisson batches, each job served on its own.

    A batch is one job of M/G/1 whose size is the sum of its jobs; a job also waits for those before it there.

    Args:
        batch_rate: batches a second.
        batch_moments: E X, E X² of the whole number of jobs in a batch.
        service_moments: as in `mg1`, of one job.
    """
    rate = positive("batch_rate", batch_rate, "0.2")
    size, size_squared = positive("batch_moments[0]", batch_moments[0], "4.0"), batch_moments[1]
    if not size_squared >= size * size * (1.0 - 1e-12):
        raise QuantityError(
            f"batch_moments[1] must be at least {size * size:g}, not {size_squared}", "(4.0, 28.0)"
        )
    first, second, _ = _moments(service_moments)
    stable(rate * size, 1.0 / first, "one worker")
    work_squared = size * (second - first * first) + size_squared * first * first
    spare = 1.0 - rate * size * first
    before = 0.5 * first * (size_squared / size - 1.0)
    wait_mean = rate * work_squared / (2.0 * spare) + before
    # A job waits unless it is the first of a batch that finds the worker idle.
    at_once = spare / size
    return Steady(
        arrival_rate=rate * size,
        throughput=rate * size,
        workers=1,
        busy_workers=rate * size * first,
        queue_length=rate * size * wait_mean,
        wait_mean=wait_mean,
        sojourn_mean=wait_mean + first,
        wait_probability=1.0 - at_once,
    )


def mixed_moments(rates: list[float], moments: list[Moments]) -> Moments:
    """The moments of a job drawn from several Poisson streams, each with its own service."""
    total = math.fsum(rates)
    first, second, third = (
        math.fsum(rate * law[k] for rate, law in zip(rates, moments, strict=True)) / total for k in range(3)
    )
    return first, second, third


def _moments(moments: Moments) -> Moments:
    first, second, third = moments
    positive("service_moments[0]", first, "1.0")
    if not second >= first * first * (1.0 - 1e-12):
        raise QuantityError(
            f"service_moments[1] must be at least the square of the mean, {first * first:g} s², not {second}",
            "(1.0, 2.0, 6.0)",
        )
    if not third >= 0.0:
        raise QuantityError(f"service_moments[2] must be at least 0, not {third}", "(1.0, 2.0, 6.0)")
    return first, second, third
