"""The reference engine: the rules of a scenario as SimPy processes, written to be read as their specification.

A *producer* (or a *user*, in a closed source) gives birth to requests; a *client* process carries one request through
its attempts and backoffs; a *worker* process serves one attempt. Events of one instant happen in the order of their
keys: completion, timeout, end of patience, fault, delivery, arrival; then by traffic class, request and attempt. What
follows at once from an event happens before the next one, as SimPy drains its own cascade first.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from heapq import heappush
from typing import Any, Final

import simpy

from sim import draws
from sim.engines import observations as see
from sim.engines.recorder import Recorder
from sim.errors import EngineError
from sim.scenario.arrivals import Closed
from sim.scenario.distribution_rule import DistributionRule
from sim.scenario.distributions import quantile
from sim.scenario.faults import loss_timeline, pauses, service_timeline, traffic_timeline
from sim.scenario.quantities import or_infinite
from sim.scenario.scenario import Scenario
from sim.scenario.trace import Trace

COMPLETION, TIMEOUT, PATIENCE, TICK, DELIVERY, ARRIVAL = range(6)
RETRY, LATE_SUCCESS = "retry", "late success"
MOST_ATTEMPTS: Final = 1 << 20
MOST_AT_ONE_INSTANT: Final = 20_000_000

Steps = Generator[simpy.Event, Any, None]


class Clock(simpy.Environment):
    """SimPy's environment, with events at an absolute time and in the order of a key."""

    def until(self, time: float, kind: int, *name: int) -> simpy.Event:
        """An event at `time`; of one instant, the smallest (kind, *name) comes first, after SimPy's own cascade."""
        event = simpy.Event(self)
        event._ok, event._value = True, None
        key = kind
        for part in (*name, 0, 0, 0)[:3]:
            key = (key << 64) | part
        # SimPy's own priorities are 0 and 1. `schedule` takes a delay, and now + delay would round.
        queue: list[Any] = self._queue
        heappush(queue, (time, 2 + key, next(self._eid), event))
        return event

    def call(self, action: Callable[[], None], time: float, kind: int, *name: int) -> None:
        """Does something at `time`."""
        event = self.until(time, kind, *name)
        assert event.callbacks is not None
        event.callbacks.append(lambda _: action())


class Law:
    """A distribution ready to be drawn from."""

    def __init__(self, distribution: DistributionRule) -> None:
        self.p: list[float] = []
        self.at = distribution.lower(self.p)

    def at_uniform(self, u: float) -> float:
        """The quantile at `u`."""
        return quantile(self.p, self.at, u)


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
    orbiting_since: float | None = None


