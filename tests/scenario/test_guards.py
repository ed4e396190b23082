"""Guards by hand: budgets, throttles, breakers, limits and admission do what their sources say, step by step."""

import ast
import inspect
import itertools
import math
import textwrap
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

import sim
from sim.engines.clock import Watch
from sim.engines.lowering import lower
from sim.scenario.admission import Admission
from sim.scenario.budgets import Budget
from sim.scenario.guard import GuardRule
from sim.scenario.guards import MEMBERS
from sim.scenario.limits import Limit, whole_log10
from sim.scenario.outcomes import CANCELLED, DENIED, ERROR, FIRST, HEDGE, REJECTED, SERVED, TIMEOUT
from sim.scenario.throttles import Breaker, Throttle

FAMILIES: dict[str, TypeAdapter[GuardRule]] = {
    "budget": TypeAdapter(Budget),
    "throttle": TypeAdapter(Throttle),
    "breaker": TypeAdapter(Breaker),
    "limit": TypeAdapter(Limit),
    "admission": TypeAdapter(Admission),
}

VEGAS = """\
name: learnt
traffic:
  web: {arrivals: {kind: poisson, rate: 9/s}, call: api, client: {instances: 3, limit: vegas}}
services:
  api: {workers: 1, service_time: {kind: exponential, mean: 100ms}, admission: [vegas]}
run: {duration: 60s, replications: 2}
"""


class Guard:
    """A guard as an engine uses it, with what does not matter left out."""

    def __init__(self, family: str, spec: Any) -> None:
        self.watch = Watch(FAMILIES[family].validate_python(spec, context={"written": True}), u=0.5)

    def asks(
        self,
        t: float = 0.0,
        case: float = REJECTED,
        u: float = 0.5,
        ahead: float = 0.0,
        patience: float = 1e9,
    ) -> bool:
        return self.watch.admits(t, u, float(case), ahead, patience)

    def ends(self, outcome: int, t: float = 0.0, case: float = FIRST, lasted: float = 0.1) -> None:
        self.watch.ends(t, outcome, float(case), lasted, lasted)

    def keeps(self, t: float, waited: float, left: float = 5.0, patience: float = 1e9) -> bool:
        return self.watch.keeps(t, waited, left, patience)


def test_opcodes_are_places() -> None:
    assert [member.opcode for member in MEMBERS] == list(range(len(MEMBERS)))
    assert len({member.__name__ for member in MEMBERS}) == len(MEMBERS)


@pytest.mark.parametrize("kind", MEMBERS)
def test_a_guard_that_looks_at_its_uniform_says_so(kind: type[GuardRule]) -> None:
    [asked] = ast.parse(textwrap.dedent(inspect.getsource(kind.admits))).body
    looks = any(isinstance(node, ast.Name) and node.id == "u" for node in ast.walk(asked))
    assert looks == kind.CHANCE


def test_vegas_begins_its_jitter_by_chance() -> None:
    scenario = sim.loads(VEGAS)
    begun = [lower(scenario, seed=1, replication=replication).states.tolist() for replication in range(2)]
    jitters = [[number for number in states if 0.0 < number < 1.0] for states in begun]
    assert [len(each) for each in jitters] == [4, 4]  # of three clients, and of the service
    assert len({*jitters[0], *jitters[1]}) == 8


def test_ratio_bucket_affords_a_fifth_of_the_requests_and_its_reserve_in_a_ttl() -> None:
    budget = Guard("budget", "ratio_bucket")
    for place in range(200):
        assert budget.asks(place * 0.01, FIRST)
    # 0.2·200 + 10/s·10 s, whatever is asked beyond.
    assert sum(budget.asks(2.0) for _ in range(1000)) == 140
    assert not budget.asks(9.5)
    # A ttl later the window is empty: the reserve alone.
    assert sum(budget.asks(15.0) for _ in range(1000)) == 100


def test_token_bucket_starts_full_and_needs_more_than_one() -> None:
    budget = Guard("budget", {"kind": "token_bucket", "size": 3, "fill": 0.5})
    assert [budget.asks() for _ in range(4)] == [True, True, False, False]  # 3, 2, then 1 is not more than 1
    assert budget.asks(case=FIRST)
    assert [budget.asks() for _ in range(2)] == [True, False]
    for _ in range(20):
        budget.ends(SERVED)
    assert not budget.asks()  # deposits come at first tries
    rich = Guard("budget", {"kind": "token_bucket", "size": 3, "fill": 1, "deposit_on": "success"})
    assert sum(rich.asks() for _ in range(9)) == 2
    rich.ends(SERVED)
    rich.ends(ERROR)
    assert [rich.asks() for _ in range(2)] == [True, False]


