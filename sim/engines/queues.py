"""The compiled engine's waiting lines: a list from oldest to newest, and over it a pairing heap where a rank decides.

The pairing heap (Fredman, Sedgewick, Sleator and Tarjan, 1986) is woven through the attempts themselves, so any
attempt can leave from the middle (a timeout, a cancellation) and a line needs no memory of its own.
"""

from __future__ import annotations

from typing import Any

from sim.engines import rules
from sim.engines.jit import inlined, machine_code
from sim.engines.memory import attempts, parameters, services

OLDEST_FIRST, NEWEST_FIRST, BY_RANK, EITHER = range(4)


@inlined
def join(w: Any, service: int, slot: int) -> None:
    """An attempt joins the line of a service; its rank and order are set."""
    line, all_attempts = services(w)[service], attempts(w)
    joining = all_attempts[slot]
    joining.older, joining.newer = line.newest, -1
    if line.newest >= 0:
        all_attempts[line.newest].newer = slot
    else:
        line.oldest = slot
    line.newest = slot
    if line.order == BY_RANK:
        joining.child = joining.sibling = joining.back = -1
        line.root = meld(all_attempts, line.root, slot)


@machine_code
def leave(w: Any, service: int, slot: int) -> None:
    """An attempt leaves the line of a service, from wherever it stands."""
    line, all_attempts = services(w)[service], attempts(w)
    leaving = all_attempts[slot]
    if leaving.older >= 0:
        all_attempts[leaving.older].newer = leaving.newer
    else:
        line.oldest = leaving.newer
    if leaving.newer >= 0:
        all_attempts[leaving.newer].older = leaving.older
    else:
        line.newest = leaving.older
    if line.order == BY_RANK:
        line.root = without(all_attempts, line.root, slot)


@inlined
def next_in_line(w: Any, service: int, t: float) -> int:
    """The attempt that a free worker takes, or -1."""
    line = services(w)[service]
    if line.order == OLDEST_FIRST or line.oldest < 0:
        return line.oldest
    if line.order == NEWEST_FIRST:
        return line.newest
    if line.order == BY_RANK:
        return line.root
    waited = t - attempts(w)[line.oldest].arrived
    return line.newest if rules.takes_newest(parameters(w), line.discipline, waited) else line.oldest


@machine_code
def without(all_attempts: Any, root: int, slot: int) -> int:
    """The root of a heap after one has left it, from wherever it stood."""
    leaving = all_attempts[slot]
    rest = merged_siblings(all_attempts, leaving.child)
    if root == slot:
        return rest
    if all_attempts[leaving.back].child == slot:
        all_attempts[leaving.back].child = leaving.sibling
    else:
        all_attempts[leaving.back].sibling = leaving.sibling
    if leaving.sibling >= 0:
        all_attempts[leaving.sibling].back = leaving.back
    return meld(all_attempts, root, rest)


@machine_code
def meld(all_attempts: Any, one: int, other: int) -> int:
    """The root of two heaps made one."""
    if one < 0:
        return other
    if other < 0:
        return one
    a, b = all_attempts[one], all_attempts[other]
    if b.rank < a.rank or (b.rank == a.rank and b.order < a.order):
        one, other = other, one
    upper, lower = all_attempts[one], all_attempts[other]
    lower.sibling = upper.child
    if upper.child >= 0:
        all_attempts[upper.child].back = other
    lower.back = one
    upper.child = other
    return one


@machine_code
def merged_siblings(all_attempts: Any, first: int) -> int:
    """The root of a list of siblings made one heap: melded in pairs, then from the last pair back."""
    pairs = -1
    while first >= 0:
        second = all_attempts[first].sibling
        rest = -1
        all_attempts[first].sibling = all_attempts[first].back = -1
        if second >= 0:
            rest = all_attempts[second].sibling
            all_attempts[second].sibling = all_attempts[second].back = -1
        pair = meld(all_attempts, first, second)
        all_attempts[pair].sibling = pairs
        pairs = pair
        first = rest
    root = -1
    while pairs >= 0:
        rest = all_attempts[pairs].sibling
        all_attempts[pairs].sibling = -1
        root = meld(all_attempts, root, pairs)
        pairs = rest
    return root


@machine_code
def join_door(w: Any, service: int, slot: int) -> None:
    """A producer that a full queue blocks stands behind those that it blocks already."""
    line, all_attempts = services(w)[service], attempts(w)
    all_attempts[slot].older, all_attempts[slot].newer = line.door_newest, -1
    if line.door_newest >= 0:
        all_attempts[line.door_newest].newer = slot
    else:
        line.door_oldest = slot
    line.door_newest = slot


@machine_code
def leave_door(w: Any, service: int, slot: int) -> None:
    """One of them comes in, or goes away."""
    line, all_attempts = services(w)[service], attempts(w)
    leaving = all_attempts[slot]
    if leaving.older >= 0:
        all_attempts[leaving.older].newer = leaving.newer
    else:
        line.door_oldest = leaving.newer
    if leaving.newer >= 0:
        all_attempts[leaving.newer].older = leaving.older
    else:
        line.door_newest = leaving.older
