"""The arrays of one replication, and the record of their addresses that the kernel works on."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.engines import observations as see
from sim.engines.lowering import Lowered
from sim.engines.memory import ARRAYS, LINE, WORLD

FIRST_SIZE = 256
"""What pools begin with; they double when they are nearly full."""


class World:
    """What every way to run a replication needs: the scenario's flat form, and places for what is observed."""

    def __init__(
        self,
        flat: Lowered,
        edges: NDArray[np.float64],
        warmup: float,
        end: float,
        *,
        logged: bool,
        watched: bool,
    ) -> None:
        self.record = np.zeros(1, WORLD)
        self.arrays: dict[str, NDArray[Any]] = {}
        self.traffic, self.services = len(flat.sources), len(flat.services)
        self.rows = self.traffic + self.services
        self.warmup, self.duration = warmup, float(edges[-1])
        self.logged, self.watched = logged, watched
        self.kind = flat.kinds[watched]
        """The simplest kind of scenarios that this one is of."""
        self.place("parameters", flat.parameters)
        self.place("sources", flat.sources)
        self.place("services", flat.services)
        self.place("guards", flat.guards)
        self.place("states", flat.states)
        self.place("edges", edges)
        self.allocate(
            meters=self.rows * see.METERS,
            counts=self.rows * see.COUNTS,
            stays=self.rows * see.BOUNDARIES * 3,
            cohort=self.traffic * len(see.COHORT_COUNTS),
            histogram=self.rows * see.HISTOGRAMS * see.BUCKETS,
            moments=self.rows * see.HISTOGRAMS * 3,
            occupancy=self.services * see.STATES if watched else 0,
            log=FIRST_SIZE if logged else 0,
        )
        w = self.record[0]
        w["edges_length"] = len(edges)
        w["traffic_count"], w["service_count"] = self.traffic, self.services
        w["mirror"] = flat.mirror
        w["warmup"], w["duration"], w["end"] = warmup, self.duration, end
        w["logging"], w["watching"] = logged, watched
        w["judged_from"], w["stop_from"] = math.inf, self.duration
        w["long_wait"] = math.inf
        self.worker_levels = np.where(np.isfinite(flat.services["workers"]), flat.services["workers"], 0.0)

    def place(self, name: str, array: NDArray[Any]) -> None:
        """Puts an array where the kernel finds it."""
        self.arrays[name] = array
        self.record[0][f"{name}_address"] = array.ctypes.data
        self.record[0][f"{name}_length"] = len(array)

    def allocate(self, **lengths: int) -> None:
        """Puts empty arrays of these lengths there."""
        for name, length in lengths.items():
            self.place(name, np.zeros(max(1, length), np.dtype(ARRAYS[name])))

    @property
    def address(self) -> int:
        """Where the world record stands in memory."""
        return int(self.record.ctypes.data)

    def grow(self) -> None:
        """Doubles every pool that is nearly full."""
        w = self.record[0]
        if w["logging"] and w["log_size"] + FIRST_SIZE > w["log_length"]:
            self.place("log", doubled(self.arrays["log"]))

    @property
    def stays(self) -> NDArray[np.float64]:
        """Row, boundary, and what of it, as in the observations."""
        return self.arrays["stays"].reshape(self.rows, see.BOUNDARIES, 3)

    @property
    def histogram(self) -> NDArray[np.int64]:
        """Row, which histogram, bucket."""
        return self.arrays["histogram"].reshape(self.rows, see.HISTOGRAMS, see.BUCKETS)

    @property
    def moments(self) -> NDArray[np.float64]:
        """Row, which histogram, and what stands beside it."""
        return self.arrays["moments"].reshape(self.rows, see.HISTOGRAMS, 3)

    def close_window(self) -> None:
        """Adds what is still inside each boundary when the window ends to the time that was spent there."""

    def observed(
        self,
        counts: NDArray[np.float64],
        areas: NDArray[np.float64],
        final: NDArray[np.float64],
        levels: NDArray[np.float64],
        awaited: NDArray[np.float64],
    ) -> see.Observations:
        """The observations of the finished replication, with what each way to run it reads in its own way."""
        arrays = self.arrays
        return see.Observations(
            edges=arrays["edges"],
            warmup=self.warmup,
            duration=self.duration,
            counts=counts,
            areas=areas,
            stays=self.stays,
            cohort=arrays["cohort"].reshape(self.traffic, len(see.COHORT_COUNTS)),
            histogram=self.histogram,
            moments=self.moments,
            final=final,
            levels=levels,
            awaited=awaited,
            occupancy=arrays["occupancy"].reshape(self.services, see.STATES) if self.watched else None,
            log=see.canonical(arrays["log"][: int(self.record[0]["log_size"])]) if self.logged else None,
        )


def in_lines(length: int, dtype: np.dtype[Any]) -> NDArray[Any]:
    """An empty array that begins where a line of the processor's cache does."""
    buffer = np.zeros(length * dtype.itemsize + LINE, np.uint8)
    skipped = -buffer.ctypes.data % LINE
    return buffer[skipped : skipped + length * dtype.itemsize].view(dtype)


def doubled(array: NDArray[Any]) -> NDArray[Any]:
    """The array with as many empty rows after it."""
    larger = in_lines(2 * len(array), array.dtype)
    larger[: len(array)] = array
    return larger


def power_of_two(least: float) -> int:
    """The smallest power of two that is not below `least`."""
    return 1 << max(0, math.ceil(least) - 1).bit_length()
