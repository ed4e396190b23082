"""Comparisons: the paired interval covers the true difference, shared draws save replications, verdicts are just."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import binom, norm

import sim
from sim.errors import UsageError
from sim.measure.paired import paired
from sim.scenario.scenario import Scenario
from sim.study.comparison.compare import NOT_SHOWN, SAME, Comparison
from sim.study.comparison.paired_fates import BY_GOODPUT, BY_RECOVERY

MM1 = """
name: slow
traffic: {web: {arrivals: {kind: poisson, rate: 0.5/s}, call: api}}
services: {api: {workers: 1, service_time: {kind: exponential, mean: 1s}}}
run: {duration: 2200s, warmup: 200s, replications: 8}
"""
TRUE = 1.0 / (1.25 - 0.5) - 1.0 / (1.0 - 0.5)
"""The difference of mean times in system, 1/(μ - λ), of M/M/1 with λ = 0.5: μ = 1.25 less μ = 1; in seconds."""

SPIKE = """
name: full
traffic: {web: {arrivals: {kind: poisson, rate: 110/s}, call: api, client: patient}}
clients:
  patient: {timeout: 1s, retry: {attempts: 4, backoff: {kind: exponential, base: 200ms, cap: 5s, jitter: full}}}
services: {api: {workers: 12, service_time: {kind: exponential, mean: 100ms}, queue: {capacity: 30}}}
faults: [{at: 20s, for: 5s, traffic: web, rate: x2}]
objectives: [{subject: "traffic:web", metric: latency_p99, at_most: 2s}]
run: {duration: 60s, replications: 60, seed: 11}
"""

FATES = """
traffic: {web: {arrivals: {kind: poisson, rate: 120/s}, call: api, client: patient}}
clients: {patient: {timeout: 1s, retry: {attempts: 3, backoff: {kind: exponential, base: 200ms, jitter: full}}}}
services: {api: {workers: 16, service_time: {kind: exponential, mean: 100ms}, queue: {capacity: 400}}}
faults: [{at: 20s, for: 10s, traffic: web, rate: x1.4}]
run: {duration: 80s, replications: 20, seed: 7}
"""


@pytest.fixture(scope="module")
def full() -> Scenario:
    return sim.loads(SPIKE, "spike.yaml", Path())


@pytest.fixture(scope="module")
def backoffs(full: Scenario) -> Comparison:
    """Two backoffs under one spike."""
    return sim.compare({"full": full, "in step": full.set("clients.patient.retry.backoff.jitter", "none")})


def test_the_paired_interval_covers_the_true_difference_of_two_mm1_queues() -> None:
    slow = sim.loads(MM1, "slow.yaml", Path())
    fast = slow.set("services.api.service_time.mean", "0.8s")
    experiments, covered, means = 100, 0, []
    for seed in range(experiments):
        a, b = (sim.run(each, seed=seed, jobs=1) for each in (slow, fast))
        found = paired(a.values("traffic:web", "latency_mean"), b.values("traffic:web", "latency_mean"))
        covered += found.low <= TRUE <= found.high
        means.append(found.mean)
    # Neither more nor less often than 95 times in 100, as far as 100 experiments can tell.
    assert binom.cdf(covered, experiments, 0.95) > 1e-4
    error = (np.mean(means) - TRUE) / (np.std(means, ddof=1) / math.sqrt(experiments))
    assert abs(error) < norm.isf(1e-5)


def test_two_backoffs_need_a_fifth_of_the_replications_of_independent_runs(
    backoffs: Comparison,
) -> None:
    row = backoffs.table.set_index(["subject", "metric"]).loc[("traffic:web", "goodput")]
    assert row["variance_ratio"] <= 0.2
    # And what is reported is true: other random numbers for one of them, and the difference varies that much more.
    alone = sim.run(backoffs.results["in step"].scenario, seed=4711)
    base = backoffs.results["full"].values("traffic:web", "goodput")
    independent = np.subtract(alone.values("traffic:web", "goodput"), base)
    shared = np.subtract(backoffs.results["in step"].values("traffic:web", "goodput"), base)
    assert np.var(shared, ddof=1) <= 0.2 * np.var(independent, ddof=1)


def test_a_row_holds_what_both_have_and_what_is_between_them(backoffs: Comparison) -> None:
    table = backoffs.table.set_index(["subject", "metric"])
    base, other = (backoffs.results[name] for name in ("full", "in step"))
    assert len(table) == len(base.summary) == len(other.summary)
    row = table.loc[("traffic:web", "latency_mean")]
    assert (row["variant"], row["n"], row["unit"], row["better"]) == ("in step", 60, "s", "less")
    assert (row["baseline"], row["baseline_low"], row["baseline_high"]) == base.estimate(
        "traffic:web", "latency_mean"
    )[:3]
    assert row["difference"] == pytest.approx(row["value"] - row["baseline"])
    assert row["ratio"] == pytest.approx(row["value"] / row["baseline"])
    assert row["difference_low"] > 0.0
    assert row["verdict"] == "worse"
    # Requests are born by the same random numbers, whatever becomes of them.
    offered = table.loc[("traffic:web", "offered_rate")]
    assert (offered["verdict"], offered["difference"]) == (SAME, 0.0)
    assert table.loc[("traffic:web", "latency_p99")]["headline"]


def test_it_is_plain_json_and_the_same_every_time(full: Scenario, backoffs: Comparison) -> None:
    text = json.dumps(backoffs.to_json(), allow_nan=False)
    again = sim.compare({"full": full, "in step": backoffs.results["in step"].scenario}, jobs=1)
    assert json.dumps(again.to_json(), allow_nan=False) == text
    document = json.loads(text)
    assert (document["schema_version"], document["baseline"], document["seed"]) == (1, "full", 11)
    assert [each["hash"] for each in document["scenarios"]] == [
        each.scenario.hash for each in backoffs.results.values()
    ]
    assert document["differences"]["in step"][0]["path"] == "clients.patient.retry.backoff.jitter"
    assert document["first_attempt_that_differs"]["in step"]["found"] is True
    assert len(document["comparisons"]) == len(backoffs.table)


def test_objectives_are_judged_in_every_scenario(backoffs: Comparison) -> None:
    rows = backoffs.objectives
    assert list(rows["name"]) == ["full", "in step"]
    assert set(rows["metric"]) == {"latency_p99"}
    assert list(rows["verdict"]) == [
        results.objectives["verdict"].iloc[0] for results in backoffs.results.values()
    ]


def test_a_scenario_is_no_better_than_itself(full: Scenario) -> None:
    found = sim.compare(full, full, replications=3)
    assert list(found.results) == ["full", "full (2)"]
    assert set(found.verdicts) == {SAME}
    assert found.differences["full (2)"] == ()
    assert not found.partings["full (2)"].found
    assert not found.worse("latency_p99")


def test_chance_alone_shows_no_difference(full: Scenario) -> None:
    """Dozens of figures a table, none of which differs in truth: the verdicts of a table hold together."""
    wrong = 0
    for seed in range(20):
        base, chance = (sim.run(full, seed=one, replications=6) for one in (seed, 1000 + seed))
        chance.seed = seed  # so that independent runs pass for pairs
        wrong += bool(set(sim.compare({"base": base, "chance": chance}).verdicts) - {SAME, NOT_SHOWN})
    # Two families, 5 % each, at the most.
    assert binom.sf(wrong - 1, 20, 0.1) > 1e-4


def test_two_fates_are_paired_and_said() -> None:
    edge = sim.loads(FATES, "edge.yaml", Path())
    found = sim.compare({"edge": edge, "calm": edge.set("faults[0].rate", "x1.05")})
    fates = found.fates["calm"]
    assert fates.sense == BY_RECOVERY
    assert fates.neither + fates.baseline_only + fates.variant_only + fates.both == 20
    assert 0 < fates.baseline_only < 20
    assert (fates.variant_only, fates.both) == (0, 0)
    assert fates.two
    assert any("collapse and others do not" in note for note in found.notes)


def test_fates_without_a_fault_are_told_by_goodput() -> None:
    busy = sim.loads(FATES, "busy.yaml", Path()).set({"faults": "[]", "traffic.web.arrivals.rate": "250/s"})
    found = sim.compare({"busy": busy, "idle": busy.set("services.api.workers", 40)}, replications=4)
    assert found.fates["idle"].sense == BY_GOODPUT
    assert found.fates["idle"].baseline_only == 4
    assert not found.fates["idle"].two


def test_fates_are_told_in_bins_wider_than_the_ending(full: Scenario) -> None:
    wide = full.set({"faults": "[]", "run.series": "60s"})
    found = sim.compare(wide, wide.set("services.api.workers", 2), replications=2)
    (fates,) = found.fates.values()
    assert (fates.neither, fates.variant_only) == (0, 2)


def test_results_that_are_there_are_used_as_they_are(full: Scenario) -> None:
    first = sim.run(full, replications=2)
    found = sim.compare(first, full.set({"services.api.workers": 13, "run.seed": 99}))
    assert next(iter(found.results.values())) is first
    assert [each.seed for each in found.results.values()] == [11, 11]
    assert [each.replications for each in found.results.values()] == [2, 2]


def test_few_replications_and_other_windows_are_said(full: Scenario) -> None:
    one = sim.compare(full, full.set({"run.duration": "50s", "name": "short"}), replications=1)
    assert any("no interval" in note for note in one.notes)
    assert any("measured window" in note for note in one.notes)
    assert set(one.verdicts) == {NOT_SHOWN}


def test_what_one_of_them_lacks_is_left_out(full: Scenario) -> None:
    other = full.set({"traffic.batch": "{arrivals: {kind: constant, rate: 1/s}, call: api}", "name": "two"})
    found = sim.compare(full, other, replications=2)
    assert "traffic:batch" not in set(found.table["subject"])


def test_a_figure_that_some_replications_lack_shows_no_difference(full: Scenario) -> None:
    hopeless = full.set({"clients.patient.timeout": "1ms", "run.duration": "200ms", "faults": "[]"})
    found = sim.compare({"hopeless": hopeless, "patient": hopeless.set("clients.patient.timeout", "5s")})
    table = found.table.set_index(["subject", "metric"])
    row = table.loc[("traffic:web", "latency_mean")]
    assert row["n"] < 60
    assert row["verdict"] == NOT_SHOWN
    assert any("missing from some replications" in note for note in found.notes)


def test_what_cannot_be_compared_is_a_usage_error(full: Scenario) -> None:
    with pytest.raises(UsageError, match="needs two scenarios, not 1"):
        sim.compare(full)
    with pytest.raises(UsageError, match="confidence"):
        sim.compare(full, full, confidence=2.0)
    runs = [sim.run(full, replications=count) for count in (2, 3)]
    with pytest.raises(UsageError, match="pairs need the same"):
        sim.compare({"two": runs[0], "three": runs[1]})


def test_it_shows_itself(backoffs: Comparison) -> None:
    assert repr(backoffs) == "<Comparison of in step with full: 60 replications>"
    text = backoffs._repr_html_()
    assert "clients.patient.retry.backoff.jitter" in text
    assert "worse" in text
    assert "Holm" in text
    assert backoffs.plot.timeline().name == "overlay"
    assert "p99 latency" in backoffs.plot.differences().alt
