"""What the page of mechanisms tries: the bases, and every kind of every family as one would type it."""

from __future__ import annotations

from collections.abc import Mapping
from types import UnionType
from typing import Any, NamedTuple

import sim
from sim.scenario import (
    admission,
    autoscale,
    backoff,
    balance,
    budgets,
    disciplines,
    hedge,
    limits,
    sharing,
    slowdown,
    throttles,
)
from sim.scenario.loader import loads
from sim.shipped import shipped
from sim.study import mechanisms

Settings = Mapping[str, str]
"""Key path -> the value as one would type it."""


class Track(NamedTuple):
    """A panel over time: a metric of a subject, from 0 (or, on a logarithmic axis, from `low`) to `high`."""

    title: str
    subject: str
    metric: str
    high: float
    low: float = 0.0


class Tail(NamedTuple):
    """A panel that shows which share of the requests took longer than so many seconds."""

    title: str
    low: float
    high: float


class Column(NamedTuple):
    """A figure of the table: its heading, subject, metric and unit."""

    heading: str
    subject: str
    metric: str
    unit: str


class Base(NamedTuple):
    """What mechanisms are tried on: a scenario, what is drawn of it, what is tabled, and when its faults hold."""

    scenario: sim.Scenario
    panels: tuple[Track | Tail, ...]
    columns: tuple[Column, ...]
    shade: tuple[tuple[float, float], ...]


class Show(NamedTuple):
    """One picture of a kind: its settings, its word, and where it is tried if not where its family is."""

    settings: Settings
    word: str = ""
    base: str = ""


class Entry(NamedTuple):
    """One kind: its class, or `word: what it does`; its pictures; and what there is to say of them."""

    rule: type[Any] | str
    shows: tuple[Show, ...]
    note: str = ""

    @property
    def kind(self) -> str:
        """The word of the kind."""
        if isinstance(self.rule, str):
            return self.rule.partition(":")[0]
        return word_of(self.rule)


class Family(NamedTuple):
    """One choice of the language: where it is written, what it is tried on, its kinds, and all that there are."""

    title: str
    words: str
    base: str
    entries: tuple[Entry, ...]
    choices: tuple[str, ...]


def word_of(rule: type[Any]) -> str:
    """A class's word in YAML; the one without a kind has its name."""
    fields = rule.model_fields
    return str(fields["kind"].default) if "kind" in fields else str(rule.__name__).lower()


def words_of(choice: UnionType) -> tuple[str, ...]:
    """The words of every class of a union."""
    return tuple(word_of(rule) for rule in choice.__args__)


# ------------------------------------------------------------------------------------------------- the bases

CLASSES = """\
name: classes
traffic:
  vip: {arrivals: {kind: poisson, rate: 40/s}, call: api, client: app, priority: 0}
  web: {arrivals: {kind: poisson, rate: 160/s}, call: api, client: app, priority: 1}
clients:
  app: {timeout: 250ms}
services:
  api: {workers: 40, service_time: {kind: exponential, mean: 50ms}, queue: {capacity: 320}}
faults:
  - {at: 10s, for: 15s, traffic: vip, rate: x6}
  - {at: 10s, for: 15s, traffic: web, rate: x6}
run: {duration: 40s, replications: 10, seed: 7, series: 500ms}
"""

TAIL = """\
name: tail
traffic:
  web: {arrivals: {kind: poisson, rate: 200/s}, call: api, client: app}
clients:
  app: {}
services:
  api: {workers: 16, service_time: {kind: lognormal, mean: 50ms, cv: 4}}
run: {duration: 100s, replications: 5, seed: 7, series: 1s}
"""

LONG_JOBS = """\
name: long_jobs
traffic:
  web: {arrivals: {kind: poisson, rate: 20/s}, call: api}
services:
  api: {workers: 1, service_time: {kind: lognormal, mean: 40ms, cv: 4}}
run: {duration: 500s, replications: 5, seed: 7, series: 5s}
"""

