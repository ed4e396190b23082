"""Distributions: moments against integrals of the quantile function, quantiles against SciPy, bits alike."""

import math
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import TypeAdapter, ValidationError
from scipy import special, stats

from sim.engines import rules
from sim.scenario.batches import BatchSize
from sim.scenario.distribution_rule import DistributionRule
from sim.scenario.distributions import MEMBERS, Distribution, quantile
from sim.scenario.phase_distributions import Hyperexponential
from sim.scenario.special_functions import gamma_peak, gamma_quantile, normal_quantile
from tests.engines.alone import alone

MACHINE = alone(rules.quantile)

ANY: TypeAdapter[DistributionRule] = TypeAdapter(Distribution)
BATCH: TypeAdapter[DistributionRule] = TypeAdapter(BatchSize)

SMOOTH: dict[str, dict[str, Any]] = {
    "constant": {"kind": "constant", "value": "30ms"},
    "exponential": {"kind": "exponential", "mean": "100ms"},
    "erlang 1": {"kind": "erlang", "mean": "100ms", "shape": 1},
    "erlang 7": {"kind": "erlang", "mean": "2s", "shape": 7},
    "hyperexponential cv": {"kind": "hyperexponential", "mean": "100ms", "cv": 2.5},
    "hyperexponential cv 1": {"kind": "hyperexponential", "mean": "100ms", "cv": 1},
    "hyperexponential rates": {
        "kind": "hyperexponential",
        "rates": ["40/s", "5/s", "1/s"],
        "weights": [6, 3, 1],
    },
    "gamma narrow": {"kind": "gamma", "mean": "100ms", "cv": 0.2},
    "gamma wide": {"kind": "gamma", "mean": "100ms", "cv": 1.7},
    "lognormal": {"kind": "lognormal", "mean": "100ms", "cv": 0.8},
    "weibull falling": {"kind": "weibull", "mean": "100ms", "shape": 0.8},
    "weibull rising": {"kind": "weibull", "mean": "100ms", "shape": 3},
    "pareto": {"kind": "pareto", "mean": "100ms", "tail": 9},
    "uniform": {"kind": "uniform", "low": "50ms", "high": "150ms"},
    "normal": {"kind": "normal", "mean": "100ms", "cv": 0.2},
    "normal truncated": {"kind": "normal", "mean": "100ms", "cv": 1.5},
    "mixture": {
        "kind": "mixture",
        "parts": [
            {"weight": 1, "of": "10ms"},
            {"weight": 3, "of": {"kind": "exponential", "mean": "200ms"}},
        ],
    },
}
WALK = {
    "kind": "phase_type",
    "initial": [0.7, "30%", 0],
    "generator": [["-20/s", "15/s", "5/s"], ["2/s", "-10/s", "0/s"], ["0/s", "0/s", "-4/s"]],
}
BATCHES: dict[str, dict[str, Any]] = {
    "batch constant": {"kind": "constant", "value": 3},
    "batch geometric": {"kind": "geometric", "mean": 4.5},
    "batch of one": {"kind": "geometric", "mean": 1},
}
ENDS = [2.0**-53, 1.5 * 2.0**-52, 1e-12, 1e-6]
GRID = sorted(
    [
        *ENDS,
        *(1.0 - u for u in ENDS),
        *np.linspace(0.001, 0.999, 499).tolist(),
        *np.random.default_rng(1).random(300).tolist(),
    ]
)


def lowered(rule: DistributionRule) -> tuple[list[float], int]:
    """The rule's numbers, away from the front so that a wrong address is seen, and its address."""
    p = [math.nan] * 3
    return p, rule.lower(p)


def draws(rule: DistributionRule, uniforms: list[float]) -> list[float]:
    p, at = lowered(rule)
    return [quantile(p, at, u) for u in uniforms]


def integrals(rule: DistributionRule, breaks: list[float]) -> list[float]:
    """∫ quantile(u)^k du for k = 1, 2, 3: with u = 1 - exp(-y), by Gauss-Legendre between the breaks."""
    edges = sorted({*np.linspace(0.0, 36.0, 181).tolist(), *np.geomspace(1e-9, 0.2, 60).tolist(), *breaks})
    nodes, weights = np.polynomial.legendre.leggauss(8)
    low, high = np.array(edges[:-1])[:, None], np.array(edges[1:])[:, None]
    y = (low + (high - low) * (nodes + 1.0) / 2.0).ravel()
    mass = ((high - low) / 2.0 * weights).ravel() * np.exp(-y)
    values = np.array(draws(rule, (-np.expm1(-y)).tolist()))
    return [float(np.sum(mass * values**k)) for k in (1, 2, 3)]


