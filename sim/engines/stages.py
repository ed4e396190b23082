"""Where an attempt is in its life, and what follows at once from an event: the words that the kernel's parts share."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from sim.engines.events import TIMEOUT, class_of, named
from sim.engines.jit import inlined, machine_code
from sim.engines.memory import attempts, lanes, timers

DONE, GROW, PAUSED, CLOSE, STUCK, BROKEN, DECIDED, SPLIT = range(8)
"""Why the kernel returned: the run is over; a pool is nearly full; its budget of events is spent; the window has ended
(the driver adds what is still inside); time does not advance; a rule gave no usable time; the fate asked for is known.
SPLIT is the kernel's own: the path in hand was split, or has ended, and another state stands in its place.
"""

MOST_AT_ONE_INSTANT: Final = 20_000_000
OUTBOUND, WAITING, SERVING, HOMEBOUND, GONE, BLOCKED = range(6)
"""Where an attempt is, as its service sees it; BLOCKED: at the door of a full queue, its producer waits."""

NOTHING, SEND, REACH, START, ANSWER, HEDGE = range(6)
"""What follows at once from an event, done by the loop: a request's next attempt is sent; an attempt reaches its
service; a worker takes it; an answer reaches its client; a hedge is sent beside an attempt. So no function calls
itself through others, each is compiled in one place, and one turn adds few events."""

OUT, BACK, RETRY, LATER = range(4)
"""What a delivery delivers: an attempt to its service, a reply to its client, a retry's turn to be sent, a hedge's."""

NEVER, QUEUED, ANYWHERE = range(3)
"""What a timeout cancels at the server."""

NO_TIME, TOO_MANY_ATTEMPTS, TOO_MANY_REQUESTS = 1, 2, 3
"""What broke a run: a rule gave a time that is not one, or a number does not fit into a name."""

NO_NAME = np.uint64(0xFFFF_FFFF_FFFF_FFFF)


@inlined
def follow(w: Any, step: int, slot: int) -> None:
    """Leaves to the loop what follows at once."""
    w.step = step
    w.step_slot = slot


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
