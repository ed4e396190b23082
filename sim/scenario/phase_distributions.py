"""Distributions made of exponential phases: one of several, or a walk through them."""

from __future__ import annotations

import math
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from sim.draws import further
from sim.scenario.distribution_rule import DistributionRule, Moments
from sim.scenario.quantities import PositiveDuration, PositiveNumber, PositiveRate, Ratio, SignedRate, refuse
from sim.scenario.rule import Filled, Row

EXAMPLE = '[["-20/s", 20/s], [0/s, "-20/s"]]'


class Hyperexponential(DistributionRule):
    """One of several exponentials: by `mean` and `cv` >= 1 (two of balanced means), or `rates` and `weights`.

    The quantile solves Σ w·exp(-rate·x) = 1 - u. Balanced means: w = (1 ± √((cv² - 1)/(cv² + 1)))/2 and rate
    = 2w/mean (Whitt, Operations Research 30, 1982). Weights are relative.
    """

    kind: Literal["hyperexponential"] = "hyperexponential"
    mean: PositiveDuration | None = None
    cv: PositiveNumber | None = None
    rates: Annotated[tuple[PositiveRate, ...], Filled("[5/s, 20/s]")] | None = Field(
        None, description="the rate of each phase, in place of mean and cv", examples=[["5/s", "20/s"]]
    )
    weights: Annotated[tuple[PositiveNumber, ...], Filled("[0.3, 0.7]")] | None = Field(
        None, description="the relative weight of each phase", examples=[[0.3, 0.7]]
    )

    @model_validator(mode="after")
    def _one_way_or_the_other(self) -> Self:
        by_moments = [self.mean is not None, self.cv is not None]
        by_phases = [self.rates is not None, self.weights is not None]
        if all(by_moments) == all(by_phases) or any(by_moments) == any(by_phases):
            raise refuse(
                "a hyperexponential takes mean and cv, or rates and weights",
                "{mean: 100ms, cv: 2} or {rates: [5/s, 20/s], weights: [0.3, 0.7]}",
            )
        if self.cv is not None and not 1.0 <= self.cv <= 1e6:
            raise refuse(f"a hyperexponential's cv lies between 1 and 1e6, not {self.cv:g}", "2", at="cv")
        if self.rates is not None and self.weights is not None and len(self.rates) != len(self.weights):
            raise refuse(
                f"{len(self.rates)} rates but {len(self.weights)} weights",
                "{rates: [5/s, 20/s], weights: [0.3, 0.7]}",
            )
        return self

    def phases(self) -> tuple[tuple[float, float], ...]:
        """(weight, rate per second) of each phase; the weights sum to 1."""
        if self.mean is not None and self.cv is not None:
            square = self.cv * self.cv
            lean = math.sqrt((square - 1.0) / (square + 1.0))
            # (1 - lean)/2 loses its digits for a large cv; it is also 1/((1 + lean)(cv² + 1)).
            rare = 1.0 / ((1.0 + lean) * (square + 1.0))
            return (1.0 - rare, 2.0 * (1.0 - rare) / self.mean), (rare, 2.0 * rare / self.mean)
        rates, weights = self.rates or (), self.weights or ()
        total = math.fsum(weights)
        return tuple((weight / total, rate) for weight, rate in zip(weights, rates, strict=True))

    def parameters(self, p: list[float]) -> list[float]:
        """How many phases, then weight and rate of each."""
        phases = self.phases()
        return [float(len(phases)), *(number for phase in phases for number in phase)]

    @staticmethod
    def rule(p: Row, at: int, u: float) -> float:
        """Newton on log Σ w·exp(-rate·x) = log(1 - u): convex in x, so it climbs to the root from below."""
        last = at + 2 * int(p[at])
        goal = math.log(1.0 - u)
        x = 0.0
        for place in range(at + 1, last, 2):
            x = max(x, (math.log(p[place]) - goal) / p[place + 1])
        for _ in range(60):
            survival = 0.0
            density = 0.0
            for place in range(at + 1, last, 2):
                share = p[place] * math.exp(-p[place + 1] * x)
                survival += share
                density += share * p[place + 1]
            step = (math.log(survival) - goal) * survival / density
            if step <= 1e-15 * x:
                return x
            x += step
        return x

    def moments(self) -> Moments:
        """Σ w·k!/rate^k."""
        phases = self.phases()
        first, second, third = (
            math.fsum(weight * math.factorial(k) / rate**k for weight, rate in phases) for k in (1, 2, 3)
        )
        return first, second, third


