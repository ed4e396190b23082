"""The design effect: failures that were never seen are not taken for independent of each other."""

from __future__ import annotations

import pytest

import sim
from sim.measure.design_effect import design_effect
from sim.measure.intervals import binomial

QUEUE = """
traffic: {web: {arrivals: {kind: poisson, rate: 9/s}, call: api}}
services: {api: {workers: 1, service_time: {kind: exponential, mean: 100ms}, queue: {capacity: 60}}}
objectives: [{subject: "service:api", metric: rejected_ratio, at_most: 0.015%}]
run: {duration: 192s, warmup: 50s, replications: 20}
"""


def test_what_never_happened_is_seldom_certified_wrongly() -> None:
    # M/M/1/61: more are refused than the objective allows, by ten in each clump.
    refused = 0.1 * 0.9**61 / (1.0 - 0.9**62)
    assert 0.00015 < refused < 0.00017
    runs = [sim.run(sim.loads(QUEUE), seed=seed) for seed in range(100)]
    never = [run for run in runs if set(run.values("service:api", "rejected_ratio")) == {0.0}]
    assert len(never) > 50  # requests taken for independent would have called these met
    requests = sum(seen.window_counts[1, 0] for seen in never[0].runs)
    assert binomial(0, requests)[1] < 0.00015
    met = sum(run.verdict == "met" for run in runs)
    assert binomial(met, len(runs))[0] <= 0.05


@pytest.mark.parametrize(("load", "clump"), [("5/s", 2.0), ("8/s", 5.0), ("9/s", 10.0)])
def test_it_is_greater_than_the_clumps_of_refusals(load: str, clump: float) -> None:
    found = sim.run(sim.loads(QUEUE).set("traffic.web.arrivals.rate", load), replications=40)
    assert design_effect(found.runs, 1) > clump


def test_where_nobody_waits_it_is_that_of_a_loss_system() -> None:
    loss = sim.loads(QUEUE).set(
        {"services.api.queue.capacity": 0, "services.api.workers": 20, "traffic.web.arrivals.rate": "100/s"}
    )
    found = sim.run(loss)
    busy = found.estimate("service:api", "utilization")[0]
    assert design_effect(found.runs, 1) == pytest.approx(1.0 / (1.0 - busy))


def test_those_who_all_wait_alike_are_not_clumped() -> None:
    alone = sim.loads(QUEUE).set(
        {
            "traffic.web.arrivals": "{kind: constant, rate: 5/s}",
            "services.api.service_time": "{kind: constant, value: 100ms}",
        }
    )
    found = sim.run(alone)
    assert design_effect(found.runs, 1) == pytest.approx(2.0)
