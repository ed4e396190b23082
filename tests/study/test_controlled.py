"""Control variates: the regression by hand, the controls of a run, the twin beside it; intervals hold the truth."""

from __future__ import annotations

import math

import numpy as np
import pytest

import sim
from sim.errors import UsageError
from sim.measure.controls import own_controls, regressed
from sim.measure.intervals import binomial, interval
from sim.study.controlled import controlled, simple_twin

QUEUE = """
traffic: {web: {arrivals: {kind: poisson, rate: 80/s}, call: api}}
services: {api: {workers: 1, service_time: {kind: erlang, mean: 10ms, shape: 4}}}
run: {duration: 40s, warmup: 6s, series: 40s, replications: 30, seed: 7}
"""


def test_without_controls_it_is_the_plain_interval() -> None:
    values = np.random.default_rng(1).normal(3.0, 1.0, 20).tolist()
    found = regressed(values, [])
    assert (found.mean, found.low, found.high) == pytest.approx(interval(values))
    assert found.variance_ratio == pytest.approx(1.0)


def test_chance_that_a_control_tells_of_is_taken_away() -> None:
    chance = np.random.default_rng(2)
    held, ratios = 0, []
    for _ in range(400):
        known, other = chance.normal(size=(2, 15))
        values = 5.0 + 2.0 * known - other + 0.5 * chance.normal(size=15)
        # A constant says nothing, a copy nothing more.
        found = regressed(values.tolist(), [known, other, known * 3.0, np.full(15, 2.0)])
        held += found.low <= 5.0 <= found.high
        ratios.append(found.variance_ratio)
    low, high = binomial(held, 400, 0.9999)
    assert low <= 0.95 <= high
    # What is left of the variance, 0.25 of 5.25, times the price of two slopes, (n - 2) / (n - q - 2).
    assert np.mean(ratios) == pytest.approx(0.25 / 5.25 * 13.0 / 11.0, rel=0.25)


def test_too_few_values_say_nothing() -> None:
    assert math.isnan(regressed([1.0, 2.0, 4.0], [np.array([0.0, 1.0, 0.5])]).mean)
    assert math.isnan(regressed([math.nan] + [1.0, 2.0] * 10, []).mean)


def test_controls_of_a_run_are_zero_on_average() -> None:
    results = sim.run(sim.loads(QUEUE), replications=200)
    found = own_controls(results.scenario, results.runs)
    assert list(found) == ["arrivals of web", "work of api"]
    for values in found.values():
        _, low, high = interval(values, 0.9999)
        assert low <= 0.0 <= high
        assert np.ptp(values) > 0.0


@pytest.mark.parametrize(
    ("path", "value", "left"),
    [
        ("traffic.web.arrivals", {"kind": "constant", "rate": "80/s"}, ["work of api"]),
        ("traffic.web.arrivals.stop", "30s", ["work of api"]),
        ("services.api.queue.discipline", "shortest", ["arrivals of web"]),
        ("services.api.sharing", "processor_sharing", ["arrivals of web"]),
        ("traffic.web.client", {"timeout": "1s", "cancel": "anywhere"}, ["arrivals of web"]),
        ("faults", [{"at": "10s", "for": "5s", "service": "api", "pause": True}], ["arrivals of web"]),
        ("faults", [{"at": "10s", "for": "5s", "traffic": "web", "rate": "x2"}], ["work of api"]),
    ],
)
def test_what_has_no_known_mean_is_no_control(path: str, value: object, left: list[str]) -> None:
    results = sim.run(sim.loads(QUEUE).set("run.duration", "7s").set(path, value), replications=1)
    assert list(own_controls(results.scenario, results.runs)) == left


def test_the_controlled_interval_is_narrower_and_holds_the_truth() -> None:
    table = controlled(sim.run(sim.loads(QUEUE)), confidence=0.9999).set_index(["subject", "metric"])
    wait = table.loc[("service:api", "wait_mean")]
    # Pollaczek and Khinchine: λ E[S²] / (2 (1 - ρ)).
    assert wait["low"] <= 80.0 * 1.25e-4 / 0.4 <= wait["high"]
    assert wait["high"] - wait["low"] < wait["plain_high"] - wait["plain_low"]
    assert wait["variance_ratio"] < 0.6
    assert wait["method"].endswith("by arrivals of web, work of api, M/M/1 beside")
    busy = table.loc[("service:api", "utilization")]
    assert busy["low"] <= 0.8 <= busy["high"]
    assert busy["variance_ratio"] < 0.05


def test_the_simple_twin() -> None:
    scenario = sim.loads(QUEUE)
    twin = simple_twin(scenario)
    assert twin is not None
    assert twin.services["api"].service_time.kind == "exponential"
    assert simple_twin(twin) is None
    assert simple_twin(scenario.set("traffic.web.arrivals", {"kind": "constant", "rate": "80/s"})) is None


def test_few_replications_are_refused() -> None:
    with pytest.raises(UsageError, match="for example replications"):
        controlled(sim.run(sim.loads(QUEUE), replications=5))
