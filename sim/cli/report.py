"""`forebay report`: the capacity report, as one page that needs nothing beside it, or as Markdown."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from sim.cli.files import load_scenario, locate, make_room, page_path, run_as
from sim.cli.options import (
    EngineOption,
    JobsOption,
    NoColorOption,
    QuietOption,
    ReplicationsOption,
    ScenarioFile,
    SeedOption,
    SetOption,
)
from sim.cli.status import of_verdict
from sim.cli.terminal import Terminal

Style = Literal["html", "md"]


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
            "--out", "-o", metavar="PATH", help="The file, or a folder for it; by default <name>-report.html."
        ),
    ] = None,
    style: Annotated[
        Style, typer.Option("--format", "-f", help="md: Markdown, pictures beside it.")
    ] = "html",
    curves: Annotated[
        bool, typer.Option(help="Also run it at other loads, sizes and triggers (sections 3, 4, 6–10).")
    ] = True,
    quiet: QuietOption = False,
    no_color: NoColorOption = False,
) -> int:
    """Write the capacity report: a page with its pictures."""
    terminal = Terminal(quiet, no_color)
    scenario = load_scenario(file, settings)
    target = page_path(out, scenario.name, style, "report")
    make_room("--out", target, [locate(file)])
    from sim.report.page import build, write

    with terminal.progress(f"reporting on {scenario.name}") as progress:
        page = build(
            run_as(scenario, engine=engine, seed=seed, replications=replications),
            curves=curves,
            source=str(locate(file)),
            jobs=jobs,
            progress=progress,
        )
        written = write(page, target, style)
    terminal.write(str(written[0]))
    terminal.note(f"verdict: {page.verdict}")
    return of_verdict(page.verdict)
