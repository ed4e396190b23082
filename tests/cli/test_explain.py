"""`forebay explain`: the model in words, each figure checked by hand."""

import json
import math
from pathlib import Path

import pytest

from sim.cli import status
from sim.cli.explain import document, sections
from sim.cli.files import load_scenario
from sim.report.load_words import amplification
from sim.scenario.clients import Client
from tests.cli.conftest import Forebay


def test_words_of_a_small_scenario(small: Path, forebay: Forebay) -> None:
    code, out, _ = forebay("explain", str(small))
    assert code == status.OK
    words = " ".join(out.split())
    assert "40/s offered of 50/s at most: utilization 80%, offered load 3.2 erlang: stable" in words
    assert "one request would become 3" in words
    assert "120/s, utilization 240%: they alone can keep it overloaded" in words
    assert "40 places to wait, the last of which waits about 800 ms" in words
    assert (
        "longest useful queue 1 s × 50/s = 50 (the timeout of web), those in service counted: 46 places"
        in words
    )
    assert "traffic:web success_ratio at least 1%" in words
    assert "4 replications of 60 s" in words


def test_figures_of_a_small_scenario(small: Path) -> None:
    load = document(load_scenario(str(small)))["services"]["api"]
    assert load["offered_rate"] == pytest.approx(40.0)
    assert load["service_rate"] == pytest.approx(50.0)
    assert load["utilization"] == pytest.approx(0.8)
    assert load["worst_case_rate"] == pytest.approx(120.0)
    assert (load["longest_useful_queue"], load["useful_places"]) == (50, 46)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (["services.api.workers=2"], "overloaded; its bounded queue stays full"),
        (["services.api.workers=2", "services.api.queue={}"], "unstable; its queue grows without bound"),
        (["services.api.workers=inf"], "serves whatever comes"),
        (["services.api.queue.capacity=80"], "longer than is of use"),
        (["services.api.queue.overflow=drop_oldest"], "drops the oldest when full"),
        (["clients.patient.retry.attempts=inf"], "would never stop"),
        (["clients.patient.retry.attempts=1"], "sends once."),
        (["clients.patient.retry.probability=50%"], "one request would become 1.75"),
        (["clients.patient.deadline=3s"], "deadline 3 s"),
        (["faults=[{at: 5s, for: 2s, traffic: web, rate: x3}]"], "offered 120/s of 50/s: utilization 240%"),
        (["faults=[{at: 5s, service: api, workers: 0}]"], "(api stands still)"),
        (["faults=[{at: 5s, service: api, pause: true}]"], "api stands still"),
        (["faults=[{at: 5s, service: api, drop_queue: true}]"], "at 5 s: service: api, drop_queue: true."),
        (
            ["faults=[{at: 5s, service: api, error_ratio: 50%}]"],
            "to the end: service: api, error_ratio: 50%.",
        ),
        (["traffic.web.arrivals={kind: closed, users: 5, think: 1s}"], "about 4.63/s on average"),
        (["run.warmup=auto"], "warm-up found by the run itself"),
        (["traffic.web.client={}"], "waits for ever; sends once."),
        (["traffic.web.priority=2"], "priority 2, which nothing at api looks at: its queue is fifo."),
        (["traffic.web.priority=2", "services.api.queue.discipline=priority"], "web: priority 2."),
        (
            ["traffic.web.service_time={kind: constant, value: 5ms}"],
            "web: its own work takes constant, 5 ms.",
        ),
        ([], "services.api.workers may be 2..8 (7 values). looked for: the fewest workers"),
        (
            ["plan.survive=[{at: 5s, for: 2s, service: api, workers: x0.5}]"],
            "must survive api workers x0.5 at 5 s for 2 s: 1 objective of the scenario.",
        ),
        (
            [
                (
                    "plan.survive=[{name: a zone, faults: [{at: 5s, for: 2s, service: api, pause: true}], "
                    "objectives: [{subject: 'traffic:web', metric: denied_ratio, at_most: 9%}], "
                    "recover_within: 2s}]"
                )
            ],
            "a zone (api pause at 5 s for 2 s): traffic:web denied_ratio at most 9% and recovered within 2 s.",
        ),
        (["plan.growth=8% per month", "plan.lead_time=6 weeks"], "the load grows: 8% per month; 6 weeks"),
        (["plan.growth=8% per month", "plan.purchase=4"], "what is bought comes 4 at a time."),
        (
            [
                "services.api.instances=2",
                "services.api.workers=2",
                "faults=[{at: 5s, traffic: web, rate: x3}]",
            ],
            "offered 120/s of 50/s: utilization 240%",
        ),
        (
            [
                "services.api.instances=2",
                "faults=[{at: 5s, service: api, instance: 1, service_time: x2}]",
            ],
            "offered 40/s of 75/s: utilization 53.33%; instance 1 can do 25/s, an even share is 20/s",
        ),
        (
            ["services.api.instances=2", "faults=[{at: 5s, service: api, instance: 0, pause: true}]"],
            "offered 40/s of 50/s: utilization 80%; instance 0 stands still",
        ),
        (
            [
                "services.api.slowdown={kind: contention, sigma: 0.25}",
                "faults=[{at: 5s, service: api, workers: 2}]",
            ],
            "offered 40/s of 20/s: utilization 200%",
        ),
        (["services.api.admission=[{kind: concurrency_limit, limit: 3}]"], "40/s offered of 37.5/s at most"),
        (
            ["services.api.admission=[{kind: rate_limit, rate: 30/s}]"],
            "utilization 133.3%, offered load 3.2 erlang: overloaded; what is too much is turned away.",
        ),
        (["services.api.admission=[{kind: concurrency_limit, limit: 9}]"], "a limit leaves 5 in reach"),
        (["clients.patient.retry.budget=token_bucket"], "retries would make it 44/s, utilization 88%."),
        (["clients.patient.retry.budget={kind: ratio_bucket, min_per_second: 0/s}"], "make it 48/s"),
        (["clients.patient.breaker=circuit"], "but for what holds the clients back"),
        (
            ["traffic.web.arrivals={kind: closed, users: 20, think: 100ms}"],
            "if nobody ever waited: as they do, its 20 users send what it can serve.",
        ),
    ],
)
def test_what_is_said_of_each_case(settings: list[str], said: str, small: Path) -> None:
    lines = sections(load_scenario(str(small), settings)).values()
    assert said in " ".join(line for each in lines for line in each)


