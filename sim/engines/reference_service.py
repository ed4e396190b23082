"""The reference engine's services: who is let in, who waits, who is served, and what the service answers."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from sim.engines import observations as see
from sim.engines.clock import COMPLETION, DELIVERY, PATIENCE, TICK, Law, Watch, all_admit
from sim.scenario.faults import pauses, service_timeline

if TYPE_CHECKING:
    from sim.engines.reference import Reference
    from sim.engines.reference_client import Attempt


def metered(workers: float) -> float:
    """Unlimited workers have no utilisation: their meter stands at 0."""
    return workers if math.isfinite(workers) else 0.0


class Service:
    """One instance of a service: a pool of workers and the line before it."""

    def __init__(self, run: Reference, place: int, name: str) -> None:
        self.run, self.clock, self.record, self.place = run, run.clock, run.record, place
        self.settings = run.scenario.services[name]
        self.pieces = service_timeline(run.scenario, name)
        self.pauses = pauses(run.scenario, name)
        self.now_like = self.pieces[0]
        self.patience = None if self.settings.queue.max_wait is None else Law(self.settings.queue.max_wait)
        self.line: list[Attempt] = []
        self.serving: list[Attempt] = []
        self.joined = self.turn = 0
        self.guards = [Watch(rule) for rule in self.settings.admission]
        self.discipline_row: list[float] = []
        self.discipline_at = self.settings.queue.discipline.lower(self.discipline_row)
        self.slowdown_row: list[float] = []
        if self.settings.slowdown is not None:
            self.slowdown_at = self.settings.slowdown.lower(self.slowdown_row)
        self.record.level[place][see.WORKERS] = metered(self.now_like.workers)
        for number, piece in enumerate(self.pieces[1:], 1):
            self.clock.call(lambda number=number: self.tick(number), piece.at, TICK, place)  # type: ignore[misc]  # binds it now

    def tick(self, number: int) -> None:
        """A fault begins or ends."""
        piece = self.pieces[number]
        self.record.change(
            self.place, see.WORKERS, metered(piece.workers) - metered(self.now_like.workers), piece.at
        )
        self.now_like = piece
        self.run.ready.add(self)

    @property
    def has_idle_worker(self) -> bool:
        """Whether one more attempt could be served at once."""
        return not self.now_like.paused and len(self.serving) < self.now_like.workers

    def reach(self, attempt: Attempt) -> None:
        """An attempt comes: to an idle worker, else a waiting place, else it overflows."""
        if attempt.state != "outbound":  # cancelled on the way
            return None
        if attempt.reply == see.LOST:  # the connection broke on the way: the client learns it now
            attempt.request.source.deliver(attempt)
            return None
        attempt.arrived = self.clock.now
        if attempt.row:
            attempt.row[4] = self.clock.now
        self.record.count(self.place, see.ARRIVED)
        if not self.lets_in(attempt):
            self.refuse(attempt)
        elif self.has_idle_worker:
            if not self.keeps(attempt, float(len(self.line))):
                return self.refuse(attempt)
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
        return None

    def lets_in(self, attempt: Attempt) -> bool:
        """Whether the service's admission lets an attempt in."""
        source, waiting = attempt.request.source, len(self.line)
        ahead = 0.0
        if waiting:
            ahead = waiting / self.now_like.workers if self.now_like.workers else math.inf
        now, u = self.clock.now, source.uniform("admission", attempt.request.number, 1)
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

    def take(self) -> None:
        """One idle worker takes who is next, if there are both; else there is nothing to do."""
        if not (self.line and self.has_idle_worker):
            self.run.ready.discard(self)
            return None
        attempt = self.next_in_line()
        if not self.keeps(attempt, len(self.line) - 1.0):
            self.quit(attempt)
            return self.refuse(attempt)
        self.line.remove(attempt)
        self.record.change(self.place, see.QUEUE, -1.0, self.clock.now)
        self.start(attempt)
        return None

    def next_in_line(self) -> Attempt:
        """Whom the discipline puts first."""
        discipline = self.settings.queue.discipline
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
        end = now + work * self.now_like.time_factor
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
        failed = errors > 0.0 and source.uniform("error", request.number, attempt.number) < errors
        self.part_from(attempt, see.ERROR if failed else see.SERVED)
        self.answer(attempt, see.ERROR if failed else see.SERVED)

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
        self.run.ready.add(self)

    def refuse(self, attempt: Attempt) -> None:
        """Answers 503."""
        self.record.count(self.place, see.REFUSED)
        self.part_from(attempt, see.REJECTED)
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

    def cancel(self, attempt: Attempt, even_in_service: bool, outcome: int) -> None:
        """An attempt is no longer wanted: it leaves the way there, the line, or even its worker."""
        if attempt.state == "outbound":
            attempt.state = "gone"
        elif attempt.state == "waiting":
            self.quit(attempt)
            self.part_from(attempt, outcome)
        elif attempt.state == "serving" and even_in_service:
            self.release(attempt)
            self.record.count(self.place, see.WASTED, attempt.given)
            self.part_from(attempt, outcome)
