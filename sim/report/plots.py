"""The pictures of results and of a comparison: `results.plot.timeline()` and others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sim.measure.results import Results
    from sim.report.pictures.style import Picture
    from sim.study.comparison.compare import Comparison


@dataclass(frozen=True)
class Plots:
    """The pictures of one set of results; each is a matplotlib figure."""

    results: Results

    def timeline(self, service: str | None = None) -> Picture:
        """Load, queue, workers, 503s and retries over time; at the busiest service unless one is named."""
        from sim.report.pictures.timeline import timeline

        return timeline(self.results, service)

    def latency(self, metric: str = "latency") -> Picture:
        """The share of requests slower than the time on the axis; `metric` may be `wait` or `sojourn`."""
        from sim.report.pictures.distribution import latency

        return latency(self.results, metric)

    def littles_law(self) -> Picture:
        """L beside λW at every boundary."""
        from sim.report.pictures.audit import littles_law

        return littles_law(self.results)

    def theory(self) -> Picture:
        """Simulation as a ratio of theory, for every figure that both give."""
        from sim.report.material import Material
        from sim.report.pictures.audit import theory_beside_simulation
        from sim.report.sections.audit import beside
        from sim.theory.match import analyze

        scenario = self.results.scenario
        material = Material(scenario, self.results, analyze(scenario))
        return theory_beside_simulation(beside(material))


@dataclass(frozen=True)
class ComparisonPlots:
    """The pictures of a comparison; each is a matplotlib figure."""

    comparison: Comparison

    def timeline(self, service: str | None = None) -> Picture:
        """Load, goodput, queue, 503s and waiting retries over time, all scenarios on the same axes."""
        from sim.report.pictures.timeline import overlay

        return overlay(self.comparison.results, service)

    def differences(self) -> Picture:
        """The paired differences of the headline figures, the better side on the right."""
        from sim.report.comparison import whiskers
        from sim.report.pictures.forest import forest

        return forest(whiskers(self.comparison), self.comparison.baseline)
