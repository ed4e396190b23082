"""Where words go: data to stdout, notes and progress to stderr; colour only where it is wanted and seen."""

import io
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress as RichProgress
    from rich.progress import TaskID

PATIENCE = 2.0  # seconds of silence before a bar appears
EVERY = 60.0  # seconds from one line to the next where nobody watches
FLAT_WIDTH = 160  # columns of a table that goes to a file or a pipe


def wants_colour(stream: TextIO) -> bool:
    """Whether `stream` shows colours and nobody said no (a NO_COLOR that is not empty, a dumb terminal)."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


@dataclass(frozen=True)
class Terminal:
    """The two streams as one command uses them."""

    quiet: bool = False
    no_color: bool = False

    def write(self, text: str) -> None:
        """Writes data to stdout, ending in a line end. A reader that has gone (`| head`) is no error."""
        emit(sys.stdout, text)

    def note(self, text: str) -> None:
        """Says something beside the data, on stderr, unless --quiet."""
        if not self.quiet:
            emit(sys.stderr, text)

    def complain(self, text: str) -> None:
        """Says what is wrong, on stderr, also when quiet."""
        emit(sys.stderr, text)

    def console(self) -> "Console":
        """A rich console on stdout: plain text without a colour code where colour is not wanted."""
        from rich.console import Console

        colour = not self.no_color and wants_colour(sys.stdout)
        return Console(
            file=sys.stdout,
            color_system="auto" if colour else None,
            width=None if sys.stdout.isatty() else FLAT_WIDTH,
            highlight=False,
            markup=False,
            emoji=False,
        )

    def show(self, *things: Any) -> None:
        """Prints rich tables and texts to stdout."""
        console = self.console()
        with console.capture() as captured:
            for thing in things:
                console.print(thing)
        # A table pads its lines; what is copied or compared should not end in blanks.
        self.write("\n".join(line.rstrip() for line in captured.get().splitlines()))

    @contextmanager
    def progress(self, label: str) -> Iterator["Progress"]:
        """A bar on stderr when the work inside takes more than two seconds; where nobody watches, a line now and then.

        Yields what the work calls with the share that is done, 0 to 1; until then the bar only shows life.
        """
        if self.quiet:
            # What the work itself would say, such as that it compiles, is a note too.
            with redirect_stderr(io.StringIO()):
                yield Progress()
            return
        watched = sys.stderr.isatty()
        colour = not self.no_color and wants_colour(sys.stderr)
        bar = _Bar(label, colour=colour) if watched else _Lines(label)
        try:
            yield bar
        finally:
            bar.close()


class Progress:
    """What long work tells of itself; here to nobody."""

    def __call__(self, share: float) -> None:
        """The share that is done, 0 to 1."""

    def say(self, label: str) -> None:
        """What is being done now."""


class _Lines(Progress):
    """A line each `EVERY` seconds, from a timer's thread, so that a log shows life, too."""

    def __init__(self, label: str) -> None:
        self._label, self._doing, self._share = label, "", ""
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._tell, daemon=True)
        self._thread.start()

    def __call__(self, share: float) -> None:
        """Remembers a share for the next line."""
        self._share = f", {share:.0%} done"

    def say(self, label: str) -> None:
        """Remembers what is being done for the next line."""
        self._doing = f": {label}"

    def close(self) -> None:
        """Tells no more."""
        self._closed.set()
        self._thread.join()

    def _tell(self) -> None:
        while not self._closed.wait(EVERY):
            emit(sys.stderr, f"{self._label}{self._doing}{self._share} …")


class _Bar(Progress):
    """Appears after `PATIENCE` seconds, from a timer's thread, so that quick work never imports it."""

    def __init__(self, label: str, *, colour: bool) -> None:
        self._label = label
        self._colour = colour
        self._share: float | None = None
        self._shown: tuple[RichProgress, TaskID] | None = None
        self._closed = False
        self._lock = threading.Lock()
        self._timer = threading.Timer(PATIENCE, self._appear)
        self._timer.daemon = True
        self._timer.start()

    def __call__(self, share: float) -> None:
        """Moves the bar to a share of its length."""
        with self._lock:
            self._share = share
            if self._shown is not None:
                bar, task = self._shown
                bar.update(task, completed=share, total=1.0)

    def say(self, label: str) -> None:
        """Writes another label beside the bar."""
        with self._lock:
            self._label = label
            if self._shown is not None:
                bar, task = self._shown
                bar.update(task, description=label)

    def close(self) -> None:
        """Takes the bar away."""
        self._timer.cancel()
        with self._lock:
            self._closed = True
            if self._shown is not None:
                self._shown[0].stop()

    def _appear(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
        from rich.progress import Progress as RichProgress

        console = Console(stderr=True, color_system="auto" if self._colour else None)
        columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), TimeRemainingColumn())
        bar = RichProgress(*columns, console=console, transient=True)
        with self._lock:
            if self._closed:
                return
            task = bar.add_task(self._label, total=None)
            if self._share is not None:
                bar.update(task, completed=self._share, total=1.0)
            self._shown = bar, task
            bar.start()


def emit(stream: TextIO, text: str) -> None:
    """Writes a text that ends in a line end; when the reader has gone, what follows goes nowhere, quietly."""
    if not text:
        return
    try:
        stream.write(text if text.endswith("\n") else text + "\n")
        stream.flush()
    except BrokenPipeError:
        # Python flushes stdout once more as it ends: give it somewhere to flush to.
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
