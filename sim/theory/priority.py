"""Non-preemptive priorities: the mean wait of each class. Exact.

Sources: A. Cobham (1954) for M/G/1; O. Kella and U. Yechiali (1985) for M/M/c with one service rate.
"""

from __future__ import annotations

from collections.abc import Sequence

from sim.theory.erlang import erlang_c
from sim.theory.inputs import positive, stable, whole
from sim.theory.mg1 import Moments, mg1, mixed_moments


def mg1_priority(arrival_rates: Sequence[float], service_moments: Sequence[Moments]) -> list[float]:
    """Mean waits, s, of the classes of M/G/1, first class first.

    W_k = λ·E S²/2 / ((1 − σ_{k−1})·(1 − σ_k)) with σ_k the load of the classes 1..k.

    Args:
        arrival_rates: 1/s, one a class, the most urgent first.
        service_moments: (E S, E S², E S³) of each class.

    Raises:
        QuantityError: for a value out of range or a load with no steady state.
    """
    rates = [positive("arrival_rates", rate, "[0.2, 0.6]") for rate in arrival_rates]
    mixed = mixed_moments(rates, list(service_moments))
    mg1(sum(rates), mixed)
    residual = sum(rates) * mixed[1] / 2.0
    loads = [rate * law[0] for rate, law in zip(rates, service_moments, strict=True)]
    return _waits(residual, loads)


def mmc_priority(arrival_rates: Sequence[float], service_rate: float, workers: int) -> list[float]:
    """Mean waits, s, of the classes of M/M/c, first class first; all have one exponential service."""
    rates = [positive("arrival_rates", rate, "[2.0, 6.0]") for rate in arrival_rates]
    speed, servers = positive("service_rate", service_rate, "1.0"), whole("workers", workers)
    stable(sum(rates), servers * speed, f"{servers} x {speed:g}/s")
    chance = erlang_c(servers, sum(rates) / speed)
    return _waits(chance / (servers * speed), [rate / (servers * speed) for rate in rates])


def _waits(first: float, loads: Sequence[float]) -> list[float]:
    waits, ahead = [], 0.0
    for load in loads:
        waits.append(first / ((1.0 - ahead) * (1.0 - ahead - load)))
        ahead += load
    return waits
