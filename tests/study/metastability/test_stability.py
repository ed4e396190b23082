"""The whole study: semantics that flip the verdict, ways out of a collapse, and what is said of them."""

from __future__ import annotations

import json
import math

import pytest

import sim
from sim.engines.fate import Seen
from sim.errors import ScenarioError, UsageError
from sim.report.stability_words import sentences
from sim.study.metastability.fates import Fates, Judge, Judging
from sim.study.metastability.margin import vulnerable_load
from sim.study.metastability.remedies import ways_out
from sim.study.metastability.semantics import refusals, semantics, variants
from sim.study.metastability.stability import Stability
from tests.study.metastability.test_basin import TIPPING

HARMFUL = sim.loads(TIPPING).set("faults[0].rate", "x9")


def test_what_a_refusal_does_next_moves_recovery() -> None:
    crowd = sim.loads(TIPPING).set(
        {
            "traffic.web.arrivals.rate": "50/s",
            "clients.app": {"timeout": "1500ms", "cancel": "anywhere", "retry": {"attempts": 40}},
            "services.api.queue.capacity": 5,
            "faults": [{"at": "3s", "for": "3s", "traffic": "web", "rate": "x6"}],
            "run.duration": "200s",
        }
    )
    judge = Judge()
    written = judge.fates(judge.case(crowd), 60)
    found = {one.name: one for one in semantics(judge, crowd, written, wanted=0.5)}
    at_once, later = written, found["failures retried a timeout later"].fates
    given_up = found["a refusal is given up"].fates
    assert refusals(crowd) == "app: tried again at once"
    times = [
        fates.survival().restricted_mean(fates.case.watch.horizon)[0] for fates in (at_once, later, given_up)
    ]
    assert max(times) > 4.0 * min(times)


def test_cancelled_work_flips_the_verdict() -> None:
    judge = Judge()
    written = judge.fates(judge.case(HARMFUL), 100)
    found = {one.name: one for one in semantics(judge, HARMFUL, written, wanted=0.95)}
    assert written.verdict(wanted=0.95) == "collapses"
    assert found["a timeout stops the work too"].flips
    assert found["a timeout stops the work too"].verdict == "recovers"
    assert found["a timeout stops the work too"].changes == {"clients.app.cancel": "anywhere"}


@pytest.mark.parametrize(
    ("times", "said"),
    [
        ((1.0, 2.0), "two fates"),
        ((1.0, 15.5), "of a longer --horizon more may"),
        ((1.0, 10.0), "95% asked for."),
    ],
)
def test_two_fates_lie_apart(times: tuple[float, ...], said: str) -> None:
    case = Judge(Judging(horizon=16.0)).case(HARMFUL)
    seen = [Seen("recovered", time, (), (), (), (), (), 0.0) for time in times]
    down = [Seen("collapsed", 16.0, (math.inf,), (), (), (), (), 0.0)] * 100
    found = Stability(HARMFUL, Fates(case, (*seen, *down)), "collapses", 0.95, 0.95, "")
    assert said in sentences(found)[0]
    assert ("two fates" in sentences(found)[0]) == (said == "two fates")


def test_a_load_at_which_it_goes_down_by_itself_is_told() -> None:
    hasty = {"timeout": "300ms", "retry": {"attempts": 3, "backoff": "200ms"}}
    alone = sim.loads(TIPPING).set(
        {
            "traffic.web.arrivals.rate": "40/s",
            "clients.app": hasty,
            "services.api": {
                "workers": 4,
                "service_time": {"kind": "exponential", "mean": "60ms"},
                "queue": {"capacity": 200},
            },
            "faults": [{"at": "10s", "for": "1s", "service": "api", "service_time": "x1.02"}],
            "run.duration": "120s",
        }
    )
    found = vulnerable_load(Judge(), alone, chance=0.5)
    assert found.by_itself
    case = Judge().case(HARMFUL)
    words = sentences(Stability(alone, Fates(case, ()), "undecided", 0.95, 0.95, "", loads=(found,)))
    assert any("Around the load of 50% it goes down without the trigger too." in each for each in words)


def test_where_nothing_is_refused_nothing_is_said_of_it() -> None:
    assert refusals(HARMFUL.set({"services.api.queue.capacity": "inf"})) == ""


def test_meanings_that_the_scenario_has_already_are_not_tried_again() -> None:
    names = [name for name, _ in variants(HARMFUL)]
    assert "failures retried at once" not in names
    assert "a timeout cancels nothing" not in names
    assert "a late reply is wasted" not in names
    patient = HARMFUL.set("clients.app", {})
    assert list(variants(patient)) == []
    endless = HARMFUL.set({"clients.app.retry": {"attempts": "inf", "backoff": "1s"}})
    assert "failures retried at once" not in [name for name, _ in variants(endless)]


