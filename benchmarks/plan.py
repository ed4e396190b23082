"""Plans beside known answers: how often they are right, how many simulations they take, how long 10⁴ candidates do.

A plan is *wrong* if it claims what is not so: that fewer workers than the true number meet the objective, or that
nothing fewer than its answer does when something does. It is *open* if it says that it is not certain.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from typing import Final, NamedTuple

import sim
from benchmarks.page import paragraph, table, verdict, write_section
from sim.study.planning.planned import Planned
from tests.published.staffing import PATH, Staffing, cases

ALLOWED: Final = 0.05
MOST_EVALUATIONS: Final = 15
MOST_SECONDS: Final = 60.0

THREE_KEYS: Final = """
name: three_keys
traffic:
  web: {arrivals: {kind: poisson, rate: 100/s}, call: api, client: c}
clients:
  c: {timeout: 2s, retry: {attempts: 3, backoff: {kind: exponential, base: 100ms, cap: 2s, jitter: full}}}
services:
  api: {workers: 12, service_time: {kind: lognormal, mean: 100ms, cv: 1.5}, queue: {capacity: 20}}
objectives:
  - {subject: "traffic:web", metric: success_ratio, at_least: 99.9%}
  - {subject: "traffic:web", metric: latency_p99, at_most: 1s}
plan:
  vary: {services.api.workers: "8..47", services.api.queue.capacity: "4..100:25", clients.c.retry.attempts: "1..10"}
run: {duration: 300s, warmup: 20s, replications: 10}
"""


class Outcome(NamedTuple):
    """One plan beside the truth.

    word: right, open or wrong. misjudged: whether simulation alone called any size met that is not, or missed that is
    met. settled: whether theory decided any. evaluations, replications: what the plan took.
    """

    word: str
    misjudged: bool
    settled: bool
    evaluations: int
    replications: int


def outcome(case: Staffing, seed: int) -> Outcome:
    """The plan of one seed."""
    planned = sim.plan(case.scenario.set("run.seed", seed), jobs=1)
    found = None if planned.best is None else planned.best[PATH]
    rows = [(one.values[PATH], one.objectives[0]) for one in planned.candidates]
    by_simulation = [(size, row["verdict"]) for size, row in rows if row["decided_by"] == "simulation"]
    return Outcome(
        word_of(case, planned.verdict, found, planned.minimal),
        any((size >= case.answer) != (verdict == "met") for size, verdict in by_simulation),
        any(row["decided_by"] == "theory" for _, row in rows),
        planned.evaluations,
        planned.replications,
    )


def word_of(case: Staffing, verdict: str, found: int | None, minimal: bool) -> str:
    """Whether a plan claims the truth, nothing, or what is not so."""
    if found is None:
        return "wrong" if verdict == "missed" else "open"
    if found < case.answer or (minimal and found > case.answer):
        return "wrong"
    return "right" if minimal else "open"


def outcomes(seeds: range) -> Iterator[tuple[Staffing, list[Outcome]]]:
    """Every question, a plan for each seed, on all cores."""
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:
        for case in cases():
            yield case, list(pool.map(partial(outcome, case), seeds, chunksize=5))


def timed() -> tuple[Planned, float, float]:
    """A plan over three keys and 10⁴ candidates; wall and CPU seconds, the machine code being there."""
    scenario = sim.loads(THREE_KEYS)
    sim.run(scenario, replications=1)
    wall, cpu = time.perf_counter(), time.process_time()
    planned = sim.plan(scenario)
    return planned, time.perf_counter() - wall, time.process_time() - cpu


def main(seeds: int) -> bool:
    """Studies all questions, prints as it goes, writes the section; whether the limits are kept."""
    planned, wall, cpu = timed()
    print(f"three keys: {planned!r}, {wall:.1f} s, {cpu:.1f} s of CPU", flush=True)
    found: list[tuple[Staffing, list[Outcome]]] = []
    for case, of_seeds in outcomes(range(1, seeds + 1)):
        found.append((case, of_seeds))
        print(f"{case.name}: {', '.join(row(case, of_seeds))}", flush=True)
    text, kept = section(planned, wall, cpu, found)
    write_section("plan", text)
    return kept


def row(case: Staffing, found: Sequence[Outcome]) -> tuple[str, ...]:
    """One question's figures over all seeds."""
    words = [one.word for one in found]
    return (
        case.name,
        str(case.answer),
        *(str(words.count(word)) for word in ("right", "open", "wrong")),
        str(sum(one.misjudged for one in found)),
        str(sum(one.settled for one in found)),
        str(max(one.evaluations for one in found)),
        f"{statistics.fmean(one.replications for one in found):.0f}",
    )


def section(
    planned: Planned, wall: float, cpu: float, found: Sequence[tuple[Staffing, list[Outcome]]]
) -> tuple[str, bool]:
    """The section's text, and whether every limit is kept."""
    wrong = max(sum(one.word == "wrong" for one in of) / len(of) for _, of in found)
    misjudged = max(sum(one.misjudged for one in of) / len(of) for _, of in found)
    evaluations = max(one.evaluations for _, of in found for one in of)
    limits = [
        ("wrong plans, of any question", f"{100 * wrong:.1f} %", f"≤ {100 * ALLOWED:g} %", wrong <= ALLOWED),
        (
            "plans with a wrong verdict by simulation",
            f"{100 * misjudged:.1f} %",
            f"≤ {100 * ALLOWED:g} %",
            misjudged <= ALLOWED,
        ),
        (
            "candidates simulated for one key",
            str(evaluations),
            f"≤ {MOST_EVALUATIONS}",
            evaluations <= MOST_EVALUATIONS,
        ),
        (
            f"three keys, {planned.combinations:,} candidates",
            f"{wall:.0f} s, {cpu:.0f} s of CPU",
            f"≤ {MOST_SECONDS:g} s",
            wall <= MOST_SECONDS,
        ),
    ]
    seeds = len(found[0][1])
    columns = (
        "question",
        "fewest",
        "right",
        "open",
        "wrong",
        "misjudged",
        "settled",
        "candidates, most",
        "runs, mean",
    )
    text = (
        "## Plans\n\n"
        + paragraph(
            f"{seeds} plans of each question, with the seeds 1 to {seeds}, at 95 % confidence, beside the fewest",
            "workers that an exact search finds. *Wrong*: the plan claims what is not so. *Open*: it says that it is",
            "not certain. *Misjudged*: simulation called a size met that is not, or missed that is met. *Settled*: an",
            "exact model decided a size that simulation had left open; where none can, such plans are open.",
        )
        + table(columns, [row(case, of) for case, of in found])
        + "\n"
        + paragraph(
            f"Three keys: of {planned.combinations:,} candidates {planned.evaluations} were simulated, in",
            f"{planned.replications:,} runs of 30,000 requests.",
        )
        + table(
            ("limit", "measured", "wanted", ""),
            [(name, figure, wanted, verdict(holds)) for name, figure, wanted, holds in limits],
        )
    )
    return text, all(holds for *_, holds in limits)
