"""A plan in words and tables: the answer, the candidates around it, what binds, what it would take to be sure."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from sim.cli.printing import Table, bound
from sim.report.plan_words import (
    answer_words,
    candidates_table,
    held_table,
    held_title,
    lost_table,
    nearest,
    open_words,
    regret_table,
)

if TYPE_CHECKING:
    from sim.study.planning.planned import Planned


def answer(planned: "Planned") -> str:
    """The answer in a sentence or two."""
    return answer_words(planned, bound, f"{_counted(planned)}, {100.0 * planned.confidence:g} % confidence")


def notes(planned: "Planned") -> Iterator[str]:
    """What a reader must know beside the tables."""
    yield from (*open_words(planned), *planned.breaches, *planned.notes)
    own = planned.scenario.plan
    if planned.best is not None and own is not None and own.growth is not None:
        yield "These sizes are for the load as written; how long they last as it grows, `forebay forecast` says."
    for lever in planned.levers:
        if not lever.monotone and lever.path.endswith(".workers"):
            yield f"{lever.path}: {lever.why}."


def tables(planned: "Planned") -> list[Table]:
    """The candidates simulated, or those nearest to the answer; with a worker lost; the plan under other loads."""
    left = len(planned.candidates) - len(nearest(planned))
    title = f"Candidates ({left} more in --format csv)" if left else "Candidates"
    columns, rows, _ = candidates_table(planned, bound)
    found = [Table(title, columns, rows)]
    held = held_table(planned, bound)
    if held is not None:
        found.append(Table(held_title(planned), *held))
    if planned.lost:
        found.append(Table("One worker fewer than the answer", *lost_table(planned, bound)))
    if planned.regret:
        found.append(Table("If the load is another", *regret_table(planned, bound)))
    return found


def _counted(planned: "Planned") -> str:
    many = f"{planned.evaluations:,} of {planned.combinations:,} candidates simulated"
    return f"{many}, {planned.overloaded:,} ruled out by load" if planned.overloaded else many
