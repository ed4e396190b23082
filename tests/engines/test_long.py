"""A long fuzz: thousands of generated scenarios, and scenarios made by one small edit after another.

Both engines must agree on each of them, the recursion too where it applies, and every audit must hold. `pytest -m long`
runs it, FOREBAY_FUZZ says how many scenarios each test has. A failure is shrunk and told as a file for `forebay run`;
the tests at the end, which run always, hold that it is, and that the generator knows the whole language.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test
from pydantic import BaseModel

import sim
from sim.engines import by_events, by_recursion, compiled, reference
from sim.engines.events import NEAR
from sim.engines.observations import Observations
from sim.errors import ScenarioError
from sim.report.sections.inputs import scenario_text
from sim.scenario import arrivals
from sim.scenario.clients import Client, Retry
from sim.scenario.faults import Fault
from sim.scenario.loader import from_mapping
from sim.scenario.rule import Rule
from sim.scenario.run import Run
from sim.scenario.scenario import Scenario
from sim.scenario.services import Queue, Service
from sim.scenario.traffic import Traffic
from sim.study.replicate import run
from tests.engines import generated
from tests.engines.agreement import differences, differences_of_recursion
from tests.engines.generated import Written, scenarios, without_feedback

COUNT = int(os.environ.get("FOREBAY_FUZZ", "10000"))
EDITS = 25
"""Edits of one scenario, a check after each."""

Check = Callable[[Scenario], list[str]]
"""What is wrong with a scenario; it may raise, too."""

FUZZ = settings(
    max_examples=COUNT,
    stateful_step_count=EDITS,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    report_multiple_bugs=False,
    # Without the phase that looks for what does not matter: the file that is left says it all.
    phases=(Phase.reuse, Phase.generate, Phase.shrink),
)


def wrong_with(scenario: Scenario) -> list[str]:
    """What the engines do not agree on. Raises AuditError if the books of a run are broken."""
    found = differences(scenario) + changed_by_setting_aside(scenario)
    if by_recursion.without_feedback(scenario):
        found += differences_of_recursion(scenario)
    run(scenario, replications=2)
    return found


def changed_by_setting_aside(scenario: Scenario) -> list[str]:
    """What is not the same, to the last bit, if events are set aside where there are few already."""

    def seen(near: int) -> Observations:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(by_events, "NEAR", near)
            seed, warmup = scenario.run.seed, float(scenario.run.warmup)
            return compiled.replicate(scenario, 0, seed=seed, warmup=warmup, log=True, states=True)

    one, other = seen(NEAR), seen(3)
    return [
        f"{field.name} differs where events are set aside"
        for field in fields(Observations)
        if np.asarray(getattr(one, field.name)).tobytes() != np.asarray(getattr(other, field.name)).tobytes()
    ]


def wrong_with_the_recursion(scenario: Scenario) -> list[str]:
    """What the recursion and the events do not agree on, which is where one can stand in for the other."""
    assert by_recursion.without_feedback(scenario)
    run(scenario, replications=2)
    return differences_of_recursion(scenario)


class Wrong(Exception):  # noqa: N818  # what is wrong is a scenario
    """Something is wrong with a scenario."""

    def __init__(self, scenario: Scenario) -> None:
        super().__init__(scenario.name)
        self.scenario = scenario


def trouble(scenario: Scenario, check: Check) -> list[str]:
    """What a check finds wrong with a scenario, or what it stumbles over."""
    try:
        return check(scenario)
    except Exception as error:  # noqa: BLE001  # an engine that raises is what we look for
        return [f"{type(error).__name__}: {error}"]


def hold(scenario: Scenario, check: Check) -> None:
    """Raises Wrong if anything is wrong with a scenario."""
    if trouble(scenario, check):
        raise Wrong(scenario)


def fuzz(tests: Callable[[], object], folder: Path, check: Check = wrong_with) -> None:
    """Runs what hypothesis made of a test; it shrinks what is Wrong, and that is told as a file for `forebay run`."""
    try:
        tests()
    except Wrong as wrong:
        scenario, path = cut_down(wrong.scenario, check), folder / "smallest.yaml"
        text = scenario_text(scenario)
        path.write_text(text)
        found = "\n".join(trouble(scenario, check))
        raise AssertionError(f"{found}\n\nThe smallest such scenario, also in {path}:\n\n{text}") from None


def cut_down(scenario: Scenario, check: Check) -> Scenario:
    """The scenario without all that can be left out of it with something still wrong."""
    for document in with_one_less(scenario.document):
        try:
            smaller = from_mapping(document)
        except ScenarioError:
            continue
        if not generated.may_stand_still(document) and trouble(smaller, check):
            return cut_down(smaller, check)
    return scenario


def with_one_less(value: Any) -> Iterator[Any]:
    """Plain values without one key or entry, the outer ones first."""
    if isinstance(value, dict):
        for key in value:
            yield {other: one for other, one in value.items() if other != key}
        for key, below in value.items():
            yield from ({**value, key: less} for less in with_one_less(below))
    elif isinstance(value, list):
        for place, below in enumerate(value):
            rest = value[:place], value[place + 1 :]
            yield [*rest[0], *rest[1]]
            yield from ([*rest[0], less, *rest[1]] for less in with_one_less(below))


START: Written = {
    "name": "edited",
    "traffic": {"web": {"arrivals": {"kind": "constant", "rate": "20/s"}, "call": "api"}},
    "services": {"api": {"workers": 1, "service_time": "50ms"}},
    "run": {"duration": "3s", "replications": 1},
}
SERVICE = {"workers": generated.WORKERS, "service_time": generated.distributions}
OPTIONAL_OF_SERVICE = {
    **generated.SERVICE,
    **{f"queue.{key}": values for key, values in generated.QUEUE.items()},
}
OPTIONAL_OF_CLIENT = {
    **generated.CLIENT,
    "retry.attempts": generated.attempts,
    "retry.backoff": generated.backoffs,
    "retry.on": generated.outcomes,
}
OPTIONAL_OF_TRAFFIC = {"priority": generated.PRIORITIES, "service_time": generated.distributions}


class Edited(RuleBasedStateMachine):
    """A scenario under one small edit after another, each of them held."""

    def __init__(self, check: Check = wrong_with) -> None:
        super().__init__()
        self.check = check
        self.scenario = from_mapping(START)

    def names(self, section: str) -> list[str]:
        return list(self.scenario.document.get(section, {}))

    def edit(self, path: str, value: object) -> None:
        """Changes the value at a path, or takes it away, and holds what comes of it.

        What the language refuses beside what is there already, such as unlimited workers that are scaled, is no edit.
        """
        try:
            changed = self.scenario.set(path, value)
        except ScenarioError:
            return
        if not generated.may_stand_still(changed.document):
            self.scenario = changed
            hold(changed, self.check)

    @rule(data=st.data(), key=st.sampled_from(list(SERVICE)))
    def change_a_service(self, data: st.DataObject, key: str) -> None:
        name = data.draw(st.sampled_from(self.names("services")))
        self.edit(f"services.{name}.{key}", data.draw(SERVICE[key]))

    @rule(data=st.data(), key=st.sampled_from(list(OPTIONAL_OF_SERVICE)))
    def change_what_a_service_may_have(self, data: st.DataObject, key: str) -> None:
        name = data.draw(st.sampled_from(self.names("services")))
        self.edit(f"services.{name}.{key}", data.draw(st.none() | OPTIONAL_OF_SERVICE[key]))

    @precondition(lambda self: self.names("clients"))
    @rule(data=st.data(), key=st.sampled_from(list(OPTIONAL_OF_CLIENT)))
    def change_a_client(self, data: st.DataObject, key: str) -> None:
        name = data.draw(st.sampled_from(self.names("clients")))
        self.edit(f"clients.{name}.{key}", data.draw(st.none() | OPTIONAL_OF_CLIENT[key]))

    @rule(data=st.data(), key=st.sampled_from(list(OPTIONAL_OF_TRAFFIC)))
    def change_a_class(self, data: st.DataObject, key: str) -> None:
        name = data.draw(st.sampled_from(self.names("traffic")))
        self.edit(f"traffic.{name}.{key}", data.draw(st.none() | OPTIONAL_OF_TRAFFIC[key]))

    @rule(data=st.data())
    def change_arrivals(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(self.names("traffic")))
        befallen = any(fault.traffic == name for fault in self.scenario.faults)
        kinds = generated.WITH_A_RATE if befallen else (*generated.OPEN, "closed")
        self.edit(f"traffic.{name}.arrivals", data.draw(generated.arrivals(kinds)))

    @rule(data=st.data())
    def change_batch(self, data: st.DataObject) -> None:
        open_ones = [name for name, one in self.scenario.traffic.items() if one.arrivals.opens]
        if open_ones:
            name = data.draw(st.sampled_from(open_ones))
            self.edit(f"traffic.{name}.arrivals.batch", data.draw(st.none() | generated.batches))

    @rule(data=st.data())
    def change_what_is_called(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(self.names("traffic")))
        self.edit(f"traffic.{name}.call", data.draw(st.sampled_from(self.names("services"))))

    @rule(data=st.data())
    def change_who_waits(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(self.names("traffic")))
        named = st.sampled_from(self.names("clients")) if self.names("clients") else st.nothing()
        self.edit(f"traffic.{name}.client", data.draw(st.none() | named | generated.clients))

    @rule(data=st.data(), key=st.sampled_from(list(generated.RUN)))
    def change_the_run(self, data: st.DataObject, key: str) -> None:
        value = data.draw(st.none() | generated.RUN[key])
        alone = {
            "antithetic": self.scenario.run.replications % 2,
            "replications": self.scenario.run.antithetic,
        }
        if not alone.get(key):  # twins come in pairs
            self.edit(f"run.{key}", value)

    @precondition(lambda self: len(self.names("traffic")) < 4)
    @rule(data=st.data())
    def one_more_class(self, data: st.DataObject) -> None:
        written = {
            "arrivals": data.draw(generated.arrivals()),
            "call": data.draw(st.sampled_from(self.names("services"))),
        }
        self.edit(f"traffic.class_{len(self.names('traffic'))}", written)

    @precondition(lambda self: len(self.names("traffic")) < 4)
    @rule(data=st.data())
    def one_more_class_like_it(self, data: st.DataObject) -> None:
        traffic = self.scenario.document["traffic"]
        again = traffic[data.draw(st.sampled_from(list(traffic)))]
        self.edit(f"traffic.class_{len(traffic)}", again)

    @precondition(lambda self: len(self.names("clients")) < 2)
    @rule(data=st.data())
    def one_more_client(self, data: st.DataObject) -> None:
        name = f"client_{len(self.names('clients'))}"
        waiting = data.draw(st.sampled_from(self.names("traffic")))
        self.scenario = self.scenario.set(f"clients.{name}", data.draw(generated.clients))
        self.edit(f"traffic.{waiting}.client", name)

    @precondition(lambda self: len(self.names("services")) < 2)
    @rule(data=st.data())
    def one_more_service(self, data: st.DataObject) -> None:
        self.edit("services.db", data.draw(generated.services))

    @precondition(lambda self: len(self.scenario.faults) < 6)
    @rule(data=st.data())
    def one_more_fault(self, data: st.DataObject) -> None:
        document = self.scenario.document
        targets = generated.targets_of(document["traffic"], self.names("services"), self.names("clients"))
        self.edit("faults", [*document.get("faults", []), data.draw(generated.faults(targets))])

    @precondition(lambda self: self.scenario.faults)
    @rule(data=st.data())
    def take_a_fault_away(self, data: st.DataObject) -> None:
        faults = self.scenario.document["faults"]
        del faults[data.draw(st.integers(0, len(faults) - 1))]
        self.edit("faults", faults)


def of_any(
    documents: st.SearchStrategy[Written], how: settings, check: Check = wrong_with
) -> Callable[[], None]:
    """A test that holds generated scenarios."""

    @how
    @given(document=documents)
    def held(document: Written) -> None:
        hold(from_mapping(document), check)

    return held


def of_edits(how: settings, check: Check = wrong_with) -> Callable[[], None]:
    """A test that holds scenarios after every edit."""
    return lambda: run_state_machine_as_test(lambda: Edited(check), settings=how)  # type: ignore[arg-type]  # any maker will do


@pytest.mark.long
def test_engines_agree_on_any_scenario(tmp_path: Path) -> None:
    fuzz(of_any(scenarios(), FUZZ), tmp_path)


@pytest.mark.long
def test_the_recursion_agrees_with_the_events_on_any_scenario(tmp_path: Path) -> None:
    check = wrong_with_the_recursion
    fuzz(of_any(without_feedback(), FUZZ, check), tmp_path, check)


@pytest.mark.long
def test_engines_agree_after_every_edit(tmp_path: Path) -> None:
    fuzz(of_edits(settings(FUZZ, max_examples=-(-COUNT // EDITS))), tmp_path)


QUICK = settings(FUZZ, max_examples=100, database=None, derandomize=True)


def drops(scenario: Scenario) -> bool:
    called = (scenario.services[traffic.call] for traffic in scenario.traffic.values())
    return any(service.queue.overflow == "drop_oldest" for service in called)


def late(scenario: Scenario, replication: int, **arguments: Any) -> Observations:
    """An engine that tells of every sending a little late, as soon as a queue drops its oldest."""
    seen = compiled.replicate(scenario, replication, **arguments)
    if not drops(scenario) or seen.log is None:
        return seen
    log = seen.log.copy()
    log["sent"] += 1e-9
    return replace(seen, log=log)


def stumbling(scenario: Scenario, replication: int, **arguments: Any) -> Observations:
    """An engine that stumbles over a queue that drops its oldest."""
    if drops(scenario):
        raise ZeroDivisionError("stumbled")
    return compiled.replicate(scenario, replication, **arguments)


def check_on_drops(scenario: Scenario) -> list[str]:
    return ["it drops"] if drops(scenario) else []


@pytest.mark.parametrize(
    ("broken", "words"),
    [(late, "first difference at traffic 0, request 0"), (stumbling, "ZeroDivisionError: stumbled")],
)
def test_what_a_broken_engine_does_is_told_as_a_small_scenario(
    broken: Callable[..., Observations], words: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(reference, "replicate", broken)
        with pytest.raises(AssertionError, match=words) as failed:
            fuzz(of_any(scenarios(), QUICK), tmp_path)
    assert wrong_with(smallest_of(str(failed.value), tmp_path)) == []


def test_what_is_wrong_after_edits_is_told_as_a_small_scenario(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="it drops") as failed:
        # What is left out of the file afterwards makes it small by itself.
        fuzz(of_edits(settings(QUICK, phases=(Phase.generate,)), check_on_drops), tmp_path, check_on_drops)
    smallest_of(str(failed.value), tmp_path)


def smallest_of(message: str, folder: Path) -> Scenario:
    """The scenario that a failure tells of: small, and the same in the message and in the file that it names."""
    path = folder / "smallest.yaml"
    assert str(path) in message
    assert path.read_text() in message
    assert len(path.read_text().splitlines()) <= 11, message
    smallest = sim.load(path)
    assert drops(smallest)
    assert len(smallest.traffic) == len(smallest.services) == 1
    assert not smallest.clients
    assert not smallest.faults
    return smallest


def said(value: object) -> Iterator[tuple[type[BaseModel], str]]:
    """Every key that is written somewhere in a scenario, with the part that it belongs to."""
    if isinstance(value, BaseModel):
        for name in value.model_fields_set:
            yield type(value), name
            yield from said(getattr(value, name))
    elif isinstance(value, dict | tuple):
        for one in value.values() if isinstance(value, dict) else value:
            yield from said(one)


def every(kind: type[Rule]) -> Iterator[type[Rule]]:
    """A rule's class and all that are made of it."""
    yield kind
    for one in kind.__subclasses__():
        yield from every(one)


