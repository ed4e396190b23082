"""What must hold of every model: Little's law, laws that match their means, limits where two models meet."""

import math
from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.scenario.closed_distributions import Constant, Erlang, Exponential, Gamma, Lognormal, Weibull
from sim.scenario.phase_distributions import Hyperexponential
from sim.theory.birth_death import stationary
from sim.theory.closed import finite_source
from sim.theory.ctmc import stationary_chain
from sim.theory.erlang import (
    erlang_b,
    erlang_c,
    load_for_blocking,
    workers_for_blocking,
    workers_for_wait_chance,
)
from sim.theory.gg_c import allen_cunneen
from sim.theory.gi_m_1 import dm1, gi_m_1
from sim.theory.infinite import gg_inf
from sim.theory.inversion import mg1_wait
from sim.theory.mdc import mdc
from sim.theory.mg1 import batch_mg1, mg1
from sim.theory.mg1k import md1k
from sim.theory.mmc import mm_inf, mmc, mmc_probabilities
from sim.theory.mmck import mmck
from sim.theory.mph1 import mph1
from sim.theory.patience import erlang_a, fixed_patience
from sim.theory.phase_queue import map_ph_c, poisson_arrivals, renewal_arrivals
from sim.theory.phases import Phases, phases_of
from sim.theory.priority import mg1_priority, mmc_priority
from sim.theory.retrial import retrial
from sim.theory.shortest import shortest_first
from sim.theory.steady import Steady
from sim.theory.transforms import deficit

LOADS = st.floats(0.05, 0.95)
WORKERS = st.integers(1, 40)
RATES = st.floats(0.01, 1000.0)
SPREAD = settings(max_examples=40, deadline=None)


def phases(law: Exponential | Erlang | Hyperexponential) -> Phases:
    found = phases_of(law)
    assert found is not None
    return found


#: load, workers, service rate -> figures. Every model with its own arrivals and losses.
MODELS: dict[str, Callable[[float, int, float], Steady]] = {
    "M/M/c": lambda load, c, mu: mmc(load * c * mu, mu, c),
    "M/M/c/K": lambda load, c, mu: mmck(2.0 * load * c * mu, mu, c, c + 7),
    "M/M/c/c": lambda load, c, mu: mmck(2.0 * load * c * mu, mu, c, c),
    "M/M/inf": lambda load, c, mu: mm_inf(load * c * mu, mu),
    "G/G/inf": lambda load, c, mu: gg_inf(load * c * mu, 1.0 / mu),
    "M/M/c/K/N": lambda load, c, mu: finite_source(3 * c, 1.0 / (load * mu), mu, c, c + 2),
    "M/M/c+M": lambda load, c, mu: erlang_a(2.0 * load * c * mu, mu, c, 0.7 / mu),
    "M/M/c/K+M": lambda load, c, mu: erlang_a(2.0 * load * c * mu, mu, c, 0.7 / mu, c + 5),
    "M/M/c+D": lambda load, c, mu: fixed_patience(2.0 * load * c * mu, mu, c, 0.4 / mu),
    "M/G/1": lambda load, _, mu: mg1(load * mu, (1.0 / mu, 3.0 / mu**2, 20.0 / mu**3)),
    "M^X/G/1": lambda load, c, mu: batch_mg1(load * mu / c, (float(c), 1.5 * c * c), Erlang(
        mean=f"{1.0 / mu}s", shape=2).moments()),
    "M/PH/1": lambda load, _, mu: mph1(load * mu, phases(Erlang(mean=f"{1.0 / mu}s", shape=3))),
    "M/D/c": lambda load, c, mu: mdc(load * c * mu, 1.0 / mu, c),
    "M/D/1/K": lambda load, c, mu: md1k(2.0 * load * mu, 1.0 / mu, c),
    "D/M/1": lambda load, _, mu: dm1(load * mu, mu),
    "G/G/c": lambda load, c, mu: allen_cunneen(load * c * mu, 1.0 / mu, c, 0.5, 2.0),
    "retrial": lambda load, c, mu: retrial(load * c * mu, mu, c, c + 3, 2.0 / mu, 0.9).steady,
    "M/PH/c": lambda load, c, mu: map_ph_c(
        poisson_arrivals(load * (c % 6 + 1) * mu), phases(Hyperexponential(mean=f"{1.0 / mu}s", cv=1.5)), c % 6 + 1,
        math.inf),
    "M/PH/c/K": lambda load, c, mu: map_ph_c(
        poisson_arrivals(2.0 * load * (c % 6 + 1) * mu), phases(Erlang(mean=f"{1.0 / mu}s", shape=2)), c % 6 + 1,
        c % 6 + 5),
}  # fmt: skip


