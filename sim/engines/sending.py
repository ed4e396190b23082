"""A client sends, in the compiled engine: an attempt made and let go, on its way, or forbidden; hedges."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from sim.engines import observations as see
from sim.engines import rules
from sim.engines.events import (
    DELIVERY,
    TIMEOUT,
    attempt_of,
    key_of,
    number_of,
    push,
    set_timer,
    source_of,
)
from sim.engines.guarding import admitted, may_go, told
from sim.engines.jit import inlined, machine_code
from sim.engines.memory import attempts, log, parameters, requests, services, sources, states
from sim.engines.retrying import finish, piece_of_client, tries_again
from sim.engines.rules import uniform_of
from sim.engines.stages import (
    LATER,
    OUT,
    OUTBOUND,
    REACH,
    drop_dead,
    follow,
)
from sim.engines.tally import count, count_in_cohort
from sim.scenario import outcomes


@inlined
def send(w: Any, request: int, beside: int, t: float) -> None:
    """The client sends a request's next attempt, alone or as a hedge beside another one (its slot, else -1)."""
    r = requests(w)[request]
    s = sources(w)[source_of(w, r.name)]
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
    s = sources(w)[source_of(w, r.name)]
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
    count(w, source_of(w, r.name), see.SENT, 1.0)
    if a.counted:
        count_in_cohort(w, source_of(w, r.name), see.COHORT_SENT)
    return int(slot)


@machine_code
def specialise(w: Any, slot: int, beside: int) -> None:
    """What a new attempt needs only where there are hedges, instances to choose from, or conflicts."""
    a = attempts(w)[slot]
    r, s = requests(w)[a.request], sources(w)[source_of(w, a.name)]
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
    s, p = sources(w)[source_of(w, a.name)], parameters(w)
    if (
        s.piece_count > 0
        and uniform_of(w, s.loss_key, a.name) < p[piece_of_client(w, source_of(w, a.name), t) + 1]
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
def chosen_instance(w: Any, name: Any) -> int:
    """The instance of its service that an attempt is sent to."""
    s = sources(w)[source_of(w, name)]
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
    row.traffic, row.request, row.attempt = source_of(w, name), number_of(name), attempt_of(name)
    row.outcome = see.OPEN
    row.sent = row.arrived = row.started = row.finished = row.answered = math.nan
    return place


@machine_code
def send_write(w: Any, slot: int, t: float) -> None:
    """The client has read, and sends what it would write."""
    a = attempts(w)[slot]
    s = sources(w)[source_of(w, a.name)]
    a.state = OUTBOUND
    delay = 0.0
    if s.network >= 0:
        delay = rules.quantile(parameters(w), s.network, uniform_of(w, s.outward_again_key, a.name))
    if delay > 0.0:
        push(w, t + delay, key_of(DELIVERY, a.name), slot * 4 + OUT)
    else:
        follow(w, REACH, slot)


@machine_code
def passes(w: Any, name: Any, case: int, t: float) -> bool:
    """Whether the client's guards let an attempt go. Of a retry the budget was asked when it was decided on."""
    s = sources(w)[source_of(w, name)]
    instance = number_of(name) % s.instances
    first = s.guards
    if s.budget >= 0:
        first += 1
        if (case in (outcomes.FIRST, outcomes.HEDGE)) and not admitted(w, s.budget, instance, t, case):
            count(w, source_of(w, name), see.OVER_BUDGET, 1.0)
            return False
    if not s.asks:
        return True
    u = uniform_of(w, s.throttle_key, name) if s.chance else 0.5
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
    count(w, source_of(w, name), see.DENIED, 1.0)
    if r.counted:
        count_in_cohort(w, source_of(w, name), see.COHORT_OUTCOME + see.DENIED)
    if not tries_again(w, request, name, see.DENIED, t):
        finish(w, request, see.DENIED, t)


@machine_code
def hedge_later(w: Any, slot: int, t: float) -> None:
    """Plans a hedge beside an attempt, named as the next attempt."""
    a = attempts(w)[slot]
    s = sources(w)[source_of(w, a.name)]
    state = s.hedge_state + number_of(a.name) % s.instances * s.hedge_size
    delay = rules.hedge_after(s.hedge_op, parameters(w), s.hedge, states(w), state)
    if delay < math.inf:
        push(w, t + delay, key_of(DELIVERY, a.name + np.uint64(1)), slot * 4 + LATER)
