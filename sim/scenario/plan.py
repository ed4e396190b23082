"""The plan section: which values may vary, what is minimized, what must be survived, how sure the answer must be."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema, model_validator

from sim.scenario.growth import Growth, Purchase, Span
from sim.scenario.mishaps import MISHAP_EXAMPLE, MOST_MISHAPS, Survived
from sim.scenario.part import FrozenDict, Part
from sim.scenario.prices import Minimize
from sim.scenario.quantities import Confidence, Ratio, refuse, show
from sim.units import NUMBER

RANGE_EXAMPLE = '"101..140", "10ms..50ms:5" or [16, 64, 256]'
MOST_VALUES = 100_000
MOST_UNITS = 20
"""Values that `1s..20s` may have; of more it must be said how many."""

_UNIT = r"[^\W\d_]*%?(?:/[^\W\d_]+)?"
_RANGE = re.compile(
    rf"\s*(x?)({NUMBER})\s*({_UNIT})\s*\.\.\s*(x?)({NUMBER})\s*({_UNIT})\s*(?::\s*([0-9]+)\s*(log)?)?\s*"
)

Value = int | float | str | bool
"""A value as it would stand in the file."""


def parse_range(text: str) -> tuple[Value, ...]:
    """The values of `a..b`, every whole number, or of `a..b:n`, n of them, evenly spaced, with their unit.

    `a..b:n log` spaces them by equal factors; factors are written `x2..x12:20`. Raises ValueError with a sentence
    that says what is wrong.
    """
    found = _RANGE.fullmatch(text[:200])
    if found is None:
        raise ValueError(f"{show(text)} is not a range")
    factor, first, unit, last_factor, last, last_unit, points, log = found.groups()
    if factor != last_factor:
        raise ValueError(f"{show(text)} is a factor at one end alone")
    if unit != last_unit and unit:
        raise ValueError(f"{show(text)} has two units: {unit} and {last_unit or 'none'}")
    unit = last_unit
    low, high = float(first), float(last)
    if low > high:
        raise ValueError(f"{show(text)} runs backwards")
    if log and low <= 0.0:
        raise ValueError(f"{show(text)} cannot begin at {first} and be spaced by factors")
    whole = first.isdigit() and last.isdigit()
    if points is None and not whole:
        raise ValueError(f"{show(text)} does not say how many values")
    number = int(points) if points is not None else int(last) - int(first) + 1
    if not 1 <= number <= MOST_VALUES:
        raise ValueError(f"{show(text)} has {number:,} values; the most are {MOST_VALUES:,}")
    if points is None and unit and number > MOST_UNITS:
        # Every millisecond of half a second is seldom meant.
        raise ValueError(f"{show(text)} has {number:,} values; {text.strip()}:5 would have five")
    places = [step / max(number - 1, 1) for step in range(number)]
    spaced = [low * (high / low) ** place if log else low + (high - low) * place for place in places]
    if whole and (points is None or not (unit or factor)):
        values: list[Value] = list(dict.fromkeys(int(low) + round(value - low) for value in spaced))
    else:
        values = list(dict.fromkeys(float(f"{value:.12g}") for value in spaced))
    return tuple(f"{factor}{value}{unit}" for value in values) if unit or factor else tuple(values)


def _values(value: Any) -> tuple[Value, ...]:
    if isinstance(value, str):
        try:
            return parse_range(value)
        except ValueError as error:
            raise refuse(str(error), RANGE_EXAMPLE) from None
    if not isinstance(value, list | tuple):
        raise refuse(f"{show(value)} is neither a range nor a list", RANGE_EXAMPLE)
    if not value:
        raise refuse("the list is empty", RANGE_EXAMPLE)
    if len(value) > MOST_VALUES:
        raise refuse(f"{len(value):,} values; the most are {MOST_VALUES:,}", RANGE_EXAMPLE)
    for one in value:
        if not isinstance(one, int | float | str):
            raise refuse(f"{show(one)} is not a single value", RANGE_EXAMPLE)
    if len(set(map(repr, value))) < len(value):
        raise refuse("a value is listed twice", RANGE_EXAMPLE)
    return tuple(value)


Values = Annotated[
    tuple[Value, ...],
    BeforeValidator(_values),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "pattern": r"\.\."},
                {
                    "type": "array",
                    "items": {"type": ["integer", "number", "string", "boolean"]},
                    "minItems": 1,
                },
            ],
            "examples": ["101..140", [16, 64, 256]],
        }
    ),
]


def _not_empty(vary: Mapping[str, Any]) -> FrozenDict[str, Any]:
    if not vary:
        raise refuse("nothing to vary", 'services.api.workers: "101..140"')
    return FrozenDict(vary)


def _above_zero(indifference: float) -> float:
    if not indifference > 0.0:
        raise refuse(f"{indifference:g} is not above 0: equal costs could never be told apart", "1%")
    return indifference


def _not_too_many(survive: tuple[Any, ...]) -> tuple[Any, ...]:
    if len(survive) > MOST_MISHAPS:
        raise refuse(f"{len(survive):,} entries; the most are {MOST_MISHAPS}", f"[{MISHAP_EXAMPLE}]")
    return survive


class Plan(Part):
    """What a plan may change to meet the objectives at the least cost."""

    vary: Annotated[Mapping[str, Values], AfterValidator(_not_empty)] = Field(
        default_factory=FrozenDict,
        description="key path -> the values it may have; may be left out where the load grows",
        examples=[{"services.api.workers": "101..140"}],
        json_schema_extra={"minProperties": 1},
    )
    minimize: Minimize | None = Field(
        default=None,
        description="a key path, or prices; none: the workers of all services",
        examples=[{"worker_hour": 0.12, "rejection": 0.002}],
    )
    survive: Annotated[tuple[Survived, ...], AfterValidator(_not_too_many)] = Field(
        default=(),
        description="what may go wrong, each by itself, without the objectives being missed",
        examples=[[{"at": "60s", "for": "30s", "service": "api", "workers": "x0.67"}]],
    )
    indifference: Annotated[Ratio, AfterValidator(_above_zero)] = Field(
        default=0.01,
        description="of a random cost: the share by which a plan may be dearer than the cheapest without it mattering",
    )
    confidence: Confidence = Field(default=0.95, description="how sure the answer must be")
    growth: Growth | None = Field(
        default=None,
        description="how the load grows: a rate, or a series in a file",
        examples=["8% per month"],
    )
    lead_time: Span | None = Field(default=None, description="from an order to the capacity that it brings")
    purchase: Purchase | None = Field(
        default=None, description="how workers are bought: so many at a time", examples=[4]
    )

    @model_validator(mode="after")
    def _of_something(self) -> Self:
        if not self.vary and self.growth is None:
            raise refuse("has nothing to vary", 'vary: {services.api.workers: "101..140"}')
        return self
