"""More scenarios with known answers, by closed formulas: what the published cases leave out.

Batches, heavy and light service laws, unlimited workers, timeouts that cancel, persistence, lost messages,
network delay, and disciplines that change no mean. Time unit: the mean service.
"""

from __future__ import annotations

import math
from typing import Final

from tests.published.stations import (
    SERVICE,
    TRAFFIC,
    Case,
    Check,
    Document,
    exponential,
    poisson,
    run_for,
    seconds,
    station,
)

ARRIVALS: Final = 50_000.0
"""Requests a replication, about."""


def pollaczek_khinchine(load: float, scv: float) -> tuple[Check, ...]:
    """M/G/1 with mean service 1: Wq = load (1 + scv) / (2 (1 - load)) (Kleinrock, Queueing Systems I, 1975)."""
    wait = load * (1.0 + scv) / (2.0 * (1.0 - load))
    return (
        Check(SERVICE, "wait_mean", wait),
        Check(SERVICE, "sojourn_mean", wait + 1.0),
        Check(SERVICE, "in_system", load * (wait + 1.0)),
        Check(SERVICE, "wait_probability", load),
    )


def erlang_b(load: float, workers: int) -> float:
    """The chance that all of `workers` are busy and none may wait, by the usual recursion (Erlang, 1917)."""
    blocked = 1.0
    for busy in range(1, workers + 1):
        blocked = load * blocked / (busy + load * blocked)
    return blocked


def _general(name: str, service_time: Document, load: float, scv: float) -> Case:
    document = station(poisson(load), service_time)
    return Case(
        name,
        run_for(document, name, 2.0 * ARRIVALS / load, 4_000.0),
        pollaczek_khinchine(load, scv),
        0.1,
    )


def _disciplines() -> list[Case]:
    """M/M/1 at 70 %: an order that does not look at the work leaves the means as they are."""
    wait = 0.7 / 0.3
    checks = (
        Check(SERVICE, "wait_mean", wait),
        Check(SERVICE, "in_system", 0.7 * (wait + 1.0)),
        Check(SERVICE, "queue_length", 0.7 * wait),
    )
    found = []
    for discipline in ("lifo", "random"):
        name = f"mm1_{discipline}"
        document = station(poisson(0.7), exponential(1.0), queue={"discipline": discipline})
        found.append(Case(name, run_for(document, name, ARRIVALS / 0.7, 2_000.0), checks, 0.1))
    return found


def _batches() -> Case:
    """M^X/M/1: L = λ(E[X] + E[X²]) / (2µ(1 - ρ)) (Chaudhry and Templeton, 1983)."""
    rate, mean = 0.3, 2.0
    load = rate * mean
    second = mean * (2.0 * mean - 1.0)
    level = rate * (mean + second) / (2.0 * (1.0 - load))
    arrivals = poisson(rate) | {"batch": {"kind": "geometric", "mean": mean}}
    checks = (
        Check(SERVICE, "in_system", level),
        Check(SERVICE, "sojourn_mean", level / load),
        Check(SERVICE, "utilization", load),
    )
    document = station(arrivals, exponential(1.0))
    return Case("batches_m1", run_for(document, "batches_m1", ARRIVALS / load, 2_000.0), checks, 0.1)


def _insensitive() -> list[Case]:
    """No queue, so only the mean service matters: Erlang's loss system, and unlimited workers."""
    lognormal = {"kind": "lognormal", "mean": "1s", "cv": 2}
    refused = erlang_b(8.0, 10)
    loss = station(poisson(8.0), lognormal, workers=10, places=0)
    checks: tuple[Check, ...] = (
        Check(SERVICE, "rejected_ratio", refused),
        Check(SERVICE, "in_system", 8.0 * (1.0 - refused)),
        Check(SERVICE, "utilization", 0.8 * (1.0 - refused)),
    )
    found = [Case("loss_lognormal", run_for(loss, "loss_lognormal", ARRIVALS / 8.0, 100.0), checks, 0.1)]
    for name, service_time in (("mm_inf", exponential(1.0)), ("mg_inf", lognormal)):
        free = station(poisson(5.0), service_time, workers="inf")
        checks = (Check(SERVICE, "in_system", 5.0), Check(SERVICE, "sojourn_mean", 1.0))
        found.append(Case(name, run_for(free, name, ARRIVALS / 5.0, 100.0), checks, 0.1))
    return found


