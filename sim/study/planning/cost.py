"""What a scenario costs: what there is of it for certain, and what is measured, for an hour."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from sim.engines import observations as see
from sim.measure.estimate import NEVER
from sim.measure.intervals import independent
from sim.measure.results import Results
from sim.scenario.prices import Prices
from sim.scenario.scenario import Scenario
from sim.scenario.services import Service

HOUR: Final = 3600.0

MEASURED_OF_SERVICES: Final = {"rejection": "rejected_rate", "second_waited": "queue_length"}
"""Price -> the metric of a service that says how many of them there are a second."""

Values = Mapping[str, Any]


class Pricing:
    """Prices a scenario: the value at a key path, or the sum of prices for an hour, or all workers.

    Args:
        scenario: what is planned; its values stand where none are chosen.
        minimize: a key path, prices, or None for the workers of all services.
    """

    def __init__(self, scenario: Scenario, minimize: str | Prices | None) -> None:
        self.scenario, self.minimize = scenario, minimize
        self._built: dict[str, float] = {}

    @property
    def unit(self) -> str:
        """What the cost counts: `workers`, `an hour`, or the key path."""
        if isinstance(self.minimize, str):
            return self.minimize
        return "workers" if self.minimize is None else "an hour"

    @property
    def measured(self) -> bool:
        """Whether some of the cost is measured, so that it is random."""
        prices = self.minimize
        if not isinstance(prices, Prices):
            return False
        return (
            any(
                prices.of_service(name, what) > 0.0
                for name in self.scenario.services
                for what in MEASURED_OF_SERVICES
            )
            or any(
                prices.of_traffic(name, what) > 0.0
                for name in self.scenario.traffic
                for what in ("attempt", "failure")
            )
            or any(
                service.autoscale is not None and prices.of_service(name, "worker_hour") > 0.0
                for name, service in self.scenario.services.items()
            )
        )

    def certain(self, values: Values) -> float:
        """The part of the cost that is known before anything is simulated."""
        if isinstance(self.minimize, str) or any(_hides_a_count(path) for path in values):
            return self._of_built(values)
        return math.fsum(
            self._of_service(name, service, values) for name, service in self.scenario.services.items()
        )

    def each(self, results: Results) -> list[float]:
        """The whole cost, some of it measured, in each replication or each antithetic pair."""
        certain = Pricing(results.scenario, self.minimize).certain({})
        return [certain + measured for measured in self._measured(results)]

    def unseen(self, results: Results) -> float:
        """What may be added to the cost by what never happened in these replications, refusals and failures above all.

        By the upper ends of their intervals: a price on them makes rare ones dear.
        """
        prices, scenario = self.minimize, results.scenario
        assert isinstance(prices, Prices)  # nothing else is measured
        most = 0.0
        for name in scenario.services:
            for what, metric in MEASURED_OF_SERVICES.items():
                if price := prices.of_service(name, what):
                    most += HOUR * price * _never(results, f"service:{name}", metric)
        for name in scenario.traffic:
            if price := prices.of_traffic(name, "failure"):
                subject = f"traffic:{name}"
                rate = results.estimate(subject, "offered_rate")[0]
                most += HOUR * price * rate * _never(results, subject, "gave_up_ratio")
        return most

    def _of_built(self, values: Values) -> float:
        key = repr(sorted(values.items(), key=lambda item: item[0]))
        if key not in self._built:
            scenario = self.scenario.set(values)
            if isinstance(self.minimize, str):
                self._built[key] = float(scenario.get(self.minimize))
            else:
                self._built[key] = Pricing(scenario, self.minimize).certain({})
        return self._built[key]

    def _of_service(self, name: str, service: Service, values: Values) -> float:
        """Workers and places that there are, all instances; what has no limit as written has no number to pay for."""

        def count(key: str, own: float) -> float:
            chosen = values.get(f"services.{name}.{key}")
            if chosen is not None:
                return float(chosen)  # without limit it costs more than anything
            return own if math.isfinite(own) else 0.0

        instances = count("instances", service.instances)
        workers = instances * count("workers", service.workers)
        if self.minimize is None:
            return workers
        assert isinstance(self.minimize, Prices)  # a key path is looked up
        places = instances * count("queue.capacity", service.queue.capacity)
        price = self.minimize.of_service(name, "place_hour")
        cost = places * price if price > 0.0 else 0.0
        if service.autoscale is None:
            cost += workers * self.minimize.of_service(name, "worker_hour")
        return cost

    def _measured(self, results: Results) -> list[float]:
        prices, scenario = self.minimize, results.scenario
        assert isinstance(prices, Prices)  # nothing else is measured
        total: NDArray[np.float64] = np.zeros(results.replications // (2 if results.twins else 1))
        for row, (name, service) in enumerate(scenario.services.items(), len(scenario.traffic)):
            for what, metric in MEASURED_OF_SERVICES.items():
                if price := prices.of_service(name, what):
                    total += HOUR * price * np.array(results.values(f"service:{name}", metric))
            if service.autoscale is not None and (price := prices.of_service(name, "worker_hour")):
                workers = [
                    float(seen.window_areas[row, see.WORKERS]) / (seen.duration - seen.warmup)
                    for seen in results.runs
                ]
                total += price * independent(workers, results.twins)
        for name in scenario.traffic:
            subject = f"traffic:{name}"
            if price := prices.of_traffic(name, "attempt"):
                total += HOUR * price * np.array(results.values(subject, "attempt_rate"))
            if price := prices.of_traffic(name, "failure"):
                given_up = np.nan_to_num(np.array(results.values(subject, "gave_up_ratio")))
                total += HOUR * price * given_up * np.array(results.values(subject, "offered_rate"))
        return [float(cost) for cost in total]


def _never(results: Results, subject: str, metric: str) -> float:
    """The upper end of what never happened; 0 of what did."""
    _, _, high, method = results.estimate(subject, metric)
    return high if method == NEVER else 0.0


def _hides_a_count(path: str) -> bool:
    """Whether a key path changes workers, places or instances otherwise than by their own keys."""
    keys = path.split(".")
    if keys[0] != "services" or len(keys) < 2:
        return keys[0] == "services"
    return len(keys) == 2 or path.endswith(".queue") or ".autoscale" in path
