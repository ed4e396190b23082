"""Options and arguments that several verbs share, each said once."""

from typing import Annotated, Literal

import typer

from sim.cli.files import complete_scenario

Format = Literal["text", "json", "csv", "md"]

ScenarioFile = Annotated[
    str,
    typer.Argument(
        metavar="FILE",
        help="A scenario file, or the name of a shipped scenario (see `forebay init --list`).",
        autocompletion=complete_scenario,
        show_default=False,
    ),
]
FormatOption = Annotated[Format, typer.Option("--format", "-f", help="How figures are printed.")]
SetOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        "-s",
        metavar="PATH=VALUE",
        help="Another value at a key path, such as services.api.workers=12. May be repeated.",
        show_default=False,
    ),
]
EngineOption = Annotated[
    Literal["compiled", "reference"] | None,
    typer.Option("--engine", help="Which engine runs it; both give the same figures.", show_default=False),
]
SeedOption = Annotated[
    int | None, typer.Option("--seed", min=0, help="Seed of all random numbers.", show_default=False)
]
ReplicationsOption = Annotated[
    int | None,
    typer.Option("--replications", "-n", min=1, help="How many independent runs.", show_default=False),
]
PrecisionOption = Annotated[
    str | None,
    typer.Option(
        "--precision",
        "-p",
        metavar="'SUBJECT METRIC SHARE'",
        help="Replications until half the interval of a figure is at most this share of it, such as "
        "'traffic:web latency_p99 2%'.",
        show_default=False,
    ),
]
JobsOption = Annotated[
    int | None,
    typer.Option("--jobs", "-j", min=1, help="Threads; by default one a core.", show_default=False),
]
MetricOption = Annotated[
    list[str] | None,
    typer.Option(
        "--metric",
        "-m",
        metavar="'SUBJECT METRIC'",
        help="Such as 'traffic:web latency_p99', or a bare metric for all that have it; those of the objectives "
        "if none. May be repeated.",
        show_default=False,
    ),
]
QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help="No notes and no progress bar.")]
NoColorOption = Annotated[
    bool, typer.Option("--no-color", help="No colours; NO_COLOR in the environment says the same.")
]
