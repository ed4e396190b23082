"""`forebay sweep`: one scenario at many points, kept as they are finished, on threads, processes or a cluster."""

import csv
import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from sim.cli.files import file_name, load_scenario, locate, make_room
from sim.cli.options import (
    EngineOption,
    FormatOption,
    JobsOption,
    NoColorOption,
    QuietOption,
    ReplicationsOption,
    ScenarioFile,
    SeedOption,
    SetOption,
)
from sim.cli.printing import Table, frame_csv, json_text
from sim.cli.status import INTERNAL, INTERRUPTED, OK
from sim.cli.terminal import Terminal
from sim.cli.variants import varied
from sim.errors import UsageError, WorkerError
from sim.report.figures import figure, metric_words, subject_words, unit_shown

if TYPE_CHECKING:
    from sim.scenario.scenario import Scenario
    from sim.study.sweeps.swept import Sweep

EXAMPLE = "--vary services.api.workers=4..12"
SHOWN = 60
"""Points that text and Markdown show at the most; CSV and JSON have all."""

FAILURES = 5
"""Points that could not be run that are named; the others are counted."""


def command(
    file: ScenarioFile,
    vary: Annotated[
        list[str] | None,
        typer.Option(
            "--vary",
            metavar="PATH=A..B:N",
            help="A key: a range (log: by equal factors) or a list. May be repeated: every combination.",
            show_default=False,
        ),
    ] = None,
    sample: Annotated[
        str | None,
        typer.Option(
            metavar="KIND:N",
            help="Instead of every combination so many points: sobol:256, or lhs:100 (Latin hypercube).",
            show_default=False,
        ),
    ] = None,
    points: Annotated[
        Path | None,
        typer.Option(
            metavar="CSV", help="The points themselves: a column for each key path.", show_default=False
        ),
    ] = None,
    metrics: Annotated[
        list[str] | None,
        typer.Option(
            "--metric",
            metavar="NAME",
            help="Keep this figure alone, such as latency_p99 or 'traffic:web latency_p99'. May be repeated.",
            show_default=False,
        ),
    ] = None,
    settings: SetOption = None,
    engine: EngineOption = None,
    seed: SeedOption = None,
    replications: ReplicationsOption = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            metavar="DIR",
            help="Where results are kept, and gone on from; by default a folder named for what is asked.",
            show_default=False,
        ),
    ] = None,
    save: Annotated[
        Literal["csv", "parquet"], typer.Option("--save", help="What the table in that folder is.")
    ] = "csv",
    picture: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Draw it, as .svg or .png: lines over one key, a map over two.",
            show_default=False,
        ),
    ] = None,
    executor: Annotated[
        Literal["threads", "processes", "dask"] | None,
        typer.Option("--executor", help="Where points are run.", show_default="threads"),
    ] = None,
    scheduler: Annotated[
        str | None,
        typer.Option(metavar="ADDRESS", help="Of dask: tcp://10.0.0.1:8786.", show_default=False),
    ] = None,
    jobs: JobsOption = None,
    style: FormatOption = "text",
    quiet: QuietOption = False,
    no_color: NoColorOption = False,
) -> int:
    """Run a scenario at many points; go on after an interruption."""
    terminal = Terminal(quiet, no_color)
    keys = varied(vary or (), EXAMPLE)
    listed = None if points is None else read_points(points)
    if not keys and listed is None:
        raise UsageError(f"nothing to vary; write {EXAMPLE}, or --points FILE.csv")
    if picture is not None:
        refuse_undrawable(picture, list(listed[0]) if listed else list(keys))
    scenario = load_scenario(file, settings)
    make_room("--picture", picture, [locate(file), *([points] if points is not None else [])])
    asked: dict[str, Any] = {
        "vary": keys or None,
        "sample": sample,
        "points": listed,
        "metrics": metrics,
        "engine": engine,
        "seed": seed,
        "replications": replications,
    }
    folder = default_folder(scenario, asked) if out is None else out
    from sim.study.sweeps.sweep import SweepInterrupted, sweep

    said = {"vary": vary, "metric": metrics, "set": settings, "sample": [sample], "points": [points]}
    again = [
        f"--{name}={value}" for name, values in said.items() for value in values or () if value is not None
    ]
    try:
        with terminal.progress(f"sweeping {scenario.name}") as progress:
            found = sweep(
                scenario,
                **asked,
                folder=folder,
                save=save,
                executor=executor or ("threads" if scheduler is None else "dask"),
                scheduler=scheduler,
                jobs=jobs,
                progress=progress,
                note=terminal.note,
                command=("forebay", "sweep", file, *again),
            )
    except WorkerError as error:
        raise WorkerError(
            f"{error}; what is finished is kept in {folder}: the same command goes on"
        ) from error
    except SweepInterrupted as stop:
        terminal.complain(
            f"interrupted: {stop.sweep.finished:,} of {len(stop.sweep.hashes):,} points are finished and kept in "
            f"{folder}; the same command goes on from there"
        )
        return INTERRUPTED
    show(terminal, found, style)
    terminal.note(f"{provenance(found)} · kept in {folder}")
    if picture is not None:
        draw(found, picture)
        terminal.note(f"wrote {picture}")
    return _failures(terminal, found)


