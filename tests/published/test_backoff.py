"""The delays that Celery's workers draw: whole seconds from 0 to the doubling, each as likely as any other."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import chisquare

from tests.published.judging import logged
from tests.published.stations import FACTS, poisson, run_for, station


def delays() -> dict[int, np.ndarray[tuple[int, ...], np.dtype[np.float64]]]:
    """Retry (from 0) -> the seconds between a failed attempt's end and the next one's sending."""
    p = FACTS["celery_backoff_distribution"]["params"]
    backoff = {"kind": "celery", "factor": p["factor"], "maximum": p["maximum"], "jitter": p["jitter"]}
    document = station(
        poisson(10.0),
        "0s",
        workers="inf",
        client={"retry": {"attempts": len(p["retries"]) + 1, "backoff": backoff}},
        error_ratio=1.0,
    )
    log = logged(run_for(document, "celery", 1_000.0, replications=2))
    log = log.sort_values(["replication", "traffic", "request", "attempt"])
    waited = log["sent"].to_numpy()[1:] - log["answered"].to_numpy()[:-1]
    attempt = log["attempt"].to_numpy()[1:]
    return {retry: waited[attempt == retry + 2] for retry in p["retries"]}


def test_celery_draws_whole_seconds_evenly() -> None:
    facts = FACTS["celery_backoff_distribution"]
    found = delays()
    for retry, mean, most in zip(
        facts["params"]["retries"], facts["expected"]["mean"], facts["expected"]["support_max"], strict=True
    ):
        waited = found[retry]
        whole = np.rint(waited)
        assert waited == pytest.approx(whole, abs=1e-6)  # a difference of two times of up to 1000 s
        assert whole.min() == 0
        assert whole.max() == most
        counted = np.bincount(whole.astype(int), minlength=most + 1)
        assert chisquare(counted).pvalue > 1e-4
        assert whole.mean() == pytest.approx(mean, abs=4.5 * whole.std() / np.sqrt(len(whole)))
        assert len(whole) > 15_000
