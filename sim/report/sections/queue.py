"""Section 12: how long a queue is of use: a place whose wait is past the clients' patience is not."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sim.report.blocks import Block, Paragraph, Section, Table
from sim.report.figures import metric_words
from sim.report.phrases import count
from sim.study.load import callers, drain_rate, mean_service_time, places_in_reach
from sim.units import format_duration, format_rate

if TYPE_CHECKING:
    from sim.report.material import Material
    from sim.scenario.scenario import Scenario

_ROUNDING = 1e-9
"""So that 600 ms less 100 ms, times 40/s, are 20 places and not 19."""


@dataclass(frozen=True)
class Advice:
    """The longest useful queue of a service: patience × rate of service, the jobs in service counted.

    `places` of it are to wait: (patience - mean service time) × rate. instead: of the places beyond these. leaves:
    whether the patience is a client's, who waits no longer; else it is an objective's.
    """

    service: str
    rate: float
    patience: float
    source: str
    longest: float
    places: float
    capacity: float
    instead: str = "a 503 at once"
    leaves: bool = True


def queue(material: Material) -> Section | None:
    """The longest useful queue of each service whose clients, or whose objectives, do not wait for ever."""
    found = advice(material.scenario)
    if not found:
        return None
    rows = [
        (
            each.service,
            format_rate(each.rate),
            f"{format_duration(each.patience)} ({each.source})",
            f"{each.longest:,.0f}",
            f"{each.places:,.0f}",
            count(each.capacity),
            format_duration(each.capacity / each.rate) if math.isfinite(each.capacity) else "no limit",
        )
        for each in found
    ]
    columns = (
        "service",
        "serves",
        "patience",
        "longest useful queue",
        "of it to wait",
        "places",
        "wait when full",
    )
    blocks: list[Block] = [
        Paragraph(
            "The longest useful queue is what the workers can clear while the most impatient client still "
            "waits: patience × rate of service, the jobs in service counted. "
            + (
                "An attempt that joins behind it is served, if at all, for nobody."
                if any(each.leaves for each in found)
                else "The patience here is what an objective asks for: who joins behind it is late by that."
            )
        ),
        Table("Longest useful queue", columns, rows, frozenset({1, 3, 4, 5, 6})),
        *(Paragraph(words(each)) for each in found),
    ]
    return Section(12, "queue", "Queue advice", blocks)


RANKED = frozenset({"priority", "shortest", "earliest_deadline", "random", "lifo", "adaptive_lifo"})
"""Disciplines in which a wait does not follow from the place."""


def advice(scenario: Scenario) -> list[Advice]:
    """What the shortest timeout, deadline or objective on time of a service or its callers allows, by service."""
    found = []
    for name, service in scenario.services.items():
        mean = mean_service_time(scenario, name)
        limits = _limits(scenario, name, mean)
        if service.queue.discipline.kind in RANKED:
            continue  # who comes last may be served first: no place is the back of the queue
        if not limits or not mean > 0.0 or math.isinf(service.workers):
            continue
        patience, source = min(limits)
        rate = drain_rate(service, mean, service.workers)
        longest = math.floor(patience * rate + _ROUNDING)
        # What is left of the patience when the service itself has been paid for.
        places = math.floor(max(0.0, patience - mean) * rate + _ROUNDING)
        instead = "a producer that waits" if service.queue.overflow == "block" else "a 503 at once"
        reach = places_in_reach(service)
        leaves = not source.startswith("the objective")
        found.append(Advice(name, rate, patience, source, longest, places, reach, instead, leaves))
    return found


def words(each: Advice) -> str:
    """What to do about a queue, in a sentence."""
    if each.capacity == 0.0:
        return f"{each.service} has no place to wait in: who finds its workers busy is refused at once."
    full = each.capacity / each.rate
    if math.isinf(each.capacity):
        grows = "until every client has left" if each.leaves else "for as long as that lasts"
        useful = "places would be of use" if each.leaves else f"places are as many as {each.source} bears"
        return (
            f"The queue of {each.service} has no limit: in an overload it grows {grows}. About {each.places:,.0f} "
            f"{useful}."
        )
    if each.capacity > each.places:
        return (
            f"The queue of {each.service} is longer than is of use: at the back of {each.capacity:,.0f} "
            f"places the wait is {format_duration(full)}, and {each.source} allows "
            f"{format_duration(each.patience)}, service included. "
            + (
                f"Beyond {each.places:,.0f} places {each.instead} is kinder than a late answer."
                if each.leaves
                else f"Who joins beyond {each.places:,.0f} places is late by it."
            )
        )
    return (
        f"The queue of {each.service} is within what is of use: a wait through all {each.capacity:,.0f} "
        f"places takes {format_duration(full)}, within the {format_duration(each.patience)} that "
        f"{each.source} allows."
    )


def _limits(scenario: Scenario, service: str, mean: float) -> list[tuple[float, str]]:
    """Each limit on the time at a service, the mean service included, and whose it is."""
    limits = []
    for each in scenario.objectives:
        if each.subject != f"service:{service}" or each.at_most is None or each.unit != "s":
            continue
        source = f"the objective on {metric_words(each.metric)} of {service}"
        if each.metric.startswith("sojourn_"):
            limits.append((each.at_most, source))
        elif each.metric.startswith("wait_"):
            limits.append((each.at_most + mean, f"{source} plus a mean service time"))
    for name in callers(scenario, service):
        client = scenario.client_of(name)
        if client.timeout is not None:
            limits.append((client.timeout, f"the timeout of {name}"))
        if client.deadline is not None:
            limits.append((client.deadline, f"the deadline of {name}"))
        limits.extend(
            (each.at_most, f"the objective on {metric_words(each.metric)} of {name}")
            for each in scenario.objectives
            if each.subject == f"traffic:{name}"
            and each.metric.startswith("latency_")
            and each.at_most is not None
        )
    return limits
