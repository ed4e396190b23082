"""A plan in words and tables: the answer, the candidates around it, what binds, what it would take to be sure."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from sim.cli.printing import Table, bound, shown
from sim.report.figures import NOTHING
from sim.report.plan_words import (
    cheaper_words,
    cost_name,
    cost_of,
    cost_words,
    key_of_row,
    more_words,
    nearest,
    regret_table,
    values_words,
)

if TYPE_CHECKING:
    from sim.study.planning.candidates import Candidate
    from sim.study.planning.planned import Planned


def answer(planned: "Planned") -> str:
    """The answer in a sentence or two."""
    what = bound(planned.binding) if planned.binding is not None else ""
    tried = f"{_counted(planned)}, {100.0 * planned.confidence:g} % confidence"
    if planned.best is not None:
        head = f"{values_words(planned.best)} meets every objective, at {cost_words(planned)}"
        if planned.binding is None:
            return f"{values_words(planned.best)} is cheapest, at {cost_words(planned)} ({tried})."
        return f"{head}; {cheaper_words(planned, what)} ({tried})."
    if planned.verdict == "missed":
        return f"Nothing in the range meets every objective; nearest to fail is {what} ({tried})."
    return f"Inconclusive: no candidate is certain to meet {what}; {more_words(planned)} ({tried})."


def notes(planned: "Planned") -> Iterator[str]:
    """What a reader must know beside the tables."""
    if planned.best is not None and planned.undecided:
        many = len(planned.undecided)
        yield f"{many} cheaper candidate{'s' if many > 1 else ''} stayed open; {more_words(planned)}."
    yield from (*planned.breaches, *planned.notes)
    for lever in planned.levers:
        if not lever.monotone and lever.path.endswith(".workers"):
            yield f"{lever.path}: {lever.why}."


def tables(planned: "Planned") -> list[Table]:
    """The candidates; with a worker lost; the plan under other loads."""
    found = [candidates(planned)]
    if planned.lost:
        found.append(_lost(planned))
    if planned.regret:
        found.append(_regret(planned))
    return found


def candidates(planned: "Planned") -> Table:
    """The candidates simulated, or those nearest to the answer: values, cost, each objective's figure, the verdict."""
    near = nearest(planned)
    columns = _columns(planned)
    paths = list(near[0].values) if near else []
    rows = [
        (
            *(str(value) for value in one.values.values()),
            cost_of(one),
            *_figures(one, columns),
            str(one.replications),
            one.verdict + (" ←" if one.values == planned.best else ""),
        )
        for one in near
    ]
    left = len(planned.candidates) - len(near)
    title = f"Candidates ({left} more in --format csv)" if left else "Candidates"
    return Table(title, (*paths, cost_name(planned), *columns, "replications", "verdict"), rows)


def _lost(planned: "Planned") -> Table:
    columns = _columns(planned)
    rows = [(one.service, *_figures(one.candidate, columns), one.candidate.verdict) for one in planned.lost]
    return Table("One worker fewer than the answer", ("service", *columns, "verdict"), rows)


def _regret(planned: "Planned") -> Table:
    return Table("If the load is another", *regret_table(planned, bound))


def _columns(planned: "Planned") -> dict[str, tuple[Any, ...]]:
    """A column for each thing that must hold, in any candidate: a candidate that failed early lacks the rest."""
    found: dict[str, tuple[Any, ...]] = {}
    for one in (*planned.candidates, *(lost.candidate for lost in planned.lost)):
        for row in one.objectives:
            found.setdefault(bound(row), key_of_row(row))
    return found


def _figures(one: "Candidate", columns: Mapping[str, tuple[Any, ...]]) -> list[str]:
    known = {key_of_row(row): row for row in one.objectives}
    return [shown(known[key]) if key in known else NOTHING for key in columns.values()]


def _counted(planned: "Planned") -> str:
    many = f"{planned.evaluations:,} of {planned.combinations:,} candidates simulated"
    return f"{many}, {planned.overloaded:,} ruled out by load" if planned.overloaded else many
