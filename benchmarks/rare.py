"""Rare events: blocking of about 10⁻⁹ within 10 % against exact figures, and how often intervals hold the truth."""

from __future__ import annotations

import math
import sys
import time
from dataclasses import dataclass
from typing import Final

import sim
from benchmarks.coverage import per_cent, share
from benchmarks.page import paragraph, table, verdict, write_section

MOST_SECONDS: Final = 60.0
CORES: Final = 2
RELATIVE: Final = 0.1
SEEDS: Final = 100
COVERED: Final = (0.9, 0.99)
"""Where the coverage of so many intervals at 95 % has to lie: chance alone leaves it once in thirty studies."""

STATION: Final = """
name: station
traffic: {{jobs: {{arrivals: {{kind: poisson, rate: {rate}/s}}, call: api}}}}
services: {{api: {{workers: {workers}, service_time: {law}, queue: {{capacity: {places}}}}}}}
run: {{duration: 10000s, warmup: 50s, seed: 7}}
"""
EXPONENTIAL: Final = "{kind: exponential, mean: 1s}"


@dataclass(frozen=True)
class Station:
    """A station whose blocking is known; rate in 1/s, mean service 1 s."""

    name: str
    rate: float
    workers: int
    places: int
    law: str = EXPONENTIAL

    @property
    def scenario(self) -> sim.Scenario:
        """As a scenario."""
        text = STATION.format(rate=self.rate, workers=self.workers, places=self.places, law=self.law)
        return sim.loads(text)


RAREST: Final = (
    Station("M/M/1/30, load 50 %", 0.5, 1, 29),
    Station("M/M/4/41, load 60 %", 2.4, 4, 37),
    Station("M/M/4/90, load 80 %", 3.2, 4, 86),
    Station("M/M/50/120, load 80 %", 40.0, 50, 70),
    Station("M/D/1/10, load 40 %", 0.4, 1, 9, "1s"),
)
STUDIED: Final = (
    Station("M/M/1/15, load 50 %", 0.5, 1, 14),
    Station("M/M/4/20, load 50 %", 2.0, 4, 16),
    Station("M/E3/1/12, load 40 %", 0.4, 1, 11, "{kind: erlang, mean: 1s, shape: 3}"),
)


def truth(found: sim.Rare) -> float:
    """What theory says; nan, which no interval holds, if it says nothing."""
    return found.exact.value if found.exact else math.nan


def precision(station: Station) -> tuple[list[str], bool]:
    """One question at 10 %: its line in the table, and whether it was answered in time."""
    began, spent = time.monotonic(), time.process_time()
    found = sim.rare(station.scenario, relative=RELATIVE, jobs=CORES)
    wall, cpu = time.monotonic() - began, time.process_time() - spent
    exact = truth(found)
    kept = found.precise and cpu <= CORES * MOST_SECONDS
    row = [
        station.name,
        f"{exact:.3g}",
        f"{found.estimate:.3g}",
        f"{found.low:.3g} … {found.high:.3g}",
        "yes" if found.low <= exact <= found.high else "no",
        f"{len(found.levels.at)}",
        f"{found.events / 1e6:.0f}",
        f"{cpu:.0f}",
        f"{wall:.0f}",
        f"{found.crude_events / found.events:,.0f}",
    ]
    return row, kept


def coverage(station: Station) -> tuple[list[str], float]:
    """Many seeds of one question at 40 %: its line in the table, and the share of the intervals that held the truth."""
    held, errors = [], []
    scenario, exact = station.scenario, 0.0
    for seed in range(1, SEEDS + 1):
        found = sim.rare(scenario, relative=0.4, seed=seed, jobs=CORES)
        exact = truth(found)
        held.append(found.low <= exact <= found.high)
        errors.append(found.estimate / exact - 1.0)
    covered, low, high = share(held)
    mean = sum(errors) / SEEDS
    error = (sum((one - mean) ** 2 for one in errors) / (SEEDS - 1) / SEEDS) ** 0.5
    row = [
        station.name,
        f"{exact:.3g}",
        f"{SEEDS}",
        per_cent(covered),
        f"{100 * low:.0f} … {100 * high:.0f}",
        f"{100 * mean:+.1f} % ± {100 * error:.1f}",
    ]
    return row, covered


def main() -> bool:
    """Measures, prints, writes the section; whether the limits are kept."""
    fast, studied = [], []
    for station in RAREST:
        row, kept = precision(station)
        fast.append((row, kept))
        print(" | ".join(row), flush=True)
    for station in STUDIED:
        studied.append(coverage(station))
        print(" | ".join(studied[-1][0]), flush=True)
    in_time = all(kept for _, kept in fast)
    honest = all(COVERED[0] <= covered <= COVERED[1] for _, covered in studied)
    text = (
        "## Rare events\n\n"
        + paragraph(
            f"`forebay rare` at ±{100 * RELATIVE:g} % and 95 % confidence, seed 7, beside the exact blocking.",
            "*Gain*: events that ordinary runs would need for the same interval, at the least, over those spent here.",
            f"Each has to be answered in {MOST_SECONDS:g} s of {CORES} cores, {CORES * MOST_SECONDS:g} s of CPU;",
            f"the wall time is that of a machine shared with other work: {verdict(in_time)}.",
        )
        + table(
            (
                "station",
                "exact",
                "estimate",
                "95 % interval",
                "holds it",
                "levels",
                "events, 10⁶",
                "CPU, s",
                "wall, s",
                "gain",
            ),
            [row for row, _ in fast],
        )
        + "\n"
        + paragraph(
            f"How often a 95 % interval of ±40 % or less holds the truth, over seeds 1 to {SEEDS}, none left out; each",
            f"has to lie between {per_cent(COVERED[0])} and {per_cent(COVERED[1])}: {verdict(honest)}.",
            "*Mean error* with its standard error, in per cent of the truth.",
        )
        + table(
            ("station", "exact", "seeds", "covered", "95 % interval", "mean error"),
            [row for row, _ in studied],
        )
    )
    write_section("rare", text)
    sys.stdout.write(text)
    return in_time and honest
