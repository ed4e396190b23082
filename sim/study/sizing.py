"""Sizes around the one as written: a few workers fewer and more, and a zone lost, each judged by the objectives."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from sim.measure.intervals import CONFIDENCE
from sim.scenario.scenario import Scenario
from sim.study.load import bottleneck
from sim.study.planning.certify import LEAST_REPLICATIONS, certify
from sim.study.planning.judged import Judged, Verdict
from sim.study.threads import part

NEIGHBOURS: Final = 2
"""How many fewer and more than as written."""

ZONES: Final = 3
"""A zone is one of so many equal parts of what there is."""


@dataclass(frozen=True)
class Size:
    """One size, judged: what it is in words, how many there are, and the certificate's verdict and objectives."""

    words: str
    count: int
    verdict: Verdict
    objectives: tuple[Judged, ...]
    replications: int


@dataclass(frozen=True)
class Sizing:
    """The sizes of one service. path: the key that counts; noun: what it counts, `worker` or `instance`."""

    path: str
    noun: str
    written: int
    sizes: tuple[Size, ...]


def sizing(
    scenario: Scenario,
    *,
    most: int | None = None,
    confidence: float = CONFIDENCE,
    jobs: int | None = None,
    progress: Callable[[float], None] | None = None,
) -> Sizing | None:
    """Judges the service nearest to its capacity with fewer and more workers, or instances if it has several.

    None where there are no objectives, or no fixed number of workers.

    Args:
        scenario: as written.
        most: replications of each size at the most; 16 times the scenario's own if None.
        confidence: of each verdict by itself.
        jobs: threads.
        progress: told the share that is done, 0 to 1.
    """
    name = bottleneck(scenario)[0]
    service = scenario.services[name]
    if not scenario.objectives or service.autoscale is not None or not 1.0 <= service.workers < math.inf:
        return None
    several = service.instances > 1
    noun = "instance" if several else "worker"
    path, written = f"services.{name}.{noun}s", int(service.instances if several else service.workers)
    wanted = _wanted(written, noun)
    found = []
    for place, (words, count) in enumerate(wanted):
        one = certify(
            scenario if count == written else scenario.set(path, count),
            confidence=confidence,
            first=None if most is None else max(LEAST_REPLICATIONS, min(most, scenario.run.replications)),
            most=None if most is None else max(LEAST_REPLICATIONS, most),
            jobs=jobs,
            progress=part(progress, place, len(wanted)),
        )
        found.append(Size(words, count, one.verdict, one.objectives, one.replications))
    return Sizing(path, noun, written, tuple(found))


def _wanted(written: int, noun: str) -> list[tuple[str, int]]:
    """What to try: N - 2 to N + 2, then a zone lost if that leaves something else."""
    counts = range(max(1, written - NEIGHBOURS), written + NEIGHBOURS + 1)
    words = {-1: f"one {noun} lost", 0: "as written"}
    found = [
        (words.get(count - written, f"{count - written:+d}".replace("-", "−")), count) for count in counts
    ]
    left = written - math.ceil(written / ZONES)
    if left >= 1 and left not in counts:
        found.append(("one zone of three lost", left))
    return found
