"""From tables to a page and pictures. Nothing heavy is imported until something is drawn or written."""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sim.report.notebook import results_html, scenario_html
    from sim.report.page import Report, build, report, write
    from sim.report.pictures.timeline import compare
    from sim.report.plots import Plots

__all__ = ["Plots", "Report", "build", "compare", "report", "results_html", "scenario_html", "write"]

_HOME = {
    "Plots": "plots",
    "compare": "pictures.timeline",
    "results_html": "notebook",
    "scenario_html": "notebook",
}
"""Public name -> the module where it lives; `page` for the others."""


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME.get(name, 'page')}"), name)


class _Callable(ModuleType):
    """Lets `sim.report(scenario, path)` be said, though `sim.report` is also this package."""

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        from sim.report.page import report

        return report(*arguments, **options)


sys.modules[__name__].__class__ = _Callable
