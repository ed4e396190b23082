"""What queueing theory says of a scenario, exact or approximate: `analyze(scenario)`.

The formulas are functions of plain numbers, one file a concept; `match.py` says which of them apply.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sim.scenario.scenario import Scenario
    from sim.theory.match import Model, Rejected, Theory, analyze

__all__ = ["Model", "Rejected", "Theory", "analyze"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        return getattr(import_module("sim.theory.match"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


class _Callable(ModuleType):
    """Lets `sim.theory(scenario)` be said, though `sim.theory` is also this package."""

    def __call__(self, scenario: Scenario) -> Theory:
        from sim.theory.match import analyze

        return analyze(scenario)


sys.modules[__name__].__class__ = _Callable
