"""Curves over load: the same scenario at many loads, as written and with other ways to retry."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from sim.scenario.arrivals import Closed
from sim.scenario.trace import Trace
from sim.study.load import bottleneck, ideal_goodput, nominal_rate, offered_load, scaled, steady

if TYPE_CHECKING:
    import pandas as pd

    from sim.measure.results import Results
    from sim.scenario.clients import Client
    from sim.scenario.scenario import Scenario

RATIOS = (0.2, 0.4, 0.55, 0.7, 0.8, 0.87, 0.93, 0.98, 1.03, 1.1, 1.2, 1.4, 1.7)
"""Loads to look at, as a ratio of capacity: close together where the curve bends."""

STEEP = 1.25
"""A load this many times the capacity is deep in overload; a picture of latency has nothing more to show there."""

AS_WRITTEN = "as written"
COLUMNS = (
    "variant",
    "factor",
    "offered_rate",
    "capacity_ratio",
    "ideal",
    "subject",
    "metric",
    "mean",
    "low",
    "high",
    "unit",
)
REQUESTS = 20_000
_MOST = 120_000
"""Requests in one replication at one load: aimed at, and at most."""


def load_curve(
    scenario: Scenario,
    factors: Sequence[float] | None = None,
    variants: Mapping[str, Mapping[str, object] | Scenario] | None = None,
    *,
    replications: int | None = None,
    requests: float = REQUESTS,
    jobs: int | None = None,
    progress: Callable[[float], None] | None = None,
) -> pd.DataFrame:
    """Every figure of every variant at every load, at a load that stays (see `sim.study.load.steady`).

    All variants share their random numbers: request n is born at the same time and needs the same work in
    each.

    Args:
        scenario: what to load; its faults are left out.
        factors: loads, as multiples of the scenario's own; by default, spread around its capacity.
        variants: name -> changes as for `Scenario.set`, or another scenario; by default the ways to retry of
            `retry_variants`.
        replications: at each load; by default 4 or 6, as the load allows.
        requests: aimed at in each replication; deep in overload, a third of them.
        jobs: threads.
        progress: told the share that is done, 0 to 1.

    Returns:
        Tidy rows: variant, factor, offered_rate (1/s), capacity_ratio, ideal (the goodput of perfect
        services, 1/s), subject, metric, mean, low, high (95 % interval), unit. Subject `system` sums
        offered_rate and goodput.
    """
    import pandas as pd

    from sim.scenario.scenario import Scenario
    from sim.study.replicate import run

    base = steady(scenario)
    loads = list(factors) if factors is not None else load_factors(base)
    chosen: Mapping[str, Mapping[str, object] | Scenario] = (
        variants if variants is not None else retry_variants(base)
    )
    wanted = [
        (name, steady(each) if isinstance(each, Scenario) else base.set(each))
        for name, each in chosen.items()
    ]
    frames: list[pd.DataFrame] = []
    done = 0
    for factor in loads:
        count = replications or _replications(base, factor)
        for name, variant in wanted:
            point = _timed(scaled(variant, factor), factor, requests)
            results = run(point, engine="compiled", replications=count, jobs=jobs)
            rows = pd.concat([_system(results), results.summary], ignore_index=True)
            rows = rows.assign(
                variant=name,
                factor=factor,
                offered_rate=offered_load(variant) * factor,
                capacity_ratio=bottleneck(variant)[1].ratio * factor,
                ideal=ideal_goodput(variant, factor),
            )
            frames.append(rows[list(COLUMNS)])
            done += 1
            if progress is not None:
                progress(done / (len(loads) * len(wanted)))
    return pd.concat(frames, ignore_index=True)


def load_factors(scenario: Scenario) -> list[float]:
    """Loads to look at, as multiples of the scenario's own, which is one of them, around capacity."""
    ratio = bottleneck(scenario)[1].ratio
    if not (math.isfinite(ratio) and ratio > 0.0):
        return [0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0]
    ratios = [0.05, 0.1, *RATIOS] if ratio < 0.3 else list(RATIOS)
    # The load as written takes the place of the nearest, if it is near; beyond the range it is added.
    near = min(range(len(ratios)), key=lambda place: abs(ratios[place] - ratio))
    if abs(ratios[near] - ratio) < 0.04:
        ratios[near] = ratio
    else:
        ratios.append(ratio)
    return [1.0 if value == ratio else value / ratio for value in sorted(ratios) if value >= 0.1 * ratio]


def can_fail(scenario: Scenario) -> bool:
    """Whether an attempt can end otherwise than served: bounded queue, patience, errors, timeout, loss."""
    services = scenario.services.values()
    clients = [scenario.client_of(name) for name in scenario.traffic]
    return any(
        math.isfinite(service.queue.capacity)
        or service.queue.max_wait is not None
        or service.error_ratio > 0.0
        or service.admission
        or service.conflict is not None
        for service in services
    ) or any(client.timeout is not None for client in clients)


def retry_variants(scenario: Scenario) -> dict[str, dict[str, object]]:
    """The ways to retry that a curve compares: name -> changes. Only as written, where no attempt can fail.

    A variant that is the scenario itself is named so, and not run twice.
    """
    variants: dict[str, dict[str, object]] = {AS_WRITTEN: {}}
    if not can_fail(scenario):
        return variants
    own = [scenario.client_of(name) for name in scenario.traffic]
    for name, change in WAYS.items():
        changes = _clients(scenario, change)
        changed = scenario.set(changes)
        if [changed.client_of(traffic) for traffic in scenario.traffic] == own:
            variants = {
                (f"{name} ({AS_WRITTEN})" if key == AS_WRITTEN else key): value
                for key, value in variants.items()
            }
        else:
            variants[name] = changes
    return variants


