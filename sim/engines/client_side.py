"""An attempt at its client, in the compiled engine: sent, answered or timed out, tried again, given up."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from sim.engines import observations as see
from sim.engines import rules
from sim.engines.births import schedule_user
from sim.engines.events import (
    DELIVERY,
    MOST_ATTEMPTS,
    TIMEOUT,
    attempt_of,
    key_of,
    number_of,
    push,
    request_of,
    set_timer,
    source_of,
)
from sim.engines.jit import inlined, machine_code
from sim.engines.memory import attempts, log, parameters, requests, services, sources
from sim.engines.rules import uniform_of
from sim.engines.service_side import quit_line, release_worker
from sim.engines.stages import (
    ANYWHERE,
    GONE,
    NEVER,
    NO_NAME,
    NO_TIME,
    OUT,
    OUTBOUND,
    REACH,
    RETRY,
    SERVING,
    TOO_MANY_ATTEMPTS,
    WAITING,
    drop_dead,
    follow,
)
from sim.engines.tally import change, count, count_in_cohort, observe, stayed


@inlined
def send(w: Any, request: int, t: float) -> None:
    """The client sends the next attempt of a request and sets its timer."""
    r = requests(w)[request]
    s = sources(w)[source_of(r.name)]
    r.attempt += 1
    slot = w.free_attempt
    a = attempts(w)[slot]
    w.free_attempt = a.next_free
    if w.free_attempt < 0:
        w.short = 1
    a.name = r.name | np.uint64(r.attempt)
    a.request, a.service = request, s.service
    a.state, a.awaited, a.counted, a.outcome = OUTBOUND, 1, r.counted, see.OPEN
    a.size = r.size
    a.work = r.work if r.attempt == 1 else -1.0
    a.row = -1
    if w.logging:
        a.row = w.log_size
        w.log_size += 1
        if w.log_size == w.log_length:
            w.short = 1
        row = log(w)[a.row]
        row.traffic, row.request, row.attempt, row.outcome = (
            source_of(r.name),
            number_of(r.name),
            r.attempt,
            see.OPEN,
        )
        row.sent, row.arrived, row.started, row.finished, row.answered = (
            t,
            math.nan,
            math.nan,
            math.nan,
            math.nan,
        )
    count(w, source_of(r.name), see.SENT, 1.0)
    if a.counted:
        count_in_cohort(w, source_of(r.name), see.COHORT_SENT)
    expiry = min(t + s.timeout, r.born + s.deadline)
    a.expiry = expiry
    if s.lane >= 0:
        drop_dead(w, s.lane)
        set_timer(w, s.lane, expiry, key_of(TIMEOUT, a.name), slot)
    elif expiry < math.inf:
        push(w, expiry, key_of(TIMEOUT, a.name), slot)

    p = parameters(w)
    if s.loss_pieces > 0:
        while s.loss_piece + 1 < s.loss_pieces and p[s.losses + 2 * s.loss_piece + 2] <= t:
            s.loss_piece += 1
        if uniform_of(s.loss_key, a.name) < p[s.losses + 2 * s.loss_piece + 1]:
            a.outcome = see.LOST
    delay = 0.0
    if s.network >= 0:
        delay = rules.quantile(p, s.network, uniform_of(s.outward_key, a.name))
    if delay > 0.0:
        push(w, t + delay, key_of(DELIVERY, a.name), slot * 4 + OUT)
    else:
        follow(w, REACH, slot)


@inlined
def deliver(w: Any, slot: int, t: float) -> None:
    """An answer reaches the client, who may no longer wait for it."""
    a = attempts(w)[slot]
    r = requests(w)[a.request]
    still_open = r.name == request_of(a.name)
    a.state = GONE
    served = a.outcome == see.SERVED
    welcome = still_open and (a.awaited or (served and sources(w)[source_of(a.name)].accepts_late))
    if (served or a.outcome == see.ERROR) and not welcome:
        count(w, w.traffic_count + a.service, see.WASTED, a.given)
    if a.awaited:
        conclude(w, slot, a.outcome, t)
    elif welcome:
        finish(w, a.request, see.SERVED, t)
    free_attempt(w, slot)


@inlined
def free_attempt(w: Any, slot: int) -> None:
    """Gives back an attempt that neither its client nor its service knows any more."""
    a = attempts(w)[slot]
    if a.awaited == 0 and a.state == GONE:
        a.name = NO_NAME
        a.next_free = w.free_attempt
        w.free_attempt = slot


@inlined
def expire(w: Any, slot: int, t: float) -> None:
    """The client's timer runs out: it waits no longer, and may cancel what it sent."""
    a = attempts(w)[slot]
    if not a.awaited:
        return
    conclude(w, slot, see.TIMEOUT, t)
    cancel = sources(w)[source_of(a.name)].cancel
    if cancel != NEVER:
        if a.state == OUTBOUND:
            a.state = GONE
        elif a.state == WAITING:
            quit_line(w, slot, t)
        elif a.state == SERVING and cancel == ANYWHERE:
            release_worker(w, slot, t)
            count(w, w.traffic_count + a.service, see.WASTED, a.given)
    free_attempt(w, slot)


