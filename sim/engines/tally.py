"""What the compiled engine measures as it goes: counts, meters, stays, histograms, states; see `observations`.

Each function is given the world record `w`, the row of a traffic class or service, and times in seconds.
"""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np

from sim.engines import observations as see
from sim.engines.jit import inlined, machine_code
from sim.engines.memory import (
    areas_read,
    cohort,
    counts,
    counts_read,
    edges,
    histogram,
    meters,
    moments,
    occupancy,
    services,
    stays,
)

_SMALLEST: Final = (see.SMALLEST_EXPONENT + 1022) * see.SUBBUCKETS


@inlined
def count(w: Any, row: int, column: int, by: float) -> None:
    """Adds to a count."""
    counts(w)[row * see.COUNTS + column] += by


@inlined
def bucket(value: float) -> int:
    """The twin of the observations' `bucket`, from the bits of the number: exponent and seven bits of the mantissa."""
    place = int(np.float64(value).view(np.int64) >> 45) - _SMALLEST + 1
    if place < 1:
        return 0
    return min(place, see.BUCKETS - 1)


@inlined
def change(w: Any, row: int, column: int, by: float, t: float) -> None:
    """A level changes: its area so far is settled first."""
    if w.watching and row >= w.traffic_count:
        watch(w, row, t)
    meter = meters(w)[row * see.METERS + column]
    meter.area += meter.level * (t - meter.since)
    meter.since = t
    meter.level += by


@inlined
def level(w: Any, row: int, column: int) -> float:
    """What a meter shows now."""
    return meters(w)[row * see.METERS + column].level


@machine_code
def watch(w: Any, row: int, t: float) -> None:
    """The time since the last change, within the window, goes to the number that was in the service."""
    line = services(w)[row - w.traffic_count]
    since, until = max(line.watched_since, w.warmup), min(t, w.duration)
    if until > since:
        inside = min(np.int64(level(w, row, see.QUEUE) + level(w, row, see.BUSY)), see.STATES - 1)
        occupancy(w)[(row - w.traffic_count) * see.STATES + inside] += until - since
    line.watched_since = t


@inlined
def stayed(w: Any, row: int, boundary: int, entered: float, left: float) -> None:
    """Something left a boundary; what is inside when the window ends is added then, once, by the driver."""
    place = (row * see.BOUNDARIES + boundary) * 3
    sums = stays(w)
    if w.warmup < left <= w.duration:
        sums[place + see.HELD] += left - max(entered, w.warmup)
    if w.warmup <= entered <= w.duration:
        sums[place + see.STAYED] += left - entered
        sums[place + see.STAYS] += 1.0


@inlined
def observe(w: Any, row: int, column: int, value: float) -> None:
    """A duration enters a histogram."""
    place = row * see.HISTOGRAMS + column
    sums = moments(w)
    sums[3 * place + see.TOTAL] += value
    sums[3 * place + see.LONGEST] = max(sums[3 * place + see.LONGEST], value)
    sums[3 * place + see.ZEROS] += 1.0 if value == 0.0 else 0.0  # no branch: who waits is nobody's to guess
    histogram(w)[place * see.BUCKETS + bucket(value)] += 1


@inlined
def count_in_cohort(w: Any, source: int, column: int) -> None:
    """Counts what became of a request, or an attempt of one, that was born in the window."""
    cohort(w)[source * len(see.COHORT_COUNTS) + column] += 1.0


@machine_code
def read_meters(w: Any, t: float) -> None:
    """Reads all counts and areas at an edge of the series."""
    rows = w.traffic_count + w.service_count
    all_meters = meters(w)
    areas, totals, now = areas_read(w), counts_read(w), counts(w)
    base = w.next_edge * rows
    if w.watching and t == w.duration:
        for row in range(w.traffic_count, rows):
            watch(w, row, t)
    for place in range(rows * see.METERS):
        meter = all_meters[place]
        meter.area += meter.level * (t - meter.since)
        meter.since = t
        areas[base * see.METERS + place] = meter.area
        meter.before += meter.area
        meter.area = 0.0  # a total since time 0 would leave a late window nothing but its rounding
    for place in range(rows * see.COUNTS):
        totals[base * see.COUNTS + place] = now[place]
    w.next_edge += 1
    w.next_edge_time = edges(w)[w.next_edge] if w.next_edge < w.edges_length else math.inf


@inlined
def read_up_to(w: Any, t: float) -> None:
    """Reads counts and areas at the edges that the next event, at `t`, has reached; the last edge, when it is past."""
    while w.next_edge_time < t or w.next_edge_time == t < w.duration:
        read_meters(w, w.next_edge_time)
