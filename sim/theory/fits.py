"""How each model is solved for a service whose assumptions hold: from a station to figures."""

from __future__ import annotations

import math
from dataclasses import replace

from sim.scenario.arrivals import Closed, ConstantArrivals, Renewal
from sim.scenario.backoff import RandomBackoff
from sim.scenario.distributions import quantile
from sim.theory import assumptions as a
from sim.theory.closed import finite_source
from sim.theory.erlang import erlang_b
from sim.theory.gg_c import allen_cunneen
from sim.theory.gi_m_1 import gi_m_1
from sim.theory.infinite import gg_inf
from sim.theory.inversion import mg1_wait
from sim.theory.law import Never
from sim.theory.mdc import mdc
from sim.theory.mg1 import batch_mg1, mg1
from sim.theory.mg1k import md1k
from sim.theory.mmc import mm1, mm_inf, mmc
from sim.theory.mmck import mmck
from sim.theory.mph1 import mph1
from sim.theory.patience import erlang_a, fixed_patience
from sim.theory.phase_queue import map_ph_c
from sim.theory.priority import mg1_priority, mmc_priority
from sim.theory.retrial import retrial
from sim.theory.rows import Fit
from sim.theory.service_law import service_law
from sim.theory.shortest import shortest_first
from sim.theory.station import Station
from sim.theory.steady import Steady
from sim.theory.transforms import deficit

#: Services whose transform is inverted for the law of the wait.
SMOOTH = frozenset({"lognormal", "weibull", "gamma", "erlang", "pareto", "uniform", "normal"})


def plain(steady: Steady) -> Steady:
    """The figures without those that depend on the order of service: the means hold, not the spread."""
    return replace(steady, wait=None, sojourn=None, wait_variance=math.nan)


def _numbers_only(steady: Steady) -> Steady:
    """The figures without those of the waits of the served, where others leave the queue unserved."""
    return replace(plain(steady), wait_mean=math.nan, sojourn_mean=math.nan, wait_probability=math.nan)


def _ordered(station: Station, steady: Steady) -> Steady:
    return steady if station.first_come else plain(steady)


def _mean(station: Station) -> float:
    """The exponential service mean, s, of a station that has one."""
    return station.exponential_mean or math.nan


def fit_mmc(station: Station) -> Fit:
    """M/M/1 and M/M/c."""
    steady = mmc(station.rate, 1.0 / _mean(station), int(station.workers))
    what = "one worker" if station.workers == 1 else f"{station.workers:.0f} workers"
    return Fit(
        _ordered(station, steady), f"Poisson arrivals, exponential service, {what}, no bound on the queue"
    )


def fit_sharing(station: Station) -> Fit:
    """M/G/c-PS: the number in it is that of M/M/c, whatever the law of the work (Cohen, Acta Informatica 12, 1979)."""
    load, workers = station.rate * station.service_mean, station.workers
    alike = mm_inf(station.rate, 1.0 / station.service_mean)
    if math.isfinite(workers):
        alike = mmc(station.rate, 1.0 / station.service_mean, int(workers))
    steady = Steady(
        arrival_rate=station.rate,
        throughput=station.rate,
        workers=workers,
        busy_workers=load,
        queue_length=0.0,
        in_service=alike.in_system,
        wait_mean=0.0,
        sojourn_mean=alike.in_system / station.rate,
        wait_probability=0.0,
        wait_variance=0.0,
        wait=Never(),
        probabilities=alike.probabilities,
    )
    return Fit(
        steady, "Poisson arrivals, all jobs share the workers: the mean depends on the mean work alone"
    )


def fit_mmck(station: Station) -> Fit:
    """M/M/c/K."""
    steady = mmck(station.rate, 1.0 / _mean(station), int(station.workers), int(station.places))
    note = (
        f"Poisson arrivals, exponential service, K = {station.places:.0f} in the system, the rest is refused"
    )
    if a.refuses_newcomers(station) is not None:
        note += "; the oldest is dropped, so numbers and refusals hold, but not the waits of those served"
        return Fit(_numbers_only(steady), note)
    return Fit(_ordered(station, steady), note)


def fit_mm_inf(station: Station) -> Fit:
    """M/M/∞."""
    return Fit(
        mm_inf(station.rate, 1.0 / _mean(station)), "Poisson arrivals, exponential service, unlimited workers"
    )


def fit_gg_inf(station: Station) -> Fit:
    """G/G/∞."""
    law = None if station.law is None else service_law(station.law)
    return Fit(
        gg_inf(station.rate, station.service_mean, law),
        "unlimited workers: nobody waits, and Little's law gives the mean number in service",
    )


