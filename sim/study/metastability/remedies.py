"""Ways out of a collapse: each tried on runs that did collapse, and ranked by what it costs.

A way out is a fault that does good: it begins some time after the trigger's end, in the runs whose fate was collapse,
and holds for a while. Draws are named, so up to that instant each run is the very run that collapsed. Of each way the
shortest time that is enough is sought.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from sim.measure.intervals import CONFIDENCE, wilson
from sim.study.load import nominal_rate
from sim.study.metastability.fates import Case, Fates, Judge
from sim.study.metastability.semantics import clients_of
from sim.study.metastability.trigger import without_trigger
from sim.units import format_duration, format_ratio, write_duration, write_factor

if TYPE_CHECKING:
    from sim.engines.fate import Seen

ENOUGH: Final = 0.95
"""A way out is enough if at least this share of the collapsed runs recovers."""

RUNS: Final = 40
"""Collapsed runs on which the ways out are tried, if there are so many."""

EACH_DROP: Final = 1.0
"""Seconds from one drop of the backlog to the next."""

CUTS: Final = (0.25, 0.5, 0.75, 0.9, 1.0)
STEPS: Final = (1.0, 2.0, 5.0)


@dataclass(frozen=True)
class WayOut:
    """One way out, held for the shortest time that is enough, or the longest tried.

    name: in words. lasting: s. lost: requests turned away by it, or given up from its beginning until the service was
    back, on average.
    runs, recovered: collapsed runs tried, and those that recovered within the horizon after its end. time: s from the
    way's beginning to recovery, the median over those that did. enough: whether at least 95 % did.
    """

    name: str
    lasting: float
    lost: float
    runs: int
    recovered: int
    time: float
    enough: bool

    @property
    def share(self) -> float:
        """The share of the collapsed runs that it brought back."""
        return self.recovered / self.runs

    def interval(self, confidence: float = CONFIDENCE) -> tuple[float, float]:
        """Wilson's interval of that share."""
        return wilson(self.recovered, self.runs, confidence)

    def to_json(self, confidence: float = CONFIDENCE) -> dict[str, Any]:
        """The way out as plain values for JSON."""
        low, high = self.interval(confidence)
        return {
            "name": self.name,
            "for": self.lasting,
            "lost": self.lost,
            "runs": self.runs,
            "recovered": self.recovered,
            "share": self.share,
            "low": low,
            "high": high,
            "time": self.time if math.isfinite(self.time) else None,
            "enough": self.enough,
        }


Faults = Sequence[dict[str, object]]
"""Faults as they would stand in the file."""


def ways_out(judge: Judge, fates: Fates, *, runs: int = RUNS) -> list[WayOut]:
    """The ways out of the collapse that some of these fates met, those that are enough first, then by their cost.

    Cost is the requests lost, then the time to recovery. Empty where no run collapsed.
    """
    case = fates.case
    numbers = [number for number, seen in enumerate(fates.seen) if seen.fate == "collapsed"][:runs]
    if not numbers or case.down:
        return []
    first = begin(case)
    collapse = Collapse(case, numbers, first, _given_up(judge, case, numbers, first))
    found = [_shortest(judge, collapse, *way) for way in _ways(case, first)]
    return sorted(found, key=lambda way: (not way.enough, way.lost, way.time, -way.share))


@dataclass(frozen=True)
class Collapse:
    """The runs that collapsed, by their numbers; when ways out of it begin, and how many had given up by then, on
    average.
    """

    case: Case
    numbers: Sequence[int]
    begin: float
    given_up: float


def begin(case: Case) -> float:
    """When ways out begin, in s: some time after the trigger's end, so that it has collapsed by itself."""
    return case.trigger.end + min(0.25 * case.watch.horizon, 10.0 * case.watch.hold)


def _given_up(judge: Judge, case: Case, numbers: Sequence[int], until: float) -> float:
    """Requests that ended without success up to an instant: lost to the collapse, whatever is done then."""
    seen = judge.chosen(replace(case, watch=replace(case.watch, begin=until, end=until)), numbers)
    return _without_success(case, seen)


def _without_success(case: Case, seen: Sequence[Seen]) -> float:
    """Requests to the services judged that ended without success in a run, on average."""
    places = [
        place for place, traffic in enumerate(case.scenario.traffic.values()) if traffic.call in case.judged
    ]
    return math.fsum(one.ended[place] - one.success[place] for one in seen for place in places) / len(seen)


