"""Writers of one row who read, write, and start again if another was faster: what backoff and jitter save them.

Of Brooker's "Exponential backoff and jitter" (2015), by his simulator; his counts of calls are of writes, which here
are the attempts, each a read and a write. His first wait is already doubled, so the exponential base here is twice his.
"""

from __future__ import annotations

import numpy as np
import pytest

from tests.published.judging import simulate
from tests.published.stations import FACTS, TRAFFIC, Document, Facts, per_second, run_for, seconds, station

LEAP = 0.001
"""All begin in one batch, this many seconds into the run."""

HORIZON = 200.0
"""Far past the end of the slowest experiment: in each of them all clients have written by then."""

JITTERS = {"Exponential": "none", "EqualJitter": "equal", "FullJitter": "full"}
MILLISECONDS = 1e-3


def backoff_of(p: Facts) -> Document:
    """His wait before the n-th retry, in this language."""
    base, cap = p["base"] * MILLISECONDS, seconds(p["cap"] * MILLISECONDS)
    if p["alg"] == "None":
        return {"kind": "none"}
    if p["alg"] == "Decorr":
        return {"kind": "decorrelated", "base": seconds(base), "cap": cap}
    return {"kind": "exponential", "base": seconds(2.0 * base), "cap": cap, "jitter": JITTERS[p["alg"]]}


def contest(p: Facts) -> Document:
    """All clients at once, each until its write has been accepted; each of the four ways takes a time of its own."""
    network = {
        "kind": "normal",
        "mean": seconds(p["net_mean"] * MILLISECONDS),
        "cv": p["net_sd"] / p["net_mean"],
    }
    retry = {"attempts": "inf", "on": ["rejected"], "backoff": backoff_of(p)}
    return station(
        {
            "kind": "constant",
            "rate": per_second(1.0 / LEAP),
            "stop": seconds(1.5 * LEAP),
            "batch": p["clients"],
        },
        "0s",
        workers="inf",
        conflict="optimistic",
        client={"network": network, "retry": retry},
    )


@pytest.mark.parametrize("name", [name for name in FACTS if name.startswith("aws_occ_")])
def test_writes_and_time_until_all_have_written(name: str) -> None:
    """The mean of as many experiments as his agrees within three standard errors of both, calls and time alike."""
    p, expected = FACTS[name]["params"], FACTS[name]["expected"]
    runs = p["replications"]
    results = simulate(run_for(contest(p), name, HORIZON, replications=runs))
    books = results.conservation
    assert books["success"] == books["born"] == runs * p["clients"]
    for metric, unit, mean, sd in (
        ("amplification", p["clients"], expected["write_calls_mean"], expected["write_calls_sd"]),
        (
            "latency_max",
            1.0 / MILLISECONDS,
            expected["completion_time_ms_mean"],
            expected["completion_time_sd"],
        ),
    ):
        found = unit * np.array([figure.value for figure in results.figures(TRAFFIC, metric)])
        error = np.hypot(found.std(ddof=1), sd) / np.sqrt(runs)
        assert len(found) == runs
        assert abs(found.mean() - mean) < 3.0 * error
        assert 3.0 * error < 0.09 * mean
        assert found.std() == pytest.approx(sd, rel=0.2)  # how much one experiment differs from the next, too
