"""Changes by key path: what is set is checked as a file is, and the problem names the change."""

import pytest

from sim.errors import ScenarioError
from sim.scenario import Scenario, loads
from sim.scenario.paths import parse_path
from sim.scenario.plan import MOST_VALUES, parse_range
from sim.scenario.services import Queue

TEXT = """\
traffic:
  web: {arrivals: {kind: poisson, rate: 5/s}, call: api, client: patient}
  app: {arrivals: {kind: poisson, rate: 5/s}, call: api, client: {timeout: 1s}}
clients:
  patient: {timeout: 2s, retry: {attempts: 3, backoff: 1s}}
services:
  api: {workers: 2, service_time: 100ms, queue: {capacity: 5, discipline: lifo}}
faults: [{at: 1s, for: 2s, service: api, pause: true}]
run: {duration: 10min, warmup: 1min}
"""


@pytest.fixture
def scenario() -> Scenario:
    return loads(TEXT)


def refusal(scenario: Scenario, path: str, value: object) -> str:
    with pytest.raises(ScenarioError) as caught:
        scenario.set(path, value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("path", "value", "result"),
    [
        ("services.api.workers", 12, 12.0),
        ("services.api.workers", "12", 12.0),
        ("services.api.workers", "inf", float("inf")),
        ("services.api.workers", float("inf"), float("inf")),
        ("clients.patient.timeout", "5s", 5.0),
        ("clients.patient.timeout", None, None),
        ("clients.patient.timeout", "null", None),
        ("clients.patient.retry.attempts", "inf", float("inf")),
        ("clients.patient.retry.on", "[timeout]", ("timeout",)),
        ("clients.patient.retry.on", ["timeout", "lost"], ("timeout", "lost")),
        ("clients.patient.retry.backoff.delay", "3s", 3.0),
        ("traffic.app.client.timeout", "3s", 3.0),
        ("traffic.app.client.retry.attempts", 3, 3.0),
        ("run.seed", 9, 9),
        ("run.seed", "9", 9),
        ("run.drain", False, False),
        ("run.drain", "false", False),
        ("run.series", "1s", 1.0),
        ("services.api.queue.max_wait.value", "1s", None),
        ("services.api.error_ratio", "5%", 0.05),
        ("services.api.error_ratio", 0.05, 0.05),
        ("services.api.service_time.value", "50ms", 0.05),
        ("services.api.queue.discipline.kind", "fifo", "fifo"),
        ("faults[0].at", "3s", 3.0),
        ("faults.0.at", "3s", 3.0),
        ("faults[0].for", "3s", 3.0),
        ("faults", [], ()),
        ("name", "checkout", "checkout"),
    ],
)
def test_a_change_makes_another(scenario: Scenario, path: str, value: object, result: object) -> None:
    before = scenario.hash
    if path.endswith("max_wait.value"):
        # There is no distribution yet, so there is none whose value could be set.
        assert "queue.max_wait" in refusal(scenario, path, value)
        return
    changed = scenario.set(path, value)
    assert changed.get(path) == result
    assert scenario.hash == before
    assert loads(TEXT) == scenario


def test_several_changes_are_checked_together(scenario: Scenario) -> None:
    changed = scenario.set({"run.warmup": "5min", "run.duration": "6min"})
    assert changed.run.warmup == 300.0
    with pytest.raises(ScenarioError) as caught:
        scenario.set({"run.wramup": "5min", "services.api.workers": "two", "services.ap.workers": 3})
    assert [(problem.file, problem.path) for problem in caught.value.problems] == [
        ("--set run.wramup=5min", "run.wramup"),
        ("--set services.ap.workers=3", "services.ap"),
        ("--set services.api.workers=two", "services.api.workers"),
    ]


