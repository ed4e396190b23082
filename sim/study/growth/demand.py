"""Demand: the load of the future as a multiple of the load as written, with what is not known of it.

A rate of growth is taken as it is said; a measured series is fitted: the logarithm of the load is a straight line in
time plus, if there is one, a season whose effects add up to zero (ordinary least squares). Residuals that are alike
from one row to the next tell less than independent ones: the covariance of the coefficients is that of residuals with
correlations r, r², r³ …, and the degrees of freedom are fewer by (1 - r)/(1 + r) (Bayley and Hammersley, 1946).
"""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import median
from typing import TYPE_CHECKING, Final, Protocol

import numpy as np

from sim.measure.intervals import CONFIDENCE
from sim.scenario.growth import SeriesGrowth, SteadyGrowth
from sim.units import YEAR, seconds_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

MOST_CORRELATED = 0.9
"""Residuals are taken to be no more alike than this: with more, the trend is not known at all."""


@dataclass(frozen=True)
class Level:
    """The expected load at a time, as a multiple of the load as written: the median, and its interval."""

    mean: float
    low: float
    high: float


class Demand(Protocol):
    """The load over time. start: the date of time 0, if it is known. step: s between the times that matter."""

    @property
    def start(self) -> dt.date | None:
        """The date at which the load is as written."""

    @property
    def horizon(self) -> float:
        """How far to look ahead, in s."""

    @property
    def step(self) -> float:
        """From one time to the next at which the level may bend, in s."""

    def at(self, time: float, confidence: float = CONFIDENCE) -> Level:
        """The expected level `time` s after the start, with its interval."""

    def around(self, time: float, confidence: float = CONFIDENCE) -> tuple[float, float]:
        """Between which values a single observation then lies."""


MOST_POWER: Final = 700.0
"""The exponential of more than about 709 has no number."""


def _exp(power: float) -> float:
    """The exponential; infinite where that has no number."""
    return math.exp(power) if power < MOST_POWER else math.inf


@dataclass(frozen=True)
class Steady:
    """Growth at a rate that is known, or known to lie in an interval."""

    growth: SteadyGrowth

    @property
    def start(self) -> dt.date | None:
        """The date at which the load is as written."""
        return self.growth.start

    @property
    def horizon(self) -> float:
        """How far to look ahead, in s."""
        return self.growth.horizon

    @property
    def step(self) -> float:
        """One period, in s."""
        return seconds_of(self.growth.rate.period)

    @property
    def errors(self) -> tuple[float, float]:
        """Standard errors of the exponential's rate, 1/s, below and above: the rate as said has its 95 % interval."""
        ratio, off = self.growth.rate.ratio, self.growth.uncertainty
        widths = math.log1p(ratio) - math.log1p(ratio - off), math.log1p(ratio + off) - math.log1p(ratio)
        low, high = (width / _normal(CONFIDENCE) / self.step for width in widths)
        return low, high

    def at(self, time: float, confidence: float = CONFIDENCE) -> Level:
        """The expected level `time` s after the start, with its interval."""
        middle = self.growth.rate.per_second * time
        below, above = (_normal(confidence) * error * time for error in self.errors)
        return Level(_exp(middle), _exp(middle - below), _exp(middle + above))

    def around(self, time: float, confidence: float = CONFIDENCE) -> tuple[float, float]:
        """As the level: a rate says nothing of what scatters about it."""
        level = self.at(time, confidence)
        return level.low, level.high


