"""Killed processes, damaged files and full disks: the history loses little, says what, and never stops anybody."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
from random import Random
from types import SimpleNamespace
from typing import TYPE_CHECKING
from unittest.mock import patch

import pytest

from buffer import history_store, store
from buffer.errors import StoreFailed
from buffer.history import DATABASE, History
from buffer.history_row import Level
from buffer.place import LEAST_ROOM
from tests.buffer.chain import ROOT
from tests.buffer.history_rows import MINUTE_MS, minutes, row, wide
from tests.buffer.test_faults import ENVIRONMENT
from tests.buffer.test_history import FOREVER, everything, expected, fresh, hours

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

__all__ = ["hours"]  # a fixture of every test here
ASIDE = "damaged-history-20261122T013001Z.db"


def killed(directory: Path, acknowledgements: int) -> int:
    """Run the child until it has acknowledged so many minutes, kill it, and return the last that it acknowledged."""
    command = [sys.executable, "-m", "tests.buffer.history_rows", str(directory)]
    child = subprocess.Popen(command, env=ENVIRONMENT, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    for _ in range(acknowledgements):
        last = child.stdout.readline()
    child.kill()
    last = ([last, *child.stdout.read().splitlines()])[-1]
    child.wait(10)
    return int(last.split()[1])


def test_killed_again_and_again_it_has_every_acknowledged_minute(tmp_path: Path) -> None:
    """SIGKILL at random moments, also while rows are packed: no minute is missing, doubled or changed."""
    random = Random(7)
    for _ in range(6):
        last = killed(tmp_path, random.randrange(1, 120))
        history = fresh(tmp_path)
        found = everything(history)

        assert history.news() == []
        assert len(found) in {last + 1, last + 2}, "only one minute may be there that was not acknowledged yet"
        assert found == expected(minutes(0, len(found)))
        assert len(history.query("fan", "load", Level.MINUTE, 0, FOREVER).start_ms) == len(found)
        assert history.kept("seen") == b"%d" % (len(found) - 1)
        history.close()


def overwritten(path: Path) -> None:
    """Write rubbish over the middle of the file."""
    size = path.stat().st_size
    with path.open("r+b") as out:
        out.seek(4096)
        out.write(b"\xa5" * (size - 4096))


def truncated(path: Path) -> None:
    """Cut the file in the middle."""
    with path.open("r+b") as out:
        out.truncate(path.stat().st_size // 2 + 100)


def foreign(path: Path) -> None:
    """Put something else in its place."""
    path.write_bytes(b"this is no database, and never was one" * 300)


def newer(path: Path) -> None:
    """Let a later version of the program have written it."""
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA user_version = 99")


@pytest.mark.parametrize("harm", [overwritten, truncated, foreign, newer])
def test_a_damaged_file_is_set_aside_and_a_new_one_begun(tmp_path: Path, harm: Callable[[Path], None]) -> None:
    """The start is not refused; what happened is told once; the old file is still there for people."""
    history = fresh(tmp_path)
    for one in minutes(0, 200):
        history.write([one])
    history.close()
    harm(tmp_path / DATABASE)

    history = fresh(tmp_path)
    (damage,) = history.news()

    assert (damage.set_aside, damage.set_aside.exists(), history.news()) == (tmp_path / ASIDE, True, [])
    assert damage.what
    assert everything(history) == []
    assert history.write(minutes(500, 3))
    assert everything(history) == expected(minutes(500, 3))


def test_damage_that_shows_while_running_is_dealt_with_at_once(tmp_path: Path) -> None:
    """The write that met it goes into the new file; a second damage the same second gets a name of its own."""
    history = fresh(tmp_path)
    for number in range(2):
        history.write(minutes(0, 59 - 2 * number))
        error = sqlite3.DatabaseError("database disk image is malformed")
        error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
        with patch.object(history_store, "replace", side_effect=[error, None]):
            assert history.write(minutes(59 + number, 2))
        assert everything(history) == expected(minutes(59 + number, 2))
        names = [damage.set_aside.name for damage in history.news()]
        assert names == [ASIDE if number == 0 else ASIDE.replace(".db", "-2.db")]


def test_a_rotten_pack_is_left_out_and_counted(tmp_path: Path) -> None:
    """The other hours are still read; also when the rows were to be packed again."""
    history = fresh(tmp_path)
    for one in minutes(0, 130):
        history.write([one])
    with sqlite3.connect(history.path) as db:
        db.execute("UPDATE chunk SET packed = zeroblob(50) WHERE id = (SELECT min(id) FROM chunk)")
        db.execute("UPDATE fresh SET packed = x'00' WHERE id = (SELECT min(id) FROM fresh)")
    db.close()

    assert everything(history) == expected(minutes(60, 60)) + expected(minutes(121, 9))
    assert history.condition().unreadable == 2
    for one in minutes(130, 60):
        assert history.write([one])
    assert len(everything(history)) == 60 + 69


def test_rows_wait_while_the_disk_takes_none_and_go_when_it_does(tmp_path: Path) -> None:
    """Counted, tried again with each write, in order; state and dates wait with them."""
    history = fresh(tmp_path)
    error = sqlite3.OperationalError("disk I/O error")
    error.sqlite_errorcode = sqlite3.SQLITE_IOERR_WRITE
    with patch.object(history_store, "add", side_effect=error):
        assert [history.write([one], {"key": b"v"}) for one in minutes(0, 3)] == [False] * 3
        assert history.dated("boot", 10) is False
        assert (history.condition().waiting, history.condition().failures) == (3, 4)
        assert history.kept("key") == b"v"

    assert history.write([row(None, boot="boot", start_mono_ms=3 * MINUTE_MS - 10)])
    assert everything(history)[:3] == expected(minutes(0, 3))
    assert everything(history)[3][0] == 3 * MINUTE_MS
    assert (history.condition().waiting, fresh(tmp_path).kept("key")) == (0, b"v")


def test_a_commit_that_succeeded_although_it_failed_is_not_repeated(tmp_path: Path) -> None:
    """The disk took everything and then said no: after reopening the rows are there once."""
    history = fresh(tmp_path)
    real = store.transaction

    class Doubtful:
        def __init__(self, db: sqlite3.Connection) -> None:
            self.inner = real(db)

        def __enter__(self) -> None:
            self.inner.__enter__()

        def __exit__(self, *error: object) -> None:
            self.inner.__exit__(*error)  # type: ignore[arg-type]
            failure = sqlite3.OperationalError("disk I/O error")
            failure.sqlite_errorcode = sqlite3.SQLITE_IOERR_FSYNC
            raise failure

    with patch.object(store, "transaction", Doubtful):
        assert history.write(minutes(0, 3)) is False
    assert history.write(minutes(3, 1))

    assert everything(history) == expected(minutes(0, 4))


def test_what_waits_is_bounded_and_what_is_lost_is_counted(tmp_path: Path) -> None:
    """The oldest go; memory does not grow with the outage."""
    history = fresh(tmp_path)
    error = sqlite3.OperationalError("disk I/O error")
    with patch.object(history_store, "add", side_effect=error), patch("buffer.history.MOST_WAITING", 10):
        for one in minutes(0, 25):
            history.write([one])
    history.write(())

    assert history.condition().lost == 15
    assert everything(history) == expected(minutes(15, 10))


def test_a_file_that_may_not_grow_gives_up_its_oldest_minutes(tmp_path: Path) -> None:
    """`max_page_count` reached in the middle of a write: the newest minute is kept, nothing is refused."""
    with patch.object(history_store, "_SPARE_PAGES", 1):
        history = fresh(tmp_path, max_size=100_000)
    with patch.object(History, "_after"):  # which would have kept it below
        kept = [history.write(wide(at, 20)) for at in range(0, 1600, 20)]

    starts = history.query("meter", "p3", Level.MINUTE, 0, FOREVER).start_ms
    assert all(kept)
    assert history.condition().failures > 0
    assert 0 < starts[0] < 1500 * MINUTE_MS
    assert starts == list(range(starts[0], 1600 * MINUTE_MS, MINUTE_MS))


def test_a_disk_that_others_filled_costs_nothing_that_is_there(tmp_path: Path) -> None:
    """SQLite says "full" although the file is far from its size: nothing is dropped for it."""
    history = fresh(tmp_path)
    history.write(minutes(0, 130))
    error = sqlite3.OperationalError("database or disk is full")
    error.sqlite_errorcode = sqlite3.SQLITE_FULL
    with patch.object(history_store, "add", side_effect=error):
        assert [history.write([one]) for one in minutes(130, 5)] == [False] * 5
    assert history.write(())

    assert everything(history) == expected(minutes(0, 135))


def test_where_blocks_are_small_a_disk_as_good_as_full_is_not_touched(tmp_path: Path) -> None:
    """SQLite's mapped index could end the process there: rows wait until there is room."""
    full = SimpleNamespace(f_bavail=LEAST_ROOM // 1024 - 1, f_frsize=1024)
    with patch("buffer.place.os.statvfs", return_value=full), patch.object(store, "connect") as connect:
        history = fresh(tmp_path)
        assert history.write(minutes(0, 4)) is False
        connect.assert_not_called()

    assert history.write(())
    assert everything(history) == expected(minutes(0, 4))


def test_a_directory_that_is_not_there_stops_nobody(tmp_path: Path) -> None:
    """Opening and writing fail quietly; as soon as the disk is back, all is written."""
    place = tmp_path / "state"
    history = History(place, now_ms=0)

    assert history.write(minutes(0, 2)) is False
    assert (history.kept("key"), history.last_ms("meter"), history.rows("meter", Level.MINUTE, 0, 9)) == (
        None,
        None,
        [],
    )
    with pytest.raises(StoreFailed):
        history.query("meter", "load", Level.MINUTE, 0, FOREVER)

    place.mkdir()
    assert history.write(minutes(2, 1))
    assert everything(history) == expected(minutes(0, 3))


def test_a_copy_taken_while_running_is_sound(tmp_path: Path) -> None:
    """Database and log together, as a power cut may leave them, hold every acknowledged minute."""
    (tmp_path / "live").mkdir()
    history = fresh(tmp_path / "live")
    for at, one in enumerate(minutes(0, 130)):
        history.write([one])
        if at % 43 == 0:
            shutil.copytree(tmp_path / "live", tmp_path / f"copy{at}")
            assert everything(fresh(tmp_path / f"copy{at}")) == expected(minutes(0, at + 1))
