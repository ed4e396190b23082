"""How many workers: the fewest that meet a target, where more never harm. Where a plan begins to search."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

from sim.errors import QuantityError
from sim.theory.inputs import not_negative, positive, ratio
from sim.theory.mmc import mmc
from sim.theory.mmck import mmck

if TYPE_CHECKING:
    from sim.scenario.objectives import Objective
    from sim.scenario.scenario import Scenario

#: No search goes past this.
MOST_WORKERS = 1_000_000


def fewest(meets: Callable[[int], bool], lowest: int = 1, highest: int = MOST_WORKERS) -> int | None:
    """The least whole number from `lowest` to `highest` that meets a target; None if the highest does not.

    `meets` must not turn false again once it is true: it is asked by doubling steps, then by halving.
    """
    reach, step = lowest, 1
    while reach < highest and not meets(reach):
        lowest = reach + 1
        reach = min(highest, reach + step)
        step *= 2
    if reach >= highest and not meets(highest):
        return None
    while lowest < reach:
        middle = (lowest + reach) // 2
        if meets(middle):
            reach = middle
        else:
            lowest = middle + 1
    return lowest


def workers_for_utilization(arrival_rate: float, service_mean: float, at_most: float) -> int:
    """The fewest workers that are busy no more than the share `at_most` of the time.

    Args:
        arrival_rate: 1/s.
        service_mean: s.
        at_most: ratio, strictly between 0 and 1.
    """
    load = positive("arrival_rate", arrival_rate, "120") * positive("service_mean", service_mean, "0.1")
    # A quotient that is whole but for its last digits is that whole number.
    return max(1, math.ceil(load / ratio("at_most", at_most, "0.8") * (1.0 - 1e-12)))


def workers_for_wait_mean(arrival_rate: float, service_rate: float, at_most: float) -> int:
    """The fewest workers of M/M/c whose mean wait is no longer than `at_most` seconds."""
    not_negative("at_most", at_most, "0.05")
    return _unbounded(
        arrival_rate, service_rate, lambda c: mmc(arrival_rate, service_rate, c).wait_mean <= at_most
    )


def workers_for_wait(arrival_rate: float, service_rate: float, p: float, at_most: float) -> int:
    """The fewest workers of M/M/c that start the share `p` of all within `at_most` seconds."""
    not_negative("at_most", at_most, "0.05")
    ratio("p", p)
    return _unbounded(
        arrival_rate, service_rate, lambda c: mmc(arrival_rate, service_rate, c).wait_quantile(p) <= at_most
    )


def workers_for_sojourn(arrival_rate: float, service_rate: float, p: float, at_most: float) -> int:
    """The fewest workers of M/M/c that have served the share `p` of all within `at_most` seconds.

    Raises:
        QuantityError: where the service alone takes longer.
    """
    alone = -math.log1p(-ratio("p", p)) / positive("service_rate", service_rate, "10.0")
    if not at_most > alone:
        raise QuantityError(
            f"at_most must be above {alone:g} s, what a share {p} of services alone take, not {at_most}",
            f"at_most={2.0 * alone:g}",
        )
    return _unbounded(
        arrival_rate,
        service_rate,
        lambda c: mmc(arrival_rate, service_rate, c).sojourn_quantile(p) <= at_most,
    )


def workers_for_rejection(arrival_rate: float, service_rate: float, capacity: int, at_most: float) -> int:
    """The fewest workers of M/M/c/K with `capacity` waiting places that refuse no more than `at_most`."""
    ratio("at_most", at_most, "0.01")

    def meets(workers: int) -> bool:
        return mmck(arrival_rate, service_rate, workers, workers + capacity).rejected_ratio <= at_most

    return _found(fewest(meets))


def first_guess(scenario: Scenario, service: str, lowest: int, highest: int) -> int:
    """Where to begin the search for the fewest workers of a service that meet the scenario's objectives.

    Theory's answer where a model says what the objectives ask; else that of the queue alone, its clients patient
    and nothing going wrong; else enough for a utilization of 80 %.

    Args:
        scenario: with objectives; only those that theory has a figure for are looked at.
        service: the name of the service.
        lowest: the fewest workers to think of.
        highest: the most.
    """
    for candidate in (scenario, _alone(scenario, service)):
        found = workers_by_theory(candidate, service, lowest, highest)
        if found is not None:
            return found
    load = math.fsum(
        traffic.arrivals.mean_rate() * scenario.service_time_of(name).moments()[0]
        for name, traffic in scenario.traffic.items()
        if traffic.call == service
    )
    if not load > 0.0:
        return lowest
    return min(highest, max(lowest, workers_for_utilization(load, 1.0, 0.8)))


def workers_by_theory(scenario: Scenario, service: str, lowest: int, highest: int) -> int | None:
    """The fewest workers with which theory meets the objectives that it has figures for.

    None where it has a figure for none of them even with the most workers; `highest` if even those do not do.
    """
    from sim.theory.match import analyze

    path = f"services.{service}.workers"
    metrics = {each.metric for each in scenario.objectives}
    most = analyze(scenario.set(path, highest), metrics)
    asked = [each for each in scenario.objectives if most.figure(each.subject, each.metric) is not None]
    if not asked:
        return None

    def meets(workers: int) -> bool:
        theory = analyze(scenario.set(path, workers), metrics)
        return all(met(each, theory.figure(each.subject, each.metric)) for each in asked)

    found = fewest(meets, lowest, highest)
    return highest if found is None else found


def met(objective: Objective, value: float | None) -> bool:
    """Whether theory's figure, if it has one, keeps an objective."""
    if value is None:
        return False
    if objective.at_most is not None:
        return value <= objective.at_most
    return objective.at_least is not None and value >= objective.at_least


def _alone(scenario: Scenario, service: str) -> Scenario:
    """The scenario without faults, and with clients who send once and wait for ever."""
    patient: dict[str, object] = {
        f"traffic.{name}.client": None
        for name, traffic in scenario.traffic.items()
        if traffic.call == service
    }
    return scenario.set({"faults": [], **patient} if scenario.faults else patient)


def _unbounded(arrival_rate: float, service_rate: float, meets: Callable[[int], bool]) -> int:
    """The fewest workers above the offered load that meet a target."""
    load = positive("arrival_rate", arrival_rate, "120.0") / positive("service_rate", service_rate, "10.0")
    return _found(fewest(meets, math.floor(load) + 1))


def _found(workers: int | None) -> int:
    if workers is None:
        raise QuantityError(f"no number of workers up to {MOST_WORKERS} meets the target", "at_most=0.05")
    return workers
