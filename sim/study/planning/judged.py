"""One thing that must hold, judged; and the verdict of all together."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sim.measure.plain import plain_row
from sim.scenario.metrics import UNITS

Verdict = Literal["met", "missed", "inconclusive"]
DecidedBy = Literal["simulation", "theory"]


@dataclass(frozen=True)
class Judged:
    """One objective, judged.

    value: the mean over replications, or theory's figure where that decided, in the metric's unit. low, high: one-sided
    bounds of the simulated figure, each sure enough for its side of the verdict. replications: behind these. needed:
    about how many would decide it; None if it is decided, inf if its value lies on the bound. case: what has to be
    survived there; None as written.
    """

    subject: str
    metric: str
    at_most: float | None
    at_least: float | None
    value: float
    low: float
    high: float
    verdict: Verdict
    decided_by: DecidedBy | None
    replications: int
    needed: float | None = None
    case: str | None = None

    @property
    def bound(self) -> float:
        """The value that it may not pass."""
        return self.at_most if self.at_most is not None else self.at_least or 0.0

    @property
    def room(self) -> float:
        """How far the value is on the good side of the bound; see `room_of`."""
        return room_of(self.metric, self.value, self.at_most, self.at_least)

    def to_json(self) -> dict[str, Any]:
        """The row as plain values; what is not finite is None."""
        return plain_row(vars(self))


def room_of(metric: str, value: float, at_most: float | None, at_least: float | None) -> float:
    """How far a value is on the good side of its bound, relative to the bound (absolute for a bound of 0).

    Of a share that must be large, relative to what the bound lets it lack of 1: 100 % has all the room of 99.9 %.
    """
    if math.isnan(value):
        return -math.inf
    bound = at_most if at_most is not None else at_least or 0.0
    distance = bound - value if at_most is not None else value - bound
    lacking = 1.0 - bound if at_least is not None and UNITS.get(metric, "ratio") == "ratio" else 0.0
    scale = lacking if lacking > 0.0 else abs(bound)
    return distance / scale if scale else distance


def decided_by(verdict: Verdict, rows: Iterable[tuple[Verdict, DecidedBy | None]]) -> DecidedBy | None:
    """What the verdict of all together rests on, from (verdict, decided by) of each; None if it is undecided.

    `theory` if that decided any of those that had to be met, or all of those that were missed.
    """
    by = {each for own, each in rows if own == verdict}
    if verdict == "inconclusive":
        return None
    weaker: DecidedBy = "theory" if verdict == "met" else "simulation"
    return weaker if weaker in by else "simulation" if weaker == "theory" else "theory"


def verdict_of(rows: Sequence[Judged]) -> Verdict:
    """Of all together: missed if one is missed, else inconclusive if one is, else met."""
    verdicts = {one.verdict for one in rows}
    return "missed" if "missed" in verdicts else "inconclusive" if "inconclusive" in verdicts else "met"
