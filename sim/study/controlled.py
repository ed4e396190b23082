"""Estimates with the chance that theory knows of taken away: control variates from arrivals, work and a simple twin.

The twin of a scenario is the simplest queue near it: the same rates, workers and waiting places, exponential services
of the same mean, clients that send once and wait. Of it theory has the exact answer. Under the same random numbers it
has its long queues when the scenario has them; what its figure is off the exact one tells what chance did to both.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from sim.errors import UsageError
from sim.measure.controls import SPARE, Values, own_controls, regressed
from sim.measure.intervals import CONFIDENCE
from sim.scenario.arrivals import Poisson
from sim.scenario.metrics import unit_of
from sim.scenario.scenario import Scenario
from sim.study.load import mean_service_time
from sim.study.planning.exact import exact_figures
from sim.study.replicate import run
from sim.units import write_duration

if TYPE_CHECKING:
    import pandas as pd

    from sim.measure.results import Results

COLUMNS = (
    "subject",
    "metric",
    "mean",
    "low",
    "high",
    "n",
    "unit",
    "method",
    "plain",
    "plain_low",
    "plain_high",
    "variance_ratio",
)

METHOD = "t over replications, controlled"


def controlled(
    results: Results, *, confidence: float = CONFIDENCE, twin: bool = True, jobs: int | None = None
) -> pd.DataFrame:
    """Every metric with the chance that controls account for taken away.

    Args:
        results: of at least ten replications or so; more controls want more.
        confidence: of the intervals.
        twin: whether to run the scenario's simple twin too, as often: where it helps, it helps most.
        jobs: threads, for the twin.

    Returns:
        DataFrame of subject, metric, mean, low, high, n, unit, method (which names the controls), the plain mean with
        its interval, and variance_ratio, the controlled mean's variance over the plain one's: 0.25 means that plain
        runs need four times the replications. Metrics that did not vary, or that a replication lacks, are left out.

    Raises:
        UsageError: there are too few replications.
    """
    import pandas as pd

    own = own_controls(results.scenario, results.runs)
    beside = _twin(results, jobs) if twin else {}
    n = results.replications // (2 if results.twins else 1)
    least = len(own) + (1 if beside else 0) + SPARE
    if n < least:
        pairs = "antithetic pairs" if results.twins else "replications"
        raise UsageError(
            f"{n} {pairs} are too few for controls; at least {least}, for example replications=20"
        )
    rows = []
    for subject, metric in zip(results.summary["subject"], results.summary["metric"], strict=True):
        near = beside.get((subject, metric))
        controls: Sequence[Values] = [*own.values(), *([] if near is None else [near[1]])]
        names = [*own, *([] if near is None else [near[0]])]
        found = regressed(results.values(subject, metric), controls, confidence)
        if np.isnan(found.mean):
            continue
        plain, low, high, _ = results.estimate(subject, metric, confidence)
        method = f"{METHOD} by {', '.join(names)}" if names else METHOD
        figures = (found.mean, found.low, found.high, n, unit_of(metric), method)
        rows.append((subject, metric, *figures, plain, low, high, found.variance_ratio))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def simple_twin(scenario: Scenario) -> Scenario | None:
    """The scenario as queues of Poisson arrivals and exponential services; None if it is that already, or cannot be."""
    if any(not isinstance(traffic.arrivals, Poisson) for traffic in scenario.traffic.values()):
        return None
    if any(service.instances > 1 for service in scenario.services.values()):
        return None
    changes: dict[str, object] = {"faults": [], "objectives": [], "plan": None, "run.precision": None}
    for name, traffic in scenario.traffic.items():
        changes[f"traffic.{name}.client"] = changes[f"traffic.{name}.service_time"] = None
        if traffic.arrivals.start or traffic.arrivals.stop is not None:
            return None
    for name, service in scenario.services.items():
        changes[f"services.{name}"] = {
            "workers": service.workers,
            "service_time": {
                "kind": "exponential",
                "mean": write_duration(mean_service_time(scenario, name)),
            },
            "queue": {"capacity": service.queue.capacity},
        }
    twin = scenario.set(changes)
    return (
        None
        if twin.hash == scenario.set({"objectives": [], "plan": None, "run.precision": None}).hash
        else twin
    )


def _twin(results: Results, jobs: int | None) -> dict[tuple[str, str], tuple[str, Values]]:
    """By subject and metric: the name of the twin's model, and its figures less the exact one."""
    scenario = simple_twin(results.scenario)
    if scenario is None:
        return {}
    exact = exact_figures(scenario, results.warmup)
    if not exact:
        return {}
    beside = run(
        scenario.set("run.warmup", write_duration(results.warmup)),
        engine=results.engine,
        seed=results.seed,
        replications=results.replications,
        jobs=jobs,
    )
    return {
        key: (f"{one.model} beside", np.asarray(beside.values(*key)) - one.value)
        for key, one in exact.items()
        if beside.has(*key)
    }
