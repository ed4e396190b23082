"""The scenarios that are timed."""

from __future__ import annotations

from typing import Final

from benchmarks.peers.protocol import Station

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

SHORT: Final = """\
name: short
traffic:
  web: {arrivals: {kind: poisson, rate: 40/s}, call: api, client: app}
clients:
  app: {timeout: 1s, retry: {attempts: 3, backoff: {kind: exponential, base: 50ms, cap: 1s, jitter: full}}}
services:
  api: {workers: 4, service_time: {kind: exponential, mean: 80ms}, queue: {capacity: 40}}
run: {duration: 10s, replications: 2, seed: 7}
"""
"""A retrying queue for ten seconds: a point of a sweep that costs little."""

STATION: Final = """\
name: station
traffic:
  web: {{arrivals: {{kind: poisson, rate: {rate}/s}}, call: api}}
services:
  api: {{workers: {workers}, service_time: {{kind: exponential, mean: 1s}}, queue: {{capacity: {places}}}}}
run: {{duration: {duration}s, replications: 1}}
"""
"""One of the stations that other simulators run too, its mean service a second."""

ORBITING: Final = """\
name: orbiting
traffic:
  web: {{arrivals: {{kind: poisson, rate: 100/s}}, call: api, client: patient}}
clients:
  patient:
    retry:
      attempts: 10
      backoff: {{kind: random, delay: {{kind: uniform, low: 0s, high: {longest}s}}, factor: 1}}
services:
  api: {{workers: inf, service_time: 1ms, error_ratio: 100%}}
run: {{duration: {duration}s, drain: false, replications: 1, series: {duration}s}}
"""
"""Ten attempts that all fail, nine random backoffs between them."""

MANY_WORKERS: Final = """\
name: many_workers
traffic:
  web: {{arrivals: {{kind: poisson, rate: {rate}/s}}, call: api}}
services:
  api: {{workers: {workers}, service_time: {{kind: exponential, mean: 1s}}}}
run: {{duration: 100000000s, drain: false, replications: 1, series: 100000000s}}
"""
"""M/M/c at 80 % load, for as long as one likes."""

OFFERED: Final = 1.06
"""Offered rate over capacity of the retrying queue."""


def mm1(requests: float, replications: int = 1) -> str:
    """M/M/1 for about so many requests a replication."""
    return MM1.format(duration=round(requests / 80.0), replications=replications)


def retrying(requests: float, offered: float = OFFERED, replications: int = 1) -> str:
    """The retrying queue for about so many requests a replication."""
    rate = 160.0 * offered
    return RETRYING.format(rate=rate, duration=round(requests / rate), replications=replications)


def station(asked: Station, requests: float) -> str:
    """A station for about so many requests."""
    places = "inf" if asked.places is None else asked.places
    duration = round(requests / asked.rate)
    return STATION.format(rate=asked.rate, workers=asked.workers, places=places, duration=duration)


def orbiting(waiting: float) -> tuple[str, float]:
    """(scenario in which so many requests wait in backoff at once, seconds until that is so)."""
    longest = waiting / 450.0
    return ORBITING.format(longest=longest, duration=round(1_000_000 + 1_000 * longest)), 10.0 * longest


def many_workers(workers: int) -> tuple[str, float]:
    """(M/M/c, seconds until it is in its steady state)."""
    return MANY_WORKERS.format(rate=0.8 * workers, workers=workers), 1_000.0 if workers < 1_000 else 40.0
