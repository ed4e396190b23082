"""Sharing: whether a worker serves one job at a time, or all workers share all jobs."""

from __future__ import annotations

import math
from typing import Annotated, Literal

from pydantic import Field

from sim.scenario.quantities import PositiveCount
from sim.scenario.rule import Rule, written_bare


class OneEach(Rule):
    """One job a worker."""

    kind: Literal["one"] = "one"


class ProcessorSharing(Rule):
    """All jobs in service share the workers evenly, none having more than one: n jobs on c workers each go on at
    min(1, c/n) of a worker's speed (Kleinrock, 1967). With a `limit`, no more are in service at once; the rest wait.
    """

    kind: Literal["processor_sharing"] = "processor_sharing"
    limit: PositiveCount = Field(default=math.inf, description="jobs in service at once", examples=[100])


Sharing = Annotated[OneEach | ProcessorSharing, Field(discriminator="kind"), written_bare()]
"""How workers are shared, as a field of a service; mostly a bare word."""
