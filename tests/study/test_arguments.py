"""What is not what a function wants is said in a sentence, with what was probably meant."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import sim

STUDIES = ("run", "plan", "sweep", "sensitivity", "stability", "headroom", "forecast", "rare", "theory")


@pytest.mark.parametrize("name", STUDIES)
def test_a_name_is_not_a_scenario(name: str) -> None:
    with pytest.raises(sim.UsageError, match=r"'mm1' is not a scenario .* write sim.load\('mm1'\)"):
        getattr(sim, name)("mm1")


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        (lambda one: sim.compare(one, "mm1"), r"write sim.load\('mm1'\)"),
        (lambda one: sim.compare({"a": one, "b": 3}), "int is not a scenario"),
        (lambda one: sim.run(one, replications="3"), "replications '3' is not a whole number"),
        (lambda one: sim.run(one, seed=1.5), "seed 1.5 is not a whole number"),
        (lambda one: sim.sweep(one, b"services.api.workers=1..3"), "bytes does not say what varies"),
    ],
)
def test_other_things_of_a_wrong_kind(ask: Callable[[Any], Any], said: str) -> None:
    with pytest.raises(sim.UsageError, match=said):
        ask(sim.load("mm1"))


def test_one_metric_needs_no_list() -> None:
    short = sim.load("mm1").set({"run.duration": "30s", "run.replications": 2})
    found = sim.sensitivity(short, vary=["services.api.service_time.mean"], metrics="latency_p99")
    assert found.metrics == (("traffic:web", "latency_p99"),)
    swept = sim.sweep(short, {"services.api.workers": [1, 2]}, metrics="goodput")
    assert set(swept.table["metric"]) == {"goodput"}
