"""`forebay plan`: the fewest workers that meet every objective with confidence, and the table around it."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

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
from sim.cli.status import of_verdict
from sim.cli.terminal import Terminal

if TYPE_CHECKING:
    from sim.study.plan import Planned


def command(
    file: ScenarioFile,
    settings: SetOption = None,
    engine: EngineOption = None,
    seed: SeedOption = None,
    replications: ReplicationsOption = None,
    jobs: JobsOption = None,
    style: FormatOption = "text",
    quiet: QuietOption = False,
    no_color: NoColorOption = False,
) -> int:
    """Find the fewest workers that meet every objective."""
    terminal = Terminal(quiet, no_color)
    scenario = load_scenario(file, settings)
    given = {"run.engine": engine, "run.seed": seed, "run.replications": replications}
    changes = {path: value for path, value in given.items() if value is not None}
    from sim.study.plan import plan

    with terminal.progress(f"planning {scenario.name}") as bar:
        planned = plan(
            scenario.set(changes) if changes else scenario,
            jobs=jobs,
            progress=lambda candidate: bar.say(f"trying {candidate}"),
        )
    if style == "json":
        terminal.write(json_text(planned.to_json()))
    elif style == "csv":
        terminal.write(frame_csv(planned.table))
    elif style == "md":
        terminal.write(f"# {scenario.name}\n\n{answer(planned)}\n\n{candidates(planned).markdown()}")
    else:
        terminal.show(candidates(planned).rich(), answer(planned))
    return of_verdict(planned.verdict)


def answer(planned: "Planned") -> str:
    """The answer in a sentence or two."""
    binding = planned.binding
    what = f"{binding['subject']} {binding['metric']} {asked(binding)}" if binding is not None else ""
    tried = f"{planned.evaluations} candidates simulated, {100.0 * planned.confidence:g} % confidence"
    if planned.best is not None:
        least = (
            f"fewer would break {what}"
            if planned.minimal
            else f"whether fewer would keep {what} is not certain"
        )
        return f"{_values(planned.best)} meets every objective; {least} ({tried})."
    if planned.verdict == "missed":
        return f"Nothing in the range meets every objective; nearest to fail is {what} ({tried})."
    return f"Inconclusive: no candidate is certain to meet {what}; more replications may tell ({tried})."


def candidates(planned: "Planned") -> Table:
    """Every candidate simulated: its values, each objective's figure, the verdict."""
    first = planned.candidates[0]
    named = [f"{one['subject']} {one['metric']} {asked(one)}" for one in first.objectives]
    rows = [
        (
            *(str(value) for value in one.values.values()),
            *(shown(objective) for objective in one.objectives),
            str(one.replications),
            one.verdict + (" ←" if one.values == planned.best else ""),
        )
        for one in planned.candidates
    ]
    return Table("Candidates", (*first.values, *named, "replications", "verdict"), rows)


def _values(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{path} = {value}" for path, value in values.items())
