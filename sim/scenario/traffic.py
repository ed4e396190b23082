"""Traffic: a class of requests, where it comes from, where it goes, and how its clients wait."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Discriminator, Field, Tag

from sim.scenario.arrivals import Arrivals
from sim.scenario.clients import Client
from sim.scenario.distributions import Distribution
from sim.scenario.part import Part, Reference
from sim.scenario.quantities import Whole


def _named_or_in_place(value: Any) -> str:
    return "<mapping>" if isinstance(value, dict | Client) else "<name>"


ClientOrName = Annotated[
    Annotated[Reference, Tag("<name>")] | Annotated[Client, Tag("<mapping>")],
    Discriminator(_named_or_in_place),
]
"""A name under `clients`, or a client written in place."""


class Traffic(Part):
    """A class of requests that arrive alike and are treated alike."""

    arrivals: Arrivals = Field(
        description="when requests are born", examples=[{"kind": "poisson", "rate": "120/s"}]
    )
    call: Reference = Field(description="the service that the requests are sent to", examples=["api"])
    client: ClientOrName | None = Field(
        default=None,
        description="a name under clients, or a mapping in place; none: sends once, waits for ever",
        examples=["patient"],
    )
    service_time: Distribution | None = Field(
        default=None,
        description="overrides the service's own service time for this class",
        examples=["100ms"],
    )
    priority: Whole = Field(default=0, description="for a priority queue: smaller first")
