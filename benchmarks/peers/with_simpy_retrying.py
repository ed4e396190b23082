"""SimPy: the retrying queue of `benchmarks.subjects`, in mean services: a process a client and one an attempt."""

from __future__ import annotations

import random
import time
from collections.abc import Generator
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any, Final

import simpy

from benchmarks.peers.protocol import TINY, Answer, answer

RATE: Final = 16.96
WORKERS, PLACES = 16, 64
TIMEOUT, ATTEMPTS, BASE, CAP = 10.0, 5, 1.0, 200.0


@dataclass
class Books:
    """What the clients count."""

    attempts: int = 0
    successes: int = 0
    latency: float = 0.0


def work(env: simpy.Environment, workers: simpy.Resource, service: float) -> Generator[Any, Any, None]:
    """An attempt at the service: it is served whether or not its client still waits."""
    with workers.request() as turn:
        yield turn
        yield env.timeout(service)


def client(
    env: simpy.Environment, workers: simpy.Resource, draw: random.Random, books: Books
) -> Generator[Any, Any, None]:
    """A request: attempts with a timeout, between them a backoff with full jitter."""
    born = env.now
    for attempt in range(ATTEMPTS):
        if attempt:
            yield env.timeout(draw.uniform(0.0, min(CAP, BASE * 2.0 ** (attempt - 1))))
        books.attempts += 1
        if len(workers.queue) >= PLACES:
            continue
        served = env.process(work(env, workers, draw.expovariate(1.0)))
        yield served | env.timeout(TIMEOUT)
        if served.processed:
            books.successes += 1
            books.latency += env.now - born
            return


def traffic(
    env: simpy.Environment, workers: simpy.Resource, requests: int, draw: random.Random, books: Books
) -> Generator[Any, Any, None]:
    """Poisson arrivals."""
    for _ in range(requests):
        yield env.timeout(draw.expovariate(RATE))
        env.process(client(env, workers, draw, books))


def run(requests: int, seed: int) -> Books:
    """Until all requests have ended."""
    env = simpy.Environment()
    workers = simpy.Resource(env, capacity=WORKERS)
    books = Books()
    draw = random.Random(seed)  # noqa: S311 - a simulation, no secret
    env.process(traffic(env, workers, requests, draw, books))
    env.run()
    return books


def measure(_: str, requests: int, seed: int, __: str) -> Answer:
    """One run."""
    run(TINY, seed)
    began = time.process_time()
    books = run(requests, seed)
    return Answer(
        requests=requests,
        cpu=time.process_time() - began,
        sojourn=books.latency / books.successes,
        version=version("simpy"),
        attempts=books.attempts / requests,
        successes=books.successes / requests,
    )


if __name__ == "__main__":
    answer(measure)
