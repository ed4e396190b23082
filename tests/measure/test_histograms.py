"""Histograms: the bucket of a value, in both engines, and quantiles within 1 %."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.engines import tally
from sim.engines.observations import BUCKETS, bucket
from sim.measure.histograms import EDGES, quantile
from tests.engines.alone import alone

MACHINE_BUCKET = alone(tally.bucket)


@given(st.floats(1e-9, 8e6))
def test_a_value_lies_in_its_bucket_and_the_bucket_is_narrow(value: float) -> None:
    place = bucket(value)
    assert EDGES[place] <= value < EDGES[place + 1]
    assert EDGES[place + 1] - EDGES[place] <= value / 127.0


@settings(deadline=None)  # the first call compiles
@given(st.one_of(st.floats(0.0, 1e12), st.floats(0.0, 1e-300), st.floats(1e-10, 1e-9)))
def test_the_compiled_engines_bucket_is_the_same(value: float) -> None:
    if value > 0.0:
        assert MACHINE_BUCKET(value) == bucket(value)
    assert 0 <= bucket(value) < BUCKETS


@pytest.mark.parametrize("share", [0.01, 0.5, 0.9, 0.99, 0.999])
def test_quantiles_are_within_one_percent(share: float) -> None:
    values = np.random.default_rng(2).lognormal(-3.0, 2.0, 20_000)
    histogram = np.zeros(BUCKETS, np.int64)
    for value in values:
        histogram[bucket(value)] += 1
    exact = float(np.quantile(values, share, method="inverted_cdf"))
    assert quantile(histogram, share, float(values.max())) == pytest.approx(exact, rel=0.01)


def test_a_quantile_of_nothing_is_nan_and_of_zeros_zero() -> None:
    histogram = np.zeros(BUCKETS, np.int64)
    assert math.isnan(quantile(histogram, 0.5, 0.0))
    histogram[0] = 10
    assert quantile(histogram, 0.99, 0.0) == 0.0


def test_a_quantile_never_passes_the_longest() -> None:
    histogram = np.zeros(BUCKETS, np.int64)
    histogram[bucket(1.0)] = 1
    assert quantile(histogram, 0.999, 1.0) == 1.0
