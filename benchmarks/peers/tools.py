"""Every tool of the comparison: what it keeps of a run, how much work it is given, and how it is asked."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass, field
from typing import Final

from benchmarks.page import ROOT
from benchmarks.peers import cimba_c
from benchmarks.peers.environments import Unavailable, environment, reason, variables
from benchmarks.peers.protocol import RETRYING, STATIONS, Answer

SECONDS: Final = 300
"""How long a single run may take."""


@dataclass(frozen=True)
class Tool:
    """A simulator, in one of its ways.

    Attributes:
        name: in the tables.
        keeps: what it keeps of a run, to end the sentence "… keeps".
        sizes: model -> requests, so that a run is about a second of CPU time.
        module: the script; "" is a program of `cimba.c`.
        variant: as the script knows it.
        requirement: what pip installs for it; "" is this environment.
        build: of `cimba.c`.
        family: the limit that is held against it, by name.
    """

    name: str
    keeps: str
    sizes: dict[str, int] = field(hash=False)
    module: str = ""
    variant: str = ""
    requirement: str = ""
    build: str = ""
    family: str = ""

    def command(self) -> list[str]:
        """What every call begins with; installs or builds what is not there yet."""
        if self.build:
            return [str(cimba_c.program(self.build, self.variant))]
        python = environment(self.requirement) if self.requirement else sys.executable
        return [str(python), "-m", f"benchmarks.peers.{self.module}"]

    def ask(self, model: str, requests: int, seed: int) -> Answer:
        """One run in a process of its own."""
        words = (
            cimba_c.words(model, requests, seed)
            if self.build
            else [model, str(requests), str(seed), self.variant]
        )
        command = [*self.command(), *words]
        try:
            done = subprocess.run(
                command,
                cwd=ROOT,
                env=variables() if self.requirement else None,
                capture_output=True,
                text=True,
                timeout=SECONDS,
                check=True,
            )
        except subprocess.CalledProcessError as error:
            raise Unavailable(f"failed on {model}: {reason(error.stderr)}") from error
        except subprocess.TimeoutExpired as error:
            raise Unavailable(f"took over {SECONDS} s on {model}") from error
        return Answer(**json.loads(done.stdout.splitlines()[-1]))


def of_each(requests: int) -> dict[str, int]:
    """The same number of requests on each of the stations."""
    return dict.fromkeys(STATIONS, requests)


HISTOGRAMS: Final = (
    "a histogram of the waits and one of the sojourns, the time integral of every level, a time series in bins, and "
    "the books that its audits are held against"
)
SUMS: Final = "a count and the sum of the sojourns"
SAMPLES: Final = (
    "every wait and every sojourn in a dataset, of which it gives the mean, "
    "and the history of the queue's length"
)

EVENTS: Final = Tool(
    "Forebay, event engine", HISTOGRAMS, of_each(5_000_000), "with_forebay", variant="events"
)
CHOSEN: Final = Tool("Forebay, `sim.run` (recursion)", HISTOGRAMS, of_each(12_000_000), "with_forebay")
PEERS: Final = (
    Tool("Cimba from C, PGO", SUMS, of_each(8_000_000), build="pgo", family="Cimba"),
    Tool("Cimba from C, release", SUMS, of_each(6_000_000), build="release", family="Cimba"),
    Tool(
        "Cimba from C, PGO, with statistics",
        SAMPLES,
        of_each(5_000_000),
        build="pgo",
        variant="statistics",
        family="Cimba",
    ),
    Tool(
        "Cimba from C, release, with statistics",
        SAMPLES,
        of_each(5_000_000),
        build="release",
        variant="statistics",
        family="Cimba",
    ),
    Tool(
        "Cimba from Python",
        SUMS,
        of_each(4_000_000),
        "with_cimba",
        requirement=cimba_c.PACKAGE,
        family="Cimba",
    ),
    Tool(
        "Cimba from Python, with statistics",
        SAMPLES,
        of_each(4_000_000),
        "with_cimba",
        variant="statistics",
        requirement=cimba_c.PACKAGE,
        family="Cimba",
    ),
    Tool(
        "LINE's LDES",
        "the means of its table",
        of_each(4_000_000),
        "with_ldes",
        requirement="line-solver==3.0.8.0",
        family="LDES",
    ),
    Tool("SimPy", SUMS, of_each(150_000), "with_simpy", requirement="simpy==4.1.2", family="SimPy"),
    Tool(
        "Most-Queue",
        "the first moments of wait and sojourn and the shares of time with each number inside",
        of_each(120_000),
        "with_most_queue",
        requirement="most-queue==2.9",
    ),
    Tool(
        "Ciw",
        "a record of every service",
        of_each(80_000),
        "with_ciw",
        requirement="ciw==3.2.7",
        family="Ciw",
    ),
    Tool(
        "salabim",
        "a monitor of the sojourns, and those that its stores and components keep by themselves",
        of_each(15_000),
        "with_salabim",
        requirement="salabim==26.0.9",
    ),
)

RETRYING_HERE: Final = Tool("Forebay", HISTOGRAMS, {RETRYING: 3_000_000}, "with_forebay")
RETRYING_SIMPY: Final = Tool(
    "SimPy", SUMS, {RETRYING: 60_000}, "with_simpy_retrying", requirement="simpy==4.1.2"
)
