"""What one read costs: bytes on the wire and seconds of line time, per transport. Pure.

The planner bridges a hole between two wanted values only when reading it costs less than one more request *here*:
on a slow line a few unwanted registers are dear, on Ethernet a whole request costs more than a hundred of them.

    request, TCP   MBAP 7 | function 1 | address 2 | count 2             12 bytes   (Messaging on TCP/IP V1.0b, 3.1.3)
    answer, TCP    MBAP 7 | function 1 | byte count 1 | data              9 + data
    request, RTU   unit 1 | function 1 | address 2 | count 2 | CRC 2      8 bytes   (Serial Line V1.02, 2.5.1)
    answer, RTU    unit 1 | function 1 | byte count 1 | data | CRC 2      5 + data
    request, ASCII : | the same and LRC 1, two digits each | CR LF       17 bytes   (Serial Line V1.02, 2.5.2)
    answer, ASCII  : | the same and LRC 1, two digits each | CR LF       11 + 2 x data
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from drivers.spec import silence_s

if TYPE_CHECKING:
    from collections.abc import Iterable

    from drivers.spec import LineSettings, Table

_REQUEST = {"tcp": 12, "rtu": 8, "ascii": 17}
_ANSWER = {"tcp": 9, "rtu": 5, "ascii": 11}
_PER_DATA_BYTE = {"tcp": 1, "rtu": 1, "ascii": 2}
_SILENCES = {"rtu": 2, "ascii": 1}
"""Before the request, and in RTU also before the answer: only then does the device know that the request is over."""
_SERIAL_FRAMING = {"modbus": "rtu", "modbus-ascii": "ascii"}

ANSWERS_AFTER_S = 0.01
"""What we suppose a device takes before it answers; none of them tells. A choice of ours, not of a standard."""

_ETHERNET = 90
"""Bytes around a frame on the cable: preamble 8, Ethernet 18, gap 12, IPv4 20, TCP with time stamps 32."""


@dataclass(frozen=True, slots=True, order=True)
class Read:
    """One request: `count` addresses of `table` from `address` on. The function is ``table.function``."""

    table: Table
    address: int
    count: int

    @property
    def end(self) -> int:
        """The first address behind the read."""
        return self.address + self.count

    @property
    def data_bytes(self) -> int:
        """Bytes of data in the answer: two a register, or eight bits a byte."""
        return -(-self.count // 8) if self.table.is_bits else 2 * self.count


@dataclass(frozen=True, slots=True)
class CostModel:
    """Line time in seconds: `request_s` for any read, with all its overhead, and `byte_s` for each byte of data."""

    request_s: float
    byte_s: float

    @property
    def per_register_s(self) -> float:
        """What one more register costs."""
        return 2 * self.byte_s

    @property
    def per_bit_s(self) -> float:
        """What eight more bits cost, an eighth of it."""
        return self.byte_s / 8

    def read_s(self, read: Read) -> float:
        """Return the seconds from the first byte of the request until the line is free again."""
        return self.request_s + read.data_bytes * self.byte_s

    def cycle_s(self, reads: Iterable[Read]) -> float:
        """Return the seconds of all reads, one after another."""
        return sum(map(self.read_s, reads))


def tcp_cost(*, round_trip_s: float = 0.002, bits_per_s: float = 10e6) -> CostModel:
    """Return the cost on Ethernet: `round_trip_s` is the host's time to answer, `bits_per_s` its interface."""
    byte_s = 8 / bits_per_s
    return CostModel(round_trip_s + (_REQUEST["tcp"] + _ANSWER["tcp"] + 2 * _ETHERNET) * byte_s, byte_s)


def serial_cost(baud: int, *, char_bits: float = 11, turnaround_s: float = ANSWERS_AFTER_S) -> CostModel:
    """Return the cost on an RS-485 line: `char_bits` with start, parity and stop bits, `turnaround_s` of the device.

    Two silences frame every exchange: 3.5 characters each, 1.75 ms above 19200 baud (Serial Line V1.02, 2.5.1.1).
    """
    byte_s = char_bits / baud
    return CostModel((_REQUEST["rtu"] + _ANSWER["rtu"]) * byte_s + 2 * silence_s(baud, byte_s) + turnaround_s, byte_s)


def line_cost(settings: LineSettings, protocol: str, turnaround_s: float = 0.0) -> CostModel:
    """Return the cost on a serial line of ours, for a device that speaks `protocol`, "modbus" or "modbus-ascii".

    `turnaround_s` is what it needs between its answer and the next request to anybody.
    """
    framing = framing_of(protocol)
    characters = _REQUEST[framing] + _ANSWER[framing]
    request_s = characters * settings.char_s + _SILENCES[framing] * settings.silence_s
    return CostModel(request_s + ANSWERS_AFTER_S + turnaround_s, _PER_DATA_BYTE[framing] * settings.char_s)


def framing_of(protocol: str) -> str:
    """Return the framing of a Modbus protocol on a serial line, as `read_bytes` wants it: "rtu" or "ascii"."""
    return _SERIAL_FRAMING[protocol]


def rtu_tcp_cost(*, baud: int = 9600, char_bits: float = 10, round_trip_s: float = 0.012) -> CostModel:
    """Return the cost through a serial server. Nobody tells us the line behind it: 9600 8N1 is what most meters use."""
    return serial_cost(baud, char_bits=char_bits, turnaround_s=round_trip_s)


def cost_of(framing: str) -> CostModel:
    """Return the cost model of a TCP bus with this framing, "tcp" or "rtu"."""
    return tcp_cost() if framing == "tcp" else rtu_tcp_cost()


def read_bytes(read: Read, framing: str) -> int:
    """Return the bytes of request and answer together, without what carries them (Ethernet, IP, TCP)."""
    return _REQUEST[framing] + _ANSWER[framing] + _PER_DATA_BYTE[framing] * read.data_bytes


def cycle_bytes(reads: Iterable[Read], framing: str) -> int:
    """Return the bytes of all reads and their answers."""
    return sum(read_bytes(read, framing) for read in reads)
