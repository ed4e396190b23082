"""Kinds of scenarios, each simpler than the one before, and each with a kernel of its own, made of the same code.

`GENERAL` is every scenario. A `SINGLE` one has one class of traffic, which calls one service; a `PLAIN` one has besides
none of the guards, hedges and other mechanisms that most scenarios leave out. In the kernel of a kind the fields below
are not read but are the numbers that stand here, so LLVM leaves out all that hangs on them: a quarter of an event.
What is not named here (timeouts, retries, backoffs, disciplines, rates that change, faults at the service) all kernels
have, and what is named must never change in a run.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from sim.engines.memory import NONE

GENERAL, SINGLE, PLAIN = range(3)
KINDS: Final = ("general", "single", "plain")

ASSUMED: Final[Mapping[int, Mapping[str, Mapping[str, float]]]] = {
    SINGLE: {
        "world": {"traffic_count": 1, "service_count": 1},
        "sources": {
            "service": 0,
            "users": 0,
            "batch": NONE,
            "sizes": NONE,
            "network": NONE,
            "piece_count": 0,
            "probability": 1.0,
        },
        "services": {"instances": 1, "drops_oldest": 0, "max_wait": NONE, "pause_count": 0},
        "attempts": {"service": 0},
    },
    PLAIN: {
        "world": {"watching": 0},
        "sources": {
            "special": 0,
            "instances": 1,
            "guard_count": 0,
            "budget": NONE,
            "hedge": NONE,
            "loads": NONE,
        },
        "services": {"special": 0, "blocks": 0, "tells": 0, "shares": 0, "optimistic": 0, "autoscale": NONE},
        "requests": {"hedges": 0},
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
    if len(sources) > 1 or len(services) > 1:
        return GENERAL
    is_of = GENERAL
    for kind, records in ASSUMED.items():
        for array, fields in ((sources[0], records["sources"]), (services[0], records["services"])):
            if any(array[field] != value for field, value in fields.items()):
                return is_of
        is_of = kind
    return SINGLE if watched else PLAIN
