"""Attempts that fail by chance and are tried again, within a budget or without: what other simulators saw."""

from __future__ import annotations

import pytest

from tests.published.judging import complaint, simulate
from tests.published.stations import (
    FACTS,
    TRAFFIC,
    Check,
    Document,
    exponential,
    per_second,
    poisson,
    run_for,
    seconds,
    station,
)

ATTEMPTS = {"no_retries": 1, "three_retries": 4, "three_retries_unbounded": 4}
UNBUDGETED = [
    name
    for name in FACTS
    if name.startswith("brooker_retry_") and FACTS[name]["params"]["strategy"] in ATTEMPTS
]

BUDGETS: dict[str, tuple[Document, float | str]] = {
    "adaptive_10pct": ({"kind": "token_bucket", "size": 5, "fill": 0.1, "deposit_on": "first_try"}, "inf"),
    "breaker_10pct": ({"kind": "failure_ratio", "at_most": "10%"}, 4),
}
"""Brooker's strategies that ration retries: the budget, and how many tries there are with it at most."""

BUDGETED = [
    name
    for name in FACTS
    if name.startswith("brooker_retry_") and FACTS[name]["params"]["strategy"] in BUDGETS
]

SERIAL = [name for name in FACTS if "_100_serial_" in name]

SECTIONS = {"performance": (100, 1000.0, 30.0, 8), "clients_10": (10, 100.0, 10.0, 100)}
SECTIONS["clients_100"] = (100, *SECTIONS["clients_10"][1:])
"""His section -> clients, their requests a second in all, seconds, and our replications."""

RUSH = 0.001
"""Seconds in which the first call of each client comes."""


@pytest.mark.parametrize("name", UNBUDGETED)
def test_retries_amplify_as_in_brookers_simulator(name: str) -> None:
    """100 clients of 10 requests a second, network legs of 10 ms, a server that fails at random, no queue.

    Their figures are simulated too: they are good to 0.01 in success and 1.5 % in amplification.
    """
    params, expected = FACTS[name]["params"], FACTS[name]["expected"]
    document = station(
        poisson(1000.0),
        "0s",
        workers="inf",
        client={"network": exponential(0.01), "retry": {"attempts": ATTEMPTS[params["strategy"]]}},
        error_ratio=params["failure_rate"],
    )
    results = simulate(run_for(document, name, 30.0, replications=20))
    success, low, high, _ = results.estimate(TRAFFIC, "success_ratio", 0.999)
    assert high - low < 0.01
    assert success == pytest.approx(expected["success_rate"], abs=0.01)
    amplification, low, high, _ = results.estimate(TRAFFIC, "amplification", 0.999)
    assert high - low < 0.02 * amplification
    assert amplification == pytest.approx(expected["load_amplification"], rel=0.015)


@pytest.mark.parametrize("name", BUDGETED)
def test_budgets_ration_retries_as_in_brookers_simulator(name: str) -> None:
    """Each client has its own bucket, or its own count of failures: the fewer its requests, the more its first tokens.

    His clients each make a call at once and then draw gaps of their own. Here as many calls come in the first
    millisecond, and the traffic goes to the clients in turn, so that each has its mean share of it.
    """
    params, expected = FACTS[name]["params"], FACTS[name]["expected"]
    clients, rate, duration, replications = SECTIONS[params["section"]]
    budget, attempts = BUDGETS[params["strategy"]]
    points = [["0s", per_second(clients / RUSH)], [seconds(RUSH), per_second(rate)]]
    document = station(
        {"kind": "profile", "points": points},
        "0s",
        workers="inf",
        client={
            "network": exponential(0.01),
            "instances": clients,
            "retry": {"attempts": attempts, "budget": budget},
        },
        error_ratio=params["failure_rate"],
    )
    results = simulate(run_for(document, name, duration, replications=replications))
    success, low, high, _ = results.estimate(TRAFFIC, "success_ratio", 0.999)
    near = params["strategy"] == "breaker_10pct" and params["failure_rate"] == 0.1
    assert high - low < 0.02
    assert success == pytest.approx(expected["success_rate"], abs=0.02 if near else 0.01)
    amplification, low, high, _ = results.estimate(TRAFFIC, "amplification", 0.999)
    assert high - low < 0.02 * amplification
    assert amplification == pytest.approx(expected["load_amplification"], rel=0.015)


