"""The root of a function between two points of different sign."""

from __future__ import annotations

import math
from collections.abc import Callable


def root(function: Callable[[float], float], low: float, high: float) -> float:
    """Where a continuous `function` changes its sign in [low, high], to about 1e-14 relative.

    Inverse quadratic steps where they can be trusted, halving elsewhere. Source: T. R. Chandrupatla, A new hybrid
    quadratic/bisection algorithm for finding the zero of a nonlinear function without using derivatives (1997).

    Raises:
        ValueError: where both ends have the same sign.
    """
    a, b = high, low
    at_a, at_b = function(a), function(b)
    if at_a == 0.0 or at_b == 0.0:
        return a if at_a == 0.0 else b
    if (at_a > 0.0) == (at_b > 0.0):
        raise ValueError(f"no change of sign between {low} and {high}")
    c, at_c = a, at_a
    share = 0.5
    for _ in range(300):
        x = a + share * (b - a)
        at_x = function(x)
        if (at_x > 0.0) == (at_a > 0.0):
            c, at_c = a, at_a
        else:
            c, b, at_c, at_b = b, a, at_b, at_a
        a, at_a = x, at_x
        best, at_best = (a, at_a) if abs(at_a) < abs(at_b) else (b, at_b)
        room = (abs(best) * 1e-15 + 1e-307) / abs(b - c) if b != c else math.inf
        if at_best == 0.0 or room > 0.5:
            return best
        place = (a - b) / (c - b)
        height = (at_a - at_b) / (at_c - at_b)
        if height * height < place and (1.0 - height) ** 2 < 1.0 - place:
            share = (at_a / (at_b - at_a)) * (at_c / (at_b - at_c)) + (
                (c - a) / (b - a) * at_a / (at_c - at_a) * at_b / (at_c - at_b)
            )
        else:
            share = 0.5
        share = min(1.0 - room, max(room, share))
    return a
