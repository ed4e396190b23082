"""Clients: how long they wait, when they retry, what they do with a late reply."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from sim.errors import printable
from sim.scenario.backoff import Backoff, NoBackoff
from sim.scenario.budgets import Budget
from sim.scenario.distributions import Distribution
from sim.scenario.guard import GuardRule
from sim.scenario.hedge import Hedge
from sim.scenario.limits import Limit
from sim.scenario.part import Part
from sim.scenario.quantities import Attempts, Flag, Instances, PositiveDuration, Ratio, refuse, show
from sim.scenario.throttles import Breaker, Throttle

Outcome = Literal["rejected", "timeout", "error", "lost", "denied"]
RETRIED_BY_DEFAULT: tuple[Outcome, ...] = ("rejected", "timeout", "error", "lost")


def _once_each(value: Any) -> Any:
    if isinstance(value, str):
        raise refuse(f"{show(value)} is not a list", f"[{printable(value)}]")
    if isinstance(value, list):
        for place, outcome in enumerate(value):
            if outcome in value[:place]:
                raise refuse(f"{show(outcome)} is listed twice", "each outcome once")
    return value


class Retry(Part):
    """When an attempt has failed: whether there is another, and after how long."""

    attempts: Attempts = Field(default=1.0, description="tries in all, the first included")
    on: Annotated[tuple[Outcome, ...], BeforeValidator(_once_each)] = Field(
        default=RETRIED_BY_DEFAULT,
        description="outcomes that may be retried",
        examples=[["rejected", "timeout"]],
        json_schema_extra={"uniqueItems": True},
    )
    probability: Ratio = Field(default=1.0, description="chance that the client goes on, at each retry")
    backoff: Backoff = Field(
        default_factory=NoBackoff,
        description="the wait before a retry",
        examples=[{"kind": "exponential", "base": "100ms", "cap": "20s", "jitter": "full"}],
    )
    retry_after: Flag = Field(default=True, description="a 503's Retry-After is a lower bound on the wait")
    budget: Budget | None = Field(
        default=None,
        description="how many retries the client may afford",
        examples=[{"kind": "token_bucket"}],
    )


class Client(Part):
    """How a request waits and tries again. Without any key: it sends once and waits for ever."""

    timeout: PositiveDuration | None = Field(default=None, description="from the sending of an attempt")
    deadline: PositiveDuration | None = Field(
        default=None, description="from the request's birth, over all attempts; no retry starts past it"
    )
    cancel: Literal["never", "queued", "anywhere"] = Field(
        default="never",
        description="what a timeout does at the server: nothing, leaves the queue, or stops in service too",
    )
    retry: Retry = Field(
        default_factory=Retry,
        description="when and how failed attempts are tried again",
        examples=[{"attempts": 4, "backoff": {"kind": "constant", "delay": "1s"}}],
    )
    late_reply: Literal["waste", "accept"] = Field(
        default="waste", description="whether a reply after the timeout still ends an open request in success"
    )
    network: Distribution | None = Field(
        default=None, description="delay of one way, drawn for each way", examples=["5ms"]
    )
    instances: Instances = Field(
        default=1,
        description="the traffic is spread evenly over so many clients, each with its own budget, breaker, throttle",
    )
    breaker: Breaker | None = Field(
        default=None, description="denies attempts while too many fail", examples=[{"kind": "circuit"}]
    )
    throttle: Throttle | None = Field(
        default=None,
        description="denies a share of the attempts while they fail",
        examples=[{"kind": "adaptive"}],
    )
    limit: Limit | None = Field(
        default=None, description="bounds the attempts in flight", examples=[{"kind": "vegas"}]
    )
    hedge: Hedge | None = Field(
        default=None, description="a second attempt beside one that takes long", examples=["50ms"]
    )

    @property
    def guards(self) -> tuple[GuardRule, ...]:
        """What its attempts must pass, asked in turn: the retry budget if there is one, throttle, breaker, limit."""
        return tuple(
            guard
            for guard in (self.retry.budget, self.throttle, self.breaker, self.limit)
            if guard is not None
        )
