"""The compiled engine: one replication of a scenario by the machine-code kernel, for work at full speed."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Final

import numpy as np

from sim.engines import cache, events, kernel, stages
from sim.engines import observations as see
from sim.engines.lowering import lower
from sim.engines.memory import ARRAYS, ATTEMPT, EVENT, REQUEST, WORLD
from sim.errors import EngineError
from sim.scenario.scenario import Scenario

BUDGET: Final = 1 << 20
"""Turns of the loop between two looks at the progress and at Ctrl-C: about a tenth of a second."""

FIRST_SIZE: Final = 256
"""What pools begin with; they double when they are nearly full."""


BROKEN: Final = {
    stages.NO_TIME: "a rule gave a time that is not one",
    stages.TOO_MANY_ATTEMPTS: (
        f"a request made {events.MOST_ATTEMPTS:,} attempts; give the retries a backoff above zero, or fewer attempts"
    ),
    stages.TOO_MANY_REQUESTS: f"a traffic class had {events.MOST_REQUESTS:,} requests, more than can be numbered",
}


class World:
    """The arrays of one replication and the record of their addresses that the kernel works on."""

    def __init__(
        self, scenario: Scenario, seed: int, replication: int, warmup: float, logged: bool, watched: bool
    ) -> None:
        flat = lower(scenario, seed, replication)
        rows = len(flat.sources) + len(flat.services)
        edges = see.edges_of(scenario.run.duration, warmup, scenario.run.bin_width)
        self.record = np.zeros(1, WORLD)
        self.arrays: dict[str, np.ndarray[Any, Any]] = {}
        self.rings: list[np.ndarray[Any, Any]] = [np.zeros(FIRST_SIZE, EVENT) for _ in range(flat.lanes)]
        self._place("parameters", flat.parameters)
        self._place("sources", flat.sources)
        self._place("services", flat.services)
        self._place("edges", edges)
        for name, length in {
            "states": flat.states,
            "meters": rows * see.METERS,
            "counts": rows * see.COUNTS,
            "stays": rows * 9,
            "cohort": len(flat.sources) * len(see.COHORT_COUNTS),
            "histogram": rows * see.HISTOGRAMS * see.BUCKETS,
            "moments": rows * see.HISTOGRAMS * 3,
            "counts_read": len(edges) * rows * see.COUNTS,
            "areas_read": len(edges) * rows * see.METERS,
            "lanes": flat.lanes,
            "occupancy": len(flat.services) * see.STATES if watched else 0,
            "log": FIRST_SIZE if logged else 0,
        }.items():
            self._place(name, np.zeros(max(1, length), np.dtype(ARRAYS[name])))
        self.lanes = flat.lanes
        for which, ring in enumerate(self.rings):
            self._place_ring(which, ring)

        w = self.record[0]
        w["edges_length"] = len(edges)
        w["traffic_count"], w["service_count"] = len(flat.sources), len(flat.services)
        w["warmup"], w["duration"] = warmup, scenario.run.duration
        w["end"] = scenario.run.duration * (2.0 if scenario.run.drain else 1.0)
        w["free_request"] = w["free_attempt"] = w["ready"] = -1
        w["logging"], w["watching"] = logged, watched
        for place, service in enumerate(flat.services):
            if math.isfinite(service["workers"]):
                self.arrays["meters"][(len(flat.sources) + place) * see.METERS + see.WORKERS]["level"] = (
                    service["workers"]
                )
        first_arrivals = int(flat.sources["users"].sum()) + len(flat.sources) + len(flat.services)
        self._place("heap", np.zeros(_power_of_two(FIRST_SIZE + first_arrivals), EVENT))
        self._place("requests", np.zeros(0, REQUEST))
        self._place("attempts", np.zeros(0, ATTEMPT))
        self.grow()

    def _place(self, name: str, array: np.ndarray[Any, Any]) -> None:
        self.arrays[name] = array
        self.record[0][f"{name}_address"] = array.ctypes.data
        self.record[0][f"{name}_length"] = len(array)

    def _place_ring(self, which: int, ring: np.ndarray[Any, Any]) -> None:
        self.rings[which] = ring
        lane = self.arrays["lanes"][which]
        lane["address"], lane["capacity"] = ring.ctypes.data, len(ring)

    @property
    def address(self) -> int:
        """Where the world record stands in memory."""
        return int(self.record.ctypes.data)

    def grow(self) -> None:
        """Doubles every pool that is nearly full."""
        w = self.record[0]
        if w["heap_size"] + 2 * kernel.HEADROOM > w["heap_length"]:
            self._place("heap", _doubled(self.arrays["heap"]))
        for pool, one in (("requests", "request"), ("attempts", "attempt")):
            if w[f"free_{pool}"] == 0:
                before = len(self.arrays[pool])
                array = _doubled(self.arrays[pool]) if before else np.zeros(FIRST_SIZE, ARRAYS[pool])
                array["name"][before:] = stages.NO_NAME
                array["next_free"][before:] = np.arange(before + 1, len(array) + 1)
                array["next_free"][-1] = -1
                self._place(pool, array)
                w[f"free_{one}"], w[f"free_{pool}"] = before, len(array) - before
        if w["logging"] and w["log_size"] == w["log_length"]:
            self._place("log", _doubled(self.arrays["log"]))
        if w["lane_full"]:
            w["lane_full"] = 0
            for which, lane in enumerate(self.arrays["lanes"][: self.lanes]):
                if lane["length"] == lane["capacity"]:
                    old, head = self.rings[which], int(lane["head"])
                    lane["head"] = 0
                    self._place_ring(which, _doubled(np.roll(old, -(head % len(old)))))

    def awaited(self) -> np.ndarray[Any, Any]:
        """How many attempts each traffic class's clients still wait for."""
        attempts = self.arrays["attempts"]
        held = (attempts["name"] != stages.NO_NAME) & (attempts["awaited"] == 1)
        return np.bincount(attempts["source"][held], minlength=len(self.arrays["sources"])).astype(np.float64)

    def close_window(self) -> None:
        """Adds what is still inside each boundary when the window ends to the time that was spent there."""
        w, traffic = self.record[0], int(self.record[0]["traffic_count"])
        requests = self.arrays["requests"]
        requests = requests[requests["name"] != stages.NO_NAME]
        attempts = self.arrays["attempts"]
        attempts = attempts[attempts["name"] != stages.NO_NAME]
        waiting = attempts[attempts["state"] == stages.WAITING]
        serving = attempts[attempts["state"] == stages.SERVING]
        present = attempts[(attempts["state"] == stages.WAITING) | (attempts["state"] == stages.SERVING)]
        orbit = requests[requests["in_orbit"] == 1]
        inside = [
            (requests["source"], see.CLIENT, requests["born"]),
            (orbit["source"], see.ORBIT, orbit["waiting_since"]),
            (waiting["service"] + traffic, see.IN_QUEUE, waiting["arrived"]),
            (serving["service"] + traffic, see.IN_WORKERS, serving["started"]),
            (present["service"] + traffic, see.IN_SERVICE, present["arrived"]),
        ]
        stays = self.arrays["stays"].reshape(-1, 3, 3)
        for rows, boundary, since in inside:
            held = w["duration"] - np.maximum(since, w["warmup"])
            for row in np.unique(rows):
                # fsum: the exact sum does not depend on the order in which pools are laid out.
                stays[row, boundary, see.HELD] += math.fsum(held[rows == row])


