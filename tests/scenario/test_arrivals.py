"""Arrivals: exact inversion through every change of rate, exact times, traces, bits against bits."""

import math
from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import TypeAdapter, ValidationError
from scipy import integrate

from sim.draws import further, stream, uniform
from sim.engines import rules
from sim.scenario.arrival_rule import ArrivalRule
from sim.scenario.arrivals import MEMBERS, Arrivals
from sim.scenario.trace import Trace
from tests.engines.alone import alone

MACHINE_LADDERS = alone(rules.arrival), alone(rules.gap)
ANY: TypeAdapter[ArrivalRule] = TypeAdapter(Arrivals)
KEY = stream(5, 0, "gap", "traffic:web")
STEADY = [(0.0, 1.0)]
FAULTS = [(0.0, 1.0), (3.0, 3.0), (4.5, 0.0), (6.0, 0.25), (11.0, 1.0), (12.5, 40.0), (12.75, 1.0)]

Pieces = list[tuple[float, float]]
RuleFunction = Callable[..., float]

SPECS: dict[str, dict[str, Any]] = {
    "poisson": {"kind": "poisson", "rate": "20/s"},
    "profile step": {
        "kind": "profile",
        "points": [["0s", "20/s"], ["2s", "0/s"], ["5s", "60/s"], ["9s", "5/s"]],
    },
    "profile linear": {
        "kind": "profile",
        "points": [["0s", "0/s"], ["4s", "60/s"], ["7s", "0/s"], ["8s", "0/s"], ["10s", "30/s"]],
        "shape": "linear",
    },
    "profile step again": {
        "kind": "profile",
        "points": [["0s", "20/s"], ["0.5s", "0/s"], ["1.2s", "60/s"]],
        "repeat": "1.7s",
    },
    "profile linear again": {
        "kind": "profile",
        "points": [["0s", "10/s"], ["1s", "50/s"], ["1.5s", "0/s"]],
        "shape": "linear",
        "repeat": "1.5s",
    },
    "sinusoid": {"kind": "sinusoid", "mean": "20/s", "amplitude": "15/s", "period": "7s", "phase": "2s"},
    "sinusoid to zero": {"kind": "sinusoid", "mean": "20/s", "amplitude": "20/s", "period": "3s"},
    "sinusoid slow": {"kind": "sinusoid", "mean": "20/s", "amplitude": "20/s", "period": "30d"},
    "sinusoid fast": {"kind": "sinusoid", "mean": "20/s", "amplitude": "10/s", "period": "10ms"},
    "mmpp": {
        "kind": "mmpp",
        "states": [
            {"rate": "20/s", "stay": "0.5s"},
            {"rate": "0/s", "stay": "0.2s"},
            {"rate": "90/s", "stay": "0.3s"},
        ],
    },
    "constant": {"kind": "constant", "rate": "7/s"},
    "renewal": {"kind": "renewal", "gap": {"kind": "gamma", "mean": "50ms", "cv": 1.4}},
    "renewal of a mixture": {
        "kind": "renewal",
        "gap": {"kind": "mixture", "parts": [{"weight": 1, "of": "20ms"}, {"weight": 1, "of": "0.1s"}]},
    },
}


def epochs(
    arrivals: ArrivalRule,
    pieces: Pieces,
    key: int = KEY,
    rule: RuleFunction | None = None,
    draw: RuleFunction | None = None,
) -> Iterator[tuple[float, float]]:
    """(time, uniform) of every epoch, asked for as an engine does, through the pieces (from, speed)."""
    row: list[float] = []
    at = arrivals.lower(row)
    ask: RuleFunction = rule or arrivals.rule
    drawn: RuleFunction = draw or arrivals.draw
    # Arrays for the compiled rule, as its engine has them.
    p, s = (np.array(x) if rule else x for x in (row, [0.0] * (arrivals.STATE + 2)))
    t, n, piece = arrivals.start, 0, 0
    while True:
        u = uniform(key, n, 1)
        gap, fresh = drawn(p, at, u), True
        while True:
            until = pieces[piece + 1][0] if piece + 1 < len(pieces) else math.inf
            if until <= t:
                piece += 1
                continue
            x = ask(p, at, s, 1, n, u, gap, t, pieces[piece][1], until, fresh)
            if x <= until:
                break
            t, fresh = until, False
        if x == math.inf:
            return
        assert x >= t
        yield x, u
        t, n = x, n + 1


