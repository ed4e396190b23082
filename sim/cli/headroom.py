"""`forebay headroom`: the greatest load that still meets every objective, and the largest spike that is survived."""

import math
from typing import TYPE_CHECKING, Annotated, Any

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
from sim.cli.printing import Table, bound, frame_csv, json_text
from sim.cli.quantities import duration
from sim.cli.status import of_verdict
from sim.cli.terminal import Terminal
from sim.report.figures import figure
from sim.report.growth_words import headroom_words

if TYPE_CHECKING:
    from sim.study.growth.headroom import Headroom
    from sim.study.metastability.margin import Margin

SpikeOption = Annotated[
    str | None,
    typer.Option(
        "--spike",
        metavar="DURATION",
        help="Also the highest spike of so long that is survived, such as 10s.",
        show_default=False,
    ),
]


def command(
    file: ScenarioFile,
    settings: SetOption = None,
    spike: SpikeOption = None,
    seed: SeedOption = None,
    replications: ReplicationsOption = None,
    jobs: JobsOption = None,
    style: FormatOption = "text",
    quiet: QuietOption = False,
    no_color: NoColorOption = False,
) -> int:
    """Find how much load still meets every objective."""
    terminal = Terminal(quiet, no_color)
    lasting = duration("--spike", spike) if spike is not None else None
    scenario = run_as(load_scenario(file, settings), seed=seed, replications=replications)
    from sim.study.growth.headroom import headroom
    from sim.study.growth.spike import spike_headroom

    with terminal.progress(f"loading {scenario.name}") as bar:
        bar.say("trying spikes")
        highest = spike_headroom(scenario, lasting, jobs=jobs) if lasting is not None else None
        found = headroom(scenario, jobs=jobs, progress=lambda load: bar.say(f"trying {load}"))
    if style == "json":
        document = found.to_json()
        if highest is not None:
            document["spike"] = {"for": lasting, **highest.to_json()}
        terminal.write(json_text(document))
    elif style == "csv":
        terminal.write(frame_csv(frame(found)))
    elif style == "md":
        said = "\n\n".join(answers(found, highest, lasting))
        terminal.write(f"# {scenario.name}\n\n{said}\n\n{loads(found).markdown()}")
    else:
        terminal.show(loads(found), *answers(found, highest, lasting))
    return of_verdict(found.verdict)


def answers(found: "Headroom", highest: "Margin | None", lasting: float | None) -> list[str]:
    """The answer in sentences."""
    said = [f"Headroom: {headroom_words(found)}."]
    if highest is not None and lasting is not None:
        from sim.units import format_duration, format_ratio

        runs, share = f"{highest.runs:,} runs", format_ratio(1.0 - highest.chance)
        spike = f"a spike of {format_duration(lasting)}"
        if highest.low == 0.0:
            least = min(highest.shares)
            lost = format_ratio(round(highest.shares[least], 3))
            said.append(
                f"Even with {spike} of {least:.2g} times the load, {lost} of the runs do not come back ({runs}): the "
                "trouble is not the spike's."
            )
        elif math.isinf(highest.high):
            said.append(
                f"The service comes back from {spike} up to {highest.low:g} times the load, the most tried, in {share} "
                f"of the runs ({runs}); objectives are not judged during it."
            )
        else:
            factor = figure(highest.factor, highest.low, highest.high)
            said.append(
                f"The service comes back from {spike} in {share} of the runs up to {factor} times the load ({runs}); "
                "objectives are not judged during it."
            )
    return said


def loads(found: "Headroom") -> Table:
    """Every load that was tried, with its verdict."""
    rate = found.offered_rate
    rows = [
        (
            f"x{one.factor:.4g}",
            figure(rate * one.factor, unit="1/s"),
            one.verdict,
            bound(vars(one.binding)),
            str(one.replications),
        )
        for one in found.tried
    ]
    columns = ("load", "offered", "verdict", "nearest to its bound", "replications")
    return Table("Loads", columns, rows, frozenset({"load", "offered", "replications"}))


def frame(found: "Headroom") -> Any:
    """Every load that was tried, a row each."""
    import pandas as pd

    return pd.DataFrame(found.to_json()["tried"])
