"""Do runs that stop by themselves, batch means, controls and twins keep what they promise? Many seeds of known answers.

An interval at 95 % is to hold the truth in 95 of 100 runs, also of a run that went on until it was narrow. A variance
that is said to be less is to be less from seed to seed. Every case's answer is known in closed form.
"""

from __future__ import annotations

import math
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

import sim
from benchmarks.coverage import per_cent, share
from benchmarks.page import paragraph, table, verdict, write_section
from sim.measure.batch_means import binned, overlapping
from sim.measure.histograms import EDGES
from sim.measure.intervals import interval
from sim.measure.precision import Reached
from sim.scenario.scenario import Scenario
from sim.study.controlled import controlled

LOW, HIGH = 0.93, 0.97
"""Where coverage must lie, chance aside: a case fails if its own 95 % interval lies outside."""

STOPPING, OTHERS = 500, 250
"""Seeds of each case of the sequential rule, and of the other sections."""

SEED: Final = 1_000_000
"""Where the seeds of a case begin; one case after the other, none is chosen."""

LESS: Final = 0.2
"""The share of the replications of independent runs that a paired comparison of two backoffs may need."""

MOST_BIAS: Final = 0.01
"""What bias of a settled level may be left after a warm-up that was found, if it was not much more before."""

QUEUE: Final = """
traffic: {{web: {{arrivals: {{kind: poisson, rate: {rate}/s}}, call: api}}}}
services: {{api: {{workers: 1, service_time: {law}}}}}
run: {{duration: {duration}, warmup: {warmup}, series: {series}, replications: {replications}}}
"""
EXPONENTIAL: Final = "{kind: exponential, mean: 10ms}"
ERLANG: Final = "{kind: erlang, mean: 10ms, shape: 4}"

RETRIAL: Final = """
traffic:
  web:
    arrivals: {kind: poisson, rate: 60/s}
    call: api
    client:
      retry: {attempts: inf, on: [rejected], backoff: {kind: random, delay: {kind: exponential, mean: 50ms}}}
services: {api: {workers: 1, service_time: {kind: exponential, mean: 10ms}, queue: {capacity: 0}}}
run: {duration: 60s, warmup: 6s, series: 60s}
"""

BACKOFFS: Final = """
traffic:
  web:
    arrivals: {kind: poisson, rate: 110/s}
    call: api
    client: {timeout: 1s, retry: {attempts: 4, backoff: {kind: exponential, base: 100ms, cap: 2s, jitter: full}}}
services:
  api: {workers: 10, service_time: {kind: lognormal, mean: 80ms, cv: 1.2}, queue: {capacity: 20}}
run: {duration: 120s, warmup: 10s, series: 120s, replications: 100, seed: 7}
"""


def queue(
    rate: float,
    duration: str,
    warmup: str,
    *,
    law: str = EXPONENTIAL,
    series: str = "null",
    replications: int = 20,
) -> Scenario:
    """One worker of 100 services a second."""
    return sim.loads(
        QUEUE.format(
            rate=rate, law=law, duration=duration, warmup=warmup, series=series, replications=replications
        )
    )


def seeds(count: int) -> Iterator[int]:
    """A case's seeds."""
    return iter(range(SEED, SEED + count))


def wait_quantile(rate: float, at: float) -> float:
    """The wait that a share `at` of M/M/1's customers do not exceed, s."""
    return math.log(rate / 100.0 / (1.0 - at)) / (100.0 - rate)


def _mm1_wait(rate: float) -> float:
    return rate / 100.0 / (100.0 - rate)


@dataclass(frozen=True)
class Stopping:
    """A case of the sequential rule: a figure whose truth is known."""

    name: str
    scenario: Scenario
    subject: str
    metric: str
    relative: float
    truth: float

    def row(self, count: int) -> tuple[list[str], bool]:
        """Its line in the table, and whether coverage is what it should be."""
        wanted = {"subject": self.subject, "metric": self.metric, "relative": self.relative}
        scenario = self.scenario.set("run.precision", wanted)
        held, made, reached = [], [], 0
        for seed in seeds(count):
            found = _reached(sim.run(scenario, seed=seed))
            held.append(found.low <= self.truth <= found.high)
            made.append(found.replications)
            reached += found.reached
        covered, low, high = share(held)
        cells = [
            self.name,
            f"`{self.metric}`",
            f"±{100 * self.relative:g} %",
            f"{statistics.fmean(made):.0f} ({min(made)} … {max(made)})",
            f"{reached} of {count}",
            per_cent(covered),
            f"{100 * low:.1f} … {100 * high:.1f}",
        ]
        return cells, reached == count and _may_be(low, high)


