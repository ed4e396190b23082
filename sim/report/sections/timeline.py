"""Section 5: what happened over time, and how long recovery took."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from sim.report.blocks import Block, Figure, Paragraph, Section
from sim.report.sections.outcomes import outcomes
from sim.study.load import callers
from sim.study.metastability.recovery import recovery
from sim.units import format_duration, format_ratio

if TYPE_CHECKING:
    from sim.measure.results import Results
    from sim.report.material import Material

_MOST = 3
"""Services with a picture of their own."""


def timeline(material: Material) -> Section | None:
    """The timeline of each service, the busiest three if there are more; then what each class gets of it."""
    if material.results.series.empty:
        return None
    from sim.report.pictures.panels import busiest
    from sim.report.pictures.timeline import timeline as draw

    names = [name for name in material.scenario.services if callers(material.scenario, name)]
    if len(names) > _MOST:
        names = sorted(names, key=lambda name: name != busiest(material.results))[:_MOST]
    blocks: list[Block] = []
    for name in names:
        picture = draw(material.results, name)
        picture.name = f"timeline-{name}"
        blocks.append(Figure(picture, _caption(material, name)))
        recovered = recovery_words(material.results, name)
        if recovered:
            blocks.append(Paragraph(recovered))
    blocks.extend(outcomes(material))
    return Section(5, "timeline", "What happens over time", blocks)


def _caption(material: Material, name: str) -> str:
    count = material.results.replications
    band = (
        f"means of {count} replications, with the 95 % interval of the mean as a band"
        if count > 1
        else "one replication"
    )
    shaded = "; faults are shaded" if material.scenario.faults else ""
    return (
        f"Service {name}: {band}{shaded}. Where goodput lies under the load offered, the gap is requests "
        "that were refused, gave up, or are still waiting."
    )


def recovery_words(results: Results, service: str) -> str:
    """How many replications recovered from the faults of a service, and how soon; "" if unknown."""
    from sim.report.pictures.windows import touching

    found = recovery(results, service, touching(results.scenario, service))
    if found is None:
        return ""
    count = len(found.times)
    after = f"after the last fault ended at {format_duration(found.end)}"
    if found.recovered == 0:
        return (
            f"The backlog of {service} was not back at its old level in any of {count} replications within "
            f"the {format_duration(found.watched)} {after}: the overload outlived its cause, or the run is "
            "too short."
        )
    low, high = found.interval()
    known = sorted(time for time in found.times if math.isfinite(time))
    span = " to ".join(dict.fromkeys(format_duration(time) for time in (known[0], known[-1])))
    middle = format_duration(found.middle) if math.isfinite(found.middle) else "not reached"
    text = f"The backlog of {service} was back at its old level {span} {after} (median {middle})"
    if found.recovered == count:
        return f"{text}, in all {count} replications." if count > 1 else f"{text}."
    return (
        f"{text}, but only in {found.recovered} of {count} replications (chance of recovery between "
        f"{format_ratio(round(low, 2))} and {format_ratio(round(high, 2))} with 95 % confidence): the run "
        "has two fates, and its means describe neither."
    )
