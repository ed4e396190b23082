"""Generated scenarios of every kind that the language can say, deterministic ties included."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

GRID = ("10ms", "20ms", "50ms", "100ms", "150ms")
"""Durations on a common grid: many events fall on one instant, which is what the tie rule is for."""

durations = st.sampled_from(GRID)
ratios = st.sampled_from((0.0, 0.1, 0.5, 0.9, 1.0))

distributions: st.SearchStrategy[Any] = st.one_of(
    durations,
    durations,
    st.builds(lambda mean: {"kind": "exponential", "mean": mean}, durations),
    st.builds(
        lambda mean, shape: {"kind": "erlang", "mean": mean, "shape": shape}, durations, st.integers(1, 4)
    ),
    st.builds(lambda mean: {"kind": "hyperexponential", "mean": mean, "cv": 2}, durations),
    st.just({"kind": "hyperexponential", "rates": ["5/s", "50/s"], "weights": [1, 3]}),
    st.builds(
        lambda mean, cv: {"kind": "gamma", "mean": mean, "cv": cv}, durations, st.sampled_from((0.5, 1.7))
    ),
    st.builds(
        lambda mean, cv: {"kind": "lognormal", "mean": mean, "cv": cv}, durations, st.sampled_from((0.4, 1.5))
    ),
    st.builds(
        lambda mean, shape: {"kind": "weibull", "mean": mean, "shape": shape},
        durations,
        st.sampled_from((0.7, 2)),
    ),
    st.builds(
        lambda mean, tail: {"kind": "pareto", "mean": mean, "tail": tail},
        durations,
        st.sampled_from((1.5, 3)),
    ),
    st.just({"kind": "uniform", "low": "0ms", "high": "80ms"}),
    st.builds(lambda mean: {"kind": "normal", "mean": mean, "cv": 0.5}, durations),
    st.just({"kind": "phase_type", "initial": [1, 0], "generator": [["-40/s", "30/s"], ["0/s", "-60/s"]]}),
    st.just(
        {
            "kind": "mixture",
            "parts": [
                {"weight": 3, "of": "10ms"},
                {"weight": 1, "of": {"kind": "exponential", "mean": "90ms"}},
            ],
        }
    ),
)

batches = st.one_of(st.none(), st.none(), st.integers(1, 3), st.just({"kind": "geometric", "mean": 2}))


OPEN = ("poisson", "constant", "constant", "renewal", "profile", "sinusoid", "mmpp")


@st.composite
def arrivals(draw: st.DrawFn, closed: bool = True) -> dict[str, Any]:
    """An arrival process of any kind but a trace (traces have their own test: they need a file)."""
    kind = draw(st.sampled_from((*OPEN, "closed") if closed else OPEN))
    if kind == "closed":
        think = draw(st.one_of(st.sampled_from(GRID), st.just({"kind": "exponential", "mean": "100ms"})))
        return {"kind": kind, "users": draw(st.integers(1, 6)), "think": think}
    rate = draw(st.sampled_from(("10/s", "20/s", "50/s")))
    written: dict[str, Any] = {"kind": kind}
    if kind in ("poisson", "constant"):
        written["rate"] = rate
    elif kind == "renewal":
        written["gap"] = draw(distributions)
    elif kind == "profile":
        written |= {
            "points": [["0s", rate], ["1s", "0/s"], ["1500ms", "80/s"]],
            "shape": draw(st.sampled_from(("step", "linear"))),
        }
        written |= draw(st.sampled_from(({}, {"repeat": "2s"})))
    elif kind == "sinusoid":
        written |= {
            "mean": rate,
            "amplitude": draw(st.sampled_from((rate, "5/s"))),
            "period": "1s",
            "phase": "100ms",
        }
    else:
        written["states"] = [{"rate": rate, "stay": "500ms"}, {"rate": "0/s", "stay": "200ms"}]
    batch = draw(batches)
    if batch is not None:
        written["batch"] = batch
    written |= draw(st.sampled_from(({}, {}, {"start": "300ms"}, {"stop": "2s"})))
    return written


@st.composite
def backoffs(draw: st.DrawFn) -> Any:
    """A backoff of any kind, zero waits included."""
    grid = draw(durations)
    return draw(
        st.sampled_from(
            (
                "none",
                grid,
                {"kind": "linear", "step": grid, "cap": "150ms"},
                {"kind": "exponential", "base": grid, "factor": 2, "cap": "300ms", "jitter": "none"},
                {"kind": "exponential", "base": grid, "factor": 2, "cap": "300ms", "jitter": "full"},
                {"kind": "exponential", "base": grid, "factor": 3, "jitter": "equal"},
                {"kind": "exponential", "base": grid, "factor": 1.6, "jitter": {"spread": 0.2}},
                {"kind": "decorrelated", "base": grid, "cap": "1s"},
                {"kind": "schedule", "delays": ["0ms", grid, "200ms"]},
                {"kind": "random", "delay": {"kind": "exponential", "mean": grid}, "factor": 2},
                {"kind": "celery", "factor": 1, "maximum": 2, "jitter": True},
            )
        )
    )


@st.composite
def clients(draw: st.DrawFn) -> dict[str, Any]:
    """A client."""
    written: dict[str, Any] = {
        "cancel": draw(st.sampled_from(("never", "queued", "anywhere"))),
        "late_reply": draw(st.sampled_from(("waste", "accept"))),
        "retry": {
            "attempts": draw(st.sampled_from((1, 2, 3, 5, 8))),
            "on": draw(
                st.sampled_from((["rejected"], ["timeout", "lost"], ["rejected", "timeout", "error", "lost"]))
            ),
            "probability": draw(st.sampled_from((1.0, 1.0, 0.7))),
            "backoff": draw(backoffs()),
            "retry_after": draw(st.booleans()),
        },
    }
    if draw(st.booleans()):
        written["timeout"] = draw(durations)
    if draw(st.integers(0, 3)) == 0:
        written["deadline"] = draw(st.sampled_from(("100ms", "300ms")))
    if draw(st.integers(0, 2)) == 0:
        written["network"] = draw(distributions)
    return written


@st.composite
def services(draw: st.DrawFn) -> dict[str, Any]:
    """A service."""
    queue: dict[str, Any] = {
        "capacity": draw(st.sampled_from((0, 1, 3, 10, "inf"))),
        "discipline": draw(
            st.sampled_from(("fifo", "lifo", "random", "priority", "shortest", "earliest_deadline"))
        ),
        "overflow": draw(st.sampled_from(("reject", "drop_oldest"))),
    }
    if draw(st.integers(0, 2)) == 0:
        queue["max_wait"] = draw(distributions)
    written: dict[str, Any] = {
        "workers": draw(st.sampled_from((1, 2, 3, 7, "inf"))),
        "service_time": draw(distributions),
        "queue": queue,
        "error_ratio": draw(ratios),
    }
    if draw(st.booleans()):
        written["retry_after"] = draw(durations)
    return written


@st.composite
def scenarios(draw: st.DrawFn) -> dict[str, Any]:
    """A whole scenario of one to three traffic classes and one or two services, with faults."""
    service_names = ["api", "db"][: draw(st.integers(1, 2))]
    client_names = ["patient", "hasty"][: draw(st.integers(1, 2))]
    traffic: dict[str, Any] = {}
    for name in ["web", "cron", "app"][: draw(st.integers(1, 3))]:
        traffic[name] = {
            "arrivals": draw(arrivals()),
            "call": draw(st.sampled_from(service_names)),
            "priority": draw(st.integers(0, 2)),
        }
        if draw(st.integers(0, 4)):
            traffic[name]["client"] = draw(st.sampled_from(client_names))
        if draw(st.integers(0, 2)) == 0:
            traffic[name]["service_time"] = draw(distributions)
    faults = []
    for _ in range(draw(st.integers(0, 3))):
        fault: dict[str, Any] = {"at": draw(st.sampled_from(("0s", "500ms", "1s")))}
        if draw(st.booleans()):
            fault["for"] = draw(st.sampled_from(("200ms", "1s")))
        target = draw(st.sampled_from(("traffic", "service", "service", "service", "client")))
        if target == "traffic":
            open_ones = [name for name, written in traffic.items() if written["arrivals"]["kind"] != "closed"]
            if not open_ones:
                continue
            fault |= {
                "traffic": draw(st.sampled_from(open_ones)),
                "rate": draw(st.sampled_from(("x3", "x0.5", "x0"))),
            }
        elif target == "service":
            effect = draw(
                st.sampled_from(
                    (
                        {"workers": 0},
                        {"workers": "x0.5"},
                        {"workers": 4},
                        {"service_time": "x2"},
                        {"pause": True},
                        {"error_ratio": 0.5},
                    )
                )
            )
            fault |= {"service": draw(st.sampled_from(service_names)), **effect}
        else:
            fault |= {
                "client": draw(st.sampled_from(client_names)),
                "lost": draw(st.sampled_from(("10%", "60%"))),
            }
        faults.append(fault)
    return {
        "name": "generated",
        "traffic": traffic,
        "clients": {name: draw(clients()) for name in client_names},
        "services": {name: draw(services()) for name in service_names},
        "faults": faults,
        "run": {
            "duration": "3s",
            "warmup": draw(st.sampled_from(("0s", "700ms"))),
            "series": draw(st.sampled_from(("100ms", "170ms"))),
            "drain": draw(st.booleans()),
            "replications": 1,
            "seed": draw(st.integers(0, 2**32)),
        },
    }


@st.composite
def without_feedback(draw: st.DrawFn) -> dict[str, Any]:
    """A scenario in which nobody returns, gives up or overtakes, so that a recursion can stand in for the events."""
    written: dict[str, Any] = draw(scenarios())
    del written["clients"]
    for service in written["services"].values():
        service["queue"] = {"capacity": service["queue"]["capacity"]}
        service["error_ratio"] = 0.0
    for traffic in written["traffic"].values():
        traffic["arrivals"] = draw(arrivals(closed=False))
        traffic.pop("client", None)
        if written["services"][traffic["call"]]["queue"]["capacity"] == "inf":
            traffic["client"] = {"retry": {"attempts": 3, "backoff": "10ms"}}
    written["faults"] = [fault for fault in written["faults"] if "traffic" in fault]
    return written
