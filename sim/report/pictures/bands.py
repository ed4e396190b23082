"""A time series over replications as a mean with its interval."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sim.measure.intervals import independent, student

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Track:
    """Mean and interval at each time bin: `time` is the bin's start, `width` its length, both in seconds.

    `low` and `high` are NaN where there was one replication only.
    """

    time: NDArray[np.float64]
    width: float
    mean: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]

    @property
    def peak(self) -> float:
        """The greatest mean, 0 where there is nothing."""
        return float(np.nanmax(self.mean)) if np.isfinite(self.mean).any() else 0.0

    @property
    def end(self) -> float:
        """The mean over the last bins: where the series ends up."""
        return float(np.nanmean(self.mean[-3:]))

    @property
    def middle(self) -> NDArray[np.float64]:
        """The middle of each bin, in seconds."""
        return self.time + self.width / 2.0


def paths(series: pd.DataFrame, subjects: Sequence[str], metric: str) -> pd.DataFrame:
    """The metric summed over the subjects, a row for each time bin, a column for each replication."""
    rows = series[(series["metric"] == metric) & series["subject"].isin(subjects)]
    return rows.pivot_table(index="time", columns="replication", values="value", aggfunc="sum")


def track(series: pd.DataFrame, subjects: Sequence[str], metric: str, *, twins: bool = False) -> Track | None:
    """Mean over the replications with Student-t intervals; None if the metric was not measured.

    `twins`: whether the replications are antithetic pairs.
    """
    table = paths(series, subjects, metric)
    if table.empty:
        return None
    values = independent(table.to_numpy(dtype=float), twins)
    time = table.index.to_numpy(dtype=float)
    mean, count = values.mean(axis=1), values.shape[1]
    half = np.full(len(mean), np.nan)
    if count > 1:
        half = student(count - 1) * values.std(axis=1, ddof=1) / np.sqrt(count)
    width = float(np.median(np.diff(time))) if len(time) > 1 else 0.0
    return Track(time, width, mean, np.maximum(mean - half, 0.0), mean + half)
