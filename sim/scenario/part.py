"""The base of every part of a scenario, the names of parts, and mappings that stay as they were read."""

from __future__ import annotations

import re
from typing import Annotated, Any, NoReturn, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, WithJsonSchema

from sim.scenario.quantities import refuse, show

NAME_PATTERN = "^[A-Za-z][A-Za-z0-9_-]{0,63}$"
_NAME = re.compile(NAME_PATTERN)


class Part(BaseModel):
    """A frozen mapping of known keys: an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


K = TypeVar("K")
V = TypeVar("V")


class FrozenDict(dict[K, V]):
    """A mapping that keeps its order and cannot be changed; it has a hash if its values have one."""

    def __reduce__(self) -> tuple[type[FrozenDict[K, V]], tuple[dict[K, V]]]:
        """How to copy and pickle it: the default would fill an empty one, item by item."""
        return FrozenDict, (dict(self),)


def _refuse_change(*_: object, **__: object) -> NoReturn:
    raise TypeError("a scenario is frozen: scenario.set(path, value) makes another")


def _hash(self: FrozenDict[K, V]) -> int:
    return hash(tuple(self.items()))


for _change in ("__setitem__", "__delitem__", "__ior__", "clear", "pop", "popitem", "setdefault", "update"):
    setattr(FrozenDict, _change, _refuse_change)
FrozenDict.__hash__ = _hash  # type: ignore[assignment]  # dict says it has none


def _name(value: Any) -> str:
    if isinstance(value, str) and _NAME.fullmatch(value):
        return value
    suggestion = re.sub(r"[^A-Za-z0-9_-]+", "_", value).strip("_-")[:64] if isinstance(value, str) else ""
    raise refuse(
        f"{show(value)} is not a name: a letter first, then letters, digits, _ or -",
        "a name such as web",
        suggestion if _NAME.fullmatch(suggestion) else "",
    )


def _reference(value: Any) -> str:
    # Whether it is a name at all is said where it is given, not again at each mention.
    if isinstance(value, str):
        return value
    raise refuse(f"{show(value)} is not a name", "a name such as api")


Name = Annotated[
    str,
    BeforeValidator(_name),
    WithJsonSchema({"type": "string", "pattern": NAME_PATTERN, "description": "a name", "examples": ["web"]}),
]
"""The name of a traffic class, client or service; it can stand in a path such as `services.api.workers`."""

Reference = Annotated[
    str,
    BeforeValidator(_reference),
    WithJsonSchema({"type": "string", "description": "a name that is given elsewhere", "examples": ["api"]}),
]
"""A name of a traffic class, client or service where it is mentioned; `consistency` checks that it exists."""
