"""The least random cost among the candidates that meet everything, with a guaranteed probability.

What is there for certain (workers, places) bounds the cost from below, so whatever costs more for certain than the best
so far does in all is never looked at. The rest meet the procedure KN, under common random numbers.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, Final

from sim.measure.results import Results
from sim.study.planning.candidates import Candidate, Candidates, few_of, key_of, said
from sim.study.planning.search import Search
from sim.study.planning.selection import FIRST, cheapest
from sim.study.replicate import further

MOST: Final = 64
"""How many times the first replications may grow before what is left is called about equal."""

WORTH_SAYING: Final = 0.01
"""The share of the cost that what was never seen may add without a word."""


def thriftiest(
    search: Search,
    candidates: Candidates,
    indifference: float,
    error: float,
    jobs: int | None,
    notes: list[str],
) -> tuple[Candidate | None, bool]:
    """The cheapest of those that are certain to be met, and whether the selection is sure.

    Args:
        search: over the levers.
        candidates: what is simulated.
        indifference: the share of the least cost that does not matter.
        error: the chance allowed that something cheaper by more than that was passed over.
        jobs: threads.
        notes: told what is not certain.
    """
    met = _affordable(search, candidates)
    if not met:
        return None, True
    least = min(one.cost for one in met)
    delta = indifference * least if least > 0.0 else indifference
    costs: dict[int, list[float]] = {}

    def draw(place: int, many: int) -> list[float]:
        results = candidates.results[key_of(met[place].values)]
        known = costs.setdefault(place, candidates.pricing.each(results))
        if len(known) < many:
            each = 2 if results.twins else 1  # replications of one cost
            more = further(results, range(each * len(known), each * many), jobs=jobs)
            candidates.replications += more.replications
            known += candidates.pricing.each(more)
        return known[:many]

    found = cheapest(draw, len(met), indifference=delta, error=error, most=MOST * FIRST)
    # What could not be told apart costs the same, as far as anyone knows: then the least pressure is the safest.
    pressure = [_attempts_each(candidates.results[key_of(one.values)]) for one in met]
    chosen = min(found.left, key=lambda place: (pressure[place], found.means[place], place))
    if not found.sure:
        others = ", ".join(said(met[place].values) for place in found.left if place != chosen)
        notes.append(
            f"The cost of {said(met[chosen].values)} could not be told from that of {others} in "
            f"{found.replications} replications; a larger indifference than {100 * indifference:g} % would."
        )
    if len(met) > 1:
        notes.append(
            f"Costs are means of {_span(found.drawn)} replications, as many as it took to tell the cheapest from the "
            "others; objectives were judged by their own."
        )
    for place, one in enumerate(met):
        mean, low, high = candidates.cost_of(one.values, costs[place])
        candidates.replace(replace(one, cost=mean, cost_low=low, cost_high=high))
    best = candidates.at(met[chosen].values)
    notes.extend(_equals(met, found.means, pressure, chosen, delta))
    unseen = candidates.pricing.unseen(candidates.results[key_of(best.values)])
    if unseen > WORTH_SAYING * best.cost:
        notes.append(
            f"Costs are of what was seen. Refusals or failures of which so few runs saw none could cost up to "
            f"{unseen:.3g} an hour more with {said(best.values)}; `forebay rare` says how rare they are."
        )
    return best, found.sure


def _equals(
    met: Sequence[Candidate], means: Sequence[float], pressure: Sequence[float], chosen: int, delta: float
) -> Iterator[str]:
    """Names those whose mean cost is the chosen one's within δ, with how hard they press on the services."""
    places = [place for place in range(len(met)) if place != chosen and means[place] <= means[chosen] + delta]
    if not places:
        return
    places.sort(key=lambda place: (pressure[place], means[place]))
    named = few_of([f"{said(met[place].values)} ({_attempts_words(pressure[place])})" for place in places])
    yield (
        f"Within the indifference these cost the same as the answer, which makes {_attempts_words(pressure[chosen])}: "
        f"{named}."
    )


def _attempts_words(number: float) -> str:
    return f"{number:.4g} attempt{'' if f'{number:.4g}' == '1' else 's'} a request"


def _attempts_each(results: Results) -> float:
    """Attempts per request, of all traffic together; 1 without any."""
    sent, offered = (
        sum(results.estimate(f"traffic:{name}", rate)[0] for name in results.scenario.traffic)
        for rate in ("attempt_rate", "offered_rate")
    )
    return sent / offered if offered > 0.0 else 1.0


def _span(numbers: Sequence[int]) -> str:
    least, most = min(numbers), max(numbers)
    return f"{least:,}" if least == most else f"{least:,} to {most:,}"


def _affordable(search: Search, candidates: Candidates) -> list[Candidate]:
    """Candidates that are met and whose certain cost is less than the whole cost of the cheapest."""
    limit = math.inf
    met: list[Candidate] = []
    for rest in search.combinations_in_order():
        for values in _sizes(search, rest, limit):
            if not candidates.pricing.certain(values) <= limit:
                break
            one = candidates.at(values) if candidates.ruled_out(values) is None else None
            if one is not None and one.verdict == "met":
                met.append(one)
                limit = min(limit, one.cost_high)
    # Of those that cost the same the one with the least values is the answer, whatever the order of the search.
    met.sort(key=lambda one: tuple(lever.values.index(one.values[lever.path]) for lever in search.levers))
    return [one for one in met if candidates.pricing.certain(one.values) <= limit]


def _sizes(search: Search, rest: dict[str, Any], limit: float) -> list[dict[str, Any]]:
    """The values of one combination, cheapest for certain first, from the fewest that are met."""
    inner = search.inner
    if inner is None:
        return [rest]
    certain = search.candidates.pricing.certain
    sizes = [size for size in inner.values if certain({**rest, inner.path: size}) <= limit]
    least = search.fewest(rest, sizes, from_above=math.isfinite(limit)) if sizes else None
    if least is None:
        return []
    return [{**rest, inner.path: size} for size in sizes if size >= least.values[inner.path]]
