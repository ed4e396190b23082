"""Growth in a scenario: spans and rates of the calendar, series from a file, and what is wrong with them."""

import datetime as dt
import math
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sim
from sim.errors import QuantityError, ScenarioError
from sim.scenario.growth import GrowthRate, SeriesGrowth, SteadyGrowth
from sim.scenario.scenario import Scenario
from sim.units import YEAR, format_span, parse_growth, parse_span, seconds_of, write_span

BASE = """
traffic: {web: {arrivals: {kind: poisson, rate: 80/s}, call: api}}
services: {api: {workers: 12, service_time: 100ms}}
run: {duration: 60s}
"""
MONTHS = [f"{2024 + place // 12}-{place % 12 + 1:02d}" for place in range(30)]


def with_plan(plan: str, directory: Path | str = ".") -> Scenario:
    return sim.loads(f"{BASE}plan: {plan}\n", directory=directory)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("6 weeks", 42 * 86400.0),
        ("6w", 42 * 86400.0),
        ("2y", 2 * YEAR),
        ("18 months", 1.5 * YEAR),
        ("1 quarter", YEAR / 4),
        ("90d", 90 * 86400.0),
    ],
)
def test_spans_of_the_calendar(text: str, seconds: float) -> None:
    assert parse_span(text) == pytest.approx(seconds)


@settings(deadline=None)
@given(st.floats(1e-3, 999.0 * YEAR))
def test_a_span_reads_back_as_it_was_written(seconds: float) -> None:
    assert parse_span(write_span(seconds)) == pytest.approx(seconds, rel=1e-14)


@pytest.mark.parametrize(
    "text", ["6", "0 days", "-1 week", "6 fortnights", "5min", "2000 years", "1e400 days"]
)
def test_what_is_no_span_is_refused(text: str) -> None:
    with pytest.raises(QuantityError):
        parse_span(text)


def test_spans_as_a_person_reads_them() -> None:
    assert format_span(parse_span("10 days")) == "10 days"
    assert format_span(parse_span("6 weeks")) == "6 weeks"
    assert format_span(parse_span("18 months")) == "18 months"
    assert format_span(parse_span("2 years")) == "2 years"
    assert format_span(math.inf) == "never"


@pytest.mark.parametrize(
    ("text", "ratio", "period"),
    [
        ("8% per month", 0.08, "month"),
        ("8 % / month", 0.08, "month"),
        ("0.08 a month", 0.08, "month"),
        ("-2% per year", -0.02, "year"),
        ("1% per week", 0.01, "week"),
        ("3% per quarter", 0.03, "quarter"),
    ],
)
def test_growth_by_a_period(text: str, ratio: float, period: str) -> None:
    assert parse_growth(text) == (ratio, period)


@pytest.mark.parametrize("text", ["3 per quarter", "-2 a year", "1 / month"])
def test_growth_without_its_sign_is_asked_about(text: str) -> None:
    with pytest.raises(QuantityError, match=r"has no %.* did you mean -?[0-9]% per"):
        parse_growth(text)


@settings(deadline=None)
@given(st.floats(-0.99, 10.0), st.sampled_from(["day", "week", "month", "quarter", "year"]))
def test_growth_compounds(ratio: float, period: str) -> None:
    rate = GrowthRate(ratio, period)
    assert math.exp(rate.per_second * seconds_of(period)) == pytest.approx(1.0 + ratio, rel=1e-9)


@settings(deadline=None, max_examples=25)
@given(st.floats(-0.5, 3.0), st.floats(0.0, 0.4))
def test_a_plan_with_growth_is_written_as_it_reads(ratio: float, off: float) -> None:
    scenario = with_plan(f"{{growth: {{rate: {100.0 * ratio!r}% per month, uncertainty: {off!r}}}}}")
    written = scenario.model_dump(mode="json")["plan"]["growth"]
    again = SteadyGrowth.model_validate(written, context={"written": True})
    assert scenario.plan is not None
    assert again.rate.ratio == pytest.approx(ratio, abs=1e-12)
    assert again.uncertainty == off


