"""The versions of the stores, and the way from each to the next and back.

A file's version is SQLite's `user_version`. Version 1 is the first; each `Step` leads to the next one. Whoever changes
a `SCHEMA` raises its `VERSION` and adds a step to `OUTBOX` or `HISTORY`; tests/buffer/test_migrate.py holds the old
schema against it.

The promise: a file has one version or the other, never something in between. All steps of one move are one
transaction, with the version number in it. Going down loses nothing that the older software knew: what is newer may be
left out or stay unused. Records are never rewritten; they are signed.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from buffer import store
from buffer.errors import Newer, StoreFailed
from buffer.place import Lock

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    Change = Callable[[sqlite3.Connection], object]

_UNCAPPED: Final = 0xFFFF_FFFE
"""SQLite's largest `max_page_count`: the cap is a promise about records; a move may need more for a while."""
_STEPS: Final = 100_000
"""Steps of SQLite's machine between two signs of life."""


@dataclass(frozen=True, slots=True)
class Step:
    """From one version to the next, and back. Both only execute statements: the transaction is `move`'s."""

    what: str
    up: Change
    down: Change


OUTBOX: Final[tuple[Step, ...]] = ()
"""`outbox.db`: from 1 to 2, from 2 to 3, and so on."""

HISTORY: Final[tuple[Step, ...]] = ()
"""`history.db`, likewise."""


def move(
    db: sqlite3.Connection,
    steps: Sequence[Step],
    to: int,
    where: Path,
    progress: Callable[[], None] = lambda: None,
) -> tuple[int, int]:
    """Bring the file that `db` is open on to version `to`; return the version before and after.

    `progress` is called now and then. Raises `Newer` where the way is not known from here, `StoreFull`, `StoreFailed`;
    the file is then what it was.
    """
    found = version_of(db)
    if found == to:
        return found, found
    _known(found, to, len(steps) + 1, where)
    cap = int(db.execute("PRAGMA max_page_count").fetchone()[0])

    def tick() -> int:
        progress()
        return 0

    db.set_progress_handler(tick, _STEPS)
    try:
        store.limit(db, _UNCAPPED)
        with store.transaction(db):
            for change in _changes(steps, found, to):
                change(db)
                if not db.in_transaction:
                    raise StoreFailed("a step ended its transaction", where=where, hint="this is a mistake in the step")
            db.execute(f"PRAGMA user_version = {to}")
        store.checkpoint(db, truncate=True)  # into the file itself, where packages look for the version
    except sqlite3.Error as error:
        raise store.failure(error, where) from error
    finally:
        db.set_progress_handler(None, 0)
        store.limit(db, cap)
    return found, to


def _known(found: int, to: int, newest: int, where: Path) -> None:
    """Refuse a way that begins or ends at a version this software does not know."""
    if found > newest:
        raise Newer(
            f"written by a newer version of the program (store version {found}, this one knows {newest})",
            where=where,
            hint="install that version again; nothing was changed",
        )
    if not (found >= 1 and 1 <= to <= newest):
        raise StoreFailed(
            f"there is no way from version {found} to {to}", where=where, hint=f"versions are 1 to {newest}"
        )


def _changes(steps: Sequence[Step], found: int, to: int) -> list[Change]:
    """Return what has to be done, in order."""
    if to > found:
        return [step.up for step in steps[found - 1 : to - 1]]
    return [step.down for step in reversed(steps[to - 1 : found - 1])]


def version_of(db: sqlite3.Connection) -> int:
    """Return the version of the file. 0 is one that was never finished."""
    return int(db.execute("PRAGMA user_version").fetchone()[0])


def versions(directory: Path) -> dict[str, tuple[int | None, int]]:
    """Return for each file its version (``None`` where there is none) and the one this software writes.

    Changes nothing, and needs no lock. Raises `StoreFailed`.
    """
    found: dict[str, tuple[int | None, int]] = {}
    for name, steps in (("outbox", OUTBOX), ("history", HISTORY)):
        path = directory / f"{name}.db"
        found[name] = (_looked(path), len(steps) + 1)
    return found


def _looked(path: Path) -> int | None:
    if not path.exists():
        return None
    try:
        with closing(store.look(path)) as db:
            return version_of(db)
    except sqlite3.Error as error:
        raise store.failure(error, path) from error


def lower(directory: Path, wanted: dict[str, int]) -> dict[str, tuple[int, int]]:
    """Bring the files in `directory` down to the versions an older program knows; return before and after of each.

    A file that is not there, or at that version or below, is left alone. Raises `Locked` while an agent runs, and what
    `move` raises.
    """
    lock = Lock(directory / "lock")
    try:
        done = {}
        for name, steps in (("outbox", OUTBOX), ("history", HISTORY)):
            path = directory / f"{name}.db"
            to = wanted.get(name)
            if to is None or not path.exists():
                continue
            with closing(store.connect(path, max_pages=_UNCAPPED)) as db:
                done[name] = move(db, steps, min(to, version_of(db)), path)
        return done
    finally:
        lock.release()
