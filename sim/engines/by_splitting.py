"""A replication that splits: all that its future depends on stands in one block of memory, so that a copy keeps it."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from sim.engines.by_events import EventWorld
from sim.engines.kinds import kind_of
from sim.engines.lowering import Lowered
from sim.engines.memory import LINE, REGION, SPLITTING
from sim.engines.observations import edges_of
from sim.engines.splitting import Asked, Levels, Paths
from sim.engines.world import in_lines
from sim.errors import EngineError

STATE: Final = (
    "sources",
    "services",
    "states",
    "meters",
    "counts",
    "lanes",
    "heap",
    "requests",
    "attempts",
)
"""The arrays that say how a run goes on, beside the world record and the rings of timers. The others are what never
changes, and what is measured and looked at by nobody."""

HEIGHTS: Final = 1 << 16
"""Heights whose shares of time are kept apart; the last stands for all that are larger."""

MOST_MEMORY: Final = 1 << 31
"""Bytes that the kept states of one replication may take."""

EVERYTHING: Final = 1 << 60
"""So many events are near: none is set aside, and the bins of time stay out of the state."""


class SplittingWorld(EventWorld):
    """A world whose state is one block, with a place beside it for one more at each level."""

    def __init__(self, flat: Lowered, asked: Asked, levels: Levels, room: int) -> None:
        # Nothing is read of the series, so its bins are left out.
        edges = edges_of(asked.end, asked.split_from, asked.end)
        super().__init__(flat, edges, asked.split_from, asked.end, logged=False, watched=False, room=room)
        w = self.record[0]
        w["stop_from"], w["near"], w["long_wait"] = asked.split_from, EVERYTHING, asked.long_wait
        self.arrays["services"]["special"] |= asked.long_wait < np.inf
        self.kind = kind_of(flat.sources, self.arrays["services"], watched=False)
        self.place("height_places", np.array(asked.heights, np.int64))
        self.place("hit_places", np.array(asked.hits, np.int64))
        self.place("try_places", np.array(asked.tries, np.int64))
        regions = np.zeros(1 + len(levels.at), REGION)
        regions["level"][1:], regions["splits"][1:] = levels.at, levels.splits
        self.place("regions", regions)
        self.allocate(occupied=HEIGHTS)
        self.place("splitting", np.zeros(1, SPLITTING))
        self.block = self._in_one_block()
        size = len(self.block)
        if size * len(regions) > MOST_MEMORY:
            raise EngineError(
                f"the state has grown to {size:,} bytes, too many to keep one at each of {len(levels.at)} levels; "
                "bound the queue, or ask for what is less rare"
            )
        self.place("saved", np.zeros(size * len(regions), np.uint8))
        splitting = self.arrays["splitting"][0]
        splitting["count_from"] = asked.begin
        splitting["block"], splitting["block_size"] = self.block.ctypes.data, size

    def _in_one_block(self) -> NDArray[np.uint8]:
        """Moves the state into one block of memory, each array to a new line of the processor's cache."""
        moved = [self.record, *(self.arrays[name] for name in STATE), *self.rings]
        begins = np.cumsum([0, *(-(-array.nbytes // LINE) * LINE for array in moved)])
        block = in_lines(int(begins[-1]), np.dtype(np.uint8))

        def place_of(which: int) -> NDArray[Any]:
            array = moved[which]
            there = block[begins[which] : begins[which] + array.nbytes].view(array.dtype)
            there[:] = array
            return there

        self.record = place_of(0)
        for which, name in enumerate(STATE, 1):
            self.place(name, place_of(which))
        for lane in range(self.lanes):
            self._place_ring(lane, place_of(1 + len(STATE) + lane))
        return block

    def seen(self) -> Paths:
        """What the finished replication has counted."""
        regions = self.arrays["regions"]
        occupied = self.arrays["occupied"]
        never = np.full(len(regions), np.nan)
        return Paths(
            hits=regions["hits"].copy(),
            tries=regions["tries"].copy(),
            events=regions["events"].copy(),
            climb=np.divide(regions["climbed"], regions["ascents"], out=never, where=regions["ascents"] > 0),
            occupied=np.trim_zeros(occupied, "b").copy(),
            branches=int(self.arrays["splitting"][0]["branches"]),
            room=self.room,
        )
