"""Statistics of a reporting period: last, average, minimum, maximum and count of every number a device gives.

Periods are pieces of the day in the site's time zone (`agent.periods`), marked by their start. At the edges:

- A period is closed by the first scan after its end, or by `due` a moment later when no scan comes.
- **Time not known**: pieces of monotonic time since boot instead, with `ts` null.
- **Time becomes known, is lost or steps** inside a period: it is closed where it is, with a `fault` that says so, and
  a new one begins. After a step back two records may carry the same `ts`; the chain and the `clock` record order them.
- **A late scan**, older than a period already closed, counts in the one that is open: nothing is dropped.
- **The agent starts or stops** inside a period: the part that was seen is told, with a `fault`.
- **Nothing came at all**: no record. Devices that do not answer still give scans, of unknowns.

Only values flagged N count. A point without any has null for everything and ``n`` 0. `values` and `flags` are those of
the last scan.

How it stays cheap: scans are kept as they come and folded column by column, `FOLD` at a time, with `min`, `max` and
`sum` running over whole columns in C. Only a column with a flag in it costs Python per value.
"""

from __future__ import annotations

import math
from functools import partial
from operator import add
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from agent.clock import ts
from agent.columns import flagged, picker
from agent.periods import Piece, piece_of_boot, piece_of_day
from agent.record import reading, readings
from config.visits import name_of
from drivers.reading import Quality, Scan, Value

if TYPE_CHECKING:
    from collections.abc import Sequence
    from zoneinfo import ZoneInfo

    from config.site import Device
    from drivers.spec import AnyPoint

Draft = dict[str, Any]

FOLD: Final = 16
GRACE_MS: Final = 1000
"""How long after its end a period waits for a scan that is still on its way through the house."""
STEP_MS: Final = 500
"""Believed time that moves against monotonic time by more than this has stepped."""
_DIGITS: Final = 12
_GOOD: Final = Quality.NORMAL.value

STARTED: Final = "the agent started"
STOPPED: Final = "the agent stopped"
RECONFIGURED: Final = "the configuration changed"
_LEARNED: Final = "the time became known"
_LOST: Final = "the time was lost"
_STEPPED: Final = "the clock stepped"


def is_number(point: AnyPoint) -> bool:
    """Whether a point gives numbers: not a bit and not a text."""
    return point.is_number


class Tally:
    """Minimum, maximum, sum and count of the good values of some columns."""

    __slots__ = ("_clean", "_counts", "_high", "_low", "_total", "_waiting")

    def __init__(self, clean: Sequence[str]) -> None:
        """Begin with nothing; `clean` are the flags of a row in which everything is good."""
        width = len(clean)
        self._clean = clean
        self._waiting: list[tuple[Sequence[Any], Sequence[str]]] = []
        self._low: list[float] = [math.inf] * width
        self._high: list[float] = [-math.inf] * width
        self._total: list[float] = [0] * width
        self._counts = [0] * width

    def add(self, values: Sequence[Any], flags: Sequence[str]) -> None:
        """Take a row."""
        if _GOOD in flags:
            self._waiting.append((values, flags))
            if len(self._waiting) == FOLD:
                self._fold()

    def result(self) -> tuple[list[float], list[float], list[float], list[int]]:
        """Return the columns' minima, maxima, sums and counts; where a count is 0 the others say nothing."""
        self._fold()
        return self._low, self._high, self._total, self._counts

    def _fold(self) -> None:
        rows, self._waiting = self._waiting, []
        if not rows:
            return
        columns: list[Sequence[Any]] = list(zip(*(values for values, _ in rows), strict=True))
        if any(flags != self._clean for _, flags in rows):
            columns = _good_only(columns, [flags for _, flags in rows])
        try:
            self._merge(columns)
        except TypeError:  # a text, or nothing, flagged as a good number
            self._merge(_good_only(columns, [flags for _, flags in rows]))

    def _merge(self, columns: list[Sequence[Any]]) -> None:
        full = all(columns)  # a default for empty columns makes every call a third dearer
        low = list(map(min, self._low, map(min if full else _LOWEST, columns)))
        high = list(map(max, self._high, map(max if full else _HIGHEST, columns)))
        total = list(map(add, self._total, map(sum, columns)))
        self._counts = list(map(add, self._counts, map(len, columns)))
        self._low, self._high, self._total = low, high, total


_LOWEST: Final = partial(min, default=math.inf)
_HIGHEST: Final = partial(max, default=-math.inf)


def _good_only(columns: Sequence[Sequence[Any]], rows: Sequence[Sequence[str]]) -> list[Sequence[Any]]:
    """Return the columns without what is not flagged N, or is not a number after all."""
    clean = (_GOOD,) * len(rows)
    return [
        column
        if marks == clean and None not in column
        else tuple(v for v, mark in zip(column, marks, strict=True) if mark == _GOOD and isinstance(v, (int, float)))
        for column, marks in zip(columns, zip(*rows, strict=True), strict=True)
    ]


def mean(total: float, count: int, low: float, high: float, decimals: int | None) -> float | None:
    """Return a mean that lies between `low` and `high`, no longer on the wire than it deserves; of nothing, ``None``.

    A mean of n readings resolves more than one of them: it gets one decimal more than they have, or 12 digits.
    """
    if not count:
        return None
    exact = total / count
    rounded = float(f"{exact:.{_DIGITS}g}") if decimals is None else round(exact, decimals + 1)
    return min(max(rounded, low), high)


