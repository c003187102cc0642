"""What still waits for delivery. The one thing the pipeline and the publisher share; every method takes the lock."""

from __future__ import annotations

from itertools import islice
from threading import Lock
from typing import TYPE_CHECKING

from buffer.intervals import IntervalSet, runs_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from buffer.intervals import Interval


class Ledger:
    """Numbers 1 to `head` are either settled (delivered, signed away, never used) or wait in the store."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._head = 0
        self._settled = IntervalSet()
        self._unsaved: list[Interval] = []

    def load(self, head: int, settled: Iterable[Interval]) -> None:
        """Take over what a store just opened says; what we knew to be delivered beyond that is saved again."""
        with self._lock:
            known, self._settled, self._head = self._settled, IntervalSet(settled), head
            for first, last in known:
                fresh = list(self._settled.gaps(first, min(last, head)))
                self._unsaved.extend(fresh)
                for gap in fresh:
                    self._settled.add(*gap)

    def delivered(self, seqs: Iterable[int]) -> None:
        """Settle numbers. Those that are unknown or settled already are ignored."""
        with self._lock:
            for run in runs_of(seq for seq in seqs if 0 < seq <= self._head):
                for gap in list(self._settled.gaps(*run)):
                    self._settled.add(*gap)
                    self._unsaved.append(gap)

    def take(self) -> list[Interval]:
        """Return what was settled since the last call, for the next transaction."""
        with self._lock:
            taken, self._unsaved = self._unsaved, []
        return taken

    def give_back(self, runs: list[Interval]) -> None:
        """Undo `take`: the transaction failed."""
        with self._lock:
            self._unsaved = runs + self._unsaved

    def committed(self, head: int, gone: Iterable[Interval]) -> None:
        """Take note of new records up to `head`, and of undelivered ones that were signed away."""
        with self._lock:
            self._head = head
            for run in gone:
                self._settled.add(*run)

    def waiting(self, after: int, most: int) -> list[Interval]:
        """Return up to `most` intervals of numbers above `after` that wait, ascending."""
        with self._lock:
            return list(islice(self._settled.gaps(after + 1, self._head), most))

    def waits(self, seq: int) -> bool:
        """Return whether a record still has to be delivered."""
        with self._lock:
            return 0 < seq <= self._head and seq not in self._settled

    def counts(self) -> tuple[int, int, int | None]:
        """Return the head, how many records wait, and the oldest of them."""
        with self._lock:
            oldest = next(self._settled.gaps(1, self._head), None)
            return self._head, self._head - self._settled.total, oldest[0] if oldest else None

    def settled(self) -> IntervalSet:
        """Return a copy of what is settled."""
        with self._lock:
            return IntervalSet(self._settled)
