"""`forebay run`: replications of one scenario -> summary, objectives, audits."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sim.cli.files import load_scenario
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
from sim.cli.printing import Table, asked, frame_csv, json_text, shown
from sim.cli.status import INTERRUPTED, of_verdict
from sim.cli.terminal import Terminal
from sim.errors import UsageError
from sim.report.figures import figure, records

if TYPE_CHECKING:
    import pandas as pd

    from sim.measure.results import Results


def command(
    file: ScenarioFile,
    settings: SetOption = None,
    engine: EngineOption = None,
    seed: SeedOption = None,
    replications: ReplicationsOption = None,
    jobs: JobsOption = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", "-o", metavar="DIR", help="Also write every table there, as CSV.", show_default=False
        ),
    ] = None,
    log: Annotated[bool, typer.Option("--log", help="With --out: also every attempt, one a row.")] = False,
    style: FormatOption = "text",
    quiet: QuietOption = False,
    no_color: NoColorOption = False,
) -> int:
    """Run a scenario: summary, objectives, audits."""
    terminal = Terminal(quiet, no_color)
    if log and out is None:
        raise UsageError("--log writes a table: say where with --out DIR")
    scenario = load_scenario(file, settings)
    if out is not None:
        # A place that cannot be written is said before the run, which may be long, not after it.
        out.mkdir(parents=True, exist_ok=True)
    from sim.study.replicate import Interrupted, run

    interrupted = False
    with terminal.progress(f"running {scenario.name}") as progress:
        try:
            results = run(
                scenario,
                engine=engine,
                seed=seed,
                replications=replications,
                jobs=jobs,
                log=log,
                progress=progress,
            )
        except Interrupted as stop:
            results, interrupted = stop.results, True
    if style == "json":
        terminal.write(json_text(results.to_json()))
    elif style == "csv":
        terminal.write(frame_csv(results.summary))
    elif style == "md":
        terminal.write("\n".join([f"# {scenario.name}\n", *(table.markdown() for table in tables(results))]))
        terminal.note(provenance(results))
    else:
        terminal.show(*(table.rich() for table in tables(results)))
        terminal.note(provenance(results))
    if out is not None:
        terminal.note(f"wrote {', '.join(str(path) for path in write_tables(results, out))}")
    if interrupted:
        wanted = scenario.run.replications if replications is None else replications
        terminal.complain(f"the figures are of the first {results.replications} of {wanted} replications")
        return INTERRUPTED
    return of_verdict(results.verdict)


def tables(results: "Results") -> list[Table]:
    """A run in words: summary, Little's law, conservation, and last, next to the prompt, the objectives."""
    found = [
        summary_table(results.summary),
        audits_table(results.audits),
        conservation_table(results.conservation),
    ]
    return [*found, objectives_table(results.objectives)] if len(results.objectives) else found


def summary_table(summary: "pd.DataFrame") -> Table:
    """Subject, metric and figure with its interval."""
    rows = [(row.subject, row.metric, shown(row)) for row in records(summary)]
    return Table("Measured", ("subject", "metric", "estimate [95 % interval]"), rows)


def objectives_table(objectives: "pd.DataFrame") -> Table:
    """Each objective: what was asked, what was measured, the verdict."""
    rows = [(row.subject, row.metric, asked(row), shown(row), row.verdict) for row in records(objectives)]
    return Table("Objectives", ("subject", "metric", "asked", "measured", "verdict"), rows)


def audits_table(audits: "pd.DataFrame") -> Table:
    """Little's law at each boundary: L beside λW, and whether the identity holds."""
    rows = []
    for row in records(audits):
        number, rate = figure(row.L), figure(row.arrival_rate, unit="1/s")
        wait, product = figure(row.W, unit="s"), figure(row.lambda_W)
        verdict = "holds" if row.passed else "broken"
        rows.append((row.subject, row.boundary, number, rate, wait, product, f"{row.residual:.1g}", verdict))
    columns = ("subject", "boundary", "L", "λ", "W", "λW", "residual", "identity")
    return Table("Little's law", columns, rows, frozenset({"L", "λ", "W", "λW", "residual"}))


def conservation_table(books: dict[str, Any]) -> Table:
    """What was born and sent, and what became of it."""
    from sim.report.phrases import balances

    verdict = "holds" if books["passed"] else "broken"
    requests, attempts = balances(books)
    rows = [("requests", requests, verdict), ("attempts", attempts, verdict)]
    return Table("Conservation", ("of", "balance", "identity"), rows)


def provenance(results: "Results") -> str:
    """One line from which the run can be made again."""
    document = results.to_json()
    names = ("verdict", "scenario", "hash", "engine", "seed", "replications")
    return " · ".join(f"{name} {document[name]}" for name in names)


def write_tables(results: "Results", directory: Path) -> list[Path]:
    """Writes results.json and one CSV a table into `directory`, made if need be; returns the paths."""
    directory.mkdir(parents=True, exist_ok=True)
    written = [directory / "results.json"]
    written[0].write_text(json_text(results.to_json()), encoding="utf-8")
    for name in ("summary", "objectives", "audits", "series", "latency", "attempts"):
        frame = getattr(results, name)
        if frame is not None:
            written.append(directory / f"{name}.csv")
            written[-1].write_text(frame_csv(frame), encoding="utf-8")
    return written