def _reached(results: sim.Results) -> Reached:
    if results.precision is None:
        raise ValueError("no precision was asked for")
    return results.precision


def _may_be(low: float, high: float) -> bool:
    """Whether a coverage with this interval may lie where it must."""
    return low <= HIGH and high >= LOW


def stopping_cases() -> list[Stopping]:
    """The sequential rule's: three loads, retrials, and two quantiles."""
    light, busy, heavy = (
        queue(50, "50s", "2s", series="50s"),
        queue(80, "100s", "10s", series="100s"),
        queue(95, "1000s", "100s", series="1000s"),
    )
    load, mean_wait = 0.6, 1.0 + 100.0 / 20.0
    return [
        Stopping("M/M/1 at 50 %", light, "service:api", "wait_mean", 0.04, _mm1_wait(50)),
        Stopping("M/M/1 at 80 %", busy, "service:api", "wait_mean", 0.04, _mm1_wait(80)),
        Stopping("M/M/1 at 95 %", heavy, "service:api", "wait_mean", 0.05, _mm1_wait(95)),
        # Falin and Templeton (1997): the mean orbit of M/M/1/1 with retrials at rate θ, (ρ²/(1 - ρ))(1 + μ/θ).
        Stopping(
            "M/M/1/1, retrials", sim.loads(RETRIAL), "traffic:web", "orbit", 0.03, load**2 / 0.4 * mean_wait
        ),
        Stopping("M/M/1 at 50 %", light, "service:api", "wait_p95", 0.04, wait_quantile(50, 0.95)),
        Stopping("M/M/1 at 80 %", busy, "service:api", "wait_p99", 0.05, wait_quantile(80, 0.99)),
    ]


Section = tuple[str, bool]


def stopping() -> Section:
    """Coverage of runs that stopped at a precision."""
    began = time.monotonic()
    rows, holds = [], True
    for case in stopping_cases():
        cells, good = case.row(STOPPING)
        _say(cells, began)
        rows.append(cells)
        holds = holds and good
    return stopping_section(rows, holds)


def stopping_section(rows: Sequence[Sequence[str]], holds: bool) -> Section:
    """Its text, of the cases' lines."""
    columns = ("case", "figure", "asked", "replications", "reached", "covered", "95 % interval")
    return (
        "### Runs that stop at a precision\n\n"
        + paragraph(
            f"{STOPPING} runs a case. Each must hold the truth in {per_cent(LOW)} to {per_cent(HIGH)} of its",
            "runs, chance",
            f"aside (no case's own interval lies outside): {verdict(holds)}.",
        )
        + table(columns, rows)
    ), holds


