"""Fates: which replications collapsed and which did not, paired between two scenarios.

Near the edge of a collapse a mean over replications describes none of them; the pairs say more.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sim.study.load import callers
from sim.study.metastability.recovery import recovery

if TYPE_CHECKING:
    from sim.measure.results import Results

COLLAPSED = 0.5
ENDING = 0.1
"""Without a fault to recover from: less than this share of what is offered is answered in the run's last share."""

BY_RECOVERY = (
    "collapsed: a backlog (queue and waiting retries) that was never back at its level before the first fault"
)
BY_GOODPUT = "collapsed: in the last tenth of the run less than half of what was offered was answered in time"


@dataclass(frozen=True)
class PairedFates:
    """How many replications collapsed in neither scenario, in the baseline or the variant alone, and in both."""

    sense: str
    neither: int
    baseline_only: int
    variant_only: int
    both: int

    @property
    def two(self) -> bool:
        """Whether in one of the scenarios some replications collapsed and others did not: its means mislead."""
        count = self.neither + self.baseline_only + self.variant_only + self.both
        return any(
            0 < collapsed < count
            for collapsed in (self.baseline_only + self.both, self.variant_only + self.both)
        )

    @property
    def any(self) -> bool:
        """Whether any replication of either scenario collapsed."""
        return self.baseline_only + self.variant_only + self.both > 0


def paired_fates(baseline: Results, variant: Results) -> PairedFates:
    """The paired fates of two results, by recovery from their faults where there is one to be had, else by goodput."""
    sense = BY_RECOVERY
    sides = [_unrecovered(results) for results in (baseline, variant)]
    if any(side is None for side in sides):
        sense, sides = BY_GOODPUT, [_starved(results) for results in (baseline, variant)]
    one, other = (side or [] for side in sides)
    pairs = list(zip(one, other, strict=True))
    return PairedFates(
        sense,
        pairs.count((False, False)),
        pairs.count((True, False)),
        pairs.count((False, True)),
        pairs.count((True, True)),
    )


def _unrecovered(results: Results) -> list[bool] | None:
    """By replication, whether some service did not recover; None where recovery is not defined."""
    scenario = results.scenario
    if not scenario.faults or results.series.empty:
        return None
    found = [
        recovery(results, service, list(scenario.faults))
        for service in scenario.services
        if callers(scenario, service)
    ]
    times = [each.times for each in found if each is not None]
    if not times or len(times) < len(found):
        return None
    return [any(math.isinf(time) for time in of_one) for of_one in zip(*times, strict=True)]


def _starved(results: Results) -> list[bool]:
    """By replication, whether goodput at the end was less than half of the load offered."""
    series = results.series
    # A bin may be wider than that share: the last one is there at any rate.
    begin = min((1.0 - ENDING) * results.scenario.run.duration, float(series["time"].max()))
    end = series[(series["subject"] == "system") & (series["time"] >= begin)]
    totals = end.pivot_table(index="replication", columns="metric", values="value", aggfunc="sum")
    return [bool(row["goodput"] < COLLAPSED * row["offered"]) for _, row in totals.iterrows()]