def is_as_written(variant: str) -> bool:
    """Whether a variant of `retry_variants` is the scenario itself."""
    return AS_WRITTEN in variant


def _system(results: Results) -> pd.DataFrame:
    """Offered rate and goodput of all traffic together: subject `system`, with intervals over the replications."""
    import pandas as pd

    from sim.measure.intervals import clipped, interval

    subjects = [f"traffic:{name}" for name in results.scenario.traffic]
    rows = []
    for metric in ("offered_rate", "goodput"):
        parts = [results.values(subject, metric) for subject in subjects]
        mean, low, high = interval([math.fsum(values) for values in zip(*parts, strict=True)])
        rows.append(("system", metric, mean, *clipped(mean, low, high), "1/s"))
    return pd.DataFrame(rows, columns=["subject", "metric", "mean", "low", "high", "unit"])


TRIES = 4
"""Tries in all, where the scenario has no retry of its own to compare with."""


def _none(_: Client) -> dict[str, object]:
    return {"attempts": 1}


def _naive(client: Client) -> dict[str, object]:
    return {"attempts": _tries(client), "backoff": {"kind": "none"}, "retry_after": False, **_kept(client)}


def _jitter(client: Client) -> dict[str, object]:
    backoff: dict[str, object] = {"kind": "exponential", "base": "100ms", "factor": 2, "cap": "20s"}
    if client.retry.backoff.kind == "exponential":
        backoff = client.retry.backoff.model_dump(mode="json", by_alias=True, exclude_none=True)
    backoff["jitter"] = "full"
    return {
        "attempts": _tries(client),
        "backoff": backoff,
        "retry_after": client.retry.retry_after,
        **_kept(client),
    }


def _budget(client: Client) -> dict[str, object]:
    budget: dict[str, object] = {"kind": "token_bucket"}
    if client.retry.budget is not None:
        budget = client.retry.budget.model_dump(mode="json", by_alias=True, exclude_none=True)
    return {**_jitter(client), "budget": budget}


WAYS: Final[Mapping[str, Callable[[Client], dict[str, object]]]] = {
    "no retry": _none,
    "naive retry": _naive,
    "backoff with jitter": _jitter,
    "jitter and budget": _budget,
}
"""The ways to retry that a curve compares: name -> what `retry` then is."""


def _tries(client: Client) -> int | str:
    attempts = client.retry.attempts if client.retry.attempts > 1 else TRIES
    return int(attempts) if math.isfinite(attempts) else "inf"


def _kept(client: Client) -> dict[str, object]:
    return {"on": list(client.retry.on), "probability": client.retry.probability}


def _clients(scenario: Scenario, change: Callable[[Client], dict[str, object]]) -> dict[str, object]:
    """The changes that give every client another way to retry."""
    changes: dict[str, object] = {}
    for name, traffic in scenario.traffic.items():
        client = scenario.client_of(name)
        if traffic.client is None:
            changes[f"traffic.{name}.client"] = {"retry": change(client)}
        elif isinstance(traffic.client, str):
            changes[f"clients.{traffic.client}.retry"] = change(client)
        else:
            changes[f"traffic.{name}.client.retry"] = change(client)
    return changes


def _timed(scenario: Scenario, factor: float, aim: float = REQUESTS) -> Scenario:
    """A run long enough for figures at a load that stays, and no longer; its first quarter is left out."""
    duration = scenario.run.duration
    if all(isinstance(traffic.arrivals, Trace) for traffic in scenario.traffic.values()):
        # The same stretch of the trace at every load.
        duration /= factor
    elif not any(isinstance(traffic.arrivals, Trace) for traffic in scenario.traffic.values()):
        rate = offered_load(scenario)
        patience = max((_patience(scenario.client_of(name)) for name in scenario.traffic), default=0.0)
        # Overload settles soon, varies little, and costs the most: every refusal is tried again.
        requests = aim / 3 if bottleneck(scenario)[1].ratio > STEEP else aim
        wanted = max(requests / rate, 20.0 * patience, 200.0 * _cycle(scenario)) if rate > 0.0 else duration
        duration = min(wanted, _MOST / rate) if rate > 0.0 else duration
    # What a plan must survive may strike after so short a run.
    changes: dict[str, Any] = {
        "run.duration": f"{duration!r}s",
        "run.series": f"{duration / 20.0!r}s",
        "plan": None,
    }
    if scenario.run.warmup != "auto":
        share = min(0.5, max(0.25, float(scenario.run.warmup) / scenario.run.duration))
        changes["run.warmup"] = f"{share * duration!r}s"
    return scenario.set(changes)


def _patience(client: Client) -> float:
    return max(client.timeout or 0.0, client.deadline or 0.0)


def _cycle(scenario: Scenario) -> float:
    """The time (s) in which the slowest source comes round: an mmpp through its stays, a user who thinks."""
    cycles = [0.0]
    for traffic in scenario.traffic.values():
        if isinstance(traffic.arrivals, Closed):
            cycles.append(traffic.arrivals.think.moments()[0])
        cycles.append(math.fsum(state.stay for state in getattr(traffic.arrivals, "states", ())))
    return max(cycles)


def _replications(scenario: Scenario, factor: float) -> int:
    duration = _timed(scaled(scenario, factor), factor).run.duration
    requests = math.fsum(nominal_rate(scenario, name) for name in scenario.traffic) * factor * duration
    return 6 if requests <= 1.5 * REQUESTS and bottleneck(scenario)[1].ratio * factor <= STEEP else 4
