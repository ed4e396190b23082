"""Work on threads, on processes or on the machines of a cluster: one call, one seam (`concurrent.futures.Executor`).

What is done must not depend on where: then the results are the same anywhere. Small pieces go together in tasks, since
handing one to another process costs about as long as a small run. What a killed worker had in hand is handed out again.
"""

from __future__ import annotations

import os
import queue
import re
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import BrokenExecutor, CancelledError, Executor, Future
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeVar

from sim.errors import UsageError, WorkerError
from sim.study.pools import Dask, Given, Pool, Processes, tell_of_worker
from sim.study.threads import LOOK, Pieces, Tell, on_threads

TASK: Final = 0.25
"""Seconds that a task should take: at least 100 ms, so that handing it out costs little beside it."""

MOST_LOST: Final = 3
"""Tasks lost in a row, without a result between, after which it is no accident."""

Kind = Literal["threads", "processes", "dask"]
_ADDRESS: Final = re.compile(r"([a-z][a-z0-9+.-]*://.+|[^/:]+:[0-9]{1,5})")
"""With a protocol, or a host and its port."""

KINDS: Final[tuple[Kind, ...]] = ("threads", "processes", "dask")

T = TypeVar("T")
R = TypeVar("R")


def on_executor(
    work: Callable[[T, Tell], R],
    items: Sequence[T],
    *,
    executor: Kind | Executor = "threads",
    scheduler: str | None = None,
    jobs: int | None = None,
    task: float = TASK,
    progress: Tell | None = None,
    arrived: Callable[[int, R], None] | None = None,
) -> list[R]:
    """The results of `work(item, tell)` for each item, in order, wherever it is done.

    Args:
        work: a piece of work; it calls `tell` now and then. On other executors than threads, it and the items are
            pickled: a function of a module, or a partial of one.
        items: what is worked on.
        executor: `threads` of this process; `processes` of this machine; `dask`, the workers of a scheduler; or any
            Executor, which is left open.
        scheduler: the address of dask's, such as `tcp://10.0.0.1:8786`.
        jobs: threads or processes; the machine's cores if None. A cluster has as many workers as it has.
        task: seconds that a task should take where pieces are handed out; 0 for one piece a task.
        progress: told the share of all work that is done, now and then.
        arrived: told the place and the result of each piece as soon as it is there, in the caller's own thread.

    Raises:
        UsageError: an unknown executor, or a scheduler where none is due, or none where one is.
        WorkerError: the scheduler cannot be reached, or workers end again and again.
        Stopped: Ctrl-C. The first error of a piece of work stops the others and is raised as it is.
    """
    refuse_wrong(executor, scheduler, jobs)
    if executor == "threads":
        return on_threads(lambda place, tell: work(items[place], tell), len(items), jobs, progress, arrived)
    pieces = Pieces(len(items))
    deal = _Dealer(work, items, lambda: _pool(executor, scheduler, jobs), task, pieces)
    return pieces.gather([threading.Thread(target=deal.out)] if items else [], progress, arrived)


def refuse_wrong(executor: Kind | Executor, scheduler: str | None, jobs: int | None) -> None:
    """Raises UsageError for an executor that is none, or a scheduler, or jobs, that do not go with it."""
    if not isinstance(executor, Executor) and executor not in KINDS:
        raise UsageError(
            f"executor {executor!r} is none of {', '.join(KINDS)}; for example executor='processes'"
        )
    if executor == "dask" and scheduler is None:
        raise UsageError(
            "dask needs the address of its scheduler; for example --scheduler tcp://127.0.0.1:8786"
        )
    if executor != "dask" and scheduler is not None:
        raise UsageError(
            f"a scheduler ({scheduler}) is dask's: write --executor dask --scheduler {scheduler}"
        )
    if scheduler is not None and not _ADDRESS.fullmatch(scheduler):
        raise UsageError(
            f"{scheduler} is no address of a scheduler; for example --scheduler tcp://127.0.0.1:8786"
        )
    if jobs is not None and (jobs < 1 or executor == "dask"):
        what = (
            "dask has the workers that its scheduler has" if jobs > 0 else "a whole number from 1 is wanted"
        )
        raise UsageError(f"jobs {jobs}: {what}; for example --executor processes --jobs 2")


def _pool(executor: Kind | Executor, scheduler: str | None, jobs: int | None) -> Pool:
    if isinstance(executor, Executor):
        return Given(executor, jobs)
    return Dask(scheduler) if scheduler is not None else Processes(jobs or os.cpu_count() or 1)


