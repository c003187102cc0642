"""Modbus RTU and ASCII instruments on a serial line. The codec is minimalmodbus; nobody else imports it.

    Station (plans, learns) -> minimalmodbus (builds requests, checks and unpacks answers) -> _Port -> Wire -> the line

minimalmodbus believes that it has a serial port of its own. What it has is a `_Port`, which passes its request to the
line and the line's answer back. So silences, time-outs, echoes, noise and late answers are the line's business, for
every protocol on it alike, and minimalmodbus never waits. What it would send is compared with what was to be asked:
nothing but that one read gets through.
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, ClassVar, Final

import minimalmodbus

from drivers.errors import BadFrame, BadRequest
from drivers.modbus_exchange import refusal
from drivers.modbus_frames import ADDRESSES, MAX_UNIT
from drivers.modbus_visit import Station
from drivers.rtu_frames import ascii_question, rtu_question

if TYPE_CHECKING:
    from collections.abc import Callable

    from drivers.bus import RefusedPoint
    from drivers.cost import CostModel, Read
    from drivers.reading import Clock, Scan
    from drivers.rtu_frames import Answer
    from drivers.spec import DeviceSpec
    from drivers.wire import Question, Wire

MOST_REGISTERS: Final = 125
MOST_BITS: Final = 2000
"""Application Protocol V1.1b3, sections 6.1 to 6.4. In ASCII mode too: the limits are those of the PDU."""
BROADCAST: Final = 0
"""Nobody answers it (Serial Line V1.02, section 2.1), so nothing can be read from it. From 248 on unit ids are only
reserved (section 2.2), and some devices do answer there."""


@dataclass(frozen=True, slots=True)
class _Mode:
    """One of the two transmission modes: its name, its questions, and what is around the body of a request."""

    name: str
    question: Callable[[int, Read, bytes], Question[Answer]]
    body: Callable[[bytes], bytes]


_RTU: Final = _Mode(minimalmodbus.MODE_RTU, rtu_question, lambda frame: frame[:-2])
_ASCII: Final = _Mode(minimalmodbus.MODE_ASCII, ascii_question, lambda frame: bytes.fromhex(frame[1:-4].decode()))


class _Port:
    """What minimalmodbus takes for a serial port. `wire` and `read` are set for the length of one request."""

    is_open: ClassVar = True
    port: ClassVar = None
    baudrate: ClassVar = math.nan
    """minimalmodbus sleeps until 3.5 characters have passed since it last read. Of a rate that is no number it makes a
    silence that is none either and never waits for it: the line keeps them, counted from the last byte it has seen."""

    wire: Wire
    read_wanted: Read

    def __init__(self, instrument: ModbusInstrument) -> None:
        self._unit = instrument.spec.unit
        self._mode = instrument.mode
        self._tally = instrument.tally
        self._timeout_s = instrument.spec.timeout_s
        self._questions: dict[bytes, Question[Answer]] = {}
        self._request = b""

    def open(self) -> None:
        """Do nothing: the line is open during a visit."""

    def close(self) -> None:
        """Do nothing: the line is not ours."""

    def write(self, request: bytes) -> None:
        """Keep the request until minimalmodbus reads. Raises BadRequest for anything but the read that was wanted."""
        read = self.read_wanted
        only = struct.pack(">BBHH", self._unit, read.table.function, read.address, read.count)
        if self._mode.body(request) != only:
            raise BadRequest(f"unit {self._unit}: {request!r} is not the read that was to be asked")
        self._request = request

    def read(self, _size: int) -> bytes:
        """Return the frame of the answer. Raises what the line raises, and Refused for an exception."""
        question = self._questions.get(self._request)
        if question is None:
            question = self._mode.question(self._unit, self.read_wanted, self._request)
            self._questions[self._request] = question
        answer = self.wire.ask(question, self._timeout_s, self._tally)
        if answer.code:
            self._tally.exceptions[answer.code] += 1
            raise refusal(self._unit, answer.code)
        return answer.frame


class ModbusInstrument:
    """See `drivers.wire.Instrument`."""

    mode: ClassVar[_Mode]

    def __init__(self, spec: DeviceSpec, cost: CostModel, clock: Clock) -> None:
        """Plan the reads under `cost`. Raises `drivers.plan.Unreadable` or `drivers.registers.BadPoint`."""
        self.spec = spec
        self._station = Station(spec, cost, clock)
        self.tally = self._station.tally
        self._port = _Port(self)
        self._master = minimalmodbus.Instrument(self._port, spec.unit, self.mode.name)
        self._master.clear_buffers_before_each_transaction = False

    def visit(self, wire: Wire) -> Scan:
        """Read every point once. Raises DriverError when the device gave nothing."""
        return self._station.visit(partial(self._ask, wire))

    def refused(self) -> list[RefusedPoint]:
        """Return the points dropped since the last call."""
        return self._station.refused()

    def restore(self) -> None:
        """Give refused points another chance."""
        self._station.restore()

    def _ask(self, wire: Wire, read: Read) -> bytes:
        """Return the block's data as it lies on the wire. Raises DriverError; BadRequest before anything is sent."""
        _check(self.spec.unit, read)
        self._port.wire, self._port.read_wanted = wire, read
        try:
            if read.table.is_bits:
                return _packed_bits(self._master.read_bits(read.address, read.count, read.table.function))
            words = self._master.read_registers(read.address, read.count, read.table.function)
        except minimalmodbus.ModbusException as error:  # the line has let pass what minimalmodbus does not
            self.tally.bad_frames += 1
            raise BadFrame(f"unit {self.spec.unit}: {error}") from error
        return struct.pack(f">{read.count}H", *words)


class RtuInstrument(ModbusInstrument):
    """A device that speaks Modbus RTU (Serial Line V1.02, section 2.5.1)."""

    mode = _RTU


class AsciiInstrument(ModbusInstrument):
    """A device that speaks Modbus ASCII (Serial Line V1.02, section 2.5.2)."""

    mode = _ASCII


def _check(unit: int, read: Read) -> None:
    most = MOST_BITS if read.table.is_bits else MOST_REGISTERS
    if not BROADCAST < unit <= MAX_UNIT:
        raise BadRequest(f"unit {unit} cannot be read on a serial line: give it a unit id from 1 to 247")
    if not 0 <= read.address < read.end <= ADDRESSES or read.count > most:
        raise BadRequest(f"unit {unit}: {read.count} from {read.table} {read.address}: outside the address space")


def _packed_bits(bits: list[int]) -> bytes:
    """Return bits as they lie on the wire, the first in the lowest bit of the first byte."""
    return int("".join(map(str, reversed(bits))), 2).to_bytes((len(bits) + 7) // 8, "little")
