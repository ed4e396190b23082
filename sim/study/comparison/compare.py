"""Comparison: scenarios under the same random numbers, held against the first of them replication by replication."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from sim.errors import UsageError
from sim.measure.direction import better
from sim.measure.estimate import estimate
from sim.measure.intervals import CONFIDENCE
from sim.measure.paired import Paired, holm, paired_figures
from sim.measure.plain import plain_rows
from sim.measure.results import Results
from sim.measure.versions import versions
from sim.scenario.metrics import SCHEMA_VERSION, unit_of
from sim.scenario.scenario import Scenario, refuse_no_scenario
from sim.study.comparison.differences import Difference, differences
from sim.study.comparison.paired_fates import PairedFates, paired_fates
from sim.study.comparison.parting import Parting, first_parting
from sim.study.replicate import run
from sim.study.threads import part

if TYPE_CHECKING:
    import pandas as pd

    from sim.report.plots import ComparisonPlots

HEADLINE: Final[Mapping[str, tuple[str, ...]]] = {
    "traffic": ("success_ratio", "goodput", "latency_p99", "amplification"),
    "service": ("wasted_ratio",),
}
"""Subject kind -> the metrics that are asked for first; those of an objective join them."""

TOGETHER: Final = (
    "Verdicts hold together: Holm's step-down (1979) keeps the chance of any wrong one at {error:g} % over the "
    "{headline} headline figures of all comparisons, and again over the {others} others; each interval holds by itself."
    " Quantiles are means of the replications' own, of which pairs are made."
)
"""How the verdicts share their error, in the one sentence that every format prints."""

_VERDICTS: Final[Mapping[tuple[str, bool], str]] = {
    ("more", True): "better",
    ("more", False): "worse",
    ("less", True): "worse",
    ("less", False): "better",
    ("neither", True): "higher",
    ("neither", False): "lower",
}
"""Which way is better, and whether the variant has more -> the verdict."""

NOT_SHOWN: Final = "no difference shown"
SAME: Final = "the same"


@dataclass(frozen=True)
class Pairing:
    """One metric of one subject in the baseline and in a variant."""

    variant: str
    subject: str
    metric: str
    headline: bool
    baseline: tuple[float, float, float]
    value: tuple[float, float, float]
    paired: Paired
    complete: bool
    """Whether every replication of both has the figure; a latency has none where nothing succeeded."""

    @property
    def ratio(self) -> float:
        """The variant's mean over the baseline's; NaN where that is 0."""
        return self.value[0] / self.baseline[0] if self.baseline[0] else math.nan

    def verdict(self, *, shown: bool) -> str:
        """In a word; `shown` says whether the difference is beyond chance."""
        if self.paired.identical:
            return SAME
        if not shown or not self.complete:
            return NOT_SHOWN
        return _VERDICTS[better(self.metric), self.paired.mean > 0.0]


@dataclass(frozen=True, repr=False)
class Comparison:
    """Results under the same random numbers, and what is between them.

    results: by name, the baseline first. confidence: of each interval, and of all verdicts together.
    differences, partings, fates: by the variant's name, always against the baseline; no parting without a run.
    """

    results: Mapping[str, Results]
    confidence: float
    differences: Mapping[str, tuple[Difference, ...]]
    partings: Mapping[str, Parting]
    fates: Mapping[str, PairedFates]

    @property
    def baseline(self) -> str:
        """The name of what the others are held against."""
        return next(iter(self.results))

    @property
    def variants(self) -> tuple[str, ...]:
        """The names of the others, in order."""
        return tuple(self.results)[1:]

    @cached_property
    def pairings(self) -> tuple[Pairing, ...]:
        """Every metric of every subject that the baseline and a variant both have."""
        return tuple(
            self._pairing(name, str(subject), str(metric))
            for name in self.variants
            for subject, metric in zip(
                self.results[self.baseline].summary["subject"],
                self.results[self.baseline].summary["metric"],
                strict=True,
            )
            if self.results[name].has(str(subject), str(metric))
        )

    def _pairing(self, name: str, subject: str, metric: str) -> Pairing:
        base, other = self.results[self.baseline], self.results[name]
        a, b = base.figures(subject, metric), other.figures(subject, metric)
        return Pairing(
            variant=name,
            subject=subject,
            metric=metric,
            headline=metric in HEADLINE.get(subject.partition(":")[0], ())
            or any(
                (wanted.subject, wanted.metric) == (subject, metric)
                for each in (base, other)
                for wanted in each.scenario.objectives
            ),
            # Means of the replications' own figures, quantiles too: then their difference is that of the pairs.
            baseline=estimate(a, metric, self.confidence, twins=base.twins)[:3],
            value=estimate(b, metric, self.confidence, twins=other.twins)[:3],
            paired=paired_figures(a, b, metric, self.confidence),
            complete=not any(math.isnan(figure.value) for figure in (*a, *b)),
        )

    @cached_property
    def verdicts(self) -> tuple[str, ...]:
        """A word for each pairing: better, worse, higher, lower, the same, or no difference shown.

        Headline figures share the error allowed among themselves, over all comparisons, and so do the others.
        """
        words = [""] * len(self.pairings)
        for headline in (True, False):
            places = [place for place, each in enumerate(self.pairings) if each.headline is headline]
            beyond = holm([self.pairings[place].paired.p for place in places], 1.0 - self.confidence)
            for place, shown in zip(places, beyond, strict=True):
                words[place] = self.pairings[place].verdict(shown=shown)
        return tuple(words)

    @cached_property
    def table(self) -> pd.DataFrame:
        """A row for each variant, subject and metric.

        Columns: variant, subject, metric, unit; baseline, value and difference (variant - baseline), each with low
        and high; ratio (value / baseline), n (pairs), variance_ratio, better (more, less or neither), p, headline,
        verdict, method.
        """
        import pandas as pd

        return pd.DataFrame(
            [_row(each, verdict) for each, verdict in zip(self.pairings, self.verdicts, strict=True)]
        )

    @cached_property
    def objectives(self) -> pd.DataFrame:
        """Each objective of any scenario, judged in all: subject, metric, at_most, at_least, name, value, low, high,
        verdict.
        """
        import pandas as pd

        columns = ["subject", "metric", "at_most", "at_least", "name", "value", "low", "high", "verdict"]
        wanted = dict.fromkeys(
            objective for results in self.results.values() for objective in results.scenario.objectives
        )
        rows = []
        for objective in wanted:
            bounds = [
                math.nan if bound is None else bound for bound in (objective.at_most, objective.at_least)
            ]
            for name, results in self.results.items():
                if not results.has(objective.subject, objective.metric):
                    continue
                found = results.judgement(objective)
                rows.append((objective.subject, objective.metric, *bounds, name, *found))
        return pd.DataFrame(rows, columns=columns)

    @property
    def together(self) -> str:
        """How the verdicts share their error, in a sentence."""
        headline = sum(each.headline for each in self.pairings)
        error = round(100.0 * (1.0 - self.confidence), 6)
        return TOGETHER.format(error=error, headline=headline, others=len(self.pairings) - headline)

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader must know before trusting the figures, as far as the runs themselves tell."""
        from sim.study.cautions import cautions

        return cautions(self)

    @property
    def plot(self) -> ComparisonPlots:
        """Pictures of this comparison: `comparison.plot.timeline()` and `comparison.plot.differences()`."""
        from sim.report.plots import ComparisonPlots

        return ComparisonPlots(self)

    def worse(self, metric: str) -> tuple[Pairing, ...]:
        """The pairings of a metric whose verdict is worse."""
        return tuple(
            each
            for each, verdict in zip(self.pairings, self.verdicts, strict=True)
            if each.metric == metric and verdict == "worse"
        )

    def to_json(self) -> dict[str, Any]:
        """The comparison as plain values for JSON: the same seed gives the same bytes."""
        base = self.results[self.baseline]
        return {
            "schema_version": SCHEMA_VERSION,
            "baseline": self.baseline,
            "scenarios": [
                {
                    "name": name,
                    "scenario": each.scenario.name,
                    "hash": each.scenario.hash,
                    "warmup": each.warmup,
                }
                for name, each in self.results.items()
            ],
            "seed": base.seed,
            "engine": base.engine,
            "replications": base.replications,
            "confidence": self.confidence,
            "versions": versions(),
            "differences": {
                name: [{"path": one.path, "baseline": one.baseline, "variant": one.variant} for one in found]
                for name, found in self.differences.items()
            },
            "first_attempt_that_differs": {
                name: {**vars(parting), "found": parting.found} for name, parting in self.partings.items()
            },
            "comparisons": plain_rows(self.table),
            "simultaneous": self.together,
            "objectives": plain_rows(self.objectives),
            "fates": {name: {**vars(each), "two_fates": each.two} for name, each in self.fates.items()},
            "notes": list(self.notes),
        }

    def __repr__(self) -> str:
        count = self.results[self.baseline].replications
        return f"<Comparison of {', '.join(self.variants)} with {self.baseline}: {count} replications>"

    def _repr_html_(self) -> str:
        from sim.report.notebook import comparison_html

        return comparison_html(self)