def test_ways_out_bring_collapsed_runs_back_and_the_cheapest_is_first() -> None:
    judge = Judge()
    fates = judge.fates(judge.case(HARMFUL), 30)
    found = ways_out(judge, fates, runs=20)
    enough = [way for way in found if way.enough]
    assert enough
    assert found[: len(enough)] == enough
    assert [way.lost for way in enough] == sorted(way.lost for way in enough)
    assert all(way.recovered >= 0.95 * way.runs for way in enough)
    # Turning everybody away for a moment is enough; a quarter is not, as the storm is five times the load.
    names = {way.name.rpartition(" for ")[0]: way for way in found}
    assert names["turn away 100% of the traffic"].enough
    assert not names["turn away 25% of the traffic"].enough


def test_up_to_the_way_out_a_run_is_the_one_that_collapsed() -> None:
    judge = Judge()
    case = judge.case(HARMFUL)
    fates = judge.fates(case, 10)
    later = HARMFUL.set(
        "faults",
        [*HARMFUL.document["faults"], {"at": "19s", "for": "1s", "traffic": "web", "rate": "x0"}],
    )
    assert judge.fates(judge.case(later, horizon=1.0), 10).case.trigger.end == 20.0
    same = judge.chosen(case, range(10))
    assert [seen.fate for seen in same] == [seen.fate for seen in fates.seen]


def test_where_nothing_collapsed_no_way_out_is_needed() -> None:
    judge = Judge()
    fates = judge.fates(judge.case(sim.loads(TIPPING).set("faults[0].rate", "x1.5")), 20)
    assert ways_out(judge, fates) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"services.api.queue.capacity": "inf", "services.api.admission": "[codel]"},
        {"services.api.queue.capacity": "inf", "services.api.conflict": "optimistic"},
        {"services.api.queue.capacity": "inf", "clients.app.retry.on": ["timeout"]},
    ],
)
def test_a_failure_that_is_retried_may_be_retried_in_other_ways(changes: dict[str, object]) -> None:
    later = HARMFUL.set({**changes, "clients.app.retry.backoff": "2s"})
    names = [name for name, _ in variants(later)]
    assert {"failures retried at once", "failures retried a timeout later"} <= set(names)
    assert ("a refusal is given up" in names) == ("clients.app.retry.on" not in changes)


def test_what_is_undecided_flips_nothing_and_is_said_so() -> None:
    # All of ten runs recover, or none: 95 % is certain of neither.
    judge = Judge()
    written = judge.fates(judge.case(HARMFUL), 10)
    others = semantics(judge, HARMFUL, written, wanted=0.95)
    verdict = written.verdict(wanted=0.95)
    open_ones = sum(one.verdict == "undecided" for one in others)
    assert (verdict, open_ones > 0) == ("collapses", True)
    found = Stability(HARMFUL, written, verdict, 0.95, 0.95, "", variants=tuple(others))
    assert not found.flipping
    (said,) = [one for one in sentences(found) if "other ways to behave" in one]
    assert said.endswith(f"is shown to flip the verdict ({open_ones} of them undecided with this many runs).")


def test_the_whole_study_is_plain_values_and_the_same_twice() -> None:
    once = sim.stability(HARMFUL, runs=80, jobs=2)
    assert once.verdict == "collapses"
    assert once.mean_time() is None  # not every run recovered
    document = once.to_json()
    text = json.dumps(document, allow_nan=False)
    assert json.dumps(sim.stability(HARMFUL, runs=80, jobs=1).to_json(), allow_nan=False) == text
    assert (document["schema_version"], document["seed"], document["engine"]) == (1, 1, "compiled")
    assert document["horizon"] == once.horizon == 16.0
    assert document["flipping"] == [one.name for one in once.flipping] != []
    said = " ".join(sentences(once))
    assert "16 s" in said  # the horizon is part of the verdict
    assert "After a refusal (503): app: tried again at once." in said
    assert "a timeout stops the work too" in said
    assert "cheapest way out" in said


def test_a_map_alone_leaves_the_searches_out() -> None:
    vary = {"faults[0].rate": ["x2", "x9"], "faults[0].for": ["500ms", "1s"]}
    found = sim.stability(HARMFUL, vary=vary, runs=10, precision=0.2)
    assert found.basin is not None
    assert (found.margins, found.loads, found.variants, found.ways_out) == ((), (), (), ())
    assert len(found.to_json()["map"]["cells"]) == 4
    assert "2 × 2 cells" in " ".join(sentences(found))


@pytest.mark.parametrize(
    "options", [{"runs": 0}, {"wanted": 1.0}, {"confidence": 0.0}, {"horizon": -1.0}, {"jobs": 0}]
)
def test_numbers_that_make_no_sense_are_errors_with_an_example(options: dict[str, float]) -> None:
    with pytest.raises(UsageError, match="for example"):
        sim.stability(HARMFUL, **options)  # type: ignore[arg-type]


def test_without_a_trigger_there_is_nothing_to_judge() -> None:
    with pytest.raises(ScenarioError, match="there is no trigger"):
        sim.stability(HARMFUL.set("faults", []))
