"""Loads in words, before anything is run: how busy a service is, what faults make of that, what retries could."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from sim.scenario.arrivals import Closed
from sim.study.load import (
    ServiceLoad,
    callers,
    instance_capacity_at,
    load_at,
    load_within_limits,
    mean_service_time,
    nominal_rate,
    places_in_reach,
)
from sim.units import format_rate, format_ratio

if TYPE_CHECKING:
    from sim.scenario.clients import Client
    from sim.scenario.faults import Fault
    from sim.scenario.scenario import Scenario


def load_words(scenario: Scenario, service: str) -> str:
    """How busy a service is, and what becomes of it if that is more than it can do."""
    load = load_within_limits(scenario, service)
    if math.isinf(load.capacity):
        return "serves whatever comes: nobody waits."
    most = format_rate(load.capacity)
    if not math.isfinite(load.ratio):
        return f"at most {most}; how busy it is depends on a load that is not known beforehand."
    erlangs = load.offered * mean_service_time(scenario, service)
    words = f"{format_rate(load.offered)} offered of {most} at most: utilization {percent(load.ratio)}"
    words += f", offered load {erlangs:.4g} erlang"
    users = _users(scenario, service)
    if load.ratio < 1.0:
        again = "" if users else " as long as first attempts are all that comes"
        return f"{words}: stable{again}."
    settings = scenario.services[service]
    inside = settings.instances * (settings.workers + places_in_reach(settings))
    if users and users <= inside:
        # A closed source slows down with its answers.
        return f"{words}, if nobody ever waited: as they do, its {users:,} users send what it can serve."
    if settings.admission:
        return f"{words}: overloaded; what is too much is turned away."
    if math.isfinite(inside):
        return f"{words}: overloaded; its bounded queue stays full and turns the rest away."
    return f"{words}: unstable; its queue grows without bound."


def retries_words(scenario: Scenario, service: str) -> str:
    """What retries would make of the load if every attempt failed; "" where they would add nothing, or nobody knows."""
    load = load_within_limits(scenario, service)
    if not (load.offered > 0.0 and math.isfinite(load.capacity)) or _users(scenario, service):
        return ""
    worst = ServiceLoad(worst_rate(scenario, service), load.capacity)
    if not worst.offered > load.offered:
        return ""
    held = ", but for what holds the clients back" if _held_back(scenario, service) else ""
    if math.isinf(worst.offered):
        return f"if every attempt failed, retries would pile up without limit{held}."
    words = f"if every attempt failed, retries would make it {format_rate(worst.offered)}, utilization "
    words += f"{percent(worst.ratio)}{held}"
    if load.ratio < 1.0 <= worst.ratio and not held:
        return f"{words}: they alone can keep it overloaded."
    return f"{words}."


def worst_rate(scenario: Scenario, service: str) -> float:
    """Attempts a second in the long run if every attempt failed: as many as tries and budgets allow."""
    rates = {name: nominal_rate(scenario, name) for name in callers(scenario, service)}
    return math.fsum(rate + _most_retries(scenario.client_of(name), rate) for name, rate in rates.items())


def amplification(client: Client) -> float:
    """Attempts a request makes on average if every attempt fails: 1 + p + p² + … over `attempts` tries."""
    attempts, goes_on = client.retry.attempts, client.retry.probability
    if goes_on >= 1.0:
        return attempts
    return (1.0 - math.pow(goes_on, attempts)) / (1.0 - goes_on)


def fault_words(scenario: Scenario, fault: Fault) -> str:
    """The loads that a fault makes, with all faults in force then; "" where it changes none, or never strikes."""
    if fault.at >= scenario.run.duration:
        return "never: the run is over by then"
    found = [_then(scenario, service, fault) for service in _services_hit(scenario, fault)]
    return "; ".join(filter(None, found))


def _services_hit(scenario: Scenario, fault: Fault) -> list[str]:
    """The services whose load or capacity a fault changes."""
    if fault.traffic is not None:
        return [scenario.traffic[fault.traffic].call]
    changing = (fault.workers, fault.service_time, fault.pause)
    return [fault.service] if fault.service is not None and any(one is not None for one in changing) else []


def _then(scenario: Scenario, service: str, fault: Fault) -> str:
    """What a service is offered and can do once a fault has begun; of one instance, beside its even share."""
    load = load_at(scenario, service, fault.at)
    if load.capacity == 0.0:
        return f"{service} stands still"
    if not math.isfinite(load.ratio):
        return ""
    words = (
        f"{service} is then offered {format_rate(load.offered)} of {format_rate(load.capacity)}: utilization "
    )
    words += percent(load.ratio)
    if fault.instance is None:
        return words
    own = instance_capacity_at(scenario, service, fault.instance, fault.at)
    one = f"instance {fault.instance}"
    share = format_rate(load.offered / scenario.services[service].instances)
    return (
        f"{words}; {one} {f'can do {format_rate(own)}' if own else 'stands still'}, an even share is {share}"
    )


def _most_retries(client: Client, rate: float) -> float:
    budget = client.retry.budget
    wanted = rate * (amplification(client) - 1.0)
    if budget is None or not wanted > 0.0:
        return wanted
    each = budget.most_retries(rate / client.instances)
    return wanted if math.isnan(each) else min(wanted, client.instances * each)


def _held_back(scenario: Scenario, service: str) -> bool:
    """Whether a caller has something, beside a budget whose most is known, that denies attempts."""
    clients = [scenario.client_of(name) for name in callers(scenario, service)]
    return any(
        client.throttle is not None
        or client.breaker is not None
        or client.limit is not None
        or (client.retry.budget is not None and math.isnan(client.retry.budget.most_retries(1.0)))
        for client in clients
    )


def _users(scenario: Scenario, service: str) -> int:
    """How many users call a service, if all its callers are closed sources; else 0."""
    sources = [scenario.traffic[name].arrivals for name in callers(scenario, service)]
    closed = [source.users for source in sources if isinstance(source, Closed)]
    return sum(closed) if len(closed) == len(sources) else 0


def percent(ratio: float) -> str:
    """A ratio in four digits: it is worked out from what is written, not measured."""
    return format_ratio(float(f"{ratio:.4g}"))
