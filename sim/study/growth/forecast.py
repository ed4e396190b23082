"""The forecast: when capacity runs out as the load grows, and what to order by when.

The capacity of a size is its headroom, simulated and certified; that of many sizes is simulated for a few and drawn
between them. The load of the future is its demand. Where the two meet, with what is not known of either, capacity runs
out.
"""

from __future__ import annotations

import datetime as dt
import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from sim.errors import UsageError
from sim.measure.intervals import CONFIDENCE
from sim.measure.plain import plain, plain_row, plain_rows
from sim.measure.versions import versions
from sim.scenario.growth import Purchase, SeriesGrowth
from sim.scenario.metrics import SCHEMA_VERSION
from sim.scenario.mishaps import workers_left
from sim.scenario.scenario import Scenario, refuse_no_scenario
from sim.study.growth.demand import Fitted, Steady, demand_of
from sim.study.growth.headroom import LARGEST, Headroom, headroom
from sim.study.growth.staircase import RunOut, Size, Step, between, moments, peak, run_out, staircase
from sim.study.load import bottleneck, offered_load
from sim.units import YEAR, format_rate, format_span

if TYPE_CHECKING:
    import pandas as pd

GROWTH_EXAMPLE: Final = "plan: {growth: 8% per month}"

ANCHORS: Final = 4
"""Sizes that are simulated at the most, of all that the staircase has."""

MOST_STEPS: Final = 1000
"""Purchases that are looked at."""

MANY: Final = 1000
"""Workers, of which a mishap that takes a share takes some."""

FURTHER: Final = 1.2
"""So many times the workers take clearly more load; where they do not, more of them do not help."""

NARROW: Final = 0.02
"""The relative width at which the search for a size's capacity ends."""


