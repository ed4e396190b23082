"""What no formula accepts: the error names the argument, its value, and a value that would do."""

import math
from collections.abc import Callable
from typing import Any

import pytest

from sim.errors import ForebayError, QuantityError
from sim.scenario.closed_distributions import Erlang
from sim.theory.birth_death import stationary, time_to_fall
from sim.theory.closed import finite_source
from sim.theory.ctmc import stationary_chain
from sim.theory.erlang import (
    erlang_b,
    erlang_c,
    load_for_blocking,
    workers_for_blocking,
    workers_for_wait_chance,
)
from sim.theory.gg_c import allen_cunneen
from sim.theory.gi_m_1 import dm1, gi_m_1
from sim.theory.infinite import gg_inf
from sim.theory.law import DelayedExponential
from sim.theory.mdc import mdc
from sim.theory.mg1 import batch_mg1, mg1
from sim.theory.mg1k import md1k
from sim.theory.mmc import mm1, mm_inf, mmc
from sim.theory.mmck import mmck
from sim.theory.patience import erlang_a, fixed_patience
from sim.theory.phase_queue import map_ph_c, poisson_arrivals
from sim.theory.phases import phases_of
from sim.theory.priority import mg1_priority, mmc_priority
from sim.theory.retrial import retrial
from sim.theory.staffing import (
    workers_for_rejection,
    workers_for_sojourn,
    workers_for_utilization,
    workers_for_wait,
)

