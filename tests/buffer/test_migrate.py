"""Versions of the stores: every way up and down is whole or not taken, and loses nothing."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from buffer import history_store, migrate, opening, store
from buffer.errors import Locked, Newer, StoreFailed
from buffer.migrate import Step, lower, move, versions
from tests.buffer.chain import batch, filled, opened

SIZE = 64 * 1024 * 1024
SCHEMAS = Path(__file__).parent / "schemas"


def sql(*statements: str) -> migrate.Change:
    """Return a change that executes statements."""

    def change(db: sqlite3.Connection) -> None:
        for statement in statements:
            db.execute(statement)

    return change


STEPS = (
    Step(
        "a note on each record",
        up=sql(
            "CREATE TABLE note (seq INTEGER PRIMARY KEY, words TEXT)", "INSERT INTO note SELECT seq, '' FROM reading"
        ),
        down=sql("DROP TABLE note"),
    ),
    Step("notes by hour", up=sql("CREATE INDEX note_words ON note (words)"), down=sql("DROP INDEX note_words")),
)
"""Two steps such as may come: from 1 to 2 to 3."""


def left(directory: Path, count: int = 20) -> None:
    """Make an outbox with records in it, and leave it as today's software does when it ends."""
    filled(directory, count).close()


def content(path: Path) -> list[str]:
    """Return everything in a database as SQL text, and its version."""
    with closing(sqlite3.connect(path)) as db:
        return [*db.iterdump(), str(migrate.version_of(db))]