def _timeouts() -> list[Case]:
    """Unlimited workers and a timeout T: a share 1 - exp(-T) is in time; cancelled, the others hold T each."""
    limit = 1.5
    late = math.exp(-limit)
    found = []
    for cancel, busy in (("never", 1.0), ("anywhere", 1.0 - late)):
        name = f"timeout_{cancel}"
        client = {"timeout": seconds(limit), "cancel": cancel}
        document = station(poisson(5.0), exponential(1.0), workers="inf", client=client)
        # The latency of those in time: an exponential below T.
        checks = (
            Check(TRAFFIC, "timeout_ratio", late),
            Check(SERVICE, "in_system", 5.0 * busy),
            Check(TRAFFIC, "goodput", 5.0 * (1.0 - late)),
            Check(TRAFFIC, "latency_mean", 1.0 - limit * late / (1.0 - late)),
        )
        found.append(Case(name, run_for(document, name, ARRIVALS / 5.0, 100.0), checks, 0.1))
    return found


def _persistence() -> list[Case]:
    """Failures of chance f, gone on from with chance q, n tries: a geometric sum; backoffs of mean d fill the orbit."""
    fails, goes_on, delay = 0.3, 0.6, 2.0
    again = fails * goes_on
    client = {
        "retry": {
            "attempts": "inf",
            "probability": goes_on,
            "backoff": {"kind": "random", "delay": exponential(delay)},
        }
    }
    endless = station(poisson(5.0), exponential(1.0), workers="inf", client=client, error_ratio=fails)
    checks: tuple[Check, ...] = (
        Check(TRAFFIC, "amplification", 1.0 / (1.0 - again)),
        Check(TRAFFIC, "success_ratio", (1.0 - fails) / (1.0 - again)),
        Check(TRAFFIC, "orbit", 5.0 * delay * again / (1.0 - again)),
        Check(TRAFFIC, "latency_mean", 1.0 + (1.0 + delay) * again / (1.0 - again)),
    )
    found = [Case("persistence", run_for(endless, "persistence", ARRIVALS / 5.0, 100.0), checks, 0.1)]

    lost, tries = 0.25, 3
    document = station(poisson(5.0), exponential(1.0), workers="inf", client={"retry": {"attempts": tries}})
    document["clients"] = {"caller": document["traffic"]["jobs"]["client"]}
    document["traffic"]["jobs"]["client"] = "caller"
    length = ARRIVALS / 5.0
    document["faults"] = [{"at": "0s", "for": seconds(3.0 * length), "client": "caller", "lost": lost}]
    checks = (
        Check(TRAFFIC, "amplification", (1.0 - lost**tries) / (1.0 - lost)),
        Check(TRAFFIC, "gave_up_ratio", lost**tries),
        Check(SERVICE, "arrival_rate", 5.0 * (1.0 - lost**tries)),
    )
    found.append(Case("lost_messages", run_for(document, "lost_messages", length, 100.0), checks, 0.1))
    return found


def _network() -> Case:
    """Two legs beside M/D/1: the means add up, whatever order the network brings attempts in (still Poisson)."""
    load, leg = 0.6, 0.5
    wait = load / (2.0 * (1.0 - load))
    client = {"network": exponential(leg)}
    document = station(poisson(load), "1s", client=client)
    checks = (
        Check(TRAFFIC, "latency_mean", 2.0 * leg + 1.0 + wait),
        Check(SERVICE, "wait_mean", wait),
        Check(SERVICE, "wait_probability", load),
    )
    return Case("network_md1", run_for(document, "network_md1", ARRIVALS / load, 1_000.0), checks, 0.1)


def _profile() -> Case:
    """A repeated profile seen for whole periods, by unlimited workers: their mean number is the mean rate."""
    points = [["0s", "2/s"], ["20s", "8/s"], ["30s", "4/s"]]
    mean = (2.0 * 20.0 + 8.0 * 10.0 + 4.0 * 10.0) / 40.0
    arrivals = {"kind": "profile", "points": points, "shape": "step", "repeat": "40s"}
    document = station(arrivals, exponential(1.0), workers="inf")
    checks = (Check(TRAFFIC, "offered_rate", mean), Check(SERVICE, "in_system", mean))
    return Case("profile", run_for(document, "profile", 40.0 * 300, 80.0), checks, 0.1)


def cases() -> list[Case]:
    """All of them."""
    weibull = math.gamma(1.0 + 2.0 / 0.7) / math.gamma(1.0 + 1.0 / 0.7) ** 2 - 1.0
    return [
        _general("mg1_lognormal", {"kind": "lognormal", "mean": "1s", "cv": 1.5}, 0.6, 2.25),
        _general("mg1_gamma", {"kind": "gamma", "mean": "1s", "cv": 0.5}, 0.7, 0.25),
        _general("mg1_uniform", {"kind": "uniform", "low": "0s", "high": "2s"}, 0.7, 1.0 / 3.0),
        _general("mg1_weibull", {"kind": "weibull", "mean": "1s", "shape": 0.7}, 0.6, weibull),
        _general("mg1_hyperexponential", {"kind": "hyperexponential", "mean": "1s", "cv": 2}, 0.6, 4.0),
        *_disciplines(),
        _batches(),
        *_insensitive(),
        *_timeouts(),
        *_persistence(),
        _network(),
        _profile(),
    ]
