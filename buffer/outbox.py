"""The outbox: signed records until they are delivered, and after that as evidence.

The promise:  **what was acknowledged to the pipeline survives a power cut; what was read less than `commit_every` ago
may not.** `write` returns after the disk said that the transaction is durable, or raises and nothing of it counts.

Invariants
    I1  A sequence number is used once. It is reserved on disk (`mark`) before a record under it is written.
    I2  A transaction is whole or absent: records, the caller's state, deliveries and deletions of one `write`.
    I3  Every number from 1 to the head is waiting in the store, settled (delivered, or signed away in a gap record), or
        named in `opened.hole` and about to be signed away. There is no fourth way, so nothing is lost silently.
    I4  A record leaves the store byte for byte as it came, or not at all: each has a hash of its own, checked on
        reading.
    I5  Readings may be dropped, oldest first, delivered ones before undelivered ones. Other records never are.
    I6  The file never grows beyond `max_size`; the log beside it is copied back after a few megabytes at most.

On disk, all in `state_dir`, mode 0600
    outbox.db       the store (`store.SCHEMA`): two tables of records by number, `urgent` and `reading`, without
                    secondary index; `settled` numbers as intervals; ids of `dropped` records; a `hole` still to be
                    signed; `hour` marks for retention; the caller's `state`
    outbox.db-wal, -shm   SQLite's log (write-ahead, synced at every commit) and its index
    seq.mark        the high-water mark (`mark`)
    lock            held while an instance runs (`place.Lock`)
    ballast         empty space held back for the day the disk is full (`place.Ballast`)
    damaged-<date>.db     a store that was set aside (`repair`); nothing removes it but people

Writing.  One thread, the pipeline's. One `write` is one transaction is one fsync, however many records it carries.
When there is no room it raises `StoreFull`: ask `room` what would go, sign a gap for what is undelivered, write both.
When the disk fails it raises `StoreFailed` and the connection is closed: after a failed fsync Linux forgets which pages
were dirty, and a second fsync "succeeds". `reopen` looks at the file anew, forces what it finds into the database by a
checkpoint, and says whether the last transaction is in it.

Reading.  Each reader (`reader`) has a connection of its own and reads a few records at a time.

Delivery.  `delivered` may be called from any thread and costs no fsync; it rides along with the next `write`. A crash
in between delivers those records again, byte-identical.

Dropping.  `room` and `expired` propose (`retention`), the caller signs if it must, `write(drop=...)` does it.

Disk full.  When others filled the disk the ballast is released, which gives the log room to work in, and the file is
capped at its present size: from then on room is made by dropping, as at the store's own cap. When space returns, so do
ballast and cap.

Damage.  At start the files are compared with how they were left (`repair.suspicious`). If they differ, and always in a
store up to 64 MiB, every page is checked; the last records always. A damaged store is set aside and
what was not delivered is saved (`repair`); the chain goes on above the reservation (`resume`). Rot inside a record is
found when it is read: `OutboxReader.rotten`, then `rot` here.
"""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from threading import RLock
from typing import TYPE_CHECKING, Self

from buffer import repair, retention, store
from buffer.entry import Drop, Entry, Hole, Position, Run, packed
from buffer.errors import Locked, Newer, OutboxError, StoreFailed, StoreFull, Volatile
from buffer.ledger import Ledger
from buffer.opening import DATABASE, Begun, Opened, begin
from buffer.place import Lock, needs_room, prepare, refuse_volatile
from buffer.reader import OutboxReader
from buffer.space import Space, Usage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

__all__ = [
    "Drop",
    "Entry",
    "Hole",
    "Locked",
    "Newer",
    "Opened",
    "Outbox",
    "OutboxError",
    "OutboxReader",
    "Position",
    "Run",
    "StoreFailed",
    "StoreFull",
    "Usage",
    "Volatile",
]

_SAMPLE_EVERY = 32


