"""Where two scenarios part ways: the first attempt that is not the same in both, under the same random numbers."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sim.study.load import offered_load
from sim.study.replicate import run

if TYPE_CHECKING:
    import pandas as pd

    from sim.scenario.scenario import Scenario

MOST_ATTEMPTS = 1_000_000
"""Attempts of one log that are looked through, each half a kilobyte while two are compared; then the search ends."""

_FIRST_REQUESTS = 4_000
_GROWTH = 4.0
"""The stretch looked at first, in requests, and how it grows: what differs early is found at little cost."""

_KEY = ["traffic", "request", "attempt"]
TIMES = ("sent", "arrived", "started", "finished", "answered")


@dataclass(frozen=True)
class Parting:
    """The first attempt that differs in replication 0, and how.

    same_until: seconds of the run up to which every event of every attempt is the same in both.
    attempt: None if no attempt differs within `looked_at` seconds; else its traffic, request and attempt.
    baseline, variant: what happened to it in each: the times (s) and the outcome that differ; None where it was
    never sent.
    """

    same_until: float
    looked_at: float
    traffic: str | None = None
    request: int | None = None
    attempt: int | None = None
    baseline: dict[str, Any] | None = None
    variant: dict[str, Any] | None = None

    @property
    def found(self) -> bool:
        """Whether some attempt differs."""
        return self.traffic is not None


def first_parting(baseline: Scenario, variant: Scenario, *, engine: str, seed: int) -> Parting:
    """The first event, in time, that the attempt logs of replication 0 do not share, and the attempt it befell.

    Longer and longer beginnings of the run are compared, so that its whole log is seldom needed.
    """
    duration = min(baseline.run.duration, variant.run.duration)
    rate = offered_load(baseline)
    stretch = _FIRST_REQUESTS / rate if math.isfinite(rate) and rate > 0.0 else duration / 64.0
    while True:
        stretch = min(stretch, duration)
        one = _beginning(baseline, stretch, engine, seed)
        other = _beginning(variant, stretch, engine, seed)
        found = _first(one, other, stretch)
        longest = max(len(one), len(other))
        if found.found or stretch >= duration or longest * _GROWTH > MOST_ATTEMPTS:
            return found
        stretch *= _GROWTH


def _beginning(scenario: Scenario, stretch: float, engine: str, seed: int) -> pd.DataFrame:
    """The attempt log of the first seconds of replication 0; up to their end it is that of the whole run."""
    short = scenario.set(
        {
            "run.duration": f"{stretch!r}s",
            "run.warmup": "0s",
            "run.series": None,
            "run.drain": False,
            "run.antithetic": False,
            "plan": None,
        }
    )
    log = run(short, engine=engine, seed=seed, replications=1, jobs=1, log=True).attempts
    assert log is not None
    return log


def _first(one: pd.DataFrame, other: pd.DataFrame, stretch: float) -> Parting:
    import numpy as np

    both = one.merge(other, on=_KEY, how="outer", suffixes=("", " other"), sort=False)
    columns = [*TIMES, "outcome"]
    unlike = {
        name: (both[name] != both[f"{name} other"]) & ~(both[name].isna() & both[f"{name} other"].isna())
        for name in columns
    }
    # An outcome is as old as the answer; an attempt is open until then on both sides.
    moments = np.full(len(both), math.inf)
    for name in columns:
        time = "answered" if name == "outcome" else name
        earlier = np.fmin(both[time].to_numpy(dtype=float), both[f"{time} other"].to_numpy(dtype=float))
        moments = np.where(unlike[name], np.fmin(moments, earlier), moments)
    # What is under way when the beginning ends may go on in another way in the whole run.
    moments[moments > stretch] = math.inf
    if not len(both) or not np.isfinite(moments).any():
        return Parting(stretch, stretch)
    moment = float(moments.min())
    at_once = both[moments == moment].sort_values(_KEY)
    row = at_once.iloc[0]
    shown = [name for name in columns if bool(unlike[name][row.name])]
    return Parting(
        moment,
        stretch,
        str(row["traffic"]),
        int(row["request"]),
        int(row["attempt"]),
        _side(row, shown, ""),
        _side(row, shown, " other"),
    )


def _side(row: Any, names: list[str], suffix: str) -> dict[str, Any] | None:
    if not isinstance(row[f"outcome{suffix}"], str):
        return None
    said: dict[str, Any] = {}
    for name in names:
        value = row[f"{name}{suffix}"]
        said[name] = value if isinstance(value, str) else None if math.isnan(value) else float(value)
    return said
