"""The field types of a scenario: durations, rates, ratios, counts, factors, plain numbers, flags.

A value that comes from a text (validation context `{"written": True}`) must carry its unit. A model built in
Python may also give the plain float that the code itself uses: seconds, per second.
Every type carries its JSON Schema, with a pattern and examples.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, PlainSerializer, ValidationInfo, WithJsonSchema
from pydantic_core import PydanticCustomError

from sim import units
from sim.errors import QuantityError, printable

MOST_ATTEMPTS = 1_000_000
MOST_REPLICATIONS = 100_000
MOST_INSTANCES = 10_000
MOST_HEDGED = 100
MOST_SCALE = 1_000_000
MOST_SEED = 2**63 - 1


def refuse(message: str, example: str = "", suggestion: str = "", at: str = "") -> PydanticCustomError:
    """The error a validator raises; the loader turns it into one Problem at the value's place.

    `at` names a key below that place: a model's validator points with it at the field that is wrong.
    """
    return PydanticCustomError(
        "forebay", "{message}", {"message": message, "example": example, "suggestion": suggestion, "at": at}
    )


def show(value: object) -> str:
    """A value as it stands in the file, shortened: for messages."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, (list, tuple)):
        return "a list"
    return f'"{printable(value)}"' if isinstance(value, str) else printable(str(value))


def _written(info: ValidationInfo) -> bool:
    return bool(info.context and info.context.get("written"))


