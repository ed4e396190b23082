"""One replication's figures: every metric of every subject, from its observations."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from sim.engines import observations as see
from sim.engines.observations import Observations
from sim.measure.histograms import quantiles
from sim.scenario.clients import Client
from sim.scenario.scenario import Scenario
from sim.scenario.services import Service

SHARES = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99, "p999": 0.999}
SERVICE_SHARES = ("p50", "p90", "p95", "p99")


@dataclass(frozen=True)
class Figure:
    """A metric's value in one replication, and how many requests or attempts there were to make it what it is.

    size: what it would be, beyond its floor, if all of them did: 1 for a ratio, their rate for a rate of events. Of
    what can be told by no count of requests, such as a quantile, trials are NaN.
    """

    value: float
    trials: float = math.nan
    size: float = 1.0


Figures = dict[tuple[str, str], Figure]
"""By subject and metric, in base units."""


def figures(scenario: Scenario, seen: Observations) -> Figures:
    """Every metric of one replication."""
    found: Figures = {}
    names = list(scenario.traffic)

    def of_classes(subject: str, places: list[int]) -> Figures:
        own = [names[place] for place in places]
        side = _client_side(seen, places, _attempts(scenario, own))
        return certain(subject, side, _impossible_for_clients([scenario.client_of(name) for name in own]))

    for place, name in enumerate(names):
        found |= of_classes(f"traffic:{name}", [place])
    for client in scenario.clients:
        places = [place for place, name in enumerate(names) if scenario.client_name(name) == client]
        if places:
            found |= of_classes(f"client:{client}", places)
    for place, name in enumerate(scenario.services):
        callers = [each for each in names if scenario.traffic[each].call == name]
        side = service_side(seen, len(names) + place, _attempts(scenario, callers))
        found |= certain(f"service:{name}", side, impossible_at(scenario.services[name]))
    return found


def impossible_at(service: Service) -> set[str]:
    """Metrics of a service of what it cannot do: they are 0 for certain, however few runs there were."""
    blocks = service.queue.overflow == "block" and math.isfinite(service.queue.capacity)
    return set() if blocks else {"blocked"}


def _impossible_for_clients(clients: Sequence[Client]) -> set[str]:
    """Metrics of these clients of what none of them can do."""
    able: dict[str, Callable[[Client], object]] = {
        "denied_ratio": lambda one: one.throttle or one.breaker or one.limit,
        "over_budget_rate": lambda one: one.retry.budget,
        "timeout_ratio": lambda one: one.timeout is not None or one.deadline is not None,
        "amplification": lambda one: one.retry.attempts > 1 or one.hedge,
        "orbit": lambda one: one.retry.attempts > 1,
    }
    return {metric for metric, can in able.items() if not any(can(client) for client in clients)}


def certain(subject: str, side: Mapping[str, Figure], impossible: set[str]) -> Figures:
    """The figures under their subject; no trials stand behind what is certain."""
    return {
        (subject, metric): replace(figure, trials=0.0) if metric in impossible else figure
        for metric, figure in side.items()
    }


def independent_figures(found: Sequence[Figures], twins: bool) -> list[Figures]:
    """Those of each replication, or the means of antithetic pairs: what is independent of the rest."""
    if not twins:
        return list(found)
    return [
        {
            key: Figure(
                (one.value + other[key].value) / 2.0,
                one.trials + other[key].trials,
                (one.size + other[key].size) / 2.0,
            )
            for key, one in first.items()
        }
        for first, other in zip(found[0::2], found[1::2], strict=True)
    ]


MOST_ATTEMPTS = 11.0
"""Of those who retry without end: that many at a request that is tried again, at the most, on average."""


def _attempts(scenario: Scenario, names: Sequence[str]) -> float:
    """Attempts that a request of these classes may have, at the most."""
    most = max((float(scenario.client_of(name).retry.attempts) for name in names), default=1.0)
    return min(most, MOST_ATTEMPTS)


def _client_side(seen: Observations, rows: list[int], attempts: float) -> dict[str, Figure]:
    """Figures of one traffic class, or of all that share a client, whose requests have so many attempts at the most."""
    span = seen.duration - seen.warmup
    counts = seen.window_counts[rows].sum(axis=0)
    cohort = seen.cohort[rows].sum(axis=0)
    born, sent = float(counts[see.BORN]), float(cohort[see.COHORT_SENT])
    orbit = float(seen.window_areas[rows, see.ORBIT].sum())
    found = {
        "offered_rate": Figure(born / span),
        "attempt_rate": Figure(float(counts[see.SENT]) / span),
        "goodput": Figure(float(counts[see.SUCCESS]) / span),
        "success_ratio": _share(cohort[see.COHORT_SUCCESS], born),
        "gave_up_ratio": _share(cohort[see.COHORT_GAVE_UP], born),
        "amplification": Figure(sent / born, born, max(attempts - 1.0, 1.0)) if born else Figure(math.nan),
        "rejected_ratio": _share(cohort[see.COHORT_OUTCOME + see.REJECTED], sent),
        "timeout_ratio": _share(cohort[see.COHORT_OUTCOME + see.TIMEOUT], sent),
        "denied_ratio": _at_once(
            cohort[see.COHORT_OUTCOME + see.DENIED], sent + float(cohort[see.COHORT_OUTCOME + see.DENIED])
        ),
        "over_budget_rate": _rate(counts[see.OVER_BUDGET], counts[see.SENT], span),
    }
    histogram = seen.histogram[rows, see.LATENCY].sum(axis=0)
    found |= _durations("latency", histogram, seen.moments[rows, see.LATENCY], tuple(SHARES))
    found["orbit"] = Figure(orbit / span, 1.0)
    return found


def service_side(seen: Observations, row: int, attempts: float = 1.0) -> dict[str, Figure]:
    """Figures of a service, or of one of its instances, whose callers' requests have so many attempts at the most."""
    span = seen.duration - seen.warmup
    counts, areas = seen.window_counts[row], seen.window_areas[row]
    queue, jobs, workers = (float(areas[meter]) / span for meter in (see.QUEUE, see.BUSY, see.WORKERS))
    # Where jobs share the workers, fewer workers may be busy than jobs are in service.
    busy = float(areas[see.POWER]) / span or jobs
    waits, sojourns = seen.histogram[row, see.WAIT], seen.histogram[row, see.SOJOURN]
    served = float(waits.sum())
    found = {
        "arrival_rate": Figure(float(counts[see.ARRIVED]) / span),
        "throughput": Figure(float(counts[see.COMPLETED]) / span),
        "utilization": Figure(busy / workers if workers else math.nan),
        "busy_workers": Figure(busy),
        "queue_length": Figure(queue, served, queue + jobs),
        "in_system": Figure(queue + jobs),
        "blocked": Figure(float(areas[see.DOOR]) / span, 1.0),
    }
    found |= _durations("wait", waits, seen.moments[row, see.WAIT : see.WAIT + 1], SERVICE_SHARES)
    found |= _durations("sojourn", sojourns, seen.moments[row, see.SOJOURN : see.SOJOURN + 1], SERVICE_SHARES)
    found["wait_mean"] = Figure(found["wait_mean"].value, served, found["sojourn_mean"].value)
    found |= {
        "rejected_rate": _rate(counts[see.REFUSED], counts[see.ARRIVED], span, attempts),
        "rejected_ratio": _share(counts[see.REFUSED], float(counts[see.ARRIVED])),
        "wasted_ratio": Figure(float(counts[see.WASTED] / counts[see.WORK]), float(counts[see.STARTED]))
        if counts[see.WORK]
        else Figure(math.nan),
        "wait_probability": _share(served - seen.moments[row, see.WAIT, see.ZEROS], served),
    }
    return found


