"""`forebay rare`: how seldom something happens that ordinary runs never show, with an interval."""

from typing import TYPE_CHECKING, Annotated

import typer

from sim.cli.files import load_scenario
from sim.cli.options import (
    FormatOption,
    JobsOption,
    NoColorOption,
    QuietOption,
    ScenarioFile,
    SeedOption,
    SetOption,
)
from sim.cli.printing import Table, json_text
from sim.cli.quantities import share
from sim.cli.status import INCONCLUSIVE, of_verdict
from sim.cli.terminal import Terminal

if TYPE_CHECKING:
    from sim.study.rare_events.rare import Rare


def command(
    file: ScenarioFile,
    settings: SetOption = None,
    subject: Annotated[
        str | None,
        typer.Option(
            "--subject",
            help="Whose figure: service:api, traffic:web, client:app. By default that of the first objective on such "
            "a metric, else the first service.",
            show_default=False,
        ),
    ] = None,
    metric: Annotated[
        str | None,
        typer.Option(
            "--metric",
            help="Of a service rejected_ratio, wait_exceeds or in_system_reaches; of traffic or a client "
            "rejected_ratio, timeout_ratio, denied_ratio or gave_up_ratio.",
            show_default=False,
        ),
    ] = None,
    threshold: Annotated[
        str | None,
        typer.Option(
            "--threshold",
            help="Of wait_exceeds a duration (500ms), of in_system_reaches a number (20).",
            show_default=False,
        ),
    ] = None,
    relative: Annotated[
        str, typer.Option("--relative", metavar="SHARE", help="Half the interval's width, of the estimate.")
    ] = "10%",
    confidence: Annotated[
        str, typer.Option("--confidence", metavar="SHARE", help="Of the interval.")
    ] = "95%",
    events: Annotated[
        float,
        typer.Option("--events", min=1.0, help="Simulated events after which it ends, precise or not."),
    ] = 3e9,
    seed: SeedOption = None,
    jobs: JobsOption = None,
    style: FormatOption = "text",
    quiet: QuietOption = False,
    no_color: NoColorOption = False,
) -> int:
    """Say how rare a 503 is, down to one in 10⁹ and beyond."""
    terminal = Terminal(quiet, no_color)
    scenario = load_scenario(file, settings)
    half_width, chance = share("--relative", relative), share("--confidence", confidence)
    from sim.study.rare_events.rare import rare

    with terminal.progress(f"looking for what is rare in {scenario.name}") as progress:
        found = rare(
            scenario,
            subject=subject,
            metric=metric,
            threshold=threshold,
            relative=half_width,
            confidence=chance,
            most_events=events,
            seed=seed,
            jobs=jobs,
            progress=progress,
        )
    if style == "json":
        terminal.write(json_text(found.to_json()))
    elif style == "csv":
        terminal.write(csv_text(found))
    elif style == "md":
        parts = [table.markdown() for table in tables(found)]
        terminal.write("\n".join([f"# {scenario.name}\n", *parts, *(f"{line}\n" for line in remarks(found))]))
    else:
        terminal.show(*tables(found), *remarks(found))
    terminal.note(
        f"hash {scenario.hash} · seed {found.seed} · {found.replications} replications · {found.events:,} events"
    )
    if not found.precise and found.verdict == "none":
        return INCONCLUSIVE
    return of_verdict(found.verdict)


def tables(found: "Rare") -> list[Table]:
    """The levels from the lowest up, and last, next to the prompt, the answer."""
    answer = answer_table(found)
    return [levels_table(found), answer] if found.levels.at else [answer]


def levels_table(found: "Rare") -> Table:
    """Each level: its height, how often it is split there, the share of time above it, and of that above the last."""
    levels = zip(found.levels.at, found.levels.splits, found.reached, found.chances, strict=True)
    rows = [(f"{at}", f"{splits}", f"{share:.3g}", f"{chance:.3g}") for at, splits, share, chance in levels]
    columns = ("at or above", "paths from there", "share of time", "of the time above the last")
    return Table("Levels", columns, rows, frozenset(columns))


def answer_table(found: "Rare") -> Table:
    """The figure with its interval, theory's beside it, and how it was found."""
    percent = f"{100.0 * found.confidence:g} %"
    exact = f"{found.exact.value:.4g} ({found.exact.model})" if found.exact else "–"
    columns = ("subject", "metric", "estimate", f"{percent} interval", "theory, exact", "method", "verdict")
    row = (
        found.event.subject,
        found.event.words,
        f"{found.estimate:.4g}",
        f"{found.low:.4g} … {found.high:.4g}",
        exact,
        found.method,
        found.verdict,
    )
    return Table("How rare", columns, [row])


def remarks(found: "Rare") -> list[str]:
    """What it took, what ordinary runs would take, and whether it is as precise as was asked."""
    lines = []
    if found.method == "crude":
        lines.append("Not rare: ordinary runs meet it often enough, and nothing was split.")
    elif found.estimate > 0.0:
        lines.append(
            f"About one in {1.0 / found.estimate:.3g}. Ordinary runs would need {found.crude_tries:.2g} tries or more "
            f"for this interval, {found.crude_events:.2g} events; here it took {found.events:.2g}"
            f"{', so they would have been cheaper' if found.crude_events < found.events else ''}."
        )
    if not found.precise:
        lines.append(
            f"Wider than asked: ±{100.0 * found.half_width:.2g} % of the estimate, not ±{100.0 * found.relative:g} %; "
            "allow more --events."
        )
    return lines


def csv_text(found: "Rare") -> str:
    """One line of figures under a header."""
    document = found.to_json()
    names = (
        "subject",
        "metric",
        "threshold",
        "estimate",
        "low",
        "high",
        "confidence",
        "method",
        "replications",
        "events",
    )
    exact = found.exact
    cells = [*(document[name] for name in names), None if exact is None else exact.value]
    line = ",".join("" if cell is None else str(cell) for cell in cells)
    return f"{','.join([*names, 'exact'])}\n{line}\n"
