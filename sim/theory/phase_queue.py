"""MAP/PH/c and MAP/PH/c/K: arrivals steered by a Markov chain, service in exponential phases. Exact.

The state is the arrivals' own state and how many workers are in each phase; the level is the number in the
system. With several workers that makes many states: what is too large is refused. Source: M. F. Neuts
(1981).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import combinations_with_replacement

import numpy as np
from numpy.typing import NDArray

from sim.errors import QuantityError
from sim.theory.erlang_mixture import ErlangMixture
from sim.theory.inputs import whole
from sim.theory.levels import Level, Levels, solve
from sim.theory.phases import Phases
from sim.theory.steady import Steady

Floats = NDArray[np.float64]

#: States of a level and, over all levels, about how many multiplications are taken on.
MOST_STATES = 130
MOST_WORK = 2e9
MOST_LEVELS = 20_000
#: Past so many waiting places in use the law of the wait is left out, its means are not.
MOST_WAITING = 3_000


@dataclass(frozen=True, eq=False)
class Arrivals:
    """Markovian arrivals: `quiet` rates between their m states without an arrival, `loud` with one, 1/s."""

    quiet: Floats
    loud: Floats


def poisson_arrivals(rate: float) -> Arrivals:
    """Poisson arrivals of one rate."""
    return Arrivals(np.zeros((1, 1)), np.array([[rate]]))


def renewal_arrivals(gap: Phases) -> Arrivals:
    """Independent gaps in phases: an arrival ends a gap and begins the next."""
    quiet = gap.generator.copy()
    np.fill_diagonal(quiet, 0.0)
    return Arrivals(quiet, np.outer(gap.exits, gap.initial))


def switched_arrivals(rates: list[float], stays: list[float]) -> Arrivals:
    """Poisson arrivals whose rate is that of a state; the states take turns.

    Args:
        rates: arrivals per second in each state.
        stays: mean of the exponential stay in each, s.
    """
    n = len(rates)
    quiet = np.zeros((n, n))
    for k, stay in enumerate(stays):
        if n > 1:
            quiet[k, (k + 1) % n] += 1.0 / stay
    return Arrivals(quiet, np.diag(rates))


def too_large(arrival_states: int, phases: int, workers: float, places: float) -> str | None:
    """Why a queue has too many states to be solved; None if it has not."""
    if math.isinf(workers) or workers > MOST_LEVELS or (math.isfinite(places) and places > MOST_LEVELS):
        return "too many levels"
    states = arrival_states * math.comb(int(workers) + phases - 1, phases - 1)
    levels = places if math.isfinite(places) else workers
    if states > MOST_STATES or levels * states**3 > MOST_WORK:
        return f"{states} combinations of phases over {levels:.0f} levels"
    return None


def map_ph_c(arrivals: Arrivals, service: Phases, workers: int, places: float) -> Steady:
    """MAP/PH/c/K, first come first served.

    Args:
        arrivals: the arrival process.
        service: the phases of a service.
        workers: c.
        places: K, workers and waiting places together; may be infinite.

    Raises:
        QuantityError: for too many states, or a load with no steady state.
    """
    servers = whole("workers", workers)
    large = too_large(len(arrivals.loud), len(service.initial), servers, places)
    if large is not None:
        raise QuantityError(f"too large to be solved exactly: {large}", "workers=4")
    crew = _crew(service, servers)
    last = servers + 1 if math.isinf(places) else whole("places", places, servers)
    levels = [
        _level(arrivals, crew, min(n, servers), n < last or math.isinf(places), n) for n in range(last + 1)
    ]
    found = solve(levels, math.isinf(places))
    return _figures(found, arrivals, service, crew, servers)


@dataclass(frozen=True, eq=False)
class _Crew:
    """What n busy workers do: move within n, finish, one more begins, finish and be replaced at once."""

    inner: list[Floats]
    finish: list[Floats]
    begin: list[Floats]
    replaced: Floats


def _crew(service: Phases, workers: int) -> _Crew:
    phases = len(service.initial)
    spots = [
        {
            tuple(combination): k
            for k, combination in enumerate(combinations_with_replacement(range(phases), n))
        }
        for n in range(workers + 1)
    ]
    inner, finish, begin = [], [], []
    for n in range(workers + 1):
        size = len(spots[n])
        within = np.zeros((size, size))
        ends = np.zeros((size, len(spots[n - 1]) if n else 0))
        for state, row in spots[n].items():
            for place in range(n):
                if place and state[place] == state[place - 1]:
                    continue
                here, alike = state[place], state.count(state[place])
                rest = state[:place] + state[place + 1 :]
                ends[row, spots[n - 1][rest]] += alike * service.exits[here]
                for there in range(phases):
                    if there != here and service.generator[here, there] > 0.0:
                        moved = spots[n][tuple(sorted((*rest, there)))]
                        within[row, moved] += alike * service.generator[here, there]
        inner.append(within)
        finish.append(ends)
        if n < workers:
            starts = np.zeros((size, len(spots[n + 1])))
            for state, row in spots[n].items():
                for there in range(phases):
                    starts[row, spots[n + 1][tuple(sorted((*state, there)))]] += service.initial[there]
            begin.append(starts)
    return _Crew(inner, finish, begin, finish[workers] @ begin[workers - 1])


def _level(arrivals: Arrivals, crew: _Crew, busy: int, accepts: bool, number: int) -> Level:
    """The rates out of the states with `number` in the system."""
    full = busy == len(crew.inner) - 1
    size, calm = len(crew.inner[busy]), np.eye(len(arrivals.loud))
    here = _kron(arrivals.quiet, np.eye(size)) + _kron(calm, crew.inner[busy])
    if accepts:
        up = _kron(arrivals.loud, np.eye(size) if full else crew.begin[busy])
    else:
        # The refused arrival moves the arrivals' own state alone.
        here = here + _kron(arrivals.loud, np.eye(size))
        up = np.zeros((len(here), 0))
    down = _kron(calm, crew.replaced if number > busy else crew.finish[busy])
    return Level(up, here, down if number else np.zeros((len(here), 0)))


def _kron(outer: Floats, inner: Floats) -> Floats:
    return np.asarray(np.kron(outer, inner), dtype=np.float64)


def _figures(found: Levels, arrivals: Arrivals, service: Phases, crew: _Crew, workers: int) -> Steady:
    rows, infinite = found.rows, found.ratio is not None
    sizes = [len(each) for each in crew.inner]
    share = [float(row.sum()) for row in rows]
    past = float(found.past().sum())
    queue = sum((n - workers) * p for n, p in enumerate(share) if n > workers)
    queue += float(found.past_mean().sum()) + (len(rows) - 1 - workers) * past
    loud = arrivals.loud.sum(axis=1)
    coming = [_met(row, loud, sizes[min(n, workers)]) for n, row in enumerate(rows)]
    rate = sum(float(each.sum()) for each in coming) + float(_met(found.past(), loud, sizes[workers]).sum())
    refused = 0.0 if infinite else float(coming[-1].sum()) / rate
    throughput = rate if infinite else sum(float(each.sum()) for each in coming[:-1])
    at_once = sum(float(each.sum()) for each in coming[:workers]) / throughput
    waiting = _waiting(found, loud, workers, sizes[workers], throughput)
    wait = None if waiting is None else _wait(waiting, crew, at_once, workers / service.moments[0])
    return Steady(
        arrival_rate=rate,
        throughput=throughput,
        workers=workers,
        busy_workers=throughput * service.moments[0],
        queue_length=queue,
        wait_mean=queue / throughput,
        sojourn_mean=queue / throughput + service.moments[0],
        rejected_ratio=refused,
        wait_probability=1.0 - at_once,
        wait=wait,
        sojourn=None if wait is None else _with_service(wait, service),
        probabilities=None if infinite else np.array(share),
    )


def _met(row: Floats, loud: Floats, size: int) -> Floats:
    """The rate at which arrivals find each state of the workers."""
    rates: Floats = loud @ row.reshape(len(loud), size)
    return rates


def _waiting(found: Levels, loud: Floats, workers: int, size: int, throughput: float) -> Floats | None:
    """What those who wait find: row j the states of the workers with j in the queue; None if too many."""
    if found.ratio is None:
        rows = found.rows[workers:-1]
        if len(rows) > MOST_WAITING:
            return None
    else:
        rows, row = found.rows[workers:], found.rows[-1]
        while float(row.sum()) > 1e-14 * float(found.rows[-1].sum()):
            row = row @ found.ratio
            rows.append(row)
            if len(rows) > MOST_WAITING:
                return None
    return np.array([_met(row, loud, size) for row in rows]).reshape(-1, size) / throughput


def _wait(waiting: Floats, crew: _Crew, at_once: float, service_rate: float) -> ErlangMixture | None:
    """The wait as a number of exponential steps: with j ahead it ends at the (j + 1)th completion."""
    ends, moves = crew.replaced, crew.inner[-1]
    total = ends.sum(axis=1) + moves.sum(axis=1)
    rate = float(total.max())
    stay = moves / rate
    stay[np.diag_indices_from(stay)] += 1.0 - total / rate
    leave = ends / rate
    # About as many steps as it takes to serve the longest queue; a wait too costly to follow is left out.
    expected = 1.5 * len(waiting) * rate / service_rate + 100.0
    if expected * waiting.size * waiting.shape[1] > MOST_WORK:
        return None
    left = waiting.copy()
    held = [float(left.sum())]
    while held[-1] > 1e-13 * held[0]:
        moved = left @ stay
        moved[:-1] += left[1:] @ leave
        left = moved
        held.append(float(left.sum()))
    survival = np.array(held)
    weights = np.concatenate([[at_once], survival[:-1] - survival[1:]])
    return ErlangMixture(rate, np.maximum(weights, 0.0))


def _with_service(wait: ErlangMixture, service: Phases) -> ErlangMixture:
    """Adds a service, as steps of the same rate."""
    n = len(service.initial)
    step = np.eye(n) + service.generator / wait.rate
    row, ends = service.initial, service.exits / wait.rate
    steps = [0.0]
    while float(row.sum()) > 1e-14:
        steps.append(float(row @ ends))
        row = row @ step
    return ErlangMixture(wait.rate, np.convolve(wait.weights, np.array(steps)))
