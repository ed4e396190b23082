"""Section 4: sizes around the answer, one worker and one zone lost, and the plan under other loads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sim.report.blocks import Block, Bullets, Paragraph, Section, Table
from sim.report.plan_words import (
    answer_words,
    asked_words,
    candidates_table,
    figure_words,
    held_table,
    held_title,
    lost_table,
    nearest,
    open_words,
    regret_table,
)
from sim.units import format_ratio

if TYPE_CHECKING:
    from sim.report.material import Material
    from sim.study.planning.planned import Planned
    from sim.study.sizing import Sizing


def sizing(material: Material) -> Section | None:
    """From the plan; where the scenario has none, the sizes around the one as written."""
    if material.plan is not None:
        return Section(4, "sizing", "Sizes", _of_plan(material.plan))
    if material.sizing is not None:
        return Section(4, "sizing", "Sizes", _as_written(material.sizing))
    return None


def _of_plan(planned: Planned) -> list[Block]:
    sure = f"{format_ratio(planned.confidence)} confidence"
    blocks: list[Block] = [Paragraph(answer_words(planned, asked_words, sure)), _candidates(planned)]
    held = held_table(planned, asked_words)
    if held is not None:
        blocks.append(Table(held_title(planned), *held, frozenset({1, 2})))
    if planned.lost:
        columns, rows = lost_table(planned, asked_words)
        blocks.append(
            Table("One worker fewer than the answer, of each service", columns, rows, frozenset({2}))
        )
    if planned.regret:
        columns, rows = regret_table(planned, asked_words)
        blocks.append(Table("If the load is another than was thought", columns, rows, frozenset({4, 5})))
    notes = [*planned.breaches, *planned.notes, *open_words(planned)]
    if notes:
        blocks.append(Bullets(notes))
    return blocks


def _candidates(planned: Planned) -> Table:
    columns, rows, right = candidates_table(planned, asked_words)
    shown = len(nearest(planned))
    left = f"; the nearest of {len(planned.candidates)} simulated" if shown < len(planned.candidates) else ""
    ruled = f", {planned.overloaded:,} ruled out by their load alone" if planned.overloaded else ""
    caption = f"Around the answer{left}; {planned.combinations:,} in the range{ruled}"
    return Table(caption, columns, rows, right)


def _as_written(found: Sizing) -> list[Block]:
    rows = []
    columns: list[str] = []
    for size in found.sizes:
        judged: list[dict[str, Any]] = [{**vars(one), "case": None} for one in size.objectives]
        columns = [asked_words(row) for row in judged]
        rows.append((size.words, str(size.count), *(figure_words(row) for row in judged), size.verdict))
    right = frozenset(range(1, 2 + len(columns)))
    caption = f"Around the {found.written} {found.noun}s as written: {found.path}"
    least = min((size.count for size in found.sizes if size.verdict == "met"), default=None)
    words = (
        f"None of these sizes is certain to meet every objective. A plan that varies {found.path} says which one is."
        if least is None
        else f"{least} is the fewest of these that is certain to meet every objective; forebay plan looks further."
    )
    replications = max(size.replications for size in found.sizes)
    bounds = (
        "Each size is judged by itself, with 95 % confidence and the same random numbers, in up to "
        f"{replications} replications; in brackets one-sided bounds."
    )
    return [
        Table(caption, ("size", f"{found.noun}s", *columns, "verdict"), rows, right),
        Paragraph(words),
        Paragraph(bounds, quiet=True),
    ]
