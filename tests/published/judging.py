"""Holds a simulation against known answers, by intervals wide enough to trust and narrow enough to fail."""

from __future__ import annotations

import json
from typing import Any, Final

import pandas as pd

import sim
from tests.published.stations import Case, Check, Document

CONFIDENCE: Final = 0.9999
"""Of each interval: a false alarm among some two hundred checks is then one in fifty, whatever the seeds."""

ROUNDING: Final = 1e-9
"""What a figure without any spread, such as a ratio that is always 1, may differ by, relatively."""


SMALLEST: Final = 1e-3
"""Figures far below this (in s, 1/s, ratios) are held to differences, not to ratios."""


def simulate(document: Document, **options: Any) -> sim.Results:
    """The results of a document's own run; options as of `sim.run`."""
    return sim.run(sim.loads(json.dumps(document)), **options)


def logged(document: Document) -> pd.DataFrame:
    """The attempt log of a document's own run."""
    log = simulate(document, log=True).attempts
    assert log is not None
    return log


def complaint(results: sim.Results, check: Check, within: float) -> str | None:
    """What is wrong with one figure, in words: too vague to tell, or not the truth; None if nothing is."""
    mean, low, high, _ = results.estimate(check.subject, check.metric, CONFIDENCE)
    named = f"{check.subject} {check.metric}: {mean:.6g} in [{low:.6g}, {high:.6g}], truth {check.truth:.6g}"
    size = max(abs(check.truth), abs(mean), SMALLEST)
    slack = ROUNDING * size
    half = (high - low) / 2.0
    if not half <= within * size:
        return f"{named}: too wide to tell, by {half / size:.3g} of it, more than {within}"
    if not low - slack <= check.truth <= high + slack:
        return f"{named}: the truth lies outside"
    return None


def complaints(results: sim.Results, case: Case) -> list[str]:
    """What is wrong with any figure of a case."""
    found = [complaint(results, check, case.within) for check in case.checks]
    return [words for words in found if words is not None]
