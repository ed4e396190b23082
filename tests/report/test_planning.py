"""Sections 4, 8, 9 and 10, and what the verdict says of them: sizes, growth, the tornado, what better costs."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from pathlib import Path

import pytest

import sim
from sim.measure.results import Results
from sim.report.blocks import Section, Table, Verdict
from sim.report.growth_words import headroom_words, run_out_words
from sim.report.page import Report, build
from sim.report.pictures.frontier import frontier
from sim.report.pictures.growth import growth
from sim.report.pictures.tornado import MOST_ROWS, tornado
from sim.report.plan_words import asked_words, candidates_table, held_table
from sim.study.growth.demand import demand_of
from sim.study.growth.forecast import Forecast
from sim.study.growth.headroom import headroom
from sim.study.growth.staircase import RunOut
from sim.study.planning.planned import Planned
from sim.study.sensitivities.sensitivity import Sensitivity
from tests.report.test_page import Outline

SHOP = """
name: shop
traffic: {web: {arrivals: {kind: poisson, rate: 50/s}, call: api, client: app}}
clients: {app: {timeout: 2s, retry: {attempts: 3, backoff: {kind: exponential, base: 100ms, jitter: full}}}}
services: {api: {workers: 8, service_time: {kind: exponential, mean: 100ms}, queue: {capacity: 60}}}
objectives:
  - {subject: "traffic:web", metric: latency_p99, at_most: 700ms}
plan:
  vary: {services.api.workers: 5..12, services.api.queue.capacity: [20, 60]}
  minimize: {worker_hour: 1, place_hour: 0.01}
  survive: [{name: a worker lost, faults: [{at: 20s, for: 10s, service: api, workers: x0.8}]}]
