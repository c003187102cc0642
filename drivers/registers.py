"""What a value looks like in registers: its width, its byte orders, its place on the wire. Pure.

This page knows the types of the site contract and answers questions about them, for drivers and for `config` (which
must find every impossible type or order before anything runs). `drivers.decode` turns answers into numbers.

An order names the bytes of a value from the most significant (A) on, as they lie on the wire. Modbus sends each
register high byte first (MODBUS Application Protocol V1.1b3, section 4.2); what devices do across registers is theirs.
Every order of the contract is one of four: bytes swapped within each register or not, then read big- or little-endian.
So a whole block is decoded by at most four compiled formats, never by shuffling single bytes.

- An 8-bit type is the high (h) or low (l) byte of its register *after* `order`: with BA the two change places.
- In a string, BA means that the two characters of each register are swapped.
- `bit` is an address of a bit table, ``bit:K`` a bit of a register; `bool` is a set bit, or a register that is not 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from drivers.spec import PointSpec

Kind = Literal["flag", "integer", "real", "bcd", "text"]
"""How a raw value becomes a reading: a truth value, a whole number, a binary fraction, decimal digits, characters."""

ADDRESSES = 65536
"""Addresses of one table, 0 to 65535 (MODBUS Application Protocol V1.1b3, section 4.4)."""

_LONGEST_STRING = 125
_LARGEST_FACTOR = 1e30
_MOST_DECIMALS = 15

_ORDERS = {1: ("AB", "BA"), 2: ("ABCD", "CDAB", "BADC", "DCBA"), 4: ("ABCDEFGH", "GHEFCDAB", "BADCFEHG", "HGFEDCBA")}

_LAYOUTS = {
    "AB": (False, False),
    "BA": (False, True),
    "ABCD": (False, False),
    "CDAB": (True, True),
    "BADC": (True, False),
    "DCBA": (False, True),
    "ABCDEFGH": (False, False),
    "GHEFCDAB": (True, True),
    "BADCFEHG": (True, False),
    "HGFEDCBA": (False, True),
}
"""Order -> (swap the bytes of each register first, then read little-endian)."""


class BadPoint(ValueError):
    """A point that can never be decoded: the site file or a model is wrong."""


@dataclass(frozen=True, slots=True)
class Shape:
    """One type. `registers` is its width, 0 for a single bit of a bit table.

    `code` is the `struct` letter of the raw value, `pattern` that of the same bytes as an unsigned number.
    `digits` are the decimal digits tried, fewest first, to write a binary fraction so that it reads back the same.
    """

    kind: Kind
    registers: int
    code: str
    pattern: str
    digits: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, order=True)
class Field:
    """Where one raw value lies in a block of registers: `offset` and `size` in bytes, `code` a `struct` letter."""

    swapped: bool
    little: bool
    offset: int
    size: int
    code: str


_SHAPES = {
    "bit": Shape("flag", 0, "?", "?"),
    "bool": Shape("flag", 1, "H", "H"),
    "int8h": Shape("integer", 1, "b", "B"),
    "int8l": Shape("integer", 1, "b", "B"),
    "uint8h": Shape("integer", 1, "B", "B"),
    "uint8l": Shape("integer", 1, "B", "B"),
    "int16": Shape("integer", 1, "h", "H"),
    "uint16": Shape("integer", 1, "H", "H"),
    "int32": Shape("integer", 2, "i", "I"),
    "uint32": Shape("integer", 2, "I", "I"),
    "int64": Shape("integer", 4, "q", "Q"),
    "uint64": Shape("integer", 4, "Q", "Q"),
    "float16": Shape("real", 1, "e", "H", (3, 4, 5)),
    "float32": Shape("real", 2, "f", "I", (7, 8, 9)),
    "float64": Shape("real", 4, "d", "Q"),
    "bcd16": Shape("bcd", 1, "H", "H"),
    "bcd32": Shape("bcd", 2, "I", "I"),
}

_BYTES = {"?": 1, "b": 1, "B": 1, "h": 2, "H": 2, "e": 2, "i": 4, "I": 4, "f": 4, "q": 8, "Q": 8, "d": 8}

TYPES = (*_SHAPES, "bit:K", "string:N")
"""The types of the site contract, for messages."""


@lru_cache(maxsize=512)
def shape_of(kind: str) -> Shape:
    """Return the shape of a type of the site contract, or raise `BadPoint`."""
    name, colon, number = kind.partition(":")
    if not colon and name in _SHAPES:
        return _SHAPES[name]
    if name == "bit" and _is_number(number, 0, 15):
        return Shape("flag", 1, "H", "H")
    if name == "string" and _is_number(number, 1, _LONGEST_STRING):
        code = f"{2 * int(number)}s"
        return Shape("text", int(number), code, code)
    raise BadPoint(f"there is no type {kind!r}; there are {' '.join(TYPES)} (K is 0..15, N is 1..{_LONGEST_STRING})")


def _is_number(text: str, low: int, high: int) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= len(str(high)) and low <= int(text) <= high


def registers_of(kind: str) -> int:
    """Return how many registers a type takes; 0 for ``bit``, which lies in a bit table only. Raise `BadPoint`."""
    return shape_of(kind).registers


def orders_for(kind: str) -> tuple[str, ...]:
    """Return the orders a type can have, the usual one first; none for a single bit. Raise `BadPoint`."""
    shape = shape_of(kind)
    if shape.kind == "text":
        return _ORDERS[1]
    return _ORDERS.get(shape.registers, ())


def pattern_bits(kind: str) -> int:
    """Return how many raw bits `unavailable` is compared with.

    Of an 8-bit type its byte, of a bit or bool its whole register, of a string all of it; none of a bit table's bit.
    """
    shape = shape_of(kind)
    return 0 if shape.registers == 0 else 8 * _size(shape.pattern)


def width(point: PointSpec) -> int:
    """Return how many addresses of its table a point takes: registers, or 1 in a bit table. Raise `BadPoint`."""
    return 1 if point.table.is_bits else shape_of(point.type).registers


def field_of(point: PointSpec, start: int, *, as_pattern: bool = False) -> Field:
    """Return where the raw value of a register point lies in a block that starts at address `start`.

    `as_pattern` gives the same bytes as an unsigned number, to compare with `unavailable`.
    """
    shape = shape_of(point.type)
    code = shape.pattern if as_pattern else shape.code
    offset, (swapped, little) = 2 * (point.at - start), _LAYOUTS[point.order or orders_for(point.type)[0]]
    if shape.kind == "text":
        return Field(little, False, offset, _size(code), code)
    if _size(code) == 1:
        return Field(False, False, offset + (point.type.endswith("l") != little), 1, code)
    return Field(swapped, little, offset, _size(code), code)


def _size(code: str) -> int:
    return int(code[:-1]) if code.endswith("s") else _BYTES[code]


def problems(point: PointSpec) -> tuple[tuple[str, str], ...]:
    """Return all that is wrong with a point, as (key of the site file, what is wrong and what to write) pairs."""
    try:
        shape = shape_of(point.type)
    except BadPoint as error:
        return (("type", str(error)),)
    place = tuple(_place_problems(point, shape))
    return place if any(key == "type" for key, _ in place) else (*place, *_meaning_problems(point, shape))


def _place_problems(point: PointSpec, shape: Shape) -> list[tuple[str, str]]:
    found = []
    if point.table.is_bits and point.type not in ("bit", "bool"):
        found.append(("type", f"a {point.table.value} holds single bits: write bit or bool, not {point.type}"))
    elif not point.table.is_bits and shape.registers == 0:
        found.append(("type", "a register holds 16 bits: write bit:K (K = 0 is the least significant), or bool"))
    orders = () if point.table.is_bits else orders_for(point.type)
    if point.order and point.order not in orders:
        wanted = f"one of {' '.join(orders)}" if orders else "no order"
        found.append(("order", f"{point.type} in a {point.table.value} table takes {wanted}, not {point.order!r}"))
    if not 0 <= point.at <= ADDRESSES - max(1, shape.registers):
        found.append(("at", f"{point.type} at {point.at} leaves the addresses 0 to {ADDRESSES - 1}"))
    return found


def _meaning_problems(point: PointSpec, shape: Shape) -> list[tuple[str, str]]:
    found = [("scale", "a scale of 0 would make every reading the same")] if point.scale == 0 else []
    for key, number in (("scale", point.scale), ("offset", point.offset)):
        if not abs(number) <= _LARGEST_FACTOR:
            found.append((key, f"{number} is no usable number: at most {_LARGEST_FACTOR:g}"))
    if point.decimals is not None and not 0 <= point.decimals <= _MOST_DECIMALS:
        found.append(("decimals", f"{point.decimals} is not between 0 and {_MOST_DECIMALS}"))
    if point.range is not None and not point.range[0] < point.range[1]:
        found.append(("range", "write the lower end first: [low, high]"))
    if shape.kind in ("flag", "text"):
        found += _not_a_number(point)
    bits = 0 if point.table.is_bits else pattern_bits(point.type)
    for value in point.unavailable:
        if not 0 <= value < 1 << bits:
            found.append(("unavailable", f"{point.type} never holds {value:#x}: write its {bits} raw bits, unsigned"))
    return found


def _not_a_number(point: PointSpec) -> list[tuple[str, str]]:
    given = {"scale": point.scale != 1, "offset": point.offset != 0}
    given |= {"decimals": point.decimals is not None, "range": point.range is not None}
    return [(key, f"{point.type} is not a number and takes no {key}") for key, is_given in given.items() if is_given]


def must_be_decodable(point: PointSpec) -> None:
    """Raise `BadPoint` when a reading of this point could only be wrong."""
    fatal = {"type", "order", "at", "scale", "offset", "decimals"}
    for key, words in problems(point):
        harmless = key in ("scale", "offset", "decimals") and shape_of(point.type).kind in ("flag", "text")
        if key in fatal and not harmless:
            raise BadPoint(f"{point.name}: {key}: {words}")


def decimal_parts(scale: float, offset: float) -> tuple[int, int, int]:
    """Return whole numbers (p, q, d) for which ``raw * scale + offset`` is ``(raw * p + q) / d``; d is a power of ten.

    The factors are taken as the decimals they were written as (15 significant digits), so that 123 * 0.1 is 12.3.
    """
    p, p_places = _as_decimal(scale)
    q, q_places = _as_decimal(offset)
    places = max(p_places, q_places)
    return p * 10 ** (places - p_places), q * 10 ** (places - q_places), 10**places


def _as_decimal(number: float) -> tuple[int, int]:
    mantissa, _, exponent = f"{number + 0.0:.14e}".partition("e")  # -0.0 has no digit left but its sign
    digits = mantissa.replace(".", "").rstrip("0") or "0"
    power = int(exponent) + 1 - len(digits.lstrip("-"))
    return (int(digits) * 10**power, 0) if power >= 0 else (int(digits), -power)
