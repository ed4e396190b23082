"""What a peer is asked, and what it answers; the standard library alone, since every peer's environment imports it."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Final

TINY: Final = 1_000
"""Requests of the run before the one that is timed."""


@dataclass(frozen=True)
class Station:
    """Poisson arrivals, exponential services of mean 1; who finds all waiting places taken is lost.

    Attributes:
        title: its name in the tables.
        rate: arrivals in a mean service.
        workers: how many.
        places: where to wait; None for no bound.
    """

    title: str
    rate: float
    workers: int
    places: int | None = None

    @property
    def inside(self) -> int | None:
        """How many may be inside, waiting or in service; None for no bound."""
        return None if self.places is None else self.places + self.workers


STATIONS: Final = {
    "mm1": Station("M/M/1", 0.8, 1),
    "mmc": Station("M/M/64", 51.2, 64),
    "mmck": Station("M/M/16/80", 16.96, 16, 64),
}

RETRYING: Final = "retrying"
"""The bounded queue with timeouts and retries of `benchmarks.subjects`, its time unit the mean service as well."""


@dataclass(frozen=True)
class Answer:
    """What one run says.

    Attributes:
        requests: how many arrived, the lost ones included.
        cpu: CPU seconds of the run and of its figures.
        sojourn: mean time inside of those served, in mean services; of the retrying queue, mean time to a success.
        version: of the peer.
        attempts, successes: for each request of the retrying queue.
    """

    requests: int
    cpu: float
    sojourn: float
    version: str
    attempts: float = 1.0
    successes: float = 1.0


def answer(measure: Callable[[str, int, int, str], Answer]) -> None:
    """Asks `measure` for the run of the command line, MODEL REQUESTS SEED [VARIANT], and prints what it says."""
    model, requests, seed, *variant = sys.argv[1:]
    said = measure(model, int(requests), int(seed), "".join(variant))
    sys.stdout.write(json.dumps(asdict(said)) + "\n")
