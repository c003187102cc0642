"""The store as evidence: its records in the order of the chain, for somebody who looks and changes nothing.

Looking does not disturb the agent that writes: the connection is read-only, and each look is a short transaction of a
few hundred rows, so that the log can be copied back meanwhile and memory stays small however long the period is.
A row that no longer matches its checksum is handed out as not `whole`; whoever looks says so and goes on.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

from buffer import store
from buffer.entry import ID_BYTES, packed, unpacked
from buffer.errors import StoreFailed
from buffer.opening import DATABASE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from buffer.intervals import IntervalSet

Row = tuple[int, bytes, bytes, bytes]

_CHUNK: Final = 256
_URGENT: Final = ("urgent",)


@dataclass(frozen=True, slots=True)
class Kept:
    """One record as it lies in the store. Not `whole`: its bytes are no longer those that were written."""

    seq: int
    id: str
    wire: bytes
    whole: bool


@dataclass(frozen=True, slots=True)
class Dropped:
    """Readings that were dropped before they were delivered: their numbers, and the ids of those it still knows."""

    first: int
    last: int
    ids: tuple[str, ...]


class Evidence:
    """A store, opened for looking."""

    def __init__(self, db: sqlite3.Connection, path: Path) -> None:
        self._db = db
        self._path = path
        self.chain = store.chain_of(db)
        self.head = store.head(db)[0]
        self._key = packed(self.chain) if self.chain else b""

    @classmethod
    @contextmanager
    def opened(cls, directory: Path) -> Iterator[Self]:
        """Open the store in `directory` for the block.

        Raises `StoreFailed` when there is none, when it may not be read, and when it is damaged; `Newer`.
        """
        path = directory / DATABASE
        with _named(path):
            _refuse_absent(path)
            log = path.with_name(path.name + "-wal")
            db = store.look(path, log=log.exists() and log.stat().st_size > 0)
        with closing(db):
            with _named(path):
                db.execute("PRAGMA busy_timeout = 5000")
                store.version(db, path)
                evidence = cls(db, path)
            yield evidence

    def urgent(self) -> Iterator[Kept]:
        """Yield every record that is no reading, in order. Raises `StoreFailed`."""
        return self._walk(1, self.head, _URGENT)

    def span(self, first: int, last: int) -> Iterator[Kept]:
        """Yield the records numbered `first` to `last` that are here, in order. Raises `StoreFailed`."""
        return self._walk(first, last, store.TABLES)

    def at_or_after(self, seq: int) -> Kept | None:
        """Return the first record here that has this number or a higher one. Raises `StoreFailed`."""
        return self._edge("seq >= ? ORDER BY seq", seq, min)

    def before(self, seq: int) -> Kept | None:
        """Return the last record here with a lower number. Raises `StoreFailed`."""
        return self._edge("seq < ? ORDER BY seq DESC", seq, max)

    def settled(self) -> IntervalSet:
        """Return the numbers that need no delivery: delivered, or signed away. Raises `StoreFailed`."""
        with _named(self._path):
            return store.settled(self._db)

    def dropped(self, first: int, last: int) -> Iterator[Dropped]:
        """Yield what is known of readings dropped undelivered that touch these numbers. Raises `StoreFailed`."""
        query = "SELECT first, last, ids FROM dropped WHERE first <= ? AND last >= ? ORDER BY first"
        with _named(self._path), closing(self._db.execute(query, (last, first))) as rows:
            for start, end, raw in rows:
                ids = (unpacked(raw[at : at + ID_BYTES]) for at in range(0, len(raw), ID_BYTES))
                yield Dropped(start, end, tuple(ids))

    def _walk(self, first: int, last: int, tables: Sequence[str]) -> Iterator[Kept]:
        after = first - 1
        while after < last:
            rows, after = self._chunk(after, last, tables)
            for row in rows:
                yield self._kept(row)

    def _chunk(self, after: int, until: int, tables: Sequence[str]) -> tuple[list[Row], int]:
        """Return the next rows of all tables in order, and the number up to which that is everything."""
        found: list[Row] = []
        with _named(self._path):
            self._db.execute("BEGIN")
            try:
                for table in tables:
                    query = f"SELECT * FROM {table} WHERE seq > ? AND seq <= ? ORDER BY seq LIMIT ?"  # noqa: S608 (our own names)
                    rows = self._db.execute(query, (after, until, _CHUNK)).fetchall()
                    if len(rows) == _CHUNK:
                        until = rows[-1][0]
                    found += rows
            finally:
                self._db.execute("ROLLBACK")
        return sorted(row for row in found if row[0] <= until), until

    def _edge(self, where: str, seq: int, nearest: Callable[[list[Row]], Row]) -> Kept | None:
        with _named(self._path):
            rows = [
                row
                for table in store.TABLES
                for row in self._db.execute(f"SELECT * FROM {table} WHERE {where} LIMIT 1", (seq,))  # noqa: S608 (our own names)
            ]
        return self._kept(nearest(rows)) if rows else None

    def _kept(self, row: Row) -> Kept:
        whole = store.row_ok(self._key, row)
        return Kept(row[0], unpacked(row[1]) if whole else "", bytes(row[3]) if whole else b"", whole)


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """Give what SQLite and the system say our names."""
    try:
        yield
    except sqlite3.Error as error:
        failed = store.failure(error, path)
        hint = _REPAIR if isinstance(failed, StoreFailed) and failed.corrupt else failed.hint
        raise StoreFailed(failed.what, where=path, hint=hint, corrupt=hint is _REPAIR) from error
    except PermissionError as error:
        raise StoreFailed("the store may not be read", where=path, hint=_WHO) from error
    except ValueError as error:  # an id that is not 32 bytes
        raise StoreFailed(str(error), where=path, hint=_REPAIR, corrupt=True) from error


_REPAIR: Final = (
    "the store is damaged: start the agent, which sets it aside and saves what can be saved, and look again"
)
_WHO: Final = "run this as root or as the user the agent runs as"


def _refuse_absent(path: Path) -> None:
    """Raise `StoreFailed` where there is nothing to look at."""
    if not path.exists() or path.stat().st_size == 0:
        raise StoreFailed("there is no store", where=path, hint="has the agent ever run on this site's state_dir?")
