"""Texts to readings."""

from __future__ import annotations

from fractions import Fraction
from math import isfinite
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.ascii.fields import Columns
from drivers.spec import FieldSpec

if TYPE_CHECKING:
    from drivers.reading import Value


def read(text: str | None, **keys: Any) -> tuple[Value, str]:
    """Return value and flag of one field."""
    values, flags = Columns([FieldSpec(name="v", field="v", **keys)]).read({"v": text})
    return values[0], flags


READINGS: dict[str, tuple[str | None, dict[str, Any], Value, str]] = {
    "whole": ("123", {}, 123, "N"),
    "signed, with blanks": (" -012.30 ", {}, -12.3, "N"),
    "plus": ("+5", {}, 5, "N"),
    "power of ten": ("+1.25E-03", {}, 0.00125, "N"),
    "large power": ("1e3", {}, 1000, "N"),
    "factor without noise": ("123", {"scale": 0.1}, 12.3, "N"),
    "factor and offset": ("0.3", {"scale": 3, "offset": 0.1}, 1.0, "N"),
    "decimals": ("12.345678", {"decimals": 2}, 12.35, "N"),
    "minus zero": ("-0.0", {}, 0.0, "N"),
    "point first": (".5", {}, 0.5, "N"),
    "decimal comma": ("12,3", {}, None, "D"),
    "two points": ("1.2.3", {}, None, "D"),
    "words": ("ERR", {}, None, "D"),
    "not a number": ("nan", {}, None, "D"),
    "infinity": ("inf", {}, None, "D"),
    "underscores": ("1_000", {}, None, "D"),
    "hexadecimal": ("0x10", {}, None, "D"),
    "digits of another script": ("١٢", {}, None, "D"),
    "a point alone": (".", {}, None, "D"),
    "a sign alone": ("-", {}, None, "D"),
    "nothing": ("", {}, None, "D"),
    "a group without part": (None, {}, None, "D"),
    "too many digits": ("1" * 65, {}, None, "D"),
    "unavailable": (" OVER ", {"unavailable": ("OVER", "----")}, None, "D"),
    "an unavailable number": ("9999", {"unavailable": ("9999",)}, None, "D"),
    "unavailable text": ("??", {"unavailable": ("??",), "is_number": False}, None, "D"),
    "out of range": ("501", {"range": (0, 500)}, 501, "T"),
    "end of range": ("500.0", {"range": (0, 500)}, 500.0, "N"),
    "too large": ("9007199254740992", {}, None, "T"),
    "beyond floats": ("1e999", {}, None, "T"),
    "beyond floats, below": ("-1e999", {}, None, "T"),
    "text": (" Run\x07 ", {"is_number": False}, "Run", "N"),
    "empty text": ("", {"is_number": False}, "", "N"),
}


@pytest.mark.parametrize(("text", "keys", "value", "flag"), READINGS.values(), ids=READINGS)
def test_a_text_becomes_this_reading(text: str | None, keys: dict[str, Any], value: Value, flag: str) -> None:
    """A number exactly as it was written, or none at all, never a guess."""
    found = read(text, **keys)

    assert found == (value, flag)
    assert str(found[0]) == str(value)  # 12.3 and not 12.299999999999999, 0.0 and not -0.0


def test_a_field_that_is_not_in_the_line_is_unknown() -> None:
    """Whatever the line holds."""
    assert Columns([FieldSpec(name="v", field="v")]).read({}) == ((None,), "D")


@given(number=st.decimals(allow_nan=False, allow_infinity=False, places=3, min_value=-(10**9), max_value=10**9))
def test_numbers_are_read_as_they_are_written(number: object) -> None:
    """The float nearest to the decimal, as JSON readers would have it."""
    value, flag = read(str(number))

    assert flag == "N"
    assert value == float(Fraction(str(number)))


@given(text=st.text(max_size=80), scale=st.sampled_from([1.0, 0.1, -1e6]), decimals=st.sampled_from([None, 0, 3]))
def test_any_text_is_a_finite_number_or_none(text: str, scale: float, decimals: int | None) -> None:
    """Never an exception, NaN or infinity."""
    value, flag = read(text, scale=scale, decimals=decimals)

    assert value is None or (isinstance(value, int | float) and isfinite(value))
    assert (value is None) == (flag != "N")
