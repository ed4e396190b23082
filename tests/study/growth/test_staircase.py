"""The staircase: run-out times and orders, exactly; and what must hold whatever the growth."""

import math
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.scenario.growth import GrowthRate, SteadyGrowth
from sim.study.growth.demand import Steady
from sim.study.growth.staircase import Size, between, moments, passing, peak, run_out, staircase
from sim.units import YEAR, seconds_of

MONTH = seconds_of("month")


def growing(ratio: float, off: float = 0.0, horizon: float = 2.0 * YEAR) -> Steady:
    return Steady(SteadyGrowth(rate=GrowthRate(ratio, "month"), uncertainty=off, horizon=horizon))


def exactly(workers: int, factor: float) -> Size:
    return Size(workers, factor, factor, factor)


@settings(deadline=None)
@given(st.floats(0.01, 1.0), st.floats(1.0, 5.0))
def test_a_steady_load_runs_out_where_the_logarithm_says(ratio: float, capacity: float) -> None:
    wanted = math.log(capacity) / math.log1p(ratio) * MONTH
    found = run_out(growing(ratio), exactly(1, capacity))
    if wanted <= 2.0 * YEAR * (1.0 - 1e-9):
        assert found.time == pytest.approx(wanted, abs=1.0)
        assert found.earliest == pytest.approx(found.latest, abs=1.0)
    elif wanted > 2.0 * YEAR * (1.0 + 1e-9):
        assert found.time == math.inf


@settings(deadline=None)
@given(
    st.floats(0.005, 0.5), st.floats(0.0, 0.1), st.floats(0.5, 4.0), st.floats(1.0, 1.3), st.floats(1.0, 1.3)
)
def test_less_certainty_never_narrows_the_interval(
    ratio: float, off: float, factor: float, below: float, above: float
) -> None:
    found = run_out(growing(ratio, off), Size(1, factor, factor / below, factor * above))
    assert found.earliest <= found.time <= found.latest
    sure = run_out(growing(ratio), exactly(1, factor))
    assert found.earliest <= sure.earliest + 1.0
    assert found.latest >= sure.latest - 1.0


def test_what_is_too_small_has_run_out_and_what_shrinks_never_does() -> None:
    assert run_out(growing(0.1), exactly(1, 0.9)).time == 0.0
    assert run_out(growing(-0.1), exactly(1, 1.5)).time == math.inf


def test_a_season_that_peaks_over_the_capacity_counts() -> None:
    levels = [(0.0, 1.0), (1.0, 2.0), (2.0, 1.0), (3.0, 4.0)]
    assert passing(levels, 2.0) == 1.0
    assert passing(levels, math.sqrt(2.0)) == pytest.approx(0.5)
    assert passing(levels, 3.0) == pytest.approx(2.0 + math.log(3.0) / math.log(4.0))
    assert passing(levels, 5.0) == math.inf


def test_orders_go_a_lead_time_before_the_earliest_need() -> None:
    demand, lead = growing(0.08, 0.02), 6 * 7 * 86400.0
    sizes = [
        Size(12 + 4 * place, 1.3 + 0.5 * place, 1.28 + 0.5 * place, 1.33 + 0.5 * place) for place in range(20)
    ]
    steps = staircase(demand, sizes, lead)
    assert steps[0].order == pytest.approx(run_out(demand, sizes[0]).earliest - lead)
    assert steps[0].order_expected == pytest.approx(math.log(1.3) / math.log(1.08) * MONTH - lead, abs=1.0)
    assert all(step.bought == 4 for step in steps)
    needed = [step.needed.time for step in steps]
    assert needed == sorted(needed)
    # After the last purchase the capacity lasts to the horizon; before it, it does not.
    assert steps[-1].after.factor >= peak(demand) > steps[-1].before.factor


@settings(deadline=None)
@given(st.floats(0.0, 0.3), st.floats(0.05, 3.0))
def test_the_moments_reach_from_the_start_to_the_horizon(ratio: float, years: float) -> None:
    times = list(moments(growing(ratio, horizon=years * YEAR)))
    assert times[0] == 0.0
    assert times[-1] == pytest.approx(years * YEAR)
    assert all(before < after for before, after in pairwise(times))


@settings(deadline=None)
@given(st.integers(1, 50), st.integers(2, 60), st.floats(0.5, 0.99), st.floats(0.0, 1.0))
def test_a_size_between_two_lies_between_them(first: int, more: int, busy: float, root: float) -> None:
    def rule(workers: int) -> Size:
        """Each worker takes busy·(1 - root/√workers·busy): the square-root rule."""
        factor = workers * busy * (1.0 - root * busy / math.sqrt(workers))
        return Size(workers, factor, 0.99 * factor, 1.01 * factor)

    sizes = [rule(first), rule(first + more)]
    middle = between(sizes, first + more // 2) if more // 2 else None
    if middle is not None:
        assert middle.factor == pytest.approx(rule(middle.workers).factor, rel=1e-9)
        assert middle.low <= middle.factor <= middle.high
        assert not middle.searched
