"""Arrivals replayed from a file."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

from pydantic import Field, PrivateAttr, ValidationInfo, model_validator

from sim.scenario.arrival_rule import ArrivalRule
from sim.scenario.datafile import PER_SECOND, Unit, line_of, located, read_column, to_number
from sim.scenario.quantities import PositiveNumber, refuse
from sim.scenario.rule import Row, State


class Trace(ArrivalRule):
    """Replays the times in a `column` of a CSV `file`: the first one at `start`, the gaps divided by `speed`.

    The times are numbers of `unit`, or dates of a `format` (`iso`, or a pattern of Python's strptime), in
    order. A `size` column multiplies the service time of each epoch's requests by its value over the column's
    mean.
    """

    kind: Literal["trace"] = "trace"
    file: str = Field(description="a CSV file, relative to the scenario's folder", examples=["trace.csv"])
    column: str | None = Field(None, description="the column of the times, by its header", examples=["time"])
    unit: Unit | None = Field(None, description="the unit of times that are numbers", examples=["ms"])
    format: str | None = Field(
        None,
        description="the format of times that are dates: iso, or a pattern of strptime",
        examples=["iso"],
    )
    speed: PositiveNumber = Field(1.0, description="how many times as fast to replay", examples=[2])
    size: str | None = Field(None, description="the column that scales the service time", examples=["bytes"])
    accepts_rate_factor: ClassVar[bool] = False
    _path: Path = PrivateAttr(default=Path())
    _times: tuple[float, ...] = PrivateAttr(default=())
    _sizes: tuple[float, ...] | None = PrivateAttr(default=None)

    @model_validator(mode="after")
    def _read(self, info: ValidationInfo) -> Self:
        if (self.unit is None) == (self.format is None):
            raise refuse("a trace takes a unit or a format, one of them", "unit: ms or format: iso")
        path = located(self.file, info)
        self._path = path
        self._times = self._read_times(path)
        if self.size is not None:
            sizes = read_column(path, self.size, to_number)
            mean = math.fsum(sizes) / len(sizes)
            if mean == 0.0:
                raise refuse(f'{path.name}: every size in column "{self.size}" is zero', at="size")
            self._sizes = tuple(size / mean for size in sizes)
        return self

    def _read_times(self, path: Path) -> tuple[float, ...]:
        """Seconds from the first stamp, divided by the speed; subtracted exactly, for epoch nanoseconds."""
        stamps: tuple[Any, ...]
        if self.unit is not None:
            stamps = read_column(path, self.column, _to_decimal)
            per_second = PER_SECOND[self.unit]
            times = [float(stamp - stamps[0]) / per_second for stamp in stamps]
        else:
            stamps = read_column(path, self.column, _date_reader(self.format or "iso"))
            if len({stamp.tzinfo is None for stamp in stamps}) > 1:
                raise refuse(f"{path.name} mixes times with and without a time zone", at="file")
            times = [(stamp - stamps[0]).total_seconds() for stamp in stamps]
        for place in range(1, len(times)):
            if times[place] < times[place - 1]:
                line = line_of(path, self.column, place)
                message = f"{path.name}, line {line}: a time before that of the row above; sort the file"
                raise refuse(message, at="file")
        return tuple(time / self.speed for time in times)

    def times(self) -> tuple[float, ...]:
        """The epochs in seconds from `start`, the first one 0."""
        return self._times

    def sizes(self) -> tuple[float, ...] | None:
        """For each epoch the factor on its service times, 1 in the mean; None without a size column."""
        return self._sizes

    def data_files(self) -> tuple[Path, ...]:
        """The file that the times were read from."""
        return (self._path,)

    def parameters(self, p: list[float]) -> list[float]:
        """How many epochs, the start, then the times."""
        return [float(len(self._times)), self.start, *self._times]

    @staticmethod
    def rule(
        p: Row,
        at: int,
        s: State,
        i: int,
        n: int,
        u: float,
        gap: float,
        t: float,
        speed: float,
        until: float,
        fresh: bool,
    ) -> float:
        """The start plus time n, while there is one."""
        if n >= int(p[at]):
            return math.inf
        x = p[at + 1] + p[at + 2 + n]
        return x if x <= until else math.inf

    def _epoch_rate(self) -> float:
        gaps, span = len(self._times) - 1, self._times[-1]
        return gaps / span if span > 0.0 else math.nan


def _to_decimal(cell: str) -> Decimal:
    try:
        value = Decimal(cell)
    except InvalidOperation:
        raise ValueError("is not a number") from None
    if not value.is_finite():
        raise ValueError("is not finite")
    return value


def _date_reader(pattern: str) -> Callable[[str], datetime]:
    def read(cell: str) -> datetime:
        try:
            if pattern == "iso":
                return datetime.fromisoformat(cell)
            if "%z" in pattern:
                return datetime.strptime(cell, pattern).astimezone(UTC)
            return datetime.strptime(cell, pattern).replace(tzinfo=UTC)
        except ValueError:
            what = "an ISO 8601 time" if pattern == "iso" else f"a time of the format {pattern}"
            raise ValueError(f"is not {what}") from None

    return read
