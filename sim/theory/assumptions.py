"""What models assume of a service, one function each: None where it holds, else in words why it does not."""

from __future__ import annotations

import math

from sim.scenario.arrivals import Closed, ConstantArrivals, Renewal
from sim.scenario.backoff import RandomBackoff
from sim.scenario.trace import Trace
from sim.scenario.varying_arrivals import Profile, Sinusoid
from sim.theory.mg1k import MOST_PLACES
from sim.theory.phase_queue import too_large
from sim.theory.phases import is_exponential
from sim.theory.station import Station
from sim.units import format_duration, format_rate

Reason = str | None

MOST_STATES = 2_000_000

#: What each arrival process is, in words, where it is not Poisson.
ARRIVALS = {
    "constant": "arrivals come at equal gaps",
    "renewal": "the gaps between arrivals are not exponential",
    "profile": "the arrival rate follows a profile",
    "sinusoid": "the arrival rate swings",
    "mmpp": "the arrival rate jumps between states",
    "trace": "arrivals are replayed from a trace",
    "closed": "the users are a closed circle: each has one request at a time",
}


def plain_service(station: Station) -> Reason:
    """One pool of so many workers, each as fast whatever the others do, that takes whoever comes."""
    service = station.service
    named = {
        f"{service.instances} instances, each with its own queue": service.instances > 1,
        f"it sheds load (admission: {', '.join(one.kind for one in service.admission)})": service.admission,
        f"it slows down under load (slowdown: {getattr(service.slowdown, 'kind', '')})": service.slowdown,
        "writes conflict (conflict: optimistic)": service.conflict,
        "its workers are scaled as it runs (autoscale)": service.autoscale,
        "a full queue blocks its producers (overflow: block)": (
            service.queue.overflow == "block" and math.isfinite(station.places)
        ),
    }
    return next((words for words, found in named.items() if found), None)


def unguarded_clients(station: Station) -> Reason:
    """Clients send each attempt, once."""
    for stream in station.streams:
        client = stream.client
        for key in ("throttle", "breaker", "limit", "hedge"):
            if getattr(client, key) is not None:
                what = "sends hedges" if key == "hedge" else f"holds attempts back ({key})"
                return f"traffic:{stream.name} {what}"
        if client.retry.budget is not None and stream.name in station.retried:
            return f"traffic:{stream.name} has a retry budget ({client.retry.budget.kind})"
    return None


def one_job_each(station: Station) -> Reason:
    """A worker serves one job at a time."""
    return "jobs share the workers (processor sharing)" if station.shared else None


def all_in_service(station: Station) -> Reason:
    """Whoever comes goes into service at once."""
    most = getattr(station.service.sharing, "limit", math.inf)
    return f"no more than {most:.0f} share the workers at once" if math.isfinite(most) else None


def no_faults(station: Station) -> Reason:
    """Nothing goes wrong with the service, its traffic or its clients during the run."""
    scenario = station.scenario
    names = {stream.name for stream in station.streams}
    clients = {scenario.client_name(name) for name in names}
    for fault in scenario.faults:
        touched = fault.service == station.name or fault.traffic in names
        if fault.at < scenario.run.duration and (
            touched or (fault.client is not None and fault.client in clients)
        ):
            return (
                f"a fault at {format_duration(fault.at)} changes it during the run: there is no steady state"
            )
    return None


def whole_run(station: Station) -> Reason:
    """Every stream comes from the start to the end of the run."""
    for stream in station.streams:
        arrivals = stream.arrivals
        if arrivals.start > 0.0:
            return f"traffic:{stream.name} begins at {format_duration(arrivals.start)} only: no steady state"
        if arrivals.stop is not None and arrivals.stop < station.scenario.run.duration:
            return f"traffic:{stream.name} stops at {format_duration(arrivals.stop)}: no steady state"
    return None


def takes_time(station: Station) -> Reason:
    """A service is not over as soon as it begins."""
    return "a service takes no time: nobody waits for anything" if station.moments[0] == 0.0 else None


def no_retries(station: Station) -> Reason:
    """No failed attempt comes back."""
    for name, outcomes in station.retried.items():
        what = " and ".join(outcomes)
        return f"traffic:{name} retries after {what}: attempts that come back are not a Poisson stream"
    return None


def no_retries_but_errors(station: Station) -> Reason:
    """What comes back are errors alone, which an unbounded exponential queue can take (Jackson, 1957)."""
    return None if station.feedback else no_retries(station)


def stays_until_served(station: Station) -> Reason:
    """No timeout takes an attempt out of the service."""
    for stream in station.streams:
        if math.isfinite(stream.limit) and stream.client.cancel != "never":
            where = "the queue" if stream.client.cancel == "queued" else "the queue and from the worker"
            return (
                f"traffic:{stream.name} gives up after {format_duration(stream.limit)} and is taken from "
                f"{where} (cancel: {stream.client.cancel})"
            )
    return None


def no_patience(station: Station) -> Reason:
    """No wait is cut short by the service."""
    return "waiting attempts leave (queue.max_wait)" if station.service.queue.max_wait is not None else None


