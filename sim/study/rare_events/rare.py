"""Rare events: how seldom a 503 is, down to one in 10⁹ and beyond, with an interval, by multilevel splitting.

Ordinary runs of a system that refuses one request in 10⁹ see nothing. Here a run that comes near to it is sent on many
times from there, again at the next level, and so on; what is met is counted by its weight (`sim.engines.splitting`
says why that is unbiased, `sim.study.rare_events.levels` how levels are found).

**The estimate** is a ratio over independent replications of the whole: weighted events / weighted tries. **The
interval** is Student's t on the logarithm of that ratio, its standard error by linearisation, s(Y - rX) / (√n·X̄·r)
(Cochran, Sampling Techniques, 1977, chapter 6): weights make the shares of replications skew, their logarithm less
so, and a share is never below 0. Replications are added until the interval is as narrow as was asked.

**The window.** A scenario without faults, profiles, records, starts or stops has a steady state: then a replication is
as long as is worth while. Splitting begins after the warm-up, and counting once a path has had time to climb from
below (twice the mean climb that the pilot saw), as what is high up at first cannot be seen yet. Any other scenario is
asked about its own window, as `run` is; there splitting begins at time 0.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from sim.engines import compiled
from sim.engines.splitting import Levels, Paths
from sim.errors import QuantityError, UsageError
from sim.measure.intervals import CONFIDENCE, student
from sim.measure.judge import judge
from sim.measure.plain import plain
from sim.measure.versions import versions
from sim.scenario.metrics import SCHEMA_VERSION
from sim.scenario.quantities import MOST_SEED
from sim.scenario.scenario import Scenario, refuse_no_scenario
from sim.study.load import nominal_rate
from sim.study.planning.exact import Exact, exact_figures
from sim.study.rare_events.levels import Pilot, Window, find_levels, shares_of
from sim.study.rare_events.rare_event import RareEvent, event_of
from sim.study.replicate import run as run_scenario
from sim.study.threads import Tell, on_threads

RELATIVE: Final = 0.1
MOST_EVENTS: Final = 3_000_000_000
"""Simulated events after which the search for precision ends: some ten minutes of two cores."""

FIRST_REQUESTS: Final = 10_000.0
"""Requests in the window of the pilot's first replications."""

PILOT_EVENTS: Final = 40_000.0
"""Events that a replication of the pilot's later stages has, about."""

LEAST_RUNS: Final = 48
USUAL_RUNS: Final = 100
"""Replications at the least, and as many as make up the precision if windows are long enough: the more there are, the
less their skewness matters."""

LONGER: Final = 5.0
"""How many times longer a window is than the climb that it waits for, at the least."""

CLIMBS: Final = 2.0
"""Mean climbs that pass before counting begins."""


@dataclass(frozen=True)
class Rare:
    """How rare an event is.

    Attributes:
        scenario, event, seed: what was asked.
        estimate, low, high: the share and its interval at `confidence`; precise: whether half its width is at most
            `relative` of the estimate.
        levels: where paths were split; none if the event is not rare, and ordinary runs do.
        reached: for each level, the share of time at or above it.
        window: s, of each replication. replications, events, branches: what was spent, the pilot's events included.
        tries: weighted number of what the event is a share of.
        exact: what theory says, with the model's name; None where no exact model applies.
    """

    scenario: Scenario = field(repr=False)
    event: RareEvent
    seed: int
    estimate: float
    low: float
    high: float
    confidence: float
    relative: float
    levels: Levels
    reached: tuple[float, ...]
    window: Window
    replications: int
    events: int
    branches: int
    tries: float
    events_a_try: float
    exact: Exact | None

    @property
    def half_width(self) -> float:
        """Half the interval's width, relative to the estimate; nan if the event was not met."""
        return (self.high - self.low) / 2.0 / self.estimate if self.estimate else math.nan

    @property
    def precise(self) -> bool:
        """Whether the interval is as narrow as was asked."""
        return self.half_width <= self.relative

    @property
    def method(self) -> str:
        """`splitting`, or `crude` where the event is not rare."""
        return "splitting" if self.levels.at else "crude"

    @property
    def chances(self) -> tuple[float, ...]:
        """For each level, the share of the time above the level below (at first of all time) that is above it too."""
        below = (1.0, *self.reached[:-1])
        return tuple(
            above / under if under else math.nan for under, above in zip(below, self.reached, strict=True)
        )

    @property
    def crude_tries(self) -> float:
        """Tries that ordinary runs would need for as narrow an interval, if events came one by one: z²/(p·ε²)."""
        z = student(10**6, self.confidence)
        return (z / self.half_width) ** 2 / self.estimate if self.half_width > 0.0 else math.nan

    @property
    def crude_events(self) -> float:
        """Simulated events that ordinary runs would need; if rare events come in clusters, more."""
        return self.crude_tries * self.events_a_try

    @property
    def verdict(self) -> str:
        """Of the objective on this figure, if the scenario has one: met, missed or inconclusive; else none."""
        for wanted in self.scenario.objectives:
            if (wanted.subject, wanted.metric) == (self.event.subject, self.event.metric):
                return judge(self.low, self.high, wanted.at_most, wanted.at_least)
        return "none"

    def to_json(self) -> dict[str, Any]:
        """Plain values for JSON: the same seed gives the same bytes."""
        rows = zip(self.levels.at, self.levels.splits, self.reached, self.chances, strict=True)
        return {
            "schema_version": SCHEMA_VERSION,
            "scenario": self.scenario.name,
            "hash": self.scenario.hash,
            "seed": self.seed,
            "versions": versions(),
            "verdict": self.verdict,
            "subject": self.event.subject,
            "metric": self.event.metric,
            "threshold": self.event.threshold,
            "estimate": plain(self.estimate),
            "low": plain(self.low),
            "high": plain(self.high),
            "confidence": self.confidence,
            "relative": self.relative,
            "half_width": plain(self.half_width),
            "precise": self.precise,
            "method": self.method,
            "levels": [
                {"at": at, "splits": splits, "share": plain(share), "chance": plain(chance)}
                for at, splits, share, chance in rows
            ],
            "window": {
                "split_from": self.window.split_from,
                "begin": self.window.begin,
                "end": self.window.end,
            },
            "replications": self.replications,
            "events": self.events,
            "branches": self.branches,
            "crude": {"tries": plain(self.crude_tries), "events": plain(self.crude_events)},
            "exact": None if self.exact is None else {"value": self.exact.value, "model": self.exact.model},
        }


