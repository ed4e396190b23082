"""What a formula accepts: finite positive numbers, whole counts, a load that the workers can carry.

Each check returns the value it passed; what it refuses it names, with its value and one that is valid.
"""

from __future__ import annotations

import math

from sim.errors import QuantityError


def positive(name: str, value: float, example: str = "2.5") -> float:
    """A finite number above 0."""
    if not (math.isfinite(value) and value > 0.0):
        raise QuantityError(f"{name} must be a finite number above 0, not {value}", f"{name}={example}")
    return float(value)


def not_negative(name: str, value: float, example: str = "0.5") -> float:
    """A finite number, 0 or above."""
    if not (math.isfinite(value) and value >= 0.0):
        raise QuantityError(f"{name} must be a finite number of at least 0, not {value}", f"{name}={example}")
    return float(value)


def whole(name: str, value: float, least: int = 1, example: str | None = None) -> int:
    """A whole number of at least `least`."""
    if not math.isfinite(value) or value != int(value) or value < least:
        raise QuantityError(
            f"{name} must be a whole number of at least {least}, not {value}",
            f"{name}={example or max(least, 4)}",
        )
    return int(value)


def ratio(name: str, value: float, example: str = "0.95") -> float:
    """A number strictly between 0 and 1."""
    if not 0.0 < value < 1.0:
        raise QuantityError(f"{name} must lie strictly between 0 and 1, not {value}", f"{name}={example}")
    return float(value)


def stable(arrival_rate: float, capacity: float, what: str) -> None:
    """Refuses a load that leaves an unbounded queue without a steady state: `arrival_rate` < `capacity`."""
    if not arrival_rate < capacity:
        raise QuantityError(
            f"arrival_rate {arrival_rate:g}/s is not below the {capacity:g}/s that {what} can serve: "
            "an unbounded queue has no steady state",
            f"arrival_rate={0.9 * capacity:g}",
        )
