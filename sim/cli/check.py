"""`forebay check`: the gate of a pipeline: valid, every objective met, the audits whole, no worse than before."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from sim.cli.annotations import Level, annotation
from sim.cli.checked import STATUS, Checked, of_absence, of_error, of_gated, of_problems
from sim.cli.files import complete_scenario, load_scenario, locate, make_room, parse_settings
from sim.cli.options import (
    EngineOption,
    JobsOption,
    NoColorOption,
    QuietOption,
    ReplicationsOption,
    SeedOption,
    SetOption,
)
from sim.cli.printing import json_text
from sim.cli.status import OK
from sim.cli.terminal import Terminal
from sim.errors import AuditError, EngineError, QuantityError, ScenarioError, UsageError
from sim.scenario.metrics import SCHEMA_VERSION, UNITS
from sim.scenario.suggestions import nearest

if TYPE_CHECKING:
    from sim.scenario.scenario import Scenario
    from sim.study.baseline import Baseline
    from sim.study.gate import Gated

Style = Literal["text", "json", "junit", "github"]
REMARKED: Mapping[str, Level] = {"inconclusive": "warning", "improved": "notice", "worse": "notice"}
"""Verdict -> how an annotation says it; what fails otherwise is an error, the rest is not said."""


def command(
    files: Annotated[
        list[str],
        typer.Argument(
            metavar="FILE...",
            help="Scenario files, or names of shipped scenarios.",
            autocompletion=complete_scenario,
            show_default=False,
        ),
    ],
    baseline: Annotated[
        Path | None,
        typer.Option(
            "--baseline",
            "-b",
            metavar="FILE.json",
            help="Hold the figures against these: of --write-baseline, or of `forebay run --format json`.",
            show_default=False,
        ),
    ] = None,
    margins: Annotated[
        list[str] | None,
        typer.Option(
            "--margin",
            metavar="[METRIC=]SHARE",
            help="How much worse a figure may be than the baseline's; of success_ratio and the like a share of what "
            "fails. May be repeated.",
            show_default="5%",
        ),
    ] = None,
    write_baseline: Annotated[
        Path | None,
        typer.Option(
            "--write-baseline",
            metavar="FILE.json",
            help="Keep these figures, every replication, for later checks.",
            show_default=False,
        ),
    ] = None,
    survive: Annotated[
        bool,
        typer.Option("--survive", help="Also judge what plan.survive says, at the sizes as written."),
    ] = False,
    junit_file: Annotated[
        Path | None,
        typer.Option("--junit", metavar="FILE.xml", help="Also write JUnit XML there.", show_default=False),
    ] = None,
    settings: SetOption = None,
    engine: EngineOption = None,
    seed: SeedOption = None,
    replications: ReplicationsOption = None,
    jobs: JobsOption = None,
    style: Annotated[
        Style, typer.Option("--format", "-f", help="junit: XML; github: annotations of a pull request.")
    ] = "text",
    quiet: QuietOption = False,
    no_color: NoColorOption = False,
) -> int:
    """Gate a pipeline: objectives met, no worse than before."""
    terminal = Terminal(quiet, no_color)
    from sim.study.baseline import read_baselines, written
    from sim.study.gate import gate
    from sim.study.threads import part

    allowed = parse_margins(margins or ())
    known = read_baselines(baseline) if baseline is not None else []
    if len(files) == 1:
        locate(files[0])  # of one file alone, that it is not there is an error of the command
    asked = [_loaded(file, settings) for file in files]
    if write_baseline is not None:
        _refuse_namesakes(asked)
    inputs = [path for path, _ in asked]
    make_room("--write-baseline", write_baseline, inputs)
    make_room("--junit", junit_file, [*inputs, *([baseline] if baseline is not None else [])])
    found: list[Checked] = []
    with terminal.progress(f"checking {len(files)} scenarios") as bar:
        for place, (path, scenario) in enumerate(asked):
            if isinstance(scenario, Checked):
                found.append(scenario)
                continue
            bar.say(f"checking {path}")
            judge = partial(
                gate,
                margin=allowed,
                survive=survive,
                engine=engine,
                seed=seed,
                replications=replications,
                jobs=jobs,
                progress=part(bar, place, len(files)),
            )
            found.append(_checked(path, scenario, settings, judge, known, alone=len(files) == 1))
    from sim.cli.junit import junit

    if style == "json":
        terminal.write(
            json_text(
                {
                    "schema_version": SCHEMA_VERSION,
                    "passed": all(each.status == OK for each in found),
                    "files": [each.to_json() for each in found],
                }
            )
        )
    elif style == "junit":
        terminal.write(junit(found))
    elif style == "github":
        terminal.write("\n".join(line for each in found for line in annotations(each)))
    else:
        terminal.write("\n".join(line for each in found for line in lines(each)))
    if style in ("junit", "github"):
        terminal.note("\n".join(each.headline for each in found))
    if junit_file is not None:
        junit_file.write_text(junit(found), encoding="utf-8")
    if write_baseline is not None and any(each.gated is None for each in found):
        terminal.complain(f"{write_baseline} is not written: not every file could be run")
    elif write_baseline is not None:
        _write(
            terminal, write_baseline, written(each.gated.results for each in found if each.gated is not None)
        )
    said = {each.verdict for each in found}
    return next((status for verdict, status in STATUS.items() if verdict in said), OK)


def parse_margins(texts: Sequence[str]) -> dict[str, float]:
    """`["5%", "latency_p99=10%"]` -> `{"": 0.05, "latency_p99": 0.1}`. Raises UsageError."""
    from sim.units import parse_ratio

    found: dict[str, float] = {}
    for text in texts:
        metric, _, share = text.rpartition("=")
        metric = metric.strip()
        if metric and metric not in UNITS:
            meant = nearest(metric, UNITS)
            advice = f"did you mean {meant}?" if meant else "write --margin latency_p99=10%"
            raise UsageError(f"--margin {text}: {metric} is not a metric; {advice}")
        try:
            found[metric] = parse_ratio(share)
        except QuantityError as error:
            raise UsageError(f"--margin {text}: {error}") from None
        if found[metric] >= 1.0 and "%" not in share:
            # Who writes 5 means 5 %, and would get 500 %.
            raise UsageError(f"--margin {text} has no %; did you mean {text}%?")
    return found


def _loaded(file: str, settings: Sequence[str] | None) -> "tuple[Path, Scenario | Checked]":
    """A scenario and its path; of a file that is none what is wrong with it, so that the next ones get their turn."""
    begun = time.monotonic()
    try:
        path = locate(file)
    except UsageError as error:
        return Path(file), of_absence(file, error)
    try:
        return path, load_scenario(str(path), settings)
    except ScenarioError as error:
        return path, of_problems(str(path), error, time.monotonic() - begun)


def _refuse_namesakes(asked: "Sequence[tuple[Path, Scenario | Checked]]") -> None:
    """Raises UsageError where two scenarios share the name by which a baseline is found again."""
    named: dict[str, Path] = {}
    for path, scenario in asked:
        if isinstance(scenario, Checked):
            continue
        if scenario.name in named:
            raise UsageError(
                f"--write-baseline: {named[scenario.name]} and {path} are both named {scenario.name}, by which a "
                "baseline finds them again; give one another name:"
            )
        named[scenario.name] = path


def _checked(
    path: Path,
    scenario: "Scenario",
    settings: Sequence[str] | None,
    judge: "Callable[..., Gated]",
    known: "Sequence[Baseline]",
    *,
    alone: bool,
) -> Checked:
    """One scenario, judged; nothing of it keeps the next ones from their turn."""
    from sim.study.baseline import baseline_of

    begun = time.monotonic()
    before = baseline_of(known, scenario)
    if before is None and alone and len(known) == 1:
        (before,) = known  # one file and one baseline: it was renamed
    try:
        gated = judge(scenario, baseline=before)
    except (AuditError, EngineError) as error:
        return of_error(str(path), scenario.name, error, time.monotonic() - begun)
    if known and before is None:
        several = sum(one.scenario == scenario.name for one in known)
        has = f"{several} scenarios named" if several else "no scenario"
        note = f"the baseline has {has} {scenario.name}: nothing to compare"
        gated = replace(gated, notes=(*gated.notes, note))
    return of_gated(path, gated, list(parse_settings(settings or ())), time.monotonic() - begun)


def lines(checked: Checked) -> list[str]:
    """A file in text: its summary, then what does not pass, what has improved, and what to mind."""
    said = [checked.headline]
    for finding in checked.findings:
        if finding.fails or finding.verdict in REMARKED:
            where = f"{checked.file}:{finding.line}:{finding.column}: " if finding.line else ""
            said.append(f"  {where}{finding.verdict}: {finding.text}")
    notes = checked.gated.notes if checked.gated is not None else ()
    return [*said, *(f"  note: {note}" for note in notes)]


def annotations(checked: Checked) -> list[str]:
    """A file as workflow commands: at the lines of the objectives and problems."""
    said = []
    for finding in checked.findings:
        if finding.fails or finding.verdict in REMARKED:
            level = REMARKED.get(finding.verdict, "error")
            title = f"{checked.scenario}: {finding.verdict}"
            said.append(annotation(level, finding.text, checked.file, finding.line, finding.column, title))
    notes = checked.gated.notes if checked.gated is not None else ()
    return [*said, *(annotation("notice", note, checked.file, title=checked.scenario) for note in notes)]


def _write(terminal: Terminal, path: Path, document: Mapping[str, object]) -> None:
    path.write_text(json_text(document), encoding="utf-8")
    terminal.note(f"wrote {path}")
