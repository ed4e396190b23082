"""Services without feedback by an exact recursion over arrivals in place of events: the same draws, the same attempts.

Where nobody returns, gives up or overtakes, when an attempt starts follows from those before it alone. With one worker
that is Lindley's recursion (1952), with several Kiefer and Wolfowitz's (1955): the first worker to be free takes the
next in line. A bounded queue turns away who finds as many places taken by starts still to come.
"""

from __future__ import annotations

import math
from typing import Any, Final

from sim.engines import observations as see
from sim.engines import rules
from sim.engines.births import draw_ahead, next_arrival, size_of_latest
from sim.engines.jit import inlined, machine_code
from sim.engines.memory import (
    areas_read,
    block,
    counts_read,
    edges,
    free_at,
    log,
    parameters,
    passed,
    services,
    sources,
    spans,
    starts,
    stays,
)
from sim.engines.rules import uniform
from sim.engines.stages import BROKEN, DONE, GROW, MOST_AT_ONE_INSTANT, NO_TIME, PAUSED, STUCK
from sim.engines.tally import observe, stayed

BLOCK: Final = 256
"""Requests whose arrivals are drawn at a time: two short loops keep a processor busier than one long one."""


@inlined
def first_source(w: Any) -> int:
    """The source of the earliest arrival to come; of one instant, the first source by the tie rule."""
    first, earliest = 0, sources(w)[0].next_time
    for source in range(1, w.traffic_count):
        if sources(w)[source].next_time < earliest:
            first, earliest = source, sources(w)[source].next_time
    return first


@inlined
def bin_of(w: Any, at: int, t: float) -> int:
    """The place of the edge at which an event at `t` is first read, not before `at`; past the last, their number."""
    last = w.edges_length
    for _ in range(4):
        if at == last or t < edges(w)[at] or t == edges(w)[at] == w.duration:
            return at
        at += 1
    while at < last:
        middle = (at + last) >> 1
        if t < edges(w)[middle] or t == edges(w)[middle] == w.duration:
            last = middle
        else:
            at = middle + 1
    return at


@inlined
def replace_first(w: Any, first: int, size: int, value: float) -> None:
    """The worker that is free first is busy until `value`: a 4-ary heap's top sinks to where it belongs."""
    heap = free_at(w)
    place = 0
    while True:
        child = 4 * place + 1
        if child >= size:
            break
        best, earliest = child, heap[first + child]
        for other in range(child + 1, min(child + 4, size)):
            if heap[first + other] < earliest:
                best, earliest = other, heap[first + other]
        if value <= earliest:
            break
        heap[first + place] = earliest
        place = best
    heap[first + place] = value


@inlined
def count_at(w: Any, place: int, row: int, column: int, by: float) -> None:
    """Adds to what a count grows by up to an edge."""
    counts_read(w)[(place * (w.traffic_count + w.service_count) + row) * see.COUNTS + column] += by


@inlined
def hold(w: Any, row: int, column: int, since: float, first: int, until: float, last: int) -> None:
    """A level is one higher from `since`, read at the edge `first`, until `until`, read at the edge `last`."""
    across = (w.traffic_count + w.service_count) * see.METERS
    place = row * see.METERS + column
    areas = areas_read(w)
    if first == last:
        areas[last * across + place] += until - since
        return
    areas[first * across + place] += edges(w)[first] - since
    areas[last * across + place] += until - edges(w)[last - 1]
    spans(w)[(first + 1) * across + place] += 1.0
    spans(w)[last * across + place] -= 1.0


@inlined
def stay(w: Any, row: int, boundary: int, entered: float, left: float) -> None:
    """A stay inside a boundary whose end is known already, be it past the end of the window or of the run."""
    if left <= w.end:
        stayed(w, row, boundary, entered, left)
    if left > w.duration >= entered:
        stays(w)[(row * see.BOUNDARIES + boundary) * 3 + see.HELD] += w.duration - max(entered, w.warmup)


@inlined
def write(w: Any, source: int, number: int, t: float, begun: float, end: float, outcome: int) -> None:
    """Writes an attempt into the log; what is past the end of the run never happens."""
    row = log(w)[w.log_size]
    w.log_size += 1
    row.traffic, row.request, row.attempt, row.outcome = source, number, 1, outcome
    row.sent = row.arrived = t
    row.started = begun if begun <= w.end else math.nan
    row.finished = row.answered = end if end <= w.end else math.nan


@inlined
def refused(w: Any, source: int, number: int, t: float) -> None:
    """A request that finds the queue full."""
    count_at(w, w.next_edge, source, see.BORN, 1.0)
    count_at(w, w.next_edge, source, see.REJECTED, 1.0)
    if w.logging:
        write(w, source, number, t, math.inf, math.inf, see.REJECTED)
        log(w)[w.log_size - 1].answered = t


