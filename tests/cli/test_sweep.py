"""`forebay sweep`: its tables and pictures, its errors, and that `kill -9` loses nothing."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from sim.cli import status
from tests.cli.conftest import Forebay

ROOT = Path(__file__).resolve().parents[2]
SHORT = ("--set", "run.duration=5s", "--set", "run.warmup=1s", "-n", "2")
ONE = ("--vary", "services.api.workers=2..4", *SHORT)
FEW = ("--metric", "success_ratio", "--metric", "utilization")


def test_a_row_for_each_point(small: Path, forebay: Forebay) -> None:
    done, out, err = forebay("sweep", small.name, *ONE, "--out", "swept")
    assert done == status.OK
    assert "services.api.workers   traffic web success ratio" in out
    assert [line.split()[0] for line in out.splitlines()[-3:]] == ["2", "3", "4"]
    assert "3 points, grid · kept in swept" in err
    assert json.loads(Path("swept/sweep.json").read_text())["command"][:3] == ["forebay", "sweep", small.name]


def test_the_same_command_reads_what_is_finished(small: Path, forebay: Forebay) -> None:
    first = forebay("sweep", small.name, *ONE)
    folders = [path for path in Path().iterdir() if path.is_dir()]
    assert len(folders) == 1
    assert folders[0].name.startswith("small-sweep-")
    assert forebay("sweep", small.name, *ONE) == first
    assert len(list((folders[0] / "parts").iterdir())) == 1
    forebay("sweep", small.name, *ONE, "--seed", "9")  # another question has its own folder
    assert len([path for path in Path().iterdir() if path.is_dir()]) == 2


@pytest.mark.parametrize("style", ["csv", "json", "md"])
def test_formats_hold_every_point(small: Path, forebay: Forebay, style: str) -> None:
    done, out, _ = forebay("sweep", small.name, *ONE, *FEW, "-f", style)
    assert done == status.OK
    if style == "csv":
        rows = list(csv.DictReader(out.splitlines()))
        assert [row["services.api.workers"] for row in rows] == [n for n in "234" for _ in range(3)]
        assert {row["metric"] for row in rows} == {"success_ratio", "utilization"}
    elif style == "json":
        document = json.loads(out)
        assert [point["values"] for point in document["points"]] == [
            {"services.api.workers": n} for n in (2, 3, 4)
        ]
        assert document["replications"] == 2
    else:
        assert out.count("\n| ") == 5


def test_points_of_a_file(small: Path, forebay: Forebay) -> None:
    Path("points.csv").write_text("services.api.workers,run.seed\n2,1\n8,2\n")
    done, out, _ = forebay("sweep", small.name, "--points", "points.csv", *SHORT, *FEW, "-f", "csv")
    assert done == status.OK
    rows = list(csv.DictReader(out.splitlines()))
    assert [(row["services.api.workers"], row["run.seed"]) for row in rows[::3]] == [
        ("2.0", "1.0"),
        ("8.0", "2.0"),
    ]


@pytest.mark.parametrize("ending", ["svg", "png"])
def test_a_picture_is_drawn(small: Path, forebay: Forebay, ending: str) -> None:
    target = Path("pictures", f"sweep.{ending}")
    done, _, err = forebay("sweep", small.name, *ONE, *FEW, "--picture", str(target))
    assert done == status.OK
    assert f"wrote {target}" in err
    assert target.read_bytes().startswith(b"<svg" if ending == "svg" else b"\x89PNG")


@pytest.mark.parametrize(
    ("words", "exit_status", "said"),
    [
        ((), status.USAGE, "nothing to vary; write --vary services.api.workers=4..12, or --points"),
        (("--vary", "services.api.workers"), status.USAGE, "is not path=values"),
        (("--vary", "services.api.workers=9..2"), status.USAGE, "runs backwards"),
        (("--vary", "services.api.workers=1,2", "--vary", "services.api.workers=3"), status.USAGE, "twice"),
        (("--vary", "services.api.worker=1..2"), status.INVALID, "did you mean services.api.workers"),
        (("--vary", "services.api.workers=[0, -1, 2]"), status.INVALID, "--vary services.api.workers=-1"),
        ((*ONE, "--sample", "sobol:3"), status.USAGE, "write sobol:2 or sobol:4"),
        ((*ONE, "--metric", "latency"), status.USAGE, "is no metric of small; did you mean latency"),
        ((*ONE, "--executor", "dask"), status.USAGE, "needs the address of its scheduler"),
        ((*ONE, "--picture", "a.pdf"), status.USAGE, "write --picture a.svg"),
        ((*ONE, *("--vary", "run.seed=1,2", "--vary", "run.duration=6s,7s"), "--picture", "a.svg"), status.USAGE,
         "draws one key or two, not 3"),
        ((*ONE, "--out", "small.yaml"), status.USAGE, "is a file"),
        ((*ONE, "--out", "."), status.USAGE, "is no folder of a sweep"),
        (("--points", "none.csv"), status.USAGE, "cannot open none.csv"),
        (("--points", "small.yaml"), status.USAGE, "small.yaml"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_said(
    small: Path, forebay: Forebay, words: tuple[str, ...], exit_status: int, said: str
) -> None:
    done, out, err = forebay("sweep", small.name, *words)
    assert (done, out) == (exit_status, "")
    assert said in err
    assert len([path for path in Path().iterdir() if path.is_dir()]) == 0


def test_another_sweep_in_the_folder_is_refused(small: Path, forebay: Forebay) -> None:
    forebay("sweep", small.name, *ONE, "--out", "swept")
    done, _, err = forebay("sweep", small.name, *ONE, "--out", "swept", "--seed", "5")
    assert done == status.USAGE
    assert "swept holds another sweep: it differs in" in err
    assert "seed (3 there, 5 now)" in err


MANY = (
    "--vary",
    "services.api.workers=2..9",
    "--vary",
    "traffic.web.arrivals.rate=10/s..40/s:25",
    *SHORT,
    *FEW,
)


def lines(folder: Path) -> list[bytes]:
    """Every whole result written so far."""
    return [
        line
        for part in sorted((folder / "parts").glob("*.jsonl"))
        for line in part.read_bytes().split(b"\n")[:-1]
    ]


def start(small: Path, folder: Path, *words: str) -> subprocess.Popen[str]:
    command = (sys.executable, "-m", "sim", "sweep", small.name, *MANY, "--out", str(folder), *words)
    return subprocess.Popen(
        command,
        cwd=small.parent,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def wait_for(running: subprocess.Popen[str], folder: Path, results: int) -> None:
    """Waits until so many results are written; the sweep must not be over by then."""
    limit = time.monotonic() + 120.0
    while len(lines(folder)) < results:
        assert time.monotonic() < limit
        assert running.poll() is None
        time.sleep(0.005)


def test_a_sweep_that_is_killed_twice_ends_in_the_same_table(
    small: Path, forebay: Forebay, tmp_path: Path
) -> None:
    folder = tmp_path / "killed"
    for executor, results in (("threads", 30), ("processes", 90)):
        running = start(small, folder, "--executor", executor, "--jobs", "1")
        wait_for(running, folder, results)
        workers = psutil.Process(running.pid).children(recursive=True)
        running.kill()
        assert running.wait() == -signal.SIGKILL
        assert running.stderr is not None
        running.stderr.close()
        # Workers whose process was killed do not stay behind.
        assert not psutil.wait_procs(workers, timeout=30)[1]
    kept = lines(folder)
    assert 90 <= len(kept) < 200
    done, _, err = forebay("sweep", small.name, *MANY, "--out", str(folder))
    assert done == status.OK
    assert f"{len(kept)} of 200 points are finished in {folder}: going on from there" in err
    assert (
        len({line.split(b" ")[0] for line in lines(folder)}) == len(lines(folder)) == 200
    )  # none was done twice
    forebay("sweep", small.name, *MANY, "--out", str(tmp_path / "whole"))
    assert (folder / "results.csv").read_bytes() == (tmp_path / "whole" / "results.csv").read_bytes()


def test_an_interrupt_keeps_what_is_finished_and_says_how_to_go_on(small: Path, tmp_path: Path) -> None:
    running = start(small, tmp_path / "stopped")
    wait_for(running, tmp_path / "stopped", 20)
    running.send_signal(signal.SIGINT)
    _, err = running.communicate(timeout=60)
    assert running.returncode == status.INTERRUPTED
    finished = len(lines(tmp_path / "stopped"))
    assert 20 <= finished < 200
    assert f"interrupted: {finished} of 200 points are finished and kept in" in err
    assert "the same command goes on from there" in err
