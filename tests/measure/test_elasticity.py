"""Elasticities and gradients of paired figures: exact where the figures are, NaN where there is nothing to say."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.measure.elasticity import elasticity, gradient
from sim.measure.figures import Figure


def figures(*values: float) -> list[Figure]:
    return [Figure(value) for value in values]


NOISE = st.lists(st.floats(0.5, 2.0), min_size=2, max_size=8)


@settings(deadline=None)
@given(NOISE, st.floats(-5.0, 5.0), st.floats(1.01, 3.0))
def test_of_a_power_the_exponent_whatever_the_common_noise(
    noise: list[float], power: float, factor: float
) -> None:
    below = figures(*noise)
    above = figures(*(value * factor**power for value in noise))
    found = elasticity(below, above, "latency_mean", factor)
    assert found.mean == pytest.approx(power, abs=1e-6)
    assert found.low <= found.mean <= found.high
    assert found.high - found.low < 1e-6


@settings(deadline=None)
@given(NOISE, st.floats(-5.0, 5.0), st.floats(0.01, 3.0))
def test_of_a_line_the_slope(noise: list[float], slope: float, span: float) -> None:
    above = figures(*(value + slope * span for value in noise))
    found = gradient(figures(*noise), above, "latency_mean", span)
    assert found.mean == pytest.approx(slope, abs=1e-6)


def test_independent_noise_widens_the_interval() -> None:
    together = elasticity(figures(1.0, 2.0, 3.0), figures(1.1, 2.2, 3.3), "latency_mean", 1.1)
    apart = elasticity(figures(1.0, 2.0, 3.0), figures(3.3, 1.1, 2.2), "latency_mean", 1.1)
    assert together.mean == pytest.approx(apart.mean)
    assert apart.high - apart.low > 100.0 * (together.high - together.low)


def test_a_zero_has_no_logarithm_but_a_gradient() -> None:
    below, above = figures(0.0, 0.0), figures(0.1, 0.3)
    assert math.isnan(elasticity(below, above, "rejected_ratio", 1.1).mean)
    assert gradient(below, above, "rejected_ratio", 0.5).mean == pytest.approx(0.4)
    assert math.isnan(elasticity([], [], "latency_mean", 1.1).mean)
    assert math.isnan(elasticity(above, above, "latency_mean", 1.0).mean)


def test_a_ratio_that_is_always_one_is_not_known_exactly() -> None:
    sure = [Figure(1.0, 1000.0)] * 3
    found = elasticity(sure, sure, "success_ratio", 1.1)
    assert found.mean == 0.0
    assert found.low < 0.0 < found.high


def test_one_replication_has_no_interval() -> None:
    found = elasticity(figures(1.0), figures(2.0), "latency_mean", 2.0)
    assert found.mean == pytest.approx(1.0)
    assert math.isnan(found.low)
