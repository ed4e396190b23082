"""What each mechanism costs: CPU time an event of the same queue with it, over the queue with none, in turn."""

from __future__ import annotations

import statistics
from multiprocessing import get_context
from typing import Final

import sim
from benchmarks.page import paragraph, table, verdict, write_section
from benchmarks.scale import Course
from sim.engines import compiled

PROCESSES: Final = 5
ROUNDS: Final = 7
EVENTS: Final = 500_000
MOST: Final = 1.4
"""Cost of an event with a mechanism over that without."""

BASE: Final = """\
name: guarded
traffic:
  web: {arrivals: {kind: poisson, rate: 155/s}, call: api, client: app}
clients:
  app:
    timeout: 1s
    retry: {attempts: 5, backoff: {kind: exponential, base: 100ms, factor: 2, cap: 20s, jitter: full}}
services:
  api: {workers: 16, service_time: {kind: exponential, mean: 100ms}, queue: {capacity: 64}}
run: {duration: 1000000s, replications: 1, series: 1000000s}
"""

CLIENT, SERVICE = "clients.app", "services.api"
NETWORK: Final[dict[str, object]] = {f"{CLIENT}.network": "1ms"}
"""Where reading and writing are two trips, they should take time: the base has it then too."""

MECHANISMS: Final[dict[str, dict[str, object]]] = {
    **{
        f"budget {kind}": {f"{CLIENT}.retry.budget": kind}
        for kind in (
            "ratio_bucket",
            "token_bucket",
            "throttle_tokens",
            "concurrent",
            "aws_standard",
            "failure_ratio",
        )
    },
    "throttle adaptive": {f"{CLIENT}.throttle": "adaptive"},
    "throttle admission_control": {f"{CLIENT}.throttle": "admission_control"},
    "breaker circuit": {f"{CLIENT}.breaker": "circuit"},
    **{f"limit {kind}": {f"{CLIENT}.limit": kind} for kind in ("aimd", "vegas", "gradient2")},
    "hedge after a delay": {f"{CLIENT}.hedge": "300ms"},
    "hedge at a quantile": {f"{CLIENT}.hedge": "{kind: quantile}"},
    **{
        f"admission {kind}": {f"{SERVICE}.admission": f"[{kind}]"}
        for kind in ("codel", "codel_folly", "deadline", "priority_shed", "vegas")
    },
    "admission vegas, never reached": {
        f"{SERVICE}.admission": "[{kind: vegas, min: 500, initial: 500, max: 1000}]"
    },
    "admission rate_limit": {f"{SERVICE}.admission": "[{kind: rate_limit, rate: 160/s, burst: 20}]"},
    "discipline adaptive_lifo": {f"{SERVICE}.queue.discipline": "adaptive_lifo"},
    "slowdown spill": {f"{SERVICE}.slowdown": "{kind: spill, memory: 32, factor: 1}"},
    "slowdown contention": {f"{SERVICE}.slowdown": "{kind: contention}"},
    "processor sharing, at most 80": {f"{SERVICE}.sharing": "{kind: processor_sharing, limit: 80}"},
    "producers that are blocked": {f"{SERVICE}.queue.overflow": "block"},
    "autoscale": {f"{SERVICE}.autoscale": "{min: 16, max: 16}"},
    "conflict optimistic (network 1 ms)": {f"{SERVICE}.conflict": "optimistic", **NETWORK},
    "4 instances, power_of_two": {
        f"{SERVICE}.instances": 4,
        f"{SERVICE}.workers": 4,
        f"{SERVICE}.queue.capacity": 16,
        f"{SERVICE}.balance": "power_of_two",
    },
}


def course(scenario: sim.Scenario) -> Course:
    """A replication in its steady state."""
    found = Course(compiled.world_of(scenario, 0, 7, 0.0, by_events=True))
    w = found.world.record[0]
    found.advance(lambda: int(w["events"]) >= EVENTS)
    return found


def in_one_process(_: int) -> dict[str, tuple[float, float]]:
    """Mechanism -> ns an event with it, and the median ratio to an event without, over rounds of the two in turn."""
    base = sim.loads(BASE)
    bases = {False: course(base), True: course(base.set(NETWORK))}
    found = {}
    for name, changes in MECHANISMS.items():
        own, plain = course(base.set(changes)), bases[changes.items() >= NETWORK.items()]
        for _round in range(ROUNDS):
            plain.time(EVENTS)
            own.time(EVENTS)
        ratios = [mine / bare for mine, bare in zip(own.costs, plain.costs[-ROUNDS:], strict=True)]
        found[name] = own.cost, statistics.median(ratios)
    return {"": (bases[False].cost, 1.0), **found}


def main() -> bool:
    """Measures, prints, writes the page's section; whether the limit is kept."""
    with get_context("spawn").Pool(1, maxtasksperchild=1) as pool:
        seen = pool.map(in_one_process, range(PROCESSES), chunksize=1)
    rows, kept = [], True
    for name in MECHANISMS:
        costs, ratios = zip(*(each[name] for each in seen), strict=True)
        ratio = statistics.median(ratios)
        kept = kept and ratio <= MOST
        rows.append(
            [
                name,
                f"{statistics.median(costs):.0f} ns",
                f"{ratio:.2f}",
                f"{min(ratios):.2f} … {max(ratios):.2f}",
            ]
        )
    bare = statistics.median(each[""][0] for each in seen)
    text = (
        "## Mechanisms\n\n"
        + paragraph(
            "CPU time an event of a bounded queue with retries at 97 % of its capacity (16 workers, 64 places, five",
            "attempts with full jitter), with one mechanism at a time, over the same with none",
            f"({bare:.0f} ns): medians of {PROCESSES} processes, each of {ROUNDS} rounds of {EVENTS:,} events, the two",
            "in turn. (Where its memory happens to lie makes a process some per cent faster or slower.)",
            "A mechanism changes what happens, and so what an event is: a hedge is one more attempt, a denied one",
            "no work at all, a refused one a whole round of a retry in a single event: beside vegas, which refuses",
            "many, stands what it costs where it refuses nobody.",
        )
        + table(["mechanism", "an event", "ratio", "of single processes"], rows)
        + f"\nAt most {MOST:g} times: {verdict(kept)}.\n"
    )
    print(text)
    write_section("mechanisms", text)
    return kept
