"""A service of several instances: what each of them saw, and all of them together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from sim.engines import observations as see
from sim.engines.observations import Observations
from sim.measure.design_effect import batch_at, design_effect, thinned
from sim.measure.estimate import estimate
from sim.measure.figures import certain, impossible_at, independent_figures, service_side
from sim.measure.intervals import CONFIDENCE
from sim.scenario.metrics import unit_of
from sim.scenario.scenario import Scenario

if TYPE_CHECKING:
    import pandas as pd


def together(scenario: Scenario, seen: Observations) -> Observations:
    """The observations with one row for each service, its instances taken together.

    Of the number in a service at a time only each instance's is known: a service of several has no occupancy.
    """
    many = [service.instances for service in scenario.services.values()]
    if max(many) == 1:
        return seen
    traffic = len(scenario.traffic)
    first = np.cumsum([0, *[1] * traffic, *many])[:-1]
    moments = np.add.reduceat(seen.moments, first, axis=0)
    moments[..., see.LONGEST] = np.maximum.reduceat(seen.moments[..., see.LONGEST], first, axis=0)
    occupancy = seen.occupancy
    if occupancy is not None:
        occupancy = np.add.reduceat(occupancy, first[traffic:] - traffic, axis=0)
        occupancy[np.array(many) > 1] = 0.0
    return replace(
        seen,
        counts=np.add.reduceat(seen.counts, first, axis=1),
        areas=np.add.reduceat(seen.areas, first, axis=1),
        stays=np.add.reduceat(seen.stays, first, axis=0),
        histogram=np.add.reduceat(seen.histogram, first, axis=0),
        moments=moments,
        final=np.add.reduceat(seen.final, first, axis=0),
        levels=np.add.reduceat(seen.levels, first, axis=0),
        occupancy=occupancy,
    )


def apart(scenario: Scenario, runs: Sequence[Observations]) -> pd.DataFrame:
    """The figures of each instance of the services that have several, with a 95 % interval over the replications.

    Columns: subject, instance (from 0), metric, mean, low, high, unit.
    """
    import pandas as pd

    rows = []
    for row, (name, number) in enumerate(scenario.instances, len(scenario.traffic)):
        if scenario.services[name].instances == 1:
            continue
        subject, twins = f"service:{name}", scenario.run.antithetic
        of_each = [
            certain(subject, service_side(seen, row), impossible_at(scenario.services[name])) for seen in runs
        ]
        found = independent_figures(of_each, twins)
        busy = float(np.mean([each[subject, "utilization"].value for each in of_each]))
        effect = design_effect(runs, row, busy, batch_at(scenario, name))
        for _, metric in found[0]:
            each_one = thinned([each[subject, metric] for each in found], effect)
            mean, low, high, _ = estimate(each_one, metric, CONFIDENCE, twins=twins)
            rows.append((subject, number, metric, mean, low, high, unit_of(metric)))
    return pd.DataFrame(rows, columns=["subject", "instance", "metric", "mean", "low", "high", "unit"])
