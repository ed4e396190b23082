"""Baselines: what a run said once, kept in a file, so that a later run can be held against it.

Two files will do: what `forebay run --format json` printed, which has means and intervals; and what
`forebay check --write-baseline` wrote, which has every replication too, so that runs with the same seed are pairs.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sim.errors import ScenarioError, UsageError
from sim.measure.figures import Figure
from sim.measure.plain import plain
from sim.measure.results import Results
from sim.measure.unpaired import Summary
from sim.scenario.metrics import SCHEMA_VERSION
from sim.scenario.scenario import Scenario

EXAMPLE = "forebay check FILE --write-baseline baseline.json"


@dataclass(frozen=True)
class Baseline:
    """One scenario's figures as they were.

    figures: (subject, metric) -> mean with its 95 % interval. values: the figure in each replication, empty if the
    file has none. document: the scenario as it was written; None if the file does not say.
    """

    scenario: str
    hash: str
    seed: int
    engine: str
    replications: int
    versions: Mapping[str, str]
    figures: Mapping[tuple[str, str], Summary] = field(repr=False)
    values: Mapping[tuple[str, str], Sequence[Figure]] = field(default_factory=dict, repr=False)
    document: Mapping[str, Any] | None = field(default=None, repr=False)

    def was(self, directory: Path) -> Scenario | None:
        """The scenario as it was, its data files as they are now; None if that is not known, or no longer valid."""
        from sim.scenario.loader import from_mapping

        if self.document is None:
            return None
        try:
            return from_mapping(self.document, directory)
        except ScenarioError:
            return None


def written(results: Iterable[Results]) -> dict[str, Any]:
    """The baseline of some runs as plain values for JSON."""
    return {
        "schema_version": SCHEMA_VERSION,
        "kind": "baseline",
        "scenarios": [
            {
                **{name: value for name, value in each.to_json().items() if name not in _LEFT_OUT},
                "document": each.scenario.document,
                "values": [
                    {
                        "subject": subject,
                        "metric": metric,
                        "values": [plain(one.value) for one in each.figures(subject, metric)],
                        "trials": [plain(one.trials) for one in each.figures(subject, metric)],
                    }
                    for subject, metric in zip(
                        map(str, each.summary["subject"]), map(str, each.summary["metric"]), strict=True
                    )
                ],
            }
            for each in results
        ],
    }


_LEFT_OUT = frozenset({"schema_version", "audits", "conservation", "state_probabilities"})


def baseline_of(known: Sequence[Baseline], scenario: Scenario) -> Baseline | None:
    """That of the very same scenario, else the only one of its name; None if there is neither."""
    same = [one for one in known if one.hash == scenario.hash and one.scenario == scenario.name]
    named = same or [one for one in known if one.scenario == scenario.name]
    return named[0] if len(named) == 1 or same else None


def read_baselines(path: Path) -> list[Baseline]:
    """The baselines in a file, one of each scenario.

    Raises:
        UsageError: it is no such file.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "is not UTF-8 text"
        raise UsageError(f"--baseline {path}: {reason}; make one by `{EXAMPLE}`") from None
    try:
        document = json.loads(text, parse_constant=_refuse_constant)
        version = document["schema_version"]
        found = [_baseline(one) for one in document.get("scenarios", [document])]
    except ValueError as error:
        raise UsageError(f"--baseline {path} is not JSON ({error}); make one by `{EXAMPLE}`") from None
    except (KeyError, TypeError, AttributeError):
        raise UsageError(f"--baseline {path} is not a baseline; make one by `{EXAMPLE}`") from None
    if version != SCHEMA_VERSION:
        raise UsageError(
            f"--baseline {path} has schema_version {version}, not {SCHEMA_VERSION}; make it anew by `{EXAMPLE}`"
        )
    return found


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no number of JSON")


def _baseline(document: Mapping[str, Any]) -> Baseline:
    return Baseline(
        scenario=document["scenario"],
        hash=document["hash"],
        seed=document["seed"],
        engine=document["engine"],
        replications=document["replications"],
        versions=document["versions"],
        figures={
            (row["subject"], row["metric"]): Summary(
                _float(row["mean"]), _float(row["low"]), _float(row["high"]), int(row["n"])
            )
            for row in document["summary"]
        },
        values={
            (row["subject"], row["metric"]): [
                Figure(_float(value), _float(trials))
                for value, trials in zip(row["values"], row["trials"], strict=True)
            ]
            for row in document.get("values", ())
        },
        document=document.get("document"),
    )


def _float(value: float | None) -> float:
    return math.nan if value is None else float(value)
