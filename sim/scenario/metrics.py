"""The figures that a run, a theory and an objective can name: subject kind -> metric -> unit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

Unit = Literal["s", "1/s", "ratio", "count"]

SCHEMA_VERSION: Final = 1
"""Of the JSON in which figures and verdicts are written."""

_STAY_STATISTICS = ("mean", "p50", "p90", "p95", "p99", "max")
_LATENCY_STATISTICS = ("mean", "p50", "p90", "p95", "p99", "p999", "max")

_CLIENT_SIDE: Final[dict[str, Unit]] = {
    "offered_rate": "1/s",
    "attempt_rate": "1/s",
    "goodput": "1/s",
    "success_ratio": "ratio",
    "gave_up_ratio": "ratio",
    "amplification": "ratio",
    "rejected_ratio": "ratio",
    "timeout_ratio": "ratio",
    "denied_ratio": "ratio",
    "over_budget_rate": "1/s",
    **{f"latency_{statistic}": "s" for statistic in _LATENCY_STATISTICS},
    "orbit": "count",
}

_SERVICE_SIDE: Final[dict[str, Unit]] = {
    "arrival_rate": "1/s",
    "throughput": "1/s",
    "utilization": "ratio",
    "busy_workers": "count",
    "queue_length": "count",
    "in_system": "count",
    "blocked": "count",
    **{f"wait_{statistic}": "s" for statistic in _STAY_STATISTICS},
    **{f"sojourn_{statistic}": "s" for statistic in _STAY_STATISTICS},
    "rejected_rate": "1/s",
    "rejected_ratio": "ratio",
    "wasted_ratio": "ratio",
    "wait_probability": "ratio",
}

METRICS: Final[Mapping[str, Mapping[str, Unit]]] = {
    "traffic": _CLIENT_SIDE,
    "client": _CLIENT_SIDE,
    "service": _SERVICE_SIDE,
}
"""Subject kind -> metric -> unit. A subject is a kind and a name: `traffic:web`, `service:api`."""

UNITS: Final[Mapping[str, Unit]] = {**_CLIENT_SIDE, **_SERVICE_SIDE}
"""Metric -> unit: a metric's name has one unit, whatever its subject."""

UNBOUNDED_RATIOS: Final = frozenset({"amplification"})
"""Ratios that may be more than one."""


def is_share(metric: str) -> bool:
    """Whether a metric is a ratio that lies between 0 and 1."""
    return UNITS.get(metric) == "ratio" and metric not in UNBOUNDED_RATIOS


RECOVERY_METRIC = "recovered"
"""The share of runs whose backlog was down again in time; a metric of a mishap alone."""


def unit_of(metric: str) -> Unit:
    """The unit of a metric. Raises KeyError for a name that is none."""
    return UNITS[metric]
