"""Exact figures that a run ought to show: those of theory, where the measured window is a steady state."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from sim.scenario.arrivals import Closed
from sim.scenario.backoff import RandomBackoff
from sim.theory.station import Station, stations

if TYPE_CHECKING:
    from sim.scenario.scenario import Scenario

WARM: Final = 5.0
"""A warm-up of so many relaxation times leaves less than e^-5 of the empty start."""

LONG: Final = 1000.0
"""In a window of so many relaxation times an empty start weighs less than a thousandth."""


class Exact(NamedTuple):
    """A figure in the unit of its metric, and the model that gives it."""

    value: float
    model: str
    steady: bool = True


def exact_figures(scenario: Scenario, warmup: float) -> dict[tuple[str, str], Exact]:
    """Subject and metric -> the exact long-run figure, of services whose measured window is a steady state.

    Of quantiles, those that the objectives name.

    The models refuse faults and arrivals that change by themselves; here it is seen to that the window begins late
    enough (`warmup`, s), or is so long that its beginning does not matter.
    """
    steady = [one.name for one in stations(scenario) if is_steady(scenario, one, warmup)]
    return _exact(scenario, steady, steady) if steady else {}


def long_run_figures(scenario: Scenario, warmup: float) -> dict[tuple[str, str], Exact]:
    """The same of all services; of those whose measured window still remembers the empty start it is not `steady`."""
    every = list(stations(scenario))
    steady = [one.name for one in every if is_steady(scenario, one, warmup)]
    return _exact(scenario, [one.name for one in every], steady)


def _exact(
    scenario: Scenario, services: Sequence[str], steady: Sequence[str]
) -> dict[tuple[str, str], Exact]:
    from sim.theory.match import analyze

    subjects = {f"service:{name}": name in steady for name in services}
    found: dict[tuple[str, str], Exact] = {}
    for model in analyze(scenario, {each.metric for each in scenario.objectives}).models:
        if model.exact and model.applies_to in subjects:
            for one in model.figures:
                if math.isfinite(one.value):
                    exact = Exact(one.value, model.name, subjects[model.applies_to])
                    found.setdefault((one.subject, one.metric), exact)
    return found


def is_steady(scenario: Scenario, station: Station, warmup: float) -> bool:
    """Whether the empty start of a run is forgotten in the measured window."""
    relaxation = relaxation_time(station)
    return warmup >= WARM * relaxation or scenario.run.duration - warmup >= LONG * relaxation


def relaxation_time(station: Station) -> float:
    """About how long a service takes to forget how it began, s; inf if it never does, or that is not known.

    Of M/M/1 it is 1/(μ(1 - √ρ)²) (Cohen, 1982, section II.2.1); the more varied the work the longer (by its squared
    coefficient of variation, as waits are), never shorter than a service, and no longer than it takes a bounded
    queue to wander from end to end.
    """
    mean, second, _ = station.moments
    workers = station.workers
    longest = max((backoff for backoff in _backoffs(station)), default=0.0)
    if station.closed:
        thinks = [
            stream.arrivals.think.moments()[0]
            for stream in station.streams
            if isinstance(stream.arrivals, Closed)
        ]
        return max(thinks) + mean * max(1.0, station.users / workers)
    if math.isinf(workers):
        return mean + longest
    load = station.load
    varied = 0.5 * second / mean**2 if mean > 0.0 else 1.0
    wander = station.places**2 / workers
    slack = workers * (1.0 - math.sqrt(load)) ** 2
    drift = varied / slack if slack != 0.0 else math.inf  # a load of all but 1 has a root of 1
    if load >= 1.0:
        drift = wander
    patience = station.service.queue.max_wait
    if patience is not None and mean > 0.0:
        # Runs that began differently grow alike at least as fast as the slower of work and patience ends.
        drift = min(drift, 1.0 + patience.moments()[0] / mean)
    return mean * max(1.0, min(drift, wander)) + longest if not math.isnan(load) else math.inf


def _backoffs(station: Station) -> Iterator[float]:
    for stream in station.streams:
        backoff = stream.client.retry.backoff
        if stream.name in station.retried and isinstance(backoff, RandomBackoff):
            yield backoff.delay.moments()[0]
