"""A rule's plain function compiled for the kernel: the same code, rebound to machine words and compiled callees.

Nothing here imports numba: a kernel that was kept is loaded without it.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar, cast

import numpy as np

from sim import draws

_compiled: dict[types.FunctionType, Any] = {}


F = TypeVar("F", bound=Callable[..., Any])


class Later:
    """What a kernel is made of, by the function that tells numba what it is, once the kernel is compiled."""

    def __init__(self, tell: Callable[[], Any]) -> None:
        self._tell = tell

    @cached_property
    def _told(self) -> Any:
        return self._tell()

    @property
    def _numba_type_(self) -> Any:
        """Where numba looks for the type of what it does not know."""
        return getattr(self._told, "_numba_type_", self._told)


def machine_code(function: F) -> F:
    """The function compiled when it is first called; to a type checker still the function itself."""
    return cast("F", _part(function))


def inlined(function: F) -> F:
    """The same for a function so small that a call would cost more than it does."""
    return cast("F", _part(function, inlined=True))


def _part(function: Callable[..., Any], *, inlined: bool = False) -> Later:
    def tell() -> Any:
        from sim.engines.parts import PartFunction

        return PartFunction(function, inlined)

    return Later(tell)


def compiled(function: Callable[..., Any]) -> Any:
    """`function` as machine code, with every plain function of the package that it calls compiled too."""
    if not isinstance(function, types.FunctionType):
        raise TypeError(f"{function!r} is not a plain function")
    if function not in _compiled:
        _compiled[function] = _part(_rebound(function), inlined=function.__module__ == draws.__name__)
    return _compiled[function]


def sources() -> set[Path]:
    """The files that the compiled rules are written in."""
    return {Path(function.__code__.co_filename) for function in _compiled}


def replace(function: Callable[..., Any], by: Any) -> None:
    """From now on, compiled code that calls `function` calls `by`, an already compiled function."""
    assert isinstance(function, types.FunctionType)
    _compiled[function] = by


def ladder(rules: Sequence[Callable[..., Any] | None], arguments: str, otherwise: str) -> Any:
    """A compiled function of (op, *arguments) that runs the rule at place `op`; `otherwise` is the value for none.

    `otherwise` must be a value that stops the run (a NaN time is refused by the kernel), never one that goes unseen.
    """
    body = [f"def choose(op, {arguments}):"]
    scope: dict[str, Any] = {"nan": float("nan")}
    for place, rule in enumerate(rules):
        if rule is None:
            continue
        scope[f"rule_{place}"] = compiled(rule)
        body += [f"    if op == {place}:", f"        return rule_{place}({arguments})"]
    body.append(f"    return {otherwise}")
    exec("\n".join(body), scope)  # the source above is made of the package's own names alone
    return _part(scope["choose"])


def _rebound(function: types.FunctionType) -> types.FunctionType:
    scope = dict(function.__globals__)
    for name in function.__code__.co_names:
        value = scope.get(name)
        if isinstance(value, types.FunctionType) and value.__module__.partition(".")[0] == "sim":
            scope[name] = compiled(value)
        elif function.__module__ == draws.__name__ and isinstance(value, int):
            scope[name] = np.uint64(value)
    if function.__module__ == draws.__name__:
        scope["WORD"] = np.uint64
    return types.FunctionType(function.__code__, scope, function.__name__, function.__defaults__)
