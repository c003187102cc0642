"""The CRC-16 of Modbus (MODBUS over Serial Line V1.02, sections 2.5.1.2 and 6.2.2), and the table it is made with.

HJ 212 has a CRC of its own over the same table (`drivers.hj212.crc`).
"""

from __future__ import annotations

from typing import Final


def _row(index: int) -> int:
    for _ in range(8):
        index = index >> 1 ^ (0xA001 if index & 1 else 0)
    return index


TABLE: Final = tuple(map(_row, range(256)))


def crc(data: bytes) -> int:
    """Return the CRC, 0..FFFF: 0 over a frame that ends in its own CRC, low byte first."""
    table, register = TABLE, 0xFFFF
    for byte in data:
        register = register >> 8 ^ table[(register ^ byte) & 0xFF]
    return register
