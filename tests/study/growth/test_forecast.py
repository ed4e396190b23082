"""The forecast of M/M/c, whose run-out load and dates are known: through intervals; and of a series in a file."""

import datetime as dt
import math
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

import sim
from sim.cli.forecast import horizon_in_words, purchases
from sim.errors import UsageError
from sim.report.growth_words import run_out_words
from sim.study.growth.demand import Level, Steady
from sim.study.growth.forecast import forecast
from sim.study.growth.staircase import Size, run_out
from sim.study.load import offered_load
from sim.units import format_rate, seconds_of
from tests.study.growth.test_headroom import SHOP, truth

MONTH = seconds_of("month")
GROWING = (
    SHOP
    + "plan: {growth: {rate: 8% per month, start: 2026-01-31, horizon: 15 months}, lead_time: 6 weeks, purchase: 4}\n"
)


def months(factor: float) -> float:
    return math.log(factor) / math.log(1.08) * MONTH


@pytest.fixture(scope="module")
def found() -> sim.study.growth.forecast.Forecast:
    return forecast(sim.loads(GROWING), confidence=0.999)


def test_capacity_runs_out_when_theory_says(found: sim.study.growth.forecast.Forecast) -> None:
    assert found.verdict == "met"
    assert found.run_out.earliest <= months(truth(12)) <= found.run_out.latest
    assert found.run_out.time == pytest.approx(months(truth(12)), abs=0.25 * MONTH)
    date = found.date(found.run_out.time)
    assert date == dt.date(2026, 1, 31) + dt.timedelta(seconds=found.run_out.time)


def test_every_step_of_the_staircase_is_where_theory_says(found: sim.study.growth.forecast.Forecast) -> None:
    assert len(found.steps) == sum(truth(12 + 4 * place) < 1.08**15 for place in range(12))
    for place, step in enumerate(found.steps):
        assert (step.before.workers, step.bought) == (12 + 4 * place, 4)
        assert step.needed.earliest <= months(truth(step.before.workers)) <= step.needed.latest
        assert step.order == pytest.approx(step.needed.earliest - 42 * 86400.0)
    assert sum(size.searched for size in found.sizes) <= 4


def test_the_tables_and_json_agree(found: sim.study.growth.forecast.Forecast) -> None:
    document = found.to_json()
    assert list(found.table["workers"]) == [row["workers"] for row in document["purchases"]]
    assert document["run_out"]["date"] == str(found.date(found.run_out.time))
    assert document["growth"]["per_year"][0] == pytest.approx(1.08**12 - 1.0)
    assert len(found.levels) == 16
    assert found.levels["level"].iloc[-1] == pytest.approx(1.08**15)


def test_a_shrinking_load_never_runs_out() -> None:
    shrinking = forecast(sim.loads(GROWING).set("plan.growth", "-1% per month"))
    assert shrinking.run_out.time == math.inf
    assert shrinking.steps == ()
    assert shrinking.date(shrinking.run_out.time) is None


def test_a_series_with_a_season(tmp_path: Path) -> None:
    draws = np.random.default_rng(7)
    rows, start = 48, dt.date(2022, 1, 1)
    season = 0.15 * np.sin(2.0 * np.pi * np.arange(rows) / 12.0)
    values = np.exp(8.0 + 0.01 * np.arange(rows) + season + 0.02 * draws.normal(size=rows))
    dates = [f"{start.year + place // 12}-{place % 12 + 1:02d}" for place in range(rows)]
    lines = [f"{date},{value:.3f}" for date, value in zip(dates, values, strict=True)]
    (tmp_path / "load.csv").write_text("\n".join(["month,requests", *lines]) + "\n", encoding="utf-8")
    growth = "{file: load.csv, time: month, column: requests, season: 12, horizon: 3y}"
    seasonal = forecast(sim.loads(f"{SHOP}plan: {{growth: {growth}}}\n", directory=tmp_path))
    rate = format_rate(offered_load(seasonal.scenario))
    assert any(
        note.startswith(f"the load as written, {rate}, is taken as the trend") for note in seasonal.notes
    )
    assert seasonal.demand.start == dt.date(2025, 12, 1)
    # The trend alone would take log(1.34)/0.01 = 29 months; the season's peak of +15 % passes it a year or more before.
    truth_ahead = next(
        ahead
        for ahead in range(1, 36)
        if 0.01 * ahead + 0.15 * math.sin(2.0 * math.pi * (rows - 1 + ahead) / 12.0) >= math.log(truth(12))
    )
    assert truth_ahead < 20
    assert seasonal.run_out.time == pytest.approx(truth_ahead * MONTH, abs=1.5 * MONTH)
    assert seasonal.run_out.earliest <= truth_ahead * MONTH
    peak = seasonal.levels["level"].idxmax()
    assert (rows - 1 + peak) % 12 in (2, 3, 4)


def test_overdue_orders_are_told() -> None:
    late = forecast(sim.loads(GROWING).set({"plan.lead_time": "9 months", "plan.growth.horizon": "6 months"}))
    assert late.overdue
    assert late.overdue[0].order < 0.0
    # Ordered today, it is there no sooner than the lead time from now.
    assert late.overdue[0].arrives == 9 * MONTH
    words = run_out_words(late)
    assert "at the start, which to be safe was due" in words
    assert "until then the load is expected to be too much" in words


def test_purchases_go_on_to_the_greatest_load_that_there_may_be() -> None:
    unsure = forecast(sim.loads(GROWING).set("plan.growth", {"rate": "2% per month", "uncertainty": "1%"}))
    most = unsure.demand.at(unsure.demand.horizon, 0.975).high
    assert unsure.sizes[-1].factor >= most
    assert not math.isfinite(unsure.steps[-1].needed.time)
    assert math.isfinite(unsure.steps[-1].needed.earliest)
    assert all(step.arrives == max(step.needed.earliest, unsure.lead_time) for step in unsure.steps)


