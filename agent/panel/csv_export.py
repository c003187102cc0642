"""Trends as a table for spreadsheets: UTF-8 with a mark, moments with their zone, one row a period. Pure.

Spreadsheets take texts that start with ``= + - @`` for formulas, and run them. Names of points are written by people,
so every such text gets a quote before it; numbers are written as they are.
"""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any, Final

from agent.panel import moments
from agent.panel.series import periods

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from zoneinfo import ZoneInfo

    from agent.panel.series import Columns

BOM: Final = "\ufeff"
COLUMNS: Final = ("avg", "min", "max", "n", "valid", "flag", "total")
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def cell(value: object) -> str:
    """Return what stands in a cell. What is not known is empty; a text that would be a formula gets a quote."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, int | float):
        return repr(value)
    text = str(value)
    return f"'{text}" if text.lstrip(" ").startswith(_FORMULA) else text


def head(points: Sequence[str], units: Mapping[str, str]) -> str:
    """Return the first line, with the mark before it by which spreadsheets know UTF-8."""
    names = [f"{point} {column}{_unit(column, units[point])}" for point in points for column in COLUMNS]
    return BOM + _line(["start", "end", *names])


def lines(points: Sequence[str], series: Mapping[str, Columns], zone: ZoneInfo) -> str:
    """Return one line for each period."""
    found = []
    for start_ms, span_ms, by_point in periods(series):
        row: list[Any] = [moments.iso(start_ms, zone), moments.iso(start_ms + span_ms, zone)]
        for point in points:
            entries = by_point.get(point, {})
            row += [entries.get(column) for column in COLUMNS]
        found.append(_line(row))
    return "".join(found)


def _unit(column: str, unit: str) -> str:
    return f" [{unit}]" if unit and column in ("avg", "min", "max") else ""


def _line(values: Sequence[object]) -> str:
    out = io.StringIO()
    csv.writer(out).writerow([cell(value) for value in values])
    return out.getvalue()
