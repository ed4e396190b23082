"""Unpaired differences: Welch's interval covers the truth as often as it says, and agrees with scipy's."""

import math

import numpy as np
import pytest

from sim.measure.intervals import binomial, interval
from sim.measure.unpaired import Summary, unpaired


def summary(values: np.ndarray) -> Summary:
    return Summary(*interval(values), n=len(values))


def test_the_interval_is_welchs() -> None:
    from scipy.stats import ttest_ind

    draws = np.random.default_rng(7)
    a, b = draws.normal(5.0, 1.0, 9), draws.normal(6.0, 3.0, 14)
    mean, low, high = unpaired(summary(a), summary(b), 0.95)
    exact = ttest_ind(b, a, equal_var=False).confidence_interval(0.95)
    assert mean == pytest.approx(b.mean() - a.mean())
    # The freedom is rounded down, so the interval is never the narrower one.
    assert low <= exact.low
    assert exact.high <= high
    assert high - low == pytest.approx(exact.high - exact.low, rel=0.01)


def test_it_covers_the_truth_as_often_as_it_says() -> None:
    draws = np.random.default_rng(7)
    covered, runs = 0, 2000
    for _ in range(runs):
        _, low, high = unpaired(summary(draws.normal(5.0, 1.0, 6)), summary(draws.normal(7.0, 4.0, 12)))
        covered += low <= 2.0 <= high
    least, most = binomial(covered, runs, 0.9999)
    assert least <= 0.95 <= most or covered / runs > 0.95


def test_without_two_of_them_there_is_no_interval() -> None:
    one, other = Summary(1.0, math.nan, math.nan, 1), Summary(2.0, 1.5, 2.5, 5)
    mean, low, high = unpaired(one, other)
    assert mean == 1.0
    assert math.isnan(low)
    assert math.isnan(high)
    exact = Summary(1.0, 1.0, 1.0, 3)
    assert unpaired(exact, exact) == (0.0, 0.0, 0.0)
