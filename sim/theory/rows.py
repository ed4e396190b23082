"""A model's figures as rows: the subjects and metrics of a run, for a service and its traffic."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from sim.theory.law import Law, Shifted, Within
from sim.theory.station import Station, Stream
from sim.theory.steady import Steady

QUANTILES = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99, "p999": 0.999}
STAY_QUANTILES = ("p50", "p90", "p95", "p99")

Quantiles = Collection[str] | None
"""Metrics of quantiles that are asked for; None: all."""


class Figure(NamedTuple):
    """One figure: a metric of a subject, in the unit of `sim.scenario.metrics`."""

    subject: str
    metric: str
    value: float


@dataclass(frozen=True, eq=False)
class Fit:
    """What a model says of a station.

    `stream_waits` gives the mean wait of streams that wait differently, s; `traffic` figures of streams that
    replace what follows from the station alone; `note` a sentence on what it rests on; `without` the metrics
    for which the model is known to be poor.
    """

    steady: Steady
    note: str
    stream_waits: Mapping[str, float] | None = None
    traffic: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    without: frozenset[str] = frozenset()


def figures(station: Station, fit: Fit, quantiles: Quantiles = None) -> list[Figure]:
    """All that a model says of a service and its traffic; what it does not know is left out.

    `quantiles` names the metrics of quantiles that are worked out, as they may take long; all, if None.
    """
    found = [
        Figure(f"service:{station.name}", metric, value)
        for metric, value in service_figures(fit.steady, quantiles)
    ]
    laws: dict[tuple[float, float], dict[str, float]] = {}
    for stream in station.streams:
        values = dict(_traffic_figures(station, stream, fit, laws, quantiles)) | dict(
            fit.traffic.get(stream.name, {})
        )
        found += [Figure(f"traffic:{stream.name}", metric, value) for metric, value in values.items()]
    return [one for one in found if not math.isnan(one.value) and one.metric not in fit.without]


def service_figures(steady: Steady, quantiles: Quantiles = None) -> Iterator[tuple[str, float]]:
    """Metric and value of a service."""
    yield "arrival_rate", steady.arrival_rate
    yield "throughput", steady.throughput
    if math.isfinite(steady.workers):
        yield "utilization", steady.utilization
    yield "busy_workers", steady.busy_workers
    yield "queue_length", steady.queue_length
    yield "in_system", steady.in_system
    yield "wait_mean", steady.wait_mean
    for name in _asked("wait", STAY_QUANTILES, quantiles):
        yield f"wait_{name}", steady.wait_quantile(QUANTILES[name])
    yield "sojourn_mean", steady.sojourn_mean
    for name in _asked("sojourn", STAY_QUANTILES, quantiles):
        yield f"sojourn_{name}", steady.sojourn_quantile(QUANTILES[name])
    yield "rejected_rate", steady.rejected_rate
    yield "rejected_ratio", steady.rejected_ratio
    yield "wait_probability", steady.wait_probability


def _traffic_figures(
    station: Station,
    stream: Stream,
    fit: Fit,
    laws: dict[tuple[float, float], dict[str, float]],
    quantiles: Quantiles,
) -> Iterator[tuple[str, float]]:
    """What a request of one stream meets: refused or not, in time or not, failed or not."""
    steady, errors = fit.steady, station.service.error_ratio
    tries = station.attempts_each(stream)
    offered = steady.arrival_rate * stream.users / station.users if station.closed else stream.rate
    yield "offered_rate", offered
    yield "attempt_rate", offered * tries
    yield "amplification", tries
    if not station.retried:
        yield "orbit", 0.0
    queue = station.service.queue
    if not station.impartial and (queue.overflow == "drop_oldest" or queue.max_wait is not None):
        return  # those of the last rank wait longest, and are lost first
    yield "rejected_ratio", steady.rejected_ratio
    in_time = _in_time(station, stream, steady)
    accepted = 1.0 - steady.rejected_ratio
    # A request fails if its last try fails: with persistence and errors alone, the tries sum to `tries`.
    success = tries * (1.0 - errors) * accepted * in_time
    yield "timeout_ratio", accepted * (1.0 - in_time)
    yield "success_ratio", success
    yield "gave_up_ratio", 1.0 - success
    yield "goodput", offered * success
    if stream.name in station.retried or not (station.impartial or fit.stream_waits is not None):
        return
    if fit.stream_waits is not None or station.law is None:
        wait_mean = steady.wait_mean if fit.stream_waits is None else fit.stream_waits[stream.name]
        if math.isinf(stream.limit):
            yield "latency_mean", wait_mean + stream.law.moments()[0] + stream.network_mean
        return
    key = (stream.limit, stream.network_mean if stream.network_constant else math.nan)
    if key not in laws or math.isnan(key[1]):
        laws[key] = dict(_latency(stream, steady, in_time, quantiles))
    yield from laws[key].items()


def _in_time(station: Station, stream: Stream, steady: Steady) -> float:
    """The share of accepted attempts answered before the client's limit; nan if the model cannot say."""
    if math.isinf(stream.limit):
        return 1.0
    law = _latency_law(stream, steady)
    undecided = station.service.queue.max_wait is not None or station.law is None
    if law is None or undecided or stream.network_mean >= stream.limit:
        return math.nan
    return law.cdf(stream.limit)


def _latency_law(stream: Stream, steady: Steady) -> Law | None:
    if steady.sojourn is None or not stream.network_constant:
        return None
    return Shifted(steady.sojourn, stream.network_mean) if stream.network_mean > 0.0 else steady.sojourn


def _latency(
    stream: Stream, steady: Steady, in_time: float, quantiles: Quantiles
) -> Iterator[tuple[str, float]]:
    law = _latency_law(stream, steady)
    if math.isfinite(stream.limit):
        if law is None or not in_time > 0.0:
            return
        law = Within(law, stream.limit)
        yield "latency_mean", law.mean
    else:
        yield "latency_mean", steady.sojourn_mean + stream.network_mean
    if law is not None:
        for name in _asked("latency", tuple(QUANTILES), quantiles):
            yield f"latency_{name}", law.quantile(QUANTILES[name])


def _asked(of: str, names: tuple[str, ...], quantiles: Quantiles) -> Iterator[str]:
    """Those quantiles of one kind of time that are asked for."""
    return (name for name in names if quantiles is None or f"{of}_{name}" in quantiles)
