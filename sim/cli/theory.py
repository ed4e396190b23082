"""`forebay theory`: what queueing theory says of a scenario, and why other models do not apply."""

from typing import TYPE_CHECKING

from sim.cli.files import load_scenario
from sim.cli.options import FormatOption, NoColorOption, QuietOption, ScenarioFile, SetOption
from sim.cli.printing import Table, frame_csv, json_text, shown
from sim.cli.terminal import Terminal
from sim.report.figures import NOTHING, records
from sim.scenario.metrics import SCHEMA_VERSION

if TYPE_CHECKING:
    from sim.theory.match import Theory


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

    found = analyze(scenario)
    if style == "json":
        head = {"schema_version": SCHEMA_VERSION, "scenario": scenario.name, "hash": scenario.hash}
        terminal.write(json_text({**head, **found.to_json()}))
    elif style == "csv":
        terminal.write(frame_csv(found.summary))
    elif style == "md":
        terminal.write("\n".join([f"# {scenario.name}\n", *(table.markdown() for table in tables(found))]))
    else:
        terminal.show(*tables(found))
    return 0


def tables(found: "Theory") -> list[Table]:
    """The models that apply, what they say side by side, and the models that do not apply."""
    shown_tables = []
    if found.models:
        models = [(each.applies_to, each.name, each.method, each.why) for each in found.models]
        shown_tables += [
            Table("Models that apply", ("to", "model", "kind", "why"), models),
            figures_table(found),
        ]
    if found.rejected:
        rejected = [(each.applies_to, each.name, each.why) for each in found.rejected]
        shown_tables.append(Table("Models that do not apply", ("to", "model", "why not"), rejected))
    return shown_tables


def figures_table(found: "Theory") -> Table:
    """One row a figure, one column a model; ≈ marks the approximate ones."""
    said: dict[tuple[str, str], dict[str, str]] = {}
    for model in found.models:
        for row in records(model.summary):
            value = shown(row, interval=False)
            said.setdefault((row.subject, row.metric), {})[model.name] = (
                value if model.exact else f"≈ {value}"
            )
    names = list(dict.fromkeys(model.name for model in found.models))
    rows = [(*key, *(values.get(name, NOTHING) for name in names)) for key, values in said.items()]
    return Table("What they say", ("subject", "metric", *names), rows, frozenset(names))
