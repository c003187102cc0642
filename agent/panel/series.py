"""Trends: which points over which time, what is drawn of them, and the figures beside it. Pure.

A series is what verb ``trend`` answers for one point: columns with an entry for each period, ordered by start. A period
that nobody saw has no row, and one without a good reading has no mean: both are gaps, and stay gaps when drawn.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from agent.panel import moments
from agent.panel.typed import Typed

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from zoneinfo import ZoneInfo

    from agent.panel.typed import Said

MOST_POINTS: Final = 8
UNITS_PER_CHART: Final = 2
HOUR_MS: Final = 3_600_000
RANGES: Final = {"1h": 1, "8h": 8, "24h": 24, "7d": 168, "30d": 720, "1y": 8784}
"""Hours that the buttons look back."""
DEFAULT: Final = "24h"
LONGEST_MS: Final = 400 * 24 * HOUR_MS

Number = float | None
Columns = dict[str, list[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What is looked at: points in the order they were chosen, from one moment to another. `span` names the button."""

    points: tuple[str, ...]
    span: str | None
    from_ms: int
    to_ms: int

    def query(self, *, points: Iterable[str] | None = None, span: str | None = None, fixed: bool = False) -> str:
        """Return the choice as the query of an address, changed in one thing; `fixed` writes moments for a span."""
        named = [("p", point) for point in (self.points if points is None else points)]
        kept = None if fixed else span or self.span
        when = [("range", kept)] if kept else [("from", moments.utc(self.from_ms)), ("to", moments.utc(self.to_ms))]
        return urlencode(named + when)

    def request(self, level: str | None = None) -> dict[str, Any]:
        """Return the question for the agent."""
        span = {"from_ms": self.from_ms, "to_ms": self.to_ms}
        return {"do": "trend", "points": list(self.points), "level": level, **span}


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """A series in short. `valid` is the share of the time that counts; ``None`` where nothing is known."""

    least: Number
    avg: Number
    most: Number
    total: Number
    valid: Number


def chosen(
    points: Sequence[str], when: Mapping[str, str], known: Collection[str], now_ms: int, zone: ZoneInfo
) -> tuple[Choice, dict[str, Said]]:
    """Return what an address asks for, and what is wrong with it by field; whatever is wrong is left out."""
    typed = Typed(when, zone)
    wanted = tuple(point for point in dict.fromkeys(points) if point in known)
    if len(wanted) > MOST_POINTS:
        typed.refuse("p", "trends.too_many", most=MOST_POINTS)
    elif len(wanted) < len(set(points)):
        typed.refuse("p", "trends.gone")
    span, from_ms, to_ms = _stretch(typed, now_ms)
    return Choice(points=wanted[:MOST_POINTS], span=span, from_ms=from_ms, to_ms=to_ms), typed.problems


def _stretch(typed: Typed, now_ms: int) -> tuple[str | None, int, int]:
    """Return the name of the span, its start and its end."""
    span = typed.raw("range")
    if span not in RANGES and (typed.raw("from") or typed.raw("to")):
        from_ms, to_ms = typed.moment("from", needed=True), typed.moment("to") or now_ms
        if from_ms is not None and from_ms >= to_ms:
            typed.refuse("to", "trends.backwards")
        elif from_ms is not None and to_ms - from_ms > LONGEST_MS:
            typed.refuse("from", "trends.too_long")
        if from_ms is not None and not typed.problems.keys() & {"from", "to"}:
            return None, from_ms, to_ms
    span = span if span in RANGES else DEFAULT
    return span, now_ms - RANGES[span] * HOUR_MS, now_ms


def charts(points: Sequence[str], units: Mapping[str, str]) -> list[tuple[str, ...]]:
    """Return the points of each chart: a chart has axes for two units at most."""
    order = list(dict.fromkeys(units[point] for point in points))
    groups = [order[at : at + UNITS_PER_CHART] for at in range(0, len(order), UNITS_PER_CHART)]
    return [tuple(point for point in points if units[point] in group) for group in groups]


