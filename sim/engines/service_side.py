"""An attempt at its service, in the compiled engine: admitted, waiting, served, refused, answered; faults too."""

from __future__ import annotations

import math
from typing import Any

from sim.engines import observations as see
from sim.engines import rules
from sim.engines.events import (
    COMPLETION,
    DELIVERY,
    PATIENCE,
    key_of,
    push,
    set_timer,
    source_of,
)
from sim.engines.guarding import kept, may_go, told
from sim.engines.jit import inlined, machine_code
from sim.engines.memory import attempts, log, parameters, services, sources, states
from sim.engines.queues import BY_RANK, join, join_door, leave, leave_door, next_in_line
from sim.engines.rules import uniform_of
from sim.engines.sharing import join_sharing, leave_sharing, share
from sim.engines.stages import (
    ANSWER,
    BACK,
    BLOCKED,
    GONE,
    HOMEBOUND,
    NO_TIME,
    OUTBOUND,
    SERVING,
    START,
    WAITING,
    drop_dead,
    follow,
)
from sim.engines.tally import change, count, level, observe, stayed


@inlined
def reach(w: Any, slot: int, t: float) -> None:
    """An attempt comes to its service: to an idle worker, else a waiting place, else it overflows."""
    a = attempts(w)[slot]
    if a.outcome == see.LOST:  # the connection broke on the way: the client learns it now
        a.state = GONE
        follow(w, ANSWER, slot)
        return
    row = w.traffic_count + a.service
    line = services(w)[a.service]
    if line.special and line.optimistic and a.reading:
        a.version = line.version
        set_home(w, slot, sources(w)[source_of(w, a.name)].homeward_key, t)
        return
    a.arrived = t
    if a.row >= 0:
        log(w)[a.row].arrived = t
    count(w, row, see.ARRIVED, 1.0)
    if line.special and (line.asks or line.tells) and not let_in(w, slot, t):
        refuse(w, slot, t)
    elif line.paused == 0 and level(w, row, see.BUSY) < line.room:
        enter_service(w, slot, t)
    elif level(w, row, see.QUEUE) < line.capacity:
        enter_line(w, slot, t)
    elif line.drops_oldest and line.oldest >= 0:
        oldest = line.oldest
        quit_line(w, oldest, t)
        refuse(w, oldest, t)
        enter_line(w, slot, t)
    elif line.blocks:
        a.state = BLOCKED
        count(w, row, see.BLOCKED, 1.0)
        change(w, row, see.DOOR, 1.0, t)
        join_door(w, a.service, slot)
    else:
        refuse(w, slot, t)


@inlined
def enter_service(w: Any, slot: int, t: float) -> None:
    """An attempt goes to an idle worker without having waited."""
    a = attempts(w)[slot]
    line = services(w)[a.service]
    if line.special and line.keeps and not worth_serving(w, slot, t):
        refuse(w, slot, t)
        return
    count(w, w.traffic_count + a.service, see.ENTERED, 1.0)
    if line.special and line.instances > 1:
        load(w, a.service, 1.0)
    follow(w, START, slot)


@machine_code
def come_in(w: Any, slot: int, t: float) -> None:
    """A producer is blocked no longer."""
    a = attempts(w)[slot]
    leave_door(w, a.service, slot)
    change(w, w.traffic_count + a.service, see.DOOR, -1.0, t)
    stayed(w, w.traffic_count + a.service, see.AT_DOOR, a.arrived, t)


@inlined
def let_in(w: Any, slot: int, t: float) -> bool:
    """Whether the service's admission lets an attempt in."""
    a = attempts(w)[slot]
    line, s = services(w)[a.service], sources(w)[source_of(w, a.name)]
    if not line.asks:
        a.admitted = 1
        return True
    waiting = level(w, w.traffic_count + a.service, see.QUEUE)
    ahead = 0.0
    if waiting > 0.0:
        ahead = waiting / line.workers if line.workers > 0.0 else math.inf
    u = uniform_of(w, s.admission_key, a.name) if line.chance else 0.5
    passed = may_go(w, line.guards, line.guard_count, 0, t, u, s.level, ahead, a.expiry - t)
    a.admitted = 1 if passed else 0
    return passed


@inlined
def worth_serving(w: Any, slot: int, t: float) -> bool:
    """Whether the service's admission lets a worker take an attempt."""
    a = attempts(w)[slot]
    line = services(w)[a.service]
    left = level(w, w.traffic_count + a.service, see.QUEUE)
    if a.state == WAITING:
        left -= 1.0
    return kept(w, line.guards, line.guard_count, t, t - a.arrived, left, a.expiry - t)


@machine_code
def part_from(w: Any, slot: int, outcome: int, t: float) -> None:
    """The service's admission learns how one that it let in has ended."""
    a = attempts(w)[slot]
    if services(w)[a.service].tells == 0 or a.admitted == 0:
        return
    a.admitted = 0
    line, s = services(w)[a.service], sources(w)[source_of(w, a.name)]
    worked = a.given if outcome in (see.SERVED, see.ERROR) else 0.0
    told(w, line.guards, line.guard_count, 0, t, outcome, s.level, t - a.arrived, worked)