def fit_erlang_b(station: Station) -> Fit:
    """M/G/c/c."""
    load = station.rate * station.service_mean
    blocked = erlang_b(station.workers, load)
    steady = Steady(
        arrival_rate=station.rate,
        throughput=station.rate * (1.0 - blocked),
        workers=station.workers,
        busy_workers=load * (1.0 - blocked),
        queue_length=0.0,
        wait_mean=0.0,
        sojourn_mean=station.service_mean,
        rejected_ratio=blocked,
        wait_probability=0.0,
        wait_variance=0.0,
        wait=Never(),
        sojourn=None if station.law is None else service_law(station.law),
    )
    return Fit(steady, "Poisson arrivals, no waiting places: blocking depends on the mean service time alone")


def fit_mg1(station: Station) -> Fit:
    """M/G/1, with the laws of the waits where the service is constant, smooth or made of phases."""
    steady = mg1(station.rate, station.moments)
    note = "Poisson arrivals, one worker, Pollaczek–Khinchine from the first moments of the service time"
    if station.first_come and station.exponential_mean:
        laws = mm1(station.rate, 1.0 / station.exponential_mean)
        steady = replace(steady, wait=laws.wait, sojourn=laws.sojourn)
    elif station.first_come and station.constant_time and a.near_full(station) is None:
        exact = mdc(station.rate, station.constant_time, 1)
        steady = replace(steady, wait=exact.wait, sojourn=exact.sojourn)
    elif station.first_come and (service := station.phases) is not None:
        laws = mph1(station.rate, service)
        steady = replace(steady, wait=laws.wait, sojourn=laws.sojourn)
    elif station.first_come and station.law is not None and station.law.kind in SMOOTH:
        wait, sojourn = mg1_wait(station.rate, station.law, steady.wait_mean)
        if math.isfinite(steady.wait_mean):
            steady = replace(steady, wait=wait, sojourn=sojourn)
            note += "; quantiles by inverting its transform"
    return Fit(_ordered(station, steady), note)


def fit_batch_mg1(station: Station) -> Fit:
    """M^X/G/1."""
    batch = station.streams[0].arrivals.batch
    sizes = (1.0, 1.0) if batch is None else batch.moments()[:2]
    steady = batch_mg1(station.rate / sizes[0], sizes, station.moments)
    return Fit(steady, "Poisson batches, one worker: a batch is one long job")


def fit_mdc(station: Station) -> Fit:
    """M/D/c."""
    steady = mdc(station.rate, station.constant_time or math.nan, int(station.workers))
    return Fit(steady, "Poisson arrivals, constant service time, first come first served (Crommelin)")


def fit_md1k(station: Station) -> Fit:
    """M/D/1/K."""
    steady = md1k(station.rate, station.constant_time or math.nan, int(station.places))
    return Fit(
        _ordered(station, steady), "Poisson arrivals, constant service time, one worker, a bounded queue"
    )


def fit_gi_m_1(station: Station) -> Fit:
    """GI/M/1."""
    stream = station.streams[0]
    if isinstance(stream.arrivals, Renewal):
        gaps = deficit(stream.arrivals.gap)
    else:
        gap = 1.0 / station.rate
        gaps = (
            (lambda s: -math.expm1(-s * gap))
            if isinstance(stream.arrivals, ConstantArrivals)
            else (lambda s: s * gap / (1.0 + s * gap))
        )
    steady = gi_m_1(station.rate, 1.0 / _mean(station), gaps)
    return Fit(
        _ordered(station, steady), "independent gaps, exponential service, one worker, no bound on the queue"
    )


def fit_priority(station: Station) -> Fit:
    """M/G/1 and M/M/c with priorities."""
    levels = sorted({stream.priority for stream in station.streams})
    classes = [[stream for stream in station.streams if stream.priority == level] for level in levels]
    rates = [math.fsum(stream.rate for stream in streams) for streams in classes]
    if station.workers == 1:
        mixed = [replace(station, streams=tuple(streams)).moments for streams in classes]
        waits = mg1_priority(rates, mixed)
        steady = mg1(station.rate, station.moments)
    else:
        waits = mmc_priority(rates, 1.0 / _mean(station), int(station.workers))
        steady = mmc(station.rate, 1.0 / _mean(station), int(station.workers))
    wait_mean = math.fsum(rate * wait for rate, wait in zip(rates, waits, strict=True)) / station.rate
    steady = replace(
        plain(steady),
        wait_mean=wait_mean,
        queue_length=station.rate * wait_mean,
        sojourn_mean=wait_mean + station.service_mean,
    )
    of_level = dict(zip(levels, waits, strict=True))
    each = {stream.name: of_level[stream.priority] for stream in station.streams}
    return Fit(steady, "Poisson arrivals, non-preemptive priorities: mean waits by class (Cobham)", each)


def fit_shortest(station: Station) -> Fit:
    """M/G/1, shortest job first."""
    law = station.streams[0].law
    row: list[float] = []
    at = law.lower(row)
    steady = shortest_first(station.rate, station.moments, lambda u: quantile(row, at, u))
    return Fit(steady, "Poisson arrivals, one worker, the shortest job first: mean waits over all sizes")


