"""Parameters: found in the scenario by what the schema says, turned, and written again."""

import pytest

import sim
from sim.errors import UsageError
from sim.shipped import shipped
from sim.study.load import offered_load
from sim.study.sensitivities.parameters import Parameter, parameter, parameters, spelled_range

TEXT = """
traffic:
  web:
    arrivals: {kind: poisson, rate: 6k/min}
    call: api
    client: {timeout: 2s, retry: {attempts: inf, probability: 90%, backoff: {kind: constant, delay: 1s}}}
  batch:
    arrivals: {kind: profile, points: [[0s, 5/s], [10s, 20/s]], shape: linear}
    call: api
    priority: 3
services:
  api: {workers: 16, service_time: 10ms, error_ratio: 0.01, queue: {capacity: inf}}
faults:
  - {at: 20s, for: 5s, service: api, workers: x0.5}
objectives: [{subject: "service:api", metric: utilization, at_most: 90%}]
run: {duration: 60s, seed: 7}
"""


def test_what_is_written_and_a_number_is_found() -> None:
    assert {each.path: (each.value, each.unit) for each in parameters(sim.loads(TEXT))} == {
        "traffic.web.arrivals.rate": (100.0, "1/s"),
        "traffic.web.client.timeout": (2.0, "s"),
        "traffic.web.client.retry.probability": (0.9, "ratio"),
        "traffic.web.client.retry.backoff.delay": (1.0, "s"),
        "traffic.batch.arrivals": (1.0, "load"),
        "services.api.workers": (16.0, "count"),
        "services.api.service_time": (0.01, "s"),
        "services.api.error_ratio": (0.01, "ratio"),
        "faults[0].for": (5.0, "s"),
        "faults[0].workers": (0.5, "factor"),
    }


@pytest.mark.parametrize("name", shipped())
def test_every_parameter_of_the_shipped_scenarios_can_be_turned(name: str) -> None:
    scenario = sim.load(shipped()[name])
    found = parameters(scenario)
    assert any(each.path.startswith("services.") for each in found)
    for each in found:
        assert each.at(scenario, each.value) == scenario or each.unit == "load"
        changed = each.at(scenario, each.around(0.1)[1])
        if each.unit != "load":
            assert parameter(changed, each.path).value == each.around(0.1)[1]


def test_a_load_is_that_of_its_class_alone() -> None:
    scenario = sim.loads(TEXT)
    (load,) = (each for each in parameters(scenario) if each.unit == "load")
    more = load.at(scenario, 2.0)
    assert more.traffic["web"] == scenario.traffic["web"]
    assert offered_load(more) - offered_load(scenario) == pytest.approx(offered_load(scenario) - 100.0)


def test_counts_move_by_whole_steps_and_ratios_stay_ratios() -> None:
    assert Parameter("a", 4.0, "count").around(0.1) == (3.0, 5.0)
    assert Parameter("a", 64.0, "count").around(0.1) == (58.0, 70.0)
    assert Parameter("a", 0.0, "count").around(0.1) == (0.0, 1.0)
    assert Parameter("a", 0.95, "ratio").around(0.1) == (pytest.approx(0.855), 1.0)


def test_a_default_is_a_parameter_where_it_is_named() -> None:
    scenario = sim.loads(TEXT)
    assert parameter(scenario, "services.api.instances") == Parameter("services.api.instances", 1.0, "count")
    with pytest.raises(UsageError, match="not a finite number"):
        parameter(scenario, "services.api.queue.capacity")
    with pytest.raises(UsageError, match=r"did you mean services\.api"):
        parameter(scenario, "services.apj.workers")
    with pytest.raises(UsageError, match="not a key path"):
        parameter(scenario, "services..workers")


def test_the_ends_of_a_range_share_a_unit() -> None:
    assert spelled_range("10..50ms") == ("10ms", "50ms")
    assert spelled_range("x2..x5") == ("x2", "x5")
    assert spelled_range("8..24") == ("8", "24")
    with pytest.raises(UsageError, match="is not a range"):
        spelled_range("8..")
