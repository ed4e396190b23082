"""Headroom: how far a steady load may grow before an objective breaks, and where latency bends."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

    from sim.scenario.objectives import Objective


@dataclass(frozen=True)
class Headroom:
    """The load at which an objective is just met, as a multiple of the load as written.

    `factor` is the greatest load looked at if `open_ended`, and 0 if the objective is missed at the smallest.
    """

    objective: Objective
    factor: float
    offered_rate: float
    open_ended: bool


def headroom(curve: pd.DataFrame, objectives: Sequence[Objective]) -> list[Headroom]:
    """For each objective that the curve has figures of, the greatest load up to which it holds, least first.

    Between two loads of the curve the estimate is taken as a straight line.
    """
    found = []
    for objective in objectives:
        rows = curve[(curve["subject"] == objective.subject) & (curve["metric"] == objective.metric)]
        rows = rows[rows["mean"].notna()].sort_values("factor")
        if len(rows):
            found.append(_one(objective, rows))
    return sorted(found, key=lambda each: (each.open_ended, each.factor))


def _one(objective: Objective, rows: pd.DataFrame) -> Headroom:
    limit = objective.at_most if objective.at_most is not None else objective.at_least
    assert limit is not None
    sign = 1.0 if objective.at_most is not None else -1.0
    rate = float(rows["offered_rate"].iloc[-1] / rows["factor"].iloc[-1])
    before: tuple[float, float] | None = None
    for factor, mean in zip(rows["factor"], rows["mean"], strict=True):
        excess = sign * (float(mean) - limit)
        if excess > 0.0:
            if before is None:
                return Headroom(objective, 0.0, 0.0, open_ended=False)
            share = -before[1] / (excess - before[1])
            crossing = before[0] + share * (float(factor) - before[0])
            return Headroom(objective, crossing, crossing * rate, open_ended=False)
        before = (float(factor), excess)
    last = float(rows["factor"].iloc[-1])
    return Headroom(objective, last, last * rate, open_ended=True)


def knee(curve: pd.DataFrame, subject: str, latency: str = "latency_mean") -> float | None:
    """The offered rate at which goodput over mean latency is greatest (Kleinrock's power, 1979).

    Among the loads of the curve; None where the greatest is at an end, so that nothing is known of a bend.
    """
    rows = curve[curve["subject"] == subject]
    goodput = rows[rows["metric"] == "goodput"].set_index("offered_rate")["mean"]
    delay = rows[rows["metric"] == latency].set_index("offered_rate")["mean"]
    power = (goodput / delay).dropna().sort_index()
    if len(power) < 3:
        return None
    best = int(power.to_numpy().argmax())
    if best in (0, len(power) - 1):
        return None
    found = float(power.index[best])
    return found if math.isfinite(found) else None
