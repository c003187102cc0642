"""Bytes of an answer to readings: every type in every order, what meters really sent, and what is no value."""

from __future__ import annotations

import math
import struct
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.decode import compile_block
from drivers.registers import TYPES, orders_for, registers_of
from drivers.spec import PointSpec, Table
from tests.drivers.registers import FLOATS, decoded, encoded, holding

if TYPE_CHECKING:
    from drivers.reading import Value

# --- tables --------------------------------------------------------------------------------------

ORDERS = [
    # type, order, bytes on the wire, reading
    ("int8h", "AB", "fe 01", -2),
    ("int8h", "BA", "01 fe", -2),
    ("int8l", "AB", "01 fe", -2),
    ("int8l", "BA", "fe 01", -2),
    ("uint8h", "AB", "fe 01", 254),
    ("uint8h", "BA", "01 fe", 254),
    ("uint8l", "AB", "01 fe", 254),
    ("uint8l", "BA", "fe 01", 254),
    ("int16", "AB", "ff fe", -2),
    ("int16", "BA", "fe ff", -2),
    ("uint16", "AB", "12 34", 0x1234),
    ("uint16", "BA", "34 12", 0x1234),
    ("float16", "AB", "4a 26", 12.3),
    ("float16", "BA", "26 4a", 12.3),
    ("bcd16", "AB", "12 34", 1234),
    ("bcd16", "BA", "34 12", 1234),
    ("bool", "AB", "00 00", False),
    ("bool", "BA", "01 00", True),
    ("bit:0", "AB", "00 01", True),
    ("bit:0", "BA", "01 00", True),
    ("bit:15", "AB", "80 00", True),
    ("bit:15", "BA", "80 00", False),
    ("int32", "ABCD", "ff fe fd fc", -66052),
    ("int32", "CDAB", "fd fc ff fe", -66052),
    ("int32", "BADC", "fe ff fc fd", -66052),
    ("int32", "DCBA", "fc fd fe ff", -66052),
    ("uint32", "ABCD", "89 ab cd ef", 0x89ABCDEF),
    ("uint32", "CDAB", "cd ef 89 ab", 0x89ABCDEF),
    ("uint32", "BADC", "ab 89 ef cd", 0x89ABCDEF),
    ("uint32", "DCBA", "ef cd ab 89", 0x89ABCDEF),
    ("float32", "ABCD", "42 c5 0a 11", 98.51966),
    ("float32", "CDAB", "0a 11 42 c5", 98.51966),
    ("float32", "BADC", "c5 42 11 0a", 98.51966),
    ("float32", "DCBA", "11 0a c5 42", 98.51966),
    ("bcd32", "ABCD", "12 34 56 78", 12345678),
    ("bcd32", "CDAB", "56 78 12 34", 12345678),
    ("bcd32", "BADC", "34 12 78 56", 12345678),
    ("bcd32", "DCBA", "78 56 34 12", 12345678),
    ("int64", "ABCDEFGH", "ff ff ff fe fd fc fb fa", -4328719366),
    ("int64", "GHEFCDAB", "fb fa fd fc ff fe ff ff", -4328719366),
    ("int64", "BADCFEHG", "ff ff fe ff fc fd fa fb", -4328719366),
    ("int64", "HGFEDCBA", "fa fb fc fd fe ff ff ff", -4328719366),
    ("uint64", "ABCDEFGH", "00 01 02 03 04 05 06 07", 0x0001020304050607),
    ("uint64", "GHEFCDAB", "06 07 04 05 02 03 00 01", 0x0001020304050607),
    ("uint64", "BADCFEHG", "01 00 03 02 05 04 07 06", 0x0001020304050607),
    ("uint64", "HGFEDCBA", "07 06 05 04 03 02 01 00", 0x0001020304050607),
    ("float64", "ABCDEFGH", "40 28 99 99 99 99 99 9a", 12.3),
    ("float64", "GHEFCDAB", "99 9a 99 99 99 99 40 28", 12.3),
    ("float64", "BADCFEHG", "28 40 99 99 99 99 9a 99", 12.3),
    ("float64", "HGFEDCBA", "9a 99 99 99 99 99 28 40", 12.3),
    ("string:3", "AB", "42 32 33 20 41 42", "B23 AB"),
    ("string:3", "BA", "32 42 20 33 42 41", "B23 AB"),
]


