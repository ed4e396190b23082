"""A sweep: one scenario at many points, under the same random numbers, wherever the work is done.

A point's result is a function of its scenario alone: its draws are named by the seed and the replication, and its
figures do not depend on threads, processes or machines. So a sweep that was interrupted, moved
or repeated ends in the same table.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any, Literal

from sim.engines import compiled
from sim.errors import Problem, ScenarioError, UsageError, printable
from sim.measure.versions import versions
from sim.scenario.metrics import SCHEMA_VERSION
from sim.scenario.scenario import Scenario, refuse_no_scenario
from sim.scenario.suggestions import nearest
from sim.study.executors import Kind, on_executor, refuse_wrong
from sim.study.sweeps.design import LISTED, Design, grid, listed, sampled
from sim.study.sweeps.ledger import TABLES, Ledger, Record
from sim.study.sweeps.point import Work, made_by
from sim.study.sweeps.swept import Sweep
from sim.study.threads import Stopped, Tell

Save = Literal["csv", "parquet"]

MOST_PROBLEMS = 20
"""Problems that are told of at once; the others are counted."""

METRIC_EXAMPLE = "latency_p99 or 'traffic:web latency_p99'"


class SweepInterrupted(KeyboardInterrupt):
    """Ctrl-C: `sweep` holds the points that were finished, and so does its folder, from which it goes on."""

    def __init__(self, sweep: Sweep) -> None:
        super().__init__(f"interrupted: {sweep.finished:,} of {len(sweep.hashes):,} points are finished")
        self.sweep = sweep


def sweep(
    scenario: Scenario,
    vary: Mapping[str, Any] | None = None,
    *,
    sample: str | None = None,
    points: Sequence[Mapping[str, Any]] | None = None,
    metrics: Sequence[str] | None = None,
    engine: str | None = None,
    seed: int | None = None,
    replications: int | None = None,
    folder: str | os.PathLike[str] | None = None,
    save: Save = "csv",
    executor: Kind | Executor = "threads",
    scheduler: str | None = None,
    jobs: int | None = None,
    progress: Tell | None = None,
    note: Callable[[str], None] | None = None,
    command: Sequence[str] = (),
) -> Sweep:
    """Runs a scenario at many points, with the same random numbers at each.

    Args:
        scenario: what is run.
        vary: key path -> a range such as `"4..12"` or `"10ms..50ms:5"`, or the values.
        sample: `sobol:n` or `lhs:n`, so many points spread over the keys; every combination if None.
        points: the points themselves, each key path -> value, in place of `vary`.
        metrics: those to keep, such as `latency_p99` or `traffic:web latency_p99`; all if None.
        engine: in place of the scenario's own.
        seed: in place of the scenario's own; also of the sample.
        replications: in place of the scenario's own.
        folder: where every result is kept as soon as it is there; the same call goes on from there. None: nowhere.
        save: what the table in the folder is: `csv`, or `parquet` (needs pyarrow).
        executor: where points are run: see `sim.study.executors.on_executor`.
        scheduler: the address of dask's.
        jobs: threads or processes; the machine's cores if None. The results depend on none of these.
        progress: told the share that is done, 0 to 1, now and then.
        note: told, in words, what was found in the folder.
        command: words that are kept in the folder beside what was asked.

    Raises:
        UsageError: points, a metric, an executor or a folder that make no sense, or a folder of another sweep.
        ScenarioError: every value that the scenario cannot have, before anything is run.
        SweepInterrupted: Ctrl-C; it holds the finished points.
        WorkerError: workers cannot be reached, end again and again, or have another version of forebay.
        AuditError: a run broke Little's law or lost a request: a fault of the engine, and no result.
    """
    refuse_no_scenario(scenario)
    refuse_wrong(executor, scheduler, jobs)
    given = {"run.engine": engine, "run.seed": seed, "run.replications": replications}
    changes = {path: value for path, value in given.items() if value is not None}
    base = scenario.set(changes)
    design = _design(vary, sample, points, base.run.seed)
    if save not in TABLES:
        raise UsageError(f"save {save!r} is none of {', '.join(TABLES)}; for example save='csv'")
    wanted = None if metrics is None else chosen_metrics(base, metrics)
    with ExitStack() as stack:
        ledger = None
        if folder is not None:
            asked = _asked(base, design, vary, wanted, command)
            ledger = stack.enter_context(Ledger(Path(folder), asked))
        swept = _run(
            Work(base, wanted, made_by(), _threads_of_a_point(executor, jobs, len(design))),
            design,
            ledger,
            partial(on_executor, executor=executor, scheduler=scheduler, jobs=jobs),
            progress,
            note or (lambda _: None),
        )
        if ledger is not None:
            ledger.keep(swept.table, save)
    return swept


def _run(
    work: Work,
    design: Design,
    ledger: Ledger | None,
    spread: Callable[..., list[Record]],
    progress: Tell | None,
    note: Callable[[str], None],
) -> Sweep:
    """Runs the points that are not finished."""
    hashes = ledger.hashes(design) if ledger is not None else None
    if hashes is None:
        hashes = _hashes(work.scenario, design)
        if ledger is not None:
            ledger.begin(design, hashes)
    records = ledger.finished() if ledger is not None else {}
    first = {
        name: number for number, name in reversed(list(enumerate(hashes)))
    }  # two points may be one scenario
    left = [number for number, name in enumerate(hashes) if first[name] == number and name not in records]
    if ledger is not None and left:
        _say_what_is_there(ledger, len(first) - len(left), len(first), note)

    def arrived(_place: int, record: Record) -> None:
        if ledger is not None:
            ledger.add(record)
        records[record["hash"]] = record

    if left and work.scenario.run.engine == "compiled":
        compiled.prepare(work.scenario)
    before = 1.0 - len(left) / len(first)
    try:
        if left:
            spread(
                work,
                [(hashes[number], design.changes(number)) for number in left],
                progress=None
                if progress is None
                else lambda share: progress(before + (1.0 - before) * share),
                arrived=arrived,
            )
    except Stopped:
        # Ctrl-C may have come when a result was written, and not yet among the records.
        finished = records if ledger is None else ledger.finished()
        raise SweepInterrupted(Sweep(work.scenario, design, tuple(hashes), finished)) from None
    return Sweep(work.scenario, design, tuple(hashes), records)


def chosen_metrics(scenario: Scenario, names: Sequence[str]) -> frozenset[tuple[str, str]]:
    """(subject, metric) of the figures that names mean: a metric of all subjects that have it, or of one.

    Raises:
        UsageError: a name that means none, with what was probably meant.
    """
    known = [(subject, metric) for subject, metrics in scenario.metrics().items() for metric in metrics]
    found: set[tuple[str, str]] = set()
    for name in [names] if isinstance(names, str) else names:
        words = name.split()
        meant = {pair for pair in known if words in ([pair[1]], list(pair))}
        if not meant:
            near = nearest(name, [*(" ".join(pair) for pair in known), *(metric for _, metric in known)])
            advice = f"did you mean {near}?" if near else f"write {METRIC_EXAMPLE}"
            raise UsageError(f'"{printable(name)}" is no metric of {scenario.name}; {advice}')
        found |= meant
    return frozenset(found)


def _design(
    vary: Mapping[str, Any] | None, sample: str | None, points: Sequence[Mapping[str, Any]] | None, seed: int
) -> Design:
    if points is not None:
        if vary is not None or sample is not None:
            raise UsageError("points are listed already: leave vary and sample out")
        return listed(points)
    return grid(vary or {}) if sample is None else sampled(vary or {}, sample, seed)


def _threads_of_a_point(executor: Kind | Executor, jobs: int | None, points: int) -> int:
    """Few points leave threads for their replications."""
    return max(1, (jobs or os.cpu_count() or 1) // points) if executor == "threads" else 1


def _asked(
    base: Scenario,
    design: Design,
    vary: Mapping[str, Any] | None,
    wanted: frozenset[tuple[str, str]] | None,
    command: Sequence[str],
) -> dict[str, Any]:
    """What is written down of a sweep; `of` is what makes it another."""
    named = {
        path: values if isinstance(values, str) else list(values) for path, values in (vary or {}).items()
    }
    return {
        "schema_version": SCHEMA_VERSION,
        "of": {
            "scenario": base.name,
            "hash": base.hash,
            "seed": base.run.seed,
            "engine": base.run.engine,
            "replications": base.run.replications,
            "keys": list(design.paths),
            "vary": named,
            "sample": design.kind,
            "points": f"{len(design):,}, digest {design.digest}",
            "metrics": "all" if wanted is None else sorted(map(" ".join, wanted)),
            **made_by(),
        },
        "versions": versions(),
        "command": list(command),
        "document": base.document,
    }


def _hashes(base: Scenario, design: Design) -> list[str]:
    """The hash of each point's scenario. Raises ScenarioError with every value that cannot be, each once."""
    found: list[str] = []
    wrong: dict[Problem, int] = {}
    for number in range(len(design)):
        try:
            found.append(base.set(design.changes(number)).hash)
        except ScenarioError as error:
            for one in error.problems:
                said = one.file.replace("--set ", f"point {number}: " if design.kind == LISTED else "--vary ")
                problem = Problem(said, 0, 0, one.path, one.message, one.example, one.suggestion)
                wrong[problem] = wrong.get(problem, 0) + 1
    if wrong:
        told = list(wrong)[:MOST_PROBLEMS]
        more = len(wrong) - len(told)
        rest = [Problem("--vary", 0, 0, "", f"and {more:,} more values that cannot be")] if more else []
        raise ScenarioError([*told, *rest])
    return found


def _say_what_is_there(ledger: Ledger, done: int, many: int, note: Callable[[str], None]) -> None:
    for part, lines in ledger.damaged.items():
        note(f"{ledger.folder / 'parts' / part}: {lines:,} damaged, done anew")
    if done:
        note(f"{done:,} of {many:,} points are finished in {ledger.folder}: going on from there")