@dataclass(frozen=True)
class _Done:
    """What came of a task: the results of its first pieces, the error of the next if there was one, and the time."""

    results: list[Any]
    error: BaseException | None
    seconds: float


def carry_out(work: Callable[[Any, Tell], Any], items: Sequence[Any]) -> _Done:
    """A task: some pieces of work, one after the other, in a worker."""
    began = time.perf_counter()
    results: list[Any] = []
    for item in items:
        try:
            results.append(work(item, tell_of_worker))
        except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001  # raised where the results are gathered
            return _Done(results, error, time.perf_counter() - began)
    return _Done(results, None, time.perf_counter() - began)


class _Dealer:
    """Deals pieces out to a pool, in a thread of its own: Ctrl-C in the main one meets no lock of a future."""

    def __init__(
        self,
        work: Callable[[Any, Tell], Any],
        items: Sequence[Any],
        open_pool: Callable[[], Pool],
        task: float,
        pieces: Pieces,
    ) -> None:
        self.work, self.items, self.open_pool, self.task, self.pieces = work, items, open_pool, task, pieces
        self.waiting = deque(range(len(items)))
        self.running: dict[Future[_Done], list[int]] = {}
        self.came: queue.SimpleQueue[Future[_Done]] = queue.SimpleQueue()
        self.seconds: float | None = None  # of a piece, as far as is known
        self.lost = 0

    def out(self) -> None:
        """Deals all out; tells `pieces` of each result, or of what went wrong."""
        if hasattr(signal, "pthread_sigmask"):
            # Workers begun from here inherit it: Ctrl-C in a terminal is for the main process alone.
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        pool: Pool | None = None
        try:
            pool = self.open_pool()
            while (self.waiting or self.running) and not self.pieces.stopped.is_set():
                self._hand_out(pool)
                self._take_in(pool, LOOK)
        except BaseException as error:  # noqa: BLE001  # told to the main thread, which raises it
            self.pieces.ended.put((0, None, error))
        finally:
            if pool is not None:
                self._wind_up(pool)

    def _hand_out(self, pool: Pool) -> None:
        while self.waiting and len(self.running) < pool.room:
            places = [self.waiting.popleft() for _ in range(self._size(pool.room))]
            try:
                future = pool.submit(carry_out, self.work, [self.items[place] for place in places])
            except BrokenExecutor as error:
                self._lose(pool, places, error)
                return
            self.running[future] = places
            future.add_done_callback(self.came.put)

    def _size(self, room: int) -> int:
        """Pieces of the next task: enough to take its time, yet something is left for everybody; one to begin with."""
        if self.seconds is None:
            return 1
        enough = int(self.task / max(self.seconds, 1e-6)) + 1
        return max(1, min(enough, len(self.waiting) // room))

    def _take_in(self, pool: Pool, patience: float) -> None:
        try:
            future = self.came.get(timeout=patience)
        except queue.Empty:
            return
        places = self.running.pop(future)
        lost: tuple[type[BaseException], ...] = (BrokenExecutor, CancelledError, *pool.lost)
        try:
            done = future.result()
        except lost as error:
            self._lose(pool, places, error)
            return
        self.lost = 0
        if done.results:
            self.seconds = done.seconds / len(done.results)
        for place, result in zip(places, done.results, strict=False):
            self.pieces.ended.put((place, result, None))
        if done.error is not None and not self.pieces.stopped.is_set():
            raise done.error

    def _lose(self, pool: Pool, places: list[int], error: BaseException) -> None:
        """What was lost is handed out again, first of all; a pool that broke is made anew."""
        self.waiting.extendleft(reversed(places))
        if self.pieces.stopped.is_set():
            return
        if isinstance(error, BrokenExecutor) and self.running:
            return  # the others that it had come too; then it is made anew
        self.lost += 1
        if self.lost >= MOST_LOST:
            raise WorkerError(
                f"workers ended {self.lost} times without a result: {pool.why(error)}"
            ) from error
        pool.renew()

    def _wind_up(self, pool: Pool) -> None:
        """Stops what is under way, and keeps what has come."""
        self.pieces.stopped.set()
        pool.stop(list(self.running))
        limit = time.monotonic() + pool.grace
        while self.running and time.monotonic() < limit:
            with suppress(BaseException):  # the first error has been told
                self._take_in(pool, LOOK)
        pool.close()
