"""A sweep: its points, its table, and that neither interruption nor place changes it."""

import hashlib
import json
import math
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import sim
from sim.errors import ScenarioError, UsageError, WorkerError
from sim.scenario.scenario import Scenario
from sim.study.sweeps import point
from sim.study.sweeps.design import grid, listed, sampled
from sim.study.sweeps.ledger import Ledger

TEXT = """\
name: tiny
traffic:
  web: {arrivals: {kind: poisson, rate: 20/s}, call: api}
services:
  api: {workers: 2, service_time: {kind: exponential, mean: 80ms}, queue: {capacity: 8}}
run: {duration: 5s, replications: 2, seed: 7}
"""
VARY: dict[str, Any] = {"services.api.workers": "1..3", "services.api.queue.capacity": [0, 4]}


@pytest.fixture
def tiny() -> Scenario:
    return sim.loads(TEXT)


def parts(folder: Path) -> list[Path]:
    return sorted((folder / "parts").iterdir())


def test_every_combination_is_run_as_it_would_be_alone(tiny: Scenario) -> None:
    swept = sim.sweep(tiny, VARY)
    assert len(swept.design) == 6
    table = swept.table
    assert list(table.columns) == [
        "point", *VARY, "subject", "metric", "mean", "low", "high", "n", "unit", "method",
    ]  # fmt: skip
    for number, values in enumerate(swept.design.points):
        alone = sim.run(tiny.set(dict(zip(VARY, values, strict=True)))).summary
        here = table[table["point"] == number].reset_index(drop=True)
        assert set(map(tuple, here[list(VARY)].to_numpy().tolist())) == {values}
        pd.testing.assert_frame_equal(here[list(alone.columns)], alone)


def test_the_same_random_numbers_at_every_point(tiny: Scenario) -> None:
    table = sim.sweep(tiny, {"services.api.workers": [1, 2, 3]}, metrics=["traffic:web offered_rate"]).table
    assert table["mean"].nunique() == 1


def test_values_are_in_base_units_where_they_are_numbers(tiny: Scenario) -> None:
    slow = sim.sweep(tiny, {"services.api.service_time.mean": "10ms..30ms:3"}, metrics=["utilization"])
    assert slow.table["services.api.service_time.mean"].tolist() == pytest.approx([0.01, 0.02, 0.03])
    assert slow.points["services.api.service_time.mean"].tolist() == ["10.0ms", "20.0ms", "30.0ms"]
    words = sim.sweep(tiny, {"services.api.queue.discipline": ["fifo", "lifo"]}, metrics=["utilization"])
    assert words.table["services.api.queue.discipline"].tolist() == ["fifo", "lifo"]


def test_metrics_are_chosen_by_name_or_subject(tiny: Scenario) -> None:
    table = sim.sweep(tiny, {"run.seed": [1]}, metrics=["rejected_ratio", "service:api utilization"]).table
    assert table[["subject", "metric"]].to_numpy().tolist() == [
        ["traffic:web", "rejected_ratio"],
        ["service:api", "utilization"],
        ["service:api", "rejected_ratio"],
    ]
    with pytest.raises(UsageError, match="did you mean latency_p99"):
        sim.sweep(tiny, VARY, metrics=["latencyp99"])


def test_two_points_that_are_one_scenario_are_run_once(tiny: Scenario, tmp_path: Path) -> None:
    times = ["100ms", "0.1s"]
    swept = sim.sweep(tiny, {"services.api.service_time.mean": times}, folder=tmp_path / "s")
    assert len(set(swept.hashes)) == 1
    assert len(parts(tmp_path / "s")[0].read_bytes().splitlines()) == 1
    first, second = (swept.table[swept.table["point"] == number]["mean"].tolist() for number in (0, 1))
    assert [*map(repr, first)] == [*map(repr, second)]


@pytest.mark.parametrize("kind", ["sobol:16", "lhs:16"])
def test_samples_cover_each_key_evenly(kind: str) -> None:
    design = sampled({"a": "1s..17s", "b": "1..4", "c": ["x", "y"]}, kind, 7)
    assert len(design) == 16
    assert len({point[0] for point in design.points}) == 16  # as many values as points
    assert [sum(point[1] == one for point in design.points) for one in (1, 2, 3, 4)] == [4, 4, 4, 4]
    assert [sum(point[2] == one for point in design.points) for one in "xy"] == [8, 8]
    assert design == sampled({"a": "1s..17s", "b": "1..4", "c": ["x", "y"]}, kind, 7)
    assert design.points != sampled({"a": "1s..17s", "b": "1..4", "c": ["x", "y"]}, kind, 8).points


