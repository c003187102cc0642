"""Modbus RTU and ASCII instruments: on a wire in memory that does as it is told, and with units written by others."""

from __future__ import annotations

import struct
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar, cast

import minimalmodbus
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pymodbus.framer import FramerAscii, FramerRTU

from drivers.cost import line_cost
from drivers.errors import BadFrame, BadRequest, DriverError, NoAnswer, Refused
from drivers.modbus_exchange import refusal
from drivers.modbus_frames import EXCEPTIONS
from drivers.modbus_serial import AsciiInstrument, RtuInstrument, _Port
from drivers.rtu_frames import Answer
from drivers.serial_line import SerialLine
from drivers.serial_port import SerialPort
from drivers.spec import DeviceSpec, LineSettings, PointSpec, SerialBusSpec, Table
from drivers.wire import Found
from tests.peers.clock import HostClock
from tests.peers.serial_servers import ASCII_PEERS, INPUTS, RTU_PEERS, SETTINGS, UNIT, Line, serve

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from drivers.modbus_serial import ModbusInstrument
    from drivers.tally import Tally
    from drivers.wire import Instrument, Question

T = TypeVar("T")
MODES = {"rtu": RtuInstrument, "ascii": AsciiInstrument}
PROTOCOLS = {"rtu": "modbus", "ascii": "modbus-ascii"}
both_modes = pytest.mark.parametrize("mode", MODES)


def point(at: int, kind: str = "uint16", table: Table = Table.HOLDING) -> PointSpec:
    """Return a point, named after its place."""
    return PointSpec(name=f"{table}{at}", table=table, at=at, type="bit" if table.is_bits else kind)


def instrument(
    mode: str, points: Sequence[PointSpec], unit: int = UNIT, name: str = "m1", timeout_s: float = 0.2
) -> ModbusInstrument:
    """Return the instrument of a device with these points."""
    spec = DeviceSpec(
        name=name, bus="line", protocol=PROTOCOLS[mode], address=unit, timeout_s=timeout_s, points=tuple(points)
    )
    return MODES[mode](spec, line_cost(LineSettings(), spec.protocol, 0.0), HostClock())


# --- a wire in memory ----------------------------------------------------------------------------


def body_of(mode: str, frame: bytes) -> bytes:
    """Return unit, function and data of a request; its check sum must be the one pymodbus computes."""
    body = frame[:-2] if mode == "rtu" else bytes.fromhex(frame[1:-4].decode())
    assert framed(mode, body) == frame
    return body


def framed(mode: str, body: bytes) -> bytes:
    """Put the mode's frame around a body."""
    if mode == "rtu":
        return body + FramerRTU.compute_CRC(body).to_bytes(2, "big")
    return b":" + (body + bytes([FramerAscii.compute_LRC(body)])).hex().upper().encode() + b"\r\n"


