"""`forebay stability`: does it recover from its trigger, by what margin, and what gets it out where it does not."""

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sim.cli.files import load_scenario, locate
from sim.cli.options import (
    FormatOption,
    JobsOption,
    NoColorOption,
    QuietOption,
    ScenarioFile,
    SeedOption,
    SetOption,
)
from sim.cli.printing import Table, frame_csv, json_text
from sim.cli.quantities import duration, share
from sim.cli.status import OK, of_verdict
from sim.cli.terminal import Terminal
from sim.cli.variants import varied
from sim.errors import UsageError
from sim.report.figures import NOTHING, figure
from sim.report.stability_words import short_value

if TYPE_CHECKING:
    from sim.study.metastability.basin import Basin
    from sim.study.metastability.margin import Margin
    from sim.study.metastability.stability import Stability

STATUS = {"recovers": "met", "collapses": "missed", "undecided": "inconclusive"}
"""Verdict on stability -> the verdict on objectives that has the same exit status."""


def command(
    file: ScenarioFile,
    settings: SetOption = None,
    vary: Annotated[
        list[str] | None,
        typer.Option(
            "--vary",
            metavar="PATH=A..B:N",
            help="A key of the map, twice: a range (log: by equal factors) or a list.",
            show_default=False,
        ),
    ] = None,
    horizon: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            help="Still down so long after the trigger is collapsed; by default the rest of the run.",
            show_default=False,
        ),
    ] = None,
    probability: Annotated[
        str, typer.Option(metavar="SHARE", help="The probability of recovery that must hold.")
    ] = "95%",
    confidence: Annotated[str, typer.Option(metavar="SHARE", help="Of every interval.")] = "95%",
    precision: Annotated[
        str, typer.Option(metavar="SHARE", help="Half-width of the map's intervals near its boundary.")
    ] = "5%",
    runs: Annotated[
        int, typer.Option("--runs", "--replications", "-n", min=1, help="Runs of the scenario as written.")
    ] = 200,
    searches: Annotated[
        bool | None,
        typer.Option(
            "--searches/--no-searches",
            help="Also look for margins, loads, other ways to behave and ways out; by default, unless a map is made.",
            show_default=False,
        ),
    ] = None,
    seed: SeedOption = None,
    jobs: JobsOption = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            metavar="DIR",
            help="Also write JSON, tables and the map there.",
            show_default=False,
        ),
    ] = None,
    style: FormatOption = "text",
    quiet: QuietOption = False,
    no_color: NoColorOption = False,
) -> int:
    """Say whether it recovers from its trigger."""
    terminal = Terminal(quiet, no_color)
    keys = parse_vary(vary or ())
    scenario = load_scenario(file, settings)
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
    seconds = None if horizon is None else duration("--horizon", horizon, "60s")
    wanted, sure = share("--probability", probability, "95%"), share("--confidence", confidence, "95%")
    near = share("--precision", precision, "5%", most=0.5)
    from sim.study.metastability.stability import stability

    with terminal.progress(f"judging {scenario.name}") as progress:
        found = stability(
            scenario,
            vary=keys or None,
            runs=runs,
            wanted=wanted,
            confidence=sure,
            precision=near,
            horizon=seconds,
            searches=searches,
            seed=seed,
            jobs=jobs,
            source=str(locate(file)),
            progress=progress,
        )
    if style == "json":
        terminal.write(json_text(found.to_json()))
    elif style == "csv":
        terminal.write(frame_csv(found.table if found.basin is None else found.basin.table))
    elif style == "md":
        body = "\n".join(table.markdown() for table in tables(found))
        terminal.write(f"# {scenario.name}\n\n{body}\n" + "\n\n".join(sentences(found)))
    else:
        grid = [] if found.basin is None else [drawn(found.basin)]
        known = tables(found, with_map=False)
        terminal.show(*grid, *known, "\n".join(sentences(found)))
        terminal.note(provenance(found))
    if out is not None:
        terminal.note(f"wrote {', '.join(str(path) for path in write(found, out))}")
    return of_verdict(STATUS[found.verdict]) if found.verdict in STATUS else OK


def parse_vary(said: "list[str] | tuple[str, ...]") -> dict[str, Any]:
    """`["faults[0].rate=x2..x12:20", …]` -> key path -> a range as text, or the values of a list: two of them."""
    keys = varied(said, "--vary 'faults[0].rate=x2..x12:20'")
    if said and len(keys) != 2:
        raise UsageError(
            f"--vary names {len(keys)} key{'s' if len(keys) != 1 else ''}, and a map has two; for example "
            "--vary 'faults[0].rate=x2..x12:20' --vary 'faults[0].for=1s..10s:20'"
        )
    return keys


def tables(found: "Stability", *, with_map: bool = True) -> list[Table]:
    """What was found, a table each; the verdict last, next to the prompt."""
    made = [_map(found.basin)] if found.basin is not None and with_map else []
    if found.variants:
        made.append(_variants(found))
    if found.ways_out:
        made.append(_ways(found))
    if found.margins or found.loads:
        made.append(_margins(found))
    return [*made, _recovery(found)]


def sentences(found: "Stability") -> list[str]:
    """The verdict in words: with its horizon, what it was judged by, and what flips it."""
    from sim.report.stability_words import sentences as said

    return said(found)


def provenance(found: "Stability") -> str:
    """One line from which the study can be made again."""
    document = found.to_json()
    names = ("verdict", "scenario", "hash", "engine", "seed")
    said = " · ".join(f"{name} {document[name]}" for name in names)
    return f"{said} · {found.fates.runs} runs as written, {found.simulated:,} in all"