def warm_ups() -> Section:
    """The bias of an empty start, without a warm-up and with the one that was found."""
    filling = sim.loads(
        """
        traffic: {web: {arrivals: {kind: poisson, rate: 20/s}, call: api}}
        services: {api: {workers: inf, service_time: {kind: exponential, mean: 10s}}}
        run: {duration: 200s, warmup: auto, replications: 10, drain: false}
        """
    )
    cases = [
        ("M/M/∞, fills in 10 s", filling, "busy_workers", 200.0),
        ("M/M/1 at 90 %", queue(90, "200s", "auto", replications=10), "queue_length", 8.1),
    ]
    rows, holds = [], True
    for name, scenario, metric, truth in cases:
        without, found, lengths, doubts = [], [], [], 0
        for seed in seeds(OTHERS):
            cold = sim.run(scenario.set("run.warmup", "0s"), seed=seed)
            warm = sim.run(scenario, seed=seed)
            without.append(cold.estimate("service:api", metric))
            found.append(warm.estimate("service:api", metric))
            lengths.append(warm.warmup)
            doubts += warm.warmup_found is not None and not warm.warmup_found.confident
        both = [_bias(estimates, truth) for estimates in (without, found)]
        holds = holds and abs(both[1].bias) <= max(0.25 * abs(both[0].bias), MOST_BIAS)
        rows.append(
            [
                name,
                f"`{metric}`",
                *(text for one in both for text in (one.words, one.covered)),
                f"{statistics.fmean(lengths):.3g} s",
                f"{doubts}",
            ]
        )
        _say(rows[-1])
    columns = ("case", "figure", "bias cold", "covered cold", "bias", "covered", "warm-up", "doubted")
    return (
        "### Warm-ups found by MSER-5\n\n"
        + paragraph(
            f"{OTHERS} runs a case, ten replications each, from an empty start: the bias of the whole run (*cold*)",
            "and of what is left after the cut. That leaves less than 1 %, or a quarter of it:",
            f"{verdict(holds)}.",
        )
        + table(columns, rows)
    ), holds


@dataclass(frozen=True)
class Bias:
    """Of many runs: the mean relative error, half its own 95 % interval, and the share that held the truth."""

    bias: float
    half: float
    covered: str

    @property
    def words(self) -> str:
        """The bias with its interval."""
        return f"{100.0 * self.bias:+.2f} ± {100.0 * self.half:.2f} %"


def _bias(estimates: Sequence[tuple[float, float, float, str]], truth: float) -> Bias:
    mean, low, high = interval([mean / truth - 1.0 for mean, *_ in estimates])
    covered = share([low <= truth <= high for _, low, high, _ in estimates])[0]
    return Bias(mean, (high - low) / 2.0, per_cent(covered))


def batches() -> Section:
    """Coverage of batch means of single runs."""
    rows, holds = [], True
    for load, duration, warmup in ((50, "400s", "10s"), (80, "2000s", "50s")):
        scenario = queue(load, duration, warmup, replications=1)
        truths = {"queue_length": load**2 / (100.0 * (100.0 - load)), "busy_workers": load / 100.0}
        found: dict[str, list[bool]] = {metric: [] for metric in truths}
        refused = dict.fromkeys(truths, 0)
        for seed in seeds(OTHERS):
            seen = sim.run(scenario, seed=seed).runs[0]
            for _, metric, values in binned(scenario, seen):
                if metric in truths:
                    batch = overlapping(values)
                    refused[metric] += bool(batch.refused)
                    if not batch.refused:
                        found[metric].append(abs(float(values.mean()) - truths[metric]) <= batch.half)
        for metric, held in found.items():
            covered, low, high = share(held)
            holds = holds and _may_be(low, high)
            cells = [f"M/M/1 at {load} %, {duration}", f"`{metric}`", f"{refused[metric]} of {OTHERS}"]
            rows.append([*cells, per_cent(covered), f"{100 * low:.1f} … {100 * high:.1f}"])
            _say(rows[-1])
    columns = ("case", "figure", "refused", "covered", "95 % interval")
    return (
        "### Batch means of single runs\n\n"
        + paragraph(
            f"{OTHERS} single runs a case; *refused* is where the batches were not long enough to say.",
            f"Coverage is as it should be: {verdict(holds)}.",
        )
        + table(columns, rows)
    ), holds


