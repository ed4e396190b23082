"""The two engines give the identical attempt log and the identical observations on any scenario."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import sim
import sim.errors
from sim.engines import by_events, by_recursion, compiled, reference
from sim.engines.kinds import GUARDED, PLAIN
from sim.study.replicate import run
from tests.engines.agreement import differences, differences_of_recursion, first_difference
from tests.engines.generated import scenarios, simple, without_feedback


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(scenarios())
def test_engines_agree_on_generated_scenarios(document: dict[str, Any]) -> None:
    text = json.dumps(document, indent=1)
    assert differences(sim.loads(text)) == [], text


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(scenarios())
def test_engines_agree_where_events_are_set_aside(document: dict[str, Any]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(by_events, "NEAR", 3)
        assert differences(sim.loads(json.dumps(document))) == [], json.dumps(document, indent=1)


@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
@given(without_feedback())
def test_the_recursion_agrees_with_the_events(document: dict[str, Any]) -> None:
    scenario = sim.loads(json.dumps(document))
    assert by_recursion.without_feedback(scenario)
    assert differences_of_recursion(scenario) == [], json.dumps(document, indent=1)


@pytest.mark.parametrize("kind", [GUARDED, PLAIN])
@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_engines_agree_on_simple_scenarios(kind: int, data: st.DataObject) -> None:
    document = data.draw(simple(guarded=kind == GUARDED))
    scenario = sim.loads(json.dumps(document))
    assert compiled.world_of(scenario, 0, scenario.run.seed, 0.0, by_events=True).kind >= kind
    assert differences(scenario) == [], json.dumps(document, indent=1)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(scenarios())
def test_audits_hold_on_generated_scenarios(document: dict[str, Any]) -> None:
    run(sim.loads(json.dumps(document)), replications=2)


def test_engines_agree_on_a_trace_with_sizes_and_on_resampled_times(tmp_path: Path) -> None:
    (tmp_path / "trace.csv").write_text("at,size\n0,1\n5,3\n5,2\n9,0\n30,10\n31,4\n")
    scenario = sim.loads(
        """
        traffic:
          web:
            call: api
            arrivals:
              {kind: trace, file: trace.csv, column: at, unit: ms, size: size, start: 1s, speed: 0.5, batch: 2}
        services:
          api:
            workers: 2
            service_time: {kind: empirical, file: trace.csv, column: size, unit: ms}
            queue: {discipline: shortest}
        run: {duration: 2s}
        """,
        directory=tmp_path,
    )
    assert differences(scenario) == []
    log = compiled.replicate(scenario, 0, seed=1, warmup=0.0, log=True).log
    assert log is not None
    np.testing.assert_allclose(log["sent"][::2], [1.0, 1.01, 1.01, 1.018, 1.06, 1.062])


def test_engines_agree_where_a_late_success_overtakes_the_next_attempt() -> None:
    # A request ends while its next attempt is on the way: the attempt must not look at who has its slot since.
    scenario = sim.loads(
        """
        traffic:
          web: {arrivals: {kind: poisson, rate: 60/s}, call: api, client: hasty}
        clients:
          hasty:
            timeout: 60ms
            deadline: 300ms
            late_reply: accept
            network: {kind: exponential, mean: 20ms}
            retry: {attempts: 5, backoff: {kind: exponential, base: 10ms, jitter: full}}
        services:
          api:
            workers: 3
            service_time: {kind: exponential, mean: 50ms}
            queue: {discipline: earliest_deadline}
            error_ratio: 10%
        run: {duration: 20s}
        """
    )
    assert differences(scenario) == []


def test_no_attempt_is_sent_at_the_deadline_or_past_it() -> None:
    scenario = sim.loads(
        """
        traffic: {web: {arrivals: {kind: constant, rate: 1/s}, call: api, client: hasty}}
        clients: {hasty: {deadline: 100ms, retry: {attempts: inf, backoff: none}}}
        services: {api: {workers: inf, service_time: 1s}}
        run: {duration: 10s, replications: 2}
        """
    )
    summary = run(scenario).conservation
    assert summary["sent"] == summary["born"] == summary["timeout"] == 20
    assert differences(scenario) == []


@pytest.mark.parametrize(
    ("late", "error_ratio", "wasted"), [("waste", 0, 1.0), ("accept", 0, 0.0), ("accept", 1, 1.0)]
)
def test_work_is_wasted_unless_its_reply_is_welcome(late: str, error_ratio: int, wasted: float) -> None:
    scenario = sim.loads(
        f"""
        traffic:
          web:
            arrivals: {{kind: constant, rate: 1/s}}
            call: api
            client: {{timeout: 50ms, late_reply: {late}, retry: {{attempts: 2, backoff: 300ms}}}}
        services: {{api: {{workers: inf, service_time: 100ms, error_ratio: {error_ratio}}}}}
        run: {{duration: 10s, replications: 2}}
        """
    )
    assert run(scenario).estimate("service:api", "wasted_ratio")[0] == wasted
    assert differences(scenario) == []


def test_the_first_difference_is_the_earliest_and_is_named() -> None:
    scenario = sim.loads(
        """
        traffic: {web: {arrivals: {kind: constant, rate: 10/s}, call: api}}
        services: {api: {workers: 1, service_time: 250ms}}
        run: {duration: 2s}
        """
    )
    seen = reference.replicate(scenario, 0, seed=1, warmup=0.0, log=True)
    assert first_difference(seen, seen) is None
    assert seen.log is not None
    changed = seen.log.copy()
    changed["finished"][3] += 1e-9
    changed["started"][9] += 1.0
    told = first_difference(replace(seen, log=changed), seen)
    assert told is not None
    assert told.startswith("traffic 0, request 3, attempt 1, finished")


@pytest.mark.parametrize("engine", ["compiled", "reference"])
def test_time_that_stands_still_is_an_error(engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reference, "MOST_AT_ONE_INSTANT", 1000)
    scenario = sim.loads(
        """
        traffic: {web: {arrivals: {kind: closed, users: 2, think: 0s}, call: api}}
        services: {api: {workers: 1, service_time: 0s}}
        run: {duration: 5s, replications: 1}
        """
    )
    with pytest.raises(sim.errors.EngineError, match="think time"):
        run(scenario, engine=engine)
