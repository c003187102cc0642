"""Moments as people of the site read and type them: wall time of the site's zone. Pure.

Records and answers of the agent tell UTC; people see and type the clock on their wall. What they type is taken as it
stands on that clock: an hour that a clock change skips is refused, of one that comes twice the first is meant.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

_LAST_MS: Final = 253_402_128_000_000  # two days before the year 10000, which no zone reaches from here
_TWO_HOURS_S: Final = 7200
_TWO_DAYS_S: Final = 172_800


class NoMoment(ValueError):
    """What was typed is no moment of this clock: it cannot be read, or ``skipped`` by a clock change."""

    def __init__(self, *, skipped: bool) -> None:
        self.skipped = skipped
        super().__init__("skipped by a clock change" if skipped else "cannot be read")


def of_record(ts: object) -> int | None:
    """Return the ms since 1970 of a record's ``ts``; ``None`` where it has none, or none that can be read."""
    if not isinstance(ts, str):
        return None
    try:
        moment = datetime.fromisoformat(ts)
        return round(moment.timestamp() * 1000) if moment.tzinfo is not None else None
    except (ValueError, OverflowError):
        return None


def local(wall_ms: float | None, zone: ZoneInfo, *, seconds: bool = False) -> str | None:
    """Return ``2026-11-22 20:00`` on the site's clock; ``None`` for a moment that is not known."""
    if wall_ms is None or not 0 <= wall_ms < _LAST_MS:
        return None
    return _at(wall_ms, zone).strftime("%Y-%m-%d %H:%M:%S" if seconds else "%Y-%m-%d %H:%M")


def for_field(wall_ms: float, zone: ZoneInfo) -> str:
    """Return the moment as a field of a form holds it (HTML ``datetime-local``): ``2026-11-22T20:00``."""
    return _at(wall_ms, zone).strftime("%Y-%m-%dT%H:%M")


def iso(wall_ms: float, zone: ZoneInfo) -> str:
    """Return the moment for other programs: ``2026-11-22T20:00:00+08:00``."""
    return _at(wall_ms, zone).isoformat(timespec="seconds")


def utc(wall_ms: float) -> str:
    """Return the moment as the agent is asked, the same on every clock: ``2026-11-22T12:00:00Z``."""
    return datetime.fromtimestamp(wall_ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def typed(text: str, zone: ZoneInfo) -> int:
    """Return the ms since 1970 that somebody typed: local, unless it says otherwise. Raises NoMoment."""
    try:
        moment = datetime.fromisoformat(text.strip())
        if moment.tzinfo is None:
            moment = _on_the_wall(moment, zone)
        wall_ms = round(moment.timestamp() * 1000)
    except (OverflowError, ValueError) as error:
        raise NoMoment(skipped=isinstance(error, NoMoment) and error.skipped) from None
    if not 0 <= wall_ms < _LAST_MS:
        raise NoMoment(skipped=False)
    return wall_ms


def lasted(seconds: float) -> tuple[str, int]:
    """Return a duration as (word, amount) for people: seconds, minutes, hours or days, never a fraction."""
    if seconds < 100:  # noqa: PLR2004 -- two digits of seconds are still read as such
        return "second", max(0, round(seconds))
    if seconds < _TWO_HOURS_S:
        return "minute", round(seconds / 60)
    if seconds < _TWO_DAYS_S:
        return "hour", round(seconds / 3600)
    return "day", round(seconds / 86_400)


def _on_the_wall(moment: datetime, zone: ZoneInfo) -> datetime:
    there = moment.replace(tzinfo=zone)
    if there.astimezone(UTC).astimezone(zone).replace(tzinfo=None) != moment:
        raise NoMoment(skipped=True)
    return there


def _at(wall_ms: float, zone: ZoneInfo) -> datetime:
    return datetime.fromtimestamp(wall_ms / 1000, zone)


def midnight_after(wall_ms: float, zone: ZoneInfo) -> int:
    """Return when the day of a moment ends on the site's clock, ms since 1970."""
    day = _at(wall_ms, zone).date() + timedelta(days=1)
    return round(datetime(day.year, day.month, day.day, tzinfo=zone).timestamp() * 1000)