def quantiles() -> Section:
    """Coverage of quantiles: the mean of the replications' own, pooled, and taken for independent trials."""
    scenario = queue(80, "100s", "10s", series="100s", replications=10)
    rows, holds = [], True
    for metric, at in (("wait_p50", 0.5), ("wait_p95", 0.95), ("wait_p99", 0.99)):
        truth = wait_quantile(80, at)
        ways: dict[str, list[tuple[float, float, float, str]]] = {"own": [], "pooled": [], "binomial": []}
        for seed in seeds(OTHERS):
            results = sim.run(scenario, seed=seed)
            ways["own"].append((*interval(results.values("service:api", metric)), "own"))
            ways["pooled"].append(results.quantile("service:api", "wait", at))
            ways["binomial"].append(_binomial(results, at))
        found = {way: _bias(estimates, truth) for way, estimates in ways.items()}
        covered = share([low <= truth <= high for _, low, high, _ in ways["pooled"]])
        # An upper end that is cautious covers more often than it says.
        holds = holds and covered[2] >= LOW
        own, pooled = ((found[way].words, found[way].covered) for way in ("own", "pooled"))
        rows.append([f"`{metric}`", *own, *pooled, found["binomial"].covered])
        _say(rows[-1])
    columns = (
        "figure",
        "mean of own: bias",
        "covered",
        "pooled: bias",
        "covered",
        "as independent trials: covered",
    )
    return (
        "### Quantiles\n\n"
        + paragraph(
            f"M/M/1 at 80 %, ten replications of 7,200 requests, {OTHERS} seeds. The mean of the replications'",
            "own quantiles is biased where they have few requests beyond it; that of all requests together, with",
            "Student's t over replications inverted, hardly is: it is the summary's, and objectives and precisions are",
            "judged by it. Its upper end is cautious, for observations that come in clusters, so it covers more often",
            "than it says. The binomial interval of an order statistic, which takes requests for independent trials,",
            "is shown to warn of it; Forebay does not offer it. Pooled coverage is no less than it should be:",
            f"{verdict(holds)}.",
        )
        + table(columns, rows)
    ), holds


def _binomial(results: sim.Results, at: float) -> tuple[float, float, float, str]:
    """The textbook's interval of an order statistic, which is wrong here."""
    counts = np.sum([seen.histogram[1, 0] for seen in results.runs], axis=0).cumsum()
    n = counts[-1]
    half = 1.96 * math.sqrt(n * at * (1.0 - at))
    low, middle, high = (float(EDGES[np.searchsorted(counts, n * at + off)]) for off in (-half, 0.0, half))
    return middle, low, high, "binomial"


def controls() -> Section:
    """Controlled estimates: coverage, the variance ratio that is told, and the one between seeds."""
    scenario = queue(80, "60s", "6s", law=ERLANG, series="60s", replications=30)
    # Pollaczek and Khinchine: λ E[S²] / (2(1 - ρ)), with E[S²] = (1 + 1/4) · (10 ms)².
    truths = {"wait_mean": 80.0 * 1.25e-4 / 0.4, "utilization": 0.8}
    found: dict[str, list[Any]] = {metric: [] for metric in truths}
    for seed in seeds(OTHERS):
        rows = controlled(sim.run(scenario, seed=seed)).query("subject == 'service:api'").set_index("metric")
        for metric, kept in found.items():
            kept.append(rows.loc[metric])
    lines, holds = [], True
    for metric, kept in found.items():
        truth = truths[metric]
        covered, low, high = share([row.low <= truth <= row.high for row in kept])
        told = statistics.fmean(row.variance_ratio for row in kept)
        real = _variance([row["mean"] for row in kept]) / _variance([row.plain for row in kept])
        holds = holds and _may_be(low, high) and real < 1.5 * told
        cells = [f"`{metric}`", f"{told:.3f}", f"{real:.3f}", per_cent(covered)]
        lines.append([*cells, f"{100 * low:.1f} … {100 * high:.1f}"])
        _say(lines[-1])
    columns = ("figure", "variance ratio told", "between seeds", "covered", "95 % interval")
    return (
        "### Control variates\n\n"
        + paragraph(
            f"M/E₄/1 at 80 %, 30 replications of a minute, {OTHERS} seeds; controls are arrivals, work, and M/M/1",
            "under the",
            "same random numbers. *Told* is the mean ratio of a run's own account, *between seeds* that of the",
            "variances of",
            f"controlled and plain means. Coverage is as it should be and the gain is real: {verdict(holds)}.",
        )
        + table(columns, lines)
    ), holds


