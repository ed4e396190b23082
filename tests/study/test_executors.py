"""One seam for work elsewhere: in order, with its first error, stopped by Ctrl-C, whole though workers are killed."""

import os
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import psutil
import pytest

import sim
from sim.errors import UsageError, WorkerError
from sim.study.executors import on_executor, refuse_wrong
from sim.study.threads import Stopped
from tests.study import pieces
from tests.study.loopback import cluster
from tests.study.sweeps.test_sweep import TEXT


@pytest.mark.parametrize("executor", ["threads", "given"])
def test_results_are_in_order_and_arrive_one_by_one(executor: str) -> None:
    told: list[float] = []
    arrived: dict[int, int] = {}
    with ThreadPoolExecutor(3) as given:
        found = on_executor(
            pieces.square,
            range(500),
            executor=given if executor == "given" else "threads",
            jobs=3,
            progress=told.append,
            arrived=arrived.__setitem__,
        )
        assert found == [number * number for number in range(500)]
        assert given.submit(abs, -1).result() == 1  # it is left open
    assert arrived == dict(enumerate(found))
    assert told[-1] == 1.0
    assert on_executor(pieces.square, []) == []


def test_the_first_error_is_raised_and_what_came_before_it_has_arrived() -> None:
    arrived: list[int] = []
    with ThreadPoolExecutor(1) as given, pytest.raises(ValueError, match="third"):
        on_executor(
            pieces.refuse_three,
            range(100),
            executor=given,
            jobs=1,
            arrived=lambda place, _: arrived.append(place),
        )
    assert arrived[:3] == [0, 1, 2]
    assert 3 not in arrived


def test_killed_processes_lose_nothing(tmp_path: Path) -> None:
    work = partial(pieces.kill_once, str(tmp_path))
    found = on_executor(work, range(20), executor="processes", jobs=2)
    assert found == [number * number for number in range(20)]
    assert len(list(tmp_path.iterdir())) == 2  # both were killed, and done again
    assert not _workers(os.getpid())


def test_workers_that_always_end_are_no_accident() -> None:
    with pytest.raises(WorkerError, match="ended 3 times without a result"):
        on_executor(pieces.kill, [1], executor="processes", jobs=1)


def test_an_interrupt_stops_processes_in_their_midst() -> None:
    main = threading.get_ident()

    def interrupt(_place: int, _result: int) -> None:
        threading.Timer(0.2, signal.pthread_kill, (main, signal.SIGINT)).start()

    began = time.monotonic()
    with pytest.raises(Stopped) as stopped:
        on_executor(pieces.wait, [0, 1, 2], executor="processes", jobs=2, arrived=interrupt)
    assert stopped.value.done == {0: 0}
    assert time.monotonic() - began < 25.0  # a piece takes 30 s
    assert not _workers(os.getpid())


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"executor": "ray"}, "none of threads, processes, dask"),
        ({"executor": "dask"}, "needs the address of its scheduler"),
        ({"scheduler": "tcp://127.0.0.1:1"}, "write --executor dask --scheduler"),
        ({"executor": "processes", "jobs": 0}, "a whole number from 1"),
        ({"executor": "dask", "scheduler": "tcp://127.0.0.1:1", "jobs": 2}, "workers that its scheduler has"),
    ],
)
def test_executors_that_make_no_sense(options: dict[str, object], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        on_executor(pieces.square, [1], **options)  # type: ignore[arg-type]


def _workers(parent: int) -> list[psutil.Process]:
    """Processes of a pool below a process."""
    return [one for one in psutil.Process(parent).children() if "spawn_main" in " ".join(one.cmdline())]


def test_a_killed_worker_of_a_cluster_loses_nothing(tmp_path: Path) -> None:
    pytest.importorskip("distributed")
    scenario = sim.loads(TEXT)
    vary = {"services.api.workers": "1..3", "traffic.web.arrivals.rate": "5/s..40/s:30"}
    arrived: list[float] = []

    with cluster(tmp_path, 2) as there:
        victim = there.workers[0]

        def kill(share: float) -> None:
            arrived.append(share)
            if share > 0.1 and victim.poll() is None:
                victim.kill()
                victim.wait()

        swept = sim.sweep(
            scenario,
            vary,
            metrics=["utilization", "rejected_ratio"],
            executor="dask",
            scheduler=there.address,
            progress=kill,
            folder=tmp_path / "swept",
        )
        assert victim.returncode == -signal.SIGKILL
        # A scheduler that goes is an error, said in a sentence.
        with pytest.raises(WorkerError, match="has gone"):
            on_executor(
                pieces.wait,
                [0, 1],
                executor="dask",
                scheduler=there.address,
                arrived=lambda *_: there.scheduler.kill(),
            )
    assert arrived[-1] == 1.0
    here = sim.sweep(scenario, vary, metrics=["utilization", "rejected_ratio"])
    assert swept.table.equals(here.table)
    lines = [
        line for part in (tmp_path / "swept" / "parts").iterdir() for line in part.read_bytes().splitlines()
    ]
    assert len(lines) == len(swept.hashes) == 90


def test_a_scheduler_that_is_not_there_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("distributed")
    monkeypatch.setattr("sim.study.pools.PATIENCE", 0.5)
    with pytest.raises(WorkerError, match=r"no dask scheduler answers at tcp://127\.0\.0\.1:1"):
        on_executor(pieces.square, [1], executor="dask", scheduler="tcp://127.0.0.1:1")


def test_what_is_no_address_of_a_scheduler_is_refused_at_once() -> None:
    with pytest.raises(UsageError, match="foo is no address of a scheduler; for example"):
        refuse_wrong("dask", "foo", None)
    for address in ("tcp://10.0.0.1:8786", "tls://scheduler:8786", "localhost:8786"):
        refuse_wrong("dask", address, None)
