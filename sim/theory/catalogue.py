"""The models and what each assumes; the matcher asks them in this order."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from sim.scenario.disciplines import Priority, Shortest
from sim.theory import assumptions as a
from sim.theory import fits
from sim.theory.phases import is_exponential
from sim.theory.rows import Fit
from sim.theory.station import Station

Check = Callable[[Station], a.Reason]


@dataclass(frozen=True)
class Candidate:
    """One model: `checks` are what it assumes, `fits` what it then says.

    A model of a special feature (patience, priorities, users …) is spoken of only where `about` finds it. `shares`
    says whether it is one of shared workers.
    """

    name: str
    checks: tuple[Check, ...]
    fits: Callable[[Station], Fit]
    exact: bool = True
    shares: bool = False
    about: Callable[[Station], bool] = lambda _: True


ALWAYS: tuple[Check, ...] = (a.plain_service, a.unguarded_clients)
"""What every model assumes."""

STEADY: tuple[Check, ...] = (a.no_faults, a.whole_run, a.takes_time, a.no_patience, a.stays_until_served)
POISSON: tuple[Check, ...] = (*STEADY, a.poisson)
MARKOV: tuple[Check, ...] = (*POISSON, a.exponential)


def _has_batches(station: Station) -> bool:
    return any(not stream.single for stream in station.streams)


def _has_classes(station: Station) -> bool:
    return isinstance(station.service.queue.discipline, Priority) and not station.first_come


def _has_shortest(station: Station) -> bool:
    return isinstance(station.service.queue.discipline, Shortest) and not station.first_come


def _has_exponential_patience(station: Station) -> bool:
    patience = station.service.queue.max_wait
    return patience is not None and is_exponential(patience)


def _has_fixed_patience(station: Station) -> bool:
    patience = station.service.queue.max_wait
    if patience is not None:
        return patience.kind == "constant"
    return any(math.isfinite(s.limit) and s.client.cancel == "queued" for s in station.streams)


def _needs_phases(station: Station) -> bool:
    """Whether no simpler exact model is meant: several workers, a bound or switched arrivals, not all M."""
    if station.closed or math.isinf(station.workers):
        return False
    memoryless = a.poisson(station) is None
    if memoryless and (a.exponential(station) is None or station.capacity == 0):
        return False
    switched = any(stream.arrivals.kind == "mmpp" for stream in station.streams)
    return switched or station.workers > 1 or math.isfinite(station.capacity)


def _is_even(station: Station) -> bool:
    return station.constant_time is not None


CANDIDATES: tuple[Candidate, ...] = (
    Candidate(
        "M/G/c-PS",
        (*POISSON, a.no_retries, a.all_in_service, a.stable),
        fits.fit_sharing,
        shares=True,
        about=lambda station: station.shared,
    ),
    Candidate(
        "M/M/1",
        (a.one_worker, *MARKOV, a.no_retries_but_errors, a.unbounded, a.size_blind, a.stable),
        fits.fit_mmc,
    ),
    Candidate(
        "M/M/c",
        (a.several_workers, *MARKOV, a.no_retries_but_errors, a.unbounded, a.size_blind, a.stable),
        fits.fit_mmc,
    ),
    Candidate(
        "M/M/c/K",
        (a.limited_workers, *MARKOV, a.no_retries, a.bounded, a.states_in_memory, a.size_blind),
        fits.fit_mmck,
    ),
    Candidate("M/M/∞", (a.unlimited_workers, *MARKOV, a.no_retries_but_errors), fits.fit_mm_inf),
    Candidate(
        "Erlang B", (a.limited_workers, *POISSON, a.no_retries, a.no_waiting_places), fits.fit_erlang_b
    ),
    Candidate(
        "M/G/1",
        (a.one_worker, *POISSON, a.no_retries, a.unbounded, a.size_blind, a.stable),
        fits.fit_mg1,
    ),
    Candidate(
        "G/G/∞",
        (a.unlimited_workers, *STEADY, a.known_rate, a.no_retries_but_errors),
        fits.fit_gg_inf,
        about=lambda station: math.isinf(station.workers),
    ),
    Candidate(
        "GI/M/1",
        (a.one_worker, *STEADY, a.renewal, a.exponential, a.no_retries, a.unbounded, a.size_blind, a.stable),
        fits.fit_gi_m_1,
        about=lambda station: a.poisson(station) is not None and not station.closed,
    ),
    Candidate(
        "M/D/c",
        (
            a.several_workers,
            *POISSON,
            a.constant_service,
            a.no_retries,
            a.unbounded,
            a.first_come,
            a.stable,
            a.near_full,
        ),
        fits.fit_mdc,
        about=lambda station: _is_even(station) and station.workers > 1,
    ),
    Candidate(
        "M/D/1/K",
        (
            a.one_worker,
            *POISSON,
            a.constant_service,
            a.no_retries,
            a.bounded,
            a.refuses_newcomers,
            a.few_places,
        ),
        fits.fit_md1k,
        about=lambda station: _is_even(station) and math.isfinite(station.places),
    ),
    Candidate(
        "M^X/G/1",
        (a.one_worker, *STEADY, a.poisson_batches, a.no_retries, a.unbounded, a.size_blind, a.stable),
        fits.fit_batch_mg1,
        about=_has_batches,
    ),
    Candidate(
        "M/G/1 with priorities",
        (a.one_worker, *POISSON, a.no_retries, a.unbounded, a.stable),
        fits.fit_priority,
        about=lambda station: _has_classes(station) and station.workers == 1,
    ),
    Candidate(
        "M/M/c with priorities",
        (a.several_workers, *MARKOV, a.no_retries, a.unbounded, a.stable),
        fits.fit_priority,
        about=lambda station: _has_classes(station) and station.workers > 1,
    ),
    Candidate(
        "M/G/1 shortest first",
        (a.one_worker, *POISSON, a.one_rising_law, a.no_retries, a.unbounded, a.stable, a.finite_variance),
        fits.fit_shortest,
        about=_has_shortest,
    ),
    Candidate(
        "M/M/c+M",
        (
            a.limited_workers,
            a.no_faults,
            a.whole_run,
            a.stays_until_served,
            a.poisson,
            a.exponential,
            a.no_retries,
            a.refuses_newcomers,
            a.size_blind,
        ),
        fits.fit_patience,
        about=_has_exponential_patience,
    ),
    Candidate(
        "M/M/c+D",
        (
            a.limited_workers,
            a.no_faults,
            a.whole_run,
            a.one_way_to_leave,
            a.poisson,
            a.exponential,
            a.no_retries,
            a.unbounded,
            a.first_come,
        ),
        fits.fit_fixed_patience,
        about=_has_fixed_patience,
    ),
    Candidate(
        "M/M/c/K/N",
        (
            *STEADY,
            a.alike_users,
            a.exponential,
            a.no_retries,
            a.no_timeouts,
            a.refuses_newcomers,
            a.size_blind,
        ),
        fits.fit_finite_source,
        about=lambda station: station.users > 0,
    ),
    Candidate(
        "M/M/c/K with retries",
        (
            a.limited_workers,
            *MARKOV,
            a.bounded,
            a.refuses_newcomers,
            a.size_blind,
            a.endless_exponential_retries,
            a.no_timeouts,
            a.carries_all,
        ),
        fits.fit_retrial,
        about=lambda station: any("rejected" in tried for tried in station.retried.values()),
    ),
    Candidate(
        "MAP/PH/c",
        (
            a.limited_workers,
            *STEADY,
            a.in_phases,
            a.no_retries,
            a.refuses_newcomers,
            a.size_blind,
            a.stable,
        ),
        fits.fit_phases,
        about=_needs_phases,
    ),
    Candidate(
        "G/G/c (Allen–Cunneen)",
        (
            a.limited_workers,
            *STEADY,
            a.renewal,
            a.no_retries,
            a.unbounded,
            a.size_blind,
            a.stable,
            a.finite_variance,
            a.not_elementary,
        ),
        fits.fit_allen_cunneen,
        exact=False,
    ),
)
