"""The warm-up found from a pilot run by MSER-5 (White, Cobb and Spratt, 2000)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sim.engines import observations as see
from sim.engines.observations import Observations
from sim.measure.series import areas_between, bins
from sim.scenario.scenario import Scenario

BATCH = 5


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


def found_warmup(scenario: Scenario, pilot: Sequence[Observations]) -> float:
    """Seconds to leave out, from runs without warm-up: the longest that any service or orbit asks for.

    MSER-5 looks at the mean level of each over the replications, in the bins of the series.
    """
    places = bins(scenario, pilot[0])
    times = pilot[0].edges[places]
    levels = np.mean([areas_between(seen, places) for seen in pilot], axis=0) / np.diff(times)[:, None, None]
    traffic = len(scenario.traffic)
    watched = [levels[:, row, see.ORBIT] for row in range(traffic)]
    watched += [
        levels[:, row, see.QUEUE] + levels[:, row, see.BUSY] for row in range(traffic, levels.shape[1])
    ]
    return float(times[max(mser(values) for values in watched)])
