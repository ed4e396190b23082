"""A storm of retries that outlives its cause, or does not: which of a real system's triggers tipped it."""

from __future__ import annotations

import pytest

from tests.published.judging import simulate
from tests.published.stations import FACTS, TRAFFIC, per_second, run_for, seconds, station

SCALE = 10.0
"""Both rates are divided by it: queues this large behave as a fluid, whose fate depends on their ratio alone."""

FULL_CPU = 2.0

TOO_SLOW, TOO_FAST = 33_800.0, 36_700.0
"""The source does not give the service rate. Any between these two, at full CPU, gives all four of its outcomes; with
the first the baseline does not recover any more, with the second the metastable case does.
"""

CAPACITY = (TOO_SLOW + TOO_FAST) / 2.0

TRIGGERED, WATCHED = 5.0, 90.0


def goodput(name: str, capacity: float) -> tuple[float, float]:
    """The share of its nominal rate that succeeds before the trigger, and long after.

    A primary that loses most of its CPU for some seconds, before clients who resend at once after 3 s.
    """
    p = FACTS[name]["params"]
    rate = p["nominal_rate_per_s"] / SCALE
    document = station(
        {"kind": "constant", "rate": per_second(rate)},
        seconds(SCALE / capacity),
        client={
            "timeout": seconds(p["timeout_s"]),
            "retry": {"attempts": 1 + p["resends"], "on": ["timeout"]},
        },
    )
    document["faults"] = [
        {
            "at": seconds(TRIGGERED),
            "for": seconds(p["trigger_s"]),
            "service": "station",
            "service_time": f"x{FULL_CPU / p['trigger_cpu']:.9f}",
        }
    ]
    results = simulate(run_for(document, name, WATCHED, replications=1, drain=False, series="1s"))
    series = results.series
    seen = series[(series["subject"] == TRAFFIC) & (series["metric"] == "goodput")]
    before = seen.loc[seen["time"].between(1.0, TRIGGERED - 2.0), "value"].mean()
    after = seen.loc[seen["time"] >= WATCHED - 20.0, "value"].mean()
    return float(before / rate), float(after / rate)


@pytest.mark.parametrize("name", [name for name in FACTS if name.startswith("osdi22_")])
def test_trigger_tips_the_system_or_not(name: str) -> None:
    """One service rate for all: a little more CPU, a second less, or a quarter less load, and it recovers."""
    before, after = goodput(name, CAPACITY)
    assert before == pytest.approx(1.0, rel=0.01)
    if FACTS[name]["expected"]["outcome"] == "recovers":
        assert after == pytest.approx(1.0, rel=0.01)
    else:
        assert after < 0.05


def test_service_rates_that_give_all_outcomes_are_between_two() -> None:
    assert goodput("osdi22_mongo_baseline", TOO_SLOW)[1] < 0.05
    assert goodput("osdi22_mongo_metastable", TOO_FAST)[1] == pytest.approx(1.0, rel=0.01)
