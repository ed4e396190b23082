"""Erlang's two formulas, B (lost when all are busy) and C (waits when all are busy), and their inverses.

Source: A. K. Erlang (1917). The recursion B(n) = a·B(n−1)/(n + a·B(n−1)) adds positive terms only, so it
keeps its digits for a hundred thousand workers.
"""

from __future__ import annotations

import math

from sim.errors import QuantityError
from sim.theory.inputs import not_negative, positive, ratio
from sim.theory.roots import root

#: An answer with more workers than this is refused: the inverses count upward.
MOST_WORKERS = 2_000_000


def erlang_b(workers: float, offered_load: float) -> float:
    """The share of arrivals that find all `workers` busy and are lost: M/M/c/c, and M/G/c/c of the same mean.

    Args:
        workers: at least 0; between whole numbers the usual continuous extension.
        offered_load: arrival rate × mean service time, erlangs, at least 0.

    Raises:
        QuantityError: for a negative or infinite value.
    """
    servers, load = not_negative("workers", workers, "4"), not_negative("offered_load", offered_load, "3.2")
    if load == 0.0:
        return 1.0 if servers == 0.0 else 0.0
    part = servers - math.floor(servers)
    blocked = _fractional(part, load) if part else 1.0
    for n in range(1, int(servers) + 1):
        carried = load * blocked
        blocked = carried / (n + part + carried)
        if blocked == 0.0:
            break  # too small for a float: so is every one that follows, were there a thousand million
    return blocked


def erlang_c(workers: float, offered_load: float) -> float:
    """The chance that an arrival of M/M/c with an unbounded queue has to wait.

    Args:
        workers: above the offered load, or every arrival waits (the answer is then 1).
        offered_load: arrival rate × mean service time, erlangs.
    """
    servers, load = positive("workers", workers, "4"), not_negative("offered_load", offered_load, "3.2")
    return wait_chance(servers, load, erlang_b(servers, load))


def wait_chance(workers: float, offered_load: float, blocked: float) -> float:
    """Erlang C from Erlang B of the same size: B/(1 − ρ·(1 − B)), and 1 where the load is too much."""
    if offered_load >= workers:
        return 1.0
    return blocked / (1.0 - offered_load / workers * (1.0 - blocked))


def workers_for_blocking(offered_load: float, at_most: float) -> int:
    """The fewest workers of a loss system that lose no more than the share `at_most`."""
    load, target = not_negative("offered_load", offered_load, "100"), ratio("at_most", at_most, "0.01")
    blocked, workers = 1.0, 0
    while blocked > target:
        workers += 1
        blocked = load * blocked / (workers + load * blocked)
        _bounded(workers, "at_most", at_most)
    return workers


def workers_for_wait_chance(offered_load: float, at_most: float) -> int:
    """The fewest workers with an unbounded queue such that no more than the share `at_most` has to wait."""
    load, target = not_negative("offered_load", offered_load, "100"), ratio("at_most", at_most, "0.2")
    blocked, workers = 1.0, 0
    while workers <= load or wait_chance(workers, load, blocked) > target:
        workers += 1
        blocked = load * blocked / (workers + load * blocked)
        _bounded(workers, "at_most", at_most)
    return workers


def load_for_blocking(workers: float, at_most: float) -> float:
    """The largest offered load, erlangs, of which `workers` lose no more than the share `at_most`."""
    servers, target = positive("workers", workers, "117"), ratio("at_most", at_most, "0.01")
    # Work in hand needs (1 − B)·a ≤ c, so a load above c/(1 − B) always loses more.
    most = servers / (1.0 - target) + 1.0
    return root(lambda load: erlang_b(servers, load) - target, 0.0, most)


def _fractional(part: float, load: float) -> float:
    """B for a number of workers between 0 and 1: a^x·e^−a/Γ(x + 1, a)."""
    from scipy.special import gamma, gammaincc

    if load < part + 2.0:
        return float(load**part * math.exp(-load) / (gamma(part + 1.0) * gammaincc(part + 1.0, load)))
    # 1/B = a·continued fraction of Γ(x + 1, a) (Legendre; evaluated by Lentz's method).
    below = load - part
    c, d = 1e300, 1.0 / below
    value = d
    for n in range(1, 10_000):
        factor = -n * (n - part - 1.0)
        below += 2.0
        d = 1.0 / (factor * d + below)
        c = below + factor / c
        value *= c * d
        if abs(c * d - 1.0) < 1e-15:
            break
    return 1.0 / (load * value)


def _bounded(workers: int, name: str, value: float) -> None:
    if workers > MOST_WORKERS:
        raise QuantityError(f"{name} {value} needs more than {MOST_WORKERS} workers", f"{name}=0.01")
