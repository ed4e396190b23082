"""Section 9: which parameter matters most: the tornado, and elasticities."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.report.blocks import Block, Figure, Paragraph, Section, Table
from sim.report.figures import NOTHING, difference, figure, metric_words, subject_words, unit_shown
from sim.scenario.mishaps import must_survive
from sim.units import format_ratio

if TYPE_CHECKING:
    from sim.report.material import Material
    from sim.study.sensitivities.sensitivity import Sensitivity, Turned

_MOST = 2
"""Metrics with a picture of their own."""


def tornado(material: Material) -> Section | None:
    """Each parameter turned down and up, the others as written, under the same random numbers."""
    found = material.sensitivity
    if found is None or not found.turned:
        return None
    from sim.report.pictures.tornado import tornado as draw

    objectives = {(each.subject, each.metric): each for each in material.scenario.objectives}
    blocks: list[Block] = []
    for place, metric in enumerate(found.metrics[:_MOST], 1):
        turned = found.of(*metric)
        if not _telling(turned):
            blocks.append(Paragraph(_caption(found, metric, bounded=False)))
            continue
        picture = draw(turned, objectives.get(metric))
        picture.name = f"tornado-{place}"
        blocks += [
            Figure(picture, _caption(found, metric, bounded=metric in objectives)),
            _table(metric, turned),
        ]
    blocks.append(Paragraph(_remark(found), quiet=True))
    return Section(9, "sensitivity", "What matters most", blocks)


def _caption(found: Sensitivity, metric: tuple[str, str], *, bounded: bool) -> str:
    turned = found.of(*metric)
    telling = _telling(turned)
    words = (
        f"The {metric_words(metric[1])} of {subject_words(metric[0])}, each parameter turned down and up by "
        f"{format_ratio(found.change)}, counts by at least one"
    )
    if not telling:
        return f"{words}: none of them is shown to move it."
    line = f"; lines: 95 % intervals of the swing{'; dashed: the objective, where it is near' if bounded else ''}"
    most = telling[0].parameter.path
    if len(telling) == 1:
        return f"{words}{line}. Of {len(turned)}, {most} alone is shown to move it at all."
    return f"{words}{line}. {len(telling)} of {len(turned)} are shown to move it at all, of these {most} the most."


def _telling(turned: tuple[Turned, ...]) -> list[Turned]:
    """Those whose swing is shown not to be nothing, the widest first."""
    return [each for each in turned if each.swing.low > 0.0 or each.swing.high < 0.0]


def _table(metric: tuple[str, str], turned: tuple[Turned, ...]) -> Table:
    unit = unit_shown(metric[1], turned[0].unit)
    rows = [
        (
            each.parameter.path,
            f"{_value(each, each.low)} … {_value(each, each.high)}",
            figure(each.at_low.mean, unit=unit),
            figure(each.at_high.mean, unit=unit),
            difference(each.swing.mean, each.swing.low, each.swing.high, unit, like=each.at_base.mean),
            figure(*each.elasticity) if each.elasticity.mean == each.elasticity.mean else NOTHING,
        )
        for each in turned
    ]
    columns = ("parameter", "from … to", "at the lower", "at the higher", "swing", "elasticity")
    caption = f"{metric_words(metric[1])} of {subject_words(metric[0])}, by its swing"
    return Table(caption, columns, rows, frozenset({1, 2, 3, 4, 5}), folded=len(rows) > 6)


def _value(each: Turned, value: float) -> str:
    """A value of a parameter as a person writes it."""
    unit = each.parameter.unit
    if unit in ("factor", "load"):
        return f"×{value:.4g}"
    return figure(value, unit=unit if unit in ("s", "1/s", "ratio") else "count")


def _remark(found: Sensitivity) -> str:
    left = "".join(f" Left out: {path} {why}." for path, why in found.left_out.items())
    if must_survive(found.scenario):
        left += " All as written: what the plan must survive, and what binds there, is not turned."
    return (
        f"{found.runs} scenarios, {found.replications} replications each, the same random numbers in all. A swing is "
        "the metric at the higher value less that at the lower; an elasticity, by how many per cent it changes where "
        f"the parameter does by one; in brackets {100.0 * found.confidence:g} % intervals.{left}"
    )
