"""The general birth–death chain: its long-run probabilities, for as many as millions of states.

p(n+1)·death(n+1) = p(n)·birth(n). The products run outward from the most likely state, so that no factor
overflows and the error of a state grows only with its distance from there.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sim.errors import QuantityError

Floats = NDArray[np.float64]


def stationary(births: ArrayLike, deaths: ArrayLike) -> Floats:
    """Long-run probabilities of the states 0..K.

    Args:
        births: shape (K,), rate from state n to n + 1 (1/s) for n = 0..K−1; a 0 ends the chain there.
        deaths: shape (K,), rate from state n to n − 1 (1/s) for n = 1..K, above 0.

    Returns:
        Shape (K+1,), sums to 1.

    Raises:
        QuantityError: for shapes that differ, a negative or infinite rate, a reachable death rate of 0.
    """
    up, down = np.asarray(births, dtype=np.float64), np.asarray(deaths, dtype=np.float64)
    if up.ndim != 1 or up.shape != down.shape:
        raise QuantityError(
            f"births and deaths must be two lists of one length, not {up.shape} and {down.shape}",
            "births=[1.0, 1.0], deaths=[2.0, 2.0]",
        )
    for name, rates in (("births", up), ("deaths", down)):
        if not (np.isfinite(rates) & (rates >= 0.0)).all():
            bad = int(np.flatnonzero(~(np.isfinite(rates) & (rates >= 0.0)))[0])
            raise QuantityError(f"{name}[{bad}] must be finite and at least 0, not {rates[bad]}", "1.5")
    size = len(up)
    ends = np.flatnonzero(up == 0.0)
    reached = int(ends[0]) if len(ends) else size
    up, down = up[:reached], down[:reached]
    if (down == 0.0).any():
        bad = int(np.flatnonzero(down == 0.0)[0])
        raise QuantityError(
            f"deaths[{bad}] must be above 0, not 0.0: state {bad + 1} is never left downward", "1.5"
        )

    chance = np.zeros(size + 1)
    chance[: reached + 1] = _outward(up, down)
    return chance


def time_to_fall(births: ArrayLike, deaths: ArrayLike, start: int, target: int) -> float:
    """The mean time, s, from state `start` to the first visit of a lower state `target`.

    One step down from n takes h(n) = (1 + birth(n)·h(n+1))/death(n): the wait, and the way back from a rise.

    Args:
        births: as in `stationary`.
        deaths: as in `stationary`.
        start: a state, at most K.
        target: a lower state.

    Raises:
        QuantityError: for states out of order.
    """
    up, down = np.asarray(births, dtype=np.float64), np.asarray(deaths, dtype=np.float64)
    if not 0 <= target < start <= len(down):
        raise QuantityError(
            f"target {target} and start {start} must rise within 0..{len(down)}", "start=9, target=0"
        )
    step, total = 0.0, 0.0
    for n in range(len(down), target, -1):
        step = (1.0 + (up[n] * step if n < len(up) else 0.0)) / down[n - 1]
        total += step if n <= start else 0.0
    return float(total)


def _outward(up: Floats, down: Floats) -> Floats:
    """The normalized products, from the mode of the chain outward."""
    heights = np.concatenate([[0.0], np.cumsum(np.log(up) - np.log(down))])
    mode = int(np.argmax(heights))
    above = np.cumprod(up[mode:] / down[mode:])
    below = np.cumprod((down[:mode] / up[:mode])[::-1])[::-1]
    chance = np.concatenate([below, [1.0], above])
    # A product that reached 0 cannot rise again over a second hill; the logarithms can.
    lost = (chance == 0.0) & (heights > heights[mode] - 700.0)
    chance[lost] = np.exp(heights[lost] - heights[mode])
    total: Floats = chance / chance.sum()
    return total