@pytest.mark.parametrize(("kind", "order", "wire", "reading"), ORDERS, ids=[f"{row[0]}-{row[1]}" for row in ORDERS])
def test_every_type_in_every_order(kind: str, order: str, wire: str, reading: Value) -> None:
    """The order names the bytes as they lie on the wire, A the most significant."""
    value, flag = decoded(holding(kind, order=order), bytes.fromhex(wire))

    assert (value, type(value), flag) == (reading, type(reading), "N")


def test_the_table_above_leaves_out_no_type_and_no_order() -> None:
    """Each type of the contract stands in the table with each of its orders."""
    kinds = {row[0] for row in ORDERS}
    wanted = {(kind, order) for kind in kinds for order in orders_for(kind)}

    assert wanted == {(kind, order) for kind, order, _, _ in ORDERS} | {("bit:0", "AB")}
    assert {kind.partition(":")[0] for kind in kinds} == {name.partition(":")[0] for name in TYPES}


CAPTURED = [
    # meter, quantity, type, words, reading, changes to the point
    ("PM5330", "I L1", "float32", "42DB6B85", 109.71, {}),
    ("PM5330", "I L2", "float32", "42D8570A", 108.17, {}),
    ("PM5330", "I ground", "float32", "00000000", 0, {}),
    ("PM5330", "I average", "float32", "42DB6A20", 109.7073, {"decimals": 4}),
    ("PM5330", "U L1-L2", "float32", "43F80A73", 496.0816, {"decimals": 4}),
    ("PM5330", "U L-N average", "float32", "438EC2DA", 285.5223, {"decimals": 4}),
    ("PM5330", "P total", "float32", "42BB9829", 93.79719, {"decimals": 5}),
    ("PM5330", "Q total", "float32", "BFBA7921", -1.45682, {"decimals": 5}),
    ("PM5330", "PF, four quadrants", "float32", "3F803D3A", 1.0018685, {}),
    ("PM5330", "frequency", "float32", "4270070C", 60.00688, {}),
    ("PM5330", "energy delivered", "int64", "00000000046E73EA", 74347498, {}),
    ("PM5330", "energy received", "int64", "0000000000016481", 91265, {}),
    ("WattsOn", "serial", "uint16", "4672", 18034, {}),
    ("WattsOn", "P", "float32", "41A66667", 20.800001, {}),
    ("WattsOn", "P, one decimal", "float32", "41A66667", 20.8, {"decimals": 1}),
    ("WattsOn", "I", "float32", "41D0A3D7", 26.08, {}),
    ("WattsOn", "energy import", "float32", "49FE9062", 2085388.2, {}),
    ("WattsOn", "energy import, two decimals", "float32", "49FE9062", 2085388.2, {"decimals": 2}),
    ("WattsOn", "energy export", "float32", "4522CCCE", 2604.8, {"decimals": 1}),
    ("SDM630", "U L1", "float32", "4364B333", 228.7, {}),
    ("SDM630", "I L1", "float32", "410028F6", 8.01, {}),
    ("SDM630", "P L1", "float32", "C4E5199A", -1832.8, {}),
    ("SDM630", "PF total", "float32", "BF7FFCCC", -0.9999511, {}),
    ("SDM630", "frequency", "float32", "4247CCCD", 49.95, {}),
    ("SDM630", "import", "float32", "3DC6A7F0", 0.097, {}),
    ("SDM630", "total", "float32", "4504FFBE", 2127.984, {"decimals": 3}),
    ("DTSU666", "U L1, a scaled number inside a float", "float32", "450FC000", 230, {"scale": 0.1}),
    ("ADL3000", "frequency, raw 500 = 50.0 Hz", "uint16", "01F4", 50.0, {"scale": 0.1}),
    ("EM24", "U L1, low word first", "int32", "08FC0000", 230.0, {"order": "CDAB", "scale": 0.1}),
    ("S430", "flow", "float32", "0A1142C5", 98.51966, {"order": "CDAB"}),
    ("B23", "name", "string:2", "42323320", "B23", {}),
]


@pytest.mark.parametrize(
    ("kind", "words", "reading", "more"), [row[2:] for row in CAPTURED], ids=[f"{row[0]} {row[1]}" for row in CAPTURED]
)
def test_what_meters_sent(kind: str, words: str, reading: Value, more: dict[str, Any]) -> None:
    """Registers captured from real meters give the number their display showed."""
    assert decoded(holding(kind, **more), bytes.fromhex(words)) == (reading, "N")


