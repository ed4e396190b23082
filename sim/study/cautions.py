"""What a reader must know before trusting a comparison, as far as its runs tell."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from sim.scenario.mishaps import must_survive
from sim.units import format_ratio

if TYPE_CHECKING:
    from sim.measure.results import Results
    from sim.study.comparison.compare import Comparison

ONE = "One replication has no interval: nothing is shown beyond this one run. Ask for 10 or more."
FEW = "So few replications show large differences alone; ask for 10 or more."
TWO_FATES = (
    "{}: some replications collapse and others do not, and their mean describes neither; read the fates."
)
LUCKY = (
    "{}: latency is of requests that succeed, and their share differs; where few do, it is that of the lucky."
)
WINDOWS = "{}: the measured window is not the baseline's ({}); rates compare, totals over the run do not."
MISSING = "{}: {} of {} figures are missing from some replications (nothing succeeded there), and show no difference."

UNJUDGED = "What plan.survive says was not judged; `forebay check --survive`, plan and headroom do."


def cautions(comparison: Comparison) -> tuple[str, ...]:
    """The sentences that apply, each once for every variant that it is about."""
    base = comparison.results[comparison.baseline]
    found = [ONE] if base.replications == 1 else [FEW] if base.replications < 5 else []
    for name in comparison.variants:
        other = comparison.results[name]
        if name in comparison.fates and comparison.fates[name].two:
            found.append(TWO_FATES.format(name))
        windows = [(each.warmup, each.scenario.run.duration) for each in (base, other)]
        if windows[0] != windows[1]:
            words = " against ".join(f"{warmup:g} s to {end:g} s" for warmup, end in reversed(windows))
            found.append(WINDOWS.format(name, words))
        own = [each for each in comparison.pairings if each.variant == name]
        missing = sum(not each.complete for each in own)
        if missing:
            found.append(MISSING.format(name, missing, len(own)))
        if any(each.metric == "success_ratio" and _beyond(each.paired.low, each.paired.high) for each in own):
            found.append(LUCKY.format(name))
    if any(must_survive(results.scenario) for results in comparison.results.values()):
        found.append(UNJUDGED)
    return tuple(found)


FEW_SUCCEED = (
    "traffic:{}: only {} of the requests succeed, and its latency is of those: an objective on it is met or missed by "
    "the few."
)
FEW_ENOUGH = 0.5
"""The share of requests below which those that succeed are few."""


def of_the_few(results: Results) -> list[str]:
    """A sentence for each traffic class with an objective on latency of which few requests succeed."""
    timed = {one.subject for one in results.scenario.objectives if one.metric.startswith("latency_")}
    shares = {
        name: results.estimate(f"traffic:{name}", "success_ratio")[0]
        for name in results.scenario.traffic
        if f"traffic:{name}" in timed
    }
    return [
        FEW_SUCCEED.format(name, format_ratio(float(f"{share:.3g}")))
        for name, share in shares.items()
        if share < FEW_ENOUGH
    ]


def _beyond(low: float, high: float) -> bool:
    return not math.isnan(low) and (low > 0.0 or high < 0.0)
