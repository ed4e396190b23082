"""The basin map as a picture: contour, ring at the scenario as written, crosses where it is not sure."""

from __future__ import annotations

import pytest

import sim
from sim.report.pictures.basin import basin, label
from sim.study.metastability.basin import Basin, basin_map, trigger_map
from sim.study.metastability.fates import Judge
from tests.study.metastability.test_basin import TIPPING

VARY = {"faults[0].rate": "x1..x7:4", "faults[0].for": "500ms..1500ms:3"}


@pytest.fixture(scope="module")
def found() -> Basin:
    return basin_map(sim.loads(TIPPING), VARY, precision=0.2)


def test_the_map_says_what_it_shows(found: Basin) -> None:
    picture = basin(found)
    axes = picture.axes[0]
    assert (axes.get_ylabel(), axes.get_xlabel()) == tuple(VARY)
    assert axes.get_ylim() == (-0.5, 3.5)
    assert "as written" in [text.get_text() for text in axes.texts]
    assert "within 16 s" in picture.alt
    assert picture.svg().startswith("<svg")
    assert picture.png(50.0).startswith(b"\x89PNG")
    assert [label(found.axes[0], place) for place in (0, 3)] == ["×1", "×7"]
    assert label(found.axes[1], 0) == "500 ms"


def test_uncertain_cells_are_crossed(found: Basin) -> None:
    sure = len(basin(found).axes[0].collections)
    doubted = Basin(**{**vars(found), "precision": 0.001})
    assert len(basin(doubted).axes[0].collections) == sure + 1


def test_words_and_single_rows_can_be_drawn() -> None:
    vary = {"clients.app.cancel": ["never", "anywhere"], "services.api.queue.capacity": [80]}
    picture = basin(basin_map(sim.loads(TIPPING), vary, precision=0.4, few=2))
    labels = [tick.get_text() for tick in picture.axes[0].get_yticklabels()]
    assert labels == ["never", "anywhere"]


def test_a_pause_is_drawn_over_load_and_duration() -> None:
    paused = sim.loads(TIPPING).set("faults", [{"at": "3s", "for": "1s", "service": "api", "pause": True}])
    judge = Judge()
    made = trigger_map(paused, judge, factors=(0.5, 1.0, 2.0), precision=0.3)
    assert [axis.path for axis in made.axes] == ["load", "duration of the trigger"]
    assert basin(made).axes[0].get_ylabel() == "load"
