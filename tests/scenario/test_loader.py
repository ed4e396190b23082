"""A scenario from a file: what it holds, that it stays as read, and how its hash and its changes behave."""

import copy
import math
import os
import pickle
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import ValidationError

from sim.errors import ScenarioError, UsageError
from sim.scenario import Scenario, check, from_mapping, load, loads
from sim.scenario.metrics import METRICS, unit_of

TEXT = """\
name: checkout
traffic:                      # producers
  web:
    arrivals: {kind: poisson, rate: 120/s}
    call: api
    client: patient
  batch:
    arrivals: {kind: closed, users: 3, think: 1s}
    call: api
    client: {timeout: 5s}
    service_time: 50ms
    priority: 2
  cron:
    arrivals: {kind: constant, rate: 6/min}
    call: api
clients:
  patient:
    timeout: 2s
    retry:
      attempts: 4
      on: [rejected, timeout]
      backoff: {kind: exponential, base: 100ms, factor: 2, cap: 20s, jitter: full}
services:
  api:
    workers: 16
    service_time: {kind: lognormal, mean: 100ms, cv: 1.5}
    queue: {capacity: 64}
faults:
  - {at: 60s, for: 30s, traffic: web, rate: x3}
  - {at: 2min, service: api, workers: x0.5}
objectives:
  - {subject: "traffic:web", metric: latency_p99, at_most: 1s}
  - {subject: "traffic:web", metric: success_ratio, at_least: 99.9%}
  - {subject: "traffic:web", metric: amplification, at_most: 150%}
  - {subject: "service:api", metric: queue_length, at_most: 3.5}
  - {subject: "client:patient", metric: goodput, at_least: 100/s}
plan: {vary: {services.api.workers: "8..24", services.api.queue.capacity: [16, 64, inf]}, confidence: 90%}
run: {duration: 10min, warmup: 1min, replications: 20, seed: 7}
"""

SMALL = """\
traffic: {web: {arrivals: {kind: poisson, rate: 5/s}, call: api}}
services: {api: {workers: 2, service_time: 100ms}}
run: {duration: 1min}
"""


@pytest.fixture
def scenario() -> Scenario:
    return loads(TEXT)


def problems(text: str) -> list[str]:
    with pytest.raises(ScenarioError) as caught:
        loads(text)
    return [str(problem) for problem in caught.value.problems]


def test_quantities_are_seconds_per_second_and_ratios(scenario: Scenario) -> None:
    client = scenario.clients["patient"]
    assert client.timeout == 2.0
    assert client.retry.attempts == 4.0
    assert client.retry.on == ("rejected", "timeout")
    assert scenario.services["api"].workers == 16.0
    assert scenario.services["api"].queue.capacity == 64.0
    assert scenario.services["api"].queue.discipline.kind == "fifo"
    assert scenario.faults[0].lasting == 30.0
    assert scenario.faults[0].end == 90.0
    assert scenario.faults[1].end == math.inf
    assert [objective.at_most or objective.at_least for objective in scenario.objectives] == [
        1.0,
        0.999,
        1.5,
        3.5,
        100.0,
    ]
    assert [objective.unit for objective in scenario.objectives] == ["s", "ratio", "ratio", "count", "1/s"]
    assert scenario.plan is not None
    assert scenario.plan.vary["services.api.workers"] == tuple(range(8, 25))
    assert scenario.plan.vary["services.api.queue.capacity"] == (16, 64, "inf")
    assert scenario.plan.confidence == 0.9
    assert (scenario.run.duration, scenario.run.warmup, scenario.run.bin_width) == (600.0, 60.0, 3.0)


def test_defaults_are_those_of_the_language() -> None:
    scenario = loads(SMALL)
    client = scenario.client_of("web")
    assert (client.timeout, client.deadline, client.cancel, client.late_reply) == (
        None,
        None,
        "never",
        "waste",
    )
    assert (client.retry.attempts, client.retry.probability, client.retry.retry_after) == (1.0, 1.0, True)
    assert client.retry.on == ("rejected", "timeout", "error", "lost")
    assert client.retry.backoff.kind == "none"
    queue = scenario.services["api"].queue
    assert (queue.capacity, queue.overflow, queue.max_wait) == (math.inf, "reject", None)
    run = scenario.run
    assert (run.warmup, run.replications, run.seed, run.engine, run.drain) == (0.0, 10, 1, "compiled", True)


