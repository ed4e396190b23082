"""Batch sizes: how many requests one arrival brings. Drawn by the same `quantile` as durations."""

from __future__ import annotations

import math
from typing import Annotated, Literal

from pydantic import Field

from sim.scenario.distribution_rule import DistributionRule, Moments
from sim.scenario.quantities import NumberFromOne, PositiveWhole
from sim.scenario.rule import Row, written_bare


class ConstantBatch(DistributionRule):
    """Always `value` requests. A bare whole number means this one."""

    kind: Literal["constant"] = "constant"
    value: PositiveWhole

    def parameters(self, p: list[float]) -> list[float]:
        """The size."""
        return [float(self.value)]

    @staticmethod
    def rule(p: Row, at: int, u: float) -> float:
        """The size, whatever the uniform."""
        return p[at]

    def moments(self) -> Moments:
        """Powers of the size."""
        size = float(self.value)
        return size, size**2, size**3


class GeometricBatch(DistributionRule):
    """One, and with the same chance q = 1 - 1/mean another, and so on: 1 + floor(log(1 - u)/log q)."""

    kind: Literal["geometric"] = "geometric"
    mean: NumberFromOne

    def parameters(self, p: list[float]) -> list[float]:
        """log(1 - 1/mean), which is 0 in place of minus infinity for a mean of 1."""
        return [math.log1p(-1.0 / self.mean) if self.mean > 1.0 else 0.0]

    @staticmethod
    def rule(p: Row, at: int, u: float) -> float:
        """1 + floor(log(1 - u) / log(1 - 1/mean))."""
        if p[at] == 0.0:
            return 1.0
        return 1.0 + float(math.floor(math.log(1.0 - u) / p[at]))

    def moments(self) -> Moments:
        """m, m(2m - 1), m(6m² - 6m + 1), from the factorial moments k!·m(m - 1)^(k-1)."""
        m = self.mean
        return m, m * (2.0 * m - 1.0), m * (6.0 * m * m - 6.0 * m + 1.0)


AnyBatchSize = ConstantBatch | GeometricBatch
BatchSize = Annotated[AnyBatchSize, Field(discriminator="kind"), written_bare("value")]
"""The size of a batch as a field of a model; a bare whole number stands for `kind: constant`."""
