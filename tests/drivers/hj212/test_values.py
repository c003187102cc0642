"""Fields to readings: numbers exactly, data flags to quality, nothing where there is nothing."""

from __future__ import annotations

from dataclasses import replace
from math import isfinite

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.hj212.content import message_of
from drivers.hj212.dialect import Deviation
from drivers.hj212.values import Reading, reading_of, wanted
from drivers.spec import FactorSpec
from tests.drivers.hj212.frames import named

SO2 = FactorSpec(name="so2", factor="a21026")


def read(content: str, point: FactorSpec = SO2) -> Reading | None:
    """Return the reading of `point` from a message with `content`."""
    return reading_of(message_of(f"ST=31;CN=2011;MN=1;Flag=4;CP=&&{content}&&".encode()), wanted(point))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("36.91", 36.91),
        ("0.1", 0.1),
        ("+1.50", 1.5),
        (".5", 0.5),
        ("7.", 7.0),
        ("1e3", 1000.0),
        ("-0.0", 0.0),
        ("12", 12),
        ("-0", 0),
        ("007", 7),
        ("123456789012345", 123456789012345),
    ],
)
def test_a_number_is_read_exactly(text: str, value: float) -> None:
    """The value is the decimal as it is written; a whole number stays one."""
    reading = read(f"a21026-Rtd={text},a21026-Flag=N")

    assert reading == Reading(value, "N")
    assert type(reading.value) is type(value)


@pytest.mark.parametrize(
    "text",
    ["", "-", "--", "nan", "NaN", "inf", "-Infinity", "1_000", "1,5", "0x10", "1 2", "１", "ERR", "1e9999", "9" * 50],
)
def test_what_is_no_number_is_unknown(text: str) -> None:
    """NaN, infinity, text and separators are not values."""
    assert read(f"a21026-Rtd={text};a21026-Flag=N") == Reading(None, "D")


@pytest.mark.parametrize("text", ["9007199254740992", "-9007199254740992", "1e16", "1e999", "9" * 40])
def test_a_number_too_large_to_be_a_reading_is_out_of_range(text: str) -> None:
    """From 2**53 on JSON readers lose digits."""
    assert read(f"a21026-Rtd={text}") == Reading(None, "T")


@pytest.mark.parametrize("letter", "NFMSDCT")
def test_a_data_flag_is_the_quality_and_the_value_is_kept(letter: str) -> None:
    """What the instrument tells is told on, with its own mark (2017, table 8)."""
    assert read(f"a21026-Rtd=1.5,a21026-Flag={letter}") == Reading(1.5, letter)


def test_behind_a_broken_link_there_is_no_value() -> None:
    """B: the analyzer does not answer its logger; what is sent then is old or made up."""
    assert read("a21026-Rtd=1.5,a21026-Flag=B") == Reading(None, "B")


@pytest.mark.parametrize(
    ("letter", "flag", "deviation"),
    [
        ("P", "D", Deviation.UNKNOWN_FLAG),
        ("3", "D", Deviation.UNKNOWN_FLAG),
        ("", "D", Deviation.UNKNOWN_FLAG),
        ("NN", "D", Deviation.UNKNOWN_FLAG),
        ("c", "C", Deviation.LOWER_CASE_FLAG),
    ],
)
def test_other_letters(letter: str, flag: str, deviation: Deviation) -> None:
    """A letter that is none of the eight is a fault, and is told."""
    assert read(f"a21026-Rtd=1.5,a21026-Flag={letter}") == Reading(1.5, flag, (deviation,))


def test_without_a_flag_a_value_is_normal() -> None:
    """Equipment states and the 2005 edition have no data flags."""
    assert read("a21026-Rtd=1.5") == Reading(1.5, "N")


def test_a_bad_value_keeps_a_flag_that_says_why() -> None:
    """During maintenance an empty value is maintenance, not a fault."""
    assert read("a21026-Rtd=,a21026-Flag=M") == Reading(None, "M")


@pytest.mark.parametrize(
    ("content", "reading"),
    [
        ("a21002-Rtd=1", None),
        ("a21026-Avg=1", None),
        ("a21026-Avg=1,a21026-Flag=N", Reading(None, "B")),
        ("a21026-Flag=D", Reading(None, "D")),
    ],
    ids=["another factor", "another field", "only the flag", "only a bad flag"],
)
def test_what_the_message_does_not_say(content: str, reading: Reading | None) -> None:
    """A factor that is there without the field is unknown; one that is not there at all is the caller's question."""
    assert read(content) == reading