@dataclass(eq=False)
class Attempt:
    """One try of a request: what its client and its service each know of it."""

    request: Request
    number: int
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
    worker: simpy.Process | None = None
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
        self.service = run.services[self.traffic.call]
        self.service_time = Law(scenario.service_time_of(name))
        self.network = None if self.client.network is None else Law(self.client.network)
        self.rates = traffic_timeline(scenario, name)
        client_name = scenario.client_name(name)
        self.losses = loss_timeline(scenario, client_name) if client_name else ()
        self.keys = {
            purpose: draws.stream(run.seed, run.replication, purpose, name) for purpose in draws.PURPOSES
        }
        self.awaited: set[Attempt] = set()
        self.backoff_row: list[float] = []
        self.backoff_at = self.client.retry.backoff.lower(self.backoff_row)

    def uniform(self, purpose: str, request: int, attempt: int) -> float:
        """The uniform of this name."""
        return draws.uniform(self.keys[purpose], request, attempt)

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
            attempt = self.send(request)
            outcome = yield request.news
            if outcome in (see.SERVED, LATE_SUCCESS):
                return self.finish(request, True)
            goes_on = see.OUTCOMES[outcome] in retry.on and attempt.number < retry.attempts
            if goes_on and retry.probability < 1.0:
                goes_on = self.uniform("persistence", number, attempt.number) < retry.probability
            if not goes_on:
                return self.finish(request, False)
            u = self.uniform("backoff", number, attempt.number)
            delay = retry.backoff.rule(self.backoff_row, self.backoff_at, float(attempt.number), previous, u)
            previous = delay
            if outcome == see.REJECTED and retry.retry_after:
                delay = max(delay, self.service.settings.retry_after or 0.0)
            if clock.now + delay >= request.born + or_infinite(self.client.deadline):
                return self.finish(request, False)
            if attempt.number + 1 >= MOST_ATTEMPTS:
                raise EngineError(
                    f"a request made {MOST_ATTEMPTS:,} attempts; give the retries a backoff above zero"
                )
            request.orbiting_since = clock.now
            self.record.count(self.place, see.BACKOFFS)
            self.record.change(self.place, see.ORBIT, 1.0, clock.now)
            news = request.news = clock.event()
            clock.call(
                lambda news=news: news.triggered or news.succeed(RETRY),  # type: ignore[misc]  # a default binds it now
                clock.now + delay,
                DELIVERY,
                self.place,
                number,
                attempt.number + 1,
            )
            outcome = yield news
            self.leave_orbit(request)
            if outcome == LATE_SUCCESS:
                return self.finish(request, True)

    def send(self, request: Request) -> Attempt:
        """Sends the next attempt and sets the timer."""
        clock, now = self.clock, self.clock.now
        request.attempts += 1
        request.news = clock.event()
        born_limit = request.born + or_infinite(self.client.deadline)
        expiry = min(now + or_infinite(self.client.timeout), born_limit)
        attempt = Attempt(request, request.attempts, now, expiry)
        self.awaited.add(attempt)
        if self.record.log is not None:
            nan = math.nan
            attempt.row = [self.place, request.number, attempt.number, now, nan, nan, nan, nan, see.OPEN]
            self.record.log.append(attempt.row)
        self.record.count(self.place, see.SENT)
        if self.record.in_window(request.born):
            self.record.cohort[self.place][see.COHORT_SENT] += 1.0
        if expiry < math.inf:
            clock.call(lambda: self.expire(attempt), expiry, TIMEOUT, *attempt.name)
        lost = next((piece.lost for piece in reversed(self.losses) if piece.at <= now), 0.0)
        if lost > 0.0 and self.uniform("loss", request.number, attempt.number) < lost:
            attempt.reply = see.LOST
        delay = self.network_delay("outward", attempt)
        if delay > 0.0:
            clock.call(lambda: self.service.reach(attempt), now + delay, DELIVERY, *attempt.name)
        else:
            self.service.reach(attempt)
        return attempt

    def network_delay(self, way: str, attempt: Attempt) -> float:
        """Seconds on the way there or back."""
        if self.network is None:
            return 0.0
        return self.network.at_uniform(self.uniform(way, attempt.request.number, attempt.number))

    def deliver(self, attempt: Attempt) -> None:
        """An answer reaches the client, who may no longer wait for it."""
        request = attempt.request
        attempt.state = "gone"
        served = attempt.reply == see.SERVED
        welcome = request.open and (attempt.awaited or (served and self.client.late_reply == "accept"))
        if (served or attempt.reply == see.ERROR) and not welcome:
            self.record.count(self.service.place, see.WASTED, attempt.given)
        if attempt.awaited:
            self.conclude(attempt, attempt.reply)
        elif welcome:
            request.news.succeed(LATE_SUCCESS)

    def expire(self, attempt: Attempt) -> None:
        """The timer runs out: the client waits no longer, and may cancel what it sent."""
        if not attempt.awaited:
            return
        self.conclude(attempt, see.TIMEOUT)
        if self.client.cancel != "never":
            self.service.cancel(attempt, stop_service=self.client.cancel == "anywhere")

    def conclude(self, attempt: Attempt, outcome: int) -> None:
        """The client knows how an attempt ended."""
        attempt.awaited = False
        self.awaited.remove(attempt)
        if attempt.row:
            attempt.row[7], attempt.row[8] = self.clock.now, outcome
        self.record.count(self.place, outcome)
        if self.record.in_window(attempt.request.born):
            self.record.cohort[self.place][see.COHORT_OUTCOME + outcome] += 1.0
        if attempt.request.open:
            attempt.request.news.succeed(outcome)

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


