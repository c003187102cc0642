"""Digits to readings: what was published, every format there and back, and what is no value."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.dlt645.items import Item, lookup
from drivers.dlt645.values import decoder
from drivers.spec import ItemSpec
from tests.drivers.dlt645.simulated import digits
from tests.drivers.dlt645.test_frame import GOOD

if TYPE_CHECKING:
    from drivers.reading import Value

FORMATS = ("X", "XX", "XXX", "XXX.X", "XX.XX", "X.XXX", "XXX.XXX", "XX.XXXX", "XXXXXX.XX", "XXXXXXXXXXXX")


def reading(item: str, data: bytes, **point: Any) -> tuple[Value, str]:
    """Return value and flag of an item's data; `point` as in the site file."""
    spec = ItemSpec(name="p", item=item, **point)
    known = lookup(item, spec.format, spec.signed)
    assert known is not None
    return decoder(spec, known)(data)


def lying(item: Item, number: int) -> bytes:
    """Return a whole number as its digits lie on the wire."""
    data = bytearray(digits(f"{abs(number):0{2 * item.width}}"))
    if number < 0:
        data[-1] |= 0x80
    return bytes(data)


@pytest.mark.parametrize("sample", [s for s in GOOD if s.get("reading") is not None], ids=lambda s: str(s["meaning"]))
def test_published_answers_give_their_readings(sample: dict[str, Any]) -> None:
    """The data of every published answer is what its description says."""
    data, wanted = bytes.fromhex(sample["data"]), sample["reading"]
    if sample["item"] == "0202FF00":
        read = [reading("02020100", data[at : at + 3])[0] for at in (0, 3, 6)]
    elif sample["item"] == "0001FF00":
        read = [reading("00010000", data[at : at + 4])[0] for at in (0, 4, 8)]
    elif sample["item"] == "01010000":
        read = [reading("01010000", data)[0], reading("01010000", data, format="YYMMDDhhmm", is_number=False)[0]]
    else:
        read, wanted = [reading(sample["item"], data)[0]], [wanted]

    assert read == wanted


@given(st.sampled_from(FORMATS), st.booleans(), st.data())
def test_numbers_of_every_format_there_and_back(form: str, signed: bool, data: st.DataObject) -> None:
    """Whatever a meter can show comes out as the decimal number it shows."""
    item = Item(di="E1000017", name="x", format=form, signed=signed)
    most = 10 ** form.count("X") - 1
    if signed:
        most = min(most, 8 * 10 ** (2 * item.width - 1) - 1)
    number = data.draw(st.integers(-most if signed else 0, most))
    value, flag = decoder(ItemSpec(name="p", item=item.di), item)(lying(item, number))

    assert flag == "N"
    assert value == float(Fraction(number, 10**item.decimals))
    assert isinstance(value, int if item.decimals == 0 else float)


@given(st.sampled_from(FORMATS), st.booleans(), st.binary(min_size=6, max_size=6), st.floats(1e-9, 1e9))
def test_any_bytes_are_a_value_or_none_with_a_flag(form: str, signed: bool, data: bytes, scale: float) -> None:
    """Nothing is raised, and no number comes from what is none."""
    item = Item(di="E1000017", name="x", format=form, signed=signed)
    value, flag = decoder(ItemSpec(name="p", item=item.di, scale=scale), item)(data[: item.width])
    shown = data[: item.width].hex()
    is_decimal = shown.isdecimal() or (signed and (shown[:-2] + f"{data[item.width - 1] & 0x7F:02x}").isdecimal())

    assert (value is None) == (flag == "D" or (flag == "T" and value is None))
    assert (flag == "D") == (not is_decimal)


@given(st.binary(min_size=8, max_size=8), st.sampled_from(["YYMMDDWW", "hhmmss", "YYMMDDhhmm", "BBBB", "NNNNNNNNNNNN"]))
def test_any_bytes_are_a_time_a_text_or_none(data: bytes, form: str) -> None:
    """Whatever a meter's clock shows, nothing is raised."""
    item = Item(di="E1000017", name="x", format=form)
    value, flag = decoder(ItemSpec(name="p", item=item.di, is_number=form == "BBBB"), item)(data[: item.width])

    assert flag == ("D" if value is None else "N")


