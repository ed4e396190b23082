"""One small run and its curve over load, made once: what every test of the report reads."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

import sim
from sim.measure.results import Results
from sim.report.material import Studies
from sim.report.page import Report, build
from sim.scenario.scenario import Scenario
from sim.study import mechanisms
from sim.study.curves import load_curve

SPIKE = """
name: checkout <script>alert(1)</script> & $x_1$ |
traffic:
  web: {arrivals: {kind: poisson, rate: 120/s}, call: api, client: patient}
clients:
  patient:
    timeout: 2s
    retry: {attempts: 4, backoff: {kind: exponential, base: 100ms, cap: 20s, jitter: none}}
services:
  api:
    workers: 16
    service_time: {kind: exponential, mean: 100ms}
    queue: {capacity: 64}
faults:
  - {at: 15s, for: 5s, traffic: web, rate: x3}
  - {at: 18s, for: 4s, service: api, workers: x0.5}
objectives:
  - {subject: "traffic:web", metric: latency_p99, at_most: 1s}
  - {subject: "traffic:web", metric: success_ratio, at_least: 99.9%}
run: {duration: 40s, replications: 4, seed: 7}
"""

QUIET = """
name: quiet
traffic: {web: {arrivals: {kind: poisson, rate: 80/s}, call: api}}
services: {api: {workers: 1, service_time: {kind: exponential, mean: 10ms}}}
run: {duration: 60s, warmup: 10s, replications: 4}
"""


NOT_PLANNED: Studies = {"plan": None, "sizing": None, "forecast": None, "headroom": None, "sensitivity": None}
"""Studies that a report does not make: their sections have tests of their own."""


@pytest.fixture(scope="session")
def scenario() -> Scenario:
    return sim.loads(SPIKE, "spike.yaml", Path())


@pytest.fixture(scope="session")
def results(scenario: Scenario) -> Results:
    return sim.run(scenario)


@pytest.fixture(scope="session")
def curve(scenario: Scenario) -> pd.DataFrame:
    return load_curve(scenario, [0.4, 0.8, 1.0, 1.2, 1.5], replications=2)


@pytest.fixture(scope="session")
def tried(scenario: Scenario) -> pd.DataFrame | None:
    """Every mechanism, at one load."""
    return mechanisms.tried(scenario, [1.5])


@pytest.fixture(scope="session")
def report(scenario: Scenario, results: Results, curve: pd.DataFrame, tried: pd.DataFrame | None) -> Report:
    return build(scenario, results, curve=curve, mechanisms=tried, source="spike.yaml", **NOT_PLANNED)


@pytest.fixture(scope="session")
def quiet() -> Results:
    """One M/M/1 queue: theory applies, nothing is refused, nobody retries, there is no objective."""
    return sim.run(sim.loads(QUIET, "quiet.yaml", Path()))
