"""Curves over load: which loads, which ways to retry, and the same random numbers for all of them."""

from __future__ import annotations

from pathlib import Path

import pytest

import sim
from sim.scenario.scenario import Scenario
from sim.study.curves import (
    AS_WRITTEN,
    COLUMNS,
    can_fail,
    is_as_written,
    load_curve,
    load_factors,
    retry_variants,
)
from sim.study.load import bottleneck

BASE = """
traffic:
  web: {arrivals: {kind: poisson, rate: 120/s}, call: api, client: patient}
clients:
  patient: {timeout: 1s, retry: {attempts: 3, backoff: {kind: exponential, base: 100ms}}}
services:
  api: {workers: 16, service_time: {kind: exponential, mean: 100ms}, queue: {capacity: 200}}
faults: [{at: 10s, for: 5s, traffic: web, rate: x2}]
run: {duration: 60s, replications: 2}
"""


@pytest.fixture(scope="module")
def scenario() -> Scenario:
    return sim.loads(BASE, "base.yaml", Path())


def test_loads_lie_around_capacity_and_hold_the_one_as_written(scenario: Scenario) -> None:
    factors = load_factors(scenario)
    assert factors == sorted(factors)
    assert 1.0 in factors
    ratios = [factor * bottleneck(scenario)[1].ratio for factor in factors]
    assert ratios[0] < 0.3
    assert ratios[-1] > 1.5
    assert sum(0.85 < ratio < 1.15 for ratio in ratios) >= 4


def test_loads_without_a_capacity(scenario: Scenario) -> None:
    assert 1.0 in load_factors(scenario.set("services.api.service_time", "0s"))


def test_ways_to_retry(scenario: Scenario) -> None:
    variants = retry_variants(scenario)
    assert list(variants) == [
        AS_WRITTEN,
        "no retry",
        "naive retry",
        "backoff with jitter",
        "jitter and budget",
    ]
    naive = scenario.set(variants["naive retry"]).client_of("web").retry
    assert (naive.attempts, naive.backoff.kind) == (3, "none")
    jitter = scenario.set(variants["backoff with jitter"]).client_of("web").retry
    assert jitter.backoff.model_dump(mode="json")["jitter"] == "full"
    budget = scenario.set(variants["jitter and budget"]).client_of("web").retry.budget
    assert budget is not None
    assert budget.kind == "token_bucket"
    assert scenario.set(variants["no retry"]).client_of("web").retry.attempts == 1


@pytest.mark.parametrize(
    ("retry", "name"),
    [
        ("{attempts: 1}", "no retry (as written)"),
        ("{attempts: 5, backoff: none, retry_after: false}", "naive retry (as written)"),
        (
            "{attempts: 5, backoff: {kind: exponential, base: 1s, jitter: full}}",
            "backoff with jitter (as written)",
        ),
        (
            "{attempts: 5, budget: aws_standard, backoff: {kind: exponential, base: 1s, jitter: full}}",
            "jitter and budget (as written)",
        ),
    ],
)
def test_a_way_that_is_the_scenarios_own_is_not_run_twice(scenario: Scenario, retry: str, name: str) -> None:
    variants = retry_variants(scenario.set("clients.patient.retry", retry))
    assert next(iter(variants)) == name
    assert len(variants) == 4
    assert is_as_written(name)


def test_clients_in_place_and_none_at_all(scenario: Scenario) -> None:
    for client in ("{timeout: 1s}", None):
        found = scenario.set("traffic.web.client", client)
        variants = retry_variants(found)
        assert found.set(variants["naive retry"]).client_of("web").retry.attempts == 4


def test_where_nothing_can_fail_no_way_to_retry_differs(scenario: Scenario) -> None:
    safe = scenario.set({"services.api.queue.capacity": "inf", "clients.patient": {}})
    assert not can_fail(safe)
    assert can_fail(scenario)
    assert list(retry_variants(safe)) == [AS_WRITTEN]


def test_a_curve_is_tidy_and_shares_its_random_numbers(scenario: Scenario) -> None:
    told: list[float] = []
    curve = load_curve(scenario, [0.5, 1.5], replications=2, progress=told.append)
    assert tuple(curve.columns) == COLUMNS
    assert told == sorted(told)
    assert told[-1] == 1.0
    born = curve[(curve["subject"] == "traffic:web") & (curve["metric"] == "offered_rate")]
    assert born.groupby("factor")["mean"].nunique().tolist() == [1, 1]
    good = curve[(curve["subject"] == "system") & (curve["metric"] == "goodput")].set_index(
        ["factor", "variant"]
    )["mean"]
    # Far below capacity all answer what comes; above it, timeouts that are tried again waste the workers.
    assert good[0.5].min() == pytest.approx(60.0, rel=0.05)
    assert good[1.5]["naive retry"] < 0.5 * 160.0
    ratio = curve.drop_duplicates("factor").set_index("factor")["capacity_ratio"]
    assert ratio[1.5] == pytest.approx(1.5 * 0.75)


def test_goodput_of_several_classes_is_summed(scenario: Scenario) -> None:
    second = {"arrivals": {"kind": "poisson", "rate": "10/s"}, "call": "api"}
    two = scenario.set({"traffic.second": second})
    curve = load_curve(two, [0.5], {AS_WRITTEN: {}}, replications=2)
    good = curve[curve["metric"] == "goodput"].set_index("subject")["mean"]
    assert good["system"] == pytest.approx(good["traffic:web"] + good["traffic:second"])


def test_what_a_plan_must_survive_late_in_the_run_is_no_hindrance(scenario: Scenario) -> None:
    fault = {"at": "9min", "for": "10s", "service": "api", "workers": 1}
    late = {"faults": [fault], "recover_within": "40s"}
    vary = {"services.api.workers": [2, 3]}
    planned = scenario.set({"run.duration": "10min", "plan": {"vary": vary, "survive": [late]}})
    assert 0.5 in set(load_curve(planned, [0.5], replications=2)["factor"])
