"""Whether cost stays what it is as work grows: per event, with pending timers, with workers, on threads, in memory."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import sim
from benchmarks import memory, subjects
from benchmarks.page import paragraph, table, verdict, write_section
from sim.engines import compiled, kernel, stages
from sim.engines.world import World

ROUNDS: Final = 7
EVENTS: Final = 2_000_000
"""Events of one timing: a fifth of a second and more."""

PENDING: Final = (1_000, 10_000, 100_000, 1_000_000)
MOST_GROWTH: Final = 3.0
"""Cost of an event with the most pending timers over that with the fewest."""

WORKERS: Final = (1, 10, 100, 1_000, 10_000, 100_000)
REPLICATIONS, REQUESTS = 8, 400_000
LEAST_SPEEDUP: Final = 1.85
"""Of two threads."""

SIZES: Final = (1_000_000, 100_000_000)
FLAT: Final = 0.05
"""How much of the smaller size's memory the larger may add."""


@dataclass
class Course:
    """A replication under way, in its steady state.

    Attributes:
        world: its arrays.
        costs: nanoseconds of CPU time an event, one for each round.
    """

    world: World
    costs: list[float] = field(default_factory=list)

    def advance(self, enough: Callable[[], bool]) -> None:
        """Runs on until there is enough."""
        while not enough():
            status = kernel.advance(self.world.address, compiled.BUDGET // 16, self.world.kind)
            if status == stages.GROW:
                self.world.grow()
            elif status != stages.PAUSED:
                raise RuntimeError(f"the run ended too soon, with status {status}")

    def time(self, events: int = EVENTS) -> None:
        """Times so many events."""
        w = self.world.record[0]
        before, began = int(w["events"]), time.thread_time()
        self.advance(lambda: int(w["events"]) >= before + events)
        self.costs.append(1e9 * (time.thread_time() - began) / (int(w["events"]) - before))

    @property
    def cost(self) -> float:
        """The median."""
        return statistics.median(self.costs)

    @property
    def in_backoff(self) -> int:
        """How many requests wait for their next attempt now."""
        requests = self.world.arrays["requests"]
        return int(((requests["name"] != stages.NO_NAME) & (requests["in_orbit"] == 1)).sum())

    @property
    def in_service(self) -> int:
        """How many attempts a worker has now."""
        attempts = self.world.arrays["attempts"]
        return int(((attempts["name"] != stages.NO_NAME) & (attempts["state"] == stages.SERVING)).sum())


def under_way(text: str, filled: float) -> Course:
    """A replication of a scenario, run event by event until the time when it is filled."""
    world = compiled.world_of(sim.loads(text), 0, 1, 0.0, by_events=True)
    course = Course(world)
    course.advance(lambda: bool(world.record[0]["now"] >= filled))
    return course


def in_turn(courses: Sequence[Course]) -> None:
    """Times all of them in turn, so that what else the machine does meets them alike."""
    for _ in range(ROUNDS):
        for course in courses:
            course.time()


def cost_table(first: str, pending: str, courses: Mapping[int, Course]) -> str:
    """A line for each size."""
    base = next(iter(courses.values()))
    rows = []
    for size, course in courses.items():
        ratios = [one / other for one, other in zip(course.costs, base.costs, strict=True)]
        rows.append(
            [
                f"{size:,}",
                f"{course.in_backoff + course.in_service:,}",
                f"{course.cost:.0f} ns",
                f"{min(course.costs):.0f} … {max(course.costs):.0f}",
                f"{statistics.median(ratios):.2f}",
            ]
        )
    return table([first, pending, "an event", "of rounds", "times the first"], rows)


def pending() -> tuple[str, list[tuple[str, bool]]]:
    """Requests that wait in backoff."""
    courses = {}
    for waiting in PENDING:
        text, filled = subjects.orbiting(waiting)
        courses[waiting] = under_way(text, filled)
    in_turn(list(courses.values()))
    few, many = courses[PENDING[0]], courses[PENDING[-1]]
    ratio = statistics.median(one / other for one, other in zip(many.costs, few.costs, strict=True))
    text = (
        "### Pending timers\n\n"
        + paragraph(
            "Every attempt fails, and its request waits in backoff for a random time, nine times: so many wait at once",
            "in the steady state. The filling is left out.",
        )
        + cost_table("in backoff, wanted", "timers at the end", courses)
    )
    said = (
        f"an event with {PENDING[-1]:,} in backoff costs at most {MOST_GROWTH:g} times one with {PENDING[0]:,} "
        f"({ratio:.2f})"
    )
    return text, [(said, ratio <= MOST_GROWTH)]


def workers() -> str:
    """M/M/c at 80 % load, event by event."""
    courses = {}
    for number in WORKERS:
        courses[number] = under_way(*subjects.many_workers(number))
    in_turn(list(courses.values()))
    return "\n### Workers\n\nM/M/c at 80 % load, event by event.\n\n" + cost_table(
        "workers", "busy at the end", courses
    )


def apart_and_together() -> tuple[float, float]:
    """Wall seconds of two processes that share nothing: one after the other, and at once."""
    spin = [sys.executable, "-c", "sum(range(30_000_000))"]
    began = time.perf_counter()
    for _ in range(2):
        subprocess.run(spin, check=True)
    between = time.perf_counter()
    for process in [subprocess.Popen(spin) for _ in range(2)]:
        process.wait()
    return between - began, time.perf_counter() - between


def threads() -> tuple[str, list[tuple[str, bool]]]:
    """Replications of the retrying queue on one thread and on two."""
    scenario = sim.loads(subjects.retrying(REQUESTS, replications=REPLICATIONS))
    single = scenario.set("run.replications", 1)
    rounds: dict[tuple[int, int], list[tuple[float, float]]] = {}
    machine: list[tuple[float, float]] = []
    for _ in range(ROUNDS):
        for count, jobs, asked in ((1, 1, single), (REPLICATIONS, 1, scenario), (REPLICATIONS, 2, scenario)):
            wall, cpu = time.perf_counter(), time.process_time()
            sim.run(asked, jobs=jobs)
            spent = time.perf_counter() - wall, time.process_time() - cpu
            rounds.setdefault((count, jobs), []).append(spent)
        machine.append(apart_and_together())
    fastest = {key: min(wall for wall, _ in spent) for key, spent in rounds.items()}
    rows = [
        [
            f"{count}",
            f"{jobs}",
            f"{fastest[count, jobs]:.3f} s",
            f"{statistics.median(wall for wall, _ in spent):.3f} s",
            f"{statistics.median(cpu for _, cpu in spent) / count:.3f} s",
        ]
        for (count, jobs), spent in rounds.items()
    ]
    one, two = rounds[REPLICATIONS, 1], rounds[REPLICATIONS, 2]
    ratio = fastest[REPLICATIONS, 1] / fastest[REPLICATIONS, 2]
    paired = statistics.median(alone[0] / both[0] for alone, both in zip(one, two, strict=True))
    possible = min(apart for apart, _ in machine) / min(together for _, together in machine)
    dearer = statistics.median(cpu for _, cpu in two) / statistics.median(cpu for _, cpu in one)
    text = (
        "\n### Replications and threads\n\n"
        + paragraph(
            f"Replications of the retrying queue, {REQUESTS:,} requests each, through `sim.run(jobs=…)`;",
            f"{ROUNDS} rounds in turn.",
        )
        + table(["replications", "threads", "fastest wall", "median wall", "CPU a replication"], rows)
        + "\n"
        + paragraph(
            f"Two threads are {ratio:.2f} times as fast as one, fastest round against fastest; the median of the",
            f"rounds' ratios is {paired:.2f}. A replication takes {dearer:.2f} times the CPU time there. Other work on",
            "the machine takes from the second core: two processes that share nothing, timed in the same rounds, were",
            f"{possible:.2f} times as fast at once as one after the other.",
        ).rstrip("\n")
        + "\n"
    )
    said = (
        f"{REPLICATIONS} replications on two threads are at least {LEAST_SPEEDUP:g} times as fast as on one "
        f"({ratio:.2f})"
    )
    return text, [(said, ratio >= LEAST_SPEEDUP)]


def flat() -> tuple[str, list[tuple[str, bool]]]:
    """Peak memory of M/M/1 through the event engine, in a process of its own."""
    peaks, rows = {}, []
    for size in SIZES:
        command = [sys.executable, "-m", "benchmarks.peers.with_forebay", "mm1", str(size), "1", "events"]
        with tempfile.TemporaryFile() as stream:
            began = time.perf_counter()
            peaks[size] = memory.peak_of(command, stream)
            rows.append([f"{size:,}", f"{peaks[size]:.1f} MB", f"{time.perf_counter() - began:.1f} s"])
    added = peaks[SIZES[-1]] / peaks[SIZES[0]] - 1.0
    text = (
        "\n### Memory\n\nM/M/1 through the event engine, a process of its own each time, interpreter and libraries "
        "included.\n\n" + table(["requests", "peak", "wall"], rows)
    )
    said = f"{SIZES[-1]:,} requests take the memory of {SIZES[0]:,}, within {100 * FLAT:g} % ({100 * added:+.1f} %)"
    return text, [(said, abs(added) <= FLAT)]


def main() -> bool:
    """Measures, prints, writes the page's section; whether the limits are kept."""
    texts, limits = [], []
    for part in (pending, threads, flat):
        text, held = part()
        print(text, flush=True)
        texts.append(text)
        limits += held
    texts.insert(1, workers())
    text = (
        "## Scale\n\n"
        + paragraph(
            f"CPU time an event on one thread in the steady state, medians of {ROUNDS} rounds of",
            f"{EVENTS / 1e6:g} million events, all sizes in turn.",
        )
        + "".join(texts)
        + "\n### Limits\n\n"
        + "".join(f"- {said}: {verdict(holds)}.\n" for said, holds in limits)
    )
    print(text)
    write_section("scale", text)
    return all(holds for _, holds in limits)