class PhaseType(DistributionRule):
    """The time a Markov chain takes to leave its phases: `initial` chances, `generator` rates between them.

    The chain is walked: u chooses the first phase, further uniforms each stay and each jump, so a draw does
    not rise with u. The diagonal is minus the total rate out; what a row lacks to zero is the rate at which
    the chain ends.
    """

    kind: Literal["phase_type"] = "phase_type"
    initial: Annotated[tuple[Ratio, ...], Filled("[1, 0]")] = Field(
        description="the chance of each phase to be the first; they sum to 1", examples=[[1, 0]]
    )
    generator: tuple[tuple[SignedRate, ...], ...] = Field(
        description="row i: the rates from phase i to each phase, minus the total rate out on the diagonal",
        examples=[[["-20/s", "20/s"], ["0/s", "-20/s"]]],
    )

    @model_validator(mode="after")
    def _is_a_chain_that_ends(self) -> Self:
        n = len(self.initial)
        if abs(math.fsum(self.initial) - 1.0) > 1e-9:
            raise refuse(f"initial sums to {math.fsum(self.initial):g}, not 1", "[1, 0]", at="initial")
        if len(self.generator) != n or any(len(row) != n for row in self.generator):
            raise refuse(
                f"generator must have {n} rows of {n} rates, one for each initial chance",
                EXAMPLE,
                at="generator",
            )
        for place, row in enumerate(self.generator):
            if row[place] >= 0.0:
                raise refuse(
                    f"the diagonal of row {place + 1} of generator must be negative", EXAMPLE, at="generator"
                )
            if any(rate < 0.0 for other, rate in enumerate(row) if other != place):
                raise refuse(
                    f"row {place + 1} of generator is negative off its diagonal", EXAMPLE, at="generator"
                )
            if math.fsum(row) > -1e-9 * row[place]:
                raise refuse(f"row {place + 1} of generator sums to more than 0", EXAMPLE, at="generator")
        ending = {place for place in range(n) if self._exit_rate(place) > 0.0}
        for _ in range(n):
            ending |= {
                place for place in range(n) if any(self.generator[place][other] > 0.0 for other in ending)
            }
        if len(ending) < n:
            raise refuse(
                f"from phase {min(set(range(n)) - ending) + 1} of generator the chain never ends", EXAMPLE
            )
        return self

    def _exit_rate(self, place: int) -> float:
        """The rate at which the chain ends from a phase; a rest of rounding is none."""
        row = self.generator[place]
        rest = -math.fsum(row)
        return rest if rest > -1e-9 * row[place] else 0.0

    def parameters(self, p: list[float]) -> list[float]:
        """How many phases; cumulated initial chances; each phase's total rate and cumulated jump chances."""
        row = [float(len(self.initial)), *_cumulated(self.initial, ends=True)]
        for place, rates in enumerate(self.generator):
            jumps = [0.0 if other == place else rate / -rates[place] for other, rate in enumerate(rates)]
            row += [-rates[place], *_cumulated(jumps, ends=self._exit_rate(place) == 0.0)]
        return row

    @staticmethod
    def rule(p: Row, at: int, u: float) -> float:
        """Stay after stay until the chain ends."""
        n = int(p[at])
        phase = 0
        while phase < n - 1 and u >= p[at + 1 + phase]:
            phase += 1
        total = 0.0
        k = 1
        while phase < n:
            row = at + 1 + n + phase * (n + 1)
            total -= math.log(1.0 - further(u, k)) / p[row]
            jump = further(u, k + 1)
            k += 2
            phase = 0
            while phase < n and jump >= p[row + 1 + phase]:
                phase += 1
        return total

    def moments(self) -> Moments:
        """k!·initial·(-generator)^-k·1 (Neuts, 1981)."""
        import numpy as np

        inverse = np.linalg.inv(-np.array(self.generator))
        row = np.array(self.initial)
        moments = []
        for k in (1, 2, 3):
            row = k * row @ inverse
            moments.append(float(row.sum()))
        return moments[0], moments[1], moments[2]


def _cumulated(chances: tuple[float, ...] | list[float], ends: bool) -> list[float]:
    """Running sums; if one `ends`, exactly 1, which no uniform reaches, from the last chance above 0 on."""
    sums = [min(1.0, math.fsum(chances[: place + 1])) for place in range(len(chances))]
    if ends:
        last = max(place for place, chance in enumerate(chances) if chance > 0.0)
        sums[last:] = [1.0] * (len(sums) - last)
    return sums
