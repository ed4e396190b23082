"""What a report is made of, in whatever form: sections of paragraphs, tables, pictures and listings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from sim.report.pictures.style import Picture


@dataclass(frozen=True)
class Paragraph:
    """Plain text; `quiet` for a remark."""

    block: ClassVar[str] = "paragraph"
    text: str
    quiet: bool = False


@dataclass(frozen=True)
class Bullets:
    """A list of sentences."""

    block: ClassVar[str] = "bullets"
    items: Sequence[str]


@dataclass(frozen=True)
class Table:
    """Cells that are already words; the columns numbered in `right` hold figures; `folded` if it is long."""

    block: ClassVar[str] = "table"
    caption: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    right: frozenset[int] = frozenset()
    folded: bool = False


@dataclass(frozen=True)
class Facts:
    """Terms and what they are."""

    block: ClassVar[str] = "facts"
    items: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Listing:
    """Text to be kept as it is, such as a command or a file; `title` if it may be folded away."""

    block: ClassVar[str] = "listing"
    text: str
    language: str
    title: str = ""


@dataclass(frozen=True)
class Figure:
    """A picture with what to see in it."""

    block: ClassVar[str] = "figure"
    picture: Picture
    caption: str


@dataclass(frozen=True)
class Verdict:
    """The box at the top: met, missed, inconclusive or none, the sentence, and the facts to act on."""

    block: ClassVar[str] = "verdict"
    verdict: str
    headline: str
    facts: Sequence[tuple[str, str]]


Block = Paragraph | Bullets | Table | Facts | Listing | Figure | Verdict


@dataclass(frozen=True)
class Section:
    """A numbered part of the report; numbers are fixed, so a section that is left out leaves a gap."""

    number: int
    key: str
    title: str
    blocks: Sequence[Block]

    @property
    def pictures(self) -> list[Picture]:
        """The pictures of the section, in order."""
        return [block.picture for block in self.blocks if isinstance(block, Figure)]
