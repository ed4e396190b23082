"""`forebay theory`: what queueing theory says of a scenario, and why other models do not apply."""

from typing import TYPE_CHECKING

from sim.cli.files import load_scenario
from sim.cli.options import FormatOption, NoColorOption, QuietOption, ScenarioFile, SetOption
from sim.cli.printing import Table, frame_csv, json_text, records
from sim.cli.terminal import Terminal
from sim.report.figures import figure

if TYPE_CHECKING:
    from sim.theory.match import Analysis


def command(
    file: ScenarioFile,
    settings: SetOption = None,
    style: FormatOption = "text",
    quiet: QuietOption = False,
    no_color: NoColorOption = False,
) -> int:
    """Say what theory says, and why other models do not apply."""
    terminal = Terminal(quiet, no_color)
    scenario = load_scenario(file, settings)
    from sim.theory.match import analyze

    analysis = analyze(scenario)
    if style == "json":
        terminal.write(json_text(analysis.to_json()))
    elif style == "csv":
        terminal.write(frame_csv(analysis.summary))
    elif style == "md":
        terminal.write("\n".join([f"# {scenario.name}\n", *(table.markdown() for table in tables(analysis))]))
    else:
        terminal.show(*(table.rich() for table in tables(analysis)))
    return 0


def tables(analysis: "Analysis") -> list[Table]:
    """The models that apply, what they say, and the models that do not apply."""
    shown = []
    if analysis.models:
        rows = [(each.applies_to, each.name, _kind(each.exact), each.why) for each in analysis.models]
        shown.append(Table("Models that apply", ("to", "model", "kind", "why"), rows))
        figures = [
            (each.name, row.subject, row.metric, figure(row.mean, None, None, row.unit), _kind(each.exact))
            for each in analysis.models
            for row in records(each.summary)
        ]
        columns = ("model", "subject", "metric", "value", "kind")
        shown.append(Table("What they say", columns, figures, frozenset({"value"})))
    if analysis.rejected:
        shown.append(Table("Models that do not apply", ("to", "model", "why not"), _rejected(analysis)))
    return shown


def _kind(exact: bool) -> str:
    return "exact" if exact else "approximate"


def _rejected(analysis: "Analysis") -> list[tuple[str, str, str]]:
    return [(each.applies_to, each.name, each.why) for each in analysis.rejected]
