"""`forebay compare`: scenarios, or variants of one, under the same random numbers; paired differences."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from sim.cli.files import complete_scenario, load_scenario, locate, make_room, page_path
from sim.cli.options import (
    EngineOption,
    JobsOption,
    NoColorOption,
    QuietOption,
    ReplicationsOption,
    SeedOption,
    SetOption,
)
from sim.cli.printing import Table, frame_csv, json_text
from sim.cli.status import MISSED, OK
from sim.cli.terminal import Terminal
from sim.cli.variants import EXAMPLE, expanded, variants_of
from sim.errors import UsageError

if TYPE_CHECKING:
    from sim.report import blocks
    from sim.scenario.scenario import Scenario
    from sim.study.comparison.compare import Comparison

Style = Literal["text", "json", "csv", "md", "html"]
OF_SUFFIX: dict[str, Style] = {".html": "html", ".htm": "html", ".md": "md", ".json": "json", ".csv": "csv"}
NUMBERS = frozenset({"ratio", "variance ratio", "same until", "neither", "both"})
"""Columns that must not be broken; a figure with its interval may be, where a terminal is narrow."""

RUN_SHARE = 0.4  # of the bar, for a page: the runs themselves; the curves over load take the rest


def command(
    files: Annotated[
        list[str],
        typer.Argument(
            metavar="FILE...",
            help="Scenario files, or names of shipped scenarios; the first is the baseline.",
            autocompletion=complete_scenario,
            show_default=False,
        ),
    ],
    variants: Annotated[
        list[str] | None,
        typer.Option(
            "--variant",
            "-V",
            metavar="'NAME: PATH=VALUE, ...'",
            help="The first scenario with other values, under a name. May be repeated.",
            show_default=False,
        ),
    ] = None,
    vary: Annotated[
        list[str] | None,
        typer.Option(
            "--vary",
            metavar="PATH=VALUES",
            help="A variant for each value: services.api.workers=8,12,16 or 8..12. May be repeated.",
            show_default=False,
        ),
    ] = None,
    settings: SetOption = None,
    engine: EngineOption = None,
    seed: SeedOption = None,
    replications: ReplicationsOption = None,
    jobs: JobsOption = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            metavar="PATH",
            help="The file to write, or a folder for it; its ending says the format.",
            show_default=False,
        ),
    ] = None,
    style: Annotated[
        Style | None,
        typer.Option("--format", "-f", help="html: a page with pictures.", show_default="text"),
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Text and Markdown: every figure, not the headline alone.")
    ] = False,
    curves: Annotated[bool, typer.Option(help="In a page: also goodput against offered load.")] = True,
    fail_if_worse: Annotated[
        list[str] | None,
        typer.Option(
            "--fail-if-worse",
            metavar="METRIC",
            help="Exit 4 if a variant is worse in it, such as latency_p99. May be repeated.",
            show_default=False,
        ),
    ] = None,
    quiet: QuietOption = False,
    no_color: NoColorOption = False,
) -> int:
    """Compare scenarios or variants under the same random numbers."""
    terminal = Terminal(quiet, no_color)
    style = style or ("text" if out is None else OF_SUFFIX.get(out.suffix.lower(), "html"))
    if style == "text" and out is not None:
        raise UsageError(f"--format text is for the terminal; write --format md --out {out}")
    gates = known_metrics(fail_if_worse or ())
    wanted = [*(variants or ()), *expanded(vary or ())]
    scenarios = chosen(files, wanted, settings)
    target = None
    if out is not None or style == "html":
        target = page_path(
            out, next(iter(scenarios.values())).name, style.replace("text", "txt"), "comparison"
        )
        make_room("--out", target, [locate(file) for file in files])
    from sim.study.comparison.compare import compare

    # Markdown goes to stdout as tables; in a file it has its pictures beside it.
    page = target is not None and style in ("html", "md")
    with terminal.progress(f"comparing {len(scenarios)} scenarios") as progress:
        share = RUN_SHARE if page and curves else 1.0
        comparison = compare(
            scenarios,
            engine=engine,
            seed=seed,
            replications=replications,
            jobs=jobs,
            progress=lambda done: progress(share * done),
        )
        if page and target is not None:
            from sim.report.comparison import build
            from sim.report.page import write

            words = ("forebay", "compare", *files, *(f"--variant={one}" for one in wanted))
            report = build(
                comparison,
                command=(*words, *(f"--set={one}" for one in settings or ())),
                curves=curves,
                jobs=jobs,
                progress=lambda done: progress(share + (1.0 - share) * done),
            )
            write(report, target, "html" if style == "html" else "md")
    if not page:
        emit(terminal, comparison, style, target, everything=everything)
    if target is not None:
        terminal.write(str(target))
    return gate(terminal, comparison, gates)


def chosen(
    files: Sequence[str], variants: Sequence[str], settings: Sequence[str] | None
) -> "dict[str, Scenario]":
    """The scenarios by name, the baseline first: the files, each with what is set, then the first one's variants.

    Raises:
        UsageError: nothing to compare with, or a name that is given twice.
        ScenarioError: every problem of a file, or of a value set.
    """
    if len(files) + len(variants) < 2:
        raise UsageError(
            f"there is nothing to compare {files[0]} with; name another scenario, or write {EXAMPLE}"
        )
    found: dict[str, Scenario] = {}
    for file in files:
        scenario = load_scenario(file, settings)
        found[scenario.name if scenario.name not in found else _another(file, found)] = scenario
    for name, variant in variants_of(next(iter(found.values())), variants).items():
        if name in found:
            raise UsageError(f'--variant: "{name}" is the name of a scenario already; write {EXAMPLE}')
        found[name] = variant
    return found


def _another(file: str, taken: "dict[str, Scenario]") -> str:
    """A name for a scenario whose own is taken: its file's."""
    name, count = file, 1
    while name in taken:
        count += 1
        name = f"{file} ({count})"
    return name


