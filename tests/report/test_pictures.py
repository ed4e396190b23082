"""Pictures: described in words, the same bytes every time, nothing cut off, ids of their own."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from html import unescape
from itertools import pairwise

import matplotlib as mpl
import pandas as pd
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text

import sim
from sim.measure.results import Results
from sim.report.pictures.bands import track
from sim.report.pictures.load import goodput_against_load, hockey_stick
from sim.report.pictures.marks import short, spread, time_unit
from sim.report.pictures.mechanisms import mechanisms
from sim.report.pictures.panels import panels
from sim.report.pictures.style import BLUE, ORANGE, SERIES, YELLOW, Picture, ink
from sim.report.pictures.timeline import compare
from sim.report.pictures.windows import effect, windows
from sim.scenario.faults import Fault
from sim.study.curves import AS_WRITTEN
from sim.study.mechanisms import by_load

Draw = Callable[[Results, Results, pd.DataFrame], Picture]

PICTURES: dict[str, Draw] = {
    "timeline": lambda results, _, __: results.plot.timeline(),
    "quiet timeline": lambda _, quiet, __: quiet.plot.timeline(),
    "compare": lambda results, _, __: compare(
        {"One": results, "Two": results, "A heading of some length": results}
    ),
    "latency": lambda results, _, __: results.plot.latency(),
    "sojourn": lambda results, _, __: results.plot.latency("sojourn"),
    "littles_law": lambda results, _, __: results.plot.littles_law(),
    "theory": lambda _, quiet, __: quiet.plot.theory(),
    "no theory": lambda results, _, __: results.plot.theory(),
    "goodput": lambda _, __, curve: goodput_against_load(curve),
    "hockey stick": lambda _, __, curve: hockey_stick(
        curve[curve["variant"] == "as written"], "traffic:web", objectives=[("p99 latency", 1.0)], knee=130.0
    ),
    "mechanisms": lambda _, __, curve: mechanisms(
        by_load(
            curve[curve["factor"] >= 1.0].assign(
                family=curve["variant"].map(lambda name: "" if name == AS_WRITTEN else "retry")
            )
        )
    ),
}
each = pytest.mark.parametrize("draw", PICTURES.values(), ids=PICTURES.keys())


@each
def test_a_picture_says_in_words_what_it_shows(
    draw: Draw, results: Results, quiet: Results, curve: pd.DataFrame
) -> None:
    picture = draw(results, quiet, curve)
    assert isinstance(picture, Figure)
    assert len(picture.alt) > 40
    assert "nan" not in picture.alt
    said = re.match(r'<svg role="img" aria-label="([^"]*)"', picture.svg())
    assert said is not None
    assert unescape(said.group(1)) == picture.alt


@each
def test_a_picture_is_drawn_the_same_every_time(
    draw: Draw, results: Results, quiet: Results, curve: pd.DataFrame
) -> None:
    once, again = draw(results, quiet, curve), draw(results, quiet, curve)
    assert once.svg() == again.svg() == once.svg()
    assert once.png(40.0) == again.png(40.0)


@each
def test_nothing_is_cut_off(draw: Draw, results: Results, quiet: Results, curve: pd.DataFrame) -> None:
    picture = draw(results, quiet, curve)
    width, height = picture.bbox.size
    picture.png(picture.dpi)
    outside = []
    for text in picture.findobj(Text):
        assert isinstance(text, Text)
        if not (text.get_visible() and text.get_text().strip()) or _is_hidden_tick(text, picture):
            continue
        box = text.get_window_extent()
        if box.x0 < -1 or box.y0 < -1 or box.x1 > width + 1 or box.y1 > height + 1:
            outside.append((text.get_text(), box))
    assert not outside


def _is_hidden_tick(text: Text, picture: Picture) -> bool:
    """Whether a text is a tick's label outside the axes' limits: matplotlib keeps it, and never draws it."""
    for axes in picture.axes:
        for axis in (axes.xaxis, axes.yaxis):
            low, high = sorted(axis.get_view_interval())
            for tick in axis.get_major_ticks():
                margin = 1e-9 * (high - low)
                if text in (tick.label1, tick.label2):
                    return not low - margin <= tick.get_loc() <= high + margin
    return False


def test_labels_at_the_ends_do_not_touch(results: Results) -> None:
    picture = results.plot.timeline()
    picture.png(picture.dpi)
    for axes in picture.axes:
        boxes = [text.get_window_extent() for text in axes.texts if text.get_position()[0] > 1.0]
        boxes.sort(key=lambda box: float(box.y0))
        assert all(below.y1 <= above.y0 + 1.5 for below, above in pairwise(boxes))


def test_two_pictures_of_a_page_share_no_id(results: Results) -> None:
    first, second = results.plot.timeline(), results.plot.littles_law()
    ids = [re.findall(r'\sid="([^"]+)"', picture.svg()) for picture in (first, second)]
    assert ids[0]
    assert not set(ids[0]) & set(ids[1])
    for picture in (first, second):
        text = picture.svg()
        known = set(re.findall(r'\sid="([^"]+)"', text))
        assert set(re.findall(r'(?:href="#|url\(#)([^")]+)', text)) <= known


def test_a_picture_asks_for_nothing_from_the_network(results: Results) -> None:
    text = re.sub(r'xmlns(:\w+)?="[^"]*"', "", results.plot.timeline().svg())
    assert "http" not in text
    assert "<metadata" not in text


def test_a_readers_own_settings_change_nothing_and_stay(results: Results) -> None:
    plain = results.plot.timeline().svg()
    with mpl.rc_context({"font.size": 30.0, "axes.facecolor": "red"}):
        assert results.plot.timeline().svg() == plain
        assert mpl.rcParams["font.size"] == 30.0


def test_the_timeline_shows_the_spike_its_queue_and_its_refusals(results: Results) -> None:
    picture = results.plot.timeline()
    titles = [axes.get_title(loc="left") for axes in picture.axes]
    assert titles[0].startswith("Requests offered")
    assert titles[1].startswith("Queue")
    assert titles[2].startswith("Workers")
    assert "503s" in titles[3]
    assert titles[4].startswith("Retries waiting")
    words = {text.get_text() for text in picture.axes[0].texts}
    assert {"offered", "goodput", "capacity 160", "web rate ×3", "api workers ×0.5"} <= words
    assert not any(axes.get_legend() for axes in picture.axes)


def test_a_brief_burst_is_cut_off_and_named(results: Results) -> None:
    burst = results.scenario.set("faults", [{"at": "15s", "for": "300ms", "traffic": "web", "rate": "x20"}])
    load = sim.run(burst).plot.timeline().axes[0]
    assert load.get_ylim()[1] < 400
    assert [text.get_text() for text in load.texts if text.get_text().startswith("↑ offered")]


def test_columns_share_their_axes(results: Results) -> None:
    calm = sim.run(results.scenario.set("faults", []))
    picture = compare({"spike": results, "calm": calm})
    left, right = picture.axes[:5], picture.axes[5:]
    assert [axes.get_ylim() for axes in left] == [axes.get_ylim() for axes in right]
    assert [axes.get_xlim() for axes in left] == [axes.get_xlim() for axes in right]


def test_a_quiet_run_has_no_panel_of_refusals(quiet: Results) -> None:
    assert len(quiet.plot.timeline().axes) == 3


def test_blocked_producers_and_scaled_workers_are_shown(quiet: Results) -> None:
    changes = {
        "services.api.queue": "{capacity: 3, overflow: block}",
        "services.api.autoscale": "{metric: utilization, target: 50%, min: 1, max: 3, period: 5s, startup: 5s}",
    }
    shown = {panel.key: panel for panel in panels(sim.run(quiet.scenario.set(changes)), "api")}
    assert "blocked" not in {panel.key for panel in panels(quiet, "api")}
    assert shown["blocked"].lines[0].track.peak > 0.0
    limit = shown["busy"].limit
    assert limit is not None
    assert limit.levels[0] == 1.0
    assert 1.0 < limit.levels.max() <= 3.0


def test_a_fault_names_the_instance_that_it_befalls(results: Results) -> None:
    one = results.scenario.set(
        {
            "services.api.instances": 2,
            "faults": [{"at": "5s", "for": "5s", "service": "api", "instance": 1, "pause": True}],
        }
    )
    assert [window.text for window in windows(one, "api")] == ["api instance 1 paused"]


def test_intervals_are_bands(results: Results) -> None:
    offered = track(results.series, ["traffic:web"], "offered")
    assert offered is not None
    assert ((offered.low <= offered.mean) & (offered.mean <= offered.high)).all()
    assert track(results.series, ["traffic:web"], "no such metric") is None


def test_one_replication_has_no_band(results: Results) -> None:
    alone = results.series[results.series["replication"] == 0]
    offered = track(alone, ["traffic:web"], "offered")
    assert offered is not None
    assert all(math.isnan(value) for value in offered.low)


def test_names_of_faults_that_touch_stand_in_rows(results: Results) -> None:
    found = windows(results.scenario, "api")
    assert [window.text for window in found] == ["web rate ×3", "api workers ×0.5"]
    assert [window.row for window in found] == [0, 1]


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ({"traffic": "web", "rate": "x3"}, "rate ×3"),
        ({"service": "api", "workers": 4}, "workers 4"),
        ({"service": "api", "workers": "x0.5"}, "workers ×0.5"),
        ({"service": "api", "service_time": "x2"}, "service time ×2"),
        ({"service": "api", "pause": True}, "paused"),
        ({"service": "api", "error_ratio": "50%"}, "errors 50%"),
        ({"service": "api", "discipline": "lifo"}, "serves lifo"),
        ({"service": "api", "drop_queue": True}, "queue dropped"),
        ({"client": "patient", "lost": "10%"}, "lost 10%"),
        ({"client": "patient", "retries": False}, "retries off"),
    ],
)
def test_a_fault_in_few_words(fault: dict[str, object], words: str) -> None:
    assert effect(Fault.model_validate({"at": "1s", **fault})) == words


@pytest.mark.parametrize("colour", [*SERIES, ORANGE, YELLOW, BLUE])
def test_coloured_words_read_on_white(colour: str) -> None:
    parts = [int(ink(colour)[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    assert 1.05 / (luminance + 0.05) >= 4.5


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (0.0, "0"),
        (0.25, "0.25"),
        (120.0, "120"),
        (9800.0, "9800"),
        (12_000.0, "12k"),
        (999_999.0, "1M"),
        (3.4e6, "3.4M"),
        (-5.0, "−5"),
        (0.000012, "1.2e−5"),
        (math.inf, "∞"),
        (math.nan, "–"),
    ],
)
def test_short_numbers(value: float, words: str) -> None:
    assert short(value) == words


@pytest.mark.parametrize(
    ("span", "name"),
    [(0.001, "µs"), (0.5, "ms"), (240.0, "s"), (3600.0, "min"), (86400.0, "h"), (7 * 86400.0, "days")],
)
def test_a_time_axis_counts_in_a_unit_that_suits(span: float, name: str) -> None:
    assert time_unit(span).name == name


def test_labels_keep_their_order_and_their_distance() -> None:
    heights = spread([0.5, 0.51, 0.9, 0.0], 0.1)
    assert heights[3] == 0.0
    assert heights[2] == 0.9
    assert heights[1] - heights[0] == pytest.approx(0.1)
    assert (heights[0] + heights[1]) / 2 == pytest.approx(0.505)
    assert spread([], 0.1) == {}
