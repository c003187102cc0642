"""Periods of a device: what was seen in each, and the record that a report of statistics makes of it.

Three steps, each a class: a `Tally` folds scans into columns; a `Course` decides which period a scan belongs to and
when a period ends, and hands over what was `Closed`; a `Period` makes a readings record of that. The minutes of every
device have a course in `agent.statistics`, and a report of 60 s is told from those: no scan is folded twice.

Periods are pieces of the day in the site's time zone (`agent.periods`), marked by their start. At the edges:

- A period is closed by the first scan after its end, or by `due` a moment later when no scan comes.
- **Time not known**: pieces of monotonic time since boot instead, with `ts` null.
- **Time becomes known, is lost or steps** inside a period: it is closed where it is, with a `fault` that says so, and
  a new one begins. After a step back two records may carry the same `ts`; the chain and the `clock` record order them.
- **A late scan**, older than a period already closed, counts in the one that is open: nothing is dropped.
- **The agent starts or stops** inside a period: the part that was seen is told, with a `fault`.
- **Nothing came at all**: no record. Devices that do not answer still give scans, of unknowns.

Only values flagged N count. A point without any has null for everything and ``n`` 0. In a record, `values` and `flags`
are those of the last scan.

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
from drivers.status import WORST_FIRST

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from zoneinfo import ZoneInfo

    from config.site import Device, PointInfo
    from drivers.spec import AnyPoint

Draft = dict[str, Any]

FOLD: Final = 16
GRACE_MS: Final = 1000
"""How long after its end a period waits for a scan that is still on its way through the house."""
STEP_MS: Final = 500
"""Believed time that moves against monotonic time by more than this has stepped."""
DIGITS: Final = 12
_GOOD: Final = Quality.NORMAL.value
_MOST_MARKS: Final = 32

STARTED: Final = "the agent started"
STOPPED: Final = "the agent stopped"
RECONFIGURED: Final = "the configuration changed"
LEARNED: Final = "the time became known"
LOST: Final = "the time was lost"
STEPPED: Final = "the clock stepped"


class Numbers(NamedTuple):
    """Which columns of a scan are numbers (not bits, not texts), by name, with the decimals they are read with."""

    names: tuple[str, ...]
    indices: tuple[int, ...]
    decimals: tuple[int | None, ...]
    pick: Callable[[Sequence[Any]], Sequence[Any]]
    clean: str
    """The flags of a scan in which everything is good."""


def numbers(visit: Device) -> Numbers:
    """Return the numbers among the points of a visit; what is computed has no points on a bus, only their info."""
    points: Sequence[AnyPoint | PointInfo] = visit.spec.points or visit.info
    indices = tuple(index for index, point in enumerate(points) if point.is_number)
    return Numbers(
        names=tuple(visit.info[index].name for index in indices),
        indices=indices,
        decimals=tuple(points[index].decimals for index in indices),
        pick=picker(indices, len(points)),
        clean=_GOOD * len(points),
    )


class Tally:
    """Minimum, maximum, sum and count of the good values of some columns, and the worst flag of each."""

    __slots__ = ("_clean", "_counts", "_high", "_is_clean", "_low", "_marks", "_total", "_waiting")

    def __init__(self, clean: Sequence[str]) -> None:
        """Begin with nothing; `clean` are the flags of a row in which everything is good."""
        width = len(clean)
        self._clean = clean
        self._is_clean = True
        self._marks: set[Sequence[str]] = set()
        self._waiting: list[tuple[Sequence[Any], Sequence[str]]] = []
        self._low: list[float] = [math.inf] * width
        self._high: list[float] = [-math.inf] * width
        self._total: list[float] = [0] * width
        self._counts = [0] * width

    def add(self, values: Sequence[Any], flags: Sequence[str]) -> None:
        """Take a row."""
        if flags != self._clean:
            self._is_clean = False
            self._marks.add(flags)
            if len(self._marks) > _MOST_MARKS:
                self._marks = {self.worst()}
        if _GOOD in flags:
            self._waiting.append((values, flags))
            if len(self._waiting) == FOLD:
                self._fold()

    def worst(self) -> str:
        """Return the worst flag that each column had, N where it had no other."""
        rows = [self._clean, *self._marks]
        return "".join(min(column, key=WORST_FIRST.index) for column in zip(*rows, strict=True))

    def result(self) -> tuple[list[float], list[float], list[float], list[int]]:
        """Return the columns' minima, maxima, sums and counts; where a count is 0 the others say nothing."""
        self._fold()
        return self._low, self._high, self._total, self._counts

    def _fold(self) -> None:
        rows, self._waiting = self._waiting, []
        if not rows:
            return
        columns: list[Sequence[Any]] = list(zip(*(values for values, _ in rows), strict=True))
        is_clean, self._is_clean = self._is_clean, True
        if not is_clean:
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


