"""`forebay explain`: the model in words: load, stability, retries, queue, and what theory applies."""

import math
import textwrap
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from sim.cli.files import load_scenario
from sim.cli.options import NoColorOption, QuietOption, ScenarioFile, SetOption
from sim.cli.printing import json_text
from sim.cli.terminal import Terminal
from sim.scenario.metrics import SCHEMA_VERSION
from sim.units import format_duration, format_rate, format_ratio

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sim.scenario.objectives import Objective
    from sim.scenario.scenario import Scenario

Style = Literal["text", "json", "md"]
WIDTH = 100


def command(
    file: ScenarioFile,
    settings: SetOption = None,
    style: Annotated[Style, typer.Option("--format", "-f", help="How it is printed.")] = "text",
    quiet: QuietOption = False,
    no_color: NoColorOption = False,
) -> int:
    """Explain a scenario in words: load, stability, theory."""
    terminal = Terminal(quiet, no_color)
    scenario = load_scenario(file, settings)
    if style == "json":
        terminal.write(json_text(document(scenario)))
        return 0
    head = f"{scenario.name} (hash {scenario.hash})"
    blocks = [f"# {head}" if style == "md" else head]
    for title, lines in sections(scenario).items():
        if style == "md":
            blocks.append(f"## {title}\n\n" + "\n".join(f"- {line}" for line in lines))
        else:
            blocks.append("\n".join([title, *(_wrapped(line) for line in lines)]))
    terminal.write("\n\n".join(blocks))
    return 0


def sections(scenario: "Scenario") -> dict[str, list[str]]:
    """The explanation: a title for each part, and its sentences. Parts with nothing to say are left out."""
    from sim.scenario.idle import without_effect

    parts = {
        "Who sends work": [line for name in scenario.traffic for line in _traffic(scenario, name)],
        "What serves it": [line for name in scenario.services for line in _service(scenario, name)],
        "How long a queue is of use": _queues(scenario),
        "What goes wrong": [_fault(scenario, place) for place in range(len(scenario.faults))],
        "What has no effect": [f"{words}." for words in without_effect(scenario)],
        "What must hold": _objectives(scenario),
        "What is planned": _plan(scenario),
        "What theory says": _theory(scenario),
        "How it is run": [_run(scenario)],
    }
    return {title: lines for title, lines in parts.items() if lines}


def document(scenario: "Scenario") -> dict[str, Any]:
    """The same for programs: each service's load in base units, and the words."""
    from sim.report.sections.queue import advice

    useful = {}
    for each in advice(scenario):
        useful[each.service] = {
            "patience": each.patience,
            "longest_useful_queue": each.longest,
            "useful_places": each.places,
        }
    services = {}
    for name in scenario.services:
        load = {**_load(scenario, name), **useful.get(name, {})}
        services[name] = {key: value if math.isfinite(value) else None for key, value in load.items()}
    head = {"schema_version": SCHEMA_VERSION, "scenario": scenario.name, "hash": scenario.hash}
    return {**head, "services": services, "words": sections(scenario)}


def _load(scenario: "Scenario", service: str) -> dict[str, float]:
    from sim.report.load_words import worst_rate
    from sim.study.load import load_within_limits, mean_service_time

    load = load_within_limits(scenario, service)
    worst = worst_rate(scenario, service)
    return {
        "offered_rate": load.offered,
        "workers": scenario.services[service].workers,
        "instances": scenario.services[service].instances,
        "mean_service_time": mean_service_time(scenario, service),
        "service_rate": load.capacity,
        "offered_load": load.offered * mean_service_time(scenario, service),
        "utilization": load.ratio,
        "worst_case_rate": worst,
        "worst_case_utilization": worst / load.capacity if load.capacity > 0.0 else math.nan,
    }


