"""What the outbox promises while nothing is broken."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from buffer import store
from buffer.entry import unpacked
from buffer.errors import Locked, Newer, StoreFailed, StoreFull, Volatile
from buffer.outbox import Drop, Entry, Outbox, Position
from buffer.retention import HOUR_MS, MOST_RUNS
from tests.buffer.chain import SIZE, batch, contents, filled, forced, opened, sealed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path


def test_a_new_store_is_fresh(tmp_path: Path) -> None:
    """Nothing there means: no chain yet, the next record is number 1."""
    outbox = opened(tmp_path / "state")

    assert (outbox.opened.fresh, outbox.opened.damage, outbox.position) == (True, None, Position("", 0, ""))
    assert outbox.next_seq == 1
    outbox.close()


def test_files_are_private(tmp_path: Path) -> None:
    """Directory 0700, every file 0600."""
    outbox = filled(tmp_path / "state", 5)

    assert (tmp_path / "state").stat().st_mode & 0o777 == 0o700
    assert {file.stat().st_mode & 0o777 for file in (tmp_path / "state").iterdir()} == {0o600}
    outbox.close()


def test_the_genesis_record_names_the_chain(tmp_path: Path) -> None:
    """The chain is the id of record 1, now and after a restart."""
    outbox = opened(tmp_path)
    genesis, _ = sealed(outbox.position, urgent=True)
    outbox.write([genesis])
    outbox.close()
    again = opened(tmp_path)

    assert again.position == Position(genesis.id, 1, genesis.id)
    assert not again.opened.fresh
    again.close()


def test_goes_on_without_a_gap_after_an_ordinary_restart(tmp_path: Path) -> None:
    """Position, state and records are as they were left; nothing is reported."""
    outbox = filled(tmp_path, 25)
    outbox.write(batch(outbox.position, 1), state={"alarms": b"raised"})
    position, records = outbox.position, contents(outbox)
    outbox.close()
    again = opened(tmp_path)

    assert (again.position, contents(again), again.state("alarms")) == (position, records, b"raised")
    assert (again.opened.damage, again.opened.hole, again.state("nothing")) == (None, None, None)
    again.close()


def test_hands_out_what_it_was_given_byte_for_byte(tmp_path: Path) -> None:
    """Urgent records and readings come back in order, each kind by itself."""
    outbox = opened(tmp_path)
    given: list[Entry] = []
    for urgent in (True, False, False, True, False):
        given += batch(outbox.position, 1, urgent=urgent)
        outbox.write(given[-1:])
    reader = outbox.reader()

    assert reader.urgent(0, 10) == [entry for entry in given if entry.urgent]
    assert reader.readings(0, 10) == [entry for entry in given if not entry.urgent]
    assert [entry.seq for entry in reader.readings(2, 1)] == [3]
    outbox.close()


def test_a_reader_stops_at_the_byte_limit_but_always_gives_one(tmp_path: Path) -> None:
    """A record larger than the limit still comes, alone."""
    outbox = filled(tmp_path, 5, size=1000)
    reader = outbox.reader()

    assert len(reader.readings(0, 10, max_bytes=2500)) == 2
    assert len(reader.readings(0, 10, max_bytes=10)) == 1
    outbox.close()


def test_delivered_records_are_not_handed_out_again(tmp_path: Path) -> None:
    """At once for readers, and after the next write also after a restart."""
    outbox = filled(tmp_path, 30)
    outbox.delivered([1, 2, 3, 9, 10, 31, 999, -4])

    assert sorted(contents(outbox)) == [*range(4, 9), *range(11, 31)]
    outbox.flush()
    usage = outbox.usage()
    assert (usage.waiting, usage.oldest_waiting, usage.head) == (25, 4, 31)
    outbox.close()
    again = opened(tmp_path)
    assert sorted(contents(again)) == [*range(4, 9), *range(11, 31)]
    again.close()


def test_listeners_hear_of_every_commit(tmp_path: Path) -> None:
    """A listener gets the entries after they are durable, and nothing for a mere flush."""
    outbox = filled(tmp_path, 1)
    heard: list[Sequence[Entry]] = []
    outbox.listen(heard.append)
    entries = batch(outbox.position, 3)
    outbox.write(entries)
    outbox.flush()

    assert heard == [entries]
    outbox.close()


@pytest.mark.parametrize("shift", [-1, 1], ids=["a number used before", "a number left out"])
def test_refuses_entries_that_do_not_continue_the_chain(tmp_path: Path, shift: int) -> None:
    """Such a call is a mistake of the program; nothing is written."""
    outbox = filled(tmp_path, 3)
    entry, _ = sealed(outbox.position)
    with pytest.raises(ValueError, match="the next record is number 5"):
        outbox.write([replace(entry, seq=entry.seq + shift)])

    assert outbox.position.seq == 4
    outbox.close()


def test_every_connection_is_as_decided(tmp_path: Path) -> None:
    """WAL, FULL, 4 KiB pages, no auto-vacuum: read back from the open connection."""
    outbox = opened(tmp_path)
    assert outbox._db is not None
    found = {
        name: outbox._db.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("journal_mode", "synchronous", "page_size", "auto_vacuum", "mmap_size", "max_page_count")
    }

    assert found == {
        "journal_mode": "wal",
        "synchronous": 2,
        "page_size": 4096,
        "auto_vacuum": 0,
        "mmap_size": 0,
        "max_page_count": SIZE // 4096,
    }
    outbox.close()


def test_a_second_instance_is_refused(tmp_path: Path) -> None:
    """P6: the lock is exclusive, the message names the process, and the first instance is not disturbed."""
    outbox = filled(tmp_path, 2)
    with pytest.raises(Locked, match=r"another instance \(process \d+\) is running"):
        opened(tmp_path)
    outbox.write(batch(outbox.position, 1))

    assert outbox.position.seq == 4
    outbox.close()


def test_a_volatile_place_is_refused_unless_allowed() -> None:
    """D16: a memory file system cannot keep the promise."""
    from pathlib import Path
    from tempfile import TemporaryDirectory

    with TemporaryDirectory(dir="/dev/shm") as memory:
        with pytest.raises(Volatile):
            Outbox.open(Path(memory), max_size=SIZE)
        opened(Path(memory)).close()


def test_a_newer_store_is_refused_untouched(tmp_path: Path) -> None:
    """P8: a downgrade says so and changes nothing."""
    filled(tmp_path, 3).close()
    with sqlite3.connect(tmp_path / "outbox.db") as db:
        db.execute("PRAGMA user_version = 99")
    db.close()
    with pytest.raises(Newer, match="store version 99, this one knows 1"):
        opened(tmp_path)

    assert not list(tmp_path.glob("damaged-*"))


def test_at_the_cap_delivered_readings_go_first(tmp_path: Path) -> None:
    """D2: as long as delivered readings are left no undelivered one is dropped, and urgent ones never are."""
    outbox = filled(tmp_path, 0, max_size=1024 * 1024)
    urgent = {1}
    for turn in range(150):
        entries, drop = forced(outbox, [False] * 9 + [turn % 10 == 0], size=900)
        urgent |= {entry.seq for entry in entries if entry.urgent}
        assert not drop.undelivered
        outbox.delivered(entry.seq for entry in entries if not entry.urgent)

    assert {seq for seq, entry in contents(outbox).items() if entry.urgent} == urgent
    assert outbox.usage().bytes <= 1024 * 1024
    outbox.close()


def test_at_the_cap_the_oldest_undelivered_readings_go_against_a_gap(tmp_path: Path) -> None:
    """D2: what is not delivered any more is exactly what the drops named; ids of the ends of runs are right."""
    outbox = filled(tmp_path, 0, max_size=1024 * 1024)
    given: dict[int, Entry] = {}
    dropped: set[int] = set()
    for turn in range(200):
        entries, drop = forced(outbox, [False] * 9 + [turn % 10 == 0], size=900)
        given |= {entry.seq: entry for entry in entries}
        dropped |= {seq for run in drop.undelivered for seq in range(run.first, run.last + 1)}
        assert all(run.id == given[run.last].id for run in drop.undelivered)
        assert len(drop.undelivered) <= MOST_RUNS

    kept = contents(outbox)
    assert dropped
    assert not any(given[seq].urgent for seq in dropped)
    assert set(kept) | dropped == {1, *given}
    assert not set(kept) & dropped
    assert max(dropped) < min(seq for seq, entry in kept.items() if not entry.urgent)
    outbox.close()
    again = opened(tmp_path, max_size=1024 * 1024)
    assert contents(again) == kept
    again.close()


def test_ids_of_dropped_records_are_kept(tmp_path: Path) -> None:
    """The chain stays checkable: number and id of each dropped reading are in the store."""
    outbox = filled(tmp_path, 40)
    given = contents(outbox)
    outbox.write(batch(outbox.position, 1, urgent=True), drop=outbox.room(1))
    assert outbox._db is not None
    rows = outbox._db.execute("SELECT first, last, ids FROM dropped").fetchall()

    assert rows
    for first, last, ids in rows:
        expected = [given[seq].id for seq in range(first, last + 1)]
        assert [unpacked(ids[at : at + 32]) for at in range(0, len(ids), 32)] == expected
    outbox.close()


def test_without_readings_there_is_nothing_to_drop(tmp_path: Path) -> None:
    """A store full of alarms says so: the drop is empty, the write raises, nothing changes."""
    outbox = filled(tmp_path, 0, max_size=1024 * 1024)
    while outbox.usage().share < 0.8:
        outbox.write(batch(outbox.position, 10, urgent=True, size=900))
    too_many = batch(outbox.position, 300, urgent=True, size=900)
    with pytest.raises(StoreFull) as full:
        outbox.write(too_many)

    assert not full.value.disk
    assert outbox.room(1000) == Drop("capacity")
    assert sorted(contents(outbox)) == list(range(1, outbox.position.seq + 1))
    outbox.close()


def test_a_refused_write_changes_nothing(tmp_path: Path) -> None:
    """After `StoreFull` records, state, deliveries and position are as before, also after a restart."""
    outbox = filled(tmp_path, 30, max_size=1024 * 1024)
    outbox.write(state={"k": b"old"})
    before = contents(outbox)
    outbox.delivered([2])
    drop = outbox.room(1)
    huge = batch(outbox.position, 3, size=1024 * 1024)
    with pytest.raises(StoreFull):
        outbox.write(huge, state={"k": b"new"}, drop=drop)

    assert (outbox.position.seq, outbox.state("k")) == (31, b"old")
    assert sorted(contents(outbox)) == sorted(set(before) - {2})
    outbox.close()
    again = opened(tmp_path, max_size=1024 * 1024)
    assert sorted(contents(again)) == sorted(set(before) - {2})
    again.close()


def test_warns_as_undelivered_records_fill_the_store(tmp_path: Path) -> None:
    """The levels are reached in order, and fall back to 0 when the backlog is delivered."""
    outbox = filled(tmp_path, 0, max_size=1024 * 1024)
    levels = []
    for _ in range(130):
        forced(outbox, [False] * 10, size=900)
        levels.append(outbox.usage().level)

    firsts = [levels.index(level) for level in (0, 70, 85)]
    assert firsts == sorted(firsts)
    outbox.delivered(range(1, outbox.position.seq + 1))
    assert outbox.usage().level == 0
    outbox.close()


def test_age_counts_only_hours_lived(tmp_path: Path) -> None:
    """C3: delivered readings go after so many hours of running time; power-off time and steps do not age them."""
    outbox = filled(tmp_path, 0)
    for hour in range(10):
        outbox.write(batch(outbox.position, 4), mono_ms=hour * HOUR_MS)
    outbox.delivered(range(1, 25))
    outbox.close()
    again = opened(tmp_path)
    again.write(batch(again.position, 1), mono_ms=5_000 * HOUR_MS)

    assert again.expired(keep_hours=9) == Drop("age")
    drop = again.expired(keep_hours=5)
    assert drop.delivered == ((2, 17),)
    assert not drop.undelivered
    again.write(drop=drop)
    assert not again.expired(keep_hours=5)
    assert sorted(contents(again)) == list(range(25, 43))
    again.close()


def test_undelivered_readings_never_go_by_age(tmp_path: Path) -> None:
    """However old they are."""
    outbox = filled(tmp_path, 20)
    for hour in range(50):
        outbox.write(mono_ms=hour * HOUR_MS)
    outbox.write(batch(outbox.position, 1), mono_ms=60 * HOUR_MS)

    assert not outbox.expired(keep_hours=1)
    outbox.close()


def test_the_log_stays_bounded(tmp_path: Path) -> None:
    """With a reader at work the log is copied back again and again and does not grow with the store."""
    outbox = filled(tmp_path, 0)
    reader = outbox.reader()
    largest = 0
    for _ in range(400):
        outbox.write(batch(outbox.position, 10, size=900))
        reader.readings(outbox.position.seq - 5, 5)
        largest = max(largest, (tmp_path / "outbox.db-wal").stat().st_size)

    assert largest < 1024 * 1024
    assert (tmp_path / "outbox.db").stat().st_size > 3 * 1024 * 1024
    outbox.close()


def test_rot_in_one_record_is_found_and_signed_away(tmp_path: Path) -> None:
    """A record with a changed byte is not handed out; its number and true id are in the drop; the rest goes on."""
    outbox = filled(tmp_path, 20)
    given = contents(outbox)
    assert outbox._db is not None
    outbox._db.execute("UPDATE reading SET wire = X'00' || substr(wire, 2) WHERE seq = 7")
    reader = outbox.reader()

    assert 7 not in {entry.seq for entry in reader.readings(0, 50)}
    assert reader.rotten() == [7]
    assert reader.rotten() == []
    drop = outbox.rot([7])
    assert [tuple(run) for run in drop.undelivered] == [(7, 7, given[7].id)]
    outbox.write(batch(outbox.position, 1, urgent=True), drop=drop)
    assert sorted(set(contents(outbox))) == sorted({*given, 22} - {7})
    assert outbox.usage().waiting == 21
    outbox.close()


def test_a_sweep_finds_rot_before_delivery(tmp_path: Path) -> None:
    """Going through the whole store in steps reports each rotten undelivered record."""
    outbox = filled(tmp_path, 50)
    assert outbox._db is not None
    outbox._db.execute("UPDATE reading SET wire = X'00' || substr(wire, 2) WHERE seq IN (9, 30)")
    reader, after = outbox.reader(), 0
    while (further := reader.sweep(after, 8)) is not None:
        after = further

    assert (after, reader.rotten()) == (51, [9, 30])
    outbox.close()


@pytest.mark.parametrize("durable", [False, True], ids=["lost", "in the log after all"])
def test_reopening_says_whether_the_last_transaction_is_durable(
    tmp_path: Path, durable: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a commit that ended in an error the position is behind its entries exactly if they are in the store."""
    outbox = filled(tmp_path, 3)
    heard: list[Sequence[Entry]] = []
    outbox.listen(heard.append)
    entries, before = batch(outbox.position, 2), outbox.position
    outbox.delivered([1])
    _fail(monkeypatch, after_commit=durable)
    with pytest.raises(StoreFailed, match="SQLITE_IOERR_FSYNC"):
        outbox.write(entries, state={"k": b"v"})
    monkeypatch.undo()
    with pytest.raises(StoreFailed):
        outbox.write(entries)

    assert outbox.reopen() is durable
    assert outbox.position.seq == (entries[-1].seq if durable else before.seq)
    assert [list(entries) for entries in heard] == ([entries] if durable else [])
    assert outbox.state("k") == (b"v" if durable else None)
    assert 1 not in contents(outbox)
    outbox.write(batch(outbox.position, 1))
    outbox.close()