@dataclass
class MemoryWire:
    """A line with one unit on it, that has every register and bit: a register holds its address, or what `image` says.

    `refuse` gives exception codes by (function, first address); `error` is raised in place of an answer.
    """

    mode: str
    image: Mapping[Table, Mapping[int, int]] = field(default_factory=dict)
    refuse: Callable[[int, int, int], int] = lambda function, at, count: 0
    error: DriverError | None = None
    sent: list[bytes] = field(default_factory=list)

    def ask(self, question: Question[T], timeout_s: float, tally: Tally) -> T:
        """See `drivers.wire.Wire`."""
        assert timeout_s == 0.2
        self.sent.append(question.frame)
        tally.requests += 1
        if self.error is not None:
            raise self.error
        found = question.take(framed(self.mode, self._answer(body_of(self.mode, question.frame))))
        assert isinstance(found, Found)
        tally.answered(0, 1)
        return found.answer

    def _answer(self, body: bytes) -> bytes:
        unit, function, at, count = struct.unpack(">BBHH", body)
        code = self.refuse(function, at, count)
        if code:
            return bytes((unit, function | 0x80, code))
        table = {table.function: table for table in Table}[function]
        values = [self.image.get(table, {}).get(address, address) for address in range(at, at + count)]
        if table.is_bits:
            bits = sum((value & 1) << index for index, value in enumerate(values))
            data = bits.to_bytes((count + 7) // 8, "little")
        else:
            data = struct.pack(f">{count}H", *values)
        return bytes((unit, function, len(data))) + data


# --- values --------------------------------------------------------------------------------------


@both_modes
@pytest.mark.parametrize("table", Table)
def test_every_table_is_read_with_its_function(mode: str, table: Table) -> None:
    """Coils with 1, discrete inputs with 2, holding registers with 3, input registers with 4."""
    wire, device = MemoryWire(mode), instrument(mode, [point(at, table=table) for at in (4, 5, 12)])

    scan = device.visit(wire)

    assert scan.values == ((0, 1, 0) if table.is_bits else (4, 5, 12))
    assert (scan.flags, scan.fault) == ("NNN", None)
    assert {body_of(mode, frame)[1] for frame in wire.sent} == {table.function}


def test_requests_are_those_of_the_standards() -> None:
    """The request of the specification's example, as it lies on the wire in both modes."""
    points = [point(at) for at in (107, 108, 109)]
    rtu, in_ascii = MemoryWire("rtu"), MemoryWire("ascii")

    instrument("rtu", points, unit=17).visit(rtu)
    instrument("ascii", points, unit=17).visit(in_ascii)

    assert rtu.sent == [bytes.fromhex("11 03 006B 0003 7687")]
    assert in_ascii.sent == [b":1103006B00037E\r\n"]


@both_modes
def test_the_longest_reads(mode: str) -> None:
    """125 registers and 2000 bits come in one answer each, up to the last address there is."""
    registers = [point(65535 - 124, "string:125")]
    bits = [point(at, table=Table.COIL) for at in range(65536 - 2000, 65536)]
    image = {Table.HOLDING: {65535 - 124 + at: 0x4142 for at in range(125)}}
    wire = MemoryWire(mode, image)

    text = instrument(mode, registers).visit(wire).values[0]
    values = instrument(mode, bits).visit(wire).values

    assert text == "AB" * 125
    assert values == tuple(at % 2 for at in range(65536 - 2000, 65536))
    assert len(wire.sent) == 2


@settings(deadline=None)
@given(words=st.lists(st.integers(0, 0xFFFF), min_size=1, max_size=125), mode=st.sampled_from(sorted(MODES)))
def test_registers_arrive_as_they_were_sent(words: list[int], mode: str) -> None:
    """Every word of a block, whatever it is."""
    wire = MemoryWire(mode, {Table.HOLDING: dict(enumerate(words))})

    assert instrument(mode, [point(at) for at in range(len(words))]).visit(wire).values == tuple(words)


@settings(deadline=None)
@given(bits=st.lists(st.integers(0, 1), min_size=1, max_size=100), mode=st.sampled_from(sorted(MODES)))
def test_bits_arrive_as_they_were_sent(bits: list[int], mode: str) -> None:
    """Every bit of a block, in a last byte that is not full too."""
    wire = MemoryWire(mode, {Table.COIL: dict(enumerate(bits))})

    scan = instrument(mode, [point(at, table=Table.COIL) for at in range(len(bits))]).visit(wire)

    assert scan.values == tuple(map(bool, bits))


def test_an_instrument_is_what_a_line_expects() -> None:
    """It has a spec, its own counts, and nothing refused at first."""
    device: Instrument = instrument("rtu", [point(0)])

    device.visit(MemoryWire("rtu"))

    assert (device.spec.name, device.tally.requests, device.tally.answers, device.refused()) == ("m1", 1, 1, [])


# --- refusals and failures -----------------------------------------------------------------------


@pytest.mark.parametrize("code", [1, 2, 4, 6, 7, 10, 11, 99])
def test_an_exception_of_a_gateway_is_no_answer_and_any_other_a_refusal(code: int) -> None:
    """A gateway speaks for a unit that does not; the words name the unit and the exception."""
    said = refusal(3, code)

    assert isinstance(said, NoAnswer if code in (10, 11) else Refused)
    assert "unit 3" in str(said)
    assert f"(exception {code})" in str(said)


@both_modes
def test_a_refused_register_is_dropped_and_told(mode: str) -> None:
    """The rest of the block is read in the same visit, and the next does not ask again."""
    wire = MemoryWire(mode, refuse=lambda _, at, count: 2 if at <= 1 < at + count else 0)
    device = instrument(mode, [point(at) for at in range(3)])

    first = device.visit(wire)
    told = device.refused()
    asked = len(wire.sent)
    second = device.visit(wire)

    assert (first.values, first.flags) == ((0, None, 2), "NDN")
    assert [(lost.point, lost.code) for lost in told] == [("holding1", 2)]
    assert device.tally.exceptions[2] >= 1
    assert (second.values, second.flags) == ((0, None, 2), "NDN")
    assert len(wire.sent) - asked == 2


def test_a_restored_register_is_asked_for_again() -> None:
    """A meter that was in the wrong mode gets another chance."""
    wire = MemoryWire("rtu", refuse=lambda *_: 2)
    device = instrument("rtu", [point(0)])
    device.visit(wire)
    wire.refuse = lambda *_: 0

    device.restore()
    device.visit(wire)

    assert device.visit(wire).values == (0,)


@both_modes
def test_a_busy_device_is_asked_once_more(mode: str) -> None:
    """Exception 6 asks for patience; minimalmodbus does not stand in the way of it."""
    codes = iter([6])
    wire = MemoryWire(mode, refuse=lambda *_: next(codes, 0))

    assert instrument(mode, [point(5)]).visit(wire).values == (5,)
    assert len(wire.sent) == 2


@both_modes
@pytest.mark.parametrize("code", sorted(EXCEPTIONS))
def test_every_exception_is_counted_by_its_code(mode: str, code: int) -> None:
    """Those that minimalmodbus takes for no error (5) or does not know too."""
    wire, device = MemoryWire(mode, refuse=lambda *_: code), instrument(mode, [point(5)])

    with suppress(NoAnswer):  # what 10 and 11 mean
        assert device.visit(wire).flags == "D"

    assert set(device.tally.exceptions) == {code}


@both_modes
@pytest.mark.parametrize("error", [NoAnswer("no answer from unit 7 within 0.2 s"), BadFrame("CRC error")])
def test_what_the_line_says_comes_through(mode: str, error: DriverError) -> None:
    """It is neither hidden nor reworded by minimalmodbus."""
    with pytest.raises(type(error)) as raised:
        instrument(mode, [point(0)]).visit(MemoryWire(mode, error=error))

    assert raised.value is error


@both_modes
def test_an_answer_that_minimalmodbus_does_not_take_is_no_value(mode: str) -> None:
    """Two checks stand between the line and a value, and either is enough."""
    frame = framed(mode, bytes((UNIT, 3, 2, 0, 1)))
    wrong = frame[:-3] + b"0" + frame[-2:] if mode == "ascii" else frame[:-1] + b"\0"

    class Credulous(MemoryWire):
        def ask(self, question: Question[T], timeout_s: float, tally: Tally) -> T:
            return cast("T", Answer(wrong, 0))

    device = instrument(mode, [point(0)])
    with pytest.raises(BadFrame, match=r"unit 7: Checksum error"):
        device.visit(Credulous(mode))
    assert device.tally.bad_frames == 1


# --- what may leave ------------------------------------------------------------------------------


@both_modes
def test_nothing_but_the_wanted_read_can_leave(mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """If minimalmodbus ever built something else, here a write, it would stop at the gate."""
    write = framed(mode, bytes((UNIT, 6, 0, 0, 0, 1)))
    monkeypatch.setattr(minimalmodbus, "_embed_payload", lambda *_: write)
    wire = MemoryWire(mode)

    with pytest.raises(BadRequest, match="not the read"):
        instrument(mode, [point(0)]).visit(wire)

    assert wire.sent == []


@both_modes
def test_a_broadcast_is_never_read(mode: str) -> None:
    """Unit 0 is everybody, and nobody answers: the site file is told, the line stays quiet."""
    wire = MemoryWire(mode)

    with pytest.raises(BadRequest, match="unit 0 cannot be read"):
        instrument(mode, [point(0)], unit=0).visit(wire)

    assert wire.sent == []


# --- time ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("rate", "sleeps"), [(_Port.baudrate, 0), (9600.0, 2)], ids=["ours", "any other"])
def test_minimalmodbus_never_sleeps(rate: float, sleeps: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The silences are the line's. With an ordinary rate minimalmodbus would add its own between reads."""
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    monkeypatch.setattr(time, "monotonic", lambda: 1.0)  # no time passes, however busy the machine is
    monkeypatch.setattr(_Port, "baudrate", rate)
    monkeypatch.setattr(minimalmodbus, "_latest_read_times", {})
    far_apart = instrument("rtu", [point(0), point(1000), point(2000)])

    far_apart.visit(MemoryWire("rtu"))

    assert len(slept) == sleeps


# --- units written by others, on a line of pseudo-terminals --------------------------------------

IMAGE: dict[Table, dict[int, int]] = {
    Table.HOLDING: {0: 0x0102, 10: 0x435C, 11: 0x3333, 65535: 0xFFFE} | {at: at for at in range(100, 225)},
    Table.INPUT: {4: 0x8000, INPUTS - 1: 9},
    Table.COIL: {at: at % 3 == 0 for at in range(2000)},
    Table.DISCRETE: {3: 1, 12: 1},
}


@pytest.fixture(scope="module", params=RTU_PEERS + ASCII_PEERS)
def peer(request: pytest.FixtureRequest) -> Iterator[tuple[str, Line]]:
    """Run a unit by others; give the mode it speaks and the line to it."""
    with serve(request.param, IMAGE) as line:
        yield request.param.rpartition("-")[2], line


@contextmanager
def line_to(line: Line, *instruments: ModbusInstrument) -> Iterator[SerialLine]:
    """Open the box's end of the line with the real driver."""
    port = SerialPort(line.port, HostClock())
    bus = SerialLine(SerialBusSpec(name="line", port=line.port, settings=SETTINGS), port, instruments, (), HostClock())
    try:
        yield bus
    finally:
        bus.close()


def test_a_unit_by_others_is_read(peer: tuple[str, Line]) -> None:
    """Values of every table, in single registers, pairs and bits, up to the last address."""
    mode, line = peer
    points = [
        point(0),
        point(10, "float32"),
        point(65535, "int16"),
        point(4, "int16", Table.INPUT),
        point(INPUTS - 1, table=Table.INPUT),
        *(point(at, table=Table.DISCRETE) for at in (2, 3, 12)),
    ]

    with line_to(line, instrument(mode, points, timeout_s=2)) as bus:
        scan = bus.visit("m1")

    assert scan.fault is None
    assert list(scan.values) == [258, pytest.approx(220.2), -2, -32768, 9, False, True, True]


def test_the_longest_answers_of_a_unit_by_others(peer: tuple[str, Line]) -> None:
    """125 registers and 2000 bits, one request each."""
    mode, line = peer
    registers = [point(at) for at in range(100, 225)]
    coils = [point(at, table=Table.COIL) for at in range(2000)]
    device = instrument(mode, registers + coils, timeout_s=2)

    with line_to(line, device) as bus:
        scan = bus.visit("m1")

    assert scan.values == tuple(range(100, 225)) + tuple(at % 3 == 0 for at in range(2000))
    assert (device.tally.requests, device.tally.answers, device.tally.bad_frames) == (2, 2, 0)


def test_a_unit_by_others_refuses(peer: tuple[str, Line]) -> None:
    """Registers it does not have are dropped, those beside them are read."""
    mode, line = peer
    device = instrument(mode, [point(at, table=Table.INPUT) for at in (INPUTS - 1, INPUTS)], timeout_s=2)

    with line_to(line, device) as bus:
        scan = bus.visit("m1")
        told = bus.refused()

    assert (scan.values, scan.flags) == ((9, None), "ND")
    assert [(lost.point, lost.code) for lost in told] == [(f"input{INPUTS}", 2)]
    assert device.tally.exceptions[2] >= 1


def test_a_unit_that_is_not_there_costs_the_others_nothing(peer: tuple[str, Line]) -> None:
    """The one is not answered for, the other reads on, before and after."""
    mode, line = peer
    alive, dead = instrument(mode, [point(0)], timeout_s=2), instrument(mode, [point(0)], unit=9, name="m9")

    with line_to(line, alive, dead) as bus:
        before = bus.visit("m1")
        with pytest.raises(NoAnswer, match=r"no answer from unit 9 within 0\.2 s"):
            bus.visit("m9")
        after = bus.visit("m1")

    assert before.values == after.values == (258,)
    assert (dead.tally.timeouts, alive.tally.timeouts, alive.tally.strays) == (1, 0, 0)


def test_nothing_but_reads_is_on_the_line(peer: tuple[str, Line]) -> None:
    """All that the box has sent to the unit so far, taken apart by hand: functions 1 to 4 and nothing else."""
    mode, line = peer
    with line_to(line, instrument(mode, [point(0), point(3, table=Table.COIL)], timeout_s=2)) as bus:
        bus.visit("m1")

    sent = bytes(line.sent)
    frames = sent.splitlines(keepends=True) if mode == "ascii" else [sent[at : at + 8] for at in range(0, len(sent), 8)]

    assert len(frames) >= 2
    assert {body_of(mode, frame)[1] for frame in frames} <= {1, 2, 3, 4}
