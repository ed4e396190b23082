"""`forebay validate`: every problem of every file at once, each with its place and a valid example."""

from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from sim.cli.annotations import of_problem
from sim.cli.files import complete_scenario, locate
from sim.cli.options import NoColorOption, QuietOption
from sim.cli.printing import json_text
from sim.cli.status import INVALID, OK
from sim.cli.terminal import Terminal
from sim.scenario.metrics import SCHEMA_VERSION

if TYPE_CHECKING:
    from sim.errors import Problem
    from sim.scenario.scenario import Scenario

Style = Literal["text", "json", "github"]


def command(
    files: Annotated[
        list[str],
        typer.Argument(
            metavar="FILE...", help="Scenario files.", autocompletion=complete_scenario, show_default=False
        ),
    ],
    style: Annotated[
        Style, typer.Option("--format", "-f", help="github: annotations of a pull request.")
    ] = "text",
    quiet: QuietOption = False,
    no_color: NoColorOption = False,
) -> int:
    """Check scenario files: every error at once, with its line."""
    from sim.scenario.loader import examined

    terminal = Terminal(quiet, no_color)
    found = {name: examined(locate(name)) for name in files}
    problems = [problem for _, each in found.values() for problem in each]
    if style == "json":
        terminal.write(json_text(_document(found)))
    elif style == "github":
        terminal.write("\n".join(of_problem(problem) for problem in problems))
    else:
        terminal.write("\n".join(str(problem) for problem in problems))
        for name, (scenario, _) in found.items():
            if scenario is not None:
                terminal.note(f"{name}: valid")
                for words in _notes(scenario):
                    terminal.note(f"{name}: but {words}")
    return INVALID if problems else OK


def _notes(scenario: "Scenario | None") -> list[str]:
    """What a valid scenario says to no effect."""
    from sim.scenario.idle import without_effect

    return [] if scenario is None else list(without_effect(scenario))


def _document(found: "dict[str, tuple[Scenario | None, list[Problem]]]") -> dict[str, Any]:
    fields = ("file", "line", "column", "path", "message", "example", "suggestion")
    return {
        "schema_version": SCHEMA_VERSION,
        "valid": all(scenario is not None for scenario, _ in found.values()),
        "files": [
            {
                "file": name,
                "valid": scenario is not None,
                "notes": _notes(scenario),
                "problems": [{key: getattr(problem, key) for key in fields} for problem in problems],
            }
            for name, (scenario, problems) in found.items()
        ],
    }
