"""The page: its sections, what is left out, escaping, structure, and the same bytes every time."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest

import sim
from sim.errors import UsageError
from sim.measure.results import Results
from sim.report.blocks import Bullets, Paragraph, Table, Verdict
from sim.report.page import Report, build, write
from sim.report.sections.inputs import scenario_text
from sim.report.sections.queue import advice
from sim.scenario.scenario import Scenario
from sim.study.curves import AS_WRITTEN, load_curve
from tests.report.conftest import NOT_PLANNED

VOID = {"meta", "link", "br", "wbr", "hr", "img", "input"}


class Outline(HTMLParser):
    """The tags of a page, balanced or not, and its headings."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.faults: list[str] = []
        self.headings: list[int] = []
        self.ids: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self.ids.extend(value for name, value in attrs if name == "id" and value)
        if re.fullmatch(r"h[1-6]", tag):
            self.headings.append(int(tag[1]))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self.ids.extend(value for name, value in attrs if name == "id" and value)

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.faults.append(tag)


def test_sections_stand_in_their_order(report: Report) -> None:
    assert [section.number for section in report.sections] == [1, 2, 3, 5, 6, 7, 11, 12, 13]
    text = report.html()
    places = [text.index(f'<section id="{section.key}"') for section in report.sections]
    assert places == sorted(places)


def test_a_section_without_data_is_left_out(quiet: Results) -> None:
    found = build(quiet.scenario, quiet, curves=False)
    assert [section.number for section in found.sections] == [1, 2, 5, 11, 13]
    assert found.verdict == "none"
    assert "sets no objective" in found.html()


def test_the_page_is_well_formed(report: Report) -> None:
    outline = Outline(report.html())
    assert not outline.faults
    assert not outline.open
    assert len(outline.ids) == len(set(outline.ids))
    assert outline.headings[0] == 1
    assert outline.headings.count(1) == 1
    assert all(
        after <= before + 1 for before, after in zip(outline.headings, outline.headings[1:], strict=False)
    )
    attributes = dict(outline.tags)
    assert attributes["html"]["lang"] == "en"
    pictures = [found for tag, found in outline.tags if tag == "svg"]
    assert len(pictures) == sum(len(section.pictures) for section in report.sections) >= 4
    assert all(found["role"] == "img" and found["aria-label"] for found in pictures)
    assert {found["scope"] for tag, found in outline.tags if tag == "th"} == {"col", "row"}


def test_the_page_asks_for_nothing_from_outside(report: Report) -> None:
    outline = Outline(report.html())
    tags = {tag for tag, _ in outline.tags}
    assert not tags & {"script", "iframe", "object", "embed", "img", "audio", "video", "base", "form"}
    for tag, attributes in outline.tags:
        for name in ("src", "href", "xlink:href", "action", "data"):
            address = attributes.get(name)
            assert address is None or address.startswith("#") or (tag == "link" and address == "data:,")
    styles = re.findall(r"<style>(.*?)</style>", report.html(), re.DOTALL)
    assert not re.search(r"@import|url\((?!#)", "".join(styles))


def test_names_are_escaped(report: Report) -> None:
    text = report.html()
    assert "<script" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; $x_1$ |" in text


def test_the_same_scenario_makes_the_same_page(
    report: Report,
    scenario: Scenario,
    curve: pd.DataFrame,
    tried: pd.DataFrame | None,
    tmp_path: Path,
) -> None:
    again = build(
        scenario, sim.run(scenario, jobs=1), curve=curve, mechanisms=tried, source="spike.yaml", **NOT_PLANNED
    )
    assert again.html() == report.html()
    assert write(report, tmp_path / "page.html") == [tmp_path / "page.html"]
    assert (tmp_path / "page.html").read_text(encoding="utf-8") == report.html()


def test_the_page_says_from_what_it_was_made(report: Report, scenario: Scenario) -> None:
    text = report.html()
    assert scenario.hash in text
    assert "forebay report spike.yaml --seed 7 --replications 4" in text
    assert not re.search(r"\b20\d\d-\d\d-\d\d", text)


def test_the_scenario_in_the_report_reads_back_as_itself(scenario: Scenario) -> None:
    assert sim.loads(scenario_text(scenario), "again.yaml", Path()) == scenario
    changed = scenario.set({"services.api.workers": 12, "run.seed": 3})
    assert sim.loads(scenario_text(changed), "again.yaml", Path()) == changed


def test_the_verdict_names_what_is_missed_and_what_binds(report: Report) -> None:
    box = report.sections[0].blocks[0]
    assert isinstance(box, Verdict)
    assert box.verdict == "missed"
    assert "does not hold" in box.headline
    facts = dict(box.facts)
    assert set(facts) == {"Steady headroom, without the faults", "Largest spike", "What binds", "Recovery"}
    assert "on the map of section 7" in facts["Largest spike"]
    headroom = facts["Steady headroom, without the faults"]
    assert headroom.startswith("+")
    assert "may grow" not in headroom
    assert headroom.endswith("; with them the objectives are missed already")
    assert "16 workers of api: 120/s offered of 160/s" in facts["What binds"]


