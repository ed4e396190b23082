"""Which models apply to a scenario, what they say, and in what words the others are refused."""

import itertools
import json
import math
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sim.theory
from sim.scenario.loader import loads
from sim.scenario.metrics import METRICS, unit_of
from sim.scenario.scenario import Scenario
from sim.theory.match import COLUMNS, Theory, analyze
from sim.theory.mmc import mmc
from sim.theory.mmck import mmck
from tests.theory.scenarios import scenario

EXPONENTIAL_BACKOFF = "{kind: random, delay: {kind: exponential, mean: 50ms}}"
SLOW = "{kind: exponential, mean: 20ms}"

#: a scenario -> the models that apply, exact ones first
APPLY: dict[str, tuple[Scenario, list[str]]] = {
    "one worker": (scenario(), ["M/M/1", "M/G/1"]),
    "four workers": (scenario(workers=4), ["M/M/c"]),
    "exponential by other names": (scenario(time="{kind: gamma, mean: 10ms, cv: 1}"), ["M/M/1", "M/G/1"]),
    "poisson by another name": (
        scenario(arrivals="{kind: renewal, gap: {kind: weibull, mean: 20ms, shape: 1}}"),
        ["M/M/1", "M/G/1"],
    ),
    "bounded": (scenario(workers=4, queue="{capacity: 8}"), ["M/M/c/K"]),
    "bounded and overloaded": (
        scenario(arrivals="{kind: poisson, rate: 900/s}", workers=4, queue="{capacity: 8}"),
        ["M/M/c/K"],
    ),
    "drops its oldest": (scenario(queue="{capacity: 8, overflow: drop_oldest}"), ["M/M/c/K"]),
    "no places": (scenario(workers=4, queue="{capacity: 0}"), ["M/M/c/K", "Erlang B"]),
    "no places, any service": (
        scenario(workers=4, queue="{capacity: 0}", time="{kind: lognormal, mean: 10ms, cv: 3}"),
        ["Erlang B"],
    ),
    "unlimited": (scenario(workers="inf"), ["M/M/∞", "G/G/∞"]),
    "unlimited, any": (scenario("{kind: constant, rate: 80/s}", workers="inf", time="10ms"), ["G/G/∞"]),
    "lognormal": (
        scenario(time="{kind: lognormal, mean: 10ms, cv: 2}"),
        ["M/G/1", "G/G/c (Allen–Cunneen)"],
    ),
    "lognormal, three workers": (
        scenario(workers=3, time="{kind: lognormal, mean: 10ms, cv: 2}"),
        ["G/G/c (Allen–Cunneen)"],
    ),
    "constant service": (scenario(time="10ms"), ["M/G/1", "G/G/c (Allen–Cunneen)"]),
    "constant service, two workers": (scenario(workers=2, time="10ms"), ["M/D/c", "G/G/c (Allen–Cunneen)"]),
    "constant service, bounded": (scenario(time="10ms", queue="{capacity: 3}"), ["M/D/1/K"]),
    "even arrivals": (scenario("{kind: constant, rate: 80/s}"), ["GI/M/1", "G/G/c (Allen–Cunneen)"]),
    "erlang gaps, two workers": (
        scenario("{kind: renewal, gap: {kind: erlang, mean: 12ms, shape: 3}}", workers=2),
        ["MAP/PH/c", "G/G/c (Allen–Cunneen)"],
    ),
    "phases, bounded": (
        scenario(workers=2, time="{kind: erlang, mean: 10ms, shape: 2}", queue="{capacity: 5}"),
        ["MAP/PH/c"],
    ),
    "switched": (
        scenario("{kind: mmpp, states: [{rate: 100/s, stay: 1s}, {rate: 10/s, stay: 1s}]}"),
        ["MAP/PH/c"],
    ),
    "batches": (
        scenario("{kind: poisson, rate: 10/s, batch: {kind: constant, value: 4}}"),
        ["M^X/G/1"],
    ),
    "closed": (scenario("{kind: closed, users: 9, think: 100ms}"), ["M/M/c/K/N"]),
    "timeouts that change nothing": (scenario(client="{timeout: 50ms}"), ["M/M/1", "M/G/1"]),
    "retries that never come": (
        scenario(client="{retry: {attempts: 5, backoff: {kind: constant, delay: 1s}}}"),
        ["M/M/1", "M/G/1"],
    ),
    "errors": (scenario(service="error_ratio: 10%"), ["M/M/1", "M/G/1"]),
    "errors tried again": (scenario(client="{retry: {attempts: 3}}", service="error_ratio: 10%"), ["M/M/1"]),
    "network": (scenario(client="{network: {kind: exponential, mean: 5ms}}"), ["M/M/1", "M/G/1"]),
    "two like streams": (
        scenario(traffic="b: {arrivals: {kind: poisson, rate: 10/s}, call: api}"),
        ["M/M/1", "M/G/1"],
    ),
    "two streams with their own work": (
        scenario(
            "{kind: poisson, rate: 40/s}",
            traffic=f"b: {{arrivals: {{kind: poisson, rate: 10/s}}, call: api, service_time: {SLOW}}}",
        ),
        ["M/G/1", "G/G/c (Allen–Cunneen)"],
    ),
    "last come": (scenario(queue="{discipline: lifo}"), ["M/M/1", "M/G/1"]),
    "shortest": (scenario(queue="{discipline: shortest}"), ["M/G/1 shortest first"]),
    "shortest of like jobs is first come": (
        scenario(time="10ms", queue="{discipline: shortest}"),
        ["M/G/1", "G/G/c (Allen–Cunneen)"],
    ),
    "priority of one class is first come": (scenario(queue="{discipline: priority}"), ["M/M/1", "M/G/1"]),
    "two priorities": (
        scenario(
            "{kind: poisson, rate: 40/s}",
            queue="{discipline: priority}",
            traffic=f"b: {{arrivals: {{kind: poisson, rate: 10/s}}, call: api, service_time: {SLOW}, priority: 1}}",
        ),
        ["M/G/1 with priorities"],
    ),
    "two priorities, three workers": (
        scenario(
            workers=3,
            queue="{discipline: priority}",
            traffic="b: {arrivals: {kind: poisson, rate: 10/s}, call: api, priority: 1}",
        ),
        ["M/M/c", "M/M/c with priorities"],
    ),
    "patience": (scenario(queue="{max_wait: {kind: exponential, mean: 50ms}}"), ["M/M/c+M"]),
    "fixed patience": (scenario(queue="{max_wait: 50ms}"), ["M/M/c+D"]),
    "timeouts that leave the queue": (scenario(client="{timeout: 50ms, cancel: queued}"), ["M/M/c+D"]),
    "an orbit": (
        scenario(
            queue="{capacity: 3}", client=f"{{retry: {{attempts: inf, backoff: {EXPONENTIAL_BACKOFF}}}}}"
        ),
        ["M/M/c/K with retries"],
    ),
    "a fault after the end": (
        scenario(more="faults: [{at: 200s, service: api, workers: 1}]"),
        ["M/M/1", "M/G/1"],
    ),
    "a stop after the end": (scenario("{kind: poisson, rate: 80/s, stop: 200s}"), ["M/M/1", "M/G/1"]),
}


