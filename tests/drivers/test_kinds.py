"""Which bus, stream and instrument a spec gets."""

from __future__ import annotations

import pytest

from drivers.ascii.instruments import AsciiAsked, AsciiSender
from drivers.dlt645.meter import Meter
from drivers.hj212.sender import Hj212Sender
from drivers.kinds import open_bus
from drivers.library import find
from drivers.line_kinds import instrument_of, sender_of, stream_of
from drivers.modbus_serial import AsciiInstrument, RtuInstrument
from drivers.modbus_tcp import ModbusTcpBus
from drivers.serial_line import SerialLine
from drivers.serial_port import SerialPort
from drivers.spec import BusSpec, DeviceSpec, SerialBusSpec, TcpBusSpec
from drivers.tcp_ear import TcpEar
from drivers.tcp_link import TcpLink
from tests.peers.clock import HostClock

CLOCK = HostClock()
PORT = SerialBusSpec(name="line", port="/dev/nothing")
HOST = TcpBusSpec(name="line", host="127.0.0.1", port=1, framing="tcp")
SERVER = TcpBusSpec(name="line", host="127.0.0.1", port=1, framing="rtu")
EAR = TcpBusSpec(name="line", host="127.0.0.1", port=1, framing="rtu", listen=True)


def device(model: str, protocol: str = "") -> DeviceSpec:
    """Return a device of the library."""
    known = find(model)
    protocol = protocol or known.protocols[0]
    address = {"dlt645-2007": "202600000417", "hj212": "010000A8900016F000169DC0"}.get(protocol, 1)
    points = tuple(one.spec for one in known.points)
    return DeviceSpec(
        name="one", bus="line", protocol=protocol, address=address, timeout_s=1, points=points, ascii=known.ascii
    )


RTU, METER, CEMS, DUST, GAS = (
    device("eastron-sdm630"),
    device("dlt645-three-phase"),
    device("hj212-cems"),
    device("generic-ascii-dust"),
    device("generic-ascii-gas"),
)


@pytest.mark.parametrize(
    ("bus", "devices", "kind", "listens"),
    [
        (HOST, [RTU], ModbusTcpBus, False),
        (SERVER, [RTU], ModbusTcpBus, False),
        (SERVER, [RTU, METER], SerialLine, False),
        (PORT, [RTU, METER, GAS], SerialLine, False),
        (PORT, [CEMS], SerialLine, True),
        (SERVER, [DUST], SerialLine, True),
        (EAR, [CEMS], SerialLine, True),
    ],
    ids=[
        "Modbus TCP",
        "RTU over TCP",
        "mixed over TCP",
        "mixed line",
        "HJ 212",
        "text over TCP",
        "instrument connects",
    ],
)
def test_a_bus_fits_who_is_on_it(bus: BusSpec, devices: list[DeviceSpec], kind: type, *, listens: bool) -> None:
    """Nothing is opened: neither port nor host exists."""
    opened = open_bus(bus, devices, CLOCK)

    assert type(opened) is kind
    assert opened.listens is listens


def test_devices_of_another_bus_are_not_on_it() -> None:
    """A site's devices are handed over as they are."""
    assert open_bus(TcpBusSpec(name="other", host="x", port=1, framing="tcp"), [METER], CLOCK).counters().devices == {}


@pytest.mark.parametrize(("spec", "kind"), [(PORT, SerialPort), (HOST, TcpLink), (SERVER, TcpLink), (EAR, TcpEar)])
def test_a_stream_fits_its_bus(spec: BusSpec, kind: type) -> None:
    """A port of this box, a connection to a host, or one from the instrument."""
    assert type(stream_of(spec, CLOCK)) is kind


@pytest.mark.parametrize(
    ("spec", "kind"),
    [
        (RTU, RtuInstrument),
        (device("eastron-sdm630", "modbus-ascii"), AsciiInstrument),
        (METER, Meter),
        (GAS, AsciiAsked),
    ],
)
def test_an_instrument_fits_its_protocol(spec: DeviceSpec, kind: type) -> None:
    """Those that are asked."""
    assert type(instrument_of(spec, CLOCK)) is kind


@pytest.mark.parametrize(("spec", "kind"), [(CEMS, Hj212Sender), (DUST, AsciiSender)])
def test_a_sender_fits_its_protocol(spec: DeviceSpec, kind: type) -> None:
    """Those that send by themselves."""
    assert type(sender_of(spec, CLOCK)) is kind
