"""How long a person waits before anything happens: help, import, a warm run, and the one compile."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks import subjects
from benchmarks.page import table, verdict, write_section

REPEATS = 7


def wall(command: list[str], environment: dict[str, str] | None = None) -> float:
    """Wall seconds of a command that must succeed."""
    began = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True, env=environment)
    return time.perf_counter() - began


def typical(command: list[str]) -> tuple[float, float]:
    """(median, fastest) of some runs of a command, after one to fill the system's caches."""
    wall(command)
    found = [wall(command) for _ in range(REPEATS)]
    return statistics.median(found), min(found)


def main() -> bool:
    """Measures, prints, writes the page's section; whether the limits are kept."""
    python, forebay = sys.executable, [sys.executable, "-m", "sim"]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "mm1.yaml"
        path.write_text(subjects.mm1(100_000, replications=10), encoding="utf-8")
        run = [*forebay, "run", str(path), "--quiet"]
        cold = wall(run, os.environ | {"FOREBAY_CACHE": f"{folder}/cache"})
        rows, kept = [], []
        for name, command, limit in (
            ("`python -c pass`, to compare", [python, "-c", "pass"], None),
            ("`import sim`", [python, "-c", "import sim"], 0.25),
            ("`forebay --help`", [*forebay, "--help"], 0.5),
            ("`forebay run` of M/M/1, 10⁶ requests, compiled before", run, 3.0),
        ):
            median, fastest = typical(command)
            kept.append(limit is None or median <= limit)
            word = "" if limit is None else verdict(kept[-1])
            rows.append(
                [name, f"{median:.2f} s", f"{fastest:.2f} s", "" if limit is None else f"{limit:g} s", word]
            )
    rows.append(["the same for the first time, compile included", f"{cold:.0f} s", "", "", ""])
    text = f"## Start-up\n\nWall time of a process of its own, median and fastest of {REPEATS}.\n\n" + table(
        ["", "median", "fastest", "limit", ""], rows
    )
    print(text)
    write_section("startup", text)
    return all(kept)
