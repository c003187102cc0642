"""The high-water mark: a small file that outlives the database, so that a sequence number is never used twice.

Three slots of one disk block each, every slot one line of text with its own checksum:

    block 0, 1   reservation: numbers up to `reserved` may have been used. Written in turn, synced, *before* the first
                 number above the old reservation is used. The slot with the higher generation counts; a torn write
                 leaves the other one.
    block 2      head: the last committed record, rewritten after each commit **without** a sync. It can be older than
                 the database (power cut), never newer. So a database that is older than this line is not the one that
                 was here last.

The head also says how the database was left: which log belongs to it, or, after an orderly stop, its size and time
of change. That decides how closely the next start looks at it.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import TYPE_CHECKING

from buffer.entry import NOWHERE, Position
from buffer.place import sync_directory, unusable

if TYPE_CHECKING:
    from pathlib import Path

BLOCK_LENGTH = 1000
"""Numbers reserved at a time: one sync per thousand records."""

_SLOT = 4096
_LINE = 512
_HEAD = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Noted:
    """What the file says. `log` is the salt of the WAL (hex), `left` the "size:mtime" of an orderly closed database."""

    reserved: int = 0
    chain: str = ""
    head: Position = NOWHERE
    log: str = ""
    left: str = ""


def _line(fields: dict[str, object]) -> bytes:
    """Return one slot's text: ``name=value`` words, the checksum last, padded to a sector so that it cannot tear."""
    text = " ".join(f"{name}={value}" for name, value in fields.items())
    checked = f"{text} sum={blake2b(text.encode(), digest_size=8).hexdigest()}"
    return checked.encode().ljust(_LINE - 1) + b"\n"


def _fields(line: bytes) -> dict[str, str] | None:
    """Return the words of a slot, or ``None`` when its checksum does not match."""
    text, _, found = line.decode("ascii", "replace").rstrip().rpartition(" sum=")
    if not text or found != blake2b(text.encode(), digest_size=8).hexdigest():
        return None
    return dict(word.split("=", 1) for word in text.split(" "))


def read(path: Path) -> Noted | None:
    """Return what the mark says, or ``None`` when it is missing or no reservation in it is whole."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise unusable(path, error) from error
    slots = [_fields(content[at * _SLOT : at * _SLOT + _LINE]) for at in range(3)]
    whole = [slot for slot in slots[:_HEAD] if slot is not None]
    if not whole:
        return None
    newest = max(whole, key=lambda slot: int(slot["generation"]))
    noted = Noted(reserved=int(newest["reserved"]), chain=newest["chain"])
    head = slots[_HEAD]
    if head is None:
        return noted
    return replace(
        noted,
        chain=noted.chain or head["chain"],
        head=Position(head["chain"], int(head["seq"]), head["id"]),
        log=head["log"],
        left=head["left"],
    )


class Mark:
    """The file, open.

    Every start writes it anew under a temporary name, so that it never relies on a page whose sync once failed.
    """

    def __init__(self, path: Path, noted: Noted) -> None:
        """Write the file with what is `noted` and keep it open. Raises `StoreFailed`."""
        self._path = path
        self._generation = 1
        self.noted = noted
        draft = path.with_name(path.name + ".new")
        try:
            self._handle = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise unusable(path, error) from error
        try:
            os.pwrite(self._handle, b"\n" * (_SLOT * (_HEAD + 1)), 0)
            self._write_reservation()
            self._write_head()
            os.fsync(self._handle)
            draft.rename(path)
            sync_directory(path.parent)
        except OSError as error:
            os.close(self._handle)  # a failing disk is tried every other second, for as long as it takes
            raise unusable(path, error) from error

    def reserve(self, seq: int, chain: str) -> None:
        """Make sure that `seq` is reserved, durably, before it is used. Raises `StoreFailed`."""
        if seq <= self.noted.reserved and chain == self.noted.chain:
            return
        reserved = self.noted.reserved if seq <= self.noted.reserved else seq + BLOCK_LENGTH - 1
        noted, self._generation = replace(self.noted, reserved=reserved, chain=chain), self._generation + 1
        self.noted, before = noted, self.noted
        try:
            self._write_reservation()
            os.fdatasync(self._handle)
        except OSError as error:
            self.noted = before
            raise unusable(self._path, error) from error

    def advise(self, head: Position, *, log: str, left: str = "") -> None:
        """Note the last committed record. Synced only when the log changed or the store is being left in good order.

        Raises `StoreFailed`.
        """
        sync = log != self.noted.log or bool(left)
        self.noted = replace(self.noted, head=head, log=log, left=left)
        try:
            self._write_head()
            if sync:
                os.fdatasync(self._handle)
        except OSError as error:
            raise unusable(self._path, error) from error

    def close(self) -> None:
        """Close the file."""
        os.close(self._handle)

    def _write_reservation(self) -> None:
        line = _line({"generation": self._generation, "reserved": self.noted.reserved, "chain": self.noted.chain})
        os.pwrite(self._handle, line, self._generation % _HEAD * _SLOT)

    def _write_head(self) -> None:
        head = self.noted.head
        line = _line(
            {"seq": head.seq, "id": head.id, "chain": head.chain, "log": self.noted.log, "left": self.noted.left}
        )
        os.pwrite(self._handle, line, _HEAD * _SLOT)
