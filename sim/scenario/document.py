"""A document: plain values, each with its place in a text, and the key paths that lead to them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from sim.errors import Problem, ScenarioError, printable

DEEPEST = 50
_LONGEST_KEY = 200

Key = str | int


class Mark(NamedTuple):
    """A place in a text: line and column, from 1."""

    line: int
    column: int


@dataclass(slots=True)
class Node:
    """A value of the text: its plain form, its place, and the places of what is in it."""

    value: Any
    mark: Mark
    children: dict[Key, Node] = field(default_factory=dict)
    keys: dict[Key, Mark] = field(default_factory=dict)
    size: int = 1
    depth: int = 1


def copied(value: Any) -> Any:
    """Plain values anew; an alias becomes a value of its own, so that one can change without the other."""
    if isinstance(value, dict):
        return {key: copied(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [copied(one) for one in value]
    return value


def path_of(keys: tuple[Key, ...]) -> str:
    """A key path as it is written: `services.api.workers`, `faults[0].at`."""
    text = ""
    for key in keys:
        if isinstance(key, int):
            text += f"[{key}]"
        else:
            text += f"{'.' if text else ''}{printable(key, _LONGEST_KEY)}"
    return text


def unplaced(value: Any, file: str, depth: int = 0) -> Node:
    """Plain values as a document without places: mappings, lists, tuples, numbers (numpy's too), texts.

    Raises ScenarioError for values nested deeper than a file may be.
    """
    if depth > DEEPEST:
        raise ScenarioError([Problem(file, 0, 0, "", f"is nested deeper than {DEEPEST} levels")])
    node = Node(value, Mark(0, 0))
    if isinstance(value, Mapping):
        node.children = {str(key): unplaced(one, file, depth + 1) for key, one in value.items()}
        node.value = {key: child.value for key, child in node.children.items()}
    elif isinstance(value, list | tuple):
        node.children = {place: unplaced(one, file, depth + 1) for place, one in enumerate(value)}
        node.value = [child.value for child in node.children.values()]
    elif type(value).__module__ == "numpy" and hasattr(value, "item"):
        node.value = value.item()
    node.keys = dict.fromkeys(node.children, node.mark)
    return node
