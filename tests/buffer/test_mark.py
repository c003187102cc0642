"""The high-water mark."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from buffer import mark
from buffer.entry import Position
from buffer.errors import StoreFailed

if TYPE_CHECKING:
    from pathlib import Path

CHAIN = "Im8NkkEtkRQCxYZTPOxo2LAXdqsuLq1IzJ5ZugRZiKA"


def test_says_nothing_when_it_does_not_exist(tmp_path: Path) -> None:
    """A missing file is no reservation."""
    assert mark.read(tmp_path / "seq.mark") is None


def test_remembers_reservation_and_head(tmp_path: Path) -> None:
    """What was reserved and advised is read back."""
    path, head = tmp_path / "seq.mark", Position(CHAIN, 700, CHAIN)
    file = mark.Mark(path, mark.Noted())
    file.reserve(1, "")
    file.reserve(1001, CHAIN)
    file.advise(head, log="aabb")
    file.close()

    assert mark.read(path) == mark.Noted(reserved=2000, chain=CHAIN, head=head, log="aabb")
    assert path.stat().st_mode & 0o777 == 0o600


def test_reserves_a_thousand_at_a_time(tmp_path: Path) -> None:
    """Only the first number of a block costs a write."""
    path = tmp_path / "seq.mark"
    file = mark.Mark(path, mark.Noted())
    file.reserve(1, "")
    before = path.read_bytes()
    file.reserve(1000, "")

    assert path.read_bytes() == before
    file.reserve(1001, "")
    assert path.read_bytes() != before
    file.close()


@pytest.mark.parametrize("slot", [0, 1])
def test_survives_a_torn_reservation(tmp_path: Path, slot: int) -> None:
    """With one reservation slot torn the other one counts."""
    path = tmp_path / "seq.mark"
    file = mark.Mark(path, mark.Noted())
    file.reserve(1, "")
    file.reserve(1001, "")
    file.close()
    with path.open("r+b") as torn:
        torn.seek(slot * 4096 + 20)
        torn.write(b"\xff" * 100)

    noted = mark.read(path)

    assert noted is not None
    assert noted.reserved in {1000, 2000}


def test_a_torn_head_leaves_the_reservation(tmp_path: Path) -> None:
    """The advisory head may be lost at any moment without harm."""
    path = tmp_path / "seq.mark"
    file = mark.Mark(path, mark.Noted())
    file.reserve(1, CHAIN)
    file.close()
    os.truncate(path, 8192)

    noted = mark.read(path)

    assert noted == mark.Noted(reserved=1000, chain=CHAIN)


@pytest.mark.parametrize("rubbish", [b"", b"\0" * 12288, os.urandom(20_000)], ids=["empty", "zeros", "random"])
def test_rubbish_is_no_mark(tmp_path: Path, rubbish: bytes) -> None:
    """A file without a whole reservation counts as missing."""
    (tmp_path / "seq.mark").write_bytes(rubbish)

    assert mark.read(tmp_path / "seq.mark") is None


def test_a_failed_reservation_reserves_nothing(tmp_path: Path) -> None:
    """When the disk refuses, the number must not be used."""
    file = mark.Mark(tmp_path / "seq.mark", mark.Noted(reserved=10))
    os.close(file._handle)
    with pytest.raises(StoreFailed):
        file.reserve(11, "")

    assert file.noted.reserved == 10
