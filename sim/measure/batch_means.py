"""Intervals of one long run: overlapping batch means of its rates and time averages (Meketon and Schmeiser, 1984).

Values that follow each other in time are correlated, so their spread understates what chance does to their mean. Means
of long batches hardly are. All overlapping batches of m of n values give the variance of the mean with two thirds of
the variance that batches side by side would leave it, and 1.5 (n/m - 1) degrees of freedom.

Whether batches are long enough is seen from the values' own correlation: its sum over all lags, as far as it is above
the noise (Geyer's initial positive sequence, 1992), says over how many values a disturbance lasts.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from sim.engines import observations as see
from sim.engines.observations import Observations
from sim.measure.figures import Figures
from sim.measure.intervals import CONFIDENCE, clipped, student
from sim.scenario.metrics import unit_of
from sim.scenario.scenario import Scenario

if TYPE_CHECKING:
    import pandas as pd

METHOD: Final = "overlapping batch means"
LEAST_BATCHES: Final = 10.0
"""With fewer, the spread of the batches is itself too uncertain."""
BATCHES: Final = 30.0
"""As many as there are where correlation does not ask for longer ones."""
LENGTHS: Final = 5.0
"""A batch is so many times as long as a disturbance lasts: what is left of it understates the width by some 5 %."""

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Batches:
    """The half-width of a mean's interval, from so many batches' worth of values; or why there is none."""

    half: float = math.nan
    batches: float = 0.0
    refused: str = ""


def overlapping(values: Values, confidence: float = CONFIDENCE) -> Batches:
    """What batch means say about the mean of values that follow each other in time, evenly spaced."""
    n = len(values)
    if n < 2 * LEAST_BATCHES:
        return Batches(refused=f"{n} bins are too few; give the run a finer series, or a longer duration")
    if float(np.ptp(values)) == 0.0:
        return Batches(refused="it never varied")
    lasting = correlation_length(values)
    m = math.ceil(max(n / BATCHES, LENGTHS * lasting))
    if n / m < LEAST_BATCHES:
        times = math.ceil(LENGTHS * lasting * LEAST_BATCHES / n + 0.5)
        return Batches(
            refused=f"too short: a disturbance lasts {lasting:.0f} of its {n} bins; make the run {times} times as long"
        )
    sums = np.concatenate([[0.0], np.cumsum(values)])
    means = (sums[m:] - sums[:-m]) / m
    spread = float(((means - values.mean()) ** 2).sum()) * m / ((n - m + 1.0) * (n - m))
    return Batches(student(1.5 * (n / m - 1.0), confidence) * math.sqrt(spread), n / m)


def correlation_length(values: Values) -> float:
    """1 + 2 Σ ρ(k), the number of values that one disturbance lasts: 1 where they are independent, never less."""
    n = len(values)
    centred = values - values.mean()
    size = 1 << (2 * n - 1).bit_length()
    power = np.abs(np.fft.rfft(centred, size)) ** 2
    covariance = np.fft.irfft(power, size)[:n] / n
    correlation = covariance / covariance[0]
    pairs = correlation[0 : n // 2 * 2 : 2] + correlation[1 : n // 2 * 2 : 2]
    end = int(np.argmax(pairs <= 0.0)) if (pairs <= 0.0).any() else len(pairs)
    return max(1.0, 2.0 * float(pairs[:end].sum()) - 1.0)


def table(scenario: Scenario, seen: Observations, means: Figures) -> pd.DataFrame:
    """The intervals of one run; `means` are its figures over the whole window.

    Columns: subject, metric, mean, low, high, n (batches' worth of values), unit, method, refused.
    """
    import pandas as pd

    rows = []
    for subject, metric, values in binned(scenario, seen):
        found, mean = overlapping(values), means[subject, metric].value
        most = 1.0 if unit_of(metric) == "ratio" else math.inf
        ends = clipped(mean, mean - found.half, mean + found.half, most)
        method = "none" if found.refused else METHOD
        rows.append((subject, metric, mean, *ends, found.batches, unit_of(metric), method, found.refused))
    columns = ["subject", "metric", "mean", "low", "high", "n", "unit", "method", "refused"]
    return pd.DataFrame(rows, columns=columns)


def binned(scenario: Scenario, seen: Observations) -> Iterator[tuple[str, str, Values]]:
    """(subject, metric, values) of every rate and time average, in the whole bins of the measured window."""
    width = scenario.run.bin_width
    widths = np.diff(seen.edges)
    inside = (seen.edges[:-1] >= seen.warmup) & (np.abs(widths - width) <= 1e-6 * width)
    counts = np.diff(seen.counts, axis=0)[inside] / width
    levels = seen.areas[1:][inside] / width
    for subject, rows, rates in _subjects(scenario):
        for metric, column in rates.items():
            yield subject, metric, counts[:, rows, column].sum(axis=1)
        if not subject.startswith("service:"):
            yield subject, "orbit", levels[:, rows, see.ORBIT].sum(axis=1)
            continue
        queue, jobs, workers, power, door = (levels[:, rows[0], column] for column in range(see.METERS))
        busy = power if power.any() else jobs
        yield subject, "busy_workers", busy
        if len(workers) and workers[0] > 0.0 and np.ptp(workers) == 0.0:
            yield subject, "utilization", busy / workers[0]
        yield subject, "queue_length", queue
        yield subject, "in_system", queue + jobs
        yield subject, "blocked", door


TRAFFIC_RATES: Final = {
    "offered_rate": see.BORN,
    "attempt_rate": see.SENT,
    "goodput": see.SUCCESS,
    "over_budget_rate": see.OVER_BUDGET,
}
SERVICE_RATES: Final = {
    "arrival_rate": see.ARRIVED,
    "throughput": see.COMPLETED,
    "rejected_rate": see.REFUSED,
}


def _subjects(scenario: Scenario) -> Iterator[tuple[str, list[int], Mapping[str, int]]]:
    names = list(scenario.traffic)
    for row, name in enumerate(names):
        yield f"traffic:{name}", [row], TRAFFIC_RATES
    for client in scenario.clients:
        rows = [row for row, name in enumerate(names) if scenario.client_name(name) == client]
        if rows:
            yield f"client:{client}", rows, TRAFFIC_RATES
    for row, name in enumerate(scenario.services, len(names)):
        yield f"service:{name}", [row], SERVICE_RATES
