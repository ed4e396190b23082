"""The comparison page: its order, its words, what is left out, and pictures that say what they show."""

from __future__ import annotations

import math
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from matplotlib.text import Text

import sim
from sim.report.comparison import build, whiskers
from sim.report.figures import difference
from sim.report.page import Report, write
from sim.report.pictures.forest import Whisker, forest
from sim.report.pictures.style import Picture
from sim.report.pictures.timeline import OVERLAID, colours, overlay
from sim.report.sections import comparison as words
from sim.scenario.scenario import Scenario
from sim.study.comparison.compare import Comparison

KEYS = ("verdict", "differs", "figures", "timeline", "goodput", "everything", "inputs", "closing")


@pytest.fixture(scope="module")
def three(scenario: Scenario) -> Comparison:
    """In step (the base), spread, and a longer queue, under one spike."""
    return sim.compare(
        {
            "in step": scenario,
            "spread": scenario.set("clients.patient.retry.backoff.jitter", "full"),
            "long <queue> & more": scenario.set("services.api.queue.capacity", 400),
        }
    )


@pytest.fixture(scope="module")
def page(three: Comparison) -> Report:
    return build(three, command=("forebay", "compare", "a b.yaml", "--variant=x: y=1"))


@pytest.fixture(scope="module")
def two(quiet: sim.Results) -> Comparison:
    """One M/M/1 queue and a faster one: nothing is refused, nobody retries, there is no objective."""
    fast = quiet.scenario.set({"services.api.service_time.mean": "8ms", "name": "fast"})
    return sim.compare(quiet.scenario, fast, replications=10)


def test_sections_are_in_order(page: Report) -> None:
    assert [section.key for section in page.sections if section.key != "fates"] == list(KEYS)
    assert [section.number for section in page.sections] == list(range(1, len(page.sections) + 1))


def test_it_is_one_page_that_needs_nothing_beside_it(page: Report, tmp_path: Path) -> None:
    (path,) = write(page, tmp_path / "page.html")
    text = path.read_text(encoding="utf-8")
    assert "<title>spread, long &lt;queue&gt; &amp; more against in step – comparison</title>" in text
    assert '<p class="kind">Comparison</p>' in text
    assert "<queue>" not in text
    assert not re.findall(r'(?:src|href)="(?!#|data:)', text)
    assert "<script" not in text
    HTMLParser().feed(text)
    ids = re.findall(r'\sid="([^"]+)"', text)
    assert len(ids) == len(set(ids))


def test_markdown_has_its_pictures_beside_it(page: Report, tmp_path: Path) -> None:
    path, *pictures = write(page, tmp_path / "page.md", "md")
    assert [picture.stem for picture in pictures] == ["forest", "overlay", "goodput"]
    assert "What differs" in path.read_text(encoding="utf-8")


def test_it_says_what_differs_and_where_the_runs_part(page: Report, three: Comparison) -> None:
    text = page.html()
    assert "clients.patient.retry.backoff.jitter" in text.replace("<wbr>", "")
    assert "services.api.queue.capacity" in text.replace("<wbr>", "")
    parting = three.partings["spread"]
    assert f"web, request {parting.request}, attempt {parting.attempt}" in text


def test_it_says_how_it_is_made_again(page: Report) -> None:
    assert (
        "forebay compare &#39;a b.yaml&#39; &#39;--variant=x: y=1&#39; --seed=7 --replications=4 --format=html"
        in page.html()
    )


def test_every_figure_has_its_row_for_every_variant(page: Report, three: Comparison) -> None:
    (section,) = (each for each in page.sections if each.key == "everything")
    assert sum(len(block.rows) for block in section.blocks) == len(three.pairings)  # type: ignore[union-attr]


def test_the_sentence_on_all_verdicts_is_there_once(page: Report, three: Comparison) -> None:
    assert page.html().count("Holm&#39;s step-down") == 1
    assert three.together.startswith("Verdicts hold together")


def test_what_there_is_not_is_left_out(two: Comparison) -> None:
    page = build(two, curves=False)
    keys = [section.key for section in page.sections]
    assert "goodput" not in keys
    assert "fates" not in keys
    text = page.html()
    assert "Objectives" not in text
    assert "To make this page again" not in text


def test_the_verdict_is_one_word_for_all_headline_figures(two: Comparison) -> None:
    assert words.overall(two) == "better"
    assert words.overall(sim.compare(dict(reversed(two.results.items())))) == "worse"
    assert words.overall(sim.compare(two.results["fast"], two.results["fast"])) == "same"
    assert "better in p99 latency of traffic web" in words.headline(two)[0]


