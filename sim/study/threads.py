"""Work on threads that Ctrl-C stops for certain: the machine code runs without the interpreter's lock.

Futures would not do: whoever waits for many of them holds a lock of each for a moment, and an interrupt in that moment
leaves locks held for ever.
"""

from __future__ import annotations

import os
import queue
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, TypeVar

LOOK = 0.1
"""Seconds from one look at the progress to the next."""

Tell = Callable[[float], None]
"""Told the share of a piece of work that is done, 0 to 1; raises KeyboardInterrupt if the work is to stop."""

R = TypeVar("R")


class Stopped(KeyboardInterrupt):
    """Ctrl-C while pieces of work were done: `done` holds the results of those that were finished, by their place."""

    def __init__(self, done: Mapping[int, Any]) -> None:
        super().__init__()
        self.done = done


def part(progress: Tell | None, place: int, count: int) -> Tell | None:
    """What the piece of work at a place tells its share, so that `progress` hears that of all `count` of them."""
    return None if progress is None else lambda share: progress((place + share) / count)


class Pieces:
    """Pieces of work under way: what those who work tell the main thread, and whether they are to stop.

    Attributes:
        shares: how much of each piece is done, 0 to 1.
        stopped: set when no more is wanted.
        ended: the place of a piece, its result, and its error if it has one.
    """

    def __init__(self, many: int) -> None:
        self.shares = [0.0] * many
        self.stopped = threading.Event()
        self.ended: queue.SimpleQueue[tuple[int, Any, BaseException | None]] = queue.SimpleQueue()

    def gather(
        self,
        threads: Sequence[threading.Thread],
        progress: Tell | None,
        arrived: Callable[[int, Any], None] | None,
    ) -> list[Any]:
        """Starts the threads that do or deal out the pieces, and waits for all results: see `on_threads`."""
        many = len(self.shares)
        done: dict[int, Any] = {}
        try:
            for thread in threads:
                thread.start()
            looked = time.monotonic()
            while len(done) < many:
                self._take(done, arrived)
                if progress is not None and (len(done) == many or time.monotonic() >= looked + LOOK):
                    looked = time.monotonic()
                    progress(sum(self.shares) / many)
            _join(threads)
        except BaseException as error:
            self.stopped.set()
            _join(threads)
            while not self.ended.empty():
                with suppress(BaseException):
                    self._take(done, arrived)
            if isinstance(error, KeyboardInterrupt):
                raise Stopped(done) from None
            raise
        return [done[place] for place in range(many)]

    def _take(self, done: dict[int, Any], arrived: Callable[[int, Any], None] | None) -> None:
        """Takes the next result, if one comes soon."""
        with suppress(queue.Empty):
            place, result, error = self.ended.get(timeout=LOOK)
            if error is not None:
                raise error
            done[place], self.shares[place] = result, 1.0
            if arrived is not None:
                arrived(place, result)


def on_threads(
    work: Callable[[int, Tell], R],
    many: int,
    jobs: int | None = None,
    progress: Tell | None = None,
    arrived: Callable[[int, R], None] | None = None,
) -> list[R]:
    """The results of `work(place, tell)` for each place from 0, in order.

    Args:
        work: a piece of work; it calls `tell` now and then.
        many: how many pieces there are.
        jobs: threads; the machine's cores if None.
        progress: told the share of all work that is done, now and then.
        arrived: told each result as soon as it is there, in the caller's own thread.

    Raises:
        Stopped: Ctrl-C. The first error of a piece of work stops the others and is raised as it is.
    """
    pieces = Pieces(many)
    places = iter(range(many))

    def work_on() -> None:
        for place in places:  # taking the next one is atomic

            def tell(share: float, place: int = place) -> None:
                if pieces.stopped.is_set():
                    raise KeyboardInterrupt
                pieces.shares[place] = share

            try:
                tell(0.0)
                pieces.ended.put((place, work(place, tell), None))
            except BaseException as error:  # noqa: BLE001  # told to the main thread, which raises it
                pieces.ended.put((place, None, error))
                return

    threads = [threading.Thread(target=work_on) for _ in range(min(many, jobs or os.cpu_count() or 1))]
    return pieces.gather(threads, progress, arrived)


def _join(threads: Sequence[threading.Thread]) -> None:
    """Waits for the ends of those that have begun."""
    for thread in threads:
        if thread.ident is not None:
            thread.join()
