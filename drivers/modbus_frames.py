"""Modbus frames: a wanted block to bytes, bytes to the answer. No socket, no clock. The codec is pymodbus.

Only the four reading functions can be built: `request` takes a `Table`, and a table knows no other function. What
leaves the program passes `only_reads` besides.

`take` looks at what has arrived and has four outcomes: the answer to exactly this request, a stray (a complete frame
that is not for it: late, or for somebody else), "need more", or BadFrame when the stream can not be trusted any more.
An answer counts only when every field matches its request. We look at the fields before pymodbus does, since its
framers wait for ever on a wrong protocol id or length, and its decoders do not compare an answer with its request.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final, Protocol

from pymodbus.framer import FramerBase, FramerRTU, FramerSocket
from pymodbus.pdu import DecodePDU, ExceptionResponse, ModbusPDU, ReadCoilsRequest, ReadHoldingRegistersRequest
from pymodbus.pdu.bit_message import ReadDiscreteInputsRequest
from pymodbus.pdu.register_message import ReadInputRegistersRequest

from drivers.errors import BadFrame, BadRequest
from drivers.spec import Table

ADDRESSES: Final = 65536
MAX_UNIT: Final = 255
MAX_LENGTH: Final = 254
"""Unit and PDU at their longest (MODBUS Messaging on TCP/IP V1.0b, section 3.1.3 and 4.1)."""
MIN_LENGTH: Final = 3
"""Unit, function and one byte: the shortest answer there is, an exception."""
READ_FUNCTIONS: Final = frozenset({1, 2, 3, 4, 17})
ENCAPSULATED: Final = 43
READ_DEVICE_ID: Final = 14
"""Function 43 carries several interfaces; only 14 reads (Application Protocol V1.1b3, sections 6.20 and 6.21)."""
REQUESTS: Final[dict[Table, type[ModbusPDU]]] = {
    Table.COIL: ReadCoilsRequest,
    Table.DISCRETE: ReadDiscreteInputsRequest,
    Table.HOLDING: ReadHoldingRegistersRequest,
    Table.INPUT: ReadInputRegistersRequest,
}
EXCEPTIONS: Final = {
    1: "illegal function",
    2: "illegal address",
    3: "illegal count or value",
    4: "device failure",
    5: "accepted, still working",
    6: "busy",
    8: "memory parity error",
    10: "gateway has no path to the unit",
    11: "unit does not answer the gateway",
}
"""Application Protocol V1.1b3, section 7, in words."""


@dataclass(frozen=True, slots=True)
class Request:
    """One block asked of one unit: `size` bytes of data must come back, `frame` is what is sent (number 0)."""

    unit: int
    function: int
    size: int
    frame: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """The data of the answer, or the exception `code` (0 when there is data). `used` bytes of the input made it up."""

    used: int
    data: bytes
    code: int


@dataclass(frozen=True, slots=True)
class Stray:
    """A frame that answers another request. `used` bytes of the input made it up."""

    used: int
    what: str


class Framing(Protocol):
    """How requests and answers lie in a byte stream."""

    numbered: ClassVar[bool]
    """Whether answers carry their request's number. Where they do not, a late answer looks like the next one's."""
    function_at: ClassVar[int]
    """Where the function code stands in a frame."""

    def request(self, unit: int, table: Table, address: int, count: int) -> Request:
        """Build the request. Raises BadRequest."""

    def number(self, request: Request, number: int) -> bytes:
        """Return the request's frame carrying `number` (1..65535)."""

    def take(self, data: bytes, request: Request, number: int) -> Answer | Stray | None:
        """Return the first thing in `data`, ``None`` when it is not complete. Raises BadFrame."""


class _Data(ModbusPDU):
    """An answer to a read as it came: byte count and data, for nobody wants a Python object per register."""

    rtu_byte_count_pos = 2
    body = b""

    def decode(self, data: bytes) -> None:
        self.body = data

    def __str__(self) -> str:
        return "data"


_DATA_CLASSES: Final = tuple(type(f"_Data{code}", (_Data,), {"function_code": code}) for code in (1, 2, 3, 4))


class TcpFraming:
    """Modbus TCP (MODBUS Messaging on TCP/IP V1.0b, section 3.1.3).

        | number 2 | protocol 2 = 0 | length 2 | unit 1 | function 1 | byte count 1 | data |

    The length counts everything behind it.
    """

    numbered: ClassVar = True
    function_at: ClassVar = 7

    def __init__(self) -> None:
        self._framer: FramerBase = FramerSocket(_decoder())

    def request(self, unit: int, table: Table, address: int, count: int) -> Request:
        """Build the request. Raises BadRequest."""
        return _request(self._framer, unit, table, address, count)

    def number(self, request: Request, number: int) -> bytes:
        """Return the request's frame carrying `number` (1..65535)."""
        return number.to_bytes(2, "big") + request.frame[2:]

    def take(self, data: bytes, request: Request, number: int) -> Answer | Stray | None:
        """Return the first thing in `data`, ``None`` when it is not complete. Raises BadFrame."""
        have = len(data)
        if have >= 4 and (data[2] or data[3]):  # noqa: PLR2004 -- the header as drawn above
            raise BadFrame(f"not Modbus TCP: protocol id {int.from_bytes(data[2:4], 'big')}")
        if have < 6:  # noqa: PLR2004
            return None
        length = int.from_bytes(data[4:6], "big")
        if not MIN_LENGTH <= length <= MAX_LENGTH:
            raise BadFrame(f"not Modbus TCP: a frame of {length} bytes")
        if have < length + 6:
            return None
        used, unit, answered, pdu = self._framer.decode(data[: length + 6])
        if answered != number or unit != request.unit or pdu[0] & 0x7F != request.function:
            return Stray(used, f"unit {unit}, function {pdu[0]}, number {answered}")
        return _answer(self._framer.decoder, request, pdu, used)


