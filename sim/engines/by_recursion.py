"""A replication by the exact recursion: when a scenario allows it, its arrays, and what they say when it is over."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sim.engines import observations as see
from sim.engines import recursion
from sim.engines.lowering import Lowered
from sim.engines.world import World, power_of_two
from sim.scenario.arrivals import Closed
from sim.scenario.clients import Client, Retry
from sim.scenario.disciplines import Fifo
from sim.scenario.scenario import Scenario
from sim.scenario.services import Queue, Service

INDIFFERENT: Final = {
    Client: {"cancel", "retry", "late_reply", "instances"},
    Retry: {"attempts", "on", "probability", "backoff", "retry_after"},
    Service: {"workers", "service_time", "queue", "retry_after", "balance"},
    Queue: {"capacity", "discipline", "overflow"},
}
"""Keys that a recursion does not care about, or that are looked at one by one; every other one must be unset."""


def without_feedback(scenario: Scenario) -> bool:
    """Whether an attempt's start follows from the arrivals before it alone: nobody returns, gives up or overtakes."""
    for name, traffic in scenario.traffic.items():
        client = scenario.client_of(name)
        never_fails = math.isinf(scenario.services[traffic.call].queue.capacity)
        if (
            isinstance(traffic.arrivals, Closed)
            or (client.retry.attempts > 1 and not never_fails)
            or not (_is_plain(client) and _is_plain(client.retry))
        ):
            return False
    for service in scenario.services.values():
        queue = service.queue
        if (
            not (_is_plain(service) and _is_plain(queue))
            or not isinstance(queue.discipline, Fifo)
            or (queue.overflow != "reject" and not math.isinf(queue.capacity))
        ):
            return False
    return all(fault.traffic is not None for fault in scenario.faults)


def _is_plain(part: Client | Retry | Service | Queue) -> bool:
    """Whether nothing is set that a recursion would have to care about."""
    return all(
        getattr(part, key) == field.get_default(call_default_factory=True)
        for key, field in type(part).model_fields.items()
        if key not in INDIFFERENT[type(part)]
    )


