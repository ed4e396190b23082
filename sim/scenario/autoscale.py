"""Autoscaling: a number of workers that follows a measurement, late."""

from __future__ import annotations

import math
from typing import Any, Literal, Self

from pydantic import Field, ValidationInfo, field_validator, model_validator

from sim.scenario.quantities import (
    Duration,
    PositiveDuration,
    Ratio,
    Scale,
    refuse,
    validate_amount,
    validate_duration,
    validate_ratio,
)
from sim.scenario.rule import Row, Rule

METRICS = ("utilization", "queue_length", "lag")


class Autoscale(Rule):
    """Every `period` the metric is read, and ⌈workers·metric/target⌉ workers are wanted, between `min` and `max`
    (Kubernetes' Horizontal Pod Autoscaler); new ones come after `startup`. `utilization`, the busy share of the workers
    over the period, cannot say more than 100 %: waiting work is out of its sight, which `queue_length` (mean number
    waiting for each worker) and `lag` (seconds that the oldest has waited) do see.
    """

    metric: Literal["utilization", "queue_length", "lag"] = Field(
        default="utilization", description="what is read", examples=["lag"]
    )
    target: float = Field(
        default=0.5,
        description="what it should be: a ratio, a number, or of lag a duration",
        examples=[0.6, "5s"],
        json_schema_extra={"type": ["number", "string"]},
    )
    min: Scale = Field(default=1, description="the fewest workers")
    max: Scale = Field(description="the most workers", examples=[50])
    period: PositiveDuration = Field(default=15.0, description="from one reading to the next")
    startup: Duration = Field(default=0.0, description="until a new worker works", examples=["1min"])
    cooldown_up: Duration = Field(default=0.0, description="after a change, before workers are added")
    cooldown_down: Duration = Field(
        default=300.0, description="after a change, before workers are taken away"
    )
    tolerance: Ratio = Field(default=0.1, description="no change while metric/target is within 1 ± this")

    @field_validator("target", mode="before")
    @classmethod
    def _in_the_metrics_unit(cls, value: Any, info: ValidationInfo) -> float:
        metric = info.data.get("metric", "utilization")
        check = {"utilization": validate_ratio, "queue_length": validate_amount}.get(
            metric, validate_duration
        )
        target = float(check(value, info))
        if target == 0.0:
            raise refuse("a target of 0 cannot be reached", "5s" if metric == "lag" else "0.6")
        return target

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.min > self.max:
            raise refuse(f"min {self.min} is more than max {self.max}", "{min: 2, max: 20}", at="max")
        return self

    def parameters(self, p: list[float]) -> list[float]:
        """Metric, target, min, max, period, startup, cool-downs, tolerance."""
        return [
            float(METRICS.index(self.metric)),
            self.target,
            float(self.min),
            float(self.max),
            self.period,
            self.startup,
            self.cooldown_up,
            self.cooldown_down,
            self.tolerance,
        ]

    @staticmethod
    def rule(
        p: Row, at: int, workers: float, offered: float, busy: float, waiting: float, lag: float, quiet: float
    ) -> float:
        """The number of workers wanted.

        Args:
            p: parameters, from `at` on.
            at: see there.
            workers: how many there are to be, those that still start among them.
            offered: worker-seconds of the last period that there were.
            busy: those of them that were busy.
            waiting: seconds spent waiting in the last period, by all.
            lag: seconds that the oldest has waited now.
            quiet: seconds since the last change.
        """
        metric = lag
        if p[at] == 0.0:
            metric = busy / offered if offered > 0.0 else 0.0
        elif p[at] == 1.0:
            metric = waiting / offered if offered > 0.0 else 0.0
        ratio = metric / p[at + 1]
        wanted = workers
        if abs(ratio - 1.0) > p[at + 8]:
            # Not one more for the last bits of a product that is whole.
            wanted = float(math.ceil(min(workers * ratio, 1e7) - 1e-9))
        wanted = min(p[at + 3], max(p[at + 2], wanted))
        if wanted > workers and quiet < p[at + 6]:
            return workers
        if wanted < workers and quiet < p[at + 7]:
            return workers
        return wanted
