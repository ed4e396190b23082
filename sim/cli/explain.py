"""`forebay explain`: the model in words: load, stability, retries, queue, and what theory applies."""

import math
import textwrap
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from sim.cli.files import load_scenario
from sim.cli.options import NoColorOption, QuietOption, ScenarioFile, SetOption
from sim.cli.printing import json_text
from sim.cli.terminal import Terminal
from sim.errors import QuantityError
from sim.report.figures import figure
from sim.units import format_duration, format_rate, format_ratio, parse_duration, parse_rate

if TYPE_CHECKING:
    from sim.scenario.clients import Client
    from sim.scenario.faults import Fault
    from sim.scenario.rule import Rule
    from sim.scenario.scenario import Scenario

Style = Literal["text", "json", "md"]
WIDTH = 100
MOST_SHOWN = 12  # entries of a long list, such as a day's profile


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
    parts = {
        "Who sends work": [line for name in scenario.traffic for line in _traffic(scenario, name)],
        "What serves it": [line for name in scenario.services for line in _service(scenario, name)],
        "What goes wrong": [_fault(scenario, fault) for fault in scenario.faults],
        "What must hold": _objectives(scenario),
        "What theory applies": _theory(scenario),
        "How it is run": [_run(scenario)],
    }
    return {title: lines for title, lines in parts.items() if lines}


def document(scenario: "Scenario") -> dict[str, Any]:
    """The same for programs: each service's load in base units, and the words."""
    services = {}
    for name in scenario.services:
        load = _load(scenario, name)
        services[name] = {key: value if math.isfinite(value) else None for key, value in load.items()}
    head = {"schema_version": 1, "scenario": scenario.name, "hash": scenario.hash}
    return {**head, "services": services, "words": sections(scenario)}


def amplification(client: "Client") -> float:
    """Attempts a request makes on average if every attempt fails: 1 + p + p² + … over `attempts` tries."""
    attempts, goes_on = client.retry.attempts, client.retry.probability
    if goes_on >= 1.0:
        return attempts
    return (1.0 - math.pow(goes_on, attempts)) / (1.0 - goes_on)


def patience(scenario: "Scenario", service: str) -> float:
    """Seconds that the most patient caller of a service waits for a reply; inf if one waits for ever."""
    from sim.study.load import callers

    limits = [
        math.inf if scenario.services[service].queue.max_wait is None else _most_wait(scenario, service)
    ]
    for name in callers(scenario, service):
        client = scenario.client_of(name)
        limits.append(min(client.timeout or math.inf, client.deadline or math.inf))
    return min(limits[0], max(limits[1:], default=math.inf))


def _most_wait(scenario: "Scenario", service: str) -> float:
    """The queue's own limit of a wait, if it is the same for all; inf if there is none."""
    wait = scenario.services[service].queue.max_wait
    return math.inf if wait is None or wait.scv() > 0.0 else wait.moments()[0]


def _load(scenario: "Scenario", service: str) -> dict[str, float]:
    from sim.study.load import callers, mean_service_time, nominal_rate, service_load

    load = service_load(scenario, service)
    worst = sum(
        nominal_rate(scenario, name) * amplification(scenario.client_of(name))
        for name in callers(scenario, service)
    )
    waits = patience(scenario, service)
    return {
        "offered_rate": load.offered,
        "workers": scenario.services[service].workers,
        "mean_service_time": mean_service_time(scenario, service),
        "service_rate": load.capacity,
        "offered_load": load.offered * mean_service_time(scenario, service),
        "utilization": load.ratio,
        "worst_case_rate": worst,
        "worst_case_utilization": worst / load.capacity,
        "patience": waits,
        "longest_useful_queue": _whole(waits * load.capacity),
    }


def _whole(places: float) -> float:
    """Whole places, a rounding error below a whole number counted as that number."""
    return float(math.floor(places * (1.0 + 1e-12))) if math.isfinite(places) else math.inf


def _traffic(scenario: "Scenario", name: str) -> list[str]:
    from sim.study.load import nominal_rate

    traffic = scenario.traffic[name]
    rate = nominal_rate(scenario, name)
    often = f"about {format_rate(rate)}" if math.isfinite(rate) else "at a rate that is not known beforehand"
    own = f", client {scenario.client_name(name)}" if scenario.client_name(name) else ""
    lines = [f"{name} → {traffic.call}: {often} on average; {_said(traffic.arrivals)}{own}."]
    return [*lines, f"{name}: {_client(scenario.client_of(name))}"]


