"""A plan in words: its values, its cost, what must hold, and which of its candidates are near the answer."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sim.report.figures import NOTHING, figure, metric_words, subject_words, unit_shown
from sim.scenario.metrics import RECOVERY_METRIC, UNITS
from sim.units import format_duration, format_ratio

if TYPE_CHECKING:
    from sim.study.planning.candidates import Candidate
    from sim.study.planning.planned import Planned, Regret

Asked = Callable[[Mapping[str, Any]], str]
"""Says in words what must hold: in terms of the scenario's keys, or as prose."""

RECOVERED = "recovered in time"
"""What is asked of runs after a mishap; the time is the mishap's `recover_within`."""

MOST_COLUMNS = 3
"""Things that must hold that have a column each."""

NEAREST = "nearest to its bound"
"""Heads the column of what fails, or has the least room left."""

WORTHWHILE = 1000.0
"""How many times the replications made are still worth proposing."""

MOST_NAMED = 3
"""Candidates named in a sentence."""

MOST_ROWS = 12
"""Candidates in a table at the most: the answer, and those nearest to it in cost."""


def values_words(values: Mapping[str, Any]) -> str:
    """Key paths and values: `services.api.workers = 30`."""
    return ", ".join(f"{path} = {value}" for path, value in values.items())


def asked_words(row: Mapping[str, Any], *, as_keys: bool = False) -> str:
    """What must hold, with what has to be survived: `p99 latency of traffic web ≤ 1 s (a zone lost)`.

    Or, in the terms of the scenario's keys, `traffic:web latency_p99 ≤ 1 s (a zone lost)`.
    """
    within = f" ({row['case']})" if row.get("case") is not None else ""
    if row["metric"] == RECOVERY_METRIC:
        return f"{RECOVERED} in {bound_words(row)} of the runs{within}"
    prose = f"{metric_words(row['metric'])} of {subject_words(row['subject'])}"
    name = f"{row['subject']} {row['metric']}" if as_keys else prose
    return f"{name} {bound_words(row)}{within}"


def bound_words(row: Mapping[str, Any]) -> str:
    """The bound alone: `≤ 1 s`."""
    if row["at_most"] is not None:
        return f"≤ {figure(row['at_most'], unit=unit_of_row(row))}"
    return f"≥ {figure(row['at_least'], unit=unit_of_row(row))}"


def figure_words(row: Mapping[str, Any]) -> str:
    """What was found of it, with its bounds."""
    return figure(row["value"], row["low"], row["high"], unit_of_row(row))


def cost_words(planned: Planned) -> str:
    """What the answer costs, with its unit: `30 workers`, `12.4 [12.1, 12.7] an hour`."""
    best = planned.answer
    if best is None:
        return NOTHING
    named = planned.cost_unit if planned.cost_unit in ("workers", "an hour") else f"({planned.cost_unit})"
    return f"{cost_of(best)} {'worker' if named == 'workers' and best.cost == 1.0 else named}"


def cost_of(one: Candidate) -> str:
    """What a candidate costs, with an interval where that is measured."""
    if math.isnan(one.cost):
        return NOTHING
    if is_certain(one):
        return f"{one.cost:.6g}"
    return figure(one.cost, one.cost_low, one.cost_high)


def is_certain(one: Candidate | None) -> bool:
    """Whether a cost has no interval to speak of."""
    return one is None or math.isclose(one.cost_low, one.cost_high, rel_tol=1e-9)


def cost_name(planned: Planned) -> str:
    """What costs are counted in, for a heading."""
    return "cost an hour" if planned.cost_unit == "an hour" else f"cost ({planned.cost_unit})"


def answer_words(planned: Planned, asked: Asked, sure: str) -> str:
    """The answer in a sentence or two; `sure` says how sure that is, and from how much."""
    binding = planned.in_the_way or ((planned.binding,) if planned.binding is not None else ())
    what = " or ".join(asked(row) for row in binding)
    if planned.best is not None and planned.binding is None:
        return f"{values_words(planned.best)} is cheapest, at {cost_words(planned)} ({sure})."
    if planned.best is not None:
        head = f"{values_words(planned.best)} meets every objective, at {cost_words(planned)}"
        return f"{head}; {cheaper_words(planned, what)} ({sure})."
    if planned.verdict == "missed":
        return f"Nothing in the range meets every objective; in the nearest, what fails is {what} ({sure})."
    return f"Inconclusive: no candidate is certain to meet {what}; {more_words(planned)} ({sure})."


