"""Figures, metrics and subjects as a person reads them: `410 ms [400, 420]`, `p99 latency`."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

from sim.scenario.metrics import UNBOUNDED_RATIOS
from sim.units import format_duration, format_rate, format_ratio, parse_duration, parse_rate

if TYPE_CHECKING:
    import pandas as pd

NOTHING = "–"


def figure(
    mean: float | None,
    low: float | None = None,
    high: float | None = None,
    unit: str = "count",
    *,
    like: float | None = None,
) -> str:
    """A figure with its unit and, where there is one, its interval in the same unit; certainty has no decimals.

    Args:
        mean: the estimate in base units (seconds, per second, ratio, count); None or NaN when there is none.
        low: lower end of its interval, None or NaN when there is none.
        high: upper end.
        unit: `s`, `1/s`, `ratio` or `count`, as in a summary.
        like: a figure beside it, whose size of the unit it is to have: both in /s, or both in ms.
    """
    if mean is None or math.isnan(mean):
        return NOTHING
    # What is 0 has the size of its interval.
    own = mean if mean or high is None or math.isnan(high) else high
    scale, suffix = _scale(own if like is None or math.isnan(like) else like, unit)
    if low is None or high is None or math.isnan(low) or math.isnan(high):
        almost = unit == "ratio" and 0.999 < mean < 1.0
        return f"{_nearly_all(mean) if almost else _digits(mean / scale)}{suffix}"
    if not math.isfinite(mean) or not math.isfinite(high - low):
        return f"{_digits(mean / scale)}{suffix} [{_digits(low / scale)}, {_digits(high / scale)}]"
    places = _places((high - low) / 2.0 / scale, mean / scale)
    sure = (0.0, 1.0) if unit == "ratio" else ()
    middle, bottom, top = (
        f"{value / scale:.{0 if value in sure else places}f}" for value in (mean, low, high)
    )
    return f"{middle}{suffix} [{bottom}, {top}]"


def difference(
    mean: float, low: float, high: float, unit: str = "count", *, like: float | None = None
) -> str:
    """A difference with its sign, its unit and, where there is one, its interval; of ratios in percentage points.

    Args:
        mean: the difference in base units; NaN when there is none.
        low: lower end of its interval, NaN when there is none.
        high: upper end.
        unit: `s`, `1/s`, `ratio` or `count`.
        like: the figure that differs: of a rate, the difference is a second's or a minute's as that is.
    """
    if math.isnan(mean):
        return NOTHING
    known = [abs(value) for value in (mean, low, high) if math.isfinite(value)]
    size = like if unit == "1/s" and like is not None and math.isfinite(like) else max(known, default=0.0)
    scale, suffix = (0.01, " pp") if unit == "ratio" else _scale(size, unit)
    if not (math.isfinite(mean) and math.isfinite(low) and math.isfinite(high)) or low == high:
        return f"{'+' if mean > 0.0 else ''}{_digits(mean / scale)}{suffix}"
    places = _places((high - low) / 2.0 / scale, mean / scale)
    middle, bottom, top = (f"{value / scale:+.{places}f}" for value in (mean, low, high))
    if mean == 0.0:
        middle = middle.lstrip("+-")
    return f"{middle}{suffix} [{bottom}, {top}]"


def metric_words(metric: str) -> str:
    """A metric's name in words: `latency_p99` -> `p99 latency`."""
    stay, _, statistic = metric.partition("_")
    if stay in ("latency", "wait", "sojourn") and statistic:
        return f"{'p99.9' if statistic == 'p999' else statistic} {stay}"
    return metric.replace("_", " ")


def unit_shown(metric: str, unit: str) -> str:
    """The unit to show a metric in: ratios that may pass one, such as amplification, are plain numbers."""
    return "count" if metric in UNBOUNDED_RATIOS else unit


def subject_words(subject: str) -> str:
    """A subject's name in words: `traffic:web` -> `traffic web`."""
    return subject.replace(":", " ", 1)


def records(frame: pd.DataFrame) -> list[Any]:
    """The rows of a table, each with its columns as attributes."""
    return list(frame.itertuples(index=False))


def _scale(mean: float, unit: str) -> tuple[float, str]:
    """The size of the unit to show a mean in, in base units, and how it is written after the number."""
    if not math.isfinite(mean):
        return 1.0, {"s": " s", "1/s": "/s"}.get(unit, "")
    if unit == "s":
        word = format_duration(mean).rpartition(" ")[2]
        return parse_duration(f"1{word}"), f" {word}"
    if unit == "1/s":
        word = re.sub(r"^[-+0-9.eE]+", "", format_rate(mean))
        return parse_rate(f"1{word}"), word
    if unit == "ratio":
        return 0.01, format_ratio(mean)[-1]
    return 1.0, ""


def _places(half: float, mean: float) -> int:
    """Decimals that show two digits of the half-width, and no more than nine digits in all."""
    size = math.floor(math.log10(abs(mean))) if mean else 0
    wanted = 1 - math.floor(math.log10(half)) if half > 0.0 else 3 - size if mean else 0
    whole = max(1, 1 + size)
    return max(0, min(wanted, 9 - whole))


def _nearly_all(share: float) -> str:
    """A share of nearly 1 as per cent, with two digits of what is missing: nearly all is not all."""
    missing = 100.0 * (1.0 - share)
    return f"{100.0 * share:.{1 - math.floor(math.log10(missing))}f}".rstrip("0")


def _digits(value: float) -> str:
    """Four digits, or all the digits of a larger whole number."""
    if not math.isfinite(value):
        return "inf" if value > 0 else "-inf"
    if abs(value) >= 1e4:
        return f"{value:,.0f}" if abs(value) < 1e12 else f"{value:.3e}"
    return f"{value:.4g}"
