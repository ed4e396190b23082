"""What is finished of a sweep, kept in a folder: `kill -9` loses none of it, and nothing is done twice.

| file | what it holds |
|---|---|
| `sweep.json` | what was asked, of which scenario, by which versions; the digests of the other files |
| `points.csv` | each point's number and values, and the hash of its scenario: the name of its result |
| `parts/` | a file for each time that the sweep went on; a line for each result, with its digest, written at once |
| `results.csv` or `.parquet` | the table of all results; written when it is whole |

A line is one write at the end of a file that no later process adds to. So what a killed process leaves is whole lines
and at most one that is cut short; a line whose digest is not its own counts as not written, and its point is done anew.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

from sim.errors import UsageError

if TYPE_CHECKING:
    import pandas as pd

    from sim.study.sweeps.design import Design

Record = dict[str, Any]
"""What is kept of a point: plain values."""

ASKED, POINTS, PARTS, LOCK = "sweep.json", "points.csv", "parts", "lock"
TABLES: Final = {"csv": "results.csv", "parquet": "results.parquet"}
FLUSH: Final = 1.0
"""Seconds from one time that the disk itself must have what is written to the next: all that a power cut may lose."""


class Ledger:
    """The folder of one sweep, held by one process at a time.

    Attributes:
        folder: where it is.
        damaged: file name -> lines of it that were not what had been written, but for one cut short at the end.
    """

    def __init__(self, folder: Path, asked: Mapping[str, Any]) -> None:
        """Opens the folder, or makes it.

        Raises:
            UsageError: it holds another sweep, or something else, or another process is at it.
        """
        self.folder = folder
        self.asked = dict(asked)
        self.damaged: dict[str, int] = {}
        self._part: int | None = None
        self._flushed = time.monotonic()
        _refuse_foreign(folder)
        folder.mkdir(parents=True, exist_ok=True)
        self._lock = _locked(folder / LOCK)
        self._document = self.asked
        try:
            self._document = self._read()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def hashes(self, design: Design) -> list[str] | None:
        """The scenario's hash at each point, as they were found when the sweep began; None if it has not begun."""
        path = self.folder / POINTS
        if self._document.get("points_sha256", "") != _digest_of(path):
            return None
        with path.open(encoding="utf-8", newline="") as stream:
            rows = list(csv.reader(stream))[1:]
        found = [row[-1] for row in rows]
        return found if [tuple(row[1:-1]) for row in rows] == list(design.written) else None

    def begin(self, design: Design, hashes: Sequence[str]) -> None:
        """Writes down what is asked, and the points."""
        stream = io.StringIO()
        lines = csv.writer(stream, lineterminator="\n")
        lines.writerow(["point", *design.paths, "hash"])
        lines.writerows(
            [number, *values, name]
            for number, (values, name) in enumerate(zip(design.written, hashes, strict=True))
        )
        points = stream.getvalue().encode()
        # Last of the two, as a folder without it has not begun.
        _replace(self.folder / POINTS, points)
        self._document = {**self.asked, "points_sha256": hashlib.sha256(points).hexdigest()}
        self._write_document()

    def finished(self) -> dict[str, Record]:
        """Every result that is whole, by the hash of its scenario."""
        found: dict[str, Record] = {}
        for path in sorted((self.folder / PARTS).glob("*.jsonl")):
            for record in self._whole(path):
                found.setdefault(record["hash"], record)
        return found

    def add(self, record: Record) -> None:
        """Writes a result down, now."""
        if self._part is None:
            self._part = self._new_part()
        body = json.dumps(record, separators=(",", ":")).encode()
        os.write(self._part, _name(body) + b" " + body + b"\n")
        if time.monotonic() > self._flushed + FLUSH:
            self._flushed = time.monotonic()
            os.fsync(self._part)

    def keep(self, table: pd.DataFrame, kind: str) -> Path:
        """Writes the table of all results, unless it is there; says by its digest what it holds."""
        path = self.folder / TABLES[kind]
        if self._document.get("tables", {}).get(path.name) != (_digest_of(path) or "none"):
            text = _parquet(table, self.asked["of"]) if kind == "parquet" else _csv(table)
            _replace(path, text)
            tables = {**self._document.get("tables", {}), path.name: hashlib.sha256(text).hexdigest()}
            self._document = {**self._document, "tables": tables}
            self._write_document()
        return path

    def close(self) -> None:
        """Lets the folder go; what is written is on the disk then."""
        if self._part is not None:
            os.fsync(self._part)
            os.close(self._part)
            self._part = None
        os.close(self._lock)
        if not self._document:  # nothing has begun here: nothing is left behind
            (self.folder / LOCK).unlink()
            with suppress(OSError):
                self.folder.rmdir()

    def _read(self) -> dict[str, Any]:
        """What the folder says of itself. Raises UsageError if that is another sweep."""
        path = self.folder / ASKED
        if not path.exists():
            return {}
        try:
            document: dict[str, Any] = json.loads(path.read_bytes())
            there = document["of"]
        except (ValueError, KeyError, TypeError):
            raise UsageError(
                f"{path} is damaged; remove {self.folder}, or choose another folder with --out"
            ) from None
        other = [
            f"{name} ({_short(there.get(name))} there, {_short(value)} now)"
            for name, value in self.asked["of"].items()
            if there.get(name) != value
        ]
        if other:
            raise UsageError(
                f"{self.folder} holds another sweep: it differs in {', '.join(other)}; "
                "choose another folder with --out, or remove it"
            )
        return document

    def _whole(self, path: Path) -> Iterator[Record]:
        lines = path.read_bytes().split(b"\n")
        lines.pop()  # empty, or cut short by a kill
        for line in lines:
            name, _, body = line.partition(b" ")
            if name != _name(body):
                self.damaged[path.name] = self.damaged.get(path.name, 0) + 1
                continue
            record: Record = json.loads(body)
            yield record

    def _new_part(self) -> int:
        folder = self.folder / PARTS
        folder.mkdir(exist_ok=True)
        number = (
            max((int(path.stem) for path in folder.glob("*.jsonl") if path.stem.isdigit()), default=0) + 1
        )
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | getattr(os, "O_BINARY", 0)
        return os.open(folder / f"{number:04d}.jsonl", flags, 0o666)

    def _write_document(self) -> None:
        _replace(
            self.folder / ASKED, (json.dumps(self._document, indent=2, ensure_ascii=False) + "\n").encode()
        )


