"""The gallery is what its scenarios give now: figures to the letter, a small picture for each."""

import difflib
import re

import pytest

import sim
from docs import gallery


@pytest.fixture(scope="module")
def results() -> dict[str, sim.Results]:
    return gallery.run_all()


def test_figures_are_those_of_the_page(results: dict[str, sim.Results]) -> None:
    committed = gallery.PAGE.read_text(encoding="utf-8").splitlines()
    now = gallery.page(results).splitlines()
    changed = "\n".join(
        difflib.unified_diff(committed, now, "docs/gallery.md", "these runs", lineterm="", n=1)
    )
    assert not changed, f"meant? then `python -m docs.gallery` and commit:\n{changed}"


def test_every_picture_is_there_small_and_shown() -> None:
    text = gallery.PAGE.read_text(encoding="utf-8")
    shown = set(re.findall(r"\(pictures/([\w-]+)\.png\)", text))
    assert shown == {"spikes", *gallery.names()}
    there = {path.stem for path in gallery.PICTURES.glob("*.png")}
    assert shown <= there
    for path in gallery.PICTURES.glob("*.png"):
        assert path.stat().st_size <= 60_000, path.name


def test_pictures_can_be_drawn(results: dict[str, sim.Results]) -> None:
    few = {name: results[name] for name in gallery.SPIKES.values()}
    drawn = gallery.pictures(few)
    assert set(drawn) == {"spikes", *few}
    assert gallery.small_png(drawn["spikes"]).startswith(b"\x89PNG")
    assert all(picture.alt for picture in drawn.values())
