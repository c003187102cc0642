"""Damaged, older, foreign and missing stores: never a refusal to start, never a silent loss."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

import pytest

from buffer import repair
from buffer.errors import StoreFailed
from tests.buffer.chain import batch, contents, explain, filled, missing, opened

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable

    from buffer.outbox import Entry, Outbox

PAGE = 4096


def crashed(outbox: Outbox, to: Path) -> Path:
    """Copy the files as they are at this instant, as a crash would leave them, then stop the original."""
    shutil.copytree(outbox._directory, to)
    outbox.close()
    return to


def account(outbox: Outbox, given: dict[int, Entry], settled: frozenset[int] = frozenset()) -> None:
    """Check oracle O1: every number is delivered, here byte for byte, or in the reported hole; then sign for that."""
    kept, hole = contents(outbox), outbox.opened.hole
    lacking = missing([hole]) if hole else set()
    assert set(given) <= set(kept) | lacking | settled
    assert all(given[seq] == entry for seq, entry in kept.items() if seq in given)
    assert not set(kept) & lacking
    if hole:
        entry = explain(outbox, hole)
        assert entry.seq > max(given)
        assert contents(outbox) == {**kept, entry.seq: entry}


def test_random_bytes_over_three_pages(tmp_path: Path) -> None:
    """D9: found at start; other pages are saved, exactly the rest is in the hole, the old file is set aside."""
    outbox = filled(tmp_path, 2000)
    given = contents(outbox)
    outbox.close()
    ruined = (tmp_path / "outbox.db").stat().st_size // PAGE
    random = Random(4711)
    with (tmp_path / "outbox.db").open("r+b") as file:
        for page in random.sample(range(20, ruined), 3):
            file.seek(page * PAGE)
            file.write(random.randbytes(PAGE))
    again = opened(tmp_path)

    assert again.opened.damage is not None
    assert again.opened.set_aside == tmp_path / "damaged-20261122T013001Z.db"
    assert again.opened.set_aside.exists()
    assert len(given) - 60 < again.opened.salvaged < len(given)
    assert again.opened.hole is not None
    ends = {run.last: run.id for run in again.opened.hole.runs if run.last <= max(given)}
    assert ends == {last: given[last].id for last in ends}
    account(again, given)
    again.close()
    third = opened(tmp_path)
    assert (third.opened.damage, third.opened.hole) == (None, None)
    third.close()


@pytest.mark.parametrize("page", [0, 1, 2, 3, 4, 5, 6, 7, 8])
def test_any_of_the_first_pages_ruined(tmp_path: Path, page: int) -> None:
    """Header, schema, roots and small tables: each alone may be lost."""
    outbox = filled(tmp_path, 500)
    outbox.delivered(range(1, 200))
    outbox.write(batch(outbox.position, 1), state={"key": b"value"})
    given = contents(outbox)
    outbox.close()
    with (tmp_path / "outbox.db").open("r+b") as file:
        file.seek(page * PAGE)
        file.write(os.urandom(PAGE))
    again = opened(tmp_path)

    assert again.opened.damage is not None
    account(again, given, frozenset(range(1, 200)))
    again.close()


def test_state_and_deliveries_survive_a_repair(tmp_path: Path) -> None:
    """What the caller kept and what was delivered is in the new store, too."""
    outbox = filled(tmp_path, 500)
    outbox.delivered(range(1, 401))
    outbox.write(batch(outbox.position, 1), state={"key": b"value"})
    given = contents(outbox)
    outbox.close()
    pages = (tmp_path / "outbox.db").stat().st_size // PAGE
    with (tmp_path / "outbox.db").open("r+b") as file:
        file.seek((pages - 3) * PAGE)
        file.write(os.urandom(PAGE))
    again = opened(tmp_path)

    assert again.opened.damage is not None
    assert again.state("key") == b"value"
    assert set(contents(again)) <= set(given)
    account(again, given)
    again.close()


def test_what_is_only_in_the_log_is_saved_too(tmp_path: Path) -> None:
    """A crash and a ruined page in one: records that were never copied out of the log come out of it."""
    outbox = filled(tmp_path / "state", 500, hoard=True)
    assert outbox._db is not None
    outbox._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    for _ in range(5):
        outbox.write(batch(outbox.position, 10))
    given = contents(outbox)
    copy = crashed(outbox, tmp_path / "crashed")
    with (copy / "outbox.db").open("r+b") as file:
        file.seek(30 * PAGE)
        file.write(os.urandom(PAGE))
    again = opened(copy)

    assert again.opened.damage is not None
    assert set(range(510, 552)) <= set(contents(again))
    account(again, given)
    again.close()


def foreign(tmp_path: Path) -> bytes:
    """Return the log of another box's store."""
    other = opened(tmp_path / "other")
    other.write(batch(other.position, 1, urgent=True, size=77))
    for _ in range(6):
        other.write(batch(other.position, 10))
    log = (tmp_path / "other" / "outbox.db-wal").read_bytes()
    other.close()
    return log


