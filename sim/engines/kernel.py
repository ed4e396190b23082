"""The compiled engine's machine: what each event does, and the loop that runs until something is needed or all is done.

Read `advance` first, from the end of the file: one turn handles one event, or lets one worker take one attempt. The
functions above it tell the life of an attempt in the order in which it is lived. Each is given the world record `w`
and the present time `t` in seconds; attempts and requests are named by their slots in the pools.
"""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np

from sim import draws
from sim.engines import observations as see
from sim.engines import rules
from sim.engines.cache import cached
from sim.engines.events import (
    ARRIVAL,
    COMPLETION,
    DELIVERY,
    MOST_ATTEMPTS,
    MOST_REQUESTS,
    PATIENCE,
    SOURCE_SHIFT,
    TICK,
    TIMEOUT,
    class_of,
    key_of,
    name_of,
    named,
    push,
    set_timer,
    settle,
    wake,
)
from sim.engines.jit import OPTIONS, compiled, inlined, machine_code
from sim.engines.memory import (
    areas_read,
    attempts,
    cohort,
    counts,
    counts_read,
    edges,
    heap,
    histogram,
    lanes,
    log,
    meters,
    moments,
    occupancy,
    parameters,
    requests,
    services,
    sources,
    states,
    stays,
    timers,
    world_at,
)
from sim.engines.queues import BY_RANK, join, leave, next_in_line

DONE, GROW, PAUSED, CLOSE, STUCK, BROKEN = range(6)
"""Why `advance` returned: the run is over; a pool is nearly full; its budget of events is spent; the window has ended
(the driver adds what is still inside); time does not advance; a rule gave no usable time."""

OUTBOUND, WAITING, SERVING, HOMEBOUND, GONE = range(5)
"""Where an attempt is, as its service sees it."""

NOTHING, SEND, REACH, START, ANSWER = range(5)
"""What follows at once from an event, done in a turn of its own: a request's next attempt is sent; an attempt reaches
its service; a worker takes it; an answer reaches its client. So no function calls itself through others, each is
compiled in one place, and one turn adds few events."""

OUT, BACK, RETRY = range(3)
"""What a delivery delivers: an attempt to its service, a reply to its client, a retry's turn to be sent."""

NEVER, QUEUED, ANYWHERE = range(3)
"""What a timeout cancels at the server."""

MOST_AT_ONE_INSTANT: Final = 20_000_000
HEADROOM: Final = 8
"""Events that one turn may add to the heap, with some to spare."""

_SMALLEST: Final = (see.SMALLEST_EXPONENT + 1022) * see.SUBBUCKETS

NO_NAME = np.uint64(0xFFFF_FFFF_FFFF_FFFF)

uniform = compiled(draws.uniform)


@inlined
def bucket(value: float) -> int:
    """The twin of the observations' `bucket`, from the bits of the number: exponent and seven bits of the mantissa."""
    place = int(np.float64(value).view(np.int64) >> 45) - _SMALLEST + 1
    if place < 1:
        return 0
    return min(place, see.BUCKETS - 1)


# ------------------------------------------------------------------------------------ what is measured


@inlined
def count(w: Any, row: int, column: int, by: float) -> None:
    """Adds to a count."""
    counts(w)[row * see.COUNTS + column] += by


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
    place = (row * 3 + boundary) * 3
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
    if value == 0.0:
        sums[3 * place + see.ZEROS] += 1.0
        histogram(w)[place * see.BUCKETS] += 1
    else:
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
    for place in range(rows * see.COUNTS):
        totals[base * see.COUNTS + place] = now[place]
    w.next_edge += 1
    w.next_edge_time = edges(w)[w.next_edge] if w.next_edge < w.edges_length else math.inf


# ---------------------------------------------------------------------------------------------- timers


@inlined
def is_dead(w: Any, key: Any, item: int) -> bool:
    """Whether a timer no longer matters."""
    a = attempts(w)[item]
    if a.name != named(key):
        return True
    if class_of(key) == TIMEOUT:
        return a.awaited == 0
    return a.state != WAITING


@machine_code
def drop_dead(w: Any, which: int) -> None:
    """Drops up to two timers from a lane's front that no longer matter: more than are added, so lanes stay short."""
    lane = lanes(w)[which]
    ring = timers(lane)
    for _ in range(2):
        if lane.length == 0:
            return
        first = ring[lane.head & (lane.capacity - 1)]
        if not is_dead(w, first.key, first.item):
            return
        lane.head += 1
        lane.length -= 1


# ---------------------------------------------------------------------------------- births and sending


