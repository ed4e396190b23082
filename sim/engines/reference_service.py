"""The reference engine's services: who is let in, who waits, who is served, and what the service answers."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from sim import draws
from sim.engines import observations as see
from sim.engines.clock import COMPLETION, DELIVERY, PATIENCE, TICK, Law, all_admit, watched
from sim.scenario.autoscale import Autoscale
from sim.scenario.faults import ServicePiece, pauses, service_timeline
from sim.scenario.sharing import ProcessorSharing

if TYPE_CHECKING:
    from sim.engines.reference import Reference
    from sim.engines.reference_client import Attempt


def metered(workers: float) -> float:
    """Unlimited workers have no utilisation: their meter stands at 0."""
    return workers if math.isfinite(workers) else 0.0


class Service:
    """One instance of a service: a pool of workers and the line before it."""

    def __init__(self, run: Reference, place: int, name: str, number: int) -> None:
        self.run, self.clock, self.record, self.place = run, run.clock, run.record, place
        self.settings = run.scenario.services[name]
        self.pieces = service_timeline(run.scenario, name, number)
        self.pauses = pauses(run.scenario, name, number)
        self.now_like = self.pieces[0]
        self.workers = self.now_like.workers
        sharing = self.settings.sharing
        self.shared = SharedWorkers(self) if isinstance(sharing, ProcessorSharing) else None
        self.most_at_once = sharing.limit if isinstance(sharing, ProcessorSharing) else math.inf
        self.door: list[Attempt] = []
        self.version = 0
        self.dropping = False
        self.patience = None if self.settings.queue.max_wait is None else Law(self.settings.queue.max_wait)
        self.line: list[Attempt] = []
        self.serving: list[Attempt] = []
        self.joined = self.turn = 0
        named, mirror = run.scenario.run.drawn_as(run.replication)
        begun = draws.stream(run.seed, named, "beginning", f"services.{name}")
        self.guards = watched(self.settings.admission, begun, number, mirror)
        self.discipline_row: list[float] = []
        self.discipline_at = self.settings.queue.discipline.lower(self.discipline_row)
        self.slowdown_row: list[float] = []
        if self.settings.slowdown is not None:
            self.slowdown_at = self.settings.slowdown.lower(self.slowdown_row)
        self.record.level[place][see.WORKERS] = metered(self.now_like.workers)
        for piece in self.pieces[1:]:
            self.clock.call(lambda piece=piece: self.tick(piece), piece.at, TICK, 0, place, 0)  # type: ignore[misc]  # binds it now
        self.scaler = None if self.settings.autoscale is None else Scaler(self, self.settings.autoscale)

    def tick(self, piece: ServicePiece) -> None:
        """A fault begins or ends."""
        self.dropping = self.dropping or piece.drops > self.now_like.drops
        self.now_like = piece
        self.set_workers()

    def set_workers(self) -> None:
        """As many as the autoscaler has there, or the scenario, and as many fewer or more as a fault makes of it."""
        workers = self.now_like.workers
        if self.scaler is not None:
            workers = max(0.0, workers + (self.scaler.there - self.pieces[0].workers))
        change = metered(workers) - self.record.level[self.place][see.WORKERS]
        self.record.change(self.place, see.WORKERS, change, self.clock.now)
        self.workers = workers
        if self.shared is not None:
            self.shared.share()
        self.run.ready.add(self)

    @property
    def has_idle_worker(self) -> bool:
        """Whether one more attempt could be served at once."""
        room = self.workers if self.shared is None else self.most_at_once
        return not self.now_like.paused and len(self.serving) < room

    def reach(self, attempt: Attempt) -> None:
        """An attempt comes: to an idle worker, else a waiting place, else it overflows."""
        if attempt.state != "outbound":  # cancelled on the way
            return
        if attempt.reply == see.LOST:  # the connection broke on the way: the client learns it now
            attempt.request.source.deliver(attempt)
            return
        if attempt.reading:
            attempt.version = self.version
            self.say(attempt, "homeward")
            return
        attempt.arrived = self.clock.now
        if attempt.row:
            attempt.row[4] = self.clock.now
        self.record.count(self.place, see.ARRIVED)
        if not self.lets_in(attempt):
            self.refuse(attempt)
        elif self.has_idle_worker:
            self.enter(attempt)
        elif len(self.line) < self.settings.queue.capacity:
            self.join(attempt)
        elif self.settings.queue.overflow == "drop_oldest" and self.line:
            oldest = self.line[0]
            self.quit(oldest)
            self.refuse(oldest)
            self.join(attempt)
        elif self.settings.queue.overflow == "block":
            attempt.state = "blocked"
            self.record.count(self.place, see.BLOCKED)
            self.record.change(self.place, see.DOOR, 1.0, self.clock.now)
            self.door.append(attempt)
        else:
            self.refuse(attempt)

    def enter(self, attempt: Attempt) -> None:
        """An attempt goes to an idle worker without having waited."""
        if not self.keeps(attempt, float(len(self.line))):
            self.refuse(attempt)
            return
        self.record.count(self.place, see.ENTERED)
        self.start(attempt)

    def leave_door(self, attempt: Attempt) -> None:
        """A producer is blocked no longer."""
        self.door.remove(attempt)
        self.record.change(self.place, see.DOOR, -1.0, self.clock.now)
        self.record.stayed(self.place, see.AT_DOOR, attempt.arrived, self.clock.now)

    def lets_in(self, attempt: Attempt) -> bool:
        """Whether the service's admission lets an attempt in."""
        source, waiting = attempt.request.source, len(self.line)
        ahead = 0.0
        if waiting:
            ahead = waiting / self.workers if self.workers else math.inf
        now, u = self.clock.now, source.uniform("admission", attempt.request.number, attempt.number)
        attempt.admitted = all_admit(self.guards, now, u, source.level, ahead, attempt.expiry - now)
        return attempt.admitted

    def keeps(self, attempt: Attempt, left: float) -> bool:
        """Whether the service's admission lets a worker take an attempt."""
        now = self.clock.now
        return all(
            watch.keeps(now, now - attempt.arrived, left, attempt.expiry - now) for watch in self.guards
        )

    def part_from(self, attempt: Attempt, outcome: int) -> None:
        """The service's admission learns how one that it let in has ended."""
        if not attempt.admitted:
            return
        attempt.admitted = False
        now, level = self.clock.now, attempt.request.source.level
        worked = attempt.given if outcome in (see.SERVED, see.ERROR) else 0.0
        for watch in self.guards:
            watch.ends(now, outcome, level, now - attempt.arrived, worked)

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
            attempt.rank = (0.0, -self.joined if discipline.order == "newest" else self.joined)
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
        if self.door:  # there is a free place for one of those whom the queue blocks
            self.run.ready.add(self)

    def take(self) -> None:
        """One who was blocked comes in, or an idle worker takes who is next; else there is no more to do."""
        if self.dropping:
            self.dropping = bool(self.line)
            if self.line:
                oldest = self.line[0]
                self.quit(oldest)
                self.refuse(oldest)
                return
        has_place = len(self.line) < self.settings.queue.capacity
        if self.door and (has_place or (self.has_idle_worker and not self.line)):
            attempt = self.door[0]
            self.leave_door(attempt)
            attempt.arrived = self.clock.now
            if has_place:
                self.join(attempt)
            else:
                self.enter(attempt)
            return
        if not (self.line and self.has_idle_worker):
            self.run.ready.discard(self)
            return
        attempt = self.next_in_line()
        if not self.keeps(attempt, len(self.line) - 1.0):
            self.quit(attempt)
            self.refuse(attempt)
            return
        self.line.remove(attempt)
        self.record.change(self.place, see.QUEUE, -1.0, self.clock.now)
        self.start(attempt)

    def next_in_line(self) -> Attempt:
        """Whom the discipline puts first."""
        discipline = self.settings.queue.discipline
        if self.now_like.discipline is not None:
            return self.line[0 if self.now_like.discipline == "fifo" else -1]
        if discipline.order == "either":
            waited = self.clock.now - self.line[0].arrived
            newest = discipline.takes_newest(self.discipline_row, self.discipline_at, waited)
            return self.line[-1 if newest else 0]
        return min(self.line, key=lambda waiting: waiting.rank)

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
        if self.settings.slowdown is not None:
            waiting, busy = float(len(self.line)), float(len(self.serving))
            work = self.settings.slowdown.rule(self.slowdown_row, self.slowdown_at, work, waiting, busy)
        work *= self.now_like.time_factor
        if self.shared is not None:
            self.shared.join(attempt, work)
            return
        end = now + work
        for pause_start, pause_end in self.pauses:
            if now < pause_end and pause_start < end:  # frozen: what was left goes on when the pause ends
                end = pause_end + (end - pause_start)
        self.clock.call(lambda: self.complete(attempt), end, COMPLETION, *attempt.name)

    def complete(self, attempt: Attempt) -> None:
        """The worker has done its work, well or not, and replies; unless it was called off."""
        if attempt.state != "serving":
            return
        source, request = attempt.request.source, attempt.request
        self.release(attempt)
        self.record.count(self.place, see.COMPLETED)
        if self.record.in_window(attempt.arrived):
            self.record.observe(self.place, see.WAIT, attempt.started - attempt.arrived)
            self.record.observe(self.place, see.SOJOURN, self.clock.now - attempt.arrived)
        errors = self.now_like.error_ratio
        outcome = see.SERVED
        if errors > 0.0 and source.uniform("error", request.number, attempt.number) < errors:
            outcome = see.ERROR
        if self.settings.conflict == "optimistic" and outcome == see.SERVED:
            if attempt.version == self.version:
                self.version += 1
            else:
                outcome = see.REJECTED
                self.record.count(self.place, see.REFUSED)
                self.record.count(self.place, see.WASTED, attempt.given)
        self.part_from(attempt, outcome)
        self.answer(attempt, outcome)

    def release(self, attempt: Attempt) -> None:
        """The worker lays the attempt down."""
        now = self.clock.now
        attempt.state, attempt.given = "gone", now - attempt.started
        if attempt.row:
            attempt.row[6] = now
        self.serving.remove(attempt)
        self.record.count(self.place, see.WORK, attempt.given)
        self.record.change(self.place, see.BUSY, -1.0, now)
        if self.shared is not None:
            self.shared.leave(attempt)
        self.record.stayed(self.place, see.IN_WORKERS, attempt.started, now)
        self.record.stayed(self.place, see.IN_SERVICE, attempt.arrived, now)
        self.run.ready.add(self)

    def refuse(self, attempt: Attempt) -> None:
        """Answers 503."""
        self.record.count(self.place, see.REFUSED)
        self.part_from(attempt, see.REJECTED)
        self.answer(attempt, see.REJECTED)

    def answer(self, attempt: Attempt, outcome: int) -> None:
        """The answer sets out for the client."""
        attempt.reply = outcome
        self.say(attempt, "homeward_again" if self.settings.conflict == "optimistic" else "homeward")

    def say(self, attempt: Attempt, way: str) -> None:
        """What the service says goes back to the client."""
        source = attempt.request.source
        attempt.state = "homebound"
        delay = source.network_delay(way, attempt)
        if delay > 0.0:
            self.clock.call(lambda: source.deliver(attempt), self.clock.now + delay, DELIVERY, *attempt.name)
        else:
            source.deliver(attempt)

    def cancel(self, attempt: Attempt, even_in_service: bool, outcome: int) -> None:
        """An attempt is no longer wanted: it leaves the way there, the line, or even its worker."""
        if attempt.state == "outbound":
            attempt.state = "gone"
        elif attempt.state == "waiting":
            self.quit(attempt)
            self.part_from(attempt, outcome)
        elif attempt.state == "blocked":
            self.leave_door(attempt)
            attempt.state = "gone"
            self.part_from(attempt, outcome)
        elif attempt.state == "serving" and even_in_service:
            self.release(attempt)
            self.record.count(self.place, see.WASTED, attempt.given)
            self.part_from(attempt, outcome)