EXPONENTIAL = (1.0, 2.0, 6.0)
#: a call, its arguments, what the message must name, and the value it must show
WRONG: list[tuple[Callable[..., Any], tuple[Any, ...], str, str]] = [
    (mm1, (0.0, 1.0), "arrival_rate", "0.0"),
    (mm1, (math.inf, 1.0), "arrival_rate", "inf"),
    (mm1, (math.nan, 1.0), "arrival_rate", "nan"),
    (mm1, (0.5, -1.0), "service_rate", "-1.0"),
    (mm1, (1.0, 1.0), "arrival_rate", "1/s"),
    (mmc, (1.0, 1.0, 0), "workers", "0"),
    (mmc, (1.0, 1.0, 2.5), "workers", "2.5"),
    (mmc, (10.0, 1.0, 3), "arrival_rate", "10/s"),
    (mm_inf, (1.0, 0.0), "service_rate", "0.0"),
    (mmck, (1.0, 1.0, 4, 3), "places", "3"),
    (mmck, (1.0, 1.0, 4, math.inf), "places", "inf"),
    (finite_source, (0, 1.0, 1.0, 1), "users", "0"),
    (finite_source, (5, 0.0, 1.0, 1), "think_mean", "0.0"),
    (finite_source, (5, 1.0, 1.0, 3, 2), "places", "2"),
    (erlang_b, (-1.0, 2.0), "workers", "-1.0"),
    (erlang_b, (2.0, -1.0), "offered_load", "-1.0"),
    (erlang_c, (0.0, 1.0), "workers", "0.0"),
    (workers_for_blocking, (10.0, 0.0), "at_most", "0.0"),
    (workers_for_wait_chance, (10.0, 1.5), "at_most", "1.5"),
    (workers_for_blocking, (1e9, 1e-3), "at_most", "0.001"),
    (load_for_blocking, (10.0, 1.0), "at_most", "1.0"),
    (erlang_a, (1.0, 1.0, 1, 0.0), "patience_mean", "0.0"),
    (erlang_a, (1.0, 1.0, 1, 1e9 * 1e9), "patience_mean", "1e+18"),
    (fixed_patience, (1.0, 1.0, 1, -2.0), "patience", "-2.0"),
    (mg1, (0.5, (0.0, 1.0, 1.0)), "service_moments[0]", "0.0"),
    (mg1, (0.5, (1.0, 0.5, 1.0)), "service_moments[1]", "0.5"),
    (mg1, (0.5, (1.0, 1.0, -1.0)), "service_moments[2]", "-1.0"),
    (mg1, (1.5, EXPONENTIAL), "arrival_rate", "1.5/s"),
    (batch_mg1, (0.1, (2.0, 3.0), EXPONENTIAL), "batch_moments[1]", "3.0"),
    (mdc, (5.0, 1.0, 5), "arrival_rate", "5/s"),
    (mdc, (1.0 - 1e-7, 1.0, 1), "load", "0.9999999"),
    (md1k, (1.0, 1.0, 0), "places", "0"),
    (md1k, (1.0, 1.0, 30_000), "places", "30000"),
    (dm1, (1.0, 0.5), "arrival_rate", "1/s"),
    (gi_m_1, (0.5, 1.0, lambda s: s / (1.0 + s)), "deficit", "mean"),
    (allen_cunneen, (1.0, 0.1, 1, -0.5, 1.0), "arrival_scv", "-0.5"),
    (gg_inf, (1.0, math.inf), "service_mean", "inf"),
    (mg1_priority, ([0.2, 0.0], [EXPONENTIAL] * 2), "arrival_rates", "0.0"),
    (mmc_priority, ([2.0, 3.0], 1.0, 5), "arrival_rate", "5/s"),
    (retrial, (1.0, 1.0, 1, 1, 1.0), "arrival_rate", "1/s"),
    (retrial, (1.0, 1.0, 1, 1, 1.0, 0.0), "persistence", "0.0"),
    (retrial, (0.99999, 1.0, 1, 1, 1e4), "orbit", "requests"),
    (workers_for_utilization, (10.0, 1.0, 1.0), "at_most", "1.0"),
    (workers_for_wait, (10.0, 1.0, 95.0, 1.0), "p", "95.0"),
    (workers_for_sojourn, (10.0, 1.0, 0.99, 1.0), "at_most", "1.0"),
    (workers_for_rejection, (10.0, 1.0, 4, 0.0), "at_most", "0.0"),
    (DelayedExponential(0.5, 1.0).quantile, (1.0,), "p", "1.0"),
    (stationary, ([1.0, 2.0], [1.0]), "births", "(2,)"),
    (stationary, ([1.0, -2.0], [1.0, 1.0]), "births[1]", "-2.0"),
    (stationary, ([1.0, 2.0], [1.0, 0.0]), "deaths[1]", "0.0"),
    (time_to_fall, ([1.0], [1.0], 0, 1), "target", "1"),
    (stationary_chain, ("a", lambda _: [("b", -1.0)]), "rate", "-1.0"),
    (stationary_chain, (0, lambda n: [(n + 1, 1.0)], 50), "states", "50"),
    (stationary_chain, ("a", lambda n: [("b", 1.0)] if n == "a" else []), "b", "never left"),
]


@pytest.mark.parametrize(("call", "arguments", "name", "value"), WRONG)
def test_errors_name_the_argument_the_value_and_an_example(
    call: Callable[..., Any], arguments: tuple[Any, ...], name: str, value: str
) -> None:
    with pytest.raises(QuantityError) as caught:
        call(*arguments)
    assert name in str(caught.value)
    assert value in str(caught.value)
    assert caught.value.example
    assert isinstance(caught.value, ForebayError)


def test_too_many_phases_are_refused() -> None:
    service = phases_of(Erlang(mean="1s", shape=20))
    assert service is not None
    with pytest.raises(QuantityError, match="too large"):
        map_ph_c(poisson_arrivals(5.0), service, 10, math.inf)


def test_a_chain_of_levels_that_drifts_up_is_refused() -> None:
    service = phases_of(Erlang(mean="1s", shape=2))
    assert service is not None
    with pytest.raises(QuantityError, match="no steady state"):
        map_ph_c(poisson_arrivals(2.0), service, 2, math.inf)


def test_chain_of_one_state() -> None:
    assert stationary_chain("alone", lambda _: []).chance.tolist() == [1.0]
