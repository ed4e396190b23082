"""The basin map: the probability of recovery over two keys, with its runs spent where recovery and collapse meet.

Every cell gets a few runs. A cell is *near the boundary* when between 10 % and 90 % of its runs recover, or when most
of its runs meet another fate than most of a neighbour's; such cells get more runs until their interval is as narrow
as asked. Cells share their random numbers: run n of one cell is run n of every other.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from sim.errors import ScenarioError, UsageError
from sim.measure.intervals import CONFIDENCE, wilson
from sim.measure.plain import plain_rows
from sim.study.axes import Axis, axis, axis_values, number_at
from sim.study.load import scaled
from sim.study.metastability.fates import Fates, Judge, Judging, Progress, default_horizon
from sim.study.metastability.trigger import has_height, heightened, highest, lengthened, trigger_of

if TYPE_CHECKING:
    import pandas as pd

    from sim.scenario.scenario import Scenario

FEW: Final = 4
"""Runs of a cell far from the boundary."""

MIXED: Final = 0.1
"""A cell in which at least this share of the runs meets either fate is near the boundary."""

PRECISION: Final = 0.05
MOST_RUNS: Final = 400
MOST_CELLS: Final = 10_000
FACTORS: Final = (0.25, 0.35, 0.5, 0.7, 1.0, 1.4, 2.0, 2.8, 4.0)
"""On a trigger, for a map that is not told what to vary."""

Cell = tuple[int, int]
"""Places of a cell's values along the two keys."""


@dataclass(frozen=True)
class Basin:
    """A map over two keys: the fates in each cell, and which cells are near the boundary."""

    scenario: Scenario
    axes: tuple[Axis, Axis]
    cells: Mapping[Cell, Fates] = field(repr=False)
    near: frozenset[Cell] = field(repr=False)
    horizon: float
    precision: float
    confidence: float

    @property
    def runs(self) -> int:
        """Runs in all cells together."""
        return sum(fates.runs for fates in self.cells.values())

    def half_width(self, cell: Cell) -> float:
        """Half the width of a cell's interval."""
        low, high = self.cells[cell].interval(self.confidence)
        return (high - low) / 2.0

    def neighbours(self, cell: Cell) -> Iterator[Cell]:
        """The cells that touch a cell, at a corner too."""
        return _around(cell, self.cells)

    @cached_property
    def table(self) -> pd.DataFrame:
        """One row a cell: both keys, runs, recovered, collapsed, open, probability of recovery, low, high, near.

        `near`: whether the cell is near the boundary. Then recovery_median, its low and high, in s from the trigger's
        end, runs that did not recover censored (Kaplan and Meier), NaN where it is not reached; and recovery_mean, NaN
        unless every run recovered: a mean over two fates is none.
        """
        import pandas as pd

        rows = []
        for cell, fates in self.cells.items():
            low, high = fates.interval(self.confidence)
            survival = fates.survival(self.confidence)
            median = [_known(value) for value in survival.quantile()]
            rows.append(
                {
                    self.axes[0].path: self.axes[0].values[cell[0]],
                    self.axes[1].path: self.axes[1].values[cell[1]],
                    "runs": fates.runs,
                    "recovered": fates.recovered,
                    "collapsed": fates.collapsed,
                    "open": fates.open,
                    "probability": fates.probability,
                    "low": low,
                    "high": high,
                    "near": cell in self.near,
                    "recovery_median": median[0],
                    "recovery_median_low": median[1],
                    "recovery_median_high": median[2],
                    "recovery_mean": survival.restricted_mean()[0]
                    if fates.recovered == fates.runs
                    else math.nan,
                }
            )
        return pd.DataFrame(rows)

    def to_json(self) -> dict[str, Any]:
        """The map as plain values for JSON."""
        return {
            "vary": {axis.path: list(axis.values) for axis in self.axes},
            "horizon": self.horizon,
            "precision": self.precision,
            "confidence": self.confidence,
            "runs": self.runs,
            "cells": plain_rows(self.table),
        }

    def _repr_html_(self) -> str:
        return self.table.to_html(index=False)


