"""Very many workers, very long queues, loads next to one: no overflow, no lost digits, no long wait."""

import math
import time

import numpy as np
import pytest

from sim.theory.birth_death import stationary, time_to_fall
from sim.theory.closed import finite_source
from sim.theory.erlang import erlang_b, erlang_c, workers_for_blocking
from sim.theory.gi_m_1 import dm1
from sim.theory.mdc import mdc
from sim.theory.mg1 import mg1
from sim.theory.mg1k import md1k
from sim.theory.mmc import mmc
from sim.theory.mmck import mmck
from sim.theory.patience import erlang_a, fixed_patience
from sim.theory.retrial import retrial

PS = (0.5, 0.9, 0.99, 0.999)


def test_a_hundred_thousand_workers_at_0_9999() -> None:
    begun = time.perf_counter()
    many = mmc(0.9999 * 1e5, 1.0, 100_000)
    bounded = mmck(0.9999 * 1e5, 1.0, 100_000, 1_000_000)
    # By the normal approximation of Halfin and Whitt: β = (1 − ρ)·√c.
    beta = 1e-4 * math.sqrt(1e5)
    density = math.exp(-0.5 * beta * beta) / math.sqrt(2.0 * math.pi)
    share = 0.5 * math.erfc(-beta / math.sqrt(2.0))
    assert many.wait_probability == pytest.approx(1.0 / (1.0 + beta * share / density), rel=2e-4)
    assert bounded.rejected_ratio < 1e-30
    assert bounded.in_system == pytest.approx(many.in_system, rel=1e-12)
    for p in PS:
        assert bounded.wait_quantile(p) == pytest.approx(many.wait_quantile(p), rel=1e-10)
        assert bounded.sojourn_quantile(p) == pytest.approx(many.sojourn_quantile(p), rel=1e-10)
    assert time.perf_counter() - begun < 10.0


@pytest.mark.parametrize("load", [1e-9, 0.5, 1.0 - 1e-9, 1.0, 1.0 + 1e-9, 1.5, 1e9])
@pytest.mark.parametrize("workers", [1, 2, 1000])
def test_any_load_on_a_million_places(load: float, workers: int) -> None:
    places = 1_000_000
    m = mmck(load * workers * 5.0, 5.0, workers, places)
    assert m.throughput == pytest.approx(m.busy_workers * 5.0, rel=1e-9)
    assert m.throughput <= workers * 5.0 * (1.0 + 1e-12)
    if load == 1.0 and workers == 1:
        assert m.rejected_ratio == pytest.approx(1.0 / (places + 1), rel=1e-9)
        assert m.in_system == pytest.approx(places / 2, rel=1e-9)
    if load == 1.5:
        assert m.rejected_ratio == pytest.approx(1.0 / 3.0, rel=1e-9)
        assert m.queue_length == pytest.approx(places - workers - 2.0, rel=1e-9)
        # A wait of so many like stages is next to certain.
        stages, rate = places - workers, workers * 5.0
        assert m.wait_quantile(0.5) == pytest.approx(stages / rate, rel=1e-4)
        assert m.wait_quantile(0.99) == pytest.approx((stages + 2.33 * math.sqrt(stages)) / rate, rel=1e-4)


def test_erlangs_formulas_far_out() -> None:
    assert erlang_b(100_000, 100_000.0) == pytest.approx(math.sqrt(2.0 / (math.pi * 1e5)), rel=2e-3)
    assert 1.0 - erlang_b(10, 1e12) == pytest.approx(1e-11, rel=1e-4)
    assert erlang_b(1000, 1.0) == 0.0  # far below the smallest double
    assert erlang_b(10**12, 1.0) == 0.0  # and no longer to compute
    assert erlang_b(170, 1.0) == pytest.approx(math.exp(-1.0 - math.lgamma(171.0)), rel=1e-9)
    assert erlang_c(100_000, 99_999.9) == pytest.approx(1.0, abs=5e-4)
    assert erlang_c(3, 5.0) == 1.0
    assert erlang_b(0, 5.0) == 1.0
    assert erlang_b(4, 0.0) == 0.0
    assert workers_for_blocking(50_000.0, 1e-6) == pytest.approx(51_000, rel=0.01)
    assert workers_for_blocking(0.0, 0.5) == 1


