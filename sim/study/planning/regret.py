"""Regret: what a plan is worth if the load is another than was thought, and what would have been right."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from typing import Final

from sim.scenario.scenario import Scenario
from sim.study.load import scaled
from sim.study.planning.candidates import Candidates, Values
from sim.study.planning.cost import Pricing
from sim.study.planning.planned import Planned, Regret
from sim.study.replicate import run

FACTORS: Final = (0.8, 0.9, 1.1, 1.2)
"""The load as a multiple of the load as written."""

PAIRS: Final = 100
"""Replications of either choice, under the same random numbers, by which a measured cost is compared."""


def regrets(
    planned: Planned,
    *,
    factors: Sequence[float] = FACTORS,
    jobs: int | None = None,
    progress: Callable[[str], None] | None = None,
) -> tuple[Regret, ...]:
    """The plan under other loads, and the plan that would have been right for each.

    Args:
        planned: with a best.
        factors: on the load as written.
        jobs: threads.
        progress: told what is being simulated.
    """
    return tuple(_regret(planned, factor, jobs, progress) for factor in factors)


def _regret(
    planned: Planned, factor: float, jobs: int | None, progress: Callable[[str], None] | None
) -> Regret:
    from sim.study.planning.plan import plan

    assert planned.best is not None  # the caller has seen to it
    scenario = scaled(planned.scenario, factor)
    own = scenario.plan
    assert own is not None  # a plan was made from it

    def told(candidate: str) -> None:
        if progress is not None:
            progress(f"{candidate} at {factor:g} times the load")

    pricing = Pricing(scenario, own.minimize)
    held = Candidates(scenario, pricing, own.confidence, jobs, told).at(planned.best)
    right = plan(scenario, jobs=jobs, progress=told)
    extra: float | None
    if right.best is None or right.cost is None:
        extra = None
    elif right.best == planned.best:
        extra = 0.0
    elif pricing.measured:
        extra = _dearer(scenario, pricing, planned.best, right.best, jobs)
    else:
        extra = held.cost - right.cost
    return Regret(factor, held.verdict, right.best, right.cost, extra, held.binding)


def _dearer(scenario: Scenario, pricing: Pricing, one: Values, other: Values, jobs: int | None) -> float:
    """By how much the one choice of values costs more than the other, as the mean over pairs of replications."""
    costs = [
        pricing.each(run(scenario.set(values), replications=PAIRS, jobs=jobs)) for values in (one, other)
    ]
    return statistics.fmean(mine - theirs for mine, theirs in zip(*costs, strict=True))
