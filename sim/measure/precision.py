"""How precise a figure is: half its interval's width, relative to the estimate, and what a wanted precision would take.

The interval narrows with the root of the number of independent values: Student's t at n - 1 degrees of freedom times
the standard deviation over √n. So the n at which it will be narrow enough is told by the spread seen so far.

Student's t is for values that are not too skewed. Few values of a skewed figure, such as the requests beyond a high
quantile, are narrow by chance together with being low, and an interval that stops there misses the truth too often. So
there must be 25 G² of them too, G their skewness (Cochran, 1977, section 2.15).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from sim.measure.intervals import student
from sim.measure.plain import plain
from sim.scenario.precision import Precision

COCHRAN: Final = 25.0
"""Values wanted for a squared skewness of one."""


@dataclass(frozen=True)
class Reached:
    """What became of a wanted precision.

    wanted: what was asked. value, low, high, method: the figure and the interval that it was judged by, in base units;
    of a quantile those of all observations together. relative: half that interval's width as a share of the value; NaN
    without an interval. reached: whether it is narrow enough, and of enough values for their skewness. replications:
    how many were made. needed: how many in all it takes, as spread and skewness seen so far tell: at most those made if
    it is reached, NaN where nothing can be told (a value of zero, one replication), inf where no number is enough (a
    replication has no such figure).
    """

    wanted: Precision
    value: float
    low: float
    high: float
    method: str
    relative: float
    reached: bool
    replications: int
    needed: float

    @property
    def more(self) -> float:
        """How many replications more it takes; 0 if it is reached, NaN or inf as `needed` is."""
        return 0.0 if self.reached else self.needed - self.replications

    def to_json(self) -> dict[str, Any]:
        """As plain values for JSON."""
        return {
            "subject": self.wanted.subject,
            "metric": self.wanted.metric,
            "wanted": self.wanted.relative,
            "confidence": self.wanted.confidence,
            "value": plain(self.value),
            "low": plain(self.low),
            "high": plain(self.high),
            "method": self.method,
            "relative": plain(self.relative),
            "reached": self.reached,
            "replications": self.replications,
            "more": int(self.more) if math.isfinite(self.more) else None,
        }


def precision_of(
    found: tuple[float, float, float, str],
    wanted: Precision,
    behind: Sequence[float] | NDArray[np.float64],
    *,
    complete: bool = True,
    twins: bool = False,
) -> Reached:
    """How precise a figure is.

    Args:
        found: (value, low, high, method).
        wanted: what was asked.
        behind: the independent values behind it, of replications or antithetic pairs.
        complete: whether each of them has the figure.
        twins: whether they are pairs.
    """
    value, low, high, _ = found
    n, each = len(behind), 2 if twins else 1
    made = each * n
    if not complete or math.isnan(low) or value == 0.0:
        return Reached(wanted, *found, math.nan, False, made, math.nan if complete else math.inf)
    relative = (high - low) / 2.0 / abs(value)
    narrow = values_needed(relative * math.sqrt(n) / student(n - 1, wanted.confidence), wanted)
    enough = math.ceil(COCHRAN * skewness(behind) ** 2)
    reached = relative <= wanted.relative and n >= enough
    return Reached(wanted, *found, relative, reached, made, float(each * max(narrow, enough)))


def skewness(values: Sequence[float] | NDArray[np.float64]) -> float:
    """The third central moment of a sample over the 3/2th power of its variance; 0 of values that do not vary."""
    off = np.asarray(values, dtype=np.float64)
    off = off - off.mean()
    variance = float((off**2).mean())
    return float((off**3).mean()) / variance**1.5 if variance > 0.0 else 0.0


def values_needed(spread: float, wanted: Precision) -> int:
    """The least number of independent values whose interval is so narrow, if their relative spread is this."""

    def narrow(n: int) -> bool:
        return student(n - 1, wanted.confidence) * spread <= wanted.relative * math.sqrt(n)

    high = 2
    while not narrow(high):
        high *= 2
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if narrow(middle) else (middle, high)
    return high
