"""A line with whatever is on it: the stream it lies behind, and the instrument each protocol needs.

A new protocol is one more line here.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from drivers.ascii.instruments import AsciiAsked, AsciiSender
from drivers.cost import line_cost
from drivers.dlt645.meter import Meter
from drivers.hj212.sender import Hj212Sender
from drivers.modbus_serial import AsciiInstrument, RtuInstrument
from drivers.serial_line import SerialLine
from drivers.serial_port import SerialPort
from drivers.spec import LineSettings, SerialBusSpec
from drivers.tcp_ear import TcpEar
from drivers.tcp_link import TcpLink

if TYPE_CHECKING:
    from collections.abc import Sequence

    from drivers.reading import Clock
    from drivers.spec import BusSpec, DeviceSpec
    from drivers.stream import Stream
    from drivers.wire import Instrument, Sender


def open_line(spec: BusSpec, devices: Sequence[DeviceSpec], clock: Clock) -> SerialLine:
    """Return the line with its `devices`. Nothing is opened before the first visit."""
    instruments = [instrument_of(device, clock) for device in devices if not device.sends]
    senders = [sender_of(device, clock) for device in devices if device.sends]
    meet = partial(instrument_of, clock=clock)
    return SerialLine(spec, stream_of(spec, clock), instruments, senders, clock, meet=meet)


def stream_of(spec: BusSpec, clock: Clock) -> Stream:
    """Return the way to a line: a port of this box, a connection to a serial server, or one from the instrument."""
    if isinstance(spec, SerialBusSpec):
        return SerialPort(spec.port, clock, spec.direction)
    return TcpEar(spec.host, spec.port, clock) if spec.listen else TcpLink(spec.host, spec.port, clock)


def instrument_of(spec: DeviceSpec, clock: Clock) -> Instrument:
    """Return a device on a line that is asked. Raises ValueError for what cannot be read; `config` finds it before."""
    if spec.protocol.startswith("dlt645"):
        return Meter(spec, clock)
    if spec.protocol == "ascii":
        return AsciiAsked(spec, clock)
    cost = line_cost(spec.settings or LineSettings(), spec.protocol, spec.turnaround_s)
    return (AsciiInstrument if spec.protocol == "modbus-ascii" else RtuInstrument)(spec, cost, clock)


def sender_of(spec: DeviceSpec, clock: Clock) -> Sender:
    """Return a device on a line that sends by itself. Raises OSError, ValueError for a key `config` found good."""
    if spec.protocol != "hj212":
        return AsciiSender(spec, clock)
    if spec.sm4_key_file is None:
        return Hj212Sender(spec, clock)
    return Hj212Sender(spec, clock, bytes.fromhex(Path(spec.sm4_key_file).read_text(encoding="ascii")))
