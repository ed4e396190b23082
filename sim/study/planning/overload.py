"""Overload that needs no simulation: by the flow alone, what is asked cannot be done."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from sim.scenario.arrivals import ConstantArrivals, Poisson
from sim.study.load import service_load
from sim.theory.station import Station, stations

if TYPE_CHECKING:
    from sim.scenario.objectives import Objective
    from sim.scenario.scenario import Scenario

SURE: Final = 6.0
"""Standard errors of the work that comes in a run, which must not make up for the overload."""

DOUBLE: Final = 2.0
"""How far the wait by the flow alone must be beyond its bound."""


def overload(scenario: Scenario) -> str | None:
    """Why an objective must be missed because a service gets more work than it can do; None if none must be.

    Of the load ρ > 1 the share 1 - 1/ρ is refused or never answered; where neither happens, the wait grows by ρ - 1
    each second. Nothing is said where faults, changing rates or scaled workers could make up for it.
    """
    if scenario.faults:
        return None
    for station in stations(scenario):
        if not _evenly_loaded(station):
            continue
        asked = service_load(scenario, station.name).ratio
        surely = asked / (1.0 + SURE * _spread(station))
        if surely > 1.0 and any(_fails(station, wanted, surely) for wanted in scenario.objectives):
            return f"service:{station.name} is asked for {asked:.3g} times what it can do"
    return None


def _evenly_loaded(station: Station) -> bool:
    """Whether the load is one figure for the whole run, and so is the service's power."""
    return (
        station.service.autoscale is None
        and station.service.conflict is None
        and math.isfinite(station.workers)
        and all(
            isinstance(stream.arrivals, Poisson | ConstantArrivals)
            and stream.single
            and stream.arrivals.start == 0.0
            and stream.arrivals.stop is None
            for stream in station.streams
        )
    )


def _spread(station: Station) -> float:
    """The relative standard error of the work that comes in a run, √(E[S²]/n)/E[S] with n Poisson arrivals."""
    mean, second, _ = station.moments
    return math.sqrt(second / _born(station)) / mean if mean > 0.0 else math.inf


def _born(station: Station) -> float:
    return station.fresh_rate * station.scenario.run.duration


def _fails(station: Station, wanted: Objective, load: float) -> bool:
    """Whether an objective must be missed with `load` times the work that can be done."""
    run = station.scenario.run
    alone = f"traffic:{station.streams[0].name}" if len(station.streams) == 1 else None
    if wanted.subject not in (f"service:{station.name}", alone):
        return False
    if wanted.metric == "success_ratio" and wanted.at_least is not None:
        # What is drained after the end is at most what was inside then, unless it comes back.
        inside = station.places / _born(station) if run.drain else 0.0
        return not (run.drain and station.retried) and 1.0 / load + inside < wanted.at_least
    if wanted.at_most is None or not _patient(station):
        return False
    if wanted.metric == "rejected_ratio" and math.isfinite(station.places):
        return 1.0 - 1.0 / load - station.places / _born(station) > wanted.at_most
    grows = math.isinf(station.capacity) and station.first_come and not station.shared
    of_service = wanted.metric.startswith(("wait_", "sojourn_"))
    of_client = wanted.metric.startswith("latency_") and all(
        math.isinf(stream.limit) for stream in station.streams
    )
    if grows and wanted.unit == "s" and (of_service or of_client):
        warmup = run.warmup if isinstance(run.warmup, float) else 0.0
        # Of those who are answered by the end, the one in the middle; half of them wait longer.
        return (load - 1.0) * 0.5 * (warmup + run.duration / load) > DOUBLE * wanted.at_most
    return False


def _patient(station: Station) -> bool:
    """Whether nobody leaves the queue but into service, and nobody is shed."""
    return (
        station.service.queue.max_wait is None
        and not station.service.admission
        and all(math.isinf(stream.limit) or stream.client.cancel == "never" for stream in station.streams)
    )