def open_words(planned: Planned) -> list[str]:
    """What stayed open beside an answer; a sentence, or none."""
    if planned.best is None or not planned.undecided:
        return []
    many = len(planned.undecided)
    nearest = sorted(planned.undecided, key=lambda one: one.cost)[:MOST_NAMED]
    named = "; ".join(f"{values_words(one.values)}, at {cost_of(one)}" for one in nearest)
    more = f", {many - len(nearest)} more" if many > len(nearest) else ""
    stayed = "One that may be cheaper" if many == 1 else f"{many} that may be cheaper"
    return [f"{stayed} stayed open ({named}{more}); {more_words(planned)}."]


def cheaper_words(planned: Planned, what: str) -> str:
    """What is known of all that is cheaper than the answer; `what` binds there."""
    if not is_certain(planned.answer):
        if not planned.minimal:
            return "whether something is cheaper is not certain"
        assert planned.scenario.plan is not None  # it is what was planned
        return f"nothing else is cheaper by more than {format_ratio(planned.scenario.plan.indifference)}"
    if not planned.minimal:
        return f"whether less would keep {what} is not certain"
    broke = planned.overloaded or any(
        one.verdict == "missed" and one.cost < (planned.cost or 0.0) for one in planned.candidates
    )
    return f"less would break {what}" if broke else "nothing cheaper in the range meets them"


def more_words(planned: Planned) -> str:
    """What it would take to decide what is undecided."""
    from sim.study.planning.certify import MOST_GROWTH

    needed, longer = planned.needed, planned.needed_duration
    if needed is None or longer is None:
        return "more replications may tell"
    if needed > WORTHWHILE * max(one.replications for one in planned.undecided):
        return nearness_words(planned.binding or {})
    many = f"up to about {needed:,.0f} replications each"
    if planned.scenario.faults or any(row["case"] for one in planned.undecided for row in one.objectives):
        # A longer run would have the same mishap once, and make less of it.
        return f"{many} (run.replications: {math.ceil(needed / MOST_GROWTH)}) may tell"
    return f"{many}, or runs of {format_duration(longer)}, may tell"


def nearness_words(row: Mapping[str, Any]) -> str:
    """Why more runs will hardly tell whether a bound is kept."""
    if row.get("at_least") == 1.0 or row.get("at_most") == 0.0:
        other = "99.99%" if row.get("at_least") == 1.0 else "a little more than 0"
        return f"no number of runs makes exactly that certain; ask for {other}, say"
    return "what is measured lies on the bound, too near for any number of runs worth making"


def candidates_table(
    planned: Planned, asked: Asked
) -> tuple[Sequence[str], Sequence[Sequence[str]], frozenset[int]]:
    """Columns and rows of the candidates nearest to the answer, and which columns hold figures.

    What must hold has a column each; where that is too much for a page, only what is nearest to its bound is told.
    """
    named = (*planned.paths, cost_name(planned))
    rows: list[Sequence[str]] = []
    columns = _asked_of(planned, asked)
    wide = len(columns) <= MOST_COLUMNS
    for one in nearest(planned):
        first, *others = (str(one.values[path]) for path in planned.paths)
        mark = " ← the plan" if one.values == planned.best else ""
        told = _figures_of(one, columns) if wide else _nearest_of(one, asked)
        rows.append((f"{first}{mark}", *others, cost_of(one), *told, _replications_of(one), _verdict_of(one)))
    if wide:
        numeric = frozenset(range(1, len(named) + len(columns) + 1))
        return (*named, *columns, "replications", "verdict"), rows, numeric
    numeric = frozenset({*range(1, len(named)), len(named) + 1, len(named) + 2})
    return (*named, NEAREST, "measured", "replications", "verdict"), rows, numeric


def held_table(planned: Planned, asked: Asked) -> tuple[Sequence[str], Sequence[Sequence[str]]] | None:
    """Columns and rows of all that must hold with the plan, where the table of candidates has no room for it.

    Without an answer, with the candidate that is nearest to being one.
    """
    one = planned.answer or planned.nearest
    if one is None or len(_asked_of(planned, asked)) <= MOST_COLUMNS:
        return None
    rows = [
        (
            asked(row),
            figure_words(row),
            f"{row['replications']:,}",
            verdict_words(row["verdict"], row["decided_by"]),
        )
        for row in one.objectives
    ]
    return ("must hold", "measured", "replications", "verdict"), rows


