"""Section 13: caveats, the command that makes the report again, and the words used."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from sim.report.blocks import Block, Bullets, Facts, Listing, Paragraph, Section
from sim.scenario.idle import without_effect
from sim.study.cautions import of_the_few

if TYPE_CHECKING:
    from sim.report.material import Material

GLOSSARY = (
    (
        "request",
        "one unit of a client's intent, from its birth to one final outcome: success, gave up, or still open",
    ),
    ("attempt", "one try of a request; it ends served, rejected (a 503), timed out, in error, or lost"),
    ("goodput", "requests per second that end in success while their client still waits"),
    ("offered load", "requests per second that clients want done, retries not counted"),
    ("amplification", "attempts sent for each request born; 1 where nothing is retried"),
    ("orbit", "the requests that now wait out a backoff"),
    ("capacity", "workers divided by the mean service time: the most a service can answer per second"),
    ("wasted work", "service given to an attempt whose client no longer waits for it"),
    (
        "wait, sojourn, latency",
        "time in the queue; time at the service, wait and work; time from a request's birth to its success",
    ),
    ("p99", "the value that 99 of 100 lie at or below"),
    (
        "95 % interval",
        "from the spread over independent replications: it covers the truth 19 times in 20",
    ),
    ("Little's law", "mean number inside = rate of arrival × mean time inside, L = λW, for any boundary"),
    (
        "M/M/c/K",
        "Poisson arrivals, exponential service, c workers, room for K in all; G stands for any distribution",
    ),
)

INPUTS = (
    "A simulation answers for its inputs: service times, arrivals and the clients' ways are as given, and "
    "independent of each other unless the scenario says otherwise."
)
ONE = "One replication has no interval: nothing here says how much is chance. Ask for 10 or more."
FEW = "So few replications give wide intervals; ask for 10 or more before acting on them."
OPEN = (
    "{:,} of {:,} requests were still open when the run ended; they are in no latency, so the slowest are "
    "missing from it."
)
MIXED = "Load or faults change during the run, so its means mix different states: read the timeline too."
FILLING = "No warm-up is left out: the figures hold the time in which the empty system fills."
APPROXIMATE = (
    "Models marked approximate are rules of thumb with known limits; where they differ, trust the simulation."
)
RECORDED = (
    "Arrivals are replayed from a record: replications share them and differ in the other draws alone, so "
    "intervals do not say how another day would go. Retries that the record holds count as new requests."
)
HEADROOM = (
    "Headroom is read off lines between loads that were simulated, each of them steady and without faults."
)


def closing(material: Material) -> Section:
    """What to keep in mind, how to make it again, and what the words mean."""
    results = material.results
    file = Path(material.source).name
    command = (
        f"forebay report {shlex.quote(file)} --seed {results.seed} --replications {results.replications}"
        f"{'' if material.curves else ' --no-curves'}"
    )
    again = (
        f"To make this report again, save the scenario of section 2 as {file}, with its data files beside "
        "it if it names any, and run:"
    )
    blocks: list[Block] = [
        Bullets(caveats(material)),
        Paragraph(again),
        Listing(command, "sh"),
        Facts(GLOSSARY),
    ]
    return Section(13, "closing", "Caveats, how to reproduce, glossary", blocks)


def caveats(material: Material) -> list[str]:
    """What limits these figures, as far as the run itself tells."""
    results, scenario = material.results, material.scenario
    kinds = {traffic.arrivals.kind for traffic in scenario.traffic.values()}
    varies = bool(scenario.faults) or bool(kinds & {"profile", "sinusoid"})
    approximate = material.theory is not None and any(not model.exact for model in material.theory.models)
    left_open = results.conservation["open"]
    found = {
        INPUTS: True,
        ONE: results.replications == 1,
        FEW: 1 < results.replications < 5,
        OPEN.format(left_open, results.conservation["born"]): left_open > 0,
        MIXED: varies,
        FILLING: results.warmup == 0.0 and not varies,
        APPROXIMATE: approximate,
        RECORDED: "trace" in kinds,
        HEADROOM: material.own_curve is not None and material.certified is None,
    }
    idle = [f"{words[0].upper()}{words[1:]}." for words in without_effect(scenario)]
    return [*idle, *of_the_few(results), *(text for text, applies in found.items() if applies)]
