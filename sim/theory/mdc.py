"""M/D/c: Poisson arrivals, a constant service time, an unbounded queue, first come first served. Exact.

Every service that is on at t has ended by t + D, so the queue is a random walk in steps of D: Q' = max(0, Q
+ A − c) with A Poisson. Its law comes from the Wiener–Hopf factors of 1 − E[z^(A−c)], split by a Fourier
transform on a circle between the roots 1 and z0. Sources: C. D. Crommelin (1932); F. Spitzer (1956); the
waiting time from G. J. Franx, A simple solution for the M/D/c waiting time distribution (2001).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sim.errors import QuantityError
from sim.theory.erlang_mixture import log_poisson
from sim.theory.inputs import positive, stable, whole
from sim.theory.law import Law, Shifted
from sim.theory.roots import root
from sim.theory.steady import Steady

Floats = NDArray[np.float64]

#: The largest circle: a load within about 2e-5 of 1, or more than 500,000 workers, is refused.
MOST_POINTS = 2**23


def mdc(arrival_rate: float, service_time: float, workers: int) -> Steady:
    """M/D/c.

    Args:
        arrival_rate: 1/s.
        service_time: D, s.
        workers: c.

    Raises:
        QuantityError: for a value out of range, a load with no steady state or one too close to it to solve.
    """
    rate, time = positive("arrival_rate", arrival_rate, "9.0"), positive("service_time", service_time, "0.1")
    servers = whole("workers", workers)
    stable(rate, servers / time, f"{servers} x {1.0 / time:g}/s")
    load = rate * time
    queue_length, queue, decay = _queue(load, servers)
    wait_mean = queue_length / rate
    wait = _Wait(rate, time, servers, _longer(queue, decay), decay, wait_mean)
    arrived = np.exp(log_poisson(np.arange(servers), load))
    # Some worker is free at t + D if those left over at t and those who came since are fewer than c.
    free = float(np.dot(np.cumsum(np.resize(np.append(queue, 0.0), servers)), arrived[::-1]))
    return Steady(
        arrival_rate=rate,
        throughput=rate,
        workers=servers,
        busy_workers=load,
        queue_length=queue_length,
        wait_mean=wait_mean,
        sojourn_mean=wait_mean + time,
        wait_probability=max(0.0, 1.0 - free),
        wait=wait,
        sojourn=Shifted(wait, time),
    )


@dataclass(frozen=True, eq=False)
class _Wait(Law):
    """P(W > x) = Σ_j Poisson(j; λu)·P(Q > kc − 1 − j) with x = kD − u and 0 < u ≤ D."""

    rate: float
    time: float
    workers: int
    longer: Floats
    decay: float
    average: float

    def _mean(self) -> float:
        return self.average

    def _tail(self, t: float) -> float:
        k = math.floor(t / self.time) + 1
        since = self.rate * (k * self.time - t)
        most = int(since + 12.0 * math.sqrt(since) + 40.0)
        j = np.arange(most + 1)
        came = np.exp(log_poisson(j, since)) if since > 0.0 else np.where(j == 0, 1.0, 0.0)
        return float(min(1.0, np.dot(came, self._queue_longer(k * self.workers - 1 - j))))

    def _queue_longer(self, m: NDArray[np.int64]) -> Floats:
        last = len(self.longer) - 1
        inside = self.longer[np.clip(m, 0, last)] * np.exp(-self.decay * np.maximum(m - last, 0))
        return np.where(m < 0, 1.0, inside)


def _queue(load: float, workers: int) -> tuple[float, Floats, float]:
    """Mean of Q, its probabilities down to about 1e-13, and log z0, their decay past the end."""
    decay = _decay(load, workers)
    points = 1 << math.ceil(math.log2(max(192.0 / decay, 16.0 * workers, 256.0)))
    if points > MOST_POINTS:
        raise QuantityError(
            f"M/D/c with {workers} workers at load {load / workers:.9g} is beyond what is solved exactly",
            f"load={0.999 * workers:g}",
        )
    radius = 0.5 * decay
    turn = 2.0 * math.pi * np.fft.fftfreq(points)
    s = radius + 1j * turn
    factor = np.log(-np.expm1(load * np.expm1(s) - workers * s))
    # −log(1 − E z^(A−c)): its powers k ≥ 1 hold Σ_n P(S_n = k)/n of the walk S; here times radius^k.
    upward = -np.fft.fft(factor).real[: points // 2] / points
    upward[0] = 0.0
    k = np.arange(points // 2, dtype=np.float64)
    shrink = np.exp(-radius * k)
    mean = float(np.dot(k, upward * shrink))
    powers = np.fft.ifft(np.concatenate([upward, np.zeros(points - points // 2)])) * points
    law = np.fft.fft(np.exp(powers - float(np.dot(upward, shrink)))).real[: points // 2] / points
    kept = min(points // 2, int(30.0 / decay) + 2 * workers + 2)
    return mean, np.maximum(law[:kept] * shrink[:kept], 0.0), decay


def _longer(queue: Floats, decay: float) -> Floats:
    """P(Q > m) for the m that `queue` holds: sums from the far end, past which they fall by e^-decay."""
    past = float(queue[-1]) / math.expm1(decay)
    upward = np.cumsum(queue[::-1])[::-1]
    return np.append(upward[1:], 0.0) + past


def _decay(load: float, workers: int) -> float:
    """The root log z0 > 0 of load·(e^x − 1) = workers·x: the queue's probabilities fall by z0 a place."""

    def excess(x: float) -> float:
        return load * math.expm1(x) / x - workers

    spare = workers / load
    high = min(2.0 * (spare - 1.0), 1.0 + math.log(spare))
    while excess(high) <= 0.0:
        high *= 2.0
    low = high
    while excess(low) > 0.0:
        low *= 0.5
    return root(excess, low, high)
