"""The CRC16 of HJ 212 (2017, annex A; unchanged in 2025). It is often mistaken for that of Modbus.

    r = FFFF;  for each byte:  r = (r >> 8) ^ byte, then eight times: shift right, XOR A001 when a one fell out

Unlike in Modbus the low byte of the register is thrown away before each byte. So the state between two bytes is a
single byte and only 256 different results exist: a weak check. Every change of one byte is found, about one in 256 of
larger damages is not.
"""

from __future__ import annotations

from typing import Final

from drivers.modbus_crc import TABLE

_HIGH: Final = bytes(row >> 8 for row in TABLE)
_POSSIBLE: Final = frozenset({*TABLE, 0xFFFF})


def crc16(data: bytes) -> int:
    """Return the CRC of a data segment, 0..FFFF. Of nothing it is FFFF."""
    high, index = 0xFF, -1
    for byte in data:
        index = high ^ byte
        high = _HIGH[index]
    return TABLE[index] if data else 0xFFFF


def fits(data: bytes, crc: int) -> bool:
    """Whether `crc` is that of `data`. Most numbers are that of no data at all, which costs nothing to tell."""
    return crc in _POSSIBLE and crc16(data) == crc
