"""Intervals over replications, and those for ratios that never vary."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from sim.measure.intervals import binomial, interval, upper_end, wilson


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


@pytest.mark.parametrize("number", [5, 10, 40])
@pytest.mark.parametrize("variation", [0.3, 1.0])
def test_the_upper_end_holds_what_students_lets_slip(variation: float, number: int) -> None:
    # Gamma's skewness is twice its coefficient of variation. An end at 95 % may be passed by 2.5 %, and chance.
    shape = variation**-2
    draws = np.random.default_rng(2).gamma(shape, 1.0 / shape, (4000, number))
    allowed = 4000 * 0.025 + 4.0 * math.sqrt(4000 * 0.025)
    assert sum(upper_end(each, 0.95) < 1.0 for each in draws) <= allowed
    by_student = sum(interval(each)[2] < 1.0 for each in draws)
    assert by_student > (allowed if variation == 1.0 else 4000 * 0.025)


def test_the_upper_end_is_no_lower_than_students_and_near_it_where_nothing_varies_much() -> None:
    draws = np.random.default_rng(3).normal(100.0, 1.0, (100, 10))
    for each in draws:
        student = interval(each)[2]
        assert student <= upper_end(each, 0.95) <= student + 1.0
    assert upper_end([2.0, 2.0], 0.95) == 2.0
    assert upper_end([0.0, 0.0], 0.95) == 0.0
    assert math.isnan(upper_end([3.0], 0.95))
    assert upper_end([1.0, math.nan, 3.0], 0.95) == upper_end([1.0, 3.0], 0.95)


def test_the_upper_end_solves_what_it_says() -> None:
    values = [1.0, 1.5, 2.0, 7.0]
    mean, _, high = interval(values)
    t = stats.t.ppf(0.975, 3)
    step = (high - mean) / t
    end = upper_end(values, 0.95)
    grown = math.sqrt(end / mean) * step
    skewness = max(stats.skew(values, bias=False), 1.5 * grown * 2.0 / end)
    assert end - mean == pytest.approx(grown * (t + skewness * (2.0 * t * t + 1.0) / 12.0))


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
