"""Forebay beside other simulators: the same queues, in turn, each tool in a process of its own."""

from __future__ import annotations

import math
import statistics
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import sim
from benchmarks import bars, subjects
from benchmarks.page import paragraph, table, verdict, write_section
from benchmarks.peers.environments import Unavailable
from benchmarks.peers.protocol import RETRYING, STATIONS, Answer
from benchmarks.peers.tools import CHOSEN, EVENTS, PEERS, RETRYING_HERE, RETRYING_SIMPY, Tool
from sim.measure.intervals import interval

AT_LEAST: Final = {"Cimba": 2.5, "LDES": 4.0, "SimPy": 120.0, "Ciw": 170.0}
"""How many times the requests of each the event engine is to serve, on M/M/1."""

RECURSION: Final = 3.0
"""How many times those of the event engine the recursion is to serve, on M/M/1."""

RETRIES: Final = 3e6
"""Requests of the retrying queue in a CPU second."""

CONFIDENCE: Final = 0.999
"""Of the intervals around the means: there are about forty, so one in twenty-five runs shows a false alarm."""

FIRST_SEED: Final = 101


@dataclass
class Runs:
    """What every tool said, round by round.

    Attributes:
        said: (tool, model) -> one answer a round.
        absent: tool -> why it is not among them.
    """

    said: dict[tuple[Tool, str], list[Answer]] = field(default_factory=dict)
    absent: dict[Tool, str] = field(default_factory=dict)

    def ask(self, tool: Tool, model: str, requests: int, seed: int) -> None:
        """Asks for one more run; a tool that fails is out."""
        if tool in self.absent:
            return
        try:
            answer = tool.ask(model, requests, seed)
        except Unavailable as why:
            self.absent[tool] = str(why)
            return
        self.said.setdefault((tool, model), []).append(answer)
        print(f"{model:9} {tool.name:40} {speed_of(answer) / 1e3:12,.1f} k  {answer.sojourn:.4f}", flush=True)

    def speeds(self, tool: Tool, model: str) -> list[float]:
        """Requests a CPU second, round by round."""
        return [speed_of(answer) for answer in self.said[tool, model]]

    def ratios(self, tool: Tool, other: Tool, model: str) -> list[float]:
        """A tool's speed over another's, round by round."""
        pairs = zip(self.speeds(tool, model), self.speeds(other, model), strict=True)
        return [one / two for one, two in pairs]


def speed_of(answer: Answer) -> float:
    """Requests a CPU second."""
    return answer.requests / answer.cpu


def short(speed: float) -> str:
    """A speed as it is read."""
    return f"{speed / 1e6:.2f} M" if speed >= 1e6 else f"{speed / 1e3:.3g} k"


def spread(speeds: Sequence[float]) -> str:
    """From the slowest to the fastest, in per cent of the median."""
    median = statistics.median(speeds)
    return f"{100 * (min(speeds) / median - 1):+.0f} … {100 * (max(speeds) / median - 1):+.0f} %"


def times(ratio: float) -> str:
    """A ratio as it is read."""
    return f"{ratio:.2f}" if ratio < 9.995 else f"{ratio:.1f}" if ratio < 99.95 else f"{ratio:,.0f}"


def true_sojourn(model: str) -> float:
    """What theory says of the mean time inside of those who are served."""
    summary = sim.theory(sim.loads(subjects.station(STATIONS[model], 1_000))).summary
    found = summary[(summary["subject"] == "service:api") & (summary["metric"] == "sojourn_mean")]
    return float(found["mean"].iloc[0])


def collect(rounds: int) -> Runs:
    """All runs, in turn."""
    runs = Runs()
    for tool in PEERS:
        try:
            tool.command()
        except Unavailable as why:
            runs.absent[tool] = f"could not be installed: {why}"
    plan: list[tuple[str, Tool]] = [(model, tool) for model in STATIONS for tool in (EVENTS, CHOSEN, *PEERS)]
    plan += [(RETRYING, RETRYING_HERE), (RETRYING, RETRYING_SIMPY)]
    for model in (*STATIONS, RETRYING):
        for number in range(rounds):
            for of, tool in plan:
                if of == model:
                    runs.ask(tool, model, tool.sizes[model], FIRST_SEED + number)
    return runs


def present(runs: Runs) -> list[Tool]:
    """The peers that did all there is to do."""
    return [tool for tool in PEERS if tool not in runs.absent]


def speed_table(runs: Runs) -> str:
    """Requests a CPU second of every tool on every station."""
    rows = []
    for tool in (EVENTS, CHOSEN, *PEERS):
        if tool in runs.absent:
            rows.append([tool.name, "", runs.absent[tool], "", "", "", "", ""])
            continue
        cells = []
        for model in STATIONS:
            speeds = runs.speeds(tool, model)
            cells += [short(statistics.median(speeds)), spread(speeds)]
        rows.append([tool.name, runs.said[tool, "mm1"][0].version, *cells])
    titles = [cell for station in STATIONS.values() for cell in (station.title, "spread")]
    return table(["", "version", *titles], rows)


