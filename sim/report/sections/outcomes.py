"""What each traffic class gets, what each service does for it, and who fares badly with no objective to say so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.report.blocks import Block, Bullets, Table
from sim.report.figures import NOTHING, figure
from sim.study.load import callers
from sim.units import format_duration, format_ratio

if TYPE_CHECKING:
    from sim.report.material import Material
    from sim.scenario.scenario import Scenario

ENOUGH = 0.99
"""The success ratio below which a class without an objective is spoken of."""
COLUMNS = (
    "traffic",
    "offered",
    "goodput",
    "success ratio",
    "p99 latency",
    "attempts a request",
    "503s",
    "timeouts",
)


def outcomes(material: Material) -> list[Block]:
    """A table with a row for each traffic class, and a line for each service."""
    warmup = material.results.warmup
    span = f"without the first {format_duration(warmup)}" if warmup > 0.0 else "faults included"
    span = span if warmup > 0.0 or material.scenario.faults else "from an empty start"
    caption = f"What each class gets, over the whole run, {span}; 503s and timeouts as shares of attempts"
    rows = [_row(material, name) for name in material.scenario.traffic]
    lines = [_line(material, name) for name in material.scenario.services]
    return [Table(caption, COLUMNS, rows, frozenset(range(1, len(COLUMNS)))), Bullets(lines)]


def uncovered(material: Material) -> list[str]:
    """A sentence about each class that no objective covers and of whose requests too few succeed."""
    found = []
    for name in material.scenario.traffic:
        success = material.value(f"traffic:{name}", "success_ratio")
        if success is None or success >= ENOUGH or _covered(material.scenario, name):
            continue
        lost = material.value(f"traffic:{name}", "gave_up_ratio") or 0.0
        left = 1.0 - success - lost
        parts = []
        if lost > 0.0:
            parts.append(f"{_share(lost)} of requests give up")
        if left >= 0.005 or not parts:
            parts.append(f"{_share(left)}{'' if parts else ' of requests'} are still open at the end")
        found.append(f"{name}: {' and '.join(parts)}, though no objective covers it.")
    return found


def _covered(scenario: Scenario, name: str) -> bool:
    """Whether an objective is about this class: on it, on its client, or on refusals of a service all its own."""
    service = scenario.traffic[name].call
    about = {f"traffic:{name}", f"client:{scenario.client_name(name)}"}
    alone = callers(scenario, service) == [name]
    return any(
        each.subject in about
        or (alone and each.subject == f"service:{service}" and each.metric.startswith("rejected_"))
        for each in scenario.objectives
    )


def _row(material: Material, name: str) -> tuple[str, ...]:
    subject = f"traffic:{name}"
    return (
        name,
        _figure(material, subject, "offered_rate", "1/s"),
        _figure(material, subject, "goodput", "1/s"),
        _figure(material, subject, "success_ratio", "ratio"),
        _figure(material, subject, "latency_p99", "s"),
        _figure(material, subject, "amplification", "count"),
        _percent(material.value(subject, "rejected_ratio")),
        _percent(material.value(subject, "timeout_ratio")),
    )


def _line(material: Material, name: str) -> str:
    subject = f"service:{name}"
    busy, refused, wasted = (
        _percent(material.value(subject, metric))
        for metric in ("utilization", "rejected_ratio", "wasted_ratio")
    )
    return (
        f"Service {name}: utilization {busy}, {refused} of its attempts refused, {wasted} of its work wasted."
    )


def _figure(material: Material, subject: str, metric: str, unit: str) -> str:
    """A mean with its unit; intervals would make the table wider than the page."""
    return figure(material.value(subject, metric), unit=unit)


def _percent(ratio: float | None) -> str:
    return NOTHING if ratio is None else _share(ratio)


def _share(ratio: float) -> str:
    """A share in three digits: `46.1%`, `0.0123%`."""
    return format_ratio(float(f"{ratio:.3g}"))