@pytest.mark.parametrize("name", SERIAL)
def test_clients_with_one_call_in_flight_send_less_as_more_fails(name: str) -> None:
    """100 users who think for 100 ms, and back off from 100 ms on: it is the first tries that become fewer.

    His begin with a call, ours by thinking, so that ours make up to 1 % fewer; his also wait after a call that failed
    for good, at a failure ratio of a half one in sixteen, which makes theirs up to 2 % fewer. Nothing is said of how
    good his rates are. Those who do not back off in between calls draw the next gap when a call begins, not when it
    ends; no users here think so, and their rate is left out.
    """
    params, expected = FACTS[name]["params"], FACTS[name]["expected"]
    backoff = {"kind": "exponential", "base": "100ms", "factor": 2}
    document = station(
        {"kind": "closed", "users": 100, "think": exponential(0.1)},
        "0s",
        workers="inf",
        client={"network": exponential(0.01), "retry": {"attempts": 4, "backoff": backoff}},
        error_ratio=params["failure_rate"],
    )
    results = simulate(run_for(document, name, 10.0, replications=20))
    success, low, high, _ = results.estimate(TRAFFIC, "success_ratio", 0.999)
    assert high - low < 0.01
    assert success == pytest.approx(expected["success_rate"], abs=0.01)
    amplification, low, high, _ = results.estimate(TRAFFIC, "amplification", 0.999)
    assert high - low < 0.03 * amplification
    assert amplification == pytest.approx(expected["load_amplification"], rel=0.015)
    if "_serial_backoff_" not in name:
        return
    first_tries, low, high, _ = results.estimate(TRAFFIC, "offered_rate", 0.999)
    assert high - low < 0.04 * first_tries
    assert first_tries == pytest.approx(expected["first_tries_per_s"], rel=0.02)


def rationed(deposit_on: str, case: str, failures: float, requests: int) -> Document:
    """So many requests in all of a client with a token bucket, of whose attempts a share fails."""
    p = FACTS[case]["params"]
    budget = {"kind": "token_bucket", "size": p["B"], "fill": p["r"], "deposit_on": deposit_on}
    # One every 100 ms, the last a gap before the end.
    document = station(
        {"kind": "constant", "rate": "10/s"},
        "0s",
        workers="inf",
        client={"retry": {"attempts": "inf", "budget": budget}},
        error_ratio=failures,
    )
    return run_for(document, f"{case} {failures}", (requests + 0.5) / 10.0, replications=400)


@pytest.mark.parametrize("failures", [0.3, 0.4, 0.5])
def test_bucket_filled_by_first_tries_has_a_closed_form(failures: float) -> None:
    """Where failures empty it, it is spent to the last token: 1 + r + (B - 1)/n attempts a request.

    The form is for a bucket that ends empty, with tokens of which none are lost on a full one: good to 1 %.
    """
    facts = FACTS["retry_bucket_closed"]
    p = facts["params"]
    truth = 1.0 + p["r"] + (p["B"] - 1.0) / p["n"]
    assert f"= {truth:.4f}" in facts["expected"]["amplification"]
    results = simulate(rationed("first_try", "retry_bucket_closed", failures, p["n"]))
    assert results.conservation["born"] == 400 * p["n"]
    for metric, wanted in (("amplification", truth), ("success_ratio", (1.0 - failures) * truth)):
        found, low, high, _ = results.estimate(TRAFFIC, metric, 0.999)
        assert found == pytest.approx(wanted, rel=0.01)
        assert high - low < 0.02 * wanted


def test_bucket_filled_by_success_gives_an_outage_its_first_tokens_only() -> None:
    facts = FACTS["retry_bucket_success_deposit"]
    p = facts["params"]
    truth = 1.0 + (p["B"] - 1.0) / p["n"]
    assert f"={truth:.4f}" in facts["expected"]["amplification"]
    results = simulate(rationed("success", "retry_bucket_success_deposit", p["f"], p["n"]))
    assert complaint(results, Check(TRAFFIC, "amplification", truth), 0.01) is None
    assert results.conservation["served"] == 0
