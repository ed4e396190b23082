"""What a report is written from: a scenario, its results, theory's word, and curves over load."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from sim.report.figures import records

if TYPE_CHECKING:
    import pandas as pd

    from sim.measure.results import Results
    from sim.scenario.scenario import Scenario
    from sim.study.stability import Stability
    from sim.theory.match import Theory


@dataclass(frozen=True)
class Material:
    """Everything that the sections read; what is None leaves its sections out.

    `source` is the name of the scenario's file, as the command that reproduces the report will name it.
    """

    scenario: Scenario
    results: Results
    theory: Theory | None
    curve: pd.DataFrame | None
    plan: Any
    source: str
    stability: Stability | None = None

    @cached_property
    def records(self) -> dict[tuple[str, str], Any]:
        """The summary by subject and metric."""
        return {(str(row.subject), str(row.metric)): row for row in records(self.results.summary)}

    def value(self, subject: str, metric: str) -> float | None:
        """A mean of the summary; None if it is not there, or not a number."""
        row = self.records.get((subject, metric))
        return None if row is None or math.isnan(row.mean) else float(row.mean)

    @cached_property
    def own_curve(self) -> pd.DataFrame | None:
        """The curve of the scenario as written, without its variants."""
        from sim.study.curves import is_as_written

        if self.curve is None:
            return None
        own = self.curve[[is_as_written(str(name)) for name in self.curve["variant"]]]
        return own if len(own) else None


CURVES_SHARE = 0.7
"""Of the bar: the curves over load; the map of stability takes the rest."""

Progress = Callable[[float], None]
"""Told the share that is done, 0 to 1."""


def gather(
    scenario: Scenario,
    results: Results | None = None,
    *,
    curve: pd.DataFrame | None = None,
    curves: bool = True,
    plan: Any = None,
    stability: Stability | None = None,
    source: str = "scenario.yaml",
    jobs: int | None = None,
    progress: Progress | None = None,
) -> Material:
    """Run, solve, load and judge the scenario as far as not given; `curves=False` leaves out what needs more runs.

    Stability is judged where there is a trigger, with a coarse map over its height and duration.
    """
    from sim.study.curves import load_curve
    from sim.study.replicate import run
    from sim.study.stability import at_a_glance
    from sim.theory.match import analyze

    found = results if results is not None else run(scenario, jobs=jobs)
    if curve is None and curves:
        curve = load_curve(
            found.scenario,
            jobs=jobs,
            progress=None if progress is None else lambda share: progress(CURVES_SHARE * share),
        )
    if stability is None and curves:
        stability = at_a_glance(found.scenario, seed=found.seed, jobs=jobs)
    return Material(found.scenario, found, analyze(found.scenario), curve, plan, source, stability)