INSTANCES = """\
name: instances
traffic:
  web: {arrivals: {kind: poisson, rate: 400/s}, call: api, client: app}
clients:
  app: {timeout: 1s}
services:
  api:
    instances: 5
    balance: random
    workers: 10
    service_time: {kind: exponential, mean: 50ms}
    queue: {capacity: 200}
faults:
  - {at: 10s, for: 10s, service: api, instance: 0, service_time: x8}      # one is slow,
  - {at: 30s, for: 5s, service: api, instance: 1, pause: true}            # another stands still,
  - {at: 45s, for: 5s, service: api, instance: 2, error_ratio: 100%}      # and a third fails,
  - {at: 45s, for: 5s, service: api, instance: 2, service_time: x0.1}     # and quickly
run: {duration: 60s, replications: 5, seed: 7, series: 500ms}
"""

WRITERS = """\
name: writers
traffic:
  writer: {arrivals: {kind: constant, rate: 0.5/s, batch: 40, stop: 5s}, call: store, client: app}  # 40 at once
clients:
  app:
    network: {kind: normal, mean: 10ms, cv: 0.2}
    retry: {attempts: 100, backoff: {kind: exponential, base: 5ms, cap: 2s, jitter: full}}
services:
  store: {workers: inf, service_time: 0ms}
run: {duration: 6s, replications: 5, seed: 7, series: 50ms}
"""

SCALED = """\
name: scaled
traffic:
  web: {arrivals: {kind: poisson, rate: 200/s}, call: api}
services:
  api: {workers: 20, service_time: {kind: exponential, mean: 50ms}}       # 400/s
faults:
  - {at: 20s, for: 60s, traffic: web, rate: x5}                           # a minute of 1,000/s
run: {duration: 160s, replications: 5, seed: 7, series: 1s}
"""

OTHER_BASES = {
    "classes": (
        "two classes of one service, who try once; six times the load for 15 s, half as much again as it can do",
        CLASSES,
    ),
    "tail": ("most services are short and some very long; 62 % of the workers are busy", TAIL),
    "long_jobs": ("one worker, busy 80 % of the time, and a few jobs much longer than the rest", LONG_JOBS),
    "writers": ("all of them write one thing", WRITERS),
    "scaled": ("more than twice what the service can do, for a minute", SCALED),
    "instances": ("five instances, of which one after the other has a trouble of its own", INSTANCES),
}

SUCCESS = Column("success ratio", "traffic:web", "success_ratio", "ratio")
ATTEMPTS = Column("attempts per request", "traffic:web", "amplification", "count")
MEDIAN = Column("median latency", "traffic:web", "latency_p50", "s")
P99 = Column("p99 latency", "traffic:web", "latency_p99", "s")
P999 = Column("p999 latency", "traffic:web", "latency_p999", "s")
BUSY = Column("workers busy", "service:api", "utilization", "ratio")
WASTED = Column("work wasted", "service:api", "wasted_ratio", "ratio")

IN_TIME = Track("answered in time, /s", "traffic:web", "goodput", 850.0)
WAITING = Track("waiting at the service", "service:api", "queue", 330.0)
LONGER = Tail("share that took longer", 0.001, 3.0)


def shortened(name: str) -> sim.Scenario:
    """A shipped scenario over the 40 s in which its fate is seen."""
    return sim.load(shipped()[name]).set({"run.duration": "40s", "run.replications": 10})


