"""Ticks in the compiled engine: faults that begin and end at a service, and autoscaling."""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np

from sim.engines import observations as see
from sim.engines import rules
from sim.engines.events import TICK, key_of, name_of, push
from sim.engines.jit import inlined, machine_code
from sim.engines.memory import attempts, meters, parameters, services
from sim.engines.service_side import make_ready
from sim.engines.sharing import share
from sim.engines.tally import change, level

FAULT, READING, ARRIVAL_OF_WORKERS = range(3)
"""What a tick is: a fault begins or ends; an autoscaler reads its metric; workers that it wanted begin to work."""

KIND_SHIFT: Final = 22
NUMBER_SHIFT: Final = 24
"""A tick's item: the service's place, the kind of the tick from this bit on, and a number of workers from that one."""


@inlined
def tick(w: Any, item: int, t: float) -> None:
    """A fault begins or ends at a service, or its autoscaler acts."""
    service, kind = item & ((1 << KIND_SHIFT) - 1), (item >> KIND_SHIFT) & 3
    if kind == FAULT:
        change_fault(w, service, t)
    elif kind == READING:
        scale(w, service, t)
    else:
        line, many = services(w)[service], float(item >> NUMBER_SHIFT)
        line.starting -= many
        line.scaled += many
        set_workers(w, service, t)


@machine_code
def change_fault(w: Any, service: int, t: float) -> None:
    """A fault begins or ends at a service."""
    line, p = services(w)[service], parameters(w)
    line.piece += 1
    at = line.pieces + rules.PIECE * line.piece
    line.time_factor, line.error_ratio = p[at + 2], p[at + 3]
    line.paused = np.int64(p[at + 4])
    line.order = np.int64(p[at + 5]) if p[at + 5] >= 0.0 else line.own_order
    if p[at + 6] > line.drops:
        line.drops = np.int64(p[at + 6])
        line.dropping = 1
    schedule_fault(w, service)
    set_workers(w, service, t)


@machine_code
def set_workers(w: Any, service: int, t: float) -> None:
    """As many workers as the autoscaler has there, or the scenario, and as many fewer or more as a fault makes it."""
    line, p = services(w)[service], parameters(w)
    workers = p[line.pieces + rules.PIECE * line.piece + 1]
    if line.autoscale >= 0:
        workers = max(0.0, workers + (line.scaled - p[line.pieces + 1]))
    row = w.traffic_count + service
    metered = workers if workers < math.inf else 0.0  # unlimited workers have no utilisation
    change(w, row, see.WORKERS, metered - level(w, row, see.WORKERS), t)
    line.workers = workers
    if line.shares:
        share(w, service, t)
    else:
        line.room = workers
    make_ready(w, service)


@machine_code
def schedule_fault(w: Any, service: int) -> None:
    """The next beginning or end of a fault at a service, if there is one."""
    line, p = services(w)[service], parameters(w)
    if line.piece + 1 < line.piece_count:
        at = p[line.pieces + rules.PIECE * (line.piece + 1)]
        push(w, at, key_of(TICK, name_of(0, service, FAULT)), service)


@machine_code
def schedule_reading(w: Any, service: int, t: float) -> None:
    """The next reading of a service's autoscaler, if it has one."""
    line = services(w)[service]
    if line.autoscale >= 0:
        at = t + parameters(w)[line.autoscale + rules.PERIOD]
        push(w, at, key_of(TICK, name_of(0, service, READING)), service | (READING << KIND_SHIFT))


@inlined
def so_far(w: Any, row: int, column: int, t: float) -> float:
    """The integral of a level since the beginning."""
    meter = meters(w)[row * see.METERS + column]
    return float(meter.before + meter.area + meter.level * (t - meter.since))


@machine_code
def scale(w: Any, service: int, t: float) -> None:
    """An autoscaler reads its metric, and orders or dismisses workers."""
    line, p, row = services(w)[service], parameters(w), w.traffic_count + service
    offered, waiting = so_far(w, row, see.WORKERS, t), so_far(w, row, see.QUEUE, t)
    busy = so_far(w, row, see.POWER if line.shares else see.BUSY, t)
    lag = t - attempts(w)[line.oldest].arrived if line.oldest >= 0 else 0.0
    there = line.scaled + line.starting
    wanted = rules.wanted(
        p,
        line.autoscale,
        there,
        offered - line.offered_before,
        busy - line.busy_before,
        waiting - line.waiting_before,
        lag,
        t - line.changed,
    )
    line.offered_before, line.busy_before, line.waiting_before = offered, busy, waiting
    schedule_reading(w, service, t)
    if wanted == there:
        return
    line.changed = t
    startup = p[line.autoscale + rules.STARTUP]
    if wanted > there and startup > 0.0:
        line.starting += wanted - there
        item = service | (ARRIVAL_OF_WORKERS << KIND_SHIFT) | (int(wanted - there) << NUMBER_SHIFT)
        push(w, t + startup, key_of(TICK, name_of(0, service, ARRIVAL_OF_WORKERS)), item)
        return
    line.scaled = max(0.0, wanted - line.starting)
    set_workers(w, service, t)
