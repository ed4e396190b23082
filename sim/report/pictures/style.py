"""How every picture looks: palette, drawing defaults, and `Picture`, a figure with its words."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from html import escape
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

if TYPE_CHECKING:
    from matplotlib.typing import RcKeyType

BLACK = "#000000"
ORANGE = "#E69F00"
SKY = "#56B4E9"
GREEN = "#009E73"
YELLOW = "#F0E442"
BLUE = "#0072B2"
VERMILLION = "#D55E00"
PURPLE = "#CC79A7"
GREY = "#767676"
PALE = "#D9D9D9"
"""Okabe and Ito's palette (2008), safe with every common colour blindness; greys for what is not data."""

SERIES = (BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY, BLACK)

DEFAULTS: dict[RcKeyType, Any] = {
    "font.family": ["DejaVu Sans"],
    "font.size": 9.0,
    "axes.titlesize": 9.0,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titlepad": 5.0,
    "axes.labelsize": 9.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": GREY,
    "axes.linewidth": 0.8,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#ECECEC",
    "grid.linewidth": 0.8,
    "xtick.color": GREY,
    "ytick.color": GREY,
    "xtick.labelcolor": "#333333",
    "ytick.labelcolor": "#333333",
    "xtick.labelsize": 8.0,
    "ytick.labelsize": 8.0,
    "xtick.major.size": 3.0,
    "ytick.major.size": 3.0,
    "xtick.minor.size": 0.0,
    "ytick.minor.size": 0.0,
    "text.parse_math": False,
    "lines.linewidth": 1.6,
    "lines.solid_capstyle": "round",
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    "svg.fonttype": "none",
    "svg.hashsalt": "forebay",
    "path.simplify": True,
}


@contextmanager
def style() -> Iterator[None]:
    """Draw with the defaults above, whatever the reader's own matplotlib settings are."""
    with mpl.rc_context(), warnings.catch_warnings():
        mpl.rcdefaults()
        # A name may hold signs that the font lacks; a box in their place is no reason to fail a report.
        warnings.filterwarnings("ignore", message=r"Glyph .* missing from")
        with mpl.rc_context(DEFAULTS):
            yield


def ink(colour: str) -> str:
    """The colour, darkened until text in it reads on white (contrast 4.5 to 1, as WCAG 2.1 asks)."""
    red, green, blue = to_rgb(colour)
    scale = 1.0
    while _luminance(red * scale, green * scale, blue * scale) > 0.183:
        scale -= 0.02
    return "#" + "".join(f"{round(255 * part * scale):02x}" for part in (red, green, blue))


def _luminance(red: float, green: float, blue: float) -> float:
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in (red, green, blue)
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


class Picture(Figure):
    """A matplotlib figure with its name and its description in words; saves the same bytes every time."""

    def __init__(self, name: str, width: float, height: float) -> None:
        """`name` is a word fit for a file name; the size is in inches."""
        super().__init__(figsize=(width, height))
        self.name = name
        self.alt = ""
        FigureCanvasAgg(self)

    def svg(self, prefix: str | None = None) -> str:
        """One `<svg>` element to set into a page; `prefix` keeps its ids apart from other pictures' ids."""
        stream = io.StringIO()
        with style():
            self.savefig(stream, format="svg", metadata={"Date": None})
        return _inline(stream.getvalue(), prefix or self.name, self.alt)

    def png(self, dpi: float = 160.0) -> bytes:
        """The picture as the bytes of a PNG file."""
        stream = io.BytesIO()
        with style():
            self.savefig(stream, format="png", dpi=dpi, metadata={"Software": None, "Description": self.alt})
        return stream.getvalue()

    def _repr_png_(self) -> bytes:
        return self.png(110.0)


def only_words(name: str, text: str) -> Picture:
    """A picture of which there is nothing to draw, and that says so."""
    with style():
        picture = Picture(name, 7.2, 0.8)
        picture.text(0.02, 0.5, text, va="center", color=GREY)
    picture.alt = text
    return picture


def _inline(text: str, prefix: str, alt: str) -> str:
    """Matplotlib's SVG file without its prologue and metadata, with ids of its own and a description."""
    body = text[text.index("<svg") :]
    body = re.sub(r"<metadata>.*?</metadata>", "", body, count=1, flags=re.DOTALL)
    body = re.sub(r'(?<=\sid=")', f"{prefix}-", body)
    body = re.sub(r'(?<=href="#)', f"{prefix}-", body)
    body = re.sub(r"(?<=url\(#)", f"{prefix}-", body)
    # Where the font is missing, another of nearly the same widths keeps the words in their places.
    body = body.replace("'DejaVu Sans'", "'DejaVu Sans', Verdana, 'Bitstream Vera Sans', sans-serif")
    body = re.sub(r' transform="rotate\(-0 [^"]*"', "", body)
    width = re.findall(r' width="([\d.]+)pt"', body)[0]
    body = re.sub(r' (?:width|height)="[\d.]+pt"', "", body, count=2)
    frame = f'<svg role="img" aria-label="{escape(alt)}" style="max-width:{float(width) * 1.6:.0f}px"'
    return body.replace("<svg", frame, 1).strip()
