"""Faults: what goes wrong, from when to when, and what each service, source and client then looks like."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple, Self, TypeVar

from pydantic import (
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    ValidationInfo,
    WithJsonSchema,
    model_validator,
)

from sim.scenario.part import Part, Reference
from sim.scenario.quantities import (
    FACTOR_PATTERN,
    Duration,
    Factor,
    Flag,
    Number,
    PositiveDuration,
    Ratio,
    refuse,
    validate_count,
    validate_factor,
)
from sim.units import write_factor

if TYPE_CHECKING:
    from sim.scenario.scenario import Scenario

EFFECTS: dict[str, tuple[str, ...]] = {
    "traffic": ("rate",),
    "service": ("workers", "service_time", "pause", "error_ratio", "discipline", "drop_queue"),
    "client": ("lost", "retries"),
}
"""Target -> what can happen to it."""

EXAMPLES = {
    "rate": "rate: x3",
    "workers": "workers: x0.5",
    "service_time": "service_time: x2",
    "pause": "pause: true",
    "error_ratio": "error_ratio: 50%",
    "discipline": "discipline: lifo",
    "drop_queue": "drop_queue: true",
    "lost": "lost: 10%",
    "retries": "retries: false",
}


class WorkersChange(NamedTuple):
    """A number of workers while a fault holds: a count, or a factor on the count before it."""

    value: float
    relative: bool

    def apply(self, workers: float) -> float:
        """The workers left of `workers`; a factor rounds down, but for the last bits of the product."""
        if not self.relative:
            return self.value
        if math.isinf(workers):
            return 0.0 if self.value == 0.0 else workers
        return float(math.floor(workers * self.value + 1e-9))


def _workers(value: Any, info: ValidationInfo) -> WorkersChange:
    if isinstance(value, WorkersChange):
        return value
    if isinstance(value, str) and value[:1] in ("x", "X", "×"):
        return WorkersChange(validate_factor(value, info), True)
    try:
        return WorkersChange(validate_count(value), False)
    except ValueError as error:
        context = getattr(error, "context", None) or {}
        raise refuse(str(context.get("message", error)), "4 or x0.5") from None


def _write_workers(change: WorkersChange) -> int | str:
    if change.relative:
        return write_factor(change.value)
    return "inf" if math.isinf(change.value) else int(change.value)


Workers = Annotated[
    WorkersChange,
    BeforeValidator(_workers),
    PlainSerializer(_write_workers, return_type=int | str, when_used="json"),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer", "minimum": 0},
                {"const": "inf"},
                {"type": "string", "pattern": FACTOR_PATTERN},
            ],
            "examples": [4, "x0.5"],
        }
    ),
]


class Fault(Part):
    """One thing that goes wrong: from when, for how long, to what, and how."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"at": "60s", "for": "30s", "service": "api", "workers": "x0.5"}]}
    )

    at: Duration = Field(description="when it begins")
    lasting: PositiveDuration | None = Field(
        default=None, alias="for", description="how long it holds; none: to the end"
    )
    traffic: Reference | None = Field(default=None, description="the traffic class that it befalls")
    service: Reference | None = Field(default=None, description="the service that it befalls")
    instance: Number | None = Field(
        default=None, description="of a service: the one instance that it befalls, from 0; none: all"
    )
    client: Reference | None = Field(default=None, description="the client that it befalls")
    rate: Factor | None = Field(
        default=None, description="of a traffic class: a factor on the rate of arrivals"
    )
    workers: Workers | None = Field(
        default=None, description="of a service: a count, or a factor on the count"
    )
    service_time: Factor | None = Field(
        default=None, description="of a service: a factor on services that start"
    )
    pause: Flag | None = Field(
        default=None, description="of a service: work in hand freezes and nothing starts"
    )
    error_ratio: Ratio | None = Field(
        default=None, description="of a service: share of jobs that are served, but failed"
    )
    discipline: Literal["fifo", "lifo"] | None = Field(
        default=None, description="of a service that takes its oldest or newest: which of the two it takes"
    )
    drop_queue: Flag | None = Field(
        default=None, description="of a service: all that wait are refused at the beginning"
    )
    lost: Ratio | None = Field(
        default=None, description="of a client: share of its attempts that are lost on the way"
    )
    retries: Flag | None = Field(default=None, description="of a client: false stops its retries")

    @property
    def end(self) -> float:
        """Seconds at which it ends: a queue is dropped at once; inf if it never does."""
        if self.drop_queue:
            return self.at
        return math.inf if self.lasting is None else self.at + self.lasting

    def befalls(self, service: str, instance: int) -> bool:
        """Whether it befalls this instance of a service."""
        return self.service == service and self.instance in (None, instance)

    def holds(self, time: float) -> bool:
        """Whether it is in force at `time`: from its beginning up to, but not at, its end."""
        return self.at <= time < self.end

    @model_validator(mode="after")
    def _one_target_one_effect(self) -> Self:
        targets = [target for target in EFFECTS if getattr(self, target) is not None]
        effects = [effect for effect in EXAMPLES if getattr(self, effect) is not None]
        if len(targets) != 1:
            count = "no target" if not targets else f"{len(targets)} targets ({' and '.join(targets)})"
            raise refuse(f"has {count}", "one of traffic, service or client, by its name")
        target = targets[0]
        if self.instance is not None and target != "service":
            raise refuse(
                f"a {target} has no instance that a fault could befall", "service: api", at="instance"
            )
        allowed = EFFECTS[target]
        for effect in effects:
            if effect not in allowed:
                example = " or ".join(EXAMPLES[name] for name in allowed)
                raise refuse(f"a fault of a {target} has no {effect}", example, at=effect)
        if len(effects) != 1:
            count = "no effect" if not effects else f"{len(effects)} effects ({' and '.join(effects)})"
            example = "one fault for each" if effects else " or ".join(EXAMPLES[name] for name in allowed)
            raise refuse(f"has {count}", example)
        for effect, nothing in (("pause", False), ("drop_queue", False), ("retries", True)):
            if getattr(self, effect) is nothing:
                word = str(nothing).lower()
                raise refuse(
                    f"{word} has no effect", f"{EXAMPLES[effect]}, or leave the fault out", at=effect
                )
        return self