def test_throttle_tokens_stop_retries_at_half() -> None:
    budget = Guard("budget", "throttle_tokens")
    for _ in range(4):
        budget.ends(TIMEOUT)
    assert budget.asks()
    budget.ends(TIMEOUT)
    assert not budget.asks()
    assert budget.asks(case=FIRST)
    budget.ends(DENIED)
    budget.ends(CANCELLED)
    budget.ends(SERVED)
    assert budget.asks()  # 5.1 > 5


def test_concurrent_retries_are_a_share_of_what_is_under_way() -> None:
    budget = Guard("budget", {"kind": "concurrent", "ratio": 0.2, "floor": 1})
    for _ in range(10):
        budget.asks(case=FIRST)
    assert [budget.asks() for _ in range(4)] == [
        True,
        True,
        True,
        False,
    ]  # 0.2·10, then 0.2·11 and 0.2·12 > 2
    budget.ends(SERVED, case=REJECTED)
    assert budget.asks()
    assert not budget.asks(case=HEDGE)


def test_aws_tokens_cost_more_after_a_timeout_and_come_back() -> None:
    budget = Guard("budget", {"kind": "aws_standard", "tokens": 20})
    assert budget.asks(case=TIMEOUT)
    assert budget.asks(case=REJECTED)
    assert not budget.asks(case=TIMEOUT)
    budget.ends(SERVED, case=TIMEOUT)
    assert budget.asks(case=TIMEOUT)
    for _ in range(4):
        assert not budget.asks(case=TIMEOUT)
        budget.ends(SERVED, case=FIRST)
    assert not budget.asks(case=TIMEOUT)
    budget.ends(SERVED, case=FIRST)
    assert budget.asks(case=TIMEOUT)


def test_failure_ratio_counts_all_failures_against_first_tries() -> None:
    budget = Guard("budget", {"kind": "failure_ratio", "at_most": "10%", "window": "10s"})
    for _ in range(20):
        budget.asks(case=FIRST)
    budget.ends(ERROR)
    budget.ends(ERROR)
    assert budget.asks()
    budget.ends(TIMEOUT)
    assert not budget.asks()
    assert budget.asks(t=30.0, case=FIRST)
    assert budget.asks(t=30.0)  # all that was counted is past


def test_adaptive_throttle_denies_what_goes_beyond_k_times_the_accepts() -> None:
    throttle = Guard("throttle", "adaptive")
    for place in range(50):
        # The request in hand is counted: of the very first one of two, (1 - 0)/2, is denied.
        assert throttle.asks(u=0.5 if place == 0 else 0.0)
        throttle.ends(SERVED)
    # 50 accepts: the 101st request, counted, is one too many.
    for _ in range(50):
        assert throttle.asks(u=0.0)
    assert not throttle.asks(u=0.0)  # (101 - 100)/102
    assert throttle.asks(u=(102.0 - 100.0) / 103.0 + 1e-9)
    assert not throttle.asks(u=(103.0 - 100.0) / 104.0 - 1e-9)
    assert throttle.asks(t=400.0, u=0.5)  # all is forgotten


def test_admission_control_follows_the_success_rate() -> None:
    throttle = Guard("throttle", {"kind": "admission_control", "threshold": 0.5, "cap": 0.6})
    for outcome in (SERVED, SERVED, ERROR, ERROR, ERROR, ERROR, ERROR, ERROR):
        throttle.ends(outcome)
    p = (8.0 - 2.0 / 0.5) / 9.0
    assert not throttle.asks(u=p - 1e-9)
    assert throttle.asks(u=p)
    for _ in range(100):
        throttle.ends(ERROR)
    assert throttle.asks(u=0.6)
    assert not throttle.asks(u=0.599)
    quiet = Guard("throttle", {"kind": "admission_control", "rps_threshold": "10/s"})
    for _ in range(299):
        quiet.ends(ERROR)
    assert quiet.asks(u=0.0)
    quiet.ends(ERROR)
    assert not quiet.asks(u=0.0)


