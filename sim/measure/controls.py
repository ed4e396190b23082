"""Control variates: figures whose true mean is known, and what they say about the chance in one whose mean is not.

A run with more arrivals than expected, or more work, has longer queues than on average. How much longer a regression
over the replications tells; what chance is known to have added is then taken away again. Estimate and interval are
those of Lavenberg and Welch (1981): exact for jointly normal figures, whatever the number of controls.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sim.engines import observations as see
from sim.engines.observations import Observations
from sim.measure.intervals import CONFIDENCE, independent, student
from sim.scenario.arrivals import Poisson
from sim.scenario.scenario import Scenario

SPARE: Final = 8
"""Independent values there must be beyond the controls: with fewer, the regression costs more than it brings."""

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Regressed:
    """An estimate with the controls' chance taken away; variance_ratio: its variance over that of the plain mean."""

    mean: float
    low: float
    high: float
    variance_ratio: float


def regressed(
    values: Sequence[float], controls: Sequence[Values], confidence: float = CONFIDENCE
) -> Regressed:
    """The controlled mean of independent values.

    Args:
        values: one figure in each replication.
        controls: each a figure less its true mean, in the same replications. One that does not vary says nothing, and
            one that follows from others nothing more: they are left out.
        confidence: of the interval.

    Returns:
        NaN for all of it if a value is missing, or there are too few for the controls.
    """
    y = np.asarray(values, dtype=np.float64)
    n = len(y)
    c = _of_full_rank(np.array(controls, dtype=np.float64).reshape(len(controls), n))
    q = len(c)
    if np.isnan(y).any() or n < q + SPARE or float(np.ptp(y)) == 0.0:
        return Regressed(math.nan, math.nan, math.nan, math.nan)
    centred, off = c - c.mean(axis=1, keepdims=True), c.mean(axis=1)
    moved = y - y.mean()
    within = centred @ centred.T
    slope = np.linalg.solve(within, centred @ moved) if q else np.zeros(0)
    mean = float(y.mean() - slope @ off)
    rest = moved - slope @ centred
    variance = float(rest @ rest) / (n - q - 1)
    leverage = 1.0 / n + (float(off @ np.linalg.solve(within, off)) if q else 0.0)
    half = student(n - q - 1, confidence) * math.sqrt(variance * leverage)
    plain = float(moved @ moved) / (n - 1) / n
    return Regressed(mean, mean - half, mean + half, variance * leverage / plain)


def _of_full_rank(controls: Values) -> Values:
    """The controls, scaled, that do not follow from those before them."""
    kept: list[Values] = []
    for control in controls:
        centred = control - control.mean()
        size = float(np.linalg.norm(centred))
        if not size > 1e-12 * (float(np.abs(control).max()) + 1e-300):
            continue
        rest = centred / size
        for other in kept:
            direction = other - other.mean()
            rest = rest - (rest @ direction) / (direction @ direction) * direction
        if float(np.linalg.norm(rest)) > 1e-6:
            kept.append(control / size)
    return np.array(kept).reshape(len(kept), controls.shape[1])


def own_controls(scenario: Scenario, runs: Sequence[Observations]) -> Mapping[str, Values]:
    """The controls that every run brings with it, each less its true mean, by name.

    Arrivals: births per second of Poisson traffic, less its rate. Work: seconds of service given per second, less what
    as many services take on average. Drawn works are independent of how many there are before them, so that the
    difference is zero on average (Wald), with retries too, as long as no service is cut short or stretched, or is
    chosen by its length.
    """
    twins = scenario.run.antithetic
    span = runs[0].duration - runs[0].warmup
    found: dict[str, Values] = {}
    for row, (name, traffic) in enumerate(scenario.traffic.items()):
        arrivals = traffic.arrivals
        untouched = arrivals.batch is None and arrivals.start == 0.0 and arrivals.stop is None
        if isinstance(arrivals, Poisson) and untouched and not _is_touched(scenario, traffic=name):
            births = [float(seen.window_counts[row, see.BORN]) / span for seen in runs]
            found[f"arrivals of {name}"] = independent(births, twins) - arrivals.rate
    for row, name in enumerate(scenario.services, len(scenario.traffic)):
        mean = _mean_work(scenario, name)
        if mean is not None:
            surplus = [_work_surplus(seen, row, mean) / span for seen in runs]
            found[f"work of {name}"] = independent(surplus, twins)
    return found


def _work_surplus(seen: Observations, row: int, mean: float) -> float:
    served = float(seen.histogram[row, see.SOJOURN].sum())
    work = float(seen.moments[row, see.SOJOURN, see.TOTAL] - seen.moments[row, see.WAIT, see.TOTAL])
    return work - mean * served


def _is_touched(scenario: Scenario, *, traffic: str | None = None, service: str | None = None) -> bool:
    """Whether a fault befalls it."""
    return any(
        (traffic is not None and fault.traffic == traffic)
        or (service is not None and fault.service == service)
        for fault in scenario.faults
    )


def _mean_work(scenario: Scenario, service: str) -> float | None:
    """The mean of every service given there; None if they have no one mean that their number does not depend on."""
    asked = scenario.services[service]
    callers = [name for name, traffic in scenario.traffic.items() if traffic.call == service]
    laws = [scenario.service_time_of(name) for name in callers]
    sized = any(getattr(scenario.traffic[name].arrivals, "size", None) for name in callers)
    plain = (
        asked.slowdown is None
        and asked.sharing.kind == "one"
        and asked.queue.discipline.kind != "shortest"
        and all(scenario.client_of(name).cancel != "anywhere" for name in callers)
        and not _is_touched(scenario, service=service)
    )
    if not plain or sized or not laws or any(law != laws[0] for law in laws):
        return None
    mean = laws[0].moments()[0]
    return mean if math.isfinite(mean) else None
