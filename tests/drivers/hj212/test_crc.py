"""The CRC16 of HJ 212: its check values, and how much it finds."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.hj212.crc import crc16, fits
from drivers.modbus_crc import crc
from tests.drivers.hj212.frames import BAD, GOOD, Frame, entry

DATA = GOOD[0].data


def slowly(data: bytes) -> int:
    """Return the CRC by the loop that the standard prints (2017, annex A)."""
    register = 0xFFFF
    for byte in data:
        register = register >> 8 ^ byte
        for _ in range(8):
            register = register >> 1 ^ 0xA001 if register & 1 else register >> 1
    return register


@pytest.mark.parametrize(
    ("data", "crc"), [(b"123456789", 0x2F80), (b"", 0xFFFF), (b"\0", 0x4040)], ids=["digits", "nothing", "a zero"]
)
def test_check_values(data: bytes, crc: int) -> None:
    """The published check values come out."""
    assert crc16(data) == crc


def test_the_listed_check_values_are_these() -> None:
    """The list of frames agrees with the check values above."""
    assert entry("HJ212-CRC") == f"(empty) -> {crc16(b''):04X}; 00 -> {crc16(bytes(1)):04X}"


@given(st.binary(max_size=200))
def test_the_table_does_what_the_printed_loop_does(data: bytes) -> None:
    """The table form and the standard's loop agree on everything."""
    assert crc16(data) == slowly(data)


@given(st.binary(max_size=50), st.integers(0, 0xFFFF))
def test_a_crc_that_fits_is_the_crc(data: bytes, other: int) -> None:
    """`fits` is the comparison, made without computing where no data at all have that CRC."""
    assert fits(data, crc16(data))
    assert fits(data, other) == (crc16(data) == other)


def test_the_modbus_crc_is_another() -> None:
    """The Modbus CRC of the same bytes is 4B37."""
    assert crc(b"123456789") == 0x4B37


@pytest.mark.parametrize("frame", [frame for frame in GOOD if "wire bytes" not in frame.kind], ids=lambda one: one.kind)
def test_every_good_frame_carries_its_crc(frame: Frame) -> None:
    """What is printed behind the data segment is its CRC."""
    assert int(frame.wire[-6:-2], 16) == crc16(frame.data)


def test_no_bad_frame_carries_its_crc() -> None:
    """What is printed behind the data segment of a frame to be rejected is something else, if it is a number at all."""
    for frame in BAD:
        assert frame.wire[6 + len(frame.data) :][:4].upper() != b"%04X" % crc16(frame.data), frame.kind


@given(st.integers(0, len(DATA) - 1), st.integers(1, 255))
def test_every_change_of_one_byte_is_found(place: int, change: int) -> None:
    """One wrong byte, whichever and whatever, changes the CRC."""
    damaged = bytearray(DATA)
    damaged[place] ^= change

    assert crc16(bytes(damaged)) != crc16(DATA)


def test_only_256_different_results_exist() -> None:
    """The check is weak: the state between two bytes is a single byte."""
    random.seed(212)

    assert len({crc16(random.randbytes(20)) for _ in range(20_000)}) == 256


def test_about_one_in_256_larger_damages_slips_through() -> None:
    """Of random changes of two bytes some 0.4 % are not found: the CRC is no proof of integrity."""
    random.seed(212)
    missed, rounds = 0, 20_000
    for _ in range(rounds):
        damaged = bytearray(DATA)
        for place in random.sample(range(len(DATA)), 2):
            damaged[place] ^= random.randrange(1, 256)
        missed += crc16(bytes(damaged)) == crc16(DATA)

    assert 0.002 < missed / rounds < 0.008