def compare(
    *scenarios: Scenario | Results | Mapping[str, Scenario | Results],
    engine: str | None = None,
    seed: int | None = None,
    replications: int | None = None,
    confidence: float = CONFIDENCE,
    jobs: int | None = None,
    progress: Callable[[float], None] | None = None,
) -> Comparison:
    """Compares scenarios with the first of them, replication by replication, under the same random numbers.

    Args:
        scenarios: two or more, or one mapping of names to them; the first is the baseline. Results that are there
            already are used as they are, if their seeds and replications are the same.
        engine: `compiled` or `reference`; the baseline's own if None, for all.
        seed: for all; the baseline's own if None.
        replications: for all; the baseline's own if None.
        confidence: of each interval, and of all headline verdicts together.
        jobs: threads.
        progress: told the share that is done, 0 to 1, now and then.

    Raises:
        UsageError: fewer than two scenarios, or results whose replications are not pairs.
        EngineError: a scenario's time does not advance.
    """
    given = _named(scenarios)
    if not 0.5 <= confidence < 1.0:
        raise UsageError(f"confidence {confidence:g} is not at least 0.5 and less than 1; for example 0.95")
    first = next(iter(given.values()))
    twins = (first.scenario if isinstance(first, Results) else first).run.antithetic
    if isinstance(first, Results):
        engine, seed, replications = first.engine, first.seed, first.replications
    else:
        engine = first.run.engine if engine is None else engine
        seed = first.run.seed if seed is None else seed
        replications = first.run.replications if replications is None else replications
    found: dict[str, Results] = {}
    for place, (name, each) in enumerate(given.items()):
        if isinstance(each, Results):
            if (each.seed, each.replications) != (seed, replications):
                raise UsageError(
                    f"{name} has seed {each.seed} and {each.replications} replications, not {seed} and "
                    f"{replications}: pairs need the same; for example sim.run(scenario, seed={seed}, "
                    f"replications={replications})"
                )
            if each.twins != twins:
                raise UsageError(
                    f"of {name} and the baseline one ran antithetic pairs and one did not; "
                    f"for example run.antithetic: {str(twins).lower()} in both"
                )
            found[name] = each
        else:
            found[name] = run(
                each.set("run.antithetic", twins) if each.run.antithetic != twins else each,
                engine=engine,
                seed=seed,
                replications=replications,
                jobs=jobs,
                progress=part(progress, place, len(given)),
            )
    baseline, *others = found.items()
    base = baseline[1]
    return Comparison(
        results=found,
        confidence=confidence,
        differences={name: differences(base.scenario, each.scenario) for name, each in others},
        partings={
            name: first_parting(base.scenario, each.scenario, engine=base.engine, seed=base.seed)
            for name, each in others
        },
        fates={name: paired_fates(base, each) for name, each in others},
    )


