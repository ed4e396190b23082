"""A client learns how an attempt ended, in the compiled engine: answered, timed out, called off; what follows."""

from __future__ import annotations

from typing import Any

from sim.engines import observations as see
from sim.engines import rules
from sim.engines.events import (
    attempt_of,
    number_of,
    request_of,
    source_of,
)
from sim.engines.guarding import told
from sim.engines.jit import inlined, machine_code
from sim.engines.memory import attempts, log, parameters, requests, sources, states
from sim.engines.retrying import finish, tries_again
from sim.engines.sending import send_write
from sim.engines.service_side import leave_service
from sim.engines.stages import (
    ANYWHERE,
    GONE,
    NEVER,
    NO_NAME,
)
from sim.engines.tally import count, count_in_cohort


@inlined
def deliver(w: Any, slot: int, t: float) -> None:
    """An answer reaches the client, who may no longer wait for it."""
    a = attempts(w)[slot]
    r = requests(w)[a.request]
    still_open = r.name == request_of(a.name)
    a.state = GONE
    if sources(w)[source_of(w, a.name)].special and a.reading and a.outcome == see.OPEN:
        a.reading = 0
        if a.awaited:
            send_write(w, slot, t)
        else:
            free_attempt(w, slot)
        return
    served = a.outcome == see.SERVED
    welcome = still_open and (a.awaited or (served and sources(w)[source_of(w, a.name)].accepts_late))
    if (served or a.outcome == see.ERROR) and not welcome:
        count(w, w.traffic_count + a.service, see.WASTED, a.given)
    if a.awaited:
        conclude(w, slot, a.outcome, t)
    elif welcome:
        finish(w, a.request, see.SERVED, t)
    free_attempt(w, slot)


@inlined
def expire(w: Any, slot: int, t: float) -> None:
    """The client's timer runs out: it waits no longer, and may cancel what it sent."""
    a = attempts(w)[slot]
    if not a.awaited:
        return
    conclude(w, slot, see.TIMEOUT, t)
    cancel = sources(w)[source_of(w, a.name)].cancel
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
    if sources(w)[source_of(w, a.name)].special and others_go_on(w, slot, outcome, t):
        return
    if outcome != see.SERVED and tries_again(w, request, a.name, outcome, t):
        return
    finish(w, request, outcome, t)


@inlined
def is_told(w: Any, slot: int, outcome: int, t: float) -> None:
    """The client knows how an attempt ended, and counts it."""
    a = attempts(w)[slot]
    s = sources(w)[source_of(w, a.name)]
    a.awaited = 0
    if a.row >= 0:
        log(w)[a.row].answered = t
        log(w)[a.row].outcome = outcome
    count(w, source_of(w, a.name), outcome, 1.0)
    if a.counted:
        count_in_cohort(w, source_of(w, a.name), see.COHORT_OUTCOME + outcome)
    if s.special:
        learn(w, slot, outcome, t)


@machine_code
def learn(w: Any, slot: int, outcome: int, t: float) -> None:
    """The client's guards and its hedge learn how an attempt ended, and who balances by what is in flight."""
    a = attempts(w)[slot]
    s = sources(w)[source_of(w, a.name)]
    instance = number_of(a.name) % s.instances
    if s.tells:
        told(w, s.guards, s.guard_count, instance, t, outcome, float(a.case), t - a.sent, 0.0)
    if s.hedge >= 0 and outcome == see.SERVED:
        state = s.hedge_state + instance * s.hedge_size
        rules.hedge_learns(s.hedge_op, parameters(w), s.hedge, states(w), state, t - a.sent)
    if s.loads >= 0:
        states(w)[s.loads + a.service - s.service] -= 1.0


@inlined
def free_attempt(w: Any, slot: int) -> None:
    """Gives back an attempt that neither its client nor its service knows any more."""
    a = attempts(w)[slot]
    if a.awaited == 0 and a.state == GONE:
        a.name = NO_NAME
        a.next_free = w.free_attempt
        w.free_attempt = slot


@machine_code
def may_hedge(w: Any, slot: int) -> bool:
    """Whether an attempt is still waited for, the latest of its request, and another may be sent beside it."""
    a = attempts(w)[slot]
    r = requests(w)[a.request]
    most = sources(w)[source_of(w, a.name)].hedge_attempts
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
        if outcome == see.SERVED and sources(w)[source_of(w, a.name)].hedge_cancel:
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
