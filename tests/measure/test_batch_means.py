"""Batch means of one long run: their intervals hold the mean of correlated values, or they say why there is none."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

import sim
from sim.errors import UsageError
from sim.measure.batch_means import METHOD, correlation_length, overlapping
from sim.measure.intervals import binomial

QUEUE = """
traffic: {web: {arrivals: {kind: poisson, rate: 80/s}, call: api}}
services: {api: {workers: 1, service_time: {kind: exponential, mean: 10ms}}}
run: {duration: 1000s, warmup: 20s, replications: 1, seed: 7}
"""


def autoregressive(runs: int, n: int, phi: float) -> NDArray[np.float64]:
    """Rows of a process of mean 0 in which each value keeps a share phi of the one before."""
    noise = np.random.default_rng(7).normal(size=(runs, n + 200))
    values = np.zeros_like(noise)
    for place in range(1, n + 200):
        values[:, place] = phi * values[:, place - 1] + noise[:, place]
    return values[:, 200:]


@pytest.mark.parametrize("phi", [0.0, 0.5, 0.8])
def test_intervals_hold_the_mean_of_correlated_values(phi: float) -> None:
    found = [(row.mean(), overlapping(row)) for row in autoregressive(600, 1000, phi)]
    given = [(mean, one) for mean, one in found if not one.refused]
    assert len(given) > 500
    held = sum(abs(mean) <= one.half for mean, one in given)
    low, high = binomial(held, len(given), 0.9999)
    # Known of the method: batches of five times a disturbance's length understate the variance by a tenth.
    assert low <= 0.95
    assert high >= 0.93


def test_values_that_are_correlated_over_much_of_the_run_are_refused() -> None:
    refused = [overlapping(row).refused for row in autoregressive(100, 200, 0.95)]
    assert sum(bool(why) for why in refused) > 90
    assert all("times as long" in why for why in refused if why)


def test_the_length_of_a_disturbance() -> None:
    # Of such a process it is (1 + phi) / (1 - phi).
    lengths = [correlation_length(row) for row in autoregressive(50, 5000, 0.8)]
    assert np.mean(lengths) == pytest.approx(9.0, rel=0.1)
    assert correlation_length(np.tile([1.0, -1.0], 50)) == 1.0


@pytest.mark.parametrize(("values", "why"), [(np.ones(100), "never varied"), (np.arange(9.0), "too few")])
def test_what_says_nothing_is_refused(values: NDArray[np.float64], why: str) -> None:
    found = overlapping(values)
    assert why in found.refused
    assert math.isnan(found.half)


def test_a_single_run_has_intervals_of_its_rates_and_levels() -> None:
    results = sim.run(sim.loads(QUEUE))
    table = results.batch_means.set_index(["subject", "metric"])
    queue = table.loc[("service:api", "queue_length")]
    assert queue["method"] == METHOD
    assert queue["mean"] == results.values("service:api", "queue_length")[0]
    assert queue["low"] < queue["mean"] < queue["high"]
    # M/M/1 at 80 %: every figure's truth, within four times the half-width.
    for metric, truth in (
        ("queue_length", 3.2),
        ("utilization", 0.8),
        ("throughput", 80.0),
        ("in_system", 4.0),
    ):
        row = table.loc[("service:api", metric)]
        assert abs(row["mean"] - truth) <= 4.0 * (row["high"] - row["mean"])
    assert table.loc[("traffic:web", "orbit")]["refused"] == "it never varied"
    # The summary stays as it was: one replication has no interval.
    assert results.summary["low"].isna().all()


def test_several_replications_are_their_own_witness() -> None:
    results = sim.run(sim.loads(QUEUE).set("run.duration", "30s"), replications=2)
    with pytest.raises(UsageError, match="replications=1"):
        _ = results.batch_means
