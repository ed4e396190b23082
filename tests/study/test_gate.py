"""The gate: what regressed, improved or stayed; paired where the seed is the same, else by Welch's interval."""

import json
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import sim
from sim.errors import UsageError
from sim.scenario.scenario import Scenario
from sim.study.baseline import Baseline, read_baselines, written
from sim.study.gate import Gated, change_verdict, gate
from sim.study.replicate import run

TEXT = """
name: lane
traffic: {web: {arrivals: {kind: poisson, rate: 40/s}, call: api}}
services: {api: {workers: 4, service_time: {kind: exponential, mean: 80ms}, queue: {capacity: 20}}}
objectives:
  - {subject: "traffic:web", metric: latency_mean, at_most: 300ms}
  - {subject: "traffic:web", metric: success_ratio, at_least: 90%}
run: {duration: 100s, warmup: 5s, replications: 6, seed: 7}
"""


@pytest.fixture
def lane() -> Scenario:
    return sim.loads(TEXT)


@pytest.fixture
def kept(lane: Scenario, tmp_path: Path) -> Baseline:
    path = tmp_path / "baseline.json"
    path.write_text(json.dumps(written([run(lane)])), encoding="utf-8")
    return read_baselines(path)[0]


def verdicts(gated: Gated) -> dict[str, str]:
    return {change.metric: change.verdict for change in gated.changes}


def test_without_a_baseline_the_objectives_decide(lane: Scenario) -> None:
    assert gate(lane).verdict == "met"
    assert gate(lane.set("services.api.workers", 3)).verdict == "missed"
    assert gate(lane.set("objectives", [])).verdict == "none"


def test_the_same_is_the_same(lane: Scenario, kept: Baseline) -> None:
    same = gate(lane, baseline=kept)
    assert verdicts(same) == {"latency_mean": "the same", "success_ratio": "the same"}
    assert (same.verdict, same.notes) == ("met", ())
    # The first replications of a longer run are the very pairs.
    assert set(verdicts(gate(lane, baseline=kept, replications=9)).values()) == {"no difference shown"}


def test_slower_services_are_a_regression_and_faster_ones_are_not(lane: Scenario, kept: Baseline) -> None:
    slower = gate(lane.set("services.api.service_time.mean", "86ms"), baseline=kept)
    assert verdicts(slower)["latency_mean"] == "regressed"
    assert slower.verdict == "regressed"
    assert slower.changes[0].paired
    assert "services.api.service_time.mean 0.08s → 0.086s" in slower.notes[0]
    faster = gate(lane.set("services.api.service_time.mean", "70ms"), baseline=kept)
    assert verdicts(faster)["latency_mean"] == "improved"
    assert faster.verdict == "met"


def test_a_margin_lets_it_pass(lane: Scenario, kept: Baseline) -> None:
    slower = lane.set("services.api.service_time.mean", "82ms")
    wide = gate(slower, baseline=kept, margin={"latency_mean": 0.5, "success_ratio": 2.0})
    assert set(verdicts(wide).values()) <= {"worse", "no difference shown"}
    assert wide.verdict == "met"
    assert gate(slower, baseline=kept, margin=0.0).verdict == "regressed"
    with pytest.raises(UsageError, match="negative"):
        gate(slower, baseline=kept, margin=-0.1)


def test_of_a_success_ratio_the_margin_is_a_share_of_what_fails(lane: Scenario, kept: Baseline) -> None:
    found = gate(lane, baseline=kept, margin=0.1)
    (success,) = (change for change in found.changes if change.metric == "success_ratio")
    assert success.allowed == pytest.approx(0.1 * (1.0 - success.baseline.mean))


def test_another_seed_is_compared_without_pairs(lane: Scenario, kept: Baseline) -> None:
    other = gate(lane, baseline=kept, seed=8)
    assert not any(change.paired for change in other.changes)
    assert "without pairs" in other.notes[0]
    assert "regressed" not in verdicts(other).values()
    slower = gate(lane.set("services.api.service_time.mean", "100ms"), baseline=kept, seed=8)
    assert verdicts(slower)["latency_mean"] == "regressed"


def test_a_run_in_json_is_a_baseline_too(lane: Scenario, tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    path.write_text(json.dumps(run(lane).to_json()), encoding="utf-8")
    kept = read_baselines(path)[0]
    assert verdicts(gate(lane, baseline=kept)) == {"latency_mean": "the same", "success_ratio": "the same"}
    slower = gate(lane.set("services.api.service_time.mean", "100ms"), baseline=kept)
    assert verdicts(slower)["latency_mean"] == "regressed"
    assert any("--write-baseline" in note for note in slower.notes)


def test_antithetic_pairs_are_no_partners_of_single_replications(lane: Scenario, kept: Baseline) -> None:
    twins = gate(lane.set("run.antithetic", True), baseline=kept)
    assert not any(change.paired for change in twins.changes)
    assert "regressed" not in verdicts(twins).values()


def test_versions_that_differ_are_said(lane: Scenario, kept: Baseline) -> None:
    from dataclasses import replace

    old = replace(kept, versions={**kept.versions, "numba": "0.1"})
    assert any("numba 0.1 →" in note for note in gate(lane, baseline=old).notes)


def test_without_objectives_the_headline_is_compared(lane: Scenario, kept: Baseline) -> None:
    assert set(verdicts(gate(lane.set("objectives", []), baseline=kept))) == {
        "success_ratio",
        "goodput",
        "latency_p99",
        "amplification",
        "wasted_ratio",
    }


@given(st.floats(-10.0, 10.0), st.floats(0.0, 5.0), st.floats(0.0, 5.0), st.sampled_from(["more", "less"]))
def test_a_verdict_never_says_more_than_its_interval(
    mean: float, half: float, allowed: float, way: str
) -> None:
    verdict = change_verdict((mean, mean - half, mean + half), allowed, way)  # type: ignore[arg-type]
    worse = mean if way == "less" else -mean
    assert (verdict == "regressed") == (worse - half > allowed)
    assert (verdict == "improved") == (worse + half < 0.0)
    if verdict == "inconclusive":
        assert worse > allowed >= worse - half


def test_a_difference_without_an_interval_is_never_certain() -> None:
    nothing = (math.nan, math.nan, math.nan)
    assert change_verdict(nothing, 0.1, "less") == "inconclusive"
    assert change_verdict((1.0, math.nan, math.nan), 0.1, "less") == "inconclusive"
    assert change_verdict((-1.0, math.nan, math.nan), 0.1, "less") == "no difference shown"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "is not JSON"),
        ("[]", "is not a baseline"),
        ('{"scenarios": [{"scenario": "x"}]}', "is not a baseline"),
        ('{"schema_version": 99, "scenarios": []}', "schema_version 99"),
    ],
)
def test_what_is_no_baseline_is_refused(text: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "baseline.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match=said):
        read_baselines(path)
    with pytest.raises(UsageError, match="No such file"):
        read_baselines(tmp_path / "absent.json")