def poisson(station: Station) -> Reason:
    """Single Poisson arrivals of one rate; several such streams make one."""
    for stream in station.streams:
        if not stream.poisson:
            return f"not Poisson: {ARRIVALS[stream.arrivals.kind]} (traffic:{stream.name})"
        if not stream.single:
            return f"not Poisson: traffic:{stream.name} comes in batches"
    return None


def known_rate(station: Station) -> Reason:
    """The long-run rate of every stream is one of its parameters."""
    for stream in station.streams:
        if isinstance(stream.arrivals, Trace | Closed | Profile | Sinusoid):
            return f"no constant long-run rate: {ARRIVALS[stream.arrivals.kind]} (traffic:{stream.name})"
    return None


def renewal(station: Station) -> Reason:
    """Independent gaps of one law: Poisson streams, or one other stream that the network does not shift."""
    if poisson(station) is None:
        return None
    if len(station.streams) > 1:
        return f"{len(station.streams)} streams that are not all Poisson do not make independent gaps"
    stream = station.streams[0]
    if not stream.single:
        return f"traffic:{stream.name} comes in batches"
    if not isinstance(stream.arrivals, ConstantArrivals | Renewal):
        return f"the gaps are not independent draws: {ARRIVALS[stream.arrivals.kind]}"
    return None if stream.network_constant else "a varying network delay reshuffles the gaps"


def exponential(station: Station) -> Reason:
    """One exponential service time for all."""
    for stream in station.streams:
        if not is_exponential(stream.law):
            return f"the service time is not exponential but {stream.law.kind} (traffic:{stream.name})"
    if station.exponential_mean is None:
        means = " and ".join(format_duration(stream.law.moments()[0]) for stream in station.streams)
        return f"the streams have different mean service times ({means})"
    return None


def constant_service(station: Station) -> Reason:
    """One service time, always the same."""
    return None if station.constant_time else "the service time is not constant"


def one_worker(station: Station) -> Reason:
    """C = 1."""
    return None if station.workers == 1 else f"{_workers(station)}, not 1"


def several_workers(station: Station) -> Reason:
    """1 < c < ∞."""
    if station.workers == 1:
        return "one worker: that would be M/M/1"
    return limited_workers(station)


def limited_workers(station: Station) -> Reason:
    """C < ∞."""
    return "unlimited workers: nobody waits" if math.isinf(station.workers) else None


def states_in_memory(station: Station) -> Reason:
    """K small enough for an array of all states."""
    if math.isfinite(station.places) and station.places > MOST_STATES:
        return f"{station.places:,.0f} places: more than {MOST_STATES:,} states are not worked out"
    return None


def unlimited_workers(station: Station) -> Reason:
    """C = ∞."""
    return None if math.isinf(station.workers) else f"{_workers(station)}, not unlimited"


def unbounded(station: Station) -> Reason:
    """No arrival is refused."""
    if math.isinf(station.workers) or math.isinf(station.capacity):
        return None
    return f"the queue is bounded: {_count(station.capacity)} waiting places"


def bounded(station: Station) -> Reason:
    """There is a last waiting place."""
    return "the queue has no bound" if math.isinf(station.places) else None


def no_waiting_places(station: Station) -> Reason:
    """Whoever finds all workers busy is refused."""
    return None if station.capacity == 0 else f"there are {_count(station.capacity)} waiting places, not 0"


def refuses_newcomers(station: Station) -> Reason:
    """A full queue refuses the arrival, not whoever waits longest."""
    dropping = station.service.queue.overflow == "drop_oldest" and station.capacity > 0
    return (
        "a full queue drops its oldest, not the newcomer"
        if dropping and math.isfinite(station.places)
        else None
    )


def stable(station: Station) -> Reason:
    """ρ < 1."""
    # A load that is not known is another assumption's business.
    if math.isinf(station.workers) or not station.load >= 1.0 or math.isfinite(station.capacity):
        return None
    surplus = station.rate - station.workers / station.service_mean
    return (
        f"the load is {station.load:.4g}, not below 1: the queue has no steady state and grows by "
        f"{format_rate(surplus)}"
    )


def size_blind(station: Station) -> Reason:
    """The order of service does not depend on the length of the jobs."""
    kind = station.service.queue.discipline.kind
    return (
        None
        if station.size_blind
        else f"the order of the discipline {kind} can depend on the length of the jobs"
    )


def first_come(station: Station) -> Reason:
    """First come, first served."""
    kind = station.service.queue.discipline.kind
    return None if station.first_come else f"the discipline is {kind}, not first come first served"


def in_phases(station: Station) -> Reason:
    """Arrivals steered by a Markov chain, service in exponential phases, not too many of either."""
    if station.markov_arrivals is None:
        if len(station.streams) > 1:
            return "the streams do not make one process of a few states"
        if not station.streams[0].single:
            return f"traffic:{station.streams[0].name} comes in batches"
        return f"not steered by a few states: {ARRIVALS[station.streams[0].arrivals.kind]}"
    if station.phases is None:
        kinds = " and ".join(dict.fromkeys(stream.law.kind for stream in station.streams))
        return f"the service time is {kinds}, not made of a few exponential phases"
    states, phases = len(station.markov_arrivals.loud), len(station.phases.initial)
    large = too_large(states, phases, station.workers, station.places)
    return None if large is None else f"too large to be solved exactly: {large}"