def basin_map(
    scenario: Scenario,
    vary: Mapping[str, Any],
    *,
    precision: float = PRECISION,
    confidence: float = CONFIDENCE,
    few: int = FEW,
    most: int = MOST_RUNS,
    judging: Judging | None = None,
    jobs: int | None = None,
    progress: Progress | None = None,
    judge: Judge | None = None,
) -> Basin:
    """The probability of recovery over two keys.

    Args:
        scenario: it must have a trigger.
        vary: two key paths -> values, a range such as `"x2..x12:20"`, or a list.
        precision: half-width of the interval wanted near the boundary.
        confidence: of the intervals, each for itself.
        few: runs of a cell far from the boundary.
        most: runs of a cell at the most, whatever its interval.
        judging: horizon, level, hold and seed. The horizon is the same in all cells: by default, that of the scenario
            as written.
        jobs: threads.
        progress: told the share that is done, 0 to 1; a guess.
        judge: to be used instead of `judging` and `jobs`.

    Raises:
        UsageError: not two keys, too many cells, or a value that the scenario cannot have.
        ScenarioError: the scenario has no trigger.
    """
    if len(vary) != 2:
        raise UsageError(
            f"a map has two keys, not {len(vary)}; for example --vary 'faults[0].rate=x2..x12:20' twice"
        )
    if not 0.0 < precision < 0.5:
        raise UsageError(f"precision {precision:g} is not more than 0 and less than 0.5; for example 0.05")
    if judge is None:
        own = Judge(judging, jobs)
        return basin_map(
            scenario,
            vary,
            precision=precision,
            confidence=confidence,
            few=few,
            most=most,
            progress=progress,
            judge=own,
        )
    paths = tuple(vary)
    values = [axis_values(path, wanted) for path, wanted in vary.items()]
    if math.prod(len(one) for one in values) > MOST_CELLS:
        raise UsageError(f"a map of {len(values[0])} × {len(values[1])} cells; the most are {MOST_CELLS:,}")
    scenarios = {cell: _varied(scenario, paths, values, cell) for cell in _cells(values)}
    cells = [[(n, 0) for n in range(len(values[0]))], [(0, n) for n in range(len(values[1]))]]
    first, second = (
        axis(path, one, [number_at(scenarios[cell], path) for cell in along], scenario)
        for path, one, along in zip(paths, values, cells, strict=True)
    )
    spending = _Spending(precision, confidence, few, most)
    return _mapped(judge, scenario, (first, second), scenarios, spending, progress)


def trigger_map(
    scenario: Scenario,
    judge: Judge,
    *,
    factors: Sequence[float] = FACTORS,
    precision: float = PRECISION,
    confidence: float = CONFIDENCE,
    few: int = FEW,
    most: int = MOST_RUNS,
    progress: Progress | None = None,
) -> Basin:
    """The map over the trigger itself: its duration, and its height; the load where it has none, as of a pause.

    Args:
        scenario: it must have a trigger.
        judge: runs the scenarios.
        factors: on either, 1 being as written.
        precision: as for `basin_map`, and so are the others.
        confidence: of the intervals.
        few: runs of a cell far from the boundary.
        most: runs of a cell at the most.
        progress: told the share that is done, 0 to 1; a guess.
    """
    higher, name = (heightened, "height of the trigger") if has_height(scenario) else (scaled, "load")
    limit = highest(scenario)
    heights = tuple(dict.fromkeys(min(factor, limit) for factor in factors))
    scenarios = {
        cell: lengthened(higher(scenario, heights[cell[0]]), factors[cell[1]])
        for cell in _cells([heights, tuple(factors)])
    }
    first = Axis(name, tuple(f"x{factor:g}" for factor in heights), heights, True, 1.0)
    second = Axis(
        "duration of the trigger", tuple(f"x{factor:g}" for factor in factors), tuple(factors), True, 1.0
    )
    spending = _Spending(precision, confidence, few, most)
    return _mapped(judge, scenario, (first, second), scenarios, spending, progress)


@dataclass(frozen=True)
class _Spending:
    """How narrow intervals must be near the boundary, and how many runs that may cost."""

    precision: float
    confidence: float
    few: int
    most: int


