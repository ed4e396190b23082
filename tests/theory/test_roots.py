"""The root finder, and the Poisson chances that every wait is made of."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from sim.theory.erlang_mixture import log_poisson
from sim.theory.mmck import decaying_sums
from sim.theory.roots import root


@given(st.floats(1e-6, 1e6))
def test_roots_to_the_last_digits(where: float) -> None:
    for function in (
        lambda x: x - where,
        lambda x: math.log(x / where),
        lambda x: where - x if x < where else -1.0,
        lambda x: (x - where) ** 3,
    ):
        found = root(function, 1e-9, 1e9)
        assert found == pytest.approx(where, rel=1e-4 if function(where * 1.0001) == 0.0 else 1e-9, abs=1e-4)


def test_ends_and_no_root() -> None:
    assert root(lambda x: x, 0.0, 1.0) == 0.0
    assert root(lambda x: x - 1.0, 0.0, 1.0) == 1.0
    with pytest.raises(ValueError, match="no change of sign"):
        root(lambda x: x + 1.0, 0.0, 1.0)


@pytest.mark.parametrize("x", [1e-8, 0.3, 7.0, 300.0, 1e6])
def test_poisson_chances(x: float) -> None:
    i = np.unique(
        np.concatenate([np.arange(40), (x + np.linspace(-8, 8, 33) * math.sqrt(x)).clip(0)])
    ).astype(np.int64)
    np.testing.assert_allclose(log_poisson(i, x), stats.poisson.logpmf(i, x), rtol=1e-11, atol=2e-8)


@given(
    st.lists(st.floats(0.0, 1.0), min_size=1, max_size=60), st.sampled_from([0.0, 1e-3, 0.5, 0.9, 0.99999])
)
def test_decaying_sums(values: list[float], ratio: float) -> None:
    expected, before = [], 0.0
    for value in values:
        before = ratio * before + value
        expected.append(before)
    np.testing.assert_allclose(decaying_sums(np.array(values), ratio), expected, rtol=1e-12, atol=1e-300)
    long = decaying_sums(np.resize(np.array([1.0, 0.0]), 5000), 0.5)
    assert long[-1] == pytest.approx(2.0 / 3.0)
