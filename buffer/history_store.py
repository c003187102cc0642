"""The SQLite file of the history: its tables, how it is opened, and the statements on it.

A row is written alone, into `fresh`; when a visit has enough of a level they are packed together into one `chunk`.
`boot` is set while the rows' times are milliseconds since that boot, and null once they are dates: dating rows changes
two numbers, never what is packed.
"""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from buffer import migrate, store
from buffer.errors import OutboxError
from buffer.place import sync_directory, unusable
from buffer.repair import SMALL

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

VERSION: Final = 1
"""`user_version` of a finished history. The way from older ones is in `migrate`."""

SCHEMA: Final = f"""
BEGIN IMMEDIATE;
CREATE TABLE layout (id INTEGER PRIMARY KEY, visit TEXT NOT NULL, names TEXT NOT NULL, UNIQUE (visit, names));
CREATE TABLE fresh  (id INTEGER PRIMARY KEY, layout INTEGER NOT NULL, level INTEGER NOT NULL, boot TEXT,
                     first INTEGER NOT NULL, last INTEGER NOT NULL, packed BLOB NOT NULL);
CREATE TABLE chunk  (id INTEGER PRIMARY KEY, layout INTEGER NOT NULL, level INTEGER NOT NULL, boot TEXT,
                     first INTEGER NOT NULL, last INTEGER NOT NULL, packed BLOB NOT NULL);
CREATE INDEX chunk_times ON chunk (layout, level, boot, last, first);
CREATE TABLE state  (key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
PRAGMA user_version = {VERSION};
COMMIT;
"""

WRITTEN: Final = "history.written"
"""State: the number of the last row committed, so that what failed halfway is not written twice."""
_SPARE_PAGES: Final = 1024


@dataclass(frozen=True, slots=True)
class Damage:
    """A history that could not be used: what was wrong, and where the file is now."""

    what: str
    set_aside: Path


class Group(NamedTuple):
    """Rows that are packed together."""

    layout: int
    level: int
    boot: str | None


class Stored(NamedTuple):
    """Packed rows as they lie in the file: they start from `first` to `last`."""

    id: int
    group: Group
    first: int
    last: int
    packed: bytes


def begin(path: Path, *, max_size: int, now_ms: int) -> tuple[sqlite3.Connection, Damage | None]:
    """Open the file, a new one if need be; one that cannot be used is set aside. Raises `StoreFailed`, `StoreFull`."""
    max_pages = max_size // store.PAGE + _SPARE_PAGES
    wrong = fault(path)
    damage = Damage(wrong, set_aside(path, now_ms)) if wrong else None
    db = store.connect(path, max_pages=max_pages)
    try:
        if migrate.version_of(db) == 0:
            db.executescript(SCHEMA)
            store.checkpoint(db, truncate=True)  # into the file itself, where packages look for the version
        migrate.move(db, migrate.HISTORY, VERSION, path)
    except sqlite3.Error as error:
        db.close()
        raise store.failure(error, path) from error
    except OutboxError:
        db.close()
        raise
    return db, damage


def fault(path: Path) -> str | None:
    """Return in words why a file cannot be used, ``None`` when it can. Raises `StoreFailed` when it cannot be read."""
    if not path.exists() or path.stat().st_size == 0:
        return None
    try:
        with closing(store.look(path)) as db:
            found = int(db.execute("PRAGMA user_version").fetchone()[0])
            if found > VERSION:
                return f"written by a newer version of the program (history version {found})"
            if found == 0:
                return None if not db.execute("SELECT 1 FROM sqlite_master").fetchone() else "it was never finished"
            if path.stat().st_size <= SMALL:
                verdict = str(db.execute("PRAGMA quick_check(1)").fetchone()[0])
                return None if verdict == "ok" else verdict
            db.execute("SELECT max(id) FROM fresh").fetchone()
            return None
    except sqlite3.Error as error:
        if store.is_passing(error):
            raise store.failure(error, path) from error
        return str(error)


def set_aside(path: Path, now_ms: int) -> Path:
    """Rename the file and its log to a dated name of their own and return it. Raises `StoreFailed`."""
    stamp = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=now_ms)).strftime("%Y%m%dT%H%M%SZ")
    number, aside = 1, path.with_name(f"damaged-{path.stem}-{stamp}.db")
    while aside.exists():
        number += 1
        aside = path.with_name(f"damaged-{path.stem}-{stamp}-{number}.db")
    try:
        for suffix in ("", "-wal"):
            with suppress(FileNotFoundError):
                path.with_name(path.name + suffix).rename(aside.with_name(aside.name + suffix))
        path.with_name(path.name + "-shm").unlink(missing_ok=True)
        sync_directory(path.parent)
    except OSError as error:
        raise unusable(path, error) from error
    return aside


# --- writing -----------------------------------------------------------------------------------------------------


def layouts(db: sqlite3.Connection) -> dict[tuple[str, tuple[str, ...]], int]:
    """Return the numbers of the layouts, by visit and names."""
    found = db.execute("SELECT id, visit, names FROM layout")
    return {(visit, tuple(json.loads(names))): number for number, visit, names in found}


