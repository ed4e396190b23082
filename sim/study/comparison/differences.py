"""What differs between two scenarios: the key paths whose values are not the same."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sim.scenario.scenario import Scenario

_OF_THE_COMPARISON = {"name": None, "run": ("seed", "replications", "precision", "antithetic", "engine")}
"""What a comparison decides itself, for all its scenarios alike: no difference between them."""


@dataclass(frozen=True)
class Difference:
    """A key path, and what stands there in each scenario as it would be written; None: nothing."""

    path: str
    baseline: Any
    variant: Any


def differences(baseline: Scenario, variant: Scenario) -> tuple[Difference, ...]:
    """The paths at which two scenarios differ, defaults included, in the order of a file.

    A choice by `kind` is one value: where the kinds differ, so do all their parameters. Names, seeds,
    replications and engines are left out.
    """
    one, other = _plain(baseline), _plain(variant)
    found = list(_between("", one, other))
    # The order of these decides ties between events of one instant.
    found += [
        Difference(f"order of {section}", list(one[section]), list(other[section]))
        for section in ("traffic", "services")
        if list(one[section]) != list(other[section]) and set(one[section]) == set(other[section])
    ]
    if not found and baseline.hash != variant.hash and _settled(baseline) != _settled(variant):
        found.append(Difference("contents of data files", str(baseline.directory), str(variant.directory)))
    return tuple(found)


def settings_of(variant: Scenario, baseline: Scenario) -> dict[str, Any]:
    """Key path -> value, as it would be written: what a variant says where it is not the baseline."""
    return {one.path: one.variant for one in differences(baseline, variant)}


def _plain(scenario: Scenario) -> dict[str, Any]:
    dump = scenario.model_dump(mode="json", by_alias=True)
    for section, keys in _OF_THE_COMPARISON.items():
        if keys is None:
            del dump[section]
        else:
            dump[section] = {key: value for key, value in dump[section].items() if key not in keys}
    return dump


def _settled(scenario: Scenario) -> str:
    """The hash, with what a comparison decides itself made the same."""
    decided = {"run.seed": 1, "run.replications": 2, "run.precision": None, "run.antithetic": False}
    return scenario.set({"name": "x", "run.engine": "compiled", **decided}).hash


def _between(path: str, one: Any, other: Any) -> Iterator[Difference]:
    if one == other:
        return
    if isinstance(one, Mapping) and isinstance(other, Mapping) and one.get("kind") == other.get("kind"):
        for key in dict.fromkeys([*one, *other]):
            yield from _between(f"{path}.{key}" if path else key, one.get(key), other.get(key))
    elif isinstance(one, list) and isinstance(other, list) and _entries(one) and _entries(other):
        for place in range(max(len(one), len(other))):
            before, after = (side[place] if place < len(side) else None for side in (one, other))
            yield from _between(f"{path}[{place}]", before, after)
    else:
        yield Difference(path, _written(one), _written(other))


def _entries(values: list[Any]) -> bool:
    """Whether a list holds parts, such as faults, and not plain values that are read together."""
    return all(isinstance(value, Mapping) for value in values)


def _written(value: Any) -> Any:
    """A value without the options that it does not use."""
    if isinstance(value, Mapping):
        return {key: _written(one) for key, one in value.items() if one is not None}
    return [_written(one) for one in value] if isinstance(value, list) else value
