"""Fixed points of throttles: where a client's own restraint comes to rest, and where it begins."""

from __future__ import annotations

import numpy as np
import pytest

from tests.published.judging import CONFIDENCE, complaint, simulate
from tests.published.stations import (
    FACTS,
    SERVICE,
    TRAFFIC,
    Check,
    Document,
    per_second,
    poisson,
    run_for,
    station,
)


@pytest.mark.parametrize("limit", ["workers", "rate_limit"])
def test_adaptive_throttle_sends_k_times_what_is_accepted(limit: str) -> None:
    """Ten times what the service takes: the clients deny all but k times that, whatever it is that limits it."""
    facts = FACTS["sre_throttle_fixedpoint"]
    p, expected = facts["params"], facts["expected"]
    client: Document = {"throttle": {"kind": "adaptive", "k": p["K"]}}
    if limit == "workers":
        places = p["C"] // 5  # 0.2 s of work, so that it is never idle
        document = station(poisson(p["offered"]), f"{1.0 / p['C']}s", places=places, client=client)
    else:
        admission = [{"kind": "rate_limit", "rate": per_second(p["C"]), "burst": 10}]
        document = station(poisson(p["offered"]), "0s", workers="inf", client=client, admission=admission)
    # The window of two minutes is forgotten twice over before the measuring begins.
    results = simulate(run_for(document, f"throttle {limit}", 600.0, 300.0, replications=6))
    assert complaint(results, Check(SERVICE, "throughput", p["C"]), 0.01) is None
    sees = p["K"] * p["C"]
    assert expected["backend_sees_per_s"] == f"K*C={sees}"
    for subject, metric, wanted in (
        (SERVICE, "arrival_rate", sees),
        (TRAFFIC, "denied_ratio", expected["rejected_locally"]),
    ):
        found, low, high, _ = results.estimate(subject, metric, CONFIDENCE)
        assert found == pytest.approx(wanted, rel=0.03)
        assert (high - low) / 2.0 < 0.03 * wanted


def throttled(most: float, failures: float, name: str, duration: float, warmup: float) -> Document:
    """gRPC's throttle before a service whose attempts fail by chance, one after the other."""
    ratio = FACTS["grpc_throttle_threshold"]["params"]["tokenRatio"]
    budget = {"kind": "throttle_tokens", "max": most, "ratio": ratio}
    document = station(
        poisson(1000.0),
        "0s",
        workers="inf",
        client={"retry": {"attempts": "inf", "budget": budget}},
        error_ratio=failures,
    )
    return run_for(document, f"{name} {failures:.4f}", duration, warmup, replications=10)


@pytest.mark.parametrize(("side", "retried"), [(0.9, True), (1.1, False)])
def test_grpc_retries_stop_past_the_threshold(side: float, retried: bool) -> None:
    """Failures a tenth below r/(1 + r) fill the bucket, a tenth above empty it: all are retried, or none is.

    The bucket is a hundred times gRPC's, so that only the sign of the drift counts.
    """
    facts = FACTS["grpc_throttle_threshold"]
    p = facts["params"]
    threshold = p["tokenRatio"] / (1.0 + p["tokenRatio"])
    assert facts["expected"]["per_attempt_failure_rate_where_retries_turn_off"] == f"r/(1+r)={threshold:.4f}"
    failures = side * threshold
    # Half of the bucket at a drift of 0.01 tokens an attempt: 50 s.
    results = simulate(throttled(100.0 * p["maxTokens"], failures, "grpc large", 150.0, 100.0))
    truth = 1.0 / (1.0 - failures) if retried else 1.0
    assert complaint(results, Check(TRAFFIC, "amplification", truth), 0.005) is None
    success = 1.0 if retried else 1.0 - failures
    assert complaint(results, Check(TRAFFIC, "success_ratio", success), 0.005) is None


def share_granted(failures: float, least: int) -> float:
    """The exact share of failures after which at least so many tenths of tokens are left, of a bucket of ten."""
    p = FACTS["grpc_throttle_threshold"]["params"]
    unit = round(1.0 / p["tokenRatio"])
    full = unit * p["maxTokens"]
    step = np.zeros((full + 1, full + 1))
    for tokens in range(full + 1):
        step[tokens, max(0, tokens - unit)] += failures
        step[tokens, min(full, tokens + 1)] += 1.0 - failures
    balance = np.vstack([step.T - np.eye(full + 1), np.ones(full + 1)])
    at_rest = np.linalg.lstsq(balance, np.append(np.zeros(full + 1), 1.0), rcond=None)[0]
    return float(at_rest[least + unit :].sum())


@pytest.mark.parametrize("failures", [0.06, 0.1 / 1.1, 0.12])
def test_grpc_bucket_of_its_own_size(failures: float) -> None:
    """Ten tokens blur the threshold: the share retried is that of a Markov chain, two in five at the threshold.

    The chain counts tenths; in binary a sum of tenths may miss five by a hair, so the truth lies between
    retrying with exactly five and not.
    """
    least, most = (1.0 / (1.0 - failures * share_granted(failures, tenths)) for tenths in (51, 50))
    results = simulate(throttled(10.0, failures, "grpc small", 120.0, 20.0))
    _, low, high, _ = results.estimate(TRAFFIC, "amplification", CONFIDENCE)
    assert low <= most
    assert least <= high
    unthrottled = 1.0 / (1.0 - failures)
    assert high - low < 0.15 * (unthrottled - 1.0)
    assert high < unthrottled