def _ways(case: Case, begin: float) -> Iterator[tuple[str, Callable[[float], Faults], float, float]]:
    """Each way: its name, the faults that make it for so many s, the requests a second that it turns away, and the
    least s that mean something.
    """
    scenario = case.scenario
    classes = [name for name, traffic in scenario.traffic.items() if traffic.call in case.judged]
    rate = math.fsum(nominal_rate(without_trigger(scenario), name) for name in classes)
    at = write_duration(begin)
    cuttable = [name for name in classes if scenario.traffic[name].arrivals.kind not in ("closed", "trace")]
    for cut in CUTS if len(cuttable) == len(classes) else ():

        def less(lasting: float, cut: float = cut) -> Faults:
            window = {"at": at, "for": write_duration(lasting)}
            return [{**window, "traffic": name, "rate": write_factor(1.0 - cut)} for name in cuttable]

        yield f"turn away {format_ratio(cut)} of the traffic", less, cut * rate, 0.0
    callers = {scenario.client_name(name) for name in classes}
    retrying = [
        path.removeprefix("clients.")
        for path, client in clients_of(scenario)
        if path.removeprefix("clients.") in callers and client.retry.attempts > 1
    ]
    if retrying:

        def no_retries(lasting: float) -> Faults:
            window = {"at": at, "for": write_duration(lasting)}
            return [{**window, "client": name, "retries": False} for name in retrying]

        yield "switch off retries", no_retries, 0.0, 0.0
    queues = [
        name
        for name, service in scenario.services.items()
        if name in case.judged and service.queue.capacity > 0 and math.isfinite(service.workers)
    ]
    newest = [
        name for name in queues if scenario.services[name].queue.discipline.order in ("oldest", "either")
    ]
    if newest:

        def lifo(lasting: float) -> Faults:
            window = {"at": at, "for": write_duration(lasting)}
            return [{**window, "service": name, "discipline": "lifo"} for name in newest]

        yield "serve the newest first", lifo, 0.0, 0.0
    if queues:

        def dropped(lasting: float) -> Faults:
            # Again and again: what is dropped comes back as retries. One drop has no length: it stands for its second.
            times = [begin + step * EACH_DROP for step in range(round(lasting / EACH_DROP))]
            return [
                {
                    "at": write_duration(time),
                    "for": write_duration(EACH_DROP),
                    "service": name,
                    "drop_queue": True,
                }
                for time in times
                for name in queues
            ]

        yield "drop the backlog each second", dropped, 0.0, EACH_DROP


def _shortest(
    judge: Judge,
    collapse: Collapse,
    name: str,
    faults: Callable[[float], Faults],
    rate: float,
    least: float,
) -> WayOut:
    """A way held for the shortest time of a 1-2-5 series that is enough; more of it is taken to be no worse."""
    watch = collapse.case.watch
    series = _series(max(least, watch.hold / 5.0), max(least, watch.horizon))

    def tried(lasting: float) -> WayOut:
        return _tried(judge, collapse, name, faults(lasting), lasting, rate * lasting)

    best = tried(series[-1])
    if not best.enough:
        return best
    short, enough = -1, len(series) - 1
    while enough - short > 1:
        middle = (short + enough) // 2
        way = tried(series[middle])
        short, enough, best = (short, middle, way) if way.enough else (middle, enough, best)
    return best


def _tried(
    judge: Judge,
    collapse: Collapse,
    name: str,
    faults: Faults,
    lasting: float,
    turned_away: float,
) -> WayOut:
    """One way for one time, in the runs that collapsed."""
    case = collapse.case
    scenario = case.scenario.set("faults", [*case.scenario.document.get("faults", []), *faults])
    end = collapse.begin + lasting
    watch = replace(case.watch, begin=end, end=end + case.watch.end - case.watch.begin)
    seen: list[Seen] = judge.chosen(replace(case, scenario=scenario, watch=watch), collapse.numbers)
    times = sorted(one.time + lasting for one in seen if one.fate == "recovered")
    return WayOut(
        name=f"{name} for {format_duration(lasting)}",
        lasting=lasting,
        lost=turned_away + _without_success(case, seen) - collapse.given_up,
        runs=len(seen),
        recovered=len(times),
        time=times[len(times) // 2] if times else math.inf,
        enough=len(times) >= ENOUGH * len(seen),
    )


def _series(least: float, most: float) -> list[float]:
    """The round numbers 1, 2, 5, 10 … from about the least to the most, in s."""
    exponents = range(math.floor(math.log10(least)), math.ceil(math.log10(most)) + 1)
    numbers = [float(f"{step * 10.0**exponent:.6g}") for exponent in exponents for step in STEPS]
    return [number for number in numbers if least <= number <= most] or [most]
