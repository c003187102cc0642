"""The SQLite file: its schema, how a connection is opened, and the statements of one transaction.

Whatever SQLite says is turned into `StoreFull` or `StoreFailed` here; nothing above knows an error code.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING
from urllib.parse import quote

from buffer.entry import Drop, Entry, Hole, Position, Run, checksum, packed, unpacked
from buffer.errors import Newer, StoreFailed, StoreFull
from buffer.intervals import IntervalSet
from buffer.place import hold_index, unusable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from buffer.intervals import Interval

PAGE = 4096
"""Bytes. 8192 doubles what a card has to write for one record, 1024 helps only rows of a few bytes."""

VERSION = 1
"""`user_version` of a finished store. A file under construction has 0. The way from older ones is in `migrate`."""

TABLES = ("urgent", "reading")

SCHEMA = """
CREATE TABLE meta    (key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE reading (seq INTEGER PRIMARY KEY, id BLOB NOT NULL, sum BLOB NOT NULL, wire BLOB NOT NULL);
CREATE TABLE urgent  (seq INTEGER PRIMARY KEY, id BLOB NOT NULL, sum BLOB NOT NULL, wire BLOB NOT NULL);
CREATE TABLE settled (first INTEGER PRIMARY KEY, last INTEGER NOT NULL);
CREATE TABLE dropped (first INTEGER PRIMARY KEY, last INTEGER NOT NULL, ids BLOB NOT NULL);
CREATE TABLE hole    (first INTEGER PRIMARY KEY, last INTEGER NOT NULL, id BLOB,
                      reason TEXT NOT NULL, link TEXT NOT NULL);
CREATE TABLE hour    (number INTEGER PRIMARY KEY, seq INTEGER NOT NULL);
CREATE TABLE state   (key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
"""

_LOG_LIMIT = 8 * 1024 * 1024

_PRAGMAS = (
    "PRAGMA page_size = 4096",
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
    "PRAGMA auto_vacuum = NONE",
    f"PRAGMA journal_size_limit = {_LOG_LIMIT}",
    "PRAGMA wal_autocheckpoint = 0",  # SQLite would swallow an error of its own checkpoint; `checkpoint` does not
    "PRAGMA cache_size = -1024",
    "PRAGMA mmap_size = 0",
    "PRAGMA secure_delete = OFF",  # Debian's default overwrites what is deleted: twice the wear for nothing
    "PRAGMA temp_store = MEMORY",
    "PRAGMA cell_size_check = ON",
    "PRAGMA busy_timeout = 5000",
)

_MUST_HOLD = (("page_size", PAGE), ("journal_mode", "wal"), ("synchronous", 2), ("auto_vacuum", 0))

_FULL = {sqlite3.SQLITE_FULL}
_CORRUPT = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT}
_UNREADABLE = {sqlite3.SQLITE_IOERR_READ, sqlite3.SQLITE_IOERR_SHORT_READ, sqlite3.SQLITE_IOERR_CORRUPTFS}

_PASSING = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_BUSY}


def failure(error: sqlite3.Error, where: Path) -> StoreFull | StoreFailed:
    """Return our error for one of SQLite's (result codes: sqlite.org/rescode.html)."""
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
    if code in _FULL:
        return StoreFull("no room", where=where, hint="free disk space or raise max_size", disk=False)
    corrupt = code & 0xFF in _CORRUPT or code in _UNREADABLE or not isinstance(error, sqlite3.OperationalError)
    name = getattr(error, "sqlite_errorname", "SQLITE_ERROR")
    return StoreFailed(
        f"{error} ({name})",
        where=where,
        hint="check the disk; the program reopens the store by itself",
        corrupt=corrupt,
    )


def is_passing(error: sqlite3.Error) -> bool:
    """Return whether the error is about the disk or the machine at this moment, not about what is in the file.

    SQLite writes its shared index even for a reader; on a full disk that is "disk I/O error" (SQLITE_IOERR_SHMSIZE).
    """
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
    return code & 0xFF in _PASSING and code not in _UNREADABLE


def look(path: Path, *, log: bool = True) -> sqlite3.Connection:
    """Open a store for reading without changing a byte of it; with `log` false as if there were no WAL."""
    how = "mode=ro" if log else "immutable=1"
    db = sqlite3.connect(f"file:{quote(str(path))}?{how}", uri=True, isolation_level=None, check_same_thread=False)
    db.execute("PRAGMA cache_size = -1024")
    db.execute("PRAGMA cell_size_check = ON")
    return db


def connect(path: Path, *, max_pages: int) -> sqlite3.Connection:
    """Open the store for writing and make sure that every setting took. Raises `StoreFailed` or `StoreFull`."""
    try:
        if not path.exists():  # SQLite gives its other files the mode of this one
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    except OSError as error:
        raise unusable(path, error) from error
    except sqlite3.Error as error:
        raise failure(error, path) from error
    try:
        _settings(db, path, max_pages)
        hold_index(path)
    except sqlite3.Error as error:
        db.close()
        raise failure(error, path) from error
    except (StoreFailed, StoreFull):
        db.close()
        raise
    return db


def _settings(db: sqlite3.Connection, path: Path, max_pages: int) -> None:
    """Make the settings and read them back. Raises `StoreFailed` when SQLite could not comply."""
    for pragma in _PRAGMAS:
        db.execute(pragma).fetchall()
    limit(db, max_pages)
    for name, wanted in _MUST_HOLD:
        found = db.execute(f"PRAGMA {name}").fetchone()[0]
        if found != wanted:
            what = f"SQLite keeps {name} = {found}, not {wanted}"
            raise StoreFailed(what, where=path, hint="put state_dir on a local disk")


def limit(db: sqlite3.Connection, max_pages: int) -> None:
    """Cap the file. SQLite itself never caps below what is there."""
    db.execute(f"PRAGMA max_page_count = {max_pages}").fetchall()


def create(db: sqlite3.Connection) -> None:
    """Lay the tables, in one transaction. The store counts only once it is finished."""
    db.executescript("BEGIN IMMEDIATE;" + SCHEMA + "COMMIT;")


def finish(db: sqlite3.Connection) -> None:
    """Give the store its version number: everything that belongs in a new one is in it."""
    db.execute(f"PRAGMA user_version = {VERSION}")


def version(db: sqlite3.Connection, where: Path) -> int:
    """Return the file's version. Raises `Newer` for one we do not know."""
    found = int(db.execute("PRAGMA user_version").fetchone()[0])
    if found > VERSION:
        raise Newer(
            f"written by a newer version of the program (store version {found}, this one knows {VERSION})",
            where=where,
            hint="install that version again; nothing was changed",
        )
    return found


def checkpoint(db: sqlite3.Connection, *, truncate: bool) -> bool:
    """Copy the log into the file. Return whether all of it went. Raises what SQLite raises."""
    mode = "TRUNCATE" if truncate else "PASSIVE"
    busy, pages, done = db.execute(f"PRAGMA wal_checkpoint({mode})").fetchone()
    return not busy and pages == done


def pages(db: sqlite3.Connection) -> tuple[int, int]:
    """Return the pages of the file, and how many of them are free for reuse."""
    return int(db.execute("PRAGMA page_count").fetchone()[0]), int(db.execute("PRAGMA freelist_count").fetchone()[0])


def insert(db: sqlite3.Connection, chain: bytes, entries: Iterable[Entry]) -> None:
    """Add records."""
    rows: dict[bool, list[tuple[int, bytes, bytes, bytes]]] = {True: [], False: []}
    for entry in entries:
        raw = packed(entry.id)
        rows[entry.urgent].append((entry.seq, raw, checksum(chain, entry.seq, raw, entry.wire), entry.wire))
    if rows[False]:
        db.executemany("INSERT INTO reading VALUES (?, ?, ?, ?)", rows[False])
    if rows[True]:
        db.executemany("INSERT INTO urgent VALUES (?, ?, ?, ?)", rows[True])


def remember(db: sqlite3.Connection, state: Mapping[str, bytes]) -> None:
    """Keep the caller's state beside the records that it belongs to."""
    db.executemany("REPLACE INTO state VALUES (?, ?)", state.items())


def settled(db: sqlite3.Connection) -> IntervalSet:
    """Return the numbers that need no delivery."""
    return IntervalSet(db.execute("SELECT first, last FROM settled ORDER BY first"))


def settle(db: sqlite3.Connection, mirror: IntervalSet, runs: Iterable[Interval]) -> None:
    """Note that these numbers need no delivery any more, in the table and in its `mirror`."""
    for run in runs:
        interval, swallowed = mirror.add(*run)
        if swallowed:
            db.executemany("DELETE FROM settled WHERE first = ?", [(first,) for first in swallowed])
        db.execute("REPLACE INTO settled VALUES (?, ?)", interval)


def delete(db: sqlite3.Connection, drop: Drop, *, keep_bytes: int) -> None:
    """Delete what a drop names; of undelivered records number and id stay, oldest first out beyond `keep_bytes`.

    Everything is deleted before anything is noted: in a full file the ids need the pages that the rows leave.
    """
    db.executemany("DELETE FROM reading WHERE seq BETWEEN ? AND ?", drop.delivered)
    spans = [(run.first, run.last) for run in drop.undelivered]
    kept = [(*span, _ids(db, span)) for span in spans]
    db.executemany("DELETE FROM reading WHERE seq BETWEEN ? AND ?", spans)
    if drop.reason == "bit-rot":
        db.executemany("DELETE FROM urgent WHERE seq BETWEEN ? AND ?", spans)
    db.executemany("REPLACE INTO dropped VALUES (?, ?, ?)", kept)
    if kept:
        _bound_dropped(db, keep_bytes)


def _ids(db: sqlite3.Connection, span: Interval) -> bytes:
    """Return the ids of the readings in a span, one after the other."""
    return b"".join(raw for (raw,) in db.execute("SELECT id FROM reading WHERE seq BETWEEN ? AND ? ORDER BY seq", span))


def _bound_dropped(db: sqlite3.Connection, keep_bytes: int) -> None:
    """Let the oldest dropped ids go. Those at the ends of runs stay known: they are in gap records, never dropped."""
    total = int(db.execute("SELECT total(length(ids)) FROM dropped").fetchone()[0])
    while total > keep_bytes:
        first, size = db.execute("SELECT first, length(ids) FROM dropped ORDER BY first LIMIT 1").fetchone()
        db.execute("DELETE FROM dropped WHERE first = ?", (first,))
        total -= size


def note_hole(db: sqlite3.Connection, hole: Hole, link: str) -> None:
    """Keep a hole until it is signed. `link` is the id that the next record must name as its predecessor."""
    rows = [(run.first, run.last, packed(run.id) if run.id else None, hole.reason, link) for run in hole.runs]
    db.executemany("REPLACE INTO hole VALUES (?, ?, ?, ?, ?)", rows)


def forget_hole(db: sqlite3.Connection, hole: Hole) -> None:
    """Take a hole off the list: it is being signed."""
    db.executemany("DELETE FROM hole WHERE first = ?", [(run.first,) for run in hole.runs])


def pending_hole(db: sqlite3.Connection) -> tuple[Hole | None, Position]:
    """Return the hole that still has to be signed, and its end as the position to go on from."""
    rows = db.execute("SELECT first, last, id, reason, link FROM hole ORDER BY first").fetchall()
    if not rows:
        return None, Position("", 0, "")
    runs = tuple(Run(first, last, unpacked(raw) if raw else None) for first, last, raw, _, _ in rows)
    return Hole(rows[-1][3], runs), Position("", runs[-1].last, rows[-1][4])


def chain_of(db: sqlite3.Connection) -> str:
    """Return the chain of a store, ``""`` before the genesis record."""
    row = db.execute("SELECT value FROM meta WHERE key = 'chain'").fetchone()
    return unpacked(row[0]) if row else ""


def name_chain(db: sqlite3.Connection, chain: bytes) -> None:
    """Write down the chain; once in a store's life."""
    db.execute("REPLACE INTO meta VALUES ('chain', ?)", (chain,))


def head(db: sqlite3.Connection) -> tuple[int, str]:
    """Return number and id of the last record, (0, "") when there is none."""
    last = (0, "")
    for table in TABLES:
        row = db.execute(f"SELECT seq, id FROM {table} ORDER BY seq DESC LIMIT 1").fetchone()  # noqa: S608 (our own names)
        if row and row[0] > last[0]:
            last = (row[0], unpacked(row[1]))
    return last


def id_of(db: sqlite3.Connection, seq: int) -> str | None:
    """Return the id of a record that is in the store."""
    for table in TABLES:
        row = db.execute(f"SELECT id FROM {table} WHERE seq = ?", (seq,)).fetchone()  # noqa: S608 (our own names)
        if row:
            return unpacked(row[0])
    return None


def recall(db: sqlite3.Connection, key: str) -> bytes | None:
    """Return the caller's state under `key`."""
    row = db.execute("SELECT value FROM state WHERE key = ?", (key,)).fetchone()
    return bytes(row[0]) if row else None


def row_ok(chain: bytes, row: Sequence[bytes | int]) -> bool:
    """Return whether a row (seq, id, sum, wire) is what was once written."""
    seq, raw, found, wire = row
    return (
        isinstance(seq, int)
        and isinstance(raw, bytes)
        and isinstance(wire, bytes)
        and found == checksum(chain, seq, raw, wire)
    )


@contextmanager
def transaction(db: sqlite3.Connection) -> Iterator[None]:
    """Do the block's statements all or not at all; durable when the block has been left. Raises what SQLite raises."""
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
        db.execute("COMMIT")
    except BaseException:
        with suppress(sqlite3.Error):
            if db.in_transaction:  # SQLite may have rolled back already
                db.execute("ROLLBACK")
        raise


def log_salt(path: Path) -> str:
    """Return the salt of the WAL beside `path` as hex (sqlite.org/fileformat2.html section 4.1), ``""`` without one.

    The log file carries no lock, so that opening and closing it here does not cost SQLite the locks it holds.
    """
    try:
        with path.with_name(path.name + "-wal").open("rb", buffering=0) as log:
            log.seek(16)
            return log.read(8).hex()
    except OSError:
        return ""
