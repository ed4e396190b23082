"""A sweep of ten thousand points that is killed: by `kill -9`, twice, and by the loss of a worker of a cluster."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks import subjects
from benchmarks.page import ROOT, paragraph, table, verdict, write_section
from tests.study.loopback import cluster

POINTS = 10_000
KILLED_AT = (0.3, 0.7)
"""Shares of the points that are finished when the process is killed."""
WORDS = (
    *("--vary", "services.api.workers=1..10"),
    *("--vary", "traffic.web.arrivals.rate=5/s..100/s:50"),
    *("--vary", "clients.app.retry.attempts=1..4", "--vary", "services.api.queue.capacity=5..40:5"),
    *("--metric", "success_ratio", "--metric", "latency_p99", "--metric", "utilization", "--format", "csv"),
)


def start(file: Path, folder: Path, *words: str) -> subprocess.Popen[bytes]:
    """The sweep, in a process of its own."""
    command = [sys.executable, "-m", "sim", "sweep", str(file), *WORDS, "--out", str(folder), *words]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment)


def results(folder: Path) -> list[bytes]:
    """The digest of every result that is written."""
    parts = sorted((folder / "parts").glob("*.jsonl"))
    return [line.split(b" ")[0] for part in parts for line in part.read_bytes().split(b"\n")[:-1]]


def wait_for(running: subprocess.Popen[bytes], folder: Path, share: float) -> None:
    """Waits until that share of the points is finished."""
    while len(results(folder)) < share * POINTS:
        if running.poll() is not None:
            raise RuntimeError(f"the sweep ended with status {running.returncode}, before it could be killed")
        time.sleep(0.2)


def finish(running: subprocess.Popen[bytes]) -> None:
    """Waits for the end, which must be a good one."""
    if running.wait() != 0:
        raise RuntimeError(f"the sweep ended with status {running.returncode}")


def undisturbed(file: Path, folder: Path) -> None:
    """On threads, from beginning to end."""
    finish(start(file, folder))


def killed_twice(file: Path, folder: Path) -> None:
    """On processes, killed at a third and at two thirds of its way; the last third on threads."""
    for share in KILLED_AT:
        running = start(file, folder, "--executor", "processes")
        wait_for(running, folder, share)
        running.send_signal(signal.SIGKILL)
        running.wait()
    finish(start(file, folder))


def on_a_cluster(file: Path, folder: Path) -> None:
    """On a scheduler and three workers on loopback, one of them killed on the way."""
    with tempfile.TemporaryDirectory() as logs, cluster(Path(logs), 3) as there:
        running = start(file, folder, "--scheduler", there.address)
        wait_for(running, folder, KILLED_AT[0])
        there.workers[0].send_signal(signal.SIGKILL)
        there.workers[0].wait()
        finish(running)


@dataclass(frozen=True)
class Outcome:
    """What one way came to: wall seconds, the results written, how many of them are different, the table's SHA-256."""

    seconds: float
    written: int
    different: int
    digest: str


WAYS: Final[dict[str, Callable[[Path, Path], None]]] = {
    "undisturbed, on threads": undisturbed,
    "processes, `kill -9` at 30 % and at 70 %": killed_twice,
    "dask, one of three workers killed at 30 %": on_a_cluster,
}


def outcome(way: Callable[[Path, Path], None], folder: Path) -> Outcome:
    """Carries out one way, in a new folder."""
    file = folder / "short.yaml"
    file.write_text(subjects.SHORT, encoding="utf-8")
    began = time.perf_counter()
    way(file, folder / "swept")
    seconds = time.perf_counter() - began
    found = results(folder / "swept")
    digest = hashlib.sha256((folder / "swept" / "results.csv").read_bytes()).hexdigest()
    return Outcome(seconds, len(found), len(set(found)), digest)


def write(found: Mapping[str, Outcome]) -> bool:
    """Writes the section; whether the tables are the same, and every point was done once."""
    same = len({one.digest for one in found.values()}) == 1
    once = all((one.written, one.different) == (POINTS, POINTS) for one in found.values())
    rows = [
        (name, f"{one.seconds:.0f} s", f"{one.written:,}", f"{one.different:,}", f"`{one.digest[:16]}`")
        for name, one in found.items()
    ]
    text = (
        "## A sweep that is killed\n\n"
        + paragraph(
            f"{POINTS:,} points over four keys of a retrying queue, `forebay sweep … --out DIR`, in each of the ways.",
            "Results are those written in the folder; each has its own digest, so that one done twice would be counted",
            "twice.",
        )
        + table(("how", "wall", "results written", "different", "SHA-256 of the table"), rows)
        + "\n### Limits\n\n"
        + f"- the table is the same, byte for byte: {verdict(same)}.\n"
        + f"- every point is done once, and none is lost: {verdict(once)}.\n"
    )
    write_section("sweep", text)
    return same and once


def main() -> bool:
    """Sweeps in each way; whether the tables are the same."""
    found = {}
    for name, way in WAYS.items():
        with tempfile.TemporaryDirectory() as folder:
            found[name] = outcome(way, Path(folder))
        print(name, found[name], flush=True)
    return write(found)