@dataclass(frozen=True)
class Unsure(Steady):
    """Growth of which the level is not known better than by so much."""

    off: float = 0.0

    def at(self, time: float, confidence: float) -> Level:
        """As wide as that at any time."""
        mean = super().at(time, confidence).mean
        return Level(mean, mean * (1.0 - self.off), mean * (1.0 + self.off))


@pytest.mark.parametrize(("off", "advised"), [(0.0, True), (0.02, True), (0.2, False)])
def test_more_replications_are_advised_only_where_they_could_tell(
    found: sim.study.growth.forecast.Forecast, off: float, advised: bool
) -> None:
    # The capacity is certified up to 0.98, and expected at 1.05: the load may be above that by what is not known of it.
    assert isinstance(found.demand, Steady)
    headroom = replace(found.headroom, factor=1.05, low=0.98, high=1.1)
    first = Size(12, 1.05, 0.98, 1.1)
    demand = Unsure(found.demand.growth, off)
    unsure = replace(found, demand=demand, headroom=headroom, run_out=run_out(demand, first, 0.9995))
    assert unsure.run_out.earliest == 0.0
    words = run_out_words(unsure)
    assert ("find that out before ordering" in words) == advised
    assert ("; order 4 more workers" in words) == (not advised)


INSTANCES = """
traffic: {web: {arrivals: {kind: poisson, rate: 60/s}, call: api}}
services: {api: {workers: 4, instances: 2, service_time: {kind: exponential, mean: 100ms}, queue: {capacity: 40}}}
objectives: [{subject: "traffic:web", metric: success_ratio, at_least: 99%}]
plan: {vary: {services.api.KEY: "2..8"}, growth: {rate: 8% per month, start: 2026-01-31, horizon: 6 months}}
run: {duration: 100s, warmup: 10s, replications: 5, seed: 3}
"""


@pytest.mark.parametrize(
    ("key", "said"),
    [("instances", "order 1 more instance"), ("workers", "order 1 more worker for each of 2 instances")],
)
def test_what_is_bought_is_what_the_plan_varies_and_is_called_so(key: str, said: str) -> None:
    bought = forecast(sim.loads(INSTANCES.replace("KEY", key)))
    assert bought.key == f"services.api.{key}"
    assert said in run_out_words(bought)
    assert f"{key} then" in purchases(bought).columns


def test_orders_that_were_due_before_today_are_counted() -> None:
    long_ago = forecast(sim.loads(GROWING).set("plan.growth.start", "2020-01-31"))
    number = sum(step.bought for step in long_ago.steps)
    there = dt.datetime.now(tz=dt.UTC).date() + dt.timedelta(weeks=6)
    assert horizon_in_words(long_ago).endswith(
        f"{number} more workers were to be ordered before today; ordered today, they are there on {there}."
    )


def test_what_cannot_be_forecast_is_refused() -> None:
    with pytest.raises(UsageError, match="how the load grows"):
        forecast(sim.loads(SHOP))
    with pytest.raises(UsageError, match="only a number of workers can be bought"):
        forecast(sim.loads(GROWING).set("services.api.workers", "inf"))
    with pytest.raises(UsageError, match="confidence 1"):
        forecast(sim.loads(GROWING), confidence=1.0)


TWO = """
traffic:
  orders: {arrivals: {kind: poisson, rate: 50/s}, call: order}
  lookups: {arrivals: {kind: poisson, rate: 20/s}, call: search}
services:
  order: {workers: 8, service_time: {kind: exponential, mean: 100ms}}
  search: {workers: 8, service_time: {kind: exponential, mean: 200ms}}
objectives:
  - {subject: "service:order", metric: wait_p95, at_most: 100ms}
  - {subject: "service:search", metric: wait_p95, at_most: 200ms}
plan: {growth: 5% per month, purchase: {step: 2, key: services.KEY.workers}}
run: {duration: 100s, warmup: 20s, replications: 5, seed: 3}
"""


def test_workers_are_bought_as_long_as_they_help() -> None:
    # By M/M/c the order service is first to break, at 1.21 times the load, and with ten workers outlasts the search,
    # which breaks at 1.51.
    bought = forecast(sim.loads(TWO.replace("KEY", "order")))
    assert [step.after.workers for step in bought.steps] == [10]
    assert bought.sizes[-1].low < 1.51 < bought.sizes[-1].high
    assert any("beyond 10 workers" in note and "service:search wait_p95" in note for note in bought.notes)
    useless = forecast(sim.loads(TWO.replace("KEY", "search")))
    assert useless.steps == ()
    assert any("beyond 8 workers" in note and "service:order wait_p95" in note for note in useless.notes)


def test_a_worker_that_a_mishap_takes_again_adds_nothing() -> None:
    # Two thirds of 12, 13, 14, 15 workers are 8, 8, 9 and 10: the thirteenth is bought with the fourteenth.
    lost = {"at": "20s", "for": "60s", "service": "api", "workers": "x0.67"}
    growing = sim.loads(SHOP).set(
        {
            "traffic.web.arrivals.rate": "60/s",
            "plan": {"growth": "2% per month", "purchase": 1, "survive": [lost]},
            "objectives": [{"subject": "traffic:web", "metric": "latency_mean", "at_most": "300ms"}],
        }
    )
    found = forecast(growing)
    sizes = [size.workers for size in found.sizes]
    assert sizes[:3] == [12, 14, 15]
    assert found.steps[0].bought == 2
    assert any("that a mishap leaves" in note for note in found.notes) is any(
        not size.searched for size in found.sizes
    )
