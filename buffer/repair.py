"""How to look at a store before trusting it, and how to save what can be saved from a damaged one.

Looking changes nothing: the file is opened read-only, which also keeps SQLite from copying a foreign log into it.

Saving goes row by row, by primary key: over three ruined pages of a 5 000-row table that saved 4 973 rows where a scan
stopped after 1 223. Every row is checked by its own hash. Only what was *not delivered* is copied, plus the last record
and the caller's state; everything delivered stays in the file that is set aside, and the platform has it.

    1. copy into outbox.db.new; hole and version number go in last
    2. rename outbox.db, -wal to damaged-<date>.db, -wal      a start that finds only a finished .new goes on at 3
    3. rename outbox.db.new to outbox.db
"""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from buffer import store
from buffer.entry import ID_BYTES, Run, packed, unpacked
from buffer.errors import Newer, StoreFailed
from buffer.intervals import IntervalSet
from buffer.place import sync_directory, unusable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from buffer.mark import Noted

    Progress = Callable[[], None]

Row = tuple[int, bytes, bytes, bytes]
SMALL = 64 * 1024 * 1024
"""Bytes. A store up to this size is checked page by page at every start; it takes well under a second."""

TAIL = 20
"""Records at the end whose hash is checked at each start."""

_CHUNK = 256
_BATCH = 500
_STEPS = 200_000
_EMPTY_CHUNKS = 64


def suspicious(path: Path, noted: Noted | None) -> bool:
    """Return whether the files are not as we left them, so that every page must be looked at, whatever the size."""
    salt, stat = store.log_salt(path), path.stat()
    if noted is None:
        return True
    if noted.left:
        return bool(salt) or noted.left != f"{stat.st_size}:{stat.st_mtime_ns}"
    return salt != noted.log


def fault(path: Path, *, thorough: bool, chain: str, progress: Progress) -> str | None:
    """Return in words what is wrong with a store, or ``None``.

    Raises `Newer`, and `StoreFailed` or `StoreFull` when the disk does not let us look: that is no damage.
    """
    try:
        with closing(store.look(path)) as db:
            db.set_progress_handler(_ticker(progress), _STEPS)
            return _fault(db, path, thorough=thorough or path.stat().st_size <= SMALL, chain=chain)
    except sqlite3.Error as error:
        if store.is_passing(error):
            raise store.failure(error, path) from error
        return str(error)
    except ValueError as error:  # an id that is not 32 bytes
        return str(error)


def _fault(db: sqlite3.Connection, path: Path, *, thorough: bool, chain: str) -> str | None:
    """Look at version, chain, structure and the last records."""
    if store.version(db, path) == 0:
        return "the store was never finished"
    found = store.chain_of(db)
    if chain and found and found != chain:
        return f"the store belongs to another chain ({found})"
    if thorough and (verdict := db.execute("PRAGMA quick_check(1)").fetchone()[0]) != "ok":
        return str(verdict)
    for table in store.TABLES:
        for row in db.execute(f"SELECT * FROM {table} ORDER BY seq DESC LIMIT {TAIL}"):  # noqa: S608 (our own names)
            if not found or not store.row_ok(packed(found), row):
                return f"record {row[0]} does not match its checksum"
    return None


def _ticker(progress: Progress) -> Callable[[], int]:
    """Return a SQLite progress handler that tells the supervisor that we are alive and lets the work go on."""

    def tick() -> int:
        progress()
        return 0

    return tick


@dataclass(slots=True)
class Saved:
    """What came out of a damaged store.

    `lost` are undelivered numbers that did not; `head` is the last number known, with its id.
    """

    chain: str = ""
    count: int = 0
    head: tuple[int, str] = (0, "")
    lost: list[Run] = field(default_factory=list)


def salvage(path: Path, target: Path, *, noted: Noted | None, max_pages: int, progress: Progress) -> Saved:
    """Copy what is whole and undelivered from `path` into the unfinished store `target`. Raises `StoreFailed`."""
    for suffix in ("", "-wal", "-shm"):
        target.with_name(target.name + suffix).unlink(missing_ok=True)
    with closing(store.connect(target, max_pages=max_pages)) as new:
        try:
            store.create(new)
            return _copy(path, new, noted, progress)
        except sqlite3.Error as error:
            raise store.failure(error, target) from error


