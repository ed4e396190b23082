# mypy: disable-error-code="import-not-found, misc"
"""salabim: a Component for each worker, which takes customers from a Store, as in its example of a bank."""

from __future__ import annotations

import time
from collections.abc import Generator
from typing import Any

import salabim

from benchmarks.peers.protocol import STATIONS, TINY, Answer, Station, answer

# Generators: faster here than the greenlets that it would use otherwise.
salabim.yieldless(False)


class Customer(salabim.Component):
    """Data only; salabim notes when it was made."""


class Source(salabim.Component):
    """Poisson arrivals; who finds all waiting places taken is lost."""

    def setup(self, station: Station, customers: int, line: Any) -> None:
        """Keeps what it is to do."""
        self.station, self.customers, self.line = station, customers, line

    def process(self) -> Generator[Any, Any, None]:
        """Sends `customers` of them."""
        gap = salabim.Exponential(rate=self.station.rate)
        places = self.station.places
        for _ in range(self.customers):
            yield self.hold(gap.sample())
            if places is None or len(self.line) < places:
                Customer().enter(self.line)


class Worker(salabim.Component):
    """Serves one after another."""

    def setup(self, line: Any, sojourns: Any) -> None:
        """Keeps where customers come from, and where their times inside go."""
        self.line, self.sojourns = line, sojourns

    def process(self) -> Generator[Any, Any, None]:
        """Takes the first of the line, serves, and takes the next."""
        service = salabim.Exponential(rate=1.0)
        while True:
            yield self.from_store(self.line)
            customer = self.from_store_item()
            yield self.hold(service.sample())
            self.sojourns.tally(self.env.now() - customer.creation_time())


def run(station: Station, requests: int, seed: int) -> float:
    """The mean time inside of all."""
    env = salabim.Environment(random_seed=seed)
    line, sojourns = salabim.Store("line"), salabim.Monitor("sojourns")
    for _ in range(station.workers):
        Worker(line=line, sojourns=sojourns)
    Source(station=station, customers=requests, line=line)
    env.run()
    return float(sojourns.mean())


def measure(model: str, requests: int, seed: int, _: str) -> Answer:
    """One run."""
    run(STATIONS[model], TINY, seed)
    began = time.process_time()
    sojourn = run(STATIONS[model], requests, seed)
    return Answer(requests, time.process_time() - began, sojourn, str(salabim.__version__))


if __name__ == "__main__":
    answer(measure)
