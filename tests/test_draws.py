"""Draws: known answers, and that millions of uniforms look like nothing but chance along every part of a name.

The statistics need millions of draws, so they take them from a twin on arrays, held against `sim.draws` itself.
The names are the plainest there are (seeds 0, 1, 2, the first replication, traffic class `web`), chosen before any
result was seen, so each test passes always or never. There are about 9,000 p-values, and each must be above LEVEL: of a
hundred generators of perfect uniforms one would fail.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from hashlib import blake2b
from itertools import combinations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import special, stats

from sim import draws
from sim.engines.jit import compiled
from tests.engines.alone import alone

LEVEL = 1e-6
FEW = 14
"""Of 52 bits, so few or fewer are rarely set: they count as one cell, as do those where so few are not."""

Words = NDArray[np.uint64]
Numbers = int | range | Words
Tests = Iterator[tuple[str, float]]
"""What is tested, and its p-value; two-sided, so that what is too even to be chance is found too."""

BITS = 64 - draws.UNUSED_BITS
KEY = draws.stream(7, 0, "service", "web")


# ----------------------------------------------------------------------------------------------------- known answers


def test_splitmix64_gives_its_published_sequence() -> None:
    # The reference outputs of SplitMix64 from seed 1234567 (Vigna's splitmix64.c, as listed by Rosetta Code).
    published = (6457827717110365317, 3203168211198807973, 9817491932198370423, 4593380528125082431)
    words = [draws.mix((1234567 + k * draws.GOLDEN) & draws.MASK) for k in range(1, 5)]
    assert tuple(words) == published


def test_streams_are_those_of_every_earlier_version() -> None:
    # Not derived, but written down: another generator would change every published figure.
    assert {purpose: draws.stream(0, 0, purpose, "web") for purpose in draws.PURPOSES[:12]} == PURPOSE_KEYS
    assert {name: draws.stream(*name) for name in KEYS} == KEYS


def test_uniforms_are_those_of_every_earlier_version() -> None:
    assert {name: draws.uniform(*name).hex() for name in UNIFORMS} == UNIFORMS
    assert {name: draws.further(*name).hex() for name in FURTHER} == FURTHER


PURPOSE_KEYS = {
    "gap": 0x0D67A4D178ABD92F,
    "batch": 0x11980D901096468C,
    "think": 0x758E2FEE6EEA531E,
    "service": 0x7AAAB1EA2FE92849,
    "backoff": 0x8B4B90D7579FFB4B,
    "persistence": 0x525B0B757E4D0266,
    "outward": 0x4E2B56931888C63B,
    "homeward": 0xF8D29B7A16DD4B78,
    "loss": 0x5A2350B3D973473D,
    "error": 0x545FC3A01DF2068E,
    "patience": 0x8A35FAB02E1E743C,
    "rank": 0xF6430A8E6608C241,
}

KEYS = {
    (0, 0, "gap", "web"): 0x0D67A4D178ABD92F,
    (1, 0, "gap", "web"): 0x5FFDB920EA609CF4,
    (0, 1, "gap", "web"): 0xF82B16906FDAF5FC,
    (0, 0, "gap", "wec"): 0xB22AED2CA9A20F97,
    (0, 0, "gap", "a-class_of-64-letters-0123456789-0123456789-0123456789-0123456789"): 0x929123FDC121BF3E,
    (9223372036854775807, 99999, "rank", "web"): 0x4D9E2CDE2F049056,
}

UNIFORMS = {
    (0, 0, 1): "0x1.0000000000000p-53",
    (0, 0, 2): "0x1.b9e279aa86e5ap-2",
    (0, 1, 1): "0x1.c4415072f63b9p-1",
    (1, 0, 1): "0x1.5a485874402c2p-2",
    (0x0123456789ABCDEF, 0, 1): "0x1.6580b1c9d76a3p-1",
    (0x0123456789ABCDEF, 1, 1): "0x1.57a3807a48fa8p-4",
    (0x0123456789ABCDEF, 1, 2): "0x1.2634f9479e072p-2",
    (0x0123456789ABCDEF, 2, 1): "0x1.aae6a5366943bp-1",
    (0x0123456789ABCDEF, 8589934591, 1048575): "0x1.cd507303565b3p-1",
    (0xFFFFFFFFFFFFFFFF, 1, 1): "0x1.c9b2e2ee36ca5p-1",
}

FURTHER = {
    (0.5, 1): "0x1.c22abe0077040p-7",
    (0.5, 2): "0x1.85adb68750f51p-1",
    (1.1102230246251565e-16, 1): "0x1.2086089bfcf36p-2",
    (0.9999999999999999, 1): "0x1.6fbcfbb201865p-1",
    (0.1, 1000000): "0x1.9fef6ef156368p-4",
}


# ----------------------------------------------------------------------------------------------------- both engines


def test_both_engines_draw_the_same_bits() -> None:
    machine, further = alone(compiled(draws.uniform)), alone(compiled(draws.further))
    key = np.uint64(KEY)
    for request in (0, 1, 2**20, 2**33 - 1):
        for attempt in (1, 2, 3, 2**20 - 1):
            u = draws.uniform(KEY, request, attempt)
            assert machine(key, request, attempt) == u
            assert machine(key, request, attempt, np.uint64(draws.ALL_BITS)) == 1.0 - u
            assert draws.uniform(KEY, request, attempt, draws.ALL_BITS) == 1.0 - u
            assert further(u, attempt) == draws.further(u, attempt)
            assert draws.further(1.0 - u, attempt) == 1.0 - draws.further(u, attempt)


def test_never_zero_or_one_and_the_complement_is_exact() -> None:
    for word in (0, draws.MASK):
        u = (float(word >> draws.UNUSED_BITS) + 0.5) * draws.STEP
        assert 0.0 < u < 1.0
        assert 1.0 - (1.0 - u) == u


# ----------------------------------------------------------------------------------------------- the twin on arrays

GOLDEN, MIX_1, MIX_2 = (np.uint64(word) for word in (draws.GOLDEN, draws.MIX_1, draws.MIX_2))
SHIFT_1, SHIFT_2, SHIFT_3 = (np.uint64(by) for by in (draws.SHIFT_1, draws.SHIFT_2, draws.SHIFT_3))


def array(numbers: Numbers) -> Words:
    if isinstance(numbers, range):
        return np.arange(numbers.start, numbers.stop, numbers.step, dtype=np.uint64)
    return np.atleast_1d(np.asarray(numbers, np.uint64))


def mixed(words: Words) -> Words:
    """`draws.mix` of each word."""
    words = (words ^ (words >> SHIFT_1)) * MIX_1
    words = (words ^ (words >> SHIFT_2)) * MIX_2
    return words ^ (words >> SHIFT_3)


def subjects(names: Sequence[str]) -> Words:
    """The number that stands for each name."""
    digests = b"".join(blake2b(name.encode(), digest_size=8).digest() for name in names)
    return np.frombuffer(digests, "<u8").astype(np.uint64)


WEB = subjects(["web"])


def keys(seed: Numbers = 0, replication: Numbers = 0, purpose: Numbers = 0, subject: Words = WEB) -> Words:
    """`draws.stream` of each name; purposes by their place."""
    key = array(0)
    for part in (array(seed), array(replication), array(purpose), subject):
        key = mixed(key + part * GOLDEN + GOLDEN)
    return key


def bits(key: Words, request: Numbers = 0, attempt: Numbers = 1) -> Words:
    """The 52 bits that `draws.uniform` makes of each name."""
    attempts = array(attempt)
    words = mixed(key + array(request) * GOLDEN)
    if (attempts > 1).any():
        words = np.where(attempts > 1, mixed(words + attempts * GOLDEN), words)
    return words >> np.uint64(draws.UNUSED_BITS)


def further_bits(behind: Words, k: Numbers) -> Words:
    """The 52 bits that `draws.further` makes of each draw, which is itself given by its bits."""
    mirror = (behind >> np.uint64(draws.LEADING_BIT)) * np.uint64(draws.ALL_BITS)
    return (mixed(mixed((behind ^ mirror) + array(k) * GOLDEN)) >> np.uint64(draws.UNUSED_BITS)) ^ mirror


def uniforms(of: Words) -> NDArray[np.float64]:
    return (of.astype(np.float64) + 0.5) * draws.STEP


def test_the_twin_draws_the_same() -> None:
    names = [f"traffic_{place}" for place in range(50)]
    for purpose in range(len(draws.PURPOSES)):
        found = keys(3, 2**20, purpose, subjects(names))
        ours = [draws.stream(3, 2**20, draws.PURPOSES[purpose], name) for name in names]
        assert found.tolist() == ours
    requests, attempts = range(2**33 - 60, 2**33 - 10), range(1, 51)
    found = bits(array(KEY), requests, attempts)
    expected = [draws.uniform(KEY, *name) for name in zip(requests, attempts, strict=True)]
    assert uniforms(found).tolist() == expected
    behind = [draws.further(u, k) for u, k in zip(expected, attempts, strict=True)]
    assert uniforms(further_bits(found, attempts)).tolist() == behind


# ------------------------------------------------------------------------------------------------ tests of chance


def two_sided(below: float, above: float) -> float:
    return min(1.0, 2.0 * min(below, above))


def normal(z: float) -> float:
    """The p-value of a standard normal variable."""
    return math.erfc(abs(z) / math.sqrt(2.0))


def even(cells: Words, many: int) -> float:
    """All `many` cells are equally likely."""
    counts = np.bincount(cells.astype(np.int64), minlength=many)
    return chi_square(counts, np.full(many, len(cells) / many))


def chi_square(counts: NDArray[np.int64], expected: NDArray[np.float64]) -> float:
    x, freedom = float(((counts - expected) ** 2 / expected).sum()), len(expected) - 1
    return two_sided(float(special.chdtr(freedom, x)), float(special.chdtrc(freedom, x)))


def high(of: Words, count: int) -> Words:
    return of >> np.uint64(BITS - count)


def low(of: Words, count: int) -> Words:
    return of & np.uint64((1 << count) - 1)


def joint(parts: Sequence[Words], count: int) -> Words:
    """One cell for each combination of cells of `count` bits."""
    cell = parts[0]
    for part in parts[1:]:
        cell = (cell << np.uint64(count)) | part
    return cell


def kolmogorov_smirnov(of: Words) -> float:
    values, n = np.sort(uniforms(of)), len(of)
    steps = np.arange(n + 1) / n
    distance = max(float((steps[1:] - values).max()), float((values - steps[:-1]).max()))
    above = float(stats.kstwobign.sf(distance * (math.sqrt(n) + 0.12 + 0.11 / math.sqrt(n))))
    return two_sided(1.0 - above, above)


def correlation(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """Of uniforms less their mean: their product has mean 0 and variance 1/144."""
    return normal(12.0 * float(np.dot(one, other)) / math.sqrt(len(one)))


def bit_balance(of: Words) -> Tests:
    """Each bit is set half the time."""
    for bit in range(BITS):
        share = float(((of >> np.uint64(bit)) & np.uint64(1)).mean())
        yield f"bit {bit}", normal((2.0 * share - 1.0) * math.sqrt(len(of)))


def in_a_row(of: Words) -> Tests:
    """One sequence: uniform, and each draw independent of those before."""
    n, centred = len(of), uniforms(of) - 0.5
    yield "Kolmogorov-Smirnov", kolmogorov_smirnov(of)
    yield from bit_balance(of)
    above = high(of, 1)
    changes = np.count_nonzero(above[1:] != above[:-1])
    yield "runs about the median", normal((2.0 * changes - (n - 1)) / math.sqrt(n - 1))
    rising = of[1:] > of[:-1]
    turns = 1 + np.count_nonzero(rising[1:] != rising[:-1])
    yield "runs up and down", normal((turns - (2 * n - 1) / 3.0) / math.sqrt((16 * n - 29) / 90.0))
    for lag in (1, 2, 3, 7, 64, 1000):
        yield f"lag {lag}", correlation(centred[:-lag], centred[lag:])
    for name, part in (("high", high), ("low", low)):
        yield f"{name} bits", even(part(of, 10), 2**10)
        yield f"pairs of {name} bits", even(joint([part(of, 6)[place::2] for place in (0, 1)], 6), 2**12)
        triples = of[: n - n % 3]
        yield (
            f"triples of {name} bits",
            even(joint([part(triples, 4)[place::3] for place in range(3)], 4), 2**12),
        )


def side_by_side(one: Words, other: Words) -> Tests:
    """Two sequences, draw by draw: independent of each other, in their high bits and in their low ones."""
    yield "correlation", correlation(uniforms(one) - 0.5, uniforms(other) - 0.5)
    for name, ours in (("high", high(one, 6)), ("low", low(one, 6))):
        for its, theirs in (("high", high(other, 6)), ("low", low(other, 6))):
            yield f"{name} bits and {its} bits", even(joint([ours, theirs], 6), 2**12)
    different = one ^ other
    yield from bit_balance(different)
    flips = np.clip(np.bitwise_count(different), FEW, BITS - FEW).astype(np.int64) - FEW
    chances = np.diff(stats.binom.cdf(range(FEW, BITS - FEW), BITS, 0.5), prepend=0.0, append=1.0)
    counts, expected = np.bincount(flips, minlength=len(chances)), chances * len(one)
    yield "number of bits that differ", chi_square(counts, expected)


def repeated(of: Words) -> int:
    """How many are the same as another that is counted already."""
    rising = np.sort(of)
    return int(np.count_nonzero(rising[1:] == rising[:-1]))


def coincidences(of: Words, count: int) -> float:
    """Birthdays: how many of the draws fall on one that is taken, of 2^count equally likely ones."""
    taken, expected = repeated(of), len(of) ** 2 / 2.0 ** (count + 1)
    return two_sided(stats.poisson.cdf(taken, expected), stats.poisson.sf(taken - 1, expected))


def equal_spacings(of: Words) -> float:
    """Birthday spacings (Marsaglia, 1985): gaps between sorted draws that are equal to another, about n³/4d."""
    rising = np.sort(of)
    equal, expected = repeated(rising[1:] - rising[:-1]), len(of) ** 3 / 2.0 ** (BITS + 2)
    return two_sided(stats.poisson.cdf(equal, expected), stats.poisson.sf(equal - 1, expected))


def hold(tests: Tests) -> None:
    """Every p-value is above LEVEL."""
    found = dict(tests)
    doubtful = {name: p for name, p in found.items() if not p > LEVEL}
    assert found
    assert not doubtful


# -------------------------------------------------------------------------------------- along every part of a name

N = 2**19
NAMES = subjects([f"traffic_{place}" for place in range(2**17)])
SEQUENCES: dict[str, Callable[[int], Words]] = {
    "requests": lambda seed: bits(keys(seed), range(N)),
    "requests far on": lambda seed: bits(keys(seed), range(2**33 - N, 2**33)),
    "requests in strides": lambda seed: bits(keys(seed), range(0, 2**33, 2**14)),
    "second attempts": lambda seed: bits(keys(seed), range(N), 2),
    "attempts": lambda seed: bits(keys(seed), 5, range(1, N + 1)),
    "seeds": lambda seed: bits(keys(range(seed * N, (seed + 1) * N))),
    "seeds in strides": lambda seed: bits(keys(range(seed, 2**63, 2**44))),
    "replications": lambda seed: bits(keys(seed, range(N))),
    "purposes in turn": lambda seed: bits(
        keys(seed, 0, range(8))[None, :], array(range(N // 8))[:, None]
    ).ravel(),
    "subjects": lambda seed: bits(keys(seed, 0, 0, NAMES)),
    "further uniforms of a draw": lambda seed: further_bits(bits(keys(seed)), range(1, N + 1)),
    "further uniforms of many draws": lambda seed: further_bits(bits(keys(seed), range(N)), 1),
}


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("along", SEQUENCES)
def test_draws_in_a_row_are_uniform_and_independent(along: str, seed: int) -> None:
    hold(in_a_row(SEQUENCES[along](seed)))


M = 2**16
ROW = range(M)


def neighbours() -> Iterator[tuple[str, Words, Words]]:
    """Sequences over many requests whose names differ in one part, by one or by one bit; and those crosswise."""
    for at in (0, 1, 2):
        after = at + 1
        yield f"seeds {at} and {after}", bits(keys(at), ROW), bits(keys(after), ROW)
        yield f"replications {at} and {after}", bits(keys(0, at), ROW), bits(keys(0, after), ROW)
        yield (
            f"attempts {after} and {after + 1}",
            bits(keys(), ROW, after),
            bits(keys(), ROW, after + 1),
        )
        yield (
            f"request and attempt {after} crosswise",
            bits(keys(), range(1, M + 1), after),
            bits(keys(), ROW, after + 1),
        )
        yield f"seed and replication {at} crosswise", bits(keys(after, at), ROW), bits(keys(at, after), ROW)
        ours = bits(keys(at), ROW)
        yield f"a draw and its further one, {after}", ours, further_bits(ours, after)
        yield (
            f"further ones {after} and {after + 1}",
            further_bits(ours, after),
            further_bits(ours, after + 1),
        )
        yield (
            f"further ones {after} of two draws",
            further_bits(ours[:-1], after),
            further_bits(ours[1:], after),
        )
    for one, other in combinations(range(len(draws.PURPOSES)), 2):
        yield f"purposes {one} and {other}", bits(keys(0, 0, one), ROW), bits(keys(0, 0, other), ROW)
    names = ["web", "wec", "Web", "web2", "cron"]
    for a, b in combinations(names, 2):
        of = [bits(keys(subject=subjects([name])), ROW) for name in (a, b)]
        yield f"subjects {a} and {b}", of[0], of[1]
    for bit in range(0, 63, 6):
        yield f"seeds but for bit {bit}", bits(keys(), ROW), bits(keys(2**bit), ROW)
    for bit in range(16, 33, 4):
        yield f"requests but for bit {bit}", bits(keys(), ROW), bits(keys(), range(2**bit, 2**bit + M))


def test_neighbouring_streams_are_independent() -> None:
    hold((f"{pair}: {test}", p) for pair, one, other in neighbours() for test, p in side_by_side(one, other))


def test_short_streams_of_neighbouring_names_are_as_uneven_as_chance() -> None:
    # The p-values of many small tests are themselves uniform: neither all too good nor now and then too bad.
    streams = {
        "seeds": keys(range(4000)),
        "replications": keys(0, range(4000)),
        "subjects": keys(subject=NAMES[:4000]),
    }

    def levels() -> Tests:
        for name, key in streams.items():
            cells = high(bits(key[:, None], array(range(1024))[None, :]), 4)
            places = cells + array(range(len(key)))[:, None] * np.uint64(16)
            counts = np.bincount(places.ravel().astype(np.int64), minlength=16 * len(key)).reshape(-1, 16)
            p = special.chdtrc(15, ((counts - 64.0) ** 2 / 64.0).sum(axis=1))
            yield name, float(stats.kstest(p, "uniform").pvalue)

    hold(levels())


def test_names_fall_together_no_more_often_than_chance() -> None:
    many = keys(
        array(range(32))[:, None, None, None],
        array(range(16))[:, None, None],
        array(range(8))[:, None],
        NAMES[:128],
    ).ravel()
    assert len(many) == N
    assert repeated(many) == 0  # of 2^64 keys, some two in 2^19 are alike in one of 2^27 trials

    def birthdays() -> Tests:
        drawn = {name: SEQUENCES[name](0) for name in ("requests", "attempts", "seeds", "replications")}
        drawn |= {"keys": many >> np.uint64(draws.UNUSED_BITS), "keyed": bits(many)}
        for name, of in drawn.items():
            yield f"{name}, all bits", coincidences(of, BITS)
            yield f"{name}, high bits", coincidences(high(of, 32), 32)
            yield f"{name}, low bits", coincidences(low(of, 32), 32)
            yield f"{name}, middle bits", coincidences(low(of >> np.uint64(10), 32), 32)
            yield f"{name}, spacings", equal_spacings(of)

    hold(birthdays())
