"""What is rare: the event that is counted, what it is a share of, and the height from which it happens."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from sim.engines import observations as see
from sim.engines.splitting import Asked, Levels, Paths
from sim.errors import QuantityError, UsageError
from sim.scenario.scenario import Scenario
from sim.scenario.services import Service
from sim.scenario.suggestions import nearest
from sim.units import parse_duration

Columns = tuple[int, ...]

_SERVICE: Final[Mapping[str, tuple[Columns, Columns]]] = {
    "rejected_ratio": ((see.REFUSED,), (see.ARRIVED,)),
    "wait_exceeds": ((see.LONG_WAITS,), (see.STARTED,)),
    "in_system_reaches": ((), ()),
}
_CLIENT: Final[Mapping[str, tuple[Columns, Columns]]] = {
    "rejected_ratio": ((see.REJECTED,), (see.SENT,)),
    "timeout_ratio": ((see.TIMEOUT,), (see.SENT,)),
    "denied_ratio": ((see.DENIED,), (see.SENT, see.DENIED)),
    "gave_up_ratio": ((see.GAVE_UP,), (see.SUCCESS, see.GAVE_UP)),
}
RARE_METRICS: Final = {"service": _SERVICE, "traffic": _CLIENT, "client": _CLIENT}
"""Subject kind -> metric -> the counts of the event, and those that it is a share of (both in the steady state)."""

WITH_THRESHOLD: Final = {"wait_exceeds": "500ms", "in_system_reaches": "20"}
"""Metrics that ask how often something is above a threshold, with an example of one."""


@dataclass(frozen=True)
class RareEvent:
    """An event whose share is wanted: a metric of a subject, with its threshold (s, or a number) where it has one."""

    subject: str
    metric: str
    threshold: float | None = None

    def asked(self, scenario: Scenario, split_from: float, begin: float, end: float) -> Asked:
        """What the engine is to count, in s.

        The height of a state is the number at the service: waiting, served, and blocked at its door. Of a client's
        figures it is that and the requests that wait out a backoff, as those come back.
        """
        rows, services, sources = self._rows(scenario)
        hits, tries = RARE_METRICS[self.kind][self.metric]
        heights = [row * see.METERS + meter for row in services for meter in (see.QUEUE, see.BUSY, see.DOOR)]
        if self.kind != "service":
            heights += [row * see.METERS + see.ORBIT for row in sources]
        return Asked(
            split_from,
            begin,
            end,
            tuple(heights),
            tuple(row * see.COUNTS + column for row in rows for column in hits),
            tuple(row * see.COUNTS + column for row in rows for column in tries),
            math.inf if self.metric != "wait_exceeds" or self.threshold is None else self.threshold,
        )

    def counted(self, paths: Paths, levels: Levels, window: float) -> tuple[float, float]:
        """The weighted numbers of events and of what they are a share of, on all paths of a replication."""
        if self.metric == "in_system_reaches" and self.threshold is not None:
            return float(times(paths, levels)[math.ceil(self.threshold) :].sum()), window
        return float(paths.hits @ levels.weights), float(paths.tries @ levels.weights)

    def was_seen(self, paths: Paths) -> bool:
        """Whether any path of a replication met the event."""
        if self.metric == "in_system_reaches" and self.threshold is not None:
            return len(paths.occupied) > math.ceil(self.threshold)
        return bool(paths.hits.any())

    @property
    def kind(self) -> str:
        """`service`, `traffic` or `client`."""
        return self.subject.partition(":")[0]

    @property
    def words(self) -> str:
        """The metric with its threshold, as it is read."""
        if self.threshold is None:
            return self.metric
        return f"{self.metric} {self.threshold:g}{' s' if self.metric == 'wait_exceeds' else ''}"

    def _rows(self, scenario: Scenario) -> tuple[list[int], list[int], list[int]]:
        """The rows counted, those of the service's instances, and those of the traffic that calls it."""
        name = self.subject.partition(":")[2]
        traffic = list(scenario.traffic)
        if self.kind == "service":
            called = {name}
        elif self.kind == "traffic":
            called = {scenario.traffic[name].call}
        else:
            called = {
                one.call for each, one in scenario.traffic.items() if scenario.client_name(each) == name
            }
        services = [len(traffic) + at for at, (each, _) in enumerate(scenario.instances) if each in called]
        sources = [at for at, each in enumerate(traffic) if scenario.traffic[each].call in called]
        if self.kind == "service":
            return services, services, sources
        own = [
            at
            for at, each in enumerate(traffic)
            if (each if self.kind == "traffic" else scenario.client_name(each)) == name
        ]
        return own, services, sources


