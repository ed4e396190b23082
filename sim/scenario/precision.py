"""Precision: how narrow the interval of one figure must be before a run has replications enough."""

from __future__ import annotations

from pydantic import ConfigDict, Field, field_validator

from sim.scenario.objectives import Metric, Subject
from sim.scenario.part import Part
from sim.scenario.quantities import Confidence, PositiveRatio, Replications, refuse

LEAST = 40
"""Independent values before the first look at their spread: of fewer, too many are narrow by chance."""


class Precision(Part):
    """Replications until the interval of a figure is so narrow."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"subject": "traffic:web", "metric": "latency_p99", "relative": "2%"}],
        }
    )

    subject: Subject = Field(description="a kind and a name")
    metric: Metric = Field(description="one of the subject's metrics", examples=["latency_p99"])
    relative: PositiveRatio = Field(
        description="half the interval's width, at the most, as a share of the estimate", examples=["2%"]
    )
    confidence: Confidence = Field(default=0.95, description="of that interval")
    most: Replications = Field(default=1000, description="replications at the most, 40 or more")

    @field_validator("most")
    @classmethod
    def _enough_to_look(cls, most: int) -> int:
        if most < LEAST:
            raise refuse(f"{most} replications are fewer than the {LEAST} of the first look", "most: 1000")
        return most
