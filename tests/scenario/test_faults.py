"""Faults: what a service, a source and a client are like at each moment."""

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.errors import ScenarioError
from sim.scenario import Scenario, loads
from sim.scenario.faults import (
    ClientPiece,
    RatePiece,
    ServicePiece,
    WorkersChange,
    client_timeline,
    pauses,
    service_timeline,
    traffic_timeline,
)


def scenario(*faults: str, workers: str = "10") -> Scenario:
    return loads(
        "traffic: {web: {arrivals: {kind: poisson, rate: 5/s}, call: api, client: patient}}\n"
        "clients: {patient: {timeout: 1s}}\n"
        f"services: {{api: {{workers: {workers}, service_time: 100ms, error_ratio: 1%}}}}\n"
        f"faults: [{', '.join(faults)}]\n"
        "run: {duration: 10min}\n"
    )


def test_without_faults_there_is_one_piece() -> None:
    calm = scenario()
    assert service_timeline(calm, "api") == (ServicePiece(0.0, 10.0, 1.0, 0.01, False, None, 0),)
    assert traffic_timeline(calm, "web") == (RatePiece(0.0, 1.0),)
    assert client_timeline(calm, "patient") == (ClientPiece(0.0, 0.0, True),)
    assert pauses(calm, "api") == ()


def test_a_fault_begins_and_ends() -> None:
    faulty = scenario("{at: 60s, for: 30s, service: api, workers: 4}", "{at: 2min, traffic: web, rate: x3}")
    assert service_timeline(faulty, "api") == (
        ServicePiece(0.0, 10.0, 1.0, 0.01, False, None, 0),
        ServicePiece(60.0, 4.0, 1.0, 0.01, False, None, 0),
        ServicePiece(90.0, 10.0, 1.0, 0.01, False, None, 0),
    )
    assert traffic_timeline(faulty, "web") == (RatePiece(0.0, 1.0), RatePiece(120.0, 3.0))


def test_a_fault_from_the_start_makes_the_first_piece() -> None:
    faulty = scenario("{at: 0s, for: 5s, client: patient, lost: 10%}")
    assert client_timeline(faulty, "patient") == (ClientPiece(0.0, 0.1, True), ClientPiece(5.0, 0.0, True))


def test_overlapping_faults_apply_in_the_order_listed() -> None:
    halved_then_set = scenario(
        "{at: 10s, for: 20s, service: api, workers: x0.5}", "{at: 20s, for: 20s, service: api, workers: 8}"
    )
    assert [(piece.at, piece.workers) for piece in service_timeline(halved_then_set, "api")] == [
        (0.0, 10.0),
        (10.0, 5.0),
        (20.0, 8.0),
        (40.0, 10.0),
    ]
    set_then_halved = scenario(
        "{at: 20s, for: 20s, service: api, workers: 8}", "{at: 10s, for: 20s, service: api, workers: x0.5}"
    )
    assert [(piece.at, piece.workers) for piece in service_timeline(set_then_halved, "api")] == [
        (0.0, 10.0),
        (10.0, 5.0),
        (20.0, 4.0),
        (30.0, 8.0),
        (40.0, 10.0),
    ]


def test_factors_multiply_and_values_replace() -> None:
    faulty = scenario(
        "{at: 1s, for: 9s, service: api, service_time: x2}",
        "{at: 5s, for: 9s, service: api, service_time: x3}",
        "{at: 1s, for: 9s, service: api, error_ratio: 50%}",
        "{at: 5s, for: 9s, service: api, error_ratio: 20%}",
        "{at: 1s, for: 9s, traffic: web, rate: x2}",
        "{at: 5s, for: 9s, traffic: web, rate: x0.25}",
        "{at: 1s, for: 9s, client: patient, lost: 50%}",
        "{at: 5s, for: 9s, client: patient, lost: 20%}",
    )
    pieces = service_timeline(faulty, "api")
    assert [(piece.at, piece.time_factor, piece.error_ratio) for piece in pieces] == [
        (0.0, 1.0, 0.01),
        (1.0, 2.0, 0.5),
        (5.0, 6.0, 0.2),
        (10.0, 3.0, 0.2),
        (14.0, 1.0, 0.01),
    ]
    assert [piece.speed for piece in traffic_timeline(faulty, "web")] == [1.0, 2.0, 0.5, 0.25, 1.0]
    assert [piece.lost for piece in client_timeline(faulty, "patient")] == [0.0, 0.5, 0.2, 0.0]


def test_one_fault_after_another_leaves_no_gap() -> None:
    faulty = scenario(
        "{at: 1s, for: 2s, service: api, workers: 3}", "{at: 3s, for: 2s, service: api, workers: 3}"
    )
    assert [(piece.at, piece.workers) for piece in service_timeline(faulty, "api")] == [
        (0.0, 10.0),
        (1.0, 3.0),
        (5.0, 10.0),
    ]


