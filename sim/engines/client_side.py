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
from sim.engines.guarding import admitted, may_go, told
from sim.engines.jit import inlined, machine_code
from sim.engines.memory import attempts, log, parameters, requests, services, sources, states
from sim.engines.rules import uniform_of
from sim.engines.service_side import leave_service
from sim.engines.stages import (
    ANYWHERE,
    GONE,
    LATER,
    NEVER,
    NO_NAME,
    NO_TIME,
    OUT,
    OUTBOUND,
    REACH,
    RETRY,
    TOO_MANY_ATTEMPTS,
    drop_dead,
    follow,
)
from sim.engines.tally import change, count, count_in_cohort, observe, stayed
from sim.scenario import outcomes


@inlined
def send(w: Any, request: int, beside: int, t: float) -> None:
    """The client sends a request's next attempt, alone or as a hedge beside another one (its slot, else -1)."""
    r = requests(w)[request]
    s = sources(w)[source_of(r.name)]
    case = r.case
    if s.special and s.guard_count > 0:
        if beside >= 0:
            case = outcomes.HEDGE
        if not passes(w, r.name | np.uint64(r.attempt + 1), case, t):
            if beside < 0:
                r.attempt += 1
                deny(w, request, t)
            return
    r.attempt += 1
    slot = made_attempt(w, request, beside, t)
    a = attempts(w)[slot]
    if s.special:
        a.sent, a.case = t, case
    expiry = min(t + s.timeout, r.born + s.deadline)
    a.expiry = expiry
    if s.lane >= 0:
        drop_dead(w, s.lane)
        set_timer(w, s.lane, expiry, key_of(TIMEOUT, a.name), slot)
    elif expiry < math.inf:
        push(w, expiry, key_of(TIMEOUT, a.name), slot)
    set_out(w, slot, t)
    if s.special and s.hedge >= 0 and r.awaited < s.hedge_attempts:
        hedge_later(w, slot, t)


@inlined
def made_attempt(w: Any, request: int, beside: int, t: float) -> int:
    """The slot of a new attempt, of which its request's number of attempts is the number."""
    r = requests(w)[request]
    s = sources(w)[source_of(r.name)]
    slot = w.free_attempt
    a = attempts(w)[slot]
    w.free_attempt = a.next_free
    if w.free_attempt < 0:
        w.short = 1
    a.name = r.name | np.uint64(r.attempt)
    a.request, a.service = request, s.service
    if s.special:
        specialise(w, slot, beside)
    a.state, a.awaited, a.counted, a.outcome = OUTBOUND, 1, r.counted, see.OPEN
    a.size = r.size
    a.work = r.work if r.attempt == 1 else -1.0
    a.row = -1
    if w.logging:
        a.row = begin_row(w, a.name)
        log(w)[a.row].sent = t
    count(w, source_of(r.name), see.SENT, 1.0)
    if a.counted:
        count_in_cohort(w, source_of(r.name), see.COHORT_SENT)
    return int(slot)


@machine_code
def specialise(w: Any, slot: int, beside: int) -> None:
    """What a new attempt needs only where there are hedges, instances to choose from, or conflicts."""
    a = attempts(w)[slot]
    r, s = requests(w)[a.request], sources(w)[source_of(a.name)]
    a.twin = slot
    r.awaited += 1
    if beside >= 0:
        r.hedges += 1
        a.twin = attempts(w)[beside].twin
        attempts(w)[beside].twin = slot
    if services(w)[s.service].instances > 1:
        a.service = chosen_instance(w, a.name)
    a.reading = 1 if services(w)[s.service].optimistic else 0


@inlined
def set_out(w: Any, slot: int, t: float) -> None:
    """An attempt sets out for its service, and may be lost on the way."""
    a = attempts(w)[slot]
    s, p = sources(w)[source_of(a.name)], parameters(w)
    if (
        s.piece_count > 0
        and uniform_of(w, s.loss_key, a.name) < p[piece_of_client(w, source_of(a.name), t) + 1]
    ):
        a.outcome = see.LOST
    delay = 0.0
    if s.network >= 0:
        delay = rules.quantile(p, s.network, uniform_of(w, s.outward_key, a.name))
    if delay > 0.0:
        push(w, t + delay, key_of(DELIVERY, a.name), slot * 4 + OUT)
    else:
        follow(w, REACH, slot)


@machine_code
def piece_of_client(w: Any, source: int, t: float) -> int:
    """Where the piece of a client's timeline stands that holds at `t`."""
    s, p = sources(w)[source], parameters(w)
    while s.piece + 1 < s.piece_count and p[s.pieces + rules.CLIENT_PIECE * (s.piece + 1)] <= t:
        s.piece += 1
    return int(s.pieces + rules.CLIENT_PIECE * s.piece)


