"""What every distribution offers: a quantile function to draw by, and moments for theory."""

from __future__ import annotations

import math

from sim.scenario.rule import Row, Rule

Moments = tuple[float, float, float]


class DistributionRule(Rule):
    """A distribution of a duration in seconds (or of a batch's size, a whole number)."""

    @staticmethod
    def rule(p: Row, at: int, u: float) -> float:
        """The quantile function: the value below which a share `u` in (0, 1) of the draws lies.

        One uniform a draw, and non-decreasing in it wherever the docstring of the class says nothing else:
        common random numbers and antithetic twins rest on that.
        """
        raise NotImplementedError

    def moments(self) -> Moments:
        """E X, E X², E X³ in s, s², s³; math.inf for one that does not exist."""
        raise NotImplementedError

    def scv(self) -> float:
        """Squared coefficient of variation, Var X / (E X)²; 0 for a distribution that is always 0."""
        first, second, _ = self.moments()
        if first == 0.0:
            return 0.0
        return math.inf if math.isinf(second) else max(0.0, second / (first * first) - 1.0)