class RecursionWorld(World):
    """A world with the times at which workers are free, and the starts still to come of those who wait."""

    def __init__(
        self, flat: Lowered, edges: NDArray[np.float64], warmup: float, end: float, *, logged: bool
    ) -> None:
        super().__init__(flat, edges, warmup, end, logged=logged, watched=False)
        after_last = len(edges) + 1  # one row for what happens past the last edge, while the run drains
        workers = waiting = 0
        for line in self.arrays["services"]:
            line["free_at"], line["starts"] = workers, waiting
            if math.isfinite(line["workers"]):
                workers += int(line["workers"])
            line["starts_length"] = power_of_two(line["capacity"]) if math.isfinite(line["capacity"]) else 0
            waiting += int(line["starts_length"])
        self.allocate(
            block=recursion.BLOCK,
            free_at=workers,
            starts=waiting,
            counts_read=after_last * self.rows * see.COUNTS,
            areas_read=after_last * self.rows * see.METERS,
            spans=after_last * self.rows * see.METERS,
            passed=after_last * self.traffic,
        )
        self.record[0]["recursive"] = True

    def observations(self) -> see.Observations:
        """What the finished replication leaves behind: the recursion's few figures, and all that follows from them."""
        edges, traffic = self.arrays["edges"], self.traffic
        serving = self.arrays["sources"]["service"] + traffic
        self._spread_passed(serving)
        counts = self.arrays["counts_read"].reshape(-1, self.rows, see.COUNTS).cumsum(axis=0)
        sources = counts[:, :traffic]
        sources[..., see.SENT] = sources[..., see.BORN]
        sources[..., see.SUCCESS] = sources[..., see.SERVED]
        sources[..., see.GAVE_UP] = sources[..., see.REJECTED]
        for source, service in enumerate(serving):
            counts[:, service, see.ARRIVED] += sources[:, source, see.BORN]
            counts[:, service, see.REFUSED] += sources[:, source, see.REJECTED]
            counts[:, service, see.COMPLETED] += sources[:, source, see.SERVED]
        services = counts[:, traffic:]
        services[..., see.ENTERED] = services[..., see.ARRIVED] - services[..., see.REFUSED]

        final = counts[-1]
        levels = np.zeros((self.rows, see.METERS))
        levels[:traffic, see.CLIENT] = (
            final[:traffic, see.BORN] - final[:traffic, see.SERVED] - final[:traffic, see.REJECTED]
        )
        levels[traffic:, see.QUEUE] = final[traffic:, see.ENTERED] - final[traffic:, see.STARTED]
        levels[traffic:, see.BUSY] = final[traffic:, see.STARTED] - final[traffic:, see.COMPLETED]
        levels[traffic:, see.WORKERS] = self.worker_levels

        widths = np.diff(edges, prepend=0.0)
        spans = self.arrays["spans"].reshape(-1, self.rows, see.METERS)[:-1].cumsum(axis=0)
        areas = self.arrays["areas_read"].reshape(-1, self.rows, see.METERS)[:-1]
        areas += spans * widths[:, None, None]
        areas[:, traffic:, see.WORKERS] = self.worker_levels * widths[:, None]

        born = counts[len(edges) - 1] - counts[np.searchsorted(edges, self.warmup)]
        self._tell_sojourns(serving)
        self.stays[:traffic, see.CLIENT, see.STAYS] += born[:traffic, see.REJECTED]
        cohort = self.arrays["cohort"].reshape(traffic, -1)
        served = self.histogram[:traffic, see.LATENCY].sum(axis=1)
        cohort[:, see.COHORT_SENT] = born[:traffic, see.BORN]
        for outcome, fate, many in (
            (see.SERVED, see.COHORT_SUCCESS, served),
            (see.REJECTED, see.COHORT_GAVE_UP, born[:traffic, see.REJECTED]),
        ):
            cohort[:, see.COHORT_OUTCOME + outcome] = cohort[:, fate] = many
        return self.observed(
            counts=counts[:-1],
            areas=areas,
            final=final,
            levels=levels,
            awaited=levels[:traffic, see.CLIENT],
        )

    def _spread_passed(self, serving: NDArray[np.int64]) -> None:
        """Books those who came and went within one bin, of each source at its service, where all others stand."""
        passed = self.arrays["passed"].reshape(-1, self.traffic)
        counts = self.arrays["counts_read"].reshape(-1, self.rows, see.COUNTS)
        areas = self.arrays["areas_read"].reshape(-1, self.rows, see.METERS)
        stays = self.stays
        for source, service in enumerate(serving):
            many, waited, worked = (passed[name][:, source] for name in ("many", "waited", "worked"))
            counts[:, source, see.BORN] += many
            counts[:, source, see.SERVED] += many
            counts[:, service, see.STARTED] += many
            counts[:, service, see.WORK] += worked
            for row, meter, boundary, lasted in (
                (service, see.QUEUE, see.IN_QUEUE, waited),
                (service, see.BUSY, see.IN_WORKERS, worked),
                (source, see.CLIENT, see.CLIENT, waited + worked),
            ):
                areas[:, row, meter] += lasted
                # They are of the window whole.
                stays[row, boundary] += lasted.sum(), lasted.sum(), many.sum()

    def _tell_sojourns(self, serving: NDArray[np.int64]) -> None:
        """Without a network between them, a client's latency is the sojourn at the service."""
        stays, histogram, moments = self.stays, self.histogram, self.moments
        for source, service in enumerate(serving):
            stays[service, see.IN_SERVICE] += stays[source, see.CLIENT]
            histogram[service, see.SOJOURN] += histogram[source, see.LATENCY]
            of_client, of_service = moments[source, see.LATENCY], moments[service, see.SOJOURN]
            longest = max(of_client[see.LONGEST], of_service[see.LONGEST])
            of_service += of_client
            of_service[see.LONGEST] = longest
