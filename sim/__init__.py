"""Forebay: how queues, refusals and retries feed on each other, and what size keeps them well.

    >>> import sim
    >>> scenario = sim.load("spike_full_jitter")  # a file, or the name of a shipped scenario
    >>> results = sim.run(scenario.set("services.api.workers", 12))
    >>> results.summary

Everything is loaded when it is first used, so that importing costs little.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sim.engines.observations import Observations as Observations
    from sim.errors import ForebayError as ForebayError
    from sim.errors import ScenarioError as ScenarioError
    from sim.errors import UsageError as UsageError
    from sim.measure.results import Results as Results
    from sim.report import report as report
    from sim.scenario.loader import check as check
    from sim.scenario.loader import load as load
    from sim.scenario.loader import loads as loads
    from sim.scenario.scenario import Scenario as Scenario
    from sim.study.comparison.compare import Comparison as Comparison
    from sim.study.comparison.compare import compare as compare
    from sim.study.growth.forecast import forecast as forecast
    from sim.study.growth.headroom import headroom as headroom
    from sim.study.metastability.stability import stability as stability
    from sim.study.planning.plan import plan as plan
    from sim.study.rare_events.rare import Rare as Rare
    from sim.study.rare_events.rare import rare as rare
    from sim.study.replicate import Interrupted as Interrupted
    from sim.study.replicate import run as run
    from sim.study.sensitivities.sensitivity import sensitivity as sensitivity
    from sim.study.sweeps.sweep import SweepInterrupted as SweepInterrupted
    from sim.study.sweeps.sweep import sweep as sweep
    from sim.study.sweeps.swept import Sweep as Sweep
    from sim.theory.match import analyze as theory

_HOME = {
    "ForebayError": "sim.errors",
    "ScenarioError": "sim.errors",
    "UsageError": "sim.errors",
    "check": "sim.scenario.loader",
    "load": "sim.scenario.loader",
    "loads": "sim.scenario.loader",
    "Scenario": "sim.scenario.scenario",
    "run": "sim.study.replicate",
    "Interrupted": "sim.study.replicate",
    "Results": "sim.measure.results",
    "Comparison": "sim.study.comparison.compare",
    "compare": "sim.study.comparison.compare",
    "forecast": "sim.study.growth.forecast",
    "headroom": "sim.study.growth.headroom",
    "plan": "sim.study.planning.plan",
    "Rare": "sim.study.rare_events.rare",
    "rare": "sim.study.rare_events.rare",
    "report": "sim.report",
    "sensitivity": "sim.study.sensitivities.sensitivity",
    "stability": "sim.study.metastability.stability",
    "sweep": "sim.study.sweeps.sweep",
    "Sweep": "sim.study.sweeps.swept",
    "SweepInterrupted": "sim.study.sweeps.sweep",
}
"""Public name -> the module where it lives."""

__all__ = [
    "Comparison",
    "ForebayError",
    "Interrupted",
    "Rare",
    "Results",
    "Scenario",
    "ScenarioError",
    "Sweep",
    "SweepInterrupted",
    "UsageError",
    "check",
    "compare",
    "forecast",
    "headroom",
    "load",
    "loads",
    "plan",
    "rare",
    "report",
    "run",
    "sensitivity",
    "stability",
    "sweep",
    "theory",
]


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name == "__version__":
        from importlib.metadata import version

        return version("forebay")
    if name == "theory":
        return import_module("sim.theory.match").analyze
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module 'sim' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
