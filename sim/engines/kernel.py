"""The compiled engine's loop: it runs until something is needed or all is done.

Read `advance` first, from the end of the file: one turn handles one event and the steps that follow at once from it,
or goes on with those that are left. What the events do is told in `births`, `sending`, `answering`, `retrying` and
`service_side`. Each function is given the world record `w` and the present time `t` in seconds; attempts and requests
are named by their slots in the pools.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from sim.engines.answering import deliver, expire, may_hedge
from sim.engines.births import arrive, draw_ahead, schedule_arrival, schedule_user
from sim.engines.control import schedule_fault, schedule_reading, tick
from sim.engines.events import (
    ARRIVAL,
    COMPLETION,
    DELIVERY,
    PATIENCE,
    TIMEOUT,
    bring_near,
    class_of,
    named,
    settle,
    source_of,
    wake,
)
from sim.engines.fate import is_decided
from sim.engines.jit import inlined, machine_code
from sim.engines.machine import Entry
from sim.engines.memory import attempts, edges, heap, lanes, requests, services, sources, timers, world_at
from sim.engines.recursion import recur
from sim.engines.retrying import leave_orbit
from sim.engines.sending import send
from sim.engines.service_side import complete, quit_line, reach, refuse, start, take_next
from sim.engines.sharing import is_done
from sim.engines.splitting import split
from sim.engines.stages import (
    ANSWER,
    BROKEN,
    CLOSE,
    DECIDED,
    DONE,
    GROW,
    HEDGE,
    HOMEBOUND,
    LATER,
    MOST_AT_ONE_INSTANT,
    NOTHING,
    OUT,
    OUTBOUND,
    PAUSED,
    REACH,
    RETRY,
    SEND,
    SERVING,
    SPLIT,
    START,
    STUCK,
    WAITING,
    follow,
    is_dead,
)
from sim.engines.tally import read_up_to


@inlined
def take_steps(w: Any, t: float) -> None:
    """Does what follows at once: each step stands below those that it may follow, so most turns do all of them."""
    step, slot = w.step, w.step_slot
    if step in (SEND, HEDGE):
        w.step = NOTHING
        request, beside = slot, -1
        if step == HEDGE:
            request, beside = attempts(w)[slot].request, slot
        send(w, request, beside, t)
    if w.step == REACH:
        w.step = NOTHING
        reach(w, w.step_slot, t)
    if w.step == ANSWER:
        w.step = NOTHING
        deliver(w, w.step_slot, t)
    if w.step == NOTHING and w.ready >= 0:
        take_next(w, t)
    if w.step == START:
        w.step = NOTHING
        start(w, w.step_slot, t)


@inlined
def deliver_item(w: Any, key: Any, item: int, t: float) -> None:
    """A delivery happens, unless what it was for has ended meanwhile."""
    slot, kind = item >> 2, item & 3
    if kind == RETRY:
        r = requests(w)[slot]
        if r.in_orbit and (r.name | np.uint64(r.attempt + 1)) == named(key):
            leave_orbit(w, slot, t)
            follow(w, SEND, slot)
        return
    a = attempts(w)[slot]
    if a.name + np.uint64(1 if kind == LATER else 0) != named(
        key
    ):  # a hedge is planned in its own name, the next
        return
    if kind == OUT:
        if a.state == OUTBOUND:
            follow(w, REACH, slot)
    elif kind == LATER:
        if may_hedge(w, slot):
            follow(w, HEDGE, slot)
    elif a.state == HOMEBOUND:
        follow(w, ANSWER, slot)


@inlined
def handle(w: Any, key: Any, item: int, t: float) -> None:
    """One event happens."""
    kind = class_of(key)
    if kind == COMPLETION:
        a = attempts(w)[item]
        if a.name == named(key) and a.state == SERVING:
            line = services(w)[a.service]
            if line.special and line.shares and not is_done(w, item, t):
                return
            complete(w, item, t)
    elif kind == ARRIVAL:
        arrive(w, source_of(w, named(key)), item, t)
    elif kind == DELIVERY:
        deliver_item(w, key, item, t)
    elif kind == TIMEOUT:
        if attempts(w)[item].name == named(key):
            expire(w, item, t)
    elif kind == PATIENCE:
        if attempts(w)[item].name == named(key) and attempts(w)[item].state == WAITING:
            quit_line(w, item, t)
            refuse(w, item, t)
    else:
        tick(w, item, t)


@machine_code
def due_timer(w: Any, which: int, time: float, key: Any) -> int:
    """The item of a lane's first timer if it still matters, else -1; the next one goes into the heap in its place."""
    lane = lanes(w)[which]
    if not lane.wakes or lane.wake_time != time or lane.wake_key != key:
        return -1
    lane.wakes = 0
    ring = timers(lane)
    mask = lane.capacity - 1
    due = -1
    while lane.length > 0:
        first = ring[lane.head & mask]
        if not is_dead(w, first.key, first.item):
            if first.time != time or first.key != key:
                break
            due = first.item
        lane.head += 1
        lane.length -= 1
    if lane.length > 0:
        wake(w, which)
    return due


