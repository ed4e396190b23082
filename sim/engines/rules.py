"""The scenario's rules as machine code: a ladder for each family, from an opcode to the rule at that place.

The code of every rule is the scenario's own (`sim.engines.jit` rebinds it), so a new rule needs no edit here.
"""

from __future__ import annotations

from typing import Any, Final

from sim import draws
from sim.engines.events import attempt_of, number_of
from sim.engines.jit import compiled, inlined, ladder, replace
from sim.scenario import arrivals, balance, disciplines, guards, hedge, slowdown
from sim.scenario import backoff as backoffs
from sim.scenario import distributions as laws
from sim.scenario.autoscale import Autoscale
from sim.scenario.disciplines import AdaptiveLifo
from sim.scenario.guard import GuardRule

PIECE: Final = 7
"""Numbers in one piece of a service's timeline: at, workers, time factor, error ratio, paused, order, drops."""

CLIENT_PIECE: Final = 3
"""Numbers in one piece of a client's timeline: at, share lost, whether it retries."""

uniform = compiled(draws.uniform)
"""The uniform of a stream that belongs to a request and attempt."""


@inlined
def uniform_of(w: Any, key: Any, name: Any) -> float:
    """The uniform of a stream that belongs to the attempt of this name."""
    return uniform(key, number_of(name), attempt_of(name), w.mirror)


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
takes_newest = compiled(AdaptiveLifo.takes_newest)
wanted = compiled(Autoscale.rule)
PERIOD, STARTUP = 4, 5
"""Where these stand among an autoscaler's parameters."""


def _of_guards(question: str, arguments: str, otherwise: str) -> Any:
    """A ladder over the guards that have an answer of their own to a question."""
    own = [getattr(kind, question) for kind in guards.MEMBERS]
    common = getattr(GuardRule, question)
    return ladder([answer if answer is not common else None for answer in own], arguments, otherwise)


admits = _of_guards("admits", "p, at, s, i, t, u, case, ahead, patience", "True")
keeps = _of_guards("keeps", "p, at, s, i, t, waited, left, patience", "True")
ends = _of_guards("ends", "p, at, s, i, t, outcome, case, lasted, worked", "None")
hedge_after = ladder([kind.rule for kind in hedge.MEMBERS], "p, at, s, i", "nan")
hedge_learns = ladder([kind.learns for kind in hedge.MEMBERS], "p, at, s, i, lasted", "None")
slowed = ladder([kind.rule for kind in slowdown.MEMBERS], "p, at, work, waiting, busy", "nan")
balanced = ladder([kind.rule for kind in balance.MEMBERS], "load, at, many, turn, u", "-1")
