"""What exact theory says of what was judged: it settles what is open, and leaves open what it contradicts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import cast

from sim.measure.judge import judge
from sim.scenario.scenario import Scenario
from sim.study.planning.exact import exact_figures, long_run_figures
from sim.study.planning.judged import Judged, Verdict


def settled(
    scenario: Scenario, rows: Sequence[Judged], warmup: float
) -> tuple[tuple[Judged, ...], tuple[str, ...]]:
    """The rows with what exact theory settles of the undecided ones, and what must be said of it."""
    figures = exact_figures(scenario, warmup)
    found, notes = [], []
    for row in rows:
        known = figures.get((row.subject, row.metric)) if row.verdict == "inconclusive" else None
        if known is None or math.isnan(row.low):
            found.append(row)
            continue
        what = f"{known.model} gives {known.value:.6g} for {row.metric} of {row.subject}"
        if row.low <= known.value <= row.high:
            found.append(_settled(row, known.value))
            notes.append(f"{what}, exactly: nearer to the bound than simulation could tell.")
        else:
            found.append(row)
            notes.append(
                f"{what}, outside what was simulated ({row.low:.6g} to {row.high:.6g}): it settles nothing."
            )
    return tuple(found), tuple(notes)


def doubted(
    scenario: Scenario, rows: Sequence[Judged], warmup: float
) -> tuple[tuple[Judged, ...], tuple[str, ...]]:
    """The rows, less any verdict whose opposite is exact, and a sentence for each verdict that theory speaks against.

    Where the window is a steady state, one of the two is wrong, and nothing is decided. Where it is not, the verdict
    stands: it is of runs too short to forget how they began.
    """
    figures = long_run_figures(scenario, warmup)
    found, notes = [], []
    for row in rows:
        known = figures.get((row.subject, row.metric))
        opposite = known is not None and _settled(row, known.value).verdict != row.verdict
        if known is None or row.verdict == "inconclusive" or not opposite:
            found.append(row)
            continue
        what = f"{known.model} gives {known.value:.6g} for {row.metric} of {row.subject}"
        if known.steady:
            found.append(replace(row, verdict="inconclusive", decided_by=None, needed=math.inf))
            notes.append(f"{what}, exactly, and the simulation says {row.verdict}: it is left open.")
            continue
        found.append(row)
        notes.append(
            f"{what} in the long run: {_settled(row, known.value).verdict}. A run this short still remembers that it "
            "began empty, and the verdict is of such runs; for the long run's, make run.warmup and run.duration longer."
        )
    return tuple(found), tuple(notes)


def _settled(row: Judged, exact: float) -> Judged:
    verdict = cast("Verdict", judge(exact, exact, row.at_most, row.at_least))
    return replace(row, value=exact, verdict=verdict, decided_by="theory", needed=None)
