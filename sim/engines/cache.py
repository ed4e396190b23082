"""Where compiled code is kept between runs: a folder named by a digest of the package's sources, or nowhere at all."""

from __future__ import annotations

import hashlib
import os
import signal
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.metadata import version
from pathlib import Path
from typing import Final

from sim.engines import jit

ENGINES: Final = Path(__file__).resolve().parent


@contextmanager
def interrupted_afterwards() -> Iterator[None]:
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


def digest() -> str:
    """Names what the machine code depends on, sources, versions, processor: an edit must not meet old machine code."""
    from llvmlite import binding

    versions = f"{version('numba')} {version('llvmlite')} {sys.version}"
    processor = f"{binding.get_host_cpu_name()} {binding.get_host_cpu_features().flatten()}"
    sha = hashlib.sha256(f"{versions} {processor}".encode())
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
