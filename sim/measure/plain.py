"""Values as JSON has them: what is not a finite number is null, a date is a text."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd


def plain(value: Any) -> Any:
    """A value; None for NaN and the infinities."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value.isoformat() if isinstance(value, dt.date) else value


def plain_row(row: Mapping[Any, Any]) -> dict[str, Any]:
    """A row of a table, or the fields of an object."""
    return {str(name): plain(value) for name, value in row.items()}


def plain_rows(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """All rows of a table."""
    return [plain_row(row) for row in frame.to_dict("records")]