def test_a_value_told_twice_differently_is_unknown() -> None:
    """The same value twice is tolerated."""
    assert read("a21026-Rtd=1;a21026-Rtd=2") == Reading(None, "D")
    assert read("a21026-Rtd=1,a21026-Flag=N;a21026-Rtd=1,a21026-Flag=D") == Reading(None, "D")
    assert read("a21026-Rtd=1;a21026-Rtd=1") == Reading(1, "N")


def test_a_water_code_may_lack_its_letter() -> None:
    """``01018-Rtd`` is printed so in the 2017 edition. The code with its letter goes first."""
    cod = FactorSpec(name="cod", factor="w01018")

    assert read("01018-Rtd=2.2,01018-Flag=C", cod) == Reading(2.2, "C", (Deviation.CODE_WITHOUT_LETTER,))
    assert read("01018-Rtd=9;w01018-Rtd=2.2", cod) == Reading(2.2, "N")
    assert read("01018-Rtd=9", replace(cod, factor="a01018")) is None


@pytest.mark.parametrize(
    ("point", "text", "reading"),
    [
        (replace(SO2, scale=0.1), "123", Reading(12.3, "N")),
        (replace(SO2, scale=0.1, offset=0.2), "0.1", Reading(0.21, "N")),
        (replace(SO2, decimals=1), "12.345", Reading(12.3, "N")),
        (replace(SO2, range=(0, 100)), "100", Reading(100, "N")),
        (replace(SO2, range=(0, 100)), "100.1", Reading(100.1, "T")),
        (replace(SO2, scale=1e10), "1e10", Reading(None, "T")),
    ],
    ids=["scale", "scale and offset", "decimals", "in range", "out of range", "too large when scaled"],
)
def test_what_the_point_says(point: FactorSpec, text: str, reading: Reading) -> None:
    """Scaling is decimal, so that 123 * 0.1 is 12.3; out of range keeps its number."""
    assert read(f"a21026-Rtd={text}", point) == reading


def test_out_of_range_does_not_hide_a_worse_flag() -> None:
    """A calibration gas above the range is a calibration."""
    assert read("a21026-Rtd=500,a21026-Flag=C", replace(SO2, range=(0, 100))) == Reading(500, "C")


@pytest.mark.parametrize(
    ("kind", "point", "reading"),
    [
        ("ST 45", FactorSpec(name="mark", factor="p99101", is_number=False), Reading("N", "N")),
        ("ST 44", FactorSpec(name="voltage_a", factor="d20105"), Reading(220.2, "N")),
        ("ST 44", FactorSpec(name="treatment_current", factor="d30406"), Reading(0.04, "N")),
        ("CN 2021", FactorSpec(name="pump", factor="SB1", field="RS"), Reading(1, "N")),
        ("CN 2041", FactorSpec(name="hours", factor="SB2", field="RT"), Reading(2.1, "N")),
        (
            "22 2017 upload CN 2011",
            FactorSpec(name="e", factor="w01018", field="EFlag", is_number=False),
            Reading("A01", "N"),
        ),
        ("backfill", FactorSpec(name="nox", factor="a21002", field="hour:ZsAvg"), Reading(53.2, "D")),
        (
            "Chinese",
            FactorSpec(name="log", factor="i11001", field="Info", is_number=False),
            Reading("//清洗管路//", "N"),
        ),
    ],
)
def test_fields_of_the_collected_frames(kind: str, point: FactorSpec, reading: Reading) -> None:
    """Electricity, process marks, equipment states and means are fields like the others."""
    assert reading_of(message_of(named(kind).data), wanted(point)) == reading


@given(st.text(max_size=60), st.text(max_size=3), st.sampled_from([1.0, 0.001, -1e300]), st.sampled_from([None, 2]))
def test_nothing_raises_and_numbers_are_finite(text: str, flag: str, scale: float, decimals: int | None) -> None:
    """Whatever stands behind the equals sign, a value is a finite number below 2**53 or unknown with a flag."""
    point = replace(SO2, scale=scale, decimals=decimals)
    reading = read(f"a21026-Rtd={text};a21026-Flag={flag}", point)

    assert reading
    assert len(reading.flag) == 1
    assert reading.value is None or (
        isinstance(reading.value, float | int) and isfinite(reading.value) and abs(reading.value) < 2**53
    )


@given(st.floats(-1e15, 1e15).map(repr))
def test_every_decimal_is_the_float_that_is_nearest(text: str) -> None:
    """What an instrument prints with all its digits comes back as the same float."""
    reading = read(f"a21026-Rtd={text}")

    assert reading
    assert reading.value == float(text)
