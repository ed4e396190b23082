"""The JSON Schema: it takes what the loader takes, refuses what has the wrong shape, and helps an editor."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sim.scenario.loader import check
from sim.scenario.reader import decode, read
from sim.scenario.schema import Place, flow, json_schema

jsonschema = pytest.importorskip("jsonschema")

ROOT = Path(__file__).resolve().parents[2]
CONFIGS = sorted((ROOT / "configs").rglob("*.yaml"))
MALFORMED = sorted((Path(__file__).parent / "malformed").glob("*.yaml"))

# What no schema of shapes can see: a name that is not given, values that do not fit together, a data file.
BEYOND_SHAPE = {
    "antithetic_of_an_odd_number",
    "client_without_clients",
    "data_file_a_directory",
    "data_file_missing",
    "duration_too_large",
    "duration_zero",
    "endless_retries_at_once",
    "growth_below_nothing",
    "growth_file_missing",
    "growth_start_no_date",
    "growth_too_uncertain",
    "low_above_high",
    "objective_in_the_wrong_unit",
    "objective_metric_of_another",
    "objective_of_unknown_traffic",
    "objective_ratio_above_one",
    "objective_with_two_bounds",
    "objective_without_a_bound",
    "objective_without_unit",
    "precision_of_nothing",
    "precision_of_unknown_service",
    "profile_backwards",
    "rate_zero",
    "ratio_more_than_one",
    "ratio_not_a_number",
    "series_too_fine",
    "sinusoid_below_zero",
    "title_of_two_lines",
    "traffic_empty",
    "unknown_client",
    "unknown_service",
    "warmup_not_shorter",
}

EVERYTHING = """\
name: everything
traffic:
  web: {arrivals: {kind: poisson, rate: 5/s, batch: 2, start: 1s, stop: 1h}, call: api, client: patient}
  app:
    arrivals: {kind: closed, users: 5, think: 1s}
    call: api
    client: {timeout: 1s}
    service_time: 5ms
    priority: -1
  cron: {arrivals: {kind: constant, rate: 6/min, batch: {kind: geometric, mean: 3}}, call: db}
  day: {arrivals: {kind: profile, points: [[0s, 5/s], [1h, 0/s]], shape: linear, repeat: 24h}, call: db}
  wave: {arrivals: {kind: sinusoid, mean: 5/s, amplitude: 1/s, period: 1h, phase: 5min}, call: db}
  burst: {arrivals: {kind: mmpp, states: [{rate: 5/s, stay: 1s}, {rate: 50/s, stay: 1s}]}, call: db}
  gaps: {arrivals: {kind: renewal, gap: {kind: gamma, mean: 10ms, cv: 2}}, call: db}
clients:
  patient:
    timeout: 2s
    deadline: 1min
    cancel: queued
    late_reply: accept
    network: {kind: uniform, low: 1ms, high: 2ms}
    retry: {attempts: inf, on: [rejected, lost, denied], probability: 90%, backoff: 1s, retry_after: false}
  eager: {retry: {attempts: 3, backoff: {kind: exponential, base: 100ms, jitter: {spread: 0.2}}}}
  plain: {retry: {attempts: 3, backoff: none}}
  celery: {retry: {attempts: 3, backoff: celery}}
services:
  api:
    workers: 16
    service_time:
      kind: mixture
      parts: [{weight: 1, of: 1ms}, {weight: 2.5, of: {kind: pareto, mean: 1s, tail: 2.5}}]
    queue:
      capacity: inf
      discipline: priority
      overflow: drop_oldest
      max_wait: {kind: erlang, mean: 1s, shape: 2}
    retry_after: 1s
    error_ratio: 0.5%
  db:
    workers: inf
    service_time: {kind: hyperexponential, mean: 100ms, cv: 2}
    queue: {discipline: {kind: lifo}}
faults:
  - {at: 60s, for: 30s, traffic: web, rate: x3}
  - {at: 60s, service: api, workers: x0.5}
  - {at: 60s, service: api, workers: 0}
  - {at: 60s, service: api, pause: true}
  - {at: 60s, service: api, error_ratio: 50%}
  - {at: 60s, service: api, service_time: x2}
  - {at: 60s, client: patient, lost: 10%}
objectives:
  - {subject: "traffic:web", metric: latency_p99, at_most: 1s}
  - {subject: "service:api", metric: queue_length, at_most: 12.5}
  - {subject: "client:eager", metric: goodput, at_least: 100/s}
plan:
  vary: {services.api.workers: "8..24", services.api.queue.capacity: [16, inf]}
  minimize:
    worker_hour: 0.12
    place_hour: 0.001
    attempt: 0.0001
    rejection: 0.002
    failure: 0.05
    second_waited: 0.01
    services: {db: {worker_hour: 0.9, place_hour: 0, rejection: 0.1, second_waited: 0}}
    traffic: {web: {attempt: 0, failure: 2.5}}
  survive:
    - {at: 60s, for: 30s, service: api, workers: x0.67}
    - name: a spike
      faults: [{at: 60s, for: 30s, traffic: web, rate: x3}]
      objectives: [{subject: "traffic:web", metric: success_ratio, at_least: 95%}]
      recover_within: 1min
  indifference: 2%
  confidence: 0.9
  growth: {rate: 8% per month, uncertainty: 2%, start: 2026-01-31, horizon: 18 months}
  lead_time: 6 weeks
  purchase: {step: 4, key: services.api.workers}
