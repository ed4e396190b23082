"""The two engines give the identical attempt log and the identical observations on any scenario."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

import sim
import sim.errors
from sim.engines import compiled, reference
from sim.study.replicate import run
from tests.engines.agreement import differences, first_difference
from tests.engines.generated import scenarios


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(scenarios())
def test_engines_agree_on_generated_scenarios(document: dict[str, Any]) -> None:
    text = json.dumps(document, indent=1)
    assert differences(sim.loads(text)) == [], text


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
