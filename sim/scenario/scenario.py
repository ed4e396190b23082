"""The scenario: traffic, clients, services, faults, objectives, plan and run, frozen and consistent."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    Field,
    ModelWrapValidatorHandler,
    PrivateAttr,
    ValidationError,
    ValidationInfo,
    model_validator,
)
from pydantic_core import InitErrorDetails, PydanticCustomError

from sim.errors import UsageError
from sim.scenario import consistency
from sim.scenario.clients import Client
from sim.scenario.distributions import Distribution
from sim.scenario.document import copied
from sim.scenario.faults import Fault
from sim.scenario.growth import SeriesGrowth
from sim.scenario.metrics import METRICS
from sim.scenario.objectives import Objective
from sim.scenario.part import FrozenDict, Name, Part
from sim.scenario.plan import Plan
from sim.scenario.prices import PRICES_EXAMPLE
from sim.scenario.quantities import refuse, show
from sim.scenario.rule import Rule
from sim.scenario.run import Run
from sim.scenario.services import Service
from sim.scenario.traffic import Traffic


def _not_empty(parts: Mapping[str, Any]) -> FrozenDict[str, Any]:
    if not parts:
        raise refuse("is empty", "at least one entry")
    return FrozenDict(parts)


def _title(name: str) -> str:
    if not name.strip() or len(name) > 200 or not name.isprintable():
        raise refuse(f"{show(name)} is not a name of one line", "name: checkout")
    return name


class Scenario(Part):
    """What is simulated, solved, planned and reported: one object, read by all.

    Times are in seconds, rates per second. `services`, `traffic` and `clients` keep the order of the file,
    which decides ties between events of one instant.
    """

    name: Annotated[str, AfterValidator(_title)] = Field(
        default="scenario",
        description="what the scenario is called; the file's own name if none",
        examples=["checkout"],
    )
    traffic: Annotated[Mapping[Name, Traffic], AfterValidator(_not_empty)] = Field(
        description="who sends work: a name for each class of requests",
        examples=[{"web": {"arrivals": {"kind": "poisson", "rate": "120/s"}, "call": "api"}}],
    )
    clients: Annotated[Mapping[Name, Client], AfterValidator(FrozenDict)] = Field(
        default_factory=FrozenDict,
        description="how clients wait and retry, by name",
        examples=[{"patient": {"timeout": "2s"}}],
    )
    services: Annotated[Mapping[Name, Service], AfterValidator(_not_empty)] = Field(
        description="who does the work: a name for each service",
        examples=[{"api": {"workers": 16, "service_time": "100ms"}}],
    )
    faults: tuple[Fault, ...] = Field(
        default=(),
        description="what goes wrong, and when",
        examples=[[{"at": "60s", "service": "api", "pause": True}]],
    )
    objectives: tuple[Objective, ...] = Field(
        default=(),
        description="what must hold",
        examples=[[{"subject": "traffic:web", "metric": "latency_p99", "at_most": "1s"}]],
    )
    plan: Plan | None = Field(
        default=None,
        description="what a plan may change",
        examples=[{"vary": {"services.api.workers": "101..140"}}],
    )
    run: Run = Field(description="how long and how often", examples=[{"duration": "10min"}])

    _document: dict[str, Any] = PrivateAttr(default_factory=dict)
    _directory: Path = PrivateAttr(default_factory=Path)
    _hash: str = PrivateAttr(default="")

    @model_validator(mode="wrap")
    @classmethod
    def _all_at_once(cls, data: Any, handler: ModelWrapValidatorHandler[Self], info: ValidationInfo) -> Self:
        """Adds what is wrong between the parts to what is wrong within them."""
        if isinstance(data, cls):
            return data
        found = [_details(finding) for finding in consistency.as_written(data)]
        try:
            scenario = handler(data)
        except ValidationError as error:
            raise ValidationError.from_exception_data(cls.__name__, [*_again(error), *found]) from None
        context = info.context or {}
        scenario._directory = Path(context.get("directory", Path()))
        scenario._document = copied(data) if context.get("written") else scenario._rewritten()
        found = found or [_details(finding) for finding in scenario._contradictions()]
        if found:
            raise ValidationError.from_exception_data(cls.__name__, found)
        return scenario

    @property
    def document(self) -> dict[str, Any]:
        """The scenario as it was written, as plain values: a copy."""
        written: dict[str, Any] = copied(self._document)
        return written

    @property
    def directory(self) -> Path:
        """The folder from which data files are found."""
        return self._directory

    @property
    def hash(self) -> str:
        """Sixteen hex digits of what the scenario means.

        The order of keys, comments, units and defaults written out do not change it. The order of services
        and of traffic classes does, as it decides ties, and so do the contents of data files.
        """
        if not self._hash:
            self._hash = hashlib.sha256(self._canonical()).hexdigest()[:16]
        return self._hash

    def client_of(self, traffic: str) -> Client:
        """The client of a traffic class; one that sends once and waits for ever, where none is named."""
        client = self.traffic[traffic].client
        if client is None:
            return Client()
        return self.clients[client] if isinstance(client, str) else client

    def client_name(self, traffic: str) -> str | None:
        """The name of a traffic class's client under `clients`; None for one in place, or none."""
        client = self.traffic[traffic].client
        return client if isinstance(client, str) else None

    def service_time_of(self, traffic: str) -> Distribution:
        """The distribution of the service time of a traffic class: its own, else its service's."""
        own = self.traffic[traffic].service_time
        return self.services[self.traffic[traffic].call].service_time if own is None else own

    def level_of(self, traffic: str) -> int:
        """How many more important priorities the classes have that call the same service; 0 for the most important."""
        service, own = self.traffic[traffic].call, self.traffic[traffic].priority
        return len({t.priority for t in self.traffic.values() if t.call == service and t.priority < own})

    @property
    def instances(self) -> tuple[tuple[str, int], ...]:
        """(service, number from 0) of every instance of every service, in order."""
        return tuple(
            (name, number) for name, service in self.services.items() for number in range(service.instances)
        )

    def metrics(self) -> dict[str, tuple[str, ...]]:
        """Subject -> the metrics that an objective may name."""
        parts = {"traffic": self.traffic, "client": self.clients, "service": self.services}
        return {f"{kind}:{name}": tuple(METRICS[kind]) for kind, names in parts.items() for name in names}

    def get(self, path: str) -> Any:
        """The value at a key path such as `services.api.workers`, in seconds, per second, ratios.

        Raises:
            UsageError: there is nothing at that path.
        """
        from sim.scenario.paths import look

        return look(self, path)

    def set(self, path: str | Mapping[str, object], value: object = None, *, label: str = "") -> Scenario:
        """Another scenario, with the value at a key path changed; or the values at several. Itself if there are none.

        A text is read as it would be in the file: `set("run.duration", "5min")`,
        `set("services.api.workers", 12)`, `set({"run.seed": 3, "services.api.queue": "{capacity: 64}"})`.
        None takes an optional value away.

        Args:
            path: a key path, or a mapping of key paths to values.
            value: the value, if `path` is one path.
            label: what the errors name as the place; `--set path=value` if not given.

        Raises:
            ScenarioError: the changed scenario is wrong, or a path leads nowhere.
        """
        from sim.scenario.paths import changed

        changes = path if isinstance(path, Mapping) else {path: value}
        return changed(self, changes, label) if changes else self

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Scenario) and self.hash == other.hash

    def __hash__(self) -> int:
        return hash(self.hash)

    def _repr_html_(self) -> str:
        from sim.report.notebook import scenario_html

        return scenario_html(self)

    def _contradictions(self) -> Iterator[consistency.Finding]:
        from sim.scenario.mishaps import wrong_mishaps
        from sim.scenario.paths import wrong_number, wrong_plans

        yield from consistency.as_read(self)
        if self.plan is not None:
            yield from wrong_mishaps(self)
            if isinstance(self.plan.minimize, str):
                yield from wrong_number(self, self.plan.minimize, "minimize", PRICES_EXAMPLE)
            if self.plan.purchase is not None and self.plan.purchase.key is not None:
                yield from wrong_number(self, self.plan.purchase.key, "purchase.key", "services.api.workers")
            yield from wrong_plans(self, self.plan.vary)

    def _rewritten(self) -> dict[str, Any]:
        written: dict[str, Any] = self.model_dump(mode="json", by_alias=True, exclude_unset=True)
        return written

    def _canonical(self) -> bytes:
        dump = self.model_dump(mode="json", by_alias=True)
        for section in ("services", "traffic"):
            dump[section] = list(dump[section].items())
        files = [hashlib.sha256(path.read_bytes()).hexdigest() for path in _data_files(self)]
        return json.dumps([dump, files], sort_keys=True).encode()


