# mypy: disable-error-code="import-not-found"
"""Most-Queue: its simulator `QsSim` of a queue with several servers and a bounded or unbounded buffer."""

from __future__ import annotations

import contextlib
import io
import time
from importlib.metadata import version

from most_queue.sim.base import QsSim

from benchmarks.peers.protocol import STATIONS, TINY, Answer, Station, answer


def run(station: Station, requests: int, seed: int) -> tuple[int, float]:
    """(arrivals, mean time inside) once so many were served; the bar it draws meanwhile is kept off the output."""
    simulator = QsSim(station.workers, buffer=station.places, verbose=False, buffer_type="deque", seed=seed)
    simulator.set_sources(station.rate, "M")
    simulator.set_servers(1.0, "M")
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        results = simulator.run(requests)
    return int(simulator.arrived), float(results.v[0])


def measure(model: str, requests: int, seed: int, _: str) -> Answer:
    """One run."""
    run(STATIONS[model], TINY, seed)
    began = time.process_time()
    arrived, sojourn = run(STATIONS[model], requests, seed)
    return Answer(arrived, time.process_time() - began, sojourn, version("most-queue"))


if __name__ == "__main__":
    answer(measure)
