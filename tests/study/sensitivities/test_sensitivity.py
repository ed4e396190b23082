"""Sensitivity against closed forms: the elasticities of M/M/1 and M/M/c lie in the intervals."""

import math

import pytest

import sim
from sim.errors import ScenarioError, UsageError
from sim.study.sensitivities.sensitivity import Turned, sensitivity
from sim.theory.mmc import mmc

MM = """
traffic: {web: {arrivals: {kind: poisson, rate: 80/s}, call: api}}
services: {api: {workers: 1, service_time: {kind: exponential, mean: 10ms}}}
objectives: [{subject: "traffic:web", metric: latency_mean, at_most: 60ms}]
run: {duration: 1100s, warmup: 20s, replications: 10, seed: 7}
"""
RATE, SERVICE, WORKERS = "traffic.web.arrivals.rate", "services.api.service_time.mean", "services.api.workers"


def by_path(found: sim.study.sensitivities.sensitivity.Sensitivity) -> dict[str, Turned]:
    return {each.parameter.path: each for each in found.turned}


def covers(interval: tuple[float, float, float], truth: float) -> bool:
    return interval[1] <= truth <= interval[2]


def test_elasticities_of_the_single_server() -> None:
    # W = 1/(μ - λ): d log W/d log λ = ρ/(1 - ρ), and as W = s/(1 - λs), d log W/d log s = 1/(1 - ρ).
    found = by_path(sensitivity(sim.loads(MM), step=0.01, confidence=0.9999))
    assert set(found) == {RATE, SERVICE, WORKERS}
    assert covers(found[RATE].elasticity, 4.0)
    assert covers(found[SERVICE].elasticity, 5.0)
    assert covers(found[RATE].gradient, 1.0 / 20.0**2)
    # The tornado: 10 % up and down, and one worker more (there is no fewer).
    assert covers(found[RATE].at_low, 1.0 / 28.0)
    assert covers(found[RATE].at_high, 1.0 / 12.0)
    swing = found[RATE].swing
    assert swing.low <= 1.0 / 12.0 - 1.0 / 28.0 <= swing.high
    assert (found[WORKERS].low, found[WORKERS].high) == (1.0, 2.0)
    assert covers(found[WORKERS].at_high, mmc(80.0, 100.0, 2).sojourn_mean)
    assert (found[RATE].verdict_low, found[RATE].verdict_high) == ("met", "missed")


def test_elasticities_of_many_servers_and_how_they_rank() -> None:
    scenario = sim.loads(MM).set({WORKERS: 8, RATE: "680/s", "run.duration": "300s"})
    found = sensitivity(scenario, vary=[RATE, SERVICE, f"{WORKERS}=7..10"], confidence=0.9999)
    turned = by_path(found)

    def waiting(rate: float, service: float) -> float:
        return mmc(rate, 1.0 / service, 8).sojourn_mean

    def secant(low: float, high: float) -> float:
        return math.log(high / low) / math.log(1.02 / 0.98)

    assert covers(turned[RATE].elasticity, secant(waiting(666.4, 0.01), waiting(693.6, 0.01)))
    assert covers(turned[SERVICE].elasticity, secant(waiting(680.0, 0.0098), waiting(680.0, 0.0102)))
    assert (turned[WORKERS].low, turned[WORKERS].high) == (7.0, 10.0)
    assert covers(turned[WORKERS].at_high, mmc(680.0, 100.0, 10).sojourn_mean)
    sizes = [abs(each.swing.mean) for each in found.turned]
    assert sizes == sorted(sizes, reverse=True)


def test_common_random_numbers_save_most_of_the_variance() -> None:
    found = by_path(sensitivity(sim.loads(MM).set("run.duration", "200s"), metrics=["utilization"]))
    assert found[SERVICE].swing.variance_ratio < 0.2
    assert found[SERVICE].elasticity.mean == pytest.approx(1.0, abs=0.02)


def test_the_table_and_json_agree_and_are_repeatable() -> None:
    scenario = sim.loads(MM).set("run.duration", "60s")
    found = sensitivity(scenario, metrics=[("traffic:web", "goodput"), "latency_mean"], replications=3)
    assert found.metrics == (("traffic:web", "goodput"), ("traffic:web", "latency_mean"))
    assert (
        found.to_json()
        == sensitivity(scenario, metrics=["goodput", "latency_mean"], replications=3).to_json()
    )
    row = found.table.iloc[0]
    first = found.to_json()["sensitivity"][0]
    assert (row["path"], row["swing"]) == (first["path"], first["swing"])
    # As written once, two ends and two near steps of two parameters, one more worker.
    assert found.runs == 10


def test_without_objectives_latency_and_success() -> None:
    scenario = sim.loads(MM).set({"objectives": [], "run.duration": "60s"})
    found = sensitivity(scenario, vary=[f"{RATE}=50%"], replications=2, step=0.1, change=0.1)
    assert found.metrics == (("traffic:web", "latency_p99"), ("traffic:web", "success_ratio"))
    assert (found.turned[0].low, found.turned[0].high) == (40.0, 120.0)


def test_what_cannot_be_turned_is_said() -> None:
    scenario = sim.loads(MM).set({"services.api.error_ratio": 0.0, "run.duration": "60s"})
    found = sensitivity(scenario, replications=2)
    assert list(found.left_out) == ["services.api.error_ratio"]
    assert "give it a range" in found.left_out["services.api.error_ratio"]
    ranged = sensitivity(scenario, vary={"services.api.error_ratio": "0..0.2"}, replications=2)
    assert (ranged.turned[0].low, ranged.turned[0].high) == (0.0, 0.2)


def test_what_makes_no_sense_is_refused() -> None:
    scenario = sim.loads(MM)
    with pytest.raises(UsageError, match="did you mean latency_mean"):
        sensitivity(scenario, metrics=["latency_man"])
    with pytest.raises(UsageError, match="did you mean traffic:web"):
        sensitivity(scenario, metrics=["traffic:wep latency_mean"])
    with pytest.raises(UsageError, match="change 0 is not between"):
        sensitivity(scenario, change=0.0)
    with pytest.raises(UsageError, match="one value"):
        sensitivity(scenario, vary=[f"{WORKERS}=4..4"])
    with pytest.raises(UsageError, match="nor a range"):
        sensitivity(scenario, vary=[f"{WORKERS}=120%"])
    with pytest.raises(ScenarioError, match=r"--vary services.api.workers=0"):
        sensitivity(scenario, vary=[f"{WORKERS}=0..4"])