@pytest.mark.parametrize("name", MODELS)
@settings(max_examples=12, deadline=None)
@given(load=LOADS, workers=WORKERS, mu=st.floats(0.01, 100.0))
def test_littles_law_holds_at_every_boundary(name: str, load: float, workers: int, mu: float) -> None:
    m = MODELS[name](load, workers, mu)
    assert m.throughput == pytest.approx(m.arrival_rate * (1.0 - m.rejected_ratio), rel=1e-9)
    assert m.busy_workers == pytest.approx(m.throughput * (m.sojourn_mean - m.wait_mean), rel=1e-9)
    if (
        "+" not in name
    ):  # who gives up also waits: Little's law holds for all who queue, not for the served alone
        assert m.queue_length == pytest.approx(m.throughput * m.wait_mean, rel=1e-9, abs=1e-12)
        assert m.in_system == pytest.approx(m.throughput * m.sojourn_mean, rel=1e-9)
    assert 0.0 <= m.rejected_ratio < 1.0
    assert m.utilization <= 1.0 + 1e-12
    assert 0.0 <= m.wait_probability <= 1.0 + 1e-12


@pytest.mark.parametrize("name", MODELS)
@settings(max_examples=6, deadline=None)
@given(load=LOADS, workers=WORKERS, mu=st.floats(0.1, 10.0))
def test_laws_have_the_mean_of_the_model(name: str, load: float, workers: int, mu: float) -> None:
    m = MODELS[name](load, workers, mu)
    for law, mean in ((m.wait, m.wait_mean), (m.sojourn, m.sojourn_mean)):
        if law is None:
            continue
        assert law.mean == pytest.approx(mean, rel=1e-8, abs=1e-12)
        quantiles = [law.quantile(p) for p in (0.1, 0.5, 0.9, 0.99)]
        assert quantiles == sorted(quantiles)
        for p, t in zip((0.1, 0.5, 0.9, 0.99), quantiles, strict=True):
            assert law.cdf(t) >= p - 1e-6
            assert law.tail(t) + law.cdf(t) == pytest.approx(1.0, abs=1e-9)
            if t > 0.0:
                assert law.tail(t) <= (1.0 - p) * 1.0001  # with an atom there, it may be far less
                assert law.tail(t * (1.0 - 1e-9)) >= (1.0 - p) * 0.9999
    if m.wait is not None and not math.isnan(m.wait_probability):
        assert m.wait.tail(0.0) == pytest.approx(m.wait_probability, abs=1e-9)


@SPREAD
@given(load=LOADS, workers=WORKERS, mu=RATES)
def test_a_bounded_queue_grows_into_an_unbounded_one(load: float, workers: int, mu: float) -> None:
    rate = load * workers * mu
    places = workers + math.ceil(45.0 / -math.log(load))
    near, far = mmck(rate, mu, workers, places), mmc(rate, mu, workers)
    assert near.rejected_ratio < 1e-15
    assert near.queue_length == pytest.approx(far.queue_length, rel=1e-10)
    assert near.wait_probability == pytest.approx(far.wait_probability, rel=1e-10)
    assert near.wait_variance == pytest.approx(far.wait_variance, rel=1e-9)
    for p in (0.5, 0.99):
        assert near.wait_quantile(p) == pytest.approx(far.wait_quantile(p), rel=1e-9, abs=1e-13 / mu)
        assert near.sojourn_quantile(p) == pytest.approx(far.sojourn_quantile(p), rel=1e-9)


@SPREAD
@given(workers=st.integers(0, 60), load=st.fractions(Fraction(1, 50), 80))
def test_erlang_b_is_the_quotient_of_sums(workers: int, load: Fraction) -> None:
    terms = [load**n / math.factorial(n) for n in range(workers + 1)]
    assert erlang_b(workers, float(load)) == pytest.approx(float(terms[-1] / sum(terms)), rel=1e-12)