def test_no_room_at_the_very_end_of_a_transaction(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a drop names is still waiting when the commit itself finds no room, now and after a restart."""
    outbox = filled(tmp_path, 30)
    drop, before = outbox.room(1), contents(outbox)
    _fail(monkeypatch, after_commit=False, code=sqlite3.SQLITE_FULL)
    with pytest.raises(StoreFull):
        outbox.write(batch(outbox.position, 1, urgent=True), drop=drop)
    monkeypatch.undo()
    outbox.delivered([1])
    outbox.close()
    again = opened(tmp_path)

    assert drop.undelivered
    assert sorted(contents(again)) == sorted(set(before) - {1})
    again.close()


def test_deliveries_known_in_memory_survive_a_reopening(tmp_path: Path) -> None:
    """They are not handed out again, and the next write makes them durable."""
    outbox = filled(tmp_path, 10)
    outbox.delivered([3, 4])
    outbox.reopen()
    assert not {3, 4} & set(contents(outbox))
    outbox.close()
    again = opened(tmp_path)

    assert not {3, 4} & set(contents(again))
    again.close()


def _fail(monkeypatch: pytest.MonkeyPatch, *, after_commit: bool, code: int = sqlite3.SQLITE_IOERR_FSYNC) -> None:
    """Let the next transaction end in an error, by default a failed sync, before or after it reached the log."""
    real = store.transaction

    @contextmanager
    def failing(db: sqlite3.Connection) -> Iterator[None]:
        error = sqlite3.OperationalError("disk I/O error")
        error.sqlite_errorcode, error.sqlite_errorname = code, "SQLITE_IOERR_FSYNC"
        with real(db):
            yield
            if not after_commit:
                raise error
        raise error

    monkeypatch.setattr(store, "transaction", failing)


def test_a_closed_store_says_so(tmp_path: Path) -> None:
    """Writing after close is a storage failure with a hint, not a crash."""
    outbox = filled(tmp_path, 1)
    entries = batch(outbox.position, 1)
    outbox.close()
    with pytest.raises(StoreFailed, match="closed"):
        outbox.write(entries)


def test_delivery_and_reading_from_another_thread(tmp_path: Path) -> None:
    """A publisher thread that reads and delivers while the pipeline writes gets every record exactly once."""
    outbox = filled(tmp_path, 0)
    reader, got, done = outbox.reader(), list[int](), threading.Event()

    def publish() -> None:
        while not (done.is_set() and outbox.usage().waiting == 0):
            entries = reader.urgent(0, 5) + reader.readings(0, 20)
            got.extend(entry.seq for entry in entries)
            outbox.delivered(entry.seq for entry in entries)

    publisher = threading.Thread(target=publish)
    publisher.start()
    for _ in range(150):
        outbox.write(batch(outbox.position, 3))
    done.set()
    publisher.join(30)

    assert sorted(got) == list(range(1, 452))
    outbox.close()
