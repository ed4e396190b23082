"""The empirical distribution: measured values, drawn again."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, PrivateAttr, ValidationInfo, model_validator

from sim.scenario.datafile import PER_SECOND, Unit, located, read_column, to_number
from sim.scenario.distribution_rule import DistributionRule, Moments
from sim.scenario.rule import Row


class Empirical(DistributionRule):
    """A value of a `column` of a CSV `file`, each equally likely: of n sorted values the one at floor(u·n).

    The values are numbers of `unit` (s, ms, us or ns; seconds if it is not said), finite and not negative.
    Without `column` the file must have one column only.
    """

    kind: Literal["empirical"] = "empirical"
    file: str = Field(description="a CSV file, relative to the scenario's folder", examples=["service.csv"])
    column: str | None = Field(
        None, description="the column of the values, by its header", examples=["seconds"]
    )
    unit: Unit = Field("s", description="the unit of the values", examples=["ms"])
    _path: Path = PrivateAttr(default=Path())
    _values: tuple[float, ...] = PrivateAttr(default=())

    @model_validator(mode="after")
    def _read(self, info: ValidationInfo) -> Self:
        path = located(self.file, info)
        per_second = PER_SECOND[self.unit]
        values = sorted(value / per_second for value in read_column(path, self.column, to_number))
        self._path, self._values = path, tuple(values)
        return self

    def values(self) -> tuple[float, ...]:
        """The values in seconds, sorted."""
        return self._values

    def data_files(self) -> tuple[Path, ...]:
        """The file that the values were read from."""
        return (self._path,)

    def parameters(self, p: list[float]) -> list[float]:
        """How many values, then the values."""
        return [float(len(self._values)), *self._values]

    @staticmethod
    def rule(p: Row, at: int, u: float) -> float:
        """The value at floor(u·n), the last one should that round up to n."""
        n = int(p[at])
        return p[at + 1 + min(n - 1, int(u * p[at]))]

    def moments(self) -> Moments:
        """Means of powers of the values."""
        n = len(self._values)
        first, second, third = (math.fsum(value**k for value in self._values) / n for k in (1, 2, 3))
        return first, second, third