def test_a_breaker_opens_probes_and_closes() -> None:
    breaker = Guard("breaker", {"kind": "circuit", "minimum": 4, "successes": 2, "open_for": "5s"})
    for outcome in (SERVED, SERVED, TIMEOUT):
        breaker.ends(outcome)
        assert breaker.asks()
    breaker.ends(TIMEOUT)  # two of four
    assert not breaker.asks(t=4.9)
    assert breaker.asks(t=5.0)
    assert not breaker.asks(t=5.0)  # one probe at a time
    breaker.ends(SERVED, t=5.1)
    assert breaker.asks(t=5.1)
    breaker.ends(REJECTED, t=5.2)  # a failed probe
    assert not breaker.asks(t=10.1)
    for t in (10.2, 10.3):
        assert breaker.asks(t=t)
        breaker.ends(SERVED, t=t)
    assert all(breaker.asks(t=10.4) for _ in range(9))
    breaker.ends(TIMEOUT, t=10.4)  # the window has begun anew: one of one, but not four yet
    assert breaker.asks(t=10.4)


def test_a_probe_that_is_never_sent_gives_its_place_back() -> None:
    breaker = Guard("breaker", {"kind": "circuit", "minimum": 1})
    breaker.ends(TIMEOUT)
    assert breaker.asks(t=9.0)
    breaker.ends(DENIED, t=9.0)
    assert breaker.asks(t=9.0)


def limit_of(guard: Guard) -> float:
    return guard.watch.state[0]


def test_a_fixed_limit() -> None:
    limit = Guard("limit", {"kind": "concurrency_limit", "limit": 2})
    assert [limit.asks() for _ in range(3)] == [True, True, False]
    limit.ends(DENIED)
    assert [limit.asks() for _ in range(2)] == [True, False]


def test_aimd_adds_one_and_takes_a_tenth() -> None:
    limit = Guard("limit", {"kind": "aimd", "initial": 30})
    for _ in range(15):
        limit.asks()
    limit.ends(SERVED)  # 2·15 ≥ 30
    assert limit_of(limit) == 31.0
    limit.ends(SERVED)  # 2·14 < 31
    assert limit_of(limit) == 31.0
    limit.ends(REJECTED)
    assert limit_of(limit) == 27.0
    limit.ends(SERVED, lasted=5.1)
    assert limit_of(limit) == 24.0
    limit.ends(ERROR)
    for _ in range(9):
        limit.ends(TIMEOUT)
    assert limit_of(limit) == 20.0


def test_vegas_reads_the_queue_from_the_time() -> None:
    limit = Guard("limit", {"kind": "vegas"})
    for _ in range(40):
        limit.asks()
    limit.watch.state[1] = 20.0
    limit.ends(SERVED, lasted=0.1)  # the first answer is the least time
    assert limit_of(limit) == 20.0
    limit.ends(SERVED, lasted=0.101)  # ⌈20·(1 - 100/101)⌉ = 1 ≤ 1
    assert limit_of(limit) == 26.0
    limit.watch.state[1] = 26.0
    limit.ends(SERVED, lasted=0.108)  # ⌈26·(8/108)⌉ = 2 < 3
    assert limit_of(limit) == 27.0
    limit.ends(SERVED, lasted=0.12)  # ⌈27·(1/6)⌉ = 5: as it should be
    assert limit_of(limit) == 27.0
    limit.ends(SERVED, lasted=0.2)  # ⌈27·(1/2)⌉ = 14 > 6
    assert limit_of(limit) == 26.0
    limit.ends(REJECTED, lasted=0.12)
    assert limit_of(limit) == 25.0
    assert [whole_log10(value) for value in (1.0, 99.0, 100.0, 999.0, 1000.0)] == [1.0, 1.0, 2.0, 2.0, 3.0]


def test_gradient2_by_its_formula() -> None:
    limit = Guard("limit", {"kind": "gradient2", "initial": 100})
    limit.watch.state[1] = 60.0
    for _ in range(10):
        limit.watch.state[1] = 10.0
        limit.ends(SERVED, lasted=0.1)
    assert limit_of(limit) == 100.0  # too few in flight to say
    limit.watch.state[1] = 60.0
    limit.ends(SERVED, lasted=0.3)
    average = 0.1 * (1.0 - 2.0 / 601.0) + 0.3 * 2.0 / 601.0
    gradient = max(0.5, 1.5 * average / 0.3)
    assert limit_of(limit) == pytest.approx(0.8 * 100.0 + 0.2 * (gradient * 100.0 + 4.0), rel=1e-12)
    for _ in range(200):
        limit.watch.state[1] = 200.0
        limit.ends(SERVED, lasted=0.1)
    assert limit_of(limit) == 200.0