@machine_code
def load(w: Any, service: int, by: float) -> None:
    """One more, or one less, waits or is served at an instance: whoever balances by it sees so."""
    line = services(w)[service]
    loads = services(w)[line.first].loads
    if loads >= 0:
        states(w)[loads + service - line.first] += by


@inlined
def enter_line(w: Any, slot: int, t: float) -> None:
    """An attempt joins the line; its rank is set once, then, and so is its patience."""
    a = attempts(w)[slot]
    line, s, p = services(w)[a.service], sources(w)[source_of(w, a.name)], parameters(w)
    row = w.traffic_count + a.service
    a.state = WAITING
    a.order = line.arrivals
    line.arrivals += 1
    if line.order == BY_RANK:
        if a.work < 0.0:
            a.work = work_of(w, slot)
        u = uniform_of(w, s.rank_key, a.name)
        a.rank = rules.rank(line.discipline_op, s.priority, a.work, a.expiry, u)
    count(w, row, see.ENTERED, 1.0)
    change(w, row, see.QUEUE, 1.0, t)
    if line.special and line.instances > 1:
        load(w, a.service, 1.0)
    join(w, a.service, slot)
    if line.max_wait >= 0:
        expiry = t + rules.quantile(p, line.max_wait, uniform_of(w, s.patience_key, a.name))
        if line.lane >= 0:
            drop_dead(w, line.lane)
            set_timer(w, line.lane, expiry, key_of(PATIENCE, a.name), slot)
        else:
            push(w, expiry, key_of(PATIENCE, a.name), slot)


@machine_code
def quit_line(w: Any, slot: int, t: float) -> None:
    """An attempt leaves the line without service."""
    a = attempts(w)[slot]
    row = w.traffic_count + a.service
    leave(w, a.service, slot)
    change(w, row, see.QUEUE, -1.0, t)
    stayed(w, row, see.IN_QUEUE, a.arrived, t)
    stayed(w, row, see.IN_SERVICE, a.arrived, t)
    a.state = GONE
    line = services(w)[a.service]
    if line.instances > 1:
        load(w, a.service, -1.0)
    if line.door_oldest >= 0:  # there is a free place for one of those whom the queue blocks
        make_ready(w, a.service)


@inlined
def work_of(w: Any, slot: int) -> float:
    """The seconds of work that an attempt brings, before what slows the service."""
    a = attempts(w)[slot]
    s, p = sources(w)[source_of(w, a.name)], parameters(w)
    return a.size * rules.quantile(p, s.service_time, uniform_of(w, s.service_key, a.name))


@inlined
def start(w: Any, slot: int, t: float) -> None:
    """A worker takes an attempt; a pause that falls into its work moves the end by what the pause lasts."""
    a = attempts(w)[slot]
    line, p = services(w)[a.service], parameters(w)
    row = w.traffic_count + a.service
    a.state = SERVING
    a.started = t
    if a.row >= 0:
        log(w)[a.row].started = t
    count(w, row, see.STARTED, 1.0)
    change(w, row, see.BUSY, 1.0, t)
    stayed(w, row, see.IN_QUEUE, a.arrived, t)
    if a.work < 0.0:
        a.work = work_of(w, slot)
    work = a.work
    if line.special and t - a.arrived > w.long_wait:
        count(w, row, see.LONG_WAITS, 1.0)
    if line.special and line.slowdown >= 0:
        waiting, busy = level(w, row, see.QUEUE), level(w, row, see.BUSY)
        work = rules.slowed(line.slowdown_op, p, line.slowdown, work, waiting, busy)
    work *= line.time_factor
    if line.special and line.shares:
        join_sharing(w, slot, work, t)
        share(w, a.service, t)
        return
    end = t + work
    while line.pause < line.pause_count and p[line.pauses + 2 * line.pause + 1] <= t:
        line.pause += 1
    pause = line.pause
    while pause < line.pause_count and p[line.pauses + 2 * pause] < end:
        end = p[line.pauses + 2 * pause + 1] + (end - p[line.pauses + 2 * pause])
        pause += 1
    if not end >= t:
        w.broken = NO_TIME
    push(w, end, key_of(COMPLETION, a.name), slot)


@inlined
def release_worker(w: Any, slot: int, t: float) -> None:
    """A worker lays down an attempt, done or not, and is free for the next."""
    a = attempts(w)[slot]
    row = w.traffic_count + a.service
    a.state = GONE
    a.given = t - a.started
    if a.row >= 0:
        log(w)[a.row].finished = t
    count(w, row, see.WORK, a.given)
    change(w, row, see.BUSY, -1.0, t)
    line = services(w)[a.service]
    if line.special and line.shares:
        leave_sharing(w, slot, t)
        share(w, a.service, t)
    stayed(w, row, see.IN_WORKERS, a.started, t)
    stayed(w, row, see.IN_SERVICE, a.arrived, t)
    if line.special and line.instances > 1:
        load(w, a.service, -1.0)
    make_ready(w, a.service)