@pytest.mark.parametrize("name", APPLY)
def test_models_that_apply(name: str) -> None:
    given_scenario, expected = APPLY[name]
    theory = analyze(given_scenario)
    assert [model.name for model in theory.models] == expected
    assert [model.exact for model in theory.models] == ["Allen" not in model for model in expected]
    # Exact models of one service agree on whatever they both say.
    exact = [model for model in theory.models if model.exact]
    for one, other in itertools.combinations(exact, 2):
        for figure in one.figures:
            twin = other.figure(figure.subject, figure.metric)
            if twin is not None:
                assert twin == pytest.approx(figure.value, rel=1e-9, abs=1e-12), figure


#: a scenario -> a model that does not apply, and words of the reason
REFUSED: dict[str, tuple[Scenario, str, str]] = {
    "retries": (
        scenario(queue="{capacity: 8}", client="{retry: {attempts: 3}}"),
        "M/M/c/K",
        "retries after rejected",
    ),
    "retries after timeouts": (
        scenario(client="{timeout: 1s, retry: {attempts: 3}}"),
        "M/M/1",
        "traffic:web retries after timeout",
    ),
    "timeouts that cancel": (scenario(client="{timeout: 1s, cancel: anywhere}"), "M/M/1", "after 1 s"),
    "a bound": (scenario(queue="{capacity: 8}"), "M/M/1", "8 waiting places"),
    "no bound": (scenario(), "M/M/c/K", "no bound"),
    "even arrivals": (scenario("{kind: constant, rate: 80/s}"), "M/M/1", "equal gaps"),
    "batches": (
        scenario("{kind: poisson, rate: 10/s, batch: {kind: constant, value: 4}}"),
        "G/G/c (Allen–Cunneen)",
        "batches",
    ),
    "a profile": (
        scenario("{kind: profile, points: [[0s, 10/s], [50s, 80/s]]}"),
        "M/M/1",
        "the arrival rate follows a profile (traffic:web)",
    ),
    "a profile without end": (
        scenario("{kind: profile, points: [[0s, 10/s], [50s, 80/s]]}", workers="inf"),
        "G/G/∞",
        "no constant long-run rate",
    ),
    "lognormal": (
        scenario(time="{kind: lognormal, mean: 10ms, cv: 2}"),
        "M/M/1",
        "not exponential but lognormal",
    ),
    "many workers": (
        scenario(workers=3, time="{kind: lognormal, mean: 10ms, cv: 2}"),
        "M/G/1",
        "3 workers, not 1",
    ),
    "one worker": (scenario(), "M/M/∞", "1 worker, not unlimited"),
    "overload": (scenario("{kind: poisson, rate: 125/s}"), "M/M/1", "grows by 25/s"),
    "full load": (scenario("{kind: poisson, rate: 100/s}"), "M/G/1", "the load is 1, not below 1"),
    "a fault": (
        scenario(more="faults: [{at: 20s, for: 5s, traffic: web, rate: x2}]"),
        "M/M/1",
        "a fault at 20 s",
    ),
    "a late start": (scenario("{kind: poisson, rate: 80/s, start: 10s}"), "M/M/1", "begins at 10 s"),
    "an early stop": (scenario("{kind: poisson, rate: 80/s, stop: 10s}"), "M/M/1", "stops at 10 s"),
    "by size": (scenario(queue="{discipline: shortest}"), "M/M/1", "can depend on the length of the jobs"),
    "patience": (scenario(queue="{max_wait: 1s}"), "M/M/1", "queue.max_wait"),
    "not needed": (scenario(workers=3), "G/G/c (Allen–Cunneen)", "not needed"),
    "an infinite variance": (
        scenario(time="{kind: pareto, mean: 1ms, tail: 1.5}", workers=2),
        "G/G/c (Allen–Cunneen)",
        "no finite variance",
    ),
    "last come, constant service": (
        scenario(workers=2, time="10ms", queue="{discipline: lifo}"),
        "M/D/c",
        "not first come",
    ),
    "limited attempts": (
        scenario(queue="{capacity: 3}", client=f"{{retry: {{attempts: 5, backoff: {EXPONENTIAL_BACKOFF}}}}}"),
        "M/M/c/K with retries",
        "only 5 attempts",
    ),
    "another backoff": (
        scenario(
            queue="{capacity: 3}", client="{retry: {attempts: inf, backoff: {kind: constant, delay: 1s}}}"
        ),
        "M/M/c/K with retries",
        "the backoff is constant",
    ),
    "an orbit of too much": (
        scenario(
            "{kind: poisson, rate: 125/s}",
            queue="{capacity: 3}",
            client=f"{{retry: {{attempts: inf, backoff: {EXPONENTIAL_BACKOFF}}}}}",
        ),
        "M/M/c/K with retries",
        "grows for ever",
    ),
    "users who may be refused": (
        scenario("{kind: closed, users: 9, think: 100ms}", queue="{capacity: 3}"),
        "M/M/c/K/N",
        "think time is not exponential",
    ),
    "users who stop waiting": (
        scenario("{kind: closed, users: 9, think: 100ms}", client="{timeout: 1s}"),
        "M/M/c/K/N",
        "stops waiting",
    ),
    "too many phases": (
        scenario("{kind: poisson, rate: 800/s}", workers=10, time="{kind: erlang, mean: 10ms, shape: 20}"),
        "MAP/PH/c",
        "too large",
    ),
    "too close to one": (
        scenario("{kind: poisson, rate: 199.9999/s}", workers=2, time="10ms"),
        "M/D/c",
        "too close",
    ),
    "streams of several kinds": (
        scenario(traffic="b: {arrivals: {kind: constant, rate: 5/s}, call: api}", workers=2),
        "G/G/c (Allen–Cunneen)",
        "do not make independent gaps",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_models_that_do_not_apply_say_why(name: str) -> None:
    given_scenario, model, words = REFUSED[name]
    theory = analyze(given_scenario)
    assert model not in [one.name for one in theory.models]
    reasons = [one.why for one in theory.rejected if one.name == model]
    assert len(reasons) == 1
    assert words in reasons[0]


def test_every_reason_is_given_and_once() -> None:
    theory = analyze(
        scenario(
            "{kind: constant, rate: 900/s}",
            workers=2,
            time="{kind: lognormal, mean: 10ms, cv: 2}",
            queue="{capacity: 8, max_wait: 1s}",
            client="{timeout: 1s, cancel: queued, retry: {attempts: 3}}",
            more="faults: [{at: 20s, for: 5s, service: api, pause: true}]",
        )
    )
    assert not theory.models
    why = next(one.why for one in theory.rejected if one.name == "M/M/1")
    for words in (
        "2 workers",
        "fault",
        "max_wait",
        "taken from the queue",
        "Poisson",
        "lognormal",
        "retries",
        "8 wait",
    ):
        assert words in why
    parts = why.split("; ")
    assert len(parts) == len(set(parts))


def test_figures_are_those_of_the_formula() -> None:
    theory = analyze(scenario("{kind: poisson, rate: 320/s}", workers=4))
    exact = mmc(320.0, 100.0, 4)
    assert theory.figure("service:api", "wait_p99") == exact.wait_quantile(0.99)
    assert theory.figure("service:api", "sojourn_p50") == exact.sojourn_quantile(0.5)
    assert theory.figure("traffic:web", "latency_p999") == exact.sojourn_quantile(0.999)
    assert theory.figure("service:api", "wait_p999") is None
    assert theory.figure("service:db", "wait_p99") is None


def test_deadlines_and_errors_make_success() -> None:
    theory = analyze(
        scenario(
            "{kind: poisson, rate: 150/s}",
            queue="{capacity: 3}",
            client="{timeout: 50ms}",
            service="error_ratio: 10%",
        )
    )
    exact = mmck(150.0, 100.0, 1, 4)
    assert exact.sojourn is not None
    in_time = (1.0 - exact.rejected_ratio) * exact.sojourn.cdf(0.05)
    assert theory.figure("traffic:web", "success_ratio") == pytest.approx(0.9 * in_time, rel=1e-12)
    assert theory.figure("traffic:web", "goodput") == pytest.approx(150.0 * 0.9 * in_time, rel=1e-12)
    late = theory.figure("traffic:web", "timeout_ratio")
    assert late == pytest.approx((1.0 - exact.rejected_ratio) * exact.sojourn.tail(0.05), rel=1e-9)
    slowest = theory.figure("traffic:web", "latency_p999")
    assert slowest is not None
    assert slowest < 0.05


def test_network_shifts_latency_and_not_the_service() -> None:
    near, far = analyze(scenario()), analyze(scenario(client="{network: 3ms}"))
    varying = analyze(scenario(client="{network: {kind: exponential, mean: 3ms}}"))
    for metric in ("wait_p99", "sojourn_mean", "queue_length"):
        assert near.figure("service:api", metric) == far.figure("service:api", metric)
    for metric in ("latency_mean", "latency_p99"):
        ahead = near.figure("traffic:web", metric)
        assert ahead is not None
        assert far.figure("traffic:web", metric) == pytest.approx(ahead + 0.006, rel=1e-12)
    assert varying.figure("traffic:web", "latency_mean") == far.figure("traffic:web", "latency_mean")
    assert varying.figure("traffic:web", "latency_p99") is None


def test_classes_wait_by_their_priority() -> None:
    text = "b: {arrivals: {kind: poisson, rate: 60/s}, call: api, priority: 1}"
    theory = analyze(scenario("{kind: poisson, rate: 20/s}", queue="{discipline: priority}", traffic=text))
    # The published case of loads 0.2 and 0.6, in units of 10 ms.
    assert theory.figure("traffic:web", "latency_mean") == pytest.approx(0.02, rel=1e-12)
    assert theory.figure("traffic:b", "latency_mean") == pytest.approx(0.06, rel=1e-12)
    assert theory.models[0].figure("traffic:b", "latency_mean") is None


def test_services_are_looked_at_one_by_one() -> None:
    two = loads(
        """
traffic:
  web: {arrivals: {kind: poisson, rate: 80/s}, call: api}
  batch: {arrivals: {kind: closed, users: 3, think: 1s}, call: db}
services:
  api: {workers: 1, service_time: {kind: exponential, mean: 10ms}}
  db: {workers: 1, service_time: {kind: exponential, mean: 10ms}}
  idle: {workers: 1, service_time: 10ms}
run: {duration: 10s}
""",
        "two.yaml",
        Path(),
    )
    theory = analyze(two)
    assert [(model.name, model.applies_to) for model in theory.models] == [
        ("M/M/1", "service:api"),
        ("M/G/1", "service:api"),
        ("M/M/c/K/N", "service:db"),
    ]
    assert {one.applies_to for one in theory.rejected} == {"service:api", "service:db"}


def check_shape(theory: Theory, valid: dict[str, tuple[str, ...]]) -> None:
    """Rows use the subjects, metrics and units of a run."""
    document = json.loads(json.dumps(theory.to_json(), allow_nan=False))
    assert set(document) == {"models", "rejected"}
    for model in document["models"]:
        assert set(model) == {"name", "applies_to", "exact", "why", "summary"}
        seen = [(row["subject"], row["metric"]) for row in model["summary"]]
        assert len(seen) == len(set(seen))
        for row in model["summary"]:
            assert list(row) == list(COLUMNS)
            assert row["metric"] in valid[row["subject"]]
            assert row["unit"] == unit_of(row["metric"])
            assert row["low"] is None
            assert row["high"] is None
            assert row["method"] == ("exact" if model["exact"] else "approximate")
            assert row["mean"] is None or row["mean"] >= -1e-12
    for one in document["rejected"]:
        assert set(one) == {"name", "applies_to", "why"}
        assert one["why"]


def test_table_and_json() -> None:
    small = scenario()
    theory = sim.theory(small)  # the package itself can be called
    check_shape(theory, small.metrics())
    table = theory.summary
    assert list(table.columns) == [*COLUMNS, "model"]
    assert list(theory.models[0].summary.columns) == list(COLUMNS)
    assert table["low"].isna().all()
    assert set(table["model"]) == {"M/M/1", "M/G/1"}
    assert set(METRICS["service"]) >= set(table[table["subject"] == "service:api"]["metric"])


def test_an_infinite_mean_is_none_in_json() -> None:
    theory = analyze(scenario(time="{kind: pareto, mean: 5ms, tail: 1.5}"))
    assert theory.figure("service:api", "wait_mean") == math.inf
    rows = theory.to_json()["models"][0]["summary"]
    assert next(row["mean"] for row in rows if row["metric"] == "wait_mean") is None


ARRIVALS = [
    "{kind: poisson, rate: 50/s}",
    "{kind: poisson, rate: 500/s}",
    "{kind: constant, rate: 50/s}",
    "{kind: renewal, gap: {kind: lognormal, mean: 20ms, cv: 2}}",
    "{kind: renewal, gap: {kind: hyperexponential, mean: 20ms, cv: 2}}",
    "{kind: mmpp, states: [{rate: 100/s, stay: 1s}, {rate: 0/s, stay: 1s}]}",
    "{kind: mmpp, states: [{rate: 50/s, stay: 1s}]}",
    "{kind: profile, points: [[0s, 10/s], [50s, 80/s]], repeat: 60s}",
    "{kind: sinusoid, mean: 50/s, amplitude: 20/s, period: 10s}",
    "{kind: closed, users: 12, think: {kind: exponential, mean: 100ms}}",
    "{kind: poisson, rate: 10/s, batch: {kind: geometric, mean: 4}}",
    "{kind: constant, rate: 10/s, batch: {kind: constant, value: 1}}",
]
TIMES = [
    "{kind: exponential, mean: 10ms}",
    "10ms",
    "0s",
    "{kind: erlang, mean: 10ms, shape: 2}",
    "{kind: lognormal, mean: 10ms, cv: 2}",
    "{kind: pareto, mean: 10ms, tail: 1.5}",
    "{kind: uniform, low: 0s, high: 20ms}",
    "{kind: hyperexponential, mean: 10ms, cv: 2}",
    "{kind: mixture, parts: [{weight: 1, of: 5ms}, {weight: 1, of: {kind: exponential, mean: 10ms}}]}",
    '{kind: phase_type, initial: [1, 0], generator: [["-200/s", 200/s], [0/s, "-200/s"]]}',
]
QUEUES = [
    "{}",
    "{capacity: 0}",
    "{capacity: 4}",
    "{capacity: 4, overflow: drop_oldest}",
    "{max_wait: 20ms}",
    "{max_wait: {kind: exponential, mean: 20ms}, capacity: 6}",
    "{max_wait: 0s}",
]
CLIENTS = [
    "{}",
    "{timeout: 50ms}",
    "{deadline: 50ms, network: 2ms}",
    "{timeout: 1ms, network: 2ms}",
    "{timeout: 50ms, cancel: queued}",
    "{timeout: 50ms, cancel: anywhere}",
    "{network: {kind: exponential, mean: 5ms}, timeout: 50ms}",
    "{retry: {attempts: 3, backoff: {kind: exponential, base: 10ms, jitter: full}}}",
    f"{{retry: {{attempts: inf, on: [rejected], backoff: {EXPONENTIAL_BACKOFF}}}}}",
]
DISCIPLINES = ["fifo", "lifo", "random", "priority", "shortest", "earliest_deadline"]


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_any_scenario_gets_an_answer(data: st.DataObject) -> None:
    def pick(choices: list[str]) -> str:
        return data.draw(st.sampled_from(choices))

    second = f"arrivals: {pick(ARRIVALS)}, client: {pick(CLIENTS)}, service_time: {pick(TIMES)}"
    second = f"b: {{call: api, priority: 2, {second}}}"
    queue = pick(QUEUES)[:-1]
    queue = f"{queue}{', ' if len(queue) > 1 else ''}discipline: {pick(DISCIPLINES)}}}"
    given_scenario = scenario(
        pick(ARRIVALS),
        data.draw(st.sampled_from([1, 2, 5, "inf"])),
        pick(TIMES),
        queue,
        pick(CLIENTS),
        pick(["", "error_ratio: 20%", "error_ratio: 100%"]),
        pick(["", second]),
    )
    check_shape(analyze(given_scenario), given_scenario.metrics())
