"""How many requests a CPU second serves: the compiled engine beside the reference engine, in one run."""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass

import sim
from benchmarks import subjects
from benchmarks.page import table, verdict, write_section

REPEATS = 7
LEAST_REQUESTS = 5e6
LEAST_RATIO = 100.0


@dataclass(frozen=True)
class Timing:
    """Requests a CPU second, once for each repeat, and attempts for each request."""

    speeds: list[float]
    attempts: float

    @property
    def median(self) -> float:
        """The middle one."""
        return statistics.median(self.speeds)

    @property
    def spread(self) -> str:
        """From the slowest to the fastest, in per cent of the median."""
        low, high = min(self.speeds) / self.median - 1.0, max(self.speeds) / self.median - 1.0
        return f"{100 * low:+.0f} … {100 * high:+.0f} %"


def once(scenario: sim.Scenario, engine: str) -> tuple[float, float]:
    """(requests a CPU second, attempts a request) of one run, its audits and tables included."""
    began = time.process_time()
    results = sim.run(scenario, engine=engine, jobs=1)
    results.estimate("traffic:web", "latency_mean")
    spent = time.process_time() - began
    books = results.conservation
    return books["born"] / spent, books["sent"] / books["born"]


def measure(compiled: sim.Scenario, reference: sim.Scenario) -> tuple[Timing, Timing, list[float]]:
    """Both engines in turn, so that what else the machine does meets them alike, and the ratio of each pair."""
    once(reference, "compiled")  # compiles, or loads what was compiled
    pairs = [(once(compiled, "compiled"), once(reference, "reference")) for _ in range(REPEATS)]
    fast, slow = (Timing([pair[side][0] for pair in pairs], pairs[0][side][1]) for side in (0, 1))
    return fast, slow, [one[0] / other[0] for one, other in pairs]


def main() -> bool:
    """Measures, prints, writes the page's section; whether the limits are kept."""
    rows = []
    medians = {}
    for name, script in (("M/M/1", subjects.mm1), ("bounded retrying queue", subjects.retrying)):
        fast, slow, ratios = measure(sim.loads(script(2_000_000)), sim.loads(script(20_000)))
        medians[name] = (fast.median, statistics.median(ratios))
        rows.append(
            [
                name,
                f"{fast.attempts:.2f}",
                f"{fast.median / 1e6:.2f} M",
                fast.spread,
                f"{slow.median / 1e3:.1f} k",
                slow.spread,
                f"{statistics.median(ratios):.0f}",
                f"{min(ratios):.0f} … {max(ratios):.0f}",
            ]
        )
    requests, ratio = medians["M/M/1"]
    enough, times = requests >= LEAST_REQUESTS, ratio >= LEAST_RATIO
    text = (
        "## Speed\n\nRequests a CPU second on one thread, audits and figures included, the compile left out: "
        f"medians of {REPEATS} runs\nof 2 million requests (compiled) and 20,000 (reference), in turn.\n"
        "Without feedback M/M/1 runs by the recursion; the section below has the event engine beside it.\n"
        f"The retrying queue is offered {subjects.OFFERED:g} times its capacity: 16 workers, 64 places, a timeout"
        " of ten\nservices, five attempts, full jitter.\n\n"
        + table(
            ["", "attempts a request", "compiled", "spread", "reference", "spread", "ratio", "of pairs"], rows
        )
        + f"\nAt least 5 million M/M/1 requests a CPU second: {verdict(enough)}. "
        f"At least 100 times the reference: {verdict(times)}.\n"
    )
    print(text)
    write_section("speed", text)
    return enough and times
