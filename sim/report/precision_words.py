"""A precision in words: what was wanted, what was reached, and what it would take."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from sim.report.figures import figure, metric_words, subject_words, unit_shown
from sim.scenario.metrics import unit_of

if TYPE_CHECKING:
    from sim.measure.precision import Reached


def reached_words(found: Reached) -> str:
    """Whether it was reached, and how many replications more it takes."""
    if found.reached:
        return "reached"
    if math.isfinite(found.more):
        return f"not reached: about {found.more:,.0f} more"
    if math.isinf(found.more):
        return "not reached: some replications have no such figure"
    return "not reached: no telling how many more"


def precision_words(found: Reached) -> str:
    """The figure with its interval, how wide that is and might be, and by how many replications."""
    wanted = found.wanted
    measured = figure(found.value, found.low, found.high, unit_shown(wanted.metric, unit_of(wanted.metric)))
    half, most = (figure(share, unit="ratio") for share in (found.relative, wanted.relative))
    named = f"{metric_words(wanted.metric)} of {subject_words(wanted.subject)}"
    return (
        f"{named} {measured}: ± {half} where ± {most} is wanted, {reached_words(found)}; "
        f"{found.replications:,} replications"
    )
