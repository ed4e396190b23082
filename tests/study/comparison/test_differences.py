"""What differs between two scenarios: by path, defaults included, choices by kind as one value."""

from pathlib import Path

import pytest

import sim
from sim.scenario.scenario import Scenario
from sim.study.comparison.differences import Difference, differences

BASE = """
name: base
traffic:
  web: {arrivals: {kind: poisson, rate: 50/s}, call: api, client: patient}
  batch: {arrivals: {kind: constant, rate: 1/s}, call: api}
clients: {patient: {timeout: 1s, retry: {attempts: 3, backoff: {kind: exponential, base: 100ms}}}}
services: {api: {workers: 8, service_time: {kind: exponential, mean: 100ms}}}
faults: [{at: 10s, for: 5s, traffic: web, rate: x2}]
run: {duration: 60s, replications: 2}
"""


@pytest.fixture(scope="module")
def base() -> Scenario:
    return sim.loads(BASE, "base.yaml", Path())


@pytest.mark.parametrize(
    ("path", "value", "found"),
    [
        ("services.api.workers", 9, [Difference("services.api.workers", 8, 9)]),
        ("services.api.queue", "{capacity: 5}", [Difference("services.api.queue.capacity", "inf", 5)]),
        ("clients.patient.timeout", None, [Difference("clients.patient.timeout", "1.0s", None)]),
        ("faults[0].at", "11s", [Difference("faults[0].at", "10.0s", "11.0s")]),
        (
            "clients.patient.retry.on",
            "[timeout]",
            [
                Difference(
                    "clients.patient.retry.on", ["rejected", "timeout", "error", "lost"], ["timeout"]
                )
            ],
        ),
        ("run.seed", 5, []),
        ("run.replications", 5, []),
        ("name", "other", []),
        ("services.api.workers", 8, []),
    ],
)  # fmt: skip
def test_a_changed_value_is_found_at_its_path(
    base: Scenario, path: str, value: object, found: list[Difference]
) -> None:
    assert list(differences(base, base.set(path, value))) == found


def test_another_kind_is_one_difference(base: Scenario) -> None:
    (found,) = differences(base, base.set("clients.patient.retry.backoff", "none"))
    assert found.path == "clients.patient.retry.backoff"
    assert (found.baseline["kind"], found.variant) == ("exponential", {"kind": "none"})


def test_what_is_in_one_alone_is_found(base: Scenario) -> None:
    more = "[{at: 10s, for: 5s, traffic: web, rate: x2}, {at: 30s, for: 1s, service: api, pause: true}]"
    (found,) = differences(base, base.set("faults", more))
    assert (found.path, found.baseline) == ("faults[1]", None)
    assert found.variant["pause"] is True
    (back,) = differences(base.set("faults", more), base)
    assert (back.path, back.variant) == ("faults[1]", None)


def test_the_order_that_decides_ties_is_a_difference(base: Scenario) -> None:
    document = base.document
    document["traffic"] = dict(reversed(document["traffic"].items()))
    other = base.set("traffic", document["traffic"])
    assert list(other.traffic) == ["batch", "web"]
    assert [found.path for found in differences(base, other)] == ["order of traffic"]


def test_other_contents_of_a_data_file_are_a_difference(tmp_path: Path) -> None:
    made = []
    for name, times in (("one", "0.1\n0.2\n"), ("two", "0.1\n0.3\n")):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "times.csv").write_text(f"time\n{times}", encoding="utf-8")
        trace = "{kind: trace, file: times.csv, column: time, unit: s}"
        text = BASE.replace("{kind: poisson, rate: 50/s}", trace).replace(
            "traffic: web, ", "traffic: batch, "
        )
        made.append(sim.loads(text, f"{name}.yaml", folder))
    assert [found.path for found in differences(*made)] == ["contents of data files"]
    assert differences(made[0], made[0].set("run.seed", 9)) == ()
