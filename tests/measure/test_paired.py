"""Paired differences: by hand, where nothing varies, where a figure is missing; and verdicts that hold together."""

import math

import numpy as np
import pytest
from scipy.stats import binom, ttest_rel

from sim.measure.direction import BETTER, better
from sim.measure.figures import Figure
from sim.measure.intervals import student
from sim.measure.paired import holm, paired, paired_figures
from sim.scenario.metrics import UNITS

NAN = math.nan


def test_the_interval_by_hand() -> None:
    found = paired([10.0, 12.0, 11.0, 13.0], [11.0, 14.0, 12.0, 13.0])
    # Differences 1, 2, 1, 0: mean 1, variance 2/3, standard error sqrt(1/6).
    half = student(3) * math.sqrt(1.0 / 6.0)
    assert (found.mean, found.n) == (1.0, 4)
    assert (found.low, found.high) == pytest.approx((1.0 - half, 1.0 + half))
    # Variances of the sides: 5/3 each; 5, 1.5.
    assert found.variance_ratio == pytest.approx((2.0 / 3.0) / (5.0 / 3.0 + 5.0 / 3.0))
    assert not found.identical


def test_it_is_the_paired_t_test() -> None:
    rng = np.random.default_rng(1)
    a, b = rng.normal(size=12), rng.normal(0.4, size=12)
    assert paired(list(a), list(b)).p == pytest.approx(ttest_rel(b, a).pvalue)


def test_what_both_share_cancels() -> None:
    shared = [1.0, 5.0, 3.0, 8.0]
    found = paired(shared, [value + 0.5 for value in shared])
    assert (found.mean, found.low, found.high, found.p) == (0.5, 0.5, 0.5, 0.0)
    assert found.variance_ratio == 0.0


def test_the_very_same_figures_are_identical_and_show_nothing() -> None:
    found = paired([0.1, 0.2, 0.3], [0.1, 0.2, 0.3 * (1.0 + 1e-13)])
    assert found.identical
    assert (found.mean, found.p) == (0.0, 1.0)


def test_pairs_without_both_figures_are_left_out() -> None:
    found = paired([1.0, NAN, 2.0, 4.0], [2.0, 5.0, NAN, 4.5])
    assert (found.n, found.mean) == (2, 0.75)


@pytest.mark.parametrize(("a", "b"), [([1.0], [2.0]), ([NAN, 1.0], [1.0, 2.0]), ([NAN], [NAN])])
def test_without_two_pairs_nothing_is_said(a: list[float], b: list[float]) -> None:
    found = paired(a, b)
    assert math.isnan(found.low)
    assert math.isnan(found.high)
    assert (found.p, found.identical) == (1.0, False)


def test_a_ratio_that_never_varies_has_an_interval_of_its_trials() -> None:
    always, never = [Figure(1.0, 100.0)] * 5, [Figure(0.0, 100.0)] * 5
    same = paired_figures(always, always, "success_ratio")
    assert same.method == "two binomials: never varies"
    # Clopper and Pearson with 500 of 500, 97.5 % on each side: at least 0.0125^(1/500).
    least = 0.0125 ** (1.0 / 500.0)
    assert (same.low, same.high) == pytest.approx((least - 1.0, 1.0 - least))
    assert same.identical
    apart = paired_figures(never, always, "success_ratio")
    assert (apart.mean, apart.p) == (1.0, 0.0)
    assert 0.95 < apart.low < apart.high == 1.0


def test_a_ratio_that_varies_on_one_side_has_the_spread_of_its_replications() -> None:
    a, b = [Figure(1.0, 100.0)] * 3, [Figure(value, 100.0) for value in (0.9, 0.95, 0.97)]
    assert paired_figures(a, b, "success_ratio").method == "t over paired replications"


def test_holm_by_hand() -> None:
    # 0.005 <= 0.05/4, 0.01 <= 0.05/3, 0.03 > 0.05/2: the search ends, and 0.04 is not looked at.
    assert holm([0.01, 0.04, 0.03, 0.005], 0.05) == [True, False, False, True]
    assert holm([], 0.05) == []


def test_holm_keeps_the_chance_of_any_wrong_verdict() -> None:
    rng = np.random.default_rng(2)
    trials, error = 2000, 0.05
    wrong = sum(any(holm(list(rng.random(20)), error)) for _ in range(trials))
    alone = sum(bool((rng.random(20) <= error).any()) for _ in range(trials))
    assert binom.sf(wrong - 1, trials, error) > 1e-6
    # Without it, two of three such tables would hold a wrong verdict.
    assert binom.sf(alone - 1, trials, error) < 1e-6


def test_every_metric_says_which_way_is_better() -> None:
    assert set(BETTER) == set(UNITS)
    assert (better("goodput"), better("latency_p99"), better("orbit")) == ("more", "less", "neither")
    assert better("no_such_metric") == "neither"