def add_layout(db: sqlite3.Connection, number: int, visit: str, names: tuple[str, ...]) -> None:
    """Note which numbers a visit has."""
    db.execute("INSERT OR IGNORE INTO layout VALUES (?, ?, ?)", (number, visit, json.dumps(names)))


def fresh_ids(db: sqlite3.Connection) -> dict[Group, list[int]]:
    """Return the numbers of the rows not packed together yet, in the order they were written."""
    groups: dict[Group, list[int]] = {}
    for number, *group in db.execute("SELECT id, layout, level, boot FROM fresh ORDER BY id"):
        groups.setdefault(Group(*group), []).append(number)
    return groups


def last_id(db: sqlite3.Connection) -> int:
    """Return the number of the last row written."""
    row = db.execute("SELECT value FROM state WHERE key = ?", (WRITTEN,)).fetchone()
    return int(row[0]) if row else 0


def add(db: sqlite3.Connection, rows: Iterable[Stored], state: Mapping[str, bytes]) -> None:
    """Write single rows and the caller's state."""
    db.executemany("INSERT INTO fresh VALUES (?, ?, ?, ?, ?, ?, ?)", [_flat(row) for row in rows])
    db.executemany("REPLACE INTO state VALUES (?, ?)", state.items())


def fresh(db: sqlite3.Connection, ids: Iterable[int]) -> list[Stored]:
    """Return single rows by number."""
    found = (db.execute("SELECT * FROM fresh WHERE id = ?", (number,)).fetchone() for number in ids)
    return [_stored(row) for row in found if row]


def replace(db: sqlite3.Connection, ids: Iterable[int], chunk: Stored | None) -> None:
    """Put a chunk in the place of single rows."""
    db.executemany("DELETE FROM fresh WHERE id = ?", [(number,) for number in ids])
    if chunk is not None:
        db.execute("INSERT INTO chunk VALUES (?, ?, ?, ?, ?, ?, ?)", _flat(chunk))


def date(db: sqlite3.Connection, boot: str, offset_ms: int) -> None:
    """Turn times since a boot into dates."""
    for table in ("fresh", "chunk"):
        db.execute(
            f"UPDATE {table} SET first = first + ?, last = last + ?, boot = NULL WHERE boot = ?",  # noqa: S608 (our own names)
            (offset_ms, offset_ms, boot),
        )


def forget_old(db: sqlite3.Connection, group: Group, before_ms: int, most: int) -> None:
    """Delete the oldest chunks of a group that end before a moment, at most so many."""
    db.execute(
        "DELETE FROM chunk WHERE id IN (SELECT id FROM chunk WHERE layout = ? AND level = ? AND boot IS ?"
        " AND last < ? ORDER BY last LIMIT ?)",
        (*group, before_ms, most),
    )


def forget_oldest(db: sqlite3.Connection, level: int, most: int) -> int:
    """Delete the chunks of a level that were written first, at most so many; return how many."""
    wanted = "SELECT id FROM chunk WHERE level = ? ORDER BY id LIMIT ?"
    return db.execute(f"DELETE FROM chunk WHERE id IN ({wanted})", (level, most)).rowcount  # noqa: S608 (our own text)


def recall(db: sqlite3.Connection, key: str) -> bytes | None:
    """Return the caller's state under `key`."""
    row = db.execute("SELECT value FROM state WHERE key = ?", (key,)).fetchone()
    return bytes(row[0]) if row else None


# --- reading -----------------------------------------------------------------------------------------------------


def layouts_of(db: sqlite3.Connection, device: str) -> dict[int, tuple[str, tuple[str, ...]]]:
    """Return visit and names of the layouts of a device: its visits are called as it is, or so and a slash behind."""
    found = db.execute("SELECT id, visit, names FROM layout ORDER BY visit, id")
    return {
        number: (visit, tuple(json.loads(names)))
        for number, visit, names in found
        if visit == device or visit.startswith(f"{device}/")
    }


def between(db: sqlite3.Connection, group: Group, from_ms: int, to_ms: int) -> list[Stored]:
    """Return what may hold rows of a group that start from one moment up to, but not including, another."""
    where = "layout = ? AND level = ? AND boot IS ? AND last >= ? AND first < ? ORDER BY id"
    what = (*group, from_ms, to_ms)
    return [
        _stored(row)
        for table in ("chunk", "fresh")
        for row in db.execute(f"SELECT * FROM {table} WHERE {where}", what)  # noqa: S608 (our own names)
    ]


def last_start(db: sqlite3.Connection, group: Group) -> int | None:
    """Return the start of the row of a group that was written last."""
    for table in ("fresh", "chunk"):
        row = db.execute(
            f"SELECT last FROM {table} WHERE layout = ? AND level = ? AND boot IS ? ORDER BY id DESC LIMIT 1",  # noqa: S608
            group,
        ).fetchone()
        if row:
            return int(row[0])
    return None


def _flat(row: Stored) -> tuple[Any, ...]:
    return (row.id, *row.group, row.first, row.last, row.packed)


def _stored(row: tuple[Any, ...]) -> Stored:
    number, layout, level, boot, first, last, packed = row
    return Stored(number, Group(layout, level, boot), first, last, packed)
