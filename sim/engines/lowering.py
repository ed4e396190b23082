"""A scenario written into flat arrays: the compiled engine's sources, services and parameters."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from sim import draws
from sim.engines import queues
from sim.engines.events import MOST_ATTEMPTS
from sim.engines.kinds import kind_of
from sim.engines.memory import GUARD, NONE, SERVICE, SOURCE
from sim.engines.observations import OUTCOMES
from sim.engines.stages import ANYWHERE, NEVER, QUEUED
from sim.scenario.arrivals import Closed
from sim.scenario.closed_distributions import Constant
from sim.scenario.faults import client_timeline, pauses, service_timeline, traffic_timeline
from sim.scenario.guard import GuardRule
from sim.scenario.quantities import or_infinite
from sim.scenario.rule import Rule
from sim.scenario.scenario import Scenario
from sim.scenario.sharing import ProcessorSharing
from sim.scenario.trace import Trace

CANCEL: Final = {"never": NEVER, "queued": QUEUED, "anywhere": ANYWHERE}
ORDER: Final = {
    "oldest": queues.OLDEST_FIRST,
    "newest": queues.NEWEST_FIRST,
    "rank": queues.BY_RANK,
    "either": queues.EITHER,
}


@dataclass
class Lowered:
    """The arrays that describe a scenario, what its rules remember at first, how many lanes of timers it has, its kind
    (also if the numbers in its services are watched), and the mask that makes its draws those of a twin.
    """

    parameters: NDArray[np.float64]
    sources: NDArray[Any]
    services: NDArray[Any]
    guards: NDArray[Any]
    states: NDArray[np.float64]
    lanes: int
    kinds: tuple[int, int]
    mirror: int


@dataclass(frozen=True)
class Beginning:
    """A guard that begins by chance: its first number of state, the subject of its stream, its place among the guards
    there, and the instances that it watches, each with a row of its own.
    """

    rule: GuardRule
    at: int
    subject: str
    place: int
    instances: Sequence[int]


def lower(scenario: Scenario, seed: int, replication: int) -> Lowered:
    """The flat form of one replication of a scenario."""
    form, beginnings = _form(scenario)
    named, mirror = scenario.run.drawn_as(replication)
    sources, services, states = form.sources.copy(), form.services.copy(), form.states.copy()
    for s, name in zip(sources, scenario.traffic, strict=True):
        for purpose, key in draws.streams(seed, named, name).items():
            s[f"{purpose}_key"] = key
    for one in beginnings:
        key = draws.stream(seed, named, "beginning", one.subject)
        for row, instance in enumerate(one.instances):
            at = one.at + row * one.rule.STATE
            states[at : at + one.rule.STATE] = one.rule.initial(
                draws.uniform(key, instance, one.place, mirror)
            )
    return replace(form, sources=sources, services=services, states=states, mirror=mirror)


@lru_cache(maxsize=8)  # of short runs it would be a sixth of the time
def _form(scenario: Scenario) -> tuple[Lowered, list[Beginning]]:
    """What all replications have in common."""
    writer = _Writer(scenario)
    sources = np.zeros(len(scenario.traffic), SOURCE)
    services = np.zeros(len(scenario.instances), SERVICE)
    for s, name in zip(sources, scenario.traffic, strict=True):
        writer.arrivals(s, name)
        writer.client(s, name)
    for line, (name, number) in zip(services, scenario.instances, strict=True):
        writer.service(line, name, number)
    form = Lowered(
        np.array(writer.p or [0.0]),
        sources,
        services,
        np.array(writer.guards or [(0, 0, 0, 0)], GUARD),
        np.array(writer.states or [0.0]),
        writer.lanes,
        (kind_of(sources, services, watched=False), kind_of(sources, services, watched=True)),
        0,
    )
    return form, writer.beginnings


def answers(guards: Iterable[GuardRule], question: str) -> bool:
    """Whether any of these guards has an answer of its own to a question; the others need not be asked."""
    return any(getattr(type(guard), question) is not getattr(GuardRule, question) for guard in guards)


class _Writer:
    """Writes records field by field, and their parameters into one list."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self.p: list[float] = []
        self.states: list[float] = []
        self.guards: list[tuple[int, int, int, int]] = []
        self.beginnings: list[Beginning] = []
        self.lanes = 0
        self.places = {name: place for place, (name, number) in enumerate(scenario.instances) if number == 0}

    def arrivals(self, s: Any, name: str) -> None:
        """When requests are born, and what they ask of which service."""
        traffic = self.scenario.traffic[name]
        arrivals = traffic.arrivals
        s["arrival"], s["arrival_op"] = arrivals.lower(self.p), arrivals.opcode
        s["state"] = self._remembers([0.0] * arrivals.STATE)
        s["start"], s["stop"] = arrivals.start, or_infinite(arrivals.stop)
        s["batch"] = self._rule(arrivals.batch)
        s["think"] = NONE
        if isinstance(arrivals, Closed):
            s["users"], s["think"] = arrivals.users, self._rule(arrivals.think)
        sizes = arrivals.sizes() if isinstance(arrivals, Trace) else None
        s["sizes"] = NONE if sizes is None else self._numbers(sizes)
        rates = traffic_timeline(self.scenario, name)
        s["rates"], s["rate_pieces"] = self._pieces(rates), len(rates)
        s["service"], s["priority"] = self.places[traffic.call], traffic.priority
        s["level"] = self.scenario.level_of(name)
        service = self.scenario.services[traffic.call]
        s["loads"] = self._remembers([0.0] * service.instances) if service.balance.loads == "client" else NONE
        s["service_time"] = self._rule(self.scenario.service_time_of(name))

    def client(self, s: Any, name: str) -> None:
        """How long the clients wait, and how they retry."""
        client = self.scenario.client_of(name)
        retry = client.retry
        s["timeout"], s["deadline"] = or_infinite(client.timeout), or_infinite(client.deadline)
        s["cancel"] = CANCEL[client.cancel]
        s["attempts"] = int(min(retry.attempts, MOST_ATTEMPTS))
        s["retry_on"] = sum(1 << OUTCOMES.index(outcome) for outcome in retry.on if outcome in OUTCOMES)
        s["probability"] = retry.probability
        s["backoff"], s["backoff_op"] = retry.backoff.lower(self.p), retry.backoff.opcode
        s["honours_retry_after"] = retry.retry_after
        s["accepts_late"] = client.late_reply == "accept"
        s["network"] = self._rule(client.network)
        client_name = self.scenario.client_name(name)
        pieces = client_timeline(self.scenario, client_name) if client_name else ()
        if any(piece.lost or not piece.retries for piece in pieces):
            s["pieces"], s["piece_count"] = self._pieces(pieces), len(pieces)
        s["instances"] = client.instances
        s["budget"] = NONE if retry.budget is None else len(self.guards)
        s["guards"], s["guard_count"] = self._guarded(client.guards, name, range(client.instances))
        unbudgeted = client.guards if retry.budget is None else client.guards[1:]
        s["asks"], s["tells"] = answers(unbudgeted, "admits"), answers(client.guards, "ends")
        s["chance"] = any(guard.CHANCE for guard in unbudgeted)
        s["hedge"] = self._rule(client.hedge)
        if client.hedge is not None:
            s["hedge_op"], s["hedge_size"] = client.hedge.opcode, client.hedge.STATE
            s["hedge_state"] = self._remembers([0.0] * client.hedge.STATE * client.instances)
            s["hedge_attempts"], s["hedge_cancel"] = client.hedge.attempts, client.hedge.cancel
        service = self.scenario.services[self.scenario.traffic[name].call]
        s["special"] = bool(client.guards or client.hedge or service.instances > 1 or service.conflict)
        # With a deadline too, the timers are not in the order in which they are set.
        s["lane"] = self._lane(client.timeout is not None and client.deadline is None)

    def service(self, line: Any, name: str, number: int) -> None:
        """The workers of one instance, their queue, and what goes wrong with them."""
        service = self.scenario.services[name]
        line["first"], line["instances"] = self.places[name], service.instances
        line["balance_op"] = service.balance.opcode
        line["loads"] = NONE
        if service.balance.loads == "server" and number == 0:
            line["loads"] = self._remembers([0.0] * service.instances)
        line["guards"], line["guard_count"] = self._guarded(service.admission, f"services.{name}", [number])
        line["chance"] = any(guard.CHANCE for guard in service.admission)
        for field, question in (("asks", "admits"), ("keeps", "keeps"), ("tells", "ends")):
            line[field] = answers(service.admission, question)
        line["slowdown"] = self._rule(service.slowdown)
        line["slowdown_op"] = NONE if service.slowdown is None else service.slowdown.opcode
        line["special"] = self.is_special(name)
        line["optimistic"] = service.conflict == "optimistic"
        line["blocks"] = service.queue.overflow == "block"
        line["door_oldest"] = line["door_newest"] = line["sharing_root"] = -1
        line["autoscale"] = self._rule(service.autoscale)
        line["scaled"], line["changed"] = service.workers, -math.inf
        pieces = service_timeline(self.scenario, name, number)
        orders = {None: NONE, "fifo": queues.OLDEST_FIRST, "lifo": queues.NEWEST_FIRST}
        numbers = [(*piece[:5], orders[piece.discipline], piece.drops) for piece in pieces]
        line["pieces"], line["piece_count"] = self._pieces(numbers), len(pieces)
        first = pieces[0]
        line["workers"], line["time_factor"] = first.workers, first.time_factor
        line["error_ratio"], line["paused"] = first.error_ratio, first.paused
        line["room"] = first.workers
        if isinstance(service.sharing, ProcessorSharing):
            line["shares"], line["room"] = True, service.sharing.limit
        frozen = pauses(self.scenario, name, number)
        line["pauses"], line["pause_count"] = self._pieces(frozen), len(frozen)
        line["capacity"] = service.queue.capacity
        line["retry_after"] = service.retry_after or 0.0
        line["drops_oldest"] = service.queue.overflow == "drop_oldest"
        discipline = service.queue.discipline
        line["discipline_op"] = discipline.opcode
        line["discipline"] = discipline.lower(self.p)
        line["own_order"] = ORDER[discipline.order]
        line["order"] = line["own_order"] if first.discipline is None else orders[first.discipline]
        line["drops"] = first.drops
        line["oldest"] = line["newest"] = line["root"] = -1
        line["max_wait"] = self._rule(service.queue.max_wait)
        line["lane"] = self._lane(isinstance(service.queue.max_wait, Constant))

    def is_special(self, name: str) -> bool:
        """Whether anything beyond workers, a queue and its discipline is to be looked after at a service's events."""
        service = self.scenario.services[name]
        return bool(
            service.admission
            or service.slowdown
            or service.conflict
            or service.instances > 1
            or service.queue.overflow == "block"
            or isinstance(service.sharing, ProcessorSharing)
            or any(fault.service == name and fault.drop_queue for fault in self.scenario.faults)
        )

    def _rule(self, rule: Rule | None) -> int:
        return NONE if rule is None else rule.lower(self.p)

    def _remembers(self, initial: list[float]) -> int:
        """Sets numbers of state aside; gives the address of the first."""
        at = len(self.states)
        self.states.extend(initial)
        return at

    def _guarded(self, rules: Iterable[GuardRule], subject: str, instances: Sequence[int]) -> tuple[int, int]:
        """The place of the first of these guards, and how many there are; each remembers apart for each instance."""
        first = len(self.guards)
        for place, rule in enumerate(rules, start=1):
            state = self._remembers(rule.initial(0.25) * len(instances))
            if rule.initial(0.25) != rule.initial(0.75):
                self.beginnings.append(Beginning(rule, state, subject, place, instances))
            self.guards.append((rule.opcode, rule.lower(self.p), state, rule.STATE))
        return first, len(self.guards) - first

    def _numbers(self, numbers: Iterable[float]) -> int:
        """Appends plain numbers; gives the address of the first."""
        at = len(self.p)
        self.p.extend(map(float, numbers))
        return at

    def _pieces(self, pieces: Iterable[Iterable[float]]) -> int:
        return self._numbers(number for piece in pieces for number in piece)

    def _lane(self, wanted: bool) -> int:
        if not wanted:
            return NONE
        self.lanes += 1
        return self.lanes - 1
