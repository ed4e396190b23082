"""Whether an interval keeps a bound: met, missed or inconclusive."""

from __future__ import annotations

import math
from typing import Final

ROUNDING: Final = 1e-9
"""The last digits of a sum or a formula, relative: what is at its bound but for these is at it, and that is allowed."""


def judge(low: float, high: float, at_most: float | None, at_least: float | None) -> str:
    """Whether an interval meets a bound, misses it, or straddles it; without an interval nothing is certain."""
    if math.isnan(low) or math.isnan(high):
        return "inconclusive"
    if at_most is not None:
        most = at_most + ROUNDING * abs(at_most)
        return "met" if high <= most else "missed" if low > most else "inconclusive"
    least = -math.inf if at_least is None else at_least - ROUNDING * abs(at_least)
    return "met" if low >= least else "missed" if high < least else "inconclusive"