def _share(part: float, whole: float) -> Figure:
    return Figure(float(part) / whole, whole) if whole else Figure(math.nan)


def _at_once(part: float, whole: float) -> Figure:
    """A share whose events come by the hundred, as where a circuit opens: a replication is one trial of it."""
    return Figure(float(part) / whole, 1.0) if whole else Figure(math.nan)


def _rate(events: float, tries: float, span: float, each: float = 1.0) -> Figure:
    """Events per second, of which every try is one at the most, or so many as it is made again."""
    return Figure(float(events) / span, float(tries), each * float(tries) / span)


def _durations(
    name: str, histogram: NDArray[np.int64], sums: NDArray[np.float64], shares: tuple[str, ...]
) -> dict[str, Figure]:
    """Mean, quantiles and maximum of one kind of duration; NaN where none was seen."""
    number = int(histogram.sum())
    longest = float(sums[:, see.LONGEST].max()) if number else math.nan
    mean = float(sums[:, see.TOTAL].sum()) / number if number else math.nan
    found = quantiles(histogram, [SHARES[share] for share in shares], longest)
    return {
        f"{name}_mean": Figure(mean),
        **{f"{name}_{share}": Figure(value) for share, value in zip(shares, found, strict=True)},
        f"{name}_max": Figure(longest),
    }
