"""Recovery after a fault: how many replications, how soon, and that two fates are told apart."""

import math
from pathlib import Path

import pytest

import sim
from sim.report.sections.timeline import recovery_words
from sim.study.metastability.recovery import Recovery, recovery

FATES = """
traffic: {web: {arrivals: {kind: poisson, rate: 120/s}, call: api, client: patient}}
clients: {patient: {timeout: 1s, retry: {attempts: 3, backoff: {kind: exponential, base: 200ms, jitter: full}}}}
services: {api: {workers: 16, service_time: {kind: exponential, mean: 100ms}, queue: {capacity: 400}}}
faults: [{at: 20s, for: 10s, traffic: web, rate: x1.4}]
run: {duration: 80s, replications: 20, seed: 7}
"""


def test_all_recover_from_a_small_spike() -> None:
    results = sim.run(sim.loads(FATES, "fates.yaml", Path()).set("faults.0.rate", "x1.1"), replications=5)
    found = recovery(results, "api", list(results.scenario.faults))
    assert found is not None
    assert found.recovered == 5
    assert "in all 5 replications" in recovery_words(results, "api")


def test_none_recovers_where_the_storm_feeds_itself() -> None:
    results = sim.run(sim.loads(FATES, "fates.yaml", Path()).set("faults.0.rate", "x2.5"), replications=5)
    found = recovery(results, "api", list(results.scenario.faults))
    assert found is not None
    assert found.recovered == 0
    assert math.isinf(found.middle)
    assert "outlived its cause" in recovery_words(results, "api")


def test_two_fates_are_told_apart() -> None:
    results = sim.run(sim.loads(FATES, "fates.yaml", Path()))
    found = recovery(results, "api", list(results.scenario.faults))
    assert found is not None
    assert 0 < found.recovered < 20
    assert "two fates" in recovery_words(results, "api")
    # Each replication is drawn, since the mean is none of them.
    queue = results.plot.timeline().axes[1]
    assert len(queue.get_lines()) >= 20


@pytest.mark.parametrize(
    "faults",
    [
        [],
        [{"at": "0s", "for": "10s", "traffic": "web", "rate": "x2"}],
        [{"at": "20s", "traffic": "web", "rate": "x2"}],
        [{"at": "20s", "for": "60s", "traffic": "web", "rate": "x2"}],
    ],
    ids=["no fault", "no time before", "never ends", "no time after"],
)
def test_nothing_is_said_where_nothing_can_be_known(faults: list[dict[str, str]]) -> None:
    results = sim.run(sim.loads(FATES, "fates.yaml", Path()).set("faults", faults), replications=2)
    assert recovery(results, "api", list(results.scenario.faults)) is None
    assert recovery_words(results, "api") == ""


def test_the_chance_of_recovery_has_an_interval() -> None:
    # Wilson's interval of 8 in 10 by the formula, to three digits.
    low, high = Recovery(0.0, (1.0,) * 8 + (math.inf,) * 2, 10.0).interval()
    assert (round(low, 3), round(high, 3)) == (0.490, 0.943)