def bases() -> dict[str, Base]:
    """What mechanisms are tried on, by name."""
    spike = (IN_TIME, Track("attempts sent, /s", "traffic:web", "attempts", 10_000.0, 50.0), WAITING)
    usual, at_spike = (SUCCESS, ATTEMPTS, P99, WASTED), ((10.0, 11.0),)
    read = {name: loads(text, name=name) for name, (_, text) in OTHER_BASES.items()}
    return {
        "spike": Base(shortened("spike_naive_retry"), spike, usual, at_spike),
        "calm": Base(shortened("spike_full_jitter"), spike, usual, at_spike),
        "classes": Base(
            read["classes"],
            (
                Track("vip answered, /s", "traffic:vip", "goodput", 250.0),
                Track("web answered, /s", "traffic:web", "goodput", 850.0),
                WAITING,
            ),
            (
                Column("vip success ratio", "traffic:vip", "success_ratio", "ratio"),
                Column("web success ratio", "traffic:web", "success_ratio", "ratio"),
                Column("vip p99 latency", "traffic:vip", "latency_p99", "s"),
                WASTED,
            ),
            ((10.0, 25.0),),
        ),
        "tail": Base(
            read["tail"],
            (
                LONGER,
                Track("attempts sent, /s", "traffic:web", "attempts", 450.0),
                Track("busy workers", "service:api", "busy", 20.0),
            ),
            (MEDIAN, P99, P999, ATTEMPTS, BUSY),
            (),
        ),
        "long_jobs": Base(
            read["long_jobs"],
            (
                LONGER,
                Track("in service", "service:api", "busy", 40.0),
                Track("waiting at the service", "service:api", "queue", 100.0),
            ),
            (MEDIAN, P99, P999, BUSY),
            (),
        ),
        "instances": Base(
            read["instances"],
            (Track("answered in time, /s", "traffic:web", "goodput", 480.0), LONGER, WAITING),
            (SUCCESS, MEDIAN, P99, WASTED),
            ((10.0, 20.0), (30.0, 35.0), (45.0, 50.0)),
        ),
        "writers": Base(
            read["writers"],
            (
                Track("written, /s", "traffic:writer", "goodput", 800.0),
                Track("attempts sent, /s", "traffic:writer", "attempts", 1_000.0),
                Track("rejected, /s", "traffic:writer", "rejected", 1_000.0),
            ),
            (
                Column("attempts per request", "traffic:writer", "amplification", "count"),
                Column("median latency", "traffic:writer", "latency_p50", "s"),
                Column("p99 latency", "traffic:writer", "latency_p99", "s"),
                Column("of attempts rejected", "traffic:writer", "rejected_ratio", "ratio"),
            ),
            (),
        ),
        "scaled": Base(
            read["scaled"],
            (
                Track("answered, /s", "traffic:web", "goodput", 2_000.0),
                Track("workers there", "service:api", "workers", 110.0),
                Track("waiting at the service", "service:api", "queue", 40_000.0, 1.0),
            ),
            (MEDIAN, P99, BUSY, Column("mean number busy", "service:api", "busy_workers", "count")),
            ((20.0, 80.0),),
        ),
    }


# ------------------------------------------------------------------------------------------------- the families


def at(path: str, value: str, base: str = "", note: str = "") -> tuple[tuple[Show, ...], str]:
    """The one picture of a kind, and its note."""
    return (Show({path: value}, "", base),), note


def several(path: str, values: Mapping[str, str], note: str = "") -> tuple[tuple[Show, ...], str]:
    """Pictures of a kind: word -> value; and their note."""
    return tuple(Show({path: value}, word) for word, value in values.items()), note


def both_sides(value: str, note: str = "") -> tuple[tuple[Show, ...], str]:
    """A limit at the client, and at the service."""
    shows = Show({LIMIT: value}, "at the client"), Show({ADMISSION: f"[{value}]"}, "at the service")
    return shows, note


BY = mechanisms.Measure(pause=6.0, patience=0.25, window=10.0, places=60, queue=40, rate=700.0, burst=50)
"""What the settings are measured by at the usual spike: long enough a pause for it to be over."""

WAITS = mechanisms.backoffs(BY)
BUDGETED = mechanisms.budgets(BY)
THROTTLED = mechanisms.throttles(BY)
LIMITED = mechanisms.limits(BY)
ADMITTED = mechanisms.admissions(BY)
ORDERED = mechanisms.disciplines(BY)
"""Kind -> one way to write it."""

BACKOFF = "clients.app.retry.backoff"
BUDGET = "clients.app.retry.budget"
THROTTLE = "clients.app.throttle"
LIMIT = "clients.app.limit"
HEDGE = "clients.app.hedge"
ADMISSION = "services.api.admission"
QUEUE = "services.api.queue"
DISCIPLINE = "services.api.queue.discipline"
SLOWDOWN = "services.api.slowdown"
SHARING = "services.api.sharing"
BALANCE = "services.api.balance"

