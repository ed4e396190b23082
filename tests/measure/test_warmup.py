"""MSER-5 cuts what a start leaves behind, and nothing of what is stationary."""

from __future__ import annotations

import numpy as np

import sim
from sim.measure.warmup import mser


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
    scenario = sim.loads(
        """
        traffic: {web: {arrivals: {kind: poisson, rate: 20/s}, call: api}}
        services: {api: {workers: inf, service_time: {kind: exponential, mean: 60s}}}
        run: {duration: 20min, warmup: auto, replications: 8, drain: false}
        """
    )
    results = sim.run(scenario)
    assert 120.0 <= results.warmup <= 600.0
    mean, low, high, _ = results.estimate("service:api", "busy_workers", 0.999)
    assert low <= 1200.0 <= high
    assert (high - low) / mean < 0.05
    from_empty = sim.run(scenario.set("run.warmup", "0s")).estimate("service:api", "busy_workers", 0.999)
    assert from_empty[2] < 1200.0
