"""The keys that a study varies: their values as they would stand in the file, and as numbers to draw by."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sim.errors import UsageError
from sim.scenario.plan import parse_range

if TYPE_CHECKING:
    from sim.scenario.scenario import Scenario

_COUNTS = re.compile(r"\s*[0-9]+\s*\.\.\s*[0-9]+\s*")


@dataclass(frozen=True)
class Axis:
    """One key: its path, the values as they would stand in the file, and as numbers to draw by.

    A value that is no number (`cancel: never`) is drawn by its place. `written` is the scenario's own value, None if
    it is no number.
    """

    path: str
    values: tuple[Any, ...]
    numbers: tuple[float, ...]
    numeric: bool
    written: float | None = None


def axis(path: str, values: tuple[Any, ...], read: Sequence[float | None], scenario: Scenario) -> Axis:
    """A key with its values, and the numbers that scenarios read in them, None where one is none."""
    known = [value for value in read if value is not None]
    if len(known) < len(values):
        return Axis(path, values, tuple(float(n) for n in range(len(values))), False)
    return Axis(path, values, tuple(known), True, number_at(scenario, path))


def axis_values(path: str, wanted: Any, many: int | None = None) -> tuple[Any, ...]:
    """The values along one key: of a range as in a plan, or those listed.

    Args:
        path: the key, for the message.
        wanted: a range, or values.
        many: how many values a range of quantities has that does not say; one of counts has every whole number.

    Raises:
        UsageError: it is neither.
    """
    if isinstance(wanted, str):
        try:
            return _range(wanted, many)
        except ValueError as error:
            raise UsageError(f"{path}: {error}; for example {' or '.join(_examples(path, wanted))}") from None
    values = tuple(wanted)
    if not values:
        raise UsageError(f"{path}: no values; for example {path}=[1, 2, 4]")
    if len({repr(value) for value in values}) < len(values):
        raise UsageError(f"{path}: a value is listed twice; for example {path}=[1, 2, 4]")
    return values


def _examples(path: str, wanted: str) -> tuple[str, str]:
    """A range and a list of the kind that was meant: factors, shares, rates, durations, else numbers."""
    kinds = (
        (r"^\s*x", "x2..x12:20", "[x1, x2, x4]"),
        ("%", "10%..50%:5", "[10%, 20%, 50%]"),
        ("/", "10/s..50/s:5", "[10/s, 20/s, 50/s]"),
        (r"\d\s*[^\W\d_]", "10ms..50ms:5", "[10ms, 20ms, 50ms]"),
        ("", "2..12:20", "[1, 2, 4]"),
    )
    span, listed = next((span, listed) for mark, span, listed in kinds if re.search(mark, wanted))
    return f"{path}={span}", f"{path}={listed}"


def _range(text: str, many: int | None) -> tuple[Any, ...]:
    if many is None or ":" in text or _COUNTS.fullmatch(text):
        return parse_range(text)
    return parse_range(f"{text}:{many}")


def number_at(scenario: Scenario, path: str) -> float | None:
    """The number at a key path, in base units; None where there is nothing, or no number.

    That of a constant distribution, or of a change of workers, is one too.
    """
    try:
        value = scenario.get(path)
    except UsageError:
        return None
    value = getattr(value, "value", value)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)
