"""Fates: two of them are never averaged, the horizon is part of the verdict, and a run stops when it is known."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

import sim
from sim.engines.fate import Calm, Seen
from sim.errors import UsageError
from sim.shipped import shipped
from sim.study.metastability.fates import Case, Fates, Judge, Judging, fates

STORM = """
traffic: {web: {arrivals: {kind: poisson, rate: 30/s}, call: api, client: app}}
clients: {app: {timeout: 500ms, retry: {attempts: 4}}}
services: {api: {workers: 5, service_time: {kind: exponential, mean: 80ms}, queue: {capacity: 80}}}
faults: [{at: 3s, for: 1s, traffic: web, rate: x4}]
run: {duration: 20s}
"""


def test_two_fates_are_told_apart_and_no_mean_is_of_both() -> None:
    found = fates(sim.load(shipped()["retry_storm"]), 100, judging=Judging(horizon=60.0))
    low, high = found.interval()
    assert 0.2 < low < found.probability < high < 0.7
    survival = found.survival()
    back = [seen.time for seen in found.seen if seen.fate == "recovered"]
    assert max(back) < 30.0  # soon, or not at all: nothing is near the mean of the two
    assert survival.quantile()[0] == math.inf
    mean = survival.restricted_mean(60.0)[0]
    assert not any(abs(time - mean) < 2.0 for time in back)


def test_the_spikes_end_as_their_comments_say() -> None:
    never = fates(sim.load(shipped()["spike_naive_retry"]), 40, judging=Judging(horizon=30.0))
    always = fates(sim.load(shipped()["spike_full_jitter"]), 40, judging=Judging(horizon=30.0))
    assert (never.verdict(), always.verdict()) == ("collapses", "recovers")
    assert never.collapsed == 40
    # The waves of a backoff in step are seen too: the orbit is a part of the backlog.
    waves = fates(sim.load(shipped()["spike_backoff_no_jitter"]), 40)
    assert waves.survival().quantile()[0] > 2.0 * always.survival().quantile()[0]


def test_the_horizon_is_part_of_the_verdict() -> None:
    spread = sim.load(shipped()["spike_full_jitter"])
    assert fates(spread, 40, judging=Judging(horizon=5.0)).verdict() == "collapses"
    assert fates(spread, 40, judging=Judging(horizon=40.0)).verdict() == "recovers"


def test_runs_are_stopped_when_they_are_back() -> None:
    found = fates(sim.loads(STORM).set("faults[0].rate", "x1.5"), 20)
    assert found.recovered == 20
    for seen in found.seen:
        assert seen.now < 4.0 + seen.time + 2.0 * found.case.watch.hold


def test_more_runs_are_the_next_ones() -> None:
    judge = Judge(jobs=2)
    case = judge.case(sim.loads(STORM))
    once = judge.fates(case, 30)
    twice = judge.more([judge.fates(case, 10)], [20])[0]
    assert judge.chosen(case, [3, 17]) == [once.seen[3], once.seen[17]]
    assert twice.seen == once.seen


def test_a_service_that_is_down_by_itself_recovers_from_nothing() -> None:
    # Retried at once, five times the load of a service that is nearly full already: it collapses without any trigger.
    full = sim.loads(STORM).set({"traffic.web.arrivals.rate": "60/s", "run.duration": "60s"})
    found = fates(full, 10)
    assert found.case.down == ("api",)
    assert found.collapsed == 10


TWO = """
traffic:
  big: {arrivals: {kind: poisson, rate: 500/s}, call: shop, client: calm}
  pay: {arrivals: {kind: poisson, rate: 12/s}, call: pay, client: hasty}
clients:
  calm: {timeout: 1s}
  hasty: {timeout: 300ms, retry: {attempts: 5, backoff: none}}
services:
  shop: {workers: 40, service_time: {kind: exponential, mean: 60ms}, queue: {capacity: 300}}
  pay: {workers: 1, service_time: 40ms, queue: {capacity: 20}}
