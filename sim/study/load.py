"""The load on a service before any queueing: who calls it, how fast, how much it can do; and load scaled."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

from sim.scenario.admission import RateLimit
from sim.scenario.arrivals import AnyArrivals, Closed, Renewal
from sim.scenario.empirical import Empirical
from sim.scenario.faults import service_timeline, traffic_timeline
from sim.scenario.limits import ConcurrencyLimit
from sim.scenario.trace import Trace
from sim.scenario.varying_arrivals import Profile, Sinusoid
from sim.units import parse_duration, parse_rate, write_duration, write_rate

if TYPE_CHECKING:
    from sim.scenario.distribution_rule import DistributionRule
    from sim.scenario.scenario import Scenario
    from sim.scenario.services import Service

RATES = {"rate", "rates", "amplitude", "generator"}
GAPS = {"mean", "value", "low", "high"}
"""Keys of a distribution of gaps that are durations: a load twice as high halves them."""


class ServiceLoad(NamedTuple):
    """What a service is asked for and what it can give, both in requests per second, first tries only."""

    offered: float
    capacity: float

    @property
    def ratio(self) -> float:
        """Offered load over capacity: the ρ that every queueing formula begins with; nan if not known."""
        return self.offered / self.capacity if self.capacity else math.inf


def callers(scenario: Scenario, service: str) -> list[str]:
    """The traffic classes that call a service, in the order written."""
    return [name for name, traffic in scenario.traffic.items() if traffic.call == service]


def nominal_rate(scenario: Scenario, traffic: str) -> float:
    """Requests per second that a traffic class would send if nothing ever waited; nan if unknown.

    Of a closed source: its users over one think and one service. Of a profile that does not repeat: the mean
    over the run, as its long run is only its last point.
    """
    arrivals = scenario.traffic[traffic].arrivals
    if isinstance(arrivals, Closed):
        cycle = arrivals.think.moments()[0] + scenario.service_time_of(traffic).moments()[0]
        return arrivals.users / cycle if cycle > 0.0 else math.nan
    if isinstance(arrivals, Profile) and arrivals.repeat is None:
        batch = arrivals.batch.moments()[0] if arrivals.batch is not None else 1.0
        return batch * _mean_of_profile(arrivals, scenario.run.duration)
    return arrivals.mean_rate()


def mean_service_time(scenario: Scenario, service: str) -> float:
    """Mean service time (s) over the classes that call a service, weighted by their rates."""
    names = callers(scenario, service)
    means = [scenario.service_time_of(name).moments()[0] for name in names]
    rates = [nominal_rate(scenario, name) for name in names]
    total = math.fsum(rates)
    if not names:
        return scenario.services[service].service_time.moments()[0]
    if not (math.isfinite(total) and total > 0.0):
        return math.fsum(means) / len(means)
    return math.fsum(rate * mean for rate, mean in zip(rates, means, strict=True)) / total


def service_load(scenario: Scenario, service: str) -> ServiceLoad:
    """Offered load and capacity of a service as written, all its instances together, faults left out."""
    offered = math.fsum(nominal_rate(scenario, name) for name in callers(scenario, service))
    one = capacity(scenario.services[service], mean_service_time(scenario, service))
    return ServiceLoad(offered, one * scenario.services[service].instances)


def load_within_limits(scenario: Scenario, service: str) -> ServiceLoad:
    """The same, but no more than what a fixed limit or rate of its admission lets in."""
    settings = scenario.services[service]
    most = settings.instances * most_let_in(settings, mean_service_time(scenario, service))
    return ServiceLoad(service_load(scenario, service).offered, most)


def load_at(scenario: Scenario, service: str, time: float) -> ServiceLoad:
    """What a service is offered and can do within its limits at one instant, with the faults then in force."""
    offered = 0.0
    for name in callers(scenario, service):
        speed = [piece.speed for piece in traffic_timeline(scenario, name) if piece.at <= time][-1]
        offered += nominal_rate(scenario, name) * speed
    number = scenario.services[service].instances
    singled = {
        fault.instance for fault in scenario.faults if fault.service == service and fault.instance is not None
    }
    like_others = next(instance for instance in range(number + 1) if instance not in singled)
    most = math.fsum(instance_capacity_at(scenario, service, instance, time) for instance in singled)
    if len(singled) < number:
        most += (number - len(singled)) * instance_capacity_at(scenario, service, like_others, time)
    return ServiceLoad(offered, most)


def instance_capacity_at(scenario: Scenario, service: str, instance: int, time: float) -> float:
    """Jobs per second that one instance can do within its limits at one instant, with the faults then in force."""
    piece = [piece for piece in service_timeline(scenario, service, instance) if piece.at <= time][-1]
    if piece.paused:
        return 0.0
    mean = mean_service_time(scenario, service) * piece.time_factor
    return most_let_in(scenario.services[service], mean, piece.workers)


def capacity(service: Service, mean: float, workers: float | None = None) -> float:
    """Jobs per second that an instance can do at most, `mean` s of work each; inf if there is no limit.

    Where it is scaled, with the most workers.

    Args:
        service: one of its instances.
        mean: of the work, s.
        workers: in place of its own: what a fault makes of them.
    """
    return drain_rate(service, mean, _most_workers(service, workers))


def most_let_in(service: Service, mean: float, workers: float | None = None) -> float:
    """The same, but no more than what a fixed limit or rate of its admission lets in."""
    rate = min((rule.rate for rule in service.admission if isinstance(rule, RateLimit)), default=math.inf)
    busy = min(_most_workers(service, workers), limit_inside(service))
    return min(rate, drain_rate(service, mean, busy))


def _most_workers(service: Service, workers: float | None) -> float:
    workers = service.workers if workers is None else workers
    return workers if service.autoscale is None else workers + service.autoscale.max - service.workers


def drain_rate(service: Service, mean: float, workers: float) -> float:
    """Jobs per second that so many workers of an instance get done of a queue, `mean` s of work each.

    Where it slows down with the number of jobs in it, that number counts with which it gets most done.
    """
    if not workers >= 1.0:
        return 0.0
    if service.slowdown is None:
        return workers / mean if mean > 0.0 else math.inf
    p: list[float] = []
    at = service.slowdown.lower(p)
    numbers = [min(workers, math.ceil(1.02**step)) for step in range(1200)]
    times = [(number, service.slowdown.rule(p, at, mean, 0.0, number)) for number in numbers]
    return max(number / time if time > 0.0 else math.inf for number, time in times)


def limit_inside(service: Service) -> float:
    """How many attempts a fixed limit lets be inside an instance, waiting and in service; inf without one."""
    return min(
        (rule.limit for rule in service.admission if isinstance(rule, ConcurrencyLimit)), default=math.inf
    )


def places_in_reach(service: Service) -> float:
    """The places of an instance's queue that can be taken at all: a fixed limit leaves those beside the workers."""
    return max(0.0, min(service.queue.capacity, limit_inside(service) - service.workers))