@machine_code
def send_write(w: Any, slot: int, t: float) -> None:
    """The client has read, and sends what it would write."""
    a = attempts(w)[slot]
    s = sources(w)[source_of(a.name)]
    a.state = OUTBOUND
    delay = 0.0
    if s.network >= 0:
        delay = rules.quantile(parameters(w), s.network, uniform_of(w, s.outward_again_key, a.name))
    if delay > 0.0:
        push(w, t + delay, key_of(DELIVERY, a.name), slot * 4 + OUT)
    else:
        follow(w, REACH, slot)


@machine_code
def chosen_instance(w: Any, name: Any) -> int:
    """The instance of its service that an attempt is sent to."""
    s = sources(w)[source_of(name)]
    first = services(w)[s.service]
    turn = first.turn
    first.turn = turn + 1
    loads = max(s.loads, first.loads)
    u = uniform_of(w, s.balance_key, name)
    chosen = rules.balanced(first.balance_op, states(w), loads, first.instances, turn, u)
    if s.loads >= 0:
        states(w)[s.loads + chosen] += 1.0
    return s.service + chosen


@machine_code
def begin_row(w: Any, name: Any) -> int:
    """A new row of the log, for an attempt of which nothing has happened yet; its place."""
    place = w.log_size
    w.log_size += 1
    if w.log_size == w.log_length:
        w.short = 1
    row = log(w)[place]
    row.traffic, row.request, row.attempt = source_of(name), number_of(name), attempt_of(name)
    row.outcome = see.OPEN
    row.sent = row.arrived = row.started = row.finished = row.answered = math.nan
    return place


@machine_code
def passes(w: Any, name: Any, case: int, t: float) -> bool:
    """Whether the client's guards let an attempt go. Of a retry the budget was asked when it was decided on."""
    s = sources(w)[source_of(name)]
    instance = number_of(name) % s.instances
    first = s.guards
    if s.budget >= 0:
        first += 1
        if (case in (outcomes.FIRST, outcomes.HEDGE)) and not admitted(w, s.budget, instance, t, case):
            count(w, source_of(name), see.OVER_BUDGET, 1.0)
            return False
    if not s.asks:
        return True
    u = uniform_of(w, s.throttle_key, name)
    if may_go(w, first, s.guards + s.guard_count - first, instance, t, u, float(case), 0.0, math.inf):
        return True
    if s.budget >= 0:
        told(w, s.budget, 1, instance, t, see.DENIED, float(case), 0.0, 0.0)
    return False


@machine_code
def deny(w: Any, request: int, t: float) -> None:
    """The client's own side forbids the attempt of a request that was due."""
    r = requests(w)[request]
    name = r.name | np.uint64(r.attempt)
    if w.logging:
        row = begin_row(w, name)
        log(w)[row].answered = t
        log(w)[row].outcome = see.DENIED
    count(w, source_of(name), see.DENIED, 1.0)
    if r.counted:
        count_in_cohort(w, source_of(name), see.COHORT_OUTCOME + see.DENIED)
    if not tries_again(w, request, name, see.DENIED, t):
        finish(w, request, see.DENIED, t)


@machine_code
def hedge_later(w: Any, slot: int, t: float) -> None:
    """Plans a hedge beside an attempt, named as the next attempt."""
    a = attempts(w)[slot]
    s = sources(w)[source_of(a.name)]
    state = s.hedge_state + number_of(a.name) % s.instances * s.hedge_size
    delay = rules.hedge_after(s.hedge_op, parameters(w), s.hedge, states(w), state)
    if delay < math.inf:
        push(w, t + delay, key_of(DELIVERY, a.name + np.uint64(1)), slot * 4 + LATER)


@inlined
def deliver(w: Any, slot: int, t: float) -> None:
    """An answer reaches the client, who may no longer wait for it."""
    a = attempts(w)[slot]
    r = requests(w)[a.request]
    still_open = r.name == request_of(a.name)
    a.state = GONE
    if sources(w)[source_of(a.name)].special and a.reading and a.outcome == see.OPEN:
        a.reading = 0
        if a.awaited:
            send_write(w, slot, t)
        else:
            free_attempt(w, slot)
        return
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
        leave_service(w, slot, cancel == ANYWHERE, see.TIMEOUT, t)
    free_attempt(w, slot)


@inlined
def conclude(w: Any, slot: int, outcome: int, t: float) -> None:
    """The client knows how an attempt ended, and decides: success, another try, or giving up."""
    a = attempts(w)[slot]
    is_told(w, slot, outcome, t)
    request = a.request
    r = requests(w)[request]
    if r.name != request_of(a.name):  # a late reply, or another attempt, had already ended the request
        return
    if sources(w)[source_of(a.name)].special and others_go_on(w, slot, outcome, t):
        return
    if outcome != see.SERVED and tries_again(w, request, a.name, outcome, t):
        return
    finish(w, request, outcome, t)