def ratio_table(runs: Runs) -> str:
    """The event engine's speed over every other's: median and range of the rounds' ratios."""
    rows = []
    for tool in (CHOSEN, *present(runs)):
        cells = []
        for model in STATIONS:
            ratios = runs.ratios(EVENTS, tool, model)
            cells += [times(statistics.median(ratios)), f"{times(min(ratios))} … {times(max(ratios))}"]
        rows.append([tool.name, *cells])
    titles = [cell for station in STATIONS.values() for cell in (station.title, "of rounds")]
    return table(["event engine over …", *titles], rows)


def sanity(runs: Runs) -> tuple[str, str]:
    """(the means beside theory, who is off)."""
    truths = {model: true_sojourn(model) for model in STATIONS}
    rows, off, judged = [], [], 0
    for tool in (EVENTS, CHOSEN, *present(runs)):
        cells = []
        for model, truth in truths.items():
            mean, low, high = interval([one.sojourn for one in runs.said[tool, model]], CONFIDENCE)
            half = (high - low) / 2.0
            within = "" if math.isnan(half) else f" ± {100 * half / truth:.2f} %"
            cells.append(f"{100 * (mean / truth - 1):+.2f} %{within}")
            if math.isnan(half):
                continue
            judged += 1
            if not low <= truth <= high:
                off.append(f"{tool.name} on {STATIONS[model].title}")
                cells[-1] = f"**{cells[-1]}**"
        rows.append([tool.name, *cells])
    titles = [f"{STATIONS[model].title}: {truth:.4f}" for model, truth in truths.items()]
    said = f"**Off: {', '.join(off)}.**" if off else "None is off." if judged else "One round judges none."
    return table(["mean sojourn, error", *titles], rows), said


def standing(runs: Runs) -> str:
    """Who is ahead of whom, in plain sentences."""
    sentences = []
    for tool in present(runs):
        ahead = []
        for model, station in STATIONS.items():
            ratios = runs.ratios(tool, EVENTS, model)
            if statistics.median(ratios) > 1.0:
                rounds = sum(ratio > 1.0 for ratio in ratios)
                ahead.append(
                    f"{times(statistics.median(ratios))} times its requests on {station.title} "
                    f"(ahead in {rounds} of {len(ratios)} rounds)"
                )
        if ahead:
            sentences.append(f"{tool.name} is ahead of the event engine: it serves {' and '.join(ahead)}.")
    if not sentences:
        sentences.append("No peer is ahead of the event engine.")
    beaten = [
        f"{tool.name} on {station.title}"
        for tool in present(runs)
        for model, station in STATIONS.items()
        if statistics.median(runs.ratios(CHOSEN, tool, model)) < 1.0
    ]
    sentences.append(
        f"Ahead of what `sim.run` chooses: {', '.join(beaten)}."
        if beaten
        else "No peer is ahead of what `sim.run` chooses for these queues, the recursion."
    )
    return "".join(f"- {sentence}\n" for sentence in sentences)


def limits(runs: Runs) -> list[tuple[str, bool]]:
    """Each limit on the three stations, as it is told, and whether it holds."""
    ratio = statistics.median(runs.ratios(CHOSEN, EVENTS, "mm1"))
    said = f"M/M/1: the recursion serves at least {RECURSION:g} times the requests of the event engine"
    found = [(f"{said} ({times(ratio)})", ratio >= RECURSION)]
    for tool in PEERS:
        if not tool.family:
            continue
        wanted = AT_LEAST[tool.family]
        said = f"M/M/1: the event engine serves at least {wanted:g} times the requests of {tool.name}"
        if tool in runs.absent:
            found.append((f"{said} (not measured)", False))
        else:
            ratio = statistics.median(runs.ratios(EVENTS, tool, "mm1"))
            found.append((f"{said} ({times(ratio)})", ratio >= wanted))
    return found


