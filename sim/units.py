"""Units: "250ms", "120/s", "20%", "inf", "x0.5" to and from seconds, per second, ratios, counts, factors.

The only place that knows a unit. Inside the code durations are seconds, rates are per second, ratios and
factors are plain, all of them floats.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from decimal import Overflow as DecimalOverflow

from sim.errors import QuantityError, printable

DURATION_EXAMPLE = "2s, 250ms or 5min"
RATE_EXAMPLE = "120/s, 5k/s or 300/min"
RATIO_EXAMPLE = "0.2 or 20%"
COUNT_EXAMPLE = "a whole number such as 16, or inf"
FACTOR_EXAMPLE = "x3 or x0.5"
SPAN_EXAMPLE = "6 weeks, 18 months or 2y"
GROWTH_EXAMPLE = "8% per month or -2% per year"

YEAR = 365.25 * 86400.0
"""Seconds in a year of the calendar, on average; a month is a twelfth of it, a quarter a fourth."""

# Decimals, so that a text becomes the double nearest to what it says: 99.9% is 0.999, 3ms is 0.003.
_SECONDS: dict[str, Decimal] = {
    "ns": Decimal("1e-9"),
    "us": Decimal("1e-6"),
    "µs": Decimal("1e-6"),
    "ms": Decimal("1e-3"),
    "s": Decimal(1),
    "min": Decimal(60),
    "h": Decimal(3600),
    "d": Decimal(86400),
}
_THOUSANDS = {"": Decimal(1), "k": Decimal(1000), "M": Decimal(10**6), "G": Decimal(10**9)}
_PERIODS = {"day": 86400.0, "week": 7.0 * 86400.0, "month": YEAR / 12.0, "quarter": YEAR / 4.0, "year": YEAR}
_PERIOD_OF = {
    "d": "day", "w": "week", "wk": "week", "wks": "week", "mo": "month", "q": "quarter", "y": "year", "yr": "year",
    "yrs": "year", **{name: name for name in _PERIODS}, **{f"{name}s": name for name in _PERIODS},
}  # fmt: skip
_PER = {
    "daily": "day", "weekly": "week", "monthly": "month", "quarterly": "quarter", "yearly": "year",
    "annually": "year", "annual": "year", "pa": "year",
}  # fmt: skip
_READABLE = ((1e-6, "ns"), (1e-3, "us"), (1.0, "ms"), (120.0, "s"), (7200.0, "min"), (172800.0, "h"))
# What people write instead, so that the error can name what they meant.
_MEANT = {
    "m": "min", "mins": "min", "minute": "min", "minutes": "min", "sec": "s", "secs": "s", "second": "s",
    "seconds": "s", "S": "s", "msec": "ms", "msecs": "ms", "millis": "ms", "milliseconds": "ms", "MS": "ms",
    "usec": "us", "μs": "us", "micros": "us", "microseconds": "us", "nsec": "ns", "nanos": "ns", "hr": "h",
    "hrs": "h", "hour": "h", "hours": "h", "H": "h", "day": "d", "days": "d", "D": "d",
}  # fmt: skip
_PER_SECOND = {"rps", "qps", "tps", "Hz", "hz", "RPS", "QPS"}

NUMBER = r"(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"
_DURATION = re.compile(rf"([+-]?{NUMBER})\s*([A-Za-zµμ]+)")
_RATE = re.compile(rf"([+-]?{NUMBER})\s*([kMG]?)\s*/\s*([A-Za-zµμ]+)")
_RATE_WORD = re.compile(rf"([+-]?{NUMBER})\s*([kMG]?)\s*([A-Za-z]+)(?:/([A-Za-z]+))?")
_RATIO = re.compile(rf"([+-]?{NUMBER})\s*(%?)")
_FACTOR = re.compile(rf"[xX×]\s*([+-]?{NUMBER})")
_SPAN = re.compile(rf"([+-]?{NUMBER})\s*([A-Za-z]+)")
_GROWTH = re.compile(rf"([+-]?{NUMBER})\s*(%?)\s*(?:per|an?|/)\s*([A-Za-z]+)")
_GROWTH_WORD = re.compile(rf"([+-]?{NUMBER})\s*%\s*([A-Za-z]+)")
_PLAIN = re.compile(rf"[+-]?{NUMBER}")
_LONGEST = 64


def parse_duration(text: str) -> float:
    """Seconds in a text such as `250ms`; never negative. Raises QuantityError."""
    found = _DURATION.fullmatch(_short(text, "duration", DURATION_EXAMPLE))
    if found is None:
        if _PLAIN.fullmatch(text.strip()):
            raise QuantityError(f"{text.strip()} has no unit", DURATION_EXAMPLE)
        raise QuantityError(f"{_quoted(text)} is not a duration", DURATION_EXAMPLE)
    number, unit = found.groups()
    if unit not in _SECONDS:
        meant = _MEANT.get(unit)
        suggestion = f"{number}{meant}" if meant else ""
        raise QuantityError(f"unknown unit {_quoted(unit)} in {_quoted(text)}", DURATION_EXAMPLE, suggestion)
    return _finite(lambda: Decimal(number) * _SECONDS[unit], text, "duration", DURATION_EXAMPLE)


def parse_rate(text: str, signed: bool = False) -> float:
    """Per second in a text such as `120/s` or `5k/min`; negative only if `signed`. Raises QuantityError."""
    found = _RATE.fullmatch(_short(text, "rate", RATE_EXAMPLE))
    if found is None:
        raise _not_a_rate(text)
    number, thousands, unit = found.groups()
    if unit not in _SECONDS:
        meant = _MEANT.get(unit)
        suggestion = f"{number}{thousands}/{meant}" if meant else ""
        problem = f"unknown unit {_quoted('/' + unit)} in {_quoted(text)}"
        raise QuantityError(problem, RATE_EXAMPLE, suggestion)
    thousand, seconds = _THOUSANDS[thousands], _SECONDS[unit]
    return _finite(lambda: Decimal(number) * thousand / seconds, text, "rate", RATE_EXAMPLE, signed)


def parse_ratio(text: str) -> float:
    """A ratio in a text such as `0.2` or `20%`; not negative, may be above one. Raises QuantityError."""
    found = _RATIO.fullmatch(_short(text, "ratio", RATIO_EXAMPLE))
    if found is None:
        raise QuantityError(f"{_quoted(text)} is not a ratio", RATIO_EXAMPLE)
    number, percent = found.groups()
    hundredth = Decimal("0.01") if percent else Decimal(1)
    return _finite(lambda: Decimal(number) * hundredth, text, "ratio", RATIO_EXAMPLE)


def parse_count(text: str) -> float:
    """A whole number as a float, or `inf`. Raises QuantityError."""
    word = _short(text, "count", COUNT_EXAMPLE)
    if word in ("inf", ".inf"):
        return math.inf
    if not re.fullmatch(r"[+-]?[0-9]+", word):
        raise QuantityError(f"{_quoted(text)} is not a count", COUNT_EXAMPLE)
    return _finite(lambda: Decimal(word), text, "count", COUNT_EXAMPLE)


def parse_factor(text: str) -> float:
    """A factor written `x0.5`; not negative. Raises QuantityError."""
    word = _short(text, "factor", FACTOR_EXAMPLE)
    found = _FACTOR.fullmatch(word)
    if found is None:
        suggestion = f"x{word}" if _PLAIN.fullmatch(word) else ""
        raise QuantityError(f"{_quoted(text)} is not a factor", FACTOR_EXAMPLE, suggestion)
    number = found.group(1)
    return _finite(lambda: Decimal(number), text, "factor", FACTOR_EXAMPLE)


def parse_span(text: str) -> float:
    """Seconds in a span of the calendar such as `6 weeks` or `2y`; more than zero. Raises QuantityError."""
    found = _SPAN.fullmatch(_short(text, "span of time", SPAN_EXAMPLE))
    period = _PERIOD_OF.get(found.group(2).lower()) if found is not None else None
    if found is None or period is None:
        what = (
            "has no unit"
            if _PLAIN.fullmatch(text.strip())
            else "is not a span of days, weeks, months or years"
        )
        raise QuantityError(f"{_quoted(text)} {what}", SPAN_EXAMPLE)
    number = found.group(1)
    span = _finite(lambda: Decimal(number), text, "span of time", SPAN_EXAMPLE) * _PERIODS[period]
    if not 0.0 < span <= 1000.0 * YEAR:
        raise QuantityError(f"{_quoted(text)} is not more than zero and at most 1000 years", SPAN_EXAMPLE)
    return span


def parse_growth(text: str) -> tuple[float, str]:
    """Growth such as `8% per month`: the ratio, above -1 and at most 100, and the period. Raises QuantityError."""
    word = _short(text, "growth", GROWTH_EXAMPLE)
    found = _GROWTH.fullmatch(word)
    period = _PERIOD_OF.get(found.group(3).lower()) if found is not None else None
    if found is None or period is None:
        meant = _GROWTH_WORD.fullmatch(word)
        per = _PER.get(meant.group(2).lower()) if meant is not None else None
        suggestion = f"{meant.group(1)}% per {per}" if meant is not None and per is not None else ""
        raise QuantityError(f"{_quoted(text)} does not say how much a period", GROWTH_EXAMPLE, suggestion)
    number, percent, _ = found.groups()
    hundredth = Decimal("0.01") if percent else Decimal(1)
    ratio = _finite(lambda: Decimal(number) * hundredth, text, "growth", GROWTH_EXAMPLE, signed=True)
    if not percent and abs(ratio) >= 1.0:
        # Who writes `3 per quarter` means 3 %, and would get 300 %.
        raise QuantityError(f"{_quoted(text)} has no %", GROWTH_EXAMPLE, f"{number}% per {period}")
    if not -1.0 < ratio <= 100.0:
        raise QuantityError(f"{_quoted(text)} is not above -100% and at most 10000%", GROWTH_EXAMPLE)
    return ratio, period


def seconds_of(period: str) -> float:
    """Seconds in a day, week, month, quarter or year, on average. Raises KeyError for another word."""
    return _PERIODS[period]


def format_span(seconds: float) -> str:
    """A span of the calendar as a person reads it: `6 weeks`, `7.3 months`, `2 years`."""
    if math.isnan(seconds) or math.isinf(seconds):
        return "n/a" if math.isnan(seconds) else ("never" if seconds > 0 else "-inf")
    for period, least in (("year", 2.0 * YEAR), ("month", 3.0 * _PERIODS["month"]), ("week", 14.0 * 86400.0)):
        if abs(seconds) >= least * 0.9995:
            return f"{seconds / _PERIODS[period]:.3g} {period}s"
    return f"{seconds / 86400.0:.3g} days"


def write_span(seconds: float) -> str:
    """The exact spelling that reads back as the same float, for all but the last bits: `42.0 days`."""
    return f"{seconds / 86400.0!r} days"


def format_duration(seconds: float) -> str:
    """Seconds as a person reads them: `250 ms`, `2 s`, `10 min`; four digits at most."""
    if math.isnan(seconds) or math.isinf(seconds):
        return "n/a" if math.isnan(seconds) else ("inf" if seconds > 0 else "-inf")
    size = abs(seconds)
    if size == 0.0:
        return "0 s"
    # Just under a limit four digits would round up to it: 0.99999 s is 1 s, not 1000 ms.
    unit = next((unit for limit, unit in _READABLE if size < limit * 0.99995), "d")
    return f"{_digits(seconds / float(_SECONDS[unit]))} {unit}"


def format_rate(per_second: float) -> str:
    """A rate as a person reads it: `120/s`, `5.2k/s`, `0.3/min`."""
    if math.isnan(per_second) or math.isinf(per_second):
        return "n/a" if math.isnan(per_second) else "inf"
    size = abs(per_second)
    for thousands, least in (("G", 1e9), ("M", 1e6), ("k", 1e4)):
        if size >= least * 0.99995:
            return f"{_digits(per_second / float(_THOUSANDS[thousands]))}{thousands}/s"
    if size >= 0.1 or size == 0.0:
        return f"{_digits(per_second)}/s"
    if size * 60.0 >= 0.1:
        return f"{_digits(per_second * 60.0)}/min"
    return f"{_digits(per_second * 3600.0)}/h"


def format_ratio(ratio: float) -> str:
    """A ratio as a percentage: `20%`, `99.9%`."""
    if math.isnan(ratio) or math.isinf(ratio):
        return "n/a" if math.isnan(ratio) else "inf"
    return f"{_digits(ratio * 100.0, 6)}%"


def write_duration(seconds: float) -> str:
    """The exact spelling that reads back as the same float: `0.25s`."""
    return f"{seconds!r}s"


def write_rate(per_second: float) -> str:
    """The exact spelling that reads back as the same float: `120.0/s`."""
    return f"{per_second!r}/s"


def write_factor(factor: float) -> str:
    """The exact spelling that reads back as the same float: `x0.5`."""
    return f"x{factor!r}"


def _digits(value: float, digits: int = 4) -> str:
    text = f"{value:.{digits}g}"
    return f"{float(text):.0f}" if "e+" in text else text


def _quoted(text: str) -> str:
    return f'"{printable(text, _LONGEST)}"'


def _short(text: str, what: str, example: str) -> str:
    if len(text) > _LONGEST:
        raise QuantityError(f"{_quoted(text)} is not a {what}", example)
    return text.strip()


def _finite(
    decimal: Callable[[], Decimal], text: str, what: str, example: str, signed: bool = False
) -> float:
    try:
        value = float(decimal())
    except (DecimalOverflow, InvalidOperation):
        value = math.inf
    if math.isinf(value):
        raise QuantityError(f"{_quoted(text)} is too large for a {what}", example)
    if value < 0.0 and not signed:
        raise QuantityError(f"a {what} cannot be negative: {printable(text.strip())}", example)
    return value + 0.0  # -0.0 becomes 0.0


def _not_a_rate(text: str) -> QuantityError:
    word = text.strip()
    if _PLAIN.fullmatch(word):
        return QuantityError(f"{word} has no unit", RATE_EXAMPLE)
    found = _RATE_WORD.fullmatch(word)
    suggestion = ""
    if found is not None:
        number, thousands, noun, unit = found.groups()
        if unit is not None:
            meant = unit if unit in _SECONDS else _MEANT.get(unit)
            suggestion = f"{number}{thousands}/{meant}" if meant else ""
        elif noun in _PER_SECOND:
            suggestion = f"{number}{thousands}/s"
    return QuantityError(f"{_quoted(text)} is not a rate", RATE_EXAMPLE, suggestion)
