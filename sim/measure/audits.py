"""Audits of every run: nothing is lost, and Little's law holds along the path, boundary by boundary."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from sim.engines import observations as see
from sim.engines.observations import Observations
from sim.errors import AuditError
from sim.measure.intervals import independent, interval
from sim.scenario.scenario import Scenario

if TYPE_CHECKING:
    import pandas as pd

TOLERANCE = 1e-9
"""Relative difference allowed between the two sides of Little's law along one path."""

OUTCOMES = ("served", "rejected", "timeout", "error", "lost", "cancelled")
"""How attempts that were sent may end."""


def boundaries(scenario: Scenario) -> list[tuple[str, str, int, int, tuple[int, ...], int]]:
    """(subject, boundary, row, column of the stays, meters that make its level, count of those who came in)."""
    found: list[tuple[str, str, int, int, tuple[int, ...], int]] = []
    for row, name in enumerate(scenario.traffic):
        found.append((f"traffic:{name}", "client", row, see.CLIENT, (see.CLIENT,), see.BORN))
        found.append((f"traffic:{name}", "orbit", row, see.ORBIT, (see.ORBIT,), see.BACKOFFS))
    for row, name in enumerate(scenario.services, len(scenario.traffic)):
        found.append((f"service:{name}", "queue", row, see.IN_QUEUE, (see.QUEUE,), see.ENTERED))
        found.append((f"service:{name}", "workers", row, see.IN_WORKERS, (see.BUSY,), see.STARTED))
        if scenario.services[name].queue.overflow == "block":
            found.append((f"service:{name}", "door", row, see.AT_DOOR, (see.DOOR,), see.BLOCKED))
        found.append((f"service:{name}", "service", row, see.IN_SERVICE, (see.QUEUE, see.BUSY), see.ENTERED))
    return found


def little(scenario: Scenario, runs: Sequence[Observations]) -> pd.DataFrame:
    """Little's law at every boundary.

    Columns: subject, boundary; L (mean number inside), arrival_rate (1/s), W (s; the mean stay of those who came in
    during the window and had left when the run ended), lambda_W, each with its interval over the replications where
    one is needed; residual, the largest relative difference between the two sides of the identity along one path;
    passed.
    """
    import pandas as pd

    rows = []
    for subject, boundary, row, stay, meters, came in boundaries(scenario):
        numbers, rates, waits, products, residuals = [], [], [], [], []
        for seen in runs:
            span = seen.duration - seen.warmup
            inside = sum(float(seen.window_areas[row, meter]) for meter in meters)
            held, stayed, stays = (float(value) for value in seen.stays[row, stay])
            scale = max(abs(inside), abs(held))
            residuals.append(abs(inside - held) / scale if scale else 0.0)
            rate = float(seen.window_counts[row, came]) / span
            wait = stayed / stays if stays else (0.0 if rate == 0.0 else float("nan"))
            numbers.append(inside / span)
            rates.append(rate)
            waits.append(wait)
            products.append(rate * wait)
        level, level_low, level_high = interval(independent(numbers, scenario.run.antithetic))
        product, product_low, product_high = interval(independent(products, scenario.run.antithetic))
        residual = float(np.max(residuals))
        rows.append(
            {
                "subject": subject,
                "boundary": boundary,
                "L": level,
                "arrival_rate": interval(rates)[0],
                "W": interval(waits)[0],
                "lambda_W": product,
                "L_low": level_low,
                "L_high": level_high,
                "lambda_W_low": product_low,
                "lambda_W_high": product_high,
                "residual": residual,
                "passed": residual <= TOLERANCE,
            }
        )
    return pd.DataFrame(rows)


def conservation(scenario: Scenario, runs: Sequence[Observations]) -> dict[str, Any]:
    """What was born and sent in all replications, and what became of it; `passed` if it adds up in each of them."""
    traffic = len(scenario.traffic)
    finals = [seen.final[:traffic] for seen in runs]
    names = see.TRAFFIC_COUNTS
    total = {name: int(sum(final[:, names.index(name)].sum() for final in finals)) for name in names}
    still_open = int(sum(seen.levels[:traffic, see.CLIENT].sum() for seen in runs))
    awaited = int(sum(seen.awaited.sum() for seen in runs))
    passed = all(
        np.array_equal(
            final[:, see.BORN],
            final[:, see.SUCCESS] + final[:, see.GAVE_UP] + seen.levels[:traffic, see.CLIENT],
        )
        and np.array_equal(
            final[:, see.SENT],
            final[:, [names.index(outcome) for outcome in OUTCOMES]].sum(axis=1) + seen.awaited,
        )
        for final, seen in zip(finals, runs, strict=True)
    )
    return {
        "born": total["born"],
        "success": total["success"],
        "gave_up": total["gave_up"],
        "open": still_open,
        "sent": total["sent"],
        **{outcome: total[outcome] for outcome in OUTCOMES},
        "attempts_open": awaited,
        "denied": total["denied"],
        "passed": passed,
    }


def refuse_broken(audits: pd.DataFrame, books: dict[str, Any]) -> None:
    """A run that breaks an audit is an error, never a result.

    Raises:
        AuditError: it names what does not add up.
    """
    if not audits["passed"].all():
        first = audits[~audits["passed"]].iloc[0]
        raise AuditError(
            f"Little's law is broken at {first['subject']} ({first['boundary']}): the integral of the number inside "
            f"and the sum of the stays differ by {first['residual']:.3g} of their size"
        )
    if not books["passed"]:
        raise AuditError(f"requests or attempts were lost from the books: {books}")
