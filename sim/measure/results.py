"""Results: what a scenario's replications say, as tidy tables, each figure with its interval."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from sim.engines import observations as see
from sim.engines.observations import Observations
from sim.errors import UsageError
from sim.measure import audits, batch_means, series
from sim.measure.design_effect import batch_at, design_effect, thinned
from sim.measure.estimate import cautious, estimate
from sim.measure.figures import SHARES, Figure, Figures, figures, independent_figures
from sim.measure.histograms import EDGES
from sim.measure.instances import apart, together
from sim.measure.intervals import CONFIDENCE, clipped, independent, interval
from sim.measure.judge import judge
from sim.measure.plain import plain_rows
from sim.measure.pooled import METHOD as POOLED
from sim.measure.pooled import Pool, observed
from sim.measure.precision import Reached, precision_of
from sim.measure.versions import versions
from sim.measure.warmup import FoundWarmup
from sim.scenario.metrics import SCHEMA_VERSION, unit_of
from sim.scenario.scenario import Scenario

if TYPE_CHECKING:
    import pandas as pd

    from sim.report.plots import Plots
    from sim.scenario.objectives import Objective


class Results:
    """What the replications of one scenario say.

    Attributes:
        scenario: what was run.
        engine, seed, replications, warmup: how; warmup in seconds.
        warmup_found: what MSER-5 made of it if the scenario says `auto`, and whether to trust it; else None.
        summary: DataFrame of subject, metric, mean, low, high (95 % interval), n (independent values: replications, or
            antithetic pairs), unit, method.
        runs: the observations of each replication, with one row for each service.
        apart: the same with one row for each instance of a service, as the engine left them.
        audits, conservation: Little's law at each boundary, and the books; both held, or there were no results.
        objectives: DataFrame of subject, metric, at_most, at_least, value, low, high, passed, verdict.
    """

    def __init__(
        self,
        scenario: Scenario,
        runs: Sequence[Observations],
        *,
        engine: str,
        seed: int,
        warmup_found: FoundWarmup | None = None,
        known: Sequence[Figures] = (),
    ) -> None:
        self.scenario = scenario
        self.engine, self.seed = engine, seed
        self.replications = len(runs)
        self.warmup, self.warmup_found = runs[0].warmup, warmup_found
        self.apart = runs
        self.runs = runs = [together(scenario, seen) for seen in runs]
        self.audits = audits.little(scenario, runs)
        self.conservation = audits.conservation(scenario, runs)
        audits.refuse_broken(self.audits, self.conservation)
        self._each = [*known, *(figures(scenario, seen) for seen in runs[len(known) :])]
        self._figures = independent_figures(self._each, self.twins)

    @cached_property
    def summary(self) -> pd.DataFrame:
        """Every metric of every subject: subject, metric, mean, low, high, n, unit, method."""
        import pandas as pd

        return pd.DataFrame([self.row(subject, metric) for subject, metric in self.measured])

    @property
    def measured(self) -> tuple[tuple[str, str], ...]:
        """Subject and metric of every figure."""
        return tuple(self._figures[0])

    def with_more(self, runs: Sequence[Observations]) -> Results:
        """These replications and further ones, run in the same way."""
        return Results(
            self.scenario,
            [*self.apart, *runs],
            engine=self.engine,
            seed=self.seed,
            warmup_found=self.warmup_found,
            known=self._each,
        )

    @property
    def twins(self) -> bool:
        """Whether the replications are antithetic pairs: each two that follow give one figure, their mean."""
        return self.scenario.run.antithetic

    def has(self, subject: str, metric: str) -> bool:
        """Whether there is such a figure."""
        return (subject, metric) in self._figures[0]

    def figures(self, subject: str, metric: str) -> list[Figure]:
        """One metric's figure in each replication, or each antithetic pair, with as many trials as are independent.

        Of a ratio's trials so many are taken for one as the design effect of the waits says.
        """
        found = [each[subject, metric] for each in self._figures]
        counted = any(not math.isnan(figure.trials) for figure in found)
        return thinned(found, self._clump(subject)) if counted else found

    def _clump(self, subject: str) -> float:
        """Requests of a subject that tell as much as one independent one; of a client at the worst service it calls."""
        kind, _, name = subject.partition(":")
        called = {each: one.call for each, one in self.scenario.traffic.items()}
        if kind == "client":
            return max(
                self._clumps[called[each]] for each in called if self.scenario.client_name(each) == name
            )
        return self._clumps[name if kind == "service" else called[name]]

    @cached_property
    def _clumps(self) -> dict[str, float]:
        first = len(self.scenario.traffic)
        return {
            name: design_effect(
                self.runs,
                row,
                float(np.mean(self.values(f"service:{name}", "utilization"))),
                batch_at(self.scenario, name),
            )
            for row, name in enumerate(self.scenario.services, first)
        }

    def values(self, subject: str, metric: str) -> list[float]:
        """One metric's value in each replication, or each antithetic pair, in base units."""
        return [found[subject, metric].value for found in self._figures]

    def estimate(
        self, subject: str, metric: str, confidence: float = CONFIDENCE
    ) -> tuple[float, float, float, str]:
        """(mean, low, high, method) of a metric at a confidence; a quantile is that of all observations together.

        The mean of the replications' own quantiles is biased where each has few observations beyond it.
        """
        pooled = self._pooled_estimate(subject, metric, confidence)
        return pooled or estimate(self.figures(subject, metric), metric, confidence, twins=self.twins)

    def cautious(
        self, subject: str, metric: str, confidence: float = CONFIDENCE
    ) -> tuple[float, float, float]:
        """(mean, low, high) by which an objective is judged: wider than `estimate` where trouble comes in bursts."""
        pooled = self._pooled_estimate(subject, metric, confidence)
        if pooled:
            return pooled[:3]
        return cautious(self.figures(subject, metric), metric, confidence, twins=self.twins)

    def _pooled_estimate(
        self, subject: str, metric: str, confidence: float
    ) -> tuple[float, float, float, str] | None:
        """That of a quantile by all observations together; None of other metrics, and where there is no interval."""
        kind, _, statistic = metric.rpartition("_")
        if statistic not in SHARES or any(math.isnan(value) for value in self.values(subject, metric)):
            return None
        found = self.quantile(subject, kind, SHARES[statistic], confidence)
        return None if math.isnan(found[1]) else found

    @cached_property
    def precision(self) -> Reached | None:
        """How near the run came to the precision its scenario wants; None if it wants none."""
        wanted = self.scenario.run.precision
        if wanted is None:
            return None
        values = self.values(wanted.subject, wanted.metric)
        complete = not any(math.isnan(value) for value in values)
        behind: Sequence[float] | np.ndarray[Any, Any] = values
        kind, _, statistic = wanted.metric.rpartition("_")
        if statistic in SHARES:
            found = self.quantile(wanted.subject, kind, SHARES[statistic], wanted.confidence)
            behind = self._pool(wanted.subject, kind).beyond(found[0])
        else:
            found = *interval(values, wanted.confidence), "t over replications"
        return precision_of(found, wanted, behind, complete=complete, twins=self.twins)

    def quantile(
        self, subject: str, kind: str, share: float, confidence: float = CONFIDENCE
    ) -> tuple[float, float, float, str]:
        """(value, low, high, method) in seconds of any quantile of all observations together.

        Args:
            subject: such as `traffic:web` or `service:api`.
            kind: `latency` of a traffic class or client; `wait` or `sojourn` of a service.
            share: which quantile: 0.999 is what all but a thousandth do not exceed.
            confidence: of the interval, which is NaN with one replication or antithetic pair.

        Raises:
            UsageError: there is no such subject or kind, or the share is not between 0 and 1.
        """
        pool = self._pool(subject, kind)
        if not 0.0 < share < 1.0:
            raise UsageError(f"share {share:g} is not more than 0 and less than 1; for example 0.99")
        return *pool.quantile(share, confidence), POOLED

    def _pool(self, subject: str, kind: str) -> Pool:
        """One kind of duration of all replications, or antithetic pairs; made once. Raises UsageError."""
        if (subject, kind) not in self._pools:
            rows, column = observed(self.scenario, subject, kind)
            counts = np.array([seen.histogram[rows, column].sum(axis=0) for seen in self.runs])
            longest = max(float(seen.moments[rows, column, see.LONGEST].max()) for seen in self.runs)
            self._pools[subject, kind] = Pool(counts[0::2] + counts[1::2] if self.twins else counts, longest)
        return self._pools[subject, kind]

    @cached_property
    def _pools(self) -> dict[tuple[str, str], Pool]:
        return {}

    @cached_property
    def batch_means(self) -> pd.DataFrame:
        """Intervals of the rates and time averages of a single long run, from its own series.

        Columns: subject, metric, mean, low, high (95 %), n (batches' worth of values), unit, method, and `refused`:
        why there is no interval, where there is none.

        Raises:
            UsageError: the run has several replications, whose spread is the better witness.
        """
        if self.replications != 1:
            raise UsageError(
                f"batch means are for a single long run, and these are {self.replications} replications, "
                "whose own spread gives the intervals; for example replications=1"
            )
        return batch_means.table(self.scenario, self.runs[0], self._figures[0])

    def row(self, subject: str, metric: str) -> dict[str, Any]:
        """One figure as a row of the summary."""
        mean, low, high, method = self.estimate(subject, metric)
        return {
            "subject": subject,
            "metric": metric,
            "mean": mean,
            "low": low,
            "high": high,
            "n": sum(not math.isnan(value) for value in self.values(subject, metric)),
            "unit": unit_of(metric),
            "method": method,
        }

    @cached_property
    def objectives(self) -> pd.DataFrame:
        """Each objective: its bound, what was measured, and whether it is met, missed or inconclusive."""
        import pandas as pd

        columns = ["subject", "metric", "at_most", "at_least", "value", "low", "high", "passed", "verdict"]
        rows = []
        for wanted in self.scenario.objectives:
            value, low, high, verdict = self.judgement(wanted)
            bounds = [math.nan if bound is None else bound for bound in (wanted.at_most, wanted.at_least)]
            rows.append((wanted.subject, wanted.metric, *bounds, value, low, high, verdict == "met", verdict))
        return pd.DataFrame(rows, columns=columns)

    def judgement(self, wanted: Objective) -> tuple[float, float, float, str]:
        """(value, low, high, verdict) of an objective, of this scenario or another with such a figure."""
        value, low, high = self.cautious(wanted.subject, wanted.metric)
        return value, low, high, self.judged(wanted, low, high)

    def judged(self, wanted: Objective, low: float, high: float) -> str:
        """Whether an objective is met by an interval; with a replication without the figure (no success) it is not."""
        verdict = judge(low, high, wanted.at_most, wanted.at_least)
        lacking = any(math.isnan(value) for value in self.values(wanted.subject, wanted.metric))
        return "inconclusive" if lacking and verdict == "met" else verdict

    @property
    def verdict(self) -> str:
        """Of all objectives: missed if one is missed, else inconclusive if one is, else met; none if there are none."""
        verdicts = set(self.objectives["verdict"])
        for word in ("missed", "inconclusive", "met"):
            if word in verdicts:
                return word
        return "none"

    @cached_property
    def series(self) -> pd.DataFrame:
        """Rates and mean levels in bins of time: replication, time (s), subject, metric, value."""
        return series.tidy(self.scenario, self.runs)

    @cached_property
    def instances(self) -> pd.DataFrame:
        """Each instance of the services that have several: subject, instance, metric, mean, low, high, unit."""
        return apart(self.scenario, self.apart)

    @cached_property
    def latency(self) -> pd.DataFrame:
        """Histograms over all replications: subject, metric, low, high (s), count; empty buckets left out."""
        import pandas as pd

        frames = []
        traffic = [
            (f"traffic:{name}", row, (("latency", see.LATENCY),))
            for row, name in enumerate(self.scenario.traffic)
        ]
        services = [
            (f"service:{name}", row, (("wait", see.WAIT), ("sojourn", see.SOJOURN)))
            for row, name in enumerate(self.scenario.services, len(traffic))
        ]
        for subject, row, kinds in [*traffic, *services]:
            for metric, column in kinds:
                total = np.sum([seen.histogram[row, column] for seen in self.runs], axis=0)
                places = np.flatnonzero(total)
                table = {"low": EDGES[places], "high": EDGES[places + 1], "count": total[places]}
                frames.append(pd.DataFrame({"subject": subject, "metric": metric, **table}))
        return pd.concat(frames, ignore_index=True)

    @cached_property
    def attempts(self) -> pd.DataFrame | None:
        """The attempt log, times in seconds, NaN for what never happened; None unless it was asked for (`log=True`)."""
        import pandas as pd

        if self.runs[0].log is None:
            return None
        frames = []
        for replication, seen in enumerate(self.runs):
            frame = pd.DataFrame(seen.log)
            frame.insert(0, "replication", replication)
            frames.append(frame)
        log = pd.concat(frames, ignore_index=True)
        log["traffic"] = np.array(list(self.scenario.traffic))[log["traffic"]]
        log["outcome"] = np.array(see.OUTCOMES)[log["outcome"]]
        return log

    @cached_property
    def states(self) -> pd.DataFrame | None:
        """Shares of time with each number in a service, if asked for (`states=True`): subject, number, mean, low, high.

        The last of 4096 numbers stands for all that are larger.
        """
        import pandas as pd

        if self.runs[0].occupancy is None:
            return None
        rows = []
        for place, name in enumerate(self.scenario.services):
            seconds = np.array([seen.occupancy[place] for seen in self.runs if seen.occupancy is not None])
            if not seconds.any():  # several instances: the number in all of them at a time is not kept
                continue
            shares = seconds / (self.runs[0].duration - self.warmup)
            for number in range(int(np.flatnonzero(shares.any(axis=0))[-1]) + 1):
                mean, low, high = interval(independent(shares[:, number], self.twins))
                rows.append((f"service:{name}", number, mean, *clipped(mean, low, high, 1.0)))
        return pd.DataFrame(rows, columns=["subject", "number", "mean", "low", "high"])

    @property
    def plot(self) -> Plots:
        """Pictures of these results: `results.plot.timeline()` and others."""
        from sim.report.plots import Plots

        return Plots(self)

    def to_json(self) -> dict[str, Any]:
        """The results as plain values for JSON: the same seed gives the same bytes."""
        return {
            "schema_version": SCHEMA_VERSION,
            "scenario": self.scenario.name,
            "hash": self.scenario.hash,
            "seed": self.seed,
            "engine": self.engine,
            "replications": self.replications,
            "warmup": self.warmup,
            **({} if self.warmup_found is None else {"warmup_found": self.warmup_found.to_json()}),
            "versions": versions(),
            "verdict": self.verdict,
            "summary": plain_rows(self.summary),
            "objectives": plain_rows(self.objectives),
            "audits": [
                {"boundary": _place(row["subject"], row.pop("boundary")), **row}
                for row in plain_rows(self.audits)
            ],
            "conservation": self.conservation,
            **({} if self.precision is None else {"precision": self.precision.to_json()}),
            **({} if self.states is None else {"state_probabilities": plain_rows(self.states)}),
        }

    def __repr__(self) -> str:
        return f"<Results of {self.scenario.name}: {self.replications} replications, verdict {self.verdict}>"

    def _repr_html_(self) -> str:
        from sim.report.notebook import results_html

        return results_html(self)


def _place(subject: str, boundary: str) -> str:
    """A boundary's name: the subject's own for the whole of it, with what lies within named behind it."""
    return subject if boundary in ("service", "client") else f"{subject}:{boundary}"