def _refuse_foreign(folder: Path) -> None:
    """Raises UsageError for a place that is no folder of a sweep, nor can become one."""
    if folder.exists() and not folder.is_dir():
        raise UsageError(
            f"{folder} is a file; a sweep is kept in a folder: write --out {folder.stem or 'sweep'}-sweep"
        )
    if not folder.is_dir() or (folder / ASKED).exists():
        return
    # A sweep that was killed as it began has left these at the most.
    if {one.name for one in folder.iterdir()} - {LOCK, POINTS, _beside(POINTS), _beside(ASKED)}:
        raise UsageError(
            f"{folder} is no folder of a sweep; choose one that is new or empty: --out {folder / 'sweep'}"
        )


def _locked(path: Path) -> int:
    """The file, held by this process until it ends, however it ends. Raises UsageError if another holds it."""
    held = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    if sys.platform != "win32":
        import fcntl

        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(held)
            raise UsageError(
                f"another process is at the sweep in {path.parent}; wait for it, or choose another folder with --out"
            ) from None
    return held


def _replace(path: Path, content: bytes) -> None:
    """Writes a file whole or not at all."""
    beside = path.with_name(_beside(path.name))
    with beside.open("wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    beside.replace(path)


def _beside(name: str) -> str:
    """What a file is called until it is whole."""
    return f".{name}.new"


def _csv(table: pd.DataFrame) -> bytes:
    return table.to_csv(index=False, lineterminator="\n").encode()


def _parquet(table: pd.DataFrame, asked: Mapping[str, Any]) -> bytes:
    """The table with what was asked in its metadata, under `forebay`. Raises UsageError where pyarrow is missing."""
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError:
        raise UsageError(
            "Parquet needs pyarrow; write pip install 'forebay[parquet]', or --save csv"
        ) from None
    columns = pa.Table.from_pandas(table, preserve_index=False)
    said = json.dumps(asked, ensure_ascii=False).encode()
    stream = io.BytesIO()
    parquet.write_table(
        columns.replace_schema_metadata({**columns.schema.metadata, b"forebay": said}), stream
    )
    return stream.getvalue()


def _name(body: bytes) -> bytes:
    return hashlib.sha256(body).hexdigest()[:16].encode()


def _digest_of(path: Path) -> str | None:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False) if not isinstance(value, str) else value
    return text if len(text) <= 80 else f"{text[:79]}…"