def test_a_picture_says_in_words_what_it_shows(page: Report) -> None:
    pictures = [picture for section in page.sections for picture in section.pictures]
    assert [picture.name for picture in pictures] == ["forest", "overlay", "goodput"]
    for picture in pictures:
        assert len(picture.alt) > 100
        assert "nan" not in picture.alt
        assert picture.svg() == picture.svg()
        nothing_is_cut_off(picture)


def nothing_is_cut_off(picture: Picture) -> None:
    width, height = picture.bbox.size
    picture.png(picture.dpi)
    for text in picture.findobj(Text):
        assert isinstance(text, Text)
        if not (text.get_visible() and text.get_text().strip()) or text.axes is None:
            continue
        if text in [*text.axes.get_xticklabels(), *text.axes.get_yticklabels()]:
            continue  # those outside the axes' limits are not drawn
        box = text.get_window_extent()
        assert box.x0 >= -1.0, text.get_text()
        assert box.x1 <= width + 1.0, text.get_text()
        assert box.y0 >= -1.0, text.get_text()
        assert box.y1 <= height + 1.0, text.get_text()


def test_every_variant_is_a_line_of_its_own_colour_on_each_axis(three: Comparison) -> None:
    picture = overlay(three.results)
    hues = colours(three.results)
    assert len(set(hues.values())) == 3
    titles = [axes.get_title(loc="left") for axes in picture.axes]
    assert titles == list(OVERLAID.values())
    for axes in picture.axes:
        drawn = {line.get_color() for line in axes.get_lines()}
        assert set(hues.values()) <= drawn


def test_the_better_side_of_a_forest_is_the_right_one(two: Comparison) -> None:
    rows = {row.name: row for row in whiskers(two)}
    # The faster queue has the lower latency: turned, its difference is positive.
    assert rows["p99 latency"].mean > 0.0
    assert rows["p99 latency"].low <= rows["p99 latency"].mean <= rows["p99 latency"].high
    assert rows["p99 latency"].words.startswith("-")


def test_a_forest_of_nothing_says_so() -> None:
    none = Whisker("traffic web", "p99 latency", math.nan, math.nan, math.nan, "no difference shown", "–")
    assert "no difference to draw" in forest([none], "base").alt


@pytest.mark.parametrize(
    ("values", "unit", "said"),
    [
        ((0.0125, 0.012, 0.013), "s", "+12.50 ms [+12.00, +13.00]"),
        ((-0.0125, -0.013, -0.012), "s", "-12.50 ms [-13.00, -12.00]"),
        ((-3.0, -4.0, 2.0), "count", "-3.0 [-4.0, +2.0]"),
        ((0.025, 0.01, 0.04), "ratio", "+2.5 pp [+1.0, +4.0]"),
        ((5.0, math.nan, math.nan), "1/s", "+5/s"),
        ((0.0, 0.0, 0.0), "1/s", "0/s"),
        ((math.nan, math.nan, math.nan), "s", "–"),
    ],
)
def test_a_difference_has_its_sign(values: tuple[float, float, float], unit: str, said: str) -> None:
    assert difference(*values, unit) == said


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (None, "–"),
        ({"kind": "constant", "value": "6.0s"}, "{kind: constant, value: 6s}"),
        (["rejected", "timeout"], "[rejected, timeout]"),
        (True, "true"),
        (0.2, "0.2"),
        ("0.05s", "0.05s"),
        ("x12.0", "x12"),
    ],
)
def test_a_value_is_written_as_it_could_be_typed(value: object, said: str) -> None:
    assert words.written(value) == said


CROWD = """
traffic: {web: {arrivals: {kind: poisson, rate: 60/s}, call: api}}
services: {api: {workers: 5, service_time: {kind: exponential, mean: 100ms}, queue: {capacity: 1}}}
run: {duration: 60s, replications: 5}
"""


def test_latencies_of_the_lucky_do_not_make_the_word() -> None:
    # Eight times the places answer more, and those who are answered have waited longer.
    few = sim.loads(CROWD)
    found = sim.compare({"few": few, "many": few.set("services.api.queue.capacity", 8)})
    verdicts = {
        each.metric: verdict
        for each, verdict in zip(found.pairings, found.verdicts, strict=True)
        if each.subject == "traffic:web" and each.headline
    }
    assert (verdicts["success_ratio"], verdicts["latency_p99"]) == ("better", "worse")
    assert words.overall(found) == "better"