def _traffic(scenario: "Scenario", name: str) -> list[str]:
    from sim.report.load_words import amplification
    from sim.report.phrases import patience, phrase, restraint, retries
    from sim.study.load import nominal_rate

    traffic, client = scenario.traffic[name], scenario.client_of(name)
    rate = nominal_rate(scenario, name)
    often = (
        f"about {format_rate(rate)} on average" if math.isfinite(rate) else "at a rate not known beforehand"
    )
    lines = [f"{name} → {traffic.call}: {often} ({phrase(traffic.arrivals)})."]
    if traffic.service_time is not None:
        lines.append(f"{name}: its own work takes {phrase(traffic.service_time)}.")
    if traffic.priority != 0:
        lines.append(f"{name}: priority {traffic.priority}{_regard(scenario, traffic.call)}.")
    whose = f"client {scenario.client_name(name)}: " if scenario.client_name(name) else ""
    most = amplification(client)
    if most > 1.0:
        many = "would never stop" if math.isinf(most) else f"would become {most:.4g}"
        end = f"; if every attempt failed, one request {many}."
    else:
        end = "."
    held = [f"{name}: {whose}{'; '.join(restraint(client))}."] if restraint(client) else []
    return [*lines, f"{name}: {whose}{patience(client)}; {retries(client)}{end}", *held]


def _service(scenario: "Scenario", name: str) -> list[str]:
    from sim.report.load_words import load_words, retries_words
    from sim.report.phrases import phrase, refusals, workings
    from sim.study.load import drain_rate, mean_service_time, places_in_reach

    service, work = scenario.services[name], mean_service_time(scenario, name)
    mean = format_duration(work)
    room, reach = service.queue.capacity, places_in_reach(service)
    each = drain_rate(service, work, service.workers)
    full = f", the last of which waits about {format_duration(reach / each)}" if reach and each else ""
    if reach < room < math.inf:
        full = f", of which a limit leaves {reach:,.0f} in reach{full}"
    places = f"{_count(room, 'place')} to wait{full}" if math.isfinite(room) else "room for all to wait"
    lines = [
        f"{_count(service.workers, 'worker')}, {mean} a job on average ({phrase(service.service_time)}).",
        f"{places}; {refusals(service)}; {service.queue.discipline.kind}.",
        *(f"{words}." for words in workings(service)),
        load_words(scenario, name),
        *filter(None, [retries_words(scenario, name)]),
    ]
    return [f"{name}: {line}" for line in lines]


def _regard(scenario: "Scenario", service: str) -> str:
    """That a service does not look at priorities, where it does not."""
    queue, admission = scenario.services[service].queue, scenario.services[service].admission
    if queue.discipline.kind == "priority" or any(rule.kind == "priority_shed" for rule in admission):
        return ""
    return f", which nothing at {service} looks at: its queue is {queue.discipline.kind}"


def _queues(scenario: "Scenario") -> list[str]:
    from sim.report.sections.queue import advice, words

    found = []
    for each in advice(scenario):
        product = f"{format_duration(each.patience)} × {format_rate(each.rate)} = {each.longest:,.0f}"
        found.append(
            f"{each.service}: longest useful queue {product} ({each.source}), those in service counted: "
            f"{each.places:,.0f} places to wait. {words(each)}"
        )
    return found


def _fault(scenario: "Scenario", place: int) -> str:
    from sim.report.load_words import fault_words
    from sim.scenario.schema import flow

    fault, written = scenario.faults[place], scenario.document["faults"][place]
    when = f"from {format_duration(fault.at)} to the end"
    if fault.drop_queue:
        when = f"at {format_duration(fault.at)}"
    elif fault.lasting is not None:
        when = f"from {format_duration(fault.at)} for {format_duration(fault.lasting)}"
    effect = flow({key: value for key, value in written.items() if key not in {"at", "for"}})[1:-1]
    then = fault_words(scenario, fault)
    return f"{when}: {effect}{f' ({then})' if then else ''}."


def _objectives(scenario: "Scenario") -> list[str]:
    return [f"{_asked(objective)}." for objective in scenario.objectives]