def _client(client: "Client") -> str:
    told = {
        "never": "the server is not told, and may do the work for nobody",
        "queued": "it leaves the queue",
        "anywhere": "it leaves the queue, or stops in service",
    }
    words = []
    if client.timeout is None:
        words.append("waits for ever for a reply")
    else:
        after = format_duration(client.timeout)
        words.append(f"gives an attempt up after {after} ({told[client.cancel]})")
    retry = client.retry
    if retry.attempts == 1:
        return f"{words[0]}; never retries."
    tries = "without limit" if math.isinf(retry.attempts) else f"up to {retry.attempts:.0f} attempts in all"
    words.append(f"tries again after {', '.join(retry.on)}, {tries}")
    if retry.probability < 1.0:
        words.append(f"each time with a chance of {format_ratio(retry.probability)}")
    if client.deadline is not None:
        words.append(f"but not past {format_duration(client.deadline)} from the request's birth")
    words.append(f"backoff {_said(retry.backoff)}")
    most = amplification(client)
    if math.isinf(most):
        return f"{'; '.join(words)}. If every attempt failed it would never stop."
    return f"{'; '.join(words)}. If every attempt failed, one request would become {most:.4g}."


def _service(scenario: "Scenario", name: str) -> list[str]:
    service, load = scenario.services[name], _load(scenario, name)
    workers = _count(service.workers, "worker")
    mean = format_duration(load["mean_service_time"])
    lines = [f"{name}: {workers}, {mean} a job on average ({_said(service.service_time)})."]
    lines.append(f"{name}: {_stability(load, service.queue.capacity)}")
    if load["worst_case_rate"] > load["offered_rate"] and math.isfinite(load["service_rate"]):
        lines.append(f"{name}: {_worst(load)}")
    room = service.queue.capacity
    if math.isfinite(room):
        full = f", where the last waits about {format_duration(room / load['service_rate'])}" if room else ""
        if service.queue.overflow == "reject":
            fate = "whoever finds them taken is rejected (503)"
        else:
            fate = "whoever finds them taken drives out the oldest, which is rejected (503)"
        lines.append(f"{name}: {_count(room, 'place')} to wait{full}; {fate}.")
    longest = load["longest_useful_queue"]
    if math.isfinite(longest):
        waits = format_duration(load["patience"])
        advice = f"the longest useful queue is {waits} × {format_rate(load['service_rate'])} = {longest:,.0f}"
        if room > longest:
            advice += f"; of this one's {_count(room, 'place')} the rest hold work whose client has given up"
        lines.append(f"{name}: {advice}.")
    return lines


def _stability(load: dict[str, float], room: float) -> str:
    if math.isinf(load["service_rate"]):
        return "serves whatever comes: nobody waits."
    offered, most, ratio = load["offered_rate"], format_rate(load["service_rate"]), load["utilization"]
    if not math.isfinite(ratio):
        return f"at most {most}; how busy it is depends on a load that is not known beforehand."
    words = f"{format_rate(offered)} offered of {most} at most: utilization {format_ratio(ratio)}"
    words += f", offered load {load['offered_load']:.4g} erlang"
    if ratio < 1.0:
        return f"{words}: stable as long as first attempts are all that comes."
    if math.isfinite(room):
        return f"{words}: overloaded; its bounded queue stays full and turns the rest away."
    return f"{words}: unstable; its queue grows without bound."


def _worst(load: dict[str, float]) -> str:
    if math.isinf(load["worst_case_rate"]):
        return "if every attempt failed, retries would pile up without limit."
    worst = (
        f"{format_rate(load['worst_case_rate'])}, utilization {format_ratio(load['worst_case_utilization'])}"
    )
    if load["utilization"] < 1.0 <= load["worst_case_utilization"]:
        return f"if every attempt failed, retries would make it {worst}: they alone can keep it overloaded."
    return f"if every attempt failed, retries would make it {worst}."