@inlined
def next_epoch(w: Any, source: int, t: float) -> float:
    """The next arrival epoch of an open source after `t`, through all changes of its rate; inf if there is none."""
    s, p, state = sources(w)[source], parameters(w), states(w)
    u = uniform(s.gap_key, s.epoch, 1)
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
            s.arrival_op, p, s.arrival, state, s.state, s.epoch, u, t, p[piece + 1], until, fresh
        )
        if not x >= t:
            w.broken = 1
            return math.inf
        if x <= until:
            return x
        t = until
        s.rate_piece += 1
        fresh = False


@machine_code
def schedule_arrival(w: Any, source: int, t: float) -> None:
    """The next request of an open source: of the same batch now, or of its next epoch."""
    s = sources(w)[source]
    x = t
    if s.batch_left > 0:
        s.batch_left -= 1
    else:
        x = next_epoch(w, source, t)
        if x > s.stop or x > w.duration:
            return
        if s.batch >= 0:
            p = parameters(w)
            s.batch_left = np.int64(rules.quantile(p, s.batch, uniform(s.batch_key, s.epoch, 1))) - 1
        s.epoch += 1
    if s.next_request >= MOST_REQUESTS:
        w.broken = 1
        return
    push(w, x, key_of(ARRIVAL, name_of(source, s.next_request, 0)), s.next_request)
    s.next_request += 1


@machine_code
def schedule_user(w: Any, source: int, number: int, t: float) -> None:
    """A user of a closed source thinks, then has request `number`."""
    s = sources(w)[source]
    x = t + rules.quantile(parameters(w), s.think, uniform(s.think_key, number, 1))
    if x > s.stop or x > w.duration:
        return
    if number >= MOST_REQUESTS:
        w.broken = 1
        return
    push(w, x, key_of(ARRIVAL, name_of(source, number, 0)), number)


@inlined
def arrive(w: Any, source: int, number: int, t: float) -> None:
    """A request is born and its first attempt sent."""
    s = sources(w)[source]
    size = 1.0
    if s.sizes >= 0:
        size = parameters(w)[s.sizes + s.epoch - 1]
    if s.users == 0:
        schedule_arrival(w, source, t)
    slot = w.free_request
    r = requests(w)[slot]
    w.free_request = r.next_free
    w.free_requests -= 1
    w.open_requests += 1
    r.name = name_of(source, number, 0)
    r.source, r.number, r.born, r.attempt = source, number, t, 0
    r.in_orbit, r.previous_backoff, r.size = 0, 0.0, size
    r.counted = 1 if w.warmup <= t <= w.duration else 0
    count(w, source, see.BORN, 1.0)
    change(w, source, see.CLIENT, 1.0, t)
    follow(w, SEND, slot)


@inlined
def send(w: Any, request: int, t: float) -> None:
    """The client sends the next attempt of a request and sets its timer."""
    r = requests(w)[request]
    s = sources(w)[r.source]
    r.attempt += 1
    slot = w.free_attempt
    a = attempts(w)[slot]
    w.free_attempt = a.next_free
    w.free_attempts -= 1
    a.name = r.name | np.uint64(r.attempt)
    a.request, a.source, a.number, a.attempt, a.service = request, r.source, r.number, r.attempt, s.service
    a.state, a.awaited, a.counted, a.outcome, a.sent = OUTBOUND, 1, r.counted, see.OPEN, t
    a.size = r.size
    a.row = -1
    if w.logging:
        a.row = w.log_size
        w.log_size += 1
        row = log(w)[a.row]
        row.traffic, row.request, row.attempt, row.outcome = r.source, r.number, r.attempt, see.OPEN
        row.sent, row.arrived, row.started, row.finished, row.answered = (
            t,
            math.nan,
            math.nan,
            math.nan,
            math.nan,
        )
    count(w, r.source, see.SENT, 1.0)
    if a.counted:
        count_in_cohort(w, r.source, see.COHORT_SENT)
    expiry = min(t + s.timeout, r.born + s.deadline)
    if s.lane >= 0:
        drop_dead(w, s.lane)
        set_timer(w, s.lane, expiry, key_of(TIMEOUT, a.name), slot)
    elif expiry < math.inf:
        push(w, expiry, key_of(TIMEOUT, a.name), slot)

    p = parameters(w)
    if s.loss_pieces > 0:
        while s.loss_piece + 1 < s.loss_pieces and p[s.losses + 2 * s.loss_piece + 2] <= t:
            s.loss_piece += 1
        if uniform(s.loss_key, a.number, a.attempt) < p[s.losses + 2 * s.loss_piece + 1]:
            a.outcome = see.LOST
    delay = 0.0
    if s.network >= 0:
        delay = rules.quantile(p, s.network, uniform(s.outward_key, a.number, a.attempt))
    if delay > 0.0:
        push(w, t + delay, key_of(DELIVERY, a.name), slot * 4 + OUT)
    else:
        follow(w, REACH, slot)


