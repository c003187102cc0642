"""A small chain of records to fill stores with: every record is JSON, names its predecessor, and has a real id."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from buffer.outbox import Drop, Entry, Hole, Outbox, Position, StoreFull

if TYPE_CHECKING:
    from collections.abc import Sequence

SIZE = 16 * 1024 * 1024
ROOT = Path(__file__).parents[2]


def sealed(at: Position, *, urgent: bool = False, size: int = 300, **members: object) -> tuple[Entry, Position]:
    """Make the record after `at`."""
    body = {"seq": at.seq + 1, "prev": at.id, "chain": at.chain, "pad": "x" * size, **members}
    wire = json.dumps(body).encode()
    identity = urlsafe_b64encode(sha256(wire).digest()).decode().rstrip("=")
    return Entry(at.seq + 1, identity, urgent, wire), Position(at.chain or identity, at.seq + 1, identity)


def batch(at: Position, count: int, *, urgent: bool = False, size: int = 300) -> list[Entry]:
    """Make `count` records after `at`."""
    entries = []
    for _ in range(count):
        entry, at = sealed(at, urgent=urgent, size=size)
        entries.append(entry)
    return entries


def opened(directory: Path, *, max_size: int = SIZE) -> Outbox:
    """Open a store wherever the tests run, be it a memory file system."""
    return Outbox.open(directory, max_size=max_size, allow_volatile=True, now_ms=1_795_311_001_000)


def filled(directory: Path, count: int, *, max_size: int = SIZE, size: int = 300, hoard: bool = False) -> Outbox:
    """Open a new store with a genesis record and `count` readings in commits of ten.

    With `hoard` the log is not copied into the database of its own accord.
    """
    outbox = opened(directory, max_size=max_size)
    if hoard:
        outbox._space.log_pages = 10**9
    outbox.write(batch(outbox.position, 1, urgent=True))
    for start in range(0, count, 10):
        outbox.write(batch(outbox.position, min(10, count - start), size=size))
    return outbox


def explain(outbox: Outbox, hole: Hole) -> Entry:
    """Sign for a hole, as the pipeline does after an opening that found one."""
    entry, _ = sealed(outbox.position, urgent=True, gap=[list(run) for run in hole.runs])
    outbox.write([entry], explains=hole)
    return entry


def forced(outbox: Outbox, make: Sequence[bool], *, size: int = 300) -> tuple[list[Entry], Drop]:
    """Write records (urgent or not, by `make`), dropping what must go against a gap record, as the pipeline does."""
    drop, retried = Drop("capacity"), False
    for attempt in range(1, 12):
        at, entries = outbox.position, []
        gaps = [{"gap": [list(run) for run in drop.undelivered]}] if drop.undelivered else []
        for urgent, members in [*((True, gap) for gap in gaps), *((urgent, {}) for urgent in make)]:
            entry, at = sealed(at, urgent=urgent, size=0 if members else size, **members)
            entries.append(entry)
        try:
            outbox.write(entries, drop=drop)
        except StoreFull as full:
            if full.disk and not retried:
                retried = True
            else:
                drop = outbox.room(attempt * sum(len(entry.wire) for entry in entries))
        else:
            return entries, drop
    raise AssertionError("no room was made")


def contents(outbox: Outbox) -> dict[int, Entry]:
    """Return every undelivered record that a reader gets, going through the store in small steps."""
    reader = outbox.reader()
    found: dict[int, Entry] = {}
    for read in (reader.urgent, reader.readings):
        after = 0
        while entries := read(after, 7):
            found |= {entry.seq: entry for entry in entries}
            after = entries[-1].seq
    reader.close()
    return found


def missing(holes: Sequence[Hole]) -> set[int]:
    """Return the sequence numbers that holes name."""
    return {seq for hole in holes for run in hole.runs for seq in range(run.first, run.last + 1)}
