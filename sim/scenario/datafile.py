"""One column of a CSV file: its cells with their lines, and errors that name both."""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Iterable
from functools import lru_cache
from pathlib import Path
from typing import Literal, TypeVar

from pydantic import ValidationInfo

from sim.scenario.quantities import refuse, show

T = TypeVar("T")

Unit = Literal["s", "ms", "us", "ns"]
PER_SECOND: dict[str, float] = {"s": 1.0, "ms": 1e3, "us": 1e6, "ns": 1e9}
"""How many of a unit make a second. Divided by, so that 3 ms is the double nearest to 0.003."""


def located(file: str, info: ValidationInfo) -> Path:
    """The path of a data file: relative to the folder of the scenario, which the validation context names."""
    directory = Path(info.context["directory"]) if info.context and "directory" in info.context else Path()
    path = directory / file
    try:
        what = "" if path.is_file() else "is not a regular file" if path.exists() else "does not exist"
    except OSError as error:
        what = f"cannot be found: {error.strerror}"
    if what:
        where = f"(looked in {directory.resolve()})"
        raise refuse(
            f"the data file {show(file)} {what} {where}", "a path from the scenario's folder", at="file"
        )
    return path


def read_column(path: Path, column: str | None, convert: Callable[[str], T]) -> tuple[T, ...]:
    """The cells of a named column (of the only one, if None), converted; blank lines are passed over.

    `convert` raises ValueError with the rest of a sentence that starts with the cell. Errors name file, line,
    value.
    """
    values = []
    for line, cell in _cells(path, column):
        try:
            values.append(convert(cell))
        except ValueError as error:
            raise refuse(f"{path.name}, line {line}: {show(cell)} {error}", at="file") from None
    return tuple(values)


def line_of(path: Path, column: str | None, place: int) -> int:
    """The line on which the value at `place` of `read_column` stands."""
    return _cells(path, column)[place][0]


def to_number(cell: str) -> float:
    """A finite number, zero or more. Raises ValueError."""
    try:
        value = float(cell)
    except ValueError:
        raise ValueError("is not a number") from None
    if not math.isfinite(value):
        raise ValueError("is not finite")
    if value < 0.0:
        raise ValueError("is negative")
    return value


def _cells(path: Path, column: str | None) -> tuple[tuple[int, str], ...]:
    stamp = path.stat()
    return _cells_of(path, stamp.st_mtime_ns, stamp.st_size, column)


@lru_cache(maxsize=16)
def _cells_of(path: Path, _changed: int, _size: int, column: str | None) -> tuple[tuple[int, str], ...]:
    """The cells with their lines. Kept, as a plan reads the same file many times."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            return _read(path.name, stream, column)
    except UnicodeDecodeError:
        raise refuse(f"{path.name} is not text in UTF-8", at="file") from None
    except OSError as error:
        raise refuse(f"{path.name} cannot be read: {error.strerror}", at="file") from None


def _read(name: str, lines: Iterable[str], column: str | None) -> tuple[tuple[int, str], ...]:
    rows = csv.reader(lines, strict=True)
    try:
        header = [cell.strip() for cell in next(rows, [])]
        place = _place(name, header, column)
        cells = []
        for row in rows:
            if not any(cell.strip() for cell in row):
                continue
            if len(row) <= place:
                raise refuse(
                    f"{name}, line {rows.line_num}: there is no cell in column {show(header[place])}",
                    at="file",
                )
            if any(cell.strip() for cell in row[len(header) :]):
                raise refuse(
                    f"{name}, line {rows.line_num}: {len(row)} cells, where the header has {len(header)}; "
                    "a comma within a number divides it",
                    at="file",
                )
            cells.append((rows.line_num, row[place].strip()))
    except csv.Error as error:
        raise refuse(f"{name}, line {rows.line_num}: {error}", at="file") from None
    if not cells:
        raise refuse(f"{name} has no rows below its header", at="file")
    return tuple(cells)


def _place(name: str, header: list[str], column: str | None) -> int:
    if not any(header):
        raise refuse(f"{name} has no header on line 1", "a first line that names the columns", at="file")
    if column is None:
        if len(header) > 1:
            raise refuse(
                f"{name} has {len(header)} columns: {', '.join(header[:8])}",
                f"column: {header[0]}",
                at="file",
            )
        return 0
    if header.count(column) != 1:
        many = "no column" if column not in header else "more than one column"
        raise refuse(
            f"{name} has {many} {show(column)}; its columns are {', '.join(header[:8])}",
            f"column: {header[0]}",
            at="file",
        )
    return header.index(column)