def _fault(scenario: "Scenario", fault: "Fault") -> str:
    written = fault.model_dump(mode="json", by_alias=True, exclude_unset=True)
    lasting = "to the end" if fault.lasting is None else f"for {format_duration(fault.lasting)}"
    effect = {key: value for key, value in written.items() if key not in {"at", "for"} and value is not None}
    loads = [_load_at(scenario, name, fault.at) for name in _services_hit(scenario, fault)]
    then = "; ".join(load for load in loads if load)
    return f"from {format_duration(fault.at)} {lasting}: {_flat(effect)}{f' ({then})' if then else ''}."


def _services_hit(scenario: "Scenario", fault: "Fault") -> list[str]:
    """The services whose load or capacity a fault changes."""
    if fault.traffic is not None:
        return [scenario.traffic[fault.traffic].call]
    return [fault.service] if fault.service is not None and fault.error_ratio is None else []


def _load_at(scenario: "Scenario", service: str, time: float) -> str:
    """What a service is offered and can do at one instant, all faults in force then counted."""
    from sim.scenario.faults import service_timeline, traffic_timeline
    from sim.study.load import callers, mean_service_time, nominal_rate

    offered = 0.0
    for name in callers(scenario, service):
        speed = [piece.speed for piece in traffic_timeline(scenario, name) if piece.at <= time][-1]
        offered += nominal_rate(scenario, name) * speed
    piece = [piece for piece in service_timeline(scenario, service) if piece.at <= time][-1]
    if piece.paused:
        return f"{service} stands still"
    mean = mean_service_time(scenario, service) * piece.time_factor
    capacity = piece.workers / mean if mean > 0.0 else math.inf
    if not math.isfinite(offered) or not math.isfinite(capacity):
        return ""
    ratio = f"utilization {format_ratio(offered / capacity)}" if capacity else "no worker at all"
    return f"{service} is then offered {format_rate(offered)} of {format_rate(capacity)}: {ratio}"


def _objectives(scenario: "Scenario") -> list[str]:
    lines = []
    for objective in scenario.objectives:
        bound = objective.at_most if objective.at_most is not None else objective.at_least
        sign = "at most" if objective.at_most is not None else "at least"
        lines.append(
            f"{objective.subject} {objective.metric} {sign} {figure(bound, None, None, objective.unit)}."
        )
    return lines


def _theory(scenario: "Scenario") -> list[str]:
    from sim.theory.match import analyze

    analysis = analyze(scenario)
    lines = [
        f"{model.applies_to}: {model.name}, {'exact' if model.exact else 'approximate'}: {model.why}"
        for model in analysis.models
    ]
    return lines + [f"{no.applies_to}: not {no.name}: {no.why}" for no in analysis.rejected]


def _run(scenario: "Scenario") -> str:
    run = scenario.run
    warmup = "found by the run itself" if run.warmup == "auto" else format_duration(run.warmup)
    return (
        f"{_count(run.replications, 'replication')} of {format_duration(run.duration)}, warm-up {warmup}, "
        f"seed {run.seed}, {run.engine} engine."
    )


def _said(rule: "Rule") -> str:
    """A rule as it would be written: `poisson, rate: 120/s`."""
    written = rule.model_dump(mode="json", by_alias=True, exclude_unset=True)
    kind = str(written.pop("kind", None) or getattr(rule, "kind", ""))
    return f"{kind}, {_flat(written)}" if written else kind


def _flat(written: dict[str, Any]) -> str:
    """Keys and values on one line, quantities as a person writes them."""
    from sim.scenario.schema import flow

    return flow(_readable(written))[1:-1]


def _readable(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _readable(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_readable(inner) for inner in value[:MOST_SHOWN]] + ["…"] * (len(value) > MOST_SHOWN)
    if isinstance(value, float):
        return int(value) if value.is_integer() else value
    if isinstance(value, str):
        for parse, show in ((parse_duration, format_duration), (parse_rate, format_rate)):
            with suppress(QuantityError):
                return show(parse(value))
    return value


def _count(number: float, noun: str) -> str:
    if math.isinf(number):
        return f"as many {noun}s as it takes"
    return f"{number:,.0f} {noun}" if number == 1 else f"{number:,.0f} {noun}s"


def _wrapped(line: str) -> str:
    return textwrap.fill(line, WIDTH, initial_indent="  ", subsequent_indent="    ")
