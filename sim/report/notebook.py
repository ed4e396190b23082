"""How a scenario and its results show themselves in a notebook."""

from __future__ import annotations

import math
from html import escape
from typing import TYPE_CHECKING

from sim.report.figures import figure, metric_words, records, subject_words, unit_shown

if TYPE_CHECKING:
    from sim.measure.results import Results
    from sim.report.blocks import Table
    from sim.scenario.scenario import Scenario
    from sim.study.comparison.compare import Comparison

_SHOWN = {
    "traffic": ("offered_rate", "goodput", "success_ratio", "amplification", "latency_p50", "latency_p99"),
    "service": ("utilization", "queue_length", "rejected_ratio", "wait_p99"),
}
_CELL = "padding:.2em .8em .2em 0;text-align:{};vertical-align:top"


def scenario_html(scenario: Scenario) -> str:
    """A scenario's traffic, services and faults as compact tables."""
    from sim.report.sections.inputs import tables

    head = f"<p><strong>{escape(scenario.name)}</strong> <small>scenario {escape(scenario.hash)}</small></p>"
    return "<div>" + head + "".join(_table(table) for table in tables(scenario)) + "</div>"


def results_html(results: Results) -> str:
    """The verdict, and the figures that a reader asks for first, each with its interval."""
    from sim.report.blocks import Table
    from sim.report.page import SIGNS, WORDS

    rows = {(str(row.subject), str(row.metric)): row for row in records(results.summary)}
    cells = [
        (
            subject_words(subject),
            metric_words(metric),
            figure(row.mean, row.low, row.high, unit_shown(metric, row.unit)),
        )
        for (subject, metric), row in rows.items()
        if metric in _SHOWN.get(subject.partition(":")[0], ()) and not math.isnan(row.mean)
    ]
    verdict = f"{SIGNS[results.verdict]} {escape(WORDS[results.verdict])}"
    head = f"<p><strong>{escape(results.scenario.name)}</strong> {verdict}</p>"
    caption = f"{results.replications} replications, seed {results.seed}; 95 % intervals"
    table = Table(caption, ("subject", "metric", "estimate"), cells, frozenset({2}))
    return "<div>" + head + _table(table) + "</div>"


def comparison_html(comparison: Comparison) -> str:
    """What differs, and the headline figures with their paired differences and verdicts."""
    from sim.report.sections.comparison import differences_table, figures_table

    base = comparison.results[comparison.baseline]
    head = (
        f"<p><strong>{escape(', '.join(comparison.variants))}</strong> against {escape(comparison.baseline)} "
    )
    head += f"<small>{base.replications} replications, seed {base.seed}</small></p>"
    tables = _table(differences_table(comparison))
    tables += "".join(_table(figures_table(comparison, name)) for name in comparison.variants)
    return f"<div>{head}{tables}<p><small>{escape(comparison.together)}</small></p></div>"


def _table(table: Table) -> str:
    def row(cells: tuple[str, ...], tag: str) -> str:
        sides = ["right" if place in table.right else "left" for place in range(len(cells))]
        inner = "".join(
            f'<{tag} style="{_CELL.format(side)}">{escape(cell)}</{tag}>'
            for cell, side in zip(cells, sides, strict=True)
        )
        return f"<tr>{inner}</tr>"

    caption = f'<caption style="text-align:left">{escape(table.caption)}</caption>'
    body = "".join(row(tuple(cells), "td") for cells in table.rows)
    return f"<table>{caption}<thead>{row(tuple(table.columns), 'th')}</thead><tbody>{body}</tbody></table>"
