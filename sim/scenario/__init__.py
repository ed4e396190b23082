"""What is asked: frozen, validated, free of any engine; one file a concept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sim.scenario.loader import check, from_mapping, load, loads
    from sim.scenario.scenario import Scenario

__all__ = ["Scenario", "check", "from_mapping", "load", "loads"]


def __getattr__(name: str) -> Any:
    # Late, so that the suggestions or the rules alone do not cost the reading of YAML.
    if name == "Scenario":
        from sim.scenario.scenario import Scenario

        return Scenario
    if name in __all__:
        from sim.scenario import loader

        return getattr(loader, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