@inlined
def begin(w: Any) -> None:
    """The first arrivals and faults, before time 0."""
    w.begun = 1
    w.next_edge_time = edges(w)[0]
    for source in range(w.traffic_count):
        s = sources(w)[source]
        if s.users == 0:
            draw_ahead(w, source)
            schedule_arrival(w, source, s.start)
        for user in range(s.users):
            schedule_user(w, source, user, s.start)
    for service in range(w.service_count):
        schedule_fault(w, service)
        schedule_reading(w, service, 0.0)


@inlined
def stands_still(w: Any, t: float) -> bool:
    """Time moves on to `t`, and one more event is counted; whether there have been too many at one instant."""
    if t > w.now:
        w.now = t
        w.still_since = w.events
    w.events += 1
    return bool(w.events - w.still_since > MOST_AT_ONE_INSTANT)


@machine_code
def stops(w: Any, t: float) -> int:
    """Whether the run stops before the next event, at `t`: its fate is known, its window closed, or it is over."""
    if w.splitting_length > 0:
        return split(w, t)
    if t > w.judged_from and is_decided(w, min(t, w.duration)):
        return DECIDED
    if t > w.duration:
        if not w.closed:
            w.closed = 1
            return CLOSE
        if t > w.end or w.open_requests == 0:
            return DONE
    return PAUSED


@inlined
def take_event(w: Any) -> int:
    """The next event happens; what `advance` returns if none does, else PAUSED."""
    if w.broken:
        return BROKEN
    settle(w)
    bring_near(w)
    if w.short:
        return PAUSED
    t = math.inf
    if w.heap_size > 0:
        t = heap(w)[0].time
    read_up_to(w, t)
    if t > w.stop_from:
        status = stops(w, t)
        if status != PAUSED:
            return PAUSED if status == SPLIT else status
    if stands_still(w, t):
        return STUCK
    key, item = heap(w)[0].key, heap(w)[0].item
    w.first_taken = 1
    if item < 0:
        item = due_timer(w, -1 - item, t, key)
    if item >= 0:
        handle(w, key, item, t)
    return PAUSED


@inlined
def handle_events(w: Any, budget: int) -> int:
    """Runs at most `budget` turns; returns what `advance` returns."""
    if not w.begun:
        begin(w)
    for _ in range(budget):
        if w.short:
            return GROW
        if w.step == NOTHING and w.ready < 0:
            status = take_event(w)
            if status != PAUSED:
                return status
        take_steps(w, w.now)
    return PAUSED


@Entry
def advance(address: int, budget: int) -> int:
    """Runs at most `budget` turns; returns DONE, or what it needs before it is called again."""
    w = world_at(address)
    return recur(w, budget) if w.recursive else handle_events(w, budget)
