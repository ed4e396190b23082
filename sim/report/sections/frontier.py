"""Section 10: what better costs: cost against the objective that binds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.report.blocks import Figure, Paragraph, Section
from sim.report.plan_words import asked_words

if TYPE_CHECKING:
    from sim.report.material import Material


def frontier(material: Material) -> Section | None:
    """The plan's candidates by their cost, and those that nothing cheaper matches."""
    planned = material.plan
    if planned is None or planned.binding is None:
        return None
    if len(planned.frontier) < 2:
        words = f"Nothing that was simulated and costs more does better in {asked_words(planned.binding)}."
        return Section(10, "frontier", "What better costs", [Paragraph(words)])
    from sim.report.pictures.frontier import frontier as draw

    caption = (
        f"Every candidate that was simulated, by its cost and by {asked_words(planned.binding)}, the objective that "
        "stands in the way of less, or is nearest to its bound. On the line lie those that nothing cheaper matches; a "
        "candidate may be missed for another objective than this. Bars: bounds of the verdict."
    )
    return Section(10, "frontier", "What better costs", [Figure(draw(planned), caption)])
