"""Backoff: every formula against values worked out by hand, its limits, bits against bits."""

import math
from typing import Any

import numpy as np
import pytest
from pydantic import TypeAdapter, ValidationError

from sim.engines import rules
from sim.scenario.backoff import MEMBERS, Backoff, BackoffRule
from tests.engines.alone import alone

MACHINE = alone(rules.backoff)

ANY: TypeAdapter[BackoffRule] = TypeAdapter(Backoff)
NEAR_ONE = 1.0 - 2.0**-53

EXPONENTIAL = {"kind": "exponential", "base": "100ms", "factor": 2, "cap": "1s"}


def waits(spec: Any, uniforms: list[float]) -> list[float]:
    """The waits before attempts 2, 3, …, one for each uniform."""
    rule = ANY.validate_python(spec)
    p = [math.nan] * 2
    at = rule.lower(p)
    found: list[float] = []
    for retry, u in enumerate(uniforms, start=1):
        found.append(rule.rule(p, at, float(retry), found[-1] if found else 0.0, u))
    return found


@pytest.mark.parametrize(
    ("spec", "uniforms", "expected"),
    [
        ("none", [0.3] * 3, [0.0, 0.0, 0.0]),
        ({"kind": "none"}, [0.3], [0.0]),
        ("250ms", [0.3] * 2, [0.25, 0.25]),
        ({"kind": "constant", "delay": "2s"}, [0.3] * 2, [2.0, 2.0]),
        ({"kind": "linear", "step": "100ms", "cap": "250ms"}, [0.3] * 4, [0.1, 0.2, 0.25, 0.25]),
        ({"kind": "linear", "step": "1s"}, [0.3] * 4, [1.0, 2.0, 3.0, 4.0]),
        (EXPONENTIAL, [0.3] * 5, [0.1, 0.2, 0.4, 0.8, 1.0]),
        ({"kind": "exponential", "base": "1s", "factor": 3}, [0.3] * 4, [1.0, 3.0, 9.0, 27.0]),
        ({**EXPONENTIAL, "jitter": "none"}, [0.3] * 5, [0.1, 0.2, 0.4, 0.8, 1.0]),
        ({**EXPONENTIAL, "jitter": "full"}, [0.5, 0.25, 0.5, 0.75, 0.5], [0.05, 0.05, 0.2, 0.6, 0.5]),
        ({**EXPONENTIAL, "jitter": "equal"}, [0.5, 0.25, 0.5, 0.75, 0.5], [0.075, 0.125, 0.3, 0.7, 0.75]),
        (
            {**EXPONENTIAL, "jitter": {"spread": 0.2}},
            [0.5, 0.25, 0.75, 0.0, 1.0],
            [0.1, 0.18, 0.44, 0.64, 1.2],
        ),
        (
            {"kind": "decorrelated", "base": "100ms", "cap": "2s"},
            [0.5, 0.5, 1.0, 1.0, 1.0, 0.0],
            # U(0.1, 0.3), U(0.1, 0.6), U(0.1, 1.05), min(2, U(0.1, 3.15)), …
            [0.2, 0.35, 1.05, 2.0, 2.0, 0.1],
        ),
        ({"kind": "decorrelated", "base": "1s", "cap": "100ms"}, [0.5] * 3, [0.1, 0.1, 0.1]),
        ({"kind": "schedule", "delays": ["1s", "5s", "30s"]}, [0.3] * 5, [1.0, 5.0, 30.0, 30.0, 30.0]),
        ({"kind": "schedule", "delays": ["1s"]}, [0.3] * 2, [1.0, 1.0]),
        (
            {"kind": "random", "delay": {"kind": "uniform", "low": "1s", "high": "3s"}, "factor": 2},
            [0.5, 0.25, 0.0],
            [2.0, 3.0, 4.0],
        ),
        ({"kind": "random", "delay": {"kind": "exponential", "mean": "1s"}}, [0.5] * 2, [math.log(2.0)] * 2),
        ({"kind": "celery", "jitter": False}, [0.3] * 12, [2.0**k for k in range(10)] + [600.0, 600.0]),
        (
            {"kind": "celery", "factor": 3, "maximum": "10s", "jitter": False},
            [0.3] * 4,
            [3.0, 6.0, 10.0, 10.0],
        ),
        # 0..1, 0..2, 0..4: floor(U·(d + 1)).
        ({"kind": "celery"}, [0.49, 0.34, 0.99], [0.0, 1.0, 4.0]),
        ({"kind": "celery"}, [0.51, 0.99, 0.1], [1.0, 2.0, 0.0]),
        ({"kind": "celery", "maximum": 2}, [NEAR_ONE] * 4, [1.0, 2.0, 2.0, 2.0]),
    ],
)
def test_formulas(spec: Any, uniforms: list[float], expected: list[float]) -> None:
    assert waits(spec, uniforms) == pytest.approx(expected, rel=1e-15)