def read_points(path: Path) -> list[dict[str, str]]:
    """The points of a CSV file with a column for each key path.

    Raises:
        UsageError: it has no points, or a line with more or fewer values than the first has keys.
        OSError: it cannot be opened.
    """
    with path.open(encoding="utf-8-sig", newline="") as stream:
        lines = csv.reader(stream)
        try:
            head = [name.strip() for name in next(lines, [])]
            rows = [(lines.line_num, row) for row in lines if row]
        except (csv.Error, UnicodeDecodeError) as error:
            raise UsageError(f"{path} is no CSV file: {error}") from None
    if not rows or not all(head) or len(set(head)) < len(head):
        raise UsageError(
            f"{path} lists no points; its first line names a key path for each column, such as services.api.workers, "
            "and each further line is a point"
        )
    for line, row in rows:
        if len(row) != len(head):
            raise UsageError(f"{path}:{line}: {len(row)} values for {len(head)} keys ({', '.join(head)})")
    return [dict(zip(head, row, strict=True)) for _, row in rows]


def refuse_undrawable(picture: Path, keys: Sequence[str]) -> None:
    """Raises UsageError for a picture that could not be made, before the work and not after it."""
    if picture.suffix.lower() not in (".svg", ".png"):
        raise UsageError(
            f"--picture {picture}: its ending says what it is; write --picture {picture.stem}.svg"
        )
    if len(keys) > 2:
        raise UsageError(
            f"--picture draws one key or two, not {len(keys)}; fix the others with --set path=value"
        )


def default_folder(scenario: "Scenario", asked: Mapping[str, Any]) -> Path:
    """A folder named for what is asked, so that another question has its own."""
    from sim.study.sweeps.point import made_by

    text = json.dumps([scenario.hash, asked, made_by()], default=str)
    return Path(f"{file_name(scenario.name)}-sweep-{hashlib.sha256(text.encode()).hexdigest()[:8]}")


def show(terminal: Terminal, found: "Sweep", style: str) -> None:
    """Writes the figures to stdout."""
    if style == "json":
        terminal.write(json_text(found.to_json()))
    elif style == "csv":
        terminal.write(frame_csv(found.table))
    elif style == "md":
        terminal.write(f"# {found.scenario.name}\n\n{points_table(found).markdown()}")
    else:
        terminal.show(points_table(found))
    if style in ("text", "md") and len(found.hashes) > SHOWN:
        terminal.note(f"the first {SHOWN} of {len(found.hashes):,} points; --format csv and json have all")


def points_table(found: "Sweep") -> Table:
    """A row for each point: its values, its headline figures with their intervals, the verdict of its objectives."""
    shown = found.headline
    judged = bool(found.scenario.objectives)
    rows = []
    for number, name in list(enumerate(found.hashes))[:SHOWN]:
        record = found.records[name]
        figures = {(row[0], row[1]): row for row in record["rows"]}
        cells = [_cell(figures.get(pair)) for pair in shown]
        verdict = "could not run" if record["error"] else record["verdict"]
        rows.append(
            (*found.design.written[number], *cells, *([verdict] if judged or record["error"] else []))
        )
    names = [f"{subject_words(subject)} {metric_words(metric)}" for subject, metric in shown]
    columns = (*found.design.paths, *names, *(["verdict"] if judged or found.failed else []))
    width = len(columns)
    rows = [(*row, *[""] * (width - len(row))) for row in rows]
    return Table("Points", columns, rows)


def _cell(row: Sequence[Any] | None) -> str:
    from sim.scenario.metrics import unit_of

    if row is None:
        return figure(None)
    mean, low, high = row[2:5]
    return figure(mean, low, high, unit_shown(row[1], unit_of(row[1])))


def provenance(found: "Sweep") -> str:
    """One line from which the sweep can be made again."""
    run = found.scenario.run
    return (
        f"scenario {found.scenario.name} · hash {found.scenario.hash} · engine {run.engine} · seed {run.seed} · "
        f"replications {run.replications} · {len(found.hashes):,} points, {found.design.kind}"
    )


def draw(found: "Sweep", path: Path) -> None:
    """Writes the picture, as its ending says."""
    from sim.report.pictures.sweep import sweep

    picture = sweep(found)
    if path.suffix.lower() == ".png":
        path.write_bytes(picture.png())
    else:
        path.write_text(picture.svg(), encoding="utf-8", newline="\n")


def _failures(terminal: Terminal, found: "Sweep") -> int:
    """Says which points could not be run; the exit status."""
    failed = found.failed
    for number in list(failed)[:FAILURES]:
        terminal.complain(f"point {number} ({_values(found, number)}): {failed[number]}")
    if len(failed) > FAILURES:
        terminal.complain(f"and {len(failed) - FAILURES:,} more points that could not be run")
    return INTERNAL if failed else OK


def _values(found: "Sweep", number: int) -> str:
    pairs = zip(found.design.paths, found.design.written[number], strict=True)
    return ", ".join(f"{path} = {value}" for path, value in pairs)