def offered_load(scenario: Scenario) -> float:
    """Requests per second offered to all services together."""
    return math.fsum(nominal_rate(scenario, name) for name in scenario.traffic)


def bottleneck(scenario: Scenario) -> tuple[str, ServiceLoad]:
    """The service whose load is nearest to its capacity, and that load."""
    loads = [(name, service_load(scenario, name)) for name in scenario.services]
    known = [entry for entry in loads if math.isfinite(entry[1].ratio)]
    return max(known or loads, key=lambda entry: entry[1].ratio)


def peak_load(scenario: Scenario) -> float:
    """Requests per second at the height of what is offered, if all profiles and waves peak at once; faults left out."""
    total = 0.0
    for name, traffic in scenario.traffic.items():
        arrivals = traffic.arrivals
        batch = arrivals.batch.moments()[0] if arrivals.batch is not None else 1.0
        if isinstance(arrivals, Profile):
            total += batch * _peak_of_profile(arrivals, scenario.run.duration)
        elif isinstance(arrivals, Sinusoid):
            total += batch * (arrivals.mean + arrivals.amplitude)
        else:
            total += nominal_rate(scenario, name)
    return total


def ideal_goodput(scenario: Scenario, factor: float = 1.0) -> float:
    """Requests per second that perfect services would answer: of each the lesser of load and capacity."""
    loads = [service_load(scenario, name) for name in scenario.services]
    return math.fsum(min(factor * load.offered, load.capacity) for load in loads)


