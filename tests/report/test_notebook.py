"""Rich display: compact tables that hold no markup of the reader's."""

from sim.measure.results import Results
from sim.report.page import Report
from sim.scenario.scenario import Scenario


def test_a_scenario_shows_its_parts(scenario: Scenario) -> None:
    text = scenario._repr_html_()
    assert "<script" not in text
    assert "poisson, rate 120/s" in text
    assert "up to 4 tries, backoff exponential, base 100 ms, cap 20 s" in text
    assert scenario.hash in text


def test_results_show_the_verdict_and_the_first_figures(results: Results) -> None:
    text = results._repr_html_()
    assert "<script" not in text
    assert "Missed." in text
    assert "p99 latency" in text
    assert "4 replications, seed 7" in text


def test_a_picture_shows_itself_without_any_set_up(results: Results) -> None:
    assert results.plot.timeline()._repr_png_().startswith(b"\x89PNG")


def test_a_report_shows_itself_in_a_frame(report: Report) -> None:
    text = report._repr_html_()
    assert text.startswith("<iframe srcdoc=")
    assert "<script" not in text
