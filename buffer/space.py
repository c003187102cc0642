"""How much room there is: the store's own cap, a disk that others fill, and the warning levels."""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from buffer import store
from buffer.place import Ballast

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from buffer.entry import Entry

LEVELS = (95, 85, 70)
"""Percent of `max_size` that undelivered records take, from which on people are warned."""

_LEAST_PAGES = 256
_MOST_BALLAST = 8 * 1024 * 1024
_MOST_LOG_PAGES = 1000
_COMMIT_PAGES = 16
_FIRST_GUESS = 1200.0
_LEAF = 4084
_ROW = 52


def on_disk(wire: int) -> int:
    """Return about how many bytes of the file a record of `wire` bytes takes: rows share a page, long ones spill."""
    row = wire + _ROW
    return store.PAGE // (_LEAF // row) if row <= _LEAF else (row // _LEAF + 1) * store.PAGE


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """How full the store is.

    `bytes` of `limit` are in use; delivered records fill the store as evidence and give way silently, so `share` near 1
    is normal in the long run. What matters is `waiting_share`, an estimate of what undelivered records take: `level` is
    the highest of 70, 85, 95 (percent) it has reached, or 0. `squeezed`: others filled the disk.
    """

    bytes: int
    limit: int
    share: float
    head: int
    waiting: int
    oldest_waiting: int | None
    waiting_share: float
    level: int
    squeezed: bool


class Space:
    """The room of one store."""

    def __init__(self, directory: Path, max_size: int) -> None:
        self.max_pages = max(max_size // store.PAGE, _LEAST_PAGES)
        self.limit = self.max_pages * store.PAGE
        self.batch = min(4 * 1024 * 1024, self.limit // 64)
        self._ballast = Ballast(directory / "ballast", min(_MOST_BALLAST, self.limit // 64))
        self.log_pages = min(_MOST_LOG_PAGES, self._ballast.size // store.PAGE // 2)
        self.squeezed = False
        self._pages = (0, 0)
        self._mean_bytes = _FIRST_GUESS

    def begin(self, db: sqlite3.Connection) -> None:
        """Hold the ballast and look how full the file is. Raises what SQLite raises."""
        self.squeezed = not self._ballast.stow()
        self.sample(db)

    def end(self) -> None:
        """Give the ballast back."""
        self._ballast.release()

    def sample(self, db: sqlite3.Connection) -> None:
        """Look how full the file is. Raises what SQLite raises."""
        self._pages = store.pages(db)

    def learn(self, entries: Sequence[Entry]) -> int:
        """Take note of the size of new records, and return about how many pages they added to the log."""
        size = sum(len(entry.wire) for entry in entries)
        if entries:
            self._mean_bytes += (on_disk(size // len(entries)) - self._mean_bytes) / 64
        return 4 + size * 5 // 4 // store.PAGE

    def is_disk(self, entries: Sequence[Entry]) -> bool:
        """Return whether it is the disk, not the store's own cap, that had no room for these entries."""
        needed = sum(len(entry.wire) for entry in entries) * 5 // 4 // store.PAGE + _COMMIT_PAGES
        return self.squeezed or self._pages[0] + needed < self.max_pages or self._ballast.room() < needed * store.PAGE

    def squeeze(self, db: sqlite3.Connection) -> None:
        """Live with a disk that others filled: release the ballast, stay at the present size."""
        self.squeezed = True
        self._ballast.release()
        with suppress(sqlite3.Error):
            store.checkpoint(db, truncate=False)
            store.limit(db, 1)  # SQLite takes the present size when that is more

    def relax(self, db: sqlite3.Connection) -> None:
        """Go back to normal once the disk has room for the ballast twice over."""
        if self.squeezed and self._ballast.room() > 2 * self._ballast.size and self._ballast.stow():
            self.squeezed = False
            with suppress(sqlite3.Error):
                store.limit(db, self.max_pages)

    def usage(self, head: int, waiting: int, oldest: int | None) -> Usage:
        """Return how full the store is, as last sampled."""
        used = (self._pages[0] - self._pages[1]) * store.PAGE
        share = min(1.0, waiting * self._mean_bytes / self.limit)
        return Usage(
            bytes=used,
            limit=self.limit,
            share=used / self.limit,
            head=head,
            waiting=waiting,
            oldest_waiting=oldest,
            waiting_share=share,
            level=next((level for level in LEVELS if share * 100 >= level), 0),
            squeezed=self.squeezed,
        )
