"""Mechanisms on trial: one way to write each kind, to a scenario's measure, and the scenario with each of them.

What is tried is the scenario as written but for one thing: its clients have another backoff, or a budget, a throttle, a
breaker, a limit; or the service nearest to its capacity has other admission, another order of the queue, another way
with those for whom there is no place.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sim.errors import ScenarioError
from sim.study.curves import AS_WRITTEN, can_fail, load_curve
from sim.study.load import bottleneck, callers, mean_service_time
from sim.study.metastability.semantics import clients_of
from sim.units import format_duration

if TYPE_CHECKING:
    import pandas as pd

    from sim.scenario.scenario import Scenario

RATIOS: Final = (1.2, 1.5, 2.0)
"""Loads at which mechanisms are tried, as ratios of capacity."""

REQUESTS: Final = 6000
REPLICATIONS: Final = 4


class Measure(NamedTuple):
    """What the settings of a mechanism are measured by.

    pause: s, about what a retry waits; patience: s, about what a client waits; window: s that a throttle looks back.
    places: attempts that a service may have at once; queue: places to wait that are of any use; rate: 1/s that it lets
    in; burst: how many at once.
    """

    pause: float
    patience: float
    window: float
    places: int
    queue: int
    rate: float
    burst: int


Written = Mapping[str, str]
"""Kind, with a word where there are several ways to write it -> the value as one would type it. The first way of a kind
is the one that a scenario is tried with."""


def backoffs(by: Measure) -> Written:
    """Every backoff: the first wait about one pause, the longest four."""
    pause, longest, step = _s(by.pause), _s(4.0 * by.pause), _s(by.pause * 2.0 / 3.0)
    least = _s(by.pause / 3.0)
    exponential = f"kind: exponential, base: {pause}, cap: {longest}"
    tenacity = f"kind: tenacity, multiplier: {pause}, max: {longest}"
    seconds = max(1, round(by.pause))
    return {
        "none": "none",
        "constant": pause,
        "linear": f"{{kind: linear, step: {step}, cap: {longest}}}",
        "exponential, full jitter": f"{{{exponential}, jitter: full}}",
        "exponential, no jitter": f"{{{exponential}}}",
        "exponential, equal jitter": f"{{{exponential}, jitter: equal}}",
        "exponential, ± 20 %": f"{{{exponential}, jitter: {{spread: 20%}}}}",
        "decorrelated": f"{{kind: decorrelated, base: {least}, cap: {longest}}}",
        "schedule": f"{{kind: schedule, delays: [{least}, {_s(by.pause * 4 / 3)}, {_s(by.pause * 8 / 3)}]}}",
        "random": f"{{kind: random, delay: {{kind: exponential, mean: {step}}}, factor: 1.5}}",
        "celery": f"{{kind: celery, factor: {seconds}, maximum: {4 * seconds}}}",
        "grpc": f"{{kind: grpc, initial: {pause}, max: {longest}}}",
        "tenacity, wait_random_exponential": f"{{{tenacity}, random: true}}",
        "tenacity, wait_exponential": f"{{{tenacity}}}",
    }


def budgets(by: Measure) -> Written:
    """Every retry budget, with its defaults."""
    kinds = ("ratio_bucket", "token_bucket", "throttle_tokens", "concurrent", "aws_standard")
    return {
        **{kind: kind for kind in kinds},
        f"failure_ratio, over {format_duration(by.window)}": f"{{kind: failure_ratio, window: {_s(by.window)}}}",
        "failure_ratio, since the start": "failure_ratio",
    }


def throttles(by: Measure) -> Written:
    """Every throttle."""
    return {kind: f"{{kind: {kind}, window: {_s(by.window)}}}" for kind in ("adaptive", "admission_control")}


def breakers(_: Measure) -> Written:
    """The breaker, with its defaults."""
    return {"circuit": "circuit"}


def limits(by: Measure) -> Written:
    """Every concurrency limit, of a client or of a service."""
    return {
        "concurrency_limit": f"{{kind: concurrency_limit, limit: {by.places}}}",
        "aimd": f"{{kind: aimd, timeout: {_s(0.8 * by.patience)}}}",
        "vegas": "{kind: vegas}",
        "gradient2": "{kind: gradient2}",
    }


def admissions(by: Measure) -> Written:
    """Every controller that is not a limit."""
    return {
        "codel": "codel",
        "codel_folly": "codel_folly",
        "rate_limit": f"{{kind: rate_limit, rate: {by.rate:.6g}/s, burst: {by.burst}}}",
        "deadline": "deadline",
        "priority_shed": "priority_shed",
    }


def disciplines(_: Measure) -> Written:
    """Every order of the queue."""
    kinds = ("fifo", "lifo", "random", "priority", "shortest", "earliest_deadline", "adaptive_lifo")
    return {kind: kind for kind in kinds}


@dataclass(frozen=True)
class Mechanism:
    """One of them: its family, its name, and the changes that give it to a scenario."""

    family: str
    name: str
    changes: Mapping[str, object]


def mechanisms(scenario: Scenario) -> list[Mechanism]:
    """What can be tried on a scenario: the clients' side, then the service's; nothing where no attempt can fail.

    Left out is what the scenario has already, what would change nothing, as a budget for clients that never retry,
    and what the language refuses, as another order of a queue that nobody keeps.
    """
    if not can_fail(scenario):
        return []
    service, load = bottleneck(scenario)
    if not (math.isfinite(load.ratio) and load.ratio > 0.0):
        return []
    found = [*_of_clients(scenario, _measure(scenario, service)), *_of_service(scenario, service)]
    return [each for each in found if _differs(scenario, each.changes)]


def tried(
    scenario: Scenario,
    ratios: Sequence[float] = RATIOS,
    *,
    jobs: int | None = None,
    progress: Callable[[float], None] | None = None,
) -> pd.DataFrame | None:
    """Every figure of the scenario as written and with each mechanism, in overload that stays; None if there is none.

    Args:
        scenario: what to try them on; its faults are left out.
        ratios: loads, as ratios of the capacity of the service nearest to it.
        jobs: threads.
        progress: told the share that is done, 0 to 1.

    Returns:
        Rows as of `load_curve`, the variant being the mechanism's name, and a column `family`.
    """
    found = mechanisms(scenario)
    if not found:
        return None
    own = bottleneck(scenario)[1].ratio
    named = {f"{each.family}: {each.name}": each for each in found}
    curve = load_curve(
        scenario,
        [ratio / own for ratio in ratios],
        {AS_WRITTEN: {}, **{name: each.changes for name, each in named.items()}},
        replications=REPLICATIONS,
        requests=REQUESTS,
        jobs=jobs,
        progress=progress,
    )
    families = {AS_WRITTEN: "", **{name: each.family for name, each in named.items()}}
    names = {AS_WRITTEN: AS_WRITTEN, **{name: each.name for name, each in named.items()}}
    return curve.assign(family=curve["variant"].map(families), variant=curve["variant"].map(names))


Named = Mapping[tuple[str, str], Any]
"""Family and name -> a row of `tried`; the scenario as written has no family."""

WRITTEN: Final = ("", AS_WRITTEN)


def by_load(tried: pd.DataFrame) -> dict[float, Named]:
    """Ratio of capacity -> the goodput of all traffic together with each mechanism, in the order tried."""
    chosen = tried[(tried["metric"] == "goodput") & (tried["subject"] == "system")]
    rows: list[Any] = list(chosen.itertuples(index=False))
    return {
        ratio: {(row.family, row.variant): row for row in rows if row.capacity_ratio == ratio}
        for ratio in sorted({float(row.capacity_ratio) for row in rows})
    }


def _measure(scenario: Scenario, service: str) -> Measure:
    """The settings that suit a service and those who call it."""
    load, each = bottleneck(scenario)[1], scenario.services[service]
    clients = [scenario.client_of(name) for name in callers(scenario, service)]
    waits = [wait for client in clients for wait in (client.timeout, client.deadline) if wait is not None]
    patience = min(waits, default=10.0 * mean_service_time(scenario, service))
    workers = min(each.workers, 1e6)
    return Measure(
        pause=patience,
        patience=patience,
        window=10.0,
        places=max(1, math.ceil(1.5 * workers)),
        queue=max(1, math.floor(patience * load.capacity / each.instances / 2.0)),
        rate=load.capacity / each.instances * 7.0 / 8.0,
        burst=max(1, round(1.25 * workers)),
    )


def _of_clients(scenario: Scenario, by: Measure) -> list[Mechanism]:
    paths = dict(clients_of(scenario))
    retrying = [path for path, client in paths.items() if client.retry.attempts > 1]
    families = (
        ("backoff", retrying, "retry.backoff", backoffs),
        ("retry budget", retrying, "retry.budget", budgets),
        ("throttle", list(paths), "throttle", throttles),
        ("breaker", list(paths), "breaker", breakers),
        ("limit at the client", list(paths), "limit", limits),
    )
    return [
        Mechanism(family, kind, {f"{path}.{key}": value for path in who})
        for family, who, key, written in families
        for kind, value in _one_each(written(by)).items()
        if who
    ]


def _of_service(scenario: Scenario, service: str) -> list[Mechanism]:
    by, path = _measure(scenario, service), f"services.{service}"
    classes = [scenario.traffic[name] for name in callers(scenario, service)]
    clients = [scenario.client_of(name) for name in callers(scenario, service)]
    alike = {
        "priority": len({each.priority for each in classes}) < 2,
        "earliest_deadline": len({(each.timeout, each.deadline) for each in clients}) < 2,
        "deadline": all(each.timeout is None and each.deadline is None for each in clients),
    }
    ways = {**limits(by), **admissions(by)}
    found = [
        Mechanism("admission at the service", name, {f"{path}.admission": f"[{value}]"})
        for name, value in ways.items()
        if not alike.get(name, False)
    ]
    found += [
        Mechanism("order of the queue", name, {f"{path}.queue.discipline": value})
        for name, value in disciplines(by).items()
        if not alike.get(name, False)
    ]
    return found + [
        Mechanism(
            "when the queue is full", name, {f"{path}.queue.{key}": value for key, value in keys.items()}
        )
        for name, keys in _overflows(scenario, service, by).items()
    ]


def _overflows(scenario: Scenario, service: str, by: Measure) -> dict[str, dict[str, object]]:
    """Ways with those for whom there is no place; where there is always one, a bound first."""
    bounded = math.isfinite(scenario.services[service].queue.capacity)
    ways: dict[str, dict[str, object]] = {f"reject, {by.queue:,} places": {"capacity": by.queue}}
    if bounded:
        ways |= {"drop_oldest": {"overflow": "drop_oldest"}, "block": {"overflow": "block"}}
    return {**ways, f"max_wait, {format_duration(0.6 * by.patience)}": {"max_wait": _s(0.6 * by.patience)}}


def _one_each(written: Written) -> Written:
    """Kind -> the first of the ways to write it."""
    found: dict[str, str] = {}
    for name, value in written.items():
        found.setdefault(name.partition(",")[0], value)
    return found


def _differs(scenario: Scenario, changes: Mapping[str, object]) -> bool:
    """Whether the changes make another scenario that the language allows."""
    try:
        return scenario.set(changes).hash != scenario.hash
    except ScenarioError:
        return False


def _s(seconds: float) -> str:
    return format_duration(seconds).replace(" ", "")
