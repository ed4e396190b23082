"""The compiled engine's event list: a 4-ary heap ordered by the tie rule, bins of time for what is far away, and lanes.

A lane holds timers of one constant delay, which come in order by themselves.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from sim.engines.jit import inlined, machine_code
from sim.engines.memory import attempts, bins, far, heap, lanes, requests, timers
from sim.engines.rows import first_of_four, prefetch

COMPLETION, TIMEOUT, PATIENCE, TICK, DELIVERY, ARRIVAL = range(6)
"""Classes of events, in the order in which those of one instant happen."""

CLASS_SHIFT: Final = 61
SOURCE_SHIFT: Final = 53
REQUEST_SHIFT: Final = 20
HEADROOM: Final = 16
"""Events that one turn may add to the heap, with some to spare, where it calls off no hedges."""

NAME: Final = (1 << CLASS_SHIFT) - 1
"""The bits of a key that name an attempt: traffic class, request, attempt."""

MOST_REQUESTS: Final = 1 << (SOURCE_SHIFT - REQUEST_SHIFT)
MOST_ATTEMPTS: Final = 1 << REQUEST_SHIFT

NEAR: Final = 1024
"""Events in a heap that a processor's nearest cache holds; of more, those far away are set aside."""

BINS: Final = 16384
A_BIN: Final = 512
"""How many bins of time there are for events set aside, and how many events a bin should hold, more or less."""

FINEST: Final = 1e-9
"""The least width of a bin, as a share of the time: finer ones would be lost in rounding."""

_NAME_BITS = np.uint64(NAME)
_CLASS_SHIFT = np.uint64(CLASS_SHIFT)
_SOURCE_SHIFT = np.uint64(SOURCE_SHIFT)
_REQUEST_SHIFT = np.uint64(REQUEST_SHIFT)
_NUMBER_BITS = np.uint64(MOST_REQUESTS - 1)
_ATTEMPT_BITS = np.uint64(MOST_ATTEMPTS - 1)


@inlined
def name_of(source: int, request: int, attempt: int) -> Any:
    """The 61 bits that name an attempt; attempt 0 names the request itself."""
    return (np.uint64(source) << _SOURCE_SHIFT) | (np.uint64(request) << _REQUEST_SHIFT) | np.uint64(attempt)


@inlined
def request_of(name: Any) -> Any:
    """The name of the request that an attempt is made for."""
    return name & ~_ATTEMPT_BITS


@inlined
def source_of(w: Any, name: Any) -> int:
    """The traffic class in a name: of one alone, the kernel need not look."""
    return 0 if w.traffic_count == 1 else int(np.int64(name >> _SOURCE_SHIFT))


@inlined
def number_of(name: Any) -> int:
    """The request's number in a name."""
    return int(np.int64((name >> _REQUEST_SHIFT) & _NUMBER_BITS))


@inlined
def attempt_of(name: Any) -> int:
    """The attempt's number in a name; 0 for the request itself."""
    return int(np.int64(name & _ATTEMPT_BITS))


@inlined
def key_of(kind: int, name: Any) -> Any:
    """The key of an event of this class about what `name` names."""
    return (np.uint64(kind) << _CLASS_SHIFT) | name


@inlined
def class_of(key: Any) -> int:
    """The class of the event with this key."""
    return int(np.int64(key >> _CLASS_SHIFT))


@inlined
def named(key: Any) -> Any:
    """The name in a key."""
    return key & _NAME_BITS


@machine_code
def push(w: Any, time: float, key: Any, item: int) -> None:
    """Adds an event; the caller has made sure of a free place. The first one takes the place of the event in hand."""
    if w.heap_size > w.near and set_aside(w, time, key, item):
        return
    if w.first_taken:
        w.first_taken = 0
        sink(w, time, key, item, w.heap_size)
        return
    rise(w, time, key, item)


@machine_code
def rise(w: Any, time: float, key: Any, item: int) -> None:
    """Puts an event into a heap without a gap, at the bottom, and up to where it belongs."""
    events = heap(w)
    place = w.heap_size
    w.heap_size = place + 1
    if place + w.headroom > w.heap_length:
        w.short = 1
    while place > 0:
        above = (place - 1) >> 2
        parent = events[above]
        if parent.time < time or (parent.time == time and parent.key <= key):
            break
        events[place] = parent
        place = above
    events[place].time = time
    events[place].key = key
    events[place].item = item