def _data_files(value: object) -> Iterator[Path]:
    """The data files of all that reads one within a value, in the order of its fields."""
    if isinstance(value, Rule | SeriesGrowth):
        yield from value.data_files()
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from _data_files(getattr(value, name))
    elif isinstance(value, Mapping | tuple):
        for one in value.values() if isinstance(value, Mapping) else value:
            yield from _data_files(one)


def _details(finding: consistency.Finding) -> InitErrorDetails:
    error = refuse(finding.message, finding.example, finding.suggestion)
    return InitErrorDetails(type=error, loc=finding.keys, input=None)


def _again(error: ValidationError) -> Iterator[InitErrorDetails]:
    """The errors of a failed validation, to be raised anew with others."""
    for one in error.errors(include_url=False):
        context = one.get("ctx", {})
        kind: str | PydanticCustomError = one["type"]
        if kind == "forebay":
            kind = refuse(**{key: context[key] for key in ("message", "example", "suggestion", "at")})
            context = {}
        yield InitErrorDetails(type=kind, loc=one["loc"], input=one["input"], ctx=context)


def refuse_no_scenario(value: object) -> None:
    """Raises UsageError unless it is a scenario; of a name or a path it says how to read it."""
    if isinstance(value, Scenario):
        return
    if isinstance(value, str | os.PathLike):
        raise UsageError(
            f"{str(value)!r} is not a scenario but the name of one; write sim.load({str(value)!r})"
        )
    raise UsageError(f"{type(value).__name__} is not a scenario; for example sim.load('mm1')")