@inlined
def book_at_once(w: Any, source: int, t: float, begun: float, end: float) -> None:
    """Books a request that came and went within one bin of the window, as nearly all do: nothing is to be clipped.

    All its counts, areas and stays follow from three sums, once, when the run is over.
    """
    here = passed(w)[w.next_edge * w.traffic_count + source]
    here.many += 1.0
    here.waited += begun - t
    here.worked += end - begun


@inlined
def book_in_parts(w: Any, row: int, source: int, t: float, begun: float, end: float) -> None:
    """Books a request that the bins of the series, or the window, divide."""
    line = services(w)[row - w.traffic_count]
    born_at = w.next_edge
    count_at(w, born_at, source, see.BORN, 1.0)
    begun_at = bin_of(w, max(line.begun_edge, born_at), begun)
    line.begun_edge = begun_at
    end_at = bin_of(w, begun_at, end)
    hold(w, row, see.QUEUE, t, born_at, begun, begun_at)
    hold(w, row, see.BUSY, begun, begun_at, end, end_at)
    hold(w, source, see.CLIENT, t, born_at, end, end_at)
    stay(w, row, see.IN_QUEUE, t, begun)
    stay(w, row, see.IN_WORKERS, begun, end)
    stay(w, source, see.CLIENT, t, end)
    if begun <= w.end:
        count_at(w, begun_at, row, see.STARTED, 1.0)
    if end <= w.end:
        count_at(w, end_at, row, see.WORK, end - begun)
        count_at(w, end_at, source, see.SERVED, 1.0)


@inlined
def served(w: Any, source: int, number: int, t: float, begun: float, end: float) -> None:
    """A request that is taken in at `t`, begun and ended when the recursion says."""
    row = w.traffic_count + sources(w)[source].service
    if t >= w.warmup and end < edges(w)[w.next_edge]:
        book_at_once(w, source, t, begun, end)
    else:
        book_in_parts(w, row, source, t, begun, end)
    if t >= w.warmup and end <= w.end:
        observe(w, row, see.WAIT, begun - t)
        observe(w, source, see.LATENCY, end - t)
    if w.logging:
        write(w, source, number, t, begun, end, see.SERVED if end <= w.end else see.OPEN)


@inlined
def serve(w: Any, t: float, source: int, number: int, size: float) -> None:
    """One request, from its birth to its end."""
    s = sources(w)[source]
    line = services(w)[s.service]
    w.next_edge = bin_of(w, w.next_edge, t)
    begun = t
    if line.workers < math.inf:
        begun = max(t, free_at(w)[line.free_at])
        if begun > t and line.capacity < math.inf:
            mask = line.starts_length - 1
            while (
                line.first_start < line.next_start and starts(w)[line.starts + (line.first_start & mask)] <= t
            ):
                line.first_start += 1
            if line.next_start - line.first_start >= line.capacity:
                refused(w, source, number, t)
                return
            starts(w)[line.starts + (line.next_start & mask)] = begun
            line.next_start += 1
    work = size * rules.quantile(parameters(w), s.service_time, uniform(s.service_key, number, 1, w.mirror))
    end = begun + work * line.time_factor
    if not end >= begun:
        w.broken = NO_TIME
    if line.workers < math.inf:
        replace_first(w, line.free_at, int(line.workers), end)
    served(w, source, number, t, begun, end)


@inlined
def next_block(w: Any) -> int:
    """The next requests to be born, in order; how many."""
    many = 0
    while many < BLOCK:
        source = first_source(w)
        s, request = sources(w)[source], block(w)[many]
        if s.next_time == math.inf:
            break
        request.time, request.source, request.number = s.next_time, source, s.next_request - 1
        request.size = size_of_latest(w, source)
        s.next_time = next_arrival(w, source, s.next_time)
        many += 1
    return many


@machine_code
def recur(w: Any, budget: int) -> int:
    """Runs about `budget` requests; returns what the kernel returns."""
    if not w.begun:
        w.begun = 1
        for source in range(w.traffic_count):
            draw_ahead(w, source)
            sources(w)[source].next_time = next_arrival(w, source, sources(w)[source].start)
    for _ in range(budget // BLOCK + 1):
        if w.logging and w.log_size + BLOCK > w.log_length:
            return GROW
        many = next_block(w)
        if w.broken:
            return BROKEN
        if many == 0:
            return DONE
        first, w.now = w.now, block(w)[many - 1].time
        if w.now > first:
            w.still_since = w.events
        elif w.events - w.still_since > MOST_AT_ONE_INSTANT:
            return STUCK
        w.events += many
        for place in range(many):
            request = block(w)[place]
            serve(w, request.time, request.source, request.number, request.size)
    return PAUSED
