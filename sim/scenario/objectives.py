"""Objectives: what must hold, as a bound on one metric of one subject."""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import (
    BeforeValidator,
    ConfigDict,
    Field,
    SerializationInfo,
    SerializerFunctionWrapHandler,
    ValidationInfo,
    WithJsonSchema,
    field_serializer,
    field_validator,
    model_validator,
)

from sim.scenario.metrics import METRICS, UNBOUNDED_RATIOS, UNITS, Unit
from sim.scenario.part import Part
from sim.scenario.quantities import (
    DURATION_PATTERN,
    RATE_PATTERN,
    RATIO_PATTERN,
    refuse,
    show,
    validate_amount,
    validate_duration,
    validate_multiple,
    validate_rate,
    validate_ratio,
)
from sim.scenario.suggestions import nearest
from sim.units import write_duration, write_rate

SUBJECT_EXAMPLE = '"traffic:web" or "service:api"'


def _subject(value: Any) -> str:
    if isinstance(value, dict) and len(value) == 1:
        ((kind, name),) = value.items()
        if kind in METRICS and isinstance(name, str):
            raise refuse("a mapping is not a subject", SUBJECT_EXAMPLE, f'"{kind}:{name}"')
    if not isinstance(value, str):
        raise refuse(f"{show(value)} is not a subject", SUBJECT_EXAMPLE)
    kind, colon, name = value.partition(":")
    if not colon or not name or kind not in METRICS:
        meant = nearest(kind, METRICS)
        raise refuse(
            f"{show(value)} is not a subject", SUBJECT_EXAMPLE, f'"{meant}:{name}"' if meant and name else ""
        )
    return value


Subject = Annotated[
    str,
    BeforeValidator(_subject),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": f"^({'|'.join(METRICS)}):.+$",
            "examples": ["traffic:web", "service:api"],
        }
    ),
]


def _metric(metric: Any, info: ValidationInfo) -> Any:
    """A metric of the subject that stands before it."""
    subject = info.data.get("subject")
    kind = subject.partition(":")[0] if subject else None
    known = METRICS[kind] if kind else UNITS
    if not isinstance(metric, str) or metric not in known:
        whose = f" of a {'traffic class' if kind == 'traffic' else kind}" if kind else ""
        meant = nearest(str(metric), known)
        example = "" if meant else f"one of {', '.join(known)}"
        raise refuse(f"{show(metric)} is not a metric{whose}", example, meant)
    return metric


Metric = Annotated[str, BeforeValidator(_metric), WithJsonSchema({"type": "string", "enum": list(UNITS)})]
"""A metric's name, in a part that has a `subject` before it."""

_BOUND_SCHEMA = WithJsonSchema(
    {
        "anyOf": [
            {"type": "number", "minimum": 0},
            {"type": "string", "pattern": f"{DURATION_PATTERN}|{RATE_PATTERN}|{RATIO_PATTERN}"},
        ],
        "description": "in the unit of the metric",
        "examples": ["1s", "99.9%", "100/s"],
    }
)
Bound = Annotated[float, _BOUND_SCHEMA]


class Objective(Part):
    """A bound that a metric must keep."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"subject": "traffic:web", "metric": "latency_p99", "at_most": "1s"}],
        }
    )

    subject: Subject = Field(description="a kind and a name")
    metric: Metric = Field(description="one of the subject's metrics", examples=["latency_p99"])
    at_most: Bound | None = Field(default=None, description="the metric may not be more")
    at_least: Bound | None = Field(default=None, description="the metric may not be less")

    @property
    def unit(self) -> Unit:
        """The unit of the metric and of its bound: `s`, `1/s`, `ratio` or `count`."""
        return UNITS[self.metric]

    @field_validator("at_most", "at_least", mode="before")
    @classmethod
    def _in_the_metrics_unit(cls, value: Any, info: ValidationInfo) -> Any:
        metric = info.data.get("metric")
        if value is None or metric is None:
            return None  # a metric that is wrong is one problem: its bound has no unit to be held against
        unit = UNITS[metric]
        if unit == "s":
            return validate_duration(value, info)
        if unit == "1/s":
            return validate_rate(value, info)
        if unit == "ratio":
            return (validate_multiple if metric in UNBOUNDED_RATIOS else validate_ratio)(value, info)
        return validate_amount(value, info)

    @field_serializer("at_most", "at_least", mode="wrap", when_used="json")
    def _write(self, value: float | None, _: SerializerFunctionWrapHandler, __: SerializationInfo) -> Any:
        if value is None:
            return None
        write = {"s": write_duration, "1/s": write_rate}.get(self.unit)
        return write(value) if write else value

    @model_validator(mode="after")
    def _one_bound(self) -> Self:
        if (self.at_most is None) == (self.at_least is None):
            fault = "has no bound" if self.at_most is None else "has two bounds"
            raise refuse(fault, "either at_most or at_least")
        return self
