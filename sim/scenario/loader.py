"""Reads a scenario: a file, a text or plain values in, a Scenario or every problem at once out."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from sim.errors import Problem, ScenarioError
from sim.scenario.document import Key, Mark, Node, unplaced
from sim.scenario.problems import in_order, problems_of
from sim.scenario.quantities import show
from sim.scenario.reader import LARGEST, decode, read
from sim.scenario.scenario import Scenario
from sim.scenario.suggestions import nearest
from sim.shipped import meant


def load(path: str | os.PathLike[str]) -> Scenario:
    """The scenario in a file, or the shipped one of that name. Data files are found relative to the file's folder.

    Raises:
        ScenarioError: the file cannot be read, or is not a valid scenario; carries every problem.
    """
    scenario, problems = examined(path)
    if scenario is None:
        raise ScenarioError(problems)
    return scenario


def check(path: str | os.PathLike[str]) -> list[Problem]:
    """Every problem of a file, in the order of its lines; none if it is a valid scenario."""
    return examined(path)[1]


def place_of(path: str | os.PathLike[str], *keys: Key) -> Mark | None:
    """Where the value at some keys stands in a file; None where the file has no such place."""
    raw, problem = _bytes(Path(path))
    text, problems = ("", [problem]) if problem is not None else decode(raw, str(path))
    node = None if problems else read(text, str(path))[0]
    for key in keys:
        node = node.children.get(key) if node is not None else None
    return None if node is None else node.mark


def loads(
    text: str, name: str = "scenario", directory: str | os.PathLike[str] = ".", *, file: str = "<text>"
) -> Scenario:
    """The scenario in a text.

    Args:
        text: YAML.
        name: what the scenario is called if the text does not say.
        directory: the folder from which data files are found.
        file: what the problems name as the file.

    Raises:
        ScenarioError: it is not a valid scenario; carries every problem.
    """
    scenario, problems = _from_text(text, file, name, Path(directory))
    if scenario is None:
        raise ScenarioError(problems)
    return scenario


def from_mapping(
    values: Mapping[str, Any], directory: str | os.PathLike[str] = ".", *, file: str = "<mapping>"
) -> Scenario:
    """The scenario in plain values, spelled as in a file: `{"traffic": {"web": …}, …}`.

    Raises:
        ScenarioError: it is not a valid scenario; carries every problem.
    """
    scenario, problems = build(unplaced(values, file), file, Path(directory))
    if scenario is None:
        raise ScenarioError(problems)
    return scenario


def build(root: Node, file: str, directory: Path) -> tuple[Scenario | None, list[Problem]]:
    """The scenario that a document means, or every problem with it."""
    if not isinstance(root.value, dict):
        message = "is empty" if root.value is None else f"{show(root.value)} stands where a mapping is due"
        example = "a scenario: traffic, services, run"
        return None, [Problem(file, root.mark.line, root.mark.column, "", message, example)]
    try:
        context = {"written": True, "directory": directory}
        return Scenario.model_validate(root.value, context=context), []
    except ValidationError as error:
        return None, problems_of(error, root, file)


def examined(path: str | os.PathLike[str]) -> tuple[Scenario | None, list[Problem]]:
    """A file's scenario, None if it is not a valid one, and every problem of it."""
    place = meant(path)
    raw, problem = _bytes(place)
    if problem is not None:
        return None, [problem]
    text, problems = decode(raw, str(place))
    if problems:
        return None, problems
    name = place.stem[:200] if place.stem.isprintable() else "scenario"
    return _from_text(text, str(place), name, place.parent)


def _from_text(text: str, file: str, name: str, directory: Path) -> tuple[Scenario | None, list[Problem]]:
    root, problems = read(text, file)
    if root is None:
        return None, problems
    if isinstance(root.value, dict) and "name" not in root.value:
        root.value["name"] = name
    scenario, more = build(root, file, directory)
    seen = {problem.path for problem in problems}
    problems = in_order([*problems, *(problem for problem in more if problem.path not in seen)])
    return (None if problems else scenario), problems


def _bytes(path: Path) -> tuple[bytes, Problem | None]:
    """What is in a regular file; nothing else is opened, as a pipe or a device might never end."""

    def fault(message: str, suggestion: str = "") -> tuple[bytes, Problem]:
        return b"", Problem(str(path), 0, 0, "", message, "", suggestion)

    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            return fault("is a directory, not a scenario file", _neighbour(path, ""))
        if not stat.S_ISREG(mode):
            return fault("is not a regular file")
        with path.open("rb") as stream:
            return stream.read(LARGEST + 1), None
    except (FileNotFoundError, NotADirectoryError):
        return fault("does not exist", _neighbour(path.parent, path.name))
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        return fault(f"cannot be read: {reason}")


def _neighbour(folder: Path, name: str) -> str:
    """A scenario file in the folder with a name like this one, or any if there is only one."""
    try:
        files = sorted(one.name for one in folder.iterdir() if one.suffix in {".yaml", ".yml"})
    except OSError:
        return ""
    found = nearest(name, files) if name else (files[0] if len(files) == 1 else "")
    return str(folder / found) if found else ""
