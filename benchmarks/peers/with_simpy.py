"""SimPy: a process for each customer, who asks a Resource for a worker, holds it for the service and leaves."""

from __future__ import annotations

import random
import time
from collections.abc import Generator
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import simpy

from benchmarks.peers.protocol import STATIONS, TINY, Answer, Station, answer


@dataclass
class Sojourns:
    """The sum and the number of the times inside."""

    total: float = 0.0
    number: int = 0


def customer(
    env: simpy.Environment, workers: simpy.Resource, service: float, sojourns: Sojourns
) -> Generator[Any, Any, None]:
    """Waits for a worker, is served, leaves."""
    arrived = env.now
    with workers.request() as turn:
        yield turn
        yield env.timeout(service)
    sojourns.total += env.now - arrived
    sojourns.number += 1


def source(
    env: simpy.Environment,
    station: Station,
    workers: simpy.Resource,
    customers: int,
    draw: random.Random,
    sojourns: Sojourns,
) -> Generator[Any, Any, None]:
    """Sends `customers` of them."""
    places = station.places
    for _ in range(customers):
        yield env.timeout(draw.expovariate(station.rate))
        if places is None or len(workers.queue) < places:
            env.process(customer(env, workers, draw.expovariate(1.0), sojourns))


def run(station: Station, customers: int, seed: int) -> Sojourns:
    """Until all have left."""
    env = simpy.Environment()
    workers = simpy.Resource(env, capacity=station.workers)
    sojourns = Sojourns()
    draw = random.Random(seed)  # noqa: S311 - a simulation, no secret
    env.process(source(env, station, workers, customers, draw, sojourns))
    env.run()
    return sojourns


def measure(model: str, requests: int, seed: int, _: str) -> Answer:
    """One run."""
    run(STATIONS[model], TINY, seed)
    began = time.process_time()
    sojourns = run(STATIONS[model], requests, seed)
    spent = time.process_time() - began
    return Answer(requests, spent, sojourns.total / sojourns.number, version("simpy"))


if __name__ == "__main__":
    answer(measure)
