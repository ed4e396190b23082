"""What a plan must survive: a zone lost, a spike, a slow dependency, each tried by itself."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import Discriminator, Field, Tag, model_validator

from sim.scenario.consistency import Finding
from sim.scenario.faults import EXAMPLES, Fault
from sim.scenario.objectives import Objective
from sim.scenario.part import Part
from sim.scenario.quantities import PositiveDuration, refuse
from sim.units import format_duration

if TYPE_CHECKING:
    from sim.scenario.scenario import Scenario

MISHAP_EXAMPLE = "{at: 60s, for: 30s, service: api, workers: x0.67}"
MOST_MISHAPS = 100


class Mishap(Part):
    """Faults that strike together, beside those of the scenario, and what must hold in spite of them."""

    name: str = Field(
        default="", description="what it is called; what the faults are if none", examples=["a zone lost"]
    )
    faults: tuple[Fault, ...] = Field(
        description="as the scenario's own faults",
        examples=[[{"at": "60s", "for": "30s", "service": "api", "workers": "x0.67"}]],
    )
    objectives: tuple[Objective, ...] | None = Field(
        default=None,
        description="what must hold then; none: the scenario's objectives",
        examples=[[{"subject": "traffic:web", "metric": "success_ratio", "at_least": "95%"}]],
    )
    window: Literal["run", "faults"] = Field(
        default="run",
        description="what its objectives are judged over: the run's measured window, or what is born from the first "
        "fault's beginning to the last one's end",
    )
    recover_within: PositiveDuration | None = Field(
        default=None,
        description="nine of ten runs must have their backlog down again so long after the last fault's end",
    )

    @model_validator(mode="after")
    def _something_goes_wrong(self) -> Self:
        if not self.faults:
            raise refuse("nothing goes wrong", f"faults: [{MISHAP_EXAMPLE}]", at="faults")
        if self.objectives is not None and not self.objectives and self.recover_within is None:
            raise refuse("nothing must hold", "recover_within: 1min", at="objectives")
        return self

    @property
    def title(self) -> str:
        """Its name; without one, its faults in words."""
        return self.name or " and ".join(told(fault) for fault in self.faults)

    @property
    def begin(self) -> float:
        """When the first fault begins, s."""
        return min(fault.at for fault in self.faults)

    @property
    def end(self) -> float:
        """When the last fault is over, s; inf if one never is."""
        return max(fault.end for fault in self.faults)


def _which(value: Any) -> str:
    if isinstance(value, Mishap):
        return "several faults"
    if isinstance(value, dict):
        return (
            "several faults"
            if value.keys() & {"faults", "objectives", "recover_within", "name", "window"}
            else "a fault"
        )
    return "a fault"


Survived = Annotated[
    Annotated[Fault, Tag("a fault")] | Annotated[Mishap, Tag("several faults")], Discriminator(_which)
]
"""One fault, or a mapping of several with what must hold then."""


def mishaps(survive: Sequence[Fault | Mishap]) -> tuple[Mishap, ...]:
    """Each entry of `plan.survive` as a mishap."""
    return tuple(one if isinstance(one, Mishap) else Mishap(faults=(one,)) for one in survive)


def mishaps_of(scenario: Scenario) -> tuple[Mishap, ...]:
    """What its plan says must be survived; nothing without a plan."""
    return mishaps(scenario.plan.survive) if scenario.plan is not None else ()


def must_survive(scenario: Scenario) -> bool:
    """Whether its plan says what must be survived."""
    return bool(mishaps_of(scenario))


def workers_left(scenario: Scenario, path: str, workers: int) -> int:
    """How many of so many workers at a key path the fault, or the mishap, that takes most leaves: whole ones."""
    section, service, *rest = path.split(".")
    if (section, rest) != ("services", ["workers"]):
        return workers
    faults = [*scenario.faults, *(fault for one in mishaps_of(scenario) for fault in one.faults)]
    of_all = [fault.workers for fault in faults if fault.service == service and fault.instance is None]
    left = [int(one.apply(workers)) for one in of_all if one is not None and one.relative]
    return max(1, min([workers, *left]))


def window_words(scenario: Scenario) -> str:
    """Over what a mishap's objectives are judged; "" where there is none, or none with an end."""
    lasting = [one.end - one.begin for one in mishaps_of(scenario) if one.window == "run"]
    ending = [seconds for seconds in lasting if math.isfinite(seconds)]
    if not ending:
        return ""
    warmup = scenario.run.warmup if isinstance(scenario.run.warmup, float) else 0.0
    window = scenario.run.duration - warmup
    return (
        f"What must hold in a mishap is judged over the whole measured window of {format_duration(window)}, of which "
        f"the mishap is {format_duration(min(ending))}{' or more' if len(set(ending)) > 1 else ''}: a longer run makes "
        "less of it. `window: faults` has it judged while it lasts."
    )


