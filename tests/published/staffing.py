"""Staffing questions whose answer is known: published ones, and more that exact formulas give.

The two of Erlang B are a published table of 100 erlangs; the overloaded Erlang A is a published case of 120 customers
a second for 100 workers whose patience is a second. Their figures were recomputed by an exact search and by birth and
death. The rest asks the exact models of `sim.theory` for every number of workers from one up.
"""

from __future__ import annotations

from dataclasses import dataclass

import sim
from sim.scenario.scenario import Scenario
from sim.theory.match import analyze
from sim.theory.staffing import fewest

PATH = "services.api.workers"


@dataclass(frozen=True)
class Staffing:
    """A question: a scenario with one objective, and the fewest workers that meet it in truth."""

    name: str
    scenario: Scenario
    answer: int
    source: str


def _asked(
    name: str,
    rate: float,
    service: str,
    objective: str,
    *,
    queue: str = "{}",
    most: int = 200,
    duration: str = "60s",
    warmup: str = "10s",
    answer: int | None = None,
    source: str = "exact search",
) -> Staffing:
    scenario = sim.loads(
        f"""
        name: {name.replace(" ", "_")}
        traffic: {{web: {{arrivals: {{kind: poisson, rate: {rate:g}/s}}, call: api}}}}
        services: {{api: {{workers: 1, service_time: {service}, queue: {queue}}}}}
        objectives: [{objective}]
        plan: {{vary: {{{PATH}: "1..{most}"}}}}
        run: {{duration: {duration}, warmup: {warmup}, replications: 5}}
        """
    )
    known = exact(scenario, most)
    assert answer is None or known == answer, (name, known)
    return Staffing(name, scenario, known, source)


def exact(scenario: Scenario, most: int) -> int:
    """The fewest workers with which an exact model keeps the one objective."""
    (wanted,) = scenario.objectives

    def meets(workers: int) -> bool:
        value = analyze(scenario.set(PATH, workers), {wanted.metric}).figure(
            wanted.subject, wanted.metric, exact=True
        )
        if value is None:  # more work than can be done
            return False
        return value <= wanted.at_most if wanted.at_most is not None else value >= (wanted.at_least or 0.0)

    found = fewest(meets, 1, most)
    assert found is not None  # every question has an answer in its range
    return found


def cases() -> list[Staffing]:
    """All questions."""
    second, tenth = "{kind: exponential, mean: 1s}", "{kind: exponential, mean: 100ms}"
    published = "published staffing of 100 erlangs (exact search)"
    return [
        _asked(
            "Erlang B 1 %",
            100.0,
            second,
            '{subject: "traffic:web", metric: rejected_ratio, at_most: 1%}',
            queue="{capacity: 0}",
            answer=117,
            source=published,
        ),
        _asked(
            "Erlang B 0.1 %",
            100.0,
            second,
            '{subject: "traffic:web", metric: rejected_ratio, at_most: 0.1%}',
            queue="{capacity: 0}",
            answer=128,
            source=published,
        ),
        _asked(
            "Erlang C 20 % wait",
            100.0,
            tenth,
            '{subject: "service:api", metric: wait_probability, at_most: 20%}',
        ),
        _asked(
            "Erlang C p95 wait",
            60.0,
            tenth,
            '{subject: "service:api", metric: wait_p95, at_most: 50ms}',
        ),
        _asked(
            "Erlang C p99 latency",
            40.0,
            tenth,
            '{subject: "traffic:web", metric: latency_p99, at_most: 600ms}',
        ),
        _asked(
            "Erlang C mean wait of 900 erlangs",
            900.0,
            second,
            '{subject: "service:api", metric: wait_mean, at_most: 50ms}',
            most=1000,
            # With 910 workers it takes 40 s to forget an empty start.
            duration="260s",
            warmup="200s",
        ),
        _asked(
            "Erlang A 17 % leave",
            120.0,
            second,
            '{subject: "service:api", metric: rejected_ratio, at_most: 16.8%}',
            queue="{max_wait: {kind: exponential, mean: 1s}}",
            answer=100,
            source="published Erlang A in overload: 16.77 % leave with 100 workers",
        ),
        _asked(
            "Erlang A half wait",
            120.0,
            second,
            '{subject: "service:api", metric: wait_probability, at_most: 50%}',
            queue="{max_wait: {kind: exponential, mean: 1s}}",
        ),
        _asked(
            "M/D/c p95 wait",
            80.0,
            "100ms",
            '{subject: "service:api", metric: wait_p95, at_most: 60ms}',
        ),
        _asked(
            "M/M/c/K success",
            50.0,
            tenth,
            '{subject: "traffic:web", metric: success_ratio, at_least: 99.5%}',
            queue="{capacity: 5}",
        ),
    ]
