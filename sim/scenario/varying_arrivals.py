"""Poisson processes whose rate varies: by a profile, a wave, or a chain of states. All by exact inversion.

The integral of the rate from epoch to epoch is an exponential of mean 1 (Çinlar, Introduction to Stochastic
Processes, 1975), so a change of rate between two epochs is as exact as none.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from sim.draws import further
from sim.scenario.arrival_rule import ArrivalRule
from sim.scenario.part import Part
from sim.scenario.quantities import Duration, PositiveDuration, PositiveRate, Rate, refuse, show
from sim.scenario.rule import Filled, Row, State

POINTS = "[[0s, 100/s], [60s, 300/s]]"


def _a_pair(value: Any) -> Any:
    if isinstance(value, list | tuple) and len(value) == 2:
        return value
    raise refuse(f"{show(value)} is not a pair of time and rate", "[60s, 300/s]")


class Profile(ArrivalRule):
    """A Poisson process whose rate runs through `points` (time, rate), on the run's clock whatever `start`.

    `shape: step` holds a point's rate until the next, `linear` goes straight from one to the next; the last
    rate is kept. With `repeat` the profile begins anew every so often.
    """

    kind: Literal["profile"] = "profile"
    points: Annotated[
        tuple[Annotated[tuple[Duration, Rate], BeforeValidator(_a_pair)], ...], Filled(POINTS)
    ] = Field(description="[time, rate] in rising order", examples=[[["0s", "100/s"], ["60s", "300/s"]]])
    shape: Literal["step", "linear"] = Field("step", description="how the rate goes from point to point")
    repeat: PositiveDuration | None = Field(None, description="begin anew every so often", examples=["24h"])
    STATE: ClassVar[int] = 3

    @model_validator(mode="after")
    def _is_a_profile(self) -> Self:
        times = [time for time, _ in self.points]
        if times[0] != 0.0:
            raise refuse(f"the first point of a profile is at 0s, not at {times[0]:g}s", POINTS, at="points")
        for before, after in pairwise(times):
            if after <= before:
                raise refuse(
                    f"the points of a profile rise in time: {after:g}s comes after {before:g}s",
                    POINTS,
                    at="points",
                )
        if self.repeat is not None and self.repeat < times[-1]:
            raise refuse(
                f"repeat {self.repeat:g}s is before the last point at {times[-1]:g}s", "24h", at="repeat"
            )
        if (self._cycle() if self.repeat is not None else max(rate for _, rate in self.points)) <= 0.0:
            raise refuse("the rate of a profile is zero throughout", POINTS, at="points")
        return self

    def _pieces(self) -> list[tuple[float, float, float, float]]:
        """Begin, end, rate at the begin, and slope of each piece; the last ends at `repeat` or never."""
        pieces = []
        for place, (begin, rate) in enumerate(self.points):
            end, slope = math.inf if self.repeat is None else self.repeat, 0.0
            if place + 1 < len(self.points):
                end, next_rate = self.points[place + 1]
                slope = (next_rate - rate) / (end - begin) if self.shape == "linear" else 0.0
            pieces.append((begin, end, rate, slope))
        return pieces

    def _cycle(self) -> float:
        """The integral of the rate from 0 to `repeat`."""
        return math.fsum(
            (rate + 0.5 * slope * (end - begin)) * (end - begin) for begin, end, rate, slope in self._pieces()
        )

    def parameters(self, p: list[float]) -> list[float]:
        """How many pieces, `repeat` (0 for never), then begin, rate and slope of each piece."""
        row = [float(len(self.points)), self.repeat or 0.0]
        for begin, _, rate, slope in self._pieces():
            row += [begin, rate, slope]
        return row

    @staticmethod
    def draw(p: Row, at: int, u: float) -> float:
        """The integral of the rate to the next epoch."""
        return -math.log(1.0 - u)

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
        """State: what is left of the integral, the piece that `t` is in, and how many cycles have passed."""
        if fresh:
            s[i] = gap
        if speed == 0.0:
            return math.inf
        pieces = int(p[at])
        repeat = p[at + 1]
        while True:
            place = int(s[i + 1])
            row = at + 2 + 3 * place
            base = s[i + 2] * repeat
            end = math.inf
            if place + 1 < pieces:
                end = base + p[row + 3]
            elif repeat > 0.0:
                end = (s[i + 2] + 1.0) * repeat
            if t >= end:
                s[i + 1] += 1.0
                if place + 1 == pieces:
                    s[i + 1] = 0.0
                    s[i + 2] += 1.0
                continue
            rate = speed * max(0.0, p[row + 1] + p[row + 2] * (t - base - p[row]))
            slope = speed * p[row + 2]
            stop = min(end, until)
            x = t + time_to_integrate(rate, slope, s[i])
            if x <= stop:
                return x
            s[i] = max(0.0, s[i] - (rate + 0.5 * slope * (stop - t)) * (stop - t))
            t = stop
            if stop == until:
                return math.inf

    def _epoch_rate(self) -> float:
        return self.points[-1][1] if self.repeat is None else self._cycle() / self.repeat


def time_to_integrate(rate: float, slope: float, work: float) -> float:
    """How long until the integral of rate + slope·t is `work`; infinity if it never is.

    The smaller root of rate·d + slope·d²/2 = work, in the form that does not cancel.
    """
    square = rate * rate + 2.0 * slope * work
    if square < 0.0:
        return math.inf
    twice_mean_rate = rate + math.sqrt(square)
    return 2.0 * work / twice_mean_rate if twice_mean_rate > 0.0 else math.inf


class Sinusoid(ArrivalRule):
    """A Poisson process of rate(t) = mean + amplitude·sin(2π(t - phase)/period), on the run's own clock."""

    kind: Literal["sinusoid"] = "sinusoid"
    mean: PositiveRate
    amplitude: Rate
    period: PositiveDuration
    phase: Duration = 0.0
    STATE: ClassVar[int] = 1

    @model_validator(mode="after")
    def _never_negative(self) -> Self:
        if self.amplitude > self.mean:
            raise refuse(
                f"amplitude {self.amplitude:g}/s is more than mean {self.mean:g}/s: a negative rate",
                "{mean: 100/s, amplitude: 50/s, period: 24h}",
                at="amplitude",
            )
        return self

    def parameters(self, p: list[float]) -> list[float]:
        """Mean, amplitude, period, phase."""
        return [self.mean, self.amplitude, self.period, self.phase]

    @staticmethod
    def draw(p: Row, at: int, u: float) -> float:
        """The integral of the rate to the next epoch."""
        return -math.log(1.0 - u)

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
        """State: what is left of the integral."""
        if fresh:
            s[i] = gap
        if speed == 0.0:
            return math.inf
        turns = (t - p[at + 3]) / p[at + 2]
        angle = 2.0 * math.pi * (turns - float(math.floor(turns)))
        x = t + wave_gap(p[at], p[at + 1], p[at + 2], angle, s[i] / speed)
        if x <= until:
            return x
        s[i] = max(0.0, s[i] - speed * wave_integral(p[at], p[at + 1], p[at + 2], angle, until - t))
        return math.inf

    def _epoch_rate(self) -> float:
        return self.mean


