"""Where a range holds no answer, a plan says what arithmetic knows of why."""

from __future__ import annotations

import math
from typing import Any

import pytest

import sim
from sim.study.planning.reasons import best_possible

QUEUE = """
traffic: {web: {arrivals: {kind: poisson, rate: 100/s}, call: api}}
services: {api: {workers: 12, service_time: {kind: exponential, mean: 100ms}, queue: {capacity: 64}}}
objectives: [{subject: "traffic:web", metric: latency_p99, at_most: 400ms}]
run: {duration: 30s, replications: 5}
"""
WORKERS = {"services.api.workers": [30, 40]}


def reasons(vary: dict[str, Any], **changes: Any) -> list[str]:
    planned = sim.plan(sim.loads(QUEUE).set(changes), vary=vary)
    assert planned.verdict == "missed"
    return [note for note in planned.notes if "no size" in note or "Even" in note or "difference" in note]


def test_work_that_is_longer_than_the_bound_is_told() -> None:
    # An exponential law has its p99 at ln 100 means: 460.5 ms.
    (reason,) = reasons(WORKERS)
    assert "latency_p99 of traffic:web would be 460.5 ms already" in reason


@pytest.mark.parametrize(("attempts", "most"), [(1, "95.0213%"), (2, "99.7521%")])
def test_work_that_is_longer_than_the_timeout_is_told(attempts: int, most: str) -> None:
    # With a timeout of three means each attempt is too long with probability e^-3.
    (reason,) = reasons(
        {"services.api.workers": [40]},
        **{
            "traffic.web.client": {"timeout": "300ms", "retry": {"attempts": attempts}},
            "objectives": [{"subject": "traffic:web", "metric": "success_ratio", "at_least": "99.9%"}],
        },
    )
    assert most in reason


def test_a_key_without_effect_and_too_much_work_are_told() -> None:
    found = reasons(
        {"services.api.workers": [8], "services.api.queue.capacity": [200, 400]},
        objectives=[{"subject": "traffic:web", "metric": "latency_p50", "at_most": "200ms"}],
    )
    assert any("service:api is asked for 125% of what it can do" in reason for reason in found)
    idle = reasons({**WORKERS, "services.api.queue.capacity": [200, 400]})
    assert any(reason.startswith("services.api.queue.capacity made no difference") for reason in idle)


@pytest.mark.parametrize(
    "changes",
    [
        {
            "traffic.web.client": {"timeout": "2s"},
            "objectives": [{"subject": "traffic:web", "metric": "latency_mean", "at_most": "10ms"}],
        },
        {"services.api.queue.discipline": "shortest"},
        {"faults": [{"at": "1s", "service": "api", "service_time": "x0.1"}]},
        {"objectives": [{"subject": "traffic:web", "metric": "latency_max", "at_most": "400ms"}]},
    ],
)
def test_what_is_not_known_is_not_claimed(changes: dict[str, Any]) -> None:
    scenario = sim.loads(QUEUE).set(changes)
    assert math.isnan(best_possible(scenario, scenario.objectives[0]))


def test_a_service_that_nothing_touches_is_named() -> None:
    changes = {
        "traffic.jobs": {"arrivals": {"kind": "poisson", "rate": "20/s"}, "call": "db"},
        "services.db": {"workers": 5, "service_time": {"kind": "exponential", "mean": "200ms"}},
        "objectives": [{"subject": "service:db", "metric": "utilization", "at_most": "60%"}],
    }
    planned = sim.plan(sim.loads(QUEUE).set(changes), vary=WORKERS)
    assert planned.verdict == "missed"
    assert any("Nothing that varies touches service:db" in note for note in planned.notes)
    both = {**WORKERS, "services.db.workers": [4, 5]}
    assert not any("touches" in note for note in sim.plan(sim.loads(QUEUE).set(changes), vary=both).notes)