class SharedWorkers:
    """All jobs in service go on evenly: at progress v + w ends the one that began at v and brings w."""

    def __init__(self, service: Service) -> None:
        self.service, self.clock = service, service.clock
        self.jobs: list[Attempt] = []
        self.progress = self.since = self.speed = 0.0

    def settle(self) -> None:
        """Brings the progress up to now."""
        self.progress += (self.clock.now - self.since) * self.speed
        self.since = self.clock.now

    def join(self, attempt: Attempt, work: float) -> None:
        """A job begins."""
        self.settle()
        attempt.rank = (self.progress + work, self.service.joined)
        self.service.joined += 1
        self.jobs.append(attempt)
        self.share()

    def leave(self, attempt: Attempt) -> None:
        """A job ends, or is called off."""
        self.settle()
        self.jobs.remove(attempt)
        self.share()

    def share(self) -> None:
        """Sets the speed at which each job goes on, and plans the next end."""
        self.settle()
        service, record, many = self.service, self.service.record, float(len(self.jobs))
        at_work = min(many, service.workers)
        record.change(
            service.place, see.POWER, at_work - record.level[service.place][see.POWER], self.clock.now
        )
        self.speed = 0.0
        if self.jobs and not service.now_like.paused:
            self.speed = min(1.0, service.workers / many)
        if self.speed == 0.0:
            return
        first = min(self.jobs, key=lambda job: job.rank)
        end = self.clock.now + max(0.0, (first.rank[0] - self.progress) / self.speed)
        if end != first.finish:
            first.finish = end
            self.clock.call(lambda: self.complete(first), end, COMPLETION, *first.name)

    def complete(self, job: Attempt) -> None:
        """A job ends, if this is still its end: then the progress is exactly what it needed."""
        if job.finish != self.clock.now or job not in self.jobs:
            return
        if job is not min(self.jobs, key=lambda other: other.rank):
            job.finish = math.nan
            return
        self.progress, self.since = job.rank[0], self.clock.now
        self.service.complete(job)