LOGS: dict[str, Callable[[Path, bytes], None]] = {
    "log deleted": lambda log, _: log.unlink(),
    "log cut in half": lambda log, _: os.truncate(log, log.stat().st_size // 2),
    "log emptied": lambda log, _: os.truncate(log, 0),
    "log of another box": lambda log, other: _write(path=log, content=other),
    "log full of rubbish": lambda log, _: _write(log, os.urandom(40_000)),
    "index deleted": lambda log, _: log.with_name("outbox.db-shm").unlink(),
    "index emptied": lambda log, _: os.truncate(log.with_name("outbox.db-shm"), 0),
    "index full of rubbish": lambda log, _: _write(log.with_name("outbox.db-shm"), os.urandom(32768)),
}


def _write(path: Path, content: bytes) -> None:
    path.write_bytes(content)


@pytest.mark.parametrize("checkpointed", [False, True], ids=["never copied back", "partly copied back"])
@pytest.mark.parametrize("spoil", LOGS.values(), ids=LOGS)
def test_log_or_index_lost_or_foreign(tmp_path: Path, spoil: Callable[[Path, bytes], None], checkpointed: bool) -> None:
    """D10: opens, salvages or reports; what is missing is named, and nothing of another box gets in."""
    outbox = filled(tmp_path / "state", 100, hoard=True)
    if checkpointed:
        assert outbox._db is not None
        outbox._db.execute("PRAGMA wal_checkpoint(PASSIVE)")
    for _ in range(5):
        outbox.write(batch(outbox.position, 10))
    given = contents(outbox)
    copy = crashed(outbox, tmp_path / "crashed")
    spoil(copy / "outbox.db-wal", foreign(tmp_path))
    again = opened(copy)

    assert set(contents(again)) <= set(given)
    account(again, given)
    again.close()


def test_a_foreign_log_does_not_hide_what_the_file_holds(tmp_path: Path) -> None:
    """Records that had been copied into the database are saved as if the foreign log were not there."""
    outbox = filled(tmp_path / "state", 100, hoard=True)
    assert outbox._db is not None
    outbox._db.execute("PRAGMA wal_checkpoint(PASSIVE)")
    given = contents(outbox)
    copy = crashed(outbox, tmp_path / "crashed")
    (copy / "outbox.db-wal").write_bytes(foreign(tmp_path))
    again = opened(copy)

    assert again.opened.damage is not None
    assert contents(again) == given
    account(again, given)
    again.close()


def test_yesterdays_copy_even_within_a_reserved_block(tmp_path: Path) -> None:
    """D11: an older database is recognised, no number is used twice, the hole names what the copy lacks."""
    outbox = filled(tmp_path, 50)
    outbox.close()
    shutil.copy2(tmp_path / "outbox.db", tmp_path / "yesterday")
    outbox = opened(tmp_path)
    outbox.write(batch(outbox.position, 30))
    last, given = outbox.position, contents(outbox)
    outbox.close()
    shutil.copy2(tmp_path / "yesterday", tmp_path / "outbox.db")
    again = opened(tmp_path)

    hole = again.opened.hole
    assert hole is not None
    assert hole.reason == "older-store"
    assert [tuple(run) for run in hole.runs] == [(52, 81, last.id), (82, 1000, None)]
    assert (again.position.seq, again.position.id, again.opened.set_aside) == (1000, last.id, None)
    account(again, given)
    again.close()


def test_a_hole_is_reported_until_it_is_signed(tmp_path: Path) -> None:
    """A crash between opening and signing does not lose the hole, nor does it make a second one."""
    outbox = filled(tmp_path, 50)
    given = contents(outbox)
    outbox.close()
    (tmp_path / "outbox.db").unlink()
    first = opened(tmp_path)
    hole, position = first.opened.hole, first.position
    copy = crashed(first, tmp_path / "crashed")
    again = opened(copy)

    assert hole is not None
    assert (again.opened.hole, again.position) == (hole, position)
    account(again, given)
    again.close()
    third = opened(copy)
    assert third.opened.hole is None
    third.close()


GONE: dict[str, Callable[[Path], None]] = {
    "deleted": lambda path: path.unlink(),
    "of length zero": lambda path: os.truncate(path, 0),
}


@pytest.mark.parametrize("remove", GONE.values(), ids=GONE)
def test_a_missing_database_is_a_loss_not_a_fresh_box(tmp_path: Path, remove: Callable[[Path], None]) -> None:
    """D12: the chain goes on above the reservation, the loss is reported with the last id."""
    outbox = filled(tmp_path, 50)
    last, given = outbox.position, contents(outbox)
    outbox.close()
    remove(tmp_path / "outbox.db")
    again = opened(tmp_path)

    assert (again.opened.fresh, again.opened.set_aside) == (False, None)
    assert again.opened.damage == "the database was gone"
    assert (again.position.chain, again.position.seq, again.position.id) == (last.chain, 1000, last.id)
    account(again, given)
    again.close()


def test_an_emptied_database_with_its_log_keeps_the_log(tmp_path: Path) -> None:
    """SQLite would delete the log of an empty database; it is set aside first."""
    outbox = filled(tmp_path / "state", 50)
    given = contents(outbox)
    copy = crashed(outbox, tmp_path / "crashed")
    os.truncate(copy / "outbox.db", 0)
    again = opened(copy)

    assert again.opened.set_aside is not None
    assert again.opened.set_aside.with_name(again.opened.set_aside.name + "-wal").stat().st_size > 0
    account(again, given)
    again.close()


MARKS: dict[str, Callable[[Path], None]] = {
    "deleted": lambda path: path.unlink(),
    "emptied": lambda path: os.truncate(path, 0),
    "rubbish": lambda path: _write(path, os.urandom(12288)),
}


@pytest.mark.parametrize("spoil", MARKS.values(), ids=MARKS)
def test_a_missing_mark_costs_one_block(tmp_path: Path, spoil: Callable[[Path], None]) -> None:
    """Nobody knows whether the database is the latest: a block of numbers is left out and signed for."""
    outbox = filled(tmp_path, 20)
    given, position = contents(outbox), outbox.position
    outbox.close()
    spoil(tmp_path / "seq.mark")
    again = opened(tmp_path)

    assert again.opened.hole is not None
    assert [tuple(run) for run in again.opened.hole.runs] == [(22, 1021, None)]
    assert again.position.id == position.id
    account(again, given)
    again.close()


def test_everything_lost_but_rubbish_is_fresh_and_says_so(tmp_path: Path) -> None:
    """Database unreadable and mark gone: a new chain, but the file is kept and the damage reported."""
    filled(tmp_path, 20).close()
    (tmp_path / "seq.mark").unlink()
    (tmp_path / "outbox.db").write_bytes(os.urandom(50_000))
    again = opened(tmp_path)

    assert (again.opened.fresh, again.position.seq) == (True, 0)
    assert again.opened.damage is not None
    assert again.opened.set_aside is not None
    again.close()


def test_ruined_and_without_a_mark_the_chain_still_goes_on(tmp_path: Path) -> None:
    """The chain is known from the store itself."""
    outbox = filled(tmp_path, 300)
    given = contents(outbox)
    outbox.close()
    (tmp_path / "seq.mark").unlink()
    pages = (tmp_path / "outbox.db").stat().st_size // PAGE
    with (tmp_path / "outbox.db").open("r+b") as file:
        file.seek((pages // 2) * PAGE)
        file.write(os.urandom(PAGE))
    again = opened(tmp_path)

    assert again.position.chain == given[1].id
    assert again.position.seq >= max(given) + 1000
    account(again, given)
    again.close()


@pytest.mark.parametrize("step", range(1, 11))
def test_a_repair_may_be_interrupted_anywhere(tmp_path: Path, step: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stopped before its N-th change of a name, the next start completes the repair without loss."""
    outbox = filled(tmp_path, 300)
    given = contents(outbox)
    outbox.close()
    pages = (tmp_path / "outbox.db").stat().st_size // PAGE
    with (tmp_path / "outbox.db").open("r+b") as file:
        file.seek((pages // 2) * PAGE)
        file.write(os.urandom(PAGE))
    _interrupt(monkeypatch, step)
    with pytest.raises(PowerCutError):
        opened(tmp_path)
    monkeypatch.undo()
    again = opened(tmp_path)

    assert len(contents(again)) > 250
    account(again, given)
    again.close()


class PowerCutError(BaseException):
    """The process ends here; no handler may catch it."""


def _interrupt(monkeypatch: pytest.MonkeyPatch, step: int) -> None:
    """Let the process die before its `step`-th change of a name."""
    left = [step]

    def dying(name: str) -> None:
        real = getattr(Path, name)

        def act(self: Path, *args: object, **named: object) -> object:
            left[0] -= 1
            if left[0] == 0:
                raise PowerCutError
            return real(self, *args, **named)

        monkeypatch.setattr(Path, name, act)

    dying("rename")
    dying("unlink")


def test_a_page_that_goes_bad_in_service(tmp_path: Path) -> None:
    """D5: a reader meets it, the next write says so, reopening repairs: one page is signed for, the rest goes on."""
    outbox = filled(tmp_path, 2000)
    given = contents(outbox)
    outbox.close()
    outbox = opened(tmp_path)
    with (tmp_path / "outbox.db").open("r+b") as file:
        file.seek(60 * PAGE)
        file.write(b"\xff" * PAGE)
    reader, after = outbox.reader(), 0
    while after < 2000:
        try:
            after = reader.readings(after, 50)[-1].seq
        except StoreFailed as error:
            assert error.corrupt  # noqa: PT017 (where it happens depends on the file)
            break
    with pytest.raises(StoreFailed):
        outbox.write(batch(outbox.position, 1))

    assert after < 2000
    assert not outbox.reopen()
    assert outbox.opened.damage is not None
    assert outbox.opened.salvaged > 1900
    account(outbox, given)
    assert reader.readings(after, 5)
    outbox.close()


def test_a_large_store_is_looked_at_closely_only_when_in_doubt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Left in good order or simply killed, a store above the limit is opened without reading every page."""
    monkeypatch.setattr(repair, "SMALL", 0)
    looked: list[bool] = []
    real = repair._fault

    def watched(db: sqlite3.Connection, path: Path, *, thorough: bool, chain: str) -> str | None:
        looked.append(thorough)
        return real(db, path, thorough=thorough, chain=chain)

    monkeypatch.setattr(repair, "_fault", watched)
    outbox = filled(tmp_path / "a", 50)
    crash = crashed(outbox, tmp_path / "b")
    opened(crash).close()
    opened(tmp_path / "a").close()
    os.utime(tmp_path / "a" / "outbox.db", ns=(1, 1))
    opened(tmp_path / "a").close()

    assert looked == [False, False, True]


def test_nothing_is_set_aside_twice_under_one_name(tmp_path: Path) -> None:
    """Two repairs within one second keep both files."""
    for _ in range(2):
        outbox = filled(tmp_path, 0) if not (tmp_path / "outbox.db").exists() else opened(tmp_path)
        outbox.write(batch(outbox.position, 20), explains=outbox.opened.hole)
        outbox.close()
        (tmp_path / "outbox.db").write_bytes(os.urandom(9000))
        opened(tmp_path).close()

    assert len(list(tmp_path.glob("damaged-*.db"))) == 2
