"""Replications of one scenario, on threads."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from itertools import count, takewhile

from sim.engines.observations import Observations
from sim.errors import UsageError
from sim.measure.results import Results
from sim.measure.warmup import FoundWarmup, found_warmup
from sim.scenario.quantities import MOST_REPLICATIONS, MOST_SEED
from sim.scenario.scenario import Scenario, refuse_no_scenario
from sim.study.precision import first_look, precise
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
    """Runs a scenario: so many replications, or until the precision that it wants is reached.

    Args:
        scenario: what to run.
        engine: `compiled` or `reference`; the scenario's own if None. Both give the same results.
        seed: in place of the scenario's own.
        replications: so many, in place of the scenario's own and of its precision.
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
    refuse_no_scenario(scenario)
    engine = scenario.run.engine if engine is None else engine
    seed = scenario.run.seed if seed is None else seed
    wanted = scenario.run.precision if replications is None else None
    if replications is None:
        replications = first_look(scenario.run) if wanted else scenario.run.replications
    _refuse(scenario, engine, seed, replications, jobs)
    numbers, asked = range(replications), scenario.run.warmup
    warmup: float | FoundWarmup
    if asked == "auto":
        pilot = _all(scenario, engine, seed, numbers, 0.0, jobs, progress=_half(progress, 0.0))
        warmup, progress = found_warmup(scenario, pilot), _rest(progress, 0.5)
    else:
        warmup = asked
    make = partial(_results, scenario, engine, seed, warmup, jobs, log, states)
    if wanted is None:
        return make(None, numbers, progress)
    looks = count()

    def extend(results: Results, many: int) -> Results:
        # How many there will be is not known: each look takes half of what is left of the bar.
        ahead = _half(progress, 1.0 - 2.0 ** -next(looks))
        return make(results, range(results.replications, many), ahead)

    results = precise(make(None, numbers, _half(progress, 1.0 - 2.0 ** -next(looks))), extend)
    if progress is not None:
        progress(1.0)
    return results


def _refuse(scenario: Scenario, engine: str, seed: int, count: int, jobs: int | None) -> None:
    if engine not in ENGINES:
        raise UsageError(f"engine {engine!r} is none of {', '.join(ENGINES)}; for example engine='compiled'")
    for name, value in (("replications", count), ("seed", seed), ("jobs", 1 if jobs is None else jobs)):
        if not isinstance(value, int):
            raise UsageError(f"{name} {value!r} is not a whole number; for example {name}=20")
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


def _results(
    scenario: Scenario,
    engine: str,
    seed: int,
    warmup: float | FoundWarmup,
    jobs: int | None,
    log: bool,
    states: bool,
    before: Results | None,
    numbers: range,
    progress: Callable[[float], None] | None,
) -> Results:
    """The results of the replications there are and of these numbers; Ctrl-C keeps the first that are finished."""
    found = warmup if isinstance(warmup, FoundWarmup) else None
    seconds = warmup.seconds if isinstance(warmup, FoundWarmup) else warmup

    def of(runs: Sequence[Observations]) -> Results:
        if before is not None:
            return before.with_more(runs)
        return Results(scenario, runs, engine=engine, seed=seed, warmup_found=found)

    try:
        return of(
            _all(scenario, engine, seed, numbers, seconds, jobs, log=log, states=states, progress=progress)
        )
    except Stopped as stopped:
        # The first ones alone: then the results are those of a run with so many replications.
        done = range(len(numbers))
        first = [stopped.done[place] for place in takewhile(stopped.done.__contains__, done)]
        if scenario.run.antithetic:
            first = first[: len(first) // 2 * 2]
        if not first and before is None:
            raise
        raise Interrupted(of(first)) from None


def further(results: Results, numbers: range, *, jobs: int | None = None) -> Results:
    """The replications of these numbers alone, with the seed and warm-up of the results."""
    more = _all(results.scenario, results.engine, results.seed, numbers, results.warmup, jobs)
    return Results(results.scenario, more, engine=results.engine, seed=results.seed)


def extended(results: Results, replications: int, *, jobs: int | None = None) -> Results:
    """The results with more replications: those there are, and the next ones of the same seed and warm-up."""
    numbers = range(results.replications, replications)
    warmup = results.warmup_found or results.warmup
    how = (results.scenario, results.engine, results.seed, warmup, jobs, False, False)
    return _results(*how, results, numbers, None)


def _rest(
    progress: Callable[[float], None] | None, done: float, of: float = 1.0
) -> Callable[[float], None] | None:
    """What tells `progress` of this part of what is left when so much is done."""
    return None if progress is None else lambda share: progress(done + share * of * (1.0 - done))


def _half(progress: Callable[[float], None] | None, done: float) -> Callable[[float], None] | None:
    return _rest(progress, done, 0.5)


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

        compiled.prepare(scenario, states=states)
        replicate = compiled.replicate
    else:
        from sim.engines import reference

        replicate = reference.replicate

    def one(place: int, tell: Tell) -> Observations:
        return replicate(
            scenario, numbers[place], seed=seed, warmup=warmup, log=log, states=states, progress=tell
        )

    return on_threads(one, len(numbers), jobs, progress)
