"""Attempts that fail by chance and are tried again: amplification and success as other simulators saw them."""

from __future__ import annotations

import pytest

from tests.published.judging import simulate
from tests.published.stations import FACTS, TRAFFIC, exponential, poisson, run_for, station

RUNS = [name for name in FACTS if name.startswith("brooker_retry_")]
ATTEMPTS = {"no_retries": 1, "three_retries": 4, "three_retries_unbounded": 4}


@pytest.mark.parametrize("name", RUNS)
def test_retries_amplify_as_in_brookers_simulator(name: str) -> None:
    """100 clients of 10 requests a second, network legs of 10 ms, a server that fails at random, no queue.

    Their figures are simulated too: they are good to 0.01 in success and 1.5 % in amplification.
    """
    params, expected = FACTS[name]["params"], FACTS[name]["expected"]
    document = station(
        poisson(1000.0),
        "0s",
        workers="inf",
        client={"network": exponential(0.01), "retry": {"attempts": ATTEMPTS[params["strategy"]]}},
        error_ratio=params["failure_rate"],
    )
    results = simulate(run_for(document, name, 30.0, replications=20))
    success, low, high, _ = results.estimate(TRAFFIC, "success_ratio", 0.999)
    assert high - low < 0.01
    assert success == pytest.approx(expected["success_rate"], abs=0.01)
    amplification, low, high, _ = results.estimate(TRAFFIC, "amplification", 0.999)
    assert high - low < 0.02 * amplification
    assert amplification == pytest.approx(expected["load_amplification"], rel=0.015)