@pytest.mark.parametrize("name", SMOOTH)
def test_moments_are_the_integrals_of_the_quantile_function(name: str) -> None:
    rule = ANY.validate_python(SMOOTH[name])
    breaks = [-math.log(0.75)] if name == "mixture" else []
    assert rule.moments() == pytest.approx(integrals(rule, breaks), rel=2e-7)
    first, second, _ = rule.moments()
    assert rule.scv() == pytest.approx(second / first**2 - 1.0, abs=1e-12)


@pytest.mark.parametrize("name", [name for name in SMOOTH if name != "mixture"])
def test_quantile_functions_never_fall_and_stay_finite(name: str) -> None:
    values = draws(ANY.validate_python(SMOOTH[name]), GRID)
    assert all(math.isfinite(value) and value >= 0.0 for value in values)
    # The iterations of two near uniforms may end a rounding apart.
    assert all(after >= before * (1.0 - 1e-14) for before, after in pairwise(values))


def test_moments_that_do_not_exist_are_infinite() -> None:
    rule = ANY.validate_python({"kind": "pareto", "mean": "100ms", "tail": 1.5})
    assert rule.moments() == (0.1, math.inf, math.inf)
    assert rule.scv() == math.inf
    mixed = ANY.validate_python(
        {"kind": "mixture", "parts": [{"weight": 1, "of": rule}, {"weight": 1, "of": "1s"}]}
    )
    assert mixed.moments() == (0.55, math.inf, math.inf)


@pytest.mark.parametrize("shape", [1e-4, 0.01, 0.3, 0.7, 1.0, 2.5, 10.0, 19.99, 20.01, 400.0, 1e4])
def test_gamma_quantile_is_scipys(shape: float) -> None:
    u = np.array(GRID)
    ours = np.array([gamma_quantile(shape, gamma_peak(shape), v) for v in GRID])
    theirs = np.where(u <= 0.5, special.gammaincinv(shape, u), special.gammainccinv(shape, 1.0 - u))
    seen = theirs > 1e-290
    # A small shape's quantile is u^(1/shape): the rounding of u itself is multiplied by 1/shape.
    assert ours[seen] == pytest.approx(theirs[seen], rel=max(1e-12, 1e-15 / shape))


def test_normal_quantile_is_scipys() -> None:
    ours = np.array([normal_quantile(u) for u in GRID])
    assert ours == pytest.approx(special.ndtri(np.array(GRID)), rel=2e-15, abs=1e-16)


@pytest.mark.parametrize(
    ("spec", "frozen"),
    [
        (SMOOTH["exponential"], stats.expon(scale=0.1)),
        (SMOOTH["lognormal"], stats.lognorm(math.sqrt(math.log1p(0.64)), scale=0.1 / math.sqrt(1.64))),
        (SMOOTH["weibull rising"], stats.weibull_min(3.0, scale=0.1 / math.gamma(4.0 / 3.0))),
        (SMOOTH["pareto"], stats.pareto(9.0, scale=0.8 / 9.0)),
        (SMOOTH["normal truncated"], stats.truncnorm(-1.0 / 1.5, math.inf, loc=0.1, scale=0.15)),
        (SMOOTH["erlang 7"], stats.gamma(7.0, scale=2.0 / 7.0)),
    ],
    ids=lambda value: value["kind"] if isinstance(value, dict) else "",
)
def test_quantiles_are_scipys(spec: dict[str, Any], frozen: Any) -> None:
    u = [v for v in GRID if 1e-3 < v < 0.9991]
    assert draws(ANY.validate_python(spec), u) == pytest.approx(frozen.ppf(u), rel=1e-11)


def test_hyperexponential_solves_its_equation() -> None:
    rule = ANY.validate_python(SMOOTH["hyperexponential rates"])
    for u, x in zip(GRID, draws(rule, GRID), strict=True):
        survival = 0.6 * math.exp(-40.0 * x) + 0.3 * math.exp(-5.0 * x) + 0.1 * math.exp(-x)
        assert survival == pytest.approx(1.0 - u, rel=1e-13)


