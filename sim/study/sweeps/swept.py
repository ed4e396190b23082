"""What a sweep found: a tidy table of every figure at every point."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from sim.measure.plain import plain_row
from sim.measure.versions import versions
from sim.scenario.metrics import SCHEMA_VERSION, unit_of
from sim.study.axes import Axis, axis
from sim.study.sweeps.design import Design, written
from sim.study.sweeps.ledger import Record

if TYPE_CHECKING:
    import pandas as pd

    from sim.scenario.scenario import Scenario


FEW: Final = 6
"""Figures that stand beside each other at the most."""

HEADLINE: Final = ("success_ratio", "latency_p99", "utilization")


@dataclass(frozen=True, repr=False)
class Sweep:
    """The figures of one scenario at many points.

    Attributes:
        scenario: as it was swept, with the seed, the engine and the replications that were used.
        design: the points.
        hashes: the hash of the scenario at each point.
        records: what was measured, by those hashes; points that are not finished are missing.
    """

    scenario: Scenario
    design: Design
    hashes: tuple[str, ...]
    records: Mapping[str, Record]

    @property
    def finished(self) -> int:
        """How many points have their result."""
        return sum(name in self.records for name in self.hashes)

    @cached_property
    def axes(self) -> tuple[Axis, ...]:
        """The keys, each with its values and numbers in the order of the points."""
        found = []
        for place, path in enumerate(self.design.paths):
            read = [
                self.records[name]["numbers"][place] if name in self.records else None for name in self.hashes
            ]
            values = tuple(point[place] for point in self.design.points)
            found.append(axis(path, values, read, self.scenario))
        return tuple(found)

    @cached_property
    def points(self) -> pd.DataFrame:
        """A row for each point: point, the values of its keys as written, hash, verdict of its objectives, error.

        `error` says why a point could not be run; `verdict` is as in `Results.verdict`, empty where there is none.
        """
        import pandas as pd

        rows = [
            (number, *values, name, self._of(name, "verdict"), self._of(name, "error"))
            for number, (values, name) in enumerate(zip(self.design.written, self.hashes, strict=True))
        ]
        return pd.DataFrame(rows, columns=["point", *self.design.paths, "hash", "verdict", "error"])

    @cached_property
    def table(self) -> pd.DataFrame:
        """Every figure: point, the values of its keys, subject, metric, mean, low, high, n, unit, method.

        A key's values are in base units (s, per s, ratio) where they are numbers, and else as they are written.
        """
        import pandas as pd

        columns = [_column(each) for each in self.axes]
        rows = [
            (number, *(column[number] for column in columns), *figure[:6], unit_of(figure[1]), figure[6])
            for number, name in enumerate(self.hashes)
            for figure in self._of(name, "rows") or ()
        ]
        names = ["subject", "metric", "mean", "low", "high", "n", "unit", "method"]
        return pd.DataFrame(rows, columns=["point", *self.design.paths, *names])

    @property
    def headline(self) -> list[tuple[str, str]]:
        """(subject, metric) to show first: those of the objectives, else what a service is sized by; of few, all.

        Clients are left out where their traffic has the figure.
        """
        every = {(row[0], row[1]): None for record in self.records.values() for row in record["rows"]}
        of_traffic = {metric for subject, metric in every if subject.startswith("traffic:")}
        kept = [pair for pair in every if not (pair[0].startswith("client:") and pair[1] in of_traffic)]
        if len(kept) <= FEW:
            return kept
        asked = dict.fromkeys((wanted.subject, wanted.metric) for wanted in self.scenario.objectives)
        found = [pair for pair in asked if pair in kept]
        return found or [pair for pair in kept if pair[1] in HEADLINE][:FEW]

    @property
    def failed(self) -> dict[int, str]:
        """Points that could not be run, and why."""
        return {n: error for n, name in enumerate(self.hashes) if (error := self._of(name, "error"))}

    def to_json(self) -> dict[str, Any]:
        """The sweep as plain values for JSON: the same seed gives the same bytes."""
        return {
            "schema_version": SCHEMA_VERSION,
            "scenario": self.scenario.name,
            "hash": self.scenario.hash,
            "seed": self.scenario.run.seed,
            "engine": self.scenario.run.engine,
            "replications": self.scenario.run.replications,
            "versions": versions(),
            "sample": self.design.kind,
            "keys": list(self.design.paths),
            "points": [
                {
                    "values": self.design.changes(number),
                    "hash": name,
                    "verdict": self._of(name, "verdict"),
                    "error": self._of(name, "error"),
                    "summary": [_figure(row) for row in self._of(name, "rows") or ()],
                }
                for number, name in enumerate(self.hashes)
            ],
        }

    def _of(self, name: str, what: str) -> Any:
        return self.records[name][what] if name in self.records else ""

    def __repr__(self) -> str:
        return f"<Sweep of {self.scenario.name}: {self.finished:,} of {len(self.hashes):,} points>"

    def _repr_html_(self) -> str:
        return self.table.to_html(index=False, max_rows=60)


def _column(each: Axis) -> Sequence[Any]:
    """The values of a key for a table: numbers where they all are, else as they are written."""
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in each.values):
        return each.values
    return each.numbers if each.numeric else [written(value) for value in each.values]


def _figure(row: Sequence[Any]) -> dict[str, Any]:
    """A figure as plain values for JSON, what is not finite as None."""
    names = ("subject", "metric", "mean", "low", "high", "n", "method")
    return {**plain_row(dict(zip(names, row, strict=True))), "unit": unit_of(row[1])}
