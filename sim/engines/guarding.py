"""Guards in the compiled engine: asked in turn, and told what became of whom they let go."""

from __future__ import annotations

import math
from typing import Any

from sim.engines import observations as see
from sim.engines import rules
from sim.engines.jit import inlined, machine_code
from sim.engines.memory import guards, parameters, states


@inlined
def admitted(w: Any, which: int, instance: int, t: float, case: int) -> bool:
    """Whether a retry budget affords an attempt."""
    guard = guards(w)[which]
    state = guard.state + instance * guard.size
    return bool(
        rules.admits(guard.op, parameters(w), guard.at, states(w), state, t, 0.5, float(case), 0.0, math.inf)
    )


@machine_code
def may_go(
    w: Any,
    first: int,
    many: int,
    instance: int,
    t: float,
    u: float,
    case: float,
    ahead: float,
    patience: float,
) -> bool:
    """Whether each of these guards, asked in turn, lets one go; if one does not, those before it are told so."""
    for which in range(first, first + many):
        guard = guards(w)[which]
        state = guard.state + instance * guard.size
        if not rules.admits(guard.op, parameters(w), guard.at, states(w), state, t, u, case, ahead, patience):
            if which > first:
                told(w, first, which - first, instance, t, see.DENIED, case, 0.0, 0.0)
            return False
    return True


@machine_code
def told(
    w: Any,
    first: int,
    many: int,
    instance: int,
    t: float,
    outcome: int,
    case: float,
    lasted: float,
    worked: float,
) -> None:
    """Tells these guards how one that they let go has ended."""
    for which in range(first, first + many):
        guard = guards(w)[which]
        state = guard.state + instance * guard.size
        rules.ends(guard.op, parameters(w), guard.at, states(w), state, t, outcome, case, lasted, worked)


@machine_code
def kept(w: Any, first: int, many: int, t: float, waited: float, left: float, patience: float) -> bool:
    """Whether each of a service's guards lets a worker take one; the first that does not has the last word."""
    for which in range(first, first + many):
        guard = guards(w)[which]
        if not rules.keeps(
            guard.op, parameters(w), guard.at, states(w), guard.state, t, waited, left, patience
        ):
            return False
    return True
