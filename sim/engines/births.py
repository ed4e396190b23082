"""How requests come into the compiled engine's world: epochs of open sources, users of closed ones."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from sim.engines import observations as see
from sim.engines import rules
from sim.engines.events import ARRIVAL, MOST_REQUESTS, key_of, name_of, push
from sim.engines.jit import inlined, machine_code
from sim.engines.memory import parameters, requests, sources, states
from sim.engines.rules import uniform
from sim.engines.stages import NO_TIME, SEND, TOO_MANY_REQUESTS, follow
from sim.engines.tally import change, count
from sim.scenario.outcomes import FIRST


@inlined
def draw_gap_ahead(w: Any, source: int, epoch: int) -> None:
    """Draws an epoch's gap before it is needed: then nothing waits for its logarithm, and the processor goes on."""
    s = sources(w)[source]
    s.uniform_ahead = uniform(s.gap_key, epoch, 1, w.mirror)
    s.gap_ahead = rules.gap(s.arrival_op, parameters(w), s.arrival, s.uniform_ahead)


@inlined
def draw_work_ahead(w: Any, source: int, number: int) -> None:
    """Draws the work of a request's first attempt before it is needed, for the same reason."""
    s = sources(w)[source]
    s.work_ahead = rules.quantile(parameters(w), s.service_time, uniform(s.service_key, number, 1, w.mirror))


@machine_code
def draw_ahead(w: Any, source: int) -> None:
    """The draws of an open source before its first arrival."""
    draw_gap_ahead(w, source, 0)
    draw_work_ahead(w, source, 0)


@inlined
def next_epoch(w: Any, source: int, t: float) -> float:
    """The next arrival epoch of an open source after `t`, through all changes of its rate; inf if there is none."""
    s, p, state = sources(w)[source], parameters(w), states(w)
    u, gap = s.uniform_ahead, s.gap_ahead
    draw_gap_ahead(w, source, s.epoch + 1)
    fresh = True
    while True:
        piece = s.rates + 2 * s.rate_piece
        until = math.inf
        if s.rate_piece + 1 < s.rate_pieces:
            until = p[piece + 2]
        if until <= t:  # the source starts after this piece
            s.rate_piece += 1
            continue
        x = rules.arrival(
            s.arrival_op, p, s.arrival, state, s.state, s.epoch, u, gap, t, p[piece + 1], until, fresh
        )
        if not x >= t:
            w.broken = NO_TIME
            return math.inf
        if x <= until:
            return x
        t = until
        s.rate_piece += 1
        fresh = False


@inlined
def next_arrival(w: Any, source: int, t: float) -> float:
    """When the next request of an open source is born, of the same batch now or of its next epoch; inf if never.

    Its number is then the one before `next_request`.
    """
    s = sources(w)[source]
    x = t
    if s.batch_left > 0:
        s.batch_left -= 1
    else:
        x = next_epoch(w, source, t)
        if x > s.stop or x > w.duration:
            return math.inf
        if s.batch >= 0:
            p = parameters(w)
            s.batch_left = (
                np.int64(rules.quantile(p, s.batch, uniform(s.batch_key, s.epoch, 1, w.mirror))) - 1
            )
        s.epoch += 1
    if s.next_request >= MOST_REQUESTS:
        w.broken = TOO_MANY_REQUESTS
        return math.inf
    s.next_request += 1
    return x


@inlined
def size_of_latest(w: Any, source: int) -> float:
    """What the latest arrival's work is multiplied by: the trace's word for it, else 1."""
    s = sources(w)[source]
    return parameters(w)[s.sizes + s.epoch - 1] if s.sizes >= 0 else 1.0


@inlined
def schedule_arrival(w: Any, source: int, t: float) -> None:
    """The next request of an open source."""
    x = next_arrival(w, source, t)
    if x < math.inf:
        number = sources(w)[source].next_request - 1
        push(w, x, key_of(ARRIVAL, name_of(source, number, 0)), number)


@machine_code
def schedule_user(w: Any, source: int, number: int, t: float) -> None:
    """A user of a closed source thinks, then has request `number`."""
    s = sources(w)[source]
    x = t + rules.quantile(parameters(w), s.think, uniform(s.think_key, number, 1, w.mirror))
    if x > s.stop or x > w.duration:
        return
    if number >= MOST_REQUESTS:
        w.broken = TOO_MANY_REQUESTS
        return
    push(w, x, key_of(ARRIVAL, name_of(source, number, 0)), number)


@inlined
def arrive(w: Any, source: int, number: int, t: float) -> None:
    """A request is born and its first attempt sent."""
    s = sources(w)[source]
    size = size_of_latest(w, source)
    work = -1.0
    if s.users == 0:
        work = size * s.work_ahead
        draw_work_ahead(w, source, number + 1)
        schedule_arrival(w, source, t)
    slot = w.free_request
    r = requests(w)[slot]
    w.free_request = r.next_free
    if w.free_request < 0:
        w.short = 1
    w.open_requests += 1
    r.name = name_of(source, number, 0)
    r.born, r.attempt = t, 0
    r.in_orbit, r.previous_backoff, r.size, r.work = 0, 0.0, size, work
    r.case, r.awaited, r.hedges = FIRST, 0, 0
    r.counted = 1 if w.warmup <= t <= w.duration else 0
    count(w, source, see.BORN, 1.0)
    change(w, source, see.CLIENT, 1.0, t)
    follow(w, SEND, slot)
