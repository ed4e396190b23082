"""A table or a document in the format asked for: text through rich, JSON, CSV, Markdown."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sim.report.figures import figure

if TYPE_CHECKING:
    import pandas as pd
    from rich.table import Table as RichTable

COLOURS = {
    "met": "green",
    "missed": "bold red",
    "inconclusive": "yellow",
    "holds": "green",
    "broken": "bold red",
    "exact": "green",
    "approximate": "yellow",
}


@dataclass(frozen=True)
class Table:
    """Cells that are already words, under a title. Columns named in `right` are numbers."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    right: frozenset[str] = field(default_factory=frozenset)

    def rich(self) -> "RichTable":
        """For a terminal: a repeated first cell is left blank, verdicts are coloured and always words too."""
        from rich.box import SIMPLE_HEAD
        from rich.table import Table as RichTable
        from rich.text import Text

        table = RichTable(title=self.title or None, title_justify="left", box=SIMPLE_HEAD, title_style="bold")
        for name in self.columns:
            numeric = name in self.right
            table.add_column(name, justify="right" if numeric else "left", no_wrap=numeric)
        above = ""
        for first, *others in self.rows:
            table.add_row(
                Text("" if first == above else first),
                *(Text(cell, style=COLOURS.get(cell, "")) for cell in others),
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


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def json_text(document: Mapping[str, Any]) -> str:
    """A document as JSON: the same document gives the same bytes; a NaN in it is a fault, never printed."""
    return json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def frame_csv(frame: "pd.DataFrame") -> str:
    """A table of figures as CSV with a header; floats keep every digit, an absent value is an empty field."""
    return frame.to_csv(index=False, lineterminator="\n")


def records(frame: "pd.DataFrame") -> Any:
    """The rows of a table of figures, each with its columns as attributes."""
    return frame.itertuples(index=False)


def shown(row: Any, mean: float | None = None, *, interval: bool = True) -> str:
    """The figure of one row of a summary, or another `mean` in the unit of its metric."""
    from sim.scenario.metrics import UNBOUNDED_RATIOS, unit_of

    # An amplification of 1.3 says more than 130 %.
    unit = "count" if row.metric in UNBOUNDED_RATIOS else unit_of(row.metric)
    if mean is not None:
        return figure(mean, unit=unit)
    value = row.mean if hasattr(row, "mean") else row.value
    return figure(value, row.low, row.high, unit) if interval else figure(value, unit=unit)
