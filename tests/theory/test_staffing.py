"""The fewest workers that meet a target, by formula and from a scenario's objectives."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.scenario.scenario import Scenario
from sim.theory.mmc import mmc
from sim.theory.mmck import mmck
from sim.theory.staffing import (
    fewest,
    first_guess,
    workers_by_theory,
    workers_for_rejection,
    workers_for_sojourn,
    workers_for_utilization,
    workers_for_wait,
    workers_for_wait_mean,
)
from tests.theory.scenarios import scenario


@given(answer=st.integers(1, 5000), lowest=st.integers(1, 50), highest=st.integers(60, 4000))
def test_search_finds_the_least(answer: int, lowest: int, highest: int) -> None:
    asked: list[int] = []

    def meets(workers: int) -> bool:
        asked.append(workers)
        return workers >= answer

    found = fewest(meets, lowest, highest)
    assert found == (None if answer > highest else max(answer, lowest))
    assert all(lowest <= each <= highest for each in asked)
    assert len(asked) <= 30


@settings(max_examples=20, deadline=None)
@given(rate=st.floats(0.5, 2000.0), target=st.floats(0.001, 2.0))
def test_fewest_workers_meet_the_target_and_one_less_does_not(rate: float, target: float) -> None:
    c = workers_for_wait_mean(rate, 1.0, target)
    assert mmc(rate, 1.0, c).wait_mean <= target
    assert c - 1 <= rate or mmc(rate, 1.0, c - 1).wait_mean > target
    c = workers_for_wait(rate, 1.0, 0.95, target)
    assert mmc(rate, 1.0, c).wait_quantile(0.95) <= target
    assert c - 1 <= rate or mmc(rate, 1.0, c - 1).wait_quantile(0.95) > target
    c = workers_for_sojourn(rate, 1.0, 0.95, 3.0 + target)
    assert mmc(rate, 1.0, c).sojourn_quantile(0.95) <= 3.0 + target
    c = workers_for_rejection(rate, 1.0, 5, 0.01)
    assert mmck(rate, 1.0, c, c + 5).rejected_ratio <= 0.01
    assert c == 1 or mmck(rate, 1.0, c - 1, c + 4).rejected_ratio > 0.01


def test_utilization_is_met_exactly() -> None:
    assert workers_for_utilization(120.0, 0.1, 0.8) == 15
    assert workers_for_utilization(120.1, 0.1, 0.8) == 16
    assert workers_for_utilization(0.001, 0.1, 0.8) == 1


BUSY = "{kind: poisson, rate: 1000/s}"
SLOW = "{kind: exponential, mean: 100ms}"


def asking(metric: str, bound: str, subject: str = "service:api", **parts: str) -> Scenario:
    parts = {"arrivals": BUSY, "time": SLOW, "workers": "120", **parts}
    more = f"objectives: [{{subject: '{subject}', metric: {metric}, {bound}}}]"
    return scenario(**parts, more=more)  # type: ignore[arg-type]


def test_objectives_of_a_scenario() -> None:
    assert workers_by_theory(asking("wait_mean", "at_most: 5ms"), "api", 1, 200) == workers_for_wait_mean(
        1000.0, 10.0, 0.005
    )
    assert workers_by_theory(asking("wait_p95", "at_most: 5ms"), "api", 101, 140) == workers_for_wait(
        1000.0, 10.0, 0.95, 0.005
    )
    lost = asking("success_ratio", "at_least: 99%", "traffic:web", queue="{capacity: 10}")
    assert workers_by_theory(lost, "api", 1, 200) == workers_for_rejection(1000.0, 10.0, 10, 0.01)
    # Not even the most will do: begin there.
    assert workers_by_theory(asking("sojourn_mean", "at_most: 1ms"), "api", 1, 130) == 130
    # No model has a figure for it.
    assert workers_by_theory(asking("wait_max", "at_most: 1s"), "api", 1, 130) is None
    assert first_guess(asking("wait_max", "at_most: 1s"), "api", 1, 130) == 125


def test_a_first_guess_for_what_theory_cannot_say() -> None:
    retrying = asking(
        "latency_p99",
        "at_most: 1s",
        "traffic:web",
        queue="{capacity: 64}",
        client="{timeout: 2s, retry: {attempts: 4}}",
    )
    assert workers_by_theory(retrying, "api", 101, 140) is None
    guess = first_guess(retrying, "api", 101, 140)
    alone = mmck(1000.0, 10.0, guess, guess + 64)
    assert alone.sojourn_quantile(0.99) <= 1.0
    assert guess == 101 or mmck(1000.0, 10.0, guess - 1, guess + 63).sojourn_quantile(0.99) > 1.0
    closed = asking("wait_max", "at_most: 1s", arrivals="{kind: closed, users: 5, think: 1s}")
    assert first_guess(closed, "api", 3, 9) == 3


def test_a_target_out_of_reach_is_an_error() -> None:
    with pytest.raises(ValueError, match="services alone take"):
        workers_for_sojourn(10.0, 1.0, 0.99, 4.6)
