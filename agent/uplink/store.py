"""What the uplink needs of the outbox, and nothing more. `buffer.outbox` satisfies it; so does a list in a test."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from agent.uplink.lanes import Row


class Usage(Protocol):
    """How full the store is; we need one figure of it."""

    @property
    def waiting(self) -> int:
        """How many records are undelivered."""


class Reader(Protocol):
    """A view of undelivered records for one thread, oldest first.

    Raises `buffer.errors.OutboxError` when the disk fails.
    """

    def urgent(self, after: int, limit: int, /) -> Sequence[Row]:
        """Return at most `limit` undelivered urgent records with a sequence number above `after`."""

    def readings(self, after: int, limit: int, max_bytes: int, /) -> Sequence[Row]:
        """Return undelivered readings likewise: at most `limit`, about `max_bytes`, but at least one."""

    def rotten(self) -> list[int]:
        """Return, once, the numbers of records that no longer match their checksum."""

    def close(self) -> None:
        """Give back what the view holds."""


class Store(Protocol):
    """The outbox as the publisher sees it."""

    def reader(self) -> Reader:
        """Return a reader that belongs to the calling thread."""

    def delivered(self, seqs: Iterable[int], /) -> None:
        """Take note that these records were acknowledged; readers do not return them again."""

    def usage(self) -> Usage:
        """Return how full the store is, cheaply."""

    def listen(self, callback: Callable[[Sequence[Row]], None], /) -> None:
        """Call `callback` with the records of every commit from now on, in order, from the committing thread."""
