"""Multilevel splitting in the kernel: a run goes to where rare things happen on many paths, and each has its weight.

The *height* of a state is a sum of levels (what is in a service, say). When a path comes up to a level, its state is
kept, and it goes on from there `splits` times: the same past, other draws from then on. All but the last of these are
*retrials*, which end when they come down below the level; the last, the path that came up, goes on below it with the
draws that it always had. Each path in a region carries the weight 1 / (product of the splits up to its level).

At any instant the weighted sum over all paths of whatever depends on their past has the mean that the one path of an
ordinary run gives it. So counts within a window, weighted, are unbiased whatever the levels and splits, and whether
or not the run is in a steady state; those decide only how far they scatter. Source: M. Villén-Altamirano and
J. Villén-Altamirano, RESTART (ITC-13, 1991; European Journal of Operational Research, 2006); Garvels (2000).

What has been drawn but has not yet decided anything is drawn anew on every path (`draw_anew`): paths that share their
next thirty services would tell little more than one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from sim import draws
from sim.engines import rules
from sim.engines.births import draw_gap_ahead, draw_work_ahead
from sim.engines.events import COMPLETION, class_of, named, rise, source_of
from sim.engines.jit import compiled, inlined, machine_code
from sim.engines.memory import (
    SOURCE,
    attempts,
    counts,
    heap,
    height_places,
    hit_places,
    meters,
    occupied,
    parameters,
    regions,
    services,
    sources,
    splitting,
    try_places,
)
from sim.engines.queues import BY_RANK
from sim.engines.rows import copy_bytes, put_word, word_at
from sim.engines.rules import uniform_of
from sim.engines.stages import BLOCKED, DONE, NO_NAME, OUTBOUND, PAUSED, SERVING, SPLIT, WAITING

assert SOURCE.fields is not None
_KEYS: Final = SOURCE.fields[f"{draws.PURPOSES[0]}_key"][1]
_KEY_COUNT: Final = len(draws.PURPOSES)
_SOURCE_SIZE: Final = SOURCE.itemsize
_GOLDEN = np.uint64(draws.GOLDEN)
_mix = compiled(draws.mix)
_further = compiled(draws.further)

TRIES: Final = 8
"""How often a service in hand is drawn again until one is longer than what has passed of it."""


@dataclass(frozen=True)
class Levels:
    """Heights at which paths are split, in rising order, and into how many: at least one each."""

    at: tuple[int, ...] = ()
    splits: tuple[int, ...] = ()

    @property
    def weights(self) -> NDArray[np.float64]:
        """The weight of a path in each region: below the first level, from each on."""
        return 1.0 / np.cumprod(np.array([1.0, *self.splits]))


@dataclass(frozen=True)
class Asked:
    """What is to be counted from `begin` to `end` (s), on paths that are split from `split_from` on.

    heights: places of the meters whose levels make up the height; hits, tries: places of the counts whose sums are
    the rare events and what they are a share of; long_wait: s, from where a wait is long.
    """

    split_from: float
    begin: float
    end: float
    heights: tuple[int, ...]
    hits: tuple[int, ...]
    tries: tuple[int, ...]
    long_wait: float = np.inf


@dataclass(frozen=True)
class Paths:
    """What was counted on all paths of a replication, by region, without weights.

    hits, tries, events: (regions,), events before `begin` too; climb: (regions,), mean seconds from the first level to
    each, nan if it was never reached; occupied: seconds at each height; branches: paths besides the main one; room:
    what the pools of the state had to hold.
    """

    hits: NDArray[np.float64]
    tries: NDArray[np.float64]
    events: NDArray[np.int64]
    climb: NDArray[np.float64]
    occupied: NDArray[np.float64]
    branches: int
    room: int


@machine_code
def split(w: Any, t: float) -> int:
    """Looks at the path in hand before its next event, at `t`: PAUSED to go on, SPLIT if another one is in hand."""
    s = splitting(w)[0]
    if not s.begun:
        s.begun = 1
        s.events_before = w.events
    if w.now < s.count_from:
        take_stock(w)
    until = min(t, w.duration)
    if until > w.now:  # what lasts no time is no state
        height = height_of(w)
        region = s.region
        if region + 1 < w.regions_length and height >= regions(w)[region + 1].level:
            come_up(w)
            return SPLIT
        if region > 0 and height < regions(w)[region].level:
            come_down(w)
            return SPLIT
        since = max(w.now, s.count_from)
        if until > since:
            occupied(w)[min(np.int64(height), w.occupied_length - 1)] += until - since
    if t > w.duration:
        return end_path(w)
    return PAUSED


@inlined
def height_of(w: Any) -> float:
    """How high the present state is."""
    height = 0.0
    for place in range(w.height_places_length):
        height += meters(w)[height_places(w)[place]].level
    return height


@inlined
def hits_so_far(w: Any) -> float:
    """The rare events on the path in hand."""
    total = 0.0
    for place in range(w.hit_places_length):
        total += counts(w)[hit_places(w)[place]]
    return total


@inlined
def tries_so_far(w: Any) -> float:
    """What the rare events are a share of, on the path in hand."""
    total = 0.0
    for place in range(w.try_places_length):
        total += counts(w)[try_places(w)[place]]
    return total


@machine_code
def take_stock(w: Any) -> None:
    """What will have been counted already when the region's share is added up."""
    s = splitting(w)[0]
    s.hits_before, s.tries_before = hits_so_far(w), tries_so_far(w)


