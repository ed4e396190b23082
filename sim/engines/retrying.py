"""After an attempt, in the compiled engine: the client waits for another try, or the request ends."""

from __future__ import annotations

from typing import Any

import numpy as np

from sim.engines import observations as see
from sim.engines import rules
from sim.engines.births import schedule_user
from sim.engines.events import (
    DELIVERY,
    MOST_ATTEMPTS,
    key_of,
    number_of,
    push,
    source_of,
)
from sim.engines.guarding import admitted, told
from sim.engines.jit import inlined, machine_code
from sim.engines.memory import parameters, requests, services, sources
from sim.engines.rules import uniform_of
from sim.engines.stages import (
    NO_NAME,
    NO_TIME,
    RETRY,
    TOO_MANY_ATTEMPTS,
)
from sim.engines.tally import change, count, count_in_cohort, observe, stayed


@machine_code
def piece_of_client(w: Any, source: int, t: float) -> int:
    """Where the piece of a client's timeline stands that holds at `t`."""
    s, p = sources(w)[source], parameters(w)
    while s.piece + 1 < s.piece_count and p[s.pieces + rules.CLIENT_PIECE * (s.piece + 1)] <= t:
        s.piece += 1
    return int(s.pieces + rules.CLIENT_PIECE * s.piece)


@machine_code
def tries_again(w: Any, request: int, name: Any, outcome: int, t: float) -> bool:
    """Whether the client goes on after the attempt of this name; if so, the request waits out a backoff."""
    source = source_of(w, name)
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
    change(w, source_of(w, r.name), see.ORBIT, -1.0, t)
    stayed(w, source_of(w, r.name), see.ORBIT, r.waiting_since, t)


@inlined
def finish(w: Any, request: int, outcome: int, t: float) -> None:
    """A request ends; a user of a closed source turns to the next."""
    r = requests(w)[request]
    source, number = source_of(w, r.name), number_of(r.name)
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
