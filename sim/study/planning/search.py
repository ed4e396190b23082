"""The search of a plan: the cheapest candidate that is certain to meet everything, exactly, in few simulations.

One key along which more is no worse (the one with most values) is bisected; the others are gone through, one
combination after the other, in a shuffled order. For a combination the first question is its largest value that would
still be cheaper than the best so far: if that is missed, all of the combination is, and one simulation has done. In a
shuffled order the best so far improves only about ln n times among n combinations, and only then is there a bisection.
What is known of one candidate holds for every one that is no less (or no more) along all such keys.
"""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from sim.study.planning.candidates import Candidate, Candidates, Values
from sim.study.planning.cost import Pricing
from sim.study.planning.judged import Verdict
from sim.study.planning.levers import Lever

GALLOP: Final = (1, 4, 16)
"""Steps away from the first guess before the rest of the range is halved."""

Guess = Callable[[Values, str, Sequence[int]], int]
"""(the other values, key path, sizes) -> the size at which theory would begin."""


class Search:
    """A search over the levers; it may be asked again after a candidate's verdict was changed."""

    def __init__(
        self, candidates: Candidates, levers: Sequence[Lever], pricing: Pricing, guess: Guess
    ) -> None:
        self.candidates, self.pricing, self.guess = candidates, pricing, guess
        rising = [lever for lever in levers if lever.monotone]
        self.levers = tuple(levers)
        self.inner = max(rising, key=lambda lever: len(lever.values), default=None)
        self.outer = tuple(lever for lever in levers if lever is not self.inner)
        self.others = tuple(lever for lever in self.outer if lever.monotone)
        self.known: dict[tuple[tuple[str, Any], ...], list[tuple[tuple[int, ...], Verdict]]] = {}
        """What was not met, by the values of the keys about which nothing is assumed: places along the others."""
        self.first_guess: int | None = None

    @property
    def combinations(self) -> int:
        """How many there are, the bisected key aside."""
        return math.prod(len(lever.values) for lever in self.outer)

    def cheapest(self, above: float = -math.inf) -> Candidate | None:
        """The cheapest candidate that is certain to be met, of equal costs the one found first; None without one.

        Args:
            above: only what costs more than this.
        """
        self.known.clear()
        best: Candidate | None = None
        limit = math.inf
        for rest in self.combinations_in_order():
            found = self._cheapest_of(rest, above, limit, best)
            if found is not None:
                best, limit = found, self.pricing.certain(found.values)
        return best

    def combinations_in_order(self) -> Iterator[dict[str, Any]]:
        """Every combination of the keys gone through, shuffled, always in the same order."""
        paths = [lever.path for lever in self.outer]
        every = list(itertools.product(*(lever.values for lever in self.outer)))
        random.Random(len(every)).shuffle(every)  # noqa: S311  # an order, not a secret
        for values in every:
            yield dict(zip(paths, values, strict=True))

    def _cheapest_of(
        self, rest: dict[str, Any], above: float, limit: float, best: Candidate | None
    ) -> Candidate | None:
        """The cheapest of one combination that is certain to be met and costs more than `above`, less than `limit`."""
        if self.inner is None:
            if not above < self.pricing.certain(rest) < limit:
                return None
            return self.candidates.at(rest) if self._verdict(rest) == "met" else None
        sizes = [size for size in self.inner.values if above < self._cost(rest, size) < limit]
        return self.fewest(rest, sizes, from_above=best is not None) if sizes else None

    def fewest(self, rest: dict[str, Any], sizes: Sequence[int], *, from_above: bool) -> Candidate | None:
        """The least size of a combination that is certain to be met; None if the largest is not.

        Begun at the largest if it is likely to be missed (`from_above`), else at theory's guess; then in a few
        growing steps, as theory is seldom far off; then by halves.
        """
        assert self.inner is not None
        path = self.inner.path

        def met(place: int) -> bool:
            return self._verdict({**rest, path: sizes[place]}) == "met"

        short, enough = -1, len(sizes)
        if from_above:
            if not met(len(sizes) - 1):
                return None
            enough -= 1
        if enough > 0:
            guess = self.guess(rest, path, sizes)
            if self.first_guess is None:
                self.first_guess = guess
            place = min(range(enough), key=lambda one: abs(sizes[one] - guess))
            short, enough = _bracket(met, place, short, enough)
        while enough - short > 1:
            middle = (short + enough) // 2
            if met(middle):
                enough = middle
            else:
                short = middle
        if enough == len(sizes):
            return None
        return self.candidates.at({**rest, path: sizes[enough]})

    def _verdict(self, values: dict[str, Any]) -> Verdict:
        """Of one candidate: what follows from one that is no less and not met; else what flow or simulation say."""
        rising = [lever for lever in (*self.others, self.inner) if lever is not None]
        places = tuple(lever.values.index(values[lever.path]) for lever in rising)
        fixed = tuple((lever.path, values[lever.path]) for lever in self.levers if lever not in rising)
        known = self.known.setdefault(fixed, [])
        above = {word for one, word in known if all(a >= b for a, b in zip(one, places, strict=True))}
        if above:
            return "missed" if "missed" in above else "inconclusive"
        verdict = self.candidates.verdict(values)
        if verdict != "met":
            known.append((places, verdict))
        return verdict

    def _cost(self, rest: dict[str, Any], size: int) -> float:
        assert self.inner is not None
        return self.pricing.certain({**rest, self.inner.path: size})


def _bracket(met: Callable[[int], bool], begin: int, short: int, enough: int) -> tuple[int, int]:
    """Two places between which the answer lies, in growing steps from `begin`: down while it is met, else up."""

    def asked(place: int) -> bool:
        nonlocal short, enough
        found = met(place)
        short, enough = (short, place) if found else (place, enough)
        return found

    down = asked(begin)
    for step in GALLOP:
        place = max(short + 1, enough - step) if down else min(enough - 1, short + step)
        if place in (short, enough) or asked(place) != down:
            break
    return short, enough