faults: [{at: 5s, for: 3s, service: pay, pause: true}]
run: {duration: 25s}
"""


def test_a_small_service_that_stays_down_is_no_noise_of_a_big_one() -> None:
    # One in forty requests is `pay`'s, and its whole queue is less than what `shop` varies by.
    judge = Judge(Judging(horizon=15.0))
    found = judge.fates(judge.case(sim.loads(TWO)), 40)
    assert list(found.case.judged) == ["pay"]
    assert found.verdict(wanted=0.3) == "collapses"
    assert found.stayed_down() == {"pay": found.collapsed}
    # Both are reached where both are struck, and each is judged by itself.
    both = sim.loads(TWO).set(
        "faults",
        [*sim.loads(TWO).document["faults"], {"at": "5s", "for": "1s", "service": "shop", "pause": True}],
    )
    found = judge.fates(judge.case(both), 40)
    assert found.verdict(wanted=0.3) == "collapses"
    assert found.stayed_down() == {"shop": 0, "pay": found.collapsed}


LOST = """
traffic:
  many: {arrivals: {kind: poisson, rate: 200/s}, call: api}
  few: {arrivals: {kind: poisson, rate: 20/s}, call: api, client: far}
clients: {far: {timeout: 100ms}}
services: {api: {workers: 20, service_time: {kind: exponential, mean: 50ms}, queue: {capacity: 100}}}
faults:
  - {at: 2s, for: 1s, traffic: many, rate: x1.2}
  - {at: 0s, for: 13s, client: far, lost: 100%}
