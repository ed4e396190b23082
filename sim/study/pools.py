"""Pools of workers behind one seam, `concurrent.futures.Executor`: processes, dask's cluster, or an executor given."""

from __future__ import annotations

import logging
import multiprocessing
import os
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from contextlib import suppress
from multiprocessing.connection import wait
from typing import Any, Final, Protocol

from sim.errors import UsageError, WorkerError

PATIENCE: Final = 10.0
"""Seconds to reach a scheduler."""

AHEAD: Final = 2
"""Tasks for each worker: one in hand and one that waits, so that none is idle while a result travels."""


_LOGGERS: Final = ("distributed.client", "distributed.utils")


class Pool(Protocol):
    """Workers that tasks are handed to.

    Attributes:
        lost: errors of a task that was lost with its worker, beside BrokenExecutor.
        grace: seconds that tasks under way may take to stop.
    """

    lost: tuple[type[BaseException], ...]
    grace: float

    @property
    def room(self) -> int:
        """How many tasks may be under way."""

    def submit(self, work: Callable[..., Any], *arguments: Any) -> Future[Any]:
        """Hands out a task."""

    def renew(self) -> None:
        """Makes the pool fit for work again, after a task was lost."""

    def why(self, error: BaseException) -> str:
        """What to look at when tasks are lost again and again."""

    def stop(self, running: Sequence[Future[Any]]) -> None:
        """Wants no more of the tasks under way."""

    def close(self) -> None:
        """Lets the workers go."""


class Processes:
    """Processes of this machine, which end when this one does, however it ends."""

    lost: tuple[type[BaseException], ...] = ()
    grace = 5.0

    def __init__(self, workers: int) -> None:
        self.workers = workers
        # Not forked: a fork of a process with threads may hold locks for ever.
        self._context = multiprocessing.get_context("spawn")
        self._stop = self._context.RawValue("b", 0)  # without a lock, which a killed worker could keep
        self._executor = self._made()

    @property
    def room(self) -> int:
        """Two for each process."""
        return AHEAD * self.workers

    def submit(self, work: Callable[..., Any], *arguments: Any) -> Future[Any]:
        """Hands out a task."""
        return self._executor.submit(work, *arguments)

    def renew(self) -> None:
        """Other processes, as one that is killed breaks the pool."""
        self._executor.shutdown(wait=True, cancel_futures=True)
        self._executor = self._made()

    def why(self, error: BaseException) -> str:
        """Memory, or a script that begins again in each process."""
        return (
            f"{error} Is there too little memory? A script that uses processes begins its work under "
            "`if __name__ == '__main__':`"
        )

    def stop(self, running: Sequence[Future[Any]]) -> None:
        """Tells the processes, which look at it ten times a second."""
        self._stop.value = 1
        for future in running:
            future.cancel()

    def close(self) -> None:
        """Waits for the processes to end."""
        self._executor.shutdown(wait=True, cancel_futures=True)

    def _made(self) -> ProcessPoolExecutor:
        return ProcessPoolExecutor(self.workers, self._context, initializer=_begin, initargs=(self._stop,))


class Dask:
    """The workers of a dask scheduler, on this machine or on many."""

    grace = 0.0  # they cannot be interrupted: what they have in hand is left to them

    def __init__(self, scheduler: str) -> None:
        try:
            from distributed import Client, KilledWorker
        except ImportError:
            raise UsageError("dask is not installed here; write pip install 'forebay[distributed]'") from None
        self.lost: tuple[type[BaseException], ...] = (KilledWorker,)
        self.scheduler = scheduler
        try:
            self._client: Any = Client(scheduler, timeout=PATIENCE, set_as_default=False)
        except (OSError, ValueError, TimeoutError) as error:
            said = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise WorkerError(f"no dask scheduler answers at {scheduler}: {said}") from None
        self._executor = self._client.get_executor(pure=False)
        # What it would log of a scheduler that is gone, traceback and all, is said in an error of ours.
        self._levels = {logger: logger.level for logger in map(logging.getLogger, _LOGGERS)}
        for logger in self._levels:
            logger.setLevel(logging.CRITICAL)
        self._looked, self._threads = -PATIENCE, 1

    @property
    def room(self) -> int:
        """Two for each thread of each worker there is now: they come and go."""
        if time.monotonic() > self._looked + 1.0:
            self._looked = time.monotonic()
            try:
                self._threads = sum(self._client.nthreads().values())
            except (OSError, TimeoutError):
                raise self._gone() from None
        return AHEAD * max(1, self._threads)

    def submit(self, work: Callable[..., Any], *arguments: Any) -> Future[Any]:
        """Hands out a task."""
        try:
            submitted: Future[Any] = self._executor.submit(work, *arguments)
        except (OSError, RuntimeError):
            raise self._gone() from None
        return submitted

    def renew(self) -> None:
        """The scheduler has others already; it itself must be there."""
        if self._client.status != "running":
            raise self._gone()

    def why(self, error: BaseException) -> str:
        """Memory of the workers, or their logs."""
        return f"{error} Have they too little memory? Their logs say more."

    def stop(self, running: Sequence[Future[Any]]) -> None:
        """Cancels what no worker has begun."""
        for future in running:
            future.cancel()

    def close(self) -> None:
        """Leaves the cluster to others."""
        with suppress(OSError, TimeoutError):
            self._client.close()
        for logger, level in self._levels.items():
            logger.setLevel(level)

    def _gone(self) -> WorkerError:
        return WorkerError(f"the dask scheduler at {self.scheduler} has gone")


class Given:
    """An executor of somebody else, who closes it."""

    lost: tuple[type[BaseException], ...] = ()
    grace = 5.0

    def __init__(self, executor: Executor, jobs: int | None) -> None:
        self._executor = executor
        self.room = AHEAD * (jobs or os.cpu_count() or 1)

    def submit(self, work: Callable[..., Any], *arguments: Any) -> Future[Any]:
        """Hands out a task."""
        return self._executor.submit(work, *arguments)

    def renew(self) -> None:
        """Only its owner could."""

    def why(self, error: BaseException) -> str:
        """What it says itself."""
        return str(error)

    def stop(self, running: Sequence[Future[Any]]) -> None:
        """Cancels what has not begun."""
        for future in running:
            future.cancel()

    def close(self) -> None:
        """It is not ours."""


_stopped: Any = None
"""In a process of `Processes`: whether its work is still wanted."""


def tell_of_worker(share: float) -> None:
    """What work in another process calls now and then: it ends when nobody wants its result any more."""
    del share
    if _stopped is not None and _stopped.value:
        raise KeyboardInterrupt


def _begin(stopped: Any) -> None:
    """Prepares a process of `Processes`."""
    global _stopped  # noqa: PLW0603  # what a worker knows has no other place
    _stopped = stopped
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """A process whose parent was killed would wait for its next task for ever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)
