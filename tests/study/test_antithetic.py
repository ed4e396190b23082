"""Antithetic twins: replication 2k + 1 has 1 - u for every draw u of 2k, and intervals are over the pairs."""

from __future__ import annotations

import math

import numpy as np
import pytest

import sim
from sim.errors import ScenarioError, UsageError
from sim.measure.results import Results
from sim.study.metastability.fates import fates
from sim.study.replicate import extended

QUEUE = """
traffic: {web: {arrivals: {kind: poisson, rate: 80/s}, call: api}}
services: {api: {workers: 1, service_time: {kind: exponential, mean: 10ms}}}
run: {duration: 60s, warmup: 5s, replications: 400, seed: 7, antithetic: true}
"""


def test_a_twin_draws_one_minus_u() -> None:
    results = sim.run(sim.loads(QUEUE), replications=2, log=True)
    log = results.attempts
    assert log is not None
    # An exponential of mean m at u is -m ln(1 - u): so e^(-x/m) of the two sum to 1, gap by gap, work by work.
    gaps = [np.diff(one["sent"].to_numpy(), prepend=0.0) for _, one in log.groupby("replication")]
    works = [(one["finished"] - one["started"]).to_numpy() for _, one in log.groupby("replication")]
    for first, twin, mean in ((*gaps, 1 / 80), (*works, 0.01)):
        many = min(len(first), len(twin))
        sums = np.exp(-first[:many] / mean) + np.exp(-twin[:many] / mean)
        assert np.allclose(sums[np.isfinite(sums)], 1.0, rtol=0.0, atol=1e-9)


def test_the_first_of_each_pair_is_the_plain_replication() -> None:
    twins = sim.run(sim.loads(QUEUE), replications=4)
    plain = sim.run(sim.loads(QUEUE).set("run.antithetic", False), replications=3)
    for number in (0, 2):
        assert (twins.runs[number].counts == plain.runs[number].counts).all()
    assert not (twins.runs[1].counts == plain.runs[1].counts).all()


def test_intervals_are_over_pairs_and_the_variance_is_less() -> None:
    results = sim.run(sim.loads(QUEUE))
    plain = results.scenario.set("run.antithetic", False)
    mean, low, high, method = results.estimate("service:api", "wait_mean")
    assert method == "t over antithetic pairs"
    row = results.summary.query("subject == 'service:api' and metric == 'wait_mean'").iloc[0]
    assert row["n"] == 200
    pairs = np.array(results.values("service:api", "wait_mean"))
    assert len(pairs) == 200
    assert mean == pytest.approx(pairs.mean())
    assert high - mean == pytest.approx(1.9719565 * pairs.std(ddof=1) / math.sqrt(200), rel=1e-6)
    # Of independent runs a pair's mean would have half the variance of one. Of the time at work, which is nearly a sum
    # of draws, it has much less: beyond a factor of 1.8, the 99.99 % interval of such a ratio of variances (F).
    alone = np.array(
        Results(plain, results.apart, engine="compiled", seed=7).values("service:api", "utilization")
    )
    busy = np.array(results.values("service:api", "utilization"))
    assert busy == pytest.approx((alone[0::2] + alone[1::2]) / 2.0)
    assert 1.8 * busy.var(ddof=1) < alone.var(ddof=1) / 2.0
    # The truth, 40 ms (M/M/1 at 80 %), within a 99.99 % interval.
    _, low, high, _ = results.estimate("service:api", "wait_mean", 0.9999)
    assert low <= 0.04 <= high


def test_more_replications_keep_the_pairs() -> None:
    scenario = sim.loads(QUEUE).set("run.replications", 6)
    assert extended(sim.run(scenario, replications=2), 6).to_json() == sim.run(scenario).to_json()


def test_one_pair_has_no_interval() -> None:
    mean, low, high, method = sim.run(sim.loads(QUEUE), replications=2).estimate("service:api", "wait_mean")
    assert mean > 0.0
    assert math.isnan(low)
    assert math.isnan(high)
    assert method == "no interval: one pair"


def test_an_odd_number_is_refused() -> None:
    with pytest.raises(UsageError, match="not pairs"):
        sim.run(sim.loads(QUEUE), replications=3)
    with pytest.raises(ScenarioError, match="replications: 6"):
        sim.loads(QUEUE).set("run.replications", 5)


def test_a_comparison_takes_the_means_of_pairs() -> None:
    base = sim.loads(QUEUE).set("run.replications", 4)
    comparison = sim.compare(
        {"one": base, "other": base.set({"run.antithetic": False, "services.api.workers": 2})}
    )
    assert all(results.twins for results in comparison.results.values())
    assert {pairing.paired.n for pairing in comparison.pairings} == {2}
    with pytest.raises(UsageError, match="antithetic"):
        sim.compare({"one": sim.run(base), "other": sim.run(base.set("run.antithetic", False))})


def test_the_chance_of_recovery_is_counted_over_independent_runs() -> None:
    text = QUEUE.replace("run:", "faults: [{at: 20s, for: 1s, service: api, pause: true}]\nrun:")
    scenario = sim.loads(text)
    assert fates(scenario, 4).seen == fates(scenario.set("run.antithetic", False), 4).seen
