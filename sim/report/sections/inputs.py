"""Section 2: what was asked, and from what the report was made."""

from __future__ import annotations

import io
import math
from importlib import metadata
from typing import TYPE_CHECKING

from sim.report.blocks import Block, Facts, Listing, Section, Table
from sim.report.phrases import count, patience, phrase, refusals, restraint, retries, workings
from sim.report.pictures.windows import effect, target
from sim.study.load import nominal_rate, service_load
from sim.units import format_duration, format_rate, format_ratio

if TYPE_CHECKING:
    from sim.report.material import Material
    from sim.scenario.scenario import Scenario
    from sim.scenario.services import Service


def inputs(material: Material) -> Section:
    """The scenario in words and in full, its hash and seed, the engine and the versions."""
    scenario = material.scenario
    blocks: list[Block] = [*tables(scenario), _provenance(material)]
    blocks.append(Listing(scenario_text(scenario), "yaml", "The scenario in full"))
    return Section(2, "inputs", "Inputs and provenance", blocks)


def tables(scenario: Scenario) -> list[Table]:
    """Traffic, services and faults, in words."""
    traffic = []
    for name, each in scenario.traffic.items():
        client = scenario.client_of(name)
        rate = nominal_rate(scenario, name)
        shown = format_rate(rate) if math.isfinite(rate) else "–"
        again = "; ".join([retries(client), *restraint(client)])
        traffic.append((name, phrase(each.arrivals), shown, each.call, patience(client), again))
    services = []
    for name, service in scenario.services.items():
        load = service_load(scenario, name)
        ratio = format_ratio(round(load.ratio, 3)) if math.isfinite(load.ratio) else "–"
        services.append(
            (
                name,
                _of_each(service, service.workers),
                phrase(service.service_time),
                _of_each(service, service.queue.capacity),
                service.queue.discipline.kind.replace("_", " "),
                "; ".join([refusals(service), *workings(service)]),
                ratio,
            )
        )
    found = [
        Table(
            "Traffic", ("name", "arrivals", "rate", "calls", "patience", "retries"), traffic, frozenset({2})
        ),
        Table(
            "Services",
            ("name", "workers", "service time", "places to wait", "order", "refusals and ways", "load"),
            services,
            frozenset({1, 3, 6}),
        ),
    ]
    if scenario.faults:
        faults = [
            (
                target(fault),
                effect(fault),
                format_duration(fault.at),
                format_duration(fault.end) if math.isfinite(fault.end) else "the end",
            )
            for fault in scenario.faults
        ]
        found.append(Table("Faults", ("what", "effect", "from", "to"), faults, frozenset({2, 3})))
    return found


def _of_each(service: Service, number: float) -> str:
    """A number of workers or places, of each instance where there are several."""
    return count(number) if service.instances == 1 else f"{service.instances:,} × {count(number)}"


def _provenance(material: Material) -> Facts:
    scenario, results = material.scenario, material.results
    document = results.to_json()
    found = ""
    if results.warmup_found is not None:
        doubt = results.warmup_found.doubt
        found = f" (found by MSER-5{f'; in doubt: {doubt}' if doubt else ''})"
    warmup = f"{format_duration(results.warmup)}{found}" if results.warmup > 0.0 else "none"
    versions = {**document["versions"], "matplotlib": metadata.version("matplotlib")}
    return Facts(
        [
            ("Scenario", scenario.name),
            ("Hash", f"{scenario.hash} (of what the scenario means, and of its data files)"),
            ("Seed", str(results.seed)),
            ("Replications", f"{results.replications:,}"),
            ("Duration", f"{format_duration(scenario.run.duration)} each; warm-up {warmup}"),
            ("Engine", str(results.engine)),
            ("Versions", ", ".join(f"{name} {version}" for name, version in versions.items())),
        ]
    )


def scenario_text(scenario: Scenario) -> str:
    """The scenario as YAML that reads back as the same scenario."""
    from ruamel.yaml import YAML

    yaml = YAML()
    yaml.default_flow_style = None
    yaml.width = 100
    yaml.indent(mapping=2, sequence=4, offset=2)
    stream = io.StringIO()
    yaml.dump({"name": scenario.name, **scenario.document}, stream)
    return stream.getvalue()
