"""Hedging: a second attempt beside one that takes long; the first reply wins."""

from __future__ import annotations

import math
from typing import Annotated, ClassVar, Final, Literal

from pydantic import Field

from sim.scenario.quantities import Flag, Hedged, PositiveDuration, PositiveRatio, PositiveWhole
from sim.scenario.rule import Row, Rule, State, family, written_bare


class HedgeRule(Rule):
    """When to send a hedge; one state for each client instance."""

    attempts: Hedged = Field(
        default=2, description="attempts in flight at once, the first included", examples=[2]
    )
    cancel: Flag = Field(
        default=True,
        description="whether the others are called off when one succeeds, in the queue or in service",
    )

    STATE: ClassVar[int] = 0
    """How many numbers it remembers, all 0 at the beginning."""

    @staticmethod
    def rule(p: Row, at: int, s: State, i: int) -> float:
        """Seconds to wait for an attempt before another is sent beside it; math.inf for not at all."""
        raise NotImplementedError

    @staticmethod
    def learns(p: Row, at: int, s: State, i: int, lasted: float) -> None:
        """An attempt has succeeded, after so many seconds."""


class FixedHedge(HedgeRule):
    """After a `delay`. A bare duration means this one."""

    kind: Literal["constant"] = "constant"
    delay: PositiveDuration

    def parameters(self, p: list[float]) -> list[float]:
        """The delay."""
        return [self.delay]

    @staticmethod
    def rule(p: Row, at: int, s: State, i: int) -> float:
        """The delay."""
        return p[at]


PER_OCTAVE: Final = 8
LOWEST: Final = -20
PLACES: Final = 32 * PER_OCTAVE
"""A histogram from 2**-21 s (0.5 µs) to 2**11 s (34 min), eight places to a doubling."""
RENEWED: Final = 16
"""Answers after which the quantile is read anew."""


class QuantileHedge(HedgeRule):
    """After as long as the `quantile` of this client's successes takes, told from its last ones (about twice `window`
    of them, older ones counting half, a quarter …) to 1/8 of a doubling; none before the first `window`/10.
    """

    kind: Literal["quantile"] = "quantile"
    quantile: PositiveRatio = 0.95
    window: PositiveWhole = 1000
    STATE: ClassVar[int] = 3 + PLACES

    def parameters(self, p: list[float]) -> list[float]:
        """The quantile, and the window."""
        return [self.quantile, float(self.window)]

    @staticmethod
    def rule(p: Row, at: int, s: State, i: int) -> float:
        """State: the quantile (0: not known yet), answers since it was read, their weight, the histogram."""
        return s[i] if s[i] > 0.0 else math.inf

    @staticmethod
    def learns(p: Row, at: int, s: State, i: int, lasted: float) -> None:
        """Counts it; from time to time halves all counts and reads the quantile."""
        mantissa, exponent = math.frexp(lasted)
        place = (exponent - LOWEST) * PER_OCTAVE + int((mantissa - 0.5) * (2 * PER_OCTAVE))
        place = min(max(place, 0), PLACES - 1)
        s[i + 3 + place] += 1.0
        s[i + 1] += 1.0
        s[i + 2] += 1.0
        if s[i + 2] >= 2.0 * p[at + 1]:
            s[i + 2] = 0.0
            for each in range(PLACES):
                s[i + 3 + each] *= 0.5
                s[i + 2] += s[i + 3 + each]
        if s[i + 1] >= RENEWED and s[i + 2] >= 0.1 * p[at + 1]:
            s[i + 1] = 0.0
            s[i] = read_quantile(p, at, s, i)


def read_quantile(p: Row, at: int, s: State, i: int) -> float:
    """The upper bound of the place where the share is reached."""
    left = p[at] * s[i + 2]
    for place in range(PLACES):
        left -= s[i + 3 + place]
        if left <= 0.0:
            octave = place // PER_OCTAVE
            within = place - octave * PER_OCTAVE
            return math.ldexp(0.5 + (within + 1) / (2.0 * PER_OCTAVE), octave + LOWEST)
    return math.ldexp(1.0, PLACES // PER_OCTAVE + LOWEST)


AnyHedge = FixedHedge | QuantileHedge
Hedge = Annotated[AnyHedge, Field(discriminator="kind"), written_bare("delay")]
"""A hedge as a field of a client; a bare duration stands for `kind: constant`."""

MEMBERS = family(AnyHedge, base=HedgeRule)
"""Every class, at the place of its opcode."""