def test_pauses_are_merged() -> None:
    faulty = scenario(
        "{at: 30s, for: 10s, service: api, pause: true}",
        "{at: 10s, for: 5s, service: api, pause: true}",
        "{at: 12s, for: 1s, service: api, pause: true}",
        "{at: 15s, for: 5s, service: api, pause: true}",
        "{at: 100s, service: api, pause: true}",
    )
    assert pauses(faulty, "api") == ((10.0, 20.0), (30.0, 40.0), (100.0, math.inf))
    assert [(piece.at, piece.paused) for piece in service_timeline(faulty, "api")] == [
        (0.0, False),
        (10.0, True),
        (20.0, False),
        (30.0, True),
        (40.0, False),
        (100.0, True),
    ]


@pytest.mark.parametrize(
    ("workers", "change", "left"),
    [
        (10.0, "x0.5", 5.0),
        (11.0, "x0.5", 5.0),
        (10.0, "x0.3", 3.0),  # 10 * 0.3 is 3.0000000000000004 or 2.9999999999999996, as one rounds
        (100.0, "x0.29", 29.0),  # the product is 28.999999999999996
        (10.0, "x0", 0.0),
        (10.0, "x1.5", 15.0),
        (10.0, "0", 0.0),
        (10.0, "inf", math.inf),
        (math.inf, "x0.5", math.inf),
        (math.inf, "x0", 0.0),
        (math.inf, "4", 4.0),
    ],
)
def test_workers_left(workers: float, change: str, left: float) -> None:
    base = "inf" if math.isinf(workers) else str(int(workers))
    faulty = scenario(f"{{at: 1s, service: api, workers: {change}}}", workers=base)
    assert service_timeline(faulty, "api")[-1].workers == left


def test_a_change_of_workers_is_written_as_it_was_meant() -> None:
    faulty = scenario("{at: 1s, service: api, workers: x0.5}", "{at: 2s, service: api, workers: 0}")
    assert faulty.faults[0].workers == WorkersChange(0.5, relative=True)
    assert faulty.faults[1].workers == WorkersChange(0.0, relative=False)
    dumped = [fault.model_dump(mode="json", by_alias=True, exclude_unset=True) for fault in faulty.faults]
    assert [fault["workers"] for fault in dumped] == ["x0.5", 0]
    rebuilt = Scenario(**{name: getattr(faulty, name) for name in Scenario.model_fields})
    assert rebuilt == faulty
    assert loads_document(rebuilt) == faulty


def loads_document(rebuilt: Scenario) -> Scenario:
    return rebuilt.set("run.seed", rebuilt.run.seed)


@pytest.mark.parametrize("kind", ["{kind: closed, users: 5, think: 1s}"])
def test_a_source_without_a_rate_cannot_be_sped_up(kind: str) -> None:
    calm = scenario()
    with pytest.raises(ScenarioError, match="have no rate that a factor could change"):
        calm.set({"traffic.web.arrivals": kind, "faults": "[{at: 1s, traffic: web, rate: x2}]"})


def test_sources_with_a_rate_can_be_sped_up() -> None:
    calm = scenario("{at: 1s, traffic: web, rate: x2}")
    for kind in (
        "{kind: constant, rate: 5/s}",
        "{kind: renewal, gap: 1s}",
        "{kind: sinusoid, mean: 5/s, amplitude: 1/s, period: 1h}",
        "{kind: profile, points: [[0s, 5/s], [60s, 10/s]]}",
    ):
        assert len(traffic_timeline(calm.set("traffic.web.arrivals", kind), "web")) == 2


spans = st.tuples(st.integers(0, 20), st.integers(1, 20), st.sampled_from(["x0.5", "x3", "4", "0"]))


@given(st.lists(spans, max_size=6))
def test_the_timeline_says_what_each_moment_says(listed: list[tuple[int, int, str]]) -> None:
    faulty = scenario(
        *(f"{{at: {at}s, for: {span}s, service: api, workers: {change}}}" for at, span, change in listed)
    )
    pieces = service_timeline(faulty, "api")
    assert pieces[0].at == 0.0
    assert [piece.at for piece in pieces] == sorted({piece.at for piece in pieces})
    for before, after in pairwise(pieces):
        assert before[1:] != after[1:]
    for moment in range(42):
        workers = 10.0
        for at, span, change in listed:
            if at <= moment < at + span:
                workers = math.floor(workers * float(change[1:])) if change[0] == "x" else float(change)
        holding = [piece for piece in pieces if piece.at <= moment][-1]
        assert holding.workers == workers


def test_orders_and_drops_of_a_queue_and_clients_that_stop_retrying() -> None:
    faulty = scenario(
        "{at: 1s, for: 2s, service: api, discipline: lifo}",
        "{at: 2s, service: api, drop_queue: true}",
        "{at: 4s, service: api, drop_queue: true}",
        "{at: 1s, for: 1s, client: patient, retries: false}",
    )
    pieces = service_timeline(faulty, "api")
    assert [(piece.at, piece.discipline, piece.drops) for piece in pieces] == [
        (0.0, None, 0),
        (1.0, "lifo", 0),
        (2.0, "lifo", 1),
        (3.0, None, 1),
        (4.0, None, 2),
    ]
    assert [(piece.at, piece.retries) for piece in client_timeline(faulty, "patient")] == [
        (0.0, True),
        (1.0, False),
        (2.0, True),
    ]
