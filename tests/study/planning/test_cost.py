"""What a scenario costs: what there is of it, what is measured, and which values change it."""

from __future__ import annotations

import math

import pytest

import sim
from sim.errors import UsageError
from sim.scenario.prices import Prices
from sim.study.planning.cost import Pricing

TWO = """
traffic:
  web: {arrivals: {kind: poisson, rate: 12/s}, call: api}
  batch: {arrivals: {kind: poisson, rate: 2/s}, call: db}
services:
  api: {workers: 2, instances: 3, service_time: {kind: exponential, mean: 400ms}, queue: {capacity: 4}}
  db: {workers: 5, service_time: 1s}
  away: {workers: inf, service_time: 1s}
run: {duration: 500s, warmup: 10s, replications: 4}
"""


def of(**prices: object) -> Pricing:
    return Pricing(sim.loads(TWO), Prices.model_validate(prices))


def test_without_prices_it_is_the_workers_of_all_instances() -> None:
    pricing = Pricing(sim.loads(TWO), None)
    assert pricing.certain({}) == 2 * 3 + 5
    assert pricing.certain({"services.api.workers": 4, "services.db.workers": 1}) == 13
    assert pricing.certain({"services.api.instances": 1}) == 7
    assert not pricing.measured
    assert pricing.unit == "workers"


def test_a_key_path_is_its_value_in_base_units() -> None:
    pricing = Pricing(sim.loads(TWO), "services.db.service_time.value")
    assert pricing.certain({}) == 1.0
    assert pricing.certain({"services.db.service_time.value": "250ms"}) == 0.25
    assert pricing.certain({"services.api.workers": 9}) == 1.0


def test_workers_and_places_cost_what_there_is_of_them() -> None:
    pricing = of(worker_hour=2.0, place_hour=0.1, services={"db": {"worker_hour": 10.0}})
    assert pricing.certain({}) == pytest.approx(6 * 2.0 + 12 * 0.1 + 5 * 10.0)
    assert pricing.certain({"services.api.queue.capacity": 10}) == pytest.approx(6 * 2.0 + 30 * 0.1 + 50.0)
    assert pricing.certain({"services.api.queue": "{capacity: 10}"}) == pytest.approx(
        6 * 2.0 + 30 * 0.1 + 50.0
    )
    assert not pricing.measured


def test_the_rest_is_measured_by_the_hour() -> None:
    scenario = sim.loads(TWO)
    results = sim.run(scenario)
    pricing = of(worker_hour=1.0, rejection=0.5, failure=3.0, second_waited=0.25, attempt=0.01)
    assert pricing.measured
    for place, cost in enumerate(pricing.each(results)):

        def figure(subject: str, metric: str, place: int = place) -> float:
            return results.values(subject, metric)[place]

        seconds = sum(
            0.5 * figure(f"service:{name}", "rejected_rate")
            + 0.25 * figure(f"service:{name}", "queue_length")
            for name in scenario.services
        ) + sum(
            0.01 * figure(f"traffic:{name}", "attempt_rate")
            + 3.0 * figure(f"traffic:{name}", "gave_up_ratio") * figure(f"traffic:{name}", "offered_rate")
            for name in scenario.traffic
        )
        assert cost == pytest.approx(11.0 + 3600.0 * seconds)


def test_scaled_workers_cost_what_was_there_on_average() -> None:
    scenario = sim.loads(TWO).set("services.db.autoscale", "{target: 0.6, max: 12}")
    pricing = Pricing(scenario, Prices(worker_hour=1.0))
    assert pricing.measured
    assert pricing.certain({}) == 6.0
    results = sim.run(scenario)
    busy = results.values("service:db", "busy_workers")
    for cost, number, share in zip(
        pricing.each(results), busy, results.values("service:db", "utilization"), strict=True
    ):
        assert cost == pytest.approx(6.0 + number / share)


def test_what_is_chosen_without_limit_costs_more_than_anything_if_it_is_paid_for() -> None:
    place = of(place_hour=1.0, services={"db": {"place_hour": 0.0, "worker_hour": 1.0}})
    assert math.isinf(place.certain({"services.api.queue.capacity": math.inf}))
    assert math.isinf(place.certain({"services.api.queue.capacity": "inf"}))
    assert math.isfinite(place.certain({"services.db.queue.capacity": math.inf}))
    assert math.isfinite(place.certain({}))  # db's queue has no limit as written
    assert math.isinf(
        Pricing(sim.loads(TWO), "services.api.queue.capacity").certain({"services.api.queue.capacity": "inf"})
    )
    assert Pricing(sim.loads(TWO), None).certain({"services.api.queue.capacity": math.inf}) == 11


def test_what_has_no_limit_has_no_cost_and_is_not_planned() -> None:
    scenario = sim.loads(TWO).set(
        "objectives", '[{subject: "traffic:web", metric: rejected_ratio, at_most: 1%}]'
    )
    with pytest.raises(UsageError, match="= inf has no cost"):
        sim.plan(
            scenario,
            vary={"services.api.queue.capacity": [5, math.inf]},
            minimize="services.api.queue.capacity",
        )