def test_small_chances_keep_their_digits() -> None:
    # Blocking of 1e-240 is the product of its factors, not a rest of rounding.
    assert mmck(1e-3, 1.0, 1, 80).rejected_ratio == pytest.approx(1e-240 * (1.0 - 1e-3), rel=1e-12)
    late = mmck(1.5, 1.0, 1, 300)
    assert late.sojourn is not None
    assert 0.0 < late.sojourn.cdf(5.0) < 1e-51
    assert md1k(0.05, 1.0, 12).rejected_ratio == pytest.approx(9.05e-24, rel=0.5)
    rare = retrial(0.125 * 27, 1.0, 27, 30, 2.0, 0.9)
    assert rare.full == pytest.approx(mmck(0.125 * 27, 1.0, 27, 30).rejected_ratio, rel=1e-9)
    assert retrial(1.0, 1.0, 500, 2000, 2.0).orbit == 0.0


def test_units_do_not_matter() -> None:
    for scale in (1e-12, 1e12):
        small, plain = mmck(0.9 * scale, scale, 3, 9), mmck(0.9, 1.0, 3, 9)
        assert small.wait_quantile(0.99) * scale == pytest.approx(plain.wait_quantile(0.99), rel=1e-9)
        assert mdc(2.1 * scale, 1.0 / scale, 3).queue_length == pytest.approx(
            mdc(2.1, 1.0, 3).queue_length, rel=1e-9
        )
        assert dm1(0.8 * scale, scale).wait_probability == pytest.approx(
            dm1(0.8, 1.0).wait_probability, rel=1e-12
        )
        patient = erlang_a(3.3 * scale, scale, 3, 2.0 / scale)
        assert patient.rejected_ratio == pytest.approx(erlang_a(3.3, 1.0, 3, 2.0).rejected_ratio, rel=1e-9)


def test_loads_next_to_one() -> None:
    assert mdc(0.9999, 1.0, 1).wait_mean == pytest.approx(mg1(0.9999, (1.0, 1.0, 1.0)).wait_mean, rel=1e-9)
    spare = 1.0 - dm1(1.0 - 1e-9, 1.0).wait_probability
    assert spare == pytest.approx(2e-9, rel=1e-6)
    assert mmc(1.0 - 1e-12, 1.0, 1).in_system == pytest.approx(1e12, rel=1e-3)


def test_patience_far_out() -> None:
    long = erlang_a(50_000.0, 1.0, 40_000, 10.0)
    assert long.rejected_ratio == pytest.approx(0.2, rel=1e-9)
    assert long.queue_length == pytest.approx(100_000.0, rel=1e-6)
    # Those who are served wait as long as the fluid does: log(λ/(cμ)) times the patience.
    assert long.wait_mean == pytest.approx(10.0 * math.log(1.25), rel=1e-3)
    for limit in (1e-9, 1e-3, 1.0, 1e3, 1e6):
        for rate in (0.1, 9.999999999, 10.0, 10.000000001, 200.0):
            m = fixed_patience(rate, 1.0, 10, limit)
            assert m.busy_workers == pytest.approx(rate * (1.0 - m.rejected_ratio), rel=1e-9)
            assert 0.0 <= m.wait_mean <= limit
            assert m.wait_quantile(0.999) <= limit
    assert fixed_patience(80.0, 1.0, 10, 500.0).wait_mean == pytest.approx(500.0 - 1.0 / 70.0, rel=1e-9)


def test_many_users() -> None:
    m = finite_source(1_000_000, 100.0, 1.0, 10_500)
    assert m.throughput == pytest.approx(1e6 / 101.0, rel=1e-4)
    assert m.rejected_ratio == 0.0
    assert m.wait_quantile(0.99) == pytest.approx(0.0, abs=1e-2)


def test_drain_and_chain_of_a_million_states() -> None:
    k = 1_000_000
    chance = stationary(np.full(k, 0.999999), np.ones(k))
    assert chance.sum() == pytest.approx(1.0, rel=1e-12)
    assert time_to_fall(np.zeros(10), np.full(10, 2.0), 10, 0) == pytest.approx(5.0)