def prepare(scenario: Scenario) -> None:
    """Compiles the kernel, or loads it from the cache, unless it is there already."""

    def first_call() -> None:
        world = World(scenario, 0, 0, 0.0, logged=False, watched=False)
        kernel.advance(world.address, 0)

    cache.compile_once(first_call)


def replicate(
    scenario: Scenario,
    replication: int,
    *,
    seed: int,
    warmup: float,
    log: bool = False,
    states: bool = False,
    progress: Callable[[float], None] | None = None,
) -> see.Observations:
    """One replication.

    Args:
        scenario: what is run.
        replication: its number, from 0; a part of every draw's name.
        seed: the run's seed.
        warmup: where the measured window begins, in seconds.
        log: whether to keep the attempt log.
        states: whether to keep the time spent with each number in a service.
        progress: called now and then with the simulated share of the run, 0 to 1; what it raises stops the run.

    Raises:
        EngineError: time does not advance, or a rule gave a time that is not one.
    """
    prepare(scenario)
    world = World(scenario, seed, replication, warmup, log, states)
    w = world.record[0]
    status = kernel.PAUSED
    while status != kernel.DONE:
        status = kernel.advance(world.address, BUDGET)
        if status == kernel.GROW:
            world.grow()
        elif status == kernel.CLOSE:
            world.close_window()
        elif status == kernel.PAUSED:
            if progress is not None:
                progress(min(1.0, float(w["now"]) / scenario.run.duration))
        elif status == kernel.STUCK:
            raise EngineError(
                f"time stands still at {w['now']:g} s: over {kernel.MOST_AT_ONE_INSTANT:,} events at one instant; "
                "give the retries a backoff, or the users a think time, above zero"
            )
        elif status == kernel.BROKEN:
            raise EngineError(f"at {w['now']:g} s {BROKEN[int(w['broken'])]}")
    rows = len(world.arrays["sources"]) + len(world.arrays["services"])
    edges = world.arrays["edges"]
    levels = world.arrays["meters"]["level"].reshape(rows, see.METERS).copy()
    return see.Observations(
        edges=edges,
        warmup=warmup,
        duration=scenario.run.duration,
        counts=world.arrays["counts_read"].reshape(len(edges), rows, see.COUNTS),
        areas=world.arrays["areas_read"].reshape(len(edges), rows, see.METERS),
        stays=world.arrays["stays"].reshape(rows, 3, 3),
        cohort=world.arrays["cohort"].reshape(-1, len(see.COHORT_COUNTS)),
        histogram=world.arrays["histogram"].reshape(rows, see.HISTOGRAMS, see.BUCKETS),
        moments=world.arrays["moments"].reshape(rows, see.HISTOGRAMS, 3),
        final=world.arrays["counts"].reshape(rows, see.COUNTS),
        levels=levels,
        awaited=world.awaited(),
        occupancy=world.arrays["occupancy"].reshape(-1, see.STATES) if states else None,
        log=see.canonical(world.arrays["log"][: int(w["log_size"])]) if log else None,
    )


def _doubled(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    larger = np.zeros(2 * len(array), array.dtype)
    larger[: len(array)] = array
    return larger


def _power_of_two(least: int) -> int:
    return 1 << (least - 1).bit_length()
