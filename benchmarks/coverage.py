"""How often a 95 % interval holds the truth: many seeds of every case whose answer is known.

One seed is one run of ten replications, as a person would make it, and gives one interval for each figure. The
intervals of one run share its chance, so the figures of a run are pooled only to show a case's bias, and the
verdict counts one figure a run: the first of the case.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from dataclasses import dataclass
from typing import Final

from scipy.special import betaincinv

import sim
from benchmarks import known
from benchmarks.page import COVERAGE, DOCS, table, verdict
from tests.published import stations
from tests.published.stations import Case

CONFIDENCE: Final = 0.95
REPLICATIONS: Final = 10
LOW, HIGH = 0.92, 0.98
MOST_BIAS: Final = 4.0
"""Standard errors that a mean error may reach: among fifty cases chance does so once in three hundred studies."""

DEEP: Final = (
    "mm1k_rho1",
    "mmck_50_10_4_6",
    "mm1_kk_sixto10_13",
    "mmc_retrial_c2",
    "retry_closed_N_f0.5",
    "timeout_never",
)
"""Cases of many seeds: a queue, a bounded one with several workers, closed users, retrials, retries, timeouts."""

LEFT_OUT: Final = {
    "pdq_spamcan_mm4": "at 99 % load a run must be far longer than these to settle at all",
    "mva_allen_like": "the same scenario as pdq_mm1n_compile",
    "retry_closed_N_f1.0": "without chance: every interval has no width and is right",
    "deadline_goodput_K100": "hardly any chance: its goodput is 0 in every run",
}

Key = tuple[str, str]


@dataclass(frozen=True)
class Study:
    """One case: for each figure, whether each seed's interval held the truth, and where the means lay."""

    case: Case
    held: dict[Key, list[bool]]
    errors: dict[Key, list[float]]
    widths: dict[Key, list[float]]

    @property
    def first(self) -> Key:
        """The figure that the verdict counts."""
        return self.case.checks[0].subject, self.case.checks[0].metric

    @property
    def seeds(self) -> int:
        """How many."""
        return len(self.held[self.first])

    @property
    def bias(self) -> float:
        """The first figure's mean error over all seeds, in standard errors of that mean."""
        errors = self.errors[self.first]
        spread = statistics.stdev(errors)
        return statistics.fmean(errors) / (spread / len(errors) ** 0.5) if spread else 0.0


def every_case() -> list[Case]:
    """Published and known by formula; the first figure of each is one that chance moves."""
    return [case for case in (*stations.cases(), *known.cases()) if case.name not in LEFT_OUT]


def study(case: Case, seeds: int) -> Study:
    """Runs a case for many seeds, counted on from the case's own: none is chosen, no two cases share draws."""
    scenario = sim.loads(json.dumps(case.document)).set("run.replications", REPLICATIONS)
    keys = [(check.subject, check.metric) for check in case.checks]
    found = Study(case, {k: [] for k in keys}, {k: [] for k in keys}, {k: [] for k in keys})
    for number in range(seeds):
        results = sim.run(scenario, seed=stations.seed_of(case.name) + number)
        for check, key in zip(case.checks, keys, strict=True):
            mean, low, high, _ = results.estimate(*key, CONFIDENCE)
            found.held[key].append(low <= check.truth <= high)
            found.errors[key].append(mean - check.truth)
            found.widths[key].append((high - low) / 2.0 / check.truth)
    return found


def share(held: list[bool]) -> tuple[float, float, float]:
    """(share of the intervals that held the truth, its own 95 % interval by Clopper and Pearson)."""
    hits, trials = sum(held), len(held)
    low = 0.0 if hits == 0 else float(betaincinv(hits, trials - hits + 1, 0.025))
    high = 1.0 if hits == trials else float(betaincinv(hits + 1, trials - hits, 0.975))
    return hits / trials, low, high


def per_cent(value: float) -> str:
    """A share as it is read."""
    return f"{100.0 * value:.1f} %"


