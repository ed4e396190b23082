"""Cases that move in time: rates that change by the clock, and how slowly an average over time settles."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import chi2

from sim.measure.intervals import interval
from tests.published.judging import CONFIDENCE, logged, simulate
from tests.published.stations import (
    FACTS,
    SERVICE,
    Document,
    exponential,
    per_second,
    poisson,
    run_for,
    seconds,
    station,
)


def log_of(document: Document) -> tuple[np.ndarray[tuple[int, ...], np.dtype[np.float64]], ...]:
    """Replication, time of sending, time of the service's end: one of each for every attempt of a run."""
    log = logged(document)
    return log["replication"].to_numpy(), log["sent"].to_numpy(), log["finished"].to_numpy()


def test_arrivals_in_each_piece_of_a_stepped_rate() -> None:
    facts = FACTS["ciw_poisson_intervals"]
    p = facts["params"]
    ends = p["endpoints"]
    points = [
        [seconds(begin), per_second(rate)] for begin, rate in zip([0, *ends[:-1]], p["rates"], strict=True)
    ]
    arrivals = {"kind": "profile", "points": points, "shape": "step", "repeat": seconds(ends[-1])}
    replications = 1_000
    document = run_for(
        station(arrivals, "0s", workers="inf"), "pieces", p["horizon"], replications=replications
    )
    replication, sent, _ = log_of(document)
    piece = np.searchsorted(ends, np.mod(sent, ends[-1]), side="right")
    counts = np.bincount(replication * len(ends) + piece, minlength=replications * len(ends)).reshape(
        -1, len(ends)
    )
    for counted, expected in zip(counts.T, facts["expected"]["expected_counts"], strict=True):
        mean, low, high = interval(counted.astype(float), CONFIDENCE)
        assert low <= expected <= high
        assert (high - low) / 2.0 < 0.05 * expected
        assert counted.var(ddof=1) == pytest.approx(mean, rel=0.25)  # a Poisson count's variance is its mean


def test_infinitely_many_workers_under_a_wave() -> None:
    """The mean number in service follows the wave with a lag, at each of four places of its period."""
    facts = FACTS["mt_m_inf_sin"]
    wave = {"kind": "sinusoid", "mean": "10/s", "amplitude": "5/s", "period": "12s"}
    period, cycles = 12.0, 1_500
    document = station(wave, exponential(1.0 / facts["params"]["mu"]), workers="inf")
    _, sent, finished = log_of(run_for(document, "wave", period * (cycles + 2), replications=1))
    sent, finished = np.sort(sent), np.sort(finished)
    lag = facts["expected"]["peak_lag_behind_lambda"]
    wanted = [*zip(facts["expected"]["t"], facts["expected"]["m_t"], strict=True)]
    wanted.append((period / 4.0 + lag, facts["expected"]["peak"]))
    for place, expected in wanted:
        times = period * np.arange(1, cycles + 1) + place  # apart: e^-12 of one is left in the next
        present = np.searchsorted(sent, times, "right") - np.searchsorted(finished, times, "right")
        _, low, high = interval(present.astype(float), CONFIDENCE)
        assert low <= expected <= high
        assert (high - low) / 2.0 < 0.05 * expected


def test_how_slowly_the_mean_queue_settles() -> None:
    """At 90 % load the mean number over a time T varies by sigma²/T: replications show that sigma²."""
    facts = FACTS["mm1_asymptotic_variance"]
    p, expected = facts["params"], facts["expected"]["asymptotic_variance_L"]
    duration, warmup, replications = 40_000.0, 4_000.0, 250
    document = run_for(
        station(poisson(p["lam"]), exponential(1.0 / p["mu"])), "settling", duration, warmup, replications
    )
    values = np.array(simulate(document).values(SERVICE, "in_system"))
    time = duration - warmup
    # A finite time T sees a little less: by the integrated autocorrelation time over T.
    expected *= 1.0 - facts["expected"]["integrated_autocorr_time"] / time
    found = values.var(ddof=1) * time
    freedom = replications - 1
    low, high = (float(chi2.ppf(0.5 + side * CONFIDENCE / 2.0, freedom)) / freedom for side in (-1.0, 1.0))
    assert low < found / expected < high < 1.45
    assert math.isclose(values.mean(), 9.0, rel_tol=0.05)
