"""The reference engine's book-keeping: the same observations as the compiled engine's, in plain Python.

Both engines add the same numbers in the same order, so that their sums agree to the last bit.
"""

from __future__ import annotations

import math

import numpy as np

from sim.engines import observations as see
from sim.scenario.scenario import Scenario


class Recorder:
    """Counts, meters, stays, histograms and the attempt log of one replication."""

    def __init__(self, scenario: Scenario, warmup: float, logged: bool, watched: bool) -> None:
        self.warmup, self.duration = warmup, scenario.run.duration
        self.edges = see.edges_of(self.duration, warmup, scenario.run.bin_width)
        self.rows = len(scenario.traffic) + len(scenario.instances)
        self.counts = [[0.0] * see.COUNTS for _ in range(self.rows)]
        self.level = [[0.0] * see.METERS for _ in range(self.rows)]
        self.since = [[0.0] * see.METERS for _ in range(self.rows)]
        self.area = [[0.0] * see.METERS for _ in range(self.rows)]
        self.stays = np.zeros((self.rows, see.BOUNDARIES, 3))
        self.cohort = [[0.0] * len(see.COHORT_COUNTS) for _ in scenario.traffic]
        self.histogram = np.zeros((self.rows, see.HISTOGRAMS, see.BUCKETS), np.int64)
        self.moments = np.zeros((self.rows, see.HISTOGRAMS, 3))
        self.before = [[0.0] * see.METERS for _ in range(self.rows)]
        self.counts_read: list[list[list[float]]] = []
        self.areas_read: list[list[list[float]]] = []
        self.traffic = len(scenario.traffic)
        self.occupancy = np.zeros((len(scenario.instances), see.STATES)) if watched else None
        self.watched_since = [0.0] * self.rows
        self.log: list[list[float]] | None = [] if logged else None

    def in_window(self, time: float) -> bool:
        """Whether a time lies in the measured window, both ends included."""
        return self.warmup <= time <= self.duration

    def count(self, row: int, column: int, by: float = 1.0) -> None:
        """Adds to a count."""
        self.counts[row][column] += by

    def change(self, row: int, meter: int, by: float, now: float) -> None:
        """Changes a level; its area so far is settled first."""
        self._watch(row, now)
        self._settle(row, meter, now)
        self.level[row][meter] += by

    def _watch(self, row: int, now: float) -> None:
        """The time since the last change, within the window, goes to the number that was in the service."""
        if self.occupancy is None or row < self.traffic:
            return
        since, until = max(self.watched_since[row], self.warmup), min(now, self.duration)
        if until > since:
            inside = min(int(self.level[row][see.QUEUE] + self.level[row][see.BUSY]), see.STATES - 1)
            self.occupancy[row - self.traffic, inside] += until - since
        self.watched_since[row] = now

    def _settle(self, row: int, meter: int, now: float) -> None:
        self.area[row][meter] += self.level[row][meter] * (now - self.since[row][meter])
        self.since[row][meter] = now

    def so_far(self, row: int, meter: int, now: float) -> float:
        """The integral of a level since the beginning."""
        level, since = self.level[row][meter], self.since[row][meter]
        return self.before[row][meter] + self.area[row][meter] + level * (now - since)

    def stayed(self, row: int, boundary: int, entered: float, left: float) -> None:
        """Something left a boundary."""
        sums = self.stays[row, boundary]
        if self.warmup < left <= self.duration:
            sums[see.HELD] += left - max(entered, self.warmup)
        if self.in_window(entered):
            sums[see.STAYED] += left - entered
            sums[see.STAYS] += 1.0

    def observe(self, row: int, column: int, value: float) -> None:
        """Enters a duration into a histogram."""
        sums = self.moments[row, column]
        sums[see.TOTAL] += value
        sums[see.LONGEST] = max(sums[see.LONGEST], value)
        sums[see.ZEROS] += value == 0.0
        self.histogram[row, column, see.bucket(value)] += 1

    def read_up_to(self, time: float) -> None:
        """Reads counts and areas at the edges that the next event, at `time`, has reached; the last one, passed."""
        while len(self.counts_read) < len(self.edges):
            edge = float(self.edges[len(self.counts_read)])
            if edge > time or (edge == time and edge == self.duration):
                return
            for row in range(self.rows):
                if edge == self.duration:
                    self._watch(row, edge)
                for meter in range(see.METERS):
                    self._settle(row, meter, edge)
            self.counts_read.append([row.copy() for row in self.counts])
            self.areas_read.append([row.copy() for row in self.area])
            for before, added in zip(self.before, self.area, strict=True):
                before[:] = [total + area for total, area in zip(before, added, strict=True)]
            # A total since time 0 would leave a late window nothing but its rounding.
            self.area = [[0.0] * see.METERS for _ in range(self.rows)]

    def close_window(self, inside: list[tuple[int, int, float]]) -> None:
        """Adds what is inside a boundary at the window's end: (row, boundary, since when), one each."""
        held: dict[tuple[int, int], list[float]] = {}
        for row, boundary, since in inside:
            held.setdefault((row, boundary), []).append(self.duration - max(since, self.warmup))
        for (row, boundary), times in held.items():
            self.stays[row, boundary, see.HELD] += math.fsum(times)

    def observations(self, awaited: list[float]) -> see.Observations:
        """All of it, as the arrays that both engines give; `awaited` counts the attempts still waited for."""
        return see.Observations(
            edges=self.edges,
            warmup=self.warmup,
            duration=self.duration,
            counts=np.array(self.counts_read),
            areas=np.array(self.areas_read),
            stays=self.stays,
            cohort=np.array(self.cohort),
            histogram=self.histogram,
            moments=self.moments,
            final=np.array(self.counts),
            levels=np.array(self.level),
            awaited=np.array(awaited),
            occupancy=self.occupancy,
            log=None
            if self.log is None
            else see.canonical(np.array([tuple(row) for row in self.log], see.LOG)),
        )
