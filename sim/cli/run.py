"""`forebay run`: replications of one scenario -> summary, objectives, audits."""

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sim.cli.files import load_scenario, with_precision
from sim.cli.options import (
    EngineOption,
    FormatOption,
    JobsOption,
    NoColorOption,
    PrecisionOption,
    QuietOption,
    ReplicationsOption,
    ScenarioFile,
    SeedOption,
    SetOption,
)
from sim.cli.printing import Table, asked, frame_csv, json_text, shown
from sim.cli.status import INCONCLUSIVE, INTERRUPTED, OK, of_verdict
from sim.cli.terminal import Terminal
from sim.errors import UsageError
from sim.report.figures import figure, records, unit_shown
from sim.report.precision_words import reached_words
from sim.units import format_duration

if TYPE_CHECKING:
    import pandas as pd

    from sim.measure.precision import Reached
    from sim.measure.results import Results
    from sim.measure.warmup import FoundWarmup


def command(
    file: ScenarioFile,
    settings: SetOption = None,
    engine: EngineOption = None,
    seed: SeedOption = None,
    replications: ReplicationsOption = None,
    precision: PrecisionOption = None,
    jobs: JobsOption = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", "-o", metavar="DIR", help="Also write every table there, as CSV.", show_default=False
        ),
    ] = None,
    batch_means: Annotated[
        bool,
        typer.Option("--batch-means", help="Intervals of a single long run, from batches of its own series."),
    ] = False,
    controls: Annotated[
        bool,
        typer.Option(
            "--controls", help="Also with known chance taken away, by control variates from theory."
        ),
    ] = False,
    log: Annotated[bool, typer.Option("--log", help="With --out: also every attempt, one a row.")] = False,
    style: FormatOption = "text",
    quiet: QuietOption = False,
    no_color: NoColorOption = False,
) -> int:
    """Run a scenario: summary, objectives, audits."""
    terminal = Terminal(quiet, no_color)
    if log and out is None:
        raise UsageError("--log writes a table: say where with --out DIR")
    if precision is not None and replications is not None:
        raise UsageError(
            "--replications says how many, --precision finds out how many: give one of them; "
            "to begin with more write --set run.replications=50"
        )
    scenario = with_precision(load_scenario(file, settings), precision)
    if batch_means and (replications or scenario.run.replications) != 1:
        raise UsageError(
            "--batch-means is for a single long run, not for replications, whose own spread gives the intervals; "
            "write --replications 1 --batch-means"
        )
    if out is not None:
        # A place that cannot be written is said before the run, which may be long, not after it.
        out.mkdir(parents=True, exist_ok=True)
    from sim.measure.plain import plain_rows
    from sim.study.replicate import Interrupted, run

    interrupted = False
    with terminal.progress(f"running {scenario.name}") as progress:
        try:
            results = run(
                scenario,
                engine=engine,
                seed=seed,
                replications=replications,
                jobs=jobs,
                log=log,
                progress=progress,
            )
        except Interrupted as stop:
            results, interrupted = stop.results, True
    found = _asked_for(results, batch_means, controls, jobs)
    if style == "json":
        extra = {name: plain_rows(frame) for name, frame in found.items()}
        terminal.write(json_text({**results.to_json(), **extra}))
    elif style == "csv":
        terminal.write(frame_csv(results.summary))
    elif style == "md":
        terminal.write(
            "\n".join([f"# {scenario.name}\n", *(table.markdown() for table in tables(results, found))])
        )
        terminal.note(provenance(results))
    else:
        terminal.show(*tables(results, found))
        terminal.note(provenance(results))
    if results.warmup_found is not None:
        _say_warmup(terminal, results.warmup_found)
    from sim.scenario.idle import without_effect
    from sim.scenario.mishaps import must_survive
    from sim.study.cautions import UNJUDGED, of_the_few

    for words in of_the_few(results):
        terminal.note(words)
    for words in without_effect(results.scenario):
        terminal.note(f"{words}.")
    if must_survive(results.scenario):
        terminal.note(UNJUDGED)
    _refer_to_rare(terminal, results, file)
    if out is not None:
        terminal.note(f"wrote {', '.join(str(path) for path in write_tables(results, out))}")
    if interrupted:
        wanted = scenario.run.replications if replications is None else replications
        sought = replications is None and scenario.run.precision is not None
        rest = "" if sought else f" of {wanted}"
        terminal.complain(f"the figures are of the first {results.replications}{rest} replications")
        return INTERRUPTED
    return _status(results)


def _status(results: "Results") -> int:
    """That of the verdict; a precision that was not reached leaves a run without a miss inconclusive."""
    status = of_verdict(results.verdict)
    short = results.precision is not None and not results.precision.reached
    return INCONCLUSIVE if short and status == OK else status


def _asked_for(
    results: "Results", batch_means: bool, controls: bool, jobs: int | None
) -> dict[str, "pd.DataFrame"]:
    """The further tables that were asked for, by their names in JSON."""
    from sim.study.controlled import controlled

    found = {"batch_means": results.batch_means} if batch_means else {}
    return found | ({"controlled": controlled(results, jobs=jobs)} if controls else {})


def _refer_to_rare(terminal: Terminal, results: "Results", file: str) -> None:
    """Objectives that forbid what ordinary runs never saw."""
    from sim.study.rare_events.rare_event import RARE_METRICS

    for row in records(results.objectives):
        never = row.verdict == "inconclusive" and row.value == 0.0
        if never and row.metric in RARE_METRICS[row.subject.partition(":")[0]]:
            terminal.note(
                f"{row.subject} {row.metric} was 0 in every replication; so few do not show that it is as small as "
                f"asked: `forebay rare {file} --subject {row.subject} --metric {row.metric}` can tell"
            )


