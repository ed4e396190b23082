"""Figures for people: the right unit, and no more digits than the interval allows."""

import math

import pytest

from sim.report.figures import NOTHING, figure


@pytest.mark.parametrize(
    ("mean", "low", "high", "unit", "shown"),
    [
        (0.41234, 0.4012, 0.4235, "s", "412 ms [401, 424]"),
        (2.0, 1.9, 2.1, "s", "2.00 s [1.90, 2.10]"),
        (0.41, None, None, "s", "410 ms"),
        (0.41, math.nan, math.nan, "s", "410 ms"),
        (0.0, None, None, "s", "0 s"),
        (0.0, 0.0, 0.0, "ratio", "0% [0, 0]"),
        (119.8, 119.1, 120.5, "1/s", "119.80/s [119.10, 120.50]"),
        (52_000.0, None, None, "1/s", "52k/s"),
        (0.9991, 0.998, 1.0, "ratio", "99.91% [99.80, 100]"),
        (1.0, 0.9999834, 1.0, "ratio", "100% [99.99834, 100]"),
        (0.0, 0.0, 0.000041, "ratio", "0% [0, 0.0041]"),
        (12.1, 11.0, 13.2, "count", "12.1 [11.0, 13.2]"),
        (123456.0, None, None, "count", "123,456"),
        (None, None, None, "s", NOTHING),
        (math.nan, 1.0, 2.0, "s", NOTHING),
        (math.inf, None, None, "s", "inf s"),
        (math.inf, 2.0, math.inf, "count", "inf [2, inf]"),
        (1e-9, None, None, "s", "1 ns"),
    ],
)
def test_figure(mean: float | None, low: float | None, high: float | None, unit: str, shown: str) -> None:
    assert figure(mean, low, high, unit) == shown


@pytest.mark.parametrize("unit", ["s", "1/s", "ratio", "count"])
@pytest.mark.parametrize("exponent", range(-9, 10))
def test_every_size_has_a_spelling(unit: str, exponent: int) -> None:
    mean = 1.234567 * 10.0**exponent
    assert len(figure(mean, mean * 0.99, mean * 1.01, unit)) < 60
    assert "e" not in figure(mean, None, None, unit).split()[0] or exponent < -4