BACKOFFS = Family(
    "Backoffs",
    "`clients.<name>.retry.backoff`: how long a client waits before its next attempt. Retry n = 1, 2, … "
    "comes before attempt n + 1; U is uniform between 0 and 1. A bare duration is a constant.",
    "spike",
    (
        Entry(backoff.NoBackoff, *at(BACKOFF, WAITS["none"], note="The base itself.")),
        Entry(backoff.ConstantBackoff, *at(BACKOFF, WAITS["constant"])),
        Entry(backoff.LinearBackoff, *at(BACKOFF, WAITS["linear"])),
        Entry(
            backoff.ExponentialBackoff,
            *several(
                BACKOFF,
                {
                    word: WAITS[f"exponential, {word}"]
                    for word in ("no jitter", "full jitter", "equal jitter", "± 20 %")
                },
            ),
        ),
        Entry(backoff.DecorrelatedBackoff, *at(BACKOFF, WAITS["decorrelated"])),
        Entry(backoff.ScheduleBackoff, *at(BACKOFF, WAITS["schedule"])),
        Entry(backoff.RandomBackoff, *at(BACKOFF, WAITS["random"])),
        Entry(backoff.CeleryBackoff, *at(BACKOFF, WAITS["celery"])),
        Entry(
            backoff.GrpcBackoff,
            *at(BACKOFF, WAITS["grpc"], note="The same waits as exponential ± 20 %."),
        ),
        Entry(
            backoff.TenacityBackoff,
            *several(
                BACKOFF,
                {
                    word: WAITS[f"tenacity, {word}"]
                    for word in ("wait_exponential", "wait_random_exponential")
                },
                "With these numbers the same waits as exponential without jitter, and with full jitter.",
            ),
        ),
    ),
    words_of(backoff.AnyBackoff),
)

BUDGETS = Family(
    "Retry budgets",
    "`clients.<name>.retry.budget`: how many retries a client may afford. Asked once all else speaks for a "
    "retry; a no ends the request. Each of the client's `instances` has its own. Clients here retry at once, "
    "as far as the budget goes.",
    "spike",
    (
        Entry(budgets.RatioBucket, *at(BUDGET, BUDGETED["ratio_bucket"])),
        Entry(budgets.TokenBucket, *at(BUDGET, BUDGETED["token_bucket"])),
        Entry(budgets.ThrottleTokens, *at(BUDGET, BUDGETED["throttle_tokens"])),
        Entry(budgets.ConcurrentRetries, *at(BUDGET, BUDGETED["concurrent"])),
        Entry(budgets.AwsStandard, *at(BUDGET, BUDGETED["aws_standard"])),
        Entry(
            budgets.FailureRatio,
            *several(
                BUDGET,
                {word: BUDGETED[f"failure_ratio, {word}"] for word in ("since the start", "over 10 s")},
            ),
        ),
    ),
    words_of(budgets.AnyBudget),
)

THROTTLES = Family(
    "Throttles",
    "`clients.<name>.throttle`: a share of the attempts is denied before they are sent. A denied attempt is "
    "an outcome of its own, `denied`, which is not retried unless `retry.on` says so.",
    "spike",
    (
        Entry(throttles.AdaptiveThrottle, *at(THROTTLE, THROTTLED["adaptive"])),
        Entry(throttles.AdmissionControl, *at(THROTTLE, THROTTLED["admission_control"])),
    ),
    words_of(throttles.AnyThrottle),
)

BREAKER = Family(
    "Breaker",
    "`clients.<name>.breaker`: all attempts are denied while too many fail, first tries as well as retries.",
    "spike",
    (Entry(throttles.Circuit, *at("clients.app.breaker", "circuit")),),
    (word_of(throttles.Circuit),),
)

LIMITS = Family(
    "Concurrency limits",
    "`clients.<name>.limit` bounds what a client has in flight (past it: `denied`), "
    "`services.<name>.admission` what waits and is served (past it: `rejected`). A client's limit forgets an "
    "attempt that timed out, though the service may still work on it; a service's does not.",
    "spike",
    (
        Entry(limits.ConcurrencyLimit, *both_sides(LIMITED["concurrency_limit"])),
        Entry(limits.Aimd, *both_sides(LIMITED["aimd"])),
        Entry(
            limits.Vegas,
            *both_sides(
                LIMITED["vegas"],
                "Here it keeps a healthy service at half its load.",
            ),
        ),
        Entry(limits.Gradient2, *both_sides(LIMITED["gradient2"])),
    ),
    words_of(limits.AnyLimit),
)