def test_an_undecided_objective_is_said_to_be(scenario: Scenario) -> None:
    results = sim.run(scenario, replications=1)
    found = build(scenario, results, curves=False)
    assert found.verdict == "inconclusive"
    text = found.html()
    assert "Inconclusive." in text
    assert "One replication has no interval" in text


def test_met_objectives(quiet: Results) -> None:
    easy = quiet.scenario.set(
        "objectives", [{"subject": "service:api", "metric": "utilization", "at_most": "95%"}]
    )
    assert "The objective holds." in build(easy, sim.run(easy), curves=False).html()


def test_theory_stands_beside_simulation(quiet: Results) -> None:
    section = next(
        found for found in build(quiet.scenario, quiet, curves=False).sections if found.number == 11
    )
    captions = [block.caption for block in section.blocks if isinstance(block, Table)]
    assert "Theory beside simulation" in captions
    assert "Assumptions that break" in captions


def test_each_assumption_that_breaks_is_said_once(report: Report) -> None:
    section = next(found for found in report.sections if found.number == 11)
    table = next(block for block in section.blocks if isinstance(block, Table) and "break" in block.caption)
    reasons = [(row[0], row[1]) for row in table.rows]
    assert len(reasons) == len(set(reasons))
    assert any("retries" in reason and "M/M/c/K" in models for _, reason, models in table.rows)


def test_arrivals_that_vary_are_held_against_their_peak(quiet: Results) -> None:
    wave = quiet.scenario.set(
        {
            "traffic.web.arrivals": "{kind: sinusoid, mean: 40/s, amplitude: 30/s, period: 10s}",
            "objectives": [{"subject": "traffic:web", "metric": "latency_mean", "at_most": "50ms"}],
        }
    )
    curve = load_curve(wave, [1.0, 2.3], replications=2)
    box = build(wave, sim.run(wave), curve=curve, mechanisms=None, **NOT_PLANNED).sections[0].blocks[0]
    assert isinstance(box, Verdict)
    assert dict(box.facts)["Headroom"].endswith("arrivals as written peak at 70/s")


def test_queue_advice_is_patience_times_rate(report: Report) -> None:
    section = next(found for found in report.sections if found.number == 12)
    table = next(block for block in section.blocks if isinstance(block, Table))
    # The objective of 1 s binds before the timeout of 2 s: 1 s × 160/s, and all but 100 ms of it to wait.
    assert table.rows[0][3:5] == ("160", "144")


@pytest.mark.parametrize(
    ("metric", "row"), [("wait_p99", ("96", "80")), ("sojourn_p99", ("80", "64")), ("wait_probability", None)]
)
def test_an_objective_on_the_time_at_a_service_is_patience_too(
    scenario: Scenario, metric: str, row: tuple[str, str] | None
) -> None:
    bound = {"subject": "service:api", "metric": metric, "at_most": "50%" if row is None else "500ms"}
    found = advice(scenario.set({"traffic.web.client": None, "objectives": [bound]}))
    # 160/s for half a second: of a wait all of it is to wait, of a sojourn 100 ms of it is service.
    assert [(f"{each.longest:.0f}", f"{each.places:.0f}") for each in found] == ([row] if row else [])


def test_what_each_class_gets_stands_under_the_timeline(report: Report) -> None:
    section = next(found for found in report.sections if found.number == 5)
    table = next(block for block in section.blocks if isinstance(block, Table))
    assert table.caption.startswith("What each class gets")
    assert [row[0] for row in table.rows] == ["web"]
    assert all(len(row) == len(table.columns) for row in table.rows)
    assert "%" in table.rows[0][3]
    lines = next(block for block in section.blocks if isinstance(block, Bullets))
    assert len(lines.items) == 1
    assert lines.items[0].startswith("Service api: utilization ")


TWO = """
name: two
traffic:
  web: {arrivals: {kind: poisson, rate: 30/s}, call: api, client: keen}
  partner: {arrivals: {kind: poisson, rate: 90/s}, call: batch}
clients: {keen: {timeout: 10s, retry: {attempts: 3, backoff: {kind: constant, delay: 100ms}}}}
services:
  api: {workers: 4, service_time: {kind: exponential, mean: 100ms}, queue: {capacity: 8}}
  batch: {workers: 5, service_time: {kind: exponential, mean: 100ms}, queue: {capacity: 4}}
objectives: [{subject: "traffic:web", metric: success_ratio, at_least: 90%}]
run: {duration: 60s, replications: 3}
"""