@dataclass(frozen=True, repr=False)
class Forecast:
    """When capacity runs out, and the purchases that go before it.

    demand: the load over time. headroom: of the scenario as written. run_out: of its capacity. key: the path of the
    workers that are bought. sizes: what is there, and what could be. steps: the purchases up to the horizon.
    lead_time: s. confidence: of each run-out's interval.
    """

    scenario: Scenario
    demand: Steady | Fitted
    headroom: Headroom
    run_out: RunOut
    key: str
    sizes: tuple[Size, ...] = field(repr=False)
    steps: tuple[Step, ...]
    lead_time: float
    confidence: float
    notes: tuple[str, ...] = ()

    @property
    def verdict(self) -> str:
        """Whether the load as written meets the objectives: met, missed or inconclusive."""
        return self.headroom.verdict

    @property
    def overdue(self) -> tuple[Step, ...]:
        """The purchases whose order should have been made before the start."""
        return tuple(step for step in self.steps if step.order < 0.0)

    @property
    def due(self) -> int:
        """The workers of all of these together: one order."""
        return sum(step.bought for step in self.overdue)

    @property
    def what(self) -> str:
        """What is bought: `workers`, or `instances`."""
        return self.key.rpartition(".")[2]

    @property
    def sharper(self) -> RunOut:
        """When capacity would run out if the headroom were known for certain: what more replications can tell."""
        known = self.headroom.factor
        return self.run_out_of(replace(self.headroom, low=known, high=known))

    def run_out_of(self, other: Headroom) -> RunOut:
        """When the load passes what other sizes take, by their headroom; with the confidence of the own run-out."""
        size = Size(0, other.factor, other.low, other.high)
        return run_out(self.demand, size, (1.0 + self.confidence) / 2.0)

    def date(self, time: float) -> dt.date | None:
        """The date of a time in s from the start; None without a date of the start, or beyond the horizon."""
        if self.demand.start is None or not math.isfinite(time):
            return None
        try:
            return self.demand.start + dt.timedelta(seconds=time)
        except OverflowError:  # no calendar has such a year
            return None

    @cached_property
    def table(self) -> pd.DataFrame:
        """The staircase, a row a purchase.

        Columns: bought, workers (afterwards), capacity (factor on the load, of what was there), capacity_low,
        capacity_high, searched; needed, needed_earliest, needed_latest, order, order_expected, arrives (s from the
        start), and each of these again as a date, where the start has one.
        """
        import pandas as pd

        return pd.DataFrame([self._step(step) for step in self.steps], columns=list(_STEP_COLUMNS))

    @cached_property
    def levels(self) -> pd.DataFrame:
        """The load over time: time (s), date, level and its interval, what a single observation lies in, offered_rate.

        Level is a multiple of the load as written.
        """
        import pandas as pd

        rate = offered_load(self.scenario)
        rows = []
        for time in moments(self.demand):
            level = self.demand.at(time, self.confidence)
            low, high = self.demand.around(time, self.confidence)
            rows.append(
                (time, self.date(time), level.mean, level.low, level.high, low, high, rate * level.mean)
            )
        columns = ["time", "date", "level", "level_low", "level_high", "around_low", "around_high"]
        return pd.DataFrame(rows, columns=[*columns, "offered_rate"])

    def to_json(self) -> dict[str, Any]:
        """The forecast as plain values for JSON: the same seed gives the same bytes."""
        fit = self.demand if isinstance(self.demand, Fitted) else None
        return {
            "schema_version": SCHEMA_VERSION,
            "scenario": self.scenario.name,
            "hash": self.scenario.hash,
            "seed": self.scenario.run.seed,
            "versions": versions(),
            "verdict": self.verdict,
            "confidence": self.confidence,
            "start": plain(self.demand.start),
            "horizon": self.demand.horizon,
            "growth": {
                "kind": "rate" if fit is None else "series",
                "per_year": _per_year(self.demand),
                "correlation": None if fit is None else fit.correlation,
            },
            "headroom": self.headroom.to_json(),
            "run_out": self._run_out(self.run_out),
            "lead_time": self.lead_time,
            "key": self.key,
            "purchases": [plain_row(self._step(step)) for step in self.steps],
            "sizes": [plain_row(vars(size)) for size in self.sizes],
            "levels": plain_rows(self.levels),
            "notes": list(self.notes),
        }

    def __repr__(self) -> str:
        return f"<Forecast of {self.scenario.name}: capacity runs out in {format_span(self.run_out.time)}>"

    def _repr_html_(self) -> str:
        html: str = self.table.to_html(index=False)
        return html

    def _run_out(self, found: RunOut) -> dict[str, Any]:
        ends = {"time": found.time, "earliest": found.earliest, "latest": found.latest}
        dates = {f"{name}_date" if name != "time" else "date": self.date(end) for name, end in ends.items()}
        return plain_row(ends | dates)

    def _step(self, step: Step) -> dict[str, Any]:
        before, needed = step.before, step.needed
        times = dict(
            zip(
                _TIMES,
                (needed.time, needed.earliest, needed.latest, step.order, step.order_expected, step.arrives),
                strict=True,
            )
        )
        return {
            "bought": step.bought,
            "workers": step.after.workers,
            "capacity": before.factor,
            "capacity_low": before.low,
            "capacity_high": before.high,
            "searched": before.searched,
            **times,
            **{f"{name}_date": self.date(time) for name, time in times.items()},
        }


_TIMES: Final = ("needed", "needed_earliest", "needed_latest", "order", "order_expected", "arrives")
_STEP_COLUMNS: Final = (
    "bought",
    "workers",
    "capacity",
    "capacity_low",
    "capacity_high",
    "searched",
    *_TIMES,
    *(f"{name}_date" for name in _TIMES),
)


