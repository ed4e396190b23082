"""The warm-up found from a pilot run by MSER-5 (White, Cobb and Spratt, 2000), and whether to trust it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.engines import observations as see
from sim.engines.observations import Observations
from sim.measure.intervals import independent, interval
from sim.measure.series import areas_between, bins
from sim.scenario.scenario import Scenario

BATCH = 5
BEGINNING = 0.25
"""The share of what is left after the cut that is held against the rest of it."""
DOUBT = 0.01
"""How often, at the most, a level that has settled is said to drift: over all levels watched."""


@dataclass(frozen=True)
class FoundWarmup:
    """A warm-up that was found.

    seconds: how long it is. level: what asked for it, such as `service:api`, or `orbit of traffic:web`. doubt: why it
    may be too short, in words; empty if there is no reason to think so.
    """

    seconds: float
    level: str
    doubt: str = ""

    @property
    def confident(self) -> bool:
        """Whether there is no reason to doubt it."""
        return not self.doubt

    def to_json(self) -> dict[str, Any]:
        """As plain values for JSON."""
        return {
            "method": "MSER-5",
            "seconds": self.seconds,
            "level": self.level,
            "confident": self.confident,
            "doubt": self.doubt,
        }


def mser(values: NDArray[np.float64], batch: int = BATCH) -> int:
    """How many of the first values to leave out: the truncation that makes the rest's standard error smallest.

    The values are averaged in batches; truncations beyond the first half are not considered, as too little would be
    left to judge them by.
    """
    number = len(values) // batch
    if number < 2:
        return 0
    means = values[: number * batch].reshape(number, batch).mean(axis=1)
    best, least = 0, np.inf
    for cut in range(number // 2 + 1):
        rest = means[cut:]
        statistic = float(((rest - rest.mean()) ** 2).sum()) / len(rest) ** 2
        if statistic < least:
            best, least = cut, statistic
    return best * batch


def found_warmup(scenario: Scenario, pilot: Sequence[Observations]) -> FoundWarmup:
    """What to leave out, from runs without warm-up: the longest that any service or orbit asks for.

    MSER-5 looks at the mean level of each over the replications, in the bins of the series. It is doubted where the
    best cut is the latest that is looked at, so that a later one might be better; and where some level is still on its
    way after the cut: its mean in the first quarter of what is left differs from that in the rest, by Student's t over
    the replications.
    """
    places = bins(scenario, pilot[0])
    times = pilot[0].edges[places]
    watched = _levels(scenario, pilot, places)
    cuts = {name: mser(level.mean(axis=0)) for name, level in watched.items()}
    name = max(cuts, key=lambda one: cuts[one])
    cut = cuts[name]
    return FoundWarmup(float(times[cut]), name, _doubt(watched, cut, scenario.run.antithetic))


def _levels(
    scenario: Scenario, pilot: Sequence[Observations], places: NDArray[np.int64]
) -> dict[str, NDArray[np.float64]]:
    """Each level watched, by replication and bin."""
    widths = np.diff(pilot[0].edges[places])
    levels = np.array([areas_between(seen, places) for seen in pilot]) / widths[:, None, None]
    found = {
        f"orbit of traffic:{name}": levels[:, :, row, see.ORBIT] for row, name in enumerate(scenario.traffic)
    }
    traffic = len(scenario.traffic)
    for row, (name, number) in enumerate(scenario.instances, traffic):
        alone = scenario.services[name].instances == 1
        subject = f"service:{name}" if alone else f"instance {number} of service:{name}"
        found[subject] = levels[:, :, row, see.QUEUE] + levels[:, :, row, see.BUSY]
    return found


def _doubt(watched: dict[str, NDArray[np.float64]], cut: int, twins: bool) -> str:
    number = next(iter(watched.values())).shape[1]
    if number >= 2 * BATCH and cut >= number // BATCH // 2 * BATCH:
        return "the best cut is the latest that is looked at, half of the run: it may be too short to settle"
    begin = cut + max(1, round(BEGINNING * (number - cut)))
    if begin >= number:
        return "the run has too few bins to tell; give it a finer run.series"
    for name, level in watched.items():
        drift = independent(level[:, cut:begin].mean(axis=1) - level[:, begin:].mean(axis=1), twins)
        _, low, high = interval(drift, 1.0 - DOUBT / len(watched))
        if low > 0.0 or high < 0.0:
            return f"{name} still {'falls' if low > 0.0 else 'rises'} after it"
    return ""