def told(fault: Fault) -> str:
    """A fault in words: `api workers x0.5 at 60 s for 30 s`."""
    written: dict[str, Any] = fault.model_dump(mode="json", by_alias=True, exclude_unset=True)
    whom = fault.service or fault.traffic or fault.client
    if fault.instance is not None:
        whom = f"{whom}[{fault.instance}]"
    (effect,) = [name for name in EXAMPLES if written.get(name) is not None]
    word = effect if written[effect] is True else f"{effect} {written[effect]}"
    lasting = "" if fault.lasting is None else f" for {format_duration(fault.lasting)}"
    return f"{whom} {word} at {format_duration(fault.at)}{lasting}"


def wrong_mishaps(scenario: Scenario) -> Iterator[Finding]:
    """What is wrong with what a plan must survive, in a scenario right in all its parts."""
    plan = scenario.plan
    if plan is None:
        return
    duration = scenario.run.duration
    titles: dict[str, int] = {}
    for place, (entry, mishap) in enumerate(zip(plan.survive, mishaps(plan.survive), strict=True)):
        at = ("plan", "survive", place)
        single = isinstance(entry, Fault)
        for number, fault in enumerate(mishap.faults):
            keys = at if single else (*at, "faults", number)
            if fault.at >= duration:
                yield Finding(
                    (*keys, "at"),
                    f"begins at {format_duration(fault.at)}, and the run is over at {format_duration(duration)}",
                    f"at: {format_duration(duration / 4.0).replace(' ', '')}",
                )
            yield from _missing_instance(plan.vary, fault, keys)
        if mishap.title in titles:
            yield Finding(
                at if single else (*at, "name"),
                f"{mishap.title} is listed before, as number {titles[mishap.title]}",
                "a name of its own",
            )
        titles.setdefault(mishap.title, place)
        if mishap.window == "faults" and not mishap.end > mishap.begin:
            yield Finding(
                (*at, "window"), "its faults last no time in which something could be judged", "run"
            )
        yield from _unseen_recovery(mishap, at, duration)
        if mishap.objectives is None and not scenario.objectives and mishap.recover_within is None:
            yield Finding(at, "nothing must hold: the scenario has no objectives", "recover_within: 1min")


def _missing_instance(
    vary: Mapping[str, Sequence[Any]], fault: Fault, keys: tuple[str | int, ...]
) -> Iterator[Finding]:
    """An instance that is not there in all that the plan may come to."""
    varied = vary.get(f"services.{fault.service}.instances", ())
    fewest = min((one for one in varied if isinstance(one, int)), default=math.inf)
    if fault.instance is not None and fault.instance >= fewest:
        many = f"{fewest} instance{'s' if fewest > 1 else ''}"
        message = f"the plan may have {many} of {fault.service}, numbered from 0"
        yield Finding((*keys, "instance"), message, f"instance: {fewest - 1}")


def _unseen_recovery(mishap: Mishap, at: tuple[str | int, ...], duration: float) -> Iterator[Finding]:
    within = mishap.recover_within
    if within is None:
        return
    keys = (*at, "recover_within")
    if mishap.end >= duration:
        yield Finding(
            keys, "a fault does not end before the run does, so nothing recovers", "for: 30s in each fault"
        )
    elif mishap.end + within > duration:
        rest = format_duration(duration - mishap.end).replace(" ", "")
        yield Finding(
            keys, f"only {rest} of the run are left after the last fault", f"recover_within: {rest}"
        )
    elif mishap.begin == 0.0:
        yield Finding(
            keys, "a fault from the beginning leaves nothing to recover to", "at: 60s in each fault"
        )
