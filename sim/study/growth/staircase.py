"""The staircase: when each size of a service runs out, and when the next one must be ordered."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from sim.measure.intervals import CONFIDENCE
from sim.study.growth.demand import Demand


@dataclass(frozen=True)
class Size:
    """How much load a number of workers can take, as multiples of the load as written.

    factor: the estimate. low, high: certified to be met, and to be missed. searched: whether it was simulated; if not,
    it lies between sizes that were.
    """

    workers: int
    factor: float
    low: float
    high: float
    searched: bool = True


@dataclass(frozen=True)
class RunOut:
    """When a load passes a capacity, in s from the start; inf where it does not within the horizon, nan if not known.

    time: the expected load, the estimated capacity. earliest, latest: what is not known of both taken together.
    """

    time: float
    earliest: float
    latest: float


@dataclass(frozen=True)
class Step:
    """One purchase: so many workers more, needed when what was there runs out.

    before, after: the sizes. needed: when the size before runs out. order: when to order at the latest, so that it is
    there at the earliest time at which it may be needed; negative if that is past. order_expected: the same for the
    expected time. arrives: when it is there, ordered then, or at the start if that is later. Times in s from the start.
    """

    before: Size
    after: Size
    needed: RunOut
    order: float
    order_expected: float
    arrives: float

    @property
    def bought(self) -> int:
        """How many workers more."""
        return self.after.workers - self.before.workers


def passing(levels: Sequence[tuple[float, float]], capacity: float) -> float:
    """The first time at which a load, a line between (time, level) points in order, is at a capacity; inf if never.

    Between two points the logarithm of the load is a straight line, as that of steady growth is.
    """
    for place, (time, level) in enumerate(levels):
        if level >= capacity:
            if place == 0:
                return time
            before, lower = levels[place - 1]
            if math.isinf(level) or lower <= 0.0:
                return time
            share = math.log(capacity / lower) / math.log(level / lower)
            return before + share * (time - before)
    return math.inf


def run_out(demand: Demand, size: Size, confidence: float = CONFIDENCE) -> RunOut:
    """When the load passes what a size can take.

    The interval holds with 1 - 2·(1 - confidence), should the size's own have this confidence too (Bonferroni): the
    upper bound of the load meets what is certified to be met, its lower bound what is certified to be missed.
    """
    times = list(moments(demand))
    levels = [(time, demand.at(time, confidence)) for time in times]
    return RunOut(
        time=math.nan
        if math.isnan(size.factor)
        else passing([(time, level.mean) for time, level in levels], size.factor),
        earliest=passing([(time, level.high) for time, level in levels], size.low),
        latest=passing([(time, level.low) for time, level in levels], size.high),
    )


def moments(demand: Demand) -> Iterator[float]:
    """The times at which the level may bend, from 0 to the horizon."""
    steps = math.floor(demand.horizon / demand.step * (1.0 + 1e-12))
    for place in range(steps + 1):
        yield place * demand.step
    if steps * demand.step < demand.horizon * (1.0 - 1e-12):
        yield demand.horizon


def peak(demand: Demand, confidence: float = CONFIDENCE) -> float:
    """The greatest level that there may be up to the horizon, by the upper end of its interval."""
    return max(demand.at(time, confidence).high for time in moments(demand))


def staircase(
    demand: Demand, sizes: Sequence[Size], lead_time: float, confidence: float = CONFIDENCE
) -> tuple[Step, ...]:
    """The purchases that may be needed up to the horizon, from each size to the next.

    Args:
        demand: the load over time.
        sizes: what is there, then what each purchase brings, more and more workers.
        lead_time: s from an order to the capacity that it brings.
        confidence: of the load's interval.
    """
    steps = []
    for before, after in itertools.pairwise(sizes):
        needed = run_out(demand, before, confidence)
        if not math.isfinite(needed.earliest):
            break
        order, expected = needed.earliest - lead_time, needed.time - lead_time
        steps.append(Step(before, after, needed, order, expected, max(needed.earliest, lead_time)))
    return tuple(steps)


def between(sizes: Sequence[Size], workers: int, left: Callable[[int], int] = int) -> Size:
    """The capacity of a size between two that are known.

    The load a worker takes, as a share of the most, is a straight line in 1/√workers: the square-root rule of
    staffing (Halfin and Whitt, 1981), which is exact in the limit and joins two near sizes well.

    Args:
        sizes: those that are known, in their order.
        workers: of the size between.
        left: workers -> those by which capacity goes: fewer where a mishap takes some, in whole ones.
    """
    above = next(place for place, size in enumerate(sizes) if size.workers > workers)
    lower, upper = sizes[above - 1], sizes[above]
    now, few, many = (left(number) for number in (workers, lower.workers, upper.workers))
    x, a, b = (1.0 / math.sqrt(number) for number in (now, few, many))
    share = (x - a) / (b - a) if few < many else 0.0

    def drawn(of_lower: float, of_upper: float) -> float:
        if not (math.isfinite(of_lower) and math.isfinite(of_upper)):
            return of_upper
        one, other = of_lower / few, of_upper / many
        return now * (one + share * (other - one))

    factor, low, high = (
        drawn(getattr(lower, name), getattr(upper, name)) for name in ("factor", "low", "high")
    )
    return Size(workers, factor, low, high, searched=False)
