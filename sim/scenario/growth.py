"""How the load grows, and how capacity is bought: the keys `growth`, `lead_time` and `purchase` of a plan."""

from __future__ import annotations

import datetime as dt
import math
import re
from pathlib import Path
from statistics import median
from typing import Annotated, Any, NamedTuple, Self

from pydantic import (
    BeforeValidator,
    Discriminator,
    Field,
    GetJsonSchemaHandler,
    PlainSerializer,
    PrivateAttr,
    Tag,
    ValidationInfo,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import CoreSchema

from sim import units
from sim.errors import QuantityError
from sim.scenario.datafile import line_of, located, read_column
from sim.scenario.part import Part
from sim.scenario.quantities import PositiveNumber, PositiveWhole, Ratio, refuse, show

LEAST_POINTS = 8
"""Observations, and two whole seasons of them, that a trend is fitted to at the least."""

UNEVEN = 0.3
"""The share by which a step may differ from the middle one where a season is counted in steps."""

DATE_EXAMPLE = "2026-01-31"
_PERIOD = r"(days?|d|weeks?|wks?|w|months?|mo|quarters?|q|years?|yrs?|y)"
_N = r"([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?"
SPAN_PATTERN = rf"^\s*\+?{_N}\s*{_PERIOD}\s*$"
GROWTH_PATTERN = rf"^\s*[+-]?{_N}\s*%?\s*(per|an?|/)\s*{_PERIOD}\s*$"
DATE_PATTERN = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
_MONTH = re.compile(r"[0-9]{4}-[0-9]{2}")


class GrowthRate(NamedTuple):
    """Growth by a ratio in each period, compounded: 0.08 a month."""

    ratio: float
    period: str

    @property
    def per_second(self) -> float:
        """The rate of the exponential, 1/s."""
        return math.log1p(self.ratio) / units.seconds_of(self.period)


def _span(value: Any, info: ValidationInfo) -> float:
    if isinstance(value, str):
        try:
            return units.parse_span(value)
        except QuantityError as error:
            raise refuse(error.message, error.example, error.suggestion) from None
    written = bool(info.context and info.context.get("written"))
    if isinstance(value, bool) or not isinstance(value, int | float) or written:
        fault = "has no unit" if isinstance(value, int | float) else "is not a span of time"
        raise refuse(f"{show(value)} {fault}", units.SPAN_EXAMPLE)
    if not 0.0 < value <= 1000.0 * units.YEAR:
        raise refuse(f"{show(value)} is not a span of time", units.SPAN_EXAMPLE)
    return float(value)


def _growth_rate(value: Any) -> GrowthRate:
    if isinstance(value, GrowthRate):
        return value
    if not isinstance(value, str):
        raise refuse(f"{show(value)} does not say how much a period", units.GROWTH_EXAMPLE)
    try:
        return GrowthRate(*units.parse_growth(value))
    except QuantityError as error:
        raise refuse(error.message, error.example, error.suggestion) from None


def _date(value: Any) -> dt.date:
    if isinstance(value, dt.date) and not isinstance(value, dt.datetime):
        return value
    if isinstance(value, str) and re.fullmatch(DATE_PATTERN, value.strip()):
        try:
            return dt.date.fromisoformat(value.strip())
        except ValueError:
            pass  # the 31st of a short month
    raise refuse(f"{show(value)} is not a date", DATE_EXAMPLE)


Span = Annotated[
    float,
    BeforeValidator(_span),
    PlainSerializer(units.write_span, return_type=str, when_used="json"),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": SPAN_PATTERN,
            "description": "a span of days, weeks, months, quarters or years",
            "examples": ["6 weeks", "18 months", "2y"],
        }
    ),
]
"""Seconds of the calendar, more than zero; written `6 weeks`. A month is a twelfth of 365.25 days."""

Rate = Annotated[
    GrowthRate,
    BeforeValidator(_growth_rate),
    PlainSerializer(
        lambda rate: f"{100.0 * rate.ratio!r}% per {rate.period}", return_type=str, when_used="json"
    ),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": GROWTH_PATTERN,
            "description": "growth in each period, compounded",
            "examples": ["8% per month", "-2% per year"],
        }
    ),
]

Date = Annotated[
    dt.date,
    BeforeValidator(_date),
    PlainSerializer(lambda date: date.isoformat(), return_type=str, when_used="json"),
    WithJsonSchema(
        {"type": "string", "pattern": DATE_PATTERN, "description": "a date", "examples": [DATE_EXAMPLE]}
    ),
]

HORIZON = 2.0 * units.YEAR
_HORIZON = Field(
    default=HORIZON,
    description="how far ahead to look",
    examples=["2 years"],
    json_schema_extra={"default": "2 years"},
)


def _or_bare(schema: dict[str, Any], bare: dict[str, Any]) -> dict[str, Any]:
    """The schema of a mapping that a bare value may stand for."""
    return {"description": schema.get("description", ""), "anyOf": [bare, schema]}


class SteadyGrowth(Part):
    """Load that grows by the same ratio in each period; a bare rate stands for one without uncertainty."""

    rate: Rate = Field(description="growth in each period; negative: it shrinks", examples=["8% per month"])
    uncertainty: Ratio = Field(
        default=0.0, description="the rate lies within so much of it, in the same period, 95 % of the time"
    )
    start: Date | None = Field(default=None, description="when the load is as written; dates follow from it")
    horizon: Span = _HORIZON

    @model_validator(mode="before")
    @classmethod
    def _bare(cls, value: Any) -> Any:
        return {"rate": value} if isinstance(value, str | GrowthRate) else value

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """The mapping, or the rate alone."""
        bare = {"type": "string", "pattern": GROWTH_PATTERN, "examples": ["8% per month"]}
        return _or_bare(handler(core), bare)

    @model_validator(mode="after")
    def _shrinks_to_something(self) -> Self:
        if self.rate.ratio - self.uncertainty <= -1.0:
            raise refuse(
                f"{self.rate.ratio:g} less {self.uncertainty:g} is not above -100%", "2%", at="uncertainty"
            )
        return self


