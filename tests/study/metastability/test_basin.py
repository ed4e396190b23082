"""The basin map: exact where a Markov chain is, narrow where it matters, and cheap where it does not."""

from __future__ import annotations

import itertools

import pytest
from scipy import stats

import sim
from sim.errors import ScenarioError, UsageError
from sim.measure.intervals import wilson
from sim.study.metastability.basin import basin_map, runs_for
from sim.study.metastability.fates import Judging, fates
from tests.study.metastability.retrial_chain import Chain

CHAIN = Chain(arrival=3.0, workers=4, service=1.0, places=2, backoff=0.5, level=5)
CALM, HORIZON = 20.0, 10.0
EXPONENTIAL = """
traffic: {web: {arrivals: {kind: poisson, rate: 3/s}, call: api, client: app}}
clients:
  app:
    retry: {attempts: inf, backoff: {kind: random, delay: {kind: exponential, mean: 2s}}}
services: {api: {workers: 4, service_time: {kind: exponential, mean: 1s}, queue: {capacity: 2}}}
faults: [{at: 20s, for: 4s, traffic: web, rate: x4}]
run: {duration: 100s}
"""
HEIGHTS, LENGTHS = (1.5, 2.5, 4.0), (1.0, 3.0, 6.0)
PASSAGE = Judging(horizon=HORIZON, level=float(CHAIN.level), hold=0.0)
TIPPING = """
traffic: {web: {arrivals: {kind: poisson, rate: 30/s}, call: api, client: app}}
clients: {app: {timeout: 500ms, retry: {attempts: 4}}}
services: {api: {workers: 5, service_time: {kind: exponential, mean: 80ms}, queue: {capacity: 80}}}
faults: [{at: 3s, for: 1s, traffic: web, rate: x4}]
run: {duration: 20s}
"""


@pytest.fixture(scope="module")
def exact() -> dict[tuple[int, int], tuple[float, float]]:
    """Cell -> probability of recovery within the horizon, and mean time to recover."""
    found = {}
    for cell in itertools.product(range(3), repeat=2):
        after = CHAIN.after_the_spike(CALM, HEIGHTS[cell[0]], LENGTHS[cell[1]])
        found[cell] = CHAIN.recovered_by(after, HORIZON), CHAIN.mean_time(after)
    return found


def test_every_probability_of_the_map_is_the_chain_s(
    exact: dict[tuple[int, int], tuple[float, float]],
) -> None:
    vary = {"faults[0].rate": [f"x{x}" for x in HEIGHTS], "faults[0].for": [f"{s}s" for s in LENGTHS]}
    found = basin_map(sim.loads(EXPONENTIAL), vary, few=400, most=400, judging=PASSAGE)
    assert min(p for p, _ in exact.values()) < 0.1
    assert max(p for p, _ in exact.values()) > 0.9
    for cell, (probability, _) in exact.items():
        seen = found.cells[cell]
        assert seen.open == 0
        assert stats.binomtest(seen.recovered, seen.runs, probability).pvalue > 1e-4, cell


def test_the_mean_time_to_recover_is_the_chain_s(exact: dict[tuple[int, int], tuple[float, float]]) -> None:
    judging = Judging(horizon=2000.0, level=float(CHAIN.level), hold=0.0)
    for cell in ((0, 0), (1, 1), (2, 2)):
        scenario = sim.loads(EXPONENTIAL).set(
            {"faults[0].rate": f"x{HEIGHTS[cell[0]]}", "faults[0].for": f"{LENGTHS[cell[1]]}s"}
        )
        found = fates(scenario, 400, judging=judging)
        assert found.recovered == 400
        mean, low, high = found.survival(0.999).restricted_mean()
        assert low <= exact[cell][1] <= high
        assert mean == pytest.approx(exact[cell][1], rel=0.2)


def test_runs_are_spent_near_the_boundary_until_intervals_are_narrow() -> None:
    vary = {"faults[0].rate": "x1..x7:5", "faults[0].for": "200ms..2000ms:5"}
    found = basin_map(sim.loads(TIPPING), vary, precision=0.1)
    assert 3 <= len(found.near) < 25
    for cell, cell_fates in found.cells.items():
        if cell in found.near:
            assert found.half_width(cell) <= 0.1
        else:
            assert not 0.1 <= cell_fates.probability <= 0.9
            mostly = {round(found.cells[other].probability) for other in found.neighbours(cell)}
            assert mostly == {round(cell_fates.probability)}
    far = [cell_fates.runs for cell, cell_fates in found.cells.items() if cell not in found.near]
    near = [found.cells[cell].runs for cell in found.near]
    assert min(far) == 4
    assert sum(far) / len(far) < 0.3 * sum(near) / len(near)
    table = found.table
    assert len(table) == 25
    assert (table["recovered"] + table["collapsed"] + table["open"] == table["runs"]).all()
    corners = table.set_index(list(vary))["probability"]
    assert corners.iloc[0] == 1.0
    assert corners.iloc[-1] == 0.0


def test_a_value_that_is_no_number_has_a_place() -> None:
    vary = {"clients.app.cancel": ["never", "anywhere"], "services.api.queue.capacity": [5, 80]}
    found = basin_map(sim.loads(TIPPING), vary, precision=0.2)
    assert [axis.numeric for axis in found.axes] == [False, True]
    assert found.axes[0].numbers == (0.0, 1.0)
    # A queue shorter than the clients' patience cannot keep a storm alive; nor one whose work is stopped.
    assert found.cells[0, 1].probability < 0.2
    assert found.cells[0, 0].probability == found.cells[1, 1].probability == 1.0


@pytest.mark.parametrize("threads", [1, 3])
def test_the_map_does_not_depend_on_threads(threads: int) -> None:
    vary = {"faults[0].rate": ["x2", "x4"], "faults[0].for": ["500ms", "1s"]}
    wanted = basin_map(sim.loads(TIPPING), vary, precision=0.2, jobs=2).to_json()
    assert basin_map(sim.loads(TIPPING), vary, precision=0.2, jobs=threads).to_json() == wanted


@pytest.mark.parametrize(
    ("vary", "said"),
    [
        ({"faults[0].rate": "x2..x4"}, "two keys"),
        ({"faults[0].rate": "2-4", "faults[0].for": ["1s"]}, "is not a range"),
        ({"faults[0].rate": ["fast"], "faults[0].for": ["1s"]}, "faults"),
        ({"faults[0].rte": ["x2"], "faults[0].for": ["1s"]}, "did you mean"),
        ({"faults[0].rate": [], "faults[0].for": ["1s"]}, "no values"),
        ({"faults[0].rate": "x1..x2:200", "faults[0].for": "1s..2s:200"}, "most are"),
    ],
)
def test_what_cannot_be_varied_is_said(vary: dict[str, object], said: str) -> None:
    with pytest.raises((UsageError, ScenarioError), match=said):
        basin_map(sim.loads(TIPPING), vary)


def test_the_runs_for_a_precision_are_just_enough() -> None:
    for share in (0.0, 0.1, 0.5):
        n = runs_for(share, 0.05)
        ends = wilson(share * n, n)
        fewer = wilson(share * (n - 1), n - 1)
        assert (ends[1] - ends[0]) / 2.0 <= 0.05 < (fewer[1] - fewer[0]) / 2.0