def drawn(series: Columns) -> dict[str, Any]:
    """Return what a chart needs: seconds since 1970 of the middle of each period, with a ``None`` in every gap.

    `bad` are stretches of periods that were not valid: start, end in seconds, and the flags seen.
    """
    told: dict[str, Any] = {"x": [], "avg": [], "min": [], "max": [], "bad": _bad(series)}
    end_ms: int | None = None
    for start_ms, span_ms, *values in _rows(series, "avg", "min", "max"):
        if end_ms is not None and start_ms > end_ms + span_ms / 2:
            _put(told, (end_ms + start_ms) / 2000, (None, None, None))
        _put(told, (start_ms + span_ms / 2) / 1000, values)
        end_ms = start_ms + span_ms
    return told


def _put(told: dict[str, Any], second: float, values: Sequence[Number]) -> None:
    told["x"].append(second)
    for name, value in zip(("avg", "min", "max"), values, strict=True):
        told[name].append(value)


def _bad(series: Columns) -> list[list[Any]]:
    found: list[list[Any]] = []
    for start_ms, span_ms, valid, flag in _rows(series, "valid", "flag"):
        if valid:
            continue
        start, end = start_ms / 1000, (start_ms + span_ms) / 1000
        if found and abs(found[-1][1] - start) < span_ms / 2000:
            found[-1][1] = end
            found[-1][2] = "".join(dict.fromkeys(found[-1][2] + flag))
        else:
            found.append([start, end, flag])
    return found


def figures(series: Columns, from_ms: int, to_ms: int) -> Figures:
    """Return the extremes of all good readings, the mean of the valid periods by their length, and the amount."""
    rows = list(_rows(series, "avg", "valid"))
    counted = [(span_ms, avg) for _, span_ms, avg, valid in rows if valid and avg is not None]
    valid_ms = sum(span_ms for span_ms, _ in counted)
    totals = [total for total in series["total"] if total is not None]
    return Figures(
        least=min((one for one in series["min"] if one is not None), default=None),
        avg=sum(span_ms * avg for span_ms, avg in counted) / valid_ms if valid_ms else None,
        most=max((one for one in series["max"] if one is not None), default=None),
        total=sum(totals) if totals else None,
        valid=min(1.0, valid_ms / (to_ms - from_ms)) if rows else None,
    )


def amount_unit(unit: str) -> str:
    """Return the unit of an amount of readings in `unit`: kWh of kW, m3 of m3/h; that of a counter is its own."""
    if unit.endswith(("/h", "/s")):
        return unit[:-2]
    return f"{unit}h" if unit.endswith(("W", "var", "VA")) else unit


def gaps(series: Columns) -> int:
    """Return how often periods are missing between the first and the last."""
    ends = [(start_ms, start_ms + span_ms, span_ms) for start_ms, span_ms in _rows(series)]
    return sum(later[0] > earlier[1] + later[2] / 2 for earlier, later in pairwise(ends))


def periods(series: Mapping[str, Columns]) -> list[tuple[int, int, dict[str, dict[str, Any]]]]:
    """Return (start, length in ms, entries by point) of each period of any of the points, ordered by start.

    After a step back of the clock there may be two rows with one start: both are told, in the order they were written.
    """
    table: dict[tuple[int, int, int], dict[str, dict[str, Any]]] = {}
    names = ("avg", "min", "max", "n", "valid", "flag", "total")
    for point, columns in series.items():
        seen: dict[tuple[int, int], int] = {}
        for start_ms, span_ms, *values in _rows(columns, *names):
            again = seen[start_ms, span_ms] = seen.get((start_ms, span_ms), -1) + 1
            table.setdefault((start_ms, again, span_ms), {})[point] = dict(zip(names, values, strict=True))
    return [(start_ms, span_ms, by_point) for (start_ms, _, span_ms), by_point in sorted(table.items(), key=_key)]


def _key(period: tuple[tuple[int, int, int], object]) -> tuple[int, int, int]:
    return period[0]


def _rows(series: Columns, *names: str) -> Iterable[tuple[Any, ...]]:
    """Yield (start, length, and what is named) of each row."""
    return zip(series["start_ms"], series["span_ms"], *(series[name] for name in names), strict=True)
