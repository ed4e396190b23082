"""Kinds of scenarios, each simpler than the one before, and each with a kernel of its own, made of the same code.

`GENERAL` is every scenario. A `SINGLE` one has a single class of traffic. A `GUARDED` one has besides a single instance
of its service, and guards (budgets, breakers, throttles, limits, admission) but no other mechanism; a `PLAIN` one not
even those. In the kernel of a kind the fields below are not read but are the numbers that stand here, so LLVM leaves
out all that hangs on them: a quarter of an event. What is not named here (timeouts, retries, backoffs, disciplines,
rates that change, faults at the service) all kernels have, and what is named must never change in a run.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from sim.engines.memory import NONE

GENERAL, SINGLE, GUARDED, PLAIN = range(4)
KINDS: Final = ("general", "single", "guarded", "plain")

ASSUMED: Final[Mapping[int, Mapping[str, Mapping[str, float]]]] = {
    SINGLE: {
        "world": {"traffic_count": 1},
        "sources": {
            "service": 0,
            "users": 0,
            "batch": NONE,
            "sizes": NONE,
            "network": NONE,
            "piece_count": 0,
            "probability": 1.0,
        },
        "services": {"drops_oldest": 0, "max_wait": NONE, "pause_count": 0},
    },
    GUARDED: {
        "world": {"service_count": 1, "watching": 0},
        "sources": {"hedge": NONE, "loads": NONE},
        "services": {
            "instances": 1,
            "slowdown": NONE,
            "blocks": 0,
            "shares": 0,
            "optimistic": 0,
            "autoscale": NONE,
        },
        "attempts": {"service": 0},
        "requests": {"hedges": 0},
    },
    PLAIN: {
        "world": {},
        "sources": {"special": 0, "instances": 1, "guard_count": 0, "budget": NONE},
        "services": {"special": 0, "tells": 0},
    },
}
"""Of a kind: fields of the memory's records, and what they are; what a simpler kind takes over is not said again. Those
of attempts and requests, which come and go, follow from the others."""


def assumed(record: str, field: str) -> tuple[int, float] | None:
    """(the first kind that has a number for this field of a record, the number); None if no kind has."""
    for kind, records in ASSUMED.items():
        if field in records.get(record, {}):
            return kind, records[record][field]
    return None


def kind_of(sources: Any, services: Any, *, watched: bool) -> int:
    """The simplest kind of which a scenario is.

    Args:
        sources: its flat sources.
        services: its flat services.
        watched: whether the number in each service is watched.
    """
    world = {"traffic_count": len(sources), "service_count": len(services), "watching": watched}
    found = GENERAL
    for kind, records in ASSUMED.items():
        if any(world[field] != value for field, value in records["world"].items()):
            return found
        for array, fields in ((sources, records["sources"]), (services, records["services"])):
            if any((array[field] != value).any() for field, value in fields.items()):
                return found
        found = kind
    return found
