# mypy: disable-error-code="import-not-found, misc, untyped-decorator, no-redef"
"""Cimba from Python: model classes that numba compiles for Cimba's C engine, after the benchmark in its own sources.

Bare, it adds up the times inside. With `statistics` it keeps each time inside and each wait in a Dataset, and the
history of the queue's length. Two things make the bare one faster than the benchmark that it follows: draws are
`cb.random` calls, not declared inputs, and the window, in which Cimba keeps that history, opens after the last
customer.
"""

from __future__ import annotations

import time

import cimba as cb

from benchmarks.peers.protocol import TINY, Answer, answer


class Station(cb.Model):
    """M/M/1: a process of arrivals, a store of their times, a process for each worker."""

    jobs: cb.Param[int] = 1_000
    gap: cb.Param[float] = 1.0 / 0.8
    line: cb.Store[float]
    inside: int = 0
    served: int = 0
    total: float = 0.0
    arrived: cb.Output[int] = 0
    sojourn: cb.Output[float] = 0.0

    @cb.process
    def arrivals(self) -> None:
        """Sends them."""
        for _ in range(self.jobs):
            cb.hold(cb.random.exponential(self.gap))
            self.arrived += 1
            self.line.put(cb.now())

    @cb.process
    def worker(self) -> None:
        """Serves them."""
        while True:
            began = self.line.get()
            cb.hold(cb.random.exponential(1.0))
            self.total += cb.now() - began
            self.served += 1

    @cb.on_end
    def measure(self) -> None:
        """The mean time inside."""
        self.sojourn = self.total / self.served


class Pool(Station):
    """M/M/64."""

    gap: cb.Param[float] = 1.0 / 51.2

    @cb.process(copies=64)
    def worker(self) -> None:
        """Serves them."""
        while True:
            began = self.line.get()
            cb.hold(cb.random.exponential(1.0))
            self.total += cb.now() - began
            self.served += 1


class Bounded(Station):
    """M/M/16/80: who finds 80 inside is lost."""

    gap: cb.Param[float] = 1.0 / 16.96

    @cb.process
    def arrivals(self) -> None:
        """Sends those for whom there is a place."""
        for _ in range(self.jobs):
            cb.hold(cb.random.exponential(self.gap))
            self.arrived += 1
            if self.inside < 80:
                self.inside += 1
                self.line.put(cb.now())

    @cb.process(copies=16)
    def worker(self) -> None:
        """Serves them."""
        while True:
            began = self.line.get()
            cb.hold(cb.random.exponential(1.0))
            self.total += cb.now() - began
            self.served += 1
            self.inside -= 1


class RecordedStation(Station):
    """M/M/1 with statistics."""

    waits: cb.Dataset
    sojourns: cb.Dataset
    wait: cb.Output[float] = 0.0
    longest_wait: cb.Output[float] = 0.0
    longest_sojourn: cb.Output[float] = 0.0

    @cb.process
    def worker(self) -> None:
        """Serves them."""
        while True:
            began = self.line.get()
            self.waits.record(cb.now() - began)
            cb.hold(cb.random.exponential(1.0))
            self.sojourns.record(cb.now() - began)

    @cb.on_end
    def measure(self) -> None:
        """Means and largest of both."""
        self.sojourn = self.sojourns.sample_mean()
        self.wait = self.waits.sample_mean()
        self.longest_sojourn = self.sojourns.sample_max()
        self.longest_wait = self.waits.sample_max()


class RecordedPool(RecordedStation):
    """M/M/64 with statistics."""

    gap: cb.Param[float] = 1.0 / 51.2

    @cb.process(copies=64)
    def worker(self) -> None:
        """Serves them."""
        while True:
            began = self.line.get()
            self.waits.record(cb.now() - began)
            cb.hold(cb.random.exponential(1.0))
            self.sojourns.record(cb.now() - began)


class RecordedBounded(RecordedStation):
    """M/M/16/80 with statistics."""

    gap: cb.Param[float] = 1.0 / 16.96

    @cb.process
    def arrivals(self) -> None:
        """Sends those for whom there is a place."""
        for _ in range(self.jobs):
            cb.hold(cb.random.exponential(self.gap))
            self.arrived += 1
            if self.inside < 80:
                self.inside += 1
                self.line.put(cb.now())

    @cb.process(copies=16)
    def worker(self) -> None:
        """Serves them."""
        while True:
            began = self.line.get()
            self.waits.record(cb.now() - began)
            cb.hold(cb.random.exponential(1.0))
            self.sojourns.record(cb.now() - began)
            self.inside -= 1


MODELS = {
    ("mm1", ""): (Station, cb.Window(warmup=1e15, duration=1.0)),
    ("mmc", ""): (Pool, cb.Window(warmup=1e15, duration=1.0)),
    ("mmck", ""): (Bounded, cb.Window(warmup=1e15, duration=1.0)),
    ("mm1", "statistics"): (RecordedStation, cb.Window.until_idle()),
    ("mmc", "statistics"): (RecordedPool, cb.Window.until_idle()),
    ("mmck", "statistics"): (RecordedBounded, cb.Window.until_idle()),
}
"""(model, variant) -> class and window; a window far behind the last customer keeps no history meanwhile."""


def run(model: str, requests: int, seed: int, variant: str) -> Answer:
    """One trial on one thread."""
    kind, window = MODELS[model, variant]
    station = kind()
    station.jobs = requests
    experiment = cb.Experiment(station, replications=1, window=window, seed=seed)
    began = time.process_time()
    results = experiment.run(workers=1)
    spent = time.process_time() - began
    if results.failed.any():
        raise RuntimeError(str(results.failure_reasons))
    found = results[station]
    return Answer(int(found.arrived[0, 0]), spent, float(found.sojourn[0, 0]), str(cb.__version__))


def measure(model: str, requests: int, seed: int, variant: str) -> Answer:
    """Compiles with a tiny run, then measures."""
    run(model, TINY, seed, variant)
    return run(model, requests, seed, variant)


if __name__ == "__main__":
    answer(measure)