def test_hyperexponential_has_balanced_means() -> None:
    rule = ANY.validate_python(SMOOTH["hyperexponential cv"])
    assert isinstance(rule, Hyperexponential)
    (common, fast), (rare, slow) = rule.phases()
    assert common + rare == pytest.approx(1.0, rel=1e-15)
    assert common / fast == pytest.approx(rare / slow, rel=1e-15)
    assert rule.scv() == pytest.approx(6.25, rel=1e-13)


@pytest.mark.parametrize(
    ("special_case", "general"),
    [
        ({"kind": "weibull", "mean": "100ms", "shape": 1}, SMOOTH["exponential"]),
        (SMOOTH["erlang 1"], SMOOTH["exponential"]),
        (SMOOTH["hyperexponential cv 1"], SMOOTH["exponential"]),
        ({"kind": "gamma", "mean": "100ms", "cv": 1}, SMOOTH["exponential"]),
        ({"kind": "gamma", "mean": "2s", "cv": 1 / math.sqrt(7.0)}, SMOOTH["erlang 7"]),
        ({"kind": "mixture", "parts": [{"weight": 5, "of": SMOOTH["uniform"]}]}, SMOOTH["uniform"]),
    ],
)
def test_special_cases_agree(special_case: dict[str, Any], general: dict[str, Any]) -> None:
    ours, theirs = ANY.validate_python(special_case), ANY.validate_python(general)
    assert draws(ours, GRID) == pytest.approx(draws(theirs, GRID), rel=1e-12)
    assert ours.moments() == pytest.approx(theirs.moments(), rel=1e-12)


def test_phase_type_draws_have_its_moments() -> None:
    rule = ANY.validate_python(WALK)
    values = np.array(draws(rule, ((np.arange(40_000) + 0.5) / 40_000).tolist()))
    for k, moment in enumerate(rule.moments(), start=1):
        powers = values**k
        assert abs(powers.mean() - moment) < 4.0 * powers.std() / math.sqrt(len(values))


def test_phase_type_moments_are_those_of_the_chain() -> None:
    chain = {"kind": "phase_type", "initial": [1, 0], "generator": [["-20/s", "20/s"], ["0/s", "-20/s"]]}
    erlang = {"kind": "erlang", "mean": "100ms", "shape": 2}
    ours, theirs = ANY.validate_python(chain), ANY.validate_python(erlang)
    assert ours.moments() == pytest.approx(theirs.moments(), rel=1e-14)
    assert ours.scv() == pytest.approx(0.5)


def test_phase_type_never_starts_or_goes_where_the_chance_is_zero() -> None:
    # Were the walk to enter phase 2 it would stay there a year on average.
    spec = {
        "kind": "phase_type",
        "initial": [1, 0, 0],
        "generator": [["-1k/s", "0/s", "1k/s"], ["0/s", "-1/d", "0/s"], ["0/s", "0/s", "-1k/s"]],
    }
    assert max(draws(ANY.validate_python(spec), GRID)) < 0.1


def test_mixture_chooses_by_weight_and_hands_the_rest_on() -> None:
    rule = ANY.validate_python(SMOOTH["mixture"])
    assert draws(rule, [0.1, 0.2499999]) == [0.01, 0.01]
    inner = ANY.validate_python({"kind": "exponential", "mean": "200ms"})
    assert draws(rule, [0.25 + 0.75 * 0.4]) == pytest.approx(draws(inner, [0.4]), rel=1e-15)


def test_mixtures_nest() -> None:
    inner = {"kind": "mixture", "parts": [{"weight": 1, "of": "1s"}, {"weight": 1, "of": "2s"}]}
    outer = {"kind": "mixture", "parts": [{"weight": 1, "of": inner}, {"weight": 1, "of": "3s"}]}
    rule = ANY.validate_python(outer)
    assert draws(rule, [0.1, 0.3, 0.5, 0.9]) == [1.0, 2.0, 3.0, 3.0]
    assert rule.moments()[0] == 2.25


def test_batches_are_whole_numbers_with_their_moments() -> None:
    assert draws(BATCH.validate_python(3), [0.1, 0.9]) == [3.0, 3.0]
    rule = BATCH.validate_python(BATCHES["batch geometric"])
    sizes = np.arange(1, 2000)
    chances = (1.0 / 4.5) * (1.0 - 1.0 / 4.5) ** (sizes - 1.0)
    assert rule.moments() == pytest.approx([float(np.sum(chances * sizes**k)) for k in (1, 2, 3)], rel=1e-12)
    values = draws(rule, ((np.arange(10_000) + 0.5) / 10_000).tolist())
    assert all(value == math.floor(value) and value >= 1.0 for value in values)
    for size in (1, 2, 5):
        assert values.count(float(size)) / 10_000 == pytest.approx(chances[size - 1], abs=2e-4)
    assert set(draws(BATCH.validate_python(BATCHES["batch of one"]), GRID)) == {1.0}
    assert BATCH.validate_python(BATCHES["batch of one"]).moments() == (1.0, 1.0, 1.0)