def write(found: "Stability", directory: Path) -> list[Path]:
    """Writes stability.json, the fate of every run, and the map with its picture if there is one; returns the paths."""
    written = [directory / "stability.json", directory / "fates.csv"]
    written[0].write_text(json_text(found.to_json()), encoding="utf-8")
    written[1].write_text(frame_csv(found.table), encoding="utf-8")
    if found.basin is not None:
        from sim.report.pictures.basin import basin

        written += [directory / "map.csv", directory / "map.png", directory / "map.svg"]
        picture = basin(found.basin)
        written[2].write_text(frame_csv(found.basin.table), encoding="utf-8")
        written[3].write_bytes(picture.png())
        written[4].write_text(picture.svg(), encoding="utf-8")
    return written


def _recovery(found: "Stability") -> Table:
    """The fates and the time to recover."""
    fates = found.fates
    survival = fates.survival(found.confidence)
    middle, low, high = survival.quantile()
    rows = [
        (
            "runs",
            f"{fates.runs}: {fates.recovered} recovered, {fates.collapsed} collapsed, {fates.open} open",
        ),
        ("probability of recovery", figure(fates.probability, *fates.interval(found.confidence), "ratio")),
        ("median time to recover", _time(middle, low, high)),
        ("time of those that recovered", _spread(found)),
        ("horizon", figure(found.horizon, unit="s")),
        ("verdict", found.verdict),
    ]
    return Table("Recovery", ("of", "found"), rows)


def _spread(found: "Stability") -> str:
    times = found.times_of_recovered()
    if times is None:
        return NOTHING
    middle, shortest, longest = (figure(time, unit="s") for time in times)
    return f"median {middle}, from {shortest} to {longest}"


def _time(middle: float, low: float, high: float) -> str:
    if middle == float("inf"):
        return "not reached: fewer than half of the runs recovered"
    if high == float("inf"):
        return f"{figure(middle, unit='s')} [{figure(low, unit='s')}, not reached]"
    return figure(middle, low, high, "s")


def _margins(found: "Stability") -> Table:
    from sim.report.stability_words import factor, settings_words

    named = [(f"{margin.of} of the trigger that tips it", margin) for margin in found.margins]
    named += [("load that is vulnerable to it", margin) for margin in found.loads]
    rows = [
        (
            name,
            factor(margin),
            settings_words(margin.settings) or NOTHING,
            _chance(margin),
            f"{margin.runs:,}",
        )
        for name, margin in named
    ]
    columns = ("margin", "times as written", "which is", "probability of collapse", "runs")
    return Table("Margins", columns, rows, frozenset({"runs"}))


def _chance(margin: "Margin") -> str:
    return figure(margin.chance, unit="ratio")


def _variants(found: "Stability") -> Table:
    rows = [
        (
            variant.name,
            figure(variant.fates.probability, *variant.fates.interval(found.confidence), "ratio"),
            variant.verdict + (" (flips)" if variant.flips else ""),
        )
        for variant in found.variants
    ]
    return Table(
        "If clients and servers behaved otherwise", ("what", "probability of recovery", "verdict"), rows
    )


def _ways(found: "Stability") -> Table:
    rows = [
        (
            way.name,
            f"{way.lost:,.0f}",
            f"{way.recovered} of {way.runs}",
            figure(way.time, unit="s") if way.recovered else NOTHING,
            "enough" if way.enough else "not enough",
        )
        for way in found.ways_out
    ]
    from sim.study.metastability.remedies import begin

    case = found.fates.case
    after = figure(begin(case) - case.trigger.end, unit="s")
    title = f"Ways out, begun {after} after the trigger's end, the cheapest first"
    columns = ("way out of a collapse", "requests lost from then on", "recovered", "after", "so")
    return Table(title, columns, rows, frozenset({"requests lost from then on"}))


def _map(basin: "Basin") -> Table:
    """The map as a grid of percentages: the first key downwards, the second across."""
    first, second = basin.axes
    rows = []
    for row, value in enumerate(first.values):
        cells = [basin.cells[row, column] for column in range(len(second.values))]
        shown = [f"{100.0 * fates.probability:.0f}" for fates in cells]
        rows.append((short_value(value), *shown))
    title = f"Runs that recover, %: {first.path} downwards, {second.path} across"
    names = [short_value(value) for value in second.values]
    return Table(title, ("", *names), rows, frozenset(names))


def drawn(basin: "Basin") -> str:
    """The map as lines of percentages, the first key upwards as in the picture, with the ends of the second below."""
    first, second = basin.axes
    names = [short_value(value) for value in first.values]
    width = max(len(name) for name in names)
    lines = [f"Runs that recover, %, over {first.path} (upwards) and {second.path} (to the right)", ""]
    for row in reversed(range(len(names))):
        cells = (basin.cells[row, column].probability for column in range(len(second.values)))
        shown = "".join("   –" if math.isnan(share) else f"{100.0 * share:4.0f}" for share in cells)
        lines.append(f"{names[row].rjust(width)} │{shown}")
    left, right = short_value(second.values[0]), short_value(second.values[-1])
    lines.append(f"{' ' * width} └{'─' * 4 * len(second.values)}")
    gap = max(1, 4 * len(second.values) - len(left) - len(right))
    return "\n".join([*lines, f"{' ' * (width + 2)}{left}{' ' * gap}{right}"])
