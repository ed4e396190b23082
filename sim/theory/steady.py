"""What every model answers: the long-run figures of one service, with the words that a run uses."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from sim.theory.law import Law


@dataclass(frozen=True, eq=False, kw_only=True)
class Steady:
    """Long-run figures of one service; nan where a model does not say.

    Rates in 1/s, times in s; `queue_length` (L_q), `in_system` (L) and `busy_workers` are mean counts.
    `wait_*` and `sojourn_*` are of the attempts that are served, `rejected_ratio` of all that arrive;
    `wait` and `sojourn` are the laws of both times, where known.
    `probabilities[n]` is the long-run share of time with n in the system.
    """

    arrival_rate: float
    throughput: float
    workers: float
    busy_workers: float
    queue_length: float
    in_service: float = math.nan
    wait_mean: float
    sojourn_mean: float
    rejected_ratio: float = 0.0
    wait_probability: float = math.nan
    wait_variance: float = math.nan
    wait: Law | None = None
    sojourn: Law | None = None
    probabilities: NDArray[np.float64] | None = field(default=None, repr=False)

    @property
    def in_system(self) -> float:
        """Mean number waiting and in service, L; `in_service` is given where several share a worker."""
        return self.queue_length + (self.busy_workers if math.isnan(self.in_service) else self.in_service)

    @property
    def rejected_rate(self) -> float:
        """Refused attempts per second."""
        return self.arrival_rate * self.rejected_ratio

    @property
    def utilization(self) -> float:
        """Busy workers over workers; 0 with unlimited workers."""
        return 0.0 if math.isinf(self.workers) else self.busy_workers / self.workers

    def wait_quantile(self, p: float) -> float:
        """The p-quantile of the wait, s; nan where the model has no law for it."""
        return math.nan if self.wait is None else self.wait.quantile(p)

    def sojourn_quantile(self, p: float) -> float:
        """The p-quantile of wait plus service, s; nan where the model has no law for it."""
        return math.nan if self.sojourn is None else self.sojourn.quantile(p)
