"""Unlimited workers: G/G/∞ means by Little's law, M/G/∞, and M_t/M/∞ under a sinusoidal rate. Exact.

Sources: J. D. C. Little (1961); S. G. Eick, W. A. Massey and W. Whitt, M_t/G/∞ queues with sinusoidal arrival
rates (1993).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from sim.theory.inputs import not_negative, positive
from sim.theory.law import Law, Never
from sim.theory.steady import Steady


def gg_inf(arrival_rate: float, service_mean: float, service: Law | None = None) -> Steady:
    """G/G/∞: any arrivals with a long-run rate, any service; nobody waits.

    Args:
        arrival_rate: long-run arrivals per second.
        service_mean: s.
        service: the law of the service time, where known: it is the sojourn's.
    """
    rate = positive("arrival_rate", arrival_rate, "40.0")
    mean = not_negative("service_mean", service_mean, "0.25")
    return Steady(
        arrival_rate=rate,
        throughput=rate,
        workers=math.inf,
        busy_workers=rate * mean,
        queue_length=0.0,
        wait_mean=0.0,
        sojourn_mean=mean,
        wait_probability=0.0,
        wait_variance=0.0,
        wait=Never(),
        sojourn=service,
    )


@dataclass(frozen=True, slots=True)
class Sinusoid:
    """M_t/M/∞ with rate(t) = mean + amplitude·sin(2π·t/period), in its periodic regime.

    Rates in 1/s, period in s, `service_rate` one over the mean service time.
    """

    mean: float
    amplitude: float
    period: float
    service_rate: float

    @property
    def _turn(self) -> float:
        return 2.0 * math.pi / self.period

    def in_system(self, t: float) -> float:
        """Mean number in service at time t: the rate's past, remembered for about one service time."""
        w, speed = self._turn, self.service_rate
        swing = (speed * math.sin(w * t) - w * math.cos(w * t)) / (speed * speed + w * w)
        return self.mean / speed + self.amplitude * swing

    @property
    def peak(self) -> float:
        """The largest mean number in service over a period."""
        return self.mean / self.service_rate + self.amplitude / math.hypot(self.service_rate, self._turn)

    @property
    def lag(self) -> float:
        """How long the peak of the number comes after the peak of the rate, s."""
        return math.atan2(self._turn, self.service_rate) / self._turn
