"""The largest spike that is survived: the other headroom, of what comes all at once and goes away again."""

from __future__ import annotations

from typing import Final

from sim.errors import ScenarioError, UsageError
from sim.measure.intervals import CONFIDENCE
from sim.scenario.scenario import Scenario
from sim.study.metastability.fates import Judge, Judging
from sim.study.metastability.margin import Margin, margin
from sim.study.metastability.trigger import without_trigger
from sim.units import write_duration, write_factor

SURVIVED: Final = 0.95
"""The probability of recovery from which a spike is called survived."""

HIGHEST: Final = 64.0
"""The highest spike that is tried, as a factor on the rate."""


def spike_headroom(
    scenario: Scenario,
    lasting: float,
    *,
    confidence: float = CONFIDENCE,
    survived: float = SURVIVED,
    horizon: float | None = None,
    jobs: int | None = None,
) -> Margin:
    """The highest spike of all traffic, as a factor on its rate, that is survived with a probability.

    What is survived, and what recovered means, is told in `sim.study.metastability.fates`. The own trigger is left out.

    Args:
        scenario: whose traffic has a rate.
        lasting: of the spike, in s.
        confidence: that the factor lies in the interval.
        survived: the probability of recovery.
        horizon: s after the spike's end; the rest of the run if None.
        jobs: threads.

    Raises:
        UsageError: the run is too short for the spike, or no traffic has a rate.
    """
    if not lasting > 0.0:
        raise UsageError(f"a spike of {lasting:g} s is none; for example 10 s")
    calm = without_trigger(scenario)
    warm = 0.0 if scenario.run.warmup == "auto" else float(scenario.run.warmup)
    begin = max(warm, scenario.run.duration / 10.0)
    if not lasting < scenario.run.duration - begin:
        raise UsageError(
            f"a spike of {lasting:g} s that begins at {begin:g} s does not end within the run of "
            f"{scenario.run.duration:g} s; for example a longer run.duration"
        )
    lasts = list(calm.document.get("faults", []))

    def spiked(plain: Scenario, factor: float) -> Scenario:
        spikes = [
            {
                "at": write_duration(begin),
                "for": write_duration(lasting),
                "traffic": name,
                "rate": write_factor(factor),
            }
            for name in plain.traffic
        ]
        return plain.set("faults", [*lasts, *spikes])

    try:
        as_written = spiked(calm, 1.0)
    except ScenarioError as error:
        raise UsageError(
            f"no spike can be made of this traffic: {error.problems[0].message}; for example kind: poisson"
        ) from None
    return margin(
        Judge(Judging(horizon=horizon), jobs),
        as_written,
        "height",
        spiked,
        chance=1.0 - survived,
        confidence=confidence,
        most=HIGHEST,
    )
