"""The scenario's rules as machine code: a ladder for each family, from an opcode to the rule at that place.

The code of every rule is the scenario's own (`sim.engines.jit` rebinds it), so a new rule needs no edit here.
"""

from __future__ import annotations

from typing import Any, Final

from sim import draws
from sim.engines.events import attempt_of, number_of
from sim.engines.jit import compiled, inlined, ladder, replace
from sim.scenario import arrivals, disciplines
from sim.scenario import backoff as backoffs
from sim.scenario import distributions as laws

PIECE: Final = 5
"""Numbers in one piece of a service's timeline: at, workers, time factor, error ratio, paused."""

uniform = compiled(draws.uniform)
"""The uniform of a stream that belongs to a request and attempt."""


@inlined
def uniform_of(key: Any, name: Any) -> float:
    """The uniform of a stream that belongs to the attempt of this name."""
    return uniform(key, number_of(name), attempt_of(name))


_MIXTURE: Final = laws.MIXTURE
_law = ladder([law.rule if law is not laws.Mixture else None for law in laws.MEMBERS], "p, at, u", "nan")
_chosen_part = compiled(laws.chosen_part)
_remaining_uniform = compiled(laws.remaining_uniform)


@inlined
def quantile(p: Any, at: int, u: float) -> float:
    """The distribution at address `at`, at the uniform `u`; the twin of the scenario's function of this name."""
    while int(p[at - 1]) == _MIXTURE:
        part = _chosen_part(p, at, u)
        u = _remaining_uniform(p, at, u)
        at = part
    return _law(int(p[at - 1]), p, at, u)


replace(laws.quantile, quantile)

# Ladders whose rules draw from distributions come after the replacement.
arrival = ladder(
    [kind.rule if kind is not arrivals.Closed else None for kind in arrivals.MEMBERS],
    "p, at, s, i, n, u, gap, t, speed, until, fresh",
    "nan",
)
gap = ladder(
    [kind.draw if kind is not arrivals.Closed else None for kind in arrivals.MEMBERS], "p, at, u", "nan"
)
backoff = ladder([kind.rule for kind in backoffs.MEMBERS], "p, at, retry, previous, u", "nan")
rank = ladder([kind.rule for kind in disciplines.MEMBERS], "priority, work, expiry, u", "nan")
