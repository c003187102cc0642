"""The history: minute, ten-minute, hour and day rows of every number for a year, and a few blobs kept beside them.

What it promises:

- A minute that `write` acknowledged (``True``) survives a kill and a power cut. One transaction takes all rows of all
  devices and the caller's state; the file is its own (``history.db``), so that the evidence in the outbox never waits.
- It never stops the agent. Nothing here raises on a bad disk: rows that could not be written wait in memory, as many as
  `MOST_WAITING`, and go with the next write; what is lost is counted (`Condition`).
- A damaged file is set aside under a dated name, at the start or when it shows, and a new one begun; `news` says so.
- It keeps a year (`keep_ms`) within `max_size` bytes. Beyond the size, the oldest minutes go first, then the tens, then
  hours, then days. Beyond the year, at most two chunks go for each one that comes, so that a clock which is wrong for
  an hour cannot cost a year.
- Rows of unknown time are kept by boot and time since boot, and get their dates when `dated` is called for that boot.
  After a step back there may be rows with the same start: all are kept, in the order they were written.

`write`, `keep`, `kept`, `dated` and `news` belong to one thread. `query`, `rows` and `last_ms` read by a connection of
their own and may be called from any.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

from buffer import history_store as file
from buffer import store
from buffer.errors import OutboxError, StoreFailed
from buffer.history_code import Packed, pack
from buffer.history_row import Level, Row
from buffer.history_store import Damage, Group, Stored
from buffer.place import needs_room

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from buffer.history_row import Number

DATABASE: Final = "history.db"
YEAR_MS: Final = 366 * 86_400_000
MAX_SIZE: Final = 512 * 1024 * 1024
MOST_WAITING: Final = 4096
"""Rows held in memory while the disk does not take them."""
TOGETHER: Final = {Level.MINUTE: 120, Level.TEN: 144, Level.HOUR: 168, Level.DAY: 32}
"""How many rows of a visit and level are packed together."""
CHECKPOINT_EVERY: Final = 15
_PART_AT_ONCE: Final = 30
_DROP_AT_ONCE: Final = 8
_COMMIT_PAGES: Final = 16
_FULL: Final = sqlite3.SQLITE_FULL


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """How the history is: bytes in use of `limit`, rows that wait for the disk, and what went wrong since the start.

    `failures` are writes that failed, `lost` rows that never came to the disk, `unreadable` packed rows found rotten.
    """

    bytes: int
    limit: int
    waiting: int
    failures: int
    lost: int
    unreadable: int


@dataclass(slots=True)
class Columns:
    """What a query found of one point: one entry for each row, ordered by start, then as they were written.

    `start_ms` are dates, or milliseconds since boot where the query was about a boot.
    """

    start_ms: list[int] = field(default_factory=list)
    span_ms: list[int] = field(default_factory=list)
    cut: list[str | None] = field(default_factory=list)
    expected: list[int] = field(default_factory=list)
    avg: list[Number] = field(default_factory=list)
    least: list[Number] = field(default_factory=list)
    most: list[Number] = field(default_factory=list)
    n: list[int] = field(default_factory=list)
    valid: list[bool] = field(default_factory=list)
    flag: list[str] = field(default_factory=list)
    total: list[Number] = field(default_factory=list)
    turn: list[str] = field(default_factory=list)


class _Waiting(NamedTuple):
    id: int
    row: Row


class History:
    """The history in one directory."""

    def __init__(self, directory: Path, *, now_ms: int, max_size: int = MAX_SIZE, keep_ms: int = YEAR_MS) -> None:
        """Open it, or try again at each write. `now_ms` only dates the name of a damaged file."""
        self.path = directory / DATABASE
        self._max_size = max_size
        self._keep_ms = keep_ms
        self._now_ms = now_ms
        self._db: sqlite3.Connection | None = None
        self._news: list[Damage] = []
        self._waiting: list[_Waiting] = []
        self._state: dict[str, bytes] = {}
        self._dates: dict[str, int] = {}
        self._known: dict[str, int] = {}
        self._layouts: dict[tuple[str, tuple[str, ...]], int] = {}
        self._fresh: dict[Group, list[int]] = {}
        self._next_id = 1
        self._writes = 0
        self._failures = self._lost = self._unreadable = 0
        self._bytes = 0
        self._attempt(self._open)

    def close(self) -> None:
        """Close the file; what still waits is tried once more."""
        if self._waiting or self._state or self._dates:
            self.write(())
        self._shut()

    # --- writing ---------------------------------------------------------------------------------------------------

    def write(self, rows: Iterable[Row], state: Mapping[str, bytes] | None = None) -> bool:
        """Keep rows, and the caller's `state` with them; return whether they and all that waited are durable."""
        self._state.update(state or {})
        for row in rows:
            self._waiting.append(_Waiting(self._next_id, row))
            self._next_id += 1
        if self._attempt(self._write):
            return True
        excess = len(self._waiting) - MOST_WAITING
        if excess > 0:
            self._lost += excess
            del self._waiting[:excess]
        return False

    def keep(self, key: str, value: bytes) -> bool:
        """Keep a blob under a name; return whether it is durable."""
        return self.write((), {key: value})

    def kept(self, key: str) -> bytes | None:
        """Return the blob kept under a name."""
        if key in self._state:
            return self._state[key]
        with suppress(sqlite3.Error):
            return None if self._db is None else file.recall(self._db, key)
        return None

    def dated(self, boot: str, offset_ms: int) -> bool:
        """Date the rows of a boot, also those to come: `offset_ms` is wall time minus time since boot, as believed."""
        self._dates[boot] = self._known[boot] = offset_ms
        return self.write(())

    def news(self) -> list[Damage]:
        """Return what was set aside since the last call."""
        found, self._news = self._news, []
        return found

    def condition(self) -> Condition:
        """Return how the history is, as of the last write. May be called from any thread."""
        return Condition(
            bytes=self._bytes,
            limit=self._max_size,
            waiting=len(self._waiting),
            failures=self._failures,
            lost=self._lost,
            unreadable=self._unreadable,
        )

    # --- reading ---------------------------------------------------------------------------------------------------

    def query(
        self, device: str, point: str, level: Level, from_ms: int, to_ms: int, *, boot: str | None = None
    ) -> Columns:
        """Return the rows of a point that start from one moment up to, but not including, another.

        With `boot`, those whose date never became known, by time since that boot. What is rotten is left out and
        counted. Raises `StoreFailed` when nothing can be read.
        """
        found: list[tuple[int, tuple[object, ...]]] = []
        with closing(self._look()) as db:
            try:
                for layout, (_, names) in file.layouts_of(db, device).items():
                    if point in names:
                        for stored in file.between(db, Group(layout, level, boot), from_ms, to_ms):
                            found += self._lines(stored, names.index(point), from_ms, to_ms)
            except sqlite3.Error as error:
                raise store.failure(error, self.path) from error
        found.sort(key=lambda line: line[0])
        columns = zip(*(line for _, line in found), strict=True) if found else [()] * 12
        return Columns(*map(list, columns))

    def rows(self, visit: str, level: Level, from_ms: int, to_ms: int) -> list[Row]:
        """Return a visit's dated rows that start in a stretch of time, as they were written; none if unreadable."""
        found: list[Row] = []
        with suppress(sqlite3.Error, StoreFailed), closing(self._look()) as db:
            for layout, (name, names) in file.layouts_of(db, visit).items():
                if name == visit:
                    for stored in file.between(db, Group(layout, level, None), from_ms, to_ms):
                        found += self._unpacked(stored, visit, names)
        return [row for row in found if row.start_ms is not None and from_ms <= row.start_ms < to_ms]

    def last_ms(self, visit: str) -> int | None:
        """Return the start of a visit's last dated minute; ``None`` if there is none, or nothing can be read."""
        with suppress(sqlite3.Error, StoreFailed), closing(self._look()) as db:
            numbers = [number for number, (name, _) in file.layouts_of(db, visit).items() if name == visit]
            starts = [file.last_start(db, Group(number, Level.MINUTE, None)) for number in numbers]
            return max((start for start in starts if start is not None), default=None)
        return None

    def _look(self) -> sqlite3.Connection:
        try:
            return store.look(self.path)
        except sqlite3.Error as error:
            raise store.failure(error, self.path) from error

    def _lines(self, stored: Stored, point: int, from_ms: int, to_ms: int) -> list[tuple[int, tuple[object, ...]]]:
        """Return the rows of one point as (start, entries in the order of `Columns`)."""
        try:
            packed = Packed(stored.packed)
            part = packed.part(point)
        except ValueError:
            self._unreadable += 1
            return []
        starts = [stored.first + start for start in packed.starts]
        cuts = [packed.cuts.get(at) for at in range(packed.count)]
        lines = zip(
            *(starts, packed.spans, cuts, packed.expected),
            *(part.avg, part.least, part.most, part.n, part.valid, part.flag, part.total, part.turn),
            strict=True,
        )
        return [(line[0], line) for line in lines if from_ms <= line[0] < to_ms]

    def _unpacked(self, stored: Stored, visit: str, names: tuple[str, ...]) -> list[Row]:
        try:
            return _rows(Packed(stored.packed), stored, visit, names)
        except ValueError:
            self._unreadable += 1
            return []

    # --- one write -------------------------------------------------------------------------------------------------

    def _attempt(self, work: Callable[[], None]) -> bool:
        """Do something to the file; whatever the disk says is counted, and what is damaged is set aside."""
        for _ in range(2):
            try:
                work()
            except (sqlite3.Error, OutboxError, OSError) as error:
                self._failures += 1
                if not self._recovered(error):
                    return False
            else:
                return True
        return False

    def _recovered(self, error: Exception) -> bool:
        """Do what can be done about a failure; return whether trying again at once makes sense."""
        wrong = store.failure(error, self.path) if isinstance(error, sqlite3.Error) else error
        if isinstance(error, sqlite3.Error) and getattr(error, "sqlite_errorcode", 0) == _FULL:
            with suppress(sqlite3.Error):
                return self._is_at_its_cap() and self._dropped()
        self._shut()
        if isinstance(wrong, StoreFailed) and wrong.corrupt:
            with suppress(OutboxError, OSError):
                self._news.append(Damage(wrong.what, file.set_aside(self.path, self._now_ms)))
                return True
        return False

    def _open(self) -> None:
        needs_room(self.path)
        self._db, damage = file.begin(self.path, max_size=self._max_size, now_ms=self._now_ms)
        if damage is not None:
            self._news.append(damage)
        self._layouts = file.layouts(self._db)
        self._fresh = file.fresh_ids(self._db)
        written = file.last_id(self._db)
        self._waiting = [one for one in self._waiting if one.id > written]  # a commit in doubt may have survived
        self._next_id = max(written + 1, self._next_id)
        self._measure(self._db)

    def _shut(self) -> None:
        db, self._db = self._db, None
        if db is not None:
            with suppress(sqlite3.Error):
                store.checkpoint(db, truncate=True)
            with suppress(sqlite3.Error):
                db.close()

    def _write(self) -> None:
        """Write all that waits, in one transaction, and pack together what is due. Raises what SQLite raises."""
        if self._db is None:
            self._open()
        db = self._db
        assert db is not None
        stored = self._stored(db)
        state = dict(self._state)
        if stored:
            state[file.WRITTEN] = b"%d" % stored[-1].id
        with store.transaction(db):
            file.add(db, stored, state)
            for boot, offset_ms in self._dates.items():
                file.date(db, boot, offset_ms)
            packed = self._pack(db, stored)
        self._waiting.clear()
        self._state.clear()
        self._dates.clear()
        self._fresh = packed
        self._after(db)

    def _stored(self, db: sqlite3.Connection) -> list[Stored]:
        """Return the waiting rows as they will lie in the file."""
        found = []
        for number, row in self._waiting:
            key = (row.visit, row.names)
            if key not in self._layouts:
                fresh = max(self._layouts.values(), default=0) + 1
                file.add_layout(db, fresh, *key)
                self._layouts[key] = fresh
            start, boot = self._start(row)
            group = Group(self._layouts[key], int(row.level), boot)
            found.append(Stored(number, group, start, start, pack([row], [0])))
        return found

    def _start(self, row: Row) -> tuple[int, str | None]:
        """Return when a row starts, and since which boot that counts; ``None`` when it is a date."""
        if row.start_ms is not None:
            return row.start_ms, None
        if row.boot in self._known:
            return row.start_mono_ms + self._known[row.boot], None
        return row.start_mono_ms, row.boot

    def _pack(self, db: sqlite3.Connection, stored: Sequence[Stored]) -> dict[Group, list[int]]:
        """Pack together the groups that have enough rows, a few of them at a time; return the rows that stay single."""
        fresh: dict[Group, list[int]] = {}
        if self._dates:
            fresh = file.fresh_ids(db)
        else:
            fresh = {group: list(ids) for group, ids in self._fresh.items()}
            for one in stored:
                fresh.setdefault(one.group, []).append(one.id)
        ready = [group for group, ids in fresh.items() if len(ids) >= TOGETHER[Level(group.level)]]
        for group in ready[: 1 + len(ready) // _PART_AT_ONCE]:
            most = TOGETHER[Level(group.level)]
            ids, fresh[group] = fresh[group][:most], fresh[group][most:]
            chunk = self._chunk(file.fresh(db, ids))
            file.replace(db, ids, chunk)
            if chunk is not None and group.boot is None:
                file.forget_old(db, group, chunk.last - self._keep_ms, 2)
        return fresh

    def _chunk(self, singles: Sequence[Stored]) -> Stored | None:
        """Return single rows packed together, under the number of the first of them."""
        rows: list[Row] = []
        starts: list[int] = []
        names = {number: key for key, number in self._layouts.items()}
        for single in singles:
            found = self._unpacked(single, *names[single.group.layout])
            rows += found
            starts += [single.first] * len(found)
        if not rows:
            return None
        first = min(starts)
        blob = pack(rows, [start - first for start in starts])
        return Stored(singles[0].id, singles[0].group, first, max(starts), blob)

    def _after(self, db: sqlite3.Connection) -> None:
        """Look after the file once in a while. What fails here fails at the next write too, and is dealt with there."""
        self._writes += 1
        if self._writes % CHECKPOINT_EVERY == 0:
            with suppress(sqlite3.Error):
                store.checkpoint(db, truncate=False)
        with suppress(sqlite3.Error):
            self._measure(db)
            if self._bytes > self._max_size:
                self._dropped()

    def _is_at_its_cap(self) -> bool:
        """Whether it is the file that may not grow, not the disk that others filled: then dropping would not help."""
        return self._db is not None and store.pages(self._db)[0] + _COMMIT_PAGES > self._max_size // store.PAGE

    def _measure(self, db: sqlite3.Connection) -> None:
        pages, free = store.pages(db)
        self._bytes = (pages - free) * store.PAGE

    def _dropped(self) -> bool:
        """Drop some of the oldest of what is cheapest to miss; return whether there was any. Raises sqlite3.Error."""
        db = self._db
        if db is None:
            return False
        for level in (Level.MINUTE, Level.TEN, Level.HOUR, Level.DAY):
            with store.transaction(db):
                if file.forget_oldest(db, level, _DROP_AT_ONCE):
                    return True
        return False


def _rows(packed: Packed, stored: Stored, visit: str, names: tuple[str, ...]) -> list[Row]:
    parts, boot = packed.parts(), stored.group.boot
    found = []
    for at, (start, span, expected) in enumerate(zip(packed.starts, packed.spans, packed.expected, strict=True)):
        moment = stored.first + start
        found.append(
            Row(
                visit=visit,
                level=Level(stored.group.level),
                start_ms=moment if boot is None else None,
                start_mono_ms=moment if boot is not None else 0,
                boot=boot or "",
                span_ms=span,
                cut=packed.cuts.get(at),
                expected=expected,
                names=names,
                avg=tuple(part.avg[at] for part in parts),
                least=tuple(part.least[at] for part in parts),
                most=tuple(part.most[at] for part in parts),
                n=tuple(part.n[at] for part in parts),
                valid=tuple(part.valid[at] for part in parts),
                flag="".join(part.flag[at] for part in parts),
                total=tuple(part.total[at] for part in parts),
                turn="".join(part.turn[at] for part in parts),
            )
        )
    return found