def test_what_each_traffic_class_uses(scenario: Scenario) -> None:
    assert scenario.client_name("web") == "patient"
    assert scenario.client_of("web") is scenario.clients["patient"]
    assert scenario.client_name("batch") is None
    assert scenario.client_of("batch").timeout == 5.0
    assert scenario.client_name("cron") is None
    assert scenario.client_of("cron").timeout is None
    assert scenario.service_time_of("web").kind == "lognormal"
    assert scenario.service_time_of("batch").moments()[0] == 0.05


def test_metrics_are_named_by_subject(scenario: Scenario) -> None:
    named = scenario.metrics()
    assert set(named) == {"traffic:web", "traffic:batch", "traffic:cron", "client:patient", "service:api"}
    assert named["service:api"] == tuple(METRICS["service"])
    assert unit_of("wait_p99") == "s"


def test_a_scenario_with_nothing_changed_is_itself(scenario: Scenario) -> None:
    assert scenario.set({}) is scenario


def test_a_shipped_scenario_is_loaded_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert load("mm1").name == "mm1"
    assert check("mm1.yaml") == []
    (tmp_path / "mm1").write_text(TEXT)  # a file of that name comes first
    assert load("mm1").name == "checkout"
    with pytest.raises(ScenarioError, match="mm2: does not exist"):
        load("mm2")


def test_the_name_is_that_of_the_file_if_none_is_given(tmp_path: Path) -> None:
    path = tmp_path / "small.yaml"
    path.write_text(SMALL, encoding="utf-8")
    scenario = load(path)
    assert scenario.name == "small"
    assert scenario.directory == tmp_path
    assert load(str(path)) == scenario
    assert check(path) == []
    odd = tmp_path / "odd\n.yaml"
    odd.write_text(SMALL, encoding="utf-8")
    assert load(odd).name == "scenario"


def test_a_byte_order_mark_and_carriage_returns_are_read_over(tmp_path: Path) -> None:
    path = tmp_path / "windows.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + SMALL.replace("\n", "\r\n").encode())
    assert load(path).run.duration == 60.0


def test_a_scenario_is_frozen(scenario: Scenario) -> None:
    with pytest.raises(ValidationError, match="frozen"):
        scenario.name = "other"
    with pytest.raises(ValidationError, match="frozen"):
        scenario.services["api"].workers = 3.0
    with pytest.raises(TypeError, match="frozen"):
        scenario.services["db"] = scenario.services["api"]
    with pytest.raises(TypeError, match="frozen"):
        scenario.clients.pop("patient")
    scenario.document["name"] = "other"
    assert scenario.document["name"] == "checkout"


def test_a_scenario_survives_pickling_and_copying(scenario: Scenario) -> None:
    for twin in (
        pickle.loads(pickle.dumps(scenario)),  # noqa: S301  # bytes of our own
        copy.deepcopy(scenario),
        copy.copy(scenario),
    ):
        assert twin == scenario
        assert twin.document == scenario.document
        assert twin.set("run.seed", 8).run.seed == 8
    assert len({scenario, copy.deepcopy(scenario)}) == 1
    assert scenario != "checkout"


def test_a_scenario_may_be_built_in_python(scenario: Scenario) -> None:
    twin = Scenario(**{name: getattr(scenario, name) for name in Scenario.model_fields})
    assert twin == scenario
    assert twin.hash == scenario.hash
    assert from_mapping(twin.document) == scenario
    assert twin.set("services.api.workers", 3).services["api"].workers == 3.0
    assert Scenario.model_validate(scenario) is scenario


