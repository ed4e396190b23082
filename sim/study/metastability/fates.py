"""Fates: what becomes of many runs after a trigger, each recovered, collapsed or open; never a mean over two of them.

A run's *backlog* is all that is unfinished: the attempts in all queues and with all workers, and the requests that
wait out a backoff. It has **recovered** at the first instant after the trigger's end from which its backlog stays, for
the whole *hold*, at or below the *level* that the same scenario keeps to without its trigger, while of the requests
that end at least half as large a share is answered as there. It has **collapsed** if that has not begun within the
*horizon* after the trigger's end. It is **open** if the run ended before either could be told.

A random system leaves any state sooner or later, so "collapsed" means nothing without the horizon: it is a part of
every verdict.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from sim.engines import compiled
from sim.engines.fate import Seen, Watch
from sim.errors import UsageError
from sim.measure.intervals import CONFIDENCE, wilson
from sim.measure.survival import Survival, kaplan_meier
from sim.scenario.scenario import Scenario
from sim.scenario.trace import Trace
from sim.study.load import ideal_goodput, nominal_rate, offered_load
from sim.study.metastability.trigger import Trigger, trigger_of, without_trigger
from sim.study.threads import Tell, on_threads

CALM_RUNS: Final = 12
"""Runs without the trigger, from which the level is found."""

HOLD_REQUESTS: Final = 100.0
"""Requests born in the hold, on average: enough of them to see whether they are answered."""

LATER: Final = 4.0
"""How many holds a run goes on past the horizon, so that one who came back late can still hold."""


@dataclass(frozen=True)
class Judging:
    """How fates are told; what is None is found from the scenario.

    horizon: s after the trigger's end; by default to the end of the run as written. level: the greatest backlog that
    is no sign of trouble; by default the lower quartile, over runs without the trigger, of each one's greatest. hold:
    s; by default the time in which 100 requests are born, and no less than the longest timeout. seed: in place of
    the scenario's own.
    """

    horizon: float | None = None
    level: float | None = None
    hold: float | None = None
    seed: int | None = None


@dataclass(frozen=True)
class Case:
    """A scenario with what its runs are judged by.

    down: whether the scenario is down without any trigger already: then no run of it recovers, and none is needed.
    """

    scenario: Scenario
    trigger: Trigger
    watch: Watch
    seed: int
    down: bool = False


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
        self._calm: dict[tuple[str, float], tuple[float, float, float]] = {}

    def case(self, scenario: Scenario, *, source: str = "", horizon: float | None = None) -> Case:
        """What a scenario's runs are judged by; its level is found by runs without its trigger.

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
        hold = _hold(scenario) if self.judging.hold is None else self.judging.hold
        end = trigger.end + horizon + LATER * hold
        if any(isinstance(traffic.arrivals, Trace) for traffic in scenario.traffic.values()):
            end = min(end, scenario.run.duration)  # past its end a record says nothing
        calm = without_trigger(scenario)
        level, share, born_share = self._calm_figures(calm, trigger.end + horizon, seed)
        down = born_share < 0.5 * _ideal_share(calm)
        if self.judging.level is not None:
            level, down = self.judging.level, False
        watch = Watch(trigger.end, horizon, end, level, hold, 0.5 * share if hold > 0.0 else 0.0)
        return Case(scenario, trigger, watch, seed, down)

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

    def _calm_figures(self, calm: Scenario, until: float, seed: int) -> tuple[float, float, float]:
        """Of runs without the trigger: the level, the best share of requests ended, and of those born, answered."""
        key = (calm.hash, until)
        if key not in self._calm:
            watch = Watch(0.0, math.inf, until, -1.0, math.inf, 0.0)
            case = Case(calm, Trigger(0.0, 0.0), watch, seed)
            seen = self.fates(case, CALM_RUNS).seen
            peaks = sorted(one.peak for one in seen)
            self._calm[key] = (
                peaks[CALM_RUNS // 4],
                max((one.success / one.ended for one in seen if one.ended), default=1.0),
                max((one.success / one.born for one in seen if one.born), default=1.0),
            )
        return self._calm[key]

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
                seen.append(Seen("collapsed", case.watch.horizon, math.inf, 0.0, 0.0, 0.0, 0.0))
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


def _hold(scenario: Scenario) -> float:
    """The time in which a hundred requests are born, in s, and no less than the longest timeout."""
    rates = [nominal_rate(without_trigger(scenario), name) for name in scenario.traffic]
    rate = math.fsum(one for one in rates if math.isfinite(one))
    timeouts = [scenario.client_of(name).timeout or 0.0 for name in scenario.traffic]
    return max(HOLD_REQUESTS / rate if rate > 0.0 else 0.0, *timeouts)


def _ideal_share(calm: Scenario) -> float:
    """The share of requests that perfect services would answer."""
    offered = offered_load(calm)
    share = ideal_goodput(calm) / offered if offered > 0.0 else 1.0
    errors = max(service.error_ratio for service in calm.services.values())
    return (share if math.isfinite(share) else 1.0) * (1.0 - errors)
