"""A scenario written into flat arrays: the compiled engine's sources, services and parameters."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from sim import draws
from sim.engines import queues
from sim.engines.events import MOST_ATTEMPTS
from sim.engines.kernel import ANYWHERE, NEVER, QUEUED
from sim.engines.memory import SERVICE, SOURCE
from sim.engines.observations import OUTCOMES
from sim.scenario.arrivals import Closed
from sim.scenario.distributions import Distribution
from sim.scenario.closed_distributions import Constant
from sim.scenario.faults import loss_timeline, pauses, service_timeline, traffic_timeline
from sim.scenario.scenario import Scenario
from sim.scenario.trace import Trace

CANCEL: Final = {"never": NEVER, "queued": QUEUED, "anywhere": ANYWHERE}
ORDER: Final = {"oldest": queues.OLDEST_FIRST, "newest": queues.NEWEST_FIRST, "rank": queues.BY_RANK}
NONE: Final = -1
"""The address of a rule that is not there."""


@dataclass
class Lowered:
    """The arrays that describe a scenario, and how many lanes of timers and floats of state it needs."""

    parameters: NDArray[np.float64]
    sources: NDArray[Any]
    services: NDArray[Any]
    lanes: int
    states: int


def lower(scenario: Scenario, seed: int, replication: int) -> Lowered:
    """The flat form of one replication of a scenario."""
    p: list[float] = []
    sources = np.zeros(len(scenario.traffic), SOURCE)
    services = np.zeros(len(scenario.services), SERVICE)
    places = {name: place for place, name in enumerate(scenario.services)}
    lanes = states = 0
    for s, name in zip(sources, scenario.traffic, strict=True):
        traffic, client = scenario.traffic[name], scenario.client_of(name)
        arrivals = traffic.arrivals
        s["arrival"], s["arrival_op"] = arrivals.lower(p), arrivals.opcode
        s["state"] = states
        states += arrivals.STATE
        s["start"] = arrivals.start
        s["stop"] = _or_infinite(arrivals.stop)
        s["batch"] = NONE if arrivals.batch is None else arrivals.batch.lower(p)
        s["think"] = NONE
        if isinstance(arrivals, Closed):
            s["users"], s["think"] = arrivals.users, arrivals.think.lower(p)
        sizes = arrivals.sizes() if isinstance(arrivals, Trace) else None
        s["sizes"] = NONE if sizes is None else _block(p, sizes)
        rates = traffic_timeline(scenario, name)
        s["rates"], s["rate_pieces"] = _block(p, [x for piece in rates for x in piece]), len(rates)

        s["service"], s["priority"] = places[traffic.call], traffic.priority
        s["service_time"] = scenario.service_time_of(name).lower(p)

        s["timeout"], s["deadline"] = _or_infinite(client.timeout), _or_infinite(client.deadline)
        s["cancel"] = CANCEL[client.cancel]
        s["attempts"] = int(min(client.retry.attempts, MOST_ATTEMPTS))
        s["retry_on"] = sum(1 << OUTCOMES.index(outcome) for outcome in client.retry.on if outcome in OUTCOMES)
        s["probability"] = client.retry.probability
        s["backoff"], s["backoff_op"] = client.retry.backoff.lower(p), client.retry.backoff.opcode
        s["honours_retry_after"] = client.retry.retry_after
        s["accepts_late"] = client.late_reply == "accept"
        s["network"] = NONE if client.network is None else client.network.lower(p)
        client_name = scenario.client_name(name)
        losses = loss_timeline(scenario, client_name) if client_name else ()
        if any(piece.lost for piece in losses):
            s["losses"], s["loss_pieces"] = _block(p, [x for piece in losses for x in piece]), len(losses)
        s["lane"] = NONE
        if client.timeout is not None and client.deadline is None:
            s["lane"] = lanes
            lanes += 1
        for purpose in draws.PURPOSES:
            s[f"{purpose}_key"] = draws.stream(seed, replication, purpose, name)

    for line, name in zip(services, scenario.services, strict=True):
        service = scenario.services[name]
        pieces = service_timeline(scenario, name)
        line["pieces"], line["piece_count"] = _block(p, [float(x) for piece in pieces for x in piece]), len(pieces)
        first = pieces[0]
        line["workers"], line["time_factor"] = first.workers, first.time_factor
        line["error_ratio"], line["paused"] = first.error_ratio, first.paused
        frozen = pauses(scenario, name)
        line["pauses"], line["pause_count"] = _block(p, [x for pause in frozen for x in pause]), len(frozen)
        line["capacity"] = service.queue.capacity
        line["retry_after"] = service.retry_after or 0.0
        line["drops_oldest"] = service.queue.overflow == "drop_oldest"
        discipline = service.queue.discipline
        line["order"], line["discipline_op"] = ORDER[discipline.order], discipline.opcode
        line["oldest"] = line["newest"] = line["root"] = -1
        patience: Distribution | None = service.queue.max_wait
        line["max_wait"] = NONE if patience is None else patience.lower(p)
        line["lane"] = NONE
        if isinstance(patience, Constant):
            line["lane"] = lanes
            lanes += 1
    return Lowered(np.array(p or [0.0]), sources, services, lanes, states)


def _or_infinite(seconds: float | None) -> float:
    return math.inf if seconds is None else seconds


def _block(p: list[float], numbers: Any) -> int:
    """Appends plain numbers to the parameters; gives the address of the first."""
    at = len(p)
    p.extend(numbers)
    return at