def test_what_is_built_in_python_is_checked_as_a_whole(scenario: Scenario) -> None:
    parts = {name: getattr(scenario, name) for name in Scenario.model_fields}
    with pytest.raises(ValidationError, match="there is no client"):
        Scenario(**{**parts, "clients": {}, "objectives": ()})


def test_from_mapping_tells_problems_without_lines() -> None:
    with pytest.raises(ScenarioError) as caught:
        from_mapping({"traffic": {}, "services": {"api": {"workers": True}}, "run": {"duration": 5}})
    first, *_ = caught.value.problems
    assert str(first) == "<mapping>: traffic: is empty; write at least one entry"
    assert len(caught.value.problems) == 4


def test_from_mapping_refuses_what_no_file_could_hold() -> None:
    endless: dict[str, object] = {}
    endless["again"] = endless
    with pytest.raises(ScenarioError, match="nested deeper than 50 levels"):
        from_mapping(endless)
    with pytest.raises(ScenarioError, match="<mapping>: 1: unknown key"):
        from_mapping({1: 2})


def test_from_mapping_takes_numpy_numbers_and_tuples() -> None:
    numpy = pytest.importorskip("numpy")
    document = loads(SMALL).document
    document["services"]["api"]["workers"] = numpy.int64(3)
    document["plan"] = {"vary": {"services.api.workers": (1, 2)}}
    scenario = from_mapping(document)
    assert scenario.services["api"].workers == 3.0
    assert scenario.plan is not None
    assert scenario.plan.vary["services.api.workers"] == (1, 2)


def test_the_hash_is_of_the_meaning() -> None:
    base = loads(SMALL)
    assert len(base.hash) == 16
    assert int(base.hash, 16) >= 0
    same = """\
# The same, said otherwise.
run: {seed: 1, duration: 60s}
services:
  api: {service_time: {value: 0.1s, kind: constant}, workers: 2, queue: {capacity: inf, discipline: fifo}}
traffic: {web: {call: api, arrivals: {rate: 300/min, kind: poisson}}}
"""
    assert loads(same).hash == base.hash
    assert loads(same) == base
    assert base.set("services.api.workers", 3).hash != base.hash
    assert base.set("name", "other").hash != base.hash


def test_the_hash_knows_the_order_that_decides_ties() -> None:
    one = "{arrivals: {kind: poisson, rate: 5/s}, call: api}"
    rest = "services: {api: {workers: 2, service_time: 100ms}}\nrun: {duration: 1min}\n"
    first = loads(f"traffic: {{a: {one}, b: {one}}}\n{rest}")
    assert loads(f"traffic: {{b: {one}, a: {one}}}\n{rest}").hash != first.hash


def test_the_hash_knows_what_is_in_the_data_files(tmp_path: Path) -> None:
    path = tmp_path / "measured.yaml"
    path.write_text(SMALL.replace("100ms", "{kind: empirical, file: times.csv}"), encoding="utf-8")
    data = tmp_path / "times.csv"
    data.write_text("seconds\n0.1\n0.2\n", encoding="utf-8")
    first = load(path)
    assert load(path).hash == first.hash
    data.write_text("seconds\n0.1\n0.25\n", encoding="utf-8")
    os.utime(data, (1, 1))
    assert load(path).hash != first.hash
    assert first.set("run.seed", 2).services["api"].service_time.kind == "empirical"


def test_anchors_and_merge_keys_are_read() -> None:
    text = """\
traffic:
  web: &web {arrivals: {kind: poisson, rate: 5/s}, call: api, client: {timeout: 1s}}
  app:
    <<: *web
    priority: 3
  cli: {priority: 1, <<: [*web, {priority: 7}]}
services: {api: {workers: 2, service_time: 100ms}}
run: {duration: 1min}
"""
    scenario = loads(text)
    assert scenario.traffic["app"].call == "api"
    assert scenario.traffic["app"].priority == 3
    assert scenario.traffic["cli"].priority == 1
    # What one anchor gave to two places can be changed in one of them.
    changed = scenario.set("traffic.app.client.timeout", "9s")
    assert changed.client_of("app").timeout == 9.0
    assert changed.client_of("web").timeout == 1.0