class SeriesGrowth(Part):
    """Load that goes on as a measured series does: its trend, and its season if there is one."""

    file: str = Field(description="a CSV file, relative to the scenario's folder", examples=["requests.csv"])
    time: str = Field(description="the column of the dates, by its header", examples=["month"])
    column: str = Field(description="the column of the values, by its header", examples=["requests"])
    season: PositiveWhole | None = Field(
        default=None, description="how many rows a season has: 12 for months in a year, 7 for days in a week"
    )
    base: PositiveNumber | None = Field(
        default=None,
        description="the value at which the load is as written; none: the trend's at the last row",
    )
    horizon: Span = _HORIZON
    _path: Path = PrivateAttr(default=Path())
    _times: tuple[dt.datetime, ...] = PrivateAttr(default=())
    _values: tuple[float, ...] = PrivateAttr(default=())

    @model_validator(mode="before")
    @classmethod
    def _no_rate_beside(cls, value: Any) -> Any:
        if isinstance(value, dict) and "rate" in value:
            raise refuse("a series says itself how it grows: leave out rate, or file", "8% per month")
        return value

    @model_validator(mode="after")
    def _read(self, info: ValidationInfo) -> Self:
        path = located(self.file, info)
        times = read_column(path, self.time, _moment)
        self._path, self._times = path, times
        self._values = read_column(path, self.column, _above_zero)
        self._in_order()
        self._enough()
        return self

    @property
    def start(self) -> dt.date:
        """The date of the last row."""
        return self._times[-1].date()

    def observations(self) -> tuple[tuple[float, float], ...]:
        """(seconds before the last row, as a negative number; value) of each row."""
        last = self._times[-1]
        return tuple(
            ((time - last).total_seconds(), value)
            for time, value in zip(self._times, self._values, strict=True)
        )

    def data_files(self) -> tuple[Path, ...]:
        """The file that the series was read from."""
        return (self._path,)

    def _in_order(self) -> None:
        steps = [
            (after - before).total_seconds()
            for before, after in zip(self._times, self._times[1:], strict=False)
        ]
        middle = median(steps) if steps else 0.0
        for place, step in enumerate(steps, start=1):
            where = f"{self._path.name}, line {line_of(self._path, self.time, place)}"
            if step <= 0.0:
                raise refuse(
                    f"{where}: {self._times[place]:%Y-%m-%d} does not come after the row before it",
                    "the rows in the order of time, each time once",
                    at="file",
                )
            if self.season is not None and abs(step - middle) > UNEVEN * middle:
                raise refuse(
                    f"{where}: {units.format_span(step)} after the row before it, where {units.format_span(middle)} "
                    "is usual: a season is counted in rows",
                    "a row for every period",
                    at="file",
                )

    def _enough(self) -> None:
        rows, season = len(self._values), self.season or 1
        if season == 1 and self.season is not None:
            raise refuse("1 row is no season", "season: 12", at="season")
        least = max(LEAST_POINTS, 2 * season + 2)
        if rows < least:
            raise refuse(
                f"{self._path.name} has {rows} rows; a trend{' with this season' if season > 1 else ''} takes {least}",
                "a longer series",
                at="file",
            )


def _moment(cell: str) -> dt.datetime:
    """The time of a cell: a month, a date, or a date with a time of the day. Raises ValueError."""
    try:
        found = dt.datetime.fromisoformat(f"{cell}-01" if _MONTH.fullmatch(cell) else cell)
    except ValueError:
        missing = "is empty" if not cell else "is not a date"
        raise ValueError(f"{missing}, such as 2026-01-31 or 2026-01") from None
    return found if found.tzinfo is None else found.astimezone(dt.UTC).replace(tzinfo=None)


def _above_zero(cell: str) -> float:
    """A number that has a logarithm. Raises ValueError."""
    if not cell:
        raise ValueError("is a missing value: leave its row out, or fill it in")
    try:
        value = float(cell)
    except ValueError:
        raise ValueError("is not a number") from None
    if not math.isfinite(value):
        raise ValueError("is not finite")
    if value <= 0.0:
        raise ValueError("is not more than 0: growth is a ratio")
    return value


def _of_which(value: Any) -> str:
    series = isinstance(value, SeriesGrowth) or (isinstance(value, dict) and "file" in value)
    return "<series>" if series else "<rate>"


Growth = Annotated[
    Annotated[SteadyGrowth, Tag("<rate>")] | Annotated[SeriesGrowth, Tag("<series>")],
    Discriminator(_of_which),
]
"""A rate such as `8% per month`, a mapping with a rate, or a series in a file."""


class Purchase(Part):
    """How workers are bought; a bare number stands for the step."""

    step: PositiveWhole = Field(description="so many at a time", examples=[4])
    key: str | None = Field(
        default=None,
        description="the key path of the workers; none: those that the plan varies, or of the busiest service",
        examples=["services.api.workers"],
    )

    @model_validator(mode="before")
    @classmethod
    def _bare(cls, value: Any) -> Any:
        return {"step": value} if isinstance(value, int) and not isinstance(value, bool) else value

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """The mapping, or the step alone."""
        return _or_bare(handler(core), {"type": "integer", "minimum": 1, "examples": [4]})