def rate_of(spec: dict[str, Any]) -> tuple[Callable[[float], float], Callable[[float], list[float]]]:
    """The rate as a function of time, and the times up to a given one where it is not smooth."""
    if spec["kind"] == "poisson":
        return lambda _: 20.0, lambda _: []
    if spec["kind"] == "sinusoid":
        mean, amplitude = (float(spec[key].removesuffix("/s")) for key in ("mean", "amplitude"))
        period = {"7s": 7.0, "3s": 3.0, "30d": 2_592_000.0, "10ms": 0.01}[spec["period"]]
        phase = float(spec.get("phase", "0s").removesuffix("s"))
        return lambda t: mean + amplitude * math.sin(2.0 * math.pi * (t - phase) / period), lambda _: []
    times, rates = zip(
        *((float(a.removesuffix("s")), float(b.removesuffix("/s"))) for a, b in spec["points"]), strict=True
    )
    repeat = float(spec["repeat"].removesuffix("s")) if "repeat" in spec else math.inf

    def rate(t: float) -> float:
        phase = math.fmod(t, repeat)
        if spec.get("shape") == "linear":
            return float(np.interp(phase, times, rates))
        return float(rates[int(np.searchsorted(times, phase, side="right")) - 1])

    def edges(end: float) -> list[float]:
        cycles = range(1 + (int(end / repeat) if repeat < math.inf else 0))
        return [cycle * (repeat if cycle else 0.0) + time for cycle in cycles for time in times]

    return rate, edges


def integral(spec: dict[str, Any], pieces: Pieces, begin: float, end: float) -> float:
    """The integral of speed × rate from `begin` to `end`."""
    rate, edges = rate_of(spec)
    breaks = sorted({begin, end, *(x for x in [*edges(end), *(at for at, _ in pieces)] if begin < x < end)})
    total = 0.0
    for low, high in pairwise(breaks):
        speed = next(speed for at, speed in reversed(pieces) if at <= low)
        # Between two breaks the rate is smooth: a value at the very edge may belong to the neighbour.
        width = high - low
        total += (
            speed * integrate.quad(lambda x, a=low, w=width: w * rate(a + w * x), 0.0, 1.0, epsabs=1e-13)[0]
        )
    return total


VARYING = [name for name in SPECS if name.split()[0] in ("poisson", "profile", "sinusoid")]


@pytest.mark.parametrize("name", VARYING)
@pytest.mark.parametrize("pieces", [STEADY, FAULTS], ids=["steady", "faults"])
def test_the_integral_of_the_rate_between_epochs_is_exponential(name: str, pieces: Pieces) -> None:
    previous = 0.0
    count = 0
    for x, u in islice(epochs(ANY.validate_python(SPECS[name]), pieces), 250):
        assert integral(SPECS[name], pieces, previous, x) == pytest.approx(
            -math.log(1.0 - u), rel=1e-9, abs=1e-11
        )
        previous, count = x, count + 1
    assert count == 250


def test_mmpp_integrates_the_rate_of_the_state_in_force() -> None:
    spec = {**SPECS["mmpp"], "start": "1s"}
    rates, stays = (20.0, 0.0, 90.0), (0.5, 0.2, 0.3)
    previous, state, leave, k = 1.0, 0, -1.0, 0
    for x, u in islice(epochs(ANY.validate_python(spec), FAULTS), 400):
        if leave < 0.0:
            k, leave = 1, 1.0 - 0.5 * math.log(1.0 - further(u, 1))
        total = 0.0
        while True:
            edges = sorted(
                {previous, min(x, leave), *(at for at, _ in FAULTS if previous < at < min(x, leave))}
            )
            for low, high in pairwise(edges):
                total += rates[state] * next(f for at, f in reversed(FAULTS) if at <= low) * (high - low)
            previous = min(x, leave)
            if x <= leave:
                break
            state, k = (state + 1) % 3, k + 1
            leave -= stays[state] * math.log(1.0 - further(u, k))
        assert total == pytest.approx(-math.log(1.0 - u), rel=1e-9, abs=1e-11)
        k = 0


def test_mmpp_has_its_mean_rate() -> None:
    arrivals = ANY.validate_python(SPECS["mmpp"])
    assert arrivals.mean_rate() == pytest.approx((10.0 + 27.0) / 1.0)
    horizon = 2000.0
    counts = [
        sum(1 for _ in _until(epochs(arrivals, STEADY, stream(seed, 0, "gap", "traffic:web")), 200.0))
        for seed in range(10)
    ]
    # The state in force makes counts vary about three times as much as a Poisson process of the same rate.
    assert sum(counts) / horizon == pytest.approx(37.0, abs=4.0 * math.sqrt(37.0 * 40.0 / horizon))