def test_lowering_puts_the_opcode_before_the_address() -> None:
    for spec in [*SMOOTH.values(), WALK]:
        rule = ANY.validate_python(spec)
        p, at = lowered(rule)
        assert MEMBERS[int(p[at - 1])] is type(rule)
        assert p[at:] == rule.parameters([]) or spec["kind"] == "mixture"
    assert len({member.opcode for member in MEMBERS}) == len(MEMBERS)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "times.csv").write_text("id,seconds\n1,0.3\n2,0.1\n\n3,0.2\n4,0.1\n", encoding="utf-8")
    return tmp_path


def test_empirical_draws_the_values_again(folder: Path) -> None:
    spec = {"kind": "empirical", "file": "times.csv", "column": "seconds"}
    rule = ANY.validate_python(spec, context={"directory": folder})
    assert draws(rule, [0.01, 0.26, 0.51, 0.76, 1.0 - 2.0**-53]) == [0.1, 0.1, 0.2, 0.3, 0.3]
    assert rule.moments() == pytest.approx((0.175, 0.0375, 0.009_25))
    assert rule.data_files() == (folder / "times.csv",)
    nested = {"kind": "mixture", "parts": [{"weight": 1, "of": spec}]}
    assert ANY.validate_python(nested, context={"directory": folder}).data_files() == (folder / "times.csv",)


def test_empirical_knows_units_and_a_lone_column(folder: Path) -> None:
    (folder / "ms.csv").write_text("\ufefftook\n3\n5\n", encoding="utf-8")
    spec = {"kind": "empirical", "file": "ms.csv", "unit": "ms"}
    assert draws(ANY.validate_python(spec, context={"directory": folder}), [0.2, 0.7]) == [0.003, 0.005]


def test_a_changed_data_file_is_read_again(folder: Path) -> None:
    spec = {"kind": "empirical", "file": "times.csv", "column": "seconds"}
    ANY.validate_python(spec, context={"directory": folder})
    (folder / "times.csv").write_text("id,seconds\n1,0.125\n", encoding="utf-8")
    assert ANY.validate_python(spec, context={"directory": folder}).moments()[0] == 0.125


@pytest.mark.parametrize(
    ("text", "column", "message"),
    [
        ("a,b\n1,2\n3,oops\n", "b", 'data.csv, line 3: "oops" is not a number'),
        ("a,b\n1,2\n\n3,-4\n", "b", 'data.csv, line 4: "-4" is negative'),
        ("a,b\n1,inf\n", "b", 'data.csv, line 2: "inf" is not finite'),
        ("a,b\n1,nan\n", "b", 'data.csv, line 2: "nan" is not finite'),
        ("a,b\n1\n", "b", 'data.csv, line 2: there is no cell in column "b"'),
        ("a,b\n1,2\n", "c", 'data.csv has no column "c"; its columns are a, b'),
        ("a,a\n1,2\n", "a", 'data.csv has more than one column "a"'),
        ("a,b\n1,2\n", None, "data.csv has 2 columns: a, b"),
        ("a\n", "a", "data.csv has no rows below its header"),
        ("", "a", "data.csv has no header on line 1"),
        ('a\n"1\n', "a", "data.csv, line 2: "),
    ],
)
def test_bad_data_is_named_by_file_line_and_value(
    tmp_path: Path, text: str, column: str | None, message: str
) -> None:
    (tmp_path / "data.csv").write_text(text, encoding="utf-8")
    with pytest.raises(ValidationError) as error:
        ANY.validate_python(
            {"kind": "empirical", "file": "data.csv", "column": column}, context={"directory": tmp_path}
        )
    assert message in error.value.errors()[0]["msg"]


