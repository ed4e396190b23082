"""Fates: what becomes of many runs after a trigger, each recovered, collapsed or open; never a mean over two of them.

A service's *backlog* is all that is unfinished there: the attempts in its queues and with its workers, and the requests
to it that wait out a backoff. It is back at the first instant after the trigger's end from which its backlog stays, for
the whole *hold*, at or below the *level* that it keeps to without the trigger, while of each class that calls it at
least half as large a share of the requests that end is answered as there. A run has **recovered** when every service
that the trigger reaches is back. It has **collapsed** if for one of them that has not begun within the *horizon* after
the trigger's end. It is **open** if the run ended before either could be told.

A random system leaves any state sooner or later, so "collapsed" means nothing without the horizon: it is a part of
every verdict.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from sim.engines import compiled
from sim.engines.fate import Calm, Seen, Watch
from sim.errors import UsageError
from sim.measure.intervals import CONFIDENCE, wilson
from sim.measure.survival import Survival, kaplan_meier
from sim.scenario.scenario import Scenario
from sim.scenario.trace import Trace
from sim.study.load import callers, nominal_rate, service_load
from sim.study.metastability.trigger import Trigger, reached, trigger_of, without_trigger
from sim.study.threads import Tell, on_threads

CALM_RUNS: Final = 12
"""Runs without the trigger, from which the level is found."""

DOWN, FALTERING = 0.5, 0.75
"""Of what a perfect service would answer: with less in every run without the trigger it is down by itself; with less in
some it falters now and then."""

HOLD_REQUESTS: Final = 100.0
"""Requests of a class born in the hold, on average: enough of them to see whether they are answered."""

SURELY_SOME: Final = 4.0
"""Successes of a class expected in a hold from which on one at least is asked for: chance has none in 2 % of holds."""

LONGEST_HOLD: Final = 0.25
"""Of the horizon: a hold longer than that would be broken by chance, though nothing is wrong."""

LATER: Final = 4.0
"""How many holds a run goes on past the horizon, so that one who came back late can still hold."""


@dataclass(frozen=True)
class Judging:
    """How fates are told; what is None is found from the scenario.

    horizon: s after the trigger's end; by default to the end of the run as written. level: the greatest backlog that
    is no sign of trouble at a service; by default the lower quartile, over runs without the trigger, of each one's
    greatest. hold: s; by default the time in which 100 requests of each class are born, no less than the longest
    timeout, and no more than a quarter of the horizon. seed: in place of the scenario's own.
    """

    horizon: float | None = None
    level: float | None = None
    hold: float | None = None
    seed: int | None = None


@dataclass(frozen=True)
class Case:
    """A scenario with what its runs are judged by.

    down: the services that the trigger reaches and that are down without it already: where there is one, no run
    recovers, and none is needed. faltering: of the services that are not, those of which runs without the trigger
    answer less than three quarters of what perfect ones would, and how many of the twelve runs do.
    """

    scenario: Scenario
    trigger: Trigger
    watch: Watch
    seed: int
    down: tuple[str, ...] = ()
    faltering: Mapping[str, int] = field(default_factory=dict)

    @property
    def judged(self) -> dict[str, Calm]:
        """What makes each service back that is judged."""
        each = zip(self.scenario.services, self.watch.calm, strict=True)
        return {name: calm for name, calm in each if calm is not None}

    @property
    def goes_down(self) -> bool:
        """Whether runs without the trigger go down too: all of them, or some."""
        return bool(self.down or self.faltering)


@dataclass(frozen=True)
class Fates:
    """What became of the runs of one case, in the order of their replications."""

    case: Case
    seen: tuple[Seen, ...] = field(repr=False)

    @property
    def runs(self) -> int:
        """How many there are."""
        return len(self.seen)

    @cached_property
    def recovered(self) -> int:
        """How many recovered within the horizon."""
        return self._count("recovered")

    @cached_property
    def collapsed(self) -> int:
        """How many were still down at the horizon."""
        return self._count("collapsed")

    @cached_property
    def open(self) -> int:
        """How many ended before it could be told."""
        return self._count("open")

    @property
    def probability(self) -> float:
        """The share of the runs told that recovered; nan if none was told."""
        told = self.runs - self.open
        return self.recovered / told if told else math.nan

    def interval(self, confidence: float = CONFIDENCE) -> tuple[float, float]:
        """Wilson's interval of the probability of recovery; an open run may be either, which widens it."""
        low = wilson(self.recovered, self.runs, confidence)[0]
        return low, wilson(self.recovered + self.open, self.runs, confidence)[1]

    def survival(self, confidence: float = CONFIDENCE) -> Survival:
        """The time from the trigger's end to recovery, those that did not recover censored (Kaplan and Meier)."""
        return kaplan_meier(
            [one.time for one in self.seen], [one.fate == "recovered" for one in self.seen], confidence
        )

    def verdict(self, confidence: float = CONFIDENCE, wanted: float = 0.5) -> str:
        """`recovers` or `collapses` if the interval is on one side of the probability wanted, else `undecided`."""
        low, high = self.interval(confidence)
        return "recovers" if low > wanted else "collapses" if high < wanted else "undecided"

    def needed(self, confidence: float = CONFIDENCE, wanted: float = 0.5) -> float:
        """About how many runs would decide the verdict, if as large a share of them recovers; inf at that wanted.

        Wilson's interval leaves out what a score test rejects: (share - wanted)² > z²·wanted·(1 - wanted)/n.
        """
        from scipy.special import ndtri

        distance = self.probability - wanted
        z = float(ndtri(0.5 + confidence / 2.0))
        return z * z * wanted * (1.0 - wanted) / distance**2 if distance else math.inf

    def stayed_down(self) -> dict[str, int]:
        """Of each service that is judged, in how many of the runs that collapsed it was not back."""
        places = {
            name: place for place, name in enumerate(self.case.scenario.services) if name in self.case.judged
        }
        return {
            name: sum(one.fate == "collapsed" and math.isinf(one.back[place]) for one in self.seen)
            for name, place in places.items()
        }

    def and_more(self, seen: Sequence[Seen]) -> Fates:
        """These runs and the next ones."""
        return Fates(self.case, (*self.seen, *seen))

    def _count(self, fate: str) -> int:
        return sum(one.fate == fate for one in self.seen)


