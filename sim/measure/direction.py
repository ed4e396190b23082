"""Which way each metric is better, so that a difference can be called better or worse."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

Direction = Literal["more", "less", "neither"]

BETTER: Final[Mapping[str, Direction]] = {
    # What is asked of a service or sent to it, and how it is kept busy, is a fact and no merit: workers may be
    # busy for nobody, and a full orbit may be patience.
    **dict.fromkeys(
        (
            "offered_rate",
            "attempt_rate",
            "orbit",
            "arrival_rate",
            "throughput",
            "utilization",
            "busy_workers",
            "in_system",
            "over_budget_rate",
        ),
        "neither",
    ),
    **dict.fromkeys(("goodput", "success_ratio"), "more"),
    **dict.fromkeys(
        (
            "gave_up_ratio",
            "amplification",
            "rejected_ratio",
            "timeout_ratio",
            "denied_ratio",
            "queue_length",
            "blocked",
            "rejected_rate",
            "wasted_ratio",
            "wait_probability",
        ),
        "less",
    ),
    **{f"latency_{statistic}": "less" for statistic in ("mean", "p50", "p90", "p95", "p99", "p999", "max")},
    **{
        f"{stay}_{statistic}": "less"
        for stay in ("wait", "sojourn")
        for statistic in ("mean", "p50", "p90", "p95", "p99", "max")
    },
}
"""Metric -> whether more or less of it is better, or neither."""


def better(metric: str) -> Direction:
    """Which way a metric is better; neither for one that is not listed."""
    return BETTER.get(metric, "neither")
