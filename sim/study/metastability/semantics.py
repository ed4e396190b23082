"""What a scenario takes for granted: the verdict again under other ways in which real clients and servers behave.

What a refusal does next, whether a timeout reaches the server, whether a late answer counts: such choices are often
nobody's, and may decide between recovery and collapse. Each is changed by itself, for all clients at once, and judged
on the same random numbers.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sim.measure.intervals import CONFIDENCE
from sim.study.metastability.fates import Fates, Judge, default_horizon
from sim.study.metastability.trigger import trigger_of
from sim.units import write_duration

if TYPE_CHECKING:
    from sim.scenario.clients import Client
    from sim.scenario.scenario import Scenario


@dataclass(frozen=True)
class Variant:
    """The fates under another meaning: its name, the changes that make it, and whether it flips the verdict."""

    name: str
    changes: dict[str, object]
    fates: Fates = field(repr=False)
    verdict: str
    flips: bool

    def to_json(self, confidence: float = CONFIDENCE) -> dict[str, Any]:
        """The variant as plain values for JSON."""
        low, high = self.fates.interval(confidence)
        return {
            "name": self.name,
            "changes": self.changes,
            "verdict": self.verdict,
            "flips": self.flips,
            **counted(self.fates),
            "low": low,
            "high": high,
        }


def counted(fates: Fates) -> dict[str, Any]:
    """Runs, fates and the probability of recovery as plain values for JSON."""
    return {
        "runs": fates.runs,
        "recovered": fates.recovered,
        "collapsed": fates.collapsed,
        "open": fates.open,
        "probability": fates.probability if math.isfinite(fates.probability) else None,
    }


def semantics(
    judge: Judge, scenario: Scenario, written: Fates, *, wanted: float, confidence: float = CONFIDENCE
) -> list[Variant]:
    """The verdict under each other meaning, with as many runs as `written`, the scenario's own fates.

    Args:
        judge: runs the scenarios.
        scenario: as written.
        written: its fates.
        wanted: the probability of recovery that the verdict is about.
        confidence: of each interval.
    """
    horizon = judge.judging.horizon or default_horizon(scenario, trigger_of(scenario))
    own = written.verdict(confidence, wanted)
    found = []
    for name, changes in variants(scenario):
        fates = judge.fates(judge.case(scenario.set(changes), horizon=horizon), written.runs)
        verdict = fates.verdict(confidence, wanted)
        found.append(Variant(name, changes, fates, verdict, {own, verdict} == {"recovers", "collapses"}))
    return found


def variants(scenario: Scenario) -> Iterator[tuple[str, dict[str, object]]]:
    """Other meanings that differ from the scenario's own: a name, and the changes."""
    for name, change in _CHANGES:
        changes: dict[str, object] = {}
        for path, client in clients_of(scenario):
            for key, value in change(scenario, client).items():
                changes[f"{path}.{key}"] = value
        if changes and scenario.set(changes) != scenario:
            yield name, changes


def clients_of(scenario: Scenario) -> Iterator[tuple[str, Client]]:
    """The clients that some traffic uses, with their key paths; traffic without one has none to change."""
    seen = set()
    for name, traffic in scenario.traffic.items():
        if traffic.client is None:
            continue
        path = f"clients.{traffic.client}" if isinstance(traffic.client, str) else f"traffic.{name}.client"
        if path not in seen:
            seen.add(path)
            yield path, scenario.client_of(name)


def refusals(scenario: Scenario) -> str:
    """What a refusal (503) does next, in words: the setting that moves recovery most; "" where nothing is refused."""
    from sim.report.phrases import phrase

    if not _can_be_refused(scenario):
        return ""
    said = []
    for path, client in clients_of(scenario):
        retry = client.retry
        name = path.rpartition(".")[2] if path.startswith("clients.") else path
        if "rejected" not in retry.on or retry.attempts <= 1:
            said.append(f"{name}: the request is given up")
        elif retry.backoff.kind == "none":
            said.append(f"{name}: tried again at once")
        else:
            said.append(f"{name}: tried again after a backoff ({phrase(retry.backoff)})")
    return "; ".join(said) or "the request is given up"


