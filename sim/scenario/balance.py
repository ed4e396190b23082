"""Load balancing: which of a service's instances an attempt is sent to."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from sim.draws import further
from sim.scenario.rule import Row, Rule, family, written_bare

Loads = Literal["none", "server", "client"]


class BalanceRule(Rule):
    """A way to choose; `loads` says what it looks at: how many wait and are served at each instance (`server`), how
    many this traffic class has in flight to each (`client`), or neither.
    """

    loads: ClassVar[Loads] = "none"

    @staticmethod
    def rule(load: Row, at: int, many: int, turn: int, u: float) -> int:
        """The instance's number, from 0.

        Args:
            load: the loads; those of the instances stand from `at` on.
            at: see there.
            many: how many instances there are.
            turn: how many attempts have been sent to the service before.
            u: a uniform of the attempt's own.
        """
        raise NotImplementedError


def least(load: Row, at: int, many: int, u: float) -> int:
    """The least loaded, the first of those alike from a random place on: nobody is favoured."""
    start = int(u * many)
    best = start
    for step in range(1, many):
        place = start + step
        if place >= many:
            place -= many
        if load[at + place] < load[at + best]:
            best = place
    return best


class RandomBalance(BalanceRule):
    """Each as likely as the other."""

    kind: Literal["random"] = "random"

    @staticmethod
    def rule(load: Row, at: int, many: int, turn: int, u: float) -> int:
        """⌊u·n⌋."""
        return int(u * many)


class RoundRobin(BalanceRule):
    """One after the other."""

    kind: Literal["round_robin"] = "round_robin"

    @staticmethod
    def rule(load: Row, at: int, many: int, turn: int, u: float) -> int:
        """Turn mod n."""
        return turn % many


class LeastLoaded(BalanceRule):
    """The one with the fewest waiting and in service, known without delay (join the shortest queue)."""

    kind: Literal["least_loaded"] = "least_loaded"
    loads: ClassVar[Loads] = "server"

    @staticmethod
    def rule(load: Row, at: int, many: int, turn: int, u: float) -> int:
        """The least of all."""
        return least(load, at, many, u)


class PowerOfTwo(BalanceRule):
    """The less loaded of two that are drawn (Mitzenmacher, 2001)."""

    kind: Literal["power_of_two"] = "power_of_two"
    loads: ClassVar[Loads] = "server"

    @staticmethod
    def rule(load: Row, at: int, many: int, turn: int, u: float) -> int:
        """The less loaded of two different ones; the first drawn if they are alike."""
        one = int(u * many)
        if many == 1:
            return one
        other = int(further(u, 1) * (many - 1))
        if other >= one:
            other += 1
        return other if load[at + other] < load[at + one] else one


class LeastOutstanding(BalanceRule):
    """The one to which this traffic class has the fewest attempts in flight: what a client knows by itself."""

    kind: Literal["least_outstanding"] = "least_outstanding"
    loads: ClassVar[Loads] = "client"

    @staticmethod
    def rule(load: Row, at: int, many: int, turn: int, u: float) -> int:
        """The least of all."""
        return least(load, at, many, u)


AnyBalance = RandomBalance | RoundRobin | LeastLoaded | PowerOfTwo | LeastOutstanding
Balance = Annotated[AnyBalance, Field(discriminator="kind"), written_bare()]
"""A way to balance as a field of a service; mostly a bare word."""

MEMBERS = family(AnyBalance, base=BalanceRule)
"""Every class, at the place of its opcode."""
