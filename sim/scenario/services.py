"""Services: workers, how long a service takes, and the queue before them."""

from __future__ import annotations

import math
from typing import Literal, Self

from pydantic import Field, model_validator

from sim.scenario.admission import Admission
from sim.scenario.autoscale import Autoscale
from sim.scenario.balance import Balance, RoundRobin
from sim.scenario.disciplines import Discipline, Fifo
from sim.scenario.distributions import Distribution
from sim.scenario.part import Part
from sim.scenario.quantities import Count, Duration, Instances, PositiveCount, Ratio, refuse
from sim.scenario.sharing import OneEach, Sharing
from sim.scenario.slowdown import Slowdown


class Queue(Part):
    """The places to wait before a service, those in service not counted."""

    capacity: Count = Field(
        default=float("inf"), description="waiting places; an arrival that finds them full overflows"
    )
    discipline: Discipline = Field(
        default_factory=Fifo, description="who is next: smallest rank first, not preemptive"
    )
    overflow: Literal["reject", "drop_oldest", "block"] = Field(
        default="reject",
        description="a full queue refuses the arrival, or drops its oldest, which is told 503; or the producer waits",
    )
    max_wait: Distribution | None = Field(
        default=None, description="a wait that reaches it ends rejected; drawn at arrival"
    )


class Service(Part):
    """A pool of workers that serve one job each, and their queue."""

    workers: PositiveCount = Field(description="how many jobs are served at once", examples=[16, "inf"])
    service_time: Distribution = Field(
        description="how long a worker is busy with one job", examples=["100ms"]
    )
    queue: Queue = Field(default_factory=Queue, description="the places to wait", examples=[{"capacity": 64}])
    retry_after: Duration | None = Field(default=None, description="what a 503 tells the client")
    error_ratio: Ratio = Field(default=0.0, description="share of the jobs that are served, but failed")
    admission: tuple[Admission, ...] = Field(
        default=(),
        description="who is let in, and who is shed at the worker's door; asked in turn",
        examples=[[{"kind": "codel"}]],
    )
    slowdown: Slowdown | None = Field(
        default=None,
        description="why a service takes longer the more there is to do",
        examples=[{"kind": "spill", "memory": 10000, "factor": 3}],
    )
    instances: Instances = Field(
        default=1, description="so many of these services, each with its own workers and queue"
    )
    balance: Balance = Field(
        default_factory=RoundRobin,
        description="which instance an attempt is sent to",
        examples=["power_of_two"],
    )
    conflict: Literal["optimistic"] | None = Field(
        default=None,
        description="an attempt reads, then writes; the write is rejected if another one committed between",
        examples=["optimistic"],
    )
    sharing: Sharing = Field(
        default_factory=OneEach,
        description="one job a worker, or all jobs share the workers",
        examples=["processor_sharing"],
    )
    autoscale: Autoscale | None = Field(
        default=None, description="workers that follow a measurement", examples=[{"target": 0.6, "max": 50}]
    )

    @model_validator(mode="after")
    def _scales_a_number(self) -> Self:
        if self.autoscale is not None and math.isinf(self.workers):
            raise refuse("unlimited workers cannot be scaled", "workers: 4", at="autoscale")
        return self