def fit_patience(station: Station) -> Fit:
    """M/M/c/K+M."""
    patience = station.service.queue.max_wait
    mean = math.nan if patience is None else patience.moments()[0]
    steady = erlang_a(station.rate, 1.0 / _mean(station), int(station.workers), mean, station.places)
    if not station.first_come:
        steady = _numbers_only(steady)
    return Fit(steady, "Poisson arrivals, exponential service, exponential patience (Erlang A)")


def fit_fixed_patience(station: Station) -> Fit:
    """M/M/c+D, by the service's `max_wait` or by a timeout that takes attempts out of the queue."""
    speed, workers = 1.0 / _mean(station), int(station.workers)
    if station.service.queue.max_wait is not None:
        limit = station.service.queue.max_wait.moments()[0]
        steady = fixed_patience(station.rate, speed, workers, limit)
        return Fit(steady, "Poisson arrivals, exponential service, all leave after the same wait")
    limit = station.streams[0].limit
    steady = fixed_patience(station.rate, speed, workers, limit)
    left = steady.rejected_ratio
    # A service that has started goes on past the timeout, but nobody awaits it: P(W + S ≤ limit) succeed.
    in_time = 0.0 if steady.sojourn is None else (1.0 - left) * steady.sojourn.cdf(limit)
    success = in_time * (1.0 - station.service.error_ratio)
    outcome = {"rejected_ratio": 0.0, "timeout_ratio": 1.0 - in_time, "success_ratio": success}
    traffic = {
        stream.name: {**outcome, "gave_up_ratio": 1.0 - success, "goodput": stream.rate * success}
        for stream in station.streams
    }
    note = "Poisson arrivals, exponential service, a timeout leaves the queue (cancel: queued)"
    return Fit(replace(steady, rejected_ratio=0.0), note, None, traffic)


def fit_finite_source(station: Station) -> Fit:
    """M/M/c/K/N."""
    stream = station.streams[0]
    think = stream.arrivals.think.moments()[0] if isinstance(stream.arrivals, Closed) else math.nan
    steady = finite_source(
        station.users, think + stream.network_mean, 1.0 / _mean(station), station.workers, station.places
    )
    note = (
        f"{station.users} users in a closed circle, exponential service; of the think time the mean matters"
    )
    return Fit(_ordered(station, steady), note)


def fit_phases(station: Station) -> Fit:
    """MAP/PH/c and MAP/PH/c/K."""
    arrivals, service = station.markov_arrivals, station.phases
    if arrivals is None or service is None:
        raise ValueError(f"service {station.name} is not made of phases")
    steady = map_ph_c(arrivals, service, int(station.workers), station.places)
    n = len(service.initial)
    note = f"arrivals of {len(arrivals.loud)} state(s), service of {n} exponential phase(s), solved by levels"
    return Fit(_ordered(station, steady), note)


def fit_retrial(station: Station) -> Fit:
    """M/M/c/K with an orbit."""
    retry = station.streams[0].client.retry
    delay = retry.backoff.delay.moments()[0] if isinstance(retry.backoff, RandomBackoff) else math.nan
    workers, places = int(station.workers), int(station.places)
    found = retrial(station.fresh_rate, 1.0 / _mean(station), workers, places, delay, retry.probability)
    success = found.success_ratio * (1.0 - station.service.error_ratio)
    traffic = {
        stream.name: {
            "attempt_rate": stream.rate * found.amplification,
            "amplification": found.amplification,
            "orbit": found.orbit * stream.rate / station.fresh_rate,
            "success_ratio": success,
            "gave_up_ratio": 1.0 - success,
            "goodput": stream.rate * success,
        }
        for stream in station.streams
    }
    note = "Poisson arrivals, exponential service, a bounded queue, endless exponential backoffs: retrials"
    return Fit(_ordered(station, found.steady), note, None, traffic)


def fit_allen_cunneen(station: Station) -> Fit:
    """G/G/c."""
    arrivals = station.streams[0].arrivals
    arrival_scv = 1.0 if a.poisson(station) is None else (arrivals.gap_scv() or 0.0)
    first, second, _ = station.moments
    service_scv = max(0.0, second / (first * first) - 1.0)
    steady = allen_cunneen(station.rate, first, int(station.workers), arrival_scv, service_scv)
    note = (
        f"two-moment approximation with c_a² = {arrival_scv:.3g} and c_s² = {service_scv:.3g}; "
        "the waits of those who wait are taken as exponential, so that only high quantiles are given"
    )
    # An exponential tail says little of the median, and Erlang C little of arrivals that are not Poisson.
    poor = {"wait_p50"} if a.poisson(station) is None else {"wait_p50", "wait_probability"}
    return Fit(_ordered(station, steady), note, without=frozenset(poor))
