"""A part of the kernel made callable by itself, for tests."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import numba

from sim.engines.parts import OPTIONS


def alone(part: Any) -> Callable[..., Any]:
    """The part as a compiled function that Python can call."""

    def call(*arguments: Any) -> Any:
        return part(*arguments)

    return cast("Callable[..., Any]", numba.njit(**OPTIONS)(call))
