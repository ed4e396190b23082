"""Runs that stop at a precision: by the rule, whatever the threads, and saying what it took or would take."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sim
from sim.errors import UsageError
from sim.measure.intervals import student
from sim.measure.precision import precision_of, skewness, values_needed
from sim.scenario.precision import LEAST, Precision

SCENARIO = """
name: precise
traffic: {web: {arrivals: {kind: poisson, rate: 80/s}, call: api}}
services: {api: {workers: 1, service_time: {kind: exponential, mean: 10ms}}}
run:
  {duration: 20s, warmup: 2s, replications: 4, seed: 7,
   precision: {subject: "service:api", metric: wait_p95, relative: 10%, most: 200}}
"""


def wanted(relative: float, confidence: float = 0.95) -> Precision:
    return Precision(subject="traffic:web", metric="latency_mean", relative=relative, confidence=confidence)


@settings(deadline=None)  # the first call imports
@given(st.floats(1e-3, 3.0), st.floats(0.005, 0.5), st.sampled_from((0.9, 0.95, 0.99)))
def test_the_number_needed_is_the_least(spread: float, relative: float, confidence: float) -> None:
    n = values_needed(spread, wanted(relative, confidence))

    def width(many: int) -> float:
        return student(many - 1, confidence) * spread / math.sqrt(many)

    assert width(n) <= relative * (1.0 + 1e-12)
    assert n == 2 or width(n - 1) > relative


def test_it_stops_once_the_interval_is_narrow_and_says_so() -> None:
    scenario = sim.loads(SCENARIO)
    results = sim.run(scenario, jobs=1)
    found = results.precision
    assert found is not None
    assert found.reached
    assert LEAST < found.replications == results.replications < 200
    value, low, high, method = results.quantile("service:api", "wait", 0.95)
    assert (found.value, found.low, found.high, found.method) == (value, low, high, method)
    assert found.relative == pytest.approx((high - low) / 2.0 / value)
    assert found.relative <= 0.1
    assert found.needed <= found.replications
    assert found.more == 0.0
    # The same replications as any run of so many, and the same number on any number of threads.
    assert results.to_json() == sim.run(scenario, jobs=3).to_json()
    assert results.to_json() == sim.run(scenario, replications=results.replications).to_json()


def test_what_is_narrow_at_once_is_not_believed_before_the_first_look() -> None:
    wide = {"subject": "service:api", "metric": "utilization", "relative": 1.0}
    results = sim.run(sim.loads(SCENARIO).set("run.precision", wide))
    # Four are written; forty there are, or as many as the skewness of those asks for.
    asked = 25.0 * skewness(results.values("service:api", "utilization")) ** 2
    assert results.replications >= LEAST
    assert asked <= results.replications <= 2 * LEAST


def test_what_is_not_reached_says_how_many_more() -> None:
    results = sim.run(sim.loads(SCENARIO).set({"run.precision.relative": "1%", "run.precision.most": 50}))
    found = results.precision
    assert found is not None
    assert (found.reached, results.replications) == (False, 50)
    # The interval narrows with the root of their number.
    assert found.more == pytest.approx(50.0 * (found.relative / 0.01) ** 2, rel=0.15)
    assert results.to_json()["precision"]["more"] == int(found.more)


def test_antithetic_pairs_are_made_whole() -> None:
    results = sim.run(sim.loads(SCENARIO).set("run.antithetic", True))
    assert results.precision is not None
    assert results.precision.reached
    assert results.replications % 2 == 0
    assert results.replications >= 2 * LEAST


def test_a_figure_that_some_replication_lacks_stops_at_once() -> None:
    # No client waits so briefly: nothing succeeds, and latency has no value.
    scenario = sim.loads(SCENARIO).set("traffic.web.client", {"timeout": "1ns"})
    results = sim.run(
        scenario.set("run.precision", {"subject": "traffic:web", "metric": "latency_p99", "relative": 0.1})
    )
    assert results.replications == LEAST
    assert results.precision is not None
    assert math.isinf(results.precision.needed)
    assert results.to_json()["precision"]["more"] is None


def test_nothing_is_told_of_a_mean_of_zero_or_of_one_value() -> None:
    for interval in ((0.0, 0.0, 0.0, "t"), (1.0, math.nan, math.nan, "none")):
        found = precision_of(interval, wanted(0.1), [1.0, 2.0, 4.0])
        assert not found.reached
        assert math.isnan(found.more)


def test_few_values_of_a_skewed_figure_are_not_enough() -> None:
    skewed = [0.0] * 20 + [1.0] * 5
    # By hand: 5 in 25 have the skewness (1 - 2p) / √(p (1 - p)) = 1.5, and 25 · 1.5² is 56.25.
    assert skewness(skewed) == pytest.approx(1.5)
    found = precision_of((10.0, 9.9, 10.1, "t"), wanted(0.1), skewed)
    assert (found.reached, found.needed) == (False, 57.0)
    assert precision_of((10.0, 9.9, 10.1, "t"), wanted(0.1), [1.0, 2.0, 3.0] * 8).reached


def test_so_many_replications_are_so_many() -> None:
    assert sim.run(sim.loads(SCENARIO), replications=3).replications == 3


def test_an_interrupted_run_keeps_what_the_looks_before_had() -> None:
    def stop(share: float) -> None:
        if share > 0.6:  # in the second look
            raise KeyboardInterrupt

    scenario = sim.loads(SCENARIO).set("run.precision.relative", "0.1%")
    with pytest.raises(sim.Interrupted) as stopped:
        sim.run(scenario, progress=stop)
    results = stopped.value.results
    assert LEAST <= results.replications < 200
    assert results.to_json() == sim.run(scenario, replications=results.replications).to_json()


def test_a_comparison_has_the_same_number_of_both() -> None:
    base = sim.loads(SCENARIO)
    comparison = sim.compare({"one": base, "two": base.set("services.api.workers", 2)})
    assert {results.replications for results in comparison.results.values()} == {4}
    with pytest.raises(UsageError):
        sim.run(base, replications=0)
