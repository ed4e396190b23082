"""What a valid scenario says to no effect is told, each by its path; and no config that is shipped says any."""

from __future__ import annotations

from typing import Any

import pytest

import sim
from sim.scenario.idle import without_effect

SCENARIO = """
traffic: {web: {arrivals: {kind: poisson, rate: 40/s}, call: api, client: app}}
clients: {app: {timeout: 600ms, retry: {attempts: 3}}}
services: {api: {workers: 5, service_time: {kind: exponential, mean: 100ms}, queue: {capacity: 40}}}
run: {duration: 90s}
"""


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"faults": [{"at": "100s", "for": "5s", "traffic": "web", "rate": "x3"}]},
            "faults[0] never strikes",
        ),
        ({"clients.app.hedge": "700ms"}, "clients.app.hedge is never sent"),
        ({"services.api.balance": "random"}, "services.api.balance chooses among one instance"),
        ({"services.api.queue": {"overflow": "block"}}, "services.api.queue.overflow is block"),
        (
            {"clients.app.retry": {"attempts": 1, "budget": "token_bucket"}},
            "clients.app.retry.budget has nothing to grant",
        ),
        ({"traffic.web.arrivals.start": "2min"}, "traffic.web sends nothing"),
        ({"traffic.web.client": {"timeout": "1s", "hedge": "1s"}}, "traffic.web.client.hedge is never sent"),
        (
            {
                "plan.vary": {"services.api.workers": "5..9"},
                "plan.survive": [{"at": "9s", "service": "api", "workers": 4}],
                "objectives": [{"subject": "traffic:web", "metric": "success_ratio", "at_least": "90%"}],
            },
            "services.api.workers varies to no effect while plan.survive[0] leaves 4 workers",
        ),
    ],
)
def test_each_is_told(changes: dict[str, Any], said: str) -> None:
    (words,) = without_effect(sim.loads(SCENARIO).set(changes))
    assert words.startswith(said)


def test_what_has_an_effect_is_not() -> None:
    fault = {"at": "10s", "for": "5s", "traffic": "web", "rate": "x3"}
    changes = {"clients.app.hedge": "300ms", "services.api.instances": 2, "services.api.balance": "random"}
    assert not list(without_effect(sim.loads(SCENARIO).set({**changes, "faults": [fault]})))
