"""Which models apply to each service of a scenario, what they say, and why the others do not."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sim.errors import QuantityError
from sim.scenario.metrics import unit_of
from sim.scenario.scenario import Scenario, refuse_no_scenario
from sim.theory import assumptions as a
from sim.theory.catalogue import ALWAYS, CANDIDATES, Candidate
from sim.theory.rows import Figure, Quantiles, figures
from sim.theory.station import Station, stations
from sim.units import format_duration

if TYPE_CHECKING:
    from pandas import DataFrame

COLUMNS = ("subject", "metric", "mean", "low", "high", "n", "unit", "method")


BETWEEN: Final = "; "
"""Stands between the reasons for which a model applies, or does not."""


class Rejected(NamedTuple):
    """A model that does not apply to a service, and in words why."""

    name: str
    applies_to: str
    why: str


@dataclass(frozen=True)
class Model:
    """A model that applies to a service: exact or approximate, what it rests on, and its figures."""

    name: str
    applies_to: str
    exact: bool
    why: str
    figures: tuple[Figure, ...]

    @property
    def method(self) -> str:
        """`exact` or `approximate`."""
        return "exact" if self.exact else "approximate"

    @property
    def summary(self) -> DataFrame:
        """The figures as a table with the columns of a run's summary; no interval, n = 0."""
        from pandas import DataFrame

        return DataFrame(list(self._rows(math.nan)), columns=list(COLUMNS))

    def figure(self, subject: str, metric: str) -> float | None:
        """One figure in seconds, per second, ratio or count; None where the model does not say."""
        return next(
            (one.value for one in self.figures if (one.subject, one.metric) == (subject, metric)), None
        )

    def to_json(self) -> dict[str, Any]:
        """The model as plain values; an infinite figure is None."""
        rows = [dict(zip(COLUMNS, row, strict=True)) for row in self._rows(None)]
        for row in rows:
            row["mean"] = row["mean"] if math.isfinite(row["mean"]) else None
        return {
            "name": self.name,
            "applies_to": self.applies_to,
            "exact": self.exact,
            "why": self.why,
            "summary": rows,
        }

    def _rows(self, no_interval: float | None) -> list[tuple[Any, ...]]:
        return [
            (
                one.subject,
                one.metric,
                one.value,
                no_interval,
                no_interval,
                0,
                unit_of(one.metric),
                self.method,
            )
            for one in self.figures
        ]


@dataclass(frozen=True)
class Theory:
    """What theory says of a scenario: the models that apply, exact ones first, and those that do not."""

    models: tuple[Model, ...]
    rejected: tuple[Rejected, ...]

    @cached_property
    def summary(self) -> DataFrame:
        """All figures in one table: the columns of a run's summary, and `model`."""
        from pandas import DataFrame

        rows = [(*row, model.name) for model in self.models for row in model._rows(math.nan)]
        return DataFrame(rows, columns=[*COLUMNS, "model"])

    def figure(self, subject: str, metric: str, *, exact: bool = False) -> float | None:
        """The first model's word on a figure, exact ones before approximate; None if no model has one.

        Args:
            subject: `service:api` or `traffic:web`.
            metric: a metric of `sim.scenario.metrics`.
            exact: ask exact models alone.
        """
        for model in self.models:
            value = model.figure(subject, metric)
            if value is not None and (model.exact or not exact):
                return value
        return None

    def to_json(self) -> dict[str, Any]:
        """`{"models": […], "rejected": […]}` as plain values."""
        return {
            "models": [model.to_json() for model in self.models],
            "rejected": [one._asdict() for one in self.rejected],
        }


def analyze(scenario: Scenario, quantiles: Quantiles = None) -> Theory:
    """Asks every model of the catalogue about every service that gets traffic.

    `quantiles` names those to be worked out (`{"latency_p99"}`), as they may take long; all, if None.

    The figures are of the long run: a run starts empty, so leave out a warm-up before holding them together.
    """
    refuse_no_scenario(scenario)
    models: list[Model] = []
    rejected: list[Rejected] = []
    for station in stations(scenario):
        subject = f"service:{station.name}"
        for candidate in CANDIDATES:
            if not candidate.about(station):
                continue
            reasons = broken(candidate, station)
            if not reasons:
                try:
                    models.append(_solved(candidate, station, subject, quantiles))
                    continue
                except QuantityError as error:
                    reasons = [str(error)]
            rejected.append(Rejected(candidate.name, subject, BETWEEN.join(reasons)))
    models.sort(key=lambda model: not model.exact)
    return Theory(tuple(models), tuple(rejected))


def broken(candidate: Candidate, station: Station) -> list[str]:
    """Why a model does not apply to a station: every assumption that breaks, in words."""
    reasons: list[str] = []
    own = () if candidate.shares else (a.one_job_each,)
    for check in (*ALWAYS, *own, *candidate.checks):
        reason = check(station)
        if reason is not None and reason not in reasons:
            reasons.append(reason)
    return reasons


def _solved(candidate: Candidate, station: Station, subject: str, quantiles: Quantiles) -> Model:
    fit = candidate.fits(station)
    notes = [fit.note, *_remarks(station)]
    return Model(
        candidate.name, subject, candidate.exact, BETWEEN.join(notes), tuple(figures(station, fit, quantiles))
    )


def _remarks(station: Station) -> list[str]:
    """What a reader may take for a broken assumption, and why it is none."""
    remarks: list[str] = []
    if len(station.streams) > 1 and not station.closed:
        remarks.append(f"{len(station.streams)} streams flow together")
    remarks += [
        f"the timeout of {format_duration(stream.limit)} of traffic:{stream.name} leaves the queue as it is "
        "(cancel: never, not retried)"
        for stream in station.streams
        if math.isfinite(stream.limit) and stream.client.cancel == "never"
    ]
    if station.feedback:
        remarks.append(
            "errors are tried again: a feedback that keeps the numbers of a Poisson queue (Jackson)"
        )
    elif station.service.error_ratio > 0.0:
        remarks.append("an error takes as long as a success")
    if not station.first_come:
        remarks.append(
            f"served {station.service.queue.discipline.kind}: means hold, quantiles of waits are not given"
        )
    return remarks
