"""SimPy's environment with Forebay's order of events, and the rules of a scenario ready to be asked: the reference
engine's ground.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Iterable, Sequence
from heapq import heappush
from typing import Any, Final

import simpy

from sim import draws
from sim.engines import observations as see
from sim.scenario.distribution_rule import DistributionRule
from sim.scenario.distributions import quantile
from sim.scenario.guard import GuardRule
from sim.scenario.hedge import HedgeRule

COMPLETION, TIMEOUT, PATIENCE, TICK, DELIVERY, ARRIVAL = range(6)
MOST_AT_ONE_INSTANT: Final = 20_000_000

Steps = Generator[simpy.Event, Any, None]


class Clock(simpy.Environment):
    """SimPy's environment, with events at an absolute time and in the order of a key."""

    def until(self, time: float, kind: int, *name: int) -> simpy.Event:
        """An event at `time`; of one instant, the smallest (kind, *name) comes first, after SimPy's own cascade."""
        event = simpy.Event(self)
        event._ok, event._value = True, None
        key = kind
        for part in (*name, 0, 0, 0)[:3]:
            key = (key << 64) | part
        # SimPy's own priorities are 0 and 1. `schedule` takes a delay, and now + delay would round.
        queue: list[Any] = self._queue
        heappush(queue, (time, 2 + key, next(self._eid), event))
        return event

    @property
    def in_cascade(self) -> bool:
        """Whether something follows at once from the event before: SimPy's own events come before keyed ones."""
        queue: list[Any] = self._queue
        return bool(queue) and queue[0][0] <= self.now and queue[0][1] < 2

    def call(self, action: Callable[[], None], time: float, kind: int, *name: int) -> None:
        """Does something at `time`."""
        event = self.until(time, kind, *name)
        assert event.callbacks is not None
        event.callbacks.append(lambda _: action())


class Law:
    """A distribution ready to be drawn from."""

    def __init__(self, distribution: DistributionRule) -> None:
        self.p: list[float] = []
        self.at = distribution.lower(self.p)

    def at_uniform(self, u: float) -> float:
        """The quantile at `u`."""
        return quantile(self.p, self.at, u)


class Watch:
    """A guard with what it remembers."""

    def __init__(self, rule: GuardRule, u: float) -> None:
        self.rule = rule
        self.row: list[float] = []
        self.at = rule.lower(self.row)
        self.state = rule.initial(u)

    def admits(self, t: float, u: float, case: float, ahead: float, patience: float) -> bool:
        """Whether one more may go."""
        return self.rule.admits(self.row, self.at, self.state, 0, t, u, case, ahead, patience)

    def keeps(self, t: float, waited: float, left: float, patience: float) -> bool:
        """Whether one that a worker is about to take shall be served."""
        return self.rule.keeps(self.row, self.at, self.state, 0, t, waited, left, patience)

    def ends(self, t: float, outcome: int, case: float, lasted: float, worked: float) -> None:
        """How one that it admitted has ended."""
        self.rule.ends(self.row, self.at, self.state, 0, t, outcome, case, lasted, worked)


def watched(rules: Iterable[GuardRule], begun: int, instance: int, mirror: int) -> list[Watch]:
    """The guards of one instance; each begins with a uniform of its own, of the stream `begun`."""
    return [
        Watch(rule, draws.uniform(begun, instance, place, mirror))
        for place, rule in enumerate(rules, start=1)
    ]


class Hedging:
    """A hedge with what it has learnt; without one it never comes."""

    def __init__(self, rule: HedgeRule | None) -> None:
        self.rule = rule
        self.row: list[float] = []
        self.at = 0 if rule is None else rule.lower(self.row)
        self.state = [0.0] * (0 if rule is None else rule.STATE)

    def delay(self) -> float:
        """Seconds to wait for an attempt before another is sent beside it."""
        return math.inf if self.rule is None else self.rule.rule(self.row, self.at, self.state, 0)

    def learn(self, lasted: float) -> None:
        """An attempt has succeeded, after so many seconds."""
        if self.rule is not None:
            self.rule.learns(self.row, self.at, self.state, 0, lasted)


def all_admit(
    watches: Sequence[Watch], t: float, u: float, case: float, ahead: float, patience: float
) -> bool:
    """Whether each guard, asked in turn, lets one go; if one does not, those before it are told so."""
    for place, watch in enumerate(watches):
        if not watch.admits(t, u, case, ahead, patience):
            for before in watches[:place]:
                before.ends(t, see.DENIED, case, 0.0, 0.0)
            return False
    return True