class RtuFraming:
    """RTU frames passed through a serial server (MODBUS over Serial Line V1.02, section 2.5.1).

        | unit 1 | function 1 | byte count 1 | data | CRC 2 |

    There are no numbers and no lengths, so frames are known only by what we wait for: the answer's first three bytes
    are known in advance, and it is looked for behind noise and behind an echo of our own request.
    """

    numbered: ClassVar = False
    function_at: ClassVar = 1

    def __init__(self) -> None:
        self._framer: FramerBase = FramerRTU(_decoder())

    def request(self, unit: int, table: Table, address: int, count: int) -> Request:
        """Build the request. Raises BadRequest."""
        return _request(self._framer, unit, table, address, count)

    def number(self, request: Request, number: int) -> bytes:  # noqa: ARG002 -- RTU frames carry none
        """Return the request's frame."""
        return request.frame

    def take(self, data: bytes, request: Request, number: int) -> Answer | Stray | None:  # noqa: ARG002
        """Return the first thing in `data`, ``None`` when it is not complete. Raises BadFrame."""
        if data.startswith(request.frame):
            return Stray(len(request.frame), "an echo of the request")
        for start, size in self._expected(data, request):
            _, unit, _, pdu = self._framer.decode(data[start : start + size])
            if pdu and unit == request.unit:
                return Stray(start, "noise") if start else _answer(self._framer.decoder, request, pdu, size)
            if start == 0:
                raise BadFrame("wrong checksum")
        return self._other(data, request)

    @staticmethod
    def _expected(data: bytes, request: Request) -> list[tuple[int, int]]:
        """Return where (and how long) whole frames may lie that would answer the request."""
        good = bytes((request.unit, request.function, request.size))
        refusal = bytes((request.unit, request.function | 0x80))
        found = []
        for head, size in ((good, request.size + 5), (refusal, 5)):
            start = data.find(head)
            while start >= 0 and start + size <= len(data):
                found.append((start, size))
                start = data.find(head, start + 1)
        return sorted(found)

    def _other(self, data: bytes, request: Request) -> Stray | None:
        """Recognise a whole, sound frame that is not the answer."""
        size = _rtu_size(data)
        if size is None or len(data) < size:
            return None
        _, unit, _, pdu = self._framer.decode(data[:size])
        if not pdu:
            return None
        if unit == request.unit and pdu[0] == request.function:
            raise BadFrame(f"{pdu[1]} bytes of data instead of {request.size}")
        return Stray(size, f"unit {unit}, function {pdu[0]}")


def only_reads(frame: bytes, function_at: int) -> bytes:
    """Return `frame` if it can only read. Raises BadRequest: the one gate in front of every wire."""
    function = frame[function_at] if len(frame) > function_at + 1 else None
    if function in READ_FUNCTIONS or (function == ENCAPSULATED and frame[function_at + 1] == READ_DEVICE_ID):
        return frame
    raise BadRequest(f"function {function} is not one that only reads")


def _decoder() -> DecodePDU:
    decoder = DecodePDU(is_server=False)
    for answer in _DATA_CLASSES:
        decoder.register(answer)
    return decoder


def _request(framer: FramerBase, unit: int, table: Table, address: int, count: int) -> Request:
    block = f"unit {unit}: {count} from {table} {address}"
    if not 0 <= unit <= MAX_UNIT or address + count > ADDRESSES:
        raise BadRequest(f"{block}: outside the address space")
    try:
        frame = framer.buildFrame(REQUESTS[table](dev_id=unit, address=address, count=count))
    except ValueError as error:
        raise BadRequest(f"{block}: {error}") from error
    return Request(unit, table.function, (count + 7) // 8 if table.is_bits else count * 2, frame)


def _answer(decoder: DecodePDU, request: Request, pdu: bytes, used: int) -> Answer:
    """Return what `pdu` says. The caller has matched unit and function; here are byte count and size."""
    if pdu[0] & 0x80 and (len(pdu) != 2 or not pdu[1]):  # noqa: PLR2004 -- function and code
        raise BadFrame(f"an exception that reads {pdu.hex(' ')}")
    message = decoder.decode(pdu)
    if isinstance(message, ExceptionResponse):
        return Answer(used, b"", message.exception_code)
    body = message.body if isinstance(message, _Data) else b"\0"
    if body[0] != request.size or len(body) != request.size + 1:
        raise BadFrame(f"byte count {body[0]} and {len(body) - 1} bytes of data instead of {request.size}")
    return Answer(used, body[1:], 0)


def _rtu_size(data: bytes) -> int | None:
    """Return the size of the RTU answer that begins here, ``None`` when that cannot be known (yet)."""
    if len(data) < 3:  # noqa: PLR2004 -- unit, function, byte count
        return None
    if data[1] & 0x80:
        return 5
    return data[2] + 5 if data[1] in READ_FUNCTIONS else None
