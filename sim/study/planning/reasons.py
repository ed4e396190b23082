"""Why nothing in a plan's range meets everything, as far as arithmetic tells and the candidates show."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sim.measure.judge import ROUNDING
from sim.scenario.metrics import RECOVERY_METRIC
from sim.study.load import bottleneck
from sim.theory.rows import QUANTILES
from sim.theory.service_law import service_law
from sim.theory.station import stations
from sim.units import format_duration, format_ratio

if TYPE_CHECKING:
    from sim.scenario.objectives import Objective
    from sim.scenario.scenario import Scenario
    from sim.study.planning.candidates import Candidate
    from sim.study.planning.levers import Lever


def why_missed(written: Scenario, levers: Sequence[Lever], candidates: Sequence[Candidate]) -> Iterator[str]:
    """What stands in the way wherever the plan looked, in sentences: the work itself, its amount, keys without effect.

    Args:
        written: the scenario without its plan.
        levers: the keys that vary.
        candidates: all that were simulated, none of them met.
    """
    nearest = max(candidates, key=lambda one: one.least_room, default=None)
    if nearest is None:
        return
    for wanted in written.objectives:
        if _beyond(best_possible(written.set(nearest.values), wanted), wanted):
            every = [best_possible(written.set(one.values), wanted) for one in candidates]
            if all(_beyond(best, wanted) for best in every):
                yield _limit_words(min(every) if wanted.at_most is not None else max(every), wanted)
    service, load = bottleneck(written.set(nearest.values))
    if 1.0 - ROUNDING <= load.ratio < math.inf:
        yield f"Even in the nearest, service:{service} is asked for {format_ratio(load.ratio)} of what it can do."
    row = nearest.binding
    if row is None or row["metric"] == RECOVERY_METRIC:
        return
    touched = {name for lever in levers for name in _touched(written, lever.path)}
    owner = _service_of(written, row["subject"])
    if touched and owner and owner not in touched:
        yield f"Nothing that varies touches service:{owner}, where this is missed; vary services.{owner}.workers, say."
        return
    for lever in levers:
        if _idle(lever, levers, row, candidates):
            yield f"{lever.path} made no difference to {row['metric']} of {row['subject']}."


def best_possible(scenario: Scenario, wanted: Objective) -> float:
    """The best that an objective's figure can be in a long run, by the work alone, without any wait; nan if unknown.

    A latency is no shorter than the work of those whose work ends within their timeout, if whether they are accepted
    has nothing to do with it. No more succeed than have one attempt at least whose work ends within its timeout.
    """
    kind, _, statistic = wanted.metric.partition("_")
    if any(fault.service_time is not None and fault.service_time < 1.0 for fault in scenario.faults):
        return math.nan
    for station in stations(scenario):
        for stream in station.streams:
            if wanted.subject != f"traffic:{stream.name}" or stream.client.hedge is not None:
                continue
            law = service_law(stream.law)
            if wanted.metric == "success_ratio" and math.isfinite(stream.limit):
                tries = stream.client.retry.attempts if stream.name in station.retried else 1
                return 1.0 - law.tail(stream.limit) ** tries
            if kind == "latency" and station.size_blind:
                share = QUANTILES.get(statistic)
                if share is not None:
                    return law.quantile(share * law.cdf(stream.limit))
                return law.mean if statistic == "mean" and math.isinf(stream.limit) else math.nan
    return math.nan


def _beyond(best: float, wanted: Objective) -> bool:
    """Whether even the best is on the bad side; not if it is unknown."""
    if wanted.at_most is not None:
        return best > wanted.at_most
    return wanted.at_least is not None and best < wanted.at_least


def _limit_words(best: float, wanted: Objective) -> str:
    if wanted.at_most is not None:
        return (
            f"Without any wait, {wanted.metric} of {wanted.subject} would be {format_duration(best)} already, by the "
            "work alone: no size can mend that."
        )
    return (
        f"Without any wait, success_ratio of {wanted.subject} would be {format_ratio(best)} at the most, as the work "
        "alone takes longer than the timeout in the others: no size can mend that."
    )


def _service_of(scenario: Scenario, subject: str) -> str:
    """The service that a subject is, or calls; "" for others."""
    kind, _, name = subject.partition(":")
    return name if kind == "service" else scenario.traffic[name].call if kind == "traffic" else ""


def _touched(scenario: Scenario, path: str) -> set[str]:
    """The services that a key path has to do with: its own, or those that its traffic or its client calls."""
    section, _, rest = path.partition(".")
    name = rest.partition(".")[0]
    if section == "services":
        return {name}
    if section == "traffic":
        return {scenario.traffic[name].call}
    if section == "clients":
        return {each.call for key, each in scenario.traffic.items() if scenario.client_name(key) == name}
    return set(scenario.services)


def _idle(
    lever: Lever, levers: Sequence[Lever], row: Mapping[str, Any], candidates: Sequence[Candidate]
) -> bool:
    """Whether what must hold came out the same in candidates that differ in this key alone."""
    others = [each.path for each in levers if each is not lever]
    found: dict[tuple[Any, ...], list[float]] = {}
    for one in candidates:
        alike = one.row_like(row)
        if alike is not None:
            place = (alike["replications"], *(one.values[path] for path in others))
            found.setdefault(place, []).append(alike["value"])
    pairs = [pair for values in found.values() for pair in itertools.pairwise(values)]
    return bool(pairs) and all(one == other for one, other in pairs)