def _until(times: Iterator[tuple[float, float]], end: float) -> Iterator[float]:
    for x, _ in times:
        if x > end:
            return
        yield x


@pytest.mark.parametrize("name", [*VARYING, "constant", "renewal", "renewal of a mixture"])
def test_boundaries_where_nothing_changes_change_nothing(name: str) -> None:
    arrivals = ANY.validate_python(SPECS[name])
    cut = [(0.37 * k, 1.0) for k in range(60)]
    plain = [x for x, _ in islice(epochs(arrivals, STEADY), 300)]
    assert [x for x, _ in islice(epochs(arrivals, cut), 300)] == pytest.approx(plain, rel=1e-12)


@pytest.mark.parametrize("name", SPECS)
def test_nothing_arrives_at_speed_zero_and_all_resumes(name: str) -> None:
    arrivals = ANY.validate_python(SPECS[name])
    pieces = [(0.0, 1.0), (2.0, 0.0), (6.0, 1.0)]
    times = [x for x, _ in islice(epochs(arrivals, pieces), 200)]
    assert not [x for x in times if 2.0 < x < 6.0]
    assert max(times) > 6.0
    assert not list(epochs(arrivals, [(0.0, 0.0)]))
    stopped = [x for x, _ in epochs(arrivals, [(0.0, 1.0), (1.9, 0.0)])]
    assert stopped == [x for x in times if x <= 1.9]


def test_poisson_is_a_profile_of_one_point_and_a_renewal_of_exponentials() -> None:
    poisson = [x for x, _ in islice(epochs(ANY.validate_python(SPECS["poisson"]), FAULTS), 300)]
    profile = ANY.validate_python({"kind": "profile", "points": [["0s", "20/s"]]})
    assert [x for x, _ in islice(epochs(profile, FAULTS), 300)] == pytest.approx(poisson, rel=1e-14)
    renewal = ANY.validate_python({"kind": "renewal", "gap": {"kind": "exponential", "mean": "50ms"}})
    assert [x for x, _ in islice(epochs(renewal, FAULTS), 300)] == pytest.approx(poisson, rel=1e-13)


def test_constant_arrivals_are_exact_and_tie() -> None:
    ten = ANY.validate_python({"kind": "constant", "rate": "10/s", "start": "3s"})
    times = [x for x, _ in islice(epochs(ten, STEADY), 1000)]
    assert times == [3.0 + (n + 1) / 10.0 for n in range(1000)]
    five = ANY.validate_python({"kind": "constant", "rate": "5/s", "start": "3s"})
    assert [x for x, _ in islice(epochs(five, STEADY), 500)] == times[1::2]


def test_constant_arrivals_carry_the_gap_in_hand_through_a_change() -> None:
    one = ANY.validate_python({"kind": "constant", "rate": "1/s"})
    times = [x for x, _ in islice(epochs(one, [(0.0, 1.0), (2.5, 2.0), (4.0, 1.0)]), 8)]
    assert times == [1.0, 2.0, 2.75, 3.25, 3.75, 4.5, 5.5, 6.5]
    # A change at the very instant of an arrival neither loses nor repeats it.
    assert [x for x, _ in islice(epochs(one, [(0.0, 1.0), (2.0, 4.0), (3.0, 1.0)]), 7)] == [
        1.0, 2.0, 2.25, 2.5, 2.75, 3.0, 4.0,
    ]  # fmt: skip


def test_renewal_gaps_run_faster_by_the_factor() -> None:
    gaps = ANY.validate_python({"kind": "renewal", "gap": "1s"})
    times = [x for x, _ in islice(epochs(gaps, [(0.0, 1.0), (2.5, 2.0), (4.0, 1.0)]), 7)]
    assert times == pytest.approx([1.0, 2.0, 2.75, 3.25, 3.75, 4.5, 5.5])


def test_a_profile_that_ends_at_zero_ends() -> None:
    spec = {"kind": "profile", "points": [["0s", "50/s"], ["2s", "100/s"], ["3s", "0/s"]], "shape": "linear"}
    times = [x for x, _ in epochs(ANY.validate_python(spec), STEADY)]
    assert 150 < len(times) < 250
    assert max(times) < 3.0


@pytest.mark.parametrize("name", ["profile step", "profile step again"])
def test_nothing_arrives_where_the_rate_is_zero(name: str) -> None:
    rate, _ = rate_of(SPECS[name])
    assert all(rate(x) > 0.0 for x, _ in islice(epochs(ANY.validate_python(SPECS[name]), STEADY), 1000))


