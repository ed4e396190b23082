"""How long a full queue takes to drain while its clients time out and try again: first-passage times."""

from __future__ import annotations

import json

import numpy as np
import pytest

import sim
from tests.published.stations import FACTS, Document, exponential, per_second, poisson, run_for, seconds, station

LEAP = 0.001
"""The full queue comes as one batch this many seconds into the run, and the passage counts from then."""


def overfull(p: dict[str, float], attempts: int, timeout: float | None) -> Document:
    """M/M/1/K that a batch of K requests fills at the start; refused attempts are lost, late replies accepted."""
    client: Document = {"retry": {"attempts": attempts, "on": ["timeout"]}, "late_reply": "accept"}
    if timeout is not None:
        client["timeout"] = seconds(timeout)
    places = int(p["K"])
    document = station(poisson(p["lam"]), exponential(1.0 / p["mu"]), places=places - 1, client="caller")
    document["clients"] = {"caller": client}
    first = {"kind": "constant", "rate": per_second(1.0 / LEAP), "stop": seconds(1.5 * LEAP), "batch": places}
    document["traffic"]["first"] = {"arrivals": first, "call": "station", "client": "caller"}
    return document


def passages(document: Document, name: str, target: int, horizon: float, replications: int) -> tuple[float, int]:
    """(total time until fewer than `target` + 1 are present or the horizon is reached, how many got there)."""
    scenario = sim.loads(json.dumps(run_for(document, name, horizon, replications=replications, drain=False)))
    log = sim.run(scenario, log=True).attempts
    assert log is not None
    total, reached = 0.0, 0
    entered = log[(log["outcome"] != "rejected") & log["arrived"].notna()]
    for _, run in entered.groupby("replication"):
        finished = run["finished"].to_numpy()
        finished = finished[~np.isnan(finished)]
        times = np.concatenate([run["arrived"].to_numpy(), finished])
        steps = np.concatenate([np.ones(len(run)), -np.ones(len(finished))])
        order = np.lexsort((steps, times))
        times, present = times[order], np.cumsum(steps[order])
        below = times[(present <= target) & (times > LEAP)]
        total += (below[0] if len(below) else horizon) - LEAP
        reached += len(below) > 0
    return total, reached


def estimate(document: Document, name: str, target: int, horizon: float, runs: int) -> tuple[float, float]:
    """Mean passage time and its standard error, by the exponential law's rule where runs are cut short."""
    total, reached = passages(document, name, target, horizon, runs)
    assert reached > 0.95 * runs
    mean = total / reached
    return mean, mean / np.sqrt(reached)


@pytest.mark.parametrize("place", range(3))
def test_drain_without_retries(place: int) -> None:
    """Mean time from full to a tenth: a sum over the levels, exactly."""
    facts = FACTS["mm1k_drain_exact"]
    p, expected = facts["params"], facts["expected"]["mean"][place]
    document = overfull({"lam": p["lam"][place], "mu": p["mu"], "K": p["K"]}, 1, None)
    mean, error = estimate(document, f"drain {place}", p["target"], 12 * expected, 200)
    assert abs(mean - expected) < 4.0 * error
    assert error < 0.08 * expected


RETRIED = {
    "des_hit3_lam9.5_to9_r0_K99_lost": (1_500.0, 100),
    "des_hit3_lam9.5_to9_r3_K99_lost": (2_500.0, 100),
    "des_hit3_lam9.0_to9_r3_K99_lost": (1_500.0, 100),
    "des_hit_lam8.0_to9_r3_K99_lost": (800.0, 100),
    "des_hit_lam9.5_to9_r3_K74_lost": (1_000.0, 100),
}


@pytest.mark.parametrize("name", RETRIED)
def test_drain_against_retries(name: str) -> None:
    """Timeouts that resend into the queue lengthen it; two simulations agree within what chance allows both."""
    p, expected = FACTS[name]["params"], FACTS[name]["expected"]
    horizon, runs = RETRIED[name]
    document = overfull(p, p["retries"] + 1, p["timeout"])
    target = int(0.1 * (p["K"] + 1)) - 1
    mean, error = estimate(document, name, target, horizon, runs)
    theirs = expected["se"] or expected["sd"] / np.sqrt(p["runs"])
    assert abs(mean - expected["mean_hit"]) < 4.0 * np.hypot(error, theirs)
    assert error < 0.12 * mean


@pytest.mark.parametrize("name", ["des_hit_lam9.5_to5_r3_K99_lost", "des_hit_lam9.5_to7_r3_K99_lost"])
def test_retries_that_keep_the_queue_full_for_good(name: str) -> None:
    """With a timeout shorter than the full queue's wait nobody is served in time: none of their runs got out."""
    p = FACTS[name]["params"]
    document = overfull(p, p["retries"] + 1, p["timeout"])
    assert FACTS[name]["expected"]["hit_within_T"] == 0
    _, reached = passages(document, name, int(0.1 * (p["K"] + 1)) - 1, 1_000.0, 10)
    assert reached == 0
