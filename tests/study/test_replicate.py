"""Replications: independent of threads, extended without being run again, stopped by what goes wrong."""

from __future__ import annotations

import pytest

import sim
from sim.errors import UsageError
from sim.study.replicate import extended

SCENARIO = """
traffic: {web: {arrivals: {kind: poisson, rate: 90/s}, call: api, client: {timeout: 200ms, retry: {attempts: 3}}}}
services: {api: {workers: 10, service_time: {kind: exponential, mean: 100ms}, queue: {capacity: 20}}}
run: {duration: 20s, warmup: 2s, replications: 6, seed: 3}
"""


def test_threads_do_not_change_the_results() -> None:
    scenario = sim.loads(SCENARIO)
    assert sim.run(scenario, jobs=1).to_json() == sim.run(scenario, jobs=4).to_json()


def test_more_replications_keep_the_first() -> None:
    scenario = sim.loads(SCENARIO)
    few, all_at_once = sim.run(scenario, replications=2), sim.run(scenario)
    assert extended(few, 6).to_json() == all_at_once.to_json()


def test_seed_engine_and_replications_can_be_given() -> None:
    scenario = sim.loads(SCENARIO)
    results = sim.run(scenario, seed=4, replications=2, engine="reference")
    assert (results.seed, results.replications, results.engine) == (4, 2, "reference")
    assert results.conservation != sim.run(scenario, replications=2).conservation


def test_progress_ends_at_one_and_may_stop_the_run() -> None:
    told: list[float] = []
    sim.run(sim.loads(SCENARIO), progress=told.append)
    assert told[-1] == pytest.approx(1.0)

    def stop(_: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sim.run(sim.loads(SCENARIO), progress=stop)


def test_an_interrupted_run_keeps_what_is_finished_as_a_shorter_run_would_give_it() -> None:
    def stop(share: float) -> None:
        if share > 0.2:
            raise KeyboardInterrupt

    scenario = sim.loads(SCENARIO).set("run.duration", "2000s")
    with pytest.raises(sim.Interrupted) as stopped:
        sim.run(scenario, replications=100, jobs=2, progress=stop)
    results = stopped.value.results
    assert 1 <= results.replications < 100
    assert results.to_json() == sim.run(scenario, replications=results.replications).to_json()


@pytest.mark.parametrize("wrong", [{"engine": "fast"}, {"replications": 0}, {"jobs": 0}])
def test_wrong_arguments_name_a_valid_one(wrong: dict[str, object]) -> None:
    with pytest.raises(UsageError, match="for example"):
        sim.run(sim.loads(SCENARIO), **wrong)  # type: ignore[arg-type]  # that is the point
