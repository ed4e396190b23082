"""A storm of retries that outlives its cause, or does not: which of a real system's triggers tipped it."""

from __future__ import annotations

import pytest

from tests.published.judging import simulate
from tests.published.stations import FACTS, TRAFFIC, per_second, run_for, seconds, station

SCALE = 10.0
"""Both rates are divided by it: queues this large behave as a fluid, whose fate depends on their ratio alone."""

FULL_CPU, CAPACITY = 2.0, 35_000.0
"""The source does not give the service rate: this one, at full CPU, is fitted to all its outcomes at once.

From about 34,000/s to 36,000/s will do; below, all three triggers tip the system, above, none does.
"""

TRIGGERED, WATCHED = 5.0, 90.0


@pytest.mark.parametrize("name", [name for name in FACTS if name.startswith("osdi22_")])
def test_trigger_tips_the_system_or_not(name: str) -> None:
    """A primary that loses most of its CPU for some seconds, before clients who resend at once after 3 s."""
    p = FACTS[name]["params"]
    rate = p["nominal_rate_per_s"] / SCALE
    document = station(
        {"kind": "constant", "rate": per_second(rate)},
        seconds(SCALE / CAPACITY),
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
    goodput = series[(series["subject"] == TRAFFIC) & (series["metric"] == "goodput")]
    before = goodput.loc[goodput["time"].between(1.0, TRIGGERED - 2.0), "value"].mean()
    after = goodput.loc[goodput["time"] >= WATCHED - 20.0, "value"].mean()
    assert before == pytest.approx(rate, rel=0.01)
    if FACTS[name]["expected"]["outcome"] == "recovers":
        assert after == pytest.approx(rate, rel=0.01)
    else:
        assert after < 0.05 * rate
