"""Every guard, at the place of its opcode."""

from __future__ import annotations

from sim.scenario.admission import AnyAdmission
from sim.scenario.budgets import AnyBudget
from sim.scenario.guard import GuardRule
from sim.scenario.rule import family
from sim.scenario.throttles import AnyThrottle, Circuit

MEMBERS = family(AnyBudget, AnyThrottle | Circuit, AnyAdmission, base=GuardRule)