def forecast(
    scenario: Scenario,
    *,
    confidence: float | None = None,
    jobs: int | None = None,
    progress: Callable[[str], None] | None = None,
) -> Forecast:
    """When capacity runs out as the plan's growth goes on, and which purchases must be ordered by when.

    Args:
        scenario: with objectives and `plan.growth`; `plan.lead_time` (none: at once) and `plan.purchase` (one worker
            at a time, where none is said) make the staircase.
        confidence: of each run-out's interval, shared by halves between load and capacity; the plan's own if None.
        jobs: threads.
        progress: told what is being simulated.

    Raises:
        UsageError: there are no objectives, there is no growth, or the workers to buy are unlimited.
    """
    refuse_no_scenario(scenario)
    plan = scenario.plan
    if plan is None or plan.growth is None:
        raise UsageError(f"a forecast needs to know how the load grows; write {GROWTH_EXAMPLE}")
    confidence = plan.confidence if confidence is None else confidence
    if not 0.5 <= confidence < 1.0:
        raise UsageError(f"confidence {confidence:g} is not at least 0.5 and less than 1; for example 0.95")
    demand = demand_of(plan.growth)
    purchase = plan.purchase or Purchase(step=1)
    key = purchase.key or _key(scenario)
    present = _workers(scenario, key)
    half = (1.0 + confidence) / 2.0
    search = _Capacities(scenario, key, half, jobs, progress)
    first = search.at(present, None)
    notes = list(_season_words(scenario, demand))
    most = peak(demand, half)
    if most > LARGEST:
        notes.append(
            f"the load may grow to {most:.3g} times what it is; purchases are looked at up to {LARGEST:g} times"
        )
        most = LARGEST
    sizes, level = search.staircase(first, purchase.step, most)
    steps = staircase(demand, sizes, plan.lead_time or 0.0, half)
    if any(not size.searched for size in sizes):
        searched = sum(size.searched for size in sizes)
        notes.append(
            f"{searched} of {len(sizes)} sizes were simulated; the capacity of the others lies between theirs, by the "
            f"square-root rule of staffing{' of the workers that a mishap leaves' if search.left(MANY) < MANY else ''}"
        )
    if level is not None:
        binds = search.headrooms[level.workers].binding
        what = f" as {binds.subject} {binds.metric} breaks" if binds is not None else ""
        notes.append(
            f"beyond {level.workers} workers more of {key} hardly help{what}: they take {level.factor:.3g} times the "
            "load, and what else binds there must grow with them"
        )
    blank = next((size.workers for size in sizes if math.isnan(size.factor)), None)
    if blank is not None:
        notes.append(
            f"with {blank} workers it is not known how much load they take, and so nothing is said of purchases from "
            "there on; more replications would tell"
        )
    return Forecast(
        scenario,
        demand,
        search.headrooms[present],
        run_out(demand, first, half),
        key,
        tuple(sizes),
        steps,
        plan.lead_time or 0.0,
        confidence,
        tuple(notes),
    )


