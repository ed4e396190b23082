"""Section 13: caveats, the command that makes the report again, and the words used."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from sim.report.blocks import Block, Facts, Listing, Paragraph, Section
from sim.report.blocks import Bullets as List

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
        "from the spread over independent replications (Student's t): it covers the truth 19 times in 20",
    ),
    ("Little's law", "mean number inside = rate of arrival × mean time inside, L = λW, for any boundary"),
    (
        "M/M/c/K",
        "Poisson arrivals, exponential service, c workers, room for K in all; G stands for any distribution",
    ),
)


def closing(material: Material) -> Section:
    """What to keep in mind, how to make it again, and what the words mean."""
    run = material.results
    command = (
        f"forebay report {shlex.quote(material.source)} --seed {run.seed} --replications {run.replications}"
    )
    blocks: list[Block] = [
        List(caveats(material)),
        Paragraph(
            f"To make this report again, save the scenario of section 2 as {material.source}, with its data files beside it if it "
            "names any, and run:"
        ),
        Listing(command, "sh"),
        Facts(GLOSSARY),
    ]
    return Section(13, "closing", "Caveats, how to reproduce, glossary", blocks)


def caveats(material: Material) -> list[str]:
    """What limits these figures, as far as the run itself tells."""
    run = material.results
    books = material.results.conservation
    found = [
        "A simulation answers for its inputs: service times, arrivals and the clients' ways are as given, and independent of "
        "each other unless the scenario says otherwise."
    ]
    if run.replications == 1:
        found.append(
            "One replication has no interval: nothing here says how much is chance. Ask for 10 or more."
        )
    elif run.replications < 5:
        found.append(
            f"{run.replications} replications give wide intervals; ask for 10 or more before acting on them."
        )
    if books["open"]:
        share = books["open"] / max(1, books["born"])
        found.append(
            f"{books['open']:,} of {books['born']:,} requests ({share:.2%}) were still open when the run ended; they are in no "
            "latency, so the slowest are missing from it."
        )
    if material.scenario.faults or _varies(material):
        found.append(
            "Load or faults change during the run, so means over it mix different states: read the timeline beside them."
        )
    if run.warmup == 0.0 and not material.scenario.faults:
        found.append("No warm-up is left out: the figures hold the time in which the empty system fills.")
    if material.theory is not None and any(not model.exact for model in material.theory.models):
        found.append(
            "Models marked approximate are rules of thumb with known limits; where they differ, trust the simulation."
        )
    kinds = {traffic.arrivals.kind for traffic in material.scenario.traffic.values()}
    if "trace" in kinds:
        found.append(
            "Arrivals are replayed from a record: replications share them and differ only in the other draws, so intervals do not "
            "say how another day would go. If the record holds retries of its own, they count as new requests here."
        )
    if material.own_curve is not None:
        found.append(
            "Headroom is read off a line between loads that were simulated, for a load that stays, without faults."
        )
    return found


def _varies(material: Material) -> bool:
    return any(
        traffic.arrivals.kind in ("profile", "sinusoid") for traffic in material.scenario.traffic.values()
    )