def test_points_may_be_listed(tiny: Scenario) -> None:
    points = [{"services.api.workers": 1, "run.seed": 3}, {"run.seed": "4", "services.api.workers": "2"}]
    swept = sim.sweep(tiny, points=points, metrics=["utilization"])
    assert swept.points[["services.api.workers", "run.seed"]].to_numpy().tolist() == [["1", "3"], ["2", "4"]]


@pytest.mark.parametrize(
    ("design", "said"),
    [
        (lambda: grid({}), "nothing to vary"),
        (lambda: grid({"a": "1..2000", "b": "1..2000"}), "the most are 1,000,000"),
        (lambda: grid({"a": "0.5s..2s"}), "does not say how many"),
        (lambda: sampled({"a": "1..9"}, "sobol:100", 1), "write sobol:64 or sobol:128"),
        (lambda: sampled({"a": "1..9"}, "random:8", 1), "write sobol:256 or lhs:100"),
        (lambda: sampled({"a": "2s..1s"}, "lhs:8", 1), "runs backwards"),
        (lambda: sampled({"a": "1..9"}, "lhs:0", 1), "from 1 to"),
        (lambda: listed([]), "0 points"),
        (lambda: listed([{"a": 1}, {"b": 1}]), "point 1 has not the keys"),
    ],
)
def test_points_that_make_no_sense(design: Callable[[], object], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        design()


def test_all_wrong_values_are_told_of_at_once_and_nothing_is_left_behind(
    tiny: Scenario, tmp_path: Path
) -> None:
    vary = {
        "services.api.workers": [1, -1, "many"],
        "services.api.queue.capacity": [4, "x"],
        "run.seed": [1, 2],
    }
    with pytest.raises(ScenarioError) as wrong:
        sim.sweep(tiny, vary, folder=tmp_path / "s")
    files = [problem.file for problem in wrong.value.problems]
    assert sorted(files) == sorted(
        [
            "--vary services.api.workers=-1",
            "--vary services.api.workers=many",
            "--vary services.api.queue.capacity=x",
        ]
    )
    assert not (tmp_path / "s").exists()


def test_a_finished_sweep_is_read_and_not_run_again(
    tiny: Scenario, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = sim.sweep(tiny, VARY, folder=tmp_path)
    written = (tmp_path / "results.csv").read_bytes()
    monkeypatch.setattr(point, "run", None)
    second = sim.sweep(tiny, VARY, folder=tmp_path)
    assert second.table.equals(first.table)
    assert (tmp_path / "results.csv").read_bytes() == written == first.table.to_csv(index=False).encode()
    document = json.loads((tmp_path / "sweep.json").read_text())
    assert document["tables"]["results.csv"] == hashlib.sha256(written).hexdigest()
    assert document["of"]["hash"] == tiny.hash
    assert document["versions"]["forebay"]
    (tmp_path / "results.csv").write_bytes(b"damaged")
    sim.sweep(tiny, VARY, folder=tmp_path)
    assert (tmp_path / "results.csv").read_bytes() == written


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a finished sweep."""
    folder = tmp_path_factory.mktemp("whole")
    sim.sweep(sim.loads(TEXT), VARY, metrics=["utilization"], folder=folder)
    return folder


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_whatever_is_damaged_is_done_anew(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory, whole: Path, tiny: Scenario
) -> None:
    folder = tmp_path_factory.mktemp("sweep") / "damaged"
    shutil.copytree(whole, folder)
    part = parts(folder)[0]
    content = bytearray(part.read_bytes())
    if data.draw(st.booleans(), label="cut short"):
        del content[data.draw(st.integers(0, len(content) - 1), label="length") :]
    else:
        place = data.draw(st.integers(0, len(content) - 1), label="place")
        content[place] = (content[place] + data.draw(st.integers(1, 255), label="by")) % 256
    part.write_bytes(content)
    notes: list[str] = []
    again = sim.sweep(tiny, VARY, metrics=["utilization"], folder=folder, note=notes.append)
    assert again.table.to_csv(index=False).encode() == (whole / "results.csv").read_bytes()
    lines = len(part.read_bytes().split(b"\n")) - 1
    left = sum(len(path.read_bytes().splitlines()) for path in parts(folder)[1:])
    assert left <= 6 - lines + 2  # what was whole is not done again


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"seed": 8}, "seed"),
        ({"replications": 3}, "replications"),
        ({"metrics": ["utilization"]}, "metrics"),
        ({"vary": {"services.api.workers": "1..4"}}, "vary"),
        ({"sample": "lhs:6"}, "sample"),
    ],
)
def test_another_sweep_in_the_same_folder_is_refused(
    tiny: Scenario, tmp_path: Path, change: dict[str, Any], said: str
) -> None:
    Ledger(tmp_path, _asked(tiny)).close()
    sim.sweep(tiny, {"services.api.workers": "1..2"}, folder=tmp_path)
    with pytest.raises(UsageError, match=rf"holds another sweep: it differs in .*{said} \("):
        sim.sweep(tiny, **{"vary": {"services.api.workers": "1..2"}, "folder": tmp_path, **change})


def _asked(scenario: Scenario) -> dict[str, Any]:
    return {"of": {"hash": scenario.hash}}


def test_a_folder_of_something_else_is_refused(tiny: Scenario, tmp_path: Path) -> None:
    (tmp_path / "results.csv").write_text("mine")
    with pytest.raises(UsageError, match="is no folder of a sweep"):
        sim.sweep(tiny, VARY, folder=tmp_path)
    with pytest.raises(UsageError, match="is a file"):
        sim.sweep(tiny, VARY, folder=tmp_path / "results.csv")
    assert (tmp_path / "results.csv").read_text() == "mine"
    damaged = tmp_path / "damaged"
    sim.sweep(tiny, {"run.seed": [1]}, folder=damaged)
    (damaged / "sweep.json").write_text("{")
    with pytest.raises(UsageError, match=r"sweep\.json is damaged"):
        sim.sweep(tiny, {"run.seed": [1]}, folder=damaged)


def test_two_processes_do_not_write_to_one_folder(tiny: Scenario, tmp_path: Path) -> None:
    with Ledger(tmp_path, _asked(tiny)), pytest.raises(UsageError, match="another process is at the sweep"):
        Ledger(tmp_path, _asked(tiny))


def test_a_point_that_cannot_be_run_is_named_and_does_not_stop_the_others(tmp_path: Path) -> None:
    users = sim.loads(TEXT.replace("kind: poisson, rate: 20/s", "kind: closed, users: 1, think: 0s"))
    users = users.set("run.replications", 1)
    vary = {"services.api.service_time": ["0s", "10ms"]}
    swept = sim.sweep(users, vary, folder=tmp_path, metrics=["traffic:web goodput"])
    assert list(swept.failed) == [0]
    assert "time stands still" in swept.failed[0]
    assert swept.table["mean"].tolist() == pytest.approx([100.0], rel=0.01)
    assert swept.to_json()["points"][0]["summary"] == []


def test_any_executor_gives_the_same_table(tiny: Scenario) -> None:
    with ThreadPoolExecutor(2) as pool:
        there = sim.sweep(tiny, VARY, executor=pool, jobs=2)
    assert there.table.equals(sim.sweep(tiny, VARY, jobs=1).table)


def test_a_worker_of_another_version_is_refused(tiny: Scenario) -> None:
    work = point.Work(tiny, None, {**point.made_by(), "numba": "0.1"}, 1)
    with pytest.raises(WorkerError, match=r"has numba .*, not 0\.1: install the same there"):
        work((tiny.hash, {}), lambda _: None)
    with pytest.raises(WorkerError, match="data files"):
        point.Work(tiny, None, point.made_by(), 1)(("0" * 16, {}), lambda _: None)


def test_parquet_holds_the_same_table_and_where_it_is_from(tiny: Scenario, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    swept = sim.sweep(tiny, VARY, folder=tmp_path, save="parquet")
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "results.parquet"), swept.table)
    said = json.loads(parquet.read_schema(tmp_path / "results.parquet").metadata[b"forebay"])
    assert said["hash"] == tiny.hash
    with pytest.raises(UsageError, match="none of csv, parquet"):
        sim.sweep(tiny, VARY, save="xlsx")  # type: ignore[arg-type]


def test_the_table_is_plain_json(tiny: Scenario) -> None:
    document = json.loads(json.dumps(sim.sweep(tiny, VARY).to_json(), allow_nan=False))
    assert document["keys"] == list(VARY)
    assert [one["values"]["services.api.workers"] for one in document["points"]] == [1, 1, 2, 2, 3, 3]
    assert all(math.isfinite(row["mean"]) for row in document["points"][5]["summary"][:3])
