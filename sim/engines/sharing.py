"""Shared workers in the compiled engine: all jobs in service go on evenly, and the one with the least left ends first.

`progress` is the seconds of work that a job would have got that has been in service since the beginning. A job that
starts at progress v and brings w ends at progress v + w, which never changes: so a pairing heap of these numbers tells
who is next, and only the instant at which that is must be worked out anew when jobs come and go.
"""

from __future__ import annotations

from typing import Any

from sim.engines import observations as see
from sim.engines.events import COMPLETION, key_of, push
from sim.engines.jit import inlined, machine_code
from sim.engines.memory import attempts, services
from sim.engines.queues import meld, without
from sim.engines.stages import NO_TIME
from sim.engines.tally import change, level


@inlined
def settle_progress(w: Any, service: int, t: float) -> None:
    """Brings the progress up to the time `t`."""
    line = services(w)[service]
    line.progress += (t - line.progress_since) * line.speed
    line.progress_since = t


@machine_code
def join_sharing(w: Any, slot: int, work: float, t: float) -> None:
    """A job comes into service; `share` must follow."""
    a = attempts(w)[slot]
    line = services(w)[a.service]
    settle_progress(w, a.service, t)
    a.rank, a.order = line.progress + work, line.arrivals
    a.finish = -1.0
    a.child = a.sibling = a.back = -1
    line.arrivals += 1
    line.sharing_root = meld(attempts(w), line.sharing_root, slot)


@machine_code
def leave_sharing(w: Any, slot: int, t: float) -> None:
    """A job leaves service, done or not; `share` must follow."""
    service = attempts(w)[slot].service
    settle_progress(w, service, t)
    line = services(w)[service]
    line.sharing_root = without(attempts(w), line.sharing_root, slot)


@machine_code
def share(w: Any, service: int, t: float) -> None:
    """Sets the speed at which each job goes on, and plans the next end."""
    line, row = services(w)[service], w.traffic_count + service
    settle_progress(w, service, t)
    jobs = level(w, row, see.BUSY)
    at_work = min(jobs, line.workers)
    change(w, row, see.POWER, at_work - level(w, row, see.POWER), t)
    line.speed = 0.0 if line.paused or jobs == 0.0 else min(1.0, line.workers / jobs)
    first = line.sharing_root
    if first < 0 or line.speed == 0.0:
        return
    a = attempts(w)[first]
    end = t + max(0.0, (a.rank - line.progress) / line.speed)
    if not end >= t:
        w.broken = NO_TIME
    if end != a.finish:
        a.finish = end
        push(w, end, key_of(COMPLETION, a.name), first)


@machine_code
def is_done(w: Any, slot: int, t: float) -> bool:
    """Whether a job's planned end is still its end; if so, the progress is exactly what it needed."""
    a = attempts(w)[slot]
    line = services(w)[a.service]
    planned = a.finish == t
    if planned and slot == line.sharing_root:
        line.progress, line.progress_since = a.rank, t
        return True
    if planned:
        a.finish = -1.0
    return False