# -------------------------------------------------------------------------------------- at the service


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
    a.arrived = t
    if a.row >= 0:
        log(w)[a.row].arrived = t
    count(w, row, see.ARRIVED, 1.0)
    if line.paused == 0 and level(w, row, see.BUSY) < line.workers:
        count(w, row, see.ENTERED, 1.0)
        a.work = -1.0
        follow(w, START, slot)
    elif level(w, row, see.QUEUE) < line.capacity:
        enter_line(w, slot, t)
    elif line.drops_oldest and line.oldest >= 0:
        oldest = line.oldest
        quit_line(w, oldest, t)
        refuse(w, oldest, t)
        enter_line(w, slot, t)
    else:
        refuse(w, slot, t)


@inlined
def enter_line(w: Any, slot: int, t: float) -> None:
    """An attempt joins the line; its rank is set once, then, and so is its patience."""
    a = attempts(w)[slot]
    line, s, p = services(w)[a.service], sources(w)[a.source], parameters(w)
    row = w.traffic_count + a.service
    a.state = WAITING
    a.order = line.arrivals
    line.arrivals += 1
    a.work = -1.0
    if line.order == BY_RANK:
        a.work = work_of(w, slot)
        expiry = min(a.sent + s.timeout, requests(w)[a.request].born + s.deadline)
        u = uniform(s.rank_key, a.number, a.attempt)
        a.rank = rules.rank(line.discipline_op, s.priority, a.work, expiry, u)
    count(w, row, see.ENTERED, 1.0)
    change(w, row, see.QUEUE, 1.0, t)
    join(w, a.service, slot)
    if line.max_wait >= 0:
        expiry = t + rules.quantile(p, line.max_wait, uniform(s.patience_key, a.number, a.attempt))
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


@inlined
def work_of(w: Any, slot: int) -> float:
    """The seconds of work that an attempt brings, before what slows the service."""
    a = attempts(w)[slot]
    s, p = sources(w)[a.source], parameters(w)
    return a.size * rules.quantile(p, s.service_time, uniform(s.service_key, a.number, a.attempt))


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
    end = t + a.work * line.time_factor
    while line.pause < line.pause_count and p[line.pauses + 2 * line.pause + 1] <= t:
        line.pause += 1
    pause = line.pause
    while pause < line.pause_count and p[line.pauses + 2 * pause] < end:
        end = p[line.pauses + 2 * pause + 1] + (end - p[line.pauses + 2 * pause])
        pause += 1
    if not end >= t:
        w.broken = 1
    push(w, end, key_of(COMPLETION, a.name), slot)


@machine_code
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
    stayed(w, row, see.IN_WORKERS, a.started, t)
    stayed(w, row, see.IN_SERVICE, a.arrived, t)
    make_ready(w, a.service)


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
    if line.paused == 0 and level(w, row, see.BUSY) < line.workers:
        slot = next_in_line(w, service)
        if slot >= 0:
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
    if error_ratio > 0.0 and uniform(sources(w)[a.source].error_key, a.number, a.attempt) < error_ratio:
        outcome = see.ERROR
    reply(w, slot, outcome, t)


@machine_code
def refuse(w: Any, slot: int, t: float) -> None:
    """The service answers 503."""
    a = attempts(w)[slot]
    count(w, w.traffic_count + a.service, see.REFUSED, 1.0)
    reply(w, slot, see.REJECTED, t)


@machine_code
def reply(w: Any, slot: int, outcome: int, t: float) -> None:
    """The service's answer sets out for the client."""
    a = attempts(w)[slot]
    s = sources(w)[a.source]
    a.outcome = outcome
    a.state = GONE
    delay = 0.0
    if s.network >= 0:
        delay = rules.quantile(parameters(w), s.network, uniform(s.homeward_key, a.number, a.attempt))
    if delay > 0.0:
        a.state = HOMEBOUND
        push(w, t + delay, key_of(DELIVERY, a.name), slot * 4 + BACK)
    else:
        follow(w, ANSWER, slot)


# --------------------------------------------------------------------------------------- at the client


