"""The store and the key: judged over facts, and read from real ones, sound, damaged, swapped, without being touched."""

from __future__ import annotations

from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from agent.doctor import keys, store
from agent.keys import SigningKey
from buffer.outbox import Outbox
from tests.agent.doctor import ids
from tests.buffer.chain import batch

if TYPE_CHECKING:
    from collections.abc import Callable

MIB = 2**20
STATE = Path("/var/lib/plantgate")
SOUND = store.StoreFacts(directory=STATE, files={"outbox.db": 5 * MIB, "history.db": MIB}, limit=100 * MIB)
FILES = {"outbox.db": 5 * MIB}
STORES: dict[str, tuple[dict[str, Any], list[str]]] = {
    "well": ({}, ["store-fine"]),
    "none yet": ({"files": {}}, ["store-none"]),
    "not to be seen": ({"files": None}, ["store-unseen"]),
    "emptied by a power cut": ({"files": {"outbox.db": 0}}, ["store-empty"]),
    "damaged": ({"fault": "database disk image is malformed"}, ["store-damaged"]),
    "of a newer program": ({"newer": "written by a newer version"}, ["store-newer"]),
    "on a dying disk": ({"unreadable": "I/O error"}, ["store-unreadable"]),
    "too large to see all": ({"unfinished": True}, ["store-fine", "store-not-all-checked"]),
    "a log that grows": ({"files": {**FILES, "outbox.db-wal": 100 * MIB}}, ["store-log-large"]),
    "a cap set lower since": ({"files": {"outbox.db": 300 * MIB}}, ["store-beyond-limit"]),
    "a large history": ({"files": {**FILES, "history.db": 700 * MIB}}, ["history-beyond-limit"]),
    "a damaged history": ({"history_fault": "malformed"}, ["history-damaged"]),
    "earlier damage": ({"damaged": ("damaged-1.db", "damaged-2.db")}, ["store-damaged-file"] * 2),
}


@pytest.mark.parametrize("name", STORES)
def test_each_trouble_of_the_store_has_its_name(name: str) -> None:
    """A table of stores and what is to be said of them."""
    changes, expected = STORES[name]

    assert ids(store.judge(replace(SOUND, **changes))) == expected


def filled(folder: Path, kid: str = "") -> Path:
    """Make a real store with a few records in it, closed in order."""
    outbox = Outbox.open(folder, max_size=8 * MIB, allow_volatile=True)
    outbox.write(batch(outbox.position, 2), state={"kid": kid.encode()} if kid else None)
    outbox.close()
    return folder


def ticking(step_ns: int) -> Callable[[], int]:
    """Return a clock that goes on by a step each time somebody looks."""
    return count(0, step_ns).__next__


def test_a_sound_store_is_whole_and_untouched(tmp_path: Path) -> None:
    """It is read, not changed: afterwards the database has the same bytes and time."""
    folder = filled(tmp_path)
    before = ((folder / "outbox.db").read_bytes(), (folder / "outbox.db").stat().st_mtime_ns)

    found = store.judge(store.read(folder, 8 * MIB, ticking(1)))

    assert ids(found) == ["store-fine"]
    assert ((folder / "outbox.db").read_bytes(), (folder / "outbox.db").stat().st_mtime_ns) == before
    with_it = Outbox.open(folder, max_size=8 * MIB, allow_volatile=True)
    assert with_it.opened.damage is None
    assert with_it.position.seq == 2
    with_it.close()


def test_a_store_is_looked_at_beside_the_agent_that_writes_it(tmp_path: Path) -> None:
    """While another connection has it open, nothing is locked out and nothing is wrong."""
    outbox = Outbox.open(tmp_path, max_size=8 * MIB, allow_volatile=True)
    outbox.write(batch(outbox.position, 1))

    found = store.judge(store.read(tmp_path, 8 * MIB, ticking(1)))
    outbox.write(batch(outbox.position, 1))

    assert ids(found) == ["store-fine"]
    assert outbox.position.seq == 2
    outbox.close()


def test_ruined_pages_are_found(tmp_path: Path) -> None:
    """Random bytes over the middle of the file."""
    path = filled(tmp_path) / "outbox.db"
    content = bytearray(path.read_bytes())
    content[4096:] = b"\xa5" * (len(content) - 4096)
    path.write_bytes(content)

    assert "store-damaged" in ids(store.judge(store.read(tmp_path, 8 * MIB, ticking(1))))


def test_a_look_that_takes_too_long_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A large store is not held for longer than its time; what was seen until then was sound."""
    folder = filled(tmp_path)
    monkeypatch.setattr("buffer.repair._STEPS", 1)  # the time is looked at in every step, so that a small one does

    found = store.judge(store.read(folder, 8 * MIB, ticking(10**9)))

    assert ids(found) == ["store-fine", "store-not-all-checked"]


def test_a_folder_that_is_not_there_has_no_store(tmp_path: Path) -> None:
    """Before the first run."""
    assert ids(store.judge(store.read(tmp_path / "none", MIB, ticking(1)))) == ["store-none"]


# --- the key ---------------------------------------------------------------------------------------------------------


def test_the_key_that_signed_the_chain_is_fine(tmp_path: Path) -> None:
    """Found, private, and the one the store names; its fingerprint is told, and nothing else of it."""
    key = SigningKey.create(tmp_path / "signing-key.pem")
    [found] = keys.judge(keys.read(filled(tmp_path, key.kid)))

    assert found.id == "key-fine"
    assert keys.read(tmp_path).shown in found.what.en
    assert "PRIVATE" not in str(found)


def test_another_key_is_found_out(tmp_path: Path) -> None:
    """Somebody has swapped the file."""
    SigningKey.create(tmp_path / "signing-key.pem")

    assert ids(keys.judge(keys.read(filled(tmp_path, "another")))) == ["key-of-another-chain"]


def test_a_key_is_missing_only_once_there_is_a_chain(tmp_path: Path) -> None:
    """Before the first run nothing is lost; after it, everything."""
    before = ids(keys.judge(keys.read(tmp_path)))
    filled(tmp_path)

    assert before == ["key-none-yet"]
    assert ids(keys.judge(keys.read(tmp_path))) == ["key-lost"]


@pytest.mark.parametrize("spoil", [lambda path: path.chmod(0o644), lambda path: path.write_text("no key")])
def test_a_key_that_cannot_be_used_says_why(tmp_path: Path, spoil: Callable[[Path], object]) -> None:
    """Readable by others, or no key at all: what `agent.keys` says."""
    path = tmp_path / "signing-key.pem"
    SigningKey.create(path)
    spoil(path)

    assert ids(keys.judge(keys.read(tmp_path))) == ["key-unusable"]


def test_a_key_we_may_not_read_is_no_trouble(tmp_path: Path) -> None:
    """Somebody without sudo sees that it is there."""
    assert ids(keys.judge(keys.KeyFacts(path=tmp_path / "k", exists=True, unseen=True))) == ["key-unseen"]
