"""The trigger of a scenario: what goes wrong and ends again; the scenario without it, with more of it, and longer."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sim.errors import Problem, ScenarioError
from sim.scenario.varying_arrivals import Profile
from sim.study.comparison.differences import settings_of
from sim.units import write_duration, write_factor, write_rate

if TYPE_CHECKING:
    from sim.scenario.faults import Fault
    from sim.scenario.scenario import Scenario

EXAMPLE = "faults: [{at: 60s, for: 10s, traffic: web, rate: x3}]"


@dataclass(frozen=True)
class Trigger:
    """When a trigger begins and ends, in s."""

    begin: float
    end: float


def trigger_of(scenario: Scenario, source: str = "") -> Trigger:
    """The trigger: the faults that end, and the profiles of arrivals that come to rest.

    A fault that holds from 0 s to the end is how things are, and no trigger. `source` names the file in the error.

    Raises:
        ScenarioError: nothing in the scenario goes wrong, or something never ends.
    """
    file = source or scenario.name
    endless = [place for place, fault in enumerate(scenario.faults) if not _passes(fault) and fault.at > 0.0]
    if endless:
        path = f"faults[{endless[0]}]"
        message = "never ends, so nothing can recover from it"
        raise ScenarioError([Problem(file, 0, 0, path, message, "for: 10s in it, as in " + EXAMPLE)])
    spans = [(fault.at, fault.end) for fault in scenario.faults if _passes(fault)]
    spans += [_moving(profile) for profile in _profiles(scenario).values()]
    if not spans:
        message = "there is no trigger: no fault that begins and ends, and no profile of arrivals that comes to rest"
        raise ScenarioError([Problem(file, 0, 0, "faults", message, EXAMPLE)])
    return Trigger(min(begin for begin, _ in spans), max(end for _, end in spans))


def reached(scenario: Scenario) -> tuple[str, ...]:
    """The services that the trigger acts on, or on whose clients it does, in the order written."""
    passing = [fault for fault in scenario.faults if _passes(fault)]
    sources = {*_profiles(scenario), *(fault.traffic for fault in passing)}
    clients = {fault.client for fault in passing if fault.client is not None}
    found = {fault.service for fault in passing}
    for name, traffic in scenario.traffic.items():
        if name in sources or scenario.client_name(name) in clients:
            found.add(traffic.call)
    return tuple(name for name in scenario.services if name in found)


def without_trigger(scenario: Scenario) -> Scenario:
    """The scenario in which nothing goes wrong: no faults but those that always hold, profiles at their last rate."""
    changes: dict[str, object] = {}
    if scenario.faults:
        document = scenario.document["faults"]
        changes["faults"] = [
            written for written, fault in zip(document, scenario.faults, strict=True) if not _passes(fault)
        ]
    for name, profile in _profiles(scenario).items():
        changes[f"traffic.{name}.arrivals.points"] = [["0s", write_rate(profile.points[-1][1])]]
    return scenario.set(changes)


def heightened(scenario: Scenario, by: float) -> Scenario:
    """The scenario with a trigger `by` times as high: 0 is none, 1 as written.

    What a fault changes is changed by so much more: of a factor, its distance from 1; of a count of workers, how many
    are missing; of a ratio, the ratio, up to 1. Of a profile, the distance of each rate from the last. A pause has no
    height. Faults that help stay as they are.
    """
    changes: dict[str, object] = {}
    for place, fault in _harms(scenario):
        for key, value in _higher(scenario, fault, by).items():
            changes[f"faults[{place}].{key}"] = value
    for name, profile in _profiles(scenario).items():
        last = profile.points[-1][1]
        changes[f"traffic.{name}.arrivals.points"] = [
            [write_duration(time), write_rate(max(0.0, last + (rate - last) * by))]
            for time, rate in profile.points
        ]
    return scenario.set(changes)


def lengthened(scenario: Scenario, by: float) -> Scenario:
    """The scenario with a trigger that lasts `by` times as long, from the same beginning; what helps stays as it is."""
    changes: dict[str, object] = {
        f"faults[{place}].for": write_duration(fault.lasting * by)
        for place, fault in _harms(scenario)
        if fault.lasting is not None and not fault.drop_queue
    }
    for name, profile in _profiles(scenario).items():
        begin = _moving(profile)[0]
        changes[f"traffic.{name}.arrivals.points"] = [
            [write_duration(time if time <= begin else begin + (time - begin) * by), write_rate(rate)]
            for time, rate in profile.points
        ]
    return scenario.set(changes)


def trigger_settings(scenario: Scenario, height: float, duration: float) -> dict[str, Any]:
    """Key path -> value: what the scenario says of a trigger so many times as high and as long, where it is another."""
    return settings_of(lengthened(heightened(scenario, height), duration), scenario)


def has_height(scenario: Scenario) -> bool:
    """Whether the trigger can be made higher: a pause alone cannot."""
    return bool(_profiles(scenario)) or any(_higher(scenario, fault, 2.0) for _, fault in _harms(scenario))


def has_length(scenario: Scenario) -> bool:
    """Whether the trigger can be made longer: a queue dropped at once cannot."""
    return bool(_profiles(scenario)) or any(not fault.drop_queue for _, fault in _harms(scenario))


def helping(scenario: Scenario) -> tuple[str, ...]:
    """The key paths of the faults that help, beside others that harm: no part of what is made higher or longer."""
    harms = {place for place, _ in _harms(scenario)}
    return tuple(
        f"faults[{place}]"
        for place, fault in enumerate(scenario.faults)
        if _passes(fault) and place not in harms
    )


def highest(scenario: Scenario) -> float:
    """The factor on the height at which no more can go wrong (no worker left, every attempt lost); inf if none."""
    limits = [math.inf]
    for _, fault in _harms(scenario):
        if fault.workers is not None and fault.workers.relative and fault.workers.value < 1.0:
            limits.append(1.0 / (1.0 - fault.workers.value))
        elif fault.workers is not None and not fault.workers.relative:
            workers = scenario.services[str(fault.service)].workers
            limits.append(
                workers / (workers - fault.workers.value) if workers > fault.workers.value else math.inf
            )
        factors = [factor for factor in (fault.rate, fault.service_time) if factor is not None]
        limits += [1.0 / (1.0 - factor) for factor in factors if factor < 1.0]
        limits += [1.0 / ratio for ratio in (fault.error_ratio, fault.lost) if ratio]
    return min(limits)


def _passes(fault: Fault) -> bool:
    return math.isfinite(fault.end)


def _harms(scenario: Scenario) -> list[tuple[int, Fault]]:
    """The faults that pass and do harm, with their places; all that pass, if nothing does."""
    passing = [(place, fault) for place, fault in enumerate(scenario.faults) if _passes(fault)]
    harming = [(place, fault) for place, fault in passing if not _helps(scenario, fault)]
    return harming if harming or _profiles(scenario) else passing


def _helps(scenario: Scenario, fault: Fault) -> bool:
    """Whether it is what one would do against an overload: fewer requests or retries, more workers, another order."""
    if fault.workers is not None:
        written = scenario.services[str(fault.service)].workers
        return fault.workers.apply(written) > written
    eased = [factor < 1.0 for factor in (fault.rate, fault.service_time) if factor is not None]
    return any(eased) or fault.retries is False or fault.discipline is not None or bool(fault.drop_queue)


def _higher(scenario: Scenario, fault: Fault, by: float) -> dict[str, Any]:
    """The changed effect of one fault."""
    for key in ("rate", "service_time"):
        factor = getattr(fault, key)
        if factor is not None:
            return {key: write_factor(max(0.0, 1.0 + (factor - 1.0) * by))}
    if fault.workers is not None:
        if fault.workers.relative:
            return {"workers": write_factor(max(0.0, 1.0 + (fault.workers.value - 1.0) * by))}
        workers = scenario.services[str(fault.service)].workers
        return {"workers": max(0, round(workers - (workers - fault.workers.value) * by))}
    for key in ("error_ratio", "lost"):
        ratio = getattr(fault, key)
        if ratio is not None:
            return {key: min(1.0, ratio * by)}
    return {}


def _profiles(scenario: Scenario) -> dict[str, Profile]:
    """The profiles of arrivals that do not repeat and whose rate changes, by traffic class."""
    return {
        name: traffic.arrivals
        for name, traffic in scenario.traffic.items()
        if isinstance(traffic.arrivals, Profile)
        and traffic.arrivals.repeat is None
        and len({rate for _, rate in traffic.arrivals.points}) > 1
        and traffic.arrivals.points[-1][1] > 0.0
    }


def _moving(profile: Profile) -> tuple[float, float]:
    """When the rate of a profile first changes, and when it has reached its last, in s."""
    points = profile.points
    first = next(place for place, (_, rate) in enumerate(points) if rate != points[0][1])
    return points[first - 1 if profile.shape == "linear" else first][0], points[-1][0]