@inlined
def deliver(w: Any, slot: int, t: float) -> None:
    """An answer reaches the client, who may no longer wait for it."""
    a = attempts(w)[slot]
    r = requests(w)[a.request]
    still_open = r.name == name_of(a.source, a.number, 0)
    a.state = GONE
    if a.outcome == see.SERVED and not (a.awaited and still_open):
        count(w, w.traffic_count + a.service, see.WASTED, a.given)
    if a.awaited:
        conclude(w, slot, a.outcome, t)
    elif still_open and a.outcome == see.SERVED and sources(w)[a.source].accepts_late:
        finish(w, a.request, True, t)
    free_attempt(w, slot)


@inlined
def free_attempt(w: Any, slot: int) -> None:
    """Gives back an attempt that neither its client nor its service knows any more."""
    a = attempts(w)[slot]
    if a.awaited == 0 and a.state == GONE:
        a.name = NO_NAME
        a.next_free = w.free_attempt
        w.free_attempt = slot
        w.free_attempts += 1


@inlined
def expire(w: Any, slot: int, t: float) -> None:
    """The client's timer runs out: it waits no longer, and may cancel what it sent."""
    a = attempts(w)[slot]
    if not a.awaited:
        return
    conclude(w, slot, see.TIMEOUT, t)
    cancel = sources(w)[a.source].cancel
    if cancel != NEVER:
        if a.state == OUTBOUND:
            a.state = GONE
        elif a.state == WAITING:
            quit_line(w, slot, t)
        elif a.state == SERVING and cancel == ANYWHERE:
            release_worker(w, slot, t)
            count(w, w.traffic_count + a.service, see.WASTED, a.given)
    free_attempt(w, slot)


@machine_code
def conclude(w: Any, slot: int, outcome: int, t: float) -> None:
    """The client knows how an attempt ended, and decides: success, another try, or giving up."""
    a = attempts(w)[slot]
    a.awaited = 0
    if a.row >= 0:
        log(w)[a.row].answered = t
        log(w)[a.row].outcome = outcome
    count(w, a.source, outcome, 1.0)
    if a.counted:
        count_in_cohort(w, a.source, see.COHORT_OUTCOME + outcome)
    request = a.request
    r, s, p = requests(w)[request], sources(w)[a.source], parameters(w)
    if r.name != name_of(a.source, a.number, 0):  # a late reply had already ended the request
        return
    if outcome == see.SERVED:
        finish(w, request, True, t)
        return
    goes_on = ((s.retry_on >> outcome) & 1) == 1 and a.attempt < s.attempts
    if goes_on and s.probability < 1.0:
        goes_on = uniform(s.persistence_key, a.number, a.attempt) < s.probability
    if not goes_on:
        finish(w, request, False, t)
        return
    u = uniform(s.backoff_key, a.number, a.attempt)
    delay = rules.backoff(s.backoff_op, p, s.backoff, float(a.attempt), r.previous_backoff, u)
    r.previous_backoff = delay
    if not delay >= 0.0:
        w.broken = 1
    if outcome == see.REJECTED and s.honours_retry_after:
        delay = max(delay, services(w)[a.service].retry_after)
    if not t + delay <= r.born + s.deadline:
        finish(w, request, False, t)
        return
    if r.attempt + 1 >= MOST_ATTEMPTS:
        w.broken = 1
    r.in_orbit = 1
    r.waiting_since = t
    count(w, a.source, see.BACKOFFS, 1.0)
    change(w, a.source, see.ORBIT, 1.0, t)
    push(w, t + delay, key_of(DELIVERY, r.name | np.uint64(r.attempt + 1)), request * 4 + RETRY)


@machine_code
def leave_orbit(w: Any, request: int, t: float) -> None:
    """A backoff ends."""
    r = requests(w)[request]
    r.in_orbit = 0
    change(w, r.source, see.ORBIT, -1.0, t)
    stayed(w, r.source, see.ORBIT, r.waiting_since, t)


@machine_code
def finish(w: Any, request: int, success: bool, t: float) -> None:
    """A request ends; a user of a closed source turns to the next."""
    r = requests(w)[request]
    source, number = r.source, r.number
    if r.in_orbit:
        leave_orbit(w, request, t)
    count(w, source, see.SUCCESS if success else see.GAVE_UP, 1.0)
    change(w, source, see.CLIENT, -1.0, t)
    stayed(w, source, see.CLIENT, r.born, t)
    if r.counted:
        count_in_cohort(w, source, see.COHORT_SUCCESS if success else see.COHORT_GAVE_UP)
        if success:
            observe(w, source, see.LATENCY, t - r.born)
    r.name = NO_NAME
    r.next_free = w.free_request
    w.free_request = request
    w.free_requests += 1
    w.open_requests -= 1
    users = sources(w)[source].users
    if users > 0:
        schedule_user(w, source, number + users, t)