HEDGES = Family(
    "Hedges",
    "`clients.<name>.hedge`: a second attempt beside one that takes long; the first good answer wins. A "
    "spike says nothing of it: it is tried where some services take much longer than most (*tail*). What is "
    "called off frees its worker: here that halves the work. What is not is work twice, and at this load "
    "enough to tip the service.",
    "tail",
    (
        Entry(
            hedge.FixedHedge,
            *several(
                HEDGE,
                {
                    "the other called off": "150ms",
                    "both served": "{kind: constant, delay: 150ms, cancel: false}",
                },
            ),
        ),
        Entry(hedge.QuantileHedge, *at(HEDGE, "{kind: quantile, quantile: 95%}")),
    ),
    words_of(hedge.AnyHedge),
)

ADMISSIONS = Family(
    "Admission",
    "`services.<name>.admission`: a list, asked in turn. Some say who is let in, some shed at the worker's "
    "door; either way the answer is a 503. [Concurrency limits](#concurrency-limits) may stand here too. "
    "Clients here retry at once: so a refusal comes back as the next attempt, up to five times, and what "
    "counts is that who is served is served in time.",
    "spike",
    (
        Entry(admission.Codel, *at(ADMISSION, f"[{ADMITTED['codel']}]")),
        Entry(admission.CodelFolly, *at(ADMISSION, f"[{ADMITTED['codel_folly']}]")),
        Entry(admission.RateLimit, *at(ADMISSION, f"[{ADMITTED['rate_limit']}]")),
        Entry(admission.DeadlineAdmission, *at(ADMISSION, f"[{ADMITTED['deadline']}]")),
        Entry(
            admission.PriorityShed,
            (
                Show({ADMISSION: f"[{ADMITTED['priority_shed']}]"}, "one class"),
                Show({ADMISSION: f"[{ADMITTED['priority_shed']}]"}, "two classes", "classes"),
            ),
            "It is slow to let them in again: by a hundredth a second.",
        ),
    ),
    tuple(word for word in words_of(admission.AnyAdmission) if word not in words_of(limits.AnyLimit)),
)

DISCIPLINES = Family(
    "Disciplines",
    "`services.<name>.queue.discipline`: who of those that wait is next. Nobody in service is interrupted.",
    "spike",
    (
        Entry(disciplines.Fifo, *at(DISCIPLINE, ORDERED["fifo"], note="The base itself.")),
        Entry(disciplines.Lifo, *at(DISCIPLINE, ORDERED["lifo"])),
        Entry(disciplines.Random, *at(DISCIPLINE, ORDERED["random"])),
        Entry(disciplines.Priority, *at(DISCIPLINE, ORDERED["priority"], base="classes")),
        Entry(disciplines.Shortest, *at(DISCIPLINE, ORDERED["shortest"])),
        Entry(
            disciplines.EarliestDeadline,
            *at(
                DISCIPLINE,
                ORDERED["earliest_deadline"],
                note="All clients here wait equally long: so it is fifo.",
            ),
        ),
        Entry(disciplines.AdaptiveLifo, *at(DISCIPLINE, ORDERED["adaptive_lifo"])),
    ),
    words_of(disciplines.AnyDiscipline),
)

OVERFLOW = Family(
    "Overflow",
    "`services.<name>.queue`: what becomes of those for whom there is no place, or who have waited long "
    "enough.",
    "spike",
    (
        Entry(
            "reject: an arrival that finds every place taken is refused. The longest queue that is of any "
            "use is deadline × service rate; this one of 320 is longer, one of 40 is not.",
            *several(QUEUE, {"the base": "{capacity: 320}", "a shorter one": "{capacity: 40}"}),
        ),
        Entry(
            "drop_oldest: the arrival takes a place, and whoever has waited longest is refused.",
            *at(QUEUE, "{capacity: 320, overflow: drop_oldest}"),
        ),
        Entry(
            "block: the producer stands at the door until there is a place, in the order of coming; his "
            "timer runs on. Nobody is refused, and the door is an unbounded queue before the bounded one.",
            *at(QUEUE, "{capacity: 320, overflow: block}"),
        ),
        Entry(
            "max_wait: a wait that reaches it ends in a refusal; any distribution, drawn on joining.",
            *at(QUEUE, "{capacity: 320, max_wait: 150ms}"),
        ),
    ),
    ("reject", "drop_oldest", "block", "max_wait"),
)