class _Capacities:
    """The capacity of some sizes, simulated."""

    def __init__(
        self,
        scenario: Scenario,
        key: str,
        confidence: float,
        jobs: int | None,
        progress: Callable[[str], None] | None,
    ) -> None:
        self.scenario, self.key, self.confidence = scenario, key, confidence
        self.jobs, self.progress = jobs, progress
        self.headrooms: dict[int, Headroom] = {}

    def at(self, workers: int, guess: float | None) -> Size:
        """The capacity of a number of workers, by its headroom."""
        if workers not in self.headrooms:
            self.headrooms[workers] = headroom(
                self.scenario.set(self.key, workers),
                confidence=self.confidence,
                narrow=NARROW,
                guess=guess,
                jobs=self.jobs,
                progress=None if self.progress is None else self._tell(workers),
            )
        found = self.headrooms[workers]
        return Size(workers, found.factor, found.low, found.high)

    def _tell(self, workers: int) -> Callable[[str], None]:
        tell = self.progress
        assert tell is not None
        return lambda load: tell(f"{self.key} = {workers}, {load}")

    def staircase(self, first: Size, step: int, most: float) -> tuple[list[Size], Size | None]:
        """The sizes from the first on, step by step, until one can take the load `most`, or more of them do not help.

        That size comes with them; None if they all help.
        """
        if first.factor >= most or not first.factor > 0.0:
            return [first], None
        anchors = [first]
        last = first
        while last.factor < most:
            # The load that a worker takes grows with the number of workers, so this is not too few by much.
            steps = math.ceil((most / last.factor - 1.0) * last.workers / step)
            workers = last.workers + step * min(MOST_STEPS, max(1, steps))
            last = self.at(workers, last.factor * workers / last.workers)
            anchors.append(last)
            if not last.factor > anchors[-2].factor or len(anchors) == ANCHORS:
                break
        level = self._level(anchors, step)
        if level is not None:
            last = level
            anchors = [self.at(workers, None) for workers in self.headrooms if workers <= level.workers]
        numbers = range(first.workers, last.workers + 1, step)
        self._fill(anchors, numbers)
        anchors.sort(key=lambda size: size.workers)
        # More workers take no less, so what fewer are certain to take they are certain to take too.
        lows = itertools.accumulate((size.low for size in anchors), max)
        anchors = [replace(size, low=low) for size, low in zip(anchors, lows, strict=True)]
        known = {size.workers: size for size in anchors}
        helping = [first.workers]
        for number in numbers:
            # A worker more that a mishap takes away again adds nothing: it is bought with the next.
            if self.left(number) > self.left(helping[-1]):
                helping.append(number)
        return [known.get(number) or between(anchors, number, self.left) for number in helping], level

    def left(self, workers: int) -> int:
        """How many of so many workers the worst mishap leaves."""
        return workers_left(self.scenario, self.key, workers)

    def _level(self, anchors: Sequence[Size], step: int) -> Size | None:
        """The least size beyond which more workers take hardly any more load, as something else binds; else None."""
        flat = (
            place
            for place, (lower, upper) in enumerate(itertools.pairwise(anchors))
            if upper.workers >= FURTHER * lower.workers
            and upper.factor <= lower.factor * (1.0 + 2.0 * NARROW)
        )
        place = next(flat, None)
        if place is None:
            return None
        found = anchors[place]
        enough = found.factor * (1.0 - 2.0 * NARROW)
        short = anchors[max(0, place - 1)].workers
        while found.workers - short > step:
            middle = short + step * ((found.workers - short) // step // 2)
            size = self.at(middle, found.factor)
            if size.factor >= enough:
                found = size
            else:
                short = middle
        return found

    def _fill(self, anchors: list[Size], numbers: range) -> None:
        """Simulates sizes in the widest gaps until there are as many as are allowed."""
        while len(anchors) < min(ANCHORS, len(numbers)):
            anchors.sort(key=lambda size: size.workers)
            gaps = [
                (math.log(upper.workers / lower.workers), lower, upper)
                for lower, upper in itertools.pairwise(anchors)
                if upper.workers - lower.workers > numbers.step
            ]
            if not gaps:
                return
            _, lower, upper = max(gaps, key=lambda gap: gap[0])
            middle = lower.workers + numbers.step * max(
                1, round((math.sqrt(lower.workers * upper.workers) - lower.workers) / numbers.step)
            )
            middle = min(middle, upper.workers - numbers.step)
            guess = between([lower, upper], middle, self.left).factor
            anchors.append(self.at(middle, guess))


def _season_words(scenario: Scenario, demand: Steady | Fitted) -> Iterator[str]:
    """What the load as written is taken for, where a season may have it mistaken for what was measured last."""
    growth = demand.growth
    if not isinstance(growth, SeriesGrowth) or growth.season is None or growth.base is not None:
        return
    rate, measured = offered_load(scenario), growth.observations()[-1][1]
    ahead = [rate * demand.at(time).mean for time in moments(demand) if time <= YEAR]
    written, then, least, most = map(format_rate, (rate, ahead[0], min(ahead), max(ahead)))
    yield (
        f"the load as written, {written}, is taken as the trend at the last row: with its season it is {then} then, "
        f"and {least} to {most} within a year; if {written} is what that row measured, write growth.base: {measured:g}"
    )


def _key(scenario: Scenario) -> str:
    """The path of the workers, or instances, that are bought, where nobody says."""
    varied = scenario.plan.vary if scenario.plan is not None else ()
    sized = [path for what in (".workers", ".instances") for path in varied if path.endswith(what)]
    return sized[0] if sized else f"services.{bottleneck(scenario)[0]}.workers"


def _workers(scenario: Scenario, key: str) -> int:
    value = scenario.get(key)
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not 1 <= value < math.inf:
        raise UsageError(
            f"{key} is {value}: only a number of workers can be bought, beside one at least; write purchase: "
            "{step: 4, key: services.api.workers}"
        )
    return int(value)


def _per_year(demand: Steady | Fitted) -> list[float]:
    if isinstance(demand, Fitted):
        return list(demand.yearly)
    level = demand.at(YEAR, CONFIDENCE)
    return [level.mean - 1.0, level.low - 1.0, level.high - 1.0]
