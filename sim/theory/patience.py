"""Waiting customers that give up: M/M/c+M (Erlang A) and M/M/c+D, first come first served. Exact.

Sources: C. Palm (1957) for exponential patience; F. Baccelli and G. Hebuterne (1981) and S. Zeltyn and
A. Mandelbaum (2005) for the density of the offered wait, λ·p(c−1)·exp(λ∫P(patience > u)du − c·μ·x).
A customer that gives up counts as rejected; wait and sojourn are of those who are served.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sim.errors import QuantityError
from sim.theory.birth_death import stationary
from sim.theory.convolution import WithExponential
from sim.theory.erlang import erlang_b
from sim.theory.inputs import positive, whole
from sim.theory.law import Law
from sim.theory.steady import Steady

Floats = NDArray[np.float64]

#: More waiting places than this are not solved.
MOST_STATES = 5_000_000


def erlang_a(
    arrival_rate: float, service_rate: float, workers: int, patience_mean: float, places: float = math.inf
) -> Steady:
    """M/M/c/K+M: each waiting customer gives up after an exponential time.

    Args:
        arrival_rate: 1/s, above 0; any load has a steady state.
        service_rate: 1/s.
        workers: c, at least 1.
        patience_mean: mean of the exponential patience, s.
        places: K, workers and waiting places together; may be infinite.

    Raises:
        QuantityError: for a value out of range.
    """
    rate = positive("arrival_rate", arrival_rate, "120.0")
    speed = positive("service_rate", service_rate, "1.0")
    servers, leave = whole("workers", workers), 1.0 / positive("patience_mean", patience_mean, "2.0")
    if math.isinf(places):
        most = servers + _enough_places(rate, servers * speed, leave)
    else:
        most = whole("places", places, servers, str(servers + 10))
    n = np.arange(most + 1, dtype=np.float64)
    queued = np.maximum(n - servers, 0.0)
    chance = stationary(np.full(most, rate), (speed * np.minimum(n, servers) + leave * queued)[1:])
    queue_length = float(np.dot(queued, chance))
    busy = float(np.dot(np.minimum(n, servers), chance))
    at_once = float(chance[:servers].sum())
    # An arrival that finds c + j in the system is served with chance cμ/(cμ + (j+1)θ).
    step = np.arange(1, most - servers + 1, dtype=np.float64)
    all_busy = servers * speed
    weights = chance[servers:-1] * all_busy / (all_busy + step * leave)
    served = at_once + float(weights.sum())
    waits = np.cumsum(1.0 / (all_busy + step * leave))
    wait_mean = float(np.dot(weights, waits)) / served
    wait = _ServedWait(weights / served, all_busy / leave, leave, wait_mean)
    return Steady(
        arrival_rate=rate,
        throughput=busy * speed,
        workers=servers,
        busy_workers=busy,
        queue_length=queue_length,
        wait_mean=wait_mean,
        sojourn_mean=wait_mean + 1.0 / speed,
        rejected_ratio=leave * queue_length / rate + (0.0 if math.isinf(places) else float(chance[-1])),
        wait_probability=float(weights.sum()) / served,
        wait=wait,
        sojourn=WithExponential(wait, speed),
        probabilities=chance,
    )


def fixed_patience(arrival_rate: float, service_rate: float, workers: int, patience: float) -> Steady:
    """M/M/c+D: whoever has waited `patience` seconds leaves; other arguments as in `erlang_a`."""
    rate = positive("arrival_rate", arrival_rate, "120.0")
    speed = positive("service_rate", service_rate, "1.0")
    servers, limit = whole("workers", workers), positive("patience", patience, "0.5")
    drift = servers * speed - rate
    # Weights against the density at the end where e^(−drift·x) is 1, so that nothing overflows.
    scale = math.exp(min(0.0, drift * limit))
    flow = rate * erlang_b(servers - 1, rate / speed)
    at_once = scale
    inside = flow * _power_integral(drift, limit, 0)
    past = flow * math.exp(-max(0.0, drift * limit)) / (servers * speed)
    total = at_once + inside + past
    served = at_once + inside
    wait_mean = flow * _power_integral(drift, limit, 1) / served
    wait = _TruncatedExponential(inside / served, drift, limit, wait_mean)
    throughput = rate * served / total
    return Steady(
        arrival_rate=rate,
        throughput=throughput,
        workers=servers,
        busy_workers=throughput / speed,
        queue_length=rate * (wait_mean * served + limit * past) / total,
        wait_mean=wait_mean,
        sojourn_mean=wait_mean + 1.0 / speed,
        rejected_ratio=past / total,
        wait_probability=inside / served,
        wait=wait,
        sojourn=WithExponential(wait, speed, (limit,)),
    )


@dataclass(frozen=True, eq=False)
class _ServedWait(Law):
    """The wait of the served under exponential patience.

    With j + 1 steps to go it is a sum of exponentials of rates θ(a + 1) … θ(a + j + 1), which is −log(B)/θ of
    a Beta(a + 1, j + 1) variable B (Rényi).
    """

    weights: Floats
    base: float
    leave: float
    average: float

    def _mean(self) -> float:
        return self.average

    def _tail(self, t: float) -> float:
        from scipy.special import betainc

        held = self.weights > 1e-25
        step = np.flatnonzero(held) + 1.0
        longer = betainc(self.base + 1.0, step, math.exp(-self.leave * t))
        return float(np.dot(self.weights[held], longer))


@dataclass(frozen=True)
class _TruncatedExponential(Law):
    """0 with chance 1 − `chance`, else of density ∝ e^(−drift·x) on (0, limit); the drift has any sign."""

    chance: float
    drift: float
    limit: float
    average: float

    def _mean(self) -> float:
        return self.average

    def _tail(self, t: float) -> float:
        if t >= self.limit:
            return 0.0
        rest = _power_integral(self.drift, self.limit - t, 0) * math.exp(-max(0.0, self.drift) * t)
        return self.chance * rest / _power_integral(self.drift, self.limit, 0)

    def _cdf(self, t: float) -> float:
        if t >= self.limit:
            return 1.0
        # The part up to t, on the scale of the whole.
        part = _power_integral(self.drift, t, 0) * math.exp(min(0.0, self.drift) * (self.limit - t))
        return (1.0 - self.chance) + self.chance * part / _power_integral(self.drift, self.limit, 0)


def _power_integral(drift: float, limit: float, power: int) -> float:
    """∫_0^limit x^power·e^(−drift·x) dx for power 0 or 1, times e^(drift·limit) if the drift is negative."""
    z = drift * limit
    if power == 0:
        return limit if z == 0.0 else limit * -math.expm1(-abs(z)) / abs(z)
    if abs(z) < 0.05:
        series, term = 0.0, 1.0
        for k in range(12):
            series += term / (k + 2)
            term *= -z / (k + 1)
        return limit * limit * series * math.exp(min(0.0, z))
    if z > 0.0:
        return limit * limit * (1.0 - (1.0 + z) * math.exp(-z)) / (z * z)
    return limit * limit * (math.exp(z) - (1.0 + z)) / (z * z)


def _enough_places(rate: float, all_busy: float, leave: float) -> int:
    """Waiting places past which an unbounded queue holds less than e^-60 of its most likely state."""
    base = all_busy / leave

    def fallen(j: float) -> float:
        # Σ log((cμ + iθ)/λ) over i = 1..j, by its integral: near enough for a cut.
        grown = (base + j) * math.log1p(j / base) - j
        return grown + j * math.log(all_busy / rate)

    peak = max(0.0, (rate - all_busy) / leave)
    least = fallen(peak)
    reach = 64.0
    while fallen(peak + reach) - least < 60.0:
        reach *= 2.0
        if peak + reach > MOST_STATES:
            raise QuantityError(
                f"patience_mean {1.0 / leave:g} s is so long that more than {MOST_STATES} places are in use",
                "patience_mean=10.0",
            )
    return int(peak + reach) + 1