def _say_warmup(terminal: Terminal, found: "FoundWarmup") -> None:
    terminal.note(f"warm-up {format_duration(found.seconds)}, found by MSER-5 ({found.level})")
    if not found.confident:
        terminal.complain(f"the warm-up is in doubt: {found.doubt}")


def tables(results: "Results", further: "Mapping[str, pd.DataFrame]" = MappingProxyType({})) -> list[Table]:
    """A run in words: summary, Little's law, conservation, and last, next to the prompt, the objectives."""
    found = [
        summary_table(results.summary),
        audits_table(results.audits),
        conservation_table(results.conservation),
    ]
    found += [FURTHER[name](frame) for name, frame in further.items()]
    if results.precision is not None:
        found.append(precision_table(results.precision))
    return [*found, objectives_table(results.objectives)] if len(results.objectives) else found


def summary_table(summary: "pd.DataFrame") -> Table:
    """Subject, metric and figure with its interval; a subject with the figures of another, such as the client of one
    traffic class alone, only says so.
    """
    blocks: dict[str, list[tuple[str, str]]] = {}
    for row in records(summary):
        blocks.setdefault(row.subject, []).append((row.metric, shown(row)))
    rows = []
    for place, (subject, figures) in enumerate(blocks.items()):
        twin = next((name for name in list(blocks)[:place] if blocks[name] == figures), None)
        if twin is not None:
            rows.append((subject, "all of them", f"as of {twin}"))
        else:
            rows += [(subject, metric, text) for metric, text in figures]
    return Table("Measured", ("subject", "metric", "estimate [95 % interval]"), rows)


def precision_table(found: "Reached") -> Table:
    """What was wanted, what was reached by how many replications, and if need be how many more it would take."""
    wanted = found.wanted
    half, most = (figure(share, unit="ratio") for share in (found.relative, wanted.relative))
    replications, verdict = f"{found.replications:,}", reached_words(found)
    cells = (wanted.subject, wanted.metric, f"± {most}", f"± {half}", replications, verdict)
    columns = ("subject", "metric", "wanted", "found", "replications", "verdict")
    return Table("Precision", columns, [cells], frozenset({"wanted", "found", "replications"}))


def batch_means_table(found: "pd.DataFrame") -> Table:
    """Each rate and time average with the interval of its batch means, or why there is none."""
    rows = [
        (row.subject, row.metric, shown(row), "" if row.refused else f"{row.n:.0f}", row.refused)
        for row in records(found)
    ]
    columns = ("subject", "metric", "estimate [95 % interval]", "batches", "no interval, since")
    return Table("Batch means of this run", columns, rows, frozenset({"batches"}))


def controlled_table(found: "pd.DataFrame") -> Table:
    """Each metric with known chance taken away, beside the plain one; those that gain nothing are left out."""
    rows = []
    for row in records(found[found["variance_ratio"] < GAIN]):
        plain = figure(row.plain, row.plain_low, row.plain_high, unit_shown(row.metric, row.unit))
        by = row.method.partition(" by ")[2]
        rows.append((row.subject, row.metric, shown(row), plain, f"{row.variance_ratio:.2g}", by))
    columns = ("subject", "metric", "controlled [95 % interval]", "plain", "variance ratio", "controls")
    return Table("Controlled", columns, rows, frozenset({"variance ratio"}))


GAIN = 0.95
"""A variance ratio above this is no gain worth a line."""

FURTHER: "Mapping[str, Callable[[pd.DataFrame], Table]]" = {
    "batch_means": batch_means_table,
    "controlled": controlled_table,
}


def objectives_table(objectives: "pd.DataFrame") -> Table:
    """Each objective: what was asked, what was measured, the verdict."""
    rows = [(row.subject, row.metric, asked(row), shown(row), row.verdict) for row in records(objectives)]
    return Table("Objectives", ("subject", "metric", "asked", "measured", "verdict"), rows)


def audits_table(audits: "pd.DataFrame") -> Table:
    """Little's law at each boundary: L beside λW, and whether the identity holds."""
    rows = []
    for row in records(audits):
        number, rate = figure(row.L), figure(row.arrival_rate, unit="1/s")
        wait, product = figure(row.W, unit="s"), figure(row.lambda_W)
        verdict = "holds" if row.passed else "broken"
        rows.append((row.subject, row.boundary, number, rate, wait, product, f"{row.residual:.1g}", verdict))
    columns = ("subject", "boundary", "L", "λ", "W", "λW", "residual", "identity")
    return Table("Little's law", columns, rows, frozenset({"L", "λ", "W", "λW", "residual"}))


def conservation_table(books: dict[str, Any]) -> Table:
    """What was born and sent, and what became of it."""
    from sim.report.phrases import balances

    verdict = "holds" if books["passed"] else "broken"
    requests, attempts = balances(books)
    rows = [("requests", requests, verdict), ("attempts", attempts, verdict)]
    return Table("Conservation", ("of", "balance", "identity"), rows)


def provenance(results: "Results") -> str:
    """One line from which the run can be made again."""
    document = results.to_json()
    names = ("verdict", "scenario", "hash", "engine", "seed", "replications")
    return " · ".join(f"{name} {document[name]}" for name in names)


def write_tables(results: "Results", directory: Path) -> list[Path]:
    """Writes results.json and one CSV a table into `directory`, made if need be; returns the paths."""
    directory.mkdir(parents=True, exist_ok=True)
    written = [directory / "results.json"]
    written[0].write_text(json_text(results.to_json()), encoding="utf-8")
    for name in ("summary", "objectives", "audits", "series", "latency", "attempts"):
        frame = getattr(results, name)
        if frame is not None:
            written.append(directory / f"{name}.csv")
            written[-1].write_text(frame_csv(frame), encoding="utf-8")
    return written
