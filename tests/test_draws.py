"""Draws: known answers, uniformity, independence along every part of a name."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from sim import draws
from sim.engines.jit import compiled
from tests.engines.alone import alone

KEY = draws.stream(7, 0, "service", "web")


def test_splitmix64_gives_its_published_sequence() -> None:
    # The reference outputs of SplitMix64 from seed 1234567 (Vigna's splitmix64.c, as listed by Rosetta Code).
    published = (6457827717110365317, 3203168211198807973, 9817491932198370423, 4593380528125082431)
    words = [draws.mix((1234567 + k * draws.GOLDEN) & draws.MASK) for k in range(1, 5)]
    assert tuple(words) == published


def test_both_engines_draw_the_same_bits() -> None:
    machine, further = alone(compiled(draws.uniform)), alone(compiled(draws.further))
    key = np.uint64(KEY)
    for request in (0, 1, 2**20, 2**33 - 1):
        for attempt in (1, 2, 3, 2**20 - 1):
            u = draws.uniform(KEY, request, attempt)
            assert machine(key, request, attempt) == u
            assert further(u, attempt) == draws.further(u, attempt)


def test_never_zero_or_one_and_the_complement_is_exact() -> None:
    for word in (0, draws.MASK):
        u = (float(word >> draws.UNUSED_BITS) + 0.5) * draws.STEP
        assert 0.0 < u < 1.0
        assert 1.0 - (1.0 - u) == u


@pytest.mark.parametrize(
    "names",
    [
        [(KEY, request, 1) for request in range(20_000)],
        [(KEY, 5, attempt) for attempt in range(1, 20_001)],
        [(draws.stream(seed, 0, "gap", "web"), 0, 1) for seed in range(20_000)],
        [(draws.stream(7, replication, "gap", "web"), 0, 1) for replication in range(20_000)],
        [(draws.stream(7, 0, "gap", f"traffic_{subject}"), 0, 1) for subject in range(20_000)],
    ],
    ids=["requests", "attempts", "seeds", "replications", "subjects"],
)
def test_uniform_and_serially_independent_along_each_part_of_a_name(
    names: list[tuple[int, int, int]],
) -> None:
    values = np.array([draws.uniform(*name) for name in names])
    assert stats.kstest(values, "uniform").pvalue > 1e-4
    pairs = np.histogram2d(values[:-1:2], values[1::2], bins=10)[0]
    assert stats.chisquare(pairs.ravel()).pvalue > 1e-4
    for lag in (1, 2, 7):
        correlation = np.corrcoef(values[:-lag], values[lag:])[0, 1]
        assert abs(correlation) < 4.0 / np.sqrt(len(values))


def test_purposes_and_further_uniforms_are_independent() -> None:
    other = draws.stream(7, 0, "gap", "web")
    ours = np.array([draws.uniform(KEY, request, 1) for request in range(20_000)])
    theirs = np.array([draws.uniform(other, request, 1) for request in range(20_000)])
    behind = np.array([[draws.further(u, k) for k in (1, 2)] for u in ours])
    for values in (theirs, behind[:, 0], behind[:, 1]):
        assert stats.kstest(values, "uniform").pvalue > 1e-4
        assert abs(np.corrcoef(ours, values)[0, 1]) < 4.0 / np.sqrt(len(ours))
    assert abs(np.corrcoef(behind.T)[0, 1]) < 4.0 / np.sqrt(len(ours))
