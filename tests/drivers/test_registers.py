"""Types, orders and places: what can be asked for, and what is refused with words an installer can use."""

from __future__ import annotations

from typing import Any

import pytest

from drivers.registers import (
    BadPoint,
    decimal_parts,
    must_be_decodable,
    orders_for,
    pattern_bits,
    problems,
    registers_of,
    width,
)
from drivers.spec import PointSpec, Table
from tests.drivers.registers import holding

TWO = ("ABCD", "CDAB", "BADC", "DCBA")
FOUR = ("ABCDEFGH", "GHEFCDAB", "BADCFEHG", "HGFEDCBA")


@pytest.mark.parametrize(
    ("kind", "registers", "orders", "bits"),
    [
        ("bit", 0, (), 0),
        ("bit:0", 1, ("AB", "BA"), 16),
        ("bit:15", 1, ("AB", "BA"), 16),
        ("bool", 1, ("AB", "BA"), 16),
        ("int8h", 1, ("AB", "BA"), 8),
        ("uint8l", 1, ("AB", "BA"), 8),
        ("int16", 1, ("AB", "BA"), 16),
        ("float16", 1, ("AB", "BA"), 16),
        ("bcd16", 1, ("AB", "BA"), 16),
        ("uint32", 2, TWO, 32),
        ("float32", 2, TWO, 32),
        ("bcd32", 2, TWO, 32),
        ("int64", 4, FOUR, 64),
        ("uint64", 4, FOUR, 64),
        ("float64", 4, FOUR, 64),
        ("string:1", 1, ("AB", "BA"), 16),
        ("string:125", 125, ("AB", "BA"), 2000),
    ],
)
def test_every_type_has_a_width_orders_and_a_pattern(
    kind: str, registers: int, orders: tuple[str, ...], bits: int
) -> None:
    """A type says how many registers it takes, which orders it can have, and how many raw bits mean "no value"."""
    assert (registers_of(kind), orders_for(kind), pattern_bits(kind)) == (registers, orders, bits)


@pytest.mark.parametrize(
    "kind", ["", "float", "FLOAT32", "bit:16", "bit:-1", "bit:", "bit:²", "string", "string:0", "string:126", "int16:1"]
)
def test_an_unknown_type_is_named_with_those_there_are(kind: str) -> None:
    """A wrong type is refused, and the message lists the right ones."""
    with pytest.raises(BadPoint, match=r"there is no type .* float32 .* string:N"):
        registers_of(kind)


def test_a_bit_table_takes_one_address_a_point() -> None:
    """A bool in a coil is one bit wide, in a register one register."""
    coil = PointSpec(name="c", table=Table.COIL, at=7, type="bool")

    assert (width(coil), width(holding("bool")), width(holding("string:9"))) == (1, 1, 9)


PROBLEMS = {
    "unknown type": (holding("float31"), ["type"]),
    "single bit in registers": (holding("bit"), ["type"]),
    "number in a coil": (PointSpec(name="c", table=Table.COIL, at=0, type="int16"), ["type"]),
    "order of two registers for one": (holding("int16", order="ABCD"), ["order"]),
    "order of one register for two": (holding("float32", order="BA"), ["order"]),
    "order of a coil": (PointSpec(name="c", table=Table.COIL, at=0, type="bool", order="AB"), ["order"]),
    "unknown order": (holding("float32", order="ACBD"), ["order"]),
    "address below zero": (holding("int16", at=-1), ["at"]),
    "second register beyond the table": (holding("float32", at=65535), ["at"]),
    "coil beyond the table": (PointSpec(name="c", table=Table.COIL, at=65536, type="bit"), ["at"]),
    "scale zero": (holding("int16", scale=0.0), ["scale"]),
    "scale that is none": (holding("int16", scale=float("nan")), ["scale"]),
    "offset infinite": (holding("int16", offset=float("inf")), ["offset"]),
    "decimals below zero": (holding("int16", decimals=-1), ["decimals"]),
    "more decimals than a double has": (holding("int16", decimals=16), ["decimals"]),
    "range upside down": (holding("int16", range=(5.0, 1.0)), ["range"]),
    "pattern wider than the type": (holding("int16", unavailable=(0x8000, 0x18000)), ["unavailable"]),
    "pattern with a sign": (holding("int16", unavailable=(-32768,)), ["unavailable"]),
    "pattern of a coil": (PointSpec(name="c", table=Table.COIL, at=0, type="bit", unavailable=(1,)), ["unavailable"]),
    "a scaled string": (holding("string:2", scale=2.0, range=(0.0, 1.0)), ["scale", "range"]),
    "everything at once": (
        holding("int16", at=-5, order="X", scale=0.0, offset=float("inf"), decimals=99),
        ["order", "at", "scale", "offset", "decimals"],
    ),
}


@pytest.mark.parametrize(("point", "keys"), PROBLEMS.values(), ids=PROBLEMS)
def test_every_mistake_is_found_and_told_by_its_key(point: PointSpec, keys: list[str]) -> None:
    """All that is wrong with a point is listed, each under the key to change."""
    assert [key for key, _ in problems(point)] == keys


FINE: dict[str, dict[str, Any]] = {
    "last register": {"kind": "int16", "at": 65535},
    "last two registers": {"kind": "float32", "at": 65534},
    "all given": {"kind": "int32", "order": "CDAB", "scale": 0.1, "decimals": 1, "unavailable": (0x80000000,)},
    "bit of a swapped register": {"kind": "bit:5", "order": "BA", "unavailable": (0xFFFF,)},
}


@pytest.mark.parametrize("given", FINE.values(), ids=FINE)
def test_a_good_point_has_no_problems(given: dict[str, Any]) -> None:
    """Addresses up to 65535 and every order of the type are accepted."""
    point = holding(**given)

    must_be_decodable(point)

    assert problems(point) == ()


def test_a_point_that_could_only_be_wrong_is_refused() -> None:
    """Compiling refuses what cannot be decoded, naming point and key; a meaningless scale of a string is let pass."""
    must_be_decodable(holding("string:2", scale=2.0))
    with pytest.raises(BadPoint, match=r"h4-float32: order: .*CDAB"):
        must_be_decodable(holding("float32", at=4, order="BA"))


@pytest.mark.parametrize(
    ("scale", "offset", "parts"),
    [
        (1.0, 0.0, (1, 0, 1)),
        (0.1, 0.0, (1, 0, 10)),
        (0.1, -40.0, (1, -400, 10)),
        (0.25, 0.5, (25, 50, 100)),
        (1.0, -0.0, (1, 0, 1)),
        (10.0, 0.0, (10, 0, 1)),
        (-0.001, 0.0, (-1, 0, 1000)),
        (0.1 * 3, 0.0, (3, 0, 10)),
        (1e-20, 0.0, (1, 0, 10**20)),
        (1e20, 0.0, (10**20, 0, 1)),
        (123.456, 7.0, (123456, 7000, 1000)),
    ],
)
def test_factors_are_taken_as_the_decimals_they_were_written_as(
    scale: float, offset: float, parts: tuple[int, int, int]
) -> None:
    """Scale and offset become whole numbers over a power of ten; noise of a product like 0.1 * 3 is removed."""
    assert decimal_parts(scale, offset) == parts
