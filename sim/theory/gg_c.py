"""G/G/c by Allen and Cunneen: an approximation from two moments, for any renewal arrivals and any service.

L_q ≈ L_q(M/M/c)·(c_a² + c_s²)/2. Exact for M/M/c and for the means of M/G/1; elsewhere usually within 10 %
near full load, and far off at light load or with coefficients of variation well above 1. Source: A. O.
Allen, Probability, Statistics and Queueing Theory (1990), 5.2.3. The wait of those who wait is taken as
exponential, as heavy-traffic theory says (J. F. C. Kingman, 1962).
"""

from __future__ import annotations

from sim.theory.erlang import erlang_c
from sim.theory.inputs import not_negative, positive, stable, whole
from sim.theory.law import DelayedExponential
from sim.theory.steady import Steady


def allen_cunneen(
    arrival_rate: float, service_mean: float, workers: int, arrival_scv: float, service_scv: float
) -> Steady:
    """G/G/c with an unbounded queue, first come first served; approximate.

    Args:
        arrival_rate: 1/s.
        service_mean: s.
        workers: c.
        arrival_scv: squared coefficient of variation of the gaps (1 for Poisson, 0 for equal gaps).
        service_scv: the same of the service times.

    Raises:
        QuantityError: for a value out of range or a load with no steady state.
    """
    rate, mean = positive("arrival_rate", arrival_rate, "9.0"), positive("service_mean", service_mean, "0.2")
    servers = whole("workers", workers)
    spread = 0.5 * (
        not_negative("arrival_scv", arrival_scv, "1.0") + not_negative("service_scv", service_scv, "2.25")
    )
    stable(rate, servers / mean, f"{servers} x {1.0 / mean:g}/s")
    chance = erlang_c(servers, rate * mean)
    wait_mean = spread * chance / (servers / mean - rate)
    return Steady(
        arrival_rate=rate,
        throughput=rate,
        workers=servers,
        busy_workers=rate * mean,
        queue_length=rate * wait_mean,
        wait_mean=wait_mean,
        sojourn_mean=wait_mean + mean,
        wait_probability=chance,
        wait=DelayedExponential(chance, chance / wait_mean) if wait_mean > 0.0 else None,
    )
