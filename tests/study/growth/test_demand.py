"""Demand: rates as they are said, series as they were made; intervals cover the truth, also of dependent rows."""

import datetime as dt
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.measure.intervals import binomial
from sim.scenario.growth import GrowthRate, SeriesGrowth, SteadyGrowth
from sim.study.growth.demand import Fitted, Steady, demand_of, fitted
from sim.units import YEAR, seconds_of

MONTH = seconds_of("month")


def series(
    folder: Path, values: np.ndarray, season: int | None = None, base: float | None = None
) -> SeriesGrowth:
    first = dt.date(2020, 1, 1)
    rows = [
        f"{first + dt.timedelta(days=7 * place)},{value!r}" for place, value in enumerate(values.tolist())
    ]
    (folder / "load.csv").write_text("\n".join(["week,load", *rows]) + "\n", encoding="utf-8")
    return SeriesGrowth.model_validate(
        {"file": "load.csv", "time": "week", "column": "load", "season": season, "base": base},
        context={"directory": folder},
    )


@settings(deadline=None)
@given(st.floats(-0.5, 1.0), st.floats(0.0, 0.3), st.floats(0.0, 60.0))
def test_a_steady_rate_is_an_exponential_between_its_bounds(ratio: float, off: float, months: float) -> None:
    demand = demand_of(SteadyGrowth(rate=GrowthRate(ratio, "month"), uncertainty=off))
    level = demand.at(months * MONTH)
    assert level.mean == pytest.approx((1.0 + ratio) ** months, rel=1e-9)
    assert level.low <= level.mean * (1.0 + 1e-9)
    assert level.high >= level.mean * (1.0 - 1e-9)
    # The interval is that of the rate as it was said.
    assert level.low == pytest.approx((1.0 + ratio - off) ** months, rel=1e-6)
    assert level.high == pytest.approx((1.0 + ratio + off) ** months, rel=1e-6)


def test_more_than_a_number_can_hold_is_infinite() -> None:
    level = demand_of(SteadyGrowth(rate=GrowthRate(100.0, "day"))).at(1000.0 * YEAR)
    assert math.isinf(level.mean)


@settings(deadline=None, max_examples=20)
@given(st.floats(-1.0, 2.0), st.floats(0.01, 1000.0), st.integers(12, 40))
def test_what_grows_exactly_is_found_exactly(yearly: float, first: float, rows: int) -> None:
    import tempfile

    weeks = np.arange(rows) * 7.0 * 86400.0 / YEAR
    with tempfile.TemporaryDirectory() as folder:
        demand = fitted(series(Path(folder), first * np.exp(yearly * weeks)))
    assert math.log1p(demand.yearly[0]) == pytest.approx(yearly, abs=1e-8)
    assert demand.at(YEAR).mean == pytest.approx(math.exp(yearly), rel=1e-8)
    assert demand.at(0.0).mean == pytest.approx(1.0)


def test_a_season_comes_back_at_its_place(tmp_path: Path) -> None:
    effects = np.array([0.3, -0.1, 0.0, -0.2])
    rows = 26
    logs = 5.0 + 0.01 * np.arange(rows) + effects[np.arange(rows) % 4]
    demand = fitted(series(tmp_path, np.exp(logs), season=4))
    for ahead in range(9):
        wanted = 0.01 * ahead + effects[(rows - 1 + ahead) % 4]
        assert math.log(demand.at(ahead * demand.step).mean) == pytest.approx(wanted, abs=1e-9)
    # With a base the level is the series' own value over it.
    based = fitted(series(tmp_path, np.exp(logs), season=4, base=100.0))
    assert based.at(0.0).mean == pytest.approx(math.exp(logs[-1]) / 100.0)


@pytest.mark.parametrize(("alike", "season"), [(0.0, None), (0.0, 4), (0.6, None), (0.6, 4)])
def test_intervals_cover_the_expected_level(alike: float, season: int | None, tmp_path: Path) -> None:
    draws = np.random.default_rng(7)
    rows, ahead, runs, covered, within = 40, 20, 200, 0, 0
    phases = np.arange(rows + ahead + 1) % 4
    effects = np.array([0.2, -0.2, 0.1, -0.1])[phases] if season else np.zeros(rows + ahead + 1)
    for _ in range(runs):
        noise = np.zeros(rows + ahead + 1)
        last = draws.normal()
        for place in range(len(noise)):
            last = alike * last + math.sqrt(1.0 - alike**2) * draws.normal()
            noise[place] = 0.1 * last
        logs = 0.01 * np.arange(len(noise)) + effects
        demand = fitted(series(tmp_path, np.exp(logs + noise)[:rows], season, base=1.0))
        time = ahead * demand.step
        level, (low, high) = demand.at(time), demand.around(time)
        covered += level.low <= math.exp(logs[rows - 1 + ahead]) <= level.high
        within += low <= math.exp((logs + noise)[rows - 1 + ahead]) <= high
    # Few dependent rows say little about how dependent they are: there the level's interval may be a little short.
    wanted = 0.95 if alike == 0.0 else 0.88
    assert binomial(covered, runs, 0.9999)[1] >= wanted
    assert binomial(within, runs, 0.9999)[1] >= wanted


def test_dependent_rows_widen_the_interval(tmp_path: Path) -> None:
    draws = np.random.default_rng(7)
    steps = draws.normal(size=60)
    wandering = np.convolve(steps, [0.9**k for k in range(20)])[:60]
    shuffled = draws.permutation(wandering)
    apart = fitted(series(tmp_path, np.exp(0.1 * shuffled)))
    alike = fitted(series(tmp_path, np.exp(0.1 * wandering)))
    assert apart.correlation < 0.3 < alike.correlation
    width = [demand.at(YEAR).high / demand.at(YEAR).low for demand in (apart, alike)]
    assert width[0] < width[1]


def test_which_is_which(tmp_path: Path) -> None:
    assert isinstance(demand_of(SteadyGrowth(rate=GrowthRate(0.1, "year"))), Steady)
    assert isinstance(demand_of(series(tmp_path, np.arange(1.0, 20.0))), Fitted)
