"""How long a person waits before anything happens: help, import, a warm run, and the one compile."""

from __future__ import annotations

import json
import math
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks import subjects
from benchmarks.page import ROOT, table, verdict, write_section
from sim.engines.kinds import GENERAL, GUARDED, KINDS, PLAIN, SINGLE

REPEATS = 7
MOST_COMPILE = 25.0
"""CPU seconds of a first compile, every mechanism included."""

MOST_LOAD = 0.6
"""CPU seconds to load what was compiled before."""

ENGINE = """\
import json, sys, time
import sim
from benchmarks import subjects
sim.loads(subjects.mm1(1_000))
began = time.process_time()
from sim.engines import kernel
imported = time.process_time()
kernel.advance.prepare(int(sys.argv[1]))
print(json.dumps([imported - began, time.process_time() - imported]))
"""


def engine(environment: dict[str, str], kind: int = GENERAL) -> tuple[float, float]:
    """CPU seconds that a new process takes (to import the engine, to compile a kind's kernel or to load it)."""
    command = [sys.executable, "-c", ENGINE, str(kind)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment, cwd=ROOT)
    imported, ready = json.loads(done.stdout)
    return imported, ready


def spent(command: list[str], environment: dict[str, str] | None = None) -> tuple[float, float]:
    """(wall seconds, CPU seconds) of a command that must succeed."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True, env=environment)
    wall = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def typical(command: list[str]) -> tuple[float, float, float]:
    """(median wall, fastest wall, median CPU) of some runs of a command, after one to fill the system's caches."""
    spent(command)
    walls, cpu = zip(*(spent(command) for _ in range(REPEATS)), strict=True)
    return statistics.median(walls), min(walls), statistics.median(cpu)


def main() -> bool:
    """Measures, prints, writes the page's section; whether the limits are kept."""
    python, forebay = sys.executable, [sys.executable, "-m", "sim"]
    rows, kept = [], []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "mm1.yaml"
        path.write_text(subjects.mm1(100_000, replications=10), encoding="utf-8")
        run = [*forebay, "run", str(path), "--quiet"]
        cold, cold_cpu = spent(run, os.environ | {"FOREBAY_CACHE": f"{folder}/cache"})
        fresh = os.environ | {"FOREBAY_CACHE": f"{folder}/another"}
        _, compiles = engine(fresh)
        others = {kind: engine(fresh, kind)[1] for kind in (SINGLE, GUARDED, PLAIN)}
        imports, loads = zip(*(engine(fresh) for _ in range(REPEATS)), strict=True)
        for name, command, limit in (
            ("`python -c pass`, to compare", [python, "-c", "pass"], math.inf),
            ("`import sim`", [python, "-c", "import sim"], 0.25),
            ("`forebay --help`", [*forebay, "--help"], 0.5),
            ("`forebay run` of M/M/1, 10⁶ requests, compiled before", run, 3.0),
        ):
            median, fastest, cpu = typical(command)
            kept.append(fastest <= limit)
            bound = [f"{limit:g} s", verdict(kept[-1])] if math.isfinite(limit) else ["", ""]
            rows.append([name, f"{median:.2f} s", f"{fastest:.2f} s", f"{cpu:.2f} s", *bound])
    rows.append(
        ["the same for the first time, compile included", f"{cold:.0f} s", "", f"{cold_cpu:.0f} s", "", ""]
    )
    for name, seconds, limit in (
        (
            "compiling the engine for a first scenario, of the general kind",
            [compiles],
            MOST_COMPILE,
        ),
        *(
            (f"compiling it for the first {KINDS[kind]} scenario after that", [seconds], MOST_COMPILE)
            for kind, seconds in others.items()
        ),
        ("loading the compiled engine from its cache", loads, MOST_LOAD),
        ("importing the engine", imports, math.inf),
    ):
        kept.append(min(seconds) <= limit)
        bound = [f"{limit:g} s", verdict(kept[-1])] if math.isfinite(limit) else ["", ""]
        rows.append([name, "", "", f"{statistics.median(seconds):.2f} s", *bound])
    text = (
        f"## Start-up\n\nA process of its own each time: wall time, median and fastest of {REPEATS}, and CPU time. "
        "A limit is held against\nthe fastest, which other work on the machine disturbs least; the engine's own "
        "against CPU time.\n\n" + table(["", "median", "fastest", "CPU", "limit", ""], rows)
    )
    print(text)
    write_section("startup", text)
    return all(kept)
