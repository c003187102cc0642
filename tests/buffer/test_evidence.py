"""The store as evidence: everything in the order of the chain, and nothing changed by looking."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from buffer.errors import StoreFailed
from buffer.evidence import Evidence
from buffer.outbox import Drop, Run
from tests.buffer.chain import batch, filled, opened

if TYPE_CHECKING:
    from pathlib import Path


def seqs(directory: Path, first: int, last: int) -> list[int]:
    """Return the numbers that are handed out."""
    with Evidence.opened(directory) as evidence:
        return [kept.seq for kept in evidence.span(first, last)]


def test_both_tables_in_the_order_of_numbers(tmp_path: Path) -> None:
    """However readings and urgent records take turns, also over the edge of what is read at a time."""
    outbox = filled(tmp_path, 0)
    for urgent in (False, True, True, False) * 4:
        outbox.write(batch(outbox.position, 170, urgent=urgent, size=10))

    assert seqs(tmp_path, 1, outbox.position.seq) == list(range(1, outbox.position.seq + 1))
    assert seqs(tmp_path, 300, 900) == list(range(300, 901))
    outbox.close()


def test_records_come_byte_for_byte(tmp_path: Path) -> None:
    """What was written is what is handed out, while the writer goes on."""
    outbox = opened(tmp_path)
    entries = batch(outbox.position, 5)
    outbox.write(entries)
    with Evidence.opened(tmp_path) as evidence:
        outbox.write(batch(outbox.position, 5))

        assert [(kept.seq, kept.id, kept.wire) for kept in evidence.span(1, evidence.head)] == [
            (entry.seq, entry.id, entry.wire) for entry in entries
        ]
        assert evidence.chain == entries[0].id
    outbox.close()


def test_edges(tmp_path: Path) -> None:
    """The neighbours of a hole, and nothing beyond the ends."""
    outbox = filled(tmp_path, 20)
    outbox.delivered(range(5, 9))
    outbox.flush()
    outbox.write(drop=Drop("age", ((5, 8),), (), 4, 1))
    with Evidence.opened(tmp_path) as evidence:
        before, after = evidence.before(8), evidence.at_or_after(5)

        assert before is not None
        assert after is not None
        assert (before.seq, after.seq) == (4, 9)
        assert evidence.before(1) is None
        assert evidence.at_or_after(22) is None
        assert [*evidence.settled()] == [(5, 8)]
    outbox.close()


def test_ids_of_what_was_dropped(tmp_path: Path) -> None:
    """They are known as long as the store keeps them."""
    outbox = filled(tmp_path, 20)
    with Evidence.opened(tmp_path) as evidence:
        ids = [kept.id for kept in evidence.span(3, 6)]
    outbox.write(batch(outbox.position, 1, urgent=True), drop=Drop("capacity", (), (Run(3, 6, ids[-1]),), 4, 1))
    with Evidence.opened(tmp_path) as evidence:
        (dropped,) = evidence.dropped(5, 9)

        assert (dropped.first, dropped.last, [*dropped.ids]) == (3, 6, ids)
        assert list(evidence.dropped(7, 9)) == []
    outbox.close()


def test_a_decayed_record_is_not_handed_out(tmp_path: Path) -> None:
    """Its number is, so that it can be named."""
    outbox = filled(tmp_path, 5)
    assert outbox._db is not None
    outbox._db.execute("UPDATE reading SET wire = x'00' WHERE seq = 3")
    with Evidence.opened(tmp_path) as evidence:
        found = {kept.seq: kept for kept in evidence.span(1, 6)}

    assert not found[3].whole
    assert (found[3].wire, found[3].id) == (b"", "")
    assert all(kept.whole for seq, kept in found.items() if seq != 3)
    outbox.close()


@pytest.mark.parametrize("what", ["nothing", "an empty file", "rubbish"])
def test_what_is_no_store(tmp_path: Path, what: str) -> None:
    """It is said in words, and nothing is made."""
    if what == "an empty file":
        (tmp_path / "outbox.db").touch()
    elif what == "rubbish":
        (tmp_path / "outbox.db").write_bytes(os.urandom(8192))
    before = {path.name for path in tmp_path.iterdir()}

    with (
        pytest.raises(StoreFailed, match="damaged" if what == "rubbish" else "there is no store"),
        Evidence.opened(tmp_path),
    ):
        pass
    assert {path.name for path in tmp_path.iterdir()} == before
