"""Disciplines: which of the waiting goes into service next. Smallest rank first, ties as they arrived."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from sim.scenario.quantities import PositiveDuration
from sim.scenario.rule import Row, Rule, family, written_bare

Order = Literal["oldest", "newest", "rank", "either"]


class DisciplineRule(Rule):
    """A discipline; `order` says whether a queue takes its oldest, its newest, the smallest rank, or now the oldest and
    now the newest.
    """

    order: ClassVar[Order] = "rank"

    @staticmethod
    def rule(priority: float, work: float, expiry: float, u: float) -> float:
        """The rank of one who comes to wait.

        Args:
            priority: of its traffic class, smaller first.
            work: its service time in seconds.
            expiry: when its client stops waiting, in seconds of the run's clock; math.inf if never.
            u: a uniform of its own.
        """
        raise NotImplementedError

    @staticmethod
    def takes_newest(p: Row, at: int, waited: float) -> bool:
        """Where either may be next: whether it is the newest, when the oldest has waited so long."""
        return False


class Fifo(DisciplineRule):
    """First in, first out."""

    kind: Literal["fifo"] = "fifo"
    order: ClassVar[Order] = "oldest"

    @staticmethod
    def rule(priority: float, work: float, expiry: float, u: float) -> float:
        """All alike: the tie goes to the oldest."""
        return 0.0


class Lifo(DisciplineRule):
    """Last in, first out; a service that has begun is not interrupted."""

    kind: Literal["lifo"] = "lifo"
    order: ClassVar[Order] = "newest"

    @staticmethod
    def rule(priority: float, work: float, expiry: float, u: float) -> float:
        """All alike: the queue takes its newest."""
        return 0.0


class Random(DisciplineRule):
    """In random order: by a rank drawn once, when one comes to wait."""

    kind: Literal["random"] = "random"

    @staticmethod
    def rule(priority: float, work: float, expiry: float, u: float) -> float:
        """The uniform."""
        return u


class Priority(DisciplineRule):
    """By `traffic.<name>.priority`, smaller first; within a class first in, first out."""

    kind: Literal["priority"] = "priority"

    @staticmethod
    def rule(priority: float, work: float, expiry: float, u: float) -> float:
        """The priority."""
        return priority


class Shortest(DisciplineRule):
    """The shortest service time first, known when it comes to wait; not preemptive."""

    kind: Literal["shortest"] = "shortest"

    @staticmethod
    def rule(priority: float, work: float, expiry: float, u: float) -> float:
        """The service time."""
        return work


class EarliestDeadline(DisciplineRule):
    """The one whose client stops waiting first; those whose clients wait for ever come last."""

    kind: Literal["earliest_deadline"] = "earliest_deadline"

    @staticmethod
    def rule(priority: float, work: float, expiry: float, u: float) -> float:
        """The time at which the client stops waiting."""
        return expiry


class AdaptiveLifo(DisciplineRule):
    """First in, first out; last in, first out while the oldest has waited longer than `target`: in overload some are
    served in time, where all would be served too late (Maurer, Fail at Scale, 2015).
    """

    kind: Literal["adaptive_lifo"] = "adaptive_lifo"
    order: ClassVar[Order] = "either"
    target: PositiveDuration = 0.1

    def parameters(self, p: list[float]) -> list[float]:
        """The target."""
        return [self.target]

    @staticmethod
    def rule(priority: float, work: float, expiry: float, u: float) -> float:
        """All alike."""
        return 0.0

    @staticmethod
    def takes_newest(p: Row, at: int, waited: float) -> bool:
        """The oldest has waited longer than the target."""
        return waited > p[at]


AnyDiscipline = Fifo | Lifo | Random | Priority | Shortest | EarliestDeadline | AdaptiveLifo
Discipline = Annotated[AnyDiscipline, Field(discriminator="kind"), written_bare()]
"""A discipline as a field of a model; mostly a bare word."""

MEMBERS = family(AnyDiscipline, base=DisciplineRule)
"""Every class, at the place of its opcode."""
