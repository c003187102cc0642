"""Rows of ten minutes, hours and days, each folded from the rows of the level below that lie in it. Pure.

What the figures of a row mean, and when it is valid, is written at the top of `agent.statistics`.
"""

from __future__ import annotations

from operator import add
from typing import TYPE_CHECKING, Final

from agent.aggregate import GRACE_MS, LEARNED, LOST, STARTED, STEPPED, Numbers, mean
from agent.periods import Piece, piece_of_boot, piece_of_day
from agent.totals import worse_turn
from buffer.history_row import Level, Number, Row
from drivers.status import worse

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from zoneinfo import ZoneInfo

    from config.site import Device

MINUTE_MS: Final = 60_000
HOUR_MS: Final = 3_600_000
SPAN_MS: Final = {Level.MINUTE: MINUTE_MS, Level.TEN: 600_000, Level.HOUR: HOUR_MS, Level.DAY: 24 * HOUR_MS}
HOURS_OF_DAY: Final = 20
DIGITS: Final = 7
"""Significant digits of means of points without declared decimals: what single precision carries. Amounts get two
more."""
_AMOUNT_DECIMALS: Final = 4


def needed(level: Level, parts: int) -> int:
    """Return how many of its `parts` (readings, valid minutes, valid hours) a period needs to be valid."""
    if level is Level.DAY:
        return min(HOURS_OF_DAY, -(-parts * HOURS_OF_DAY // 24))
    return -(-parts * 3 // 4)


def rounded(amount: Number, decimals: int | None) -> Number:
    """Return an amount without the digits that adding up leaves behind."""
    if amount is None:
        return None
    return float(f"{amount:.{DIGITS + 2}g}") if decimals is None else round(amount, decimals + _AMOUNT_DECIMALS)


class Roll:
    """The rows of one level of a visit, each folded from the rows of the level below that lie in it."""

    def __init__(self, level: Level, device: Device, columns: Numbers, zone: ZoneInfo) -> None:
        self.level = level
        self._device = device
        self._decimals = columns.decimals
        self._zone = zone
        self._poll_ms = max(1, round(device.poll_s * 1000))
        self._part_ms = max(HOUR_MS if level is Level.DAY else MINUTE_MS, self._poll_ms)
        self._open: _Fold | None = None

    def start_of(self, row: Row) -> int:
        """Return when the piece begins that a row belongs to."""
        return self._piece(row).start_ms

    def take(self, row: Row) -> list[Row]:
        """Fold a row of the level below; return what it ends: what was open before, its own piece, or both."""
        done: list[Row] = []
        if self._open is not None and (reason := self._open.ended_by(row)) is not None:
            done += self.finish(reason or None)
        if self._open is None:
            self._open = _Fold(self._piece(row), row)
        self._open.add(row)
        if _start(row) + row.span_ms >= self._open.piece.end_ms:
            done += self.finish(None)
        return done

    def is_overdue(self, mono_ms: int, wall_ms: int | None) -> bool:
        """Whether the open piece has ended by the clock it was begun with."""
        opened = self._open
        if opened is None:
            return False
        now_ms = mono_ms if opened.first.start_ms is None else wall_ms
        return now_ms is not None and now_ms >= opened.piece.end_ms + GRACE_MS

    def finish(self, why: str | None) -> list[Row]:
        """Return the row of the open piece, if there is one; `why` says why it is cut short, if it is."""
        opened, self._open = self._open, None
        if opened is None:
            return []
        first, span_ms = opened.first, opened.piece.end_ms - opened.piece.start_ms
        least = needed(self.level, max(1, span_ms // self._part_ms))
        is_undated = first.start_ms is None
        row = Row(
            visit=first.visit,
            level=self.level,
            start_ms=None if is_undated else opened.piece.start_ms,
            start_mono_ms=first.start_mono_ms - (_start(first) - opened.piece.start_ms),
            boot=first.boot,
            span_ms=span_ms,
            cut=f"period cut short: {why}" if why else None,
            expected=max(1, span_ms // self._poll_ms),
            names=first.names,
            avg=opened.means(self._decimals),
            least=tuple(opened.least),
            most=tuple(opened.most),
            n=tuple(opened.n),
            valid=tuple(count >= least for count in opened.parts),
            flag=opened.flag,
            total=tuple(map(rounded, opened.total, self._decimals)),
            turn=opened.turn,
        )
        return [row]

    def _piece(self, row: Row) -> Piece:
        if row.start_ms is None:
            return piece_of_boot(row.start_mono_ms, SPAN_MS[self.level])
        return piece_of_day(row.start_ms, SPAN_MS[self.level], self._zone)


class _Fold:
    """The rows of a piece so far, added up."""

    def __init__(self, piece: Piece, first: Row) -> None:
        width = len(first.names)
        self.piece = piece
        self.first = first
        self.least: list[Number] = [None] * width
        self.most: list[Number] = [None] * width
        self.n = [0] * width
        self.parts = [0] * width
        self.flag = first.flag
        self.total: list[Number] = [None] * width
        self.turn = first.turn
        self._sum = [0.0] * width
        self._last = first

    def ended_by(self, row: Row) -> str | None:
        """Return ``None`` when a row belongs to this piece, else why it is over; "" when it is, without a fault."""
        if (row.start_ms is None) != (self.first.start_ms is None):
            return LOST if row.start_ms is None else LEARNED
        if row.start_ms is None and row.boot != self.first.boot:
            return STARTED
        if _start(row) >= self.piece.end_ms:
            return ""
        return STEPPED if _start(row) < _start(self._last) else None

    def add(self, row: Row) -> None:
        self._last = row
        self.least = _merged(min, self.least, row.least)
        self.most = _merged(max, self.most, row.most)
        self.n = list(map(add, self.n, row.n))
        self.total = _merged(add, self.total, row.total)
        if row.flag != self.flag:
            self.flag = "".join(map(worse, self.flag, row.flag))
        if row.turn != self.turn:
            self.turn = "".join(map(worse_turn, self.turn, row.turn))
        for place, (avg, valid) in enumerate(zip(row.avg, row.valid, strict=True)):
            if valid and avg is not None:
                self._sum[place] += avg
                self.parts[place] += 1

    def means(self, decimals: Sequence[int | None]) -> tuple[Number, ...]:
        """Return the means of the valid means."""
        columns = zip(self._sum, self.parts, self.least, self.most, decimals, strict=True)
        return tuple(
            None if low is None or high is None else mean(total, count, low, high, places, DIGITS)
            for total, count, low, high, places in columns
        )


def _start(row: Row) -> int:
    """Return when a row starts, in the reckoning it has."""
    return row.start_mono_ms if row.start_ms is None else row.start_ms


def _merged(of: Callable[[float, float], float], a: Sequence[Number], b: Sequence[Number]) -> list[Number]:
    """Return what `of` makes of two columns; where only one number is known, that one."""
    if None not in a and None not in b:
        return list(map(of, a, b))  # type: ignore[arg-type]
    return [of(x, y) if x is not None and y is not None else y if x is None else x for x, y in zip(a, b, strict=True)]