def test_each_reason_against_a_model_is_said_once(small: Path) -> None:
    said = sections(load_scenario(str(small)))["What theory says"]
    bounded = [line for line in said if "the queue is bounded: 40 waiting places" in line]
    ruled_out = "M/M/1, M/M/c, M/G/1 and G/G/c (Allen–Cunneen)"
    assert bounded == [f"service:api: the queue is bounded: 40 waiting places: rules out {ruled_out}"]


@pytest.mark.parametrize(
    ("attempts", "probability", "expected"),
    [(1, 1.0, 1.0), (4, 1.0, 4.0), (math.inf, 1.0, math.inf), (math.inf, 0.5, 2.0), (3, 0.5, 1.75)],
)
def test_amplification_when_every_attempt_fails(attempts: float, probability: float, expected: float) -> None:
    written = "inf" if math.isinf(attempts) else attempts
    client = Client.model_validate({"retry": {"attempts": written, "probability": probability}})
    assert amplification(client) == pytest.approx(expected)


def test_json_and_markdown(small: Path, forebay: Forebay) -> None:
    found = json.loads(forebay("explain", str(small), "-f", "json")[1])
    assert found["schema_version"] == 1
    assert "What serves it" in found["words"]
    assert forebay("explain", str(small), "-f", "md")[1].startswith("# small (hash ")


def test_a_patient_client_has_no_longest_useful_queue(small: Path, forebay: Forebay) -> None:
    patient = ("--set", "clients.patient.timeout=null")
    found = json.loads(forebay("explain", str(small), *patient, "-f", "json")[1])
    assert "longest_useful_queue" not in found["services"]["api"]


def test_a_source_whose_first_arrival_is_too_late_is_said_to_send_nothing(small: Path) -> None:
    scenario = load_scenario(str(small)).set(
        "traffic.web.arrivals", {"kind": "constant", "rate": "1/h", "batch": 60}
    )
    words = " ".join(document(scenario)["words"]["What has no effect"])
    assert "traffic.web sends nothing: its first arrival would come at" in words