@machine_code
def leave_service(w: Any, slot: int, even_in_service: bool, outcome: int, t: float) -> None:
    """Takes an attempt that is no longer wanted from its way there, the line, or even from its worker."""
    a = attempts(w)[slot]
    if a.state == OUTBOUND:
        a.state = GONE
    elif a.state == WAITING:
        quit_line(w, slot, t)
        part_from(w, slot, outcome, t)
    elif a.state == BLOCKED:
        come_in(w, slot, t)
        a.state = GONE
        part_from(w, slot, outcome, t)
    elif a.state == SERVING and even_in_service:
        release_worker(w, slot, t)
        count(w, w.traffic_count + a.service, see.WASTED, a.given)
        part_from(w, slot, outcome, t)


@inlined
def make_ready(w: Any, service: int) -> None:
    """Workers of this service may be able to take more: the loop sees to it before the next event."""
    services(w)[service].ready = 1
    if w.ready < 0 or service < w.ready:
        w.ready = service


@inlined
def take_next(w: Any, t: float) -> None:
    """One worker of the first service that may have one takes one attempt, if there are both."""
    service = w.ready
    line = services(w)[service]
    row = w.traffic_count + service
    if line.special and line.dropping:
        line.dropping = 1 if line.oldest >= 0 else 0
        if line.oldest >= 0:
            slot = line.oldest
            quit_line(w, slot, t)
            refuse(w, slot, t)
            return
    may_start = line.paused == 0 and level(w, row, see.BUSY) < line.room
    if (
        line.special
        and line.door_oldest >= 0
        and (level(w, row, see.QUEUE) < line.capacity or (may_start and line.oldest < 0))
    ):
        slot = line.door_oldest
        come_in(w, slot, t)
        attempts(w)[slot].arrived = t
        if level(w, row, see.QUEUE) < line.capacity:
            enter_line(w, slot, t)
        else:
            enter_service(w, slot, t)
        return
    if may_start:
        slot = next_in_line(w, service, t)
        if slot >= 0:
            if line.special and line.keeps and not worth_serving(w, slot, t):
                quit_line(w, slot, t)
                refuse(w, slot, t)
                return
            leave(w, service, slot)
            change(w, row, see.QUEUE, -1.0, t)
            follow(w, START, slot)
            return
    line.ready = 0
    w.ready = -1
    for other in range(service + 1, w.service_count):
        if services(w)[other].ready:
            w.ready = other
            break


@inlined
def complete(w: Any, slot: int, t: float) -> None:
    """A worker has done its work, well or not, and replies."""
    a = attempts(w)[slot]
    row = w.traffic_count + a.service
    release_worker(w, slot, t)
    count(w, row, see.COMPLETED, 1.0)
    if w.warmup <= a.arrived <= w.duration:
        observe(w, row, see.WAIT, a.started - a.arrived)
        observe(w, row, see.SOJOURN, t - a.arrived)
    outcome = see.SERVED
    error_ratio = services(w)[a.service].error_ratio
    if error_ratio > 0.0 and uniform_of(w, sources(w)[source_of(w, a.name)].error_key, a.name) < error_ratio:
        outcome = see.ERROR
    line = services(w)[a.service]
    if line.special and line.optimistic and outcome == see.SERVED:
        if a.version == line.version:
            line.version += 1.0
        else:
            outcome = see.REJECTED
            count(w, row, see.REFUSED, 1.0)
            count(w, row, see.WASTED, a.given)
    if line.special and line.tells:
        part_from(w, slot, outcome, t)
    reply(w, slot, outcome, t)


@machine_code
def refuse(w: Any, slot: int, t: float) -> None:
    """The service answers 503."""
    a = attempts(w)[slot]
    count(w, w.traffic_count + a.service, see.REFUSED, 1.0)
    if services(w)[a.service].tells and a.admitted:
        part_from(w, slot, see.REJECTED, t)
    reply(w, slot, see.REJECTED, t)


@inlined
def reply(w: Any, slot: int, outcome: int, t: float) -> None:
    """The service's answer sets out for the client."""
    a = attempts(w)[slot]
    s = sources(w)[source_of(w, a.name)]
    a.outcome = outcome
    key = s.homeward_key
    if s.special and services(w)[a.service].optimistic:
        key = s.homeward_again_key
    set_home(w, slot, key, t)


@inlined
def set_home(w: Any, slot: int, key: Any, t: float) -> None:
    """What the service says goes back to the client; `key` is that of the draw of its delay."""
    a = attempts(w)[slot]
    s = sources(w)[source_of(w, a.name)]
    a.state = GONE
    delay = 0.0
    if s.network >= 0:
        delay = rules.quantile(parameters(w), s.network, uniform_of(w, key, a.name))
    if delay > 0.0:
        a.state = HOMEBOUND
        push(w, t + delay, key_of(DELIVERY, a.name), slot * 4 + BACK)
    else:
        follow(w, ANSWER, slot)
