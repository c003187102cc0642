"""Opening a store, whatever is found: intact, older, damaged, gone.

It never refuses because of damage, and never starts silently empty.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from buffer import mark, migrate, repair, store
from buffer.entry import Position, packed
from buffer.place import sync_directory, unusable
from buffer.resume import Resumed, resume

if TYPE_CHECKING:
    from pathlib import Path

    from buffer.entry import Hole
    from buffer.repair import Progress

DATABASE = "outbox.db"
MARK = "seq.mark"


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """What was found.

    `fresh`: no chain yet, the next record is the genesis. `damage`: in words, what was wrong. `set_aside`: where the
    damaged file is now. `salvaged`: undelivered records saved from it. `hole`: what has to be signed in gap records
    before anything else is written; it is reported at every start until `Outbox.write` gets it as `explains`.
    """

    fresh: bool
    damage: str | None = None
    set_aside: Path | None = None
    salvaged: int = 0
    hole: Hole | None = None


@dataclass(frozen=True, slots=True)
class Begun:
    """An open store."""

    db: sqlite3.Connection
    mark: mark.Mark
    position: Position
    opened: Opened


@dataclass(frozen=True, slots=True)
class _Found:
    """What became of the database file."""

    damage: str | None = None
    set_aside: Path | None = None
    salvaged: int = 0


def begin(directory: Path, *, max_pages: int, now_ms: int, suspect: bool, progress: Progress) -> Begun:
    """Open the store in `directory`. With `suspect` every page is looked at.

    Raises `Newer`, and `StoreFailed` or `StoreFull` when the disk cannot hold a store at all.
    """
    path = directory / DATABASE
    noted = mark.read(directory / MARK)
    try:
        found = _make_sound(path, noted, max_pages=max_pages, now_ms=now_ms, suspect=suspect, progress=progress)
    except OSError as error:
        raise unusable(path, error) from error
    db = store.connect(path, max_pages=max_pages)
    try:
        migrate.move(db, migrate.OUTBOX, store.VERSION, path, progress)
        return _continue(db, path, noted, found)
    except sqlite3.Error as error:
        db.close()
        raise store.failure(error, path) from error
    except BaseException:
        db.close()
        raise


def _make_sound(
    path: Path, noted: mark.Noted | None, *, max_pages: int, now_ms: int, suspect: bool, progress: Progress
) -> _Found:
    """See to it that a sound store lies at `path`."""
    draft = path.with_name(path.name + ".new")
    gone = not path.exists() or path.stat().st_size == 0
    if gone and draft.exists() and repair.finished(draft):  # the power went between two renames of a repair
        aside = _clear(path, now_ms)
        _put(draft, path)
        again = noted is not None and bool(noted.chain)
        return _Found("a repair was interrupted; it is finished now" if again else None, aside)
    if gone:
        aside = _clear(path, now_ms)
        _build(draft, repair.Saved(), noted, max_pages)
        _put(draft, path)
        return _Found("the database was gone" if noted and noted.chain else None, aside)
    thorough = suspect or repair.suspicious(path, noted)
    words = repair.fault(path, thorough=thorough, chain=noted.chain if noted else "", progress=progress)
    if words is None:
        return _Found()
    saved = repair.salvage(path, draft, noted=noted, max_pages=max_pages, progress=progress)
    _build(draft, saved, noted, max_pages)
    aside = repair.set_aside(path, now_ms)
    _put(draft, path)
    return _Found(words, aside, saved.count)


def _clear(path: Path, now_ms: int) -> Path | None:
    """Take an empty database out of the way, and set aside a log without a database: SQLite would delete it."""
    path.unlink(missing_ok=True)
    log = path.with_name(path.name + "-wal")
    if log.exists() and log.stat().st_size:
        return repair.set_aside(path, now_ms)
    log.unlink(missing_ok=True)
    return None


def _build(draft: Path, saved: repair.Saved, noted: mark.Noted | None, max_pages: int) -> None:
    """Finish the new store: the hole goes in before the version number, so that no crash can lose it."""
    if not saved.chain:
        _discard(draft)
    found = Position(saved.chain, *saved.head)
    resumed = resume(found, noted, damaged=True, lost=saved.lost, rewritten=False)
    with closing(store.connect(draft, max_pages=max_pages)) as db:
        try:
            if not saved.chain:
                store.create(db)
            with store.transaction(db):
                _note(db, resumed)
            store.checkpoint(db, truncate=True)
            store.finish(db)  # once this is in the file itself, everything else is
            store.checkpoint(db, truncate=True)
        except sqlite3.Error as error:
            raise store.failure(error, draft) from error


def _discard(draft: Path) -> None:
    """Remove what an interrupted start left of a new store."""
    for suffix in ("", "-wal", "-shm"):
        draft.with_name(draft.name + suffix).unlink(missing_ok=True)


def _put(draft: Path, path: Path) -> None:
    """Move the finished new store into place, durably. Its log has been copied into it and must not outlive it."""
    for suffix in ("-wal", "-shm"):
        draft.with_name(draft.name + suffix).unlink(missing_ok=True)
    draft.rename(path)
    sync_directory(path.parent)


def _note(db: sqlite3.Connection, resumed: Resumed) -> None:
    """Write down chain and hole. The numbers of a hole need no delivery."""
    if resumed.position.chain:
        store.name_chain(db, packed(resumed.position.chain))
    if resumed.hole:
        store.note_hole(db, resumed.hole, resumed.position.id)
        settled = store.settled(db)
        store.settle(db, settled, [run[:2] for run in resumed.hole.runs])


def _continue(db: sqlite3.Connection, path: Path, noted: mark.Noted | None, found: _Found) -> Begun:
    """Find the place in the chain, write the mark anew, and say what was found."""
    chain, last = store.chain_of(db), store.head(db)
    pending, end = store.pending_hole(db)
    here = replace(end, chain=chain) if end.seq > last[0] else Position(chain, *last)
    resumed = resume(here, noted, damaged=False, rewritten=_rewritten(db, noted))
    if resumed.hole:
        with store.transaction(db):
            _note(db, resumed)
        pending, _ = store.pending_hole(db)
    position = resumed.position
    head = Position(position.chain, *last) if last[0] else Position("", 0, "")
    if noted and noted.head.chain == position.chain and noted.head.seq > last[0]:
        head = noted.head
    reserved = max(noted.reserved if noted else 0, position.seq)
    begun = mark.Mark(
        path.with_name(MARK),
        mark.Noted(reserved=reserved, chain=position.chain, head=head, log=store.log_salt(path)),
    )
    damage = found.damage or (_words(pending) if resumed.hole else None)
    opened = Opened(
        fresh=position.seq == 0, damage=damage, set_aside=found.set_aside, salvaged=found.salvaged, hole=pending
    )
    return Begun(db, begun, position, opened)


def _words(hole: Hole | None) -> str:
    """Return what a hole in an otherwise sound store means."""
    if hole and hole.reason == "older-store":
        return "the database or its mark is older than what was here last"
    return "the database was empty"


def _rewritten(db: sqlite3.Connection, noted: mark.Noted | None) -> bool:
    """Return whether the database holds another record under the number that the mark remembers last."""
    if noted is None or not noted.head.seq:
        return False
    found = store.id_of(db, noted.head.seq)
    return found is not None and found != noted.head.id
