"""Bytes and seconds of single reads, computed by hand from the standards."""

from __future__ import annotations

import pytest

from drivers.cost import (
    ANSWERS_AFTER_S,
    Read,
    cost_of,
    cycle_bytes,
    framing_of,
    line_cost,
    read_bytes,
    rtu_tcp_cost,
    serial_cost,
    tcp_cost,
)
from drivers.spec import LineSettings, Table


@pytest.mark.parametrize(
    ("table", "count", "framing", "total"),
    [
        (Table.HOLDING, 1, "tcp", 12 + 9 + 2),
        (Table.INPUT, 125, "tcp", 12 + 9 + 250),
        (Table.HOLDING, 2, "rtu", 8 + 5 + 4),
        (Table.COIL, 1, "tcp", 12 + 9 + 1),
        (Table.COIL, 8, "rtu", 8 + 5 + 1),
        (Table.DISCRETE, 9, "rtu", 8 + 5 + 2),
        (Table.COIL, 2000, "tcp", 12 + 9 + 250),
        (Table.HOLDING, 2, "ascii", 17 + 11 + 8),
        (Table.COIL, 9, "ascii", 17 + 11 + 4),
    ],
)
def test_bytes_of_request_and_answer(table: Table, count: int, framing: str, total: int) -> None:
    """Headers, checksums and data of both frames are counted, registers as two bytes and bits as eighths."""
    assert read_bytes(Read(table, 0, count), framing) == total


def test_bytes_of_a_cycle_are_those_of_its_reads() -> None:
    """A cycle of two reads moves the bytes of both."""
    assert cycle_bytes([Read(Table.HOLDING, 0, 1), Read(Table.COIL, 0, 1)], "tcp") == 23 + 22


def test_seconds_on_a_serial_line() -> None:
    """9600 baud, 10 bits a character: 17 characters, two silences of 3.5, and the turnaround."""
    cost = serial_cost(9600, char_bits=10, turnaround_s=0.005)

    assert cost.read_s(Read(Table.HOLDING, 0, 2)) == pytest.approx((17 + 7) * 10 / 9600 + 0.005)


def test_silence_does_not_shrink_above_19200_baud() -> None:
    """Above 19200 baud the silences stay at 1.75 ms each."""
    cost = serial_cost(115200, char_bits=11, turnaround_s=0)

    assert cost.read_s(Read(Table.HOLDING, 0, 1)) == pytest.approx(15 * 11 / 115200 + 0.0035)


def test_a_cycle_is_the_sum_of_its_reads() -> None:
    """Reads go one after another."""
    cost, read = tcp_cost(), Read(Table.INPUT, 5, 10)

    assert cost.cycle_s([read, read]) == pytest.approx(2 * (cost.request_s + 10 * cost.per_register_s))


def test_bits_cost_an_eighth_of_a_byte() -> None:
    """Sixteen bits more are two bytes more."""
    cost = serial_cost(9600)

    more = cost.read_s(Read(Table.COIL, 0, 24)) - cost.read_s(Read(Table.COIL, 0, 8))

    assert more == pytest.approx(16 * cost.per_bit_s)


def test_a_framing_has_its_cost() -> None:
    """RTU frames through a server are paid at the speed of the line behind it, so a hole is worth far less there."""
    holes = [cost.request_s / cost.per_register_s for cost in (cost_of("tcp"), cost_of("rtu"))]

    assert (cost_of("tcp"), cost_of("rtu")) == (tcp_cost(), rtu_tcp_cost())
    assert holes[0] > 125
    assert 5 < holes[1] < 20


def test_a_device_on_a_line_of_ours_costs_what_its_settings_say() -> None:
    """9600 8E1: 17 characters of 11 bits, two silences, what a device takes to answer, and its own turnaround."""
    cost = line_cost(LineSettings(parity="E"), "modbus", 0.05)

    assert cost.read_s(Read(Table.HOLDING, 0, 2)) == pytest.approx((17 + 7) * 11 / 9600 + ANSWERS_AFTER_S + 0.05)
    assert line_cost(LineSettings(), "modbus") == serial_cost(9600, char_bits=10)


def test_in_ascii_every_byte_costs_two_characters() -> None:
    """9600 8N1: 36 characters and one silence, since CR LF ends the request. A register more is four characters."""
    cost = line_cost(LineSettings(), "modbus-ascii")

    assert cost.read_s(Read(Table.HOLDING, 0, 2)) == pytest.approx((36 + 3.5) * 10 / 9600 + ANSWERS_AFTER_S)
    assert cost.per_register_s == pytest.approx(4 * 10 / 9600)


def test_a_protocol_has_its_framing() -> None:
    """What `read_bytes` asks for, by what a site file says."""
    assert (framing_of("modbus"), framing_of("modbus-ascii")) == ("rtu", "ascii")
