"""The plan: the cheapest values that meet every objective with confidence, found by theory and certified by simulation.

The confidence is that of the whole answer: half of the error allowed is for an answer that does not hold, half for one
that is dearer than need be. Where one key alone is bisected, a wrong verdict on the way matters only at the boundary,
as all candidates share their random numbers. Where an answer is the cheapest of many combinations, one that met its
objectives by luck would be chosen for it, so the winner is certified once more on random numbers not yet seen;
where two of one cost do not hold up there, the others of it stay open, and what costs more is tried.
A random cost is compared by the procedure KN (see `selection`) among those that meet everything.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from sim.errors import UsageError
from sim.scenario.idle import without_effect
from sim.scenario.mishaps import window_words
from sim.scenario.plan import Plan
from sim.scenario.prices import Prices
from sim.scenario.scenario import Scenario, refuse_no_scenario
from sim.study.load import bottleneck
from sim.study.planning.candidates import Candidate, Candidates, Values, few_of, said
from sim.study.planning.cost import Pricing
from sim.study.planning.levers import Lever, levers_of, objectives_of
from sim.study.planning.neighbours import breaches_of, looked_around, one_lost
from sim.study.planning.planned import Planned
from sim.study.planning.reasons import why_missed
from sim.study.planning.search import Search
from sim.study.planning.thrift import thriftiest
from sim.theory.staffing import first_guess

__all__ = ["Planned", "plan"]

MOST_COMBINATIONS: Final = 100_000
"""Combinations of the keys that are gone through."""

MOST_CONFIRMATIONS: Final = 10
MOST_OF_ONE_COST: Final = 2
"""Certified again, before what costs more is."""

Progress = Callable[[str], None]


def plan(
    scenario: Scenario,
    *,
    vary: Mapping[str, Sequence[Any]] | None = None,
    minimize: str | Prices | None = None,
    confidence: float | None = None,
    regret: bool = False,
    theory: bool = True,
    jobs: int | None = None,
    progress: Progress | None = None,
) -> Planned:
    """The cheapest values that meet every objective, as written and in all that must be survived, with confidence.

    Workers (and instances) are taken to do no harm by being more, unless an objective or the service speaks against it,
    and are bisected; every other key is gone through. `Planned.levers` says which, and `Planned.breaches` where the
    simulation spoke against it.

    Args:
        scenario: its objectives must hold; its plan says what may vary, what is minimized and what must be survived.
            Without a plan, the workers of the service whose load is nearest to its capacity vary, from 1 up.
        vary: key path -> values, in place of the scenario's own.
        minimize: a key path or prices, in place of the scenario's own.
        confidence: that the answer meets everything and nothing cheaper does; in place of the scenario's own.
        regret: also plan for 0.8, 0.9, 1.1 and 1.2 times the load, and tell what this plan is worth there.
        theory: whether exact models may settle what simulation leaves open; where to begin they say anyway.
        jobs: threads.
        progress: told which candidate is being simulated.

    Raises:
        UsageError: there are no objectives (unless the cost is measured), or too many combinations.
    """
    refuse_no_scenario(scenario)
    asked = _asked(scenario, vary, minimize, confidence)
    own = asked.plan
    assert own is not None  # it was just made
    pricing = Pricing(asked, own.minimize)
    if not objectives_of(asked) and not pricing.measured:
        raise UsageError(
            "a plan needs an objective to meet; for example "
            'objectives: [{subject: "traffic:web", metric: latency_p99, at_most: 1s}]'
        )
    candidates = Candidates(asked, pricing, 1.0 - (1.0 - own.confidence) / 2.0, jobs, progress, theory=theory)
    planned = _planned(asked, own, candidates, jobs)
    if regret and planned.best is not None:
        from sim.study.planning.regret import regrets

        planned = replace(planned, regret=regrets(planned, jobs=jobs, progress=progress))
    return planned


def _planned(scenario: Scenario, own: Plan, candidates: Candidates, jobs: int | None) -> Planned:
    error, pricing = 1.0 - own.confidence, candidates.pricing
    levers = levers_of(scenario, own.vary)
    for lever in levers:
        endless = [value for value in lever.values if value in (math.inf, "inf")]
        if any(math.isinf(pricing.certain({lever.path: value})) for value in endless):
            raise UsageError(
                f"{lever.path} = inf has no cost, and costs are minimized; leave it out, for example [5, 20, 100]"
            )
    search = Search(candidates, levers, pricing, _guesser(candidates))
    if search.combinations > MOST_COMBINATIONS:
        raise UsageError(
            f"{search.combinations:,} combinations beside the key that is bisected; the most are {MOST_COMBINATIONS:,}"
        )
    notes = [*(f"{words}." for words in without_effect(scenario)), *filter(None, [window_words(scenario)])]
    if pricing.measured:
        best, sure = _confirmed(
            lambda _: thriftiest(search, candidates, own.indifference, error / 4.0, jobs, notes),
            search.combinations,
            candidates,
            error / 4.0,
            notes,
        )
    else:
        best, sure = _confirmed(
            lambda above: (_roomiest(search.cheapest(above), candidates), True),
            search.combinations,
            candidates,
            error / 2.0,
            notes,
        )
    if best is not None:
        looked_around(candidates, levers, best, search.inner)
    elif not candidates.found:
        # All of them are ruled out by the flow alone: the largest is shown, and why it is not enough.
        candidates.at({lever.path: lever.values[-1] for lever in levers})
    return _outcome(scenario, own, search, candidates, best, sure, notes)


def _confirmed(
    choose: Callable[[float], tuple[Candidate | None, bool]],
    combinations: int,
    candidates: Candidates,
    error: float,
    notes: list[str],
) -> tuple[Candidate | None, bool]:
    """The cheapest, and whether it is surely so; certified again where it was chosen among many combinations.

    One that fails makes way for the next; where some of one cost have failed, for one that costs more, as the others
    of that cost are hardly better.

    Args:
        choose: the cheapest of those that cost more than so much, where the cost is known.
        combinations: how many there are, the bisected key aside.
        candidates: what is simulated.
        error: the chance allowed that the answer does not hold.
        notes: told of those that failed.
    """
    above, failed = -math.inf, Counter[float]()
    best, sure = choose(above)
    if combinations == 1:
        return best, sure
    for attempt in range(1, MOST_CONFIRMATIONS + 1):
        if best is None:
            return None, sure
        # 1/2 + 1/6 + 1/12 + … = 1: something is left for a late one, too.
        again = candidates.confirmed(best, 1.0 - error / (attempt * (attempt + 1)))
        if again.verdict == "met":
            return best, sure
        notes.append(
            f"{said(best.values)} was met in the search, and {again.verdict} on other random numbers."
        )
        candidates.replace(again)
        failed[best.cost] += 1
        if failed[best.cost] == MOST_OF_ONE_COST and not candidates.pricing.measured:
            above = best.cost
            notes.extend(_left_open(candidates, above))
        best, sure = choose(above)
    return None, sure


def _left_open(candidates: Candidates, most: float) -> Iterator[str]:
    """Leaves open what was met in the search at this cost or less, and is not certified again; says so."""
    met = [one for one in candidates.found.values() if one.verdict == "met" and one.cost <= most]
    for one in met:
        candidates.replace(replace(one, verdict="inconclusive"))
    if met:
        yield f"{len(met)} more of that cost or less were met in the search, and not judged again: they are left open."


def _roomiest(best: Candidate | None, candidates: Candidates) -> Candidate | None:
    """Of those that were met at the same cost, the one with the most room: it is the likeliest to be met again."""
    if best is None:
        return None
    equal = [one for one in candidates.found.values() if one.verdict == "met" and one.cost == best.cost]
    return max(equal, key=lambda one: one.least_room)


def _outcome(
    scenario: Scenario,
    own: Plan,
    search: Search,
    candidates: Candidates,
    best: Candidate | None,
    sure: bool,
    notes: Sequence[str],
) -> Planned:
    paths = tuple(own.vary)
    ordered = sorted(candidates.found.values(), key=lambda one: _place(one, search.levers))
    # Those with a worker lost may be none of the plan's own candidates.
    lost = () if best is None else one_lost(candidates, best)
    undecided = tuple(
        one
        for one in ordered
        if one.verdict == "inconclusive" and (best is None or _may_be_cheaper(one, best, candidates.pricing))
    )
    verdict = "met" if best is not None else "inconclusive" if undecided else "missed"
    if best is not None and not candidates.pricing.measured:
        notes = [*notes, *_as_cheap(best, ordered)]
    if verdict == "missed":
        notes = [*notes, *why_missed(candidates.cases.written, search.levers, ordered)]
    return Planned(
        scenario=scenario,
        confidence=own.confidence,
        verdict=verdict,
        best=None if best is None else best.values,
        cost=None if best is None else best.cost,
        cost_low=None if best is None else best.cost_low,
        cost_high=None if best is None else best.cost_high,
        cost_unit=candidates.pricing.unit,
        minimal=best is not None and sure and not undecided,
        candidates=tuple(ordered),
        binding=_binding(best, ordered),
        first_guess=search.first_guess,
        paths=paths,
        levers=search.levers,
        undecided=undecided,
        lost=lost,
        breaches=breaches_of(ordered, search.levers),
        notes=tuple(dict.fromkeys((*notes, *(best.notes if best is not None else ())))),
        combinations=math.prod(len(lever.values) for lever in search.levers),
        overloaded=candidates.overloaded,
        replications=candidates.replications,
    )


def _as_cheap(best: Candidate, ordered: Sequence[Candidate]) -> Iterator[str]:
    """Others that were met at the very cost of the answer, in words."""
    equal = [one for one in ordered if one.verdict == "met" and one.cost == best.cost]
    others = [said(one.values) for one in equal if one.values != best.values]
    if others:
        yield f"Met at the same cost too: {few_of(others)}. The answer is the one with the most room to its bounds."


def _may_be_cheaper(one: Candidate, best: Candidate, pricing: Pricing) -> bool:
    """By what is there for certain, and by what was measured, where it was."""
    return pricing.certain(one.values) < best.cost and not one.cost_low > best.cost


def _asked(
    scenario: Scenario,
    vary: Mapping[str, Sequence[Any]] | None,
    minimize: str | Prices | None,
    confidence: float | None,
) -> Scenario:
    """The scenario with a plan that says all of what was asked."""
    own = scenario.plan
    if confidence is not None and not 0.5 <= confidence < 1.0:
        raise UsageError(f"confidence {confidence:g} is not at least 0.5 and less than 1; for example 0.95")
    changes: dict[str, object] = {}
    if vary is not None or own is None or not own.vary:
        chosen = vary if vary is not None else default_range(scenario)
        changes["plan.vary"] = {lever.path: list(lever.values) for lever in levers_of(scenario, chosen)}
    if minimize is not None:
        changes["plan.minimize"] = minimize
    if confidence is not None:
        changes["plan.confidence"] = confidence
    return scenario.set(changes)


def _guesser(candidates: Candidates) -> Callable[[Values, str, Sequence[int]], int]:
    """Theory's first guess at a number of workers, of the scenario as written."""

    def guess(rest: Values, path: str, sizes: Sequence[int]) -> int:
        _, service, what = path.split(".")
        base = candidates.cases.written
        if what != "workers" or not base.objectives:
            return sizes[-1]
        return first_guess(base.set(rest), service, sizes[0], sizes[-1])

    return guess


def default_range(scenario: Scenario) -> dict[str, Sequence[Any]]:
    """What varies where nothing is said: the workers of the service whose load is nearest to its capacity."""
    service, load = bottleneck(scenario)
    workers = scenario.services[service].workers
    present = int(workers) if math.isfinite(workers) else 1
    needed = math.ceil(present * load.ratio) if math.isfinite(load.ratio) else present
    return {f"services.{service}.workers": list(range(1, max(16, 4 * present, 4 * needed) + 1))}


def _place(candidate: Candidate, levers: Sequence[Lever]) -> tuple[int, ...]:
    return tuple(lever.values.index(candidate.values[lever.path]) for lever in levers)


def _binding(best: Candidate | None, ordered: Sequence[Candidate]) -> dict[str, Any] | None:
    """What fails in the dearest candidate that is cheaper than the best; without one, what has the least room left."""
    if best is None:
        nearest = max(ordered, key=lambda one: one.least_room, default=None)
        return None if nearest is None else nearest.binding
    cheaper = [one for one in ordered if one.cost < best.cost and one.verdict != "met"]
    below = max(cheaper, key=lambda one: (one.cost, one.least_room), default=None)
    return best.binding if below is None else below.binding
