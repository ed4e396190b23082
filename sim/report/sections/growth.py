"""Section 8: how much more load meets every objective, when capacity runs out, and what to order by when."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.report.blocks import Block, Bullets, Figure, Paragraph, Section, Table
from sim.report.figures import figure
from sim.report.growth_words import at_words, headroom_words, run_out_words
from sim.report.plan_words import asked_words, figure_words
from sim.scenario.mishaps import must_survive
from sim.units import format_ratio, format_span

if TYPE_CHECKING:
    from sim.report.material import Material
    from sim.study.growth.forecast import Forecast
    from sim.study.growth.headroom import Headroom


def growth(material: Material) -> Section | None:
    """The forecast where the scenario says how its load grows; else the headroom alone."""
    found, certified = material.forecast, material.certified
    if certified is None:
        return None
    blocks: list[Block] = []
    if found is not None:
        if found.headroom.undecided is None:
            from sim.report.pictures.growth import growth as draw

            blocks.append(Figure(draw(found), _caption(found)))
        blocks.append(Paragraph(f"{run_out_words(found)}."))
        if found.steps:
            blocks.append(_purchases(found))
        if found.notes:
            blocks.append(Bullets([f"{note[0].upper()}{note[1:]}." for note in found.notes]))
    blocks += [Paragraph(_remark(certified)), _loads(certified)]
    return Section(8, "growth", "Headroom and growth" if found is not None else "Headroom", blocks)


def _caption(found: Forecast) -> str:
    lead = f", {format_span(found.lead_time)} after its order" if found.lead_time > 0.0 else ""
    rises = (
        f"; the green line rises with each purchase of {found.key}, there when it may first be needed{lead}, or as "
        "soon as it can"
        if found.steps
        else ""
    )
    return (
        f"The band is the {format_ratio(found.confidence)} interval of the expected load. Capacity is the load "
        f"certified to meet every objective{rises}. Shaded: when what is there now runs out, by what is known of load "
        "and capacity."
    )


def _purchases(found: Forecast) -> Table:
    rows = [
        (
            f"+{step.bought}",
            f"{step.after.workers:,}",
            f"{figure(step.before.factor, step.before.low, step.before.high)}×",
            at_words(found, step.needed.time),
            f"{at_words(found, step.needed.earliest)} … {at_words(found, step.needed.latest)}",
            at_words(found, step.order),
        )
        for step in found.steps
    ]
    columns = ("purchase", f"{found.what} then", "load before it", "needed", "earliest … latest", "order by")
    return Table(f"Purchases of {found.key} up to the horizon", columns, rows, frozenset({1}))


def _loads(found: Headroom) -> Table:
    rows = [
        (
            f"{one.factor:.3g}×",
            figure(found.offered_rate * one.factor, unit="1/s"),
            one.verdict,
            asked_words(vars(one.binding)),
            figure_words(vars(one.binding)),
            f"{one.replications:,}",
        )
        for one in found.tried
    ]
    columns = ("load", "offered", "verdict", "has the least room", "measured", "replications")
    return Table("Loads that were judged", columns, rows, frozenset({1, 4, 5}), folded=len(rows) > 6)


def _remark(found: Headroom) -> str:
    faults = " Faults strike as written at every load." if found.scenario.faults else ""
    if must_survive(found.scenario):
        faults += " So does each mishap that the plan must survive, by itself."
    return (
        f"Headroom: {headroom_words(found)}. Its interval reaches from the greatest load certified to meet every "
        f"objective to the least certified to miss one; more load is taken to be no better.{faults}"
    )