@inlined
def conclude(w: Any, slot: int, outcome: int, t: float) -> None:
    """The client knows how an attempt ended, and decides: success, another try, or giving up."""
    a = attempts(w)[slot]
    a.awaited = 0
    if a.row >= 0:
        log(w)[a.row].answered = t
        log(w)[a.row].outcome = outcome
    count(w, source_of(a.name), outcome, 1.0)
    if a.counted:
        count_in_cohort(w, source_of(a.name), see.COHORT_OUTCOME + outcome)
    request = a.request
    r, s, p = requests(w)[request], sources(w)[source_of(a.name)], parameters(w)
    if r.name != request_of(a.name):  # a late reply had already ended the request
        return
    goes_on = ((s.retry_on >> outcome) & 1) == 1 and attempt_of(a.name) < s.attempts
    if goes_on and s.probability < 1.0:
        goes_on = uniform_of(s.persistence_key, a.name) < s.probability
    if not goes_on:
        finish(w, request, outcome, t)
        return
    u = uniform_of(s.backoff_key, a.name)
    delay = rules.backoff(s.backoff_op, p, s.backoff, float(attempt_of(a.name)), r.previous_backoff, u)
    r.previous_backoff = delay
    if not delay >= 0.0:
        w.broken = NO_TIME
    if outcome == see.REJECTED and s.honours_retry_after:
        delay = max(delay, services(w)[a.service].retry_after)
    if not t + delay < r.born + s.deadline:
        finish(w, request, outcome, t)
        return
    if r.attempt + 1 >= MOST_ATTEMPTS:
        w.broken = TOO_MANY_ATTEMPTS
    r.in_orbit = 1
    r.waiting_since = t
    count(w, source_of(a.name), see.BACKOFFS, 1.0)
    change(w, source_of(a.name), see.ORBIT, 1.0, t)
    push(w, t + delay, key_of(DELIVERY, r.name | np.uint64(r.attempt + 1)), request * 4 + RETRY)


@machine_code
def leave_orbit(w: Any, request: int, t: float) -> None:
    """A backoff ends."""
    r = requests(w)[request]
    r.in_orbit = 0
    change(w, source_of(r.name), see.ORBIT, -1.0, t)
    stayed(w, source_of(r.name), see.ORBIT, r.waiting_since, t)


@inlined
def finish(w: Any, request: int, outcome: int, t: float) -> None:
    """A request ends; a user of a closed source turns to the next."""
    r = requests(w)[request]
    source, number = source_of(r.name), number_of(r.name)
    success = outcome == see.SERVED
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
    w.open_requests -= 1
    users = sources(w)[source].users
    if users > 0:
        schedule_user(w, source, number + users, t)
