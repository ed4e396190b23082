"""The design effect: failures that were never seen are not taken for independent of each other."""

from __future__ import annotations

import pytest

import sim
from sim.measure.design_effect import batch_at, design_effect
from sim.measure.estimate import cautious, estimate
from sim.measure.figures import Figure
from sim.measure.intervals import binomial
from sim.measure.results import Results

QUEUE = """
traffic: {web: {arrivals: {kind: poisson, rate: 9/s}, call: api}}
services: {api: {workers: 1, service_time: {kind: exponential, mean: 100ms}, queue: {capacity: 60}}}
objectives: [{subject: "service:api", metric: rejected_ratio, at_most: 0.015%}]
run: {duration: 192s, warmup: 50s, replications: 20}
"""


def effect_of(found: Results) -> float:
    busy = found.estimate("service:api", "utilization")[0]
    return design_effect(found.runs, 1, busy, batch_at(found.scenario, "api"))


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
    assert effect_of(found) > clump


def test_where_nobody_waits_it_is_that_of_a_loss_system() -> None:
    loss = sim.loads(QUEUE).set(
        {"services.api.queue.capacity": 0, "services.api.workers": 20, "traffic.web.arrivals.rate": "100/s"}
    )
    found = sim.run(loss)
    busy = found.estimate("service:api", "utilization")[0]
    assert effect_of(found) == pytest.approx(1.0 / (1.0 - busy))


def test_those_who_all_wait_alike_are_not_clumped() -> None:
    alone = sim.loads(QUEUE).set(
        {
            "traffic.web.arrivals": "{kind: constant, rate: 5/s}",
            "services.api.service_time": "{kind: constant, value: 100ms}",
        }
    )
    found = sim.run(alone)
    assert effect_of(found) == pytest.approx(2.0)


def test_batches_that_come_at_once_are_no_independent_requests() -> None:
    lane = sim.loads(QUEUE).set(
        {
            "traffic.web.arrivals": "{kind: poisson, rate: 0.6/s, batch: 30}",
            "services.api": "{workers: 65, service_time: {kind: constant, value: 100ms}, queue: {capacity: 0}}",
        }
    )
    assert batch_at(lane, "api") == 30.0
    found = sim.run(lane)
    assert effect_of(found) > 30.0


RARE = """
traffic: {web: {arrivals: {kind: poisson, rate: 7/s}, call: api, client: app}}
clients: {app: {timeout: 2s, retry: {attempts: 3, backoff: {kind: exponential, base: 100ms, jitter: full}}}}
services: {api: {workers: 1, service_time: {kind: exponential, mean: 100ms}, queue: {capacity: 20}}}
run: {duration: 200s, warmup: 20s, replications: 5}
"""


@pytest.fixture(scope="module")
def rare_runs() -> list[Results]:
    return [sim.run(sim.loads(RARE), seed=seed) for seed in range(120)]


@pytest.mark.parametrize(
    ("subject", "metric"),
    [
        ("service:api", "rejected_rate"),
        ("service:api", "wasted_ratio"),
        ("traffic:web", "amplification"),
        ("traffic:web", "orbit"),
        ("traffic:web", "success_ratio"),
    ],
)
def test_rare_trouble_is_seldom_bounded_too_low(subject: str, metric: str, rare_runs: list[Results]) -> None:
    # In half of such runs there is none of it in any replication: their equal figures are no certainty.
    truth = sum(run.estimate(subject, metric)[0] for run in rare_runs) / len(rare_runs)
    ends = [run.cautious(subject, metric) for run in rare_runs]
    if metric == "success_ratio":
        wrong = sum(low > truth for _, low, _ in ends)
    else:
        wrong = sum(high < truth for _, _, high in ends)
    assert binomial(wrong, len(rare_runs))[0] <= 0.025


def test_one_refusal_bounds_no_better_than_none() -> None:
    figures = [Figure(0.0, 100.0)] * 9
    none = cautious([*figures, Figure(0.0, 100.0)], "rejected_ratio", 0.95)
    one = cautious([*figures, Figure(1e-6, 100.0)], "rejected_ratio", 0.95)
    assert one[2] >= none[2] > 0.0


def test_a_circuit_that_never_opened_is_one_trial_a_replication() -> None:
    figures = [Figure(0.0, 1.0)] * 20
    assert estimate(figures, "denied_ratio", 0.95)[2] == pytest.approx(binomial(0, 20)[1])
