"""Modbus frames as bytes: examples worked out elsewhere, every cut of them, rubbish behind them, and noise."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.errors import BadFrame
from drivers.modbus_frames import Answer, Framing, RtuFraming, Stray, TcpFraming
from drivers.spec import Table


@dataclass(frozen=True)
class Vector:
    """A request of unit 17 and what comes back."""

    framing: Framing
    table: Table
    address: int
    count: int
    request: bytes
    answer: bytes
    data: bytes = b""
    code: int = 0


NUMBER = 0x1501
VECTORS = {
    "registers, TCP": Vector(
        TcpFraming(),
        Table.HOLDING,
        107,
        3,
        bytes.fromhex("1501 0000 0006 11 03 006B 0003"),
        bytes.fromhex("1501 0000 0009 11 03 06 AE41 5652 4340"),
        bytes.fromhex("AE41 5652 4340"),
    ),
    "bits, TCP": Vector(
        TcpFraming(),
        Table.COIL,
        19,
        37,
        bytes.fromhex("1501 0000 0006 11 01 0013 0025"),
        bytes.fromhex("1501 0000 0008 11 01 05 CD6BB20E1B"),
        bytes.fromhex("CD6BB20E1B"),
    ),
    "exception, TCP": Vector(
        TcpFraming(),
        Table.INPUT,
        8,
        1,
        bytes.fromhex("1501 0000 0006 11 04 0008 0001"),
        bytes.fromhex("1501 0000 0003 11 84 02"),
        code=2,
    ),
    "registers, RTU": Vector(
        RtuFraming(),
        Table.HOLDING,
        107,
        3,
        bytes.fromhex("11 03 006B 0003 7687"),
        bytes.fromhex("11 03 06 AE41 5652 4340 49AD"),
        bytes.fromhex("AE41 5652 4340"),
    ),
    "bits, RTU": Vector(
        RtuFraming(),
        Table.DISCRETE,
        196,
        22,
        bytes.fromhex("11 02 00C4 0016 BAA9"),
        bytes.fromhex("11 02 03 ACDB35 2018"),
        bytes.fromhex("ACDB35"),
    ),
    "exception, RTU": Vector(
        RtuFraming(),
        Table.INPUT,
        8,
        1,
        bytes.fromhex("11 04 0008 0001 B298"),
        bytes.fromhex("11 84 02 C304"),
        code=2,
    ),
}


each_vector = pytest.mark.parametrize("vector", list(VECTORS.values()), ids=list(VECTORS))


@each_vector
def test_request(vector: Vector) -> None:
    """A wanted block becomes exactly the bytes of the example."""
    request = vector.framing.request(17, vector.table, vector.address, vector.count)

    assert vector.framing.number(request, NUMBER) == vector.request


@each_vector
def test_answer_whole_cut_and_with_rubbish(vector: Vector) -> None:
    """An answer is taken when its last byte is there, not before, and what lies behind it is left alone."""
    request = vector.framing.request(17, vector.table, vector.address, vector.count)
    expected = Answer(len(vector.answer), vector.data, vector.code)

    for cut in range(len(vector.answer)):
        assert vector.framing.take(vector.answer[:cut], request, NUMBER) is None, cut
    assert vector.framing.take(vector.answer, request, NUMBER) == expected
    assert vector.framing.take(vector.answer + b"\x15\x01\xff", request, NUMBER) == expected


@each_vector
def test_every_turned_bit_is_noticed(vector: Vector) -> None:
    """With any one bit turned an RTU frame is no answer, and a TCP frame at most one with other data or code."""
    request = vector.framing.request(17, vector.table, vector.address, vector.count)
    payload = len(vector.data) or 1
    for place in range(len(vector.answer) * 8):
        frame = bytearray(vector.answer)
        frame[place // 8] ^= 1 << place % 8
        in_payload = vector.framing.numbered and place // 8 >= len(frame) - payload
        try:
            found = vector.framing.take(bytes(frame), request, NUMBER)
        except BadFrame:
            continue
        assert in_payload or not isinstance(found, Answer), (place, found)


@given(st.sampled_from(list(VECTORS.values())), st.binary(max_size=300), st.booleans())
def test_noise(vector: Vector, noise: bytes, behind_a_head: bool) -> None:
    """Whatever arrives, there are four outcomes, and every frame taken is made of bytes that are there."""
    request = vector.framing.request(17, vector.table, vector.address, vector.count)
    data = vector.answer[:3] + noise if behind_a_head else noise
    try:
        found = vector.framing.take(data, request, NUMBER)
    except BadFrame:
        return

    assert found is None or (isinstance(found, Answer | Stray) and 0 < found.used <= len(data))
