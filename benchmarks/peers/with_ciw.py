# mypy: disable-error-code="import-not-found"
"""Ciw: a network of one node."""

from __future__ import annotations

import math
import time

import ciw

from benchmarks.peers.protocol import STATIONS, TINY, Answer, Station, answer


def run(station: Station, requests: int, seed: int) -> float:
    """The mean time inside, from the record that is kept of each service, once so many customers have arrived."""
    network = ciw.create_network(
        arrival_distributions=[ciw.dists.Exponential(rate=station.rate)],
        service_distributions=[ciw.dists.Exponential(rate=1.0)],
        number_of_servers=[station.workers],
        queue_capacities=[math.inf if station.places is None else station.places],
    )
    ciw.seed(seed)
    simulation = ciw.Simulation(network)
    simulation.simulate_until_max_customers(requests, method="Arrive")
    records = simulation.get_all_records(only=["service"])
    return float(sum(record.exit_date - record.arrival_date for record in records) / len(records))


def measure(model: str, requests: int, seed: int, _: str) -> Answer:
    """One run."""
    run(STATIONS[model], TINY, seed)
    began = time.process_time()
    sojourn = run(STATIONS[model], requests, seed)
    return Answer(requests, time.process_time() - began, sojourn, str(ciw.__version__))


if __name__ == "__main__":
    answer(measure)
