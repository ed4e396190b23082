"""`forebay forecast`: when capacity runs out as the load grows, and what to order by when."""

import datetime as dt
from typing import TYPE_CHECKING, Annotated

import typer

from sim.cli.files import load_scenario, run_as
from sim.cli.options import (
    FormatOption,
    JobsOption,
    NoColorOption,
    QuietOption,
    ReplicationsOption,
    ScenarioFile,
    SeedOption,
    SetOption,
)
from sim.cli.printing import Table, frame_csv, json_text
from sim.cli.status import of_verdict
from sim.cli.terminal import Terminal
from sim.report.figures import figure
from sim.report.growth_words import at_words, headroom_words, more_words, run_out_words
from sim.units import format_span

if TYPE_CHECKING:
    from sim.study.growth.forecast import Forecast

MOST_ROWS = 12
"""Purchases in the table."""


def command(
    file: ScenarioFile,
    settings: SetOption = None,
    growth: Annotated[
        str | None,
        typer.Option(
            "--growth", metavar="RATE", help="Such as '8% per month'; else plan.growth.", show_default=False
        ),
    ] = None,
    lead_time: Annotated[
        str | None,
        typer.Option(
            "--lead-time", metavar="SPAN", help="Such as '6 weeks'; else plan.lead_time.", show_default=False
        ),
    ] = None,
    purchase: Annotated[
        int | None,
        typer.Option(
            "--purchase", min=1, help="Workers bought at a time; else plan.purchase.", show_default=False
        ),
    ] = None,
    seed: SeedOption = None,
    replications: ReplicationsOption = None,
    jobs: JobsOption = None,
    style: FormatOption = "text",
    quiet: QuietOption = False,
    no_color: NoColorOption = False,
) -> int:
    """Forecast when capacity runs out, and what to order when."""
    terminal = Terminal(quiet, no_color)
    scenario = load_scenario(file, settings)
    given = {
        "--growth": ("plan.growth", growth),
        "--lead-time": ("plan.lead_time", lead_time),
        "--purchase": ("plan.purchase", purchase),
    }
    for option, (path, value) in given.items():
        if value is not None:
            scenario = scenario.set(path, value, label=f"{option} {value}")
    scenario = run_as(scenario, seed=seed, replications=replications)
    from sim.study.growth.forecast import forecast

    with terminal.progress(f"forecasting {scenario.name}") as bar:
        found = forecast(scenario, jobs=jobs, progress=lambda trial: bar.say(f"trying {trial}"))
    if style == "json":
        terminal.write(json_text(found.to_json()))
    elif style == "csv":
        terminal.write(frame_csv(found.table))
    elif style == "md":
        said = "\n\n".join(answers(found))
        bought = f"\n\n{purchases(found).markdown()}" if found.steps else "\n"
        terminal.write(f"# {scenario.name}\n\n{said}{bought}")
    else:
        terminal.show(*([purchases(found)] if found.steps else []), *answers(found))
    return of_verdict(found.verdict)


def answers(found: "Forecast") -> list[str]:
    """The answer in sentences: growth, headroom, when it runs out and the first order, and what to mind."""
    said = [
        f"{growth_in_words(found)} {horizon_in_words(found)}",
        f"Headroom: {headroom_words(found.headroom)}.",
        f"{run_out_words(found)}.",
    ]
    return [*said, *(f"Note: {note}." for note in found.notes)]


def horizon_in_words(found: "Forecast") -> str:
    """From when to when it looks, and whether that begins in the past."""
    words = f"The forecast looks {format_span(found.demand.horizon)} ahead"
    start = found.demand.start
    if start is None:
        return f"{words}."
    today = dt.datetime.now(tz=dt.UTC).date()
    past = (today - start).days
    if past <= 0:
        return f"{words} from {start}."
    words = f"{words} from {start}, {past} day{'s' if past > 1 else ''} ago"
    late = [step for step in found.steps if (due := found.date(step.order)) is not None and due < today]
    if not late:
        return f"{words}."
    there = today + dt.timedelta(seconds=found.lead_time)
    return (
        f"{words}: {more_words(found, sum(step.bought for step in late))} were to be ordered before today; "
        f"ordered today, they are there on {there}."
    )


def growth_in_words(found: "Forecast") -> str:
    """How the load grows."""
    from sim.study.growth.demand import Fitted

    if not isinstance(found.demand, Fitted):
        rate = found.demand.growth.rate
        return f"The load grows by {100.0 * rate.ratio:.4g} % per {rate.period}."
    yearly, low, high = found.demand.yearly
    season = found.demand.growth.season
    return (
        f"The series grows by {figure(yearly, low, high, 'ratio')} a year"
        + (f", with a season of {season} rows" if season else "")
        + f"; its rows scatter by {100.0 * found.demand.spread:.2g} % about that."
    )


def purchases(found: "Forecast") -> Table:
    """The staircase: what to order by when."""
    rows = [
        (
            at_words(found, step.order),
            at_words(found, step.order_expected),
            f"+{step.bought}",
            str(step.after.workers),
            at_words(found, step.needed.time),
            f"{at_words(found, step.needed.earliest)} … {at_words(found, step.needed.latest)}",
            ("" if step.before.searched else "≈ ")
            + figure(step.before.factor, step.before.low, step.before.high),
        )
        for step in found.steps[:MOST_ROWS]
    ]
    columns = (
        "order by",
        "expected",
        "bought",
        f"{found.what} then",
        "needed",
        "earliest … latest",
        f"load that the {found.what} before take",
    )
    lead = f", {format_span(found.lead_time)} from order to use" if found.lead_time else ""
    title = f"Purchases of {found.key} within {format_span(found.demand.horizon)}{lead}"
    if len(found.steps) > MOST_ROWS:
        title += f"; {len(found.steps) - MOST_ROWS} more in --format csv"
    return Table(title, columns, rows, frozenset({"bought", f"{found.what} then"}))