def test_classes_are_told_apart_and_summed_up() -> None:
    two = sim.loads(TWO, "two.yaml", Path())
    results = sim.run(two)
    curve = load_curve(two, [0.5, 1.0], {AS_WRITTEN: {}}, replications=2)
    sections = build(two, results, curve=curve, mechanisms=None, **NOT_PLANNED).sections
    box = sections[0].blocks[0]
    assert isinstance(box, Verdict)
    words = dict(box.facts)["Not covered"]
    assert re.fullmatch(r"partner: 4\d(\.\d)?% of requests give up, though no objective covers it\.", words)
    timeline = next(found for found in sections if found.number == 5)
    rows = next(block for block in timeline.blocks if isinstance(block, Table)).rows
    assert [row[0] for row in rows] == ["web", "partner"]
    goodput = next(found for found in sections if found.number == 6)
    table = next(block for block in goodput.blocks if isinstance(block, Table))
    assert table.columns[-1] in ("p99 latency of web", "p99 latency of partner")
    own = curve[(curve["factor"] == 1.0) & curve["subject"].str.startswith("traffic:")]
    sums = own.groupby("metric")["mean"].sum()
    tries = next(float(row[4]) for row in table.rows if row[0] == "120/s")
    assert tries == pytest.approx(sums["attempt_rate"] / sums["offered_rate"], rel=0.02)


def test_a_refusal_objective_covers_the_only_caller(quiet: Results) -> None:
    bounded = quiet.scenario.set(
        {
            "services.api.queue.capacity": 1,
            "objectives": [{"subject": "service:api", "metric": "rejected_ratio", "at_most": "90%"}],
        }
    )
    box = build(bounded, sim.run(bounded), curves=False).sections[0].blocks[0]
    assert isinstance(box, Verdict)
    assert "Not covered" not in dict(box.facts)
    bare = bounded.set("objectives", [])
    box = build(bare, sim.run(bare), curves=False).sections[0].blocks[0]
    assert isinstance(box, Verdict)
    assert "though no objective covers it" in dict(box.facts)["Not covered"]


def test_a_format_that_is_none(report: Report, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="html or md"):
        write(report, tmp_path / "page.pdf", "pdf")


def test_mechanisms_stand_beside_the_scenario_as_written(report: Report) -> None:
    section = next(found for found in report.sections if found.number == 6)
    assert [picture.name for picture in section.pictures] == ["goodput", "mechanisms"]
    table = next(block for block in section.blocks if isinstance(block, Table) and block.folded)
    assert table.rows[0][:2] == ("as written", "")
    assert ("codel", "admission at the service") in {row[:2] for row in table.rows}
    assert all(re.fullmatch(r"[\d.]+/s \[[\d.]+, [\d.]+\]", row[2]) for row in table.rows)
    assert f"<summary>{table.caption}</summary>" in report.html()


def test_a_study_given_as_none_is_left_out(quiet: Results) -> None:
    found = build(quiet.scenario, quiet, curve=None, **NOT_PLANNED)
    assert [section.number for section in found.sections] == [1, 2, 5, 11, 13]


def test_the_package_can_be_called(quiet: Results, tmp_path: Path) -> None:
    page = tmp_path / "quiet.html"
    for _ in range(2):
        found = sim.report(quiet.scenario, page, results=quiet, curves=False)
    assert page.read_text(encoding="utf-8") == found.html()


@pytest.mark.parametrize(
    "changes",
    [
        {"services.api.service_time": "0s"},
        {"services.api.workers": "inf"},
        {"services.api.service_time": "3s", "clients.patient.timeout": "1s"},
        {"traffic.web.arrivals": "{kind: closed, users: 30, think: 200ms}", "faults": []},
        {"traffic.web.client": None, "faults": []},
        {
            "faults": [
                {"at": "0s", "for": "5s", "service": "api", "pause": True},
                {"at": "9s", "client": "patient", "lost": "9%"},
            ]
        },
    ],
    ids=["no work", "no limit", "none in time", "closed", "no client", "other faults"],
)
def test_odd_scenarios_have_a_report_too(
    scenario: Scenario, changes: dict[str, object], tmp_path: Path
) -> None:
    odd = scenario.set({"run.duration": "30s", "run.replications": 2, **changes})
    results = sim.run(odd)
    curve = load_curve(odd, [0.5, 1.0], replications=2)
    found = build(odd, results, curve=curve, mechanisms=None, **NOT_PLANNED)
    assert not Outline(found.html()).faults
    assert len(write(found, tmp_path / "odd.md", "md")) > 1
    for name in ("timeline", "latency", "littles_law", "theory"):
        assert getattr(results.plot, name)().alt


def test_stability_stands_where_there_is_a_trigger(report: Report, quiet: Results) -> None:
    section = next(found for found in report.sections if found.number == 7)
    (picture,) = section.pictures
    assert "height of the trigger" in picture.alt
    text = " ".join(block.text for block in section.blocks if isinstance(block, Paragraph))
    assert "within 18 s of the trigger's end" in text  # the horizon is part of the verdict
    assert "After a refusal (503)" in text
    assert all(
        found.number != 7 for found in build(quiet.scenario, quiet, curve=None, **NOT_PLANNED).sections
    )