def test_a_bare_rate_stands_for_a_mapping() -> None:
    plan = with_plan("{growth: 8% per month, lead_time: 6 weeks, purchase: 4}").plan
    assert plan is not None
    assert plan.growth == SteadyGrowth(rate=GrowthRate(0.08, "month"))
    assert (plan.lead_time, plan.purchase.step if plan.purchase else 0) == (42 * 86400.0, 4)
    assert plan.vary == {}


def test_growth_changes_the_hash_and_so_does_its_file(tmp_path: Path) -> None:
    assert with_plan("{growth: 8% per month}").hash != with_plan("{growth: 9% per month}").hash
    series(tmp_path, range(1, 31))
    before = with_series(tmp_path).hash
    series(tmp_path, range(2, 32))
    assert with_series(tmp_path).hash != before


def series(folder: Path, values: object, months: list[str] = MONTHS) -> None:
    rows = [f"{month},{value}" for month, value in zip(months, values, strict=True)]  # type: ignore[call-overload]
    (folder / "load.csv").write_text("\n".join(["month,requests", *rows]) + "\n", encoding="utf-8")


def with_series(folder: Path, more: str = "") -> Scenario:
    return with_plan(f"{{growth: {{file: load.csv, time: month, column: requests{more}}}}}", folder)


def test_a_series_is_read_with_its_dates(tmp_path: Path) -> None:
    series(tmp_path, range(1, 31))
    plan = with_series(tmp_path, ", season: 12").plan
    assert plan is not None
    growth = plan.growth
    assert isinstance(growth, SeriesGrowth)
    assert growth.start == dt.date(2026, 6, 1)
    assert growth.observations()[-1] == (0.0, 30.0)
    assert growth.observations()[-2] == (-31 * 86400.0, 29.0)


def broken(place: int, value: object) -> list[object]:
    values: list[object] = list(range(1, 31))
    values[place] = value
    return values


@pytest.mark.parametrize(
    ("values", "months", "more", "said"),
    [
        (broken(4, ""), MONTHS, "", 'line 6: "" is a missing value'),
        (broken(4, "much"), MONTHS, "", 'line 6: "much" is not a number'),
        (broken(4, 0), MONTHS, "", 'line 6: "0" is not more than 0'),
        (broken(4, "nan"), MONTHS, "", "is not finite"),
        (broken(4, "1,150"), MONTHS, "", "line 6: 3 cells, where the header has 2"),
        (range(1, 31), [*MONTHS[:5], *reversed(MONTHS[5:])], "", "does not come after the row before it"),
        (range(1, 31), [MONTHS[0], *MONTHS[:-1]], "", "line 3: 2024-01-01 does not come after"),
        (
            range(1, 30),
            [*MONTHS[:9], *MONTHS[10:]],
            ", season: 12",
            "line 11: 8.71 weeks after the row before it",
        ),
        (range(1, 8), MONTHS[:7], "", "has 7 rows; a trend takes 8"),
        (range(1, 26), MONTHS[:25], ", season: 12", "a trend with this season takes 26"),
        (range(1, 31), MONTHS, ", season: 1", "1 row is no season"),
        (range(1, 31), ["then", *MONTHS[1:]], "", 'line 2: "then" is not a date'),
    ],
)
def test_what_is_wrong_with_a_series_is_said(
    values: object, months: list[str], more: str, said: str, tmp_path: Path
) -> None:
    series(tmp_path, values, months)
    with pytest.raises(ScenarioError) as caught:
        with_series(tmp_path, more)
    (problem,) = caught.value.problems
    assert said in problem.message
    assert problem.path.startswith("plan.growth")


def test_a_gap_is_no_harm_without_a_season(tmp_path: Path) -> None:
    series(tmp_path, range(1, 30), [*MONTHS[:9], *MONTHS[10:]])
    assert with_series(tmp_path).plan is not None
