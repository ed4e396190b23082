"""The shipped scenarios are valid, run with every audit passed, and do what their comments say."""

import itertools
import math
from typing import Any

import pytest

import sim
from sim.scenario.idle import without_effect
from sim.shipped import question, shipped

CONFIGS = sorted(shipped())
SPIKES = ("spike_naive_retry", "spike_backoff_no_jitter", "spike_full_jitter")
CODE_TRACE = "llm_trace"


def scenario(name: str) -> sim.Scenario:
    return sim.load(shipped()[name])


def closing_goodput(results: sim.Results, seconds: float) -> list[float]:
    """Goodput over the last seconds of each replication."""
    series = results.series
    begin = results.scenario.run.duration - seconds
    rows = series[
        (series["subject"] == "system") & (series["metric"] == "goodput") & (series["time"] >= begin)
    ]
    return [float(value) for value in rows.groupby("replication")["value"].mean()]


@pytest.mark.parametrize("name", CONFIGS)
def test_config_is_valid_and_asks_one_question(name: str) -> None:
    path = shipped()[name]
    assert sim.check(path) == []
    assert not list(without_effect(sim.load(path)))
    assert question(path).endswith("?")
    loaded = sim.load(path)
    assert loaded.name == name
    assert loaded.objectives
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 60


@pytest.mark.parametrize("name", CONFIGS)
def test_config_runs_with_every_audit_passed(name: str) -> None:
    results = sim.run(scenario(name), replications=2)
    assert results.audits["passed"].all()
    assert results.conservation["passed"]
    assert results.conservation["success"] > 0
    assert results.verdict in {"met", "missed", "inconclusive"}


def without(document: dict[str, Any], *paths: tuple[str, ...]) -> dict[str, Any]:
    """A deep copy of a document with some keys left out."""
    kept = {}
    for key, value in document.items():
        if (key,) in paths:
            continue
        inner = tuple(path[1:] for path in paths if path[0] == key)
        kept[key] = without(value, *inner) if isinstance(value, dict) else value
    return kept


def test_spikes_differ_in_their_backoff_alone() -> None:
    rest = [
        without(dict(scenario(name).document), ("name",), ("clients", "app", "retry", "backoff"))
        for name in SPIKES
    ]
    assert rest[0] == rest[1] == rest[2]


def test_the_three_spikes_end_differently() -> None:
    naive, in_step, spread = (sim.run(scenario(name)) for name in SPIKES)
    assert max(closing_goodput(naive, 20.0)) < 0.05 * 200.0
    assert min(closing_goodput(in_step, 10.0)) > 0.9 * 200.0
    assert min(closing_goodput(spread, 60.0)) > 0.9 * 200.0
    success = [found.estimate("traffic:web", "success_ratio") for found in (naive, in_step, spread)]
    assert success[0][2] < success[1][1] < success[1][2] < success[2][1]
    assert [found.verdict for found in (naive, in_step, spread)] == ["missed", "missed", "met"]


def test_the_retry_storm_has_two_fates() -> None:
    fates = closing_goodput(sim.run(scenario("retry_storm")), 30.0)
    down = [goodput for goodput in fates if goodput < 0.25 * 120.0]
    well = [goodput for goodput in fates if goodput > 0.75 * 120.0]
    assert len(down) + len(well) == len(fates)
    assert 0.2 < len(down) / len(fates) < 0.8
    calm = sim.run(scenario("retry_storm").set("clients.app.retry.attempts", 1), replications=10)
    assert min(closing_goodput(calm, 30.0)) > 0.75 * 120.0


def test_a_budget_takes_one_of_the_two_fates_away_unless_a_hundred_clients_have_one_each() -> None:
    wanted = scenario("retry_storm_budget")
    names = (
        ("name",),
        ("objectives",),
        ("clients", "app", "instances"),
        ("clients", "app", "retry", "budget"),
    )
    storm = without(dict(scenario("retry_storm").document), *names)
    assert without(dict(wanted.document), *names) == storm
    results = sim.run(wanted)
    assert min(closing_goodput(results, 30.0)) > 0.75 * 120.0
    assert results.verdict == "met"
    many = wanted.set({"clients.app.retry.budget": "ratio_bucket", "clients.app.instances": 100})
    assert sum(goodput < 0.25 * 120.0 for goodput in closing_goodput(sim.run(many), 30.0)) >= 10
    few = many.set("clients.app.instances", 10)
    assert min(closing_goodput(sim.run(few), 30.0)) > 0.75 * 120.0


@pytest.mark.parametrize("name", ["mm1", "bounded_queue", "closed_users"])
def test_theory_is_exact_here_and_agrees(name: str) -> None:
    wanted = scenario(name)
    models = [model for model in sim.theory(wanted).models if model.exact]
    assert models
    results = sim.run(wanted)
    off = []
    for row in models[0].summary.to_dict("records"):
        subject, metric, exact = str(row["subject"]), str(row["metric"]), float(row["mean"])
        mean, low, high, _ = results.estimate(subject, metric, 0.9999)  # some hundred figures
        inside = math.isnan(low) or low <= exact <= high
        if not inside and not math.isclose(mean, exact, rel_tol=0.01):
            off.append((subject, metric, exact, low, high))
    assert off == []


def test_the_poisson_twin_has_the_trace_s_rate_and_misses_its_queue() -> None:
    trace, twin = scenario(CODE_TRACE), scenario("llm_poisson")
    assert trace.traffic["code"].arrivals.mean_rate() == pytest.approx(
        twin.traffic["code"].arrivals.mean_rate(), rel=1e-4
    )
    rest = [without(dict(one.document), ("name",), ("traffic", "code", "arrivals")) for one in (trace, twin)]
    assert rest[0] == rest[1]
    assert sim.run(twin.set("services.model.workers", 6)).verdict == "met"
    assert sim.run(twin.set("services.model.workers", 5)).verdict == "missed"
    waits = sim.run(trace).estimate("service:model", "wait_p95")
    assert waits[1] < 11.0
    assert waits[2] > 10.0