@dataclass(frozen=True)
class Fitted:
    """A series' trend and season.

    growth: the series. coefficients: of the logarithm: at the last row, a year's growth, and the season's effects but
    the last. covariance: theirs. spread: the standard deviation of the residuals. freedom: that the intervals have.
    correlation: of the residuals from row to row. step: s from row to row.
    """

    growth: SeriesGrowth
    coefficients: NDArray[np.float64] = field(repr=False)
    covariance: NDArray[np.float64] = field(repr=False)
    spread: float
    freedom: float
    correlation: float
    step: float

    @property
    def start(self) -> dt.date | None:
        """The date of the last row."""
        return self.growth.start

    @property
    def horizon(self) -> float:
        """How far to look ahead, in s."""
        return self.growth.horizon

    @property
    def yearly(self) -> tuple[float, float, float]:
        """The trend's growth in a year, as a ratio, with its 95 % interval."""
        slope, half = float(self.coefficients[1]), self._half(self.covariance[1, 1], CONFIDENCE)
        return math.expm1(slope), math.expm1(slope - half), math.expm1(slope + half)

    def at(self, time: float, confidence: float = CONFIDENCE) -> Level:
        """The expected level `time` s after the start, with its interval."""
        middle, variance = self._log(time)
        half = self._half(variance, confidence)
        return Level(_exp(middle), _exp(middle - half), _exp(middle + half))

    def around(self, time: float, confidence: float = CONFIDENCE) -> tuple[float, float]:
        """Between which values a single observation then lies."""
        middle, variance = self._log(time)
        half = self._half(variance + self.spread**2, confidence)
        return _exp(middle - half), _exp(middle + half)

    def _log(self, time: float) -> tuple[float, float]:
        """The logarithm of the level, and its variance; between two rows on the line that joins them."""
        place = time / self.step
        before = math.floor(place)
        share = place - before
        row = (1.0 - share) * self._row(before) + share * self._row(before + 1)
        middle = float(row @ self.coefficients)
        if self.growth.base is not None:
            middle -= math.log(self.growth.base)
        return middle, max(0.0, float(row @ self.covariance @ row))

    def _row(self, place: int) -> NDArray[np.float64]:
        row = _row(place * self.step / YEAR, len(self.growth.observations()) - 1 + place, self.growth.season)
        if self.growth.base is None:
            row[0] = 0.0  # relative to the trend at the last row
        return row

    def _half(self, variance: float, confidence: float) -> float:
        from scipy.special import stdtrit

        return float(stdtrit(self.freedom, 0.5 + confidence / 2.0)) * math.sqrt(variance)


def demand_of(growth: SteadyGrowth | SeriesGrowth) -> Steady | Fitted:
    """The demand that a scenario's growth says."""
    return Steady(growth) if isinstance(growth, SteadyGrowth) else fitted(growth)


def fitted(growth: SeriesGrowth) -> Fitted:
    """The trend and season of a series; see the head of this file."""
    seen = growth.observations()
    times = np.array([time / YEAR for time, _ in seen])
    logs = np.log([value for _, value in seen])
    design = np.array([_row(time, place, growth.season) for place, time in enumerate(times)])
    gram = np.linalg.inv(design.T @ design)
    coefficients = gram @ design.T @ logs
    residuals = logs - design @ coefficients
    rows, parameters = design.shape
    correlation = _correlation(residuals)
    spread = design.T @ _correlated(design, correlation)
    # The residuals' own expected sum of squares, in units of their variance.
    variance = float(residuals @ residuals) / (rows - float(np.trace(gram @ spread)))
    return Fitted(
        growth,
        coefficients,
        gram @ spread @ gram * variance,
        math.sqrt(variance),
        max(2.0, (rows - parameters) * (1.0 - correlation) / (1.0 + correlation)),
        correlation,
        median(float(after - before) for before, after in pairwise(times)) * YEAR,
    )


def _row(years: float, place: int, season: int | None) -> NDArray[np.float64]:
    """What multiplies the coefficients: 1, the time, and the effect of the phase; the effects add up to zero."""
    row = np.zeros(2 + (season - 1 if season else 0))
    row[0], row[1] = 1.0, years
    if season:
        phase = place % season
        if phase < season - 1:
            row[2 + phase] = 1.0
        else:
            row[2:] = -1.0
    return row


def _correlated(design: NDArray[np.float64], r: float) -> NDArray[np.float64]:
    """The matrix of correlations r^|i - j| times the design, by two recursions along the rows."""
    after, before = design.copy(), design.copy()
    for place in range(1, len(design)):
        after[place] += r * after[place - 1]
        before[-1 - place] += r * before[-place]
    return after + before - design


def _correlation(residuals: NDArray[np.float64]) -> float:
    """The correlation from row to row, 0 or more; nothing is made of less than chance would show.

    Fitting a line makes the residuals look less alike, by about (2 + 4r)/n (Kendall, 1954, for a mean); a season does
    not.
    """
    total, rows = float(residuals @ residuals), len(residuals)
    if total == 0.0:
        return 0.0
    seen = float(residuals[1:] @ residuals[:-1]) / total
    corrected = seen + (2.0 + 4.0 * seen) / rows
    return min(MOST_CORRELATED, corrected) if corrected > 1.0 / math.sqrt(rows) else 0.0


def _normal(confidence: float) -> float:
    """Half-width of a two-sided normal interval, in standard errors."""
    from scipy.special import ndtri

    return float(ndtri(0.5 + confidence / 2.0))
