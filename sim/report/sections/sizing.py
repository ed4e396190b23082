"""Section 4: sizes around the answer, one worker and one zone lost, and the plan under other loads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sim.report.blocks import Block, Bullets, Paragraph, Section, Table
from sim.report.plan_words import (
    asked_of,
    asked_words,
    cheaper_words,
    cost_name,
    cost_of,
    cost_words,
    figure_words,
    figures_of,
    more_words,
    nearest,
    regret_table,
    values_words,
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


def answer_words(planned: Planned) -> str:
    """The answer in a sentence or two."""
    what = asked_words(planned.binding) if planned.binding is not None else ""
    confident = f"with {format_ratio(planned.confidence)} confidence"
    if planned.best is not None:
        head = f"{values_words(planned.best)} meets every objective {confident}, at {cost_words(planned)}"
        if planned.binding is None:
            return f"{values_words(planned.best)} is cheapest, at {cost_words(planned)}, {confident}."
        return f"{head}; {cheaper_words(planned, what)}."
    if planned.verdict == "missed":
        return (
            f"Nothing in the range of the plan meets every objective {confident}; nearest to fail is {what}."
        )
    return f"Inconclusive: no candidate is certain to meet {what}; {more_words(planned)}."


def _of_plan(planned: Planned) -> list[Block]:
    blocks: list[Block] = [Paragraph(answer_words(planned)), _candidates(planned)]
    if planned.lost:
        blocks.append(_lost(planned))
    if planned.regret:
        blocks.append(_regret(planned))
    notes = [*planned.breaches, *planned.notes]
    if planned.best is not None and planned.undecided:
        many = len(planned.undecided)
        stayed = "One cheaper candidate" if many == 1 else f"{many} cheaper candidates"
        notes.append(f"{stayed} stayed open; {more_words(planned)}.")
    if notes:
        blocks.append(Bullets(notes))
    return blocks


def _candidates(planned: Planned) -> Table:
    near = nearest(planned)
    columns = asked_of((*planned.candidates, *(lost.candidate for lost in planned.lost)))
    rows = []
    for one in near:
        chosen = " ← the plan" if one.values == planned.best else ""
        first, *others = (str(one.values[path]) for path in planned.paths)
        cells = (*others, cost_of(one), *figures_of(one, columns), one.verdict)
        rows.append((f"{first}{chosen}", *cells))
    paths = list(planned.paths)
    left = (
        f"; the nearest of {len(planned.candidates)} simulated" if len(near) < len(planned.candidates) else ""
    )
    ruled = f", {planned.overloaded:,} ruled out by their load alone" if planned.overloaded else ""
    caption = f"Around the answer{left}; {planned.combinations:,} in the range{ruled}"
    last = 1 + len(paths) + len(columns)
    return Table(caption, (*paths, cost_name(planned), *columns, "verdict"), rows, frozenset(range(1, last)))


def _lost(planned: Planned) -> Table:
    columns = asked_of((*planned.candidates, *(lost.candidate for lost in planned.lost)))
    rows = [(one.service, *figures_of(one.candidate, columns), one.candidate.verdict) for one in planned.lost]
    right = frozenset(range(1, 1 + len(columns)))
    return Table(
        "One worker fewer than the answer, of each service", ("of", *columns, "verdict"), rows, right
    )


def _regret(planned: Planned) -> Table:
    columns, rows = regret_table(planned, asked_words)
    return Table("If the load is another than was thought", columns, rows, frozenset({4, 5}))


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
        f"None of these sizes is certain to meet every objective. `plan.vary` with {found.path} says which one is."
        if least is None
        else f"{least} is the fewest of these that is certain to meet every objective. `forebay plan` looks further."
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