NO_VALUE = [
    # what, type, words, unavailable, flag
    ("Schneider float, no value", "float32", "FFC00000", (), "D"),
    ("Schneider energy, no value", "int64", "FFC00000FFC00000", (0xFFC00000FFC00000,), "D"),
    ("Schneider energy, not declared", "int64", "FFC00000FFC00000", (), "T"),
    ("PM5330 I N", "float32", "80008000", (0x80008000,), "D"),
    ("Liquiline NaN", "float32", "7FA00000", (), "D"),
    ("generic NaN", "float32", "7FC00000", (), "D"),
    ("infinite", "float32", "7F800000", (), "D"),
    ("minus infinite", "float32", "FF800000", (), "D"),
    ("infinite half", "float16", "7C00", (), "D"),
    ("NaN double", "float64", "7FF8000000000000", (), "D"),
    ("largest float", "float32", "7F7FFFFF", (), "T"),
    ("largest double", "float64", "7FEFFFFFFFFFFFFF", (), "T"),
    ("ABB signed", "int16", "7FFF", (0x7FFF,), "D"),
    ("ABB unsigned", "uint32", "FFFFFFFF", (0xFFFFFFFF,), "D"),
    ("SunSpec signed", "int16", "8000", (0x8000,), "D"),
    ("SunSpec signed 32", "int32", "80000000", (0x80000000,), "D"),
    ("unsigned 64", "uint64", "FFFFFFFFFFFFFFFF", (0xFFFFFFFFFFFFFFFF,), "D"),
    ("the second of two patterns", "uint16", "FFFE", (0xFFFF, 0xFFFE), "D"),
    ("one byte", "uint8h", "FF01", (0xFF,), "D"),
    ("status register of a bit", "bit:3", "FFFF", (0xFFFF,), "D"),
    ("string of ones", "string:2", "FFFFFFFF", (0xFFFFFFFF,), "D"),
    ("2**53", "uint64", "0020000000000000", (), "T"),
    ("-2**53", "int64", "FFE0000000000000", (), "T"),
    ("nibble above nine", "bcd16", "123A", (), "D"),
    ("nibble above nine, 32", "bcd32", "F2345678", (), "D"),
]


@pytest.mark.parametrize(
    ("kind", "words", "unavailable", "flag"), [row[1:] for row in NO_VALUE], ids=[row[0] for row in NO_VALUE]
)
@pytest.mark.parametrize(
    "more", [{}, {"decimals": 0}, {"scale": 10.0}, {"scale": 10.0, "decimals": 2}], ids=["plain", "0", "x10", "x10.2"]
)
def test_what_is_no_value(kind: str, words: str, unavailable: tuple[int, ...], flag: str, more: dict[str, Any]) -> None:
    """NaN, infinity, declared patterns, broken BCD and numbers from 2**53 on are None with a flag, never a number."""
    point = holding(kind, unavailable=unavailable, **more)

    assert decoded(point, bytes.fromhex(words)) == (None, flag)


