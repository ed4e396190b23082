"""Plain scenarios: one class of traffic calls one service, without what most scenarios leave out.

The kernel's code is written once and made twice: for every scenario, and for plain ones. In the second the fields
below are not read but are the numbers that stand here, so LLVM leaves out all that hangs on them: a quarter of an
event. What is not named here (timeouts, retries, backoffs, disciplines, rates that change, faults at the service) both
have, and what is named must never change in a run.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from sim.engines.memory import NONE

PLAIN: Final[Mapping[str, Mapping[str, float]]] = {
    "world": {"traffic_count": 1, "service_count": 1, "watching": 0},
    "sources": {
        "service": 0,
        "special": 0,
        "users": 0,
        "batch": NONE,
        "sizes": NONE,
        "network": NONE,
        "piece_count": 0,
        "probability": 1.0,
        "instances": 1,
        "guard_count": 0,
        "budget": NONE,
        "hedge": NONE,
        "loads": NONE,
    },
    "services": {
        "special": 0,
        "instances": 1,
        "drops_oldest": 0,
        "blocks": 0,
        "max_wait": NONE,
        "pause_count": 0,
        "tells": 0,
        "shares": 0,
        "optimistic": 0,
        "autoscale": NONE,
    },
}
"""Fields of the memory's records, and what they are in a plain scenario."""

FOLLOWS: Final[Mapping[str, Mapping[str, float]]] = {"attempts": {"service": 0}, "requests": {"hedges": 0}}
"""The same of what comes and goes in a run, as it follows from the others."""


def constant(record: str, field: str) -> float | None:
    """What a field of a record is in a plain scenario; None if that is for the scenario to say."""
    return {**PLAIN, **FOLLOWS}.get(record, {}).get(field)


def is_plain(records: Mapping[str, Any]) -> bool:
    """Whether a replication is of a plain scenario.

    Args:
        records: the arrays of the memory by name, among them those of `PLAIN`.
    """
    for name, fields in PLAIN.items():
        row = records[name][0]
        if any(row[field] != value for field, value in fields.items()):
            return False
    return True
