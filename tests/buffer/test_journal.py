"""Looking back through the store: the newest first, in pages, with so much work a call and no more."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from buffer.errors import OutboxError
from buffer.journal import MOST_BYTES, MOST_ROWS, Journal, Page
from tests.buffer.chain import batch, filled, opened

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from buffer.outbox import Outbox


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Outbox]:
    """Return a store with a genesis record, ten readings, and ten urgent records behind them."""
    made = filled(tmp_path, 10)
    made.write(batch(made.position, 10, urgent=True))
    yield made
    made.close()


def numbers(page: Page) -> list[int]:
    """Return the numbers of a page's records."""
    return [json.loads(wire)["seq"] for wire in page.wires]


def even(wire: bytes) -> bool | None:
    """Want every other record, and none below 14."""
    seq = json.loads(wire)["seq"]
    return None if seq < 14 else seq % 2 == 0


def everything(_: bytes) -> bool | None:
    """Want every record."""
    return True


def nothing(_: bytes) -> bool | None:
    """Want none, and look on."""
    return False


CASES: dict[str, tuple[Callable[[bytes], bool | None], int, int | None, list[int], int | None]] = {
    "all": (everything, 200, None, [*range(21, 11, -1), 1], None),
    "a page": (everything, 3, None, [21, 20, 19], 19),
    "the page after": (everything, 3, 19, [18, 17, 16], 16),
    "the last page": (everything, 3, 12, [1], None),
    "below the first": (everything, 3, 1, [], None),
    "only some, until none is wanted": (even, 200, None, [20, 18, 16, 14], None),
    "none": (nothing, 200, None, [], None),
}


@pytest.mark.parametrize(("wanted", "limit", "before", "seen", "goes_on"), CASES.values(), ids=CASES)
def test_pages_are_newest_first_and_without_readings(
    tmp_path: Path,
    outbox: Outbox,
    wanted: Callable[[bytes], bool | None],
    limit: int,
    before: int | None,
    seen: list[int],
    goes_on: int | None,
) -> None:
    """Each says where to go on, or that this was all."""
    page = Journal(tmp_path).newest(wanted, limit=limit, before=before)

    assert (numbers(page), page.next) == (seen, goes_on)


def test_records_are_as_they_were_written(tmp_path: Path, outbox: Outbox) -> None:
    """Byte for byte, of any kind; one that is not kept is none."""
    journal = Journal(tmp_path)
    entries = batch(outbox.position, 1, urgent=True)
    outbox.write(entries)

    assert journal.newest(everything, limit=1).wires == (entries[0].wire,)
    assert journal.record(22) == entries[0].wire
    assert json.loads(journal.record(5) or b"{}")["seq"] == 5
    assert journal.record(23) is None


def test_a_long_past_costs_more_calls_never_a_slow_one(tmp_path: Path, outbox: Outbox) -> None:
    """A year of records that nobody asked for is looked through in parts."""
    outbox.write(batch(outbox.position, 2 * MOST_ROWS, urgent=True, size=10))
    journal = Journal(tmp_path)
    looked_at: list[int] = []

    def count(wire: bytes) -> bool | None:
        looked_at[-1] += 1
        return False

    before: int | None = None
    while not looked_at or before is not None:
        looked_at.append(0)
        before = journal.newest(count, limit=200, before=before).next

    assert looked_at == [MOST_ROWS, MOST_ROWS, 11]


def test_large_records_end_a_page_early(tmp_path: Path, outbox: Outbox) -> None:
    """What is read at a time is bounded in bytes, too."""
    size = MOST_BYTES // 4
    outbox.write(batch(outbox.position, 6, urgent=True, size=size))
    page = Journal(tmp_path).newest(everything, limit=200)

    assert numbers(page) == [27, 26, 25, 24]
    assert page.next == 24


def test_a_record_that_has_rotted_is_left_out(tmp_path: Path, outbox: Outbox) -> None:
    """It is not what was signed, so nobody is shown it; nor does it end a page that goes on behind it."""
    with closing(sqlite3.connect(tmp_path / "outbox.db")) as db:
        db.execute("UPDATE urgent SET wire = replace(wire, 'xxxx', 'xxxy') WHERE seq IN (20, 13)")
        db.commit()
    page = Journal(tmp_path).newest(lambda wire: None if b"xxxy" in wire else True, limit=9)

    assert numbers(page) == [21, 19, 18, 17, 16, 15, 14, 12, 1]


@pytest.mark.parametrize("rubbish", ["7", "'text'", "1.5"])
def test_a_row_that_is_no_record_at_all_is_left_out(tmp_path: Path, outbox: Outbox, rubbish: str) -> None:
    """SQLite keeps a number where bytes belong."""
    with closing(sqlite3.connect(tmp_path / "outbox.db")) as db:
        db.execute(f"UPDATE urgent SET wire = {rubbish} WHERE seq = 20")
        db.commit()

    assert numbers(Journal(tmp_path).newest(lambda _: True, limit=3)) == [21, 19, 18]


def test_a_store_that_cannot_be_read_says_so(tmp_path: Path) -> None:
    """No store, or something else under its name, is an error of the store; an empty store has no records."""
    journal = Journal(tmp_path)
    with pytest.raises(OutboxError):
        journal.newest(everything, limit=1)
    (tmp_path / "outbox.db").write_bytes(b"not a database at all" * 1000)
    with pytest.raises(OutboxError):
        journal.record(1)
    (tmp_path / "outbox.db").unlink()
    with closing(opened(tmp_path)):
        assert journal.newest(everything, limit=1) == Page((), None)
