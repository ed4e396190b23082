"""A report as Markdown, its pictures as PNG files in a folder beside it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from sim.report.blocks import Block, Bullets, Facts, Figure, Listing, Paragraph, Section, Table, Verdict

if TYPE_CHECKING:
    from sim.report.page import Report

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~])")


def write_markdown(report: Report, path: Path) -> list[Path]:
    """Write the report to `path`, its pictures to `<stem>-pictures/`; returns the files, the page first."""
    folder = path.with_name(f"{path.stem}-pictures")
    written = [path]
    pictures = [picture for section in report.sections for picture in section.pictures]
    if pictures:
        folder.mkdir(parents=True, exist_ok=True)
    for picture in pictures:
        written.append(folder / f"{picture.name}.png")
        written[-1].write_bytes(picture.png())
    path.write_text(markdown(report, quote(folder.name)), encoding="utf-8", newline="\n")
    return written


def markdown(report: Report, folder: str) -> str:
    """The text of the report; its pictures are looked for in `folder`, a relative address."""
    parts = [f"# {escaped(report.name)}", escaped(report.subtitle)]
    parts.extend(_section(section, folder) for section in report.sections)
    return "\n\n".join(parts) + "\n"


def escaped(text: str) -> str:
    """A text that Markdown shows as it is."""
    return _SPECIAL.sub(r"\\\1", text).replace("\n", " ")


def _section(section: Section, folder: str) -> str:
    return "\n\n".join(
        [
            f"## {section.number}. {escaped(section.title)}",
            *(_block(block, folder) for block in section.blocks),
        ]
    )


def _block(block: Block, folder: str) -> str:
    match block:
        case Paragraph():
            return escaped(block.text)
        case Bullets():
            return "\n".join(f"- {escaped(item)}" for item in block.items)
        case Facts():
            return "\n".join(f"- **{escaped(term)}**: {escaped(text)}" for term, text in block.items)
        case Table():
            return _table(block)
        case Listing():
            title = f"{escaped(block.title)}:\n\n" if block.title else ""
            fence = "`" * max(3, 1 + max((len(run) for run in re.findall(r"`+", block.text)), default=0))
            return f"{title}{fence}{block.language}\n{block.text.rstrip()}\n{fence}"
        case Figure():
            address = f"{folder}/{quote(block.picture.name)}.png"
            return f"![{escaped(block.picture.alt)}]({address})\n\n{escaped(block.caption)}"
        case Verdict():
            from sim.report.page import WORDS

            facts = "\n".join(f"> - **{escaped(term)}**: {escaped(text)}" for term, text in block.facts)
            return f"> **{WORDS[block.verdict]}** {escaped(block.headline)}" + (
                f"\n>\n{facts}" if facts else ""
            )


def _table(table: Table) -> str:
    rule = ["--:" if place in table.right else ":--" for place in range(len(table.columns))]
    lines = [
        [escaped(name) for name in table.columns],
        rule,
        *([escaped(cell) for cell in row] for row in table.rows),
    ]
    text = "\n".join("| " + " | ".join(line) + " |" for line in lines)
    return f"**{escaped(table.caption)}**\n\n{text}"
