"""Modbus as the answering side sees it: requests cut out of a byte stream, answers built. Pure; no socket, no clock.

::

    TCP   transaction(2) protocol(2)=0 length(2) | unit(1) function(1) body        MODBUS Messaging on TCP/IP V1.0b, 3.1
    RTU   unit(1) function(1) body CRC(2, low byte first)                          MODBUS over Serial Line V1.02, 2.5.1
    ASCII ":" unit function body LRC, two digits each, CR LF                       MODBUS over Serial Line V1.02, 2.5.2

The body of a read is ``address(2) quantity(2)``; its answer ``byte count(1) data``, an exception ``code(1)`` with the
function's top bit set (MODBUS Application Protocol V1.1b3, sections 6 and 7).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Protocol

from drivers.sim.image import BIT_FUNCTIONS, WORD_FUNCTIONS, Image

ILLEGAL_FUNCTION, ILLEGAL_ADDRESS, ILLEGAL_VALUE, NOBODY_BEHIND_GATEWAY = 1, 2, 3, 11
MAX_BITS, MAX_WORDS = 2000, 125
_MBAP_BYTES = 6
_READ_BODY_BYTES = 4
_COUNTED = {15: 9, 16: 9, 23: 13}
"""Functions whose request ends in a byte count and that many bytes: the RTU frame's length without those bytes."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request. `transaction` is 0 on RTU framing; `raw` is the whole frame as it came."""

    transaction: int
    unit: int
    function: int
    body: bytes
    raw: bytes


class Framing(Protocol):
    """How requests and answers are put on a stream."""

    silent: bool
    """Whether an unknown unit id means silence (a serial line) or exception 11 (a gateway)."""

    def cut(self, stream: bytes) -> tuple[Request | None, int]:
        """Return the first request of `stream` and how many bytes to drop; ``(None, 0)`` means more is needed."""

    def wrap(self, request: Request, pdu: bytes) -> bytes:
        """Return the frame that carries `pdu` as the answer to `request`."""

    def foreign(self, request: Request, pdu: bytes) -> bytes:
        """Return a frame that looks like an answer but is not the answer to `request`."""

    def broken(self, frame: bytes) -> bytes:
        """Return `frame` with a wrong checksum (where there is none, with a wrong last byte)."""


class TcpFraming:
    """Modbus TCP."""

    silent = False

    def cut(self, stream: bytes) -> tuple[Request | None, int]:
        """See `Framing.cut`. A header that is none drops everything received so far."""
        if len(stream) < _MBAP_BYTES + 2:
            return None, 0
        transaction, protocol, length = struct.unpack_from(">HHH", stream)
        if protocol != 0 or not 2 <= length <= 254:  # noqa: PLR2004 - the standard's bounds of the length field
            return None, len(stream)
        end = _MBAP_BYTES + length
        if len(stream) < end:
            return None, 0
        return Request(transaction, stream[6], stream[7], stream[8:end], stream[:end]), end

    def wrap(self, request: Request, pdu: bytes) -> bytes:
        """See `Framing.wrap`."""
        return struct.pack(">HHHB", request.transaction, 0, len(pdu) + 1, request.unit) + pdu

    def foreign(self, request: Request, pdu: bytes) -> bytes:
        """Return the answer under a transaction id that was never asked."""
        strange = (request.transaction + 0x1234) & 0xFFFF
        return struct.pack(">HHHB", strange, 0, len(pdu) + 1, request.unit) + pdu

    def broken(self, frame: bytes) -> bytes:
        """See `Framing.broken`: TCP frames have no checksum of their own."""
        return frame[:-1] + bytes((frame[-1] ^ 0xFF,))


class RtuFraming:
    """RTU frames passed through a TCP connection, as simple serial servers do."""

    silent = True

    def cut(self, stream: bytes) -> tuple[Request | None, int]:
        """See `Framing.cut`. A frame whose CRC is wrong is dropped with everything behind it, as on a real line."""
        if len(stream) < 4:  # noqa: PLR2004 - unit, function, CRC: the shortest frame there is
            return None, 0
        end = self._length(stream)
        if end is None or len(stream) < end:
            return None, 0
        if crc16(stream[: end - 2]) != stream[end - 2 : end]:
            return None, len(stream)
        return Request(0, stream[0], stream[1], stream[2 : end - 2], stream[:end]), end

    def _length(self, stream: bytes) -> int | None:
        function = stream[1]
        if 1 <= function <= 6:  # noqa: PLR2004 - four bytes of body in all of them
            return 8
        fixed = _COUNTED.get(function)
        if fixed is None:
            return len(stream)
        return fixed + stream[fixed - 3] if len(stream) >= fixed - 2 else None

    def wrap(self, request: Request, pdu: bytes) -> bytes:
        """See `Framing.wrap`."""
        frame = bytes((request.unit,)) + pdu
        return frame + crc16(frame)

    def foreign(self, request: Request, pdu: bytes) -> bytes:
        """Return the answer with a broken CRC: RTU has no transaction id to be wrong."""
        return self.broken(self.wrap(request, pdu))

    def broken(self, frame: bytes) -> bytes:
        """See `Framing.broken`."""
        return frame[:-1] + bytes((frame[-1] ^ 0xFF,))