NUMBERS: list[tuple[str, str, str, dict[str, Any], Value]] = [
    ("exact tenth", "uint16", "007B", {"scale": 0.1}, 12.3),
    ("exact thousandth", "int32", "FFFFFFFF", {"scale": 0.001}, -0.001),
    ("offset", "uint16", "0190", {"scale": 0.1, "offset": -40.0}, 0.0),
    ("whole scale keeps whole numbers", "uint16", "0005", {"scale": 10.0}, 50),
    ("ratio of 40 / 5 A", "uint16", "0003", {"scale": 0.1 * 8}, 2.4),
    ("rounded to fewer decimals than the scale has", "uint16", "30A6", {"scale": 0.001, "decimals": 1}, 12.5),
    ("rounded to whole", "uint16", "30A6", {"scale": 0.001, "decimals": 0}, 12),
    ("more decimals than the scale has", "uint16", "007B", {"scale": 0.1, "decimals": 5}, 12.3),
    ("decimals of an unscaled whole number", "uint16", "007B", {"decimals": 2}, 123),
    ("energy of eight bytes", "uint64", "000000E8D4A51001", {"scale": 0.01}, 10000000000.01),
    ("largest whole number", "uint64", "001FFFFFFFFFFFFF", {}, 2**53 - 1),
    ("scaled float keeps no noise", "float32", "4144CCCD", {"scale": 0.1}, 1.23),
    ("scaled float with offset", "float32", "4144CCCD", {"scale": 10.0, "offset": 0.5}, 123.5),
    ("scaled double", "float64", "40934A4584F4C6E7", {"scale": 0.001}, 1.23456789),
    ("more decimals than a double can hold", "float64", "41235FD966666666", {"decimals": 15}, 634860.7),
    ("minus zero", "float32", "80000000", {}, 0),
    ("minus zero double", "float64", "8000000000000000", {}, 0.0),
    ("minus nothing left after rounding", "float32", "BC23D70A", {"decimals": 1}, 0.0),
    ("minus nothing left of a double", "float64", "BF847AE147AE147B", {"decimals": 0}, 0),
    ("denormal, not declared", "float32", "80008000", {}, -4.591775e-41),
    ("scaled BCD", "bcd16", "1234", {"scale": 0.01}, 12.34),
    ("nine digits", "float32", "3F800001", {}, 1.0000001),
    ("eight digits", "float32", "4B7FFFFF", {}, 16777215),
    ("largest half", "float16", "7BFF", {}, 65500),
    ("string up to the first NUL", "string:3", "414200000043", {}, "AB"),
    ("string of NULs", "string:2", "00000000", {}, ""),
    ("string with trailing spaces", "string:3", "412042202020", {}, "A B"),
    ("string with control characters", "string:3", "410A1B42097F", {}, "AB"),
    ("string that is no text", "string:2", "41FF4200", {}, "A�B"),
    ("Chinese string", "string:3", "E794B5E8A1A8", {}, "电表"),
]


@pytest.mark.parametrize(
    ("kind", "words", "more", "reading"), [row[1:] for row in NUMBERS], ids=[row[0] for row in NUMBERS]
)
def test_numbers_come_out_as_people_write_them(kind: str, words: str, more: dict[str, Any], reading: Value) -> None:
    """Scaling is exact in decimals, whole numbers stay whole, -0 is 0, texts are clean."""
    value, flag = decoded(holding(kind, **more), bytes.fromhex(words))

    assert (repr(value).removesuffix(".0"), flag) == (repr(reading).removesuffix(".0"), "N")


@pytest.mark.parametrize(
    ("raw", "flag"),
    [(0, "T"), (10, "N"), (50, "N"), (100, "N"), (101, "T")],
    ids=["below", "low", "in", "high", "above"],
)
def test_outside_its_range_a_number_is_kept_and_flagged(raw: int, flag: str) -> None:
    """The ends of the range belong to it; outside, the number stays and gets T."""
    point = holding("uint16", scale=0.1, range=(1.0, 10.0))

    assert decoded(point, raw.to_bytes(2, "big")) == (raw / 10, flag)


def test_a_block_of_everything_keeps_the_points_apart() -> None:
    """Points of all kinds in any order, overlapping and with holes, each get their own value and flag."""
    points = [
        holding("float32", at=12, order="CDAB"),
        holding("bit:3", at=11),
        holding("uint16", at=10, unavailable=(0xFFFF,)),
        holding("int8h", at=11),
        holding("int8l", at=11),
        holding("uint16", at=11, range=(0.0, 10.0)),
        holding("bit:2", at=11),
        holding("float32", at=16, order="ABCD"),
        holding("string:2", at=14),
    ]
    words = "FFFF 0208 CCCD 4144 4142 4300 7FC00000 0000"

    values, flags = compile_block(points, Table.HOLDING, 10, 9).decode(bytes.fromhex(words))

    assert values == (12.3, True, None, 2, 8, 0x0208, False, None, "ABC")
    assert flags == "NNDNNTNDN"


def test_bits_of_a_bit_table_lie_least_significant_first() -> None:
    """The first address of a read is the lowest bit of the first byte."""
    points = [PointSpec(name=f"c{at}", table=Table.COIL, at=at, type="bit") for at in (20, 29, 27, 28)]

    assert compile_block(points, Table.COIL, 20, 10).decode(b"\x81\x02") == ((True, True, True, False), "NNNN")


def test_an_answer_of_another_length_is_refused() -> None:
    """Bytes that are not the block's are never decoded."""
    block = compile_block([holding("uint16")], Table.HOLDING, 0, 1)

    with pytest.raises(ValueError, match="takes 2 bytes, not 3"):
        block.decode(b"\0\0\0")


