"""What `forebay check` found in one file: a finding for each problem, objective, audit and comparison."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sim.cli.printing import asked, bound, shown
from sim.cli.status import INCONCLUSIVE, INTERNAL, INVALID, MISSED, OK
from sim.report.figures import difference, figure, records, unit_shown
from sim.scenario.metrics import unit_of

if TYPE_CHECKING:
    from sim.errors import ForebayError, ScenarioError
    from sim.study.gate import Change, Gated

STATUS: Final = {
    "invalid": INVALID,
    "broken": INTERNAL,
    "missed": MISSED,
    "regressed": MISSED,
    "inconclusive": INCONCLUSIVE,
}
"""Verdict -> exit status, the worst first; any other passes."""


@dataclass(frozen=True)
class Finding:
    """One thing that was judged.

    name: what. verdict: a word. text: what was asked and found, in a sentence. line, column: from 1, 0 if nowhere.
    """

    name: str
    verdict: str
    text: str
    line: int = 0
    column: int = 0

    @property
    def fails(self) -> bool:
        """Whether it keeps the file from passing."""
        return self.verdict in STATUS


@dataclass(frozen=True)
class Checked:
    """One file: its findings, and the gate's word if it came to a run. seconds: that all of it took."""

    file: str
    scenario: str
    findings: tuple[Finding, ...]
    gated: "Gated | None" = None
    seconds: float = 0.0

    @property
    def verdict(self) -> str:
        """The worst of the findings; none where nothing was asked."""
        said = {finding.verdict for finding in self.findings}
        worst = next((word for word in STATUS if word in said), None)
        return worst or (self.gated.verdict if self.gated is not None else "none")

    @property
    def status(self) -> int:
        """The exit status."""
        return STATUS.get(self.verdict, OK)

    @property
    def headline(self) -> str:
        """The file in a line."""
        failing = [finding for finding in self.findings if finding.fails]
        if self.verdict == "invalid":
            return f"{self.file}: invalid · {_many(len(failing), 'problem')}"
        if self.gated is None:
            return f"{self.file}: {self.verdict}"
        objectives = len(self.gated.results.objectives)
        met = int(self.gated.results.objectives["passed"].sum())
        parts = [f"{met} of {_many(objectives, 'objective')} met" if objectives else "no objectives"]
        if self.gated.survived:
            held = sum(one.verdict == "met" for one in self.gated.survived)
            parts.append(f"{held} of {len(self.gated.survived)} met in what must be survived")
        if self.gated.changes:
            worse = sum(change.verdict == "regressed" for change in self.gated.changes)
            parts.append(f"{worse} of {_many(len(self.gated.changes), 'figure')} regressed")
        return " · ".join([f"{self.file}: {self.verdict}", *parts, "audits hold"])

    def to_json(self) -> dict[str, Any]:
        """The file's verdict as plain values for JSON."""
        rows = [vars(finding) for finding in self.findings]
        return {
            "file": self.file,
            "verdict": self.verdict,
            "findings": [dict(row) for row in rows],
            "run": None if self.gated is None else self.gated.to_json(),
        }


def of_problems(file: str, error: "ScenarioError", seconds: float) -> Checked:
    """A file that is no valid scenario."""
    findings = [
        Finding(
            one.path or "scenario",
            "invalid",
            f"{one.path}: {one.text}" if one.path else one.text,
            one.line,
            one.column,
        )
        for one in error.problems
    ]
    return Checked(file, file, tuple(findings), None, seconds)


def of_absence(file: str, error: "ForebayError") -> Checked:
    """A file that is not there, or no file."""
    return Checked(file, file, (Finding("scenario", "invalid", str(error)),))


def of_error(file: str, scenario: str, error: "ForebayError", seconds: float) -> Checked:
    """A file whose run broke an audit, or could not go on."""
    return Checked(file, scenario, (Finding("audits", "broken", str(error)),), None, seconds)


def of_gated(path: Path, gated: "Gated", changed: Sequence[str], seconds: float) -> Checked:
    """A file that was run. `changed`: the paths that `--set` changed, so that the file's lines are not theirs."""
    from sim.scenario.loader import place_of
    from sim.scenario.mishaps import mishaps_of

    findings = []
    set_anew = any(each.startswith("objectives") for each in changed)
    plan_anew = any(each.startswith("plan") for each in changed)
    titles = [mishap.title for mishap in mishaps_of(gated.results.scenario)]
    for place, row in enumerate(records(gated.results.objectives)):
        mark = None if set_anew else place_of(path, "objectives", place)
        name = f"{row.subject} {row.metric} {asked(row)}"
        text = f"{row.subject} {row.metric} is {shown(row)}, asked {asked(row)}"
        findings.append(Finding(name, row.verdict, text, *(mark or (0, 0))))
    for judged in gated.survived:
        row = vars(judged)
        text = f"{bound(row)}: {shown(row)}"
        if judged.verdict == "inconclusive" and judged.needed is not None and math.isfinite(judged.needed):
            text += f"; about {math.ceil(judged.needed):,} replications may tell"
        mark = None if plan_anew else place_of(path, "plan", "survive", titles.index(str(judged.case)))
        findings.append(Finding(bound(row), judged.verdict, text, *(mark or (0, 0))))
    findings.append(Finding("audits", "hold", "Little's law and conservation hold"))
    findings += [_of_change(change) for change in gated.changes]
    return Checked(str(path), gated.results.scenario.name, tuple(findings), gated, seconds)


def _of_change(change: "Change") -> Finding:
    unit = unit_of(change.metric)
    own = unit_shown(change.metric, unit)
    moved = difference(*change.difference, own, like=change.value[0])
    text = (
        f"{change.subject} {change.metric} was {figure(*change.baseline[:3], own, like=change.value[0])}, "
        f"is {figure(*change.value[:3], own)}: {moved}"
    )
    if change.verdict in ("regressed", "inconclusive"):
        sure = "more" if change.verdict == "regressed" else "perhaps more"
        text += f", {sure} than the {figure(change.allowed, unit=own)} allowed"
    return Finding(f"baseline {change.subject} {change.metric}", change.verdict, text)


def _many(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