@machine_code
def set_aside(w: Any, time: float, key: Any, item: int) -> bool:
    """Puts an event that is far away into its bin of time, if it has one: a large heap would be slow."""
    if w.far_count == 0 and not pace_bins(w):
        return False
    place = (time - w.bins_begin) / w.bin_width
    if not w.bins_passed <= place < w.bins_passed + BINS:
        return False
    slot = w.free_far
    if slot < 0:
        w.short = 1
        return False
    event, which = far(w)[slot], int(place) & (BINS - 1)
    w.free_far = event.next
    w.far_count += 1
    event.time, event.key, event.item, event.next = time, key, item, bins(w)[which]
    bins(w)[which] = slot
    return True


@machine_code
def pace_bins(w: Any) -> bool:
    """Sets up empty bins, each as wide as so many events have lately taken; whether that can be."""
    events = w.events - w.paced_events
    if events >= A_BIN or w.bin_width == 0.0 < events:
        w.bin_width = (w.now - w.paced_at) / events * A_BIN
        w.paced_events, w.paced_at = w.events, w.now
    w.bins_begin, w.bins_passed = w.now, 0
    return bool(w.bin_width > FINEST * w.now)


@inlined
def bring_near(w: Any) -> None:
    """Moves bins into the heap as long as the heap's first event may not be before them."""
    # A bin is taken one too early, so that the rounding of its bounds does not matter.
    while w.far_count > 0 and (
        w.heap_size == 0 or heap(w)[0].time >= w.bins_begin + float(w.bins_passed - 1) * w.bin_width
    ):
        empty_bin(w, w.bins_passed & (BINS - 1))
        if w.short:
            return
        w.bins_passed += 1


@machine_code
def empty_bin(w: Any, which: int) -> None:
    """Moves the events of a bin into the heap, as far as it has room."""
    slot = bins(w)[which]
    while slot >= 0 and not w.short:
        event = far(w)[slot]
        following = event.next
        # Asked for now, they are there when they are needed: most of the time would go into waiting for memory.
        prefetch(far(w), following)
        if class_of(event.key) == DELIVERY:
            prefetch(requests(w), event.item >> 2)
        else:
            prefetch(attempts(w), event.item)
        rise(w, event.time, event.key, event.item)
        event.next = w.free_far
        w.free_far = slot
        w.far_count -= 1
        slot = following
    bins(w)[which] = slot


@inlined
def settle(w: Any) -> None:
    """Closes the gap that an event in hand has left at the top, if nothing that it caused has filled it."""
    if w.first_taken:
        w.first_taken = 0
        size = w.heap_size - 1
        w.heap_size = size
        if size > 0:
            last = heap(w)[size]
            sink(w, last.time, last.key, last.item, size)


@machine_code
def sink(w: Any, time: float, key: Any, item: int, size: int) -> None:
    """Puts an event into the gap at the top of a heap of `size`, and down to where it belongs."""
    events = heap(w)
    place = 0
    while True:
        child = 4 * place + 1
        if child >= size:
            break
        best = child
        if child + 4 <= size:
            best = first_of_four(events, child)
        else:
            for other in range(child + 1, size):
                if events[other].time < events[best].time or (
                    events[other].time == events[best].time and events[other].key < events[best].key
                ):
                    best = other
        first = events[best]
        if time < first.time or (time == first.time and key <= first.key):
            break
        events[place] = first
        place = best
    events[place].time = time
    events[place].key = key
    events[place].item = item


@machine_code
def set_timer(w: Any, which: int, time: float, key: Any, item: int) -> None:
    """Adds a timer to a lane, or to the heap if the lane is full (the driver then enlarges the lane)."""
    lane = lanes(w)[which]
    if lane.length == lane.capacity:
        w.short = 1
        push(w, time, key, item)
        return
    ring = timers(lane)
    mask = lane.capacity - 1
    place = lane.head + lane.length
    lane.length += 1
    # Timers are set in the order of time; of one instant, a later one can still belong earlier by the tie rule.
    while place > lane.head:
        previous = ring[(place - 1) & mask]
        if previous.time < time or (previous.time == time and previous.key <= key):
            break
        ring[place & mask] = previous
        place -= 1
    ring[place & mask].time = time
    ring[place & mask].key = key
    ring[place & mask].item = item
    if place == lane.head and (
        lane.wakes == 0 or time < lane.wake_time or (time == lane.wake_time and key < lane.wake_key)
    ):
        wake(w, which)


@machine_code
def wake(w: Any, which: int) -> None:
    """Puts the first timer of a lane into the heap; an earlier such entry of this lane is thereby void."""
    lane = lanes(w)[which]
    first = timers(lane)[lane.head & (lane.capacity - 1)]
    lane.wakes = 1
    lane.wake_time = first.time
    lane.wake_key = first.key
    push(w, first.time, first.key, -1 - which)
