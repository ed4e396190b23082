"""The picture of the section on other simulators: bars on a logarithmic scale."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from benchmarks.page import DOCS
from sim.report.pictures.style import BLUE, GREY, ORANGE, SKY, Picture, style

FILE: Final = DOCS / "pictures" / "peers.svg"
COLOURS: Final = (BLUE, SKY, ORANGE)
THICK: Final = 0.27
"""Of a bar, where a tool's place is 1."""


def draw(speeds: Mapping[str, Sequence[float]], models: Sequence[str], ours: int, file: Path = FILE) -> str:
    """Draws requests a CPU second for each tool and model, the first `ours` tools in bold; says what is seen."""
    words = f"Requests a CPU second of {len(speeds)} tools on {', '.join(models)}, on a logarithmic scale."
    with style():
        picture = Picture("peers", 7.6, 0.6 + 0.43 * len(speeds))
        picture.alt = words
        axes = picture.add_axes((0.315, 0.08, 0.645, 0.87))
        for column, (model, colour) in enumerate(zip(models, COLOURS, strict=True)):
            places = [row + (column - 1) * THICK for row in range(len(speeds))]
            values = [of[column] for of in speeds.values()]
            axes.barh(places, values, THICK, color=colour, label=model)
            for place, value in zip(places, values, strict=True):
                label = f"{value / 1e6:.1f} M" if value >= 1e6 else f"{value / 1e3:.3g} k"
                axes.text(value * 1.05, place, label, va="center", fontsize=6.0, color="#333333")
        axes.set_xscale("log")
        axes.set_xlim(1e3, 1e8)
        axes.set_xticks(
            [10.0**power for power in range(3, 9)], ["1 k", "10 k", "100 k", "1 M", "10 M", "100 M"]
        )
        axes.set_yticks(range(len(speeds)), list(speeds))
        for name in axes.get_yticklabels()[:ours]:
            name.set_fontweight("bold")
        axes.set_ylim(len(speeds) - 0.4, -0.6)
        axes.grid(visible=False, axis="y")
        axes.set_xlabel("requests a CPU second", color=GREY)
        picture.legend(loc="upper right", bbox_to_anchor=(0.985, 1.0), ncols=3, frameon=False, fontsize=8.0)
        file.parent.mkdir(exist_ok=True)
        picture.savefig(file, metadata={"Date": None, "Creator": None})
    return words