def wave_integral(mean: float, amplitude: float, period: float, angle: float, d: float) -> float:
    """The integral of mean + amplitude·sin over `d` seconds from `angle` on; a product, as sums cancel."""
    half = math.pi * d / period
    return mean * d + amplitude * period / math.pi * math.sin(angle + half) * math.sin(half)


def wave_gap(mean: float, amplitude: float, period: float, angle: float, work: float) -> float:
    """The `d` at which `wave_integral` is `work`: Newton, and bisection where Newton leaves the bracket."""
    swing = amplitude * period / math.pi
    low = max(work / (mean + amplitude), (work - swing) / mean)
    high = (work + swing) / mean
    d = min(high, max(low, work / mean))
    for _ in range(200):
        over = wave_integral(mean, amplitude, period, angle, d) - work
        # No better than the rounding of the integral itself.
        if abs(over) <= 4e-16 * (mean * d + work):
            return d
        if over > 0.0:
            high = d
        else:
            low = d
        rate = mean + amplitude * math.sin(angle + 2.0 * math.pi * d / period)
        d = d - over / rate if rate > 0.0 else low
        if d <= low or d >= high:
            d = 0.5 * (low + high)
    return d


STATES = "[{rate: 100/s, stay: 10s}, {rate: 300/s, stay: 2s}]"


class MmppState(Part):
    """One state of a Markov-modulated Poisson process: its `rate`, and how long it lasts in the mean."""

    rate: Rate
    stay: PositiveDuration


class Mmpp(ArrivalRule):
    """A Poisson process whose rate is that of the state in force.

    The states are visited in turn from the first one, which begins at `start`, and around again; each lasts
    an exponential of mean `stay` (Fischer and Meier-Hellstern, Performance Evaluation 18, 1993).
    """

    kind: Literal["mmpp"] = "mmpp"
    states: Annotated[tuple[MmppState, ...], Filled(STATES)] = Field(
        description="the states in the order of their visits",
        examples=[[{"rate": "100/s", "stay": "10s"}, {"rate": "300/s", "stay": "2s"}]],
    )
    STATE: ClassVar[int] = 4

    @model_validator(mode="after")
    def _some_rate(self) -> Self:
        if all(state.rate == 0.0 for state in self.states):
            raise refuse("the rate of every state of an mmpp is zero", STATES, at="states")
        return self

    def parameters(self, p: list[float]) -> list[float]:
        """How many states, then rate and mean stay of each."""
        return [
            float(len(self.states)),
            *(number for state in self.states for number in (state.rate, state.stay)),
        ]

    @staticmethod
    def draw(p: Row, at: int, u: float) -> float:
        """The integral of the rate to the next epoch."""
        return -math.log(1.0 - u)

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
        """State: what is left of the integral, state in force, its end, further uniforms taken."""
        if fresh:
            s[i] = gap
            s[i + 3] = 0.0
            if n == 0:
                s[i + 3] = 1.0
                s[i + 2] = t - p[at + 2] * math.log(1.0 - further(u, 1))
        if speed == 0.0 and until == math.inf:
            return math.inf
        while True:
            row = at + 1 + 2 * int(s[i + 1])
            rate = p[row] * speed
            stop = min(s[i + 2], until)
            if rate > 0.0:
                x = t + s[i] / rate
                if x <= stop:
                    return x
                s[i] = max(0.0, s[i] - (stop - t) * rate)
            t = stop
            if stop == until:
                return math.inf
            s[i + 1] = s[i + 1] + 1.0 if s[i + 1] + 1.0 < p[at] else 0.0
            s[i + 3] += 1.0
            stay = p[at + 2 + 2 * int(s[i + 1])]
            s[i + 2] -= stay * math.log(1.0 - further(u, int(s[i + 3])))

    def _epoch_rate(self) -> float:
        total = math.fsum(state.stay for state in self.states)
        return math.fsum(state.rate * state.stay for state in self.states) / total