def mean(total: float, count: int, low: float, high: float, decimals: int | None, digits: int = DIGITS) -> float | None:
    """Return a mean that lies between `low` and `high`, no longer on the wire than it deserves; of nothing, ``None``.

    A mean of n readings resolves more than one of them: it gets one decimal more than they have, or that many `digits`.
    """
    if not count:
        return None
    exact = total / count
    rounded = float(f"{exact:.{digits}g}") if decimals is None else round(exact, decimals + 1)
    return min(max(rounded, low), high)


class _Open(NamedTuple):
    """The period that is being filled. `offset_ms` is believed wall minus monotonic time, ``None`` while not known."""

    piece: Piece
    offset_ms: int | None
    late: str | None


class Closed(NamedTuple):
    """A period that has ended, and what was seen in it.

    `offset_ms` is believed wall minus monotonic time, ``None`` when it was not known. `late` and `cut` say why it is
    not whole. `last` is the last scan in it.
    """

    piece: Piece
    offset_ms: int | None
    late: str | None
    cut: str | None
    last: Scan
    tally: Tally

    @property
    def start_ms(self) -> int | None:
        """When it began, ms since 1970 UTC; ``None`` when that is not known."""
        return None if self.offset_ms is None else self.piece.start_ms

    @property
    def start_mono_ms(self) -> int:
        """When it began, ms since boot."""
        return self.piece.start_ms - (self.offset_ms or 0)


class Course:
    """The periods of one length on one visit, one after the other. Belongs to the pipeline's thread."""

    def __init__(
        self, visit: Device, period_ms: int, zone: ZoneInfo, *, begun: str = STARTED, given: Numbers | None = None
    ) -> None:
        """Cut time into pieces of `period_ms`; `begun` says why the first period may have begun late."""
        self.numbers = given or numbers(visit)
        self._poll_s = visit.poll_s
        self._period_ms = period_ms
        self._zone = zone
        self._pick = self.numbers.pick
        self._all_good = self.numbers.clean
        self._clean = self._pick(self._all_good)
        self._tally = Tally(self._clean)
        self._open: _Open | None = None
        self._closed: _Open | None = None
        self._begun: str | None = begun
        self._last: Scan | None = None

    def add(self, scan: Scan, wall_ms: int | None) -> Closed | None:
        """Take a scan, believed to be of `wall_ms` (``None``: not known); return a period it closes."""
        mono_ms = scan.mono_ns // 1_000_000
        offset = None if wall_ms is None else wall_ms - mono_ms
        closed = self._close_when(mono_ms, offset, grace_ms=0)
        if self._open is None:
            self._open = self._begin(mono_ms, offset)
        elif offset != self._open.offset_ms:  # a slow slew is followed
            self._open = self._open._replace(offset_ms=offset)
        self._last = scan
        flags = scan.flags
        self._tally.add(self._pick(scan.values), self._clean if flags == self._all_good else self._pick(flags))
        return closed

    def due(self, mono_ns: int, wall_ms: int | None) -> Closed | None:
        """Return a period that has ended without a scan to close it. Call it after the intake is empty."""
        mono_ms = mono_ns // 1_000_000
        return self._close_when(mono_ms, None if wall_ms is None else wall_ms - mono_ms, grace_ms=GRACE_MS)

    def close(self, why: str) -> Closed | None:
        """Close the open period where it is: `STOPPED`, `RECONFIGURED`."""
        self._begun = why
        return self._close(f"period cut short: {why}")

    def _close_when(self, mono_ms: int, offset: int | None, grace_ms: int) -> Closed | None:
        opened = self._open
        if opened is None:
            return None
        broken = _broken(opened.offset_ms, offset)
        if broken is not None:
            closed = self._close(f"period cut short: {broken}")
            self._begun = broken
            return closed
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
        is_late = now_ms - piece.start_ms > 2000 * self._poll_s
        return _Open(piece, offset, f"period begun late: {begun}" if begun and is_late else None)

    def _close(self, cut: str | None) -> Closed | None:
        opened, last = self._open, self._last
        if opened is None or last is None:
            return None
        self._open, self._closed = None, None if cut else opened
        tally, self._tally = self._tally, Tally(self._clean)
        return Closed(opened.piece, opened.offset_ms, opened.late, cut, last, tally)


