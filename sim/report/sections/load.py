"""Sections 3 and 6: latency against load, and goodput against load for each way to retry."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from sim.report.blocks import Block, Figure, Paragraph, Section, Table
from sim.report.figures import NOTHING, figure, metric_words
from sim.report.headroom import knee
from sim.report.sections.mechanisms import beside
from sim.study.curves import STEEP, can_fail
from sim.study.load import bottleneck, callers, offered_load, scaled, steady
from sim.units import format_rate, format_ratio

if TYPE_CHECKING:
    import pandas as pd

    from sim.report.material import Material
    from sim.scenario.scenario import Scenario

_MOST = 3


def hockey_stick(material: Material) -> Section | None:
    """p50, p95 and p99 latency against load, with theory over it, the objectives and the knee."""
    curve = material.own_curve
    if curve is None:
        return None
    from sim.report.pictures.load import hockey_stick as draw

    written = float((curve["capacity_ratio"] / curve["factor"]).iloc[0])
    near = curve[~(curve["capacity_ratio"] > max(STEEP, 1.1 * written))]
    blocks: list[Block] = []
    for name in list(material.scenario.traffic)[:_MOST]:
        subject = f"traffic:{name}"
        rows = near[(near["subject"] == subject) & near["metric"].isin(["latency_p50", "latency_p99"])]
        if not (rows["mean"] > 0.0).any():
            continue
        theory, words = theory_over_load(material.scenario, name, sorted(set(near["factor"])))
        limits = [
            (metric_words(each.metric), each.at_most)
            for each in material.scenario.objectives
            if each.subject == subject and each.metric.startswith("latency_") and each.at_most is not None
        ]
        bend = knee(near, subject)
        picture = draw(near, subject, theory, limits, bend, theory_name=words)
        picture.name = f"hockey-stick-{name}"
        blocks.append(Figure(picture, _caption(name, theory, words, bend)))
    if not blocks:
        return None
    blocks.append(Paragraph(_steady(material), quiet=True))
    return Section(3, "hockey-stick", "Latency against load", blocks)


def goodput(material: Material) -> Section | None:
    """Goodput against offered load for each way to retry, and in overload with each mechanism."""
    curve = material.curve
    if curve is None or not (curve["metric"] == "goodput").any():
        return None
    from sim.report.pictures.load import goodput_against_load as draw

    blocks: list[Block] = [Figure(draw(curve), _goodput_caption(material, curve)), _goodput_table(curve)]
    if material.mechanisms is not None:
        blocks += beside(material.mechanisms)
    blocks.append(Paragraph(_steady(material), quiet=True))
    return Section(6, "goodput", "Goodput against offered load", blocks)


def theory_over_load(
    scenario: Scenario, traffic: str, factors: Sequence[float]
) -> tuple[pd.DataFrame | None, str]:
    """Theory's latency of a traffic class at each load, and what the theory is called.

    Where no theory holds of the scenario as it is, because clients retry or leave, or because the queue is
    bounded, the nearest that has one is solved: without timeout and retry, then without the bound too.
    Quantiles are preferred; where no theory has them, the mean. None where there is not even that.

    Returns:
        A table of offered_rate (1/s), metric, mean (s), and a name, in lines fit for a label.
    """
    base = steady(scenario)
    service = base.traffic[traffic].call
    names = callers(base, service)
    alone = base.set({f"traffic.{name}.client": None for name in names})
    unbounded = alone.set({f"services.{service}.queue.capacity": "inf"})
    plain = all(base.client_of(name) == alone.client_of(name) for name in names)
    candidates = [
        (alone, "" if plain else ",\nno timeout,\nno retry"),
        (unbounded, ",\nno bound" if plain else ",\nno timeout,\nno retry,\nno bound"),
    ]
    for pattern in (r"_p(?:50|95|99)$", r"_mean$"):
        for candidate, less in candidates:
            found, words = _solved(candidate, traffic, factors, pattern)
            if found is not None:
                return found, words + less
    return None, ""


def _solved(
    scenario: Scenario, traffic: str, factors: Sequence[float], pattern: str
) -> tuple[pd.DataFrame | None, str]:
    """What the first model with such a metric says at each load, and the names of those models."""
    import pandas as pd

    from sim.theory.match import analyze

    frames = []
    names: dict[str, None] = {}
    rate = offered_load(scenario)
    for factor in factors:
        for model in analyze(scaled(scenario, factor)).models:
            summary = model.summary
            rows = summary[
                (summary["subject"] == f"traffic:{traffic}")
                & summary["metric"].str.match(f"latency{pattern}")
            ]
            if len(rows):
                names[model.name] = None
                frames.append(rows.assign(offered_rate=rate * factor))
                break
    if not frames:
        return None, ""
    found = pd.concat(frames, ignore_index=True)[["offered_rate", "metric", "mean"]]
    return found[found["mean"].map(math.isfinite)], " / ".join(names)


def _caption(name: str, theory: pd.DataFrame | None, words: str, bend: float | None) -> str:
    text = (
        f"Latency of traffic {name}, from birth to success, on a logarithmic axis; bands are 95 % intervals, cut off "
        "at a tenth of the mean."
    )
    if theory is not None:
        text += f" Dashed: {words.replace(chr(10), ' ')}."
    if bend is not None:
        text += f" The knee, where goodput over mean latency is greatest, is near {format_rate(bend)}."
    return text


def _goodput_caption(material: Material, curve: pd.DataFrame) -> str:
    text = "Goodput of all traffic together, with 95 % intervals; dotted: what perfect services would answer."
    if curve["variant"].nunique() == 1 and not can_fail(steady(material.scenario)):
        text += (
            " No attempt can fail here (no bounded queue, timeout or errors), so ways to retry are all alike."
        )
    return text


def _goodput_table(curve: pd.DataFrame) -> Table:
    """Goodput and amplification of each variant near capacity and at the greatest load."""
    variants = list(dict.fromkeys(str(name) for name in curve["variant"]))
    factors = sorted(set(curve["factor"]))
    chosen = sorted(
        {1.0, factors[-1], min(factors, key=lambda factor: abs(_ratio(curve, factor) - 1.0))} & set(factors)
    )
    slowest, several = _slowest(curve[curve["factor"].isin(chosen)])
    rows = []
    for factor in chosen:
        at = curve[curve["factor"] == factor]
        load = format_rate(float(at["offered_rate"].iloc[0]))
        ratio = _ratio(curve, factor)
        for variant in variants:
            own = at[at["variant"] == variant]
            good = own[(own["metric"] == "goodput") & (own["subject"] == "system")].iloc[0]
            p99 = own[(own["metric"] == "latency_p99") & (own["subject"] == slowest)]
            rows.append(
                (
                    load,
                    format_ratio(round(ratio, 3)) if math.isfinite(ratio) else NOTHING,
                    variant,
                    figure(good["mean"], good["low"], good["high"], "1/s"),
                    figure(_tries(own)),
                    figure(float(p99["mean"].max()), unit="s"),
                )
            )
    p99_words = f"p99 latency of {slowest.partition(':')[2]}" if several else "p99 latency"
    columns = ("offered", "of capacity", "retries", "goodput", "tries a request", p99_words)
    return Table(
        "As written, near capacity, and at the greatest load", columns, rows, frozenset({1, 3, 4, 5})
    )


def _tries(own: pd.DataFrame) -> float:
    """Attempts over requests of all traffic together: each class counts by its requests; nan if there were none."""
    traffic = own[own["subject"].str.startswith("traffic:")]
    born = traffic[traffic["metric"] == "offered_rate"].set_index("subject")["mean"]
    tries = traffic[traffic["metric"] == "amplification"].set_index("subject")["mean"].dropna()
    weights = [float(born[subject]) for subject in tries.index]
    total = math.fsum(weights)
    sent = math.fsum(weight * float(each) for weight, each in zip(weights, tries, strict=True))
    return sent / total if total > 0.0 else math.nan


def _slowest(curve: pd.DataFrame) -> tuple[str, bool]:
    """The traffic class with the greatest p99 latency at these loads, and whether there are others."""
    p99 = curve[(curve["metric"] == "latency_p99") & curve["subject"].str.startswith("traffic:")]
    names = [str(name) for name in dict.fromkeys(p99["subject"])]
    greatest = p99.groupby("subject")["mean"].max().fillna(-math.inf)
    return max(names, key=lambda name: float(greatest[name])), len(names) > 1


def _ratio(curve: pd.DataFrame, factor: float) -> float:
    return float(curve.loc[curve["factor"] == factor, "capacity_ratio"].iloc[0])


def _steady(material: Material) -> str:
    """What the curve leaves out of the scenario, in words."""
    left = ["faults"] if material.scenario.faults else []
    kinds = {traffic.arrivals.kind for traffic in material.scenario.traffic.values()}
    if kinds & {"profile", "sinusoid"}:
        left.append(
            "the changes of the rate over time (arrivals are Poisson, at the mean rate times the load)"
        )
    text = (
        "Each point is a run of its own at a load that stays, from an empty start, its first quarter left out"
    )
    text += f"; without {' and '.join(left)}." if left else "."
    if len(material.scenario.services) > 1:
        text += f" Capacity is that of {bottleneck(material.scenario)[0]}, the service nearest to its own."
    return text
