"""Points and bytes for the tests of reading: an encoder that shares nothing with the decoder under test."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

from drivers.decode import compile_block
from drivers.spec import PointSpec, Table

if TYPE_CHECKING:
    from drivers.reading import Value

BIG_ENDIAN = {1: "AB", 2: "ABCD", 4: "ABCDEFGH"}
FLOATS = {"float16": ">e", "float32": ">f", "float64": ">d"}


def holding(kind: str, at: int = 0, order: str = "", **more: Any) -> PointSpec:
    """Return a point in holding registers, named after its place."""
    return PointSpec(name=f"h{at}-{kind}", table=Table.HOLDING, at=at, type=kind, order=order, **more)


def encoded(kind: str, order: str, value: Any) -> bytes:
    """Return the bytes a device sends for a raw value, letter by letter of the order."""
    if kind.startswith("string:"):
        text = bytes(value).ljust(2 * int(kind.partition(":")[2]), b"\0")
        swap = order == "BA"
        return b"".join(text[i : i + 2][:: -1 if swap else 1] for i in range(0, len(text), 2))
    straight = big_endian(kind, value)
    wire = order or BIG_ENDIAN[len(straight) // 2]
    return bytes(straight[ord(letter) - ord("A")] for letter in wire)


def big_endian(kind: str, value: Any) -> bytes:
    """Return a raw value as registers, most significant byte first. The other half of an 8-bit type is 5A."""
    if kind in FLOATS:
        return struct.pack(FLOATS[kind], value)
    if kind.startswith("bcd"):
        return bytes.fromhex(f"{value:0{int(kind[3:]) // 4}d}")
    if kind == "bool":
        return bytes((value, 0))
    if kind.startswith("bit:"):
        others = 0xFFFF ^ 1 << int(kind[4:])
        return (0xFFFF if value else others).to_bytes(2, "big")
    bits = int("".join(letter for letter in kind if letter.isdigit()))
    number = int(value).to_bytes(bits // 8, "big", signed=not kind.startswith("u"))
    if bits == 8:
        return number + b"\x5a" if kind.endswith("h") else b"\x5a" + number
    return number


def decoded(point: PointSpec, data: bytes) -> tuple[Value, str]:
    """Return value and flag of one point whose registers are all of `data`."""
    values, flags = compile_block([point], point.table, point.at, len(data) // 2).decode(data)
    return values[0], flags
