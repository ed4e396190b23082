"""Holds two engines' observations against each other, and says which event differed first."""

from __future__ import annotations

import math
from dataclasses import fields
from typing import Any

import numpy as np

from sim.engines import compiled, reference
from sim.engines.observations import OUTCOMES, Observations
from sim.scenario.scenario import Scenario

TIMES = ("sent", "arrived", "started", "finished", "answered")


def events(seen: Observations) -> dict[tuple[int, int, int, str], tuple[float, str]]:
    """Every time in the attempt log: (traffic, request, attempt, what) -> (when, with what outcome)."""
    assert seen.log is not None
    found = {}
    for row in seen.log:
        for what in TIMES:
            if not math.isnan(row[what]):
                outcome = OUTCOMES[row["outcome"]] if what == "answered" else ""
                found[int(row["traffic"]), int(row["request"]), int(row["attempt"]), what] = (
                    float(row[what]),
                    outcome,
                )
    return found


def first_difference(one: Observations, other: Observations) -> str | None:
    """The earliest event that the two logs tell differently, in words; None if there is none."""
    ours, theirs = events(one), events(other)
    differing = [
        (min(at[0] for at in (ours.get(name), theirs.get(name)) if at), name)
        for name in ours.keys() | theirs.keys()
        if ours.get(name) != theirs.get(name)
    ]
    if not differing:
        return None
    _, name = min(differing)
    traffic, request, attempt, what = name
    return (
        f"traffic {traffic}, request {request}, attempt {attempt}, {what}: "
        f"compiled {ours.get(name, 'never')}, reference {theirs.get(name, 'never')}"
    )


def differences(scenario: Scenario) -> list[str]:
    """What the two engines do not agree on, to the last bit; of an antithetic pair the twin is looked at.

    The compiled engine is looked at twice, as a scenario whose states are watched is not of the plain kind to it.
    """
    arguments: dict[str, Any] = {
        "seed": scenario.run.seed,
        "warmup": float(scenario.run.warmup),
        "log": True,
    }
    replication = int(scenario.run.antithetic)
    other = reference.replicate(scenario, replication, states=True, **arguments)
    found = []
    for states in (True, False):
        one = compiled.replicate(scenario, replication, states=states, by_events=True, **arguments)
        earliest = first_difference(one, other)
        if earliest:
            found.append(f"first difference at {earliest}")
        for field in fields(Observations):
            ours, theirs = getattr(one, field.name), getattr(other, field.name)
            unasked = field.name == "occupancy" and not states
            if field.name != "log" and not unasked and not np.array_equal(ours, theirs):
                found.append(f"{field.name} differs: {ours!r} and {theirs!r}")
    return found


def differences_of_recursion(scenario: Scenario) -> list[str]:
    """What the recursion and the event list do not agree on: attempts, counts, and sums but for their rounding."""
    arguments: dict[str, Any] = {"seed": scenario.run.seed, "warmup": float(scenario.run.warmup), "log": True}
    replication = int(scenario.run.antithetic)
    one = compiled.replicate(scenario, replication, **arguments)
    other = compiled.replicate(scenario, replication, by_events=True, **arguments)
    found = []
    earliest = first_difference(one, other)
    if earliest:
        found.append(f"first difference at {earliest}")
    for field in fields(Observations):
        ours, theirs = getattr(one, field.name), getattr(other, field.name)
        if field.name in ("warmup", "duration", "log", "occupancy"):
            continue
        rounding = 1e-9 if field.name in ("areas", "stays", "moments", "counts", "final") else 0.0
        if not np.allclose(ours, theirs, rtol=0.0, atol=rounding):
            found.append(f"{field.name} differs: {ours!r} and {theirs!r}")
    return found
