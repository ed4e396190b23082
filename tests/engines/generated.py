"""Generated scenarios of every kind that the language can say, deterministic ties and extreme values included.

Hypothesis shrinks a failure to fewer choices, and to what comes first in each: so the simplest comes first and takes
no more choices than the rest, and what may be left out is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hypothesis import assume
from hypothesis import strategies as st

Written = dict[str, Any]
"""A part of a scenario as it stands in a file."""

MEASURED = str(Path(__file__).with_name("measured.csv"))
"""A file of times, sizes and values, with ties and zeros: its whole path, so that a scenario reads it from anywhere."""

GRID = ("10ms", "20ms", "50ms", "100ms", "150ms")
"""Durations on a common grid: many events fall on one instant, which is what the tie rule is for."""

durations = st.sampled_from(GRID)
waits = st.one_of(durations, durations, durations, st.sampled_from(("0s", "1ns", "1us", "1h", "1e308s")))
limits = st.one_of(durations, durations, durations, st.sampled_from(("1ns", "1us", "1h", "1e308s")))
"""As waits, but never zero."""


@st.composite
def mappings(
    draw: st.DrawFn,
    needed: Mapping[str, st.SearchStrategy[Any]],
    optional: Mapping[str, st.SearchStrategy[Any]] | None = None,
) -> Written:
    """A mapping with the needed keys, and with some of the optional ones."""
    written = {key: draw(strategy) for key, strategy in needed.items()}
    for key, strategy in (optional or {}).items():
        if draw(st.booleans()):
            written[key] = draw(strategy)
    return written


def rules(kind: str, **parameters: st.SearchStrategy[Any]) -> st.SearchStrategy[Written]:
    """A rule of a kind with all of these parameters."""
    return mappings({"kind": st.just(kind), **parameters})


gaps: st.SearchStrategy[Any] = st.one_of(
    st.just("20ms"),
    durations,
    durations,
    rules("exponential", mean=durations),
    rules("erlang", mean=durations, shape=st.integers(1, 4)),
    rules("hyperexponential", mean=durations, cv=st.sampled_from((2, 1))),
    st.just({"kind": "hyperexponential", "rates": ["5/s", "50/s", "500/s"], "weights": [1, 3, 0.5]}),
    rules("gamma", mean=durations, cv=st.sampled_from((0.5, 1, 1.7))),
    rules("lognormal", mean=durations, cv=st.sampled_from((0.4, 1.5))),
    rules("weibull", mean=durations, shape=st.sampled_from((0.7, 1, 2))),
    rules("pareto", mean=durations, tail=st.sampled_from((1.5, 3))),
    rules("uniform", low=st.sampled_from(("0ms", "10ms", "80ms")), high=st.just("80ms")),
    rules("normal", mean=durations, cv=st.sampled_from((0.5, 2))),
    st.just({"kind": "phase_type", "initial": [1, 0], "generator": [["-40/s", "30/s"], ["0/s", "-60/s"]]}),
    st.just(
        {"kind": "phase_type", "initial": [0.3, 0.7], "generator": [["-40/s", "40/s"], ["30/s", "-50/s"]]}
    ),
    rules("empirical", file=st.just(MEASURED), column=st.just("seconds")),
    rules("empirical", file=st.just(MEASURED), column=st.just("at"), unit=st.just("ms")),
    st.just(
        {
            "kind": "mixture",
            "parts": [
                {"weight": 3, "of": "10ms"},
                {"weight": 1, "of": {"kind": "exponential", "mean": "90ms"}},
            ],
        }
    ),
    st.just(
        {
            "kind": "mixture",
            "parts": [
                {"weight": 1, "of": "0s"},
                {"weight": 1, "of": {"kind": "mixture", "parts": [{"weight": 2, "of": "50ms"}]}},
                {"weight": 1e-6, "of": "1000d"},
            ],
        }
    ),
)
"""Distributions of gaps and of think times: not so short that a run would have millions of events."""

distributions: st.SearchStrategy[Any] = st.one_of(
    gaps,
    durations,
    st.sampled_from(
        (
            {"kind": "constant", "value": "20ms"},
            {"kind": "empirical", "file": MEASURED, "column": "bytes", "unit": "us"},
            "0s",
            "1ns",
            "1h",
            "1e308s",
            {"kind": "exponential", "mean": "1ns"},
            {"kind": "exponential", "mean": "1000d"},
            {"kind": "erlang", "mean": "50ms", "shape": 10_000},
            {"kind": "gamma", "mean": "50ms", "cv": 0.01},
            {"kind": "gamma", "mean": "50ms", "cv": 100},
            {"kind": "lognormal", "mean": "50ms", "cv": 1e-9},
            {"kind": "lognormal", "mean": "50ms", "cv": 1e6},
            {"kind": "weibull", "mean": "50ms", "shape": 0.05},
            {"kind": "weibull", "mean": "50ms", "shape": 1e6},
            {"kind": "pareto", "mean": "50ms", "tail": 1.001},
            {"kind": "pareto", "mean": "50ms", "tail": 1e6},
            {"kind": "hyperexponential", "mean": "50ms", "cv": 1e6},
            {"kind": "normal", "mean": "50ms", "cv": 1e-9},
            {"kind": "normal", "mean": "50ms", "cv": 1000},
        )
    ),
)

batches = st.one_of(
    st.integers(1, 3),
    st.sampled_from((30, {"kind": "constant", "value": 2})),
    rules("geometric", mean=st.sampled_from((2, 1, 10))),
)

rates = st.sampled_from(("20/s", "10/s", "50/s"))
ARRIVALS: Mapping[str, st.SearchStrategy[Written]] = {
    "constant": rules("constant", rate=st.sampled_from(("20/s", "10/s", "50/s", "1/d"))),
    "poisson": rules("poisson", rate=rates),
    "renewal": rules("renewal", gap=gaps),
    "profile": mappings(
        {
            "kind": st.just("profile"),
            "points": st.one_of(
                rates.map(lambda rate: [["0s", rate], ["1s", "0/s"], ["1500ms", "80/s"]]),
                st.just([["0s", "0/s"], ["500ms", "60/s"], ["500001us", "0/s"]]),
            ),
        },
        {
            "shape": st.sampled_from(("step", "linear")),
            "repeat": st.sampled_from(("2s", "1500ms", "1h")),
        },
    ),
    "sinusoid": mappings(
        {
            "kind": st.just("sinusoid"),
            "mean": rates,
            "amplitude": st.sampled_from(("10/s", "0/s", "1/d")),
            "period": st.sampled_from(("1s", "10ms", "1h")),
        },
        {"phase": st.sampled_from(("100ms", "0s", "2s", "1000d"))},
    ),
    "mmpp": rules(
        "mmpp",
        states=st.lists(
            mappings(
                {
                    "rate": st.one_of(rates, st.just("0/s")),
                    "stay": st.sampled_from(("500ms", "200ms", "5ms", "1000d")),
                }
            ),
            max_size=2,
        ).map(lambda states: [*states, {"rate": "50/s", "stay": "300ms"}]),
    ),
    "trace": st.builds(
        lambda trace, times: {**trace, **times},
        mappings(
            {"kind": st.just("trace"), "file": st.just(MEASURED)},
            {"speed": st.sampled_from((2, 1, 0.5, 1e-9, 1e9)), "size": st.just("bytes")},
        ),
        st.sampled_from(
            (
                {"column": "at", "unit": "ms"},
                {"column": "at", "unit": "us"},
                {"column": "clock", "unit": "ns"},
                {"column": "stamp", "format": "iso"},
            )
        ),
    ),
    "closed": rules("closed", users=st.integers(1, 6), think=st.one_of(gaps, st.just("0s"))),
}
WITH_A_RATE = ("constant", "constant", "poisson", "renewal", "profile", "sinusoid", "mmpp")
OPEN = (*WITH_A_RATE, "trace")
frames = st.sampled_from(
    (
        {},
        {},
        {},
        {"start": "300ms"},
        {"stop": "2s"},
        {"start": "1s", "stop": "1001ms"},
        {"start": "3s"},
        {"start": "1h", "stop": "2h"},
        {"stop": "1ns"},
    )
)
"""When an arrival process begins and ends: at once, late, never to be seen."""


@st.composite
def arrivals(draw: st.DrawFn, kinds: Sequence[str] = (*OPEN, "closed")) -> Written:
    """An arrival process of one of these kinds."""
    kind = draw(st.sampled_from(kinds))
    written = {**draw(ARRIVALS[kind]), **draw(frames)}
    if kind != "closed" and draw(st.integers(0, 2)) == 2:
        written["batch"] = draw(batches)
    elif kind == "constant" and draw(st.integers(0, 19)) == 19:
        written |= {"rate": "0.4/s", "batch": 150}
    return written


LASTING = (
    "100ms",
    {"kind": "linear", "step": "50ms"},
    {"kind": "exponential", "base": "50ms", "jitter": "equal"},
    {"kind": "decorrelated", "base": "50ms", "cap": "1s"},
    {"kind": "schedule", "delays": ["0ms", "200ms"]},
    {"kind": "random", "delay": {"kind": "uniform", "low": "50ms", "high": "100ms"}},
    {"kind": "celery", "jitter": False},
)
"""Backoffs that let time move on, however many attempts there are."""

backoffs: st.SearchStrategy[Any] = st.one_of(
    st.sampled_from(("none", *GRID)),
    st.sampled_from(LASTING),
    rules("constant", delay=waits),
    mappings({"kind": st.just("linear"), "step": waits}, {"cap": waits}),
    mappings(
        {"kind": st.just("exponential"), "base": waits},
        {
            "factor": st.sampled_from((2, 1, 0.5, 1.6, 1000)),
            "cap": waits,
            "jitter": st.sampled_from(
                ("full", "none", "equal", {"spread": 0.2}, {"spread": 1}, {"spread": 0})
            ),
        },
    ),
    mappings({"kind": st.just("decorrelated"), "base": limits}, {"cap": waits}),
    rules("schedule", delays=st.lists(waits, min_size=1, max_size=3)),
    mappings(
        {"kind": st.just("random"), "delay": distributions}, {"factor": st.sampled_from((2, 1, 0.5, 1000))}
    ),
    mappings(
        {"kind": st.just("celery")},
        {
            "factor": st.sampled_from((1, 3)),
            "maximum": st.sampled_from((2, 0, "1min")),
            "jitter": st.booleans(),
        },
    ),
    mappings(
        {"kind": st.just("grpc"), "initial": waits, "max": waits},
        {"multiplier": st.sampled_from((2, 1.6, 0.5)), "jitter": st.sampled_from(("spread", "full"))},
    ),
    mappings(
        {"kind": st.just("tenacity")},
        {
            "multiplier": waits,
            "exp_base": st.sampled_from((2, 1.5)),
            "min": waits,
            "max": waits,
            "random": st.booleans(),
        },
    ),
)

shares = st.sampled_from((0.5, 0.1, 1, "20%"))
few = st.sampled_from((1, 2, 3, 5))
windows = st.sampled_from(("1s", "100ms", "10s", "1us"))
budgets = st.one_of(
    st.sampled_from(
        ("ratio_bucket", "token_bucket", "throttle_tokens", "concurrent", "aws_standard", "failure_ratio")
    ),
    mappings(
        {"kind": st.just("ratio_bucket"), "min_per_second": st.sampled_from(("0/s", "1/s"))},
        {"ttl": windows, "ratio": st.sampled_from((0, 0.3, 1))},
    ),
    mappings(
        {"kind": st.just("token_bucket"), "size": st.sampled_from((1.5, 2, 10))},
        {"fill": st.sampled_from((0, 0.3, 1)), "deposit_on": st.sampled_from(("success", "first_try"))},
    ),
    mappings({"kind": st.just("throttle_tokens")}, {"max": few, "ratio": st.sampled_from((0, 0.5, 2))}),
    mappings({"kind": st.just("concurrent")}, {"ratio": shares, "floor": st.sampled_from((0, 1))}),
    mappings(
        {"kind": st.just("aws_standard"), "tokens": st.sampled_from((10, 25))},
        {"cost": few, "timeout_cost": few, "refund": st.sampled_from((0, 2))},
    ),
    mappings({"kind": st.just("failure_ratio")}, {"at_most": shares, "window": windows}),
)
throttles = st.one_of(
    st.sampled_from(("adaptive", "admission_control")),
    mappings({"kind": st.just("adaptive")}, {"k": st.sampled_from((1.1, 2, 0.5)), "window": windows}),
    mappings(
        {"kind": st.just("admission_control")},
        {
            "threshold": shares,
            "aggression": st.sampled_from((1, 2, 1.5)),
            "window": windows,
            "cap": st.sampled_from((0.9, 0, 1)),
            "rps_threshold": st.sampled_from(("0/s", "5/s")),
        },
    ),
)
breakers = mappings(
    {"kind": st.just("circuit")},
    {
        "failure_ratio": shares,
        "window": windows,
        "minimum": few,
        "open_for": limits,
        "probes": few,
        "successes": few,
    },
)
LEARNT = {"initial": st.just(3), "min": st.sampled_from((1, 3)), "max": st.sampled_from((4, 50))}
bounds = st.one_of(
    rules("concurrency_limit", limit=few),
    mappings({"kind": st.just("aimd"), **LEARNT}, {"ratio": shares, "timeout": durations}),
    mappings({"kind": st.just("vegas"), **LEARNT}, {"probe_multiplier": st.sampled_from((0.5, 30))}),
    mappings(
        {"kind": st.just("gradient2"), **LEARNT},
        {
            "smoothing": shares,
            "queue": st.sampled_from((0, 4)),
            "tolerance": st.sampled_from((1, 1.5)),
            "long_window": st.sampled_from((1, 20)),
        },
    ),
    st.sampled_from(("aimd", "vegas", "gradient2")),
)
HEDGED = {"attempts": st.sampled_from((2, 3, 4)), "cancel": st.booleans()}
hedges = st.one_of(
    durations,
    mappings({"kind": st.just("constant"), "delay": limits}, HEDGED),
    mappings(
        {"kind": st.just("quantile"), "window": st.sampled_from((5, 30))},
        {"quantile": st.sampled_from((0.5, 0.95, 1)), **HEDGED},
    ),
)
admissions = st.lists(
    st.one_of(
        st.sampled_from(("codel", "codel_folly", "deadline", "priority_shed")),
        mappings({"kind": st.sampled_from(("codel", "codel_folly"))}, {"target": limits, "interval": limits}),
        mappings(
            {"kind": st.just("rate_limit"), "rate": st.sampled_from(("20/s", "1/s", "100/s"))}, {"burst": few}
        ),
        mappings(
            {"kind": st.just("priority_shed")},
            {
                "target": limits,
                "window": st.sampled_from(("100ms", "1s")),
                "requests": st.sampled_from((3, 2000)),
                "down": shares,
                "up": shares,
            },
        ),
        bounds,
    ),
    max_size=3,
)
slowdowns = st.one_of(
    rules("spill", memory=st.sampled_from((0, 2, 5)), factor=st.sampled_from((1, 3))),
    mappings(
        {"kind": st.just("contention")},
        {"sigma": st.sampled_from((0, 0.1)), "kappa": st.sampled_from((0, 0.01))},
    ),
    rules("concurrency", per_job=st.sampled_from(("5ms", "0s"))),
)
autoscales = mappings(
    {
        "max": st.sampled_from((1, 3, 20)),
        "period": st.sampled_from(("100ms", "200ms", "70ms")),
    },
    {
        "min": st.sampled_from((0, 1)),
        "startup": waits,
        "cooldown_up": waits,
        "cooldown_down": st.sampled_from(("0s", "100ms", "1s")),
        "tolerance": st.sampled_from((0, 0.1)),
    },
).flatmap(
    lambda written: st.sampled_from(
        (
            written,
            {**written, "target": 0.8},
            {**written, "metric": "utilization", "target": "50%"},
            {**written, "metric": "queue_length", "target": 2},
            {**written, "metric": "lag", "target": "50ms"},
        )
    )
)
balances = st.sampled_from(("round_robin", "random", "least_loaded", "power_of_two", "least_outstanding"))

outcomes = st.lists(
    st.sampled_from(("rejected", "timeout", "error", "lost", "denied")), unique=True, max_size=5
)
attempts = st.sampled_from((2, 1, 3, 5, 8, 20))
retries = st.one_of(
    st.just({"attempts": 2}),
    mappings(
        {},
        {
            "attempts": attempts,
            "backoff": backoffs,
            "on": outcomes,
            "probability": st.sampled_from((0.7, 0, 1, "50%")),
            "retry_after": st.booleans(),
            "budget": budgets,
        },
    ),
    mappings(
        {"attempts": attempts, "backoff": backoffs},
        {"probability": st.sampled_from((0.7, 1)), "retry_after": st.booleans()},
    ),
    mappings({"attempts": attempts, "budget": budgets}, {"backoff": backoffs}),
    mappings({"attempts": st.just("inf"), "backoff": st.sampled_from(LASTING)}, {"on": outcomes}),
)
CLIENT: Mapping[str, st.SearchStrategy[Any]] = {
    "retry": retries,
    "timeout": limits,
    "deadline": st.one_of(st.sampled_from(("300ms", "100ms", "1s")), limits),
    "cancel": st.sampled_from(("queued", "anywhere", "never")),
    "late_reply": st.sampled_from(("accept", "waste")),
    "network": distributions,
    "instances": st.sampled_from((1, 2, 7)),
    "breaker": breakers,
    "throttle": throttles,
    "limit": bounds,
    "hedge": hedges,
}
clients = mappings({}, CLIENT)

QUEUE: Mapping[str, st.SearchStrategy[Any]] = {
    "capacity": st.sampled_from((1, 0, 3, 10, "inf")),
    "discipline": st.sampled_from(
        (
            "lifo",
            "random",
            "priority",
            "shortest",
            "earliest_deadline",
            "fifo",
            "adaptive_lifo",
            {"kind": "adaptive_lifo", "target": "10ms"},
            {"kind": "adaptive_lifo", "target": "50ms"},
        )
    ),
    "overflow": st.sampled_from(("drop_oldest", "block", "reject")),
    "max_wait": distributions,
}
queues = mappings({}, QUEUE)
WORKERS = st.sampled_from((1, 2, 3, 7, "inf", 1000))
SERVICE: Mapping[str, st.SearchStrategy[Any]] = {
    "queue": queues,
    "retry_after": waits,
    "error_ratio": st.sampled_from((0.5, 0.1, 1, 0, "20%")),
    "admission": admissions,
    "slowdown": slowdowns,
    "instances": st.sampled_from((1, 2, 3)),
    "balance": balances,
    "conflict": st.just("optimistic"),
    "sharing": st.one_of(
        st.sampled_from(("processor_sharing", "one")),
        rules("processor_sharing", limit=st.sampled_from((1, 2, 5, "inf"))),
    ),
    "autoscale": autoscales,
}
services = mappings({"workers": WORKERS, "service_time": distributions}, SERVICE).map(
    lambda service: {
        key: value for key, value in service.items() if key != "autoscale" or service["workers"] != "inf"
    }
)

PRIORITIES = st.sampled_from((1, 0, 2, -1, 2**53, -(2**53)))
EFFECTS: Mapping[str, st.SearchStrategy[Written]] = {
    "service": st.sampled_from(
        (
            {"pause": True},
            {"pause": True},
            {"workers": 0},
            {"workers": 1},
            {"workers": 4},
            {"workers": "inf"},
            {"workers": "x0"},
            {"workers": "x0.5"},
            {"workers": "x2"},
            {"service_time": "x2"},
            {"service_time": "x0.5"},
            {"service_time": "x0"},
            {"service_time": "x1e9"},
            {"error_ratio": 0.5},
            {"error_ratio": 0},
            {"error_ratio": 1},
            {"drop_queue": True},
            {"discipline": "lifo"},
            {"discipline": "fifo"},
        )
    ),
    "traffic": st.sampled_from(("x0", "x0.5", "x3", "x1", "x0.01")).map(lambda factor: {"rate": factor}),
    "client": st.one_of(
        st.sampled_from(("10%", "60%", 0, 1)).map(lambda share: {"lost": share}), st.just({"retries": False})
    ),
}


@st.composite
def faults(draw: st.DrawFn, targets: Mapping[str, Sequence[str]]) -> Written:
    """A fault that befalls one of the names of one of the kinds of targets.

    None of them ends very late: an mmpp whose rate is zero until then would be followed there through all its states.
    """
    kind = draw(st.sampled_from([kind for kind, names in targets.items() if names]))
    fault = {
        "at": draw(st.sampled_from(("500ms", "0s", "1s", "1ns", "2999ms", "3s", "4s", "1h"))),
        kind: draw(st.sampled_from(targets[kind])),
        **draw(EFFECTS[kind]),
    }
    if kind == "service" and draw(st.integers(0, 3)) == 3:
        fault["instance"] = 0
    if draw(st.booleans()):
        fault["for"] = draw(st.sampled_from(("500ms", "200ms", "1s", "1ns", "1h")))
    return fault


RUN: Mapping[str, st.SearchStrategy[Any]] = {
    "warmup": st.sampled_from(("700ms", "0s", "2999ms")),
    "series": st.sampled_from(("100ms", "170ms", "7ms", "3s", "1h")),
    "drain": st.booleans(),
    "seed": st.integers(0, 2**63 - 1),
    "antithetic": st.booleans(),
}


@st.composite
def scenarios(draw: st.DrawFn) -> Written:
    """A whole scenario of one to three traffic classes and one or two services, with faults."""
    service_names = ["api", "db"][: draw(st.integers(1, 2))]
    traffic: Written = {}
    used: list[str] = []
    for name in ["web", "cron", "app"][: draw(st.integers(1, 3))]:
        traffic[name] = draw(
            mappings(
                {"arrivals": arrivals(), "call": st.sampled_from(service_names)},
                {
                    "client": st.one_of(st.sampled_from(("patient", "patient", "hasty")), clients),
                    "priority": PRIORITIES,
                },
            )
        )
        if draw(st.integers(0, 3)) == 3:
            traffic[name]["service_time"] = draw(distributions)
        client = traffic[name].get("client")
        if isinstance(client, str) and client not in used:
            used.append(client)
    written = {
        "name": "generated",
        "traffic": traffic,
        "clients": {name: draw(clients) for name in used},
        "services": {name: draw(services) for name in service_names},
        "faults": draw(st.lists(faults(targets_of(traffic, service_names, used)), max_size=5)),
        "run": {"duration": "3s", "replications": 2, **draw(mappings({}, RUN))},
    }
    written["faults"] = [fault for fault in written["faults"] if not _served_by_rank(written, fault)]
    assume(not may_stand_still(written))
    return {key: value for key, value in written.items() if value}


def targets_of(traffic: Written, services: Sequence[str], clients: Sequence[str]) -> dict[str, list[str]]:
    """The names that a fault may befall: of traffic classes those alone whose arrivals have a rate."""
    with_a_rate = [name for name, one in traffic.items() if one["arrivals"]["kind"] in WITH_A_RATE]
    return {"service": list(services), "traffic": with_a_rate, "client": list(clients)}


def _served_by_rank(written: Written, fault: Written) -> bool:
    """Whether a fault would change the order of a queue that is served by rank."""
    queue = written["services"][fault["service"]].get("queue", {}) if "discipline" in fault else {}
    return queue.get("discipline") in ("random", "priority", "shortest", "earliest_deadline")


def may_stand_still(written: Written) -> bool:
    """Whether events might follow each other at one instant, or nearly so, for ever; rather yes than no."""
    return any(
        _thinks_not_at_all(written, traffic) or _retries_without_end(written, traffic)
        for traffic in written["traffic"].values()
    )


def _client_of(written: Written, traffic: Written) -> Written:
    client = traffic.get("client", {})
    found: Written = written["clients"][client] if isinstance(client, str) else client
    return found


def _thinks_not_at_all(written: Written, traffic: Written) -> bool:
    """Whether users think for no time, and are not sure to be served for some."""
    if traffic["arrivals"].get("think") != "0s":
        return False
    service = written["services"][traffic["call"]]
    queue = service.get("queue", {})
    return (
        traffic.get("service_time", service["service_time"]) not in GRID
        or queue.get("capacity", "inf") != "inf"
        or "max_wait" in queue
        or bool({"admission", "conflict", "autoscale"} & service.keys())
        or bool({"timeout", "deadline", "throttle", "breaker", "limit"} & _client_of(written, traffic).keys())
        or any("lost" in fault or fault.get("service_time") == "x0" for fault in written.get("faults", ()))
    )


def _retries_without_end(written: Written, traffic: Written) -> bool:
    """Whether there may be any number of attempts, with waits that come to nothing."""
    retry = _client_of(written, traffic).get("retry", {})
    return retry.get("attempts") == "inf" and retry.get("backoff") not in LASTING


@st.composite
def without_feedback(draw: st.DrawFn) -> Written:
    """A scenario in which nobody returns, gives up or overtakes, so that a recursion can stand in for the events."""
    written: Written = draw(scenarios())
    written.pop("clients", None)
    for service in written["services"].values():
        for key in ("error_ratio", "admission", "slowdown", "instances", "conflict", "sharing", "autoscale"):
            service.pop(key, None)
        queue = service.get("queue", {})
        for key in ("discipline", "max_wait") if queue.get("capacity", "inf") == "inf" else QUEUE:
            if key != "capacity":
                queue.pop(key, None)
    for traffic in written["traffic"].values():
        if traffic["arrivals"]["kind"] == "closed":
            traffic["arrivals"] = draw(arrivals(OPEN))
        traffic.pop("client", None)
        endless = written["services"][traffic["call"]].get("queue", {}).get("capacity", "inf") == "inf"
        if draw(st.booleans()):
            traffic["client"] = draw(
                mappings(
                    {},
                    {
                        "cancel": CLIENT["cancel"],
                        "late_reply": CLIENT["late_reply"],
                        "retry": mappings(
                            {"attempts": attempts if endless else st.just(1)}, {"backoff": backoffs}
                        ),
                    },
                )
            )
    written["faults"] = [fault for fault in written.get("faults", ()) if "traffic" in fault]
    return written


@st.composite
def simple(draw: st.DrawFn, *, guarded: bool) -> Written:
    """A scenario of one class and one service without what the kernel of guarded or of plain scenarios leaves out."""
    written: Written = draw(scenarios())
    name, traffic = next(iter(written["traffic"].items()))
    if traffic["arrivals"]["kind"] in ("closed", "trace"):
        traffic["arrivals"] = draw(arrivals(WITH_A_RATE))
    traffic["arrivals"].pop("batch", None)
    if isinstance(traffic.get("client"), str):
        traffic["client"] = written["clients"][traffic["client"]]
    client = traffic.get("client", {})
    guards = () if guarded else ("instances", "breaker", "throttle", "limit")
    for key in ("network", "hedge", *guards):
        client.pop(key, None)
    for key in ("probability",) if guarded else ("probability", "budget"):
        client.get("retry", {}).pop(key, None)
    service = written["services"][traffic["call"]]
    others = ("slowdown", "instances", "balance", "conflict", "sharing", "autoscale")
    for key in others if guarded else ("admission", *others):
        service.pop(key, None)
    for key in ("overflow", "max_wait"):
        service.get("queue", {}).pop(key, None)
    written.pop("clients", None)
    written["traffic"], written["services"] = {name: traffic}, {traffic["call"]: service}
    left = {"traffic": name, "service": traffic["call"]}
    written["faults"] = [
        fault
        for fault in written.get("faults", ())
        if any(fault.get(kind) == one for kind, one in left.items())
        and not {"pause", "drop_queue"} & fault.keys()
    ]
    for fault in written["faults"]:
        fault.pop("instance", None)
    assume(not may_stand_still(written))
    return written
