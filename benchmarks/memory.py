"""How much memory an overloaded retrying queue takes: the peak of the command's own process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import IO

from benchmarks import subjects
from benchmarks.page import ROOT, table, verdict, write_section

LIMIT = 400.0
"""Megabytes (10^6 bytes) that 10^7 requests may take."""

FLAT = 10.0
"""Megabytes that ten times the requests may add."""

OFFERED = 1.5
"""Offered rate over capacity: with the retries, the queue never has a free place for long."""


def peak_of(command: list[str], stream: IO[bytes]) -> float:
    """Peak in MB of a command that must succeed; its output goes to the stream."""
    child = subprocess.Popen(command, stdout=stream, cwd=ROOT)
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise SystemExit(f"{' '.join(command[1:4])} ended with exit {child.returncode}")
    # Linux counts in KiB, macOS in bytes.
    return usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024) / 1e6


def peak(requests: float) -> tuple[float, float, float]:
    """(peak in MB, requests born, attempts a request) of one `forebay run` in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "overloaded.yaml"
        path.write_text(subjects.retrying(requests, OFFERED), encoding="utf-8")
        out = Path(folder) / "run.json"
        with out.open("wb") as stream:
            size = peak_of(
                [sys.executable, "-m", "sim", "run", str(path), "--format", "json", "--quiet"], stream
            )
        books = json.loads(out.read_text(encoding="utf-8"))["conservation"]
    return size, books["born"], books["sent"] / books["born"]


def main() -> bool:
    """Measures, prints, writes the page's section; whether the limits are kept."""
    peak(1_000)  # compiles, if nothing has yet: the compiler's memory is not the run's
    sizes = {}
    rows = []
    for requests in (10_000, 1_000_000, 10_000_000):
        sizes[requests], born, attempts = peak(requests)
        rows.append([f"{born:,.0f}", f"{attempts:.2f}", f"{sizes[requests]:.0f} MB"])
    added = sizes[10_000_000] - sizes[1_000_000]
    small, flat = sizes[10_000_000] < LIMIT, added < FLAT
    text = (
        f"## Memory\n\nPeak resident memory of one `forebay run`, interpreter and libraries included: "
        f"the bounded queue\nof the section on speed, offered {OFFERED:g} times its capacity.\n\n"
        + table(["requests", "attempts a request", "peak"], rows)
        + f"\n10⁷ requests within {LIMIT:.0f} MB: {verdict(small)}. "
        f"Flat, ten times the requests adding less than {FLAT:.0f} MB ({added:+.1f} MB): {verdict(flat)}.\n"
    )
    print(text)
    write_section("memory", text)
    return small and flat
