"""The pictures of a sweep: lines over one key, a map over two, dots of a sample."""

from typing import Any

import pytest

import sim
from sim.report.pictures.sweep import sweep as drawn
from tests.study.sweeps.test_sweep import TEXT


def swept(vary: dict[str, Any], metrics: list[str], sample: str | None = None) -> sim.Sweep:
    return sim.sweep(sim.loads(TEXT), vary, sample=sample, metrics=metrics)


def test_lines_over_one_key_a_panel_for_each_metric() -> None:
    found = swept({"services.api.workers": [3, 1, 2]}, ["rejected_ratio", "utilization"])
    picture = drawn(found)
    assert [axes.get_title(loc="left") for axes in picture.axes] == ["rejected ratio", "utilization"]
    table = found.table[found.table["metric"] == "utilization"].sort_values("services.api.workers")
    line = picture.axes[1].lines[0]
    assert list(line.get_xdata()) == [1, 2, 3]
    assert list(line.get_ydata()) == pytest.approx(table["mean"].tolist())
    assert picture.alt.startswith("Over services.api.workers from 1 to 3: rejected ratio of traffic web from")
    assert picture.svg().count("<svg") == 1


def test_values_that_are_words_stand_beside_each_other() -> None:
    picture = drawn(swept({"services.api.queue.discipline": ["fifo", "lifo"]}, ["sojourn_p95"]))
    picture.svg()
    axes = picture.axes[0]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["fifo", "lifo"]


def test_a_map_over_two_keys_has_a_cell_for_each_point() -> None:
    found = swept({"services.api.workers": "1..2", "services.api.queue.capacity": [8, 0, 2]}, ["utilization"])
    picture = drawn(found)
    mesh = picture.axes[0].collections[0]
    means = found.table.sort_values(["services.api.workers", "services.api.queue.capacity"])["mean"]
    assert mesh.get_array().ravel().tolist() == pytest.approx(means.tolist())
    assert len(picture.axes[0].texts) == 6
    greatest = found.table.loc[found.table["mean"].idxmax()]
    place = f"{greatest['services.api.workers']} and {greatest['services.api.queue.capacity']}"
    assert picture.alt.endswith(f"at {place}.")


def test_a_sample_over_two_keys_has_a_dot_for_each_point() -> None:
    vary = {"services.api.workers": "1..4", "services.api.service_time.mean": "10ms..200ms"}
    picture = drawn(swept(vary, ["service:api queue_length"], sample="lhs:8"))
    assert len(picture.axes[0].collections[0].get_offsets()) == 8
    assert picture.axes[0].get_title(loc="left") == "queue length of service api"


def test_a_figure_that_no_point_has_is_said() -> None:
    picture = drawn(swept({"services.api.workers": [1, 2], "run.seed": [1, 2]}, ["wait_max"]))
    assert picture.alt
    nothing = sim.loads(TEXT).set({"traffic.web.arrivals.rate": "0.001/s"})
    empty = sim.sweep(nothing, {"run.seed": [1, 2], "services.api.workers": [1, 2]}, metrics=["latency_p99"])
    assert drawn(empty).alt.endswith("no point has it.")
