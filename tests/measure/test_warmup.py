"""MSER-5 cuts what a start leaves behind, and nothing of what is stationary."""

from __future__ import annotations

import numpy as np

import sim
from sim.measure.warmup import mser

FILLING = """
traffic: {web: {arrivals: {kind: poisson, rate: 20/s}, call: api}}
services: {api: {workers: inf, service_time: {kind: exponential, mean: 60s}}}
run: {duration: 20min, warmup: auto, replications: 8, drain: false}
"""


def test_mser_cuts_a_decaying_start() -> None:
    noise = np.random.default_rng(3).normal(0.0, 0.1, 400)
    values = 10.0 * np.exp(-np.arange(400) / 20.0) + noise
    assert 50 <= mser(values) <= 150


def test_mser_cuts_little_of_a_stationary_series() -> None:
    values = np.random.default_rng(4).normal(5.0, 1.0, 400)
    assert mser(values) <= 100


def test_mser_of_a_short_series_is_nothing() -> None:
    assert mser(np.arange(7.0)) == 0


def test_warmup_auto_leaves_out_the_filling_of_an_empty_system() -> None:
    # 60 s of mean service, unlimited workers: the number in service fills like 1 - exp(-t/60s).
    scenario = sim.loads(FILLING)
    results = sim.run(scenario)
    assert 120.0 <= results.warmup <= 600.0
    mean, low, high, _ = results.estimate("service:api", "busy_workers", 0.999)
    assert low <= 1200.0 <= high
    assert (high - low) / mean < 0.05
    from_empty = sim.run(scenario.set("run.warmup", "0s")).estimate("service:api", "busy_workers", 0.999)
    assert from_empty[2] < 1200.0


def test_a_warm_up_that_worked_is_trusted() -> None:
    found = sim.run(sim.loads(FILLING)).warmup_found
    assert found is not None
    assert (found.level, found.confident, found.doubt) == ("service:api", True, "")
    assert sim.run(sim.loads(FILLING).set("run.warmup", "1min")).warmup_found is None


def test_a_queue_that_grows_all_the_time_is_doubted() -> None:
    results = sim.run(sim.loads(FILLING).set("services.api.workers", 1000))
    found = results.warmup_found
    assert found is not None
    assert not found.confident
    assert "too short" in found.doubt
    assert results.to_json()["warmup_found"]["confident"] is False


def test_a_level_that_drifts_after_the_cut_is_doubted() -> None:
    # Quiet for the first three quarters, busier afterwards: no cut in the first half makes a steady rest of it.
    late = "{kind: profile, points: [[0s, 20/s], [15min, 40/s]], shape: step}"
    found = sim.run(
        sim.loads(FILLING.replace("{kind: poisson, rate: 20/s}", late).replace("mean: 60s", "mean: 1s"))
    ).warmup_found
    assert found is not None
    assert found.doubt == "service:api still rises after it"
