"""The reference engine: the rules of a scenario as SimPy processes and callbacks, written to be read as their
specification.

A *producer* (or a *user*, in a closed source) gives birth to requests; a *client* process carries one request through
its attempts and backoffs (`reference_client`); a service lets attempts in, keeps their line and serves them
(`reference_service`). Events of one instant happen in the order of their keys: completion, timeout, end of patience,
fault, delivery, arrival; then by traffic class, request and attempt. What follows at once from an event happens before
the next one, as SimPy drains its own cascade first; then free workers take who is next, service by service.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable

from sim.engines import observations as see
from sim.engines.clock import MOST_AT_ONE_INSTANT, Clock
from sim.engines.recorder import Recorder
from sim.engines.reference_client import Request, Source
from sim.engines.reference_service import Service
from sim.errors import EngineError
from sim.scenario.quantities import or_infinite
from sim.scenario.scenario import Scenario


class Reference:
    """One replication of a scenario."""

    def __init__(
        self, scenario: Scenario, replication: int, seed: int, warmup: float, log: bool, states: bool
    ) -> None:
        self.scenario, self.replication, self.seed = scenario, replication, seed
        self.clock = Clock()
        self.record = Recorder(scenario, warmup, log, states)
        self.open_requests: dict[Request, None] = {}
        self.services: dict[str, list[Service]] = {name: [] for name in scenario.services}
        self.ready: set[Service] = set()
        for place, (name, number) in enumerate(scenario.instances):
            self.services[name].append(Service(self, len(scenario.traffic) + place, name, number))
        self.sources = [Source(self, place, name) for place, name in enumerate(scenario.traffic)]

    def last_arrival(self, stop: float | None) -> float:
        """No request is born after this."""
        return min(or_infinite(stop), self.scenario.run.duration)

    def run(self, progress: Callable[[float], None] | None) -> see.Observations:
        """From time 0 to the end, draining included."""
        duration = self.scenario.run.duration
        end = duration * (2.0 if self.scenario.run.drain else 1.0)
        for source in self.sources:
            source.begin()
        closed, steps, steps_before_now = False, 0, 0
        while True:
            if self.clock.in_cascade:
                self.clock.step()
                continue
            if self.ready:
                min(self.ready, key=lambda service: service.place).take()
                continue
            time = self.clock.peek()
            self.record.read_up_to(time)
            if time > duration:
                if not closed:
                    closed = True
                    self.record.close_window(self.inside())
                if time > end or not self.open_requests:
                    break
            if time > self.clock.now:
                steps_before_now = steps
            elif steps - steps_before_now > MOST_AT_ONE_INSTANT:
                raise EngineError(
                    f"time stands still at {time:g} s: over {MOST_AT_ONE_INSTANT:,} events at one instant; "
                    "give the retries a backoff, or the users a think time, above zero"
                )
            self.clock.step()
            steps += 1
            if progress is not None and steps % 20_000 == 0:
                progress(min(1.0, time / duration))
        return self.record.observations([float(len(source.awaited)) for source in self.sources])

    def inside(self) -> list[tuple[int, int, float]]:
        """Who is inside which boundary, and since when."""
        found = []
        for request in self.open_requests:
            found.append((request.source.place, see.CLIENT, request.born))
            if request.orbiting_since is not None:
                found.append((request.source.place, see.ORBIT, request.orbiting_since))
        for service in itertools.chain.from_iterable(self.services.values()):
            for attempt in service.line:
                found.append((service.place, see.IN_QUEUE, attempt.arrived))
                found.append((service.place, see.IN_SERVICE, attempt.arrived))
            found += [(service.place, see.AT_DOOR, attempt.arrived) for attempt in service.door]
            for attempt in service.serving:
                found.append((service.place, see.IN_WORKERS, attempt.started))
                found.append((service.place, see.IN_SERVICE, attempt.arrived))
        return found


def replicate(
    scenario: Scenario,
    replication: int,
    *,
    seed: int,
    warmup: float,
    log: bool = False,
    states: bool = False,
    progress: Callable[[float], None] | None = None,
) -> see.Observations:
    """One replication; arguments and result as those of the compiled engine's function of this name."""
    return Reference(scenario, replication, seed, warmup, log, states).run(progress)