def test_core_schema_of_yaml_1_2() -> None:
    scenario = loads(SMALL.replace("workers: 2", "workers: 0x10") + "# no more\n")
    assert scenario.services["api"].workers == 16.0
    assert loads(SMALL.replace("workers: 2", "workers: 0o17")).services["api"].workers == 15.0
    assert loads(SMALL.replace("workers: 2", "workers: 1e2")).services["api"].workers == 100.0
    assert loads(SMALL.replace("workers: 2", "workers: .inf")).services["api"].workers == math.inf
    assert loads(SMALL.replace("workers: 2", "workers: inf")).services["api"].workers == math.inf
    assert loads(SMALL.replace("workers: 2", 'workers: "12"')).services["api"].workers == 12.0
    assert loads(SMALL.replace("1min}", "1min, series: null, drain: false}")).run.drain is False


def test_an_optional_value_may_be_written_as_nothing() -> None:
    scenario = loads(SMALL.replace("call: api", "call: api, client: {timeout: }"))
    assert scenario.client_of("web").timeout is None


def test_one_fault_at_two_aliases_is_told_at_its_one_place() -> None:
    text = SMALL.replace("5/s}", "5/s}, client: &c {timeout: 5}").replace(
        "run:", "clients: {other: *c}\nrun:"
    )
    found = problems(text)
    assert len(found) == 2
    assert all(":1:" in problem for problem in found)


def test_exact_form_of_a_problem() -> None:
    assert problems(SMALL.replace("workers: 2", "worker: 2")) == [
        "<text>:2:18: services.api.worker: unknown key; did you mean workers?"
    ]
    assert problems(SMALL.replace("1min", "60")) == [
        "<text>:3:17: run.duration: 60 has no unit; write 2s, 250ms or 5min"
    ]


def test_endless_retries_are_refused_only_where_time_would_stand_still() -> None:
    def endless(client: str = "", service: str = "", retry: str = "") -> str:
        return (
            "traffic: {web: {arrivals: {kind: poisson, rate: 5/s}, call: api, client: "
            f"{{{client}retry: {{attempts: inf{retry}}}}}}}}}\n"
            f"services: {{api: {{workers: 2, service_time: 100ms, queue: {{capacity: 3}}{service}}}}}\n"
            "run: {duration: 1min}\n"
        )

    (problem,) = problems(endless())
    assert "traffic.web.client.retry.attempts: inf attempts without any delay" in problem
    assert len(problems(endless(retry=", backoff: 0s"))) == 1
    for text in (
        endless(retry=", backoff: 1s"),
        endless(retry=", probability: 0.9"),
        endless(retry=", on: [timeout]"),
        endless(client="network: 1ms, "),
        endless(service=", retry_after: 1s"),
        endless().replace("capacity: 3", "capacity: inf"),
    ):
        assert loads(text).client_of("web").retry.attempts == math.inf


def test_loading_is_quick_and_light() -> None:
    script = (
        "import sys, time; begin = time.process_time(); import sim.scenario.loader as loader; "
        f"loader.loads({SMALL!r}); print(time.process_time() - begin); "
        "print(sorted(sys.modules.keys() & {'numba', 'pandas', 'scipy', 'matplotlib', 'simpy', 'numpy'}))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    seconds, heavy = done.stdout.splitlines()
    assert heavy == "[]"
    assert float(seconds) < 1.0  # 0.2 s on an idle machine


def test_get_names_what_is_near(scenario: Scenario) -> None:
    assert scenario.get("services.api.workers") == 16.0
    assert scenario.get("faults[0].for") == 30.0
    assert scenario.get("faults.1.at") == 120.0
    assert scenario.get("run") is scenario.run
    for path, near in (
        ("services.api.worker", "services.api.workers"),
        ("service.api", "services"),
        ("faults[7].at", "faults"),
        ("services..api", "not a key path"),
        ("run.seed.more", "run.seed"),
    ):
        with pytest.raises(UsageError, match=near.replace(".", r"\.")):
            scenario.get(path)