@SPREAD
@given(workers=st.floats(0.01, 50.0), load=st.floats(0.05, 200.0))
def test_erlang_b_between_whole_numbers_keeps_its_recursion_and_falls(workers: float, load: float) -> None:
    here, next_one = erlang_b(workers, load), erlang_b(workers + 1.0, load)
    assert next_one == pytest.approx(load * here / (workers + 1.0 + load * here), rel=1e-11)
    assert erlang_b(workers + 0.01, load) < here < 1.0


@SPREAD
@given(load=st.floats(0.1, 300.0), target=st.floats(1e-6, 0.5))
def test_inverses_of_erlangs_formulas(load: float, target: float) -> None:
    c = workers_for_blocking(load, target)
    assert erlang_b(c, load) <= target < erlang_b(c - 1, load)
    n = workers_for_wait_chance(load, target)
    assert n > load
    assert erlang_c(n, load) <= target
    assert n - 1 <= load or erlang_c(n - 1, load) > target
    assert erlang_b(c, load_for_blocking(c, target)) == pytest.approx(target, rel=1e-9)


@SPREAD
@given(load=LOADS, workers=st.integers(1, 12), mu=RATES)
def test_birth_death_meets_the_closed_form(load: float, workers: int, mu: float) -> None:
    states = workers + math.ceil(40.0 / -math.log(load))
    n = np.arange(1, states)
    chance = stationary(np.full(states - 1, load * workers * mu), mu * np.minimum(n, workers))
    np.testing.assert_allclose(
        chance, mmc_probabilities(load * workers * mu, mu, workers, states), rtol=1e-10
    )


def test_birth_death_over_two_hills_and_past_an_end() -> None:
    births = np.concatenate([np.full(400, 0.1), np.full(420, 10.0)])
    chance = stationary(births, np.ones(820))
    assert chance[-1] == pytest.approx(0.9, rel=1e-9)
    assert chance[0] == pytest.approx(0.9e-20, rel=1e-9)
    np.testing.assert_allclose(stationary([1.0, 0.0, 5.0], [1.0, 2.0, 0.0]), [0.5, 0.5, 0.0, 0.0])


@SPREAD
@given(load=LOADS, mu=RATES)
def test_where_several_exact_models_hold_they_agree(load: float, mu: float) -> None:
    rate, mean = load * mu, 1.0 / mu
    one = mmc(rate, mu, 1)
    law = Exponential(mean=f"{mean!r}s")
    same = [
        mg1(rate, law.moments()),
        mph1(rate, phases(law)),
        gi_m_1(rate, mu, deficit(Exponential(mean=f"{1.0 / rate!r}s"))),
        map_ph_c(poisson_arrivals(rate), phases(law), 1, math.inf),
        allen_cunneen(rate, mean, 1, 1.0, 1.0),
    ]
    for other in same:
        for name in ("queue_length", "in_system", "wait_mean", "sojourn_mean", "wait_probability"):
            assert getattr(other, name) == pytest.approx(getattr(one, name), rel=1e-9), name
        for p in (0.5, 0.95):
            if other.wait is not None:
                assert other.wait_quantile(p) == pytest.approx(
                    one.wait_quantile(p), rel=1e-7, abs=1e-13 * mean
                )


@SPREAD
@given(load=LOADS, mean=st.floats(0.001, 100.0))
def test_constant_service_by_every_route(load: float, mean: float) -> None:
    rate = load / mean
    exact = mg1(rate, (mean, mean**2, mean**3))
    crommelin = mdc(rate, mean, 1)
    assert crommelin.wait_mean == pytest.approx(exact.wait_mean, rel=1e-9)
    assert crommelin.wait_probability == pytest.approx(load, rel=1e-10)
    # Before one service time has passed the law is known in closed form: P(W ≤ t) = (1 − ρ)·e^(λt).
    assert crommelin.wait is not None
    assert crommelin.wait.tail(0.5 * mean) == pytest.approx(
        1.0 - (1.0 - load) * math.exp(0.5 * load), rel=1e-9
    )
    assert crommelin.wait.mean_within(400.0 * mean) == pytest.approx(exact.wait_mean, rel=1e-6)
    bounded = md1k(rate, mean, 1 + math.ceil(45.0 / -math.log(load)))
    assert bounded.queue_length == pytest.approx(exact.queue_length, rel=1e-8)
    shortest = shortest_first(rate, (mean, mean**2, mean**3), lambda _: mean)
    assert shortest.wait_mean == pytest.approx(exact.wait_mean, rel=1e-9)


