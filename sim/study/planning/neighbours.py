"""Around a plan's answer: its neighbours along every key, and itself with a worker fewer."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from sim.study.planning.candidates import Candidate, Candidates, key_of, said
from sim.study.planning.levers import Lever
from sim.study.planning.planned import Lost

NEIGHBOURS: Final = 2
"""Steps to either side along the key that is bisected; one along the others."""


def looked_around(
    candidates: Candidates, levers: Sequence[Lever], best: Candidate, inner: Lever | None
) -> None:
    """Simulates the neighbours of the answer, for the table around it."""
    for lever in levers:
        place = lever.values.index(best.values[lever.path])
        reach = NEIGHBOURS if lever is inner else 1
        for near in range(max(0, place - reach), min(len(lever.values), place + reach + 1)):
            candidates.at({**best.values, lever.path: lever.values[near]})


def one_lost(candidates: Candidates, best: Candidate) -> tuple[Lost, ...]:
    """The answer with one worker fewer, of each service that has several and gets traffic."""
    scenario = candidates.cases.written.set(best.values)
    called = {traffic.call for traffic in scenario.traffic.values()}
    found = []
    for name, service in scenario.services.items():
        if name not in called or not 1.0 < service.workers < math.inf or service.autoscale is not None:
            continue
        values = {**best.values, f"services.{name}.workers": int(service.workers) - 1}
        known = key_of(values) in candidates.found
        one = candidates.at(values) if known else candidates.aside(values)
        found.append(Lost(name, one))
    return tuple(found)


def breaches_of(candidates: Sequence[Candidate], levers: Sequence[Lever]) -> tuple[str, ...]:
    """Where a candidate that is no less along the monotone keys was missed, and a lesser one met, in words."""
    rising = [lever for lever in levers if lever.monotone]
    others = [lever.path for lever in levers if not lever.monotone]
    met = [one for one in candidates if one.verdict == "met"]
    missed = [one for one in candidates if one.verdict == "missed"]
    found = []
    for less in met:
        for more in missed:
            alike = all(less.values[path] == more.values[path] for path in others)
            if alike and all(less.values[lever.path] <= more.values[lever.path] for lever in rising):
                found.append(
                    f"{said(less.values)} is met, and {said(more.values)} is missed: more was not better."
                )
    return tuple(found)
