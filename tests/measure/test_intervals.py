"""Intervals over replications, and those for ratios that never vary."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from sim.measure.intervals import binomial, interval, wilson


def test_interval_is_students() -> None:
    values = [1.0, 2.0, 4.0, 9.0]
    mean, low, high = interval(values)
    expected = stats.t.interval(0.95, 3, loc=4.0, scale=stats.sem(values))
    assert (mean, low, high) == pytest.approx((4.0, *expected))


def test_interval_needs_two_values_and_leaves_out_nan() -> None:
    assert interval([3.0, math.nan])[0] == 3.0
    assert math.isnan(interval([3.0, math.nan])[1])
    assert all(math.isnan(value) for value in interval([]))
    assert interval([1.0, math.nan, 3.0]) == pytest.approx(interval([1.0, 3.0]))


def test_interval_covers_as_often_as_it_says() -> None:
    draws = np.random.default_rng(1).normal(5.0, 2.0, (4000, 6))
    covered = sum(low <= 5.0 <= high for _, low, high in map(interval, draws))
    # 4 standard errors of a binomial share around 95 %.
    assert abs(covered / 4000 - 0.95) < 4.0 * math.sqrt(0.95 * 0.05 / 4000)


def test_binomial_is_clopper_pearsons() -> None:
    expected = stats.binomtest(3, 50).proportion_ci(0.95, "exact")
    assert binomial(3, 50) == pytest.approx((expected.low, expected.high))
    assert binomial(0, 100)[0] == 0.0
    assert binomial(0, 100)[1] == pytest.approx(1.0 - 0.025 ** (1 / 100))
    assert binomial(100, 100)[1] == 1.0


def test_wilson_s_interval_is_scipy_s_and_never_of_no_width() -> None:
    for successes, trials, confidence in ((8, 10, 0.95), (0, 35, 0.95), (400, 400, 0.99), (1, 3, 0.9)):
        theirs = stats.binomtest(successes, trials).proportion_ci(confidence, method="wilson")
        assert wilson(successes, trials, confidence) == pytest.approx((theirs.low, theirs.high), abs=1e-12)
    assert wilson(0, 0) == (0.0, 1.0)
