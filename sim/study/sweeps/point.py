"""What is done at a point of a sweep, in whatever process: run its scenario if versions agree; keep its figures."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sim.errors import EngineError, WorkerError
from sim.measure.versions import versions
from sim.study.axes import number_at
from sim.study.replicate import run
from sim.study.sweeps.ledger import Record
from sim.study.threads import Tell

if TYPE_CHECKING:
    from sim.scenario.scenario import Scenario


@dataclass(frozen=True)
class Work:
    """What is done at a point, in whatever process: a scenario to change, figures to keep, the version that asks."""

    scenario: Scenario
    wanted: frozenset[tuple[str, str]] | None
    asked_by: Mapping[str, str]
    jobs: int

    def __call__(self, item: tuple[str, Mapping[str, Any]], tell: Tell) -> Record:
        """The record of a point, given the hash of its scenario and its values."""
        name, changes = item
        _refuse_other(self.asked_by, made_by())
        scenario = self.scenario.set(changes)
        if scenario.hash != name:
            raise WorkerError(
                f"{_place()} reads another scenario at {changes}: its data files are not those of where the sweep began"
            )
        numbers = [number_at(scenario, path) for path in changes]
        try:
            results = run(scenario, jobs=self.jobs, progress=tell)
        except EngineError as error:
            return {"hash": name, "numbers": numbers, "verdict": "", "error": str(error), "rows": []}
        rows = [
            [subject, metric, *(row[column] for column in ("mean", "low", "high", "n", "method"))]
            for subject, metric in results.measured
            if self.wanted is None or (subject, metric) in self.wanted
            for row in [results.row(subject, metric)]
        ]
        return {"hash": name, "numbers": numbers, "verdict": results.verdict, "error": "", "rows": rows}


@cache
def made_by() -> dict[str, str]:
    """What decides a figure beside its scenario: versions, and a digest of the package's own sources."""
    known = versions()
    package = Path(__file__).resolve().parents[1]
    sha = hashlib.sha256()
    for part in ("scenario", "engines", "measure"):
        for file in sorted((package / part).glob("*.py")):
            sha.update(file.name.encode() + file.read_bytes())
    return {**{name: known[name] for name in ("forebay", "numpy", "numba")}, "sources": sha.hexdigest()[:16]}


def _refuse_other(asked_by: Mapping[str, str], here: Mapping[str, str]) -> None:
    """Raises WorkerError in a worker that could give other figures than the process that asks."""
    other = [
        f"{name} {here[name]}, not {version}" for name, version in asked_by.items() if here[name] != version
    ]
    if other:
        raise WorkerError(f"{_place()} has {', '.join(other)}: install the same there")


def _place() -> str:
    import socket

    return f"the worker on {socket.gethostname()}"
