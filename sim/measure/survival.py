"""Times until something happens, where some runs were no longer watched before it did: Kaplan and Meier (1958)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from sim.measure.intervals import CONFIDENCE


@dataclass(frozen=True)
class Step:
    """One instant at which it happened: time in s, runs watched just before it, how many it happened to then.

    share: the estimate of the share of runs it has happened to by then; low, high: its interval.
    """

    time: float
    watched: int
    happened: int
    share: float
    low: float
    high: float


@dataclass(frozen=True)
class Survival:
    """The share of runs to which something has happened by each time, and what follows from it."""

    steps: tuple[Step, ...]
    confidence: float
    runs: int
    watched_until: float
    """s, the longest that any run was watched."""

    def share(self, time: float) -> float:
        """The share of runs to which it has happened by `time`, in s."""
        return max((step.share for step in self.steps if step.time <= time), default=0.0)

    def quantile(self, share: float = 0.5) -> tuple[float, float, float]:
        """(time, low, high) in s by which it has happened to this share of runs; inf where that is not reached.

        The interval holds the times whose own interval holds the share (Brookmeyer and Crowley, 1982).
        """

        def first(reached: Sequence[float]) -> float:
            pairs = zip(self.steps, reached, strict=True)
            return next((step.time for step, value in pairs if value >= share - 1e-12), math.inf)

        return (
            first([step.share for step in self.steps]),
            first([step.high for step in self.steps]),
            first([step.low for step in self.steps]),
        )

    def restricted_mean(self, until: float | None = None) -> tuple[float, float, float]:
        """(mean, low, high) of the lesser of the time and `until`, in s: what is beyond `until` counts as `until`.

        The area over the estimate, with Greenwood's variance (Irwin, 1949).
        """
        from scipy.special import ndtri

        end = self.watched_until if until is None else min(until, self.watched_until)
        steps = [step for step in self.steps if step.time < end]
        times = [0.0, *(step.time for step in steps), end]
        left = [1.0, *(1.0 - step.share for step in steps)]
        areas = [height * (b - a) for height, a, b in zip(left, times, times[1:], strict=False)]
        mean = math.fsum(areas)
        variance, beyond = 0.0, math.fsum(areas[1:])
        for place, step in enumerate(steps):
            if step.watched > step.happened:
                variance += beyond**2 * step.happened / (step.watched * (step.watched - step.happened))
            beyond -= areas[place + 1]
        half = float(ndtri(0.5 + self.confidence / 2.0)) * math.sqrt(variance)
        return mean, max(0.0, mean - half), min(end, mean + half)


def kaplan_meier(
    times: Sequence[float], happened: Sequence[bool], confidence: float = CONFIDENCE
) -> Survival:
    """The estimate of Kaplan and Meier, with the log-log interval (Kalbfleisch and Prentice, 1980).

    Args:
        times: of each run in s, until it happened or until the run was no longer watched.
        happened: whether it happened, at that time.
        confidence: of the intervals.
    """
    from scipy.special import ndtri

    z = float(ndtri(0.5 + confidence / 2.0))
    watched, left, greenwood = len(times), 1.0, 0.0
    steps = []
    counts: dict[float, list[int]] = {}
    for time, done in zip(times, happened, strict=True):
        counts.setdefault(time, [0, 0])[0 if done else 1] += 1
    for time in sorted(counts):
        here, gone = counts[time]
        if here:
            left *= 1.0 - here / watched
            greenwood += here / (watched * (watched - here)) if watched > here else math.inf
            low, high = _log_log(left, greenwood, z)
            steps.append(Step(time, watched, here, 1.0 - left, 1.0 - high, 1.0 - low))
        watched -= here + gone
    return Survival(tuple(steps), confidence, len(times), max(times, default=0.0))


def _log_log(left: float, greenwood: float, z: float) -> tuple[float, float]:
    """The interval of the share that is left: symmetric on the scale of log(-log), so within 0 and 1."""
    if left <= 0.0:  # the last one watched: the estimate has no variance there
        return 0.0, 0.0
    spread = z * math.sqrt(greenwood) / abs(math.log(left))
    return math.pow(left, math.exp(spread)), math.pow(left, math.exp(-spread))
