"""Offered load and capacity, and what twice the load means for every kind of arrivals."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

import sim
from sim.scenario.scenario import Scenario
from sim.study.load import (
    bottleneck,
    callers,
    ideal_goodput,
    mean_service_time,
    nominal_rate,
    offered_load,
    peak_load,
    scaled,
    service_load,
    steady,
)

BASE = """
traffic:
  web: {arrivals: {kind: poisson, rate: 30/s}, call: api}
  batch: {arrivals: {kind: constant, rate: 10/s}, call: api, service_time: 500ms}
  other: {arrivals: {kind: poisson, rate: 6/s}, call: db}
services:
  api: {workers: 10, service_time: 100ms}
  db: {workers: 2, service_time: 250ms}
run: {duration: 100s}
"""

ARRIVALS = {
    "poisson": "{kind: poisson, rate: 30/s}",
    "batches": "{kind: poisson, rate: 10/s, batch: 3}",
    "constant": "{kind: constant, rate: 30/s, start: 5s, stop: 50s}",
    "renewal of a constant": "{kind: renewal, gap: 50ms}",
    "renewal of a gamma": "{kind: renewal, gap: {kind: gamma, mean: 50ms, cv: 2}}",
    "renewal of a uniform": "{kind: renewal, gap: {kind: uniform, low: 0s, high: 100ms}}",
    "renewal by rates": '{kind: renewal, gap: {kind: hyperexponential, rates: ["10/s", "40/s"], weights: [1, 2]}}',
    "renewal by phases": '{kind: renewal, gap: {kind: phase_type, initial: [1, 0], generator: [["-20/s", "10/s"], '
    '["0/s", "-5/s"]]}}',
    "renewal of a mixture": "{kind: renewal, gap: {kind: mixture, parts: [{weight: 1, of: 10ms}, {weight: 2, of: "
    "{kind: exponential, mean: 100ms}}]}}",
    "profile": "{kind: profile, points: [[0s, 10/s], [50s, 50/s]]}",
    "profile that repeats": "{kind: profile, points: [[0s, 10/s], [50s, 50/s]], shape: linear, repeat: 100s}",
    "sinusoid": "{kind: sinusoid, mean: 30/s, amplitude: 10/s, period: 20s}",
    "mmpp": "{kind: mmpp, states: [{rate: 10/s, stay: 1s}, {rate: 50/s, stay: 1s}]}",
    "closed": "{kind: closed, users: 10, think: 400ms}",
}


def scenario(arrivals: str | None = None) -> Scenario:
    found = sim.loads(BASE, "base.yaml", Path())
    return found if arrivals is None else found.set("traffic.web.arrivals", arrivals)


def test_offered_load_and_capacity() -> None:
    found = scenario()
    assert callers(found, "api") == ["web", "batch"]
    assert mean_service_time(found, "api") == pytest.approx((30 * 0.1 + 10 * 0.5) / 40)
    load = service_load(found, "api")
    assert load.offered == 40.0
    assert load.capacity == pytest.approx(50.0)
    assert load.ratio == pytest.approx(0.8)
    assert offered_load(found) == 46.0
    assert bottleneck(found)[0] == "api"
    assert ideal_goodput(found) == pytest.approx(46.0)
    assert ideal_goodput(found, 2.0) == pytest.approx(50.0 + 8.0)


def test_the_height_of_what_is_offered() -> None:
    assert peak_load(scenario()) == 46.0
    assert peak_load(scenario(ARRIVALS["profile"])) == 50.0 + 16.0
    assert peak_load(scenario("{kind: profile, points: [[0s, 10/s], [500s, 50/s]]}")) == 10.0 + 16.0
    assert peak_load(scenario(ARRIVALS["sinusoid"])) == 40.0 + 16.0


def test_a_service_that_nobody_calls() -> None:
    found = scenario().set("traffic.other.call", "api")
    assert service_load(found, "db").offered == 0.0
    assert mean_service_time(found, "db") == 0.25


def test_no_limit_of_workers() -> None:
    found = scenario().set({"services.api.workers": "inf", "services.db.workers": "inf"})
    assert service_load(found, "api").capacity == math.inf
    assert ideal_goodput(found, 100.0) == pytest.approx(4600.0)


@pytest.mark.parametrize("arrivals", ARRIVALS.values(), ids=ARRIVALS.keys())
def test_twice_the_load_is_twice_the_rate(arrivals: str) -> None:
    found = scenario(arrivals)
    rate = nominal_rate(found, "web")
    assert rate > 0.0
    for factor in (0.5, 2.0, 3.7):
        assert nominal_rate(scaled(found, factor), "web") == pytest.approx(factor * rate)


@pytest.mark.parametrize("arrivals", [ARRIVALS["renewal of a gamma"], ARRIVALS["mmpp"], ARRIVALS["batches"]])
def test_twice_the_load_is_born_twice_as_often(arrivals: str) -> None:
    found = scenario(arrivals).set(
        {"services.api.workers": "inf", "run.duration": "300s", "run.replications": 4}
    )
    once, twice = (
        sim.run(each).summary.set_index(["subject", "metric"]).loc[("traffic:web", "offered_rate"), "mean"]
        for each in (found, scaled(found, 2.0))
    )
    assert twice / once == pytest.approx(2.0, rel=0.1)


def test_a_closed_source_keeps_at_least_one_user() -> None:
    found = scaled(scenario("{kind: closed, users: 2, think: 1s}"), 0.01)
    assert found.traffic["web"].arrivals.model_dump()["users"] == 1


def test_a_record_is_replayed_faster(tmp_path: Path) -> None:
    (tmp_path / "times.csv").write_text("t\n0\n1\n2\n5\n", encoding="utf-8")
    text = BASE.replace("{kind: poisson, rate: 30/s}", "{kind: trace, file: times.csv, column: t, unit: s}")
    found = sim.loads(text, "traced.yaml", tmp_path)
    assert nominal_rate(scaled(found, 2.0), "web") == pytest.approx(2.0 * nominal_rate(found, "web"))


def test_gaps_resampled_from_a_file_are_sped_up_by_a_fault(tmp_path: Path) -> None:
    (tmp_path / "gaps.csv").write_text("gap\n0.01\n0.05\n0.03\n", encoding="utf-8")
    gap = "{kind: renewal, gap: {kind: empirical, file: gaps.csv, column: gap}}"
    found = sim.loads(BASE.replace("{kind: poisson, rate: 30/s}", gap), "resampled.yaml", tmp_path)
    fast = scaled(found, 2.0)
    assert [(fault.traffic, fault.rate, fault.end) for fault in fast.faults] == [("web", 2.0, math.inf)]
    rates = [
        sim.run(each, replications=2)
        .summary.set_index(["subject", "metric"])
        .loc[("traffic:web", "offered_rate"), "mean"]
        for each in (found, fast)
    ]
    assert rates[1] / rates[0] == pytest.approx(2.0, rel=0.1)


def test_a_steady_load_has_no_faults_and_no_changes() -> None:
    found = scenario(ARRIVALS["profile"]).set(
        "faults", [{"at": "10s", "for": "5s", "service": "api", "workers": "x0.5"}]
    )
    calm = steady(found)
    assert calm.faults == ()
    assert calm.traffic["web"].arrivals.kind == "poisson"
    assert nominal_rate(calm, "web") == pytest.approx(30.0)
    assert steady(scenario(ARRIVALS["constant"])).traffic["web"].arrivals.stop is None
    plain = scenario()
    assert steady(plain) is plain
