"""Times with censoring: Kaplan and Meier's estimate against published figures, and against scipy's."""

import math
import warnings

import numpy as np
import pytest
from scipy import stats

from sim.measure.survival import kaplan_meier

# Remission under 6-MP (Freireich et al., 1963), weeks; the example in most textbooks.
HAPPENED = [6, 6, 6, 7, 10, 13, 16, 22, 23]
CENSORED = [6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35]
LEFT = {6: 0.857, 7: 0.807, 10: 0.753, 13: 0.690, 16: 0.627, 22: 0.538, 23: 0.448}


def test_the_textbook_example() -> None:
    found = kaplan_meier([*HAPPENED, *CENSORED], [True] * 9 + [False] * 12)
    assert [step.time for step in found.steps] == list(LEFT)
    for step in found.steps:
        assert 1.0 - step.share == pytest.approx(LEFT[int(step.time)], abs=6e-4)
    assert found.quantile()[0] == 23.0
    assert found.share(15.0) == pytest.approx(1.0 - 0.690, abs=6e-4)


def test_estimate_and_log_log_interval_are_scipys() -> None:
    rng = np.random.default_rng(1)
    times = rng.exponential(10.0, 60).round(1)
    ends = rng.exponential(15.0, 60).round(1)
    happened = times <= ends
    seen = np.minimum(times, ends)
    found = kaplan_meier(list(seen), list(happened), 0.9)
    theirs = stats.ecdf(stats.CensoredData.right_censored(seen, ~happened)).sf
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # 0/0 where nobody is left
        bounds = theirs.confidence_interval(0.9, method="log-log")
    for step in found.steps:
        assert 1.0 - step.share == pytest.approx(float(theirs.evaluate(step.time)))
        if step.share == 1.0:  # nobody is left, and scipy's interval is 0/0
            continue
        assert 1.0 - step.low == pytest.approx(float(bounds.high.evaluate(step.time)))
        assert 1.0 - step.high == pytest.approx(float(bounds.low.evaluate(step.time)))


def test_without_censoring_the_mean_is_the_mean() -> None:
    times = [1.0, 2.0, 2.0, 5.0, 10.0]
    mean, low, high = kaplan_meier(times, [True] * 5).restricted_mean()
    assert mean == pytest.approx(4.0)
    assert low < 4.0 < high


def test_the_restricted_mean_s_interval_covers_the_truth_as_often_as_it_says() -> None:
    # Exponential with mean 10, watched for 8: E min(T, 8) = 10(1 - exp(-0.8)).
    rng = np.random.default_rng(2)
    truth, held = 10.0 * (1.0 - math.exp(-0.8)), 0
    for _ in range(400):
        times = rng.exponential(10.0, 80)
        found = kaplan_meier(list(np.minimum(times, 8.0)), list(times <= 8.0))
        _, low, high = found.restricted_mean(8.0)
        held += low <= truth <= high
    assert stats.binomtest(held, 400, 0.95).pvalue > 1e-4


def test_a_median_that_is_not_reached_is_infinite_never_a_guess() -> None:
    found = kaplan_meier([1.0, 2.0] + [60.0] * 8, [True] * 2 + [False] * 8)
    middle, low, high = found.quantile()
    assert (middle, high) == (math.inf, math.inf)
    assert math.isfinite(low)
    assert found.restricted_mean()[0] == pytest.approx(48.3)


def test_nobody_came_back() -> None:
    found = kaplan_meier([60.0] * 5, [False] * 5)
    assert found.steps == ()
    assert found.quantile() == (math.inf, math.inf, math.inf)
    assert found.restricted_mean()[:1] == (60.0,)
