"""Uniforms named by (seed, replication, purpose, subject, request, attempt, k): a draw depends on its name alone.

A name is hashed to 64 bits by SplitMix64's finaliser (Steele, Lea and Flood, OOPSLA 2014; constants of Stafford's
variant 13), so the order of events cannot disturb a draw, variants of a scenario share their random numbers, and any
number of threads gives the same result. The four outer parts of a name make a stream's key once; request and attempt
are hashed at each draw; `further` gives the k-th extra uniform of a draw that needs more than one.

The antithetic twin of a draw is 1 - u, exactly: the same bits, inverted by a mask. What is `further` behind 1 - u is
the twin of what is further behind u, so rules need not know of twins.

The functions below run as they stand in CPython. The compiled engine rebinds the same code to 64-bit machine words
(`WORD` becomes numpy.uint64, the integer constants too), where `& MASK` does nothing.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Final

WORD = int
MASK: Final = 0xFFFF_FFFF_FFFF_FFFF
GOLDEN: Final = 0x9E37_79B9_7F4A_7C15
MIX_1: Final = 0xBF58_476D_1CE4_E5B9
MIX_2: Final = 0x94D0_49BB_1331_11EB
SHIFT_1: Final = 30
SHIFT_2: Final = 27
SHIFT_3: Final = 31
UNUSED_BITS: Final = 12
LEADING_BIT: Final = 51
ALL_BITS: Final = 0xF_FFFF_FFFF_FFFF
"""The 52 bits of a uniform: what inverts them all turns u into 1 - u."""
STEP: Final = 2.0**-52
"""Spacing of the uniforms: 52 bits plus half a step, so that 1 - u is exact and neither 0 nor 1 is ever drawn."""

PURPOSES: Final = (
    "gap",
    "batch",
    "think",
    "service",
    "backoff",
    "persistence",
    "outward",
    "homeward",
    "loss",
    "error",
    "patience",
    "rank",
    "throttle",
    "admission",
    "balance",
    "outward_again",
    "homeward_again",
    "beginning",
)
"""What a draw is for. A new purpose goes to the end: the position is part of every name."""


def mix(word: int) -> int:
    """One bijective scrambling of 64 bits (SplitMix64's finaliser)."""
    word = ((word ^ (word >> SHIFT_1)) * MIX_1) & MASK
    word = ((word ^ (word >> SHIFT_2)) * MIX_2) & MASK
    return word ^ (word >> SHIFT_3)


def stream(seed: int, replication: int, purpose: str, subject: str) -> int:
    """The key of all draws for one purpose of one subject in one run: a class by its name, or `services.name`."""
    return _with(_with(_run(seed, replication), PURPOSES.index(purpose)), _name(subject))


def streams(seed: int, replication: int, subject: str) -> dict[str, int]:
    """The keys of all purposes of one subject in one run."""
    run, name = _run(seed, replication), _name(subject)
    return {purpose: _with(_with(run, place), name) for place, purpose in enumerate(PURPOSES)}


def _run(seed: int, replication: int) -> int:
    return _with(_with(0, seed), replication)


def _name(subject: str) -> int:
    return int.from_bytes(blake2b(subject.encode(), digest_size=8).digest(), "little")


def _with(key: int, part: int) -> int:
    return mix((key + (part & MASK) * GOLDEN + GOLDEN) & MASK)


def uniform(key: int, request: int, attempt: int, mirror: int = 0) -> float:
    """The uniform in (0, 1) of a stream that belongs to this request (from 0) and attempt (from 1).

    `mirror` is 0, or ALL_BITS for the twin, 1 - u.
    """
    word = mix((key + WORD(request) * GOLDEN) & MASK)
    if attempt > 1:
        word = mix((word + WORD(attempt) * GOLDEN) & MASK)
    return (float((word >> UNUSED_BITS) ^ WORD(mirror)) + 0.5) * STEP


def further(u: float, k: int) -> float:
    """The k-th (from 1) further uniform behind the draw `u`, for rules that need more than one.

    Behind 1 - u there is 1 minus what is behind u: of the two, the lesser is hashed.
    """
    bits = WORD(int(u * 4503599627370496.0))
    mirror = (bits >> LEADING_BIT) * ALL_BITS
    word = mix(((bits ^ mirror) + WORD(k) * GOLDEN) & MASK)
    return (float((mix(word) >> UNUSED_BITS) ^ mirror) + 0.5) * STEP
