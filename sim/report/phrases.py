"""Parts of a scenario in words: `exponential, mean 100 ms`."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from sim.errors import QuantityError
from sim.units import format_duration, format_rate, format_ratio, parse_duration, parse_rate

if TYPE_CHECKING:
    from sim.scenario.clients import Client
    from sim.scenario.objectives import Objective
    from sim.scenario.services import Service

_LONG = 6
"""Entries of a list that are named; of a longer one, how many there are."""


def phrase(part: BaseModel) -> str:
    """A part with a kind: the kind, then its parameters with their units."""
    written = part.model_dump(mode="json", by_alias=True, exclude_none=True)
    return _mapping(written, type(part))


def _mapping(written: dict[str, Any], model: type[BaseModel] | None = None) -> str:
    fields = model.model_fields if model is not None else {}
    words = []
    for key, value in written.items():
        if key == "kind" or (key in fields and key != "value" and _is_default(fields[key], value)):
            continue
        text = _value(value)
        words.append(text if key in ("value", "delay") and not isinstance(value, dict) else f"{key} {text}")
    kind = str(written.get("kind", "")).replace("_", " ")
    return ", ".join(filter(None, [kind, *words]))


def _is_default(field: Any, value: Any) -> bool:
    default = field.default
    return bool(value == default or (default == 0.0 and str(value) in ("0.0s", "0.0/s", "0s")))


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return f"({_mapping(value)})"
    if isinstance(value, list):
        shown = [_value(one) for one in value[:_LONG]]
        return ", ".join(shown) if len(value) <= _LONG else f"{', '.join(shown)} … ({len(value)} in all)"
    if isinstance(value, str):
        for parse, form in ((parse_duration, format_duration), (parse_rate, format_rate)):
            try:
                return form(parse(value))
            except QuantityError:
                continue
        return value
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)


def count(value: float) -> str:
    """A count, or that there is no limit."""
    return "no limit" if math.isinf(value) else f"{value:,.0f}"


def patience(client: Client) -> str:
    """How long a client waits."""
    words = []
    if client.timeout is not None:
        after = {"never": "the work goes on", "queued": "leaves the queue", "anywhere": "stops the work"}[
            client.cancel
        ]
        words.append(f"timeout {format_duration(client.timeout)} ({after})")
    if client.deadline is not None:
        words.append(f"deadline {format_duration(client.deadline)}")
    return ", ".join(words) or "waits for ever"


def retries(client: Client) -> str:
    """When a client tries again."""
    retry = client.retry
    if retry.attempts <= 1:
        return "sends once"
    tries = "any number of tries" if math.isinf(retry.attempts) else f"up to {retry.attempts:,.0f} tries"
    words = [tries, f"backoff {phrase(retry.backoff)}"]
    if retry.probability < 1.0:
        words.append(f"goes on with chance {format_ratio(retry.probability)}")
    return ", ".join(words)


def refusals(service: Service) -> str:
    """What a service does with an arrival that finds its queue full, and with those who wait too long."""
    queue = service.queue
    words = []
    if math.isfinite(queue.capacity):
        words.append(
            {
                "reject": "refuses with 503 when full",
                "drop_oldest": "drops the oldest when full",
                "block": "blocks its producers when full",
            }[queue.overflow]
        )
    if queue.max_wait is not None:
        words.append(f"gives up waiting after {phrase(queue.max_wait)}")
    if service.retry_after is not None:
        words.append(f"says Retry-After {format_duration(service.retry_after)}")
    if service.error_ratio > 0.0:
        words.append(f"fails {format_ratio(service.error_ratio)}")
    words += [f"sheds by {phrase(rule)}" for rule in service.admission]
    return ", ".join(words) or "never refuses"


def workings(service: Service) -> list[str]:
    """What is special about how a service works: instances, sharing, slowdown, conflicts, scaling."""
    words = []
    if service.instances > 1:
        words.append(f"{service.instances} instances, each so, balanced by {phrase(service.balance)}")
    if service.sharing.kind != "one":
        words.append(f"jobs share the workers ({phrase(service.sharing)})")
    if service.slowdown is not None:
        words.append(f"slows down under load ({phrase(service.slowdown)})")
    if service.conflict is not None:
        words.append("an attempt reads, then writes; the write is refused if another came between")
    if service.autoscale is not None:
        words.append(f"workers are scaled ({phrase(service.autoscale)})")
    return words


def restraint(client: Client) -> list[str]:
    """What holds a client back, or makes it send more: budget, throttle, breaker, limit, hedge."""
    words = [f"{name} {phrase(rule)}" for name, rule in _held_back(client)]
    if client.instances > 1:
        words.append(f"{client.instances:,} clients, each for itself")
    return words


def _held_back(client: Client) -> Iterator[tuple[str, BaseModel]]:
    if client.retry.budget is not None:
        yield "retry budget", client.retry.budget
    for name in ("throttle", "breaker", "limit", "hedge"):
        rule = getattr(client, name)
        if rule is not None:
            yield name, rule


def bound(objective: Objective) -> str:
    """What an objective asks: `at most 1 s`."""
    from sim.report.figures import figure

    if objective.at_most is not None:
        return f"at most {figure(objective.at_most, unit=objective.unit)}"
    return f"at least {figure(objective.at_least, unit=objective.unit)}"


def balances(books: Mapping[str, Any]) -> tuple[str, str]:
    """The books of requests, and of attempts, each as a sum in words."""
    requests = " + ".join(
        f"{books[name]:,} {name.replace('_', ' ')}" for name in ("success", "gave_up", "open")
    )
    ends = ("served", "rejected", "timeout", "error", "lost")
    attempts = " + ".join(f"{books[name]:,} {name}" for name in ends) + f" + {books['attempts_open']:,} open"
    return f"{books['born']:,} born = {requests}", f"{books['sent']:,} sent = {attempts}"