def _copy(path: Path, new: sqlite3.Connection, noted: Noted | None, progress: Progress) -> Saved:
    """Fill the new store from the old one, once with its log and, should that add anything, once without."""
    saved = Saved(chain=noted.chain if noted else "")
    settled, present = IntervalSet(), IntervalSet()
    for log in (True, False):
        with suppress(sqlite3.Error), closing(store.look(path, log=log)) as old:
            source = _Source(old, progress)
            saved.chain = saved.chain or source.chain()
            if saved.chain:
                _copy_tables(source, new, saved, settled, present, reserved=noted.reserved if noted else 0)
    if saved.chain:
        store.name_chain(new, packed(saved.chain))
        if noted and noted.head.seq >= saved.head[0] and noted.head.chain == saved.chain:
            saved.head = (noted.head.seq, noted.head.id)
        saved.lost = _lost(saved, settled, present, new)
        with suppress(sqlite3.Error), closing(store.look(path)) as old:
            saved.lost = [_named(run, saved.chain, old) for run in saved.lost]
        with store.transaction(new):
            store.settle(new, settled, [run[:2] for run in saved.lost])
    return saved


def _copy_tables(
    source: _Source, new: sqlite3.Connection, saved: Saved, settled: IntervalSet, present: IntervalSet, *, reserved: int
) -> None:
    """Copy the small tables, then the undelivered records and the last one."""
    with store.transaction(new):
        for first, last in source.small("settled"):
            if isinstance(first, int) and isinstance(last, int) and 0 < first <= last:
                store.settle(new, settled, [(first, last)])
        for table, places in (("state", 2), ("hour", 2), ("dropped", 3), ("hole", 5)):
            marks = ", ".join("?" * places)
            new.executemany(f"INSERT OR IGNORE INTO {table} VALUES ({marks})", source.small(table))  # noqa: S608
    chain, top = packed(saved.chain), source.top(reserved)
    for table in store.TABLES:
        wanted = [span for low, high in settled.gaps(1, top) for span in present.gaps(low, high)]
        rows = (row for span in wanted for row in source.rows(table, *span) if store.row_ok(chain, row))
        _keep(new, table, rows, saved, present)
        last = source.last(table)
        if last and store.row_ok(chain, last) and last[0] > saved.head[0]:
            _keep(new, table, [last], saved, present)


def _keep(new: sqlite3.Connection, table: str, rows: Iterable[Row], saved: Saved, present: IntervalSet) -> None:
    """Write rows in batches; when the disk is full, what is left stays in the file set aside and counts as lost."""
    batch: list[Row] = []

    def flush() -> None:
        with store.transaction(new):
            new.executemany(f"INSERT OR IGNORE INTO {table} VALUES (?, ?, ?, ?)", batch)  # noqa: S608 (our own names)
        for seq, raw, _, _ in batch:
            saved.count += seq not in present
            present.add(seq, seq)
            saved.head = max(saved.head, (seq, unpacked(raw)))
        batch.clear()

    try:
        for row in rows:
            batch.append(row)
            if len(batch) == _BATCH:
                flush()
        flush()
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode != sqlite3.SQLITE_FULL:
            raise


def _lost(saved: Saved, settled: IntervalSet, present: IntervalSet, new: sqlite3.Connection) -> list[Run]:
    """Return the undelivered numbers up to the head that were not saved, each run with the id of its end if known."""
    lost = []
    for low, high in settled.gaps(1, saved.head[0]):
        for first, last in present.gaps(low, high):
            known = saved.head[1] if last == saved.head[0] else None
            lost.append(_named(Run(first, last, known), saved.chain, new))
    return lost


def _named(run: Run, chain: str, db: sqlite3.Connection) -> Run:
    """Return the run with the id of its end, if the record after it is in `db` and names it."""
    return run if run.id else run._replace(id=_predecessor_of(db, chain, run.last + 1))


def _predecessor_of(db: sqlite3.Connection, chain: str, seq: int) -> str | None:
    """Return what record `seq` names as its predecessor, if that record can be read."""
    for table in store.TABLES:
        row = _Source(db).row(table, seq)
        if row and store.row_ok(packed(chain), row):
            return predecessor(row[3])
    return None