run: {duration: 60s}
"""


def early(judge: Judge, horizon: float, hold: float) -> Case:
    """Judged from 3 s on, while every attempt of `few` is lost for ten seconds more."""
    case = judge.case(sim.loads(LOST))
    calm = (Calm(1e6, hold),)  # whatever the backlog
    return replace(case, watch=replace(case.watch, begin=3.0, horizon=horizon, calm=calm))


def test_a_class_that_nobody_answers_is_seen_beside_one_of_ten_times_its_rate() -> None:
    judge = Judge(Judging(horizon=20.0))
    case = early(judge, 5.0, 2.0)
    assert judge.fates(case, 10).collapsed == 10
    everybody = replace(case, watch=replace(case.watch, answered=(0.5, 0.0), some=(0.0, 0.0)))
    assert judge.fates(everybody, 10).recovered == 10


def test_a_hold_begins_soon_after_clients_are_answered_again() -> None:
    # Half of what ends in a hold of 6 s is answered in those that begin 3 s before 13 s, or later.
    judge = Judge(Judging(horizon=20.0))
    for seen in judge.fates(early(judge, 20.0, 6.0), 20).seen:
        assert seen.fate == "recovered"
        assert 3.0 + seen.time == pytest.approx(10.0, abs=2.0 * 6.0 / 8.0)


def test_a_class_of_which_nothing_ends_is_not_answered() -> None:
    # Its requests wait out hours of backoff: none fails, and none succeeds.
    silent = LOST.replace(
        "{timeout: 100ms}", "{timeout: 100ms, retry: {attempts: 9, on: [lost], backoff: 1h}}"
    )
    judge = Judge(Judging(horizon=20.0))
    case = judge.case(sim.loads(silent))
    assert case.watch.some == (1.0, 1.0)
    calm = (Calm(1e6, 2.0),)  # however many they are
    case = replace(case, watch=replace(case.watch, begin=3.0, horizon=5.0, calm=calm))
    assert judge.fates(case, 10).collapsed == 10
    silence = replace(case, watch=replace(case.watch, some=(0.0, 0.0)))
    assert judge.fates(silence, 10).recovered == 10


def test_a_service_that_is_down_by_itself_matters_where_the_trigger_reaches_it() -> None:
    # `pay` is asked for more than it can do, spike or not.
    scenario = sim.loads(TWO).set("traffic.pay.arrivals.rate", "60/s")
    judge = Judge(Judging(horizon=15.0))
    found = judge.fates(judge.case(scenario), 10)
    assert (found.case.down, found.collapsed) == (("pay",), 10)
    elsewhere = scenario.set("faults", [{"at": "5s", "for": "1s", "service": "shop", "pause": True}])
    found = judge.fates(judge.case(elsewhere), 10)
    assert (found.case.down, found.recovered) == ((), 10)


QUIET = """
traffic: {jobs: {arrivals: {kind: poisson, rate: 3/s}, call: batch, client: {timeout: 5s}}}
services: {batch: {workers: 2, service_time: {kind: exponential, mean: 150ms}, queue: {capacity: 50}}}
faults: [{at: 5s, for: 500ms, service: batch, service_time: x1.01}]
run: {duration: 40s, seed: 4}
"""


def test_where_little_comes_in_a_horizon_no_hold_is_broken_by_chance() -> None:
    # Nothing is retried, and every request is answered: nothing can collapse.
    found = fates(sim.loads(QUIET), 100)
    assert found.case.watch.hold == 34.5 / 4.0
    assert found.verdict(wanted=0.95) == "recovers"


def test_what_goes_down_without_the_trigger_is_told() -> None:
    hasty = "{timeout: 400ms, retry: {attempts: 3, backoff: {kind: exponential, base: 100ms, cap: 1s, jitter: full}}}"
    spontaneous = sim.loads(QUIET).set(
        {"traffic.jobs.arrivals.rate": "6/s", "traffic.jobs.client": hasty, "run.duration": "60s"}
    )
    case = Judge().case(spontaneous)
    assert 0 < case.faltering["batch"] <= 12
    assert Judge().case(sim.loads(QUIET)).faltering == {}


def test_the_run_goes_on_to_the_horizon_however_long_it_is_as_written() -> None:
    found = fates(sim.loads(STORM), 10, judging=Judging(horizon=100.0))
    assert found.open == 0
    assert found.case.watch.end > 104.0


def test_open_runs_widen_the_interval() -> None:
    trace = sim.load(shipped()["llm_trace"])
    service = next(iter(trace.services))
    spiked = trace.set("faults", [{"at": "60s", "for": "10s", "service": service, "workers": "x0.1"}])
    found = fates(spiked, 3, judging=Judging(horizon=1e6, level=0.0, hold=1e5))
    assert found.open == 3  # a record says nothing past its end
    assert found.interval() == (0.0, 1.0)
    assert math.isnan(found.probability)


def test_nothing_left_of_the_run_is_an_error_that_says_so() -> None:
    with pytest.raises(UsageError, match="nothing is left in which to recover"):
        fates(sim.loads(STORM).set("run.duration", "4s"), 1)


def test_no_runs_say_nothing() -> None:
    judge = Judge()
    none = Fates(judge.case(sim.loads(STORM)), ())
    assert none.verdict() == "undecided"
    assert none.interval() == (0.0, 1.0)


@pytest.mark.parametrize(("recovered", "wanted"), [(60, 0.95), (30, 0.4), (59, 0.95)])
def test_about_as_many_runs_as_are_said_decide(recovered: int, wanted: float) -> None:
    case = Judge().case(sim.loads(STORM))
    back, down = (Seen(fate, 1.0, (), (), (), (), (), 0.0) for fate in ("recovered", "collapsed"))

    def fates(runs: float) -> Fates:
        many = round(runs * recovered / 60)
        return Fates(case, (*[back] * many, *[down] * (round(runs) - many)))

    needed = fates(60).needed(wanted=wanted)
    assert fates(1.1 * needed).verdict(wanted=wanted) != "undecided"
    assert fates(0.9 * needed).verdict(wanted=wanted) == "undecided"
