"""Every run is audited, stationary, through a spike and with requests open; a broken audit is an error."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import sim
from sim.engines import compiled
from sim.engines import observations as see
from sim.errors import AuditError
from sim.measure.results import Results

SCENARIO = """
traffic:
  web: {arrivals: {kind: poisson, rate: 90/s}, call: api, client: patient}
clients:
  patient: {timeout: 300ms, retry: {attempts: 4, backoff: {kind: exponential, base: 50ms, jitter: full}}}
services:
  api: {workers: 10, service_time: {kind: exponential, mean: 100ms}, queue: {capacity: 30}}
faults: [{at: 20s, for: 5s, traffic: web, rate: x3}]
run: {duration: 60s, warmup: 10s, replications: 3, drain: false}
"""


def test_little_and_conservation_hold_through_a_spike_with_requests_open() -> None:
    results = sim.run(sim.loads(SCENARIO))
    assert results.audits["passed"].all()
    assert set(results.audits["boundary"]) == {"client", "orbit", "queue", "workers", "service"}
    assert (results.audits["residual"] <= 1e-9).all()
    books = results.conservation
    assert books["open"] > 0
    assert books["born"] == books["success"] + books["gave_up"] + books["open"]
    attempts = sum(
        books[name] for name in ("served", "rejected", "timeout", "error", "lost", "attempts_open")
    )
    assert books["sent"] == attempts


def test_the_stationary_comparison_agrees_within_its_intervals() -> None:
    scenario = sim.loads(SCENARIO).set(
        {"faults": [], "run.drain": True, "run.duration": "300s", "run.replications": 8}
    )
    for row in sim.run(scenario).audits.itertuples():
        assert row.L_low <= row.lambda_W_high
        assert row.lambda_W_low <= row.L_high


@pytest.mark.parametrize(
    ("field", "index"),
    [
        ("stays", (0, see.CLIENT, see.HELD)),
        ("stays", (0, see.ORBIT, see.HELD)),
        ("stays", (1, see.IN_QUEUE, see.HELD)),
        ("stays", (1, see.IN_WORKERS, see.HELD)),
        ("stays", (1, see.IN_SERVICE, see.HELD)),
        ("areas", (-1, 1, see.QUEUE)),
    ],
)
def test_a_broken_identity_is_an_error(field: str, index: tuple[int, ...]) -> None:
    scenario = sim.loads(SCENARIO)
    seen = compiled.replicate(scenario, 0, seed=1, warmup=10.0)
    changed = getattr(seen, field).copy()
    changed[index] *= 1.0 + 1e-6
    with pytest.raises(AuditError, match="Little"):
        Results(scenario, [replace(seen, **{field: changed})], engine="compiled", seed=1)


@pytest.mark.parametrize("column", [see.BORN, see.SUCCESS, see.SENT, see.TIMEOUT])
def test_a_lost_request_is_an_error(column: int) -> None:
    scenario = sim.loads(SCENARIO)
    seen = compiled.replicate(scenario, 0, seed=1, warmup=10.0)
    final = seen.final.copy()
    final[0, column] += 1.0
    with pytest.raises(AuditError, match="lost"):
        Results(scenario, [replace(seen, final=final)], engine="compiled", seed=1)


def test_the_series_adds_up_to_the_counts() -> None:
    results = sim.run(sim.loads(SCENARIO).set({"run.warmup": "0s", "run.series": "7s"}))
    series = results.series[results.series["replication"] == 0]
    offered = series[(series["subject"] == "traffic:web") & (series["metric"] == "offered")]
    widths = np.diff([*offered["time"], 60.0])
    assert (offered["value"].to_numpy() * widths).sum() == pytest.approx(
        results.runs[0].counts[-1, 0, see.BORN]
    )
    assert offered["value"].max() > 150.0  # the spike shows


def test_a_flood_in_the_warmup_leaves_no_rounding_in_the_window() -> None:
    flooded = sim.loads(SCENARIO).set(
        {
            "clients.patient": {},
            "services.api.queue.capacity": "inf",
            "faults": [{"at": "0s", "for": "1min", "traffic": "web", "rate": "x100"}],
            "traffic.web.arrivals.rate": "30/s",
            "run.duration": "2h",
            "run.warmup": "1h",
            "run.replications": 2,
        }
    )
    assert (sim.run(flooded).audits["residual"] <= 1e-11).all()