def _can_be_refused(scenario: Scenario) -> bool:
    return any(
        math.isfinite(service.queue.capacity)
        or service.queue.max_wait is not None
        or service.admission
        or service.conflict == "optimistic"
        for service in scenario.services.values()
    ) or any(fault.drop_queue for fault in scenario.faults)


def _retries_failures(scenario: Scenario, client: Client) -> bool:
    """Whether something can happen to an attempt for which the client makes another."""
    happens = {
        "rejected": _can_be_refused(scenario),
        "timeout": client.timeout is not None,
        "error": any(service.error_ratio for service in scenario.services.values())
        or any(fault.error_ratio for fault in scenario.faults),
        "lost": any(fault.lost for fault in scenario.faults),
    }
    return _retries(client) and any(happens.get(outcome, False) for outcome in client.retry.on)


def _hints(scenario: Scenario) -> bool:
    return any(service.retry_after for service in scenario.services.values())


def _retries(client: Client) -> bool:
    return client.retry.attempts > 1


def _at_once(scenario: Scenario, client: Client) -> dict[str, object]:
    # Without any delay and without end, a refusal would be repeated for ever at one instant.
    endless = math.isinf(client.retry.attempts)
    if endless or not _retries_failures(scenario, client):
        return {}
    hinted = {"retry.retry_after": False} if _hints(scenario) else {}
    return {"retry.backoff": {"kind": "none"}, **hinted}


def _at_the_timeout(scenario: Scenario, client: Client) -> dict[str, object]:
    if client.timeout is None or not _retries_failures(scenario, client):
        return {}
    return {"retry.backoff": {"kind": "constant", "delay": write_duration(client.timeout)}}


def _given_up(scenario: Scenario, client: Client) -> dict[str, object]:
    if not (_retries(client) and "rejected" in client.retry.on and _can_be_refused(scenario)):
        return {}
    return {"retry.on": [outcome for outcome in client.retry.on if outcome != "rejected"]}


def _retried_too(scenario: Scenario, client: Client) -> dict[str, object]:
    if not (_retries(client) and "rejected" not in client.retry.on and _can_be_refused(scenario)):
        return {}
    return {"retry.on": [*client.retry.on, "rejected"]}


def _cancel(how: str) -> Callable[[Scenario, Client], dict[str, object]]:
    def change(_: Scenario, client: Client) -> dict[str, object]:
        return {} if client.timeout is None else {"cancel": how}

    return change


def _late(how: str) -> Callable[[Scenario, Client], dict[str, object]]:
    def change(_: Scenario, client: Client) -> dict[str, object]:
        return {} if client.timeout is None else {"late_reply": how}

    return change


def _hint(scenario: Scenario, client: Client) -> dict[str, object]:
    wanted = _hints(scenario) and _retries(client)
    return {"retry.retry_after": not client.retry.retry_after} if wanted else {}


def _deposit(on: str) -> Callable[[Scenario, Client], dict[str, object]]:
    def change(_: Scenario, client: Client) -> dict[str, object]:
        budget = getattr(client.retry, "budget", None)
        return {"retry.budget.deposit_on": on} if hasattr(budget, "deposit_on") else {}

    return change


_CHANGES: tuple[tuple[str, Callable[[Scenario, Client], dict[str, object]]], ...] = (
    ("failures retried at once", _at_once),
    ("failures retried a timeout later", _at_the_timeout),
    ("a refusal is given up", _given_up),
    ("a refusal is retried", _retried_too),
    ("a timeout cancels nothing", _cancel("never")),
    ("a timeout leaves the queue", _cancel("queued")),
    ("a timeout stops the work too", _cancel("anywhere")),
    ("a late reply is wasted", _late("waste")),
    ("a late reply counts", _late("accept")),
    ("Retry-After the other way", _hint),
    ("the budget fills at first tries", _deposit("first_try")),
    ("the budget fills at successes", _deposit("success")),
)
"""Name -> what it changes in a client; nothing where it does not apply."""