@SPREAD
@given(load=st.floats(0.1, 3.0), workers=st.integers(1, 30))
def test_patience_lies_between_loss_and_endless_waiting(load: float, workers: int) -> None:
    rate = load * workers
    lost = erlang_b(workers, rate)
    for eager in (erlang_a(rate, 1.0, workers, 1e-9), fixed_patience(rate, 1.0, workers, 1e-9)):
        assert eager.rejected_ratio == pytest.approx(lost, rel=1e-6)
    # With patience as long as service the number in the system is that of unlimited workers.
    alike = erlang_a(rate, 1.0, workers, 1.0)
    assert alike.in_system == pytest.approx(rate, rel=1e-10)
    if load < 0.9:
        for patient in (erlang_a(rate, 1.0, workers, 1e12), fixed_patience(rate, 1.0, workers, 1e4)):
            assert patient.wait_mean == pytest.approx(mmc(rate, 1.0, workers).wait_mean, rel=1e-6, abs=1e-12)


@SPREAD
@given(rates=st.lists(st.floats(0.05, 0.3), min_size=1, max_size=3), workers=st.integers(1, 5))
def test_priorities_share_out_the_same_waiting(rates: list[float], workers: int) -> None:
    moments = [(1.0, 2.0, 6.0)] * len(rates)
    waits = mg1_priority(rates, moments)
    assert waits == sorted(waits)
    average = sum(rate * wait for rate, wait in zip(rates, waits, strict=True)) / sum(rates)
    assert average == pytest.approx(mg1(sum(rates), (1.0, 2.0, 6.0)).wait_mean, rel=1e-10)
    many = mmc_priority([workers * rate for rate in rates], 1.0, workers)
    average = sum(rate * wait for rate, wait in zip(rates, many, strict=True)) / sum(rates)
    assert average == pytest.approx(mmc(workers * sum(rates), 1.0, workers).wait_mean, rel=1e-10)


@settings(max_examples=10, deadline=None)
@given(load=st.floats(0.2, 0.95), p=st.sampled_from([0.5, 0.9, 0.99]))
def test_inverted_transforms_meet_the_phases(load: float, p: float) -> None:
    for law in (Exponential(mean="1s"), Erlang(mean="1s", shape=3), Hyperexponential(mean="1s", cv=2.0)):
        exact = mph1(load, phases(law))
        wait, sojourn = mg1_wait(load, law, exact.wait_mean)
        assert wait.quantile(p) == pytest.approx(exact.wait_quantile(p), rel=1e-6, abs=1e-6)
        assert sojourn.quantile(p) == pytest.approx(exact.sojourn_quantile(p), rel=1e-6)


def test_inverted_laws_have_the_means_of_pollaczek_and_khinchine() -> None:
    for law in (Lognormal(mean="1s", cv=1.5), Weibull(mean="1s", shape=0.7), Gamma(mean="1s", cv=0.7)):
        exact = mg1(0.7, law.moments())
        wait, sojourn = mg1_wait(0.7, law, exact.wait_mean)
        # The mean lies in the tail too: 400 services hold nearly all of it.
        assert wait.mean_within(400.0) == pytest.approx(exact.wait_mean, rel=2e-3)
        assert sojourn.mean_within(400.0) == pytest.approx(exact.sojourn_mean, rel=2e-3)


def test_users_are_insensitive_to_how_their_thinking_is_spread() -> None:
    """Only the mean of the think time matters while nobody is refused: two phases against the closed form."""
    users, think, mu, c = 5, 2.0, 1.0, 2

    def moves(state: tuple[int, int]) -> list[tuple[tuple[int, int], float]]:
        first, second = state
        inside = users - first - second
        rate = 2.0 / think
        found = [((first - 1, second + 1), first * rate), ((first, second - 1), second * rate)]
        found = [(there, rate) for there, rate in found if rate > 0.0]
        return [*found, ((first + 1, second), mu * min(inside, c))] if inside else found

    chain = stationary_chain((users, 0), moves)
    exact = finite_source(users, think, mu, c)
    assert users - chain.mean(lambda s: float(sum(s))) == pytest.approx(exact.in_system, rel=1e-10)


