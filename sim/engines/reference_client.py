"""The reference engine's clients: requests, their attempts and backoffs, as one process each."""

from __future__ import annotations

import itertools
import math
from collections.abc import Generator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import simpy

from sim import draws
from sim.engines import observations as see
from sim.engines.clock import ARRIVAL, DELIVERY, TIMEOUT, Hedging, Law, Steps, Watch, all_admit, watched
from sim.errors import EngineError
from sim.scenario import outcomes
from sim.scenario.arrivals import Closed
from sim.scenario.faults import client_timeline, traffic_timeline
from sim.scenario.quantities import or_infinite
from sim.scenario.trace import Trace

if TYPE_CHECKING:
    from sim.engines.reference import Reference
    from sim.engines.reference_service import Service

RETRY, LATE_SUCCESS = "retry", "late success"
MOST_ATTEMPTS: Final = 1 << 20


@dataclass(eq=False)
class Request:
    """One unit of a client's intent."""

    source: Source
    number: int
    born: float
    size: float
    news: simpy.Event
    open: bool = True
    attempts: int = 0
    hedges: int = 0
    in_flight: list[Attempt] = field(default_factory=list)
    case: int = outcomes.FIRST
    orbiting_since: float | None = None


@dataclass(eq=False)
class Attempt:
    """One try of a request: what its client and its service each know of it."""

    request: Request
    number: int
    service: Service
    case: int
    sent: float
    expiry: float
    awaited: bool = True
    state: str = "outbound"
    reply: int = see.OPEN
    arrived: float = math.nan
    started: float = math.nan
    given: float = 0.0
    work: float | None = None
    rank: tuple[float, int] = (0.0, 0)
    admitted: bool = False
    reading: bool = False
    version: int = 0
    finish: float = math.nan
    row: list[float] = field(default_factory=list)

    @property
    def name(self) -> tuple[int, int, int]:
        """What orders the events about it."""
        return self.request.source.place, self.request.number, self.number