def rare(
    scenario: Scenario,
    *,
    subject: str | None = None,
    metric: str | None = None,
    threshold: str | float | None = None,
    relative: float = RELATIVE,
    confidence: float = CONFIDENCE,
    most_events: float = MOST_EVENTS,
    seed: int | None = None,
    jobs: int | None = None,
    progress: Callable[[float], None] | None = None,
) -> Rare:
    """How rare an event is; see this module.

    Args:
        scenario: what is run.
        subject: `service:api`, `traffic:web` or `client:app`; by default that of the first objective on such a
            metric, else the first service.
        metric: of a service `rejected_ratio`, `wait_exceeds` (of the attempts that start), `in_system_reaches` (of
            time); of traffic and clients `rejected_ratio`, `timeout_ratio`, `denied_ratio`, `gave_up_ratio`.
        threshold: of `wait_exceeds` (s, or a text such as `500ms`) and of `in_system_reaches` (a number).
        relative: half the interval's width, relative to the estimate, at which it is narrow enough.
        confidence: of the interval.
        most_events: simulated events after which it ends even if it is wider.
        seed: in place of the scenario's own.
        jobs: threads; the machine's cores if None. The answer does not depend on it.
        progress: told the share that is done, 0 to 1.

    Raises:
        UsageError: what is asked does not exist, or the event is never met and there is nothing to split on.
        EngineError: as for `run`; and where the state grows too large.
    """
    refuse_no_scenario(scenario)
    event = event_of(scenario, subject, metric, threshold)
    for name, value in (("relative", relative), ("confidence", confidence)):
        if not 0.0 < value < 1.0:
            raise QuantityError(f"{name} {value:g} is not between 0 and 1", f"{name}=0.1")
    seed = scenario.run.seed if seed is None else seed
    if not 0 <= seed <= MOST_SEED:
        raise UsageError(f"seed {seed} is not a whole number from 0 to {MOST_SEED}; for example seed=7")
    if jobs is not None and jobs < 1:
        raise UsageError(f"{jobs} jobs: a whole number from 1 is wanted; for example jobs=2")
    return _Search(scenario, event, seed, relative, confidence, most_events, jobs, progress).found()


