"""Headroom against exact theory: the limit lies in the interval, found by simulation alone."""

import math

import pytest

import sim
from sim.errors import UsageError
from sim.report.growth_words import headroom_words, run_out_words
from sim.scenario.scenario import Scenario
from sim.study.growth.forecast import forecast
from sim.study.growth.headroom import first_load, headroom
from sim.study.growth.spike import spike_headroom
from sim.theory.mmc import mmc
from sim.theory.mmck import mmck

SHOP = """
traffic: {web: {arrivals: {kind: poisson, rate: 80/s}, call: api}}
services: {api: {workers: 12, service_time: {kind: exponential, mean: 100ms}}}
objectives: [{subject: "traffic:web", metric: latency_mean, at_most: 150ms}]
run: {duration: 80s, warmup: 10s, replications: 6, seed: 7}
"""


@pytest.fixture
def shop() -> Scenario:
    return sim.loads(SHOP)


def limit(meets: object, low: float = 0.0, high: float = 10.0) -> float:
    """Where a condition on the factor, true at first, turns false."""
    for _ in range(60):
        middle = (low + high) / 2.0
        low, high = (middle, high) if meets(middle) else (low, middle)  # type: ignore[operator]
    return low


def truth(workers: int) -> float:
    return limit(
        lambda factor: (
            factor * 80.0 < 10.0 * workers and mmc(80.0 * factor, 10.0, workers).sojourn_mean <= 0.15
        )
    )


def test_the_limit_of_many_servers_is_found_by_simulation(shop: Scenario) -> None:
    found = headroom(shop, confidence=0.999, theory=False)
    assert found.low <= truth(12) <= found.high
    assert found.low <= found.factor <= found.high
    assert (found.verdict, found.binding.metric if found.binding else "") == ("met", "latency_mean")
    assert all(one.verdict == "met" for one in found.tried if one.factor <= found.low)
    assert all(one.verdict == "missed" for one in found.tried if one.factor >= found.high)


def test_what_must_be_survived_leaves_less(shop: Scenario) -> None:
    # A quarter of the workers is away for the whole run: the limit is that of those that are left.
    zone = {
        "name": "a zone lost",
        "faults": [{"at": "0s", "for": "80s", "service": "api", "workers": "x0.75"}],
    }
    planned = shop.set("plan", {"vary": {"services.api.workers": "8..16"}, "survive": [zone]})
    found = headroom(planned, confidence=0.999, theory=False)
    assert found.low <= truth(9) <= found.high < truth(12)
    assert found.binding is not None
    assert found.binding.case == "a zone lost"


def test_theory_settles_what_simulation_leaves_open(shop: Scenario) -> None:
    # A long warm-up, so that the measured window is a steady state and the formula speaks of it.
    found = headroom(shop.set({"run.duration": "60s", "run.warmup": "30s"}))
    assert found.low <= truth(12) <= found.high
    assert found.high <= found.low * 1.031
    assert found.factor == pytest.approx(truth(12), rel=0.02)


def test_too_little_is_less_than_one(shop: Scenario) -> None:
    found = headroom(shop.set("services.api.workers", 8))
    assert found.low <= truth(8) <= found.high < 1.0
    assert found.verdict == "missed"


def test_the_objective_that_breaks_first_is_named(shop: Scenario) -> None:
    lossy = shop.set(
        {
            "services.api.queue.capacity": 5,
            "objectives": [
                {"subject": "traffic:web", "metric": "latency_mean", "at_most": "1s"},
                {"subject": "service:api", "metric": "rejected_ratio", "at_most": "1%"},
            ],
        }
    )
    found = headroom(lossy, confidence=0.999)
    assert found.binding is not None
    assert found.binding.metric == "rejected_ratio"
    assert (
        found.low
        <= limit(lambda factor: mmck(80.0 * factor, 10.0, 12, 17).rejected_ratio <= 0.01)
        <= found.high
    )


def test_where_nothing_breaks_there_is_no_upper_end(shop: Scenario) -> None:
    found = headroom(shop.set({"services.api.workers": "inf", "traffic.web.arrivals.rate": "1/s"}))
    assert found.high == math.inf
    assert found.factor == found.low > 30.0
    assert (found.verdict, found.binding) == ("met", None)
    assert found.to_json()["high"] is None


def test_theory_says_where_to_begin(shop: Scenario) -> None:
    first, sure = first_load(shop)
    assert sure
    assert first == pytest.approx(truth(12), rel=0.01)
    retrying = shop.set(
        {
            "traffic.web.client": "{timeout: 300ms, retry: {attempts: 3}}",
            "objectives": [{"subject": "traffic:web", "metric": "success_ratio", "at_least": "99%"}],
        }
    )
    assert first_load(retrying) == (pytest.approx(0.85 * 120.0 / 80.0), False)


