"""What every arrival process offers: its next epoch, and what theory asks of it."""

from __future__ import annotations

import math
from typing import ClassVar, Self

from pydantic import Field, model_validator

from sim.scenario.batches import BatchSize
from sim.scenario.quantities import Duration, refuse
from sim.scenario.rule import Row, Rule, State


class ArrivalRule(Rule):
    """An arrival process. Each epoch brings one request, or as many as a draw of `batch` says.

    The process begins at `start`, where its first gap begins, and no epoch after `stop` counts.
    """

    STATE: ClassVar[int] = 0
    """How many floats of state the rule keeps, all of them zero when a run begins."""

    opens: ClassVar[bool] = True
    """Whether requests come from outside, by the rule, rather than from users who wait for their last one."""

    accepts_rate_factor: ClassVar[bool] = True
    """Whether a fault may multiply the rate."""

    batch: BatchSize | None = Field(
        None, description="how many requests each arrival brings", examples=[{"kind": "geometric", "mean": 3}]
    )
    start: Duration = Field(0.0, description="when the first gap begins", examples=["10s"])
    stop: Duration | None = Field(None, description="after this time nothing arrives", examples=["60s"])

    @model_validator(mode="after")
    def _stops_after_it_starts(self) -> Self:
        if self.stop is not None and self.stop <= self.start:
            raise refuse(
                f"stop {self.stop:g}s is not after start {self.start:g}s",
                "{start: 10s, stop: 60s}",
                at="stop",
            )
        return self

    @staticmethod
    def draw(p: Row, at: int, u: float) -> float:
        """What of an epoch follows from its uniform `u` alone, whatever the time is, so that it can be drawn ahead."""
        return 0.0

    @staticmethod
    def rule(
        p: Row,
        at: int,
        s: State,
        i: int,
        n: int,
        u: float,
        gap: float,
        t: float,
        speed: float,
        until: float,
        fresh: bool,
    ) -> float:
        """The time of epoch `n` if it is not after `until`; else infinity, with what is left in the state.

        Called again with the next piece's `speed` from `t` = the last `until`, `fresh` no longer set, until
        it gives a time; infinity where `until` is infinite means that no epoch comes any more.

        Args:
            p: the parameters, from address `at`.
            at: see `p`.
            s: the state, from place `i`.
            i: see `s`.
            n: the epoch's number, from 0.
            u: the epoch's uniform.
            gap: what `draw` made of it.
            t: look from here: the last epoch, the start, or a change of speed.
            speed: what multiplies the rate from `t` to `until`.
            until: when the speed changes next; math.inf for never.
            fresh: whether this is the first look for this epoch.
        """
        raise NotImplementedError

    def mean_rate(self) -> float:
        """Requests per second in the long run, whatever start and stop are; nan if there is no such rate."""
        return self._epoch_rate() * (self.batch.moments()[0] if self.batch is not None else 1.0)

    def _epoch_rate(self) -> float:
        """Epochs per second in the long run."""
        return math.nan

    def gap_scv(self) -> float | None:
        """Squared coefficient of variation of the gaps between requests; None if they are not i.i.d."""
        return self._epoch_gap_scv() if self._comes_singly() else None

    def _epoch_gap_scv(self) -> float | None:
        """The same of the gaps between epochs."""
        return None

    def _comes_singly(self) -> bool:
        return self.batch is None or self.batch.moments()[0] == 1.0

    @property
    def poisson(self) -> bool:
        """Whether the requests are exactly a Poisson process of constant rate throughout the run."""
        return self._poisson_epochs() and self._comes_singly() and self.start == 0.0 and self.stop is None

    def _poisson_epochs(self) -> bool:
        return False
