"""What the store keeps of everything but readings, the newest first: for people who look back.

Its own connection, opened for reading at each call and closed again, so that it works whatever happens to the file in
between, and keeps no transaction open. Each call looks at so many rows and bytes at most (`MOST_ROWS`, `MOST_BYTES`)
and says where to go on: a year of records that nobody asked for costs more calls, never a slow one. A record that is
not what was once written is left out. May be called from any thread.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from buffer import store
from buffer.entry import packed
from buffer.opening import DATABASE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

MOST_ROWS: Final = 2000
"""Rows looked at in one call."""
MOST_BYTES: Final = 4 * 1024 * 1024
"""Bytes of records looked at in one call; the last one may exceed them."""
_NEWEST: Final = "SELECT * FROM urgent WHERE seq < ? ORDER BY seq DESC LIMIT ?"
_BEYOND: Final = 2**63 - 1

Row = tuple[int, bytes, bytes, Any]


@dataclass(frozen=True, slots=True)
class Page:
    """Records as they were signed, the newest first. `next` is where to go on (`before`); ``None``: that was all."""

    wires: tuple[bytes, ...]
    next: int | None


class Journal:
    """A view of the store in one directory."""

    def __init__(self, directory: Path) -> None:
        """Know where; nothing is opened."""
        self._path = directory / DATABASE

    def newest(self, wanted: Callable[[bytes], bool | None], *, limit: int, before: int | None = None) -> Page:
        """Return at most `limit` records with numbers below `before` that are `wanted`; readings never are.

        `wanted` answers ``None`` at a record behind which nothing is wanted any more. Raises `StoreFailed` or
        `StoreFull` when the disk gives no answer.
        """
        try:
            with closing(store.look(self._path)) as db:
                chain = store.chain_of(db)
                rows = db.execute(_NEWEST, (_BEYOND if before is None else before, MOST_ROWS))
                with closing(rows):
                    return _page(rows, packed(chain), wanted, limit) if chain else Page((), None)
        except sqlite3.Error as error:
            raise store.failure(error, self._path) from error

    def record(self, seq: int) -> bytes | None:
        """Return one record as it was signed, of any kind; ``None`` when it is not kept. Raises as `newest`."""
        try:
            with closing(store.look(self._path)) as db:
                for table in store.TABLES:
                    row = db.execute(f"SELECT wire FROM {table} WHERE seq = ?", (seq,)).fetchone()  # noqa: S608 (our own names)
                    if row:
                        return bytes(row[0])
        except sqlite3.Error as error:
            raise store.failure(error, self._path) from error
        return None


def _page(rows: Iterable[Row], chain: bytes, wanted: Callable[[bytes], bool | None], limit: int) -> Page:
    """Look through rows until there are enough, enough was looked at, or nothing more is wanted."""
    found: list[bytes] = []
    seen = size = last = 0
    for row in rows:
        last, wire = row[0], row[3] if isinstance(row[3], bytes) else b""
        answer = wanted(wire)
        if answer is not False and store.row_ok(chain, row):
            if answer is None:
                return Page(tuple(found), None)
            found.append(wire)
        seen, size = seen + 1, size + len(wire)
        if len(found) >= limit or size >= MOST_BYTES:
            return Page(tuple(found), last)
    return Page(tuple(found), last if seen >= MOST_ROWS else None)