def test_the_generator_knows_the_whole_language() -> None:
    parts: tuple[type[BaseModel], ...] = (Traffic, Client, Retry, Service, Queue, Fault, Run)
    rules = [rule for rule in every(Rule) if not rule.__subclasses__() and rule.__module__.startswith("sim.")]
    whole = {(part, name) for part in (*parts, *rules) for name in part.model_fields}
    # Not generated: which engine runs it, when it stops by itself, and the batch that a closed source refuses.
    left = whole - {(Run, "engine"), (Run, "precision"), (arrivals.Closed, "batch")}

    class WholeLanguage(Exception):  # noqa: N818  # no error: there is nothing left to wait for
        """Every key has been seen."""

    @settings(QUICK, max_examples=600, phases=(Phase.generate,))
    @given(
        document=scenarios(),
        sources=st.lists(generated.arrivals(), min_size=5, max_size=5),
        clients=st.lists(generated.clients, min_size=5, max_size=5),
        services=st.lists(generated.services, min_size=5, max_size=5),
    )
    def read(
        document: Written, sources: list[Written], clients: list[Written], services: list[Written]
    ) -> None:
        document["services"] |= {f"s{n}": one for n, one in enumerate(services)}
        document["traffic"] |= {f"t{n}": {"arrivals": one, "call": "api"} for n, one in enumerate(sources)}
        document["clients"] = {
            **document.get("clients", {}),
            **{f"c{n}": one for n, one in enumerate(clients)},
        }
        left.difference_update(said(from_mapping(document)))
        if not left:
            raise WholeLanguage

    with suppress(WholeLanguage):
        read()
    assert not left, sorted(f"{part.__name__}.{name}" for part, name in left)
