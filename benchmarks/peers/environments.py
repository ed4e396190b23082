"""The peers' own environments, made once with pip under FOREBAY_PEERS.

Whatever is missing is said as a reason (`Unavailable`), never an error of the benchmark.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import venv
from pathlib import Path
from typing import Final

SECONDS: Final = 1_800
"""How long one step of an installation may take."""


class Unavailable(Exception):  # noqa: N818 - nothing went wrong here: something is not there
    """A peer cannot be run here, and why."""


def place() -> Path:
    """Where the environments are: FOREBAY_PEERS, else a folder in the user's cache."""
    if os.environ.get("FOREBAY_PEERS"):
        return Path(os.environ["FOREBAY_PEERS"]).resolve()
    cache = Path(os.environ["XDG_CACHE_HOME"]) if os.environ.get("XDG_CACHE_HOME") else Path.home() / ".cache"
    return cache / "forebay-peers"


def environment(requirement: str) -> Path:
    """The Python of an environment with what is required and nothing else; made unless it is there."""
    folder = place() / re.sub(r"[^\w.]+", "-", requirement)
    python, done = folder / "bin" / "python", folder / "complete"
    if not done.exists():
        sys.stderr.write(f"installing {requirement} …\n")
        try:
            venv.create(folder, clear=True, with_pip=True)
        except (OSError, subprocess.CalledProcessError) as error:
            raise Unavailable(f"no environment: {reason(str(error))}") from error
        carry_out([str(python), "-m", "pip", "install", "-q", *requirement.split()], folder, variables())
        done.touch()
    return python


def variables() -> dict[str, str]:
    """The process's own, without what would let an environment see other packages."""
    own = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return own | {"PIP_DISABLE_PIP_VERSION_CHECK": "1"}


def carry_out(command: list[str], folder: Path, environ: dict[str, str]) -> None:
    """Runs a step in a folder; its last words are the reason if it fails."""
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env=environ,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Unavailable(reason(str(error))) from error
    if done.returncode:
        raise Unavailable(reason(done.stderr.strip() or done.stdout.strip()))


def reason(words: str) -> str:
    """The line that says why, fit for a page: without addresses and paths."""
    lines = [line.strip() for line in words.splitlines() if line.strip()] or ["no reason given"]
    told = [line for line in lines if re.match(r"(?i)\S*error\b", line)] or lines
    line = re.sub(r"\w+://\S+|(?<![\w<])/[\w./@+-]+", "…", told[-1])
    return re.sub(r"[|`<>]", "", line)[:160]
