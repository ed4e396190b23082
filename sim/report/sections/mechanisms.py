"""The second half of section 6: goodput in overload with each mechanism in the place of what is written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from sim.report.blocks import Block, Figure, Table
from sim.report.figures import figure
from sim.study.mechanisms import WRITTEN, Named, by_load
from sim.units import format_rate

if TYPE_CHECKING:
    import pandas as pd


def beside(tried: pd.DataFrame) -> list[Block]:
    """The picture, and its figures in a table.

    Args:
        tried: of `sim.study.mechanisms.tried`.
    """
    from sim.report.pictures.mechanisms import mechanisms as draw

    loads = by_load(tried)
    return [Figure(draw(loads), _caption(loads)), _table(loads)]


def _caption(loads: Mapping[float, Named]) -> str:
    ratio, at = list(loads.items())[-1]
    best = max(at.values(), key=lambda row: float(row.mean))
    name = f"with {best.variant} ({best.family})" if best.family else "as written"
    most = f"At {ratio:.3g} times capacity most is answered in time {name}: {format_rate(best.mean)}"
    most += f"; as written {format_rate(at[WRITTEN].mean)}." if best.family else "."
    return (
        "The scenario as written but for one mechanism, at loads above capacity that stay, with 95 % intervals; better "
        f"and worse only where the intervals lie apart. {most} A backoff puts off what is sent and lessens none of it, "
        "so in overload that stays all are much alike; whoever serves short jobs first may pass 100 %. Each kind has "
        "one setting here, to this scenario's measure: another may do better."
    )


def _table(loads: Mapping[float, Named]) -> Table:
    cells = [
        (
            name,
            family,
            *(
                figure(at[family, name].mean, at[family, name].low, at[family, name].high, "1/s")
                for at in loads.values()
            ),
        )
        for family, name in next(iter(loads.values()))
    ]
    columns = ("mechanism", "", *(f"goodput at {ratio:.3g}×" for ratio in loads))
    caption = "Goodput with each mechanism, at multiples of capacity"
    return Table(caption, columns, cells, frozenset(range(2, len(columns))), folded=True)
