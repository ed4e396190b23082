"""What it costs to hand work to threads, to processes, to a dask cluster; what that comes to on many machines."""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

import sim
from benchmarks import subjects
from benchmarks.page import paragraph, table, write_section
from sim.study.executors import TASK, on_executor
from sim.study.sweeps import point
from sim.study.sweeps.ledger import Ledger
from sim.study.sweeps.sweep import chosen_metrics
from tests.study.loopback import Cluster, cluster

ROUNDS = 5
TASKS = 400
WORKERS = 2

SEEN_WORKERS = (2, 16, 64, 256, 1000)
SEEN_POINTS = (0.01, 0.1, 1.0, 10.0)
"""CPU seconds of a point."""


@dataclass(frozen=True)
class Cost:
    """Of an executor, in seconds: to the first result; and a task, of a worker, of CPU here and at the scheduler."""

    start: float
    trip: float
    dealer: float
    scheduler: float


def nothing(number: int, tell: Any) -> int:
    """A piece of no work."""
    del tell
    return number


def cost(options: dict[str, Any], scheduler: psutil.Process | None) -> Cost:
    """Measures an executor with pieces of no work, one a task, on one worker where that can be said."""
    starts, trips, dealers, schedulers = [], [], [], []
    came: list[float] = []
    for _ in range(ROUNDS):
        came.clear()
        before = _spent(scheduler)
        began, cpu = time.perf_counter(), time.process_time()
        on_executor(
            nothing, range(TASKS), task=0.0, arrived=lambda *_: came.append(time.perf_counter()), **options
        )
        starts.append(came[0] - began)
        trips.append(WORKERS * (came[-1] - came[0]) / (TASKS - 1))
        dealers.append((time.process_time() - cpu) / TASKS)
        schedulers.append((_spent(scheduler) - before) / TASKS)
    # Other work on the machine only adds to wall time.
    return Cost(min(starts), min(trips), statistics.median(dealers), statistics.median(schedulers))


def _spent(process: psutil.Process | None) -> float:
    if process is None:
        return 0.0
    times = process.cpu_times()
    return float(times.user + times.system)


def costs() -> dict[str, Cost]:
    """Of each executor."""
    found = {
        "threads": cost({"jobs": WORKERS}, None),
        "processes": cost({"executor": "processes", "jobs": WORKERS}, None),
    }
    with tempfile.TemporaryDirectory() as logs, cluster(Path(logs), WORKERS) as there:
        found["dask"] = _of_dask(there)
    return found


def _of_dask(there: Cluster) -> Cost:
    options = {"executor": "dask", "scheduler": there.address}
    on_executor(nothing, range(10), **options)  # the workers load the package
    return cost(options, psutil.Process(there.scheduler.pid))


def of_a_point() -> tuple[float, float]:
    """CPU seconds of a short point, and of writing its result down."""
    scenario = sim.loads(subjects.SHORT)
    wanted = chosen_metrics(scenario, ["latency_p99", "utilization"])
    work = point.Work(scenario, wanted, point.made_by(), 1)
    items = [
        (scenario.set("services.api.workers", n).hash, {"services.api.workers": n}) for n in range(1, 101)
    ]
    records = [work(item, lambda _: None) for item in items]
    runs, writes = [], []
    for _ in range(ROUNDS):
        began = time.process_time()
        for item in items:
            work(item, lambda _: None)
        runs.append((time.process_time() - began) / len(items))
        with tempfile.TemporaryDirectory() as folder, Ledger(Path(folder) / "s", {"of": {}}) as ledger:
            began = time.process_time()
            for record in records:
                ledger.add(record)
            writes.append((time.process_time() - began) / len(records))
    return statistics.median(runs), statistics.median(writes)


def points_an_hour(workers: int, seconds: float, of: Cost, write: float) -> float:
    """Computed: what so many workers do, unless the dealer or the scheduler cannot keep up.

    A worker does a task of k points in k·seconds + trip; the dealer spends its share of a task, and a write, on each.
    """
    pieces = max(1.0, TASK / seconds)
    done = workers / (seconds + of.trip / pieces)
    dealt = 1.0 / (of.dealer / pieces + write)
    scheduled = pieces / of.scheduler if of.scheduler else dealt
    return 3600.0 * min(done, dealt, scheduled)


def main() -> bool:
    """Measures, computes, and writes the section."""
    found = costs()
    run, write = of_a_point()
    rows = [
        (name, f"{of.start:.2f} s", _short(of.trip), _short(of.dealer), _short(of.scheduler) if of.scheduler else "–",
         f"{100.0 * of.trip / (TASK + of.trip):.1f} %")
        for name, of in found.items()
    ]  # fmt: skip
    computed = [
        (
            f"{workers:,}",
            *(f"{points_an_hour(workers, seconds, found['dask'], write):,.0f}" for seconds in SEEN_POINTS),
        )
        for workers in SEEN_WORKERS
    ]
    text = (
        "## Executors\n\n"
        + paragraph(
            f"Pieces of no work, one a task, {TASKS} of them on {WORKERS} workers: of {ROUNDS} rounds the fastest, and",
            "the median of CPU time.",
            "*A task* is a worker's time from one result to its next; the share is of its time where pieces go",
            f"together in tasks of {TASK:g} s, as they do. Start-up is until the first result; the cluster's",
            "workers were there, and had imported the package.",
            f"Other work had the machine too: a load average of {os.getloadavg()[0]:.0f} on {os.cpu_count()} cores.",
        )
        + table(
            ("executor", "start-up", "a task", "CPU of it here", "CPU of it at the scheduler", "share"), rows
        )
        + "\n"
        + paragraph(
            f"A short point (10 s of 40 requests a second, two replications) takes {_short(run)} of CPU, and its",
            f"line in the folder {_short(write)}.",
        )
        + "### Computed: points an hour on a cluster\n\n"
        + paragraph(
            "Not measured, but computed from the figures above: n workers each do a point in its time and its share",
            "of a task's; no more than the process that deals out, and dask's scheduler, can keep up with on one core",
            "each. For points of so many CPU seconds:",
        )
        + table(("workers", *(f"{seconds:g} s" for seconds in SEEN_POINTS)), computed)
    )
    write_section("cluster", text)
    print(text)
    return True


def _short(seconds: float) -> str:
    return f"{1000.0 * seconds:.2f} ms"