def known_metrics(names: Sequence[str]) -> tuple[str, ...]:
    """The metrics to hold a variant to. Raises UsageError for one that is none, or that has no better."""
    from sim.measure.direction import BETTER
    from sim.scenario.suggestions import nearest

    judged = [metric for metric, way in BETTER.items() if way != "neither"]
    for name in names:
        if name not in judged:
            meant = nearest(name, judged)
            why = "has no better or worse" if name in BETTER else "is not a metric"
            raise UsageError(
                f"--fail-if-worse {name}: {why}; "
                + (f"did you mean {meant}?" if meant else "write --fail-if-worse latency_p99")
            )
    return tuple(names)


def emit(
    terminal: Terminal, comparison: "Comparison", style: Style, target: Path | None, *, everything: bool
) -> None:
    """Writes the figures to stdout, or to a file."""
    if style == "text":
        shown = tables(comparison, everything=everything)
        terminal.show(*shown, *remarks(comparison))
    else:
        text = in_format(comparison, style, everything=everything)
        if target is None:
            terminal.write(text)
        else:
            target.write_text(text, encoding="utf-8", newline="\n")
    terminal.note(provenance(comparison))


def in_format(comparison: "Comparison", style: Style, *, everything: bool) -> str:
    """The figures as JSON, CSV or Markdown."""
    if style == "json":
        return json_text(comparison.to_json())
    if style == "csv":
        return frame_csv(comparison.table)
    parts = [f"# {', '.join(comparison.variants)} against {comparison.baseline}\n"]
    parts += [table.markdown() for table in tables(comparison, everything=everything)]
    return "\n".join([*parts, *(f"{remark}\n" for remark in remarks(comparison))])


def tables(comparison: "Comparison", *, everything: bool) -> list[Table]:
    """What differs, where the runs part, the fates, and last, next to the prompt, objectives and figures."""
    from sim.report.sections import comparison as words

    found = [
        words.differences_table(comparison),
        words.partings_table(comparison),
        words.fates_table(comparison),
        words.objectives_table(comparison),
        *(words.figures_table(comparison, name, everything=everything) for name in comparison.variants),
    ]
    return [_printed(table) for table in found if table is not None]


def remarks(comparison: "Comparison") -> list[str]:
    """The sentences below the tables: what each variant is better in, how sure that is, and what to mind."""
    from sim.report.sections import comparison as words

    found = [
        *words.headline(comparison),
        words.reduction(comparison),
        comparison.together,
        *words.senses(comparison),
        *comparison.notes,
    ]
    return [sentence for sentence in found if sentence]


def provenance(comparison: "Comparison") -> str:
    """One line from which the comparison can be made again."""
    base = comparison.results[comparison.baseline]
    hashes = ", ".join(f"{name} {each.scenario.hash}" for name, each in comparison.results.items())
    return f"{hashes} · engine {base.engine} · seed {base.seed} · replications {base.replications}"


def gate(terminal: Terminal, comparison: "Comparison", metrics: Sequence[str]) -> int:
    """Exit status 4, and why, if a variant is worse in one of the metrics; else 0."""
    found = [each for metric in metrics for each in comparison.worse(metric)]
    for each in found:
        terminal.complain(
            f"{each.variant} is worse than {comparison.baseline} in {each.metric} of {each.subject}"
        )
    return MISSED if found else OK


def _printed(table: "blocks.Table") -> Table:
    return Table(table.caption, table.columns, table.rows, NUMBERS & frozenset(table.columns))