def test_a_profile_keeps_to_the_clock_whatever_its_start() -> None:
    spec = {**SPECS["profile step"], "start": "4s"}
    assert next(epochs(ANY.validate_python(spec), STEADY))[0] > 5.0
    late = {**SPECS["profile step again"], "start": "1000s"}
    times = [x for x, _ in islice(epochs(ANY.validate_python(late), STEADY), 200)]
    assert times[0] >= 1000.0
    assert not [x for x in times if 0.5 + 1e-9 < math.fmod(x, 1.7) < 1.2 - 1e-9]


@pytest.mark.parametrize(
    ("spec", "rate", "scv", "poisson"),
    [
        (SPECS["poisson"], 20.0, 1.0, True),
        ({**SPECS["poisson"], "batch": 1}, 20.0, 1.0, True),
        ({**SPECS["poisson"], "batch": {"kind": "geometric", "mean": 2.5}}, 50.0, None, False),
        ({**SPECS["poisson"], "stop": "5s"}, 20.0, 1.0, False),
        ({**SPECS["poisson"], "start": "5s"}, 20.0, 1.0, False),
        (SPECS["constant"], 7.0, 0.0, False),
        (SPECS["renewal"], 20.0, 1.96, False),
        ({"kind": "renewal", "gap": {"kind": "exponential", "mean": "0.1s"}}, 10.0, 1.0, True),
        (SPECS["profile step"], 5.0, None, False),
        (SPECS["profile step again"], (10.0 + 30.0) / 1.7, None, False),
        (SPECS["profile linear again"], (30.0 + 12.5) / 1.5, None, False),
        (SPECS["sinusoid"], 20.0, None, False),
        (SPECS["mmpp"], 37.0, None, False),
        ({"kind": "closed", "users": 5, "think": "1s"}, math.nan, None, False),
    ],
)
def test_what_theory_asks(spec: dict[str, Any], rate: float, scv: float | None, poisson: bool) -> None:
    arrivals = ANY.validate_python(spec)
    assert arrivals.mean_rate() == pytest.approx(rate, nan_ok=True)
    assert arrivals.gap_scv() == pytest.approx(scv)
    assert arrivals.poisson is poisson


def test_closed_sources_and_traces_refuse_a_factor() -> None:
    refusing = {member.model_fields["kind"].default for member in MEMBERS if not member.accepts_rate_factor}
    assert refusing == {"closed", "trace"}
    assert [member.opens for member in MEMBERS].count(False) == 1
    closed = ANY.validate_python(
        {"kind": "closed", "users": 5, "think": {"kind": "exponential", "mean": "1s"}}
    )
    p = [0.0]
    at = closed.lower(p)
    assert p[at] == 5.0
    assert p[int(p[at + 1])] == 1.0


def trace(folder: Path, text: str, **keys: Any) -> Trace:
    (folder / "trace.csv").write_text(text, encoding="utf-8")
    spec = {"kind": "trace", "file": "trace.csv", **keys}
    found = ANY.validate_python(spec, context={"directory": folder})
    assert isinstance(found, Trace)
    return found


def test_a_trace_is_replayed(tmp_path: Path) -> None:
    found = trace(
        tmp_path, "at,size\n100,1\n100,2\n101.5,3\n104,2\n", column="at", unit="s", size="size", start="2s"
    )
    assert found.times() == (0.0, 0.0, 1.5, 4.0)
    assert found.sizes() == (0.5, 1.0, 1.5, 1.0)
    assert [x for x, _ in epochs(found, STEADY)] == [2.0, 2.0, 3.5, 6.0]
    assert [x for x, _ in epochs(found, [(0.0, 1.0), (2.0, 1.0), (3.0, 1.0)])] == [2.0, 2.0, 3.5, 6.0]
    assert found.mean_rate() == 0.75
    assert found.gap_scv() is None
    assert found.data_files() == (tmp_path / "trace.csv",)
    assert trace(tmp_path, "at\n0\n10\n", unit="ms", speed=2).times() == (0.0, 0.005)
    assert trace(tmp_path, "at\n0\n", unit="ms").sizes() is None
    assert math.isnan(trace(tmp_path, "at\n0\n", unit="ms").mean_rate())


def test_a_trace_of_epoch_nanoseconds_loses_none(tmp_path: Path) -> None:
    found = trace(tmp_path, "at\n1700000000000000001\n1700000000000000004\n", unit="ns")
    assert found.times() == (0.0, 3e-9)