def test_retries_after_errors_keep_the_numbers_of_a_poisson_queue() -> None:
    """Two tries, each failing with chance 0.4, and a backoff: the chain by hand against M/M/1 of the whole rate."""
    rate, mu, fails, back = 0.35, 1.0, 0.4, 0.5

    def moves(state: tuple[int, int, int]) -> list[tuple[tuple[int, int, int], float]]:
        first, second, away = state
        inside = first + second
        found = [((first + 1, second, away), rate)] if inside < 40 else []
        if away and inside < 40:
            found.append(((first, second + 1, away - 1), away * back))
        if first:
            served = mu * first / inside
            found.append(((first - 1, second, away), served * (1.0 - fails)))
            found.append(((first - 1, second, min(12, away + 1)), served * fails))
        if second:
            found.append(((first, second - 1, away), mu * second / inside))
        return found

    chain = stationary_chain((0, 0, 0), moves)
    exact = mmc(rate * (1.0 + fails), mu, 1)
    assert chain.mean(lambda s: float(s[0] + s[1])) == pytest.approx(exact.in_system, rel=1e-7)
    assert chain.mean(lambda s: float(s[2])) == pytest.approx(rate * fails / back, rel=1e-7)


def test_chain_of_a_retrial_queue_by_hand() -> None:
    rate, mu, back, c, places, stays = 1.1, 1.0, 0.7, 2, 3, 0.8

    def moves(state: tuple[int, int]) -> list[tuple[tuple[int, int], float]]:
        n, m = state
        found = [((n - 1, m), mu * min(n, c))] if n else []
        if n < places:
            found.append(((n + 1, m), rate))
            if m:
                found.append(((n + 1, m - 1), m * back))
        else:
            if m < 150:
                found.append(((n, m + 1), rate * stays))
            if m:
                found.append(((n, m - 1), m * back * (1.0 - stays)))
        return found

    chain = stationary_chain((0, 0), moves)
    exact = retrial(rate, mu, c, places, 1.0 / back, stays)
    assert exact.orbit == pytest.approx(chain.mean(lambda s: float(s[1])), rel=1e-10)
    assert exact.steady.queue_length == pytest.approx(chain.mean(lambda s: max(0.0, s[0] - c)), rel=1e-10)
    assert exact.steady.wait is not None
    assert exact.steady.wait.mean == pytest.approx(exact.steady.wait_mean, rel=1e-10)


def test_renewal_arrivals_in_phases_meet_gi_m_1() -> None:
    gap = Erlang(mean="1.25s", shape=3)
    exact = gi_m_1(0.8, 1.0, deficit(gap))
    levels = map_ph_c(renewal_arrivals(phases(gap)), phases(Exponential(mean="1s")), 1, math.inf)
    assert levels.wait_mean == pytest.approx(exact.wait_mean, rel=1e-10)
    assert levels.wait_probability == pytest.approx(exact.wait_probability, rel=1e-10)
    assert levels.wait_quantile(0.99) == pytest.approx(exact.wait_quantile(0.99), rel=1e-8)


def test_transforms_by_quadrature_meet_closed_forms() -> None:
    for law in (Lognormal(mean="1s", cv=2.0), Weibull(mean="1s", shape=0.6)):
        first, second, _ = law.moments()
        short = deficit(law)(1e-5)
        assert short == pytest.approx(1e-5 * first - 0.5e-10 * second, rel=1e-8)
    assert deficit(Weibull(mean="1s", shape=1.0))(2.0) == pytest.approx(2.0 / 3.0, rel=1e-11)
    assert deficit(Constant(value="1s"))(2.0) == pytest.approx(1.0 - math.exp(-2.0))
    spread = deficit(Hyperexponential(mean="1s", cv=2.0))
    total = sum(weight * 2.0 / (rate + 2.0) for weight, rate in Hyperexponential(mean="1s", cv=2.0).phases())
    assert spread(2.0) == pytest.approx(total)