def twins() -> Section:
    """Antithetic pairs against as many independent replications."""
    rows, holds = [], True
    for load, duration in ((50, "25s"), (80, "60s")):
        plain = queue(load, duration, "5s", series=duration, replications=20)
        truths = {"utilization": load / 100.0, "wait_mean": _mm1_wait(load)}
        found = {
            which: [sim.run(scenario, seed=seed) for seed in seeds(OTHERS)]
            for which, scenario in (("plain", plain), ("pairs", plain.set("run.antithetic", True)))
        }
        for metric, truth in truths.items():
            pairs = [results.estimate("service:api", metric) for results in found["pairs"]]
            alone = [results.estimate("service:api", metric)[0] for results in found["plain"]]
            ratio = _variance([mean for mean, *_ in pairs]) / _variance(alone)
            covered, low, high = share([low <= truth <= high for _, low, high, _ in pairs])
            holds = holds and _may_be(low, high) and ratio < 1.0
            cells = [f"M/M/1 at {load} %", f"`{metric}`", f"{ratio:.2f}", per_cent(covered)]
            rows.append([*cells, f"{100 * low:.1f} … {100 * high:.1f}"])
            _say(rows[-1])
    columns = ("case", "figure", "variance ratio", "covered", "95 % interval")
    return (
        "### Antithetic twins\n\n"
        + paragraph(
            f"Ten pairs against twenty independent replications, {OTHERS} seeds. The variance is less, and",
            "intervals over",
            f"pairs hold the truth: {verdict(holds)}.",
        )
        + table(columns, rows)
    ), holds


def common_numbers() -> Section:
    """Two backoffs under the same random numbers, against runs of their own."""
    base = sim.loads(BACKOFFS)
    path = "traffic.web.client.retry.backoff"
    others = {
        "equal jitter": base.set(f"{path}.jitter", "equal"),
        "base 200 ms": base.set(f"{path}.base", "200ms"),
    }
    rows, holds = [], True
    full = sim.run(base)
    for name, other in others.items():
        same, own = sim.run(other), sim.run(other, seed=8)
        pairings = sim.compare({"full": full, name: same}).pairings
        for metric in ("goodput", "latency_mean", "amplification", "latency_p99"):
            a, b, c = (np.array(each.values("traffic:web", metric)) for each in (full, same, own))
            ratio = _variance(b - a) / _variance(c - a)
            told = next(
                one.paired.variance_ratio
                for one in pairings
                if (one.subject, one.metric) == ("traffic:web", metric)
            )
            holds = holds and (metric == "latency_p99" or ratio <= LESS)
            rows.append([f"full jitter, {name}", f"`{metric}`", f"{told:.3f}", f"{ratio:.3f}"])
            _say(rows[-1])
    columns = ("backoffs compared", "figure", "told by `compare`", "against runs of other seeds")
    return (
        "### Common random numbers\n\n"
        + paragraph(
            f"Two backoffs of the same clients before the same busy service, {base.run.replications} replications",
            "each: the share",
            "of the replications of independent runs that a paired comparison needs for the same interval. At",
            "most a fifth",
            f"for goodput, mean latency and amplification: {verdict(holds)}.",
        )
        + table(columns, rows)
    ), holds


def _variance(values: Sequence[float] | np.ndarray[Any, np.dtype[np.float64]]) -> float:
    return float(np.var(np.asarray(values), ddof=1))


def _say(cells: Sequence[str], began: float | None = None) -> None:
    took = "" if began is None else f" | {time.monotonic() - began:.0f} s"
    print(" | ".join(cells) + took, flush=True)


PARTS: Final[tuple[Callable[[], Section], ...]] = (
    stopping,
    warm_ups,
    batches,
    quantiles,
    controls,
    twins,
    common_numbers,
)


def page(found: Sequence[Section]) -> str:
    """The text of all sections."""
    return (
        "## Precision\n\n"
        + paragraph(
            "Whether intervals hold the truth as often as they say, when a run stops by itself, is a single one,",
            "or has some of its chance taken away; and whether that makes the variance less. Each answer is known in",
            f"closed form; seeds are counted on from {SEED:,}.",
        )
        + "\n".join(text for text, _ in found)
    )


def main() -> bool:
    """Runs all sections, prints as it goes, writes the page's section; whether everything holds."""
    found = [part() for part in PARTS]
    write_section("precision", page(found))
    sys.stdout.write(page(found))
    return all(holds for _, holds in found)