def _asked(objective: "Objective") -> str:
    from sim.report.phrases import bound

    return f"{objective.subject} {objective.metric} {bound(objective)}"


def _theory(scenario: "Scenario") -> list[str]:
    from sim.theory.match import analyze

    analysis = analyze(scenario)
    lines = [
        f"{model.applies_to}: {model.name}, {'exact' if model.exact else 'approximate'}: {model.why}"
        for model in analysis.models
    ]
    for subject in dict.fromkeys(no.applies_to for no in analysis.rejected):
        lines += _against(subject, {no.name: no.why for no in analysis.rejected if no.applies_to == subject})
    return lines


def _against(subject: str, why: dict[str, str]) -> list[str]:
    """Each reason once, with the models that it speaks against; those that speak against most come first."""
    from sim.theory.match import BETWEEN

    models: dict[str, list[str]] = {}
    for name, text in why.items():
        for reason in text.split(BETWEEN):
            models.setdefault(reason, []).append(name)
    every = set(why)
    return [
        f"{subject}: {reason}: rules out {'every model' if every == set(names) else _listed(names)}"
        for reason, names in sorted(models.items(), key=lambda item: -len(item[1]))
    ]


def _listed(names: "Sequence[str]") -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _plan(scenario: "Scenario") -> list[str]:
    """What may vary, what is minimized, what must be survived, and how the load grows; as it is written."""
    from sim.scenario.mishaps import mishaps, told
    from sim.scenario.schema import flow

    plan, written = scenario.plan, scenario.document.get("plan", {})
    if plan is None:
        return []
    lines = [
        f"{path} may be {_choices(written['vary'][path], values)}." for path, values in plan.vary.items()
    ]
    if plan.vary:
        cost = "the fewest workers" if plan.minimize is None else f"the least {flow(written['minimize'])}"
        lines.append(
            f"looked for: {cost} with which everything is met, with {format_ratio(plan.confidence)} confidence."
        )
    for mishap in mishaps(plan.survive):
        what = f" ({' and '.join(told(fault) for fault in mishap.faults)})" if mishap.name else ""
        must = [f"{_count(len(scenario.objectives), 'objective')} of the scenario"]
        if mishap.objectives is not None:
            must = [_asked(objective) for objective in mishap.objectives]
        if must and mishap.window == "faults":
            must[-1] += " while it lasts"
        if mishap.recover_within is not None:
            must.append(f"recovered within {format_duration(mishap.recover_within)}")
        lines.append(f"must survive {mishap.title}{what}: {_listed(must)}.")
    if plan.growth is not None:
        lead = "" if plan.lead_time is None else f"; {written['lead_time']} from an order to its use"
        lines.append(f"the load grows: {_as_written(written['growth'])}{lead}.")
    if plan.purchase is not None:
        whose = "" if plan.purchase.key is None else f" of {plan.purchase.key}"
        lines.append(f"what is bought{whose} comes {plan.purchase.step:,} at a time.")
    return lines


def _choices(written: Any, values: "Sequence[Any]") -> str:
    words = _as_written(written)
    return f"{words} ({_count(len(values), 'value')})" if ".." in words else words


def _as_written(value: Any) -> str:
    from sim.scenario.schema import flow

    return value if isinstance(value, str) else flow(value)


def _run(scenario: "Scenario") -> str:
    run = scenario.run
    warmup = "found by the run itself" if run.warmup == "auto" else format_duration(run.warmup)
    return (
        f"{_count(run.replications, 'replication')} of {format_duration(run.duration)}, warm-up {warmup}, "
        f"seed {run.seed}, {run.engine} engine."
    )


def _count(number: float, noun: str) -> str:
    if math.isinf(number):
        return f"as many {noun}s as it takes"
    return f"{number:,.0f} {noun}" if number == 1 else f"{number:,.0f} {noun}s"


def _wrapped(line: str) -> str:
    return textwrap.fill(line, WIDTH, initial_indent="  ", subsequent_indent="    ")
