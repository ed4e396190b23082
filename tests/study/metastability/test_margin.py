"""The margin: stochastic bisection finds where a Markov chain says that it is, and says when there is no such place."""

from __future__ import annotations

import math

import pytest
from scipy.optimize import brentq

import sim
from sim.study.metastability.fates import Judge, Judging
from sim.study.metastability.margin import margin, margins, vulnerable_load
from sim.study.metastability.trigger import heightened, lengthened
from tests.study.metastability.retrial_chain import Chain
from tests.study.metastability.test_basin import CALM, CHAIN, EXPONENTIAL, HORIZON, PASSAGE, TIPPING

HEIGHT, LENGTH = 4.0, 4.0  # of the trigger as written


def collapse(factor: float, length: float = LENGTH, load: float = 1.0) -> float:
    """The chain's probability of collapse at a factor on the arrivals for so many seconds."""
    chain = Chain(
        CHAIN.arrival * load, CHAIN.workers, CHAIN.service, CHAIN.places, CHAIN.backoff, CHAIN.level
    )
    return 1.0 - chain.recovered_by(chain.after_the_spike(CALM, factor, length), HORIZON)


@pytest.mark.parametrize("chance", [0.5, 0.8])
def test_the_height_that_tips_it_is_the_chain_s(chance: float) -> None:
    exact = brentq(lambda by: collapse(1.0 + (HEIGHT - 1.0) * by) - chance, 0.01, 1.3, xtol=1e-3)
    judge = Judge(PASSAGE)
    found = margin(judge, sim.loads(EXPONENTIAL), "height", heightened, chance=chance, confidence=0.999)
    assert found.low <= exact <= found.high
    assert found.low <= found.factor <= found.high
    assert found.high / found.low < 2.5


def test_the_duration_that_tips_it_is_the_chain_s() -> None:
    exact = brentq(lambda by: collapse(HEIGHT, LENGTH * by) - 0.5, 0.01, 1.5, xtol=1e-3)
    judge = Judge(PASSAGE)
    found = margin(judge, sim.loads(EXPONENTIAL), "duration", lengthened, confidence=0.999)
    assert found.low <= exact <= found.high


def test_the_vulnerable_load_is_the_chain_s() -> None:
    exact = brentq(lambda load: collapse(HEIGHT, load=load) - 0.5, 0.1, 1.0, xtol=1e-3)
    judge = Judge(PASSAGE)
    found = vulnerable_load(judge, sim.loads(EXPONENTIAL), chance=0.5, confidence=0.999)
    assert found.low <= exact <= found.high
    assert found.factor < 1.0


def test_the_margin_of_a_collapse_is_below_one_and_of_a_recovery_above() -> None:
    judge = Judge()
    harmless = sim.loads(TIPPING).set("faults[0].rate", "x2")
    harmful = sim.loads(TIPPING).set("faults[0].rate", "x9")
    for found in margins(judge, harmless):
        assert found.low > 1.0
    for found in margins(judge, harmful):
        assert found.high < 1.0


def test_what_nothing_can_tip_is_said_to_be_so() -> None:
    calm = sim.loads(TIPPING).set(
        {
            "clients.app.retry": None,
            "faults": [{"at": "3s", "for": "1s", "service": "api", "workers": "x0.5"}],
        }
    )
    judge = Judge()
    height = margins(judge, calm)[0]
    assert (height.factor, height.high, height.limited) == (math.inf, math.inf, True)
    assert height.low == 2.0  # no worker left for a second: as much as can go wrong
    assert height.to_json()["factor"] is None


def test_what_anything_tips_has_no_margin() -> None:
    judge = Judge(Judging(level=0.0, hold=5.0))  # a level that it does not keep to by itself
    found = margins(judge, sim.loads(TIPPING))[0]
    assert found.low == 0.0
    assert found.factor == 0.0


def test_a_pause_has_a_duration_alone() -> None:
    paused = sim.loads(TIPPING).set("faults", [{"at": "3s", "for": "1s", "service": "api", "pause": True}])
    judge = Judge()
    assert [found.of for found in margins(judge, paused)] == ["duration"]