def held_title(planned: Planned) -> str:
    """Heads the table of all that must hold."""
    nearest = planned.nearest
    if planned.answer is not None or nearest is None:
        return "What must hold, with the plan"
    return f"What must hold, with the nearest: {values_words(nearest.values)}"


def _nearest_of(one: Candidate, asked: Asked) -> tuple[str, str]:
    """What fails, or has the least room left, and how it was measured."""
    return (NOTHING, NOTHING) if one.binding is None else (asked(one.binding), figure_words(one.binding))


def lost_table(planned: Planned, asked: Asked) -> tuple[Sequence[str], Sequence[Sequence[str]]]:
    """Columns and rows of one worker fewer, of each service: all verdicts, and what fails there or is nearest to it."""
    rows = [
        (lost.service, *_nearest_of(lost.candidate, asked), _verdict_of(lost.candidate))
        for lost in planned.lost
    ]
    return ("of", NEAREST, "measured", "verdict"), rows


def verdict_words(verdict: str, decided_by: str | None) -> str:
    """A verdict, and whether it rests on exact theory, as simulation could not tell."""
    return f"{verdict}, by theory" if decided_by == "theory" else verdict


def _verdict_of(one: Candidate) -> str:
    return verdict_words(one.verdict, one.decided_by)


def _asked_of(planned: Planned, asked: Asked) -> dict[str, Mapping[str, Any]]:
    """A column for each thing that must hold, in any candidate: one that failed early lacks the rest."""
    found: dict[str, Mapping[str, Any]] = {}
    for one in planned.candidates:
        for row in one.objectives:
            found.setdefault(asked(row), row)
    return found


def _figures_of(one: Candidate, columns: Mapping[str, Mapping[str, Any]]) -> list[str]:
    rows = [one.row_like(wanted) for wanted in columns.values()]
    return [NOTHING if row is None else figure_words(row) for row in rows]


def _replications_of(one: Candidate) -> str:
    """Those of each case, where they differ: one that was dropped early has fewer in the others."""
    found = sorted({row["replications"] for row in one.objectives})
    return f"{found[0]:,}…{found[-1]:,}" if len(found) > 1 else f"{one.replications:,}"


def regret_table(planned: Planned, asked: Asked) -> tuple[Sequence[str], Sequence[Sequence[str]]]:
    """Columns and rows of the plan under other loads; `asked` says in words what fails there."""
    columns = ("load", "this plan", "what fails", "the right plan", cost_name(planned), "paid beyond it")
    rows = [
        (
            f"×{one.factor:g}",
            one.verdict,
            asked(one.binding) if one.binding is not None and one.verdict != "met" else NOTHING,
            values_words(one.right) if one.right is not None else "nothing in the range",
            NOTHING if one.cost is None else f"{one.cost:.6g}",
            _paid(one),
        )
        for one in planned.regret
    ]
    return columns, rows


def _paid(one: Regret) -> str:
    """What is paid beyond the right plan; of one that is too small, what it falls short of that."""
    if one.extra is None:
        return NOTHING
    if one.extra < 0.0 and one.verdict == "missed":
        return f"short of it by {-one.extra:.4g}"
    return f"{one.extra:+.4g}" if one.extra else "0"


def nearest(planned: Planned) -> list[Candidate]:
    """Not too many candidates, in their own order: what stayed open, the answer's neighbours, the nearest in cost."""
    if len(planned.candidates) <= MOST_ROWS:
        return list(planned.candidates)
    best = planned.answer

    def distance(one: Candidate) -> tuple[float, float]:
        if best is None:
            return 0.0, -one.least_room
        if any(one is other for other in planned.undecided):
            return 0.0, abs(one.cost - best.cost)  # the words below the table speak of it
        differing = sum(one.values[path] != best.values[path] for path in one.values)
        return float(differing), abs(one.cost - best.cost)

    chosen = sorted(planned.candidates, key=distance)[:MOST_ROWS]
    return [one for one in planned.candidates if any(one is other for other in chosen)]


def unit_of_row(row: Mapping[str, Any]) -> str:
    """The unit to show an objective in; the share of runs that recovered is a ratio."""
    return unit_shown(row["metric"], UNITS.get(row["metric"], "ratio"))