def _named(
    scenarios: Sequence[Scenario | Results | Mapping[str, Scenario | Results]],
) -> dict[str, Scenario | Results]:
    """The scenarios by name: their own, numbered where two have the same."""
    named: dict[str, Scenario | Results] = {}
    for each in scenarios:
        if isinstance(each, Mapping):
            for one in each.values():
                _refuse_neither(one)
            named |= {str(name): one for name, one in each.items()}
            continue
        _refuse_neither(each)
        own = each.name if isinstance(each, Scenario) else each.scenario.name
        name, count = own, 1
        while name in named:
            count += 1
            name = f"{own} ({count})"
        named[name] = each
    if len(named) < 2:
        raise UsageError(
            f"a comparison needs two scenarios, not {len(named)}; "
            'for example sim.compare(scenario, scenario.set("services.api.workers", 20))'
        )
    return named


def _refuse_neither(each: object) -> None:
    if not isinstance(each, Results):
        refuse_no_scenario(each)


def _row(each: Pairing, verdict: str) -> dict[str, Any]:
    row: dict[str, Any] = {
        "variant": each.variant,
        "subject": each.subject,
        "metric": each.metric,
        "unit": unit_of(each.metric),
    }
    of_pairs = (each.paired.mean, each.paired.low, each.paired.high)
    for name, values in (("baseline", each.baseline), ("value", each.value), ("difference", of_pairs)):
        row |= dict(zip((name, f"{name}_low", f"{name}_high"), values, strict=True))
    return row | {
        "ratio": each.ratio,
        "n": each.paired.n,
        "variance_ratio": each.paired.variance_ratio,
        "better": better(each.metric),
        "p": each.paired.p,
        "headline": each.headline,
        "verdict": verdict,
        "method": each.paired.method,
    }