@pytest.mark.parametrize("item", ["02010100", "02020100", "00010000", "01010000", "04000101", "04000401", "04000501"])
def test_all_ff_is_no_value(item: str) -> None:
    """A meter fills with FF what it does not have: unknown, never a number such as -715151.5."""
    known = lookup(item)
    assert known is not None

    assert reading(item, b"\xff" * known.size) == (None, "D")


@pytest.mark.parametrize(
    ("item", "data", "why"),
    [
        ("02010100", "1A22", "a digit above nine"),
        ("02010100", "A122", "a digit above nine"),
        ("00010000", "000000FF", "FF in one byte only"),
        ("02030000", "4523FF", "FF in the byte with the sign: 7F is no digits"),
        ("04000101", "05190024", "month 00"),
        ("04000101", "05320724", "day 32"),
        ("04000102", "003025", "25 o'clock"),
    ],
)
def test_bad_digits_are_no_value(item: str, data: str, why: str) -> None:
    """What is not decimal, or not a date, is unknown with flag D."""
    assert reading(item, bytes.fromhex(data)) == (None, "D"), why


def test_a_demand_that_never_was_has_no_time() -> None:
    """All zeros is a demand of 0 and no time."""
    assert reading("01010000", bytes(8)) == (0.0, "N")
    assert reading("01010000", bytes(8), format="YYMMDDhhmm", is_number=False) == (None, "D")


def test_the_sign_is_cleared_before_the_digits_are_read() -> None:
    """The highest bit is a minus where the item has a sign, and a bad digit where it has none."""
    assert reading("02030000", bytes.fromhex("452381")) == (-1.2345, "N")
    assert reading("02020100", bytes.fromhex("000080")) == (0.0, "N")
    assert reading("02030000", bytes.fromhex("4523A1"), signed=True) == (-21.2345, "N")
    assert reading("02030000", bytes.fromhex("4523A1"), signed=False) == (None, "D")


@pytest.mark.parametrize(
    ("data", "point", "wanted"),
    [
        ("26000000", {"scale": 40.0}, (10.4, "N")),
        ("26000000", {"scale": 0.1}, (0.026, "N")),
        ("26000000", {"scale": 1.1, "offset": 0.3}, (0.586, "N")),
        ("26000000", {"scale": 40.0, "decimals": 0}, (10.0, "N")),
        ("25000000", {"decimals": 1}, (0.2, "N")),
        ("35000000", {"decimals": 1}, (0.4, "N")),
        ("99999999", {"scale": 6000.0}, (5999999940.0, "N")),
        ("99999999", {"scale": 1e12}, (None, "T")),
        ("26000000", {"range": (0.0, 0.26)}, (0.26, "N")),
        ("27000000", {"range": (0.0, 0.26)}, (0.27, "T")),
    ],
)
def test_ratios_are_applied_without_binary_noise(data: str, point: dict[str, Any], wanted: tuple[Value, str]) -> None:
    """Scale, offset, decimals and range, halves to even; a number that is too large to be one is unknown."""
    assert reading("00010000", bytes.fromhex(data), **point) == wanted


@given(st.integers(0, 99999999), st.integers(1, 10**6), st.integers(0, 6))
def test_every_ratio_gives_the_nearest_number(shown: int, ratio: int, places: int) -> None:
    """The reading is the float nearest to the exact product, whatever the ratio."""
    item = lookup("00010000")
    assert item is not None
    scale = float(Fraction(ratio, 10**places))
    value, _ = reading("00010000", lying(item, shown), scale=scale)

    assert value == float(Fraction(shown * ratio, 10 ** (places + 2)))


def test_a_status_word_is_sixteen_bits() -> None:
    """Bits come as one whole number, low byte first; bit 4 of word 1 is reverse active power."""
    assert reading("04000501", b"\x10\x00") == (16, "N")
    assert reading("04000501", b"\x00\x80") == (0x8000, "N")


def test_addresses_and_numbers_are_text() -> None:
    """A meter number keeps its zeros; in 1997 as well."""
    assert reading("04000401", digits("000000000161"), is_number=False) == ("000000000161", "N")
    assert reading("C032", digits("000003430163"), is_number=False) == ("000003430163", "N")
