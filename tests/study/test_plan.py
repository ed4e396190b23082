"""Plans find the fewest workers that theory knows, with confidence, and say when they cannot."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

import sim
from sim.errors import UsageError

ERLANG = """
traffic: {web: {arrivals: {kind: poisson, rate: 20/s}, call: api}}
services: {api: {workers: 20, service_time: {kind: exponential, mean: 1s}, queue: {capacity: 0}}}
objectives: [{subject: "traffic:web", metric: rejected_ratio, at_most: 1%}]
plan: {vary: {services.api.workers: "1..1000"}}
run: {duration: 2000s, warmup: 20s, replications: 10}
"""


def test_the_answer_of_erlangs_formula_is_found_in_few_evaluations() -> None:
    # Erlang B: 20 erlangs lose 1.31 % with 29 workers and 0.85 % with 30.
    planned = sim.plan(sim.loads(ERLANG))
    assert planned.best == {"services.api.workers": 30}
    assert planned.feasible
    assert planned.minimal
    assert planned.cost == 30
    assert planned.evaluations <= 15
    assert planned.binding is not None
    assert planned.binding["metric"] == "rejected_ratio"
    sizes = [candidate.values["services.api.workers"] for candidate in planned.candidates]
    assert sizes == sorted(sizes)
    assert {28, 29, 30, 31, 32} <= set(sizes)


def test_far_from_theory_the_bisection_still_finds_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sim.study.plan.first_guess", lambda *_: 900)
    planned = sim.plan(sim.loads(ERLANG).set("run.duration", "1000s"))
    assert planned.best == {"services.api.workers": 30}
    assert planned.evaluations <= 17


def test_an_infeasible_range_is_missed() -> None:
    planned = sim.plan(sim.loads(ERLANG), vary={"services.api.workers": range(5, 20)})
    assert (planned.verdict, planned.best, planned.feasible) == ("missed", None, False)


# One worker at load 0.5: a request waits with probability 0.5 exactly.
TIE = """
traffic: {web: {arrivals: {kind: poisson, rate: 5/s}, call: api}}
services: {api: {workers: 1, service_time: {kind: exponential, mean: 100ms}}}
objectives: [{subject: "service:api", metric: wait_probability, at_most: 50%}]
plan: {vary: {services.api.workers: [1]}, confidence: 99%}
run: {duration: 200s, warmup: 10s, replications: 5}
"""


def test_a_bound_that_lies_on_the_truth_is_settled_by_theory() -> None:
    planned = sim.plan(sim.loads(TIE))
    assert planned.best == {"services.api.workers": 1}
    assert planned.answer is not None
    assert planned.answer.objectives[0]["decided_by"] == "theory"
    assert "exactly" in planned.notes[0]


def test_where_theory_knows_nothing_it_stays_undecided_and_says_what_it_would_take() -> None:
    # A start that theory does not speak of, at no loss: the figures are the same.
    planned = sim.plan(sim.loads(TIE).set("traffic.web.arrivals.start", "1ms"))
    assert planned.verdict == "inconclusive"
    assert planned.candidates[0].replications > 5
    assert planned.needed is not None
    assert planned.needed_duration is not None
    assert planned.needed > planned.candidates[0].replications
    assert planned.needed_duration > 200.0


def test_other_keys_are_tried_and_the_fewest_workers_win() -> None:
    planned = sim.plan(
        sim.loads(ERLANG).set("run.duration", "500s"),
        vary={"services.api.workers": range(20, 41), "services.api.queue.capacity": [0, 20]},
    )
    assert planned.best is not None
    assert planned.best["services.api.queue.capacity"] == 20
    assert planned.best["services.api.workers"] < 30


def test_the_json_is_plain_and_names_what_the_table_shows() -> None:
    planned = sim.plan(
        sim.loads(ERLANG).set("run.duration", "300s"), vary={"services.api.workers": range(28, 34)}
    )
    document: dict[str, Any] = planned.to_json()
    json.dumps(document, allow_nan=False)
    assert "services.api.workers" in planned._repr_html_()
    assert "candidates simulated" in repr(planned)
    assert document["evaluations"] == len(document["table"]) == len(planned.table)
    assert document["confidence"] == 0.95


def test_without_objectives_there_is_nothing_to_plan_for() -> None:
    with pytest.raises(UsageError, match="objectives: "):
        sim.plan(sim.loads(ERLANG).set("objectives", []))


@pytest.mark.parametrize("values", [[2, 3, math.inf], "2...4", [0, 1]])
def test_numbers_of_workers_that_cannot_be_planned_name_a_valid_one(values: Any) -> None:
    with pytest.raises(UsageError, match="for example"):
        sim.plan(sim.loads(ERLANG), vary={"services.api.workers": values})


def test_a_range_may_be_written_as_in_the_file() -> None:
    planned = sim.plan(sim.loads(ERLANG).set("run.duration", "300s"), vary={"services.api.workers": "28..33"})
    assert planned.best is not None