def identity(db: sqlite3.Connection, chain: str, seq: int) -> str | None:
    """Return the id of a rotten record: what its successor says, else what its own row says, else nothing."""
    if known := _predecessor_of(db, chain, seq + 1):
        return known
    rows = (_Source(db).row(table, seq) for table in store.TABLES)
    raw = next((row[1] for row in rows if row), b"")
    return unpacked(raw) if len(raw) == ID_BYTES else None


def predecessor(wire: bytes) -> str | None:
    """Return the id that a record names as its predecessor: member ``prev``, all we know of the wire format."""
    try:
        prev = json.loads(wire)["prev"]
        return unpacked(packed(prev))
    except (ValueError, KeyError, TypeError):
        return None


class _Source:
    """A damaged store, read so that one bad page costs only the rows on it."""

    def __init__(self, db: sqlite3.Connection, progress: Progress = lambda: None) -> None:
        self._db = db
        self._progress = progress

    def chain(self) -> str:
        """Return the chain: as written down, or the id of the genesis record."""
        with suppress(sqlite3.Error, ValueError):
            if named := store.chain_of(self._db):
                return named
        row = self.row("urgent", 1)
        return unpacked(row[1]) if row and isinstance(row[1], bytes) and store.row_ok(row[1], row) else ""

    def top(self, reserved: int) -> int:
        """Return a number that no record is above. Without a mark: the last one that can be found by probing."""
        if reserved:
            return reserved
        with suppress(sqlite3.Error, ValueError):
            return store.head(self._db)[0]
        top = chunk = 0
        while chunk * _CHUNK - top < _EMPTY_CHUNKS * _CHUNK:
            for table in store.TABLES:
                for row in self.rows(table, chunk * _CHUNK, (chunk + 1) * _CHUNK - 1):
                    top = max(top, row[0])
            chunk += 1
        return top

    def last(self, table: str) -> Row | None:
        """Return the last row of a table, if it can be read."""
        with suppress(sqlite3.Error):
            row: Row | None = self._db.execute(f"SELECT * FROM {table} ORDER BY seq DESC LIMIT 1").fetchone()  # noqa: S608
            return row
        return None

    def rows(self, table: str, first: int, last: int) -> Iterator[Row]:
        """Yield the rows of a range: in chunks where that works, one by one where it does not."""
        query = f"SELECT * FROM {table} WHERE seq BETWEEN ? AND ?"  # noqa: S608 (our own names)
        for low in range(first, last + 1, _CHUNK):
            high = min(low + _CHUNK - 1, last)
            self._progress()
            try:
                yield from self._db.execute(query, (low, high)).fetchall()
            except sqlite3.Error:
                yield from filter(None, (self.row(table, seq) for seq in range(low, high + 1)))

    def row(self, table: str, seq: int) -> Row | None:
        """Return one row, if it can be read."""
        with suppress(sqlite3.Error):
            row: Row | None = self._db.execute(f"SELECT * FROM {table} WHERE seq = ?", (seq,)).fetchone()  # noqa: S608
            return row
        return None

    def small(self, table: str) -> list[tuple[object, ...]]:
        """Return the rows of a small table, as many as can be read."""
        rows: list[tuple[object, ...]] = []
        with suppress(sqlite3.Error):
            rows.extend(self._db.execute(f"SELECT * FROM {table}"))  # noqa: S608 (our own names)
        return rows


def set_aside(path: Path, now_ms: int) -> Path:
    """Rename a store and its log to a dated name of their own and return it. Raises `StoreFailed`."""
    stamp = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=now_ms)).strftime("%Y%m%dT%H%M%SZ")
    number, aside = 1, path.with_name(f"damaged-{stamp}.db")
    while aside.exists() or aside.with_name(aside.name + "-wal").exists():
        number += 1
        aside = path.with_name(f"damaged-{stamp}-{number}.db")
    try:
        for suffix in ("", "-wal"):
            with suppress(FileNotFoundError):
                path.with_name(path.name + suffix).rename(aside.with_name(aside.name + suffix))
        path.with_name(path.name + "-shm").unlink(missing_ok=True)
        sync_directory(path.parent)
    except OSError as error:
        raise unusable(path, error) from error
    return aside


def finished(path: Path) -> bool:
    """Return whether `path` is a store whose making was completed, judged by the file without its log."""
    try:
        with closing(store.look(path, log=False)) as db:
            return store.version(db, path) == store.VERSION
    except (sqlite3.Error, Newer, StoreFailed):
        return False