@inlined
def is_told(w: Any, slot: int, outcome: int, t: float) -> None:
    """The client knows how an attempt ended, and counts it."""
    a = attempts(w)[slot]
    s = sources(w)[source_of(a.name)]
    a.awaited = 0
    if a.row >= 0:
        log(w)[a.row].answered = t
        log(w)[a.row].outcome = outcome
    count(w, source_of(a.name), outcome, 1.0)
    if a.counted:
        count_in_cohort(w, source_of(a.name), see.COHORT_OUTCOME + outcome)
    if s.special:
        learn(w, slot, outcome, t)


@machine_code
def learn(w: Any, slot: int, outcome: int, t: float) -> None:
    """The client's guards and its hedge learn how an attempt ended, and who balances by what is in flight."""
    a = attempts(w)[slot]
    s = sources(w)[source_of(a.name)]
    instance = number_of(a.name) % s.instances
    if s.tells:
        told(w, s.guards, s.guard_count, instance, t, outcome, float(a.case), t - a.sent, 0.0)
    if s.hedge >= 0 and outcome == see.SERVED:
        state = s.hedge_state + instance * s.hedge_size
        rules.hedge_learns(s.hedge_op, parameters(w), s.hedge, states(w), state, t - a.sent)
    if s.loads >= 0:
        states(w)[s.loads + a.service - s.service] -= 1.0


@machine_code
def may_hedge(w: Any, slot: int) -> bool:
    """Whether an attempt is still waited for, the latest of its request, and another may be sent beside it."""
    a = attempts(w)[slot]
    r = requests(w)[a.request]
    most = sources(w)[source_of(a.name)].hedge_attempts
    return bool(
        a.awaited and r.name == request_of(a.name) and r.attempt == attempt_of(a.name) and r.awaited < most
    )


@machine_code
def others_go_on(w: Any, slot: int, outcome: int, t: float) -> bool:
    """Whether others are still in flight for the request, and may yet succeed; a success may call them off."""
    a = attempts(w)[slot]
    r = requests(w)[a.request]
    r.awaited -= 1
    twin = a.twin
    if twin != slot:
        leave_ring(w, slot)
        if outcome == see.SERVED and sources(w)[source_of(a.name)].hedge_cancel:
            call_off(w, twin, t)
    return bool(outcome != see.SERVED and r.awaited > 0)


@machine_code
def leave_ring(w: Any, slot: int) -> None:
    """Takes an attempt out of the ring of those in flight for its request."""
    before = slot
    while attempts(w)[before].twin != slot:
        before = attempts(w)[before].twin
    attempts(w)[before].twin = attempts(w)[slot].twin


@machine_code
def call_off(w: Any, first: int, t: float) -> None:
    """Calls off a ring of attempts, wherever they are: another one has succeeded."""
    slot = first
    while True:
        following = attempts(w)[slot].twin
        is_told(w, slot, see.CANCELLED, t)
        leave_service(w, slot, True, see.CANCELLED, t)
        free_attempt(w, slot)
        if following == first:
            return
        slot = following


@machine_code
def tries_again(w: Any, request: int, name: Any, outcome: int, t: float) -> bool:
    """Whether the client goes on after the attempt of this name; if so, the request waits out a backoff."""
    source = source_of(name)
    r, s, p = requests(w)[request], sources(w)[source], parameters(w)
    tries = r.attempt - r.hedges
    if ((s.retry_on >> outcome) & 1) == 0 or tries >= s.attempts:
        return False
    if s.piece_count > 0 and p[piece_of_client(w, source, t) + 2] == 0.0:
        return False
    if s.probability < 1.0 and not uniform_of(w, s.persistence_key, name) < s.probability:
        return False
    u = uniform_of(w, s.backoff_key, name)
    delay = rules.backoff(s.backoff_op, p, s.backoff, float(tries), r.previous_backoff, u)
    r.previous_backoff = delay
    if not delay >= 0.0:
        w.broken = NO_TIME
    if outcome == see.REJECTED and s.honours_retry_after:
        delay = max(delay, services(w)[s.service].retry_after)
    if not t + delay < r.born + s.deadline:
        return False
    if s.budget >= 0 and not admitted(w, s.budget, number_of(name) % s.instances, t, outcome):
        count(w, source, see.OVER_BUDGET, 1.0)
        return False
    if r.attempt + 1 >= MOST_ATTEMPTS:
        w.broken = TOO_MANY_ATTEMPTS
    r.case = outcome
    r.in_orbit = 1
    r.waiting_since = t
    count(w, source, see.BACKOFFS, 1.0)
    change(w, source, see.ORBIT, 1.0, t)
    push(w, t + delay, key_of(DELIVERY, r.name | np.uint64(r.attempt + 1)), request * 4 + RETRY)
    return True


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
        budget = sources(w)[source].budget
        if budget >= 0:  # the retry that it had been granted is never sent
            instance = number % sources(w)[source].instances
            told(w, budget, 1, instance, t, see.DENIED, float(r.case), 0.0, 0.0)
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
