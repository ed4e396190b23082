"""Slowdowns: why a service takes longer the more there is to do. Asked when a worker takes an attempt."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from sim.scenario.quantities import Amount, Count, Duration, NumberFromOne
from sim.scenario.rule import Row, Rule, family


class SlowdownRule(Rule):
    """A slowdown; its rule gives the seconds that a service of `work` seconds takes."""

    @staticmethod
    def rule(p: Row, at: int, work: float, waiting: float, busy: float) -> float:
        """The seconds; `waiting` are left in the queue, `busy` are in service, this one among them."""
        raise NotImplementedError


class Spill(SlowdownRule):
    """x `factor` while more than `memory` wait: a queue that no longer fits into memory, and why it is bounded."""

    kind: Literal["spill"] = "spill"
    memory: Count = Field(description="waiting attempts that fit into memory", examples=[10000])
    factor: NumberFromOne = Field(description="by how much a service is longer past that", examples=[3])

    def parameters(self, p: list[float]) -> list[float]:
        """Memory and factor."""
        return [self.memory, self.factor]

    @staticmethod
    def rule(p: Row, at: int, work: float, waiting: float, busy: float) -> float:
        """work·factor past memory."""
        return work * p[at + 1] if waiting > p[at] else work


class Contention(SlowdownRule):
    """x (1 + sigma·(N - 1) + kappa·N·(N - 1)) with N in service (Gunther's Universal Scalability Law, 1993)."""

    kind: Literal["contention"] = "contention"
    sigma: Amount = Field(default=0.0, description="share of the work that only one can do at a time")
    kappa: Amount = Field(default=0.0, description="cost of each pair's keeping each other up to date")

    def parameters(self, p: list[float]) -> list[float]:
        """Sigma and kappa."""
        return [self.sigma, self.kappa]

    @staticmethod
    def rule(p: Row, at: int, work: float, waiting: float, busy: float) -> float:
        """work·(1 + sigma·(N - 1) + kappa·N·(N - 1))."""
        return work * (1.0 + p[at] * (busy - 1.0) + p[at + 1] * busy * (busy - 1.0))


class Concurrency(SlowdownRule):
    """+ `per_job` for each job in service, itself among them (the server of Brooker's collapse study, 2022)."""

    kind: Literal["concurrency"] = "concurrency"
    per_job: Duration

    def parameters(self, p: list[float]) -> list[float]:
        """Seconds for each job."""
        return [self.per_job]

    @staticmethod
    def rule(p: Row, at: int, work: float, waiting: float, busy: float) -> float:
        """Work + per_job·N."""
        return work + p[at] * busy


AnySlowdown = Spill | Contention | Concurrency
Slowdown = Annotated[AnySlowdown, Field(discriminator="kind")]
"""A slowdown as a field of a service."""

MEMBERS = family(AnySlowdown, base=SlowdownRule)
"""Every class, at the place of its opcode."""
