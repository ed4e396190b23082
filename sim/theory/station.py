"""One service as theory sees it: who comes, with what work, and what can happen to them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

from sim.scenario.arrivals import AnyArrivals, Closed, Poisson, Renewal
from sim.scenario.clients import Client
from sim.scenario.closed_distributions import Constant
from sim.scenario.disciplines import EarliestDeadline, Priority, Shortest
from sim.scenario.distributions import AnyDistribution
from sim.scenario.scenario import Scenario
from sim.scenario.services import Service
from sim.scenario.sharing import ProcessorSharing
from sim.scenario.varying_arrivals import Mmpp
from sim.theory.mg1 import Moments, mixed_moments
from sim.theory.phase_queue import Arrivals, poisson_arrivals, renewal_arrivals, switched_arrivals
from sim.theory.phases import Phases, is_exponential, mixed_phases, phases_of


@dataclass(frozen=True)
class Stream:
    """One traffic class at its service."""

    name: str
    arrivals: AnyArrivals
    law: AnyDistribution
    client: Client
    priority: int

    @property
    def limit(self) -> float:
        """How long the client waits for its first attempt, s: timeout or deadline; inf if for ever."""
        limits = (self.client.timeout, self.client.deadline)
        return min((limit for limit in limits if limit is not None), default=math.inf)

    @property
    def poisson(self) -> bool:
        """Whether its epochs are Poisson of one rate, batches and start aside."""
        arrivals = self.arrivals
        return isinstance(arrivals, Poisson) or (
            isinstance(arrivals, Renewal) and is_exponential(arrivals.gap)
        )

    @property
    def single(self) -> bool:
        """Whether requests come one by one."""
        return self.arrivals.batch is None or self.arrivals.batch.moments()[0] == 1.0

    @property
    def rate(self) -> float:
        """Requests per second in the long run; nan if that is not known beforehand."""
        return self.arrivals.mean_rate()

    @property
    def users(self) -> int:
        """How many users a closed stream has; 0 for one from outside."""
        return self.arrivals.users if isinstance(self.arrivals, Closed) else 0

    @property
    def network_mean(self) -> float:
        """Mean delay there and back, s."""
        return 0.0 if self.client.network is None else 2.0 * self.client.network.moments()[0]

    @property
    def network_constant(self) -> bool:
        """Whether the delay is always the same."""
        return self.client.network is None or isinstance(self.client.network, Constant)


@dataclass(frozen=True)
class Station:
    """A service with its streams, in the order in which the scenario writes them."""

    scenario: Scenario
    name: str
    service: Service
    streams: tuple[Stream, ...]

    @property
    def workers(self) -> float:
        """c; may be infinite."""
        return self.service.workers

    @property
    def capacity(self) -> float:
        """Waiting places; may be infinite."""
        return self.service.queue.capacity

    @property
    def places(self) -> float:
        """K, workers and waiting places together."""
        return self.workers + self.capacity

    @property
    def shared(self) -> bool:
        """Whether all jobs share the workers."""
        return isinstance(self.service.sharing, ProcessorSharing)

    @property
    def closed(self) -> bool:
        """Whether every stream is a closed one."""
        return all(isinstance(stream.arrivals, Closed) for stream in self.streams)

    @property
    def users(self) -> int:
        """The users of all closed streams."""
        return sum(stream.users for stream in self.streams)

    @cached_property
    def law(self) -> AnyDistribution | None:
        """The service time of all streams; None if they differ."""
        first = self.streams[0].law
        return first if all(stream.law == first for stream in self.streams) else None

    @cached_property
    def moments(self) -> Moments:
        """E S, E S², E S³ of a job of any stream, s, s², s³."""
        if self.law is not None:
            return self.law.moments()
        rates = [stream.rate for stream in self.streams]
        return mixed_moments(rates, [stream.law.moments() for stream in self.streams])

    @cached_property
    def exponential_mean(self) -> float | None:
        """The mean service time, s, if it is exponential and the same for all streams."""
        means = {stream.law.moments()[0] for stream in self.streams if is_exponential(stream.law)}
        alike = all(is_exponential(stream.law) for stream in self.streams) and len(means) == 1
        return means.pop() if alike else None

    @cached_property
    def constant_time(self) -> float | None:
        """The service time, s, if it is always the same."""
        return self.law.value if isinstance(self.law, Constant) else None

    @cached_property
    def phases(self) -> Phases | None:
        """The service of a job of any stream as exponential phases; None if one is not made of such."""
        parts = []
        for stream in self.streams:
            phases = phases_of(stream.law)
            if phases is None:
                return None
            parts.append((stream.rate, phases))
        return parts[0][1] if self.law is not None else mixed_phases(parts)

    @cached_property
    def markov_arrivals(self) -> Arrivals | None:
        """All arrivals as one process steered by a Markov chain; None if they are no such process."""
        if all(stream.poisson and stream.single for stream in self.streams):
            return poisson_arrivals(self.fresh_rate)
        arrivals = self.streams[0].arrivals
        if len(self.streams) > 1 or not self.streams[0].single:
            return None
        if isinstance(arrivals, Mmpp):
            return switched_arrivals([s.rate for s in arrivals.states], [s.stay for s in arrivals.states])
        gap = phases_of(arrivals.gap) if isinstance(arrivals, Renewal) else None
        return None if gap is None else renewal_arrivals(gap)

    @property
    def service_mean(self) -> float:
        """Mean service time, s."""
        return self.moments[0]

    @cached_property
    def retried(self) -> dict[str, tuple[str, ...]]:
        """Stream -> the outcomes that can happen to its attempts and are then tried again."""
        found: dict[str, tuple[str, ...]] = {}
        for stream in self.streams:
            retry = stream.client.retry
            can_happen = {
                "rejected": math.isfinite(self.capacity) or self.service.queue.max_wait is not None,
                "timeout": math.isfinite(stream.limit),
                "error": self.service.error_ratio > 0.0,
            }
            tried = tuple(outcome for outcome in retry.on if can_happen.get(outcome, False))
            if retry.attempts > 1 and retry.probability > 0.0 and tried:
                found[stream.name] = tried
        return found

    @cached_property
    def feedback(self) -> bool:
        """Whether all that is ever tried again is an error, which strikes whatever the load is."""
        return bool(self.retried) and all(
            outcomes == ("error",) and not math.isfinite(stream.limit)
            for stream in self.streams
            if (outcomes := self.retried.get(stream.name)) is not None
        )

    def attempts_each(self, stream: Stream) -> float:
        """Attempts per request, Σ (error ratio × persistence)^k over the tries; 1 if errors end it."""
        again = self.service.error_ratio * stream.client.retry.probability
        if stream.name not in self.retried or "error" not in self.retried[stream.name]:
            return 1.0
        tries = stream.client.retry.attempts
        if again >= 1.0:
            return tries
        return (1.0 if math.isinf(tries) else -math.expm1(tries * math.log(again))) / (1.0 - again)

    @cached_property
    def fresh_rate(self) -> float:
        """Requests per second in the long run; nan if not known beforehand."""
        return math.fsum(stream.rate for stream in self.streams)

    @cached_property
    def rate(self) -> float:
        """Attempts per second in the long run, those after an error included; nan if not known beforehand."""
        return math.fsum(stream.rate * self.attempts_each(stream) for stream in self.streams)

    @property
    def load(self) -> float:
        """ρ: work that comes per second over workers."""
        return self.rate * self.service_mean / self.workers

    @cached_property
    def first_come(self) -> bool:
        """Whether the queue is in fact served in the order of arrival, ties of rank included."""
        discipline = self.service.queue.discipline
        if isinstance(discipline, Priority):
            return len({stream.priority for stream in self.streams}) == 1
        if isinstance(discipline, EarliestDeadline):
            # From the sending on: one limit keeps the order, unless the network shuffles what was sent.
            limits = {stream.limit for stream in self.streams}
            straight = all(stream.network_constant for stream in self.streams)
            alike = len({stream.network_mean for stream in self.streams}) == 1
            return limits == {math.inf} or (len(limits) == 1 and straight and alike)
        if isinstance(discipline, Shortest):
            return isinstance(self.law, Constant)
        return discipline.order == "oldest"

    @cached_property
    def impartial(self) -> bool:
        """Whether all streams meet the same wait: no rank tells one class from another."""
        if len(self.streams) == 1 or self.first_come:
            return True
        discipline = self.service.queue.discipline
        same_work = isinstance(discipline, Shortest) and self.law is not None
        return same_work or not isinstance(discipline, Shortest | Priority | EarliestDeadline)

    @cached_property
    def size_blind(self) -> bool:
        """Whether the order of service says nothing of the length of the jobs."""
        discipline = self.service.queue.discipline
        if self.first_come or self.law is not None:
            return self.first_come or not isinstance(discipline, Shortest)
        return not isinstance(discipline, Shortest | Priority | EarliestDeadline)


def stations(scenario: Scenario) -> list[Station]:
    """The services of a scenario that get any traffic, in its order."""
    found = []
    for name, service in scenario.services.items():
        streams = tuple(
            Stream(
                each,
                traffic.arrivals,
                scenario.service_time_of(each),
                scenario.client_of(each),
                traffic.priority,
            )
            for each, traffic in scenario.traffic.items()
            if traffic.call == name
        )
        if streams:
            found.append(Station(scenario, name, service, streams))
    return found
