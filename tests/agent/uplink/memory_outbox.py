"""An outbox in memory, and records for it: what the publisher sees of the real one, without a disk."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from threading import Lock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from agent.uplink.lanes import Row


@dataclass(frozen=True, slots=True)
class Record:
    """A committed record."""

    seq: int
    urgent: bool
    wire: bytes


@dataclass(frozen=True, slots=True)
class Waiting:
    """The one figure of usage that is asked for."""

    waiting: int


def record(seq: int, kind: str = "readings", size: int = 0) -> Record:
    """Return a record of `kind`, padded by `size` bytes. Not signed: the uplink does not look inside."""
    wire = f'{{"kind":"{kind}","seq":{seq},"pad":"{"x" * size}"}}'.encode()
    return Record(seq, kind != "readings", wire)


def seq_of(wire: bytes) -> int:
    """Return the sequence number of a published record."""
    return int(wire.split(b'"seq":')[1].split(b",")[0])


class MemoryOutbox:
    """Rows by number, minus what was delivered."""

    def __init__(self) -> None:
        """Begin empty."""
        self._rows: dict[int, Record] = {}
        self._waiting: dict[int, Record] = {}
        self._listeners: list[Callable[[Sequence[Row]], None]] = []
        self._gate = Lock()
        self.queries = 0
        self.failing: Exception | None = None
        self.decayed: list[int] = []

    @property
    def next_seq(self) -> int:
        """The number of the next record."""
        return len(self._rows) + 1

    def commit(self, *kinds: str, size: int = 0) -> list[Record]:
        """Commit one record of each kind and tell the listeners."""
        with self._gate:
            rows = [record(self.next_seq + offset, kind, size) for offset, kind in enumerate(kinds)]
            for row in rows:
                self._rows[row.seq] = self._waiting[row.seq] = row
        for listener in self._listeners:
            listener(rows)
        return rows

    def fill(self, wires: Sequence[bytes]) -> None:
        """Commit readings with these bytes, telling nobody."""
        for wire in wires:
            seq = self.next_seq
            self._rows[seq] = self._waiting[seq] = Record(seq, urgent=False, wire=wire)

    def wires(self) -> set[bytes]:
        """Return everything ever committed."""
        return {row.wire for row in self._rows.values()}

    def reader(self) -> MemoryOutbox:
        """Return a reader."""
        return self

    def urgent(self, after: int, limit: int, /) -> Sequence[Row]:
        """Return undelivered urgent records."""
        return self._select(after, limit, urgent=True)

    def readings(self, after: int, limit: int, _max_bytes: int, /) -> Sequence[Row]:
        """Return undelivered readings."""
        return self._select(after, limit, urgent=False)

    def rotten(self) -> list[int]:
        """Return what a test put there, once."""
        found, self.decayed = self.decayed, []
        return found

    def _select(self, after: int, limit: int, *, urgent: bool) -> Sequence[Row]:
        self.queries += 1
        if self.failing is not None:
            raise self.failing
        with self._gate:
            found = (r for r in self._waiting.values() if r.seq > after and r.urgent is urgent)
            return list(islice(found, limit))

    def delivered(self, seqs: Iterable[int], /) -> None:
        """Take note of delivered records."""
        with self._gate:
            for seq in seqs:
                self._waiting.pop(seq, None)

    def usage(self) -> Waiting:
        """Return how many wait."""
        return Waiting(len(self._waiting))

    def undelivered(self) -> list[int]:
        """Return which wait."""
        with self._gate:
            return sorted(self._waiting)

    def listen(self, callback: Callable[[Sequence[Row]], None], /) -> None:
        """Tell `callback` of every commit."""
        self._listeners.append(callback)

    def close(self) -> None:
        """Do nothing."""
