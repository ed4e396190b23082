"""What models assume of a service, each as one function: None where it holds, else in words why it does not."""

from __future__ import annotations

import math

from sim.scenario.arrivals import Closed, ConstantArrivals, Renewal
from sim.scenario.closed_distributions import Constant, Exponential
from sim.scenario.trace import Trace
from sim.scenario.varying_arrivals import Mmpp, Profile, Sinusoid
from sim.theory.station import Station, Stream, is_even, is_exponential
from sim.units import format_duration, format_rate

Reason = str | None

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


def no_faults(station: Station) -> Reason:
    """Nothing goes wrong with the service, its traffic or its clients during the run."""
    scenario = station.scenario
    names = {stream.name for stream in station.streams}
    clients = {scenario.client_name(name) for name in names}
    for fault in scenario.faults:
        touched = fault.service == station.name or fault.traffic in names
        if fault.at < scenario.run.duration and (touched or (fault.client is not None and fault.client in clients)):
            return f"a fault at {format_duration(fault.at)} changes it during the run: there is no steady state"
    return None


def whole_run(station: Station) -> Reason:
    """Every stream comes from the start to the end of the run."""
    for stream in station.streams:
        arrivals = stream.arrivals
        if arrivals.start > 0.0:
            return f"traffic:{stream.name} begins at {format_duration(arrivals.start)} only: there is no steady state"
        if arrivals.stop is not None and arrivals.stop < station.scenario.run.duration:
            return f"traffic:{stream.name} stops at {format_duration(arrivals.stop)}: there is no steady state"
    return None


def no_retries(station: Station) -> Reason:
    """No failed attempt comes back."""
    for name, outcomes in station.retried.items():
        what = " and ".join(outcomes)
        return f"traffic:{name} retries after {what}: attempts that come back are not a Poisson stream"
    return None


def no_retries_but_errors(station: Station) -> Reason:
    """What comes back are errors alone, which an unbounded exponential queue may feed back (Jackson, 1957)."""
    return None if station.feedback else no_retries(station)


def stays_until_served(station: Station) -> Reason:
    """No timeout takes an attempt out of the service."""
    for stream in station.streams:
        if math.isfinite(stream.limit) and stream.client.cancel != "never":
            where = "the queue" if stream.client.cancel == "queued" else "the queue and from the worker"
            return (
                f"traffic:{stream.name} gives up after {format_duration(stream.limit)} and is taken from {where} "
                f"(cancel: {stream.client.cancel})"
            )
    return None


def no_patience(station: Station) -> Reason:
    """No wait is cut short by the service."""
    return "waiting attempts leave (queue.max_wait)" if station.service.queue.max_wait is not None else None


def poisson(station: Station) -> Reason:
    """Single Poisson arrivals of one rate; several such streams make one."""
    for stream in station.streams:
        if not stream.poisson:
            return f"not Poisson: {ARRIVALS[stream.arrivals.kind]} (traffic:{stream.name})"  # type: ignore[attr-defined]
        if not stream.single:
            return f"not Poisson: traffic:{stream.name} comes in batches"
    return None