class Period:
    """The reporting periods of one device as readings records."""

    def __init__(self, device: Device, zone: ZoneInfo, *, begun: str = STARTED) -> None:
        """Report every `device.report.period_s`; `begun` says why the first period may have begun late."""
        period_ms = round(device.report.period_s * 1000)
        self._course = Course(device, period_ms, zone, begun=begun)
        self._numbers = self._course.numbers
        self._device = name_of(device.spec.name)
        self._names = tuple(info.name for info in device.info)
        self._period = reading(period_ms / 1000)

    def add(self, scan: Scan, wall_ms: int | None) -> Draft | None:
        """Take a scan, believed to be of `wall_ms` (``None``: not known); return the draft of a period it closes."""
        return self.told(self._course.add(scan, wall_ms))

    def due(self, mono_ns: int, wall_ms: int | None) -> Draft | None:
        """Return the draft of a period that has ended without a scan to close it. Call it after the intake is empty."""
        return self.told(self._course.due(mono_ns, wall_ms))

    def close(self, why: str) -> Draft | None:
        """Close the open period where it is: `STOPPED`, `RECONFIGURED`."""
        return self.told(self._course.close(why))

    def told(self, closed: Closed | None) -> Draft | None:
        """Return the draft of a period that was closed, here or by who else keeps periods of this length."""
        if closed is None:
            return None
        last = closed.last
        faults = [fault for fault in (closed.late, closed.cut, last.fault) if fault]
        draft: Draft = {
            "kind": "readings",
            "ts": ts(closed.start_ms),
            "device": self._device,
            "values": dict(zip(self._names, readings(last.values), strict=True)),
            "period": self._period,
            "stats": self._stats(closed.tally),
        }
        if last.flags != self._numbers.clean:
            draft["flags"] = flagged(self._names, last.flags)
        return draft | {"fault": "; ".join(faults)} if faults else draft

    def _stats(self, tally: Tally) -> dict[str, dict[str, Value]]:
        low, high, total, counts = tally.result()
        columns = zip(total, counts, low, high, self._numbers.decimals, strict=True)
        means = readings([mean(*column) for column in columns])
        return {
            name: {"avg": avg, "min": least, "max": most, "n": n}
            for name, avg, least, most, n in zip(
                self._numbers.names, means, readings(low), readings(high), counts, strict=True
            )
        }


def _broken(before: int | None, now: int | None) -> str | None:
    """Return why a period that began with one reckoning cannot go on with the other, or ``None`` when it can."""
    if before is None or now is None:
        return None if before is now else LEARNED if before is None else LOST
    return STEPPED if abs(now - before) > STEP_MS else None