def endless_exponential_retries(station: Station) -> Reason:
    """What is refused, and that alone, comes back after exponential backoffs for as long as it takes."""
    retries = [stream.client.retry for stream in station.streams]
    if any(retry != retries[0] for retry in retries):
        return "the streams retry differently"
    retry = retries[0]
    for tried in station.retried.values():
        if tried != ("rejected",):
            return f"retries after {' and '.join(tried)}, not after rejected alone"
    if len(station.retried) < len(station.streams):
        return "not all streams retry what is rejected"
    if math.isfinite(retry.attempts):
        return f"only {retry.attempts:.0f} attempts: how often each was refused would have to be remembered"
    backoff = retry.backoff
    if not (isinstance(backoff, RandomBackoff) and is_exponential(backoff.delay) and backoff.factor == 1.0):
        return f"the backoff is {backoff.kind}, not a draw of one exponential distribution (kind: random)"
    if station.service.retry_after is not None and retry.retry_after:
        return "Retry-After bounds the backoff from below"
    if any(stream.client.network is not None for stream in station.streams):
        return "the network delays what comes back"
    return None


def carries_all(station: Station) -> Reason:
    """With endless persistence, less work than the workers can do."""
    load = station.fresh_rate * station.service_mean / station.workers
    if load < 1.0 or station.streams[0].client.retry.probability < 1.0:
        return None
    return f"the load is {load:.4g}, not below 1, and no request gives up: the orbit grows for ever"


def finite_variance(station: Station) -> Reason:
    """The service time has a second moment."""
    return None if math.isfinite(station.moments[1]) else "the service time has no finite variance"


def near_full(station: Station) -> Reason:
    """Not so close to full load that the exact M/D/c would need too large a transform."""
    close = 1.0 - station.load < 2e-5 or station.workers > 200_000
    return f"a load of {station.load:.9g} is too close to 1 to be solved exactly" if close else None


def few_places(station: Station) -> Reason:
    """Few enough places for a solver whose work grows with their square."""
    return (
        f"{_count(station.places)} places are too many to be solved" if station.places > MOST_PLACES else None
    )


def poisson_batches(station: Station) -> Reason:
    """One Poisson stream of batches."""
    if len(station.streams) > 1:
        return f"{len(station.streams)} streams, of which some come in batches"
    stream = station.streams[0]
    return (
        None if stream.poisson else f"not Poisson: {ARRIVALS[stream.arrivals.kind]} (traffic:{stream.name})"
    )


def one_rising_law(station: Station) -> Reason:
    """One service law for all, with a quantile function that rises."""
    if station.law is None:
        return "the streams have different service times"
    kind = station.law.kind
    return f"not solved for a service time that is a {kind}" if kind in ("mixture", "phase_type") else None


def one_way_to_leave(station: Station) -> Reason:
    """All waits are cut at one length: by the service, or by timeouts that take attempts out of the queue."""
    if station.service.queue.max_wait is not None:
        return stays_until_served(station)
    limits = {stream.limit for stream in station.streams}
    if len(limits) > 1:
        return "the streams have different timeouts"
    for stream in station.streams:
        if stream.client.cancel != "queued":
            return f"traffic:{stream.name} has cancel: {stream.client.cancel}, not queued"
        if stream.client.network is not None:
            return f"the network delay of traffic:{stream.name} shifts its timeout against its wait"
    return None


def no_timeouts(station: Station) -> Reason:
    """Every client waits for its reply."""
    for stream in station.streams:
        if math.isfinite(stream.limit):
            return (
                f"traffic:{stream.name} stops waiting after {format_duration(stream.limit)}, and sends anew"
            )
    return None


def alike_users(station: Station) -> Reason:
    """Closed streams alone, whose users think alike; with any refusal the think time is exponential."""
    thinks = set()
    for stream in station.streams:
        arrivals = stream.arrivals
        if not isinstance(arrivals, Closed):
            return f"traffic:{stream.name} comes from outside, beside closed users"
        thinks.add(arrivals.think.moments()[0] + stream.network_mean)
        may_refuse = station.places < station.users
        if may_refuse and not (is_exponential(arrivals.think) and stream.network_mean == 0.0):
            return "users may be refused, and their think time is not exponential"
    return "the users of the streams think differently long" if len(thinks) > 1 else None


def not_elementary(station: Station) -> Reason:
    """For approximations: they say nothing where Poisson arrivals meet exponential service."""
    plain = poisson(station) is None and exponential(station) is None
    return "not needed: with Poisson arrivals and exponential service it is M/M/c, exactly" if plain else None


def _workers(station: Station) -> str:
    return "1 worker" if station.workers == 1 else f"{_count(station.workers)} workers"


def _count(number: float) -> str:
    return "unlimited" if math.isinf(number) else f"{number:.0f}"
