"""The family of distributions: of service times, gaps, delays, patience and, by `batches`, batch sizes."""

from __future__ import annotations

import math
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from sim.scenario.batches import AnyBatchSize
from sim.scenario.closed_distributions import (
    Constant,
    Erlang,
    Exponential,
    Gamma,
    Lognormal,
    Normal,
    Pareto,
    Uniform,
    Weibull,
)
from sim.scenario.distribution_rule import DistributionRule, Moments
from sim.scenario.empirical import Empirical
from sim.scenario.phase_distributions import Hyperexponential, PhaseType
from sim.scenario.quantities import PositiveNumber
from sim.scenario.rule import Filled, Row, family, written_bare

NEAREST_ZERO = 2.0**-53
NEAREST_ONE = 1.0 - 2.0**-53


class MixturePart(BaseModel):
    """One part of a mixture: a relative `weight`, and the distribution `of` its draws."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    weight: PositiveNumber = Field(description="how often, relative to the other parts", examples=[0.8])
    of: Distribution = Field(description="the distribution of this part's draws", examples=["100ms"])


class Mixture(DistributionRule):
    """A draw of one of `parts`, chosen with a chance proportional to its weight.

    The uniform chooses the part, and its place within the part's share is the uniform of that part's own
    quantile: non-decreasing in u only where the parts are listed in rising order and do not overlap.
    """

    kind: Literal["mixture"] = "mixture"
    parts: Annotated[tuple[MixturePart, ...], Filled("[{weight: 1, of: 100ms}]")] = Field(
        description="the parts, each with its weight",
        examples=[
            [{"weight": 0.9, "of": "50ms"}, {"weight": 0.1, "of": {"kind": "exponential", "mean": "1s"}}]
        ],
    )

    def parameters(self, p: list[float]) -> list[float]:
        """How many parts; then for each the end of its share, its width, and its address."""
        addresses = [part.of.lower(p) for part in self.parts]
        total = math.fsum(part.weight for part in self.parts)
        row = [float(len(self.parts))]
        begin = 0.0
        for part, address in zip(self.parts, addresses, strict=True):
            end = min(1.0, begin + part.weight / total)
            row += [end, end - begin, float(address)]
            begin = end
        # The shares may sum to a little less than 1: the last one ends where the uniforms end.
        row[-3], row[-2] = 1.0, row[-2] + (1.0 - begin)
        return row

    def moments(self) -> Moments:
        """The weighted mean of the parts' moments."""
        total = math.fsum(part.weight for part in self.parts)
        rows = [part.of.moments() for part in self.parts]
        first, second, third = (
            sum(part.weight / total * row[k] for part, row in zip(self.parts, rows, strict=True))
            for k in range(3)
        )
        return first, second, third


def chosen_part(p: Row, at: int, u: float) -> int:
    """The address of the part of the mixture at `at` that `u` chooses."""
    place = at + 1
    last = at + 1 + 3 * (int(p[at]) - 1)
    while place < last and u >= p[place]:
        place += 3
    return int(p[place + 2])


def remaining_uniform(p: Row, at: int, u: float) -> float:
    """The place of `u` within the share of the part that it chooses, a uniform in (0, 1) again."""
    place = at + 1
    last = at + 1 + 3 * (int(p[at]) - 1)
    while place < last and u >= p[place]:
        place += 3
    begin = p[place] - p[place + 1]
    return min(NEAREST_ONE, max(NEAREST_ZERO, (u - begin) / p[place + 1]))


AnyDistribution = (
    Constant
    | Exponential
    | Erlang
    | Hyperexponential
    | Gamma
    | Lognormal
    | Weibull
    | Pareto
    | Uniform
    | Normal
    | PhaseType
    | Empirical
    | Mixture
)
Distribution = Annotated[AnyDistribution, Field(discriminator="kind"), written_bare("value")]
"""A distribution of a duration as a field of a model; a bare duration stands for `kind: constant`."""

MEMBERS = family(AnyDistribution, AnyBatchSize, base=DistributionRule)
"""Every class, at the place of its opcode."""

MIXTURE = Mixture.opcode

MixturePart.model_rebuild()
Mixture.model_rebuild()


def quantile(p: Row, at: int, u: float) -> float:
    """The quantile at `u` of the distribution lowered at `at`. The compiled engine has its own for it."""
    while int(p[at - 1]) == MIXTURE:
        part = chosen_part(p, at, u)
        u = remaining_uniform(p, at, u)
        at = part
    return MEMBERS[int(p[at - 1])].rule(p, at, u)
