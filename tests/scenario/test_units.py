"""Units: a text becomes the nearest float, a wrong one is refused with an example."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim import units
from sim.errors import QuantityError, UsageError

POSITIVE = st.floats(min_value=0.0, max_value=1e15, allow_nan=False)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("250ms", 0.25),
        ("2s", 2.0),
        ("5min", 300.0),
        ("1h", 3600.0),
        ("7d", 604800.0),
        ("3us", 3e-6),
        ("3µs", 3e-6),
        ("10ns", 1e-8),
        (" 2 s ", 2.0),
        ("+2s", 2.0),
        (".5s", 0.5),
        ("5.s", 5.0),
        ("1e3ms", 1.0),
        ("99.9ms", 0.0999),
        ("0s", 0.0),
        ("-0s", 0.0),
    ],
)
def test_durations_are_seconds(text: str, seconds: float) -> None:
    assert units.parse_duration(text) == seconds
    assert math.copysign(1.0, units.parse_duration(text)) == 1.0


@pytest.mark.parametrize(
    ("text", "per_second"),
    [
        ("120/s", 120.0),
        ("5k/s", 5000.0),
        ("2M/s", 2e6),
        ("1G/s", 1e9),
        ("300/min", 5.0),
        ("7200/h", 2.0),
        ("3/ms", 3000.0),
        ("86400/d", 1.0),
        (" 1.5 k / s ", 1500.0),
        ("1/min", 1.0 / 60.0),
    ],
)
def test_rates_are_per_second(text: str, per_second: float) -> None:
    assert units.parse_rate(text) == per_second


def test_only_a_signed_rate_may_be_negative() -> None:
    assert units.parse_rate("-20/s", signed=True) == -20.0
    with pytest.raises(QuantityError, match="cannot be negative: -20/s"):
        units.parse_rate("-20/s")


def test_ratios_counts_and_factors() -> None:
    assert units.parse_ratio("20%") == 0.2
    assert units.parse_ratio("0.2") == 0.2
    assert units.parse_ratio("99.9%") == 0.999
    assert units.parse_ratio("150%") == 1.5
    assert units.parse_count("12") == 12.0
    assert units.parse_count("inf") == math.inf
    assert units.parse_factor("x0.5") == 0.5
    assert units.parse_factor("×3") == 3.0


@pytest.mark.parametrize(
    ("parse", "text", "message", "suggestion"),
    [
        (units.parse_duration, "5", "5 has no unit", ""),
        (units.parse_duration, "fast", '"fast" is not a duration', ""),
        (units.parse_duration, "", '"" is not a duration', ""),
        (units.parse_duration, "2m", 'unknown unit "m" in "2m"', "2min"),
        (units.parse_duration, "2 Seconds", 'unknown unit "Seconds"', ""),
        (units.parse_duration, "3 msec", 'unknown unit "msec"', "3ms"),
        (units.parse_duration, "-2s", "a duration cannot be negative: -2s", ""),
        (units.parse_duration, "1e999s", "too large for a duration", ""),
        (units.parse_duration, "1e999999999999999999999s", "too large for a duration", ""),
        (units.parse_duration, "infs", '"infs" is not a duration', ""),
        (units.parse_duration, "٣s", "is not a duration", ""),
        (units.parse_duration, "9" * 100 + "s", "is not a duration", ""),
        (units.parse_duration, "2\ns3", '"2\\ns3" is not a duration', ""),
        (units.parse_rate, "5", "5 has no unit", ""),
        (units.parse_rate, "5rps", '"5rps" is not a rate', "5/s"),
        (units.parse_rate, "5k qps", "is not a rate", "5k/s"),
        (units.parse_rate, "5 req/s", "is not a rate", "5/s"),
        (units.parse_rate, "5 req/sec", "is not a rate", "5/s"),
        (units.parse_rate, "5/sec", 'unknown unit "/sec"', "5/s"),
        (units.parse_rate, "5 req/fortnight", "is not a rate", ""),
        (units.parse_rate, "5/fortnight", 'unknown unit "/fortnight"', ""),
        (units.parse_rate, "s/5", "is not a rate", ""),
        (units.parse_ratio, "half", '"half" is not a ratio', ""),
        (units.parse_ratio, "-5%", "a ratio cannot be negative: -5%", ""),
        (units.parse_count, "2.5", '"2.5" is not a count', ""),
        (units.parse_count, "-2", "a count cannot be negative: -2", ""),
        (units.parse_count, "٣", "is not a count", ""),
        (units.parse_factor, "3", '"3" is not a factor', "x3"),
        (units.parse_factor, "half", '"half" is not a factor', ""),
        (units.parse_factor, "x-1", "a factor cannot be negative", ""),
    ],
)
def test_what_is_wrong_is_said_with_an_example(parse, text: str, message: str, suggestion: str) -> None:
    with pytest.raises(QuantityError) as caught:
        parse(text)
    error = caught.value
    assert message in error.message
    assert error.suggestion == suggestion
    assert error.example
    assert str(error).startswith(error.message)
    assert f"write {error.example}" in str(error)
    assert isinstance(error, UsageError)
    assert isinstance(error, ValueError)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0, "0 s"),
        (0.25, "250 ms"),
        (2.0, "2 s"),
        (90.0, "90 s"),
        (600.0, "10 min"),
        (7200.0, "2 h"),
        (604800.0, "7 d"),
        (3e-6, "3 us"),
        (5e-9, "5 ns"),
        (0.999999, "1 s"),
        (0.123456, "123.5 ms"),
        (-0.5, "-500 ms"),
        (1e12, "11570000 d"),
        (math.inf, "inf"),
        (-math.inf, "-inf"),
        (math.nan, "n/a"),
    ],
)
def test_durations_as_a_person_reads_them(seconds: float, text: str) -> None:
    assert units.format_duration(seconds) == text


@pytest.mark.parametrize(
    ("per_second", "text"),
    [
        (120.0, "120/s"),
        (5200.0, "5200/s"),
        (52000.0, "52k/s"),
        (2.5e6, "2.5M/s"),
        (3e9, "3G/s"),
        (0.005, "0.3/min"),
        (0.0005, "1.8/h"),
        (0.0, "0/s"),
        (math.inf, "inf"),
        (math.nan, "n/a"),
    ],
)
def test_rates_as_a_person_reads_them(per_second: float, text: str) -> None:
    assert units.format_rate(per_second) == text


def test_ratios_as_a_person_reads_them() -> None:
    assert units.format_ratio(0.2) == "20%"
    assert units.format_ratio(0.999) == "99.9%"
    assert units.format_ratio(0.99999) == "99.999%"
    assert units.format_ratio(math.nan) == "n/a"
    assert units.format_ratio(math.inf) == "inf"


@given(POSITIVE)
def test_what_is_written_reads_back_exactly(value: float) -> None:
    assert units.parse_duration(units.write_duration(value)) == value
    assert units.parse_rate(units.write_rate(value)) == value
    assert units.parse_factor(units.write_factor(value)) == value


@given(POSITIVE)
def test_what_is_formatted_reads_back_nearly(value: float) -> None:
    assert units.parse_duration(units.format_duration(value)) == pytest.approx(value, rel=1e-3)
    assert units.parse_rate(units.format_rate(value)) == pytest.approx(value, rel=1e-3)


@pytest.mark.parametrize(
    "parse",
    [units.parse_duration, units.parse_rate, units.parse_ratio, units.parse_count, units.parse_factor],
)
@given(text=st.text(max_size=80))
def test_any_text_is_a_quantity_or_a_printable_error(parse, text: str) -> None:
    try:
        value = parse(text)
    except QuantityError as error:
        said = str(error)
    else:
        said = repr(value)
        assert value >= 0.0
    assert said.isprintable()
