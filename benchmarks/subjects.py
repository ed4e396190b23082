"""The scenarios that are timed."""

from __future__ import annotations

from typing import Final

MM1: Final = """\
name: mm1
traffic:
  web: {{arrivals: {{kind: poisson, rate: 80/s}}, call: api}}
services:
  api: {{workers: 1, service_time: {{kind: exponential, mean: 10ms}}}}
run: {{duration: {duration}s, replications: {replications}}}
"""
"""One worker at 80 % load."""

RETRYING: Final = """\
name: retrying
traffic:
  web: {{arrivals: {{kind: poisson, rate: {rate}/s}}, call: api, client: insistent}}
clients:
  insistent:
    timeout: 1s
    retry:
      attempts: 5
      backoff: {{kind: exponential, base: 100ms, factor: 2, cap: 20s, jitter: full}}
services:
  api: {{workers: 16, service_time: {{kind: exponential, mean: 100ms}}, queue: {{capacity: 64}}}}
run: {{duration: {duration}s, replications: {replications}}}
"""
"""16 workers, 64 places, a timeout of ten services, five attempts with full jitter; the capacity is 160/s."""

OFFERED: Final = 1.06
"""Offered rate over capacity of the retrying queue."""


def mm1(requests: float, replications: int = 1) -> str:
    """M/M/1 for about so many requests a replication."""
    return MM1.format(duration=round(requests / 80.0), replications=replications)


def retrying(requests: float, offered: float = OFFERED, replications: int = 1) -> str:
    """The retrying queue for about so many requests a replication."""
    rate = 160.0 * offered
    return RETRYING.format(rate=rate, duration=round(requests / rate), replications=replications)