def moved(path: Path, to: int, steps: tuple[Step, ...] = STEPS) -> tuple[int, int]:
    """Bring a file to a version."""
    with closing(store.connect(path, max_pages=SIZE // store.PAGE)) as db:
        return move(db, steps, to, path)


@pytest.mark.parametrize("to", [2, 3])
def test_down_again_is_what_it_was_before(tmp_path: Path, to: int) -> None:
    """Up and down by the same steps: the same tables, the same rows, the same version."""
    left(tmp_path)
    path = tmp_path / opening.DATABASE
    before = content(path)

    assert moved(path, to) == (1, to)
    assert content(path) != before
    assert moved(path, 1) == (to, 1)

    assert content(path) == before


def test_the_version_is_in_the_file_itself(tmp_path: Path) -> None:
    """Packages read four bytes at 60 and nothing else: after a move they are right even while the file is open."""
    left(tmp_path)
    path = tmp_path / opening.DATABASE
    with closing(store.connect(path, max_pages=SIZE // store.PAGE)) as db:
        move(db, STEPS, 3, path)

        assert int.from_bytes(path.read_bytes()[60:64], "big") == 3


@pytest.mark.parametrize("to", [1, 3], ids=["down", "up"])
@pytest.mark.parametrize("at", [0, 1, 2])
def test_a_step_that_fails_leaves_the_file_as_it_was(tmp_path: Path, at: int, to: int) -> None:
    """Whichever statement fails, after a step that did not: nothing of the move is in the file."""
    left(tmp_path)
    path = tmp_path / opening.DATABASE
    if to == 1:
        moved(path, 3)
    before = content(path)
    fails = Step(
        "fails", *[sql(*["CREATE TABLE left_behind (a)", "DELETE FROM reading"][:at], "DELETE FROM unheard_of")] * 2
    )
    steps = (STEPS[0], fails) if to == 3 else (fails, STEPS[1])

    with pytest.raises(StoreFailed, match="no such table"):
        moved(path, to, steps)

    assert content(path) == before


def test_a_step_that_ends_the_transaction_is_refused(tmp_path: Path) -> None:
    """Such a step would leave a file between two versions."""
    left(tmp_path)

    with pytest.raises(StoreFailed, match="ended its transaction"):
        moved(tmp_path / opening.DATABASE, 2, (Step("commits", up=sql("COMMIT"), down=sql()),))


KILLED = """
import os, signal, sys
from pathlib import Path
from buffer import store
from buffer.migrate import Step, move
path = Path(sys.argv[1])
db = store.connect(path, max_pages=100000)
def up(db):
    db.execute("CREATE TABLE note AS SELECT * FROM reading")
    db.execute("PRAGMA cache_spill = 1")
    os.kill(os.getpid(), signal.SIGKILL)
move(db, [Step("dies", up, up)], 2, path)
"""


def test_a_kill_in_the_middle_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    """The power went: the next start finds version 1 and every record."""
    left(tmp_path)
    before = content(tmp_path / opening.DATABASE)
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}

    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(tmp_path / opening.DATABASE)], env=environment, check=False, timeout=60
    )

    assert done.returncode == -signal.SIGKILL
    assert content(tmp_path / opening.DATABASE) == before


def test_an_older_store_is_raised_at_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The chain goes on from the same record, nothing counts as damage, and the version is the newer software's."""
    left(tmp_path)
    monkeypatch.setattr(migrate, "OUTBOX", STEPS)
    monkeypatch.setattr(store, "VERSION", 3)

    outbox = opened(tmp_path)
    found, position = outbox.opened, outbox.position
    outbox.write(batch(position, 1))
    outbox.close()

    assert (found.damage, found.hole, found.fresh, position.seq) == (None, None, False, 21)
    assert versions(tmp_path)["outbox"] == (3, 3)


def test_a_newer_store_is_refused_until_it_is_brought_down(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The older software says what it found; after the newer one's way down it goes on in the same chain."""
    left(tmp_path)
    moved(tmp_path / opening.DATABASE, 3)

    with pytest.raises(Newer, match="store version 3, this one knows 1"):
        opened(tmp_path)
    with monkeypatch.context() as newer:
        newer.setattr(migrate, "OUTBOX", STEPS)
        assert lower(tmp_path, {"outbox": 1, "history": 1}) == {"outbox": (3, 1)}

    outbox = opened(tmp_path)
    assert (outbox.position.seq, outbox.opened.damage) == (21, None)
    outbox.close()


def test_the_way_down_is_not_taken_under_a_running_agent(tmp_path: Path) -> None:
    """The lock of the state directory is the same."""
    outbox = opened(tmp_path)
    try:
        with pytest.raises(Locked):
            lower(tmp_path, {"outbox": 1})
    finally:
        outbox.close()


@pytest.mark.parametrize(
    ("to", "error"), [(4, StoreFailed), (0, StoreFailed)], ids=["a version nobody knows", "an unfinished file"]
)
def test_a_way_that_does_not_exist_is_refused(tmp_path: Path, to: int, error: type[Exception]) -> None:
    """With words, and untouched."""
    left(tmp_path)
    before = content(tmp_path / opening.DATABASE)

    with pytest.raises(error, match="there is no way from version 1"):
        moved(tmp_path / opening.DATABASE, to)

    assert content(tmp_path / opening.DATABASE) == before


def test_a_move_may_grow_beyond_the_cap(tmp_path: Path) -> None:
    """The cap is for records: a store that is full to it can still be raised, and is capped again afterwards."""
    left(tmp_path, 200)
    path = tmp_path / opening.DATABASE
    with closing(store.connect(path, max_pages=1)) as db:
        cap = db.execute("PRAGMA max_page_count").fetchone()[0]

        move(db, (Step("a copy", up=sql("CREATE TABLE copy AS SELECT * FROM reading"), down=sql()),), 2, path)

        pages = db.execute("PRAGMA page_count").fetchone()[0]
        assert pages > cap
        assert db.execute("PRAGMA max_page_count").fetchone()[0] == pages


def test_an_older_history_is_raised_at_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is no damage to be older."""
    path = tmp_path / "history.db"
    history_store.begin(path, max_size=SIZE, now_ms=0)[0].close()
    step = Step("more", up=sql("CREATE TABLE more (a)"), down=sql("DROP TABLE more"))
    monkeypatch.setattr(migrate, "HISTORY", (step,))
    monkeypatch.setattr(history_store, "VERSION", 2)

    db, damage = history_store.begin(path, max_size=SIZE, now_ms=0)

    with closing(db):
        assert (migrate.version_of(db), damage) == (2, None)


@pytest.mark.parametrize(
    ("name", "steps", "version"),
    [("outbox", migrate.OUTBOX, store.VERSION), ("history", migrate.HISTORY, history_store.VERSION)],
)
def test_there_is_a_step_for_every_version(name: str, steps: tuple[Step, ...], version: int) -> None:
    """Whoever raises a VERSION says how to get there and back."""
    assert len(steps) == version - 1


@pytest.mark.parametrize("name", ["outbox", "history"])
def test_the_first_schema_raised_is_todays_schema(tmp_path: Path, name: str) -> None:
    """A store of version 1, as it was then (tests/buffer/schemas), and a new one have the same tables in the end."""
    old, new = tmp_path / "old.db", tmp_path / "new.db"
    steps, version = (migrate.OUTBOX, store.VERSION) if name == "outbox" else (migrate.HISTORY, history_store.VERSION)
    with closing(store.connect(old, max_pages=1000)) as db:
        db.executescript((SCHEMAS / f"{name}-1.sql").read_text(encoding="utf-8"))
        move(db, steps, version, old)
    with closing(store.connect(new, max_pages=1000)) as db:
        db.executescript(store.SCHEMA if name == "outbox" else history_store.SCHEMA)
        if name == "outbox":
            store.finish(db)

    assert content(old) == content(new)
