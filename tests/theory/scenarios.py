"""A small scenario to vary: one traffic class, one service."""

from pathlib import Path

from sim.scenario.loader import loads
from sim.scenario.scenario import Scenario


def scenario(
    arrivals: str = "{kind: poisson, rate: 80/s}",
    workers: object = 1,
    time: str = "{kind: exponential, mean: 10ms}",
    queue: str = "{}",
    client: str = "{}",
    service: str = "",
    traffic: str = "",
    more: str = "",
) -> Scenario:
    """Poisson arrivals at 80/s to one exponential worker of 10 ms, unless said otherwise."""
    text = f"""
name: small
traffic:
  web: {{arrivals: {arrivals}, call: api, client: {client}}}
  {traffic}
services:
  api:
    workers: {workers}
    service_time: {time}
    queue: {queue}
    {service}
{more}
run: {{duration: 100s, warmup: 10s}}
"""
    return loads(text, "small.yaml", Path())
