"""The run: how long, how often, from which seed, by which engine."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, PlainSerializer, ValidationInfo, WithJsonSchema, field_validator

from sim.draws import ALL_BITS
from sim.scenario.part import Part
from sim.scenario.precision import Precision
from sim.scenario.quantities import (
    DURATION_PATTERN,
    Flag,
    PositiveDuration,
    Replications,
    Seed,
    refuse,
    validate_duration,
)
from sim.units import format_duration, write_duration

BINS = 200
MOST_BINS = 1_000_000
LONGEST = 1e9
"""Seconds that a run may simulate: 32 years, of which nobody has seen the end."""


def _warmup(value: Any, info: ValidationInfo) -> float | Literal["auto"]:
    if value == "auto":
        return "auto"
    return validate_duration(value, info)


Warmup = Annotated[
    float | Literal["auto"],
    BeforeValidator(_warmup),
    PlainSerializer(
        lambda value: value if isinstance(value, str) else write_duration(value),
        return_type=str,
        when_used="json",
    ),
    WithJsonSchema(
        {
            "anyOf": [{"const": "auto"}, {"type": "string", "pattern": DURATION_PATTERN}],
            "examples": ["1min", "auto"],
        }
    ),
]
"""Seconds, or `auto`."""


class Run(Part):
    """What one run is: time that is simulated, and how often."""

    duration: PositiveDuration = Field(
        description="simulated time in which requests are born", examples=["10min"]
    )
    warmup: Warmup = Field(default=0.0, description="left out of the figures; auto: found by the rule MSER-5")
    replications: Replications = Field(default=10, description="independent runs that intervals are made of")
    precision: Precision | None = Field(
        default=None, description="more replications, until the interval of a figure is so narrow"
    )
    seed: Seed = Field(default=1, description="the same seed gives the same run")
    engine: Literal["compiled", "reference"] = Field(
        default="compiled", description="compiled to work with, reference to read; both give the same run"
    )
    series: PositiveDuration | None = Field(
        default=None, description="width of a bin of the time series; duration/200 if none"
    )
    antithetic: Flag = Field(
        default=False,
        description="replications in pairs, the second with 1 - u for every draw u; intervals are over the pairs",
    )
    drain: Flag = Field(
        default=True,
        description="after the end, open requests go on until they end or one more duration has passed",
    )

    @property
    def bin_width(self) -> float:
        """Seconds in a bin of the time series."""
        return self.duration / BINS if self.series is None else self.series

    def drawn_as(self, replication: int) -> tuple[int, int]:
        """(the replication that names the draws, the mask that mirrors them): the twin of an even one is the next."""
        if self.antithetic and replication % 2:
            return replication - 1, ALL_BITS
        return replication, 0

    def whole(self, replications: int) -> int:
        """So many, or one more where that makes antithetic pairs of them."""
        return replications + replications % 2 if self.antithetic else replications

    @field_validator("duration")
    @classmethod
    def _in_a_lifetime(cls, duration: float) -> float:
        if duration > LONGEST:
            raise refuse(f"{duration:g} s is longer than {LONGEST:g} s, 32 years", "10min")
        return duration

    @field_validator("antithetic")
    @classmethod
    def _in_pairs(cls, antithetic: bool, info: ValidationInfo) -> bool:
        replications = info.data.get("replications")
        if antithetic and replications is not None and replications % 2:
            raise refuse(f"{replications} replications are not pairs", f"replications: {replications + 1}")
        return antithetic

    @field_validator("warmup")
    @classmethod
    def _shorter_than_the_run(cls, warmup: float | str, info: ValidationInfo) -> float | str:
        duration = info.data.get("duration")
        if duration is not None and not isinstance(warmup, str) and warmup >= duration:
            raise refuse(
                f"the warm-up ({format_duration(warmup)}) is not shorter than the run "
                f"({format_duration(duration)}): nothing would be measured",
                "a shorter warmup, or auto",
            )
        return warmup

    @field_validator("series")
    @classmethod
    def _not_too_fine(cls, series: float | None, info: ValidationInfo) -> float | None:
        duration = info.data.get("duration")
        if duration is not None and series is not None and duration / series > MOST_BINS:
            raise refuse(
                f"more than {MOST_BINS:,} bins of {format_duration(series)} in {format_duration(duration)}",
                "a longer one such as 1s",
            )
        return series