def test_the_trace_is_as_bursty_as_its_comment_says() -> None:
    arrivals = scenario(CODE_TRACE).traffic["code"].arrivals
    assert arrivals.kind == "trace"
    times = arrivals.times()
    gaps = [after - before for before, after in itertools.pairwise(times)]
    mean = sum(gaps) / len(gaps)
    cv = math.sqrt(sum((gap - mean) ** 2 for gap in gaps) / len(gaps)) / mean
    assert len(times) == 8819
    assert round(cv) == 13


def test_data_files_have_their_attribution() -> None:
    folder = shipped()["mm1"].parent / "data"
    attribution = (folder / "ATTRIBUTION.md").read_text(encoding="utf-8")
    for path in folder.iterdir():
        assert path.name == "ATTRIBUTION.md" or f"`{path.name}`" in attribution
    for words in ("Azure Public Dataset", "CC BY 4.0", "Splitwise", "ISCA 2024"):
        assert words in attribution


def test_day_profile_swings_as_it_says() -> None:
    arrivals = scenario("day_profile").traffic["documents"].arrivals
    assert arrivals.kind == "profile"
    rates = [rate for _, rate in arrivals.points]
    assert max(rates) / min(rates) == pytest.approx(8.0)


def measured(name: str, changes: dict[str, Any], subject: str, metric: str) -> tuple[float, float]:
    """The interval of a figure of a shipped scenario, changed or as it is."""
    wanted = scenario(name)
    found = sim.run(wanted.set(changes) if changes else wanted, replications=6)
    _, low, high, _ = found.estimate(subject, metric)
    return low, high


def test_a_budget_beats_a_breaker_where_most_answers_are_good() -> None:
    def success(**changes: Any) -> tuple[float, float]:
        paths = {f"clients.app.{key.replace('__', '.')}": value for key, value in changes.items()}
        return measured("budgets_and_breakers", paths, "traffic:web", "success_ratio")

    budget, none = success(), success(retry__budget=None)
    breaker = success(retry__budget=None, breaker={"kind": "circuit", "failure_ratio": "20%"})
    assert none[1] < 0.5 < breaker[0]
    assert breaker[1] < budget[0]


def test_a_long_queue_serves_the_dead() -> None:
    goodput = {
        places: measured("long_queue", {"services.api.queue.capacity": places}, "traffic:web", "goodput")
        for places in (1000, 180, 90)
    }
    assert goodput[1000][1] < 10.0
    assert goodput[180][0] > 100.0
    assert goodput[180][1] < 0.95 * 200.0 < goodput[90][0]


def test_lifo_and_codel_answer_where_fifo_does_not_and_add_nothing_to_each_other() -> None:
    folly = [{"kind": "codel_folly", "target": "50ms"}]
    queue, admission = "services.api.queue.discipline", "services.api.admission"
    lifo, codel, both, fifo = (
        measured("lifo_and_codel", changes, "traffic:web", "success_ratio")
        for changes in ({}, {queue: "fifo", admission: folly}, {admission: folly}, {queue: "fifo"})
    )
    assert fifo[1] < 0.3
    assert min(lifo[0], codel[0]) > 0.8
    assert both[0] <= lifo[1]
    assert lifo[0] <= both[1]


def test_jitter_halves_the_tries_of_clients_in_conflict() -> None:
    backoff = "clients.writer.retry.backoff"
    full, in_step, at_once = (
        measured("write_conflict", changes, "traffic:writes", "amplification")
        for changes in ({}, {f"{backoff}.jitter": "none"}, {backoff: "none"})
    )
    assert full[1] < 10.0 < in_step[0]
    assert in_step[1] < 20.0 < at_once[0]
    written = measured("write_conflict", {f"{backoff}.jitter": "none"}, "traffic:writes", "success_ratio")
    assert written[1] < 0.7


def test_back_pressure_keeps_a_burst_out_of_the_slow_path() -> None:
    blocked = measured("spill_and_block", {}, "traffic:events", "latency_max")
    unbounded = measured(
        "spill_and_block", {"services.broker.queue.capacity": "inf"}, "traffic:events", "latency_max"
    )
    refused = measured(
        "spill_and_block", {"services.broker.queue.overflow": "reject"}, "traffic:events", "success_ratio"
    )
    assert blocked[1] < 30.0
    assert unbounded[0] > 200.0
    assert refused[1] < 0.99


def test_scaling_by_utilization_waits_longer() -> None:
    by_use = {"metric": "utilization", "target": "80%", "min": 10, "max": 100}
    late = {"startup": "30s", "cooldown_up": "30s"}
    lag = measured("scale_on_lag", {}, "service:jobs", "wait_p95")
    use = measured("scale_on_lag", {"services.jobs.autoscale": by_use | late}, "service:jobs", "wait_p95")
    assert lag[1] < 90.0 < use[0]


def test_counting_what_is_in_flight_draws_all_to_the_dead_instance() -> None:
    success = {
        balance: measured(
            "one_slow_one_dead", {"services.api.balance": balance}, "traffic:web", "success_ratio"
        )
        for balance in ("power_of_two", "least_loaded", "round_robin", "random", "least_outstanding")
    }
    assert min(success["power_of_two"][0], success["least_loaded"][0]) > 0.99
    assert max(success["round_robin"][1], success["random"][1]) < 0.99
    assert success["least_outstanding"][1] < 0.7
