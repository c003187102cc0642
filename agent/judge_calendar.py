"""When a minute, an hour and a day are over, so that rules about them are judged once for each. Pure.

Pieces are those of the statistics (`agent.periods`): of the site's day, and of time since boot while time is not known.
A piece ends a moment (`GRACE_MS`) after its last second, when every device's row of it is there; at once when time
becomes known, is lost or goes back before it. Pieces that passed unseen are counted, not made up for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from agent.aggregate import GRACE_MS
from agent.periods import Piece, piece_of_boot, piece_of_day
from agent.rules.tracks import key_of

if TYPE_CHECKING:
    from collections.abc import Hashable
    from zoneinfo import ZoneInfo

SPANS_MS: Final = (60_000, 3_600_000, 86_400_000)
"""Of a minute, an hour and a day, in the order of the levels of `agent.rules.tracks`."""
UNKNOWN_REST: Final = (1440, 24, 1)
"""Pieces taken as passed when nobody knows for how long the box was off: a day's worth [P]."""


class Over(NamedTuple):
    """A piece that is over; `start_ms` and `end_ms` are ``None`` if it has no date, `missed` went by unseen before."""

    level: int
    key: Hashable
    start_ms: int | None
    end_ms: int | None
    missed: int


class Calendar:
    """The open minute, hour and day."""

    def __init__(self, zone: ZoneInfo) -> None:
        """Begin at the first `over`."""
        self._zone = zone
        self._open: list[tuple[Piece, bool] | None] = [None, None, None]
        self._last_ns: list[int | None] = [None, None, None]
        self._missed = [0, 0, 0]

    def over(self, mono_ns: int, wall_ms: int | None) -> list[Over]:
        """Return what is over, the shorter first; call it about once a second."""
        found = []
        for level in range(len(SPANS_MS)):
            opened = self._open[level]
            if opened is not None and _is_over(*opened, mono_ns // 1_000_000, wall_ms):
                found.append(self._close(level, *opened, mono_ns))
                opened = None
            if opened is None:
                self._open[level] = self._piece(level, mono_ns, wall_ms), wall_ms is not None
                if self._last_ns[level] is None:
                    self._last_ns[level] = mono_ns
        return found

    def keys(self, mono_ns: int, wall_ms: int | None) -> list[list[int]]:
        """Return the pieces that hold this moment, as plain data to compare."""
        return [[*self._piece(level, mono_ns, wall_ms), int(wall_ms is not None)] for level in range(len(SPANS_MS))]

    def rested(self, rest_ns: int | None) -> None:
        """Note that the box was off for so long, ``None``: nobody knows."""
        for level, span_ms in enumerate(SPANS_MS):
            self._missed[level] = UNKNOWN_REST[level] if rest_ns is None else round(rest_ns / 1e6 / span_ms)

    def _piece(self, level: int, mono_ns: int, wall_ms: int | None) -> Piece:
        if wall_ms is None:
            return piece_of_boot(mono_ns // 1_000_000, SPANS_MS[level])
        return piece_of_day(wall_ms, SPANS_MS[level], self._zone)

    def _close(self, level: int, piece: Piece, is_dated: bool, mono_ns: int) -> Over:
        before_ns = self._last_ns[level]
        passed = 0 if before_ns is None else round((mono_ns - before_ns) / 1e6 / SPANS_MS[level]) - 1
        missed, self._missed[level] = self._missed[level] + max(0, passed), 0
        self._last_ns[level] = mono_ns
        if is_dated:
            return Over(level, key_of(piece.start_ms, 0), piece.start_ms, piece.end_ms, missed)
        return Over(level, key_of(None, piece.start_ms), None, None, missed)


def _is_over(piece: Piece, is_dated: bool, mono_ms: int, wall_ms: int | None) -> bool:
    if is_dated != (wall_ms is not None):
        return True
    now_ms = mono_ms if wall_ms is None else wall_ms
    return now_ms >= piece.end_ms + GRACE_MS or now_ms < piece.start_ms
