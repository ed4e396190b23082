"""What a certificate cannot know from its runs, and the scenario says: that the work varies too much for few."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Final

from sim.scenario.scenario import Scenario
from sim.study.planning.judged import Judged

HEAVY: Final = 3.0
"""The work's coefficient of variation from which means are certified wrongly too often (docs/model.md)."""

LEVELS: Final = frozenset({"queue_length", "in_system", "orbit", "blocked"})
"""Means over time; those over requests end in `_mean`."""


def cautions(scenario: Scenario, rows: Sequence[Judged]) -> Iterator[str]:
    """A sentence for each mean that runs alone call met, where the work that it hangs on has a heavy tail."""
    varies = max((math.sqrt(scenario.service_time_of(name).scv()) for name in scenario.traffic), default=0.0)
    if varies < HEAVY:
        return
    for row in rows:
        is_mean = row.metric.endswith("_mean") or row.metric in LEVELS
        if is_mean and row.verdict == "met" and row.decided_by == "simulation":
            yield (
                f"{row.metric} of {row.subject} is a mean, and the work varies much (coefficient of variation "
                f"{varies:.3g}): few runs hold the few longest jobs, so such a mean is called met wrongly more often "
                "than is stated; a quantile, or longer runs, can be relied on."
            )