def test_celery_draws_each_whole_number_alike() -> None:
    uniforms = (np.arange(9000) + 0.5) / 9000
    rule = ANY.validate_python({"kind": "celery", "factor": 8, "maximum": "10min"})
    p: list[float] = []
    at = rule.lower(p)
    found = [rule.rule(p, at, 1.0, 0.0, u) for u in uniforms.tolist()]
    assert {value: found.count(value) for value in set(found)} == {float(k): 1000 for k in range(9)}


@pytest.mark.parametrize(
    "spec",
    [
        EXPONENTIAL,
        {"kind": "exponential", "base": "1s"},
        {"kind": "exponential", "base": "1ns", "factor": 1e6, "jitter": "full"},
        {"kind": "exponential", "base": "1s", "factor": 0.5},
        {"kind": "random", "delay": "1s", "factor": 10},
        {"kind": "linear", "step": "1s"},
        {"kind": "celery"},
    ],
)
def test_a_millionth_retry_does_not_overflow(spec: dict[str, Any]) -> None:
    rule = ANY.validate_python(spec)
    p: list[float] = []
    at = rule.lower(p)
    waited = [rule.rule(p, at, retry, 0.0, 0.5) for retry in (1e2, 1e3, 1e4, 1e6)]
    assert all(0.0 <= wait < math.inf for wait in waited)
    if spec.get("factor", 2) > 1 and spec["kind"] != "celery":
        assert waited == sorted(waited)


def test_bare_forms_and_opcodes() -> None:
    assert ANY.validate_python("1s") == ANY.validate_python({"kind": "constant", "delay": "1s"})
    assert ANY.validate_python("celery") == ANY.validate_python({"kind": "celery"})
    assert [member.opcode for member in MEMBERS] == list(range(10))


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"kind": "exponential", "base": "1s", "jitter": "half"}, '"half" is not a jitter'),
        ({"kind": "exponential", "base": "1s", "jitter": {"spread": 1.5}}, "1.5"),
        ({"kind": "exponential", "base": "1s", "factor": 0}, "0"),
        ({"kind": "exponential", "base": "1s", "factor": -2}, "-2"),
        ({"kind": "exponential"}, "Field required"),
        ({"kind": "decorrelated", "base": "0s"}, "more than zero"),
        ({"kind": "schedule", "delays": []}, "empty list"),
        ({"kind": "celery", "maximum": "1500ms"}, "not a whole number of seconds"),
        ({"kind": "celery", "maximum": 1.5}, "not a whole number of seconds"),
        ({"kind": "celery", "maximum": True}, "not a whole number of seconds"),
        ({"kind": "celery", "maximum": "soon"}, "soon"),
        ({"kind": "celery", "factor": 1.5}, "1.5"),
        ({"kind": "quadratic"}, "'quadratic'"),
    ],
)
def test_what_is_refused(spec: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError) as error:
        ANY.validate_python(spec, context={"written": True})
    assert message in error.value.errors()[0]["msg"]


@pytest.mark.parametrize(
    "spec",
    [
        "none",
        "1s",
        {"kind": "linear", "step": "70ms", "cap": "1s"},
        *(
            {**EXPONENTIAL, "factor": 1.7, "jitter": jitter}
            for jitter in ("none", "full", "equal", {"spread": 0.3})
        ),
        {"kind": "decorrelated", "base": "70ms", "cap": "9s"},
        {"kind": "schedule", "delays": ["1s", "5s", "30s"]},
        {"kind": "random", "delay": {"kind": "lognormal", "mean": "1s", "cv": 2}, "factor": 1.3},
        {"kind": "random", "delay": {"kind": "mixture", "parts": [{"weight": 1, "of": "1s"}]}},
        {"kind": "celery"},
        *(
            {"kind": "grpc", "initial": "70ms", "max": "9s", "jitter": jitter}
            for jitter in ("spread", "full")
        ),
        {"kind": "tenacity", "min": "10ms", "max": "9s"},
        {"kind": "tenacity", "multiplier": "70ms", "exp_base": 1.7, "random": True},
    ],
)
def test_compiled_backoffs_have_the_same_bits(spec: Any) -> None:
    rule = ANY.validate_python(spec)
    p = [math.nan]
    at = rule.lower(p)
    array = np.array(p)
    for u in [2.0**-53, NEAR_ONE, *np.random.default_rng(2).random(40).tolist()]:
        previous = 0.0
        for retry in (1.0, 2.0, 3.0, 4.0, 5.0, 1000.0):
            wait = rule.rule(p, at, retry, previous, u)
            assert MACHINE(rule.opcode, array, at, retry, previous, u) == wait
            previous = wait
