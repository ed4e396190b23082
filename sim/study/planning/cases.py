"""The cases in which a size must hold: as written, and with each mishap that its plan must survive.

A case that is missed decides for all of them, so they are judged in turn, a look at each: what fails badly anywhere is
dropped after a few replications.
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, TypedDict, Unpack, cast

from sim.measure.intervals import binomial
from sim.measure.judge import judge
from sim.measure.results import Results
from sim.scenario.metrics import RECOVERY_METRIC
from sim.scenario.mishaps import Mishap, mishaps_of
from sim.scenario.scenario import Scenario
from sim.study.metastability.recovery import recovery
from sim.study.planning.certify import Certificate, Judging
from sim.study.planning.judged import Judged, Verdict
from sim.units import write_duration

RECOVERED: Final = 0.9
"""The share of runs that must recover in time."""

NEARLY_ALL: Final = 0.97
"""The share of runs that recovers where a size is called to survive with few replications."""

MOST_RUNS: Final = 1_000_000
"""Nobody makes more replications to tell a share."""


class How(TypedDict, total=False):
    """Arguments of `Judging` that are those of all cases."""

    confidence: float
    first: int | None
    most: int | None
    seed: int | None
    jobs: int | None
    theory: bool
    alternatives: int
    patient: bool


@dataclass(frozen=True)
class Case:
    """A scenario to be judged in: as written (no mishap), or with one mishap; `within`: s, by when it must recover."""

    scenario: Scenario
    mishap: Mishap | None = None
    within: float | None = None

    @property
    def title(self) -> str | None:
        """What the mishap is called; None as written."""
        return None if self.mishap is None else self.mishap.title

    def judging(self, scenario: Scenario, **how: Unpack[How]) -> Judging:
        """The judging of a scenario, this case's own or a change to it, by what must hold in this case."""
        further = None
        if self.mishap is not None and self.within is not None:
            further = _recovers(self.mishap, self.within)
        return Judging(scenario, further=further, **how)


class Cases:
    """The cases of a scenario; those of a change to it are judged together.

    Args:
        scenario: its objectives must hold, and what its plan says must be survived.
        jobs: threads.
        theory: whether exact models may settle what simulation leaves open.
    """

    def __init__(self, scenario: Scenario, *, jobs: int | None = None, theory: bool = True) -> None:
        self.all = cases_of(scenario)
        self._jobs, self._theory = jobs, theory
        self._order = list(range(len(self.all)))
        """In which they are tried: the one that failed last comes first."""

    @property
    def written(self) -> Scenario:
        """The scenario as written, without its plan."""
        return self.all[0].scenario

    def least_to_decide(self, confidence: float) -> int:
        """Replications that a certificate should be allowed, lest it cannot say that nearly all runs recover."""
        if all(case.within is None for case in self.all):
            return 1
        # The last look, at twice as many as the one before, spends what √t grows by.
        return math.ceil(runs_to_tell(NEARLY_ALL, (1.0 - confidence) * (1.0 - math.sqrt(0.5))))

    def certified(
        self,
        change: Callable[[Scenario], Scenario],
        *,
        confidence: float,
        first: int | None = None,
        most: int | None = None,
        seed: int | None = None,
        patient: bool = False,
    ) -> dict[int, Certificate]:
        """The certificates of the changed cases, by their place among all: of those looked at before one was missed.

        The arguments are those of `certify` and `Judging`; the confidence is that of the verdict on all cases together.
        """
        judgings = {}
        for place in self._order:
            case = self.all[place]
            judgings[place] = case.judging(
                change(case.scenario),
                confidence=confidence,
                first=first,
                most=most,
                seed=seed,
                jobs=self._jobs,
                theory=self._theory,
                alternatives=len(self.all),
                patient=patient,
            )
        open_ones = list(self._order)
        missed = None
        while open_ones and missed is None:
            for place in open_ones:
                judgings[place].look()
                if judgings[place].verdict == "missed":
                    missed = place
                    break
            open_ones = [place for place in open_ones if not judgings[place].over]
        if missed is not None:
            self._order.sort(key=lambda place: place != missed)
        looked = {
            place: judging.certificate() for place, judging in sorted(judgings.items()) if judging.looks
        }
        return {place: named(one, self.all[place].title) for place, one in looked.items()}