def test_whole_parts_may_be_set(scenario: Scenario) -> None:
    changed = scenario.set("services.db", "{workers: 1, service_time: 1s}")
    assert list(changed.services) == ["api", "db"]
    assert changed.set("services.db", None) == scenario
    changed = scenario.set("services.api.queue", {"capacity": 7})
    assert changed.services["api"].queue.discipline.kind == "fifo"
    assert scenario.set("services.api.queue", Queue(capacity=7.0)) == changed
    assert (
        scenario.set("services.api.service_time", "{kind: exponential, mean: 1s}")
        .get("services.api.service_time")
        .mean
    )


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (
            "services.api.workers",
            "two",
            '--set services.api.workers=two: services.api.workers: "two" is not a count; write a whole',
        ),
        (
            "services.ap.workers",
            3,
            "--set services.ap.workers=3: services.ap: no such name; did you mean services.api.workers?",
        ),
        ("runn.seed", 3, "--set runn.seed=3: runn: unknown key; did you mean run.seed?"),
        ("run.sed", 3, "--set run.sed=3: run.sed: unknown key; did you mean run.seed?"),
        ("services.api.queue.capcity", 3, "did you mean services.api.queue.capacity?"),
        ("services.api.service_time.valeu", "3s", "did you mean services.api.service_time.value?"),
        ("clients.patient.timeout", 2, "clients.patient.timeout: 2 has no unit; write 2s, 250ms or 5min"),
        ("clients.patient.timeout", "", '"" is not a duration'),
        ("run.seed", True, "true is not a whole number"),
        ("run.duration", "30s", "--set run.duration=30s: run.warmup: the warm-up (60 s) is not shorter"),
        (
            "traffic.web.client.timeout",
            "1s",
            "is the name of a client, patient; did you mean clients.patient.timeout",
        ),
        ("faults[3].at", "1s", "faults[3]: there is no such entry: faults has entries 0 to 0"),
        ("faults.first", "1s", "there is no such entry"),
        ("services[0]", 1, "services is not a list"),
        ("run.seed.more", 1, "run.seed: "),
        ("plan.vary", "{}", "plan.vary: nothing to vary"),
        ("", 1, '"" is not a key path; write services.api.workers or faults[0].at'),
        ("run..seed", 1, '"run..seed" is not a key path'),
        ("a" * 1000, 1, "is not a key path"),
        (
            "services.api.workers",
            "!!python/object:os.system 3",
            'the tag "!!python/object:os.system" is not allowed',
        ),
        ("services.api.workers", "[1, 2", "services.api.workers: a bracket [ is not closed"),
        ("services.api.workers", [1, 2], "a list is not a count"),
        ("services.api.workers", object(), "is not a count"),
        ("services.new.workers", 1, "services.new: no such name; write one of api"),
        ("services", None, "services: is missing"),
    ],
)
def test_a_wrong_change_says_which_and_why(scenario: Scenario, path: str, value: object, said: str) -> None:
    assert said in refusal(scenario, path, value)


def test_a_label_names_the_place(scenario: Scenario) -> None:
    with pytest.raises(ScenarioError) as caught:
        scenario.set("run.seed", -1, label="<slider>")
    assert str(caught.value) == "<slider>: run.seed: -1 is less than 0; write a whole number such as 7"


def test_paths_and_their_parts() -> None:
    assert parse_path("services.api.workers") == ("services", "api", "workers")
    assert parse_path("faults[0].at") == parse_path("faults.0.at") == ("faults", 0, "at")
    assert parse_path("a.points[0][1]") == ("a", "points", 0, 1)
    for wrong in ("", ".", "a.", "[0]", "a[x]", "a[0", "a b..c"):
        with pytest.raises(ValueError, match="is not a key path"):
            parse_path(wrong)


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("1..4", (1, 2, 3, 4)),
        ("5..5", (5,)),
        ("0..100:5", (0, 25, 50, 75, 100)),
        ("1..3:9", (1, 2, 3)),
        ("10ms..50ms:5", ("10.0ms", "20.0ms", "30.0ms", "40.0ms", "50.0ms")),
        ("1s..3s", ("1s", "2s", "3s")),
        ("100..300/s:3", ("100.0/s", "200.0/s", "300.0/s")),
        ("0.1..0.3:3", (0.1, 0.2, 0.3)),
        (" 1 .. 3 : 2 ", (1, 3)),
        ("7..9:1", (7,)),
    ],
)
def test_ranges(text: str, values: tuple[object, ...]) -> None:
    assert parse_range(text) == values


@pytest.mark.parametrize(
    "text", ["", "4", "1-4", "4..1", "0.1..0.5", "1s..2ms:3", "1s..2:3", f"0..{MOST_VALUES}", "1..4:0"]
)
def test_what_is_no_range(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not a range|backwards|how many|two units|the most are"):
        parse_range(text)