class Service:
    """A pool of workers and the line before it."""

    def __init__(self, run: Reference, place: int, name: str) -> None:
        self.clock, self.record, self.place = run.clock, run.record, place
        self.settings = run.scenario.services[name]
        self.pieces = service_timeline(run.scenario, name)
        self.pauses = pauses(run.scenario, name)
        self.now_like = self.pieces[0]
        self.patience = None if self.settings.queue.max_wait is None else Law(self.settings.queue.max_wait)
        self.line: list[Attempt] = []
        self.serving: list[Attempt] = []
        self.joined = 0
        self.record.level[place][see.WORKERS] = _finite(self.now_like.workers)
        for number, piece in enumerate(self.pieces[1:], 1):
            self.clock.call(lambda number=number: self.tick(number), piece.at, TICK, place)  # type: ignore[misc]  # binds it now

    def tick(self, number: int) -> None:
        """A fault begins or ends."""
        piece = self.pieces[number]
        self.record.change(
            self.place, see.WORKERS, _finite(piece.workers) - _finite(self.now_like.workers), piece.at
        )
        self.now_like = piece
        self.take()

    @property
    def has_idle_worker(self) -> bool:
        """Whether one more attempt could be served at once."""
        return not self.now_like.paused and len(self.serving) < self.now_like.workers

    def reach(self, attempt: Attempt) -> None:
        """An attempt comes: to an idle worker, else a waiting place, else it overflows."""
        if attempt.state != "outbound":  # cancelled on the way
            return
        if attempt.reply == see.LOST:  # the connection broke on the way: the client learns it now
            attempt.request.source.deliver(attempt)
            return
        attempt.arrived = self.clock.now
        if attempt.row:
            attempt.row[4] = self.clock.now
        self.record.count(self.place, see.ARRIVED)
        if self.has_idle_worker:
            self.record.count(self.place, see.ENTERED)
            self.start(attempt)
        elif len(self.line) < self.settings.queue.capacity:
            self.join(attempt)
        elif self.settings.queue.overflow == "drop_oldest" and self.line:
            oldest = self.line[0]
            self.quit(oldest)
            self.refuse(oldest)
            self.join(attempt)
        else:
            self.refuse(attempt)

    def join(self, attempt: Attempt) -> None:
        """An attempt joins the line; its rank is set once, then."""
        request, source = attempt.request, attempt.request.source
        attempt.state = "waiting"
        discipline = self.settings.queue.discipline
        if discipline.order == "rank":
            attempt.work = self.work_of(attempt)
            u = source.uniform("rank", request.number, attempt.number)
            rank = discipline.rule(float(source.traffic.priority), attempt.work, attempt.expiry, u)
            attempt.rank = (rank, self.joined)
        else:
            attempt.rank = (0.0, self.joined if discipline.order == "oldest" else -self.joined)
        self.joined += 1
        self.record.count(self.place, see.ENTERED)
        self.record.change(self.place, see.QUEUE, 1.0, self.clock.now)
        self.line.append(attempt)
        if self.patience is not None:
            wait = self.patience.at_uniform(source.uniform("patience", request.number, attempt.number))
            self.clock.call(
                lambda: self.lose_patience(attempt), self.clock.now + wait, PATIENCE, *attempt.name
            )

    def lose_patience(self, attempt: Attempt) -> None:
        """The longest wait is over: refused, unless served or gone."""
        if attempt.state == "waiting":
            self.quit(attempt)
            self.refuse(attempt)

    def quit(self, attempt: Attempt) -> None:
        """An attempt leaves the line without service."""
        now = self.clock.now
        self.line.remove(attempt)
        self.record.change(self.place, see.QUEUE, -1.0, now)
        self.record.stayed(self.place, see.IN_QUEUE, attempt.arrived, now)
        self.record.stayed(self.place, see.IN_SERVICE, attempt.arrived, now)
        attempt.state = "gone"

    def take(self) -> None:
        """Idle workers take who is next, as long as there are both."""
        while self.line and self.has_idle_worker:
            attempt = min(self.line, key=lambda waiting: waiting.rank)
            self.line.remove(attempt)
            self.record.change(self.place, see.QUEUE, -1.0, self.clock.now)
            self.start(attempt)

    def work_of(self, attempt: Attempt) -> float:
        """The seconds of work that an attempt brings, before what slows the service."""
        source, request = attempt.request.source, attempt.request
        return request.size * source.service_time.at_uniform(
            source.uniform("service", request.number, attempt.number)
        )

    def start(self, attempt: Attempt) -> None:
        """A worker takes an attempt."""
        now = self.clock.now
        attempt.state, attempt.started = "serving", now
        if attempt.row:
            attempt.row[5] = now
        self.serving.append(attempt)
        self.record.count(self.place, see.STARTED)
        self.record.change(self.place, see.BUSY, 1.0, now)
        self.record.stayed(self.place, see.IN_QUEUE, attempt.arrived, now)
        work = self.work_of(attempt) if attempt.work is None else attempt.work
        end = now + work * self.now_like.time_factor
        for pause_start, pause_end in self.pauses:
            if now < pause_end and pause_start < end:  # frozen: what was left goes on when the pause ends
                end = pause_end + (end - pause_start)
        attempt.worker = self.clock.process(self.worker(attempt, end))

    def worker(self, attempt: Attempt, end: float) -> Steps:
        """A worker's time with one attempt."""
        source, request = attempt.request.source, attempt.request
        try:
            yield self.clock.until(end, COMPLETION, *attempt.name)
        except simpy.Interrupt:
            self.release(attempt)
            self.record.count(self.place, see.WASTED, attempt.given)
        else:
            self.release(attempt)
            self.record.count(self.place, see.COMPLETED)
            if self.record.in_window(attempt.arrived):
                self.record.observe(self.place, see.WAIT, attempt.started - attempt.arrived)
                self.record.observe(self.place, see.SOJOURN, self.clock.now - attempt.arrived)
            errors = self.now_like.error_ratio
            failed = errors > 0.0 and source.uniform("error", request.number, attempt.number) < errors
            self.answer(attempt, see.ERROR if failed else see.SERVED)
        self.take()

    def release(self, attempt: Attempt) -> None:
        """The worker lays the attempt down."""
        now = self.clock.now
        attempt.state, attempt.given = "gone", now - attempt.started
        if attempt.row:
            attempt.row[6] = now
        self.serving.remove(attempt)
        self.record.count(self.place, see.WORK, attempt.given)
        self.record.change(self.place, see.BUSY, -1.0, now)
        self.record.stayed(self.place, see.IN_WORKERS, attempt.started, now)
        self.record.stayed(self.place, see.IN_SERVICE, attempt.arrived, now)

    def refuse(self, attempt: Attempt) -> None:
        """Answers 503."""
        self.record.count(self.place, see.REFUSED)
        self.answer(attempt, see.REJECTED)

    def answer(self, attempt: Attempt, outcome: int) -> None:
        """The answer sets out for the client."""
        source = attempt.request.source
        attempt.reply, attempt.state = outcome, "homebound"
        delay = source.network_delay("homeward", attempt)
        if delay > 0.0:
            self.clock.call(lambda: source.deliver(attempt), self.clock.now + delay, DELIVERY, *attempt.name)
        else:
            source.deliver(attempt)

    def cancel(self, attempt: Attempt, stop_service: bool) -> None:
        """The client no longer wants an attempt: it leaves the way there, the line, or even its worker."""
        if attempt.state == "outbound":
            attempt.state = "gone"
        elif attempt.state == "waiting":
            self.quit(attempt)
        elif attempt.state == "serving" and stop_service:
            assert attempt.worker is not None
            attempt.worker.interrupt()


