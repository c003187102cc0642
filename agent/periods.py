"""Which piece of the day a moment belongs to, in the site's time zone. Pure.

The day, from local midnight to local midnight, is cut into pieces of one period. Every moment belongs to exactly one
piece, also on the two odd days of the year:

- Pieces of up to an hour are cut by the offset from UTC that is in force, and end where it changes. So the repeated
  hour gives its pieces twice (one marked by each offset), and the skipped hour gives none.
- Longer pieces are cut by what the clock on the wall says: the day of the change has 23 or 25 hours, and its piece too.
- What does not divide the day leaves a short piece before midnight. A period of days counts days since 0001-01-01.
"""

from __future__ import annotations

from bisect import bisect_right
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

_HOUR_MS: Final = 3_600_000
_DAY_MS: Final = 24 * _HOUR_MS


class Piece(NamedTuple):
    """The moments from `start_ms` up to, but not including, `end_ms`."""

    start_ms: int
    end_ms: int


def piece_of_boot(mono_ms: int, period_ms: int) -> Piece:
    """Return the piece of monotonic time since boot that holds `mono_ms`; for when wall time is not known."""
    start = mono_ms // period_ms * period_ms
    return Piece(start, start + period_ms)


def piece_of_day(wall_ms: int, period_ms: int, zone: ZoneInfo) -> Piece:
    """Return the piece that holds the moment `wall_ms` (ms since 1970 UTC)."""
    if period_ms <= _HOUR_MS:
        return _by_offset(wall_ms, period_ms, zone)
    return _by_civil_time(wall_ms, period_ms, zone)


def _local(wall_ms: int, zone: ZoneInfo) -> datetime:
    return datetime.fromtimestamp(wall_ms // 1000, zone)


def _offset_ms(wall_ms: int, zone: ZoneInfo) -> int:
    offset = _local(wall_ms, zone).utcoffset()
    return 0 if offset is None else round(offset.total_seconds() * 1000)


def _by_offset(wall_ms: int, period_ms: int, zone: ZoneInfo) -> Piece:
    offset = _offset_ms(wall_ms, zone)
    local = wall_ms + offset
    midnight = local // _DAY_MS * _DAY_MS
    start = midnight + (local - midnight) // period_ms * period_ms - offset
    end = min(start + period_ms, midnight + _DAY_MS - offset)
    if _offset_ms(start, zone) != offset:
        start = _change(start, wall_ms, zone)
    if _offset_ms(end - 1, zone) != offset:
        end = _change(wall_ms, end, zone)
    return Piece(start, end)


def _change(before_ms: int, after_ms: int, zone: ZoneInfo) -> int:
    """Return the first second after `before_ms` at which the offset is that of `after_ms`, by halving."""
    offset = _offset_ms(before_ms, zone)
    low, high = before_ms // 1000, -(-after_ms // 1000)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if _offset_ms(middle * 1000, zone) == offset else (low, middle)
    return high * 1000


def _by_civil_time(wall_ms: int, period_ms: int, zone: ZoneInfo) -> Piece:
    days = max(1, period_ms // _DAY_MS)
    today = _local(wall_ms, zone).date().toordinal()
    midnight = datetime.combine(date.fromordinal(today - today % days), time.min)
    starts = range(0, days * _DAY_MS, period_ms)
    cuts = [_instant_ms(midnight + timedelta(milliseconds=start), zone) for start in starts]
    cuts.append(_instant_ms(midnight + timedelta(days=days), zone))
    place = min(bisect_right(cuts, wall_ms), len(cuts) - 1)
    return Piece(cuts[place - 1], cuts[place])


def _instant_ms(civil: datetime, zone: ZoneInfo) -> int:
    """Return the first moment at which the clock on the wall shows `civil` (or would, were it not skipped)."""
    return round(civil.replace(tzinfo=zone).timestamp() * 1000)