def test_codel_drops_at_the_intervals_of_the_rfc() -> None:
    guard = Guard("admission", "codel")
    dropped = []
    for step in range(4000):  # a job each millisecond, all of which have waited too long
        t = step * 1e-3
        if not guard.keeps(t, 0.05):
            dropped.append(t)
    # Above for one interval; then one more after interval/√1, √2, √3 …
    assert dropped[0] == pytest.approx(0.1, abs=2e-3)
    gaps = [after - before for before, after in itertools.pairwise(dropped)]
    for count, gap in enumerate(gaps[:20], 1):
        assert gap == pytest.approx(0.1 / math.sqrt(count), abs=2.5e-3)
    assert guard.keeps(4.0, 0.001)  # below the target: over
    assert all(guard.keeps(4.0 + step * 1e-3, 0.05) for step in range(1, 99))


def test_codel_lets_a_short_queue_be() -> None:
    guard = Guard("admission", "codel")
    assert all(guard.keeps(step * 0.01, 0.5, left=1.0) for step in range(1000))


def test_codel_folly_sheds_the_late_ones_while_the_least_wait_is_long() -> None:
    guard = Guard("admission", "codel_folly")
    assert guard.keeps(0.01, 0.02)
    assert guard.keeps(0.10, 0.02)
    assert not guard.keeps(0.12, 0.02)  # the interval is over, and its least wait was above 5 ms
    assert guard.keeps(0.13, 0.009)  # not longer than twice the target
    assert guard.keeps(0.14, 0.001)
    assert guard.keeps(0.30, 0.02)  # one short wait in the interval was enough


def test_a_rate_limit_fills_and_bursts() -> None:
    guard = Guard("admission", {"kind": "rate_limit", "rate": "10/s", "burst": 3})
    assert [guard.asks(t=0.0) for _ in range(4)] == [True, True, True, False]
    assert [guard.asks(t=0.15) for _ in range(2)] == [True, False]
    assert [guard.asks(t=0.2) for _ in range(2)] == [True, False]
    assert [guard.asks(t=60.0) for _ in range(4)] == [True, True, True, False]


def test_deadline_refuses_who_cannot_start_in_time() -> None:
    guard = Guard("admission", "deadline")
    assert guard.asks(ahead=1000.0, patience=0.1)  # nothing is known yet
    guard.ends(SERVED, lasted=0.2)
    assert guard.asks(ahead=2.0, patience=0.41)
    assert not guard.asks(ahead=2.0, patience=0.4)
    assert guard.asks(ahead=1e9, patience=math.inf)
    assert guard.keeps(0.0, 1.0, patience=0.001)
    assert not guard.keeps(0.0, 1.0, patience=0.0)


def test_priority_shed_moves_its_threshold_through_the_classes() -> None:
    guard = Guard("admission", {"kind": "priority_shed", "window": "1s", "down": 0.5, "up": 0.1})

    def window(begin: float, waited: float) -> list[int]:
        admitted = [0, 0]
        for place in range(100):
            level = place % 2
            admitted[level] += guard.asks(t=begin + place * 1e-3, case=level, u=(place // 2 + 0.5) / 50.0)
            guard.keeps(begin, waited)
        return admitted

    assert window(0.0, 0.1) == [50, 50]
    assert window(1.1, 0.1) == [50, 0]  # half of 100: the important ones
    assert window(2.2, 0.0) == [25, 0]
    assert window(3.3, 0.0) == [27, 0] or window(3.3, 0.0) == [28, 0]  # a tenth more, by what is seen


@pytest.mark.parametrize(
    ("family", "spec"),
    [
        ("budget", {"kind": "token_bucket", "size": 0}),
        ("budget", {"kind": "ratio_bucket", "ratio": 1.5}),
        ("budget", {"kind": "leaky"}),
        ("throttle", {"kind": "adaptive", "k": 0}),
        ("breaker", {"kind": "circuit", "failure_ratio": 0}),
        ("limit", "concurrency_limit"),
        ("limit", {"kind": "vegas", "min": 50}),
        ("admission", {"kind": "rate_limit"}),
        ("admission", {"kind": "codel", "target": 5}),
    ],
)
def test_what_is_refused(family: str, spec: Any) -> None:
    with pytest.raises(ValidationError):
        FAMILIES[family].validate_python(spec, context={"written": True})
