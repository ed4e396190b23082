"""How long a full queue takes to drain while its clients time out and try again: first-passage times."""

from __future__ import annotations

import numpy as np
import pytest

from tests.published.judging import logged
from tests.published.stations import (
    FACTS,
    Document,
    Facts,
    exponential,
    per_second,
    poisson,
    run_for,
    seconds,
    station,
)

LEAP = 0.001
"""The full queue comes as one batch this many seconds into the run, and the passage counts from then."""

Times = np.ndarray[tuple[int, ...], np.dtype[np.float64]]


def overfull(p: Facts, attempts: int, timeout: float | None) -> Document:
    """M/M/1/K that a batch of K requests fills at the start.

    A timeout sends again at once and leaves the old attempt in the queue; a reply to either ends the request.
    A refused attempt is lost: it is not tried again, or else, where refusals are noticed at the timeout only, when
    that would have run out, which is what the refusal tells the client to wait.
    """
    client: Document = {"retry": {"attempts": attempts, "on": ["timeout"]}, "late_reply": "accept"}
    noticed: Document = {}
    if timeout is not None:
        client["timeout"] = seconds(timeout)
        if p["drop"] == "timeout":
            client["retry"]["on"].append("rejected")
            noticed = {"retry_after": seconds(timeout)}
    document = station(
        poisson(p["lam"]), exponential(1.0 / p["mu"]), places=p["K"] - 1, client="caller", **noticed
    )
    document["clients"] = {"caller": client}
    first = {"kind": "constant", "rate": per_second(1.0 / LEAP), "stop": seconds(1.5 * LEAP), "batch": p["K"]}
    document["traffic"]["first"] = {"arrivals": first, "call": "station", "client": "caller"}
    return document


def passages(document: Document, name: str, target: int, horizon: float, runs: int) -> Times:
    """Each run's time until at most `target` requests are in the system; infinite past the horizon."""
    log = logged(run_for(document, name, horizon, replications=runs, drain=False))
    entered = log[(log["outcome"] != "rejected") & log["arrived"].notna()]
    found = []
    for _, run in entered.groupby("replication"):
        left = run["finished"].dropna().to_numpy()
        times = np.concatenate([run["arrived"].to_numpy(), left])
        steps = np.concatenate([np.ones(len(run)), -np.ones(len(left))])
        order = np.lexsort((steps, times))
        times, present = times[order], np.cumsum(steps[order])
        below = times[(present <= target) & (times > LEAP)]
        found.append(below[0] - LEAP if len(below) else np.inf)
    return np.array(found)


@pytest.mark.parametrize("place", range(3))
def test_drain_without_retries(place: int) -> None:
    """Mean time from full to a tenth: a sum over the levels, exactly."""
    facts = FACTS["mm1k_drain_exact"]
    p, expected = facts["params"], facts["expected"]["mean"][place]
    document = overfull(p | {"lam": p["lam"][place]}, 1, None)
    times = passages(document, f"drain {place}", p["target"], 6 * expected, 120)
    error = times.std(ddof=1) / np.sqrt(len(times))
    assert abs(times.mean() - expected) < 3.0 * error
    assert error < 0.06 * expected


RETRIED = {
    "des_hit3_lam9.5_to9_r0_K99_lost": 1_000.0,
    "des_hit3_lam9.5_to9_r3_K99_lost": 3_000.0,
    "des_hit3_lam9.0_to9_r3_K99_lost": 1_500.0,
    "des_hit_lam8.0_to9_r3_K99_lost": 800.0,
    "des_hit_lam9.0_to9_r3_K99_lost": 700.0,
    "des_hit_lam9.5_to9_r3_K99_lost": 1_500.0,
    "des_hit_lam9.5_to9_r0_K99_lost": 700.0,
    "des_hit_lam9.5_to9_r3_K74_lost": 1_000.0,
}
"""Case -> a horizon that hardly any run reaches."""


@pytest.mark.parametrize("name", RETRIED)
def test_drain_against_retries(name: str) -> None:
    """Timeouts that resend into the queue lengthen it; two simulations agree within what chance allows both."""
    p, expected = FACTS[name]["params"], FACTS[name]["expected"]
    document = overfull(p, p["retries"] + 1, p["timeout"])
    times = passages(document, name, int(0.1 * (p["K"] + 1)) - 1, RETRIED[name], 80)
    late = np.isinf(times)
    assert late.sum() <= 1
    times[late] = 2.0 * RETRIED[name]
    error = times.std(ddof=1) / np.sqrt(len(times))
    theirs = expected["se"] or expected["sd"] / np.sqrt(p["runs"])
    assert abs(times.mean() - expected["mean_hit"]) < 3.0 * np.hypot(error, theirs)
    assert error < 0.15 * times.mean()


STUCK = [
    "lam9.5_to5_r3_K99_lost",
    "lam9.5_to7_r3_K99_lost",
    "lam9.5_to5_r3_K99_timeout",
    "lam9.5_to7_r3_K99_timeout",
]


@pytest.mark.parametrize("name", [f"des_hit_{name}" for name in STUCK])
def test_retries_that_keep_the_queue_full_for_good(name: str) -> None:
    """With a timeout shorter than a full queue's wait hardly anyone is served in time: the queue stays full.

    None of their 40 runs got out; the chance of it is then below a bound (99.9 %) that ours keep too.
    """
    p = FACTS[name]["params"]
    assert FACTS[name]["expected"]["hit_within_T"] == 0
    bound = 1.0 - 0.001 ** (1.0 / p["runs"])
    document = overfull(p, p["retries"] + 1, p["timeout"])
    times = passages(document, name, int(0.1 * (p["K"] + 1)) - 1, 500.0, 20)
    assert np.isfinite(times).sum() <= bound * len(times)


def test_drain_against_refusals_noticed_at_the_timeout() -> None:
    """Few of the runs take very long, and the others as long as without retries: a mean of which little is known."""
    name = "des_hit_lam8.0_to9_r3_K99_timeout"
    p, expected = FACTS[name]["params"], FACTS[name]["expected"]
    document = overfull(p, p["retries"] + 1, p["timeout"])
    times = passages(document, name, int(0.1 * (p["K"] + 1)) - 1, 4_000.0, p["runs"])
    assert np.isfinite(times).all()
    error = np.hypot(times.std(ddof=1), expected["sd"]) / np.sqrt(p["runs"])
    assert abs(times.mean() - expected["mean_hit"]) < 3.0 * error
    # Several times as long as where refusals are lost, which is told apart all the same.
    lost = FACTS["des_hit_lam8.0_to9_r3_K99_lost"]["expected"]["mean_hit"]
    assert times.mean() > 2.0 * lost
