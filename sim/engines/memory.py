"""The compiled engine's flat memory: what a request, an attempt, a service … is made of, and views of their arrays.

The kernel gets one record, `World`, that holds addresses and sizes. Python owns the arrays, enlarges them when the
kernel asks, and keeps them alive.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from sim.draws import PURPOSES
from sim.engines.observations import LOG
from sim.engines.rows import record_at, view

I1, U1, I4, I8, U8, F8 = np.int8, np.uint8, np.int32, np.int64, np.uint64, np.float64

METER = np.dtype([("level", F8), ("since", F8), ("area", F8), ("before", F8)])
"""`area` is the level's integral since the last edge of the series, `before` the one up to there."""

EVENT = np.dtype([("key", U8), ("time", F8), ("item", I8)])
"""`key` orders events of one instant: class, traffic class, request, attempt, from the highest bits down. Before the
time, it makes one number with it, of 128 bits, by which events are in order: times are not negative."""

FAR = np.dtype([("time", F8), ("key", U8), ("item", I8), ("next", I8)])
"""An event that is not near yet, in the list of its bin of time."""

LANE = np.dtype(
    [
        ("address", I8),
        ("capacity", I8),
        ("head", I8),
        ("length", I8),
        ("wake_time", F8),
        ("wake_key", U8),
        ("wakes", I8),
    ]
)
"""A ring of timers with one constant delay, so in order by themselves; only its first one stands in the event heap."""

NONE: Final = -1
"""The address of a rule that is not there."""

LINE: Final = 64
"""Bytes in a line of the processor's cache."""