def test_a_data_file_must_be_a_file(tmp_path: Path) -> None:
    for name, message in (("missing.csv", "does not exist"), (".", "is not a regular file")):
        with pytest.raises(ValidationError, match=message):
            ANY.validate_python({"kind": "empirical", "file": name}, context={"directory": tmp_path})
    (tmp_path / "latin.csv").write_bytes(b"a\n\xe9\n")
    with pytest.raises(ValidationError, match="not text in UTF-8"):
        ANY.validate_python({"kind": "empirical", "file": "latin.csv"}, context={"directory": tmp_path})


def test_bare_forms() -> None:
    assert ANY.validate_python("250ms") == ANY.validate_python({"kind": "constant", "value": "250ms"})
    assert BATCH.validate_python(4) == BATCH.validate_python({"kind": "constant", "value": 4})
    with pytest.raises(ValidationError, match="has no unit"):
        ANY.validate_python(5, context={"written": True})
    with pytest.raises(ValidationError, match="'expo'"):
        ANY.validate_python("expo")


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"kind": "exponential", "mean": "0s"}, "more than zero"),
        ({"kind": "exponential"}, "Field required"),
        ({"kind": "exponential", "mean": "1s", "rate": "1/s"}, "Extra inputs"),
        ({"kind": "uniform", "low": "2s", "high": "1s"}, "low 2s is more than high 1s"),
        ({"kind": "pareto", "mean": "1s", "tail": 1}, "1"),
        ({"kind": "gamma", "mean": "1s", "cv": 0.001}, "between 0.01 and 100"),
        ({"kind": "weibull", "mean": "1s", "shape": 0.01}, "between 0.05"),
        ({"kind": "lognormal", "mean": "1s", "cv": 1e7}, "at most 1e6"),
        ({"kind": "normal", "mean": "1s", "cv": 1e7}, "at most 1000"),
        ({"kind": "erlang", "mean": "1s", "shape": 2.5}, "whole number"),
        ({"kind": "erlang", "mean": "1s", "shape": 10_001}, "at most 10000"),
        ({"kind": "hyperexponential", "mean": "1s"}, "mean and cv, or rates and weights"),
        (
            {"kind": "hyperexponential", "mean": "1s", "rates": ["1/s"], "weights": [1], "cv": 2},
            "mean and cv, or",
        ),
        ({"kind": "hyperexponential", "mean": "1s", "cv": 0.5}, "between 1 and"),
        ({"kind": "hyperexponential", "rates": ["1/s"], "weights": [1, 2]}, "1 rates but 2 weights"),
        ({"kind": "mixture", "parts": []}, "empty list"),
        ({"kind": "phase_type", "initial": [0.5], "generator": [["-1/s"]]}, "sums to 0.5"),
        ({"kind": "phase_type", "initial": [1], "generator": [["-1/s", "1/s"]]}, "1 rows of 1 rates"),
        ({"kind": "phase_type", "initial": [1], "generator": [["1/s"]]}, "must be negative"),
        (
            {"kind": "phase_type", "initial": [1, 0], "generator": [["-1/s", "-1/s"], ["0/s", "-1/s"]]},
            "off its diagonal",
        ),
        (
            {"kind": "phase_type", "initial": [1, 0], "generator": [["-1/s", "2/s"], ["0/s", "-1/s"]]},
            "more than 0",
        ),
        (
            {"kind": "phase_type", "initial": [1, 0], "generator": [["-1/s", "1/s"], ["1/s", "-1/s"]]},
            "never ends",
        ),
    ],
)
def test_what_is_refused(spec: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError) as error:
        ANY.validate_python(spec)
    assert message in error.value.errors()[0]["msg"]


@pytest.mark.parametrize("name", [*SMOOTH, "phase_type", *BATCHES, "empirical"])
def test_compiled_quantiles_have_the_same_bits(name: str, folder: Path) -> None:
    if name in BATCHES:
        rule = BATCH.validate_python(BATCHES[name])
    elif name == "empirical":
        spec = {"kind": "empirical", "file": "times.csv", "column": "seconds"}
        rule = ANY.validate_python(spec, context={"directory": folder})
    else:
        rule = ANY.validate_python(WALK if name == "phase_type" else SMOOTH[name])
    p, at = lowered(rule)
    array = np.array(p)
    assert [MACHINE(array, at, u) for u in GRID] == draws(rule, GRID)


@pytest.mark.parametrize("name", ["a" * 5000, "nul\0byte"])
def test_a_name_that_no_file_can_have_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValidationError, match=r"cannot be found|does not exist"):
        ANY.validate_python({"kind": "empirical", "file": name}, context={"directory": tmp_path})