class Source:
    """A traffic class: its arrivals, its clients' habits, its draws."""

    def __init__(self, run: Reference, place: int, name: str) -> None:
        scenario = run.scenario
        self.run, self.clock, self.record, self.place = run, run.clock, run.record, place
        self.traffic, self.client = scenario.traffic[name], scenario.client_of(name)
        self.services = run.services[self.traffic.call]
        self.service_time = Law(scenario.service_time_of(name))
        self.network = None if self.client.network is None else Law(self.client.network)
        self.rates = traffic_timeline(scenario, name)
        client_name = scenario.client_name(name)
        self.pieces = client_timeline(scenario, client_name) if client_name else ()
        named, self.mirror = scenario.run.drawn_as(run.replication)
        self.keys = draws.streams(run.seed, named, name)
        self.awaited: set[Attempt] = set()
        self.backoff_row: list[float] = []
        self.backoff_at = self.client.retry.backoff.lower(self.backoff_row)
        self.level = float(scenario.level_of(name))
        self.guards = [
            watched(self.client.guards, self.keys["beginning"], instance, self.mirror)
            for instance in range(self.client.instances)
        ]
        self.hedges = [Hedging(self.client.hedge) for _ in range(self.client.instances)]
        self.outstanding = [0.0] * len(self.services)

    def uniform(self, purpose: str, request: int, attempt: int) -> float:
        """The uniform of this name."""
        return draws.uniform(self.keys[purpose], request, attempt, self.mirror)

    # ------------------------------------------------------------------------------------------------- births

    def begin(self) -> None:
        """Starts the producer, or the users."""
        arrivals = self.traffic.arrivals
        if isinstance(arrivals, Closed):
            think = Law(arrivals.think)
            for user in range(arrivals.users):
                self.clock.process(self.user(user, arrivals.users, think))
        else:
            self.clock.process(self.producer())

    def producer(self) -> Steps:
        """Open arrivals: epoch after epoch, each of one request or a batch."""
        arrivals = self.traffic.arrivals
        batch = None if arrivals.batch is None else Law(arrivals.batch)
        sizes = arrivals.sizes() if isinstance(arrivals, Trace) else None
        epochs = self.epochs()
        number = 0
        for epoch, time in enumerate(epochs):
            if time > self.run.last_arrival(arrivals.stop):
                return
            many = 1 if batch is None else int(batch.at_uniform(self.uniform("batch", epoch, 1)))
            for _ in range(many):
                yield self.clock.until(time, ARRIVAL, self.place, number)
                self.clock.process(self.request(number, 1.0 if sizes is None else sizes[epoch]))
                number += 1

    def epochs(self) -> Generator[float, None, None]:
        """The times of the arrival epochs, through every change of the rate."""
        arrivals = self.traffic.arrivals
        row: list[float] = []
        at, state = arrivals.lower(row), [0.0] * max(1, arrivals.STATE)
        ends = [*(piece.at for piece in self.rates[1:]), math.inf]
        time, piece = arrivals.start, 0
        for epoch in itertools.count():
            u, fresh = self.uniform("gap", epoch, 1), True
            gap = arrivals.draw(row, at, u)
            while True:
                while ends[piece] <= time:
                    piece += 1
                until = ends[piece]
                speed = self.rates[piece].speed
                x = arrivals.rule(row, at, state, 0, epoch, u, gap, time, speed, until, fresh)
                if x <= until:
                    break
                time, fresh = until, False
            time = x
            yield time

    def user(self, user: int, users: int, think: Law) -> Steps:
        """One user of a closed source: thinks, has a request, waits for its end, thinks again."""
        since = self.traffic.arrivals.start
        for number in itertools.count(user, users):
            time = since + think.at_uniform(self.uniform("think", number, 1))
            if time > self.run.last_arrival(self.traffic.arrivals.stop):
                return
            yield self.clock.until(time, ARRIVAL, self.place, number)
            yield self.clock.process(self.request(number, 1.0))
            since = self.clock.now

    # ------------------------------------------------------------------------------------------------- client

    def request(self, number: int, size: float) -> Steps:
        """The client's life of one request: attempts and backoffs until success or giving up."""
        clock, retry = self.clock, self.client.retry
        request = Request(self, number, clock.now, size, clock.event())
        self.run.open_requests[request] = None
        self.record.count(self.place, see.BORN)
        self.record.change(self.place, see.CLIENT, 1.0, clock.now)
        previous = 0.0
        while True:
            request.news = clock.event()
            if self.send(request, request.case) is None:
                outcome, last = see.DENIED, request.attempts
            else:
                outcome, last = yield request.news
            if outcome in (see.SERVED, LATE_SUCCESS):
                return self.finish(request, True)
            tries = request.attempts - request.hedges
            may_retry = next(
                (piece.retries for piece in reversed(self.pieces) if piece.at <= clock.now), True
            )
            goes_on = may_retry and see.OUTCOMES[outcome] in retry.on and tries < retry.attempts
            if goes_on and retry.probability < 1.0:
                goes_on = self.uniform("persistence", number, last) < retry.probability
            if not goes_on:
                return self.finish(request, False)
            u = self.uniform("backoff", number, last)
            delay = retry.backoff.rule(self.backoff_row, self.backoff_at, float(tries), previous, u)
            previous = delay
            if outcome == see.REJECTED and retry.retry_after:
                delay = max(delay, self.services[0].settings.retry_after or 0.0)
            if clock.now + delay >= request.born + or_infinite(self.client.deadline):
                return self.finish(request, False)
            if not self.affords(request, outcome):
                return self.finish(request, False)
            if request.attempts + 1 >= MOST_ATTEMPTS:
                raise EngineError(
                    f"a request made {MOST_ATTEMPTS:,} attempts; give the retries a backoff above zero"
                )
            request.case = outcome
            request.orbiting_since = clock.now
            self.record.count(self.place, see.BACKOFFS)
            self.record.change(self.place, see.ORBIT, 1.0, clock.now)
            news = request.news = clock.event()
            clock.call(
                lambda news=news: news.triggered or news.succeed((RETRY, 0)),  # type: ignore[misc]  # a default binds it now
                clock.now + delay,
                DELIVERY,
                self.place,
                number,
                request.attempts + 1,
            )
            outcome, _ = yield news
            self.leave_orbit(request)
            if outcome == LATE_SUCCESS:
                if retry.budget is not None:  # the retry that it had been granted is never sent
                    self.watching(request)[0].ends(clock.now, see.DENIED, float(request.case), 0.0, 0.0)
                return self.finish(request, True)

    def watching(self, request: Request) -> list[Watch]:
        """The guards of the client instance that has this request: the budget first, if there is one."""
        return self.guards[request.number % self.client.instances]

    def affords(self, request: Request, case: int) -> bool:
        """Whether the retry budget, if there is one, affords one more."""
        if self.client.retry.budget is None:
            return True
        if self.watching(request)[0].admits(self.clock.now, 0.5, float(case), 0.0, math.inf):
            return True
        self.record.count(self.place, see.OVER_BUDGET)
        return False

    def passes(self, request: Request, number: int, case: int) -> bool:
        """Whether the client's guards let an attempt go. Of a retry the budget was asked when it was decided on."""
        if case in (outcomes.FIRST, outcomes.HEDGE) and not self.affords(request, case):
            return False
        budget, others = [], self.watching(request)
        if self.client.retry.budget is not None:
            budget, others = others[:1], others[1:]
        now, u = self.clock.now, self.uniform("throttle", request.number, number)
        if all_admit(others, now, u, float(case), 0.0, math.inf):
            return True
        for watch in budget:
            watch.ends(now, see.DENIED, float(case), 0.0, 0.0)
        return False

    def send(self, request: Request, case: int, beside: Attempt | None = None) -> Attempt | None:
        """Sends the next attempt, alone or as a hedge beside another, and sets the timer; None if it is denied."""
        clock, now = self.clock, self.clock.now
        number = request.attempts + 1
        if not self.passes(request, number, case):
            if beside is None:
                request.attempts = number
                self.deny(request, number)
            return None
        request.attempts = number
        expiry = min(now + or_infinite(self.client.timeout), request.born + or_infinite(self.client.deadline))
        service = self.services[self.chosen_instance(request.number, number)]
        attempt = Attempt(request, number, service, case, now, expiry)
        attempt.reading = service.settings.conflict == "optimistic"
        if beside is None:
            request.in_flight = [attempt]
        else:
            request.hedges += 1
            request.in_flight.insert(request.in_flight.index(beside) + 1, attempt)
        self.awaited.add(attempt)
        attempt.row = self.begin_row(attempt.name)
        if attempt.row:
            attempt.row[3] = now
        self.record.count(self.place, see.SENT)
        if self.record.in_window(request.born):
            self.record.cohort[self.place][see.COHORT_SENT] += 1.0
        if expiry < math.inf:
            clock.call(lambda: self.expire(attempt), expiry, TIMEOUT, *attempt.name)
        self.plan_hedge(attempt)
        lost = next((piece.lost for piece in reversed(self.pieces) if piece.at <= now), 0.0)
        if lost > 0.0 and self.uniform("loss", request.number, attempt.number) < lost:
            attempt.reply = see.LOST
        delay = self.network_delay("outward", attempt)
        if delay > 0.0:
            clock.call(lambda: service.reach(attempt), now + delay, DELIVERY, *attempt.name)
        else:
            service.reach(attempt)
        return attempt

    def begin_row(self, name: tuple[int, int, int]) -> list[float]:
        """A new row of the log, of which nothing has happened yet; an empty one if there is no log."""
        if self.record.log is None:
            return []
        row = [*name, *[math.nan] * 5, see.OPEN]
        self.record.log.append(row)
        return row

    def deny(self, request: Request, number: int) -> None:
        """The client's own side forbids an attempt: it is never sent."""
        row = self.begin_row((self.place, request.number, number))
        if row:
            row[7], row[8] = self.clock.now, see.DENIED
        self.record.count(self.place, see.DENIED)
        if self.record.in_window(request.born):
            self.record.cohort[self.place][see.COHORT_OUTCOME + see.DENIED] += 1.0

    def chosen_instance(self, request: int, attempt: int) -> int:
        """The number of the instance that an attempt is sent to."""
        many = len(self.services)
        if many == 1:
            return 0
        first = self.services[0]
        balance = first.settings.balance
        turn = first.turn
        first.turn += 1
        loads = self.outstanding
        if balance.loads == "server":
            loads = [float(len(service.line) + len(service.serving)) for service in self.services]
        chosen = balance.rule(loads, 0, many, turn, self.uniform("balance", request, attempt))
        self.outstanding[chosen] += 1.0
        return chosen

    def plan_hedge(self, attempt: Attempt) -> None:
        """Plans another attempt beside this one, for when this one takes long."""
        request, hedge = attempt.request, self.client.hedge
        if hedge is None or len(request.in_flight) >= hedge.attempts:
            return
        delay = self.hedges[request.number % self.client.instances].delay()

        def send_hedge() -> None:
            if (
                attempt.awaited
                and request.open
                and request.attempts == attempt.number
                and len(request.in_flight) < hedge.attempts
            ):
                self.send(request, outcomes.HEDGE, attempt)

        if delay < math.inf:
            place, number, latest = attempt.name
            self.clock.call(send_hedge, self.clock.now + delay, DELIVERY, place, number, latest + 1)

    def network_delay(self, way: str, attempt: Attempt) -> float:
        """Seconds on the way there or back."""
        if self.network is None:
            return 0.0
        return self.network.at_uniform(self.uniform(way, attempt.request.number, attempt.number))

    def deliver(self, attempt: Attempt) -> None:
        """An answer reaches the client, who may no longer wait for it."""
        request = attempt.request
        attempt.state = "gone"
        if attempt.reading and attempt.reply == see.OPEN:
            self.write(attempt)
            return
        served = attempt.reply == see.SERVED
        welcome = request.open and (attempt.awaited or (served and self.client.late_reply == "accept"))
        if (served or attempt.reply == see.ERROR) and not welcome:
            self.record.count(attempt.service.place, see.WASTED, attempt.given)
        if attempt.awaited:
            self.conclude(attempt, attempt.reply)
        elif welcome:
            request.news.succeed((LATE_SUCCESS, 0))

    def write(self, attempt: Attempt) -> None:
        """Optimistic concurrency: the client has read, and sends what it would write."""
        attempt.reading = False
        if not attempt.awaited:
            return
        attempt.state = "outbound"
        delay = self.network_delay("outward_again", attempt)
        if delay > 0.0:
            self.clock.call(
                lambda: attempt.service.reach(attempt), self.clock.now + delay, DELIVERY, *attempt.name
            )
        else:
            attempt.service.reach(attempt)

    def expire(self, attempt: Attempt) -> None:
        """The timer runs out: the client waits no longer, and may cancel what it sent."""
        if not attempt.awaited:
            return
        self.conclude(attempt, see.TIMEOUT)
        if self.client.cancel != "never":
            attempt.service.cancel(attempt, self.client.cancel == "anywhere", see.TIMEOUT)

    def conclude(self, attempt: Attempt, outcome: int) -> None:
        """The client knows how an attempt ended; another one may still be in flight for the request."""
        self.is_told(attempt, outcome)
        request = attempt.request
        if not request.open:
            return
        place = request.in_flight.index(attempt)
        others = request.in_flight[place + 1 :] + request.in_flight[:place]
        request.in_flight.remove(attempt)
        if outcome == see.SERVED and others and self.client.hedge is not None and self.client.hedge.cancel:
            for other in others:
                self.is_told(other, see.CANCELLED)
                other.service.cancel(other, True, see.CANCELLED)
        if outcome == see.SERVED or not others:
            request.news.succeed((outcome, attempt.number))

    def is_told(self, attempt: Attempt, outcome: int) -> None:
        """The client knows how an attempt ended, and counts it."""
        attempt.awaited = False
        self.awaited.remove(attempt)
        if attempt.row:
            attempt.row[7], attempt.row[8] = self.clock.now, outcome
        self.record.count(self.place, outcome)
        if self.record.in_window(attempt.request.born):
            self.record.cohort[self.place][see.COHORT_OUTCOME + outcome] += 1.0
        now, lasted = self.clock.now, self.clock.now - attempt.sent
        for watch in self.watching(attempt.request):
            watch.ends(now, outcome, float(attempt.case), lasted, 0.0)
        if outcome == see.SERVED:
            self.hedges[attempt.request.number % self.client.instances].learn(lasted)
        self.outstanding[self.services.index(attempt.service)] -= 1.0

    def leave_orbit(self, request: Request) -> None:
        """A backoff ends."""
        assert request.orbiting_since is not None
        self.record.change(self.place, see.ORBIT, -1.0, self.clock.now)
        self.record.stayed(self.place, see.ORBIT, request.orbiting_since, self.clock.now)
        request.orbiting_since = None

    def finish(self, request: Request, success: bool) -> None:
        """The request ends."""
        now = self.clock.now
        request.open = False
        del self.run.open_requests[request]
        self.record.count(self.place, see.SUCCESS if success else see.GAVE_UP)
        self.record.change(self.place, see.CLIENT, -1.0, now)
        self.record.stayed(self.place, see.CLIENT, request.born, now)
        if self.record.in_window(request.born):
            self.record.cohort[self.place][see.COHORT_SUCCESS if success else see.COHORT_GAVE_UP] += 1.0
            if success:
                self.record.observe(self.place, see.LATENCY, now - request.born)
