"""Section 11: conservation, Little's law, and theory beside simulation with the assumptions that break."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from sim.report.blocks import Block, Figure, Paragraph, Section, Table
from sim.report.figures import figure, records, unit_shown
from sim.report.phrases import balances

if TYPE_CHECKING:
    import pandas as pd

    from sim.report.material import Material
    from sim.theory.match import Theory

DRAWN = (
    "utilization",
    "queue_length",
    "in_system",
    "wait_probability",
    "rejected_ratio",
    "wait_mean",
    "wait_p99",
    "sojourn_mean",
    "sojourn_p99",
    "goodput",
    "latency_mean",
    "latency_p99",
)
"""The figures in the picture of theory beside simulation; its table has all."""

_MOST = 24
"""Rows of that picture."""


def audit(material: Material) -> Section | None:
    """The books of the run, Little's law at each boundary, and what theory says of the same figures."""
    if material.results.audits.empty:
        return None
    blocks: list[Block] = [Paragraph(conservation(material.results.conservation)), *_little(material)]
    blocks.extend(_theory(material))
    return Section(11, "audit", "Little's law, and theory beside simulation", blocks)


def conservation(books: dict[str, Any]) -> str:
    """The two balances in one sentence each."""
    requests, attempts = balances(books)
    verdict = "Both balances hold" if books["passed"] else "A balance is broken"
    return f"{verdict}. Requests: {requests}. Attempts: {attempts}."


def _little(material: Material) -> list[Block]:
    from sim.report.pictures.audit import littles_law

    audits = material.results.audits
    rows = [
        (
            str(row.subject),
            str(row.boundary),
            figure(row.L, row.L_low, row.L_high),
            figure(row.arrival_rate, unit="1/s"),
            figure(row.W, unit="s"),
            figure(row.lambda_W, row.lambda_W_low, row.lambda_W_high),
            f"{row.residual:.0e}",
        )
        for row in records(audits)
    ]
    caption = (
        "The identity ∫N dt = Σ time inside holds exactly in every run; its residual is rounding. L, λ and "
        "W are measured apart, so where the window cuts many stays (a spike, a backlog at the end) L and "
        "λW may differ, and then say by how much the run is not stationary."
    )
    columns = ("subject", "boundary", "L", "λ", "W", "λW", "residual")
    table = Table(
        "Little's law at every boundary, with 95 % intervals", columns, rows, frozenset({2, 3, 4, 5, 6})
    )
    drawn: list[Block] = [Figure(littles_law(material.results), caption)] if (audits["L"] > 0.0).any() else []
    return [*drawn, table]


def _theory(material: Material) -> list[Block]:
    analysis = material.theory
    if analysis is None:
        return []
    blocks: list[Block] = []
    rows = beside(material)
    if len(rows):
        from sim.report.pictures.audit import theory_beside_simulation

        shown = rows[(rows["theory"] > 0.0) & rows["metric"].isin(DRAWN)].head(_MOST)
        if len(shown):
            caption = (
                "Each dot is the simulated figure divided by theory's, with its 95 % interval; blue models "
                "are exact, orange ones approximate. About one interval in twenty misses the line when "
                "both are right."
            )
            blocks.append(Figure(theory_beside_simulation(shown), caption))
        cells = [
            (
                str(row.subject),
                str(row.metric),
                str(row.model),
                str(row.method),
                figure(row.theory, unit=unit_shown(row.metric, row.unit)),
                figure(row.mean, row.low, row.high, unit_shown(row.metric, row.unit)),
            )
            for row in records(rows)
        ]
        columns = ("subject", "metric", "model", "kind", "theory", "simulation")
        blocks.append(Table("Theory beside simulation", columns, cells, frozenset({4, 5})))
    else:
        blocks.append(Paragraph("No model of queueing theory applies to the scenario as it stands."))
    if analysis.models:
        why = [
            (str(model.applies_to), model.name, "exact" if model.exact else "approximate", model.why)
            for model in analysis.models
        ]
        blocks.append(Table("Models that apply", ("to", "model", "kind", "why"), why))
    if analysis.rejected:
        heads = ("of", "what is assumed, and is not so", "models that it rules out")
        blocks.append(Table("Assumptions that break", heads, broken(analysis)))
    return blocks


def broken(theory: Theory) -> list[tuple[str, str, str]]:
    """Each assumption that breaks: of which service, in words, and the models that it rules out."""
    found: dict[tuple[str, str], list[str]] = {}
    for each in theory.rejected:
        for reason in each.why.split("; "):
            found.setdefault((each.applies_to, reason), []).append(each.name)
    return [(subject, reason, ", ".join(names)) for (subject, reason), names in found.items()]


def beside(material: Material) -> pd.DataFrame:
    """Figures of theory and simulation: subject, metric, unit, model, method, theory, mean, low, high."""
    import pandas as pd

    columns = ["subject", "metric", "unit", "model", "method", "theory", "mean", "low", "high"]
    assert material.theory is not None
    rows = []
    for model in material.theory.models:
        for row in records(model.summary):
            own = material.records.get((str(row.subject), str(row.metric)))
            if own is None or math.isnan(own.mean) or math.isnan(row.mean):
                continue
            kind = "exact" if model.exact else "approximate"
            rows.append(
                (row.subject, row.metric, row.unit, model.name, kind, row.mean, own.mean, own.low, own.high)
            )
    found = pd.DataFrame(rows, columns=columns)
    return (
        found.astype({"low": float, "high": float, "mean": float, "theory": float}) if len(found) else found
    )
