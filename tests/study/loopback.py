"""A dask cluster on loopback: a scheduler and its workers, each a process of its own that may be killed."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 120.0


@dataclass(frozen=True)
class Cluster:
    """Where the scheduler is, and the processes."""

    address: str
    scheduler: subprocess.Popen[bytes]
    workers: tuple[subprocess.Popen[bytes], ...]


@contextmanager
def cluster(folder: Path, workers: int) -> Iterator[Cluster]:
    """So many workers of one thread each, ready for work; `folder` is for their logs."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    said = folder / "scheduler.json"
    options = ("--no-dashboard", "--scheduler-file", str(said))
    running: list[subprocess.Popen[bytes]] = []
    with (folder / "cluster.log").open("wb") as log:

        def begin(module: str, *words: str) -> None:
            command = (sys.executable, "-m", f"distributed.cli.dask_{module}", *options, *words)
            running.append(subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log))

        try:
            begin("scheduler", "--host", "127.0.0.1", "--port", "0")
            for number in range(workers):
                begin("worker", "--no-nanny", "--nthreads", "1", "--name", str(number))
            yield Cluster(_address(said, workers), running[0], tuple(running[1:]))
        finally:
            for process in reversed(running):
                process.kill()
                process.wait()


def _address(said: Path, workers: int) -> str:
    """The scheduler's, once all workers are there."""
    from distributed import Client

    limit = time.monotonic() + PATIENCE
    while not said.exists():
        assert time.monotonic() < limit
        time.sleep(0.1)
    with Client(scheduler_file=str(said), set_as_default=False, timeout=PATIENCE) as client:
        client.wait_for_workers(workers, timeout=PATIENCE)
        return str(client.scheduler.address)