run: {duration: 60s, warmup: 10s, replications: 6, seed: 7}
"""


@pytest.fixture(scope="module")
def shop() -> Results:
    return sim.run(sim.loads(SHOP, "shop.yaml", Path()))


@pytest.fixture(scope="module")
def planned(shop: Results) -> Planned:
    return sim.plan(shop.scenario)


@pytest.fixture(scope="module")
def turned(shop: Results) -> Sensitivity:
    return sim.sensitivity(shop.scenario, replications=4, step=0.1)


@pytest.fixture(scope="module")
def page(shop: Results, planned: Planned, turned: Sensitivity) -> Report:
    return build(shop.scenario, shop, curves=False, plan=planned, sensitivity=turned)


GROWING = {
    "traffic.web.client": None,
    "services.api.queue": None,
    "objectives": [{"subject": "traffic:web", "metric": "latency_mean", "at_most": "150ms"}],
    "plan": {
        "vary": {"services.api.workers": "5..12"},
        "growth": {
            "rate": "3% per month",
            "uncertainty": "1%",
            "start": "2026-01-15",
            "horizon": "15 months",
        },
        "lead_time": "6 weeks",
        "purchase": 2,
    },
}


@pytest.fixture(scope="module")
def foreseen(shop: Results) -> Forecast:
    return sim.forecast(shop.scenario.set(GROWING))


def section(page: Report, number: int) -> Section:
    return next(found for found in page.sections if found.number == number)


def facts(page: Report) -> dict[str, str]:
    box = page.sections[0].blocks[0]
    assert isinstance(box, Verdict)
    return dict(box.facts)


def test_studies_that_are_given_make_their_sections_without_new_runs(page: Report) -> None:
    assert [found.number for found in page.sections] == [1, 2, 4, 5, 9, 10, 11, 12, 13]
    assert not Outline(page.html()).faults


def test_the_verdict_recommends_what_the_plan_found(page: Report, planned: Planned) -> None:
    assert planned.best is not None
    words = facts(page)["Recommended sizes"]
    for path, value in planned.best.items():
        assert f"{path} = {value}" in words
    assert "an hour" in words
    assert "in spite of a worker lost too" in words
    assert planned.binding is not None
    assert facts(page)["What binds"].startswith("p99 latency of traffic web ≤ 700 ms")


def test_sizes_are_those_of_the_plan_with_the_answer_marked(page: Report, planned: Planned) -> None:
    tables = [block for block in section(page, 4).blocks if isinstance(block, Table)]
    first, lost = tables[0], tables[1]
    assert first.columns[:2] == ("services.api.workers", "services.api.queue.capacity")
    (marked,) = [row for row in first.rows if "← the plan" in row[0]]
    assert planned.best is not None
    assert marked[0].split()[0] == str(planned.best["services.api.workers"])
    assert marked[1] == str(planned.best["services.api.queue.capacity"])
    assert marked[-1] == "met"
    assert all(len(row) == len(first.columns) for row in first.rows)
    assert [row[0] for row in lost.rows] == ["api"]


def test_without_a_plan_the_sizes_as_written_are_judged(shop: Results) -> None:
    from sim.study.sizing import sizing

    bare = shop.scenario.set("plan", None)
    found = build(bare, sim.run(bare), curves=False, sizing=sizing(bare, most=5))
    (table,) = [block for block in section(found, 4).blocks if isinstance(block, Table)]
    assert [row[1] for row in table.rows] == ["6", "7", "8", "9", "10", "5"]
    assert "Recommended sizes" not in facts(found)


def test_the_frontier_never_falls_back_and_the_plan_is_ringed(page: Report, planned: Planned) -> None:
    (picture,) = section(page, 10).pictures
    assert "The plan: " in picture.alt
    values = [point["value"] for point in planned.frontier]
    assert values == sorted(values, reverse=True)
    drawn = frontier(planned)
    assert drawn.svg() == frontier(planned).svg()
    assert any(line.get_markersize() == 12 for line in drawn.axes[0].lines)


def test_the_tornado_has_the_widest_swing_on_top(page: Report, turned: Sensitivity) -> None:
    (picture,) = section(page, 9).pictures
    (metric,) = turned.metrics
    rows = turned.of(*metric)
    order = [picture.alt.index(f"{each.parameter.path}:") for each in rows[:MOST_ROWS]]
    assert order == sorted(order)
    (table,) = [block for block in section(page, 9).blocks if isinstance(block, Table)]
    assert [row[0] for row in table.rows] == [each.parameter.path for each in rows]
    elasticities = {row[0]: row[5] for row in table.rows}
    assert re.fullmatch(r"[-\d.]+ \[[-\d.]+, [-\d.]+\]", elasticities["services.api.service_time.mean"])


def test_a_tornado_of_what_no_run_has_says_so(turned: Sensitivity) -> None:
    assert "nothing to turn" in tornado([]).alt
    assert tornado(turned.turned).svg() == tornado(turned.turned).svg()


def test_growth_meets_capacity_at_the_run_out(foreseen: Forecast) -> None:
    scenario = foreseen.scenario
    page = build(scenario, sim.run(scenario), curves=False, forecast=foreseen)
    found = section(page, 8)
    (picture,) = found.pictures
    date = foreseen.date(foreseen.run_out.time)
    assert date is not None
    assert f"Capacity as it is runs out {date.isoformat()}" in picture.alt
    assert facts(page)["Runs out"].startswith("Capacity runs out in ")
    assert f", on {date.isoformat()}, at the earliest on " in facts(page)["Runs out"]
    assert "order 2 more workers by " in facts(page)["Runs out"]
    assert facts(page)["Headroom"].startswith("certified: the load may grow to ")
    purchases, loads = (block for block in found.blocks if isinstance(block, Table))
    assert len(purchases.rows) == len(foreseen.steps)
    assert {row[2] for row in loads.rows} >= {"met", "missed"}
    assert not Outline(page.html()).faults


def test_what_the_recommended_sizes_take_stands_beside_what_is_written(foreseen: Forecast) -> None:
    scenario = foreseen.scenario.set({"services.api.workers": 12, "run.replications": 4})
    fewer = sim.plan(scenario)
    assert fewer.best is not None
    assert fewer.best["services.api.workers"] < 12
    taken = headroom(scenario.set(fewer.best), confidence=0.975)
    page = build(
        scenario,
        sim.run(scenario),
        curves=False,
        forecast=sim.forecast(scenario),
        plan=fewer,
        recommended=taken,
    )
    known = facts(page)
    assert known["Headroom with the recommended sizes"] == headroom_words(taken)
    assert known["Headroom as written"] != known["Headroom with the recommended sizes"]
    lasts = known["Runs out with the recommended sizes"]
    assert lasts.startswith("Capacity runs out in ")
    assert re.search(r"; order what comes after these by 20\d\d-\d\d-\d\d$", lasts)
    assert known["Runs out as written"] != lasts


def test_growth_is_drawn_without_dates_and_without_a_run_out(foreseen: Forecast) -> None:
    drawn = growth(foreseen)
    assert drawn.svg() == growth(foreseen).svg()
    never = math.inf
    calm = replace(foreseen, run_out=RunOut(never, never, never), steps=())
    assert "does not run out within" in growth(calm).alt
    undated = foreseen.scenario.set("plan.growth", "3% per month")
    assert undated.plan is not None
    assert undated.plan.growth is not None
    assert "runs out in " in growth(replace(foreseen, demand=demand_of(undated.plan.growth))).alt
    assert run_out_words(calm) == "Capacity does not run out within 15 months"


def test_without_growth_the_headroom_stands_alone(foreseen: Forecast) -> None:
    scenario = foreseen.scenario.set("plan", None)
    page = build(scenario, sim.run(scenario), curves=False, headroom=foreseen.headroom)
    assert section(page, 8).title == "Headroom"
    assert not section(page, 8).pictures
    assert "Runs out" not in facts(page)


def test_what_cannot_be_survived_is_no_green_box(shop: Results) -> None:
    half = {
        "name": "half of them lost",
        "faults": [{"at": "20s", "for": "30s", "service": "api", "workers": "x0.5"}],
    }
    planned = shop.scenario.set("plan.survive", [half])
    results = sim.run(planned)
    assert results.verdict == "met"
    found = build(planned, results, curves=False, headroom=sim.headroom(planned))
    assert found.verdict == "missed"
    box = found.sections[0].blocks[0]
    assert isinstance(box, Verdict)
    assert box.headline == (
        "What must be survived is not: p99 latency of traffic web ≤ 700 ms (half of them lost) breaks. As written: "
        "the objective holds."
    )


def test_many_things_that_must_hold_have_a_table_of_their_own(planned: Planned, shop: Results) -> None:
    spike = {
        "faults": [{"at": "20s", "for": "5s", "traffic": "web", "rate": "x1.2"}],
        "objectives": [
            {"subject": "traffic:web", "metric": "success_ratio", "at_least": "50%"},
            {"subject": "traffic:web", "metric": "latency_p99", "at_most": "20s"},
        ],
    }
    few = candidates_table(planned, asked_words)
    assert few[0][-2:] == ("replications", "verdict")
    many = sim.plan(
        shop.scenario.set({"plan.survive": [spike, *shop.scenario.document["plan"]["survive"]]}),
        vary={"services.api.workers": range(6, 10)},
    )
    columns, rows, _ = candidates_table(many, asked_words)
    assert columns[-4:] == ("nearest to its bound", "measured", "replications", "verdict")
    assert len(rows) == len(many.candidates)
    assert held_table(planned, asked_words) is None
    held = held_table(many, asked_words)
    assert many.answer is not None
    assert held is not None
    assert [row[0] for row in held[1]] == [asked_words(row) for row in many.answer.objectives]
    assert {row[-1] for row in held[1]} == {"met"}


def test_the_command_that_makes_it_again_leaves_out_what_it_left_out(page: Report) -> None:
    assert "--seed 7 --replications 6 --no-curves" in page.html()
