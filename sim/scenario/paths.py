"""Key paths such as `services.api.workers` and `faults[0].at`: reading a value, making a changed scenario."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from sim.errors import Problem, ScenarioError, UsageError, printable, sentence
from sim.scenario.consistency import Finding
from sim.scenario.document import Key, copied, path_of, unplaced
from sim.scenario.quantities import show
from sim.scenario.reader import read
from sim.scenario.rule import Rule
from sim.scenario.schema import Place
from sim.scenario.suggestions import nearest

if TYPE_CHECKING:
    from sim.scenario.scenario import Scenario

PATH_EXAMPLE = "services.api.workers or faults[0].at"
_LONGEST = 400
_MOST_TRIED = 20
_STEP = re.compile(r"([^.\[\]]+)((?:\[[0-9]+\])*)")


class _WrongPathError(Exception):
    """A path that leads nowhere, with the words of a Problem."""

    def __init__(self, keys: tuple[Key, ...], message: str, example: str = "", suggestion: str = "") -> None:
        super().__init__(message)
        self.keys, self.message, self.example, self.suggestion = keys, message, example, suggestion


_NOT_VARIED = frozenset({"plan", "name", "objectives", "run.seed", "run.replications", "run.engine"})
"""What is no choice of a plan: what it asks for, and how that is simulated."""


def parse_path(path: str) -> tuple[Key, ...]:
    """The keys of a path: `faults[0].at` -> `("faults", 0, "at")`. Raises ValueError for what is no path."""
    keys: list[Key] = []
    if len(path) > _LONGEST:
        raise ValueError(f"{show(path)} is not a key path")
    for step in path.split("."):
        found = _STEP.fullmatch(step.strip())
        if found is None:
            raise ValueError(f"{show(path)} is not a key path")
        name, places = found.groups()
        # `faults.0.at` is as good as `faults[0].at`: no key of a scenario is a number.
        keys.append(int(name) if name.isdigit() and keys else name)
        keys += [int(place) for place in re.findall(r"[0-9]+", places)]
    return tuple(keys)


def look(scenario: Scenario, path: str) -> Any:
    """The value at a path, defaults included. Raises UsageError where there is none."""
    try:
        keys = parse_path(path)
    except ValueError as error:
        raise UsageError(sentence(str(error), PATH_EXAMPLE, "")) from None
    value: Any = scenario
    for place, key in enumerate(keys):
        known = _names(value)
        if key not in known:
            meant = nearest(str(key), map(str, known))
            where = path_of(keys[:place]) or "the scenario"
            raise UsageError(sentence(f"{where} has no {show(key)}", "", _joined(keys[:place], meant)))
        value = known[key]
    return value


def _names(value: Any) -> dict[Key, Any]:
    """What is below a value, by the names that a file uses."""
    if isinstance(value, BaseModel):
        return {field.alias or name: getattr(value, name) for name, field in type(value).model_fields.items()}
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, tuple | list):
        return dict(enumerate(value))
    return {}


def changed(scenario: Scenario, changes: Mapping[str, object], label: str) -> Scenario:
    """Another scenario with the values at some paths changed. Raises ScenarioError with every problem."""
    from sim.scenario.loader import build

    document = scenario.document
    problems: list[Problem] = []
    labels: dict[str, str] = {}
    for path, value in changes.items():
        said = printable(value) if isinstance(value, str) else show(value)
        file = label or f"--set {printable(path, _LONGEST)}={said}"
        try:
            keys = parse_path(path)
        except ValueError as error:
            problems.append(Problem(file, 0, 0, printable(path, _LONGEST), str(error), PATH_EXAMPLE))
            continue
        labels[path_of(keys)] = file
        plain, faults = _plain(value, file, path_of(keys))
        if faults:
            problems += faults
            continue
        try:
            _put(document, keys, plain, scenario)
        except _WrongPathError as wrong:
            where = path_of(wrong.keys)
            problems.append(Problem(file, 0, 0, where, wrong.message, wrong.example, wrong.suggestion))
    made, more = build(unplaced(document, "--set"), "", scenario.directory)
    problems += [_labelled(problem, labels) for problem in more]
    if made is None or problems:
        raise ScenarioError(problems)
    return made


def wrong_plans(scenario: Scenario, vary: Mapping[str, Sequence[object]]) -> Iterator[Finding]:
    """What is wrong with the paths and values that a plan varies, each tried on the scenario by itself."""
    from sim.scenario.loader import build

    written = scenario.document
    del written["plan"]  # else the plan of each trial would be tried too
    for path, values in vary.items():
        at = ("plan", "vary", path)
        try:
            keys = parse_path(path)
        except ValueError as error:
            yield Finding(at, str(error), PATH_EXAMPLE)
            continue
        if any(letter.isspace() for letter in path):
            yield Finding(at, f"{show(path)} has spaces in its key path", path_of(keys))
            continue
        fixed = next((each for each in (path_of(keys), keys[0]) if each in _NOT_VARIED), None)
        if fixed is not None:
            yield Finding(at, f"{fixed} is nothing that a plan can vary", PATH_EXAMPLE)
            continue
        # A range is right if its ends are; what is listed is tried one by one.
        for value in values if len(values) <= _MOST_TRIED else (values[0], values[-1]):
            document = copied(written)
            try:
                _put(document, keys, value, scenario)
            except _WrongPathError as wrong:
                yield Finding(at, wrong.message, wrong.example, wrong.suggestion)
                break
            made, problems = build(unplaced(document, "--set"), "", scenario.directory)
            if made is None:
                first = problems[0]
                where = "" if first.path == path_of(keys) else f"with {show(value)}, {first.path}: "
                yield Finding(at, f"{where}{first.message}", first.example, first.suggestion)
                break


def wrong_number(scenario: Scenario, path: str, key: str, example: str) -> Iterator[Finding]:
    """What is wrong with the path of a number that a key of the plan names, such as what it makes small."""
    at = ("plan", *key.split("."))
    try:
        value = look(scenario, path)
    except UsageError as error:
        yield Finding(at, str(error), example)
        return
    if isinstance(value, bool) or not isinstance(value, int | float):
        yield Finding(at, f"{path} is not a number", example)


def _labelled(problem: Problem, labels: Mapping[str, str]) -> Problem:
    """The problem, said of the change that made it: the one with the longest path in common."""

    def common(path: str) -> int:
        shared = 0
        for a, b in zip(parse_path(path), parse_path(problem.path or "-"), strict=False):
            if a != b:
                break
            shared += 1
        return shared

    best = max(labels, key=common)
    file = labels[best] if len(labels) == 1 or common(best) else ", ".join(labels.values())
    return Problem(file, 0, 0, problem.path, problem.message, problem.example, problem.suggestion)


def _plain(value: object, file: str, path: str) -> tuple[Any, list[Problem]]:
    """A value as it would stand in a file: a text is read as YAML, a model is written out."""
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json", by_alias=True, exclude_unset=True), []
    if not isinstance(value, str):
        return value, []
    if not value.strip():
        return "", []
    node, problems = read(value, file)
    if problems or node is None:
        # A place within the value would be read as a place in a file.
        return None, [
            Problem(file, 0, 0, path, fault.message, fault.example, fault.suggestion) for fault in problems
        ]
    return node.value, []


def _put(document: Any, keys: tuple[Key, ...], value: Any, scenario: Scenario) -> None:
    """Puts a value into the document at a path; makes the optional mappings above it that are not written."""
    current = document
    place = Place.top()
    for depth, key in enumerate(keys[:-1]):
        _check_step(current, keys, depth, place, value)
        below = _names(current).get(key)
        if not isinstance(below, dict | list):
            below = _spelled_out(below, keys, depth + 1, place.below(key), scenario)
            current[key] = below
        place = place.below(key, below)
        current = below
    _check_step(current, keys, len(keys) - 1, place, value)
    if value is None and isinstance(keys[-1], str):
        current.pop(keys[-1], None)
    else:
        current[keys[-1]] = value


def _check_step(current: Any, keys: tuple[Key, ...], depth: int, place: Place, value: Any) -> None:
    """Raises unless what stands at the first `depth` keys has the next one, or may have it."""
    key, above = keys[depth], path_of(keys[:depth]) or "the scenario"
    if isinstance(current, list):
        if not isinstance(key, int) or key >= len(current):
            have = f"entries 0 to {len(current) - 1}" if current else "no entries"
            raise _WrongPathError(keys[: depth + 1], f"there is no such entry: {above} has {have}")
    elif isinstance(key, int):
        raise _WrongPathError(keys[: depth + 1], f"{above} is not a list")
    elif key not in current:
        _may_be_written(current, keys, depth, place, value)


def _may_be_written(current: Any, keys: tuple[Key, ...], depth: int, place: Place, value: Any) -> None:
    """Raises unless the key, which is not there, could be."""
    key, last = str(keys[depth]), depth == len(keys) - 1
    if key in place.keys:
        return
    if place.has_names and last and (value is None or isinstance(value, dict | str)):
        return
    known = [*place.keys, *map(str, current)]
    meant = nearest(key, known)
    example = f"one of {', '.join(dict.fromkeys(known))}" if known and not meant and len(known) <= 20 else ""
    # The suggestion is the whole path, so that it can be typed.
    suggestion = _joined(keys[:depth], meant, keys[depth + 1 :])
    raise _WrongPathError(
        keys[: depth + 1], "unknown key" if place.keys else "no such name", example, suggestion
    )


def _joined(before: tuple[Key, ...], meant: str, after: tuple[Key, ...] = ()) -> str:
    return path_of((*before, meant, *after)) if meant else ""


def _spelled_out(value: Any, keys: tuple[Key, ...], depth: int, place: Place, scenario: Scenario) -> Any:
    """The mapping that a missing or bare value stands for, so that a key can be set in it."""
    if value is None and place.is_mapping:
        return {}
    above = keys[:depth]
    if value is None:
        raise _WrongPathError(above, "is not written, so there is nothing in it to change")
    try:
        model = look(scenario, path_of(above))
    except UsageError:
        model = None
    if isinstance(model, Rule):
        return model.model_dump(mode="json", by_alias=True, exclude_unset=True)
    if keys[0] == "traffic" and above[-1] == "client":
        meant = path_of(("clients", str(value), *keys[depth:]))
        raise _WrongPathError(above, f"is the name of a client, {value}", "", meant)
    raise _WrongPathError(above, f"{show(value)} has no keys", PATH_EXAMPLE)