class Outbox:
    """The durable queue between the pipeline and the publisher. Made by `Outbox.open`; the module says the rest."""

    def __init__(self, directory: Path, lock: Lock, max_size: int, progress: Callable[[], None]) -> None:
        self._directory = directory
        self._path = directory / DATABASE
        self._lock = lock
        self._progress = progress
        self._space = Space(directory, max_size)
        self._gate = RLock()
        self._ledger = Ledger()
        self._readers: list[OutboxReader] = []
        self._listeners: list[Callable[[Sequence[Entry]], object]] = []
        self._db: sqlite3.Connection | None = None
        self._ailing: StoreFailed | None = None
        self._in_doubt: tuple[Position, tuple[Entry, ...]] | None = None

    @classmethod
    def open(
        cls,
        directory: Path,
        *,
        max_size: int,
        allow_volatile: bool = False,
        now_ms: int = 0,
        progress: Callable[[], None] = lambda: None,
    ) -> Self:
        """Open the store in `directory`, repairing it if need be; see `opened` for what was found.

        `max_size` is in bytes. `now_ms` (wall clock, milliseconds since 1970) only names a damaged file. `progress` is
        called now and then while a big store is checked or repaired.

        Raises `Volatile`, `Locked`, `Newer`; `StoreFailed` when the disk takes no store at all.
        """
        prepare(directory)
        if not allow_volatile:
            refuse_volatile(directory)
        outbox = cls(directory, Lock(directory / "lock"), max_size, progress)
        try:
            outbox._begin(now_ms, suspect=False)
        except BaseException:
            outbox._lock.release()
            raise
        return outbox

    def _begin(self, now_ms: int, *, suspect: bool) -> None:
        """Open the files and take over what they say."""
        try:
            begun = self._begun(now_ms, suspect=suspect)
        except StoreFull:
            self._space.end()  # the ballast may be what is missing
            try:
                begun = self._begun(now_ms, suspect=suspect)
            except StoreFull as full:
                raise StoreFailed("the disk is full", where=self._directory, hint="free disk space") from full
        self._db, self._mark, self.position, self.opened = begun.db, begun.mark, begun.position, begun.opened
        try:
            self._saved = store.settled(begun.db)
            self._hours = retention.Hours(retention.last_hour(begun.db))
            self._space.begin(begun.db)
        except sqlite3.Error as error:
            raise store.failure(error, self._path) from error
        self._ledger.load(self.position.seq, self._saved)
        self._log_changes, self._unlogged, self._writes = True, 0, 0

    def _begun(self, now_ms: int, *, suspect: bool) -> Begun:
        needs_room(self._path)
        return begin(
            self._directory,
            max_pages=self._space.max_pages,
            now_ms=now_ms,
            suspect=suspect,
            progress=self._progress,
        )

    @property
    def next_seq(self) -> int:
        """The number of the next record."""
        return self.position.seq + 1

    def write(
        self,
        entries: Sequence[Entry] = (),
        *,
        state: Mapping[str, bytes] | None = None,
        drop: Drop | None = None,
        explains: Hole | None = None,
        mono_ms: int | None = None,
    ) -> None:
        """Make records, state and deletions durable in one transaction.

        `entries` continue the chain without a gap. `drop` is what `room`, `expired` or `rot` proposed; `explains` is
        the hole that gap records among the entries sign for. `mono_ms` is a clock that never steps, for retention.

        Raises `StoreFull`: nothing changed. When it was the disk, write again at once: the ballast has just been
        released. Otherwise make room (`room`) and write again. Raises `StoreFailed`: closed, call `reopen`.
        Raises `ValueError` for entries that do not continue the chain.
        """
        position = self._following(entries)
        db = self._usable()
        delivered = self._ledger.take()
        gone = [(run.first, run.last) for run in drop.undelivered] if drop else []
        hour = None if mono_ms is None else self._hours.due(mono_ms)
        try:
            self._mark.reserve(position.seq, self.position.chain)
            with store.transaction(db):
                self._fill(db, position, entries, state=state, drop=drop, explains=explains)
                store.settle(db, self._saved, delivered + gone)
                if hour is not None:
                    retention.note_hour(db, hour, self.next_seq)
        except (sqlite3.Error, StoreFailed) as error:
            self._ledger.give_back(delivered)
            raise self._failed(error, position, entries) from error
        if hour is not None:
            self._hours.noted(hour)
        self._committed(position, entries, gone, sample=drop is not None)

    def _fill(
        self,
        db: sqlite3.Connection,
        position: Position,
        entries: Sequence[Entry],
        *,
        state: Mapping[str, bytes] | None,
        drop: Drop | None,
        explains: Hole | None,
    ) -> None:
        """Put everything of one transaction in: deletions first, so that their pages are free for what comes."""
        if drop:
            store.delete(db, drop, keep_bytes=self._space.limit // 8)
        if entries:
            if position.chain != self.position.chain:
                store.name_chain(db, packed(position.chain))
            store.insert(db, packed(position.chain), entries)
        if state:
            store.remember(db, state)
        if explains:
            store.forget_hole(db, explains)

    def _following(self, entries: Sequence[Entry]) -> Position:
        """Return the position after the entries. Raises `ValueError` when they do not continue the chain."""
        if not entries:
            return self.position
        expected = self.next_seq
        for entry in entries:
            if entry.seq != expected:
                raise ValueError(f"the next record is number {expected}, not {entry.seq}")
            expected += 1
        return Position(self.position.chain or entries[0].id, entries[-1].seq, entries[-1].id)

    def _usable(self) -> sqlite3.Connection:
        """Return the connection. Raises `StoreFailed` when somebody saw the storage fail."""
        if self._ailing is not None and self._db is not None:
            self._shut()
        if self._db is None:
            raise self._ailing or StoreFailed("the store is closed", where=self._path, hint="reopen it")
        self._space.relax(self._db)
        return self._db

    def _committed(
        self, position: Position, entries: Sequence[Entry], gone: Iterable[tuple[int, int]], *, sample: bool
    ) -> None:
        """Take note of a durable transaction. Nothing here may fail it: trouble is kept for the next `write`."""
        self.position = position
        self._ledger.committed(position.seq, gone)
        if entries:
            self._attempt(lambda: self._advise(position))
            for listener in self._listeners:
                listener(entries)
        self._attempt(lambda: self._tend(entries, sample=sample))

    def _attempt(self, work: Callable[[], None]) -> None:
        """Do what belongs to a transaction that is durable already; trouble is kept for the next `write`."""
        try:
            work()
        except (StoreFailed, sqlite3.Error) as error:
            failed = self._named(error)
            if isinstance(failed, StoreFailed):
                self._ailing = failed
            elif self._db is not None:
                self._space.squeeze(self._db)

    def _advise(self, position: Position) -> None:
        """Note the new head in the mark, and which log it is in."""
        self._mark.reserve(position.seq, position.chain)
        log = self._mark.noted.log
        if self._log_changes and (salt := store.log_salt(self._path)) != log:
            log, self._log_changes = salt, False
        self._mark.advise(position, log=log)

    def _tend(self, entries: Sequence[Entry], *, sample: bool) -> None:
        """Copy the log back when it has grown, and look now and then how full the file is."""
        db = self._usable()
        self._unlogged += self._space.learn(entries)
        self._writes += 1
        if self._unlogged >= self._space.log_pages:
            self._log_changes |= store.checkpoint(db, truncate=False)
            self._unlogged = 0
        if sample or self._writes % _SAMPLE_EVERY == 0:
            self._space.sample(db)

    def _failed(self, error: Exception, position: Position, entries: Sequence[Entry]) -> StoreFull | StoreFailed:
        """Return what to raise for a failed transaction, having put everything in order for it."""
        failed = self._named(error)
        if isinstance(failed, StoreFull) and self._db is not None:
            try:
                self._saved = store.settled(self._db)
                self._space.sample(self._db)
            except sqlite3.Error as again:
                failed = self._named(again)
        if isinstance(failed, StoreFull) and self._db is not None:
            if self._space.is_disk(entries):
                self._space.squeeze(self._db)
                failed.disk = True
            return failed
        self._in_doubt = (position, tuple(entries))
        self._ailing = failed if isinstance(failed, StoreFailed) else None
        self._shut()
        return failed

    def _named(self, error: Exception) -> StoreFull | StoreFailed:
        """Return our name for what went wrong."""
        if isinstance(error, sqlite3.Error):
            return store.failure(error, self._path)
        assert isinstance(error, StoreFull | StoreFailed)
        return error

    def reopen(self, now_ms: int = 0) -> bool:
        """Open the store again after `StoreFailed`; return whether the transaction that failed is durable after all.

        If so its entries count as written: `position` is after them and listeners are told. If not, `position` is
        where it was; write again. When the store had to be repaired `opened` says so and `position` may be further on.

        Raises `StoreFailed` while the storage is still failing; wait and call again.
        """
        doubt, wanted = self._in_doubt, self._in_doubt[0] if self._in_doubt else None
        suspect = self._ailing is not None and self._ailing.corrupt
        with self._gate:
            self._shut()
            try:
                self._begin(now_ms, suspect=suspect)
                survived = wanted is not None and self._force(wanted)
            except (StoreFailed, StoreFull) as error:
                self._ailing = StoreFailed(error.what, where=error.where, hint=error.hint, corrupt=suspect)
                self._shut()
                raise self._ailing from error
            self._ailing = self._in_doubt = None
        if survived and doubt:
            for listener in self._listeners:
                listener(doubt[1])
        return survived

    def _force(self, wanted: Position) -> bool:
        """Copy the log into the database, onto pages whose sync never failed; return whether `wanted` is in it."""
        assert self._db is not None
        try:
            store.checkpoint(self._db, truncate=True)
            self._log_changes = True
            return bool(wanted.seq) and store.id_of(self._db, wanted.seq) == wanted.id
        except sqlite3.Error as error:
            raise store.failure(error, self._path) from error

    def room(self, needed: int = 0) -> Drop:
        """Return what would have to go to make room for `needed` bytes. Empty when only urgent records are left.

        Raises `StoreFailed`.
        """
        settled, head, batch = self._ledger.settled(), self.position.seq, self._space.batch
        return self._propose(lambda db: retention.for_room(db, settled, head=head, needed=needed, batch=batch))

    def expired(self, keep_hours: int) -> Drop:
        """Return delivered readings older than `keep_hours` hours of this store's life, a batch at a time.

        They need no gap record. Raises `StoreFailed`.
        """
        settled, head, batch = self._ledger.settled(), self.position.seq, self._space.batch
        before_hour = self._hours.lived - keep_hours
        return self._propose(lambda db: retention.for_age(db, settled, head=head, before_hour=before_hour, batch=batch))

    def rot(self, seqs: Iterable[int]) -> Drop:
        """Return the drop for records that `OutboxReader.rotten` named; to be signed with reason "bit-rot"."""
        chain, numbers = self.position.chain, sorted(set(seqs))
        return self._propose(
            lambda db: Drop(
                "bit-rot", (), tuple(Run(seq, seq, repair.identity(db, chain, seq)) for seq in numbers), len(numbers)
            )
        )

    def _propose(self, ask: Callable[[sqlite3.Connection], Drop]) -> Drop:
        try:
            return ask(self._usable())
        except sqlite3.Error as error:
            failed = self._named(error)
            if isinstance(failed, StoreFailed):
                self._ailing = failed
            raise failed from error

    def delivered(self, seqs: Iterable[int]) -> None:
        """Take note that records were delivered. From any thread; durable with the next `write` or `flush`."""
        self._ledger.delivered(seqs)

    def flush(self) -> None:
        """Make deliveries durable now. Raises as `write`."""
        self.write()

    def reader(self) -> OutboxReader:
        """Return a reader for another thread."""
        reader = OutboxReader(
            self._path, self._ledger, self._gate, chain=lambda: self.position.chain, suspect=self._suspect
        )
        self._readers.append(reader)
        return reader

    def _suspect(self, error: StoreFailed) -> None:
        """Remember what a reader saw; the next `write` raises it, so that the pipeline reopens."""
        self._ailing = error

    def listen(self, listener: Callable[[Sequence[Entry]], object]) -> None:
        """Have `listener` called after each commit with its entries, on the pipeline's thread. It must not raise."""
        self._listeners.append(listener)

    def state(self, key: str) -> bytes | None:
        """Return what was last written under `key`. Raises `StoreFailed`."""
        try:
            return store.recall(self._usable(), key)
        except sqlite3.Error as error:
            raise store.failure(error, self._path) from error

    def usage(self) -> Usage:
        """Return how full the store is. From any thread; never waits for the disk."""
        return self._space.usage(*self._ledger.counts())

    def undelivered(self) -> int:
        """Return how many records wait for delivery. From any thread."""
        return self.usage().waiting

    def close(self) -> None:
        """Leave the store in good order: everything in one file, and its size and time in the mark."""
        with self._gate:
            with suppress(StoreFailed, StoreFull):
                self.flush()
            self._shut(orderly=self._ailing is None)
            self._space.end()
            self._lock.release()

    def _shut(self, *, orderly: bool = False) -> None:
        """Close every connection and the mark."""
        with self._gate:
            for reader in self._readers:
                reader.close()
            if self._db is None:
                return
            db, self._db = self._db, None
            with suppress(sqlite3.Error):
                db.close()
            with suppress(StoreFailed, OSError):
                if orderly and not store.log_salt(self._path):
                    stat = self._path.stat()
                    self._mark.advise(self._mark.noted.head, log="", left=f"{stat.st_size}:{stat.st_mtime_ns}")
            self._mark.close()
