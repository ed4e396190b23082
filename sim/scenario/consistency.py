"""What one part of a scenario says of another: names that must exist, sources that a fault cannot speed up.

The checks read the scenario as it is written, so that they speak in the same pass as the checks of each part,
and pass over whatever is already wrong by itself.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic import BaseModel

from sim.errors import printable
from sim.scenario.suggestions import nearest

if TYPE_CHECKING:
    from sim.scenario.scenario import Scenario

MOST_TRAFFIC = 256
MOST_SERVICES = 256
MOST_CLIENTS = 256
MOST_FAULTS = 10_000

Keys = tuple[str | int, ...]
SECTIONS = {"traffic": "traffic", "service": "services", "client": "clients"}
"""Subject kind -> the section that has its names."""


class Finding(NamedTuple):
    """One fault: the keys of its place, and the words of a Problem."""

    keys: Keys
    message: str
    example: str = ""
    suggestion: str = ""


def as_written(data: Any) -> Iterator[Finding]:
    """Faults between the parts of a scenario that may itself be wrong anywhere."""
    yield from _sizes(data)
    yield from _traffic(data)
    yield from _faults(data, _at(data, "faults"), ("faults",))
    yield from _objectives(data, _at(data, "objectives"), ("objectives",))
    yield from _subject(data, _at(_at(data, "run"), "precision"), ("run", "precision", "subject"))
    yield from _plan(data)


def as_read(scenario: Scenario) -> Iterator[Finding]:
    """Faults that only a scenario right in all its parts can have."""
    for name in scenario.traffic:
        if _retries_for_ever_at_once(scenario, name):
            client = scenario.client_name(name)
            keys: Keys = ("clients", client, "retry") if client else ("traffic", name, "client", "retry")
            yield Finding(
                (*keys, "attempts"),
                "inf attempts without any delay never end where the queue is full: time stands still",
                "attempts: 100, or backoff: {kind: constant, delay: 1s}",
            )


def _sizes(data: Any) -> Iterator[Finding]:
    limits = {
        "traffic": MOST_TRAFFIC,
        "services": MOST_SERVICES,
        "clients": MOST_CLIENTS,
        "faults": MOST_FAULTS,
    }
    for key, most in limits.items():
        section = _at(data, key)
        if isinstance(section, Mapping | list | tuple) and len(section) > most:
            yield Finding((key,), f"{len(section):,} entries; the most are {most:,}")


def _traffic(data: Any) -> Iterator[Finding]:
    for name, traffic in _named(data, "traffic"):
        service = _at(traffic, "call")
        if isinstance(service, str):
            yield from _exists(data, "service", service, ("traffic", name, "call"))
        client = _at(traffic, "client")
        if isinstance(client, str):
            yield from _exists(data, "client", client, ("traffic", name, "client"))


def _faults(data: Any, faults: Any, above: Keys) -> Iterator[Finding]:
    for place, fault in enumerate(faults if isinstance(faults, list | tuple) else ()):
        yield from _fault(data, fault, (*above, place))


def _fault(data: Any, fault: Any, above: Keys) -> Iterator[Finding]:
    for kind in SECTIONS:
        name = _at(fault, kind)
        if isinstance(name, str):
            yield from _exists(data, kind, name, (*above, kind))
    service, instance = _at(fault, "service"), _at(fault, "instance")
    if isinstance(service, str) and _at(fault, "discipline") is not None:
        own = _at(_at(_at(_at(data, "services"), service), "queue"), "discipline")
        kind = own if isinstance(own, str) else _at(own, "kind")
        if kind in ("random", "priority", "shortest", "earliest_deadline"):
            yield Finding(
                (*above, "discipline"),
                f"the queue of {printable(service)} is served by rank ({kind}), which a fault cannot change",
                "a service whose queue is fifo, lifo or adaptive_lifo",
            )
    if isinstance(service, str) and isinstance(instance, int):
        many = _at(_at(_at(data, "services"), service), "instances") or 1
        if isinstance(many, int) and instance >= many:
            yield Finding(
                (*above, "instance"),
                f"service {printable(service)} has {many} instance{'s' if many > 1 else ''}, numbered from 0",
                f"instance: {many - 1}",
            )
    source = _at(fault, "traffic")
    if _at(fault, "rate") is None or not isinstance(source, str):
        return
    kind = _at(_at(_at(_at(data, "traffic"), source), "arrivals"), "kind")
    if isinstance(kind, str) and not _accepts_rate_factor(kind):
        yield Finding(
            (*above, "rate"),
            f"arrivals of kind {kind} have no rate that a factor could change",
            "a fault of a source with a rate, such as kind: poisson",
        )


def _plan(data: Any) -> Iterator[Finding]:
    """Names in what a plan must survive, and in what things cost."""
    plan = _at(data, "plan")
    survive = _at(plan, "survive")
    for place, entry in enumerate(survive if isinstance(survive, list | tuple) else ()):
        above: Keys = ("plan", "survive", place)
        yield from _fault(data, entry, above)
        yield from _faults(data, _at(entry, "faults"), (*above, "faults"))
        yield from _objectives(data, _at(entry, "objectives"), (*above, "objectives"))
    prices = _at(plan, "minimize")
    for kind, section in (("service", "services"), ("traffic", "traffic")):
        for name, _ in _named(prices, section):
            yield from _exists(data, kind, name, ("plan", "minimize", section, name))


def _objectives(data: Any, objectives: Any, above: Keys) -> Iterator[Finding]:
    for place, objective in enumerate(objectives if isinstance(objectives, list | tuple) else ()):
        yield from _subject(data, objective, (*above, place, "subject"))


def _subject(data: Any, part: Any, keys: Keys) -> Iterator[Finding]:
    subject = _at(part, "subject")
    if isinstance(subject, str):
        kind, _, name = subject.partition(":")
        if kind in SECTIONS and name:
            yield from _exists(data, kind, name, keys, f'"{kind}:{{}}"')


def _exists(data: Any, kind: str, name: str, keys: Keys, spelling: str = "{}") -> Iterator[Finding]:
    section = SECTIONS[kind]
    names = _at(data, section)
    if names is None and section == "clients":
        names = {}
    if not isinstance(names, Mapping) or name in names:
        return  # a section that is missing or no mapping is a fault of its own
    what = "traffic class" if kind == "traffic" else kind
    meant = nearest(name, names)
    known = f"one of {', '.join(map(str, names))}" if names and not meant else ""
    example = known if len(known) < 200 else ""
    if not names:
        example = f"a section {section} with {printable(name)} in it"
    yield Finding(
        keys, f'there is no {what} "{printable(name)}"', example, spelling.format(meant) if meant else ""
    )


def _accepts_rate_factor(kind: str) -> bool:
    from sim.scenario.arrivals import MEMBERS

    return all(
        member.accepts_rate_factor for member in MEMBERS if member.model_fields["kind"].default == kind
    )


def _retries_for_ever_at_once(scenario: Scenario, name: str) -> bool:
    """Whether a full queue would be asked again and again at one instant."""
    client = scenario.client_of(name)
    service = scenario.services[scenario.traffic[name].call]
    retry = client.retry
    waits = retry.retry_after and bool(service.retry_after)
    return (
        math.isinf(retry.attempts)
        and retry.probability == 1.0
        and "rejected" in retry.on
        and client.network is None
        and retry.budget is None
        and not waits
        and math.isfinite(service.queue.capacity)
        and service.queue.overflow == "reject"
        and (
            retry.backoff.kind == "none" or (retry.backoff.kind == "constant" and retry.backoff.delay == 0.0)
        )
    )


def _at(thing: Any, key: str) -> Any:
    """The value under a key of a mapping or model, None where there is none."""
    if isinstance(thing, Mapping):
        return thing.get(key)
    if isinstance(thing, BaseModel):
        return getattr(thing, key, None)
    return None


def _named(data: Any, section: str) -> Iterator[tuple[str, Any]]:
    entries = _at(data, section)
    if isinstance(entries, Mapping):
        for name, entry in entries.items():
            if isinstance(name, str):
                yield name, entry