SLOWDOWNS = Family(
    "Slowdowns",
    "`services.<name>.slowdown`: why a service takes longer the more there is to do. It does harm, so it is "
    "tried on clients that back off with full jitter and recover "
    "([spike_full_jitter](../configs/spike_full_jitter.yaml)).",
    "calm",
    (
        Entry(slowdown.Spill, *at(SLOWDOWN, "{kind: spill, memory: 200, factor: 3}")),
        Entry(slowdown.Contention, *at(SLOWDOWN, "{kind: contention, sigma: 0.02, kappa: 0.0005}")),
        Entry(slowdown.Concurrency, *at(SLOWDOWN, "{kind: concurrency, per_job: 1ms}")),
    ),
    words_of(slowdown.AnySlowdown),
)

SHARINGS = Family(
    "Sharing",
    "`services.<name>.sharing`: whether a worker serves one job at a time, or all jobs share the workers. A "
    "spike says little of it: it is tried on one worker where a few jobs are much longer than the rest "
    "(*long_jobs*).",
    "long_jobs",
    (
        Entry(sharing.OneEach, *at(SHARING, "one", note="The base itself.")),
        Entry(
            sharing.ProcessorSharing,
            *several(
                SHARING,
                {"all at once": "processor_sharing", "3 at once": "{kind: processor_sharing, limit: 3}"},
            ),
        ),
    ),
    (word_of(sharing.OneEach), word_of(sharing.ProcessorSharing)),
)

CONFLICT = Family(
    "Conflict",
    "`services.<name>.conflict`: writes that exclude each other. A spike of load says nothing of it, a crowd "
    "that writes one thing does (*writers*): forty at once, every two seconds.",
    "writers",
    (
        Entry(
            "optimistic: an attempt reads, then writes; its write is rejected if another one committed "
            "between (optimistic concurrency control: Kung and Robinson, 1981). Each of the four ways is a "
            "delay of the network of its own. Of those that have read the same version one wins, and the "
            "others come again.",
            *at("services.store.conflict", "optimistic"),
        ),
    ),
    ("optimistic",),
)

AUTOSCALING = Family(
    "Autoscaling",
    "`services.<name>.autoscale`: workers that follow a measurement, late. The spike is over before it "
    "looks, so it is tried on a minute of five times the load (*scaled*); without it the 20 workers stay. "
    "`utilization` does not see how much waits, and climbs by steps; `queue_length` and `lag` see it and "
    "jump, but once nothing waits they see no need of the workers that keep it so, and send them away.",
    "scaled",
    (
        Entry(
            autoscale.Autoscale,
            *several(
                "services.api.autoscale",
                {
                    metric: f"{{metric: {metric}, target: {target}, min: 20, max: 100, period: 5s, startup: 5s, "
                    "cooldown_down: 30s}"
                    for metric, target in (("utilization", "80%"), ("queue_length", "1"), ("lag", "500ms"))
                },
            ),
        ),
    ),
    (word_of(autoscale.Autoscale),),
)

BALANCES = Family(
    "Load balancing",
    "`services.<name>.balance`: which of the service's `instances` an attempt is sent to. A spike befalls "
    "all alike; it is tried on five instances of which one is slow, then one stands still, then one fails, "
    "and quickly (*instances*), and compared with `random`. Who looks at loads avoids the first two and runs "
    "into the third: whoever fails at once has little to do.",
    "instances",
    (
        Entry(balance.RandomBalance, *at(BALANCE, "random", note="The base itself.")),
        Entry(balance.RoundRobin, *at(BALANCE, "round_robin")),
        Entry(balance.LeastLoaded, *at(BALANCE, "least_loaded")),
        Entry(balance.PowerOfTwo, *at(BALANCE, "power_of_two")),
        Entry(balance.LeastOutstanding, *at(BALANCE, "least_outstanding")),
    ),
    words_of(balance.AnyBalance),
)

FAMILIES = (
    BACKOFFS,
    BUDGETS,
    THROTTLES,
    BREAKER,
    LIMITS,
    HEDGES,
    ADMISSIONS,
    DISCIPLINES,
    OVERFLOW,
    SLOWDOWNS,
    SHARINGS,
    CONFLICT,
    AUTOSCALING,
    BALANCES,
)
"""The order of the page: the client's side, then the service's."""
