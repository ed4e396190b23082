# mypy: disable-error-code="import-not-found"
"""LDES, the discrete-event simulator of LINE: a native program that its package brings along."""

from __future__ import annotations

import resource
from importlib.metadata import version
from typing import Any

from line_solver import (
    DropStrategy,
    Exp,
    GlobalConstants,
    Network,
    OpenClass,
    Queue,
    SchedStrategy,
    Sink,
    SolverLDES,
    Source,
    VerboseLevel,
)

from benchmarks.peers.protocol import STATIONS, TINY, Answer, Station, answer

GlobalConstants.set_verbose(VerboseLevel.SILENT)


def network(station: Station) -> Any:
    """One queue; its capacity counts those in service too."""
    model = Network("station")
    source, queue, sink = (
        Source(model, "Source"),
        Queue(model, "Queue", SchedStrategy.FCFS),
        Sink(model, "Sink"),
    )
    jobs = OpenClass(model, "Jobs")
    source.setArrival(jobs, Exp(station.rate))
    queue.setService(jobs, Exp(1.0))
    queue.setNumberOfServers(station.workers)
    if station.inside is not None:
        queue.setCapacity(station.inside)
        queue.setDropRule(jobs, DropStrategy.Drop)
    model.link(Network.serialRouting(source, queue, sink))
    return model


def cpu() -> float:
    """Of this process, and of the programs that it ran to their end."""
    both = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in both)


def run(station: Station, completions: int, seed: int) -> tuple[float, float, float]:
    """(CPU seconds, completions an arrival, mean time inside) of a run of so many completions."""
    solver = SolverLDES(network(station), samples=completions, seed=seed, verbose="silent")
    began = cpu()
    solver.runAnalyzer()
    spent = cpu() - began
    row = solver.getAvgTable().query("Station == 'Queue'").iloc[0]
    return spent, float(row["Tput"]) / station.rate, float(row["RespT"])


def measure(model: str, requests: int, seed: int, _: str) -> Answer:
    """A run less a tiny one: without the program's start, the model's file and its parsing."""
    station = STATIONS[model]
    run(station, TINY, seed)
    start = run(station, TINY, seed)[0]
    spent, admitted, sojourn = run(station, requests, seed)
    arrived = requests if station.inside is None else round(requests / admitted)
    return Answer(arrived - TINY, spent - start, sojourn, version("line-solver"))


if __name__ == "__main__":
    answer(measure)
