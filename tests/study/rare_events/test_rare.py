"""Rare events beside exact figures from 10⁻³ to 10⁻⁹, what does not depend on threads, and what is refused."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.special import gammaln, ndtri

import sim
from sim.engines.splitting import Levels, Paths
from sim.errors import QuantityError, UsageError
from sim.study.rare_events.levels import spaced
from sim.study.rare_events.rare import Rare, has_steady_state, ratio_interval
from sim.study.rare_events.rare_event import RareEvent, event_of
from sim.theory.mg1k import mg1k

STATION = """
traffic: {{web: {{arrivals: {{kind: poisson, rate: {rate}/s}}, call: api}}}}
services: {{api: {{workers: {workers}, service_time: {law}, queue: {{capacity: {places}}}}}}}
run: {{duration: 2000s, warmup: {warmup}}}
"""
EXPONENTIAL = "{kind: exponential, mean: 1s}"


def station(
    rate: float, workers: int, places: int | str, law: str = EXPONENTIAL, warmup: str = "60s"
) -> sim.Scenario:
    return sim.loads(STATION.format(rate=rate, workers=workers, places=places, law=law, warmup=warmup))


def rare(scenario: sim.Scenario, **asked: object) -> Rare:
    """At 99.9 %, as wide as costs little."""
    return sim.rare(scenario, seed=7, relative=0.35, confidence=0.999, **asked)  # type: ignore[arg-type]


BLOCKING = {
    "M/M/1/9: 1e-3": station(0.5, 1, 8),
    "M/E3/1/12: 6e-6": station(0.5, 1, 11, "{kind: erlang, mean: 1s, shape: 3}"),
    "M/M/1/30: 5e-10": station(0.5, 1, 29),
}


@pytest.mark.parametrize("name", BLOCKING)
def test_refusals_are_as_rare_as_theory_says(name: str) -> None:
    found = rare(BLOCKING[name])
    assert found.exact is not None
    assert found.low <= found.exact.value <= found.high
    assert found.precise
    assert found.method == "splitting"
    assert list(found.levels.at) == sorted(set(found.levels.at))
    assert all(0.0 < chance < 1.0 for chance in found.chances)


def test_refusals_with_a_general_law_are_as_rare_as_theory_says() -> None:
    """M/G/1/K: the law of the arrivals in a lognormal service, as a mean over its quantiles, and then `mg1k`."""
    rate, places, cv = 0.5, 12, 0.7
    sigma = math.sqrt(math.log1p(cv * cv))
    work = np.exp(sigma * ndtri((np.arange(200_000) + 0.5) / 200_000) - sigma * sigma / 2.0)
    came = [
        float(np.mean(np.exp(n * np.log(rate * work) - rate * work - gammaln(n + 1.0)))) for n in range(60)
    ]
    exact = mg1k(rate, float(work.mean()), came, places).rejected_ratio
    found = rare(station(rate, 1, places - 1, f"{{kind: lognormal, mean: 1s, cv: {cv}}}"))
    assert 1e-6 < exact < 1e-4
    assert found.low <= exact <= found.high


def test_long_waits_are_as_rare_as_theory_says() -> None:
    """M/M/2: P(W > x) = C·exp(-(cμ - λ)x), Erlang's C of load 0.5 being 1/3 (Kleinrock, Queueing Systems I, 1975)."""
    found = rare(station(1.0, 2, "inf"), metric="wait_exceeds", threshold="14s")
    assert found.low <= math.exp(-14.0) / 3.0 <= found.high


def test_high_numbers_are_as_rare_as_theory_says() -> None:
    """M/M/1: P(N ≥ n) = ρⁿ."""
    found = rare(station(0.5, 1, "inf"), metric="in_system_reaches", threshold=24)
    assert found.low <= 0.5**24 <= found.high


RETRIES = """
traffic:
  web: {arrivals: {kind: poisson, rate: 3/s}, call: api, client: app}
  jobs: {arrivals: {kind: closed, users: 3, think: 2s}, call: api}
clients:
  app: {timeout: 3s, cancel: queued, retry: {attempts: 3, backoff: {kind: exponential, base: 500ms, jitter: full}}}
services: {api: {workers: 6, service_time: {kind: lognormal, mean: 1s, cv: 1.2}, queue: {capacity: 4}}}
run: {duration: 300s, warmup: 30s, replications: 40, seed: 7}
"""


@pytest.mark.parametrize("asked", [("service:api", "rejected_ratio"), ("client:app", "gave_up_ratio")])
def test_a_retrying_system_agrees_with_ordinary_runs(asked: tuple[str, str]) -> None:
    scenario = sim.loads(RETRIES)
    subject, metric = asked
    found = sim.rare(scenario, subject=subject, metric=metric, relative=0.2, confidence=0.999)
    _, low, high, _ = sim.run(scenario).estimate(subject, metric, 0.999)
    assert max(low, found.low) <= min(high, found.high)


def test_a_window_that_changes_by_the_clock_is_that_of_the_run() -> None:
    scenario = sim.loads(RETRIES).set(
        {
            "traffic.web.arrivals.rate": "1.5/s",
            "faults": [{"at": "100s", "for": "5s", "service": "api", "workers": 1}],
        }
    )
    assert not has_steady_state(scenario)
    found = rare(scenario, subject="service:api")
    assert (found.window.split_from, found.window.begin, found.window.end) == (0.0, 30.0, 300.0)
    _, low, high, _ = sim.run(scenario, replications=200).estimate("service:api", "rejected_ratio", 0.999)
    assert max(low, found.low) <= min(high, found.high)


