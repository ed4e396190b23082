"""The pages that the benchmarks write: docs/benchmarks.md a section at a time, docs/coverage.md whole."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
DOCS: Final = ROOT / "docs"
BENCHMARKS: Final = DOCS / "benchmarks.md"
COVERAGE: Final = DOCS / "coverage.md"

HEAD: Final = """\
# Benchmarks

Written by `python -m benchmarks` (see [benchmarks/README.md](../benchmarks/README.md)); not edited by hand.
Absolute figures are of the machine that wrote this page, two cores shared with other work; the ratios, the
limits and the memory hold elsewhere.

"""

SECTIONS: Final = (
    "speed",
    "peers",
    "scale",
    "mechanisms",
    "basin",
    "memory",
    "startup",
    "cluster",
    "sweep",
    "rare",
    "plan",
    "precision",
)


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table; the first column is aligned left, the others right."""
    lines = [columns, ["---", *["--:"] * (len(columns) - 1)], *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def paragraph(*sentences: str) -> str:
    """Sentences as a paragraph of lines that are not too long, and an empty line after it."""
    words = textwrap.fill(" ".join(sentences), 118, break_long_words=False, break_on_hyphens=False)
    return f"{words}\n\n"


def write_section(name: str, text: str) -> None:
    """Puts a section in its place in docs/benchmarks.md; the other sections stay."""
    page = BENCHMARKS.read_text(encoding="utf-8") if BENCHMARKS.exists() else ""
    parts = {
        found: re.search(rf"<!-- {found} -->\n(.*?)<!-- end -->\n", page, re.DOTALL) for found in SECTIONS
    }
    texts = {found: match.group(1) for found, match in parts.items() if match} | {name: f"{text.strip()}\n"}
    body = "\n".join(f"<!-- {one} -->\n{texts[one]}<!-- end -->\n" for one in SECTIONS if one in texts)
    DOCS.mkdir(exist_ok=True)
    BENCHMARKS.write_text(HEAD + body, encoding="utf-8")


def verdict(holds: bool) -> str:
    """How a limit was kept, in a word."""
    return "holds" if holds else "**does not hold**"
