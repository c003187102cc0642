"""What may go, and in which order.

Nothing is deleted here: a `Drop` is proposed, the caller signs for it if it must, and `Outbox.write` carries it out.

For room:  1. delivered readings, oldest first; they go silently, the platform has them.
           2. undelivered readings, oldest first; they go only against a signed gap record.
           Alarms, events, configuration, clock and gap records live in a table of their own, which is not looked at.
For age:   delivered readings only. Age is counted in hours **that this store lived through**, from a clock that never
           steps: a wall clock that jumps a day, or a year, makes nothing older. Hours without power do not count: a
           record is kept at least as long as was asked.
The last record of the chain never goes: the next one hangs on it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from buffer.entry import Drop, Run, unpacked
from buffer.store import PAGE

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator

    from buffer.intervals import Interval, IntervalSet

HOUR_MS = 3_600_000

MOST_RUNS = 200
"""A gap record lists at most so many runs; what needs more waits for the next drop."""

_ROW_COST = 64
"""Bytes of a row beside its wire: id, checksum, number, lengths, its share of the page."""

_SLACK = 16 * PAGE
"""Room for the pages that a transaction touches beside the records themselves."""


class _Reading(NamedTuple):
    seq: int
    id: bytes
    size: int


def _readings(db: sqlite3.Connection, spans: Iterable[Interval]) -> Iterator[_Reading]:
    """Yield the readings within the spans, oldest first, without reading their wire."""
    for first, last in spans:
        yield from map(
            _Reading._make,
            db.execute(
                "SELECT seq, id, length(wire) FROM reading WHERE seq BETWEEN ? AND ? ORDER BY seq", (first, last)
            ),
        )


def _delivered(db: sqlite3.Connection, settled: IntervalSet, before: int, goal: int) -> tuple[list[Interval], int, int]:
    """Return ranges of delivered readings below `before` worth `goal` bytes, with their number and size.

    A range lies within one settled interval, so that deleting everything in it can never hit an undelivered reading.
    """
    ranges: list[Interval] = []
    count = size = 0
    for first, last in settled:
        if first >= before or size >= goal:
            break
        found: Interval | None = None
        for reading in _readings(db, [(first, min(last, before - 1))]):
            found = (found[0] if found else reading.seq, reading.seq)
            count, size = count + 1, size + reading.size + _ROW_COST
            if size >= goal:
                break
        if found:
            ranges.append(found)
    return ranges, count, size


def _undelivered(db: sqlite3.Connection, settled: IntervalSet, before: int, goal: int) -> tuple[list[Run], int, int]:
    """Return runs of undelivered readings below `before` worth `goal` bytes, with their number and size."""
    runs: list[Run] = []
    count = size = 0
    for reading in _readings(db, settled.gaps(1, before - 1)):
        joins = bool(runs) and runs[-1].last == reading.seq - 1
        if size >= goal or (len(runs) == MOST_RUNS and not joins):
            break
        first = runs.pop().first if joins else reading.seq
        runs.append(Run(first, reading.seq, unpacked(reading.id)))
        count, size = count + 1, size + reading.size + _ROW_COST
    return runs, count, size


def for_room(db: sqlite3.Connection, settled: IntervalSet, *, head: int, needed: int, batch: int) -> Drop:
    """Propose what makes room for `needed` bytes, at least `batch` bytes so that it need not be asked each second."""
    goal = max(needed * 5 // 4 + _SLACK, batch)
    ranges, count, size = _delivered(db, settled, head, goal)
    if size >= goal:
        return Drop("capacity", tuple(ranges), (), count, size)
    runs, more, bytes_more = _undelivered(db, settled, head, goal - size)
    return Drop("capacity", tuple(ranges), tuple(runs), count + more, size + bytes_more)


def for_age(db: sqlite3.Connection, settled: IntervalSet, *, head: int, before_hour: int, batch: int) -> Drop:
    """Propose delivered readings written before that hour of the store's life, at most `batch` bytes of them."""
    row = db.execute("SELECT seq FROM hour WHERE number <= ? ORDER BY number DESC LIMIT 1", (before_hour,)).fetchone()
    if row is None:
        return Drop("age")
    ranges, count, size = _delivered(db, settled, min(row[0], head), batch)
    return Drop("age", tuple(ranges), (), count, size)


class Hours:
    """Counts the hours the store lives through. The part of an hour before a restart is lost."""

    def __init__(self, lived: int) -> None:
        """Go on from the last hour that was noted."""
        self.lived = lived
        self._since_ms: int | None = None

    def due(self, mono_ms: int) -> int | None:
        """Return the hour to note now, if another one has passed. `mono_ms` is any clock that never steps."""
        if self._since_ms is None:
            self._since_ms = mono_ms
        passed = (mono_ms - self._since_ms) // HOUR_MS
        return self.lived + passed if passed > 0 else None

    def noted(self, hour: int) -> None:
        """Take note that the hour stands in the store."""
        if self._since_ms is not None:
            self._since_ms += (hour - self.lived) * HOUR_MS
        self.lived = hour


def note_hour(db: sqlite3.Connection, hour: int, seq: int) -> None:
    """Write down that every record below `seq` is older than this hour."""
    db.execute("REPLACE INTO hour VALUES (?, ?)", (hour, seq))


def last_hour(db: sqlite3.Connection) -> int:
    """Return the last hour noted, 0 in a new store."""
    return int(db.execute("SELECT coalesce(max(number), 0) FROM hour").fetchone()[0])