def row(one: Study) -> list[str]:
    """A case's line in the table."""
    covered, low, high = share(one.held[one.first])
    every = [held for figure in one.held.values() for held in figure]
    return [
        f"`{one.case.name}`",
        f"`{one.first[1]}`",
        f"{one.seeds}",
        per_cent(covered),
        f"{100 * low:.0f} … {100 * high:.0f}",
        f"{len(one.held)}: {per_cent(share(every)[0])}",
        f"±{100.0 * statistics.fmean(one.widths[one.first]):.2g} %",
        f"{one.bias:+.1f}",
    ]


COLUMNS: Final = (
    "case",
    "figure",
    "seeds",
    "covered",
    "95 % interval",
    "all its figures",
    "typical half-width",
    "bias, standard errors",
)


def page(deep: list[Study], others: list[Study]) -> tuple[str, bool]:
    """The page's text, and whether coverage is what it should be."""
    pooled = [held for one in others for held in one.held[one.first]]
    covered, low, high = share(pooled)
    all_figures = [held for one in [*deep, *others] for figure in one.held.values() for held in figure]
    deep_holds = all(LOW <= share(one.held[one.first])[0] <= HIGH for one in deep)
    pooled_holds = LOW <= covered <= HIGH
    worst = max([*deep, *others], key=lambda one: abs(one.bias))
    unbiased = abs(worst.bias) < MOST_BIAS
    text = (
        "# Do the intervals hold the truth?\n\n"
        "Written by `python -m benchmarks coverage`; not edited by hand.\n\n"
        "An honest 95 % interval holds the true value in 95 of 100 runs. The answers of "
        f"{len(deep) + len(others)} scenarios are known,\nfrom a source or by a closed formula: those of "
        "[tests/published](../tests/published/stations.py) and of\n[benchmarks/known.py](../benchmarks/known.py). "
        f"Each is run for many seeds, {REPLICATIONS} replications a run, and its Student-t\nintervals are counted. "
        "*Covered* counts one figure a run, so that the counts are independent; *all its figures* pools\nthose of "
        "a run, which share its chance. *Bias* is the mean error over all seeds in standard errors of that mean.\n"
        f"The largest of them is {worst.bias:+.1f} (`{worst.case.name}`), as chance alone would have it: "
        f"{verdict(unbiased)}.\n\n"
        f"## {len(deep)} cases of {deep[0].seeds} seeds\n\n"
        f"Each has to lie between {per_cent(LOW)} and {per_cent(HIGH)}: {verdict(deep_holds)}.\n\n"
        + table(COLUMNS, [row(one) for one in deep])
        + f"\n## {len(others)} cases of {others[0].seeds} seeds\n\n"
        f"One case of so few seeds says little; together they hold the truth in {per_cent(covered)} of "
        f"{len(pooled):,} runs\n(95 % interval {per_cent(low)} to {per_cent(high)}): {verdict(pooled_holds)}. "
        f"Over every figure of every case of this page it is {per_cent(share(all_figures)[0])} of "
        f"{len(all_figures):,}.\n\n"
        + table(COLUMNS, [row(one) for one in others])
        + "\n## Left out\n\n"
        + "".join(f"- `{name}`: {reason}\n" for name, reason in LEFT_OUT.items())
    )
    return text, deep_holds and pooled_holds and unbiased


def main(seeds: int, deep_seeds: int, only: list[str] | None = None) -> bool:
    """Studies all cases, prints as it goes, writes the page; whether coverage is what it should be."""
    deep: list[Study] = []
    others: list[Study] = []
    for case in every_case():
        if only and case.name not in only:
            continue
        began = time.monotonic()
        closely = case.name in DEEP
        one = study(case, deep_seeds if closely else seeds)
        (deep if closely else others).append(one)
        print(" | ".join(row(one)), f"| {time.monotonic() - began:.0f} s", flush=True)
    if only:
        return True
    text, holds = page(deep, others)
    DOCS.mkdir(exist_ok=True)
    COVERAGE.write_text(text, encoding="utf-8")
    sys.stdout.write(text)
    return holds
