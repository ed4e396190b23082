"""The levers of a plan: the keys that it may turn, and of which more is taken to be no worse."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sim.errors import UsageError
from sim.measure.direction import better
from sim.scenario.mishaps import mishaps_of
from sim.scenario.objectives import Objective
from sim.scenario.scenario import Scenario
from sim.study.axes import axis_values

COUNTED: Final = re.compile(r"services\.([A-Za-z][A-Za-z0-9_-]*)\.(workers|instances)")

LOWER_WITH_MORE: Final = frozenset(
    {"utilization", "in_system", "orbit", "attempt_rate", "arrival_rate", "over_budget_rate", "queue_length"}
)
"""Metrics that are no merit, but can only sink with more workers."""

HIGHER_WITH_MORE: Final = frozenset({"throughput", "offered_rate"})


@dataclass(frozen=True)
class Lever:
    """One key and its values in the order in which they are gone through.

    monotone: whether a later value is taken to meet whatever an earlier one meets; why: the reason, either way.
    """

    path: str
    values: tuple[Any, ...]
    monotone: bool
    why: str


def levers_of(scenario: Scenario, vary: Mapping[str, Sequence[Any]]) -> tuple[Lever, ...]:
    """The levers of what varies, in the order given.

    Raises:
        UsageError: no range, or a number of workers that is none.
    """
    return tuple(_lever(scenario, path, axis_values(path, values)) for path, values in vary.items())


def objectives_of(scenario: Scenario) -> list[Objective]:
    """All that must hold: as written, and in spite of each mishap."""
    own = list(scenario.objectives)
    for mishap in mishaps_of(scenario):
        own += mishap.objectives or ()
    return own


def _lever(scenario: Scenario, path: str, values: Sequence[Any]) -> Lever:
    counted = COUNTED.fullmatch(path)
    if counted is None:
        return Lever(path, tuple(values), False, "nothing is assumed of it: every value is tried")
    for value in values:
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise UsageError(
                f"{path} = {value}: a plan counts {counted[2]}, from 1; for example [16, 24, 32]"
            )
    name, what = counted.groups()
    against = _against(scenario, name)
    if against:
        return Lever(path, tuple(sorted(values)), False, f"every value is tried: {against}")
    return Lever(path, tuple(sorted(values)), True, f"more {what} of {name} are taken to be no worse")


def _against(scenario: Scenario, name: str) -> str:
    """Why more workers of a service may harm; "" if they cannot."""
    service = scenario.services.get(name)
    slowdown = service.slowdown if service is not None else None
    if slowdown is not None and slowdown.kind != "spill":
        return f"a service with slowdown {slowdown.kind} may get slower with more in it"
    if service is not None and service.conflict is not None:
        return "more workers make more writes that conflict"
    for wanted in objectives_of(scenario):
        if not _helped(wanted):
            bound = "at_most" if wanted.at_most is not None else "at_least"
            return f"more workers may break {bound} of {wanted.metric} of {wanted.subject}"
    return ""


def _helped(wanted: Objective) -> bool:
    """Whether an objective can only profit from more workers."""
    if wanted.at_most is not None:
        return better(wanted.metric) == "less" or wanted.metric in LOWER_WITH_MORE
    return better(wanted.metric) == "more" or wanted.metric in HIGHER_WITH_MORE
