"""What a plan minimizes: prices of workers, places, attempts, refusals, failures and seconds of waiting."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Self

from pydantic import AfterValidator, Discriminator, Field, Tag, WithJsonSchema, model_validator

from sim.scenario.part import FrozenDict, Name, Part
from sim.scenario.quantities import Amount, refuse, show

PRICES_EXAMPLE = "{worker_hour: 0.12, rejection: 0.002}"
MINIMIZE_EXAMPLE = f"services.api.workers or {PRICES_EXAMPLE}"

Price = Amount
"""An amount of money, whatever the currency: a number from 0."""


class ServicePrices(Part):
    """Prices at one service, in place of those for all."""

    worker_hour: Price | None = Field(default=None, description="of one worker for an hour")
    place_hour: Price | None = Field(default=None, description="of one waiting place for an hour")
    rejection: Price | None = Field(default=None, description="of one 503")
    second_waited: Price | None = Field(
        default=None, description="of one second that one attempt waits in the queue"
    )


class TrafficPrices(Part):
    """Prices of one traffic class, in place of those for all."""

    attempt: Price | None = Field(default=None, description="of one attempt sent")
    failure: Price | None = Field(default=None, description="of one request that gave up")


class Prices(Part):
    """What things cost; a plan minimizes the sum for an hour of the scenario.

    Workers and places cost what there is of them, used or not. The rest is measured, so the cost is random and the
    cheapest is found with a guaranteed probability.
    """

    worker_hour: Price = Field(default=0.0, description="of one worker for an hour")
    place_hour: Price = Field(default=0.0, description="of one waiting place for an hour")
    attempt: Price = Field(default=0.0, description="of one attempt sent")
    rejection: Price = Field(default=0.0, description="of one 503")
    failure: Price = Field(default=0.0, description="of one request that gave up")
    second_waited: Price = Field(
        default=0.0, description="of one second that one attempt waits in the queue of a service"
    )
    services: Annotated[Mapping[Name, ServicePrices], AfterValidator(FrozenDict)] = Field(
        default_factory=FrozenDict,
        description="service -> its own prices",
        examples=[{"db": {"worker_hour": 0.9}}],
    )
    traffic: Annotated[Mapping[Name, TrafficPrices], AfterValidator(FrozenDict)] = Field(
        default_factory=FrozenDict,
        description="traffic class -> its own prices",
        examples=[{"web": {"failure": 2.5}}],
    )

    def of_service(self, service: str, what: str) -> float:
        """The price of something at a service: its own, else that for all."""
        own = getattr(self.services.get(service), what, None)
        return float(getattr(self, what) if own is None else own)

    def of_traffic(self, traffic: str, what: str) -> float:
        """The price of something of a traffic class: its own, else that for all."""
        own = getattr(self.traffic.get(traffic), what, None)
        return float(getattr(self, what) if own is None else own)

    @model_validator(mode="after")
    def _something_costs(self) -> Self:
        parts: list[Part] = [self, *self.services.values(), *self.traffic.values()]
        if not any(isinstance(price, float) and price > 0.0 for part in parts for _, price in part):
            raise refuse("has no price above 0, so everything costs the same", PRICES_EXAMPLE)
        return self


def _which(value: Any) -> str:
    return "a key path" if isinstance(value, str) else "prices"


def _path(value: str) -> str:
    if not value.strip():
        raise refuse(f"{show(value)} is not a key path", MINIMIZE_EXAMPLE)
    return value


KeyPath = Annotated[
    str,
    AfterValidator(_path),
    WithJsonSchema(
        {"type": "string", "minLength": 1, "description": "the key path of a number to make small"}
    ),
]

Minimize = Annotated[
    Annotated[KeyPath, Tag("a key path")] | Annotated[Prices, Tag("prices")], Discriminator(_which)
]
"""A key path, whose value is made small, or prices."""