class Scaler:
    """An autoscaler: workers there, workers that still start, and what it has read."""

    def __init__(self, service: Service, rule: Autoscale) -> None:
        self.service, self.clock, self.rule = service, service.clock, rule
        self.row: list[float] = []
        self.at = rule.lower(self.row)
        self.there, self.starting, self.changed = service.settings.workers, 0.0, -math.inf
        self.read = (0.0, 0.0, 0.0)
        self.plan_reading()

    def plan_reading(self) -> None:
        """The next reading."""
        self.clock.call(self.scale, self.clock.now + self.rule.period, TICK, 0, self.service.place, 1)

    def scale(self) -> None:
        """Reads the metric, and orders or dismisses workers."""
        now, service = self.clock.now, self.service
        busy = see.BUSY if service.shared is None else see.POWER
        read = tuple(
            service.record.so_far(service.place, meter, now) for meter in (see.WORKERS, busy, see.QUEUE)
        )
        offered, busy_for, waited = (value - before for value, before in zip(read, self.read, strict=True))
        lag = now - service.line[0].arrived if service.line else 0.0
        total = self.there + self.starting
        wanted = self.rule.rule(self.row, self.at, total, offered, busy_for, waited, lag, now - self.changed)
        self.read = (read[0], read[1], read[2])
        self.plan_reading()
        if wanted == total:
            return
        self.changed = now
        if wanted > total and self.rule.startup > 0.0:
            self.starting += wanted - total
            more = wanted - total
            self.clock.call(lambda: self.arrive(more), now + self.rule.startup, TICK, 0, service.place, 2)
            return
        self.there = max(0.0, wanted - self.starting)
        service.set_workers()

    def arrive(self, many: float) -> None:
        """Workers that were wanted begin to work."""
        self.starting -= many
        self.there += many
        self.service.set_workers()