class AsciiFraming:
    """ASCII transmission: ``:`` then two hexadecimal digits a byte, LRC, CR LF (Serial Line V1.02, 2.5.2)."""

    silent = True

    def cut(self, stream: bytes) -> tuple[Request | None, int]:
        """See `Framing.cut`. A line whose LRC or digits are wrong is dropped."""
        begin, end = stream.rfind(b":", 0, stream.find(b"\r\n")), stream.find(b"\r\n")
        if end < 0:
            return None, 0
        try:
            content = bytes.fromhex(stream[begin + 1 : end].decode("ascii"))
        except ValueError:
            return None, end + 2
        if begin < 0 or len(content) < 3 or sum(content) & 0xFF:  # noqa: PLR2004 - unit, function, LRC
            return None, end + 2
        return Request(0, content[0], content[1], content[2:-1], stream[begin : end + 2]), end + 2

    def wrap(self, request: Request, pdu: bytes) -> bytes:
        """See `Framing.wrap`."""
        content = bytes((request.unit,)) + pdu
        lrc = -sum(content) & 0xFF
        return b":" + (content + bytes((lrc,))).hex().upper().encode("ascii") + b"\r\n"

    def foreign(self, request: Request, pdu: bytes) -> bytes:
        """Return the answer with a broken LRC: there is no transaction id to be wrong."""
        return self.broken(self.wrap(request, pdu))

    def broken(self, frame: bytes) -> bytes:
        """See `Framing.broken`."""
        return frame[:-3] + (b"0" if frame[-3:-2] != b"0" else b"1") + frame[-2:]


def answer(request: Request, image: Image) -> bytes:
    """Return the answer's PDU: the data asked for, or an exception."""
    function = request.function
    bits = function in BIT_FUNCTIONS
    if not bits and function not in WORD_FUNCTIONS:
        return exception(function, ILLEGAL_FUNCTION)
    if len(request.body) != _READ_BODY_BYTES:
        return exception(function, ILLEGAL_VALUE)
    address, count = struct.unpack(">HH", request.body)
    if not 1 <= count <= (MAX_BITS if bits else MAX_WORDS):
        return exception(function, ILLEGAL_VALUE)
    if bits:
        states = image.bits(BIT_FUNCTIONS[function], address, count)
        data = None if states is None else packed(states)
    else:
        data = image.words(WORD_FUNCTIONS[function], address, count)
    return exception(function, ILLEGAL_ADDRESS) if data is None else bytes((function, len(data))) + data


def exception(function: int, code: int) -> bytes:
    """Return an exception's PDU."""
    return bytes(((function | 0x80) & 0xFF, code))


def packed(states: bytes) -> bytes:
    """Pack one byte (0 or 1) per bit into bits, the first in the least significant place (V1.1b3, section 6.1)."""
    number = int(states[::-1].translate(_DIGITS), 2)
    return number.to_bytes((len(states) + 7) // 8, "little")


_DIGITS = bytes(48 + (value != 0) for value in range(256))


def _crc_table() -> tuple[int, ...]:
    """Build the table of the reflected polynomial A001 (MODBUS over Serial Line V1.02, appendix B)."""
    table = []
    for value in range(256):
        crc = value
        for _ in range(8):
            crc = (crc >> 1) ^ 0xA001 if crc & 1 else crc >> 1
        table.append(crc)
    return tuple(table)


_CRC = _crc_table()


def crc16(data: bytes) -> bytes:
    """Return the CRC of an RTU frame, low byte first as it travels."""
    crc = 0xFFFF
    for byte in data:
        crc = (crc >> 8) ^ _CRC[(crc ^ byte) & 0xFF]
    return crc.to_bytes(2, "little")