def in_whole_lines(fields: list[tuple[str, Any]]) -> np.dtype[Any]:
    """A record of these fields that fills whole lines of the processor's cache."""
    tight = np.dtype(fields, align=True)
    places = {name: tight.fields[name][1] for name in tight.names} if tight.fields and tight.names else {}
    return np.dtype(
        {
            "names": list(places),
            "formats": [tight[name] for name in places],
            "offsets": list(places.values()),
            "itemsize": -(-tight.itemsize // LINE) * LINE,
        }
    )


REQUEST = in_whole_lines(
    [
        ("name", U8),
        ("born", F8),
        ("waiting_since", F8),
        ("previous_backoff", F8),
        ("size", F8),
        ("work", F8),
        ("attempt", I4),
        ("next_free", I4),
        ("in_orbit", I1),
        ("counted", I1),
        ("case", I1),
        ("awaited", I1),
        ("hedges", I4),
    ]
)
"""A request in one line of a processor's cache: with a million of them, finding it is most of the work. `case` is what
its next attempt comes after, `awaited` how many of its attempts are in flight."""

ATTEMPT = in_whole_lines(
    [
        ("name", U8),
        ("arrived", F8),
        ("started", F8),
        ("work", F8),
        ("given", F8),
        ("expiry", F8),
        ("request", I4),
        ("service", I4),
        ("next_free", I4),
        ("state", I1),
        ("awaited", I1),
        ("counted", I1),
        ("outcome", I1),
        ("size", F8),
        ("rank", F8),
        ("order", I8),
        ("row", I8),
        ("older", I8),
        ("newer", I8),
        ("child", I4),
        ("sibling", I4),
        ("back", I4),
        ("twin", I4),
        ("sent", F8),
        ("version", F8),
        ("finish", F8),
        ("case", I1),
        ("admitted", I1),
        ("reading", I1),
    ]
)
"""An attempt in three lines: what every attempt needs is in the first, what some disciplines, hedges and the log need
in the second, what guards, conflicts and sharing need in the third. `twin` makes a ring of those in flight for one
request."""

SOURCE = np.dtype(
    [
        ("arrival", I8),
        ("arrival_op", I8),
        ("state", I8),
        ("stop", F8),
        ("start", F8),
        ("batch", I8),
        ("batch_left", I8),
        ("users", I8),
        ("think", I8),
        ("rates", I8),
        ("rate_pieces", I8),
        ("rate_piece", I8),
        ("epoch", I8),
        ("uniform_ahead", F8),
        ("gap_ahead", F8),
        ("work_ahead", F8),
        ("next_request", I8),
        ("sizes", I8),
        ("service", I8),
        ("service_time", I8),
        ("priority", F8),
        ("timeout", F8),
        ("deadline", F8),
        ("cancel", I8),
        ("attempts", I8),
        ("retry_on", I8),
        ("probability", F8),
        ("backoff", I8),
        ("backoff_op", I8),
        ("honours_retry_after", I8),
        ("accepts_late", I8),
        ("network", I8),
        ("pieces", I8),
        ("piece_count", I8),
        ("piece", I8),
        ("lane", I8),
        ("next_time", F8),
        ("special", I8),
        ("instances", I8),
        ("guards", I8),
        ("guard_count", I8),
        ("asks", I8),
        ("chance", I8),
        ("tells", I8),
        ("budget", I8),
        ("hedge", I8),
        ("hedge_op", I8),
        ("hedge_state", I8),
        ("hedge_size", I8),
        ("hedge_attempts", I8),
        ("hedge_cancel", I8),
        ("level", F8),
        ("loads", I8),
        *((f"{purpose}_key", U8) for purpose in PURPOSES),
    ]
)

SERVICE = np.dtype(
    [
        ("workers", F8),
        ("capacity", F8),
        ("paused", I8),
        ("special", I8),
        ("time_factor", F8),
        ("error_ratio", F8),
        ("retry_after", F8),
        ("drops_oldest", I8),
        ("order", I8),
        ("own_order", I8),
        ("drops", I8),
        ("dropping", I8),
        ("discipline_op", I8),
        ("max_wait", I8),
        ("lane", I8),
        ("oldest", I8),
        ("newest", I8),
        ("root", I8),
        ("arrivals", I8),
        ("ready", I8),
        ("watched_since", F8),
        ("pieces", I8),
        ("piece_count", I8),
        ("piece", I8),
        ("pauses", I8),
        ("pause_count", I8),
        ("pause", I8),
        ("free_at", I8),
        ("starts", I8),
        ("starts_length", I8),
        ("first_start", I8),
        ("next_start", I8),
        ("begun_edge", I8),
        ("discipline", I8),
        ("guards", I8),
        ("guard_count", I8),
        ("asks", I8),
        ("chance", I8),
        ("keeps", I8),
        ("tells", I8),
        ("slowdown", I8),
        ("slowdown_op", I8),
        ("instances", I8),
        ("first", I8),
        ("balance_op", I8),
        ("turn", I8),
        ("loads", I8),
        ("room", F8),
        ("optimistic", I8),
        ("version", F8),
        ("shares", I8),
        ("speed", F8),
        ("progress", F8),
        ("progress_since", F8),
        ("sharing_root", I8),
        ("blocks", I8),
        ("door_oldest", I8),
        ("door_newest", I8),
        ("autoscale", I8),
        ("scaled", F8),
        ("starting", F8),
        ("changed", F8),
        ("offered_before", F8),
        ("busy_before", F8),
        ("waiting_before", F8),
    ]
)
"""One instance of a service. Of several, `first` is the first of them, and how to balance stands there."""

GUARD = np.dtype([("op", I8), ("at", I8), ("state", I8), ("size", I8)])
"""A guard: its rule, its parameters, and where the rows of state of its client's instances begin."""

ARRIVAL = np.dtype([("time", F8), ("source", I8), ("number", I8), ("size", F8)])

PASSED = np.dtype([("many", F8), ("waited", F8), ("worked", F8)])
"""Requests that came and went within one bin: their number, and the seconds that they waited and were worked on."""

SPLITTING = np.dtype(
    [
        ("region", I8),
        ("floor", I8),
        ("begun", I8),
        ("count_from", F8),
        ("branches", U8),
        ("hits_before", F8),
        ("tries_before", F8),
        ("events_before", I8),
        ("block", I8),
        ("block_size", I8),
    ]
)
"""Where the path in hand of a replication that splits is: `floor` is the region below which it ends, 0 for the main
path; `block` the address of all that its future depends on."""

REGION = np.dtype(
    [
        ("level", F8),
        ("splits", I8),
        ("left", I8),
        ("floor", I8),
        ("hits", F8),
        ("tries", F8),
        ("events", I8),
        ("ascents", I8),
        ("climbed", F8),
    ]
)
"""What lies at or above a level and below the next: how many paths go on from there, how many of the last split are
left to go, the floor of the path that was split, and what was counted there on all paths. `climbed` are the seconds
that all ascents to it took since they came up to the first level."""

CALM = np.dtype(
    [
        ("asked", I8),
        ("level", F8),
        ("hold", F8),
        ("since", F8),
        ("marks", I8),
        ("due", F8),
        ("earliest", F8),
        ("back", I8),
        ("peak", F8),
    ]
)
"""A service as its fate is told, at its first instance: what makes it back; since when its backlog is down, how many
parts of a hold have gone by since, and when the next will have; when the hold begins that is looked at."""

SHARE = np.dtype([("least", F8), ("some", F8)])
"""A class as a fate is told: the least share to be answered in a hold, and the least number."""

ARRAYS: Final[dict[str, Any]] = {
    "parameters": F8,
    "states": F8,
    "sources": SOURCE,
    "services": SERVICE,
    "guards": GUARD,
    "meters": METER,
    "counts": F8,
    "stays": F8,
    "cohort": F8,
    "histogram": I8,
    "moments": F8,
    "occupancy": F8,
    "edges": F8,
    "counts_read": F8,
    "areas_read": F8,
    "lanes": LANE,
    "heap": EVENT,
    "far": FAR,
    "bins": I4,
    "requests": REQUEST,
    "attempts": ATTEMPT,
    "log": LOG,
    "block": ARRIVAL,
    "free_at": F8,
    "starts": F8,
    "spans": F8,
    "passed": PASSED,
    "splitting": SPLITTING,
    "regions": REGION,
    "height_places": I8,
    "hit_places": I8,
    "try_places": I8,
    "occupied": F8,
    "saved": U1,
    "calms": CALM,
    "shares": SHARE,
    "marks": F8,
}
"""Every array of the world and what it is made of; each has its address and its length in the world record."""

WORLD = np.dtype(
    [
        *((f"{name}_address", I8) for name in ARRAYS),
        *((f"{name}_length", I8) for name in ARRAYS),
        ("traffic_count", I8),
        ("service_count", I8),
        ("mirror", U8),
        ("heap_size", I8),
        ("first_taken", I8),
        ("near", I8),
        ("headroom", I8),
        ("far_count", I8),
        ("free_far", I8),
        ("bins_begin", F8),
        ("bin_width", F8),
        ("bins_passed", I8),
        ("paced_at", F8),
        ("paced_events", I8),
        ("free_request", I8),
        ("free_attempt", I8),
        ("log_size", I8),
        ("logging", I8),
        ("watching", I8),
        ("short", I8),
        ("next_edge", I8),
        ("next_edge_time", F8),
        ("now", F8),
        ("warmup", F8),
        ("duration", F8),
        ("end", F8),
        ("open_requests", I8),
        ("step", I8),
        ("step_slot", I8),
        ("ready", I8),
        ("events", I8),
        ("still_since", I8),
        ("recursive", I8),
        ("begun", I8),
        ("closed", I8),
        ("broken", I8),
        ("stop_from", F8),
        ("judged_from", F8),
        ("judged_to", F8),
        ("fate", I8),
        ("long_wait", F8),
        ("rose_at", F8),
    ]
)


def _world_view(name: str) -> Any:
    return view(f"{name}_address", WORLD, name, np.dtype(ARRAYS[name]))


parameters = _world_view("parameters")
states = _world_view("states")
sources = _world_view("sources")
services = _world_view("services")
guards = _world_view("guards")
meters = _world_view("meters")
counts = _world_view("counts")
stays = _world_view("stays")
cohort = _world_view("cohort")
histogram = _world_view("histogram")
moments = _world_view("moments")
occupancy = _world_view("occupancy")
edges = _world_view("edges")
counts_read = _world_view("counts_read")
areas_read = _world_view("areas_read")
lanes = _world_view("lanes")
heap = _world_view("heap")
far = _world_view("far")
bins = _world_view("bins")
requests = _world_view("requests")
attempts = _world_view("attempts")
log = _world_view("log")
block = _world_view("block")
free_at = _world_view("free_at")
starts = _world_view("starts")
spans = _world_view("spans")
passed = _world_view("passed")
splitting = _world_view("splitting")
regions = _world_view("regions")
height_places = _world_view("height_places")
hit_places = _world_view("hit_places")
try_places = _world_view("try_places")
occupied = _world_view("occupied")
calms = _world_view("calms")
shares = _world_view("shares")
marks = _world_view("marks")

timers = view("address", LANE, "timers", EVENT)
"""The ring of one lane."""

world_at = record_at("world", WORLD)
"""The world record that stands at an address."""
