"""What a valid scenario says to no effect: hardly what its author meant."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from sim.scenario.arrivals import AnyArrivals, ConstantArrivals
from sim.scenario.hedge import FixedHedge
from sim.scenario.mishaps import mishaps_of
from sim.units import format_duration

if TYPE_CHECKING:
    from sim.scenario.clients import Client
    from sim.scenario.scenario import Scenario


def without_effect(scenario: Scenario) -> Iterator[str]:
    """A sentence for each part that can do nothing, with its path."""
    yield from _faults(scenario)
    written = scenario.document
    for name in dict.fromkeys(filter(None, map(scenario.client_name, scenario.traffic))):
        yield from _client(f"clients.{name}", scenario.clients[name])
    for name, traffic in scenario.traffic.items():
        if not scenario.client_name(name):
            yield from _client(f"traffic.{name}.client", scenario.client_of(name))
        first = _first_arrival(traffic.arrivals)
        if first > scenario.run.duration:
            yield (
                f"traffic.{name} sends nothing: its first arrival would come at {format_duration(first)}, and the run "
                f"is over after {format_duration(scenario.run.duration)}"
            )
    yield from _bought(scenario)
    for name, service in scenario.services.items():
        path, own = f"services.{name}", written["services"][name]
        if service.instances == 1 and "balance" in own:
            yield f"{path}.balance chooses among one instance"
        if service.queue.overflow != "reject" and math.isinf(service.queue.capacity):
            yield f"{path}.queue.overflow is {service.queue.overflow}, and a queue without capacity is never full"


def _first_arrival(arrivals: AnyArrivals) -> float:
    """When a source can have its first arrival, s: a constant one waits out a whole gap."""
    return arrivals.start + (1.0 / arrivals.rate if isinstance(arrivals, ConstantArrivals) else 0.0)


def _faults(scenario: Scenario) -> Iterator[str]:
    end = scenario.run.duration
    for place, fault in enumerate(scenario.faults):
        if fault.at >= end:
            yield (
                f"faults[{place}] never strikes: it begins at {format_duration(fault.at)}, and the run is over after "
                f"{format_duration(end)}"
            )


def _bought(scenario: Scenario) -> Iterator[str]:
    """Workers that a plan varies, and that a fault leaves as many of in any case."""
    struck = [(f"faults[{place}]", fault) for place, fault in enumerate(scenario.faults)]
    for place, mishap in enumerate(mishaps_of(scenario)):
        struck += [(f"plan.survive[{place}]", fault) for fault in mishap.faults]
    for path, fault in struck:
        workers = f"services.{fault.service}.workers"
        varied = scenario.plan is not None and workers in scenario.plan.vary
        if varied and fault.workers is not None and not fault.workers.relative:
            yield (
                f"{workers} varies to no effect while {path} leaves {fault.workers.value:g} workers however many there "
                "are; a factor such as x0.67 takes a share of them"
            )


def _client(path: str, client: Client) -> Iterator[str]:
    limits = {"timeout": client.timeout, "deadline": client.deadline}
    known = {name: limit for name, limit in limits.items() if limit is not None}
    if isinstance(client.hedge, FixedHedge) and known:
        name = min(known, key=lambda each: known[each])
        if client.hedge.delay >= known[name]:
            yield (
                f"{path}.hedge is never sent: {format_duration(client.hedge.delay)} is not before the {name} of "
                f"{format_duration(known[name])}"
            )
    if client.retry.budget is not None and client.retry.attempts <= 1 and client.hedge is None:
        yield f"{path}.retry.budget has nothing to grant: retry.attempts is 1"