class _Open(NamedTuple):
    """The period that is being filled. `offset_ms` is believed wall minus monotonic time, ``None`` while not known."""

    piece: Piece
    offset_ms: int | None
    late: str | None


class Period:
    """The reporting periods of one device, one after the other. Belongs to the pipeline's thread."""

    def __init__(self, device: Device, zone: ZoneInfo, *, begun: str = STARTED) -> None:
        """Report every `device.report.period_s`; `begun` says why the first period may have begun late."""
        points = device.spec.points
        numbers = [index for index, point in enumerate(points) if is_number(point)]
        self._device = device
        self._name = name_of(device.spec.name)
        self._zone = zone
        self._period_ms = round(device.report.period_s * 1000)
        self._pick = picker(numbers, len(points))
        self._names = tuple(points[index].name for index in numbers)
        self._decimals = tuple(points[index].decimals for index in numbers)
        self._all_good = _GOOD * len(points)
        self._tally = Tally(self._pick(self._all_good))
        self._open: _Open | None = None
        self._closed: _Open | None = None
        self._begun: str | None = begun
        self._last: Scan | None = None

    def add(self, scan: Scan, wall_ms: int | None) -> Draft | None:
        """Take a scan, believed to be of `wall_ms` (``None``: not known); return the draft of a period it closes."""
        mono_ms = scan.mono_ns // 1_000_000
        offset = None if wall_ms is None else wall_ms - mono_ms
        draft = self._close_when(mono_ms, offset, grace_ms=0)
        if self._open is None:
            self._open = self._begin(mono_ms, offset)
        else:  # a slow slew is followed
            self._open = self._open._replace(offset_ms=offset)
        self._last = scan
        self._tally.add(self._pick(scan.values), self._pick(scan.flags))
        return draft

    def due(self, mono_ns: int, wall_ms: int | None) -> Draft | None:
        """Return the draft of a period that has ended without a scan to close it. Call it after the intake is empty."""
        mono_ms = mono_ns // 1_000_000
        return self._close_when(mono_ms, None if wall_ms is None else wall_ms - mono_ms, grace_ms=GRACE_MS)

    def close(self, why: str) -> Draft | None:
        """Close the open period where it is: `STOPPED`, `RECONFIGURED`."""
        return self._close(f"period cut short: {why}")

    def _close_when(self, mono_ms: int, offset: int | None, grace_ms: int) -> Draft | None:
        opened = self._open
        if opened is None:
            return None
        broken = _broken(opened.offset_ms, offset)
        if broken is not None:
            draft = self._close(f"period cut short: {broken}")
            self._begun = broken
            return draft
        if mono_ms + (offset or 0) >= opened.piece.end_ms + grace_ms:
            return self._close(None)
        return None

    def _begin(self, mono_ms: int, offset: int | None) -> _Open:
        now_ms = mono_ms + (offset or 0)
        closed = self._closed
        if closed is not None and _broken(closed.offset_ms, offset) is None:
            now_ms = max(now_ms, closed.piece.end_ms)  # a late scan
        if offset is None:
            piece = piece_of_boot(now_ms, self._period_ms)
        else:
            piece = piece_of_day(now_ms, self._period_ms, self._zone)
        begun, self._begun = self._begun, None
        is_late = now_ms - piece.start_ms > 2000 * self._device.poll_s
        return _Open(piece, offset, f"period begun late: {begun}" if begun and is_late else None)

    def _close(self, cut: str | None) -> Draft | None:
        opened, last = self._open, self._last
        if opened is None or last is None:
            return None
        self._open, self._closed = None, None if cut else opened
        tally, self._tally = self._tally, Tally(self._pick(self._all_good))
        faults = [fault for fault in (opened.late, cut, last.fault) if fault]
        draft: Draft = {
            "kind": "readings",
            "ts": None if opened.offset_ms is None else ts(opened.piece.start_ms),
            "device": self._name,
            "values": dict(zip((info.name for info in self._device.info), readings(last.values), strict=True)),
            "period": reading(self._period_ms / 1000),
            "stats": self._stats(tally),
        }
        if last.flags != self._all_good:
            draft["flags"] = flagged((info.name for info in self._device.info), last.flags)
        return draft | {"fault": "; ".join(faults)} if faults else draft

    def _stats(self, tally: Tally) -> dict[str, dict[str, Value]]:
        low, high, total, counts = tally.result()
        columns = zip(total, counts, low, high, self._decimals, strict=True)
        means = readings([mean(*column) for column in columns])
        return {
            name: {"avg": avg, "min": least, "max": most, "n": n}
            for name, avg, least, most, n in zip(self._names, means, readings(low), readings(high), counts, strict=True)
        }


def _broken(before: int | None, now: int | None) -> str | None:
    """Return why a period that began with one reckoning cannot go on with the other, or ``None`` when it can."""
    if before is None or now is None:
        return None if before is now else _LEARNED if before is None else _LOST
    return _STEPPED if abs(now - before) > STEP_MS else None
