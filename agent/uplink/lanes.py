"""What waits to be published: two lanes, urgent records and readings, each half in the store and half in memory.

Everything undelivered is in the store; memory holds only what was committed since this connection began, so that a live
record needs no query. One number per lane keeps the halves apart, the *floor*:

- records below the floor are the store's, read oldest first behind a cursor;
- records from the floor up are in `fresh`, on their way, or were refused.

When `fresh` grows too big its oldest are simply forgotten and the floor rises: the store has them. And there is one way
only to get anything back that was refused or lost: `rescan`, which moves the cursor to the beginning; the store answers
with what is still undelivered.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


class Row(Protocol):
    """A committed record, as the store hands it out."""

    @property
    def seq(self) -> int:
        """Its place in the chain."""

    @property
    def urgent(self) -> bool:
        """Whether it overtakes readings."""

    @property
    def wire(self) -> bytes:
        """The signed bytes, published as they are."""


class Lane:
    """One lane. Used by the publisher's thread only."""

    def __init__(self, fetch: Callable[[int], Sequence[Row]], *, most_rows: int, most_bytes: int) -> None:
        """`fetch(after)` reads some undelivered records with larger numbers; an empty answer means no more."""
        self._fetch = fetch
        self._most_rows = most_rows
        self._most_bytes = most_bytes
        self._stored: deque[Row] = deque()
        self._fresh: deque[Row] = deque()
        self._fresh_bytes = 0
        self._cursor = 0
        self._floor: int | None = None
        self._exhausted = False

    @property
    def has_fresh(self) -> bool:
        """Whether a record committed since the connection began is waiting."""
        return bool(self._fresh)

    @property
    def may_have_stored(self) -> bool:
        """Whether the store may have more; `take_stored` finds out."""
        return bool(self._stored) or not self._exhausted

    def start_over(self) -> None:
        """Forget what memory holds: a new connection begins with the store."""
        self._fresh.clear()
        self._fresh_bytes = 0
        self.rescan()

    def rescan(self) -> None:
        """Read the store from the beginning again."""
        self._stored.clear()
        self._cursor = 0
        self._floor = self._fresh[0].seq if self._fresh else None
        self._exhausted = False

    def offer(self, row: Row) -> None:
        """Take a record that was committed just now, unless the store's half has already come past it."""
        if row.seq <= self._cursor:
            return
        if self._floor is None:
            self._floor = row.seq
        self._fresh.append(row)
        self._fresh_bytes += len(row.wire)
        while len(self._fresh) > self._most_rows or (self._fresh_bytes > self._most_bytes and len(self._fresh) > 1):
            self._leave_to_the_store()

    def take_fresh(self) -> Row:
        """Return the oldest record in memory; there must be one."""
        row = self._fresh.popleft()
        self._fresh_bytes -= len(row.wire)
        return row

    def take_stored(self) -> Row | None:
        """Return the oldest record of the store's half, or nothing when there is none left."""
        if not self._stored and not self._exhausted:
            self._refill()
        return self._stored.popleft() if self._stored else None

    def _refill(self) -> None:
        rows = self._fetch(self._cursor)
        floor = self._floor
        kept = rows if floor is None else [row for row in rows if row.seq < floor]
        self._stored.extend(kept)
        if kept:
            self._cursor = kept[-1].seq
        self._exhausted = len(kept) < len(rows) or not rows

    def _leave_to_the_store(self) -> None:
        self.take_fresh()
        self._floor = self._fresh[0].seq
        self._exhausted = False