@pytest.mark.parametrize("at", [4, 10])
def test_a_point_outside_its_block_is_refused(at: int) -> None:
    """Compiling refuses a point that the read does not hold."""
    with pytest.raises(ValueError, match="outside"):
        compile_block([holding("uint32", at=at)], Table.HOLDING, 5, 6)


# --- properties ----------------------------------------------------------------------------------

KINDS = sorted({row[0] for row in ORDERS} | {"bit:7", "string:1"})
FACTORS = st.sampled_from([1.0, 0.1, 0.01, 0.001, 0.5, 2.0, 10.0, -1.0, -0.1, 40.0, 1.5, 0.0333])
OFFSETS = st.sampled_from([0.0, 0.0, 0.5, -40.0, 273.15])


def raw_values(kind: str) -> st.SearchStrategy[Any]:
    """Return raw values a device may hold in this type."""
    name, _, size = kind.partition(":")
    if name in FLOATS:
        bits = int(name[5:])
        largest = 65504 if bits == 16 else 2**52
        return st.floats(-largest, largest, width=16 if bits == 16 else 32 if bits == 32 else 64)
    if name in ("bit", "bool"):
        return st.booleans()
    if name == "string":
        return st.text("AZaz09 é电", max_size=int(size)).map(lambda text: text.encode()[: 2 * int(size)])
    if name.startswith("bcd"):
        return st.integers(0, 10 ** (int(name[3:]) // 4) - 1)
    bits = int("".join(letter for letter in name if letter.isdigit()))
    return st.integers(0, 2**bits - 1) if name.startswith("u") else st.integers(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)


@st.composite
def points_and_bytes(draw: st.DrawFn) -> tuple[list[PointSpec], list[Any], bytes]:
    """Return points side by side with some holes, their raw values, and the bytes a device would send."""
    points, raws, data = [], [], b""
    for _ in range(draw(st.integers(1, 12))):
        kind = draw(st.sampled_from(KINDS))
        order, raw = draw(st.sampled_from(orders_for(kind))), draw(raw_values(kind))
        data += bytes(2 * draw(st.sampled_from([0, 0, 1, 3])))
        is_number = not kind.startswith(("bit", "bool", "string"))
        more: dict[str, Any] = {"scale": draw(FACTORS), "offset": draw(OFFSETS)} if is_number else {}
        points.append(holding(kind, at=100 + len(data) // 2, order=order, **more))
        raws.append(raw)
        data += encoded(kind, order, raw)
    places = draw(st.permutations(range(len(points))))
    return [points[i] for i in places], [raws[i] for i in places], data


def expected(point: PointSpec, raw: Any) -> Any:
    """Return the reading by schoolbook decimals."""
    name = point.type.partition(":")[0]
    if name in ("bit", "bool"):
        return raw
    if name == "string":
        return raw.decode(errors="replace").partition("\0")[0].rstrip(" ")
    shown = Decimal(repr(naive_shortest(name, raw))) if name in FLOATS else Decimal(raw)
    return shown * Decimal(str(point.scale)) + Decimal(str(point.offset))


def naive_shortest(kind: str, raw: float) -> float:
    """Return the decimal with the fewest digits that a device's float of this width stands for."""
    shape = FLOATS[kind]
    for digits in range(1, 18):
        candidate = float(f"{raw:.{digits}g}")
        try:
            if struct.pack(shape, candidate) == struct.pack(shape, raw):
                return candidate
        except OverflowError:
            continue
    raise AssertionError(raw)


@settings(max_examples=300, deadline=None)
@given(points_and_bytes())
def test_what_was_encoded_is_decoded(case: tuple[list[PointSpec], list[Any], bytes]) -> None:
    """Whatever types, orders, scales and places: the decoder gives what an independent encoder put in."""
    points, raws, data = case

    values, flags = compile_block(points, Table.HOLDING, 100, len(data) // 2).decode(data)

    for point, raw, value, flag in zip(points, raws, values, flags, strict=True):
        wanted = expected(point, raw)
        if isinstance(wanted, Decimal) and abs(wanted) >= 2**53:
            assert (value, flag) == (None, "T")
        elif not isinstance(wanted, Decimal):
            assert (value, flag) == (wanted, "N")
        elif point.type in FLOATS:
            assert flag == "N"
            # a subnormal float16 has more than one short decimal within half its step of 2^-24
            step = 2**-25 * abs(point.scale) if "16" in point.type else 0
            assert float(value or 0) == pytest.approx(
                float(wanted), rel=2e-7 if "32" in point.type else 1e-11, abs=1e-9 + step
            )
        else:
            assert (value, flag) == (float(wanted), "N")


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(["float16", "float32"]), st.lists(st.binary(min_size=4, max_size=4), min_size=1, max_size=40))
def test_a_float_is_written_with_the_fewest_digits_that_read_back_the_same(kind: str, words: list[bytes]) -> None:
    """Every reading packs to the device's own bits, and no number of fewer digits does (over seven)."""
    size = registers_of(kind)
    points = [holding(kind, at=size * i) for i in range(len(words))]
    data = b"".join(word[: 2 * size] for word in words)

    values, _ = compile_block(points, Table.HOLDING, 0, size * len(words)).decode(data)

    for i, value in enumerate(values):
        (raw,) = struct.unpack(FLOATS[kind], data[2 * size * i : 2 * size * (i + 1)])
        if value is None:
            assert not abs(raw) < 2**53
            continue
        assert isinstance(value, int | float)
        assert struct.unpack(FLOATS[kind], struct.pack(FLOATS[kind], value)) == (raw,)
        assert digits_of(value) <= max(digits_of(naive_shortest(kind, raw)), 7 if kind == "float32" else 3)


def digits_of(number: float) -> int:
    """Return how many significant digits a number is written with."""
    return len(Decimal(repr(number)).normalize().as_tuple().digits)


@settings(max_examples=300, deadline=None)
@given(
    kind=st.sampled_from(["float32", "float64", "int32", "uint16"]),
    scale=FACTORS,
    offset=OFFSETS,
    decimals=st.integers(0, 6),
    data=st.data(),
)
def test_decimals_round_the_reading(kind: str, scale: float, offset: float, decimals: int, data: st.DataObject) -> None:
    """With decimals the reading has no more of them, and lies within half a unit of the unrounded one."""
    raw = data.draw(raw_values(kind))
    exact = expected(holding(kind, scale=scale, offset=offset), raw)

    value, _ = decoded(holding(kind, scale=scale, offset=offset, decimals=decimals), encoded(kind, "", raw))

    if abs(exact) < 2**52:
        assert isinstance(value, int | float)
        noise = abs(float(exact) - offset) * (2**-24 if kind == "float32" else 0) + abs(float(exact)) * 2**-50
        assert abs(Decimal(value) - exact) <= Decimal(0.5 * 10**-decimals + noise) * Decimal("1.000001")
        assert round(value, decimals) == value


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_no_bytes_can_upset_the_decoder(data: st.DataObject) -> None:
    """On any bytes: no exception, no NaN, nothing infinite or beyond 2**53, no -0; None only with D or T."""
    points, _, wire = data.draw(points_and_bytes())
    points = [
        PointSpec(
            name=point.name,
            table=point.table,
            at=point.at,
            type=point.type,
            order=point.order,
            scale=point.scale * data.draw(st.sampled_from([1.0, 1.0, 1e20, 1e-20])) if point.scale != 1 else 1.0,
            offset=point.offset,
            decimals=data.draw(st.sampled_from([None, 0, 1, 3, 15])),
            unavailable=tuple(data.draw(st.lists(st.integers(0, 2**64 - 1), max_size=2))),
            range=data.draw(st.sampled_from([None, (0.0, 100.0)])),
        )
        for point in points
    ]
    noise = data.draw(st.binary(min_size=len(wire), max_size=len(wire)))
    extreme = data.draw(st.sampled_from([noise, b"\xff" * len(wire), bytes(len(wire)), b"\x7f\xf0" * (len(wire) // 2)]))

    values, flags = compile_block(points, Table.HOLDING, 100, len(wire) // 2).decode(extreme)

    assert len(values) == len(flags) == len(points)
    for point, value, flag in zip(points, values, flags, strict=True):
        if value is None:
            assert flag in "DT"
        elif isinstance(value, float):
            assert math.isfinite(value)
            assert abs(value) < 2**53
            assert repr(value) != "-0.0"
        inside = not point.range or not isinstance(value, int | float) or 0 <= value <= 100
        assert flag in ("N" if inside and value is not None else "DT") or isinstance(value, bool)