@machine_code
def add_up(w: Any) -> None:
    """What was counted since goes to the region of the path in hand, whose weight it carries."""
    s = splitting(w)[0]
    region = regions(w)[s.region]
    region.hits += hits_so_far(w) - s.hits_before
    region.tries += tries_so_far(w) - s.tries_before
    region.events += w.events - s.events_before
    s.events_before = w.events
    take_stock(w)


@machine_code
def come_up(w: Any) -> None:
    """The path in hand has come up to the next level, and is split."""
    s = splitting(w)[0]
    add_up(w)
    s.region += 1
    if s.region == 1:
        w.rose_at = w.now
    region = regions(w)[s.region]
    region.ascents += 1
    region.climbed += w.now - w.rose_at
    region.left, region.floor = region.splits, s.floor
    if region.splits > 1:
        copy_bytes(w.saved_address + s.region * s.block_size, s.block, s.block_size)
    set_off(w)


@machine_code
def come_down(w: Any) -> None:
    """The path in hand has come down below its level: a retrial ends there, any other goes on."""
    s = splitting(w)[0]
    add_up(w)
    if s.floor == s.region:
        go_back(w)
    else:
        s.region -= 1


@machine_code
def end_path(w: Any) -> int:
    """The path in hand has reached the window's end: DONE if it is the last one."""
    s = splitting(w)[0]
    add_up(w)
    while s.region > 0 and regions(w)[s.region].left == 0:
        s.region -= 1
    if s.region == 0:
        return DONE
    go_back(w)
    return SPLIT


@machine_code
def go_back(w: Any) -> None:
    """The next path sets off from where the last one in this region was split."""
    s = splitting(w)[0]
    copy_bytes(s.block, w.saved_address + s.region * s.block_size, s.block_size)
    s.events_before = w.events
    take_stock(w)
    set_off(w)


@machine_code
def set_off(w: Any) -> None:
    """A path sets off from a split: the last is the one that was split, the others are retrials with other draws."""
    s = splitting(w)[0]
    region = regions(w)[s.region]
    region.left -= 1
    if region.left > 0:
        s.floor = s.region
        draw_anew(w)
    else:
        s.floor = region.floor


@machine_code
def draw_anew(w: Any) -> None:
    """Other keys for all draws to come; and what has been drawn ahead and decided nothing yet is drawn again."""
    s = splitting(w)[0]
    s.branches += np.uint64(1)
    for which in range(w.traffic_count):
        address = w.sources_address + which * _SOURCE_SIZE + _KEYS
        for _ in range(_KEY_COUNT):
            put_word(address, _mix(word_at(address) + s.branches * _GOLDEN))
            address += 8
        source = sources(w)[which]
        if source.users == 0:
            draw_gap_ahead(w, which, source.epoch)
            draw_work_ahead(w, which, source.next_request - 1)
    for slot in range(w.attempts_length):
        a = attempts(w)[slot]
        if a.name != NO_NAME and a.state in (WAITING, OUTBOUND, BLOCKED) and is_blind(services(w)[a.service]):
            a.work = -1.0
    draw_services_anew(w)


@machine_code
def draw_services_anew(w: Any) -> None:
    """All that is known of a service in hand is that it has not ended yet: it is drawn again until that holds.

    A draw that does not do so in a few tries leaves the service as it was, which has the same law.
    """
    size, moved = w.heap_size, 0
    for place in range(size):
        event = heap(w)[place]
        if class_of(event.key) == COMPLETION and event.item >= 0:
            a = attempts(w)[event.item]
            line = services(w)[a.service]
            if a.name == named(event.key) and a.state == SERVING and is_plain(line):
                source = sources(w)[source_of(w, a.name)]
                first = uniform_of(w, source.service_key, a.name)
                for further in range(1, TRIES + 1):
                    work = a.size * rules.quantile(
                        parameters(w), source.service_time, _further(first, further)
                    )
                    if work * line.time_factor > w.now - a.started:
                        a.work = work
                        event.time = max(w.now, a.started + work * line.time_factor)
                        moved += 1
                        break
    if moved > 0:
        w.heap_size = 0
        for place in range(size):
            event = heap(w)[place]
            rise(w, event.time, event.key, event.item)


@inlined
def is_blind(line: Any) -> bool:
    """Whether nobody has looked at the work of those who wait here, as a rank may have done."""
    return BY_RANK not in (line.order, line.own_order)


@inlined
def is_plain(line: Any) -> bool:
    """Whether a service here takes as long as was drawn for it, whatever the state in which it starts."""
    steady = line.slowdown < 0 and line.pause_count == 0 and line.piece_count == 1
    return bool(steady and line.shares == 0 and is_blind(line))
