"""Mechanisms on trial: every kind of the language has a way to be written, and each that is tried changes something."""

from __future__ import annotations

from pathlib import Path
from types import UnionType

import pytest

import sim
from sim.scenario import admission, backoff, budgets, disciplines, limits, throttles
from sim.scenario.scenario import Scenario
from sim.study import mechanisms
from sim.study.curves import AS_WRITTEN

BASE = """
traffic:
  web: {arrivals: {kind: poisson, rate: 120/s}, call: api, client: patient}
clients:
  patient: {timeout: 1s, retry: {attempts: 3, backoff: {kind: exponential, base: 100ms}}}
services:
  api: {workers: 16, service_time: {kind: exponential, mean: 100ms}, queue: {capacity: 400}}
run: {duration: 60s, replications: 2}
"""
BY = mechanisms.Measure(pause=2.0, patience=1.0, window=10.0, places=24, queue=40, rate=140.0, burst=20)


@pytest.fixture(scope="module")
def scenario() -> Scenario:
    return sim.loads(BASE, "base.yaml", Path())


@pytest.mark.parametrize(
    ("written", "choice"),
    [
        (mechanisms.backoffs(BY), backoff.AnyBackoff),
        (mechanisms.budgets(BY), budgets.AnyBudget),
        (mechanisms.throttles(BY), throttles.AnyThrottle),
        (mechanisms.limits(BY), limits.AnyLimit),
        ({**mechanisms.admissions(BY), **mechanisms.limits(BY)}, admission.AnyAdmission),
        (mechanisms.disciplines(BY), disciplines.AnyDiscipline),
    ],
)
def test_every_kind_of_the_language_is_written(written: mechanisms.Written, choice: UnionType) -> None:
    kinds = {str(rule.model_fields["kind"].default) for rule in choice.__args__}
    assert {name.partition(",")[0] for name in written} == kinds


def test_what_is_tried_is_another_scenario(scenario: Scenario) -> None:
    found = mechanisms.mechanisms(scenario)
    names = {(each.family, each.name) for each in found}
    assert len(names) == len(found)
    assert {family for family, _ in names} == {
        "backoff", "retry budget", "throttle", "breaker", "limit at the client", "admission at the service",
        "order of the queue", "when the queue is full",
    }  # fmt: skip
    hashes = [scenario.set(each.changes).hash for each in found]
    assert scenario.hash not in hashes
    # Left out: the order that the queue has, and those that cannot matter to one class of clients.
    assert {name for family, name in names if family == "order of the queue"} == {
        "lifo", "random", "shortest", "adaptive_lifo"
    }  # fmt: skip


def test_settings_go_by_the_measure_of_the_scenario(scenario: Scenario) -> None:
    changes = {(each.family, each.name): each.changes for each in mechanisms.mechanisms(scenario)}
    limited = scenario.set(changes["limit at the client", "concurrency_limit"]).client_of("web").limit
    assert limited is not None
    assert limited.model_dump()["limit"] == 24
    queue = scenario.set(changes["when the queue is full", "reject, 80 places"]).services["api"].queue
    assert queue.capacity == 80


def test_clients_that_never_retry_have_no_budget_to_try(scenario: Scenario) -> None:
    once = scenario.set("clients.patient.retry", None)
    families = {each.family for each in mechanisms.mechanisms(once)}
    assert not families & {"backoff", "retry budget"}
    assert "throttle" in families


def test_where_no_attempt_can_fail_there_is_nothing_to_try(scenario: Scenario) -> None:
    safe = scenario.set({"traffic.web.client": None, "services.api.queue": None})
    assert mechanisms.mechanisms(safe) == []
    assert mechanisms.tried(safe) is None


def test_a_queue_shorter_than_patience_saves_what_a_longer_one_loses(scenario: Scenario) -> None:
    found = mechanisms.tried(scenario, [1.5])
    assert found is not None
    (ratio,) = mechanisms.by_load(found)
    assert ratio == pytest.approx(1.5)
    at = mechanisms.by_load(found)[ratio]
    assert at[mechanisms.WRITTEN].variant == AS_WRITTEN
    assert at[mechanisms.WRITTEN].ideal == pytest.approx(160.0)
    assert at["when the queue is full", "reject, 80 places"].low > 120.0
    assert at[mechanisms.WRITTEN].high < 40.0
