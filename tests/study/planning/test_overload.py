"""What flow alone rules out, simulation misses too; what it lets pass is left to simulation."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sim
from sim.study.planning.overload import overload

BASE = """
traffic: {web: {arrivals: {kind: poisson, rate: 20/s}, call: api}}
services: {api: {workers: 1, service_time: {kind: exponential, mean: 100ms}, queue: {capacity: 10}}}
objectives: [{subject: "traffic:web", metric: success_ratio, at_least: 90%}]
run: {duration: 500s, warmup: 10s, replications: 5}
"""
WAITS = '[{subject: "traffic:web", metric: latency_p95, at_most: 1s}]'


def of(**changes: Any) -> sim.Scenario:
    return sim.loads(BASE).set(changes) if changes else sim.loads(BASE)


def test_twice_the_load_cannot_be_answered() -> None:
    reason = overload(of())
    assert reason == "service:api is asked for 2 times what it can do"
    assert (
        overload(of(objectives='[{subject: "service:api", metric: rejected_ratio, at_most: 40%}]'))
        is not None
    )
    assert overload(of(objectives=WAITS, **{"services.api.queue.capacity": "inf"})) is not None


@pytest.mark.parametrize(
    "change",
    [
        {"services.api.workers": 2},  # just at its limit: chance decides
        {"objectives[0].at_least": "45%"},  # half of all are answered
        {"faults": "[{at: 1s, traffic: web, rate: x0.1}]"},
        {"traffic.web.arrivals": "{kind: profile, points: [[0s, 20/s], [1s, 1/s]]}"},
        {"services.api.autoscale": "{target: 0.6, max: 10}"},
        {"run.drain": True, "traffic.web.client": "{retry: {attempts: 3, backoff: 1min}}"},
        {"objectives": WAITS},  # a bounded queue bounds the wait
        {"objectives": WAITS, "services.api.queue": "{max_wait: 500ms}"},
        {"objectives": WAITS, "services.api.queue.capacity": "inf", "traffic.web.client": "{timeout: 500ms}"},
        {"objectives": '[{subject: "service:api", metric: utilization, at_least: 90%}]'},
    ],
)
def test_what_may_still_hold_is_left_to_simulation(change: dict[str, Any]) -> None:
    assert overload(of(**change)) is None


@settings(max_examples=15, deadline=None)
@given(
    rate=st.floats(5.0, 40.0),
    workers=st.integers(1, 3),
    capacity=st.sampled_from([0, 5, 50, math.inf]),
    objective=st.sampled_from(
        [
            ("traffic:web", "success_ratio", "at_least", "80%"),
            ("service:api", "rejected_ratio", "at_most", "10%"),
            ("traffic:web", "latency_mean", "at_most", "2s"),
            ("service:api", "wait_p50", "at_most", "1s"),
        ]
    ),
    retry=st.booleans(),
)
def test_what_is_ruled_out_is_missed_when_it_is_simulated(
    rate: float, workers: int, capacity: float, objective: tuple[str, str, str, str], retry: bool
) -> None:
    subject, metric, side, bound = objective
    scenario = of(
        **{
            "traffic.web.arrivals.rate": f"{rate}/s",
            "services.api.workers": workers,
            "services.api.queue.capacity": "inf" if math.isinf(capacity) else int(capacity),
            "traffic.web.client": "{retry: {attempts: 3, backoff: 100ms}}" if retry else None,
            "objectives": f'[{{subject: "{subject}", metric: {metric}, {side}: {bound}}}]',
            "run.duration": "200s",
        }
    )
    if overload(scenario) is not None:
        assert sim.run(scenario, jobs=1).verdict == "missed"
