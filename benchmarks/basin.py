"""A basin map of 20 × 20 cells with ±5 points near the boundary: how long it takes on two cores."""

from __future__ import annotations

import resource
import time
from typing import Final

import sim
from benchmarks.page import paragraph, table, verdict, write_section
from sim.engines import compiled
from sim.study.metastability.basin import basin_map
from sim.study.metastability.fates import Judging

MOST_SECONDS: Final = 60.0
CORES: Final = 2
SCENARIO: Final = "tipping_spike"
VARY: Final = {"faults[0].rate": "x2..x10:20", "faults[0].for": "200ms..4000ms:20"}
HORIZON: Final = 10.0
PRECISION: Final = 0.05


def main() -> bool:
    """Measures, prints, writes the page's section; whether the limits are kept."""
    scenario = sim.load(SCENARIO)
    compiled.prepare(scenario)
    began, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_SELF)
    found = basin_map(scenario, VARY, precision=PRECISION, judging=Judging(horizon=HORIZON), jobs=CORES)
    wall, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_SELF)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    widest = max(found.half_width(cell) for cell in found.near)
    limits = {
        f"a map in at most {MOST_SECONDS:g} s on {CORES} cores ({wall:.0f} s)": wall <= MOST_SECONDS,
        f"95 % intervals near the boundary within ±{100 * PRECISION:g} points (±{100 * widest:.1f})": (
            widest <= PRECISION
        ),
    }
    text = (
        "## A basin map\n\n"
        + paragraph(
            f"`forebay stability {SCENARIO} --horizon {HORIZON:g}s`, its spike's height by its duration: 200 requests",
            "a second, up to five tries each, 40 workers. Cells near the boundary of recovery and collapse get runs",
            "until their interval is as narrow as asked; a run stops when its fate is known.",
        )
        + table(
            ("cells", "near the boundary", "runs", "wall", "CPU", "CPU a run"),
            [
                (
                    f"{len(found.cells):,}",
                    f"{len(found.near)}",
                    f"{found.runs:,}",
                    f"{wall:.0f} s",
                    f"{spent:.0f} s",
                    f"{1e3 * spent / found.runs:.1f} ms",
                )
            ],
        )
        + "\n### Limits\n\n"
        + "".join(f"- {limit}: {verdict(kept)}.\n" for limit, kept in limits.items())
    )
    print(text)
    write_section("basin", text)
    return all(limits.values())
