"""Forebay: one replication with its audits and figures, event by event (`events`) or as `sim.run` chooses (``)."""

from __future__ import annotations

import time

import sim
from benchmarks import subjects
from benchmarks.peers.protocol import RETRYING, STATIONS, TINY, Answer, answer
from sim.engines import compiled

SERVICE = {RETRYING: 0.1}
"""Model -> mean service in seconds, where it is not 1."""


def scenario_of(model: str, requests: int) -> sim.Scenario:
    """The scenario of a model, for about so many requests."""
    if model == RETRYING:
        return sim.loads(subjects.retrying(requests))
    return sim.loads(subjects.station(STATIONS[model], requests))


def run(scenario: sim.Scenario, seed: int, by_events: bool) -> sim.Results:
    """What `sim.run` gives, or the same from the event engine where `sim.run` would take the recursion."""
    if not by_events:
        return sim.run(scenario, seed=seed, jobs=1)
    seen = compiled.replicate(scenario, 0, seed=seed, warmup=0.0, by_events=True)
    return sim.Results(scenario, [seen], engine="compiled", seed=seed)


def measure(model: str, requests: int, seed: int, variant: str) -> Answer:
    """One run; its audits hold, or there is an error."""
    by_events = variant == "events"
    subject, metric = (
        ("traffic:web", "latency_mean") if model == RETRYING else ("service:api", "sojourn_mean")
    )
    run(scenario_of(model, TINY), seed, by_events).estimate(subject, metric)
    scenario = scenario_of(model, requests)
    began = time.process_time()
    results = run(scenario, seed, by_events)
    sojourn = results.estimate(subject, metric)[0]
    spent = time.process_time() - began
    books = results.conservation
    return Answer(
        requests=round(books["born"]),
        cpu=spent,
        sojourn=sojourn / SERVICE.get(model, 1.0),
        version=sim.__version__,
        attempts=books["sent"] / books["born"],
        successes=books["success"] / books["born"],
    )


if __name__ == "__main__":
    answer(measure)
