"""The trigger: where it ends, what is left without it, and more of it."""

import pytest

import sim
from sim.errors import ScenarioError
from sim.study.metastability.trigger import (
    has_height,
    has_length,
    heightened,
    helping,
    highest,
    lengthened,
    reached,
    trigger_of,
    without_trigger,
)

BASE = """
traffic: {web: {arrivals: {kind: poisson, rate: 30/s}, call: api, client: app}}
clients: {app: {timeout: 500ms, retry: {attempts: 4, backoff: 100ms}}}
services: {api: {workers: 10, service_time: {kind: exponential, mean: 80ms}, queue: {capacity: 80}}}
run: {duration: 60s}
"""
PROFILE = "{kind: profile, points: [[0s, 40/s], [20s, 80/s], [25s, 40/s]]}"


def scenario(*faults: dict[str, object]) -> sim.Scenario:
    return sim.loads(BASE).set("faults", list(faults))


def test_it_lasts_from_the_first_beginning_to_the_last_end() -> None:
    spike = {"at": "10s", "for": "2s", "traffic": "web", "rate": "x3"}
    outage = {"at": "11s", "for": "5s", "service": "api", "workers": "x0.5"}
    found = trigger_of(scenario(spike, outage))
    assert (found.begin, found.end) == (10.0, 16.0)
    assert without_trigger(scenario(spike, outage)).faults == ()


def test_what_always_holds_is_no_trigger_and_stays() -> None:
    always = {"at": "0s", "client": "app", "lost": "1%"}
    spike = {"at": "10s", "for": "2s", "traffic": "web", "rate": "x3"}
    assert trigger_of(scenario(always, spike)).end == 12.0
    assert len(without_trigger(scenario(always, spike)).faults) == 1
    assert heightened(scenario(always, spike), 2.0).faults[0].lost == 0.01


def test_a_profile_that_comes_to_rest_is_a_trigger() -> None:
    spiked = sim.loads(BASE).set("traffic.web.arrivals", PROFILE)
    assert (trigger_of(spiked).begin, trigger_of(spiked).end) == (20.0, 25.0)
    assert without_trigger(spiked).traffic["web"].arrivals.points == ((0.0, 40.0),)
    assert heightened(spiked, 1.5).traffic["web"].arrivals.points[1] == (20.0, 100.0)
    assert lengthened(spiked, 2.0).traffic["web"].arrivals.points[2] == (30.0, 40.0)


@pytest.mark.parametrize(
    ("fault", "key", "twice"),
    [
        ({"traffic": "web", "rate": "x3"}, "rate", 5.0),
        ({"service": "api", "service_time": "x2"}, "service_time", 3.0),
        ({"service": "api", "error_ratio": 0.3}, "error_ratio", 0.6),
        ({"service": "api", "error_ratio": 0.8}, "error_ratio", 1.0),
        ({"client": "app", "lost": "10%"}, "lost", 0.2),
    ],
)
def test_twice_as_high_is_twice_as_far_from_how_things_are(
    fault: dict[str, object], key: str, twice: float
) -> None:
    made = heightened(scenario({"at": "10s", "for": "2s", **fault}), 2.0)
    assert getattr(made.faults[0], key) == pytest.approx(twice)


@pytest.mark.parametrize(("workers", "left", "most"), [("x0.7", 4.0, 1 / 0.3), (8, 6.0, 5.0), (0, 0.0, 1.0)])
def test_workers_are_missing_and_there_are_only_so_many(workers: object, left: float, most: float) -> None:
    written = scenario({"at": "10s", "for": "2s", "service": "api", "workers": workers})
    change = heightened(written, 2.0).faults[0].workers
    assert change is not None
    assert change.apply(10.0) == left
    assert highest(written) == pytest.approx(most)
    nothing = heightened(written, 0.0).faults[0].workers
    assert nothing is not None
    assert nothing.apply(10.0) == 10.0


PAUSE = {"at": "10s", "for": "2s", "service": "api", "pause": True}


@pytest.mark.parametrize(
    "remedy",
    [
        {"for": "1s", "client": "app", "retries": False},
        {"for": "1s", "service": "api", "discipline": "lifo"},
        {"for": "1s", "traffic": "web", "rate": "x0.5"},
        {"for": "1s", "service": "api", "workers": "x2"},
        {"for": "1s", "service": "api", "service_time": "x0.9"},
        {"service": "api", "drop_queue": True},
    ],
)
def test_what_helps_is_no_part_of_what_is_made_worse(remedy: dict[str, object]) -> None:
    written = scenario(PAUSE, {"at": "13s", **remedy})
    assert helping(written) == ("faults[1]",)
    longer = lengthened(written, 4.0)
    assert longer.faults[0].lasting == 8.0
    assert longer.faults[1] == written.faults[1]
    assert heightened(written, 4.0) == written
    assert not has_height(written)
    # Where there is nothing else, it is what happens.
    alone = scenario({"at": "13s", **remedy})
    assert helping(alone) == ()
    assert has_length(alone) is ("for" in remedy)


def test_a_queue_is_dropped_at_once() -> None:
    dropped = scenario(PAUSE, {"at": "13s", "service": "api", "drop_queue": True})
    assert (trigger_of(dropped).begin, trigger_of(dropped).end) == (10.0, 13.0)
    assert without_trigger(dropped).faults == ()


@pytest.mark.parametrize(
    "fault",
    [
        {"traffic": "web", "rate": "x3"},
        {"service": "api", "pause": True},
        {"client": "app", "lost": "10%"},
    ],
)
def test_a_trigger_reaches_the_service_and_not_its_neighbour(fault: dict[str, object]) -> None:
    written = scenario({"at": "10s", "for": "2s", **fault}).set(
        {
            "traffic.mail": {"arrivals": {"kind": "poisson", "rate": "1/s"}, "call": "post"},
            "services.post": {"workers": 1, "service_time": "1ms"},
        }
    )
    assert reached(written) == ("api",)


@pytest.mark.parametrize(
    ("faults", "said"),
    [
        ([], "there is no trigger"),
        ([{"at": "0s", "client": "app", "lost": "1%"}], "there is no trigger"),
        ([{"at": "10s", "traffic": "web", "rate": "x3"}], "never ends"),
    ],
)
def test_without_a_trigger_one_error_names_the_file_and_shows_one(
    faults: list[dict[str, object]], said: str
) -> None:
    with pytest.raises(ScenarioError) as caught:
        trigger_of(scenario(*faults), "checkout.yaml")
    (problem,) = caught.value.problems
    assert problem.file == "checkout.yaml"
    assert said in problem.message
    assert "for: 10s" in problem.example
