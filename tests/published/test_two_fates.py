"""A published collapse whose average over runs hides two fates (Brooker, simulator_example, simple_collapse_sim, 2022).

Clients send 40 requests a second, 80 from 20 s to 25 s, wait 3 s and try three times; each way takes 0.1 s on average,
and a server without a queue takes 1 s and a hundredth more for each request that it holds. Of 200 runs without a
backoff 138 never recover, so that their mean goodput is 31 %; with a jittered backoff of 20 s, 40 s all do. The
published chart shows the mean of ten runs.
"""

from __future__ import annotations

import pytest
from scipy import stats

import sim
from sim.study.fates import fates

RUNS = 200
COLLAPSED_WITHOUT, COLLAPSED_WITH = 138, 0
SPIKE = """
traffic: {web: {arrivals: {kind: poisson, rate: 40/s}, call: api, client: app}}
clients: {app: {timeout: 3s, network: {kind: exponential, mean: 100ms}, retry: {attempts: 3}}}
services: {api: {workers: inf, service_time: 1s, slowdown: {kind: concurrency, per_job: 10ms}}}
faults: [{at: 20s, for: 5s, traffic: web, rate: x2}]
run: {duration: 80s}
"""
JITTER = "{kind: exponential, base: 20s, factor: 2, jitter: full}"


@pytest.fixture(scope="module")
def spiked() -> sim.Scenario:
    pytest.importorskip("sim.scenario.slowdown", reason="services do not slow down with the work in hand yet")
    return sim.loads(SPIKE)


def test_without_backoff_most_runs_never_recover_and_the_others_soon_do(spiked: sim.Scenario) -> None:
    found = fates(spiked, RUNS)
    assert found.open == 0
    both = [[found.collapsed, found.recovered], [COLLAPSED_WITHOUT, RUNS - COLLAPSED_WITHOUT]]
    assert stats.fisher_exact(both).pvalue > 1e-3
    times = [seen.time for seen in found.seen if seen.fate == "recovered"]
    assert max(times) < 0.5 * found.case.watch.horizon  # nobody meets the mean of the two
    assert found.verdict(wanted=0.5) == "collapses"


def test_with_a_jittered_backoff_every_run_recovers(spiked: sim.Scenario) -> None:
    found = fates(spiked.set("clients.app.retry.backoff", JITTER), RUNS)
    assert found.collapsed == COLLAPSED_WITH
    assert found.recovered == RUNS
