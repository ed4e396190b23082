"""A table or a document in the format asked for: text through rich, JSON, CSV, Markdown."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sim.report.figures import NOTHING, figure

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import Console, ConsoleOptions
    from rich.table import Table as RichTable

COLOURS = {
    "met": "green",
    "missed": "bold red",
    "inconclusive": "yellow",
    "better": "green",
    "worse": "bold red",
    "holds": "green",
    "reached": "green",
    "broken": "bold red",
    "exact": "green",
    "approximate": "yellow",
}


ANY_WIDTH = 10_000
"""Columns of a terminal on which nothing has to break."""


@dataclass(frozen=True)
class Table:
    """Cells that are already words, under a title. Columns named in `right` are numbers."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    right: frozenset[str] = field(default_factory=frozenset)

    def __rich_console__(self, console: "Console", options: "ConsoleOptions") -> "Iterator[RichTable]":
        """For a terminal: a repeated first cell is left blank, verdicts are coloured and always words too."""
        from rich.measure import Measurement

        whole = self._rich(whole_paths=True)
        needed = Measurement.get(console, options.update(width=ANY_WIDTH), whole).minimum
        yield whole if needed <= options.max_width else self._rich(whole_paths=False)

    def _rich(self, *, whole_paths: bool) -> "RichTable":
        from rich.box import SIMPLE_HEAD
        from rich.table import Table as RichTable
        from rich.text import Text

        def broken(cell: str) -> str:
            """A path may break at its dots where it has to."""
            return cell if whole_paths or not _is_path(cell) else cell.replace(".", ".\n")

        table = RichTable(title=self.title or None, title_justify="left", box=SIMPLE_HEAD, title_style="bold")
        for place, name in enumerate(self.columns):
            numeric = name in self.right
            whole = numeric or (
                whole_paths and any(_is_path(cell) for cell in (name, *(row[place] for row in self.rows)))
            )
            # On a narrow terminal a figure goes on in the next line; cut short it would be another figure.
            table.add_column(
                broken(name), justify="right" if numeric else "left", no_wrap=whole, overflow="fold"
            )
        above = ""
        for first, *others in self.rows:
            table.add_row(
                Text("" if first == above else broken(first)),
                *(Text(broken(cell), style=COLOURS.get(cell.partition(",")[0], "")) for cell in others),
            )
            above = first
        return table

    def markdown(self) -> str:
        """As a Markdown table under a heading."""
        rule = ["--:" if name in self.right else ":--" for name in self.columns]
        lines = [self.columns, rule, *self.rows]
        head = f"## {self.title}\n\n" if self.title else ""
        return (
            head + "\n".join("| " + " | ".join(_cell(cell) for cell in line) + " |" for line in lines) + "\n"
        )


def _is_path(cell: str) -> bool:
    """Whether a cell is a key path, which has nowhere to break."""
    return cell.count(".") > 1 and " " not in cell


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def json_text(document: Mapping[str, Any]) -> str:
    """A document as JSON: the same document gives the same bytes; a NaN in it is a fault, never printed."""
    return json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def frame_csv(frame: "pd.DataFrame") -> str:
    """A table of figures as CSV with a header; floats keep every digit, an absent value is an empty field."""
    return frame.to_csv(index=False, lineterminator="\n")


def shown(row: Any, *, interval: bool = True) -> str:
    """The figure of one row of a summary or of objectives, in the unit of its metric."""
    cells = _cells(row)
    mean = cells["mean"] if "mean" in cells else cells["value"]
    if interval:
        return figure(mean, cells["low"], cells["high"], _unit(cells))
    return figure(mean, unit=_unit(cells))


def asked(row: Any) -> str:
    """The bound of an objective: `≤ 1 s`."""
    cells = _cells(row)
    most, least = (figure(cells[bound], unit=_unit(cells)) for bound in ("at_most", "at_least"))
    return f"≥ {least}" if most == NOTHING else f"≤ {most}"


def bound(row: Mapping[str, Any]) -> str:
    """An objective in words, with what had to be survived: `traffic:web latency_p99 ≤ 1 s (a zone lost)`."""
    from sim.report.plan_words import asked_words

    return asked_words(row, as_keys=True)


def _cells(row: Any) -> Mapping[str, Any]:
    found: Mapping[str, Any] = row if isinstance(row, Mapping) else row._asdict()
    return found


def _unit(cells: Mapping[str, Any]) -> str:
    from sim.report.plan_words import unit_of_row

    return unit_of_row(cells)
