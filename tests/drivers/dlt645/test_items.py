"""The tables of what a meter can be asked for."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.dlt645.items import TARIFFS, Item, block_of, lookup

ROWS = [
    # identifier, format, bytes, unit, signed
    ("00000000", "XXXXXX.XX", 4, "kWh", True),
    ("00010000", "XXXXXX.XX", 4, "kWh", False),
    ("00010400", "XXXXXX.XX", 4, "kWh", False),
    ("0001010C", "XXXXXX.XX", 4, "kWh", False),
    ("00020000", "XXXXXX.XX", 4, "kWh", False),
    ("00030000", "XXXXXX.XX", 4, "kvarh", True),
    ("00040000", "XXXXXX.XX", 4, "kvarh", True),
    ("00150000", "XXXXXX.XX", 4, "kWh", False),
    ("01010000", "XX.XXXX", 8, "kW", False),
    ("01030000", "XX.XXXX", 8, "kvar", True),
    ("02010100", "XXX.X", 2, "V", False),
    ("02020300", "XXX.XXX", 3, "A", True),
    ("02030000", "XX.XXXX", 3, "kW", True),
    ("02040200", "XX.XXXX", 3, "kvar", True),
    ("02050000", "XX.XXXX", 3, "kVA", True),
    ("02060000", "X.XXX", 2, "", True),
    ("02800001", "XXX.XXX", 3, "A", True),
    ("02800002", "XX.XX", 2, "Hz", False),
    ("02800004", "XX.XXXX", 3, "kW", True),
    ("04000101", "YYMMDDWW", 4, "", False),
    ("04000102", "hhmmss", 3, "", False),
    ("04000401", "NNNNNNNNNNNN", 6, "", False),
    ("04000402", "NNNNNNNNNNNN", 6, "", False),
    ("04000501", "BBBB", 2, "", False),
    ("04000507", "BBBB", 2, "", False),
    ("9010", "XXXXXX.XX", 4, "kWh", False),
    ("9014", "XXXXXX.XX", 4, "kWh", False),
    ("A010", "XX.XXXX", 3, "kW", False),
    ("B611", "XXX", 2, "V", False),
    ("B623", "XX.XX", 2, "A", False),
    ("B630", "XX.XXXX", 3, "kW", False),
    ("C032", "NNNNNNNNNNNN", 6, "", False),
]


@pytest.mark.parametrize(("di", "form", "size", "unit", "signed"), ROWS, ids=[row[0] for row in ROWS])
def test_rows(di: str, form: str, size: int, unit: str, signed: bool) -> None:
    """Format, bytes on the wire, unit and sign are those of the standard's table."""
    item = lookup(di)

    assert item is not None
    assert (item.di, item.format, item.size, item.unit, item.signed) == (di, form, size, unit, signed)
    assert item.name
    assert item.is_number == (form[0] in "XB")


@pytest.mark.parametrize(
    "di", ["00014000", "0001000D", "00990000", "0201FF00", "05060001", "FFFF", "", "0201", "020101", "GGGG", "0201 010"]
)
def test_what_the_tables_do_not_have(di: str) -> None:
    """A tariff above 63, a billing day above 12, a whole block, other categories, and what is no identifier."""
    assert lookup(di) is None


def test_an_unknown_item_needs_a_format() -> None:
    """With its format anything can be asked for; unless told so it has no sign."""
    assert lookup("E1000017", "XX.XXX") == Item(di="E1000017", name="E1000017", format="XX.XXX")
    assert lookup("e1000017", "XX.XXX", signed=True) == Item(
        di="E1000017", name="E1000017", format="XX.XXX", signed=True
    )
    assert lookup("E1000017", "XX.", signed=True) is None


def test_what_a_point_says_goes_before_the_table() -> None:
    """A meter with other digits or without a sign is read as it is, under the item's name and unit."""
    voltage, current = lookup("02010100", "XXXX.XX"), lookup("02020100", signed=False)

    assert voltage is not None
    assert (voltage.size, voltage.decimals, voltage.unit, voltage.name) == (3, 2, "V", "voltage A")
    assert current is not None
    assert (current.format, current.signed) == ("XXX.XXX", False)


def test_the_time_of_a_demand_is_asked_for_by_its_format() -> None:
    """A demand's answer carries both; the format says which is meant."""
    value, time = lookup("01010000"), lookup("01010000", "YYMMDDhhmm")

    assert value is not None
    assert time is not None
    assert (value.before, value.width, value.size) == (0, 3, 8)
    assert (time.before, time.width, time.size, time.is_number) == (3, 5, 8, False)


@pytest.mark.parametrize(
    ("di", "block", "place", "members", "size"),
    [
        ("02010100", "0201FF00", 0, 3, 2),
        ("02010300", "0201FF00", 2, 3, 2),
        ("02020200", "0202FF00", 1, 3, 3),
        ("02030000", "0203FF00", 0, 4, 3),
        ("02030300", "0203FF00", 3, 4, 3),
        ("02060000", "0206FF00", 0, 4, 2),
        ("04000501", "040005FF", 0, 7, 2),
        ("04000507", "040005FF", 6, 7, 2),
        ("00010000", "0001FF00", 0, TARIFFS, 4),
        ("00010402", "0001FF02", 4, TARIFFS, 4),
        ("01010100", "0101FF00", 1, TARIFFS, 8),
    ],
)
def test_blocks_hold_their_members_in_order(di: str, block: str, place: int, members: int, size: int) -> None:
    """An item's place in its block is where its bytes lie."""
    found = block_of(di)

    assert found is not None
    assert (found.di, found.members.index(di), len(found.members), found.size) == (block, place, members, size)
    assert found.is_open == (members == TARIFFS)


@pytest.mark.parametrize("di", ["02800002", "04000101", "00150000", "9010", "B611", "E1000017"])
def test_items_without_a_block(di: str) -> None:
    """Some items are alone; of the 1997 edition no block is known from a source."""
    assert block_of(di) is None


def test_all_members_of_a_block_are_in_the_table() -> None:
    """Every member can be asked for by itself, and has the bytes the block gives it."""
    for di in ("02010100", "02070100", "02030000", "02050000", "04000501", "00000000", "000A0000", "01020003"):
        block = block_of(di)
        assert block is not None
        for member in block.members:
            item = lookup(member)
            assert item is not None, member
            assert item.size == block.size


@given(st.text(max_size=9), st.none() | st.text(alphabet="X.NBYD", max_size=9), st.none() | st.booleans())
def test_any_text_may_be_looked_up(item: str, form: str | None, signed: bool | None) -> None:
    """A site file may say anything: the answer is an item that can be decoded, or none."""
    found = lookup(item, form, signed)

    assert found is None or found.size > 0


def test_config_can_have_the_tables_cheaply() -> None:
    """Importing them brings no other module of ours in, and nothing heavy."""
    code = "import sys, drivers.dlt645.items; print([m for m in sys.modules if m.startswith('drivers')])"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout

    assert told.strip() == "['drivers', 'drivers.dlt645', 'drivers.dlt645.items']"
