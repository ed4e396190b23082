"""Section 7: whether the scenario recovers from its trigger, and the map around it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.report.blocks import Block, Figure, Paragraph, Section
from sim.report.stability_words import sentences
from sim.units import format_duration

if TYPE_CHECKING:
    from sim.report.material import Material
    from sim.study.metastability.basin import Basin


def stability_map(material: Material) -> Section | None:
    """The verdict in sentences, and the probability of recovery over the trigger's height and duration."""
    found = material.stability
    if found is None:
        return None
    blocks: list[Block] = []
    if found.basin is not None:
        from sim.report.pictures.basin import basin

        blocks.append(Figure(basin(found.basin), _caption(found.basin)))
    first, *others = sentences(found)
    blocks += [Paragraph(first), Paragraph(" ".join(others), quiet=True)]
    return Section(7, "stability", "Does it recover", blocks)


def _caption(basin: Basin) -> str:
    unsure = any(basin.half_width(cell) > basin.precision for cell in basin.near)
    crosses = "; crosses: intervals wider than that" if unsure else ""
    return (
        f"The share of runs that recover within {format_duration(basin.horizon)} of the trigger's end. Line: one half. "
        f"Cells near it have {100.0 * basin.confidence:g} % intervals within ±{100.0 * basin.precision:g} "
        f"points{crosses}; cells far from it are of few runs."
    )
