"""Parameters: the numbers of a scenario that a study can turn, found by what the schema says of them.

Nothing here knows a kind by name: a number that is written, and whose place in the schema is a duration, a rate, a
ratio, a factor or a count, is a parameter. So a rule that is added later is found without a change.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from sim import units
from sim.errors import QuantityError, UsageError
from sim.scenario.document import Key, path_of
from sim.scenario.paths import PATH_EXAMPLE, parse_path
from sim.scenario.quantities import (
    DURATION_PATTERN,
    FACTOR_PATTERN,
    RATE_PATTERN,
    RATIO_PATTERN,
    SIGNED_RATE_PATTERN,
    show,
)
from sim.scenario.schema import Place
from sim.study.load import scaled

if TYPE_CHECKING:
    from sim.scenario.scenario import Scenario

Unit = Literal["s", "1/s", "ratio", "factor", "count", "number", "load"]

SECTIONS: Final = ("traffic", "clients", "services", "faults")
"""Where parameters are looked for: what is asked and how it is run are no parameters of the system."""

NOT_TURNED: Final = frozenset({"at", "start", "stop", "priority", "instance", "phase", "weight", "speed"})
"""Keys that say when or which, and not how much."""

RATE_KEYS: Final = ("rate", "users", "gap")
"""Keys of arrivals that set the load by themselves; other arrivals are turned as a whole, by a factor on the load."""

_WRITTEN: Final[tuple[tuple[str, Unit, Callable[[str], float]], ...]] = (
    (DURATION_PATTERN, "s", units.parse_duration),
    (RATE_PATTERN, "1/s", units.parse_rate),
    (SIGNED_RATE_PATTERN, "1/s", units.parse_rate),
    (FACTOR_PATTERN, "factor", units.parse_factor),
    (RATIO_PATTERN, "ratio", units.parse_ratio),
)
"""The pattern of a quantity in the schema, its unit, and how it is read."""


@dataclass(frozen=True)
class Parameter:
    """A number of a scenario.

    path: where it stands; of a load, the arrivals that are scaled as a whole. value: in base units (s, 1/s), 1 for a
    load. unit: what it is. A count moves by whole steps.
    """

    path: str
    value: float
    unit: Unit

    @property
    def whole(self) -> bool:
        """Whether it is a whole number."""
        return self.unit == "count"

    def around(self, share: float) -> tuple[float, float]:
        """The values a share below and above; of a whole number at least one step, of a ratio at most 1."""
        if self.whole:
            step = max(1.0, float(round(share * self.value)))
            return max(0.0, self.value - step), self.value + step
        high = self.value * (1.0 + share)
        return self.value * (1.0 - share), min(1.0, high) if self.unit == "ratio" else high

    def at(self, scenario: Scenario, value: float) -> Scenario:
        """The scenario with another value, in base units. Raises ScenarioError where that is not allowed."""
        if self.unit == "load":
            return scaled(scenario, value, only=str(parse_path(self.path)[1]))
        return scenario.set(self.path, self.spelled(value))

    def spelled(self, value: float) -> str | int | float:
        """A value as it would be written: `0.25s`, `x1.5`, 12."""
        if self.whole:
            return int(value)
        write = {
            "s": units.write_duration,
            "1/s": units.write_rate,
            "factor": units.write_factor,
            "load": units.write_factor,
        }.get(self.unit)
        return write(value) if write is not None else value


def parameters(scenario: Scenario) -> tuple[Parameter, ...]:
    """Every parameter that is written in a scenario, in the order of the file."""
    document, top = scenario.document, Place.top()
    found: list[Parameter] = []
    for section in SECTIONS:
        if section in document:
            place = top.below(section, document[section])
            found += _below((section,), document[section], place)
    return tuple(found)


def parameter(scenario: Scenario, path: str) -> Parameter:
    """The parameter at a path, also where its value is a default that is not written.

    Raises:
        UsageError: there is nothing, or nothing that is a number.
    """
    try:
        keys = parse_path(path)
    except ValueError as error:
        raise UsageError(f"{error}; write {PATH_EXAMPLE}") from None
    value = scenario.get(path)
    place: Place = Place.top()
    written: Any = scenario.document
    for key in keys:
        written = _entry(written, key)
        place = place.below(key, written)
    if len(keys) == 3 and keys[0] == "traffic" and keys[2] == "arrivals":
        return Parameter(path_of(keys), 1.0, "load")
    found = _number(keys, written, place)
    if found is None and isinstance(value, int | float) and not isinstance(value, bool):
        found = _default(keys, float(value), place)
    if found is None:
        raise UsageError(f"{path} is not a finite number that can be varied; write {PATH_EXAMPLE}")
    return found


def _below(keys: tuple[Key, ...], written: Any, place: Place) -> Iterator[Parameter]:
    """The parameters at and below a place."""
    if isinstance(written, Mapping):
        arrivals = len(keys) == 3 and keys[0] == "traffic" and keys[2] == "arrivals"
        found = [
            each
            for key, value in written.items()
            if key not in NOT_TURNED
            for each in _below((*keys, key), value, place.below(key, value))
        ]
        if arrivals and not any(parse_path(each.path)[3] in RATE_KEYS for each in found):
            yield Parameter(path_of(keys), 1.0, "load")
        else:
            yield from found
    elif isinstance(written, list):
        # A list of plain values, such as the points of a profile, is one thing: none of them has a meaning alone.
        for number, value in enumerate(written):
            if isinstance(value, Mapping):
                yield from _below((*keys, number), value, place.below(number, value))
    else:
        one = _number(keys, written, place)
        if one is not None:
            yield one


def _number(keys: tuple[Key, ...], written: Any, place: Place) -> Parameter | None:
    """The parameter that a written value is, by what may stand at its place; None if it is none."""
    patterns = {branch.get("pattern") for branch in place.branches}
    if isinstance(written, str):
        for pattern, unit, parse in _WRITTEN:
            if pattern in patterns and re.match(pattern, written):
                try:
                    return Parameter(path_of(keys), parse(written), unit)
                except QuantityError:
                    return None
        return None
    if isinstance(written, bool) or not isinstance(written, int | float) or not math.isfinite(written):
        return None
    return _default(keys, float(written), place)


def _default(keys: tuple[Key, ...], value: float, place: Place) -> Parameter | None:
    """The parameter of a plain number, in base units."""
    if not math.isfinite(value):
        return None
    patterns = {branch.get("pattern") for branch in place.branches}
    for pattern, unit, _ in _WRITTEN:
        if pattern in patterns:
            return Parameter(path_of(keys), value, unit)
    types = {branch.get("type") for branch in place.branches}
    if "integer" in types:
        return Parameter(path_of(keys), value, "count")
    return Parameter(path_of(keys), value, "number") if "number" in types else None


def _entry(written: Any, key: Key) -> Any:
    """What is written under a key; None where nothing is."""
    if isinstance(written, Mapping):
        return written.get(key)
    if isinstance(written, list) and isinstance(key, int) and key < len(written):
        return written[key]
    return None


def spelled_range(text: str) -> tuple[str, str]:
    """The two ends of a range `a..b`, the unit of the last put to the first: `10..50ms`. Raises UsageError."""
    ends = [end.strip() for end in text.split("..")]
    if len(ends) != 2 or not all(ends):
        raise UsageError(f"{show(text)} is not a range; write 8..24 or 10ms..50ms")
    low, high = ends
    unit = re.sub(rf"^{units.NUMBER}", "", high)
    return (low + unit if re.fullmatch(units.NUMBER, low) else low), high