class Reference:
    """One replication of a scenario."""

    def __init__(
        self, scenario: Scenario, replication: int, seed: int, warmup: float, log: bool, states: bool
    ) -> None:
        self.scenario, self.replication, self.seed = scenario, replication, seed
        self.clock = Clock()
        self.record = Recorder(scenario, warmup, log, states)
        self.open_requests: dict[Request, None] = {}
        self.services = {
            name: Service(self, len(scenario.traffic) + place, name)
            for place, name in enumerate(scenario.services)
        }
        self.sources = [Source(self, place, name) for place, name in enumerate(scenario.traffic)]

    def last_arrival(self, stop: float | None) -> float:
        """No request is born after this."""
        return min(or_infinite(stop), self.scenario.run.duration)

    def run(self, progress: Callable[[float], None] | None) -> see.Observations:
        """From time 0 to the end, draining included."""
        duration = self.scenario.run.duration
        end = duration * (2.0 if self.scenario.run.drain else 1.0)
        for source in self.sources:
            source.begin()
        closed, steps, steps_before_now = False, 0, 0
        while True:
            time = self.clock.peek()
            self.record.read_up_to(time)
            if time > duration:
                if not closed:
                    closed = True
                    self.record.close_window(self.inside())
                if time > end or not self.open_requests:
                    break
            if time > self.clock.now:
                steps_before_now = steps
            elif steps - steps_before_now > MOST_AT_ONE_INSTANT:
                raise EngineError(
                    f"time stands still at {time:g} s: over {MOST_AT_ONE_INSTANT:,} events at one instant; "
                    "give the retries a backoff, or the users a think time, above zero"
                )
            self.clock.step()
            steps += 1
            if progress is not None and steps % 20_000 == 0:
                progress(min(1.0, time / duration))
        return self.record.observations([float(len(source.awaited)) for source in self.sources])

    def inside(self) -> list[tuple[int, int, float]]:
        """Who is inside which boundary, and since when."""
        found = []
        for request in self.open_requests:
            found.append((request.source.place, see.CLIENT, request.born))
            if request.orbiting_since is not None:
                found.append((request.source.place, see.ORBIT, request.orbiting_since))
        for service in self.services.values():
            for attempt in service.line:
                found.append((service.place, see.IN_QUEUE, attempt.arrived))
                found.append((service.place, see.IN_SERVICE, attempt.arrived))
            for attempt in service.serving:
                found.append((service.place, see.IN_WORKERS, attempt.started))
                found.append((service.place, see.IN_SERVICE, attempt.arrived))
        return found


def replicate(
    scenario: Scenario,
    replication: int,
    *,
    seed: int,
    warmup: float,
    log: bool = False,
    states: bool = False,
    progress: Callable[[float], None] | None = None,
) -> see.Observations:
    """One replication; arguments and result as those of the compiled engine's function of this name."""
    return Reference(scenario, replication, seed, warmup, log, states).run(progress)


def _finite(workers: float) -> float:
    """Unlimited workers have no utilisation: their meter stands at 0."""
    return workers if math.isfinite(workers) else 0.0