class _Search:
    """One question: the pilot, then replications until the answer is precise."""

    def __init__(
        self,
        scenario: Scenario,
        event: RareEvent,
        seed: int,
        relative: float,
        confidence: float,
        most_events: float,
        jobs: int | None,
        progress: Callable[[float], None] | None,
    ) -> None:
        self.scenario, self.event, self.seed = scenario, event, seed
        self.relative, self.confidence, self.most_events = relative, confidence, most_events
        self.jobs, self.progress = jobs, progress
        self.room = 32
        self.done = 0
        self.wanted = 0
        # The interval is over independent replications, which twins are not.
        self.single = scenario.set("run.antithetic", False) if scenario.run.antithetic else scenario
        compiled.prepare(self.single)

    def found(self) -> Rare:
        """The answer."""
        steady = has_steady_state(self.scenario)
        pilot = find_levels(self.event, self._run, self._first_window(steady), _fit if steady else _as_it_is)
        # Half the width is what is asked, so the error is about half of that.
        error = self.relative / student(USUAL_RUNS, self.confidence)
        runs = (pilot.spread / error) ** 2
        window = pilot.window
        if steady and runs > USUAL_RUNS:
            affordable = self.most_events / USUAL_RUNS / pilot.events_a_second
            longer = min(window.length * runs / USUAL_RUNS, max(window.length, affordable))
            window = Window(window.split_from, window.begin, window.begin + longer)
        paths: list[Paths] = []
        more = LEAST_RUNS
        while True:
            self.wanted = len(paths) + more
            self.done = len(paths)
            paths += self._run(len(paths), more, pilot.levels, window)
            answer = self._answer(paths, pilot, window)
            if answer.precise or answer.events >= self.most_events:
                return answer
            grown = len(paths) * (answer.half_width / self.relative) ** 2
            needed = 3 * len(paths) if math.isnan(grown) else math.ceil(1.05 * grown)
            more = max(8, min(needed, 3 * len(paths)) - len(paths))

    def _first_window(self, steady: bool) -> Window:
        warmup, end = self.scenario.run.warmup, self.scenario.run.duration
        if warmup == "auto":
            warmup = run_scenario(self.single, seed=self.seed, jobs=self.jobs, replications=LEAST_RUNS).warmup
        if not steady:
            return Window(0.0, warmup, end)
        rate = math.fsum(nominal_rate(self.scenario, name) for name in self.scenario.traffic)
        length = FIRST_REQUESTS / rate if math.isfinite(rate) and rate > 0.0 else end - warmup
        return Window(warmup, warmup, warmup + length)

    def _run(self, first: int, many: int, levels: Levels, window: Window) -> list[Paths]:
        asked = self.event.asked(self.scenario, window.split_from, window.begin, window.end)

        def one(place: int, tell: Tell) -> Paths:
            found = compiled.paths_of(
                self.single,
                first + place,
                seed=self.seed,
                asked=asked,
                levels=levels,
                room=self.room,
                progress=lambda _: tell(0.0),
            )
            self.room = max(self.room, found.room)  # what is found does not depend on it
            return found

        return on_threads(one, many, self.jobs, self._tell if self.wanted else None)

    def _tell(self, share: float) -> None:
        if self.progress is not None:
            self.progress((self.done + share * (self.wanted - self.done)) / self.wanted)

    def _answer(self, paths: list[Paths], pilot: Pilot, window: Window) -> Rare:
        counted = np.array([self.event.counted(one, pilot.levels, window.length) for one in paths])
        estimate, low, high = ratio_interval(counted[:, 0], counted[:, 1], self.confidence)
        weighted = sum(float(one.events @ pilot.levels.weights) for one in paths)
        tries = float(counted[:, 1].sum())
        shares = shares_of(paths, pilot.levels, window)
        exact = exact_figures(self.scenario, window.begin).get((self.event.subject, self.event.metric))
        return Rare(
            scenario=self.scenario,
            event=self.event,
            seed=self.seed,
            estimate=estimate,
            low=low,
            high=high,
            confidence=self.confidence,
            relative=self.relative,
            levels=pilot.levels,
            reached=tuple(float(shares[at]) if at < len(shares) else 0.0 for at in pilot.levels.at),
            window=window,
            replications=len(paths),
            events=pilot.spent + sum(int(one.events.sum()) for one in paths),
            branches=sum(one.branches for one in paths),
            tries=tries,
            events_a_try=weighted / tries if tries else math.nan,
            exact=exact,
        )


def has_steady_state(scenario: Scenario) -> bool:
    """Whether nothing in a scenario changes by the clock: no faults, profiles, records, late starts or stops."""
    return not scenario.faults and all(
        traffic.arrivals.kind in STEADY and traffic.arrivals.stop is None and traffic.arrivals.start == 0.0
        for traffic in scenario.traffic.values()
    )


STEADY: Final = ("poisson", "renewal", "constant", "mmpp", "closed")
"""Kinds of arrivals that are the same at any time."""


def ratio_interval(
    hits: np.ndarray[tuple[int, ...], np.dtype[np.float64]],
    tries: np.ndarray[tuple[int, ...], np.dtype[np.float64]],
    confidence: float,
) -> tuple[float, float, float]:
    """Σ hits / Σ tries over independent replications, and Student's t interval on its logarithm; see this module."""
    n, total = len(hits), math.fsum(tries)
    estimate = math.fsum(hits) / total if total else math.nan
    if not estimate > 0.0 or n < 2:
        return estimate, math.nan, math.nan
    off = hits - estimate * tries
    error = math.sqrt(math.fsum(off**2) / (n - 1) / n) / (total / n)
    factor = math.exp(student(n - 1, confidence) * error / estimate)
    return estimate, estimate / factor, estimate * factor


def _fit(window: Window, events_a_second: float, climb: float) -> Window:
    """A window with the usual number of events, and long beside the climb that precedes it."""
    begin = window.split_from + CLIMBS * climb
    length = max(PILOT_EVENTS / events_a_second, LONGER * (begin - window.split_from), window.split_from)
    return Window(window.split_from, begin, begin + length)


def _as_it_is(window: Window, _events_a_second: float, _climb: float) -> Window:
    """The window of a scenario that changes by the clock is that of its run."""
    return window
