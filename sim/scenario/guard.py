"""Guards: what watches attempts go by, and says whether one more may go, at a client or at a service.

Budgets, throttles, breakers and limits at the client, admission at the service: each is asked (`admits`), and for each
yes told once what became of it (`ends`). What it remembers is a flat row of numbers, one row for each client instance
or each instance of a service.
"""

from __future__ import annotations

from typing import ClassVar

from sim.scenario.rule import Row, Rule, State


class GuardRule(Rule):
    """What says whether an attempt may go.

    Two facts mean something else at each side. `case`: at a client, how the try before ended (an outcome's number;
    FIRST for a request's first attempt, HEDGE for a second one beside it); at a service, how important its class is,
    0 the most. `ahead`, `patience`: at a service, how many wait for each worker, and the seconds until its client
    waits no longer; at a client 0 and math.inf.
    """

    STATE: ClassVar[int] = 0
    """How many numbers it remembers."""

    CHANCE: ClassVar[bool] = False
    """Whether `admits` looks at its uniform; the others are spared the draw."""

    def initial(self, u: float) -> list[float]:
        """What it remembers at the beginning; `u` is a uniform of this instance's own."""
        return [0.0] * self.STATE

    @staticmethod
    def admits(
        p: Row,
        at: int,
        s: State,
        i: int,
        t: float,
        u: float,
        case: float,
        ahead: float,
        patience: float,
    ) -> bool:
        """Whether one more may go, at the time `t`; `u` is a uniform of its own, if the rule says `CHANCE`."""
        return True

    @staticmethod
    def keeps(
        p: Row, at: int, s: State, i: int, t: float, waited: float, left: float, patience: float
    ) -> bool:
        """Whether one that a worker is about to take shall be served: it `waited`, and `left` others wait behind it."""
        return True

    @staticmethod
    def ends(
        p: Row,
        at: int,
        s: State,
        i: int,
        t: float,
        outcome: int,
        case: float,
        lasted: float,
        worked: float,
    ) -> None:
        """One that was admitted has ended: how, after how many seconds here, and how many of a worker's (else 0).

        DENIED if it was never sent after all, as a guard asked later forbade it.
        """
