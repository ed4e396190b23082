"""Quantiles of all observations together: between those of independent trials and what whole replications allow."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

import sim
from sim.engines.observations import BUCKETS, bucket
from sim.errors import UsageError
from sim.measure.intervals import binomial
from sim.measure.pooled import Pool

QUEUE = """
traffic: {web: {arrivals: {kind: poisson, rate: 80/s}, call: api, client: usual}}
clients: {usual: {}}
services: {api: {workers: 1, service_time: {kind: exponential, mean: 10ms}}}
run: {duration: 60s, warmup: 6s, replications: 12, seed: 7}
"""


def histograms(values: NDArray[np.float64]) -> NDArray[np.int64]:
    """One for each row."""
    found = np.zeros((len(values), BUCKETS), np.int64)
    for row, line in zip(found, values, strict=True):
        np.add.at(row, [bucket(value) for value in line], 1)
    return found


def test_intervals_hold_the_quantile_of_values_that_replications_share() -> None:
    # Every replication has its own level, so its 40 values are anything but 40 trials. These come in no clusters, for
    # which the upper end allows: more intervals hold the truth than must.
    chance = np.random.default_rng(7)
    held = 0
    truth = float(np.quantile(chance.lognormal(0.0, 1.0, 400_000) * chance.gamma(4.0, 0.25, 400_000), 0.9))
    for _ in range(300):
        values = chance.lognormal(0.0, 1.0, (20, 40)) * chance.gamma(4.0, 0.25, (20, 1))
        _, low, high = Pool(histograms(values), float(values.max())).quantile(0.9)
        held += low <= truth <= high
    assert binomial(held, 300, 0.9999)[1] >= 0.95


def test_the_upper_end_allows_for_clusters() -> None:
    # Three clusters a replication, of exponential numbers, among 1,000 values: who sees few sees them vary little.
    chance = np.random.default_rng(7)
    below = 0
    for _ in range(1_000):
        clusters = [np.ceil(chance.exponential(10.0, chance.poisson(3.0))).sum() for _ in range(10)]
        beyond = np.minimum(np.array(clusters, int), 1000)
        counts = np.zeros((10, BUCKETS), np.int64)
        counts[:, bucket(1.0)], counts[:, bucket(2.0)] = 1000 - beyond, beyond
        below += Pool(counts, 3.0).quantile(1.0 - 3.0 * 10.5 / 1000.0)[2] < 1.9
    # Student's t alone would leave one in thirteen below.
    assert binomial(below, 1_000, 0.9999)[0] <= 0.025


def test_the_value_is_that_of_all_observations_and_lies_within() -> None:
    values = np.random.default_rng(3).exponential(1.0, (10, 200))
    for share in (0.1, 0.5, 0.99):
        value, low, high = Pool(histograms(values), float(values.max())).quantile(share)
        assert value == pytest.approx(float(np.quantile(values, share)), rel=0.02)
        assert low < value < high <= values.max()
        wider = Pool(histograms(values), float(values.max())).quantile(share, 0.999)
        assert wider[1] < low
        assert wider[2] > high or wider[2] == values.max()


def test_one_replication_has_no_interval_and_nothing_no_value() -> None:
    one = histograms(np.ones((1, 5)))
    assert [math.isnan(end) for end in Pool(one, 1.0).quantile(0.5)] == [False, True, True]
    assert all(math.isnan(end) for end in Pool(np.zeros((3, BUCKETS), np.int64), 0.0).quantile(0.5))


def test_any_quantile_of_a_run() -> None:
    results = sim.run(sim.loads(QUEUE))
    value, low, high, method = results.quantile("service:api", "sojourn", 0.9, 0.9999)
    # M/M/1: the sojourn is exponential of rate 20/s.
    assert low <= math.log(10.0) / 20.0 <= high
    assert method == "pooled, t over replications inverted"
    assert results.quantile("traffic:web", "latency", 0.9, 0.9999) == pytest.approx(
        (value, low, high, method)
    )
    assert results.quantile("client:usual", "latency", 0.9) == results.quantile("traffic:web", "latency", 0.9)
    pairs = sim.run(sim.loads(QUEUE).set("run.antithetic", True))
    assert pairs.quantile("service:api", "sojourn", 0.9, 0.9999)[1] <= math.log(10.0) / 20.0


@pytest.mark.parametrize(
    ("subject", "kind", "share"),
    [("service:api", "latency", 0.5), ("traffic:app", "latency", 0.5), ("service:api", "wait", 1.0)],
)
def test_what_there_is_no_quantile_of(subject: str, kind: str, share: float) -> None:
    results = sim.run(sim.loads(QUEUE).set("run.duration", "10s"), replications=1)
    with pytest.raises(UsageError, match="for example"):
        results.quantile(subject, kind, share)


def test_few_observations_bound_no_high_quantile() -> None:
    # 60 independent observations of an exponential: of its p99, 4.6, they say little above; 299 would bound it.
    chance = np.random.default_rng(7)
    short = 0
    for _ in range(200):
        values = chance.exponential(1.0, (5, 12))
        short += Pool(histograms(values), float(values.max())).quantile(0.99)[2] < math.log(100.0)
    assert binomial(short, 200, 0.9999)[0] <= 0.025
    many = chance.exponential(1.0, (5, 400))
    assert math.isfinite(Pool(histograms(many), float(many.max())).quantile(0.99)[2])


def test_what_is_always_nothing_is_nothing() -> None:
    assert Pool(histograms(np.zeros((5, 400))), 0.0).quantile(0.99) == (0.0, 0.0, 0.0)
