"""The points of a sweep: a grid, points listed, a Latin hypercube, or the sequence of Sobol."""

from __future__ import annotations

import hashlib
import itertools
import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from sim.errors import UsageError, printable
from sim.study.axes import axis_values

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MOST_POINTS: Final = 1_000_000
LISTED: Final = "list"
"""The kind of a design whose points were given."""

SAMPLE_EXAMPLE: Final = "sobol:256 or lhs:100"
_SAMPLE = re.compile(r"\s*(sobol|lhs)\s*:\s*([0-9]{1,9})\s*")


@dataclass(frozen=True)
class Design:
    """Which points: the keys, the values of each point as they would stand in the file, and how they were chosen."""

    paths: tuple[str, ...]
    points: tuple[tuple[Any, ...], ...]
    kind: str

    def __len__(self) -> int:
        return len(self.points)

    @cached_property
    def written(self) -> tuple[tuple[str, ...], ...]:
        """The values of each point as texts of YAML."""
        return tuple(tuple(map(written, point)) for point in self.points)

    @cached_property
    def digest(self) -> str:
        """Sixteen hex digits of the keys and of all points."""
        return hashlib.sha256(json.dumps([self.paths, self.written]).encode()).hexdigest()[:16]

    def changes(self, number: int) -> dict[str, Any]:
        """Key path -> value at a point."""
        return dict(zip(self.paths, self.points[number], strict=True))


def written(value: Any) -> str:
    """A value as a text of YAML."""
    return value if isinstance(value, str) else json.dumps(value)


def grid(vary: Mapping[str, Any]) -> Design:
    """Every combination of the values, those of the last key going round first.

    Args:
        vary: key path -> a range, such as `"1..16"` or `"10ms..50ms:5"`, or the values.

    Raises:
        UsageError: nothing varies, values that are none, or too many points.
    """
    values = _axes(vary, None)
    many = math.prod(map(len, values))
    if many > MOST_POINTS:
        sides = " × ".join(f"{len(one):,}" for one in values)
        raise UsageError(
            f"a grid of {sides} = {many:,} points; the most are {MOST_POINTS:,}; a sample has fewer: {SAMPLE_EXAMPLE}"
        )
    return Design(tuple(vary), tuple(itertools.product(*values)), "grid")


def sampled(vary: Mapping[str, Any], sample: str, seed: int) -> Design:
    """So many points, spread evenly over all keys at once.

    Args:
        vary: key path -> a range or values. A range of quantities that does not say how many values it has, has
            as many as there are points.
        sample: `lhs:n`, a Latin hypercube (McKay, Beckman and Conover, 1979): each key takes each n-th part of its
            values once; or `sobol:n`, the first n of Sobol's sequence (1967), scrambled (Owen, 1998), n a power of 2.
        seed: of the hypercube, or of the scrambling.

    Raises:
        UsageError: nothing varies, values that are none, or a sample that is none.
    """
    found = _SAMPLE.fullmatch(sample)
    if found is None:
        raise UsageError(f'sample "{printable(sample)}" is none; write {SAMPLE_EXAMPLE}')
    kind, many = found[1], int(found[2])
    if not 1 <= many <= MOST_POINTS:
        raise UsageError(f"{many:,} points; from 1 to {MOST_POINTS:,} are possible; write {SAMPLE_EXAMPLE}")
    if kind == "sobol" and many & (many - 1):
        near = 1 << (many.bit_length() - 1)
        raise UsageError(
            f"{many} is no power of two, which Sobol's points need; write sobol:{near} or sobol:{2 * near}"
        )
    values = _axes(vary, many)
    places = _places(kind, many, len(values), seed)
    points = tuple(
        tuple(one[min(int(u * len(one)), len(one) - 1)] for one, u in zip(values, row, strict=True))
        for row in places.tolist()
    )
    return Design(tuple(vary), points, f"{kind}:{many}")


def listed(points: Sequence[Mapping[str, Any]]) -> Design:
    """The points as they are given, each key path -> value.

    Raises:
        UsageError: there are none, too many, or they do not have the same keys.
    """
    if not 1 <= len(points) <= MOST_POINTS:
        raise UsageError(f"{len(points):,} points are listed; from 1 to {MOST_POINTS:,} are possible")
    paths = tuple(points[0])
    if not paths:
        raise UsageError("the points have no keys; for example services.api.workers")
    for number, point in enumerate(points):
        if set(point) != set(paths):
            raise UsageError(f"point {number} has not the keys of the first: {', '.join(paths)}")
    return Design(paths, tuple(tuple(point[path] for path in paths) for point in points), LISTED)


def _axes(vary: Mapping[str, Any], many: int | None) -> list[tuple[Any, ...]]:
    if not vary:
        raise UsageError("nothing to vary; for example --vary services.api.workers=4..12")
    if not isinstance(vary, Mapping):
        raise UsageError(
            f"{type(vary).__name__} does not say what varies; for example {{'services.api.workers': '4..12'}}"
        )
    return [axis_values(path, wanted, many) for path, wanted in vary.items()]


def _places(kind: str, many: int, keys: int, seed: int) -> NDArray[np.float64]:
    """Points in the unit cube: a row a point, a column a key."""
    import numpy as np
    from scipy.stats import qmc

    random = np.random.default_rng(seed)
    try:
        sampler = qmc.Sobol(keys, rng=random) if kind == "sobol" else qmc.LatinHypercube(keys, rng=random)
    except ValueError as error:
        raise UsageError(f"{kind} over {keys:,} keys: {error}") from None
    found: NDArray[np.float64] = sampler.random(many)
    return found