def _number(value: object) -> float | None:
    """The value as a float if it is a number; a boolean is not one."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        return float(value)
    except OverflowError:
        return math.inf


def _quantity(
    what: str, parse: Callable[[str], float], example: str, low: float = 0.0, above: bool = False
) -> Callable[[Any, ValidationInfo], float]:
    """A validator of one kind of quantity with a unit: at least `low`, or more than it if `above`."""

    def validate(value: Any, info: ValidationInfo) -> float:
        if isinstance(value, str):
            try:
                result = parse(value)
            except QuantityError as error:
                raise refuse(error.message, error.example, error.suggestion) from None
        else:
            number = _number(value)
            if number is None:
                raise refuse(f"{show(value)} is not a {what}", example)
            if _written(info) and math.isfinite(number):
                unit = "no x before it" if what == "factor" else "no unit"
                raise refuse(f"{show(value)} has {unit}", example, f"x{value}" if what == "factor" else "")
            result = number
        if not math.isfinite(result):
            raise refuse(f"{show(value)} is not a {what}", example)
        if result < low or (above and result == low):
            bound = "more than zero" if above else "zero or more"
            raise refuse(f"a {what} must be {bound} here: {show(value)}", example)
        return result

    return validate


def _plain(
    what: str,
    example: str,
    low: float = -math.inf,
    high: float = math.inf,
    *,
    above: bool = False,
    parse: Callable[[str], float] | None = None,
) -> Callable[[Any, ValidationInfo], float]:
    """A validator of a number without a unit, from `low`, or above it if `above`, to `high`."""

    def validate(value: Any, _: ValidationInfo) -> float:
        if isinstance(value, str) and parse is not None:
            try:
                number: float | None = parse(value)
            except QuantityError as error:
                raise refuse(error.message, error.example, error.suggestion) from None
        else:
            number = _number(value)
        if number is None or not math.isfinite(number):
            raise refuse(f"{show(value)} is not a {what}", example)
        if number > high:
            percent = (
                f"{value}%" if what == "ratio" and not isinstance(value, str) and number <= 100.0 else ""
            )
            raise refuse(f"{show(value)} is more than {high:g}", example, percent)
        if number < low or (above and number == low):
            raise refuse(f"{show(value)} is not {'more than' if above else 'at least'} {low:g}", example)
        return number

    return validate


def _counting(low: int, high: float, endless: bool, example: str) -> Callable[[Any], float]:
    """A validator of whole numbers from `low` to `high`, as floats; `inf` too if `endless`."""
    what = "count" if endless else "whole number"

    def validate(value: Any) -> float:
        if isinstance(value, str):
            try:
                number: float | None = units.parse_count(value)
            except QuantityError:
                raise refuse(
                    f"{show(value)} is not a {what}", example, _meant_count(value, endless)
                ) from None
        else:
            number = _number(value)
        if number is None or math.isnan(number) or (math.isfinite(number) and number != math.floor(number)):
            raise refuse(f"{show(value)} is not a {what}", example)
        if number == math.inf and endless:
            return number
        if not low <= number <= high:
            limit = f"less than {low}" if number < low else f"more than {high:,.0f}"
            raise refuse(f"{show(value)} is {limit}", example)
        return number

    return validate


def _meant_count(text: str, endless: bool) -> str:
    """The count that a text such as `1_000`, `5k` or `unlimited` was meant to be."""
    word = text.strip().lower().replace("_", "").replace(",", "").replace(" ", "")
    if word.isdigit() and len(word) < 16:
        return word
    if word[:-1].isdigit() and word[-1] == "k" and len(word) < 12:
        return f"{word[:-1]}000"
    return (
        "inf" if endless and word in {"infinity", "infinite", "unlimited", "unbounded", "∞", "none"} else ""
    )


def _whole(low: int, high: int, example: str) -> Callable[[Any], int]:
    """A validator of whole numbers from `low` to `high`, as ints (exact past 2**53)."""

    def validate(value: Any) -> int:
        # The bound comes first: an infinity (1e400 is one) has no floor.
        if isinstance(value, float) and abs(value) < 2.0**53 and value == math.floor(value):
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int):
            raise refuse(f"{show(value)} is not a whole number", example)
        if not low <= value <= high:
            limit = f"less than {low}" if value < low else f"more than {high:,}"
            raise refuse(f"{show(value)} is {limit}", example)
        return value

    return validate


def _flag(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    meant = {"yes": "true", "on": "true", "no": "false", "off": "false", "y": "true", "n": "false"}
    suggestion = meant.get(value.lower(), "") if isinstance(value, str) else ""
    raise refuse(f"{show(value)} is not true or false", "true or false", suggestion)


def _write_count(count: float) -> int | str:
    return "inf" if math.isinf(count) else int(count)


def _text_schema(pattern: str, description: str, *examples: str) -> WithJsonSchema:
    return WithJsonSchema(
        {"type": "string", "pattern": pattern, "description": description, "examples": list(examples)}
    )


def _number_schema(kind: str, description: str, example: float, **bounds: float) -> WithJsonSchema:
    return WithJsonSchema({"type": kind, "description": description, "examples": [example], **bounds})


def _count_schema(low: int, description: str, **more: int) -> WithJsonSchema:
    branches: list[dict[str, Any]] = [{"type": "integer", "minimum": low, **more}, {"const": "inf"}]
    return WithJsonSchema({"anyOf": branches, "description": description, "examples": [16, "inf"]})


_N = r"([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?"
_UNIT = "(ns|us|µs|ms|s|min|h|d)"
DURATION_PATTERN = rf"^\s*\+?{_N}\s*{_UNIT}\s*$"
RATE_PATTERN = rf"^\s*\+?{_N}\s*[kMG]?\s*/\s*{_UNIT}\s*$"
SIGNED_RATE_PATTERN = rf"^\s*[+-]?{_N}\s*[kMG]?\s*/\s*{_UNIT}\s*$"
RATIO_PATTERN = rf"^\s*\+?{_N}\s*%?\s*$"
FACTOR_PATTERN = rf"^\s*[xX×]\s*\+?{_N}\s*$"

validate_duration = _quantity("duration", units.parse_duration, units.DURATION_EXAMPLE)
validate_rate = _quantity("rate", units.parse_rate, units.RATE_EXAMPLE)
validate_ratio = _plain("ratio", units.RATIO_EXAMPLE, 0.0, 1.0, parse=units.parse_ratio)
validate_multiple = _plain("ratio", "1.2 or 120%", 0.0, parse=units.parse_ratio)
validate_amount = _plain("number", "a number such as 1.5", 0.0)
validate_factor = _quantity("factor", units.parse_factor, units.FACTOR_EXAMPLE)
validate_count = _counting(0, 2.0**53, True, units.COUNT_EXAMPLE)

_duration_schema = _text_schema(DURATION_PATTERN, "a duration with its unit", "2s", "250ms", "5min")
_rate_schema = _text_schema(RATE_PATTERN, "a rate with its unit", "120/s", "5k/s", "300/min")
_write_duration = PlainSerializer(units.write_duration, return_type=str, when_used="json")
_write_rate = PlainSerializer(units.write_rate, return_type=str, when_used="json")
_write_counts = PlainSerializer(_write_count, return_type=int | str, when_used="json")

Duration = Annotated[
    float,
    BeforeValidator(validate_duration),
    _write_duration,
    _duration_schema,
]
"""Seconds, zero or more; written `250ms`."""

PositiveDuration = Annotated[
    float,
    BeforeValidator(_quantity("duration", units.parse_duration, units.DURATION_EXAMPLE, above=True)),
    _write_duration,
    _duration_schema,
]
"""Seconds, more than zero."""

Rate = Annotated[
    float,
    BeforeValidator(validate_rate),
    _write_rate,
    _rate_schema,
]
"""Per second, zero or more; written `120/s`."""

PositiveRate = Annotated[
    float,
    BeforeValidator(_quantity("rate", units.parse_rate, units.RATE_EXAMPLE, above=True)),
    _write_rate,
    _rate_schema,
]
"""Per second, more than zero."""

SignedRate = Annotated[
    float,
    BeforeValidator(
        _quantity("rate", lambda text: units.parse_rate(text, signed=True), '"-20/s" or 20/s', low=-math.inf)
    ),
    _write_rate,
    _text_schema(SIGNED_RATE_PATTERN, "a rate with its unit, possibly negative", "-20/s", "20/s"),
]
"""Per second, any sign: an entry of a generator; written `-20/s`."""

Ratio = Annotated[
    float,
    BeforeValidator(validate_ratio),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "number", "minimum": 0, "maximum": 1},
                {"type": "string", "pattern": RATIO_PATTERN},
            ],
            "description": "a ratio between 0 and 1, or a percentage",
            "examples": [0.2, "20%"],
        }
    ),
]
"""Between 0 and 1; written `0.2` or `20%`."""


def _sure(confidence: float) -> float:
    if not 0.5 <= confidence < 1.0:
        raise refuse(f"{confidence:g} is not at least 0.5 and less than 1", "95%")
    return confidence


Confidence = Annotated[Ratio, AfterValidator(_sure)]
"""How often an interval must hold the truth: a ratio from 0.5, less than 1."""

PositiveRatio = Annotated[
    float,
    BeforeValidator(_plain("ratio", units.RATIO_EXAMPLE, 0.0, 1.0, parse=units.parse_ratio, above=True)),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "number", "exclusiveMinimum": 0, "maximum": 1},
                {"type": "string", "pattern": RATIO_PATTERN},
            ],
            "description": "a ratio above 0, up to 1, or a percentage",
            "examples": [0.5, "50%"],
        }
    ),
]
"""More than 0, up to 1; written `0.5` or `50%`."""

Amount = Annotated[
    float,
    BeforeValidator(validate_amount),
    _number_schema("number", "a number from 0", 1.5, minimum=0),
]
"""A finite number from zero, without a unit."""

Count = Annotated[
    float,
    BeforeValidator(validate_count),
    _write_counts,
    _count_schema(0, "a whole number, or inf"),
]
"""A whole number from 0 as a float, or math.inf."""

PositiveCount = Annotated[
    float,
    BeforeValidator(_counting(1, 2.0**53, True, units.COUNT_EXAMPLE)),
    _write_counts,
    _count_schema(1, "a whole number from 1, or inf"),
]
"""A whole number from 1 as a float, or math.inf."""

Attempts = Annotated[
    float,
    BeforeValidator(_counting(1, MOST_ATTEMPTS, True, "a whole number such as 4, or inf")),
    _write_counts,
    _count_schema(1, "tries in all, the first included, or inf", maximum=MOST_ATTEMPTS),
]
"""Tries in all, the first included: 1 to 1,000,000 as a float, or math.inf."""

Whole = Annotated[
    int,
    BeforeValidator(_whole(-(2**53), 2**53, "a whole number such as 3")),
    _number_schema("integer", "a whole number", 3),
]
"""Any whole number."""

PositiveWhole = Annotated[
    int,
    BeforeValidator(_whole(1, 2**53, "a whole number such as 3")),
    _number_schema("integer", "a whole number from 1", 3, minimum=1),
]
"""A whole number from 1."""

Instances = Annotated[
    int,
    BeforeValidator(_whole(1, MOST_INSTANCES, "a whole number such as 3")),
    _number_schema("integer", "how many there are", 3, minimum=1, maximum=MOST_INSTANCES),
]
"""How many clients, or instances of a service: 1 to 10,000."""

Hedged = Annotated[
    int,
    BeforeValidator(_whole(2, MOST_HEDGED, "a whole number such as 2")),
    _number_schema("integer", "attempts in flight at once", 2, minimum=2, maximum=MOST_HEDGED),
]
"""How many attempts of one request may be in flight: 2 to 100."""

Scale = Annotated[
    int,
    BeforeValidator(_whole(0, MOST_SCALE, "a whole number such as 20")),
    _number_schema("integer", "a number of workers", 20, minimum=0, maximum=MOST_SCALE),
]
"""Workers that an autoscaler may want: 0 to 1,000,000."""

Number = Annotated[
    int,
    BeforeValidator(_whole(0, MOST_INSTANCES - 1, "a whole number such as 0")),
    _number_schema("integer", "which one, from 0", 0, minimum=0, maximum=MOST_INSTANCES - 1),
]
"""Which of several, counted from 0."""

Replications = Annotated[
    int,
    BeforeValidator(_whole(1, MOST_REPLICATIONS, "a whole number such as 20")),
    _number_schema("integer", "how many replications", 20, minimum=1, maximum=MOST_REPLICATIONS),
]
"""How many replications: 1 to 100,000."""

Seed = Annotated[
    int,
    BeforeValidator(_whole(0, MOST_SEED, "a whole number such as 7")),
    _number_schema("integer", "a whole number from 0", 7, minimum=0),
]
"""A whole number that fits 63 bits."""

PositiveNumber = Annotated[
    float,
    BeforeValidator(_plain("number", "a number such as 1.5", 0.0, above=True)),
    _number_schema("number", "a number more than 0", 1.5, exclusiveMinimum=0),
]
"""A finite number more than zero, without a unit."""

NumberAboveOne = Annotated[
    float,
    BeforeValidator(_plain("number", "a number such as 2.5", 1.0, above=True)),
    _number_schema("number", "a number more than 1", 2.5, exclusiveMinimum=1),
]
"""A finite number more than one: the tail index of a Pareto that has a mean."""

NumberFromOne = Annotated[
    float,
    BeforeValidator(_plain("number", "a number such as 2", 1.0)),
    _number_schema("number", "a number from 1", 2, minimum=1),
]
"""A finite number from one: a growth factor, the mean of a batch."""

Factor = Annotated[
    float,
    BeforeValidator(validate_factor),
    PlainSerializer(units.write_factor, return_type=str, when_used="json"),
    _text_schema(FACTOR_PATTERN, "a factor", "x3", "x0.5"),
]
"""A factor, zero or more; written `x0.5`."""

Flag = Annotated[
    bool,
    BeforeValidator(_flag),
    WithJsonSchema({"type": "boolean", "examples": [True], "description": "true or false"}),
]
"""true or false; never `yes`, which YAML 1.2 reads as a word."""


def or_infinite(limit: float | None) -> float:
    """A limit, infinite where none is set."""
    return math.inf if limit is None else limit
