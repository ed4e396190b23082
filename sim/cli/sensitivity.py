"""`forebay sensitivity`: each parameter turned down and up, and what the figures that matter do."""

import math
from typing import TYPE_CHECKING, Annotated

import typer

from sim.cli.files import load_scenario
from sim.cli.options import (
    EngineOption,
    FormatOption,
    JobsOption,
    MetricOption,
    NoColorOption,
    QuietOption,
    ReplicationsOption,
    ScenarioFile,
    SeedOption,
    SetOption,
)
from sim.cli.printing import Table, frame_csv, json_text
from sim.cli.quantities import share
from sim.cli.status import OK
from sim.cli.terminal import Terminal
from sim.report.figures import difference, figure, metric_words, unit_shown

if TYPE_CHECKING:
    from sim.study.sensitivities.sensitivity import Sensitivity, Turned

BAR = 12
"""Columns of the widest bar of a tornado in text."""


def command(
    file: ScenarioFile,
    settings: SetOption = None,
    vary: Annotated[
        list[str] | None,
        typer.Option(
            "--vary",
            metavar="PATH[=RANGE]",
            help="Turn this one: by the share of --by, by its own share (=20%) or over a range (=8..24, "
            "=10ms..50ms). May be repeated; without it, everything that is written and a number.",
            show_default=False,
        ),
    ] = None,
    metrics: MetricOption = None,
    by: Annotated[
        str, typer.Option("--by", metavar="SHARE", help="How far down and up; counts by at least one.")
    ] = "10%",
    step: Annotated[
        str,
        typer.Option("--step", metavar="SHARE", help="Over what share the elasticity is taken."),
    ] = "2%",
    engine: EngineOption = None,
    seed: SeedOption = None,
    replications: ReplicationsOption = None,
    jobs: JobsOption = None,
    style: FormatOption = "text",
    quiet: QuietOption = False,
    no_color: NoColorOption = False,
) -> int:
    """Turn each parameter down and up: what matters most."""
    terminal = Terminal(quiet, no_color)
    scenario = load_scenario(file, settings)
    from sim.study.sensitivities.sensitivity import sensitivity

    with terminal.progress(f"turning the parameters of {scenario.name}") as progress:
        found = sensitivity(
            scenario,
            vary=vary,
            change=share("--by", by),
            step=share("--step", step),
            metrics=metrics,
            engine=engine,
            seed=seed,
            replications=replications,
            jobs=jobs,
            progress=progress,
        )
    if style == "json":
        terminal.write(json_text(found.to_json()))
    elif style == "csv":
        terminal.write(frame_csv(found.table))
    elif style == "md":
        shown = [table.markdown() for table in tables(found)]
        terminal.write("\n".join([f"# {scenario.name}\n", *shown, *(f"{line}\n" for line in remarks(found))]))
    else:
        terminal.show(*tables(found), *remarks(found))
    terminal.note(
        f"{found.runs} scenarios · hash {scenario.hash} · engine {found.engine} · seed {found.seed} · "
        f"replications {found.replications}"
    )
    return OK


def tables(found: "Sensitivity") -> list[Table]:
    """A tornado for each metric."""
    return [tornado(found, subject, metric) for subject, metric in found.metrics]


def tornado(found: "Sensitivity", subject: str, metric: str) -> Table:
    """The parameters by how far they swing one metric, the widest first."""
    turned = found.of(subject, metric)
    idle = idle_paths(found, subject, metric)
    unit = unit_shown(metric, turned[0].unit)
    widest = max((abs(each.swing.mean) for each in turned), default=0.0)
    judged = any(each.verdict_low for each in turned)
    rows = []
    for each in turned:
        if each.parameter.path in idle:
            continue
        cells = [
            each.parameter.path,
            f"{_value(each, each.low)} … {_value(each, each.high)}",
            figure(each.at_low.mean, unit=unit),
            figure(each.at_high.mean, unit=unit),
            difference(each.swing.mean, each.swing.low, each.swing.high, unit, like=each.at_base.mean),
            _bar(each.swing.mean, widest) if each.swing.low > 0.0 or each.swing.high < 0.0 else "",
            figure(*each.elasticity),
        ]
        rows.append([*cells, f"{each.verdict_low} … {each.verdict_high}"] if judged else cells)
    columns = ["parameter", "from … to", "at the low end", "at the high end", "swing", "", "elasticity"]
    base = figure(*turned[0].at_base, unit)
    title = f"{metric_words(metric)} of {subject}: {base} as written"
    return Table(title, [*columns, "objective"] if judged else columns, rows)


def idle_paths(found: "Sensitivity", subject: str, metric: str) -> list[str]:
    """The parameters that change nothing about one metric in any replication."""
    return [
        each.parameter.path
        for each in found.of(subject, metric)
        if each.swing.mean == each.swing.low == each.swing.high == 0.0
    ]


def remarks(found: "Sensitivity") -> list[str]:
    """What the columns mean, and what was left out."""
    from sim.scenario.mishaps import must_survive
    from sim.study.cautions import UNJUDGED

    columns = (
        "Swing: the metric at the high end less that at the low end, under the same random numbers; ▇ where it rises, "
        "░ where it falls. Elasticity: by how many per cent the metric changes where the parameter does by one. In "
        "brackets 95 % intervals."
    )
    idle = [
        f"Nothing about {metric_words(metric)} of {subject} changes with {', '.join(paths)}."
        for subject, metric in found.metrics
        if (paths := idle_paths(found, subject, metric))
    ]
    left_out = [f"Left out: {path} {why}." for path, why in found.left_out.items()]
    return [columns, *idle, *left_out, *([UNJUDGED] if must_survive(found.scenario) else [])]


def _value(each: "Turned", value: float) -> str:
    """A value of a parameter as a person writes it."""
    unit = each.parameter.unit
    if unit in ("factor", "load"):
        return f"x{value:.4g}"
    return figure(value, unit=unit if unit in ("s", "1/s", "ratio") else "count")


def _bar(swing: float, widest: float) -> str:
    """A bar as wide as a swing is, to the left where the metric falls."""
    if not widest > 0.0 or math.isnan(swing):
        return ""
    return ("▇" if swing > 0.0 else "░") * round(BAR * abs(swing) / widest)