def steady(scenario: Scenario) -> Scenario:
    """The scenario at a load that stays.

    Faults, starts and stops are left out; profiles and waves become Poisson arrivals at their mean rate.
    """
    changes: dict[str, object] = {"faults": []} if scenario.faults else {}
    for name, traffic in scenario.traffic.items():
        arrivals = traffic.arrivals
        written = _written(arrivals)
        written.pop("stop", None)
        written.pop("start", None)
        if isinstance(arrivals, Profile | Sinusoid):
            rate = nominal_rate(scenario, name)
            batch = {key: value for key, value in written.items() if key == "batch"}
            rate /= arrivals.batch.moments()[0] if arrivals.batch is not None else 1.0
            written = {"kind": "poisson", "rate": write_rate(rate), **batch}
        if written != _written(arrivals):
            changes[f"traffic.{name}.arrivals"] = written
    return scenario.set(changes)


def scaled(scenario: Scenario, factor: float, *, only: str | None = None) -> Scenario:
    """The scenario with `factor` times the load; with `only` that of one traffic class.

    Rates are multiplied, gaps divided; a trace is replayed faster; a closed source has more users (a whole
    number, at least one). Batches, the times of a profile and the stays of an mmpp remain. Gaps resampled
    from a file cannot be rewritten, so a rate fault that holds from 0 s to the end speeds them up.
    """
    changes: dict[str, object] = {}
    faults = list(scenario.document.get("faults", []))
    for name, traffic in scenario.traffic.items():
        if only is not None and name != only:
            continue
        arrivals = traffic.arrivals
        written = _written(arrivals)
        if isinstance(arrivals, Closed):
            written["users"] = max(1, round(factor * arrivals.users))
        elif isinstance(arrivals, Trace):
            written["speed"] = arrivals.speed * factor
        elif isinstance(arrivals, Renewal):
            if _resampled(arrivals.gap):
                faults.append({"at": "0s", "traffic": name, "rate": f"x{factor!r}"})
                changes["faults"] = faults
                continue
            written["gap"] = _faster(written["gap"], factor)
        elif isinstance(arrivals, Profile):
            written["points"] = [[time, _times(rate, factor)] for time, rate in written["points"]]
        elif isinstance(arrivals, Sinusoid):
            written["mean"] = _times(written["mean"], factor)
            written["amplitude"] = _times(written["amplitude"], factor)
        elif "states" in written:
            written["states"] = [
                {**state, "rate": _times(state["rate"], factor)} for state in written["states"]
            ]
        else:
            written["rate"] = _times(written["rate"], factor)
        changes[f"traffic.{name}.arrivals"] = written
    return scenario.set(changes)


def _written(arrivals: AnyArrivals) -> dict[str, Any]:
    written: dict[str, Any] = arrivals.model_dump(mode="json", by_alias=True, exclude_unset=True)
    return {"kind": arrivals.kind, **written}


def _times(rate: Any, factor: float) -> Any:
    """A rate, or a list of rates, as written, multiplied."""
    if isinstance(rate, list):
        return [_times(one, factor) for one in rate]
    return write_rate(parse_rate(str(rate), signed=True) * factor)


def _faster(gap: Any, factor: float) -> Any:
    """A distribution of gaps as written, with all its times divided by `factor`."""
    if isinstance(gap, str):
        return write_duration(parse_duration(gap) / factor)
    changed = dict(gap)
    for key, value in gap.items():
        if key in RATES and value is not None:
            changed[key] = _times(value, factor)
        elif key in GAPS and value is not None:
            changed[key] = write_duration(parse_duration(str(value)) / factor)
        elif key == "parts":
            changed[key] = [{**part, "of": _faster(part["of"], factor)} for part in value]
    return changed


def _resampled(gap: DistributionRule) -> bool:
    parts = getattr(gap, "parts", ())
    return isinstance(gap, Empirical) or any(_resampled(part.of) for part in parts)


def _peak_of_profile(profile: Profile, duration: float) -> float:
    """The greatest rate within the run; between two points of a linear profile, where the run ends."""
    rates = [rate for time, rate in profile.points if time < duration]
    if profile.shape == "linear":
        for (begin, rate), (end, after) in pairwise(profile.points):
            if begin < duration < end:
                rates.append(rate + (after - rate) * (duration - begin) / (end - begin))
    return max(rates)


def _mean_of_profile(profile: Profile, duration: float) -> float:
    """Requests (or batches) per second of a profile that does not repeat, over the run."""
    points = [*profile.points, (math.inf, profile.points[-1][1])]
    total = 0.0
    for (begin, rate), (end, after) in pairwise(points):
        until = min(end, duration)
        if until <= begin:
            break
        last = rate
        if profile.shape == "linear" and math.isfinite(end):
            last = rate + (after - rate) * (until - begin) / (end - begin)
        total += (until - begin) * (rate + last) / 2.0
    return total / duration