def _mapped(
    judge: Judge,
    scenario: Scenario,
    axes: tuple[Axis, Axis],
    scenarios: Mapping[Cell, Scenario],
    spending: _Spending,
    progress: Progress | None,
) -> Basin:
    """The map over these scenarios: a few runs of each, then more where recovery and collapse meet."""
    horizon = judge.judging.horizon or default_horizon(scenario, trigger_of(scenario))
    found = {cell: Fates(judge.case(one, horizon=horizon), ()) for cell, one in scenarios.items()}
    found = _with_more(judge, found, dict.fromkeys(found, spending.few), _part(progress, 0.0, 0.1))
    begun = 0.1
    while wanted := _wanted(found, spending.precision, spending.confidence, spending.most):
        share = 0.3 + 0.7 * begun
        found = _with_more(judge, found, wanted, _part(progress, begun, share))
        begun = share
    near = frozenset(_near(found))
    return Basin(scenario, axes, found, near, horizon, spending.precision, spending.confidence)


def runs_for(share: float, precision: float, confidence: float = CONFIDENCE) -> int:
    """The runs after which Wilson's interval of a share has this half-width."""
    low, high = 1, 1 << 20
    while low < high:
        middle = (low + high) // 2
        ends = wilson(share * middle, middle, confidence)
        if (ends[1] - ends[0]) / 2.0 <= precision:
            high = middle
        else:
            low = middle + 1
    return low


def _cells(values: Sequence[Sequence[Any]]) -> Iterator[Cell]:
    return itertools.product(range(len(values[0])), range(len(values[1])))


def _varied(
    scenario: Scenario, paths: tuple[str, ...], values: Sequence[tuple[Any, ...]], cell: Cell
) -> Scenario:
    """The scenario of a cell. A value that it cannot have is an error of usage, said once."""
    changes = {path: one[place] for path, one, place in zip(paths, values, cell, strict=True)}
    try:
        return scenario.set(changes)
    except ScenarioError as error:
        raise UsageError(f"--vary: {error.problems[0].path}: {error.problems[0].text}") from None


def _with_more(
    judge: Judge, found: Mapping[Cell, Fates], runs: Mapping[Cell, int], progress: Progress | None
) -> dict[Cell, Fates]:
    """The map with so many more runs in some cells."""
    cells = list(runs)
    more = judge.more([found[cell] for cell in cells], [runs[cell] for cell in cells], progress)
    return {**found, **dict(zip(cells, more, strict=True))}


def _wanted(found: Mapping[Cell, Fates], precision: float, confidence: float, most: int) -> dict[Cell, int]:
    """The runs that cells near the boundary need, as far as can be told; never more than there are, twice over."""
    wanted = {}
    for cell in _near(found):
        fates = found[cell]
        low, high = fates.interval(confidence)
        if (high - low) / 2.0 <= precision or fates.runs >= most:
            continue
        needed = runs_for(fates.probability if fates.open < fates.runs else 0.5, precision, confidence)
        more = max(1, min(needed, most, 4 * fates.runs) - fates.runs)
        wanted[cell] = min(more, most - fates.runs)
    return wanted


def _near(found: Mapping[Cell, Fates]) -> list[Cell]:
    """The cells near the boundary."""
    return [
        cell
        for cell, fates in found.items()
        if MIXED <= fates.recovered / fates.runs <= 1.0 - MIXED
        or any(_mostly(found[other]) != _mostly(fates) for other in _around(cell, found))
    ]


def _mostly(fates: Fates) -> bool:
    """Whether most runs recovered."""
    return 2 * fates.recovered > fates.runs


def _around(cell: Cell, cells: Mapping[Cell, Any]) -> Iterator[Cell]:
    for a, b in itertools.product((-1, 0, 1), repeat=2):
        other = (cell[0] + a, cell[1] + b)
        if other != cell and other in cells:
            yield other


def _part(progress: Progress | None, begin: float, end: float) -> Callable[[float], None] | None:
    """A progress over a part of the whole."""
    return None if progress is None else lambda share: progress(begin + (end - begin) * share)


def _known(value: float) -> float:
    """A time, NaN where it is not reached."""
    return value if math.isfinite(value) else math.nan
