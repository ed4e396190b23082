"""Ranges of values: by ones, evenly spaced, by equal factors, with units and as factors."""

import pytest

from sim.scenario.plan import parse_range


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("1..4", (1, 2, 3, 4)),
        ("101..140:5", (101, 111, 121, 130, 140)),
        ("10ms..50ms:3", ("10.0ms", "30.0ms", "50.0ms")),
        ("x2..x12:3", ("x2.0", "x7.0", "x12.0")),
        ("x2..x4", ("x2", "x3", "x4")),
        ("1s..100s:3 log", ("1.0s", "10.0s", "100.0s")),
        ("2..32:5 log", (2, 4, 8, 16, 32)),
        ("0.1..0.3:3", (0.1, 0.2, 0.3)),
        ("5..5", (5,)),
    ],
)
def test_values_of_a_range(text: str, values: tuple[object, ...]) -> None:
    assert parse_range(text) == values


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x2..12:3", "a factor at one end alone"),
        ("0s..5s:3 log", "cannot begin at 0"),
        ("1s..5ms:3", "two units"),
        ("5..1", "runs backwards"),
        ("1.5..2.5", "how many values"),
        ("log..5", "is not a range"),
        ("10ms..50ms", "has 41 values; 10ms..50ms:5 would have five"),
    ],
)
def test_what_is_no_range_is_said(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        parse_range(text)
