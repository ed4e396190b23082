"""Replications of one scenario, on threads."""

from __future__ import annotations

from collections.abc import Callable
from itertools import takewhile

from sim.engines.observations import Observations
from sim.errors import UsageError
from sim.measure.results import Results
from sim.measure.warmup import found_warmup
from sim.scenario.quantities import MOST_REPLICATIONS, MOST_SEED
from sim.scenario.scenario import Scenario
from sim.study.threads import Stopped, Tell, on_threads

ENGINES = ("compiled", "reference")

__all__ = ["ENGINES", "Interrupted", "Results", "extended", "run"]


class Interrupted(KeyboardInterrupt):
    """Ctrl-C after some replications: `results` are of the first of them, as a run with so many would give."""

    def __init__(self, results: Results) -> None:
        super().__init__(f"interrupted: {results.replications} replications were finished")
        self.results = results


def run(
    scenario: Scenario,
    *,
    engine: str | None = None,
    seed: int | None = None,
    replications: int | None = None,
    jobs: int | None = None,
    log: bool = False,
    states: bool = False,
    progress: Callable[[float], None] | None = None,
) -> Results:
    """Runs a scenario.

    Args:
        scenario: what to run.
        engine: `compiled` or `reference`; the scenario's own if None. Both give the same results.
        seed: in place of the scenario's own.
        replications: in place of the scenario's own.
        jobs: threads; the machine's cores if None. The results do not depend on it.
        log: keep the attempt log, in `results.attempts`.
        states: keep the share of time with each number in a service, in `results.states`.
        progress: told the share that is done, 0 to 1, now and then.

    Raises:
        UsageError: an unknown engine, or a number that is too small or too large.
        EngineError: the scenario's time does not advance.
        Interrupted: Ctrl-C after at least one replication; a KeyboardInterrupt that holds the finished ones' results.
        AuditError: a run broke Little's law or lost a request: a fault of the engine, and no result.
    """
    engine = scenario.run.engine if engine is None else engine
    seed = scenario.run.seed if seed is None else seed
    count = scenario.run.replications if replications is None else replications
    if engine not in ENGINES:
        raise UsageError(f"engine {engine!r} is none of {', '.join(ENGINES)}; for example engine='compiled'")
    if count < 1 or (jobs is not None and jobs < 1):
        raise UsageError(
            f"replications {count} and jobs {jobs}: whole numbers from 1 are wanted; for example replications=20"
        )
    if scenario.run.antithetic and count % 2:
        raise UsageError(
            f"{count} replications are not pairs, and the run is antithetic; "
            f"for example replications={scenario.run.whole(count)}"
        )
    # The bounds of a scenario's own numbers: a longer seed would be cut to another one's bits.
    if count > MOST_REPLICATIONS:
        raise UsageError(
            f"{count} replications are more than {MOST_REPLICATIONS:,}; for example replications=20"
        )
    if not 0 <= seed <= MOST_SEED:
        raise UsageError(f"seed {seed} is not a whole number from 0 to {MOST_SEED}; for example seed=7")
    numbers, warmup = range(count), scenario.run.warmup
    if warmup == "auto":
        pilot = _all(scenario, engine, seed, numbers, 0.0, jobs, progress=_half(progress, 0.0))
        warmup, progress = found_warmup(scenario, pilot), _half(progress, 0.5)
    try:
        runs = _all(
            scenario, engine, seed, numbers, float(warmup), jobs, log=log, states=states, progress=progress
        )
    except Stopped as stopped:
        # The first ones alone: then the results are those of a run with so many replications.
        first = [stopped.done[number] for number in takewhile(stopped.done.__contains__, numbers)]
        if scenario.run.antithetic:
            first = first[: len(first) // 2 * 2]
        if not first:
            raise
        raise Interrupted(Results(scenario, first, engine=engine, seed=seed)) from None
    return Results(scenario, runs, engine=engine, seed=seed)


def further(results: Results, numbers: range, *, jobs: int | None = None) -> Results:
    """The replications of these numbers alone, with the seed and warm-up of the results."""
    more = _all(results.scenario, results.engine, results.seed, numbers, results.warmup, jobs)
    return Results(results.scenario, more, engine=results.engine, seed=results.seed)


def extended(results: Results, replications: int, *, jobs: int | None = None) -> Results:
    """The results with more replications: those there are, and the next ones of the same seed and warm-up."""
    more = _all(
        results.scenario,
        results.engine,
        results.seed,
        range(results.replications, replications),
        results.warmup,
        jobs,
    )
    return Results(results.scenario, [*results.apart, *more], engine=results.engine, seed=results.seed)


def _half(progress: Callable[[float], None] | None, done: float) -> Callable[[float], None] | None:
    return None if progress is None else lambda share: progress(done + share / 2.0)


def _all(
    scenario: Scenario,
    engine: str,
    seed: int,
    numbers: range,
    warmup: float,
    jobs: int | None,
    *,
    log: bool = False,
    states: bool = False,
    progress: Callable[[float], None] | None = None,
) -> list[Observations]:
    """All replications, in order; the first error stops the others, and so does Ctrl-C, which keeps the finished."""
    replicate: Callable[..., Observations]
    if engine == "compiled":
        from sim.engines import compiled

        compiled.prepare()  # here, not in a thread: Ctrl-C reaches the main thread alone
        replicate = compiled.replicate
    else:
        from sim.engines import reference

        replicate = reference.replicate

    def one(place: int, tell: Tell) -> Observations:
        return replicate(
            scenario, numbers[place], seed=seed, warmup=warmup, log=log, states=states, progress=tell
        )

    return on_threads(one, len(numbers), jobs, progress)
