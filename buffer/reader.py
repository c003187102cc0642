"""The publisher's view of the outbox: its own connection, short transactions, every record checked before it leaves.

A read transaction that stays open would keep the log from being reset, so each call reads a few records and lets go.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

from buffer import store
from buffer.entry import Entry, packed, unpacked
from buffer.errors import StoreFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from threading import RLock

    from buffer.errors import StoreFull
    from buffer.ledger import Ledger

MANY_BYTES = 1024 * 1024
_SPANS = 64


class OutboxReader:
    """Undelivered records, oldest first. For one thread. Made by `Outbox.reader`."""

    def __init__(
        self,
        path: Path,
        ledger: Ledger,
        gate: RLock,
        *,
        chain: Callable[[], str],
        suspect: Callable[[StoreFailed], None],
    ) -> None:
        self._path = path
        self._ledger = ledger
        self._gate = gate
        self._chain = chain
        self._suspect = suspect
        self._db: sqlite3.Connection | None = None
        self._rotten: list[int] = []

    def urgent(self, after: int, limit: int, max_bytes: int = MANY_BYTES) -> list[Entry]:
        """Return undelivered records other than readings with numbers above `after`, oldest first.

        At most `limit`, and no more than fit in `max_bytes` (but at least one). Raises `StoreFailed` when the disk
        gives no answer; the pipeline then reopens the store, and the next call works again.
        """
        return self._waiting("urgent", after, limit, max_bytes)

    def readings(self, after: int, limit: int, max_bytes: int = MANY_BYTES) -> list[Entry]:
        """Return undelivered readings with numbers above `after`; otherwise as `urgent`."""
        return self._waiting("reading", after, limit, max_bytes)

    def rotten(self) -> list[int]:
        """Return, once, the numbers of records that no longer match their checksum. They are never handed out.

        The pipeline asks `Outbox.rot` for the drop, signs a gap and writes both.
        """
        found, self._rotten = self._rotten, []
        return found

    def sweep(self, after: int, limit: int = 100) -> int | None:
        """Check the next `limit` records above `after`, delivered or not. Return where to go on, ``None`` at the end.

        For idle moments: it finds bit rot in what is kept as evidence before somebody asks for it. Undelivered records
        found rotten are reported by `rotten`.
        """
        with self._gate:
            try:
                rows = [row for table in store.TABLES for row in self._above(table, after, limit)]
            except sqlite3.Error as error:
                raise self._failed(error) from error
        chain = packed(self._chain()) if rows else b""
        rows = sorted(rows)[:limit]
        for row in rows:
            if not store.row_ok(chain, row) and self._ledger.waits(row[0]):
                self._report(row[0])
        return rows[-1][0] if rows else None

    def close(self) -> None:
        """Close the connection; the next call opens another one."""
        with self._gate:
            if self._db is not None:
                self._db.close()
                self._db = None

    def _waiting(self, table: str, after: int, limit: int, max_bytes: int) -> list[Entry]:
        """Collect entries, a few intervals of the ledger at a time."""
        found: list[Entry] = []
        size = 0
        with self._gate:
            try:
                for entry in self._walk(table, after):
                    size += len(entry.wire)
                    if found and size > max_bytes:
                        break
                    found.append(entry)
                    if len(found) >= limit:
                        break
            except sqlite3.Error as error:
                raise self._failed(error) from error
        return found

    def _walk(self, table: str, after: int) -> Iterator[Entry]:
        """Yield whole records; note rotten ones."""
        chain = self._chain()
        query = f"SELECT * FROM {table} WHERE seq BETWEEN ? AND ? ORDER BY seq"  # noqa: S608 (our own names)
        while spans := self._ledger.waiting(after, _SPANS):
            key = packed(chain)
            for first, last in spans:
                with closing(self._connection().execute(query, (first, last))) as rows:
                    for row in rows:
                        if store.row_ok(key, row):
                            yield Entry(row[0], unpacked(row[1]), table == "urgent", row[3])
                        else:
                            self._report(row[0])
                after = last

    def _above(self, table: str, after: int, limit: int) -> list[tuple[int, bytes, bytes, bytes]]:
        query = f"SELECT * FROM {table} WHERE seq > ? ORDER BY seq LIMIT ?"  # noqa: S608 (our own names)
        return self._connection().execute(query, (after, limit)).fetchall()

    def _connection(self) -> sqlite3.Connection:
        if self._db is None:
            self._db = store.look(self._path)
            self._db.execute("PRAGMA busy_timeout = 5000")
        return self._db

    def _report(self, seq: int) -> None:
        if seq not in self._rotten:
            self._rotten.append(seq)

    def _failed(self, error: sqlite3.Error) -> StoreFailed | StoreFull:
        """Close, let the pipeline know, and return what to raise."""
        if self._db is not None:
            self._db.close()
            self._db = None
        failed = store.failure(error, self._path)
        if isinstance(failed, StoreFailed):
            self._suspect(failed)
        return failed