@pytest.mark.parametrize(
    ("pattern", "first", "second"),
    [
        ("iso", "2024-02-29T23:59:59.5Z", "2024-03-01T00:00:00.25Z"),
        ("iso", "2024-02-29 23:59:59.5000000", "2024-03-01 00:00:00.2500000"),
        ("%d/%b/%Y:%H:%M:%S.%f %z", "29/Feb/2024:23:59:59.5 +0000", "01/Mar/2024:01:00:00.25 +0100"),
        ("%Y-%m-%d %H:%M:%S.%f", "2024-02-29 23:59:59.5", "2024-03-01 00:00:00.25"),
    ],
)
def test_a_trace_of_dates(tmp_path: Path, pattern: str, first: str, second: str) -> None:
    assert trace(tmp_path, f"at\n{first}\n{second}\n", format=pattern).times() == (0.0, 0.75)


@pytest.mark.parametrize(
    ("text", "keys", "message"),
    [
        ("at\n1\n", {}, "a unit or a format"),
        ("at\n1\n", {"unit": "s", "format": "iso"}, "a unit or a format"),
        ("at\n1\n2\n1.5\n", {"unit": "s"}, "trace.csv, line 4: a time before that of the row above"),
        ("at\n1\nsoon\n", {"unit": "s"}, 'trace.csv, line 3: "soon" is not a number'),
        ("at\n1\nnan\n", {"unit": "s"}, 'trace.csv, line 3: "nan" is not finite'),
        ("at\n2024-01-01\nsoon\n", {"format": "iso"}, 'line 3: "soon" is not an ISO 8601 time'),
        ("at\n2024-01-01\n", {"format": "%H:%M"}, "is not a time of the format %H:%M"),
        ("at\n2024-01-01\n2024-01-02T00:00Z\n", {"format": "iso"}, "with and without a time zone"),
        ("at,n\n1,0\n2,0\n", {"column": "at", "unit": "s", "size": "n"}, 'every size in column "n" is zero'),
    ],
)
def test_bad_traces(tmp_path: Path, text: str, keys: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError) as error:
        trace(tmp_path, text, **keys)
    assert message in error.value.errors()[0]["msg"]


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"kind": "poisson", "rate": "0/s"}, "more than zero"),
        ({"kind": "poisson", "rate": "1/s", "start": "5s", "stop": "5s"}, "stop 5s is not after start 5s"),
        ({"kind": "renewal", "gap": "0s"}, "all zero"),
        ({"kind": "profile", "points": []}, "empty list"),
        ({"kind": "profile", "points": [["1s", "1/s"]]}, "the first point of a profile is at 0s"),
        ({"kind": "profile", "points": [["0s", "1/s"], ["0s", "2/s"]]}, "rise in time"),
        (
            {"kind": "profile", "points": [["0s", "1/s"], ["9s", "2/s"]], "repeat": "5s"},
            "before the last point",
        ),
        ({"kind": "profile", "points": [["0s", "0/s"]]}, "zero throughout"),
        ({"kind": "profile", "points": [["0s", "0/s"], ["5s", "2/s"]], "repeat": "5s"}, "zero throughout"),
        ({"kind": "sinusoid", "mean": "1/s", "amplitude": "2/s", "period": "1h"}, "negative rate"),
        ({"kind": "mmpp", "states": [{"rate": "0/s", "stay": "1s"}]}, "every state of an mmpp is zero"),
        ({"kind": "closed", "users": 5, "think": "1s", "batch": 2}, "takes no batch"),
        ({"kind": "closed", "users": 0, "think": "1s"}, " 1"),
        ({"kind": "poisson", "rate": "1/s", "batch": {"kind": "geometric", "mean": 0.5}}, " 1"),
    ],
)
def test_what_is_refused(spec: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError) as error:
        ANY.validate_python(spec)
    assert message in error.value.errors()[0]["msg"]


@pytest.mark.parametrize("name", [*SPECS, "trace"])
def test_compiled_arrivals_have_the_same_bits(name: str, tmp_path: Path) -> None:
    arrivals = (
        trace(tmp_path, "at\n0\n0.1\n0.2\n9\n", unit="s")
        if name == "trace"
        else ANY.validate_python(SPECS[name])
    )

    rule, draw = (partial(ladder, arrivals.opcode) for ladder in MACHINE_LADDERS)
    for pieces in (STEADY, FAULTS):
        ours = list(islice(epochs(arrivals, pieces), 400))
        assert list(islice(epochs(arrivals, pieces, rule=rule, draw=draw), 400)) == ours
        assert ours
