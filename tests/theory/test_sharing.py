"""Shared workers: the exact mean whatever the law of the work, and what no model may claim."""

import pytest

import sim
from sim.scenario.scenario import Scenario


def shared(law: str, workers: int, **service: object) -> Scenario:
    return sim.loads(
        f"""
        traffic: {{web: {{arrivals: {{kind: poisson, rate: 60/s}}, call: api}}}}
        services:
          api: {{workers: {workers}, service_time: {law}, sharing: processor_sharing}}
        run: {{duration: 250s, warmup: 50s, replications: 30}}
        """
    ).set({f"services.api.{key}": value for key, value in service.items()} or {"run.seed": 7})


@pytest.mark.parametrize("law", ["25ms", "{kind: lognormal, mean: 25ms, cv: 2}"])
@pytest.mark.parametrize("workers", [2, 5])
def test_the_mean_depends_on_the_mean_work_alone(law: str, workers: int) -> None:
    scenario = shared(law, workers)
    theory = sim.theory(scenario)
    assert [(model.name, model.exact) for model in theory.models] == [("M/G/c-PS", True)]
    results = sim.run(scenario)
    for metric in ("utilization", "busy_workers", "in_system", "sojourn_mean"):
        exact = theory.figure("service:api", metric)
        mean, low, high, _ = results.estimate("service:api", metric, 0.9999)
        assert low <= exact <= high, (metric, mean, low, high, exact)


def test_one_worker_shared_is_as_long_as_first_come_exponential() -> None:
    # E T = E S / (1 - ρ), for any law: that of M/M/1 (Kleinrock, 1967).
    theory = sim.theory(shared("10ms", 1))
    assert theory.figure("service:api", "sojourn_mean") == pytest.approx(0.01 / (1.0 - 0.6))


PLAIN = """
traffic: {web: {arrivals: {kind: poisson, rate: 60/s}, call: api, client: {timeout: 9s}}}
services: {api: {workers: 4, service_time: {kind: exponential, mean: 25ms}, queue: {capacity: 9}}}
run: {duration: 10s}
"""


@pytest.mark.parametrize(
    ("path", "value", "word"),
    [
        ("services.api.sharing", "processor_sharing", "share"),
        ("services.api.admission", "[codel]", "codel"),
        ("services.api.slowdown", "{kind: contention, sigma: 0.1}", "contention"),
        ("services.api.conflict", "optimistic", "conflict"),
        ("services.api.instances", "2", "2 instances"),
        ("services.api.autoscale", "{max: 9}", "scaled"),
        ("services.api.queue.overflow", "block", "blocks"),
        ("traffic.web.client.throttle", "adaptive", "throttle"),
        ("traffic.web.client.breaker", "circuit", "breaker"),
        ("traffic.web.client.limit", "vegas", "limit"),
        ("traffic.web.client.hedge", "50ms", "hedges"),
        ("traffic.web.client.retry", "{attempts: 3, budget: token_bucket}", "retry budget"),
    ],
)
def test_no_model_claims_what_it_does_not_know(path: str, value: str, word: str) -> None:
    plain = sim.loads(PLAIN)
    assert [model for model in sim.theory(plain).models if model.exact]
    theory = sim.theory(plain.set(path, value))
    exact = [model.name for model in theory.models if model.exact]
    assert exact in ([], ["M/G/c-PS"]), exact
    if path != "services.api.sharing":
        assert theory.rejected
        assert all(word in one.why for one in theory.rejected if one.name != "M/G/c-PS")
