"""Sizes around the one as written: what is tried, and that each verdict is what theory says."""

from __future__ import annotations

from pathlib import Path

import pytest

import sim
from sim.scenario.scenario import Scenario
from sim.study.sizing import sizing
from sim.theory.match import analyze

BASE = """
traffic: {web: {arrivals: {kind: poisson, rate: 50/s}, call: api}}
services: {api: {workers: 7, service_time: {kind: exponential, mean: 100ms}}}
objectives: [{subject: "traffic:web", metric: latency_mean, at_most: 118ms}]
run: {duration: 60s, warmup: 5s, replications: 8}
"""


@pytest.fixture(scope="module")
def scenario() -> Scenario:
    return sim.loads(BASE, "base.yaml", Path())


def test_two_fewer_two_more_and_a_zone_lost(scenario: Scenario) -> None:
    found = sizing(scenario, most=8)
    assert found is not None
    assert (found.path, found.noun, found.written) == ("services.api.workers", "worker", 7)
    assert [(size.words, size.count) for size in found.sizes] == [
        ("−2", 5),
        ("one worker lost", 6),
        ("as written", 7),
        ("+1", 8),
        ("+2", 9),
        ("one zone of three lost", 4),
    ]
    for size in found.sizes:
        mean = analyze(scenario.set("services.api.workers", size.count)).figure("traffic:web", "latency_mean")
        if size.verdict != "inconclusive":
            assert (mean is not None and mean <= 0.118) == (size.verdict == "met")
    verdicts = {size.count: size.verdict for size in found.sizes}
    assert (verdicts[4], verdicts[5], verdicts[9]) == ("missed", "missed", "met")


def test_of_a_service_of_several_instances_the_instances_are_counted(scenario: Scenario) -> None:
    found = sizing(scenario.set({"services.api.instances": 2, "services.api.workers": 4}), most=5)
    assert found is not None
    assert found.path == "services.api.instances"
    assert [size.count for size in found.sizes] == [1, 2, 3, 4]
    assert found.sizes[0].words == "one instance lost"


@pytest.mark.parametrize(
    "changes",
    [
        {"objectives": []},
        {"services.api.workers": "inf"},
        {"services.api.autoscale": "{metric: lag, target: 1s, min: 4, max: 9}"},
    ],
    ids=["nothing to hold", "no limit", "scaled by itself"],
)
def test_nothing_to_size(scenario: Scenario, changes: dict[str, object]) -> None:
    assert sizing(scenario.set(changes)) is None