Progress = Callable[[float], None]
"""Told the share that is done, 0 to 1."""


class Judge:
    """Runs scenarios on threads and tells their fates."""

    def __init__(self, judging: Judging | None = None, jobs: int | None = None) -> None:
        if jobs is not None and jobs < 1:
            raise UsageError(f"{jobs} jobs: a whole number from 1 is wanted; for example jobs=2")
        self.judging = judging or Judging()
        self.jobs = jobs or os.cpu_count() or 1
        self.simulated = 0
        """Runs made so far."""
        self._calm: dict[tuple[str, float], tuple[Seen, ...]] = {}

    def case(self, scenario: Scenario, *, source: str = "", horizon: float | None = None) -> Case:
        """What a scenario's runs are judged by; levels are found by runs without its trigger.

        Args:
            scenario: it must have a trigger.
            source: the file's name, for the error.
            horizon: s, in place of the judge's own.

        Raises:
            ScenarioError: there is no trigger, or it does not end within the run.
        """
        scenario = scenario.set(
            "run.antithetic", False
        )  # the chance of recovery is counted over independent runs
        trigger = trigger_of(scenario, source)
        seed = scenario.run.seed if self.judging.seed is None else self.judging.seed
        horizon = horizon or self.judging.horizon or default_horizon(scenario, trigger)
        calm, services = without_trigger(scenario), reached(scenario)
        seen = self._calm_runs(calm, trigger.end + horizon, seed)
        judged = {}
        for name in services:
            hold = _hold(calm, name, horizon) if self.judging.hold is None else self.judging.hold
            judged[name] = Calm(self._level(scenario, name, seen), hold)
        longest = max(one.hold for one in judged.values())
        end = trigger.end + horizon + LATER * longest
        if any(isinstance(traffic.arrivals, Trace) for traffic in scenario.traffic.values()):
            end = min(end, scenario.run.duration)  # past its end a record says nothing
        answered, some = _asked_of_classes(calm, judged, seen)
        calms = tuple(judged.get(name) for name in scenario.services)
        watch = Watch(trigger.end, horizon, end, calms, answered, some)
        if self.judging.level is not None:
            return Case(scenario, trigger, watch, seed)
        down = tuple(name for name in services if _below(calm, seen, name, DOWN) == len(seen))
        runs = {name: _below(calm, seen, name, FALTERING) for name in services if name not in down}
        faltering = {name: count for name, count in runs.items() if count}
        return Case(scenario, trigger, watch, seed, down, faltering)

    def fates(self, case: Case, runs: int, progress: Progress | None = None) -> Fates:
        """The fates of the first `runs` replications of a case."""
        return self.more([Fates(case, ())], [runs], progress)[0]

    def more(
        self, before: Sequence[Fates], runs: Sequence[int], progress: Progress | None = None
    ) -> list[Fates]:
        """The same cases with so many more runs each, all of them shared among the threads."""
        each = max(1, min(64, math.ceil(sum(runs) / (4 * self.jobs))))
        pieces = [
            (place, range(begin, min(begin + each, fates.runs + count)))
            for place, (fates, count) in enumerate(zip(before, runs, strict=True))
            for begin in range(fates.runs, fates.runs + count, each)
        ]
        done = self._all([(before[place].case, numbers) for place, numbers in pieces], progress)
        found = list(before)
        for (place, _), seen in zip(pieces, done, strict=True):
            found[place] = found[place].and_more(seen)
        return found

    def chosen(self, case: Case, numbers: Sequence[int]) -> list[Seen]:
        """The fates of some replications of a case, by their numbers."""
        each = max(1, math.ceil(len(numbers) / (4 * self.jobs)))
        pieces = [(case, numbers[place : place + each]) for place in range(0, len(numbers), each)]
        return [seen for piece in self._all(pieces, None) for seen in piece]

    def _calm_runs(self, calm: Scenario, until: float, seed: int) -> tuple[Seen, ...]:
        """What is seen of runs without the trigger."""
        key = (calm.hash, until)
        if key not in self._calm:
            never = (Calm(-1.0, math.inf),) * len(calm.services)
            none = (0.0,) * len(calm.traffic)
            watch = Watch(0.0, math.inf, until, never, none, none)
            self._calm[key] = self.fates(Case(calm, Trigger(0.0, 0.0), watch, seed), CALM_RUNS).seen
        return self._calm[key]

    def _level(self, scenario: Scenario, service: str, seen: Sequence[Seen]) -> float:
        """The greatest backlog of a service that is no sign of trouble."""
        if self.judging.level is not None:
            return self.judging.level
        place = list(scenario.services).index(service)
        return sorted(one.peaks[place] for one in seen)[len(seen) // 4]

    def _all(
        self, pieces: Sequence[tuple[Case, Sequence[int]]], progress: Progress | None
    ) -> list[list[Seen]]:
        """The runs of all pieces; the first error stops the others, and so does Ctrl-C."""
        if pieces:
            compiled.prepare(pieces[0][0].scenario)
        return on_threads(
            lambda place, tell: self._runs(*pieces[place], tell), len(pieces), self.jobs, progress
        )

    def _runs(self, case: Case, numbers: Sequence[int], tell: Tell) -> list[Seen]:
        seen = []
        for done, number in enumerate(numbers):
            tell(done / len(numbers))
            if case.down:
                seen.append(_never_back(case))
                continue
            self.simulated += 1
            seen.append(
                compiled.fate_of(
                    case.scenario,
                    number,
                    seed=case.seed,
                    watch=case.watch,
                    progress=lambda _, done=done: tell(done / len(numbers)),  # type: ignore[misc]  # binds it now
                )
            )
        return seen


def fates(
    scenario: Scenario,
    runs: int = 200,
    *,
    judging: Judging | None = None,
    jobs: int | None = None,
    progress: Progress | None = None,
) -> Fates:
    """The fates of many runs of one scenario; see this module for what they mean.

    Args:
        scenario: it must have a trigger.
        runs: how many replications.
        judging: horizon, level, hold and seed; what is None is found from the scenario.
        jobs: threads; the machine's cores if None. The fates do not depend on it.
        progress: told the share that is done, 0 to 1.

    Raises:
        ScenarioError: the scenario has no trigger, or it never ends.
    """
    judge = Judge(judging, jobs)
    return judge.fates(judge.case(scenario), runs, progress)


def default_horizon(scenario: Scenario, trigger: Trigger) -> float:
    """From the trigger's end to the end of the run as written, in s. Raises UsageError if there is no such time."""
    left = scenario.run.duration - trigger.end
    if left <= 0.0:
        raise UsageError(
            f"the trigger ends at {trigger.end:g} s, the run at {scenario.run.duration:g} s: nothing is left in "
            "which to recover; for example horizon=60.0, --horizon 60s"
        )
    return left


def _never_back(case: Case) -> Seen:
    """What is seen of a run that cannot recover, as a service is down by itself; there is no need to make it."""
    none = (0.0,) * len(case.scenario.traffic)
    back = tuple(math.inf if name in case.down else math.nan for name in case.scenario.services)
    return Seen("collapsed", case.watch.horizon, back, (math.inf,) * len(back), none, none, none, 0.0)


def _hold(calm: Scenario, service: str, horizon: float) -> float:
    """How long a service must be calm, in s: until each of its classes has told, but for rare ones."""
    names = callers(calm, service)
    rates = [rate for rate in (nominal_rate(calm, name) for name in names) if 0.0 < rate < math.inf]
    each = max((HOLD_REQUESTS / rate for rate in rates), default=0.0)
    patience = max(calm.client_of(name).timeout or 0.0 for name in names)
    return min(max(each, patience), LONGEST_HOLD * horizon)


def _asked_of_classes(
    calm: Scenario, judged: Mapping[str, Calm], seen: Sequence[Seen]
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Of each class, the least share of what ends in a hold to be answered, and the least number; 0 without a hold."""
    answered, some = [], []
    for place, (name, traffic) in enumerate(calm.traffic.items()):
        hold = judged[traffic.call].hold if traffic.call in judged else 0.0
        share = _best_share(seen, place) if hold > 0.0 else 0.0
        answered.append(0.5 * share)
        some.append(1.0 if hold * nominal_rate(calm, name) * share >= SURELY_SOME else 0.0)
    return tuple(answered), tuple(some)


def _best_share(seen: Sequence[Seen], place: int) -> float:
    """The greatest share of a class's requests ended that any of these runs answered."""
    return max((one.success[place] / one.ended[place] for one in seen if one.ended[place]), default=1.0)


def _below(calm: Scenario, seen: Sequence[Seen], service: str, least: float) -> int:
    """In how many runs a service answers less than such a share of what a perfect one would."""
    places = [place for place, traffic in enumerate(calm.traffic.values()) if traffic.call == service]
    shares = [
        math.fsum(one.success[place] for place in places) / born
        for one in seen
        if (born := math.fsum(one.born[place] for place in places))
    ]
    return sum(share < least * _ideal_share(calm, service) for share in shares)


def _ideal_share(calm: Scenario, service: str) -> float:
    """The share of the requests to a service that it would answer if it were perfect."""
    load = service_load(calm, service)
    share = min(1.0, load.capacity / load.offered) if load.offered > 0.0 else 1.0
    return (share if math.isfinite(share) else 1.0) * (1.0 - calm.services[service].error_ratio)
