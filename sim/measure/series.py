"""Time series: rates and mean levels in bins, per replication and subject."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sim.engines import observations as see
from sim.engines.observations import Observations
from sim.scenario.scenario import Scenario

if TYPE_CHECKING:
    import pandas as pd

TRAFFIC_RATES = {
    "offered": see.BORN,
    "goodput": see.SUCCESS,
    "attempts": see.SENT,
    "rejected": see.REJECTED,
    "timeouts": see.TIMEOUT,
}
SERVICE_RATES = {"arrivals": see.ARRIVED, "rejected": see.REFUSED, "throughput": see.COMPLETED}
TRAFFIC_LEVELS = {"orbit": see.ORBIT}
SERVICE_LEVELS = {"queue": see.QUEUE, "busy": see.BUSY, "workers": see.WORKERS}
BLOCKING_LEVELS = {"blocked": see.DOOR}
"""Of a service whose full queue blocks its producers."""
SYSTEM = ("offered", "goodput", "attempts", "rejected", "orbit", "queue", "busy")
"""What the subject `system` sums: over the traffic classes, or over the services for queue and busy."""


def bins(scenario: Scenario, seen: Observations) -> NDArray[np.int64]:
    """The places of the bins' edges among the edges that were read: the warm-up may lie within a bin."""
    own = see.edges_of(seen.duration, 0.0, scenario.run.bin_width)
    return np.searchsorted(seen.edges, own)


def areas_between(seen: Observations, places: NDArray[np.int64]) -> NDArray[np.float64]:
    """The integral of each level between edges at these places, one after the other."""
    return np.add.reduceat(seen.areas, places[:-1] + 1, axis=0)


def tidy(scenario: Scenario, runs: Sequence[Observations]) -> pd.DataFrame:
    """Columns: replication, time (s, where the bin begins), subject, metric, value (1/s, or a mean number)."""
    import pandas as pd

    frames = []
    rows = {f"traffic:{name}": row for row, name in enumerate(scenario.traffic)}
    services = {f"service:{name}": row for row, name in enumerate(scenario.services, len(rows))}
    blocking = {
        f"service:{name}" for name, each in scenario.services.items() if each.queue.overflow == "block"
    }
    for replication, seen in enumerate(runs):
        places = bins(scenario, seen)
        times = seen.edges[places]
        width = np.diff(times)
        rates = np.diff(seen.counts[places], axis=0) / width[:, None, None]
        levels = areas_between(seen, places) / width[:, None, None]
        system: dict[str, NDArray[np.float64]] = {}

        def add(
            subject: str,
            metric: str,
            values: NDArray[np.float64],
            replication: int = replication,
            starts: NDArray[np.float64] = times[:-1],
        ) -> None:
            columns = {"replication": replication, "time": starts, "subject": subject, "metric": metric}
            frames.append(pd.DataFrame({**columns, "value": values}))

        for subjects, by_rate, by_level in (
            (rows, TRAFFIC_RATES, TRAFFIC_LEVELS),
            (services, SERVICE_RATES, SERVICE_LEVELS),
        ):
            for subject, row in subjects.items():
                found = {name: rates[:, row, column] for name, column in by_rate.items()}
                here = by_level | (BLOCKING_LEVELS if subject in blocking else {})
                found |= {name: levels[:, row, column] for name, column in here.items()}
                for metric, values in found.items():
                    add(subject, metric, values)
                    if metric in SYSTEM and (subjects is rows or metric in SERVICE_LEVELS):
                        system[metric] = system.get(metric, 0.0) + values
        for metric, values in system.items():
            add("system", metric, values)
    return pd.concat(frames, ignore_index=True)
