"""How long a full queue takes to drain while its clients time out and try again: first-passage times."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy.stats import beta, fisher_exact

import sim
from sim.engines import compiled
from sim.engines.fate import Calm, Watch
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
    """Each run's time until at most `target` requests are in the system; infinite past the horizon.

    The kernel watches for it, and counts as in the system who waits to send again after a refusal too: but a refusal
    is of a full queue, which takes many times as long to drain as anyone waits.
    """
    scenario = sim.loads(json.dumps(run_for(document, name, horizon)))
    begin = 2.0 * LEAP  # long before 90 services can have ended
    calm = Calm(float(target), hold=0.0)
    none = (0.0,) * len(scenario.traffic)
    watch = Watch(begin, horizon, horizon + 1.0, (calm,), none, none)
    seen = [compiled.fate_of(scenario, run, seed=scenario.run.seed, watch=watch) for run in range(runs)]
    return np.array([LEAP + one.time if one.fate == "recovered" else np.inf for one in seen])


def fewer_than_a_tenth(p: Facts) -> int:
    """The greatest number in the system that is below a tenth of its levels, 0 to K."""
    return int((p["K"] + 10) // 10 - 1)


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


RUNS = {
    "des_hit3_lam9.0_to9_r3_K99_timeout": 30,
    "des_hit_lam9.0_to9_r3_K99_timeout": 30,
    "des_hit_lam9.5_to9_r3_K99_timeout": 40,
}
"""Case -> as many runs as it takes to tell, where each goes on for very long."""

PASSAGES = [name for name in FACTS if name.startswith("des_hit")]
STUCK = [name for name in PASSAGES if FACTS[name]["expected"]["hit_within_T"] in (0, 1)]


def those_who_got_out(name: str) -> int:
    """How many of their runs got out within their horizon."""
    expected = FACTS[name]["expected"]
    return int(expected["hit_within_T"] if expected["hit"] is None else expected["hit"])


def agree_in_number(ours: Times, name: str) -> bool:
    """Whether as many got out of ours as of theirs, but for what chance allows (three standard errors: 0.27 %)."""
    got_out, theirs = int(np.isfinite(ours).sum()), those_who_got_out(name)
    both = np.array([[got_out, len(ours) - got_out], [theirs, FACTS[name]["params"]["runs"] - theirs]])
    return bool(fisher_exact(both).pvalue > 0.0027)


@pytest.mark.parametrize("name", [name for name in PASSAGES if name not in STUCK])
def test_drain_against_retries(name: str) -> None:
    """Timeouts that resend into the queue lengthen it; two simulations agree within what chance allows both.

    Of the runs that get out within the horizon of theirs: how many, and how long they take on average.
    """
    p, expected = FACTS[name]["params"], FACTS[name]["expected"]
    document = overfull(p, p["retries"] + 1, p["timeout"])
    times = passages(document, name, fewer_than_a_tenth(p), p["T"], RUNS.get(name, 80))
    assert agree_in_number(times, name)
    out = times[np.isfinite(times)]
    error = out.std(ddof=1) / np.sqrt(len(out))
    theirs = expected["se"] or expected["sd"] / np.sqrt(those_who_got_out(name))
    assert abs(out.mean() - expected["mean_hit"]) < 3.0 * np.hypot(error, theirs)
    assert error < (0.5 if name in RUNS else 0.2) * out.mean()


@pytest.mark.parametrize("name", STUCK)
def test_retries_that_keep_the_queue_full_for_good(name: str) -> None:
    """With a timeout shorter than a full queue's wait hardly anyone is served in time: the queue stays full.

    None of their 40 runs got out, or one at once; the chance of it is then below a bound (99.9 %) that ours keep too.
    """
    p = FACTS[name]["params"]
    bound = beta.ppf(0.999, those_who_got_out(name) + 1, p["runs"] - those_who_got_out(name))
    document = overfull(p, p["retries"] + 1, p["timeout"])
    times = passages(document, name, fewer_than_a_tenth(p), 500.0, 20)
    assert np.isfinite(times).sum() <= bound * len(times)


@pytest.mark.long
@pytest.mark.parametrize("name", STUCK)
def test_retries_that_keep_the_queue_full_for_as_long_as_theirs(name: str) -> None:
    p = FACTS[name]["params"]
    document = overfull(p, p["retries"] + 1, p["timeout"])
    assert agree_in_number(passages(document, name, fewer_than_a_tenth(p), p["T"], p["runs"]), name)


def test_refusals_noticed_at_the_timeout_keep_the_queue_full_for_longer() -> None:
    """Several times as long as where a refused attempt is lost: what a refusal does next decides."""
    name = "des_hit_lam8.0_to9_r3_K99_"
    late, lost = (
        passages(overfull(p, p["retries"] + 1, p["timeout"]), name, fewer_than_a_tenth(p), p["T"], 80)
        for p in (FACTS[name + "timeout"]["params"], FACTS[name + "lost"]["params"])
    )
    error = np.hypot(late.std(ddof=1), 2.0 * lost.std(ddof=1)) / np.sqrt(80)
    assert late.mean() > 2.0 * lost.mean() + 3.0 * error
