"""A plan in words and tables: the answer, the candidates around it, what binds, what it would take to be sure."""

import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from sim.cli.printing import Table, asked, shown
from sim.report.figures import NOTHING, figure
from sim.scenario.metrics import UNITS
from sim.units import format_duration

if TYPE_CHECKING:
    from sim.study.candidates import Candidate
    from sim.study.planned import Planned

WORTHWHILE = 1000.0
"""How many times the replications made are still worth proposing."""

MOST_ROWS = 12
"""Candidates in a table at the most: the answer, and those nearest to it in cost."""


def answer(planned: "Planned") -> str:
    """The answer in a sentence or two."""
    what = bound(planned.binding) if planned.binding is not None else ""
    tried = f"{_counted(planned)}, {100.0 * planned.confidence:g} % confidence"
    if planned.best is not None:
        head = f"{values(planned.best)} meets every objective, at {cost(planned)}"
        if planned.binding is None:
            return f"{values(planned.best)} is cheapest, at {cost(planned)} ({tried})."
        if not _is_certain(planned.answer):
            sure = (
                "nothing else is cheaper"
                if planned.minimal
                else "whether something is cheaper is not certain"
            )
            return f"{head}; {sure} ({tried})."
        least = (
            f"less would break {what}"
            if planned.minimal
            else f"whether less would keep {what} is not certain"
        )
        return f"{head}; {least} ({tried})."
    if planned.verdict == "missed":
        return f"Nothing in the range meets every objective; nearest to fail is {what} ({tried})."
    return f"Inconclusive: no candidate is certain to meet {what}; {more(planned)} ({tried})."


def notes(planned: "Planned") -> Iterator[str]:
    """What a reader must know beside the tables."""
    if planned.best is not None and planned.undecided:
        many = len(planned.undecided)
        yield f"{many} cheaper candidate{'s' if many > 1 else ''} stayed open; {more(planned)}."
    yield from (*planned.breaches, *planned.notes)
    for lever in planned.levers:
        if not lever.monotone and lever.path.endswith(".workers"):
            yield f"{lever.path}: {lever.why}."


def more(planned: "Planned") -> str:
    """What it would take to decide what is undecided."""
    needed, longer = planned.needed, planned.needed_duration
    if needed is None or longer is None:
        return "more replications may tell"
    if needed > WORTHWHILE * max(one.replications for one in planned.undecided):
        return "what is measured lies on the bound, too near for any number of runs worth making"
    return f"about {needed:,.0f} replications each, or runs of {format_duration(longer)}, may tell"


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
            _cost(one),
            *_figures(one, columns),
            str(one.replications),
            one.verdict + (" ←" if one.values == planned.best else ""),
        )
        for one in near
    ]
    left = len(planned.candidates) - len(near)
    title = f"Candidates ({left} more in --format csv)" if left else "Candidates"
    return Table(title, (*paths, _cost_name(planned), *columns, "replications", "verdict"), rows)


def nearest(planned: "Planned") -> list["Candidate"]:
    """Not too many candidates, in their own order: the answer's neighbours first, then the nearest in cost."""
    if len(planned.candidates) <= MOST_ROWS:
        return list(planned.candidates)
    best = planned.answer

    def distance(one: "Candidate") -> tuple[float, float]:
        if best is None:
            from sim.study.candidates import room

            return 0.0, -min((room(row) for row in one.objectives), default=0.0)
        differing = sum(one.values[path] != best.values[path] for path in one.values)
        return float(differing), abs(one.cost - best.cost)

    chosen = sorted(planned.candidates, key=distance)[:MOST_ROWS]
    return [one for one in planned.candidates if any(one is other for other in chosen)]


def values(chosen: Mapping[str, Any]) -> str:
    """Key paths and values: `services.api.workers = 30`."""
    return ", ".join(f"{path} = {value}" for path, value in chosen.items())


def cost(planned: "Planned") -> str:
    """What the answer costs, with its unit: `30 workers`, `12.4 [12.1, 12.7] an hour`."""
    best = planned.answer
    return NOTHING if best is None else f"{_cost(best)} {planned.cost_unit}"


def bound(row: Mapping[str, Any]) -> str:
    """An objective in words, with what had to be survived: `traffic:web latency_p99 ≤ 1 s (a zone lost)`."""
    within = f" ({row['case']})" if row["case"] is not None else ""
    return f"{row['subject']} {row['metric']} {_asked(row)}{within}"


def _lost(planned: "Planned") -> Table:
    columns = _columns(planned)
    rows = [(one.service, *_figures(one.candidate, columns), one.candidate.verdict) for one in planned.lost]
    return Table("One worker fewer than the answer", ("service", *columns, "verdict"), rows)


def _regret(planned: "Planned") -> Table:
    rows = [
        (
            f"×{one.factor:g}",
            one.verdict,
            bound(one.binding) if one.binding is not None and one.verdict != "met" else NOTHING,
            values(one.right) if one.right is not None else "nothing in the range",
            NOTHING if one.cost is None else f"{one.cost:.6g}",
            NOTHING if one.extra is None else f"{one.extra:+.4g}",
        )
        for one in planned.regret
    ]
    columns = ("load", "this plan", "what fails", "the right plan", _cost_name(planned), "paid beyond it")
    return Table("If the load is another", columns, rows)


def _columns(planned: "Planned") -> dict[str, tuple[Any, ...]]:
    """A column for each thing that must hold, in any candidate: a candidate that failed early lacks the rest."""
    found: dict[str, tuple[Any, ...]] = {}
    for one in (*planned.candidates, *(lost.candidate for lost in planned.lost)):
        for row in one.objectives:
            found.setdefault(bound(row), _key(row))
    return found


def _figures(one: "Candidate", columns: Mapping[str, tuple[Any, ...]]) -> list[str]:
    known = {_key(row): row for row in one.objectives}
    return [_shown(known[key]) if key in known else NOTHING for key in columns.values()]


def _key(row: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(row[name] for name in ("case", "subject", "metric", "at_most", "at_least"))


def _shown(row: Mapping[str, Any]) -> str:
    if row["metric"] in UNITS:
        return shown(row)
    return figure(row["value"], row["low"], row["high"], "ratio")


def _asked(row: Mapping[str, Any]) -> str:
    return asked(row) if row["metric"] in UNITS else f"≥ {figure(row['at_least'], unit='ratio')}"


def _cost(one: "Candidate") -> str:
    if math.isnan(one.cost):
        return NOTHING
    if _is_certain(one):
        return f"{one.cost:.6g}"
    return figure(one.cost, one.cost_low, one.cost_high)


def _is_certain(one: "Candidate | None") -> bool:
    """Whether a cost has no interval to speak of."""
    return one is None or math.isclose(one.cost_low, one.cost_high, rel_tol=1e-9)


def _cost_name(planned: "Planned") -> str:
    return "cost an hour" if planned.cost_unit == "an hour" else f"cost ({planned.cost_unit})"


def _counted(planned: "Planned") -> str:
    many = f"{planned.evaluations:,} of {planned.combinations:,} candidates simulated"
    return f"{many}, {planned.overloaded:,} ruled out by load" if planned.overloaded else many
