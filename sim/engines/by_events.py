"""A replication as a list of events: pools of requests, attempts and timers that grow as the kernel asks."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.engines import observations as see
from sim.engines import stages
from sim.engines.events import BINS, HEADROOM, NEAR, SOURCE_SHIFT
from sim.engines.lowering import Lowered
from sim.engines.memory import ARRAYS, ATTEMPT, EVENT, FAR, REQUEST
from sim.engines.world import FIRST_SIZE, World, doubled, in_lines, power_of_two


class EventWorld(World):
    """An event list, lanes of timers, and pools of requests and attempts that begin with room for `room`."""

    def __init__(
        self,
        flat: Lowered,
        edges: NDArray[np.float64],
        warmup: float,
        end: float,
        *,
        logged: bool,
        watched: bool,
        room: int = FIRST_SIZE,
    ) -> None:
        super().__init__(flat, edges, warmup, end, logged=logged, watched=watched)
        self.allocate(
            counts_read=len(edges) * self.rows * see.COUNTS,
            areas_read=len(edges) * self.rows * see.METERS,
            lanes=flat.lanes,
        )
        self.lanes, self.room = flat.lanes, room
        self.rings: list[NDArray[Any]] = [np.zeros(0, EVENT)] * flat.lanes
        for which in range(flat.lanes):
            self._place_ring(which, np.zeros(room, EVENT))
        w = self.record[0]
        w["free_request"] = w["free_attempt"] = w["free_far"] = w["ready"] = -1
        w["near"] = NEAR
        # Each hedge that is called off may plan another end of a job beside it, where workers share their jobs.
        w["headroom"] = HEADROOM + int(flat.sources["hedge_attempts"].max())
        self.place("bins", np.full(BINS, -1, np.int32))
        self.place("far", np.zeros(0, FAR))
        meters = self.arrays["meters"].reshape(self.rows, see.METERS)
        meters["level"][self.traffic :, see.WORKERS] = self.worker_levels
        first_arrivals = int(flat.sources["users"].sum()) + 2 * self.rows
        self.place("heap", np.zeros(power_of_two(room + first_arrivals), EVENT))
        self.place("requests", np.zeros(0, REQUEST))
        self.place("attempts", np.zeros(0, ATTEMPT))
        self.grow()

    def _place_ring(self, which: int, ring: NDArray[Any]) -> None:
        self.rings[which] = ring
        lane = self.arrays["lanes"][which]
        lane["address"], lane["capacity"] = ring.ctypes.data, len(ring)

    def grow(self) -> None:
        """Doubles every pool that is nearly full."""
        super().grow()
        w = self.record[0]
        if w["heap_size"] + 2 * w["headroom"] > w["heap_length"]:
            self.place("heap", doubled(self.arrays["heap"]))
        for pool, one in (("requests", "request"), ("attempts", "attempt")):
            if w[f"free_{one}"] < 0:
                before = len(self.arrays[pool])
                array = doubled(self.arrays[pool]) if before else in_lines(self.room, ARRAYS[pool])
                array["name"][before:] = stages.NO_NAME
                array["next_free"][before:] = np.arange(before + 1, len(array) + 1)
                array["next_free"][-1] = -1
                self.place(pool, array)
                w[f"free_{one}"] = before
        if w["free_far"] < 0 and w["heap_size"] > w["near"]:
            before = len(self.arrays["far"])
            array = doubled(self.arrays["far"]) if before else in_lines(FIRST_SIZE, FAR)
            array["next"][before:] = np.arange(before + 1, len(array) + 1)
            array["next"][-1] = -1
            self.place("far", array)
            w["free_far"] = before
        for which, lane in enumerate(self.arrays["lanes"][: self.lanes]):
            if lane["length"] == lane["capacity"]:
                old, head = self.rings[which], int(lane["head"])
                lane["head"] = 0
                self._place_ring(which, doubled(np.roll(old, -(head % len(old)))))
        w["short"] = 0

    def close_window(self) -> None:
        """Adds what is still inside each boundary when the window ends to the time that was spent there."""
        requests, attempts = self.arrays["requests"], self.arrays["attempts"]
        born = requests["name"] != stages.NO_NAME
        sent = attempts["name"] != stages.NO_NAME
        waiting = sent & (attempts["state"] == stages.WAITING)
        serving = sent & (attempts["state"] == stages.SERVING)
        blocked = sent & (attempts["state"] == stages.BLOCKED)
        in_orbit = born & (requests["in_orbit"] == 1)
        source, service = source_of(requests), attempts["service"] + self.traffic
        inside = [
            (source, see.CLIENT, requests["born"], born),
            (source, see.ORBIT, requests["waiting_since"], in_orbit),
            (service, see.IN_QUEUE, attempts["arrived"], waiting),
            (service, see.IN_WORKERS, attempts["started"], serving),
            (service, see.IN_SERVICE, attempts["arrived"], waiting | serving),
            (service, see.AT_DOOR, attempts["arrived"], blocked),
        ]
        stays = self.arrays["stays"].reshape(-1, see.BOUNDARIES, 3)
        for of, boundary, since, is_inside in inside:
            rows = of[is_inside]
            held = self.duration - np.maximum(since[is_inside], self.warmup)
            for row in np.unique(rows):
                # fsum: the exact sum does not depend on the order in which pools are laid out.
                stays[row, boundary, see.HELD] += math.fsum(held[rows == row])

    def observations(self) -> see.Observations:
        """What the finished replication leaves behind."""
        edges = len(self.arrays["edges"])
        attempts = self.arrays["attempts"]
        held = (attempts["name"] != stages.NO_NAME) & (attempts["awaited"] == 1)
        return self.observed(
            counts=self.arrays["counts_read"].reshape(edges, self.rows, see.COUNTS),
            areas=self.arrays["areas_read"].reshape(edges, self.rows, see.METERS),
            final=self.arrays["counts"].reshape(self.rows, see.COUNTS),
            levels=self.arrays["meters"]["level"].reshape(self.rows, see.METERS).copy(),
            awaited=np.bincount(source_of(attempts[held]), minlength=self.traffic).astype(np.float64),
        )


def source_of(named: NDArray[Any]) -> NDArray[np.int64]:
    """The traffic classes of requests or attempts."""
    return (named["name"] >> np.uint64(SOURCE_SHIFT)).astype(np.int64)