def named(certificate: Certificate, case: str | None) -> Certificate:
    """The certificate, each of whose objectives says which case it is of."""
    return replace(certificate, objectives=tuple(replace(row, case=case) for row in certificate.objectives))


def cases_of(scenario: Scenario) -> tuple[Case, ...]:
    """The scenario as written, then with each mishap of its plan beside its own faults.

    A mishap whose objectives are of its faults' time alone, and that must be recovered from, makes two.
    """
    faults = scenario.document.get("faults") or []
    # A plan within would be checked again at each change.
    plain_one = scenario.set("plan", None) if scenario.plan is not None else scenario
    found = [Case(plain_one)]
    for mishap in mishaps_of(scenario):
        changes: dict[str, object] = {
            "faults": [
                *faults,
                *(one.model_dump(mode="json", by_alias=True, exclude_unset=True) for one in mishap.faults),
            ]
        }
        if mishap.objectives is not None:
            changes["objectives"] = [
                one.model_dump(mode="json", by_alias=True, exclude_unset=True) for one in mishap.objectives
            ]
        struck = plain_one.set(changes)
        if mishap.window == "run":
            found.append(Case(struck, mishap, mishap.recover_within))
            continue
        if struck.objectives:
            found.append(Case(_while_it_lasts(struck, mishap), mishap))
        if mishap.recover_within is not None:
            found.append(Case(struck.set("objectives", []), mishap, mishap.recover_within))
    return tuple(found)


def _while_it_lasts(struck: Scenario, mishap: Mishap) -> Scenario:
    """The same run, of which only what is born from the mishap's beginning to its end is measured."""
    end = min(mishap.end, struck.run.duration)
    begun = zip(struck.document["faults"], struck.faults, strict=True)
    return struck.set(
        {
            "faults": [written for written, fault in begun if fault.at < end],
            "run.warmup": write_duration(mishap.begin),
            "run.duration": write_duration(end),
        }
    )


def _recovers(mishap: Mishap, within: float) -> Callable[[Results, float, float], Judged]:
    """Judges whether nine of ten runs have their backlog down again in time (Clopper and Pearson's bounds)."""

    def row(results: Results, met_error: float, missed_error: float) -> Judged:
        times = recovery_times(results, mishap)
        number = results.replications
        if times is None:
            share, low, high = math.nan, math.nan, math.nan
        else:
            recovered = sum(time <= within for time in times)
            share = recovered / number
            low = binomial(recovered, number, 1.0 - 2.0 * met_error)[0]
            high = binomial(recovered, number, 1.0 - 2.0 * missed_error)[1]
        verdict = cast("Verdict", judge(low, high, None, RECOVERED))
        error = met_error if share > RECOVERED else missed_error
        return Judged(
            subject="system",
            metric=RECOVERY_METRIC,
            at_most=None,
            at_least=RECOVERED,
            value=share,
            low=low,
            high=high,
            verdict=verdict,
            decided_by=None if verdict == "inconclusive" else "simulation",
            replications=number,
            needed=runs_to_tell(share, error) if verdict == "inconclusive" else None,
        )

    return row


def runs_to_tell(share: float, error: float) -> float:
    """Replications after which such a share of them is told from the share that must recover; inf at it, or if nan."""

    def told(number: int) -> bool:
        recovered = share * number
        low = binomial(math.floor(recovered + 1e-9), number, 1.0 - 2.0 * error)[0]
        high = binomial(math.ceil(recovered - 1e-9), number, 1.0 - 2.0 * error)[1]
        return low >= RECOVERED or high < RECOVERED

    enough = 1
    while not told(enough):
        enough *= 2
        if enough > MOST_RUNS:
            return math.inf
    return float(bisect.bisect_left(range(enough), True, lo=enough // 2, key=told))


def recovery_times(results: Results, mishap: Mishap) -> list[float] | None:
    """Seconds from the last fault's end until all services of a replication had their backlog down, of each."""
    scenario = results.scenario
    called = dict.fromkeys(traffic.call for traffic in scenario.traffic.values())
    each = [recovery(results, service, list(mishap.faults)) for service in called]
    known = [one.times for one in each if one is not None]
    return [max(times) for times in zip(*known, strict=True)] if known else None