run: {duration: 10min, warmup: auto, replications: 20, seed: 7, antithetic: true, engine: reference, series: 1s,
  precision: {subject: "traffic:web", metric: latency_p99, relative: 2%, confidence: 90%, most: 400},
  drain: false}
"""


@pytest.fixture(scope="module")
def validator() -> Any:
    schema = json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def document(path: Path) -> tuple[Any, bool]:
    """The plain values of a file, and whether it is sound as YAML."""
    text, problems = decode(path.read_bytes(), str(path))
    if problems:
        return None, False
    root, problems = read(text, str(path))
    return (root.value, True) if root is not None and not problems else (None, False)


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_it_takes_every_shipped_scenario(validator: Any, path: Path) -> None:
    values, _ = document(path)
    assert [error.message for error in validator.iter_errors(values)] == []


def test_it_takes_every_key_of_the_language(validator: Any, tmp_path: Path) -> None:
    path = tmp_path / "everything.yaml"
    path.write_text(EVERYTHING, encoding="utf-8")
    assert [str(problem) for problem in check(path)] == []
    values, _ = document(path)
    assert [error.message for error in validator.iter_errors(values)] == []


def test_it_refuses_the_wrong_shape(validator: Any) -> None:
    refused = 0
    for path in MALFORMED:
        values, sound = document(path)
        if not sound:
            continue  # no YAML that a schema could see
        if validator.is_valid(values):
            assert path.stem in BEYOND_SHAPE or path.stem.startswith(("fault_", "plan_"))
        else:
            refused += 1
    assert refused > 100


def every(schema: Any) -> Iterator[dict[str, Any]]:
    if isinstance(schema, dict):
        yield schema
        for one in schema.values():
            yield from every(one)
    elif isinstance(schema, list):
        for one in schema:
            yield from every(one)


def test_it_is_json_and_says_what_it_is() -> None:
    schema = json_schema()
    assert json.loads(json.dumps(schema, allow_nan=False)) == schema
    assert schema["$schema"].endswith("2020-12/schema")
    assert schema["title"] == "Forebay scenario"
    assert set(schema["required"]) == {"traffic", "services", "run"}
    schema.clear()
    assert json_schema()["title"] == "Forebay scenario"


def test_every_part_and_key_is_described() -> None:
    schema = json_schema()
    assert all(part.get("description") for part in schema["$defs"].values())
    for part in (
        schema,
        *(
            schema["$defs"][name]
            for name in ("Traffic", "Client", "Retry", "Service", "Queue", "Fault", "Run")
        ),
    ):
        assert all(one.get("description") for key, one in part["properties"].items() if key != "kind")
        assert part["additionalProperties"] is False


def test_a_choice_needs_its_kind() -> None:
    for part in json_schema()["$defs"].values():
        kind = part.get("properties", {}).get("kind", {})
        if "const" in kind:
            assert part["required"][0] == "kind"
            assert part["description"]


def test_defaults_and_examples_are_spelled_as_in_a_file(validator: Any) -> None:
    schema = json_schema()
    resolver = validator.evolve
    for one in every(schema):
        if one.get("default") is not None and ("pattern" in one or "anyOf" in one or "type" in one):
            assert resolver(schema={**one, "$defs": schema["$defs"]}).is_valid(one["default"]), one
        for example in one.get("examples", ()) if isinstance(one.get("examples"), list) else ():
            assert resolver(schema={**one, "$defs": schema["$defs"]}).is_valid(example), one


def test_examples_of_the_top_sections_make_a_scenario(tmp_path: Path) -> None:
    schema = json_schema()
    values = {key: one["examples"][0] for key, one in schema["properties"].items()}
    path = tmp_path / "examples.yaml"
    path.write_text("".join(f"{key}: {flow(value)}\n" for key, value in values.items()), encoding="utf-8")
    assert [str(problem) for problem in check(path)] == []


def test_places_know_their_keys() -> None:
    top = Place.top()
    assert "services" in top.keys
    assert not top.has_names
    services = top.below("services")
    assert services.has_names
    assert services.keys == ()
    api = services.below("api")
    assert set(api.keys) >= {"workers", "service_time", "queue"}
    gamma = api.below("service_time", {"kind": "gamma"})
    assert set(gamma.keys) == {"kind", "mean", "cv"}
    assert api.below("service_time").example() == "100ms"
    assert top.below("faults").below(0).below("workers").example() == 4
    assert api.below("nothing").example() is None
    assert not api.below("nothing").is_mapping


def test_flow_style() -> None:
    assert flow({"rate": "5/s", "kind": "poisson"}) == "{kind: poisson, rate: 5/s}"
    assert flow([True, 1, "traffic:web", "1..4", None]) == '[true, 1, "traffic:web", "1..4", None]'
