"""Writes the page of mechanisms: each kind with its YAML, its rule, its keys, and what it does to the same spike.

    python -m docs.mechanisms           the page and the pictures
    python -m docs.mechanisms --page    the page alone

The words are the classes' own docstrings and the keys their own fields, so a change of either changes the page; a test
holds the page to them, and every kind of every family to the page. What is tried on what: docs/tried.py.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

import sim
from docs.strips import Band, Line, Panel, strip
from docs.tried import FAMILIES, OTHER_BASES, Base, Column, Entry, Family, Settings, Show, Tail, Track, bases
from sim.report.figures import figure
from sim.scenario.schema import json_schema
from sim.units import format_duration

if TYPE_CHECKING:
    from sim.measure.results import Results

DOCS = Path(__file__).resolve().parent
PAGE = DOCS / "mechanisms.md"
PICTURES = DOCS / "pictures" / "mechanisms"

HEAD = """# Mechanisms

Every mechanism that a scenario can name, and what it does to the same spike. The words and formulas are those of the
classes in [sim/scenario](../sim/scenario), the keys and defaults are read from their fields, and the pictures are
runs: `python -m docs.mechanisms` writes this page again to the letter, and a test holds it to that. What is asked when,
and in which order, is told in [the model reference](model.md#what-holds-a-client-back).

## How to read the pictures

**Grey is without the mechanism, blue with it**: the median of the replications, and pale blue from the least to the
greatest of them. What is shaded is the spike. Axes are the same in all pictures of one base.

The base, unless something else is said, is [spike_naive_retry](../configs/spike_naive_retry.yaml) over 40 s: 200/s
against 800/s, one second of twelve times the load, a queue longer than the clients' patience, and clients that retry
at once, five times in all. It never comes back by itself; so a mechanism is worth something here if the blue line in
the first panel returns to 200/s. It is one scenario and no ranking: what saves these clients may harm others.
"""


# ------------------------------------------------------------------------------------------------- the runs


class Seen(NamedTuple):
    """What a run gave: its results, and the seconds that requests took, in order, if that is drawn."""

    results: Results
    took: Any


class Shown(NamedTuple):
    """One picture: what it is of, and the runs without and with it."""

    family: Family
    entry: Entry
    show: Show
    base: Base
    without: Seen
    seen: Seen

    @property
    def title(self) -> str:
        """What it is of, in words."""
        return f"{self.family.title}: {self.entry.kind}{f' ({self.show.word})' if self.show.word else ''}"

    @property
    def name(self) -> str:
        """Its file's name without suffix."""
        return re.sub(r"[^a-z0-9]+", "_", self.title.replace("±", "spread").lower()).strip("_")

    @property
    def figures(self) -> Iterator[tuple[str, str, str]]:
        """Heading, figure with it, figure without, for each column of its base."""
        for column in self.base.columns:
            yield column.heading, told(self.seen, column), told(self.without, column)

    @property
    def alt(self) -> str:
        """The picture in words."""
        panels = ", ".join(panel.title.partition(",")[0] for panel in self.base.panels)
        said = "; ".join(
            f"{heading} {after}, without {before}" for heading, after, before in list(self.figures)[:3]
        )
        return f"{self.title}. {panels}: {said}."


def see(scenario: sim.Scenario, base: Base) -> Seen:
    """Runs a scenario."""
    wanted = any(isinstance(panel, Tail) for panel in base.panels)
    results = sim.run(scenario, log=wanted)
    if not wanted:
        return Seen(results, None)
    log = results.attempts
    begun = log[log["attempt"] == 1].set_index(["replication", "request"])["sent"]
    ended = log[log["outcome"] == "served"].groupby(["replication", "request"])["answered"].min()
    return Seen(results, np.sort((ended - begun.reindex(ended.index)).to_numpy()))


def run_all() -> list[Shown]:
    """Every picture of the page, in its order."""
    known = bases()
    without = {name: see(base.scenario, base) for name, base in known.items()}
    found = []
    for family in FAMILIES:
        for entry in family.entries:
            for show in entry.shows:
                name = show.base or family.base
                seen = see(known[name].scenario.set(dict(show.settings)), known[name])
                found.append(Shown(family, entry, show, known[name], without[name], seen))
    return found


def told(seen: Seen, column: Column) -> str:
    """A figure of a run: the mean over the replications; a dash where there is none."""
    mean = seen.results.estimate(column.subject, column.metric)[0]
    return "–" if np.isnan(mean) else figure(mean, unit=column.unit)


# ------------------------------------------------------------------------------------------------- the pictures


def picture(shown: Shown) -> str:
    """The strip: grey without the mechanism, blue with it, over the range of its replications."""
    panels = [
        tail_panel(panel, shown) if isinstance(panel, Tail) else track_panel(panel, shown)
        for panel in shown.base.panels
    ]
    return strip(shown.title, shown.alt, panels)


def track_panel(track: Track, shown: Shown) -> Panel:
    """A metric over time: the median of the replications, and their range."""
    times, before = over_time(shown.without.results, track)
    _, after = over_time(shown.seen.results, track)
    lines = (
        Band(times, after.min(axis=0).tolist(), after.max(axis=0).tolist()),
        Line(times, np.median(before, axis=0).tolist(), False),
        Line(times, np.median(after, axis=0).tolist(), True),
    )
    end, log = shown.base.scenario.run.duration, track.low > 0.0
    if log:
        ticks = [10.0**power for power in range(6) if track.low <= 10.0**power <= track.high]
    else:
        ticks = [0.0, track.high / 2, track.high]
    return Panel(
        track.title,
        (0.0, end),
        (track.low, track.high),
        tuple((end * part / 4, f"{end * part / 4:g} s" if part else "0") for part in range(5)),
        tuple((tick, f"{tick / 1000:g}k" if tick >= 1000 else f"{tick:g}") for tick in ticks),
        lines,
        log_y=log,
        shade=shown.base.shade,
    )


def over_time(results: Results, track: Track) -> tuple[list[float], Any]:
    """The middles of the bins in seconds, and a row of values for each replication."""
    series = results.series
    rows = series[(series["subject"] == track.subject) & (series["metric"] == track.metric)]
    table = rows.pivot_table(index="replication", columns="time", values="value")
    width = results.scenario.run.bin_width
    return [float(time) + 0.5 * width for time in table.columns], table.to_numpy()


def tail_panel(tail: Tail, shown: Shown) -> Panel:
    """The share of the requests that took longer than so long."""
    grid = np.geomspace(tail.low, tail.high, 60)

    def longer(took: Any) -> list[float]:
        share: list[float] = (1.0 - np.searchsorted(took, grid, side="right") / len(took)).tolist()
        return share

    return Panel(
        tail.title,
        (tail.low, tail.high),
        (1e-4, 1.0),
        ((0.001, "1 ms"), (0.01, "10 ms"), (0.1, "100 ms"), (1.0, "1 s")),
        ((1e-4, "10⁻⁴"), (1e-2, "1 %"), (1.0, "all")),
        (
            Line(grid.tolist(), longer(shown.without.took), False),
            Line(grid.tolist(), longer(shown.seen.took), True),
        ),
        log_x=True,
        log_y=True,
    )


# ------------------------------------------------------------------------------------------------- the page


def page(all_shown: Sequence[Shown]) -> str:
    """The page as Markdown."""
    links = [f"[{family.title}](#{family.title.lower().replace(' ', '-')})" for family in FAMILIES]
    parts = [HEAD, " · ".join([*links, "[Other bases](#other-bases)"]), ""]
    for family in FAMILIES:
        parts += section(family, [shown for shown in all_shown if shown.family is family])
    parts += ["## Other bases", ""]
    for name, (words, text) in OTHER_BASES.items():
        parts += [f"**{name}**: {words}.", "", f"```yaml scenario\n{text}```", ""]
    return "\n".join(parts)


def section(family: Family, here: Sequence[Shown]) -> list[str]:
    """A family: its words, its figures side by side, its kinds."""
    parts = [f"## {family.title}", "", family.words, "", *side_by_side(here), ""]
    for entry in family.entries:
        parts += kind(entry, [shown for shown in here if shown.entry is entry])
    return parts


def side_by_side(here: Sequence[Shown]) -> list[str]:
    """The table of a family: a row for each of its pictures on the family's own base."""
    rows = [shown for shown in here if not shown.show.base]
    headings = [heading for heading, _, _ in rows[0].figures]
    lines = [f"| | {' | '.join(headings)} |", "|---|" + "---|" * len(headings)]
    lines.append(f"| *without* | {' | '.join(before for _, _, before in rows[0].figures)} |")
    for shown in rows:
        word = f", {shown.show.word}" if shown.show.word else ""
        lines.append(f"| `{shown.entry.kind}`{word} | {' | '.join(after for _, after, _ in shown.figures)} |")
    return lines


def kind(entry: Entry, here: Sequence[Shown]) -> list[str]:
    """One kind: its rule in words, its YAML, its keys, its pictures."""
    rule = entry.rule
    if isinstance(rule, str):
        words = rule.partition(": ")[2]
        words = words[:1].upper() + words[1:]
    else:
        words = " ".join((inspect.getdoc(rule) or "").split())
    parts = [f"### {entry.kind}", "", f"{words} {entry.note}".strip(), "", "```yaml"]
    parts += [typed(entry.shows[0].settings), "```", ""]
    if not isinstance(rule, str):
        parts += keys(rule)
    for place, shown in enumerate(here):
        said = [shown.show.word] if shown.show.word else []
        said += [f"`{value}`" for value in shown.show.settings.values() if place]
        said += [f"tried on *{shown.show.base}*"] if shown.show.base else []
        if said:
            parts += [f"{', '.join(said)[:1].upper()}{', '.join(said)[1:]}:", ""]
        parts += [f"![{shown.alt}](pictures/mechanisms/{shown.name}.svg)", ""]
    return parts


def typed(settings: Settings) -> str:
    """The settings as one would type them: each key on a line of its own, the value in one."""
    lines: list[str] = []
    for path, value in settings.items():
        *above, last = path.split(".")
        lines += [f"{'  ' * depth}{key}:" for depth, key in enumerate(above)]
        lines.append(f"{'  ' * len(above)}{last}: {value}")
    return "\n".join(lines)


def keys(rule: type[Any]) -> list[str]:
    """The table of a kind's keys: unit, default, and what more there is to say."""
    properties = json_schema()["$defs"].get(rule.__name__, {}).get("properties", {})
    rows = []
    for name, field in rule.model_fields.items():
        key = field.alias or name
        if key != "kind":
            unit = unit_of(properties[key])
            rows.append(f"| `{key}` | {unit} | {default_of(field, unit)} | {field.description or ''} |")
    return ["| key | unit | default | |", "|---|---|---|---|", *rows, ""] if rows else []


def unit_of(schema: Mapping[str, Any]) -> str:
    """What may be written: a quantity's name, or the words to choose from."""
    branches = [schema, *schema.get("anyOf", ()), *schema.get("oneOf", ())]
    patterns = " ".join(str(branch.get("pattern", "")) for branch in branches)
    words = [f"`{word}`" for branch in branches for word in branch.get("enum", ())]
    if words:
        return " · ".join([*words, *["`{spread: 0.2}`" for branch in branches if "$ref" in branch]])
    for sign, unit in (("%?", "ratio"), ("/", "rate"), ("(ns|", "duration")):
        if sign in patterns:
            return unit
    types = [branch.get("type") for branch in branches]
    plain = {"boolean": "true or false", "array": "list of durations", "integer": "count", "number": "number"}
    for word, unit in plain.items():
        if word in types:
            return unit
    if ["integer", "string"] in types:
        return "whole seconds"
    return "ratio, number or duration" if ["number", "string"] in types else "distribution"


def default_of(field: Any, unit: str) -> str:
    """A key's default as one would write it."""
    value = field.default
    if field.is_required():
        return "*needed*"
    if value is None:
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return f"`{value}`"
    if unit == "duration":
        return format_duration(value)
    return f"{value:g}/s" if unit == "rate" else f"{100 * value:g} %" if unit == "ratio" else f"{value:g}"


def main(arguments: Sequence[str]) -> None:
    """Writes the page and, unless told otherwise, the pictures."""
    all_shown = run_all()
    PAGE.write_text(page(all_shown), encoding="utf-8", newline="\n")
    if "--page" in arguments:
        return
    PICTURES.mkdir(parents=True, exist_ok=True)
    made = {shown.name: picture(shown) for shown in all_shown}
    for path in PICTURES.glob("*.svg"):
        if path.stem not in made:
            path.unlink()
    for name, text in made.items():
        (PICTURES / f"{name}.svg").write_text(text, encoding="utf-8", newline="\n")
    total = sum(len(text.encode()) for text in made.values())
    sys.stdout.write(f"{len(made)} pictures, {total / 1000:.0f} kB\n")


if __name__ == "__main__":
    main(sys.argv[1:])
