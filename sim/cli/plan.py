"""`forebay plan`: the cheapest values that meet every objective with confidence, and the table around them."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sim.cli.files import load_scenario, run_as
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
from sim.cli.planned import answer, notes, tables
from sim.cli.printing import frame_csv, json_text
from sim.cli.status import of_verdict
from sim.cli.terminal import Terminal
from sim.cli.variants import varied

if TYPE_CHECKING:
    from sim.scenario.scenario import Scenario

EXAMPLE = "--vary services.api.workers=8..24"


def command(
    file: ScenarioFile,
    settings: SetOption = None,
    vary: Annotated[
        list[str] | None,
        typer.Option(
            "--vary",
            metavar="PATH=VALUES",
            help="What may change, in place of plan.vary: services.api.workers=8..24. May be repeated.",
            show_default=False,
        ),
    ] = None,
    minimize: Annotated[
        str | None,
        typer.Option(
            "--minimize",
            metavar="PATH|PRICES",
            help="A key path, or prices: '{worker_hour: 0.12, rejection: 0.002}'.",
            show_default=False,
        ),
    ] = None,
    confidence: Annotated[
        str | None,
        typer.Option("--confidence", metavar="RATIO", help="Of the answer: 99%.", show_default=False),
    ] = None,
    regret: Annotated[
        bool, typer.Option("--regret", help="Also plan for 0.8, 0.9, 1.1 and 1.2 times the load.")
    ] = False,
    engine: EngineOption = None,
    seed: SeedOption = None,
    replications: ReplicationsOption = None,
    jobs: JobsOption = None,
    style: FormatOption = "text",
    quiet: QuietOption = False,
    no_color: NoColorOption = False,
) -> int:
    """Find the cheapest values that meet every objective."""
    terminal = Terminal(quiet, no_color)
    scenario = _asked(load_scenario(file, settings), vary, minimize, confidence)
    from sim.study.planning.plan import plan

    with terminal.progress(f"planning {scenario.name}") as bar:
        planned = plan(
            run_as(scenario, engine=engine, seed=seed, replications=replications),
            regret=regret,
            jobs=jobs,
            progress=lambda candidate: bar.say(f"trying {candidate}"),
        )
    if style == "json":
        terminal.write(json_text(planned.to_json()))
    elif style == "csv":
        terminal.write(frame_csv(planned.table))
        if planned.regret:
            terminal.note("what the plan is worth if the load is another is in --format json")
    elif style == "md":
        shown = "\n".join(table.markdown() for table in tables(planned))
        terminal.write(f"# {scenario.name}\n\n{answer(planned)}\n\n{shown}")
    else:
        terminal.show(*tables(planned), answer(planned))
    for note in notes(planned):
        terminal.note(note)
    return of_verdict(planned.verdict)


def _asked(
    scenario: "Scenario", vary: list[str] | None, minimize: str | None, confidence: str | None
) -> "Scenario":
    """The scenario with a plan that says what the command line says."""
    changes: dict[str, Any] = {}
    if vary:
        changes["plan.vary"] = varied(vary, EXAMPLE)
    elif scenario.plan is None and (minimize is not None or confidence is not None):
        from sim.study.planning.plan import default_range

        changes["plan.vary"] = default_range(scenario)
    if minimize is not None:
        changes["plan.minimize"] = minimize
    if confidence is not None:
        changes["plan.confidence"] = confidence
    return _set(scenario, changes) if changes else scenario


def _set(scenario: "Scenario", changes: Mapping[str, Any]) -> "Scenario":
    return scenario.set(changes, label="the command line")
