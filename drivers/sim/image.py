"""What the four tables of one instrument hold at one moment, as bytes, and how a value is laid into them.

`Image.words` and `Image.bits` answer with ``None`` when any address asked for is not there: a real device answers
such a request with exception 02, also when only one register in the middle is missing.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

BIT_FUNCTIONS = {1: "coil", 2: "discrete"}
WORD_FUNCTIONS = {3: "holding", 4: "input"}


@dataclass(frozen=True, slots=True)
class Image:
    """Per table name: the blocks that exist, as ``(first address, content)``.

    Register blocks hold two bytes per address, bit blocks one byte (0 or 1) per address.
    """

    blocks: dict[str, tuple[tuple[int, bytes], ...]]

    def words(self, table: str, address: int, count: int) -> bytes | None:
        """Return `count` registers from `address`, two bytes each, or ``None`` when one of them is not there."""
        for first, content in self.blocks.get(table, ()):
            start = (address - first) * 2
            if start >= 0 and start + count * 2 <= len(content):
                return content[start : start + count * 2]
        return None

    def bits(self, table: str, address: int, count: int) -> bytes | None:
        """Return `count` bits from `address`, one byte each, or ``None`` when one of them is not there."""
        for first, content in self.blocks.get(table, ()):
            start = address - first
            if start >= 0 and start + count <= len(content):
                return content[start : start + count]
        return None

    def filled_with(self, word: int) -> Image:
        """Return the same image with every register reading `word`; bits stay as they are."""
        fill = word.to_bytes(2, "big")
        return Image(
            {
                table: blocks
                if table in BIT_FUNCTIONS.values()
                else tuple((a, fill * (len(c) // 2)) for a, c in blocks)
                for table, blocks in self.blocks.items()
            }
        )


def pack(code: str, value: float, order: str = "") -> bytes:
    """Lay `value` out as an instrument with that `order` would.

    `code` is a `struct` letter; `order` names the bytes as they lie on the wire, ``A`` being the most significant
    (so ``CDAB`` sends the low word first). Left out, it is the order of the standard.
    """
    plain = struct.pack(f">{code}", value if code in "efd" else int(value))
    return bytes(plain[ord(letter) - ord("A")] for letter in order) if order else plain


def text(words: int, content: str) -> bytes:
    """Lay an ASCII text into `words` registers, two characters each, the rest NUL."""
    return content.encode("ascii").ljust(words * 2, b"\0")[: words * 2]


def bcd(value: int) -> bytes:
    """Lay a number 0..9999 into one register as four decimal digits."""
    return bytes.fromhex(f"{value % 10_000:04d}")


def block(first: int, words: int, fields: Iterable[tuple[int, bytes]]) -> tuple[int, bytes]:
    """Return a block of `words` registers from `first`: each ``(address, bytes)`` field in its place, else zero."""
    content = bytearray(words * 2)
    for address, data in fields:
        start = (address - first) * 2
        content[start : start + len(data)] = data
    return first, bytes(content)


def switches(first: int, states: Iterable[bool]) -> tuple[int, bytes]:
    """Return a block of bits from `first`."""
    return first, bytes(map(int, states))