def test_the_highest_spike_that_is_survived() -> None:
    tipping = sim.load("configs/tipping_spike.yaml").set({"run.duration": "8s"})
    found = spike_headroom(tipping, 1.0, horizon=3.0, survived=0.5)
    assert found.of == "height"
    assert found.chance == 0.5
    assert 1.0 < found.low <= found.factor <= found.high < 64.0
    assert found.shares[found.low] < 0.5 < found.shares[found.high]


def test_what_has_no_answer_is_refused(shop: Scenario) -> None:
    with pytest.raises(UsageError, match="no objective"):
        headroom(shop.set("objectives", []))
    with pytest.raises(UsageError, match="does not end within the run"):
        spike_headroom(shop, 1000.0)
    with pytest.raises(UsageError, match="no spike can be made"):
        spike_headroom(sim.load("configs/closed_users.yaml"), 1.0)


def test_where_the_objectives_are_met_by_the_few_that_succeed_it_is_said() -> None:
    # Latency is of those who succeed: at any load those taken in are answered in time.
    scenario = sim.loads(
        """
        traffic: {web: {arrivals: {kind: poisson, rate: 8/s}, call: api}}
        services: {api: {workers: 1, service_time: 100ms, queue: {capacity: 2}}}
        objectives: [{subject: "traffic:web", metric: latency_mean, at_most: 1s}]
        run: {duration: 60s, warmup: 5s, replications: 5}
        """
    )
    found = headroom(scenario)
    assert found.failing is not None
    name, share = found.failing
    assert name == "web"
    # No more than 10/s can be served of 8/s times the load.
    assert share < 2.0 * 10.0 / (8.0 * found.low)
    assert "of traffic web succeeds at that load" in headroom_words(found)
    most = '{subject: "traffic:web", metric: success_ratio, at_least: 60%}'
    assert headroom(scenario.set("objectives[0]", most)).failing is None


SAFE = """
traffic: {web: {arrivals: {kind: poisson, rate: 40/s}, call: api}}
services: {api: {workers: 12, service_time: {kind: lognormal, mean: 100ms, cv: 1.2}, queue: {capacity: 60}}}
objectives: [{subject: "traffic:web", metric: success_ratio, at_least: 99%}]
run: {duration: 60s, warmup: 5s, replications: 5, seed: 7}
"""


def test_few_replications_are_no_lack_of_headroom() -> None:
    zone = {
        "faults": [{"at": "20s", "for": "5s", "service": "api", "workers": "x0.75"}],
        "recover_within": "20s",
    }
    planned = sim.loads(SAFE).set("plan", {"vary": {"services.api.workers": "8..16"}, "survive": [zone]})
    found = headroom(planned, theory=False)
    assert found.verdict == "met"  # 20 replications could not have shown that nine of ten recover
    assert max(one.replications for one in found.tried) > 60


def test_the_load_as_written_is_judged_as_long_as_a_plan_would(
    shop: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sim.study.growth.headroom.CHEAP", 0.0)
    near = shop.set("traffic.web.arrivals.rate", f"{80.0 * truth(12) / 1.02}/s")
    found = headroom(near, theory=False)
    (written,) = (one for one in found.tried if one.factor == 1.0)
    assert written.growth > max(one.growth for one in found.tried if one is not written)
    assert found.verdict == "met"
    assert found.low == 1.0


def test_what_cannot_be_told_is_not_called_none() -> None:
    strict = sim.loads(SAFE).set("objectives.0.at_least", "99.9999%")
    found = headroom(strict, theory=False)
    assert (found.verdict, found.low) == ("inconclusive", 0.0)
    assert math.isnan(found.factor)
    assert found.undecided is not None
    assert found.undecided.needed is not None
    words = headroom_words(found)
    assert words.startswith("not known: ")
    assert "99.9999%" in words
    assert f"about {math.ceil(found.undecided.needed):,} replications may tell" in words
    assert len(found.tried) < 8  # and the load is not halved down to nothing
    growing = forecast(strict.set("plan", {"growth": "8% per month"}))
    assert math.isnan(growing.run_out.time)
    assert growing.to_json()["run_out"]["time"] is None
    assert run_out_words(growing) == "When capacity runs out is not known, as the headroom is not"
    assert growing.steps == ()


def test_exactly_all_is_never_certain() -> None:
    found = headroom(sim.loads(SAFE).set("objectives.0.at_least", "100%"), theory=False)
    assert "no number of runs makes exactly that certain; ask for 99.99%, say" in headroom_words(found)