def test_the_answer_does_not_depend_on_threads_nor_on_twins() -> None:
    scenario = station(0.5, 1, 14)
    one = rare(scenario, jobs=1)
    assert rare(scenario, jobs=3).to_json() == one.to_json()
    twins = rare(scenario.set({"run.antithetic": True, "run.replications": 10}))
    assert (twins.estimate, twins.low) == (one.estimate, one.low)
    assert sim.rare(scenario, seed=8, relative=0.35).estimate != one.estimate


def test_what_is_not_rare_takes_ordinary_runs() -> None:
    found = rare(station(0.8, 1, 3, warmup="100s"))
    assert (found.method, found.levels.at, found.branches) == ("crude", (), 0)
    assert found.exact is not None
    assert found.low <= found.exact.value <= found.high


def test_what_never_happens_is_refused() -> None:
    with pytest.raises(
        UsageError, match=r"service:api rejected_ratio: not met in \d+ runs.*nothing to split on"
    ):
        sim.rare(station(0.5, 1, 9, "1s").set("traffic.web.arrivals", {"kind": "constant", "rate": "0.5/s"}))


def test_what_cannot_happen_is_said_at_once() -> None:
    with pytest.raises(
        UsageError, match=r"service:api never refuses: .*--metric wait_exceeds --threshold 500ms"
    ):
        sim.rare(station(0.5, 1, "inf", "1s"))


def test_it_ends_when_its_events_are_spent() -> None:
    found = sim.rare(station(0.5, 1, 14), relative=0.001, most_events=1e6)
    assert not found.precise
    assert found.events < 3e7
    assert found.low < found.estimate < found.high


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"subject": "service:apo"}, "'service:apo' is not a subject; did you mean service:api"),
        (
            {"metric": "latency_p99"},
            "'latency_p99' is not a rare metric of service:api; one of rejected_ratio",
        ),
        ({"metric": "wait_exceeds"}, "wait_exceeds wants a threshold; for example 500ms"),
        ({"metric": "wait_exceeds", "threshold": "5"}, "has no unit"),
        ({"metric": "in_system_reaches", "threshold": "2.5"}, "2.5 is no threshold of in_system_reaches"),
        ({"threshold": "5s"}, "rejected_ratio has no threshold"),
        ({"relative": 0.0}, "relative 0 is not between 0 and 1"),
        ({"confidence": 95.0}, "confidence 95 is not between 0 and 1"),
        ({"seed": -1}, "seed -1"),
        ({"jobs": 0}, "0 jobs"),
    ],
)
def test_bad_questions_are_usage_errors(asked: dict[str, object], message: str) -> None:
    with pytest.raises((UsageError, QuantityError), match=message):
        sim.rare(station(0.5, 1, 3), **asked)  # type: ignore[arg-type]


def test_the_question_is_that_of_the_first_objective_that_can_be_rare() -> None:
    scenario = sim.loads(RETRIES)
    assert event_of(scenario, None, None, None) == RareEvent("service:api", "rejected_ratio")
    assert event_of(scenario, None, "timeout_ratio", None) == RareEvent("traffic:web", "timeout_ratio")
    wanted = [
        {"subject": "traffic:web", "metric": "latency_p99", "at_most": "5s"},
        {"subject": "client:app", "metric": "gave_up_ratio", "at_most": 1e-6},
    ]
    assert event_of(scenario.set("objectives", wanted), None, None, None) == RareEvent(
        "client:app", "gave_up_ratio"
    )


def test_levels_follow_the_shares_of_time() -> None:
    shares = 0.5 ** np.arange(20.0)
    found = spaced(shares, reach=12, rarest=0.0)
    assert found == Levels((2, 4, 6, 8, 10, 12), (4,) * 6)
    assert spaced(shares, reach=12, rarest=0.5**7).at == (2, 4, 6, 8)
    assert spaced(shares, reach=1, rarest=0.0) == Levels()
    assert (spaced(shares**4, 3, 0.0).weights == (1.0, 1 / 16, 1 / 256, 1 / 4096)).all()


def test_an_interval_of_a_ratio_holds_it() -> None:
    """Gamma-distributed shares with a known mean: 93 to 97 % of 2,000 intervals at 95 % hold it (normal, ±4.1 σ)."""
    rng = np.random.default_rng(7)
    held = 0
    for _ in range(2_000):
        tries = rng.normal(100.0, 5.0, 60)
        _, low, high = ratio_interval(rng.gamma(4.0, 1e-9 / 4.0, 60) * tries, tries, 0.95)
        held += low <= 1e-9 <= high
    assert 0.93 <= held / 2_000 <= 0.97
    assert all(map(math.isnan, ratio_interval(np.zeros(4), np.ones(4), 0.95)[1:]))


def test_thresholds_count_time_by_weight() -> None:
    paths = Paths(
        *(np.zeros(2) for _ in range(2)), np.zeros(2, int), np.zeros(2), np.array([5.0, 3.0, 2.0, 8.0]), 0, 1
    )
    levels = Levels((2,), (4,))
    event = RareEvent("service:api", "in_system_reaches", 1.0)
    assert event.counted(paths, levels, 10.0) == (3.0 + 2.0 / 4.0 + 8.0 / 4.0, 10.0)
    assert event.was_seen(paths)
    assert not replace(event, threshold=4.0).was_seen(paths)