def times(paths: Paths, levels: Levels) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """Weighted seconds at each height."""
    region = np.searchsorted(levels.at, np.arange(len(paths.occupied)), "right")
    weighted: np.ndarray[tuple[int, ...], np.dtype[np.float64]] = paths.occupied * levels.weights[region]
    return weighted


def event_of(
    scenario: Scenario, subject: str | None, metric: str | None, threshold: str | float | None
) -> RareEvent:
    """The event asked for; what is not said is taken from the first objective on such a metric, else the first service.

    Raises:
        UsageError: a subject, metric or threshold that there is not.
    """
    subject, metric = _defaults(scenario, subject, metric)
    kind, _, name = subject.partition(":")
    known: dict[str, list[str]] = {
        "service": list(scenario.services),
        "traffic": list(scenario.traffic),
        "client": _clients(scenario),
    }
    subjects = [f"{each}:{one}" for each, names in known.items() for one in names]
    if kind not in known or name not in known[kind]:
        raise UsageError(_refused("subject", subject, subjects))
    if metric not in RARE_METRICS[kind]:
        raise UsageError(_refused(f"rare metric of {subject}", metric, list(RARE_METRICS[kind])))
    if kind == "service" and metric == "rejected_ratio" and _never_refuses(scenario.services[name]):
        raise UsageError(
            f"{subject} never refuses: its queue has no limit, and nothing else turns anybody away; ask for --metric "
            f"wait_exceeds --threshold {WITH_THRESHOLD['wait_exceeds']}, for example"
        )
    example = WITH_THRESHOLD.get(metric)
    if example is None:
        if threshold is not None:
            raise UsageError(f"{metric} has no threshold; one belongs to {' and '.join(WITH_THRESHOLD)}")
        return RareEvent(subject, metric)
    if threshold is None:
        raise UsageError(f"{metric} wants a threshold; for example {example}")
    return RareEvent(subject, metric, _threshold(metric, threshold, example))


def _defaults(scenario: Scenario, subject: str | None, metric: str | None) -> tuple[str, str]:
    for wanted in scenario.objectives:
        rare = wanted.metric in RARE_METRICS[wanted.subject.partition(":")[0]]
        if rare and subject in (None, wanted.subject) and metric in (None, wanted.metric):
            return wanted.subject, wanted.metric
    if subject is None:
        on_clients = metric is not None and metric not in _SERVICE and metric in _CLIENT
        subject = (
            f"traffic:{next(iter(scenario.traffic))}"
            if on_clients
            else f"service:{next(iter(scenario.services))}"
        )
    return subject, metric or "rejected_ratio"


def _never_refuses(service: Service) -> bool:
    queue = service.queue
    unlimited = math.isinf(queue.capacity) and queue.max_wait is None
    return unlimited and not service.admission and service.conflict is None


def _clients(scenario: Scenario) -> list[str]:
    """The named clients that some traffic has."""
    used = {scenario.client_name(name) for name in scenario.traffic}
    return [name for name in scenario.clients if name in used]


def _threshold(metric: str, threshold: str | float, example: str) -> float:
    if metric == "wait_exceeds":
        seconds = parse_duration(threshold) if isinstance(threshold, str) else float(threshold)
        if seconds >= 0.0 and math.isfinite(seconds):
            return seconds
    else:
        try:
            number = float(threshold)
        except ValueError:
            number = math.nan
        if number >= 1.0 and number.is_integer():
            return number
    raise QuantityError(f"{threshold} is no threshold of {metric}", example)


def _refused(what: str, wrong: str, known: Sequence[str]) -> str:
    meant = nearest(wrong, known)
    hint = f"did you mean {meant}?" if meant else f"one of {', '.join(known)}"
    return f"{wrong!r} is not a {what}; {hint}"