def retrying(runs: Runs) -> tuple[str, tuple[str, bool]]:
    """The subsection on the retrying queue, and its limit."""
    ours = runs.said[RETRYING_HERE, RETRYING]
    speed = statistics.median(map(speed_of, ours))
    limit = (
        f"retrying queue: at least {RETRIES / 1e6:g} million requests a CPU second ({short(speed)})",
        speed >= RETRIES,
    )
    rows = []
    for tool in (RETRYING_HERE, RETRYING_SIMPY):
        if tool in runs.absent:
            rows.append([tool.name, runs.absent[tool], "", "", "", ""])
            continue
        said = runs.said[tool, RETRYING]
        speeds = runs.speeds(tool, RETRYING)
        rows.append(
            [
                tool.name,
                short(statistics.median(speeds)),
                spread(speeds),
                f"{statistics.fmean(one.attempts for one in said):.4f}",
                f"{100 * statistics.fmean(one.successes for one in said):.3f} %",
                f"{statistics.fmean(one.sojourn for one in said):.4f}",
            ]
        )
    columns = ["", "requests a CPU second", "spread", "attempts a request", "successes", "time to a success"]
    text = (
        "\n### The retrying queue\n\n"
        + paragraph(
            f"The one of the section on speed: {subjects.OFFERED:g} times the capacity, timeouts, five attempts, full",
            "jitter. Every request of Forebay's leaves its latency in a histogram; the SimPy model counts and adds up.",
        )
        + table(columns, rows)
    )
    if RETRYING_SIMPY in runs.absent:
        return text, limit
    ratios = runs.ratios(RETRYING_HERE, RETRYING_SIMPY, RETRYING)
    text += "\n" + paragraph(
        f"Forebay over SimPy: {times(statistics.median(ratios))} ({times(min(ratios))} … {times(max(ratios))}).",
        agreement(runs),
    )
    return text, limit


def agreement(runs: Runs) -> str:
    """Whether both models of the retrying queue say the same, on runs of the same length from the same start."""
    theirs = runs.said[RETRYING_SIMPY, RETRYING]
    size = RETRYING_SIMPY.sizes[RETRYING]
    ours = [RETRYING_HERE.ask(RETRYING, size, FIRST_SEED + number) for number in range(len(theirs))]
    pairs = list(zip(ours, theirs, strict=True))
    gaps = {
        "attempts": [mine.attempts - other.attempts for mine, other in pairs],
        "successes": [mine.successes - other.successes for mine, other in pairs],
        "time to a success": [mine.sojourn - other.sojourn for mine, other in pairs],
    }
    off = []
    for name, values in gaps.items():
        _, low, high = interval(values, CONFIDENCE)
        if not math.isnan(low) and not low <= 0.0 <= high:
            off.append(name)
    if off:
        return f"**Off: on runs of {size:,} requests both differ in {', '.join(off)}.**"
    return (
        f"On runs of {size:,} requests both agree in attempts, successes and time to a success, within "
        f"{100 * CONFIDENCE:g} % intervals."
    )


def keeping(runs: Runs) -> str:
    """What each tool keeps of a run: those that keep the same, together."""
    alike: dict[str, list[str]] = {}
    for tool in (EVENTS, CHOSEN, *present(runs)):
        alike.setdefault(tool.keeps, []).append(tool.name)
    return "".join(f"- {'; '.join(names)}: {keeps}.\n" for keeps, names in alike.items())


def main(rounds: int) -> bool:
    """Measures, prints, draws, writes the page's section; whether the limits are kept."""
    runs = collect(rounds)
    own = [tool for tool in (EVENTS, CHOSEN, RETRYING_HERE) if tool in runs.absent]
    if own:
        sys.exit(f"Forebay itself failed: {runs.absent[own[0]]}")
    means, off = sanity(runs)
    told, limit = retrying(runs)
    held = [*limits(runs), limit]
    picture = bars.draw(
        {
            tool.name.replace("`", ""): [statistics.median(runs.speeds(tool, model)) for model in STATIONS]
            for tool in (EVENTS, CHOSEN, *present(runs))
        },
        [station.title for station in STATIONS.values()],
        ours=2,
    )
    text = (
        "## Beside other simulators\n\n"
        + paragraph(
            f"Requests a CPU second on one thread: medians of {rounds} rounds, in each of which every tool has its",
            "turn, a process of its own each time, about a second of work. Compiling, loading and a first small run",
            "are left out for all. M/M/1 and M/M/64 are at 80 % load, M/M/16/80 is offered 1.06 times its capacity,",
            "and who finds 80 inside is lost. The scripts are in [benchmarks/peers](../benchmarks/peers/). A tool",
            "that keeps less does less, so what each keeps is said below.",
        )
        + speed_table(runs)
        + f"\n![{picture}](pictures/{bars.FILE.name})\n\n### Ratios\n\n"
        + paragraph("Of each round, then their median and range; below 1 the peer is ahead.")
        + ratio_table(runs)
        + "\n"
        + standing(runs)
        + "\n### What each keeps\n\n"
        + keeping(runs)
        + "\n"
        + paragraph(
            "Forebay's time includes its audits; the other scripts check nothing. Cimba's PGO build is guided by a",
            "profile of these very models and leaves out the checks of arguments; its release build is Meson's",
            "default. Its datasets hold every sample, and no quantile is sorted out of them here.",
        )
        + "### Does each say what theory says?\n\n"
        + paragraph(
            "The mean of the rounds' mean sojourns, in mean services, as an error against theory, with its",
            f"{100 * CONFIDENCE:g} % interval over the rounds. {off}",
        )
        + means
        + told
        + "\n### Limits\n\n"
        + "".join(f"- {said}: {verdict(holds)}.\n" for said, holds in held)
    )
    print(text)
    write_section("peers", text)
    return all(holds for _, holds in held)