class ServicePiece(NamedTuple):
    """What a service is like from `at` (s) on: workers, factor on service times, error ratio, frozen, the order that it
    keeps to instead of its own, and how often its queue has been dropped.
    """

    at: float
    workers: float
    time_factor: float
    error_ratio: float
    paused: bool
    discipline: Literal["fifo", "lifo"] | None
    drops: int


class RatePiece(NamedTuple):
    """The factor on a traffic class's rate from `at` (s) on."""

    at: float
    speed: float


class ClientPiece(NamedTuple):
    """The share of a client's attempts that is lost on the way, and whether it retries, from `at` (s) on."""

    at: float
    lost: float
    retries: bool


def service_timeline(scenario: Scenario, name: str, instance: int = 0) -> tuple[ServicePiece, ...]:
    """The pieces of the life of a service's instance in time order: the first at 0, then one at each change.

    Faults that overlap apply in the order in which they are listed: a factor multiplies, a value replaces.
    """
    service = scenario.services[name]
    faults = [fault for fault in scenario.faults if fault.befalls(name, instance)]

    def at(time: float) -> ServicePiece:
        workers, factor, errors, paused = service.workers, 1.0, service.error_ratio, False
        discipline: Literal["fifo", "lifo"] | None = None
        for fault in faults:
            if not fault.holds(time):
                continue
            discipline = fault.discipline or discipline
            if fault.workers is not None:
                workers = fault.workers.apply(workers)
            if fault.service_time is not None:
                factor *= fault.service_time
            if fault.error_ratio is not None:
                errors = fault.error_ratio
            paused = paused or bool(fault.pause)
        drops = sum(bool(fault.drop_queue) and fault.at <= time for fault in faults)
        return ServicePiece(time, workers, factor, errors, paused, discipline, drops)

    return _pieces(faults, at)


def traffic_timeline(scenario: Scenario, name: str) -> tuple[RatePiece, ...]:
    """The pieces of a traffic class's rate factor in time order: the first at 0, then one at each change."""
    faults = [fault for fault in scenario.faults if fault.traffic == name]

    def at(time: float) -> RatePiece:
        speed = 1.0
        for fault in faults:
            if fault.rate is not None and fault.holds(time):
                speed *= fault.rate
        return RatePiece(time, speed)

    return _pieces(faults, at)


def client_timeline(scenario: Scenario, client: str) -> tuple[ClientPiece, ...]:
    """The pieces of a client's life in time order: the first at 0, then one at each change."""
    faults = [fault for fault in scenario.faults if fault.client == client]

    def at(time: float) -> ClientPiece:
        lost, retries = 0.0, True
        for fault in faults:
            if not fault.holds(time):
                continue
            lost = lost if fault.lost is None else fault.lost
            retries = retries and fault.retries is not False
        return ClientPiece(time, lost, retries)

    return _pieces(faults, at)


def pauses(scenario: Scenario, name: str, instance: int = 0) -> tuple[tuple[float, float], ...]:
    """When a service's instance is frozen: (start, end) in seconds, in order and without overlap; an end may be inf."""
    merged: list[tuple[float, float]] = []
    held = sorted(
        (fault.at, fault.end) for fault in scenario.faults if fault.befalls(name, instance) and fault.pause
    )
    for start, end in held:
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((start, end))
    return tuple(merged)


P = TypeVar("P", ServicePiece, RatePiece, ClientPiece)


def _pieces(faults: Iterable[Fault], at: Callable[[float], P]) -> tuple[P, ...]:
    """A piece at 0 and at each beginning and end, those left out that change nothing."""
    times = sorted(
        {0.0, *(time for fault in faults for time in (fault.at, fault.end) if math.isfinite(time))}
    )
    pieces = [at(times[0])]
    for time in times[1:]:
        piece = at(time)
        if piece[1:] != pieces[-1][1:]:
            pieces.append(piece)
    return tuple(pieces)
