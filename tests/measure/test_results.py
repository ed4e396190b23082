"""Results: verdicts through intervals, tables, JSON, and states."""

from __future__ import annotations

import json
import math

import pytest

import sim
from sim.measure.judge import judge
from sim.scenario.metrics import METRICS

MM1 = """
traffic: {web: {arrivals: {kind: poisson, rate: 80/s}, call: api, client: plain}}
clients: {plain: {}}
services: {api: {workers: 1, service_time: {kind: exponential, mean: 10ms}}}
objectives: [{subject: "traffic:web", metric: rejected_ratio, at_most: 1%}]
run: {duration: 200s, warmup: 20s, replications: 5}
"""


@pytest.mark.parametrize(
    ("low", "high", "most", "least", "verdict"),
    [
        (1.0, 2.0, 2.0, None, "met"),
        (1.0, 2.0, 0.5, None, "missed"),
        (1.0, 2.0, 1.5, None, "inconclusive"),
        (1.0, 2.0, None, 1.0, "met"),
        (1.0, 2.0, None, 3.0, "missed"),
        (1.0, 2.0, None, 1.5, "inconclusive"),
        (math.nan, math.nan, 1.0, None, "inconclusive"),
        # 0.1 + 0.2 is not more than 0.3 but for the last digit of the sum.
        (0.1 + 0.2, 0.1 + 0.2, 0.3, None, "met"),
        (1.0 - 0.9, 1.0 - 0.9, None, 0.1, "met"),
        (0.3000001, 0.3000001, 0.3, None, "missed"),
    ],
)
def test_an_objective_is_judged_by_the_whole_interval(
    low: float, high: float, most: float | None, least: float | None, verdict: str
) -> None:
    assert judge(low, high, most, least) == verdict


def test_every_metric_is_there_for_every_subject() -> None:
    summary = sim.run(sim.loads(MM1)).summary
    for subject in ("traffic:web", "client:plain", "service:api"):
        assert set(summary[summary["subject"] == subject]["metric"]) == set(METRICS[subject.split(":")[0]])
    assert list(summary.columns) == ["subject", "metric", "mean", "low", "high", "n", "unit", "method"]


def test_nothing_rejected_in_few_requests_is_not_certainly_less_than_one_in_a_thousand() -> None:
    few = sim.loads(MM1).set({"run.duration": "2s", "run.warmup": "0s", "objectives.0.at_most": "0.1%"})
    assert sim.run(few).verdict == "inconclusive"
    assert sim.run(sim.loads(MM1), replications=20).verdict == "met"


def test_one_replication_has_no_interval() -> None:
    document = sim.run(sim.loads(MM1), replications=1).to_json()
    assert {row["low"] for row in document["summary"]} == {None}
    assert document["verdict"] == "inconclusive"
    json.dumps(document, allow_nan=False)


def test_state_probabilities_are_geometric_in_mm1() -> None:
    states = sim.run(sim.loads(MM1).set("run.duration", "2000s"), replications=10, states=True).states
    assert states is not None
    assert states["mean"].sum() == pytest.approx(1.0)
    for number in range(5):
        row = states.iloc[number]
        truth = 0.2 * 0.8**number
        half = (row["high"] - row["low"]) / 2.0
        assert abs(row["mean"] - truth) < 2.5 * half  # a 99.98 % interval
        assert half < 0.1 * truth


def test_attempts_are_kept_only_if_asked_for() -> None:
    scenario = sim.loads(MM1).set("run.duration", "30s")
    assert sim.run(scenario).attempts is None
    log = sim.run(scenario, log=True, replications=2).attempts
    assert log is not None
    assert set(log["outcome"]) == {"served"}
    assert (log["started"] >= log["arrived"]).all()
    assert len(log) == sim.run(scenario, replications=2).conservation["sent"]


def test_more_work_in_hand_than_workers_is_no_utilization_within_its_bound() -> None:
    # Two workers are left while ten jobs are in hand, which finish first.
    scenario = sim.loads(
        """
        traffic: {web: {arrivals: {kind: poisson, rate: 100/s}, call: api}}
        services: {api: {workers: 10, service_time: 10s, queue: {capacity: 0}}}
        faults: [{at: 5s, service: api, workers: 2}]
        objectives: [{subject: "service:api", metric: utilization, at_most: 100%}]
        run: {duration: 12s, warmup: 5s, replications: 5}
        """
    )
    results = sim.run(scenario)
    mean, low, high, _ = results.estimate("service:api", "utilization")
    assert 1.0 < low <= mean <= high
    assert results.verdict == "missed"


def test_a_replication_without_any_success_leaves_a_latency_objective_open() -> None:
    scenario = sim.loads(MM1).set({"objectives.0.metric": "latency_p99", "objectives.0.at_most": "10s"})
    results = sim.run(scenario)
    assert results.verdict == "met"
    results.runs[0].histogram[0] = 0
    assert sim.Results(scenario, results.runs, engine="compiled", seed=1).verdict == "inconclusive"


# One worker for five: of those who wait half a second hardly any is answered, and in short runs nobody may be.
CROWDED = """
traffic: {web: {arrivals: {kind: poisson, rate: 50/s}, call: api, client: {timeout: 500ms}}}
services: {api: {workers: 1, service_time: {kind: exponential, mean: 100ms}, queue: {capacity: 6}}}
objectives: [{subject: "traffic:web", metric: latency_p95, at_most: 10s}]
run: {duration: 10500ms, warmup: 10s, replications: 40}
"""


@pytest.mark.parametrize(("most", "verdict"), [("10s", "inconclusive"), ("1ms", "missed")])
def test_a_replication_without_the_figure_speaks_against_it(most: str, verdict: str) -> None:
    found = sim.run(sim.loads(CROWDED).set("objectives.0.at_most", most))
    values = found.values("traffic:web", "latency_p95")
    assert any(math.isnan(value) for value in values)
    assert not all(math.isnan(value) for value in values)
    assert found.verdict == verdict


def test_what_a_scenario_cannot_do_is_certain() -> None:
    plain = sim.run(sim.loads(MM1), replications=3)
    for subject, metric in (
        ("traffic:web", "denied_ratio"),
        ("client:plain", "over_budget_rate"),
        ("traffic:web", "timeout_ratio"),
        ("traffic:web", "orbit"),
        ("service:api", "blocked"),
    ):
        assert plain.estimate(subject, metric)[:3] == (0.0, 0.0, 0.0)
    assert plain.estimate("traffic:web", "amplification")[:3] == (1.0, 1.0, 1.0)
    able = sim.loads(MM1).set({"clients.plain": {"timeout": "60s", "throttle": "adaptive"}})
    found = sim.run(able, replications=3)
    assert found.estimate("traffic:web", "timeout_ratio")[2] > 0.0
    assert found.estimate("traffic:web", "denied_ratio")[2] > 0.0
