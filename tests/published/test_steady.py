"""Published cases in steady state: the intervals hold the known values, and could have missed them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.published.judging import complaint, complaints, simulate
from tests.published.stations import FACTS, SERVICE, Case, Check, Document, cases, seconds

CASES = {case.name: case for case in cases()}


@pytest.mark.parametrize("case", CASES.values(), ids=lambda case: case.name)
def test_intervals_hold_the_published_figures(case: Case) -> None:
    results = simulate(case.document)
    assert complaints(results, case) == []
    for check in case.checks:
        if check.truth != 0.0:  # the interval is narrow enough to see a difference of twice its bound
            off = replace(check, truth=check.truth * (1.0 + 2.0 * case.within) + 1e-6)
            assert complaint(results, off, 10.0) is not None


def test_every_case_names_its_source() -> None:
    assert all(facts["source"] and facts["model"] for facts in FACTS.values())


def _service(document: Document, **change: Any) -> Document:
    station = document["services"]["station"] | change
    return document | {"services": {"station": station}}


WRONG: dict[str, tuple[str, dict[str, Any]]] = {
    "one waiting place more": ("mmck_50_10_4_6", {"queue": {"capacity": 3}}),
    "one worker more": ("erlangB_sixto10_12", {"workers": 16}),
    "constant service for exponential": ("mm1k_rho1", {"service_time": "1s"}),
    "exponential service for Erlang-2": (
        "me2_3_0.8",
        {"service_time": {"kind": "exponential", "mean": "1s"}},
    ),
    "service 3 % longer": ("md1k_5_0.9", {"service_time": seconds(1.03)}),
    "first come first served for shortest first": ("sizebased_mm1_0.9", {"queue": {}}),
    "no priorities": ("prio_np_ciw", {"queue": {}}),
    "patience 10 % longer": (
        "erlangA_overload",
        {"queue": {"max_wait": {"kind": "exponential", "mean": "1100ms"}}},
    ),
    "a retrial queue with a place to wait": ("mmc_retrial_c2", {"queue": {"capacity": 1}}),
    "failures of 51 % for 50 %": ("retry_closed_N_f0.5", {"error_ratio": 0.51}),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_wrong_model_is_found_out(what: str) -> None:
    name, change = WRONG[what]
    case = CASES[name]
    results = simulate(_service(case.document, **change))
    outside = [words for words in complaints(results, case) if "outside" in words]
    assert outside, f"{what}: nobody noticed"


def test_an_interval_too_wide_to_tell_is_a_complaint() -> None:
    case = CASES["mm1k_rho1"]
    run = case.document["run"] | {"duration": "200s", "warmup": "0s", "series": "200s", "replications": 3}
    results = simulate(case.document | {"run": run})
    words = complaint(results, Check(SERVICE, "in_system", 5.0), case.within)
    assert words is not None
    assert "too wide" in words