# -------------------------------------------------------------------------------------------- the loop


@inlined
def follow(w: Any, step: int, slot: int) -> None:
    """Leaves what follows at once to the next turn."""
    w.step = step
    w.step_slot = slot


@inlined
def take_step(w: Any, t: float) -> None:
    """Does what follows at once from the turn before."""
    step, slot = w.step, w.step_slot
    w.step = NOTHING
    if step == SEND:
        send(w, slot, t)
    elif step == REACH:
        reach(w, slot, t)
    elif step == START:
        start(w, slot, t)
    else:
        deliver(w, slot, t)


@inlined
def tick(w: Any, service: int, t: float) -> None:
    """A fault begins or ends at a service."""
    line, p = services(w)[service], parameters(w)
    row = w.traffic_count + service
    line.piece += 1
    at = line.pieces + rules.PIECE * line.piece
    metered = p[at + 1] if p[at + 1] < math.inf else 0.0  # unlimited workers have no utilisation
    change(w, row, see.WORKERS, metered - level(w, row, see.WORKERS), t)
    line.workers, line.time_factor, line.error_ratio = p[at + 1], p[at + 2], p[at + 3]
    line.paused = np.int64(p[at + 4])
    schedule_tick(w, service)
    make_ready(w, service)


@machine_code
def schedule_tick(w: Any, service: int) -> None:
    """The next beginning or end of a fault at a service, if there is one."""
    line, p = services(w)[service], parameters(w)
    if line.piece + 1 < line.piece_count:
        at = p[line.pieces + rules.PIECE * (line.piece + 1)]
        push(w, at, key_of(TICK, name_of(service, 0, 0)), service)


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
    if a.name != named(key):
        return
    if kind == OUT:
        if a.state == OUTBOUND:
            follow(w, REACH, slot)
    elif a.state == HOMEBOUND:
        follow(w, ANSWER, slot)


@inlined
def handle(w: Any, key: Any, item: int, t: float) -> None:
    """One event happens."""
    kind = class_of(key)
    if kind == COMPLETION:
        if attempts(w)[item].name == named(key) and attempts(w)[item].state == SERVING:
            complete(w, item, t)
    elif kind == ARRIVAL:
        arrive(w, int(named(key) >> np.uint64(SOURCE_SHIFT)), item, t)
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
def short_of_room(w: Any) -> bool:
    """Whether some pool could not take what one turn may add."""
    return (
        w.heap_size + HEADROOM > w.heap_length
        or w.free_requests == 0
        or w.free_attempts == 0
        or w.lane_full == 1
        or (w.logging == 1 and w.log_size == w.log_length)
    )


@inlined
def read_up_to(w: Any, t: float) -> None:
    """Reads counts and areas at the edges that the next event, at `t`, has reached; the last edge, when it is past."""
    while w.next_edge_time < t or w.next_edge_time == t < w.duration:
        read_meters(w, w.next_edge_time)


@inlined
def begin(w: Any) -> None:
    """The first arrivals and faults, before time 0."""
    w.begun = 1
    w.next_edge_time = edges(w)[0]
    for source in range(w.traffic_count):
        s = sources(w)[source]
        if s.users == 0:
            schedule_arrival(w, source, s.start)
        for user in range(s.users):
            schedule_user(w, source, user, s.start)
    for service in range(w.service_count):
        schedule_tick(w, service)


@cached(**OPTIONS)
def advance(address: int, budget: int) -> int:
    """Runs at most `budget` turns; returns DONE, or what it needs before it is called again."""
    w = world_at(address)
    if not w.begun:
        begin(w)
    for _ in range(budget):
        if short_of_room(w):
            return GROW
        if w.step != NOTHING:
            take_step(w, w.now)
            continue
        if w.ready >= 0:
            take_next(w, w.now)
            continue
        if w.broken:
            return BROKEN
        settle(w)
        t = math.inf
        if w.heap_size > 0:
            t = heap(w)[0].time
        read_up_to(w, t)
        if t > w.duration:
            if not w.closed:
                w.closed = 1
                return CLOSE
            if t > w.end or w.open_requests == 0:
                return DONE
        if t > w.now:
            w.now = t
            w.still_since = w.events
        elif w.events - w.still_since > MOST_AT_ONE_INSTANT:
            return STUCK
        w.events += 1
        key, item = heap(w)[0].key, heap(w)[0].item
        w.first_taken = 1
        if item < 0:
            item = due_timer(w, -1 - item, t, key)
        if item >= 0:
            handle(w, key, item, t)
    return PAUSED
