"""Where compiled code is kept between runs: a folder named by a digest of the package's sources, or nowhere at all."""

from __future__ import annotations

import hashlib
import os
import pickle
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final, TypeVar, cast

import numba

from sim.engines import jit

ENGINES: Final = Path(__file__).resolve().parent

F = TypeVar("F", bound=Callable[..., Any])

_compiling = threading.Lock()
_compiled = threading.Event()


def compile_once(first_call: Callable[[], object]) -> None:
    """Makes the call that compiles the kernel or loads it from the cache, once a process; a compile is announced."""
    with _compiling, _interrupted_afterwards():
        if _compiled.is_set():
            return
        place = folder()
        kept = place is not None and any(place.rglob("*.nbi"))
        if not (kept and _loads(first_call, place)):
            _tell("compiling the engine, once for this version: about a quarter of a minute …")
            began = time.perf_counter()
            first_call()
            _tell(f"compiled in {time.perf_counter() - began:.0f} s")
        _compiled.set()


@contextmanager
def _interrupted_afterwards() -> Iterator[None]:
    """Holds Ctrl-C back until the block is over, as numba would lose it in its callbacks; a second gets through."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    caught: list[int] = []

    def remember(number: int, _frame: object) -> None:
        if caught:
            raise KeyboardInterrupt
        caught.append(number)

    before = signal.signal(signal.SIGINT, remember)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if caught:
        raise KeyboardInterrupt


def _loads(first_call: Callable[[], object], place: Path | None) -> bool:
    """Whether what is kept can be used; a damaged file (a disk that was full) is cleared away with the others."""
    try:
        first_call()
    except (pickle.UnpicklingError, EOFError, ValueError, AttributeError, ImportError) as error:
        _tell(f"the engine kept in {place} cannot be read ({error}): it is made anew")
        for file in place.rglob("*.nb?") if place is not None else ():
            file.unlink(missing_ok=True)
        return False
    return True


def _tell(message: str) -> None:
    sys.stderr.write(f"{message}\n")
    sys.stderr.flush()


def digest() -> str:
    """Names the sources and versions that the machine code depends on: an edit must not meet old machine code."""
    sha = hashlib.sha256(f"{numba.__version__} {sys.version}".encode())
    for file in sorted({*ENGINES.glob("*.py"), *jit.sources()}):
        sha.update(file.name.encode() + file.read_bytes())
    return sha.hexdigest()[:16]


def folder() -> Path | None:
    """The first of FOREBAY_CACHE, the user's cache and the temporary folder that can be written; else None."""
    name = f"forebay-{digest()}"
    for base in _candidates():
        place = base / name
        try:
            place.mkdir(parents=True, exist_ok=True, mode=0o700)
            with tempfile.TemporaryFile(dir=place):
                pass
        except OSError:
            continue
        if place.stat().st_uid == os.getuid() if hasattr(os, "getuid") else True:
            return place
    return None


def _candidates() -> Iterator[Path]:
    if os.environ.get("FOREBAY_CACHE"):
        yield Path(os.environ["FOREBAY_CACHE"])
    if os.environ.get("XDG_CACHE_HOME"):
        yield Path(os.environ["XDG_CACHE_HOME"]) / "forebay"
    with suppress(RuntimeError):  # no HOME, and no entry for the user
        yield Path.home() / ".cache" / "forebay"
    # A shared temporary folder: only one's own folder in it is trusted, since cached code is run.
    user = os.getuid() if hasattr(os, "getuid") else "user"
    yield Path(tempfile.gettempdir()) / f"forebay-{user}"


def cached(**options: Any) -> Callable[[F], F]:
    """numba.njit for an entry of the kernel, its machine code kept in `folder()` if there is one."""

    def decorate(function: F) -> F:
        place = folder()
        if place is None:
            return cast("F", numba.njit(**options)(function))
        before = numba.config.CACHE_DIR
        numba.config.CACHE_DIR = str(place)
        try:
            return cast("F", numba.njit(cache=True, **options)(function))
        finally:
            numba.config.CACHE_DIR = before

    return decorate
